"""What is measured: every built function with its events, the tutorial function, and two that do nothing.

A subject's first call goes to a demo of its own (`python -m local`) through a cassette; everything after that
is answered by the cassette. So an operation that can be done only once can be measured a thousand times.
"""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.session
import jwt
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm

from benchmarks.cassette import Cassette, Trust, cassette, make_trust
from benchmarks.deployed import UNREACHED
from local import sam, template
from tests.engine import running_engine
from tools import built, events
from tools.run_built import running_demo
from tools.runtime_api import BuiltFunction, FunctionExitError, running_function

SIGNET, TUTORIAL, REFERENCE = "signet", "tutorial", "reference"
TUTORIAL_BUILD = built.ROOT / ".tools" / "bench"
REFERENCES = built.ROOT / "benchmarks" / "references"

CLIENT_VARIABLE, CLIENTS = "AWS_CLIENT", ("boto3", "lean")
"""What the template's parameter `AwsClient` sets, and its values, the default first."""

LEFT_OUT = ("rotate_keys",)
"""What it does depends on the time, so that an answer from before is none; and nobody waits for it."""

_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_DEFAULT_REGION": sam.REGION,
    "AWS_REGION": sam.REGION,
}
_TUTORIAL_TABLE = "tutorial-users"
_ADDRESS, _PASSWORD = "ann@example.com", "correct horse battery staple"


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One function with one event.

    Attributes:
        name: `issue_identity_token.http`, `tutorial.verify` …
        operation: The operation's name, for those of Signet.
        kind: `signet`, `tutorial` or `reference`.
        function: The build.
        variables: The function's environment.
        event: What it is called with.
        cassette: What answers it in AWS's place.
        memory: The function's memory on Lambda, in MB.
    """

    name: str
    operation: str
    kind: str
    function: BuiltFunction
    variables: Mapping[str, str]
    event: Any
    cassette: Cassette
    memory: int = 512

    @property
    def clients(self) -> tuple[str, ...]:
        """The clients of AWS that it can have."""
        if self.kind != SIGNET:
            return ("",)
        return CLIENTS if CLIENT_VARIABLE in self.variables else CLIENTS[1:]

    def environment(self, client: str, bundle: Path | None = None) -> dict[str, str]:
        """Its variables, with this client, over TLS if there is a bundle of authorities."""
        aws = {"AWS_ENDPOINT_URL": self.cassette.tls_url if bundle else self.cassette.url}
        chosen = {CLIENT_VARIABLE: client} if client else {}
        return {**self.variables, **aws, **chosen, **({"AWS_CA_BUNDLE": str(bundle)} if bundle else {})}

    @property
    def is_http(self) -> bool:
        """Whether API Gateway would charge for the call: an authorizer is not called by a client."""
        return (
            isinstance(self.event, dict) and "routeKey" in self.event and "identitySource" not in self.event
        )


@dataclass(slots=True)
class Subjects:
    """All that can be measured, and what cannot, with the reason."""

    trust: Trust
    all: list[Subject] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@contextmanager
def prepared(work: Path, only: str = "") -> Iterator[Subjects]:
    """Every subject whose name contains `only`, recorded; `work` is a folder for copies of the builds."""
    (bundle,) = built.RUNTIME_PYTHON.parents[1].glob("lib/python*/site-packages/botocore/cacert.pem")
    found = Subjects(make_trust(work, bundle))
    copy = work / "build"
    # A copy, without code that was compiled in passing: on Lambda a function's folder cannot be written.
    shutil.copytree(built.BUILD, copy)
    for folder in copy.glob("*Function/**/__pycache__"):
        shutil.rmtree(folder)
    with ExitStack() as stack:
        demo = stack.enter_context(_demo())
        subjects = [*_references(demo), *_tutorial(demo, work)]
        for one in subjects:
            _record(stack, found, one)
        for operation in built.read_operations(copy):
            for path in _events(operation.name):
                # An event before it may have used up what this one needs.
                if only in path.stem and not _record(
                    stack, found, _signet(operation, path, demo), retry=True
                ):
                    _record(stack, found, _signet(operation, path, stack.enter_context(_demo())))
            if not any(_files(operation.name)):
                found.faults.append(f"{operation.name}: events/ has nothing for it")
        yield found
    found.faults += [
        f"{one.name}: asked what was never answered: {sorted(set(one.cassette.misses))}"
        for one in found.all
        if one.cassette.misses
    ]


@contextmanager
def _demo() -> Iterator[dict[str, str]]:
    """A demo whose table counts the units that are consumed."""
    with (
        running_engine("dynoxide") as dynamodb,
        mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb}),
        running_demo() as demo,
    ):
        limit = dict(zip(("atOnce", "perMinute"), UNREACHED, strict=True))
        limits = {"account": limit, "source": limit, "knownSource": limit}
        _patch(f"{demo['url']}/applications/{demo['applicationId']}", {"guessing": limits})
        yield demo


def _patch(url: str, body: object) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own gateway's
        url, json.dumps(body).encode(), {"content-type": "application/json"}, method="PATCH"
    )
    with urllib.request.urlopen(request):  # noqa: S310
        pass


def _files(operation: str) -> Iterator[Path]:
    return (built.ROOT / "events").glob(f"{operation}.*.json")


def _events(operation: str) -> list[Path]:
    """Those that a gateway or a trigger sends; the direct ones where there is no other way.

    Nobody waits for an event in a queue or of a bus, and a custom resource's is answered to an address on the
    internet, so they are left out.
    """
    ways = {path: path.name.split(".")[1] for path in sorted(_files(operation))}
    others = ("custom_resource", "direct", "eventbridge", "ses", "sqs", "stream")
    usual = [path for path, way in ways.items() if not way.startswith(others)]
    usual = usual or [path for path, way in ways.items() if way == "direct"]
    return [] if operation in LEFT_OUT else usual


type Unrecorded = tuple[dict[str, Any], Mapping[str, str]]
"""A subject's fields, and the demo that it is recorded with."""


def _record(stack: ExitStack, found: Subjects, unrecorded: Unrecorded, *, retry: bool = False) -> bool:
    fields, demo = unrecorded
    upstreams = {"dynamodb": demo["awsEndpointUrl"], "others": demo["lambdaEndpointUrl"]}
    subject = Subject(cassette=stack.enter_context(cassette(upstreams, found.trust.server)), **fields)
    fault = None
    for client in subject.clients[:1]:
        try:
            with running_function(
                built.RUNTIME_PYTHON, subject.function, subject.environment(client), log=subprocess.DEVNULL
            ) as function:
                answer = function.invoke(subject.event)
            fault = str(answer.payload) if answer.is_error or is_refusal(answer.payload) else None
        except FunctionExitError as error:
            fault = str(error)
    if fault is None:
        subject.cassette.freeze()
        found.all.append(subject)
    elif not retry:
        found.faults.append(f"{subject.name}: {fault}")
    return fault is None


def is_refusal(answer: Any) -> bool:
    """Whether an answer says no, with a status or without: a refusal is less work than what is measured."""
    if not isinstance(answer, dict):
        return False
    if answer.get("statusCode", 200) >= 400 or answer.get("isAuthorized") is False:
        return True
    try:
        body = json.loads(answer.get("body") or "{}")
    except ValueError:
        return False
    return isinstance(body, dict) and (body.get("active") is False or body.get("authenticated") is False)


def _signet(operation: built.Operation, path: Path, demo: dict[str, str]) -> Unrecorded:
    loaded = template.load(built.ROOT / "template.yaml")
    physical = sam.physical_values(loaded, demo["url"], demo["tableName"], demo["kmsKeyId"])
    declared = sam.read_functions(template.Resolver(loaded, physical, sam.PARAMETERS))[
        operation.function.name
    ]
    variables = built.environment(operation, demo)
    variables.pop("AWS_ENDPOINT_URL_DYNAMODB", None)
    return {
        "name": path.stem,
        "operation": operation.name,
        "kind": SIGNET,
        "function": operation.function,
        "variables": variables,
        "event": events.load_event(path, events.demo_for(operation.name, demo)),
        "memory": declared.memory,
    }, demo


def _references(demo: Mapping[str, str]) -> Iterator[Unrecorded]:
    for name in ("reference.empty", "reference.client"):
        function = BuiltFunction(name, REFERENCES / name.partition(".")[2])
        yield (
            {
                "name": name,
                "operation": name,
                "kind": REFERENCE,
                "function": function,
                "variables": _CREDENTIALS,
                "event": {},
            },
            demo,
        )


def _tutorial(demo: Mapping[str, str], work: Path) -> Iterator[Unrecorded]:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    client = botocore.session.get_session().create_client(
        "dynamodb",
        sam.REGION,
        endpoint_url=demo["awsEndpointUrl"],
        aws_access_key_id=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    table = {
        "TableName": _TUTORIAL_TABLE,
        "KeySchema": [{"AttributeName": "email", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "email", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    client.create_table(**table)
    user = {"email": _ADDRESS, "name": "Ann", "password_hash": PasswordHasher().hash(_PASSWORD)}
    item = {name: {"S": value} for name, value in user.items()}
    client.put_item(TableName=_TUTORIAL_TABLE, Item=item)
    now = int(time.time())
    claims = {"iss": "https://tutorial.example", "sub": _ADDRESS, "iat": now, "exp": now + 86_400}
    token = jwt.encode(claims, pem, algorithm="ES256")
    build = shutil.copytree(TUTORIAL_BUILD / "function", work / "tutorial")
    function = BuiltFunction("tutorial", build, (TUTORIAL_BUILD / "layer",))
    variables = {
        **_CREDENTIALS,
        "POWERTOOLS_SERVICE_NAME": "tutorial",
        "PRIVATE_KEY": pem,
        "PUBLIC_KEY": ECAlgorithm.to_jwk(key.public_key()),
        "TABLE_NAME": _TUTORIAL_TABLE,
    }
    requests = {
        "verify": _http("GET", "/verify", {"authorization": f"Bearer {token}"}),
        "mint": _http("POST", "/mint", {}, f'{{"email": "{_ADDRESS}"}}'),
        "sign_in": _http("POST", "/sign-in", {}, f'{{"email": "{_ADDRESS}", "password": "{_PASSWORD}"}}'),
    }
    for name, event in requests.items():
        yield (
            {
                "name": f"tutorial.{name}",
                "operation": f"tutorial.{name}",
                "kind": TUTORIAL,
                "function": function,
                "variables": variables,
                "event": event,
            },
            demo,
        )


def _http(method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> dict[str, Any]:
    """An event of the same form as those of `events/`."""
    event = events.load_event(built.ROOT / "events" / "issue_identity_token.http.json", _NOBODY)
    http = event["requestContext"]["http"] | {"method": method, "path": path}
    event["requestContext"] |= {"http": http, "routeKey": f"{method} {path}"}
    event |= {"routeKey": f"{method} {path}", "rawPath": path}
    event["headers"] = {k: v for k, v in event["headers"].items() if k != "authorization"} | dict(headers)
    del event["body"]
    return event if body is None else event | {"body": body}


_NOBODY = {"applicationId": "0" * 24, "apiToken": ""}

"""What is measured: every built function with its events, the tutorial function, and two that do nothing.

A subject's first call goes to a demo of its own (`python -m local`) through a cassette; everything after that
is answered by the cassette. So an operation that can be done only once can be measured a thousand times.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
import jwt
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm

from benchmarks.replay import Cassette, cassette
from local import sam, template
from tools import built, events
from tools.run_built import running_demo
from tools.runtime_api import BuiltFunction, FunctionExitError, running_function

SIGNET, TUTORIAL, REFERENCE = "signet", "tutorial", "reference"
TUTORIAL_BUILD = built.ROOT / ".tools" / "bench"
REFERENCES = built.ROOT / "benchmarks" / "references"

_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_DEFAULT_REGION": sam.REGION,
    "AWS_REGION": sam.REGION,
}
_TUTORIAL_TABLE = "tutorial-users"
_ADDRESS, _PASSWORD = "ann@example.com", "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Subject:
    """One function with one event.

    Attributes:
        name: `issue_identity_token.http`, `tutorial.verify` …
        operation: The operation's name, for those of Signet.
        kind: `signet`, `tutorial` or `reference`.
        function: The build.
        variables: The function's environment.
        event: What it is called with.
        memory: The function's memory on Lambda, in MB.
        table: CreateTable's arguments.
        items: The table's items before the first call, as DynamoDB has them.
    """

    name: str
    operation: str
    kind: str
    function: BuiltFunction
    variables: Mapping[str, str]
    event: Any
    cassette: Cassette
    memory: int = 512
    table: Mapping[str, Any] = field(default_factory=dict)
    items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_http(self) -> bool:
        """Whether API Gateway would charge for the call: an authorizer is not called by a client."""
        return (
            isinstance(self.event, dict) and "routeKey" in self.event and "identitySource" not in self.event
        )


@dataclass(slots=True)
class Subjects:
    """All that can be measured, and what cannot, with the reason."""

    all: list[Subject] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def first_of_each_function(self) -> list[Subject]:
        """One subject for each function and each of the tutorial's routes."""
        firsts: dict[str, Subject] = {}
        for subject in self.all:
            firsts.setdefault(subject.operation, subject)
        return list(firsts.values())


@contextmanager
def prepared(work: Path, only: str = "") -> Iterator[Subjects]:
    """Every subject whose name contains `only`, recorded; `work` is a folder for copies of the builds."""
    found = Subjects()
    copy = work / "build"
    # A copy, without code that was compiled in passing: on Lambda a function's folder cannot be written.
    shutil.copytree(built.BUILD, copy)
    for folder in copy.glob("*Function/**/__pycache__"):
        shutil.rmtree(folder)
    with ExitStack() as stack:
        demo = stack.enter_context(running_demo())
        for subject in _references(stack, demo):
            found.all.append(subject)
        for subject in _tutorial(stack, demo, work):
            _record(subject, found)
        for operation in built.read_operations(copy):
            for path in _events(operation.name):
                if only in path.stem:
                    subject = _signet(stack, operation, path, demo)
                    if not _record(subject, found, retry=True):
                        # An event before it may have used up what this one needs.
                        fresh = stack.enter_context(running_demo())
                        _record(_signet(stack, operation, path, fresh), found)
            if not _events(operation.name):
                found.faults.append(f"{operation.name}: events/ has nothing for it")
        yield found


def _events(operation: str) -> list[Path]:
    """Those that a gateway or a trigger sends; the direct ones where there is no other way.

    A custom resource's is answered to an address on the internet, so it is left out.
    """
    ways = {
        path: path.name.split(".")[1] for path in sorted((built.ROOT / "events").glob(f"{operation}.*.json"))
    }
    usual = [path for path, way in ways.items() if not way.startswith(("custom_resource", "direct"))]
    return usual or [path for path, way in ways.items() if way == "direct"]


def _record(subject: Subject, found: Subjects, *, retry: bool = False) -> bool:
    try:
        with running_function(
            built.RUNTIME_PYTHON, subject.function, subject.variables, log=subprocess.DEVNULL
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


def _signet(stack: ExitStack, operation: built.Operation, path: Path, demo: dict[str, str]) -> Subject:
    recorder = stack.enter_context(cassette(demo["awsEndpointUrl"]))
    own = built.environment(operation, demo)
    loaded = template.load(built.ROOT / "template.yaml")
    physical = sam.physical_values(loaded, demo["url"], demo["tableName"], demo["kmsKeyId"])
    resolver = template.Resolver(loaded, physical)
    declared = sam.read_functions(resolver)[operation.function.name]
    client = _client("dynamodb", demo["awsEndpointUrl"])
    return Subject(
        name=path.stem,
        operation=operation.name,
        kind=SIGNET,
        function=operation.function,
        variables={**own, "AWS_ENDPOINT_URL": recorder.url},
        event=events.load_event(path, demo),
        cassette=recorder,
        memory=declared.memory,
        table=sam.read_table(resolver, demo["tableName"]).create,
        items=client.get_paginator("scan").paginate(TableName=demo["tableName"]).build_full_result()["Items"],
    )


def _references(stack: ExitStack, demo: Mapping[str, str]) -> Iterator[Subject]:
    for name in ("empty", "client"):
        recorder = stack.enter_context(cassette(demo["awsEndpointUrl"]))
        function = BuiltFunction(name, REFERENCES / name)
        variables = {**_CREDENTIALS, "AWS_ENDPOINT_URL": recorder.url}
        yield Subject(f"reference.{name}", f"reference.{name}", REFERENCE, function, variables, {}, recorder)


def _tutorial(stack: ExitStack, demo: Mapping[str, str], work: Path) -> Iterator[Subject]:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    client = _client("dynamodb", demo["awsEndpointUrl"])
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
        recorder = stack.enter_context(cassette(demo["awsEndpointUrl"]))
        own = {**variables, "AWS_ENDPOINT_URL": recorder.url}
        yield Subject(
            f"tutorial.{name}",
            f"tutorial.{name}",
            TUTORIAL,
            function,
            own,
            event,
            recorder,
            table=table,
            items=[item],
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


def _client(service: str, url: str) -> Any:
    session = botocore.session.get_session()
    return session.create_client(
        service,
        sam.REGION,
        endpoint_url=url,
        aws_access_key_id=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )

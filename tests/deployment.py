"""A deployment of the bundle for tests: the template's own table, keys, routes and functions.

Requests go through the local gateway's router and event builder into the real handlers, so a test
sees what a client of API Gateway would see, without a socket between.
"""

import base64
import contextvars
import functools
import itertools
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.session
from moto.core.model_instances import reset_model_data

from local import answers, events, guard, sam, template
from local import demo as local_demo
from local import mails as local_mails
from local.invoke import LambdaContext
from local.messages import Request
from local.routing import Router
from signet import deadline, wiring
from signet.aws import client as aws
from signet.settings import aws_client
from signet.store.applications import find_application
from signet.store.attributes import from_attributes
from signet.store.table import INDEX
from signet.store.tenant import Tenant
from signet.usecases.applications import register
from tests import iam, moto_aws, writes
from tests.moto_aws import PATIENCE, make_client
from tools.audit_table import find_lost_ends

ROOT = Path(__file__).parents[1]
URL = "https://signet.example"
CHEAP_HASHES = {"ARGON2_MEMORY_KIB": "64", "ARGON2_PASSES": "1"}
"""Most tests are not about how long a password takes to guess."""

PASSWORD = "correct horse battery staple"
_numbers = itertools.count()
MAX_BATCH = 25
"""How many items BatchWriteItem takes."""
_acting: contextvars.ContextVar[sam.Function | None] = contextvars.ContextVar("acting", default=None)
"""The function that runs, in whose name AWS is called; None while a test acts by itself."""


def _as_the_test[**Given, Result](act: Callable[Given, Result]) -> Callable[Given, Result]:
    """Do something with no function's permissions, also where it is done in the midst of an invocation."""

    @functools.wraps(act)
    def do(*given: Given.args, **named: Given.kwargs) -> Result:
        token = _acting.set(None)
        try:
            return act(*given, **named)
        finally:
            _acting.reset(token)

    return do


START_MS = 1_800_000_000_123
"""When every test begins: a fixed time, and not a whole second."""


@dataclass
class Clock:
    """A clock that moves only when it is told to."""

    milliseconds: int = START_MS

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.milliseconds += int(seconds * 1000)

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return self.milliseconds

    def monotonic(self) -> float:
        """Seconds."""
        return self.milliseconds / 1000

    @property
    def now(self) -> int:
        """Unix seconds."""
        return self.milliseconds // 1000


@dataclass(frozen=True)
class Response:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@functools.cache
def load_template() -> dict[str, Any]:
    """The template, parsed once."""
    return template.load(ROOT / "template.yaml")


@functools.cache
def documented(route_key: str) -> frozenset[int]:
    """The statuses with which a route answers, by openapi.yaml."""
    method, path = route_key.split()
    return frozenset(map(int, load_description()["paths"][path][method.lower()]["responses"]))


@functools.cache
def load_description() -> dict[str, Any]:
    """openapi.yaml, parsed once."""
    described: dict[str, Any] = template.parse((ROOT / "openapi.yaml").read_text())
    return described


class Index:
    """The table's index on a real engine, which lags the table by moments, as DynamoDB's does.

    So that no test has to think of it, every Query of the index waits until it says what the table says.
    """

    def __init__(self, table_name: str) -> None:
        # A client of its own, which no fault that a test lets happen touches.
        self._scan = botocore.session.get_session().create_client("dynamodb").get_paginator("scan").paginate
        self._table_name = table_name

    def wait(self) -> None:
        """Wait until the index has caught up.

        Raises:
            TimeoutError: it has not for `PATIENCE` seconds.
        """
        end = time.monotonic() + PATIENCE
        while self._entries(ConsistentRead=True) != self._entries(IndexName=INDEX):
            if time.monotonic() > end:
                raise TimeoutError("the index does not catch up with the table")
            threading.Event().wait(0.002)  # Some tests let `time.sleep` move their clock.

    def _entries(self, **of: Any) -> set[tuple[str, ...]]:
        """Which items have which place in the index, by the table or by the index."""
        names = ("pk", "sk", "list_pk", "list_sk")
        pages = self._scan(TableName=self._table_name, ProjectionExpression=", ".join(names), **of)
        items = [item for page in pages for item in page["Items"] if "list_pk" in item]
        return {tuple(item[name]["S"] for name in names) for item in items}


@dataclass(frozen=True)
class Furnished:
    """A deployment whose demo has what events are filled with, and its words."""

    demo: dict[str, str]
    items: list[dict[str, Any]]
    files: dict[str, bytes]


@dataclass
class Deployment:
    """Everything that a deployment has."""

    clock: Clock
    table_name: str
    functions: dict[str, sam.Function]
    api: sam.Api
    policies: iam.Policies
    index: "Index | None" = None
    round_trips: list[str] = field(default_factory=list)
    faulty_writes: list[str] = field(default_factory=list)
    used: dict[str, set[iam.Grant]] = field(default_factory=lambda: defaultdict(set))
    denied: list[str] = field(default_factory=list)
    waiting: list[tuple[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)
    application_id: str = ""
    api_token: str = ""
    furnished: "Furnished | None" = None

    def __post_init__(self) -> None:
        self._router = Router(self.api.routes)
        self._operations = {function.module.split(".")[-2]: function for function in self.functions.values()}

    def function(self, operation: str) -> sam.Function:
        """The function of an operation."""
        return self._operations[operation]

    def context(self, operation: str) -> LambdaContext:
        """A fresh context of the operation's function."""
        return LambdaContext(self.function(operation))

    def route(self, method: str, path: str) -> tuple[sam.Route, dict[str, str]]:
        """The route that a request takes, and its path parameters."""
        match = self._router.match(method, path)
        if match is None:
            raise LookupError(f"The template has no route {method} {path}.")
        return match

    def handler(self, operation: str) -> Callable[[Any, Any], Any]:
        """The handler of an operation."""
        return functools.partial(self._run, self.function(operation))

    def _run(self, function: sam.Function, event: Any, context: LambdaContext) -> Any:
        """Run a function for itself, also where another invocation is under way in this thread."""

        def act() -> Any:
            _acting.set(function)
            return import_module(function.module).lambda_handler(event, context)

        return contextvars.Context().run(act)

    def invoke(self, operation: str, event: object) -> Any:
        """Invoke a function directly, as Step Functions or the AWS CLI would."""
        function = self.function(operation)
        # Through JSON, as an event comes: nothing that JSON cannot say may reach a handler.
        answer = self._run(function, json.loads(json.dumps(event)), LambdaContext(function))
        return json.loads(json.dumps(answer))

    def http(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = False,
    ) -> Response:
        """Send a request, and have it answered by its function.

        Args:
            method: The HTTP method.
            path: The path, with a query string if there is one.
            body: To be sent as JSON.
            raw: The body's bytes, instead.
            headers: Further headers.
            signed: Whether the request carries the operator's IAM signature.
        """
        route, _ = self.route(method, path.partition("?")[0])
        if route.iam and not signed:
            return Response(403, {}, b'{"message":"Forbidden"}')
        event = self.event(method, path, body, raw=raw, headers=headers, signed=signed)
        if route.authorizer is not None:
            asked = self.authorizer_event(method, path, body, raw=raw, headers=headers)
            decision = self._run(route.authorizer.function, asked, LambdaContext(route.authorizer.function))
            if not decision["isAuthorized"]:
                return Response(403, {}, b'{"message":"Forbidden"}')
            event["requestContext"]["authorizer"] = {"lambda": decision["context"]}
        answer = answers.interpret(self._run(route.function, event, LambdaContext(route.function)))
        assert answer.status in documented(route.key), (
            f"openapi.yaml does not know that {route.key} answers {answer.status}: name the refusal in the"
            " operation's `refuses`, and run `make openapi`"
        )
        return Response(answer.status, dict(answer.headers), answer.body)

    def event(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = False,
    ) -> dict[str, Any]:
        """The event that API Gateway would make of a request; the arguments are those of `http`."""
        request = self._request(method, path, body, raw=raw, headers=headers)
        route, parameters = self.route(method, request.path)
        return events.build(request, route, parameters, {"iam": guard.IAM_CALLER} if signed else None)

    def authorizer_event(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """What API Gateway asks the route's authorizer about a request; there is no identity source."""
        request = self._request(method, path, body, raw=raw, headers=headers)
        route, parameters = self.route(method, request.path)
        return events.build_authorizer(request, route, parameters, None)

    def _request(
        self, method: str, path: str, body: object, *, raw: bytes | None, headers: Mapping[str, str] | None
    ) -> Request:
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        target, _, query = path.partition("?")
        return Request(
            method=method,
            path=target,
            query=query,
            headers=tuple(
                (name.lower(), value)
                for name, value in {
                    "host": "signet.example",
                    "content-type": "application/json",
                    **(headers or {}),
                }.items()
            ),
            source_ip="203.0.113.7",
            protocol="HTTP/1.1",
            body=content,
        )

    def basic(self, user_name: str = "you@example.com", password: str | None = None) -> dict[str, str]:
        """The header of HTTP Basic, with the API token unless another password is given."""
        pair = f"{user_name}:{self.api_token if password is None else password}"
        return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def bearer(self, token: str | None = None) -> dict[str, str]:
        """The header of a bearer token, the API token unless another is given."""
        return {"authorization": f"Bearer {token or self.api_token}"}

    def demo(self) -> dict[str, str]:
        """What events are filled with: a fresh user and group, and a session token of that user."""
        if self.round_trips or self.clock.milliseconds != START_MS:
            return self._furnish()
        if self.furnished is None:
            self.furnished = Furnished(self._furnish(), self.items(), self.files())
        else:
            # It takes eight functions to make it.
            self.restore(self.furnished.items)
            for name, content in self.furnished.files.items():
                self.put_file(name, content)
        return dict(self.furnished.demo)

    def _furnish(self) -> dict[str, str]:
        here = {"applicationId": self.application_id}
        number = next(_numbers)
        fields = {"email": f"user{number}@example.com", "password": PASSWORD}
        user = self.invoke("create_user", here | fields)
        group = self.invoke("create_group", here | {"name": f"Group {number}"})
        session = self.invoke("issue_session_token", here | {"experienceUserId": user["id"]})
        local_demo.change(self.application_id, local_demo.LASTING_SESSIONS)
        wiring.applications().forget(self.application_id)
        code = self.invoke("create_code", here | {"experienceUserId": user["id"], "purpose": "resetPassword"})
        local_demo.make_import(self.application_id)
        keys = self.invoke("rotate_keys", {})["keys"]
        return {
            "announcedKid": next(key["kid"] for key in keys if key["state"] == "announced"),
            "tableName": self.table_name,
            **here,
            "apiToken": self.api_token,
            "userId": user["id"],
            "userEmail": fields["email"],
            "groupId": group["id"],
            "sessionToken": session["token"],
            "loginToken": self.invoke("log_in", here | fields)["token"],
            "code": code["code"],
            "userToken": self.invoke("issue_user_token", here | {"userId": "u1"})["token"],
        }

    @property
    def tenant(self) -> Tenant:
        """The application as a call has it that comes now."""
        return self.tenant_of(self.application_id)

    def tenant_of(self, application_id: str) -> Tenant:
        """Another one, likewise."""
        application = find_application(wiring.table(), application_id)
        if application is None:
            raise LookupError(f"There is no application {application_id}.")
        return wiring.tenant(application, self.clock.milliseconds)

    def new_application(self, name: str = "Other") -> tuple[str, str]:
        """Register a further application: its id and its API token."""
        application, token = register(wiring.table(), name, self.clock.milliseconds)
        return application.id, token.secret

    @_as_the_test
    def items(self) -> list[dict[str, Any]]:
        """Every item of the table, as DynamoDB has it, in a fixed order."""
        if table := moto_aws.find_table(self.table_name):
            return moto_aws.read_items(table)
        items: list[dict[str, Any]] = []
        client = wiring.table().client
        start: dict[str, Any] = {}
        while True:
            page = client.call("Scan", {"TableName": self.table_name, "ConsistentRead": True, **start})
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def limit(self, **limits: tuple[int, int]) -> None:
        """Set the application's limits of guessing (`account`, `source`, `knownSource`)."""
        guessing = {name: {"atOnce": held, "perMinute": rate} for name, (held, rate) in limits.items()}
        self.invoke("update_application", {"applicationId": self.application_id, "guessing": guessing})
        self.restart()

    def let_guess(self) -> None:
        """Take all limits off, for a test that tries many passwords."""
        self.limit(account=(0, 1), source=(0, 1), knownSource=(0, 1))

    def kept(self) -> list[dict[str, Any]]:
        """Every item but those in which guesses are counted, which a refusal may write."""
        return [item for item in self.items() if item["sk"] != {"S": "ATTEMPT"}]

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The round trips to AWS that are made meanwhile, as `dynamodb:GetItem`."""
        before = len(self.round_trips)
        trips: list[str] = []
        yield trips
        trips += self.round_trips[before:]

    def let_ttl_strike(self) -> None:
        """Remove what has expired, as DynamoDB does at some time after its time."""
        for item in self.items():
            if "expires_at" in item and int(item["expires_at"]["N"]) <= self.clock.now:
                self.delete_item(item)

    @_as_the_test
    def put_file(self, key: str, content: bytes, bucket: str | None = None) -> None:
        """Put a file into a bucket, the transfer bucket unless another is named."""
        named = bucket or wiring.transfer_bucket().name
        wiring.make_client("s3").call("PutObject", {"Bucket": named, "Key": key, "Body": content})

    @_as_the_test
    def files(self) -> dict[str, bytes]:
        """Every file of the transfer bucket."""
        client, name = wiring.make_client("s3"), wiring.transfer_bucket().name
        listed = client.call("ListObjectsV2", {"Bucket": name}).get("Contents", [])
        return {one["Key"]: wiring.transfer_bucket().read(one["Key"]) for one in listed}

    def take(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Take an asynchronous invocation in Lambda's place, to be run by `go_on`."""
        assert (operation, request["InvocationType"]) == ("Invoke", "Event")
        self.waiting.append((request["FunctionName"], json.loads(request["Payload"])))
        return {"StatusCode": 202}

    def go_on(self) -> Any:
        """Run the invocation that waits longest, and give its answer."""
        name, event = self.waiting.pop(0)
        operations = {function.physical_name: operation for operation, function in self._operations.items()}
        return self.invoke(operations[name], event)

    def send_mails(self) -> list[dict[str, Any]]:
        """Let the function work through the queue of mails, and give the requests that SES got of it."""
        before = len(self.mails)
        records = [local_mails.as_record(body) for body in self.asked]
        self.asked.clear()
        if records:
            answer = self.invoke("send_mail", {"Records": records})
            assert answer == {"batchItemFailures": []}, answer
        return self.mails[before:]

    def restart(self) -> None:
        """Forget what the container knows, as a new one would."""
        wiring.reset()

    @_as_the_test
    def put_item(self, item: Mapping[str, Any]) -> None:
        """Write an item as DynamoDB has it, past everything that Signet would check."""
        wiring.table().client.call("PutItem", {"TableName": self.table_name, "Item": item})

    @_as_the_test
    def delete_item(self, item: Mapping[str, Any]) -> None:
        """Remove an item."""
        key = {name: item[name] for name in ("pk", "sk")}
        wiring.table().client.call("DeleteItem", {"TableName": self.table_name, "Key": key})

    def note(self, service: str, operation: str, parameters: Mapping[str, Any]) -> None:
        """Note a call to AWS, and what IAM would say to it."""
        self.round_trips.append(f"{service}:{operation}")
        if operation == "PutEvents":
            self.sent += parameters["Entries"]
        elif operation == "SendEmail":
            self.mails.append(dict(parameters))
        elif operation == "SendMessage" and parameters["QueueUrl"].endswith(f"-{local_mails.QUEUE}"):
            self.asked.append(parameters["MessageBody"])
        if self.index is not None and "IndexName" in parameters:
            self.index.wait()
        function = _acting.get()
        if function is None:
            return
        for request in iam.requests(service, operation, parameters):
            used = iam.used(self.policies[function.name], request)
            self.used[function.name] |= used
            if not used:
                self.denied.append(f"{function.name} may not: {request}")

    def restore(self, items: list[dict[str, Any]]) -> None:
        """Put the table back to what it held, and forget what has been remembered of it since."""
        put_back(self, items)
        self.restart()
        self.waiting.clear()

    @contextmanager
    def observed(self, name: str, client: aws.Client) -> Iterator[None]:
        """Note the calls of a client."""
        real = client.call

        def call(operation: str, request: Mapping[str, object]) -> Any:
            self.faulty_writes += writes.find_faults(operation, request)
            self.note(name, operation, request)
            return real(operation, request)

        with mock.patch.object(client, "call", call):
            yield


def put_back(deployment: Deployment, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let the table hold these items and no other; gives what it held."""
    found = deployment.items()
    left = {(item["pk"]["S"], item["sk"]["S"]): item for item in found}
    requests = list[dict[str, Any]]()
    for item in items:
        if left.pop((item["pk"]["S"], item["sk"]["S"]), None) != item:
            requests.append({"PutRequest": {"Item": item}})
    requests += [
        {"DeleteRequest": {"Key": {name: item[name] for name in ("pk", "sk")}}} for item in left.values()
    ]
    client, table_name = wiring.table().client, deployment.table_name
    while requests:
        batch, requests = requests[:MAX_BATCH], requests[MAX_BATCH:]
        answer = client.call("BatchWriteItem", {"RequestItems": {table_name: batch}})
        requests += answer["UnprocessedItems"].get(table_name, [])
    return found


class Cloud:
    """An AWS with the template's table, KMS key, key ring and demo application, where tests deploy in turn.

    Making all of it anew for each test would take half a second each; putting the table back as it was
    takes milliseconds.
    """

    def __init__(self, table_name: str, variables: Mapping[str, str], *, index_lags: bool = False) -> None:
        self._table_name = table_name
        with mock.patch.dict(os.environ, variables), ExitStack() as stack:
            wiring.reset()
            self._clients = {name: make_client(name) for name in ("events", "s3", "sesv2", "sqs", "lambda")}
            # Not before: how long those wait, by which they know whether there is time, is as on AWS.
            stack.enter_context(mock.patch.object(aws, "READ_TIMEOUT", PATIENCE))
            self._clients |= {name: make_client(name) for name in ("dynamodb", "kms")}
            self._dynamodb = self._clients["dynamodb"]
            key_id = self._clients["kms"].call("CreateKey", {})["KeyMetadata"]["KeyId"]
            loaded = load_template()
            resolver = template.Resolver(
                loaded, sam.physical_values(loaded, URL, table_name, key_id), sam.PARAMETERS
            )
            self._functions = sam.read_functions(resolver)
            self._api = sam.read_api(resolver, self._functions)
            self._policies = iam.read_policies(loaded["Resources"], resolver)
            self._variables = {
                **variables,
                **sam.shared_environment(self._functions),
                **CHEAP_HASHES,
                "AWS_CLIENT": aws_client(),  # The one that this run is about.
            }
            self._dynamodb.call("CreateTable", sam.read_table(resolver, table_name).create)
            described = {"TableName": table_name}
            while self._dynamodb.call("DescribeTable", described)["Table"]["TableStatus"] != "ACTIVE":
                time.sleep(0.02)
            self._index = Index(table_name) if index_lags else None
            self._founded: list[dict[str, Any]] = []
            self._application = ("", "")
            self._furnished: Furnished | None = None
            self._is_clean = True
            self._bucket = self._variables["TRANSFER_BUCKET"]
            self._mail_bucket = self._variables["MAIL_BUCKET"]
            for bucket in (self._bucket, self._mail_bucket):
                self._clients["s3"].call("CreateBucket", {"Bucket": bucket})
            for url in ("UNSENT_QUEUE_URL", "MAIL_QUEUE_URL"):
                queue = {"QueueName": self._variables[url].rpartition("/")[2]}
                self._clients["sqs"].call("CreateQueue", queue)
            with suppress(aws.Refused):  # Likewise below.
                self._clients["sesv2"].call("CreateEmailIdentity", {"EmailIdentity": sam.MAIL_FROM})
            with suppress(aws.Refused):  # Another cloud has made it: it is the same moto's.
                self._clients["events"].call("CreateEventBus", {"Name": self._variables["EVENT_BUS_NAME"]})

    @contextmanager
    def deploy(self, *, key_ring: bool = True) -> Iterator[Deployment]:
        """A deployment with a demo application, or an empty table where there shall be no key ring."""
        clock = Clock()
        with (
            mock.patch.dict(os.environ, self._variables),
            mock.patch.object(wiring, "now_ms", clock.now_ms),
            mock.patch.object(wiring, "monotonic", clock.monotonic),
            mock.patch.object(deadline, "now", clock.monotonic),
            mock.patch.object(wiring, "make_client", self._clients.__getitem__),
            mock.patch.object(aws, "READ_TIMEOUT", PATIENCE),
            ExitStack() as stack,
        ):
            deployment = Deployment(
                clock, self._table_name, self._functions, self._api, self._policies, self._index
            )
            deployment.restart()
            if not (key_ring and self._is_clean):
                self._clear(deployment, self._founded if key_ring else [])
            self._is_clean = False
            if key_ring and not self._founded:
                deployment.invoke("rotate_keys", {"issuer": URL})
                self._application = deployment.new_application("Demo")
                local_demo.change(self._application[0], local_demo.self_service())
                self._founded = deployment.items()
                deployment.restart()
            if key_ring:
                deployment.application_id, deployment.api_token = self._application
                deployment.furnished = self._furnished
            for name, client in self._clients.items():
                stack.enter_context(deployment.observed(name, client))
            invocations = self._clients["lambda"].transport
            stack.enter_context(mock.patch.object(invocations, "send", deployment.take))
            try:
                yield deployment
            finally:
                self._furnished = deployment.furnished or self._furnished
                left = self._clear(deployment, self._founded)
                self._is_clean = True
                wiring.reset()
                # Moto remembers every object that it ever made: gigabytes over the whole suite.
                reset_model_data()
            # After every test, so that no write is left out.
            users = [item for item in left if item["sk"]["S"] == "USER"]
            lost = list(find_lost_ends(map(from_attributes, users)))
            assert not lost, lost
            assert not deployment.faulty_writes, deployment.faulty_writes
            assert not deployment.denied, "\n".join(deployment.denied)

    def close(self) -> None:
        """Close the connections, which a function keeps for as long as it lives."""
        for client in self._clients.values():
            client.transport.close()

    def _clear(self, deployment: Deployment, kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Let the table hold these items and no other, and the buckets nothing; gives what the table held."""
        found = put_back(deployment, kept)
        for bucket in (self._bucket, self._mail_bucket):
            moto_aws.remove_files(bucket)
        return found

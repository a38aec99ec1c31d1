"""The client of DynamoDB and KMS, against a server that does whatever a service or a network may do."""

import base64
import datetime
import itertools
import json
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.retries import standard
from botocore.session import get_session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from signet import deadline
from signet.aws import lean
from signet.errors import Unavailable
from signet.store.table import Insert, Key, PartsRefused, Table
from tests import engine
from tests.deployment import close_connections
from tests.effort import examples
from tests.http_server import SILENCE, Reply, Request, Server, refusal, reply, running_server

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "a-session-token",
}
REQUEST = {"TableName": "t", "Key": {"pk": {"S": "what was asked"}}}


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def environment(server: Server) -> dict[str, str]:
    return {**CREDENTIALS, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": server.url}


@pytest.fixture
def clients(environment: dict[str, str]) -> Iterator[dict[str, lean.Client]]:
    clients = {name: lean.Client(name, environment) for name in lean.SERVICES}
    yield clients
    for client in clients.values():
        close_connections(client)


@pytest.fixture
def client(clients: dict[str, lean.Client]) -> lean.Client:
    return clients["dynamodb"]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The bounds within which each pause was chosen; there is none."""
    pauses: list[Any] = []

    class Pause(float):
        bounds: tuple[float, float]

    def choose(low: float, high: float) -> float:
        pause = Pause()
        pause.bounds = low, high
        return pause

    monkeypatch.setattr("random.uniform", choose)
    monkeypatch.setattr("time.sleep", lambda pause: pauses.append(pause.bounds))
    return pauses


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs that a test can wait for."""
    monkeypatch.setattr(lean, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(lean, "READ_TIMEOUT", 0.5)


def wait_for_the_end(client: lean.Client) -> None:
    """Until the server has closed the idle connection, as far as it is not the client that did."""
    deadline = time.monotonic() + 20
    while client._idle and not lean._has_ended(client._idle[-1]):
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


# The request


@pytest.mark.parametrize(
    ("service", "target", "content_type"),
    [
        ("dynamodb", "DynamoDB_20120810.Do", "application/x-amz-json-1.0"),
        ("kms", "TrentService.Do", "application/x-amz-json-1.1"),
    ],
)
def test_a_request_is_as_the_protocol_has_it(
    server: Server, clients: dict[str, lean.Client], service: str, target: str, content_type: str
) -> None:
    """A POST of JSON to the root, with its target, signed as AWS's own SDK would sign it."""
    server.replies = [reply({"a": {"B": "AQI="}})]
    assert clients[service].call("Do", REQUEST) == {"a": {"B": "AQI="}}
    (request,) = server.requests
    assert (request.line, request.json) == ("POST / HTTP/1.1", REQUEST)
    assert request.headers["x-amz-target"] == target
    assert request.headers["content-type"] == content_type
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["accept-encoding"] == "identity"
    signed = ("content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target")
    assert f"SignedHeaders={';'.join(signed)}" in request.headers["authorization"]
    headers = {name: request.headers[name] for name in signed}
    expected = by_botocore(headers, request.body, "eu-west-1", service, CREDENTIALS)
    assert request.headers["authorization"] == expected


def by_botocore(
    headers: Mapping[str, str], body: bytes, region: str, service: str, credentials: Mapping[str, str]
) -> str:
    """The header `authorization` as botocore makes it at that time."""
    own = dict(headers)
    now = datetime.datetime.strptime(own.pop("x-amz-date"), "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    own.pop("x-amz-security-token", None)
    request = AWSRequest("POST", f"https://{own['host']}/", own, body)
    keys = (credentials[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    signer = SigV4Auth(BotocoreCredentials(*keys, credentials.get("AWS_SESSION_TOKEN")), service, region)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: now)
        signer.add_auth(request)
    return str(request.headers["Authorization"])


words = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789+/=-_", min_size=1, max_size=60)


@given(
    body=st.binary(max_size=300),
    at=st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1)),  # noqa: DTZ001
    region=st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[1-9]", fullmatch=True),
    service=st.sampled_from(sorted(lean.SERVICES)),
    host=st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,20}){0,3}(:[1-9][0-9]{1,4})?", fullmatch=True),
    keys=st.tuples(words, words, st.none() | words),
    target=words,
)
def test_a_signature_is_the_one_that_botocore_makes(
    body: bytes,
    at: datetime.datetime,
    region: str,
    service: str,
    host: str,
    keys: tuple[str, str, str | None],
    target: str,
) -> None:
    """Whatever is signed, at whatever time, by whoever: the same Signature Version 4."""
    date = f"{at.year:04}{at:%m%dT%H%M%SZ}"
    headers = {"x-amz-target": target, "host": host, "x-amz-date": date, "content-type": "x/y"}
    named = dict(zip(CREDENTIALS, keys, strict=True))
    if keys[2] is not None:
        headers["x-amz-security-token"] = keys[2]
    ours = lean.authorization(headers, body, region, service, lean.Credentials(*keys))
    assert ours == by_botocore(headers, body, region, service, {k: v for k, v in named.items() if v})


@pytest.mark.engine
@pytest.mark.engine_only("moto checks no signature")
def test_an_engine_that_checks_signatures_takes_ours_and_no_other() -> None:
    """ExtendDB computes the signature itself."""
    with engine.running_engine("extenddb") as url:
        right = {
            "AWS_ACCESS_KEY_ID": engine.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": engine.SECRET_ACCESS_KEY,
            "AWS_REGION": engine.REGION,
            "AWS_ENDPOINT_URL_DYNAMODB": url,
        }
        client = lean.Client("dynamodb", right)
        assert client.call("ListTables", {}) == {"TableNames": []}
        wrong = lean.Client("dynamodb", right | {"AWS_SECRET_ACCESS_KEY": "x" * 40})
        with pytest.raises(lean.Refused, match="Signature"):
            wrong.call("ListTables", {})
        close_connections(client)
        close_connections(wrong)


# Endpoints


def test_endpoints_are_those_of_botocore() -> None:
    """In every region of every partition that it knows."""
    session = get_session()
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    for partition in session.get_available_partitions():
        for service in lean.SERVICES:
            # One a partition: making a client takes long, and the regions differ in their names alone.
            regions = session.get_available_regions(service, partition)
            for region in regions[:1]:
                client = session.create_client(service, region, **keys)
                assert lean.find_endpoint(service, region, {}) == client.meta.endpoint_url
            for region in regions[1:]:
                expected = client.meta.endpoint_url.replace(regions[0], region)
                assert lean.find_endpoint(service, region, {}) == expected


def test_the_environment_names_region_and_endpoint() -> None:
    """The one of the service before the one of all; none of them where they are to be ignored."""
    own, all_, off = "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
    assert lean.find_endpoint("kms", "r-1", {own: "http://a", all_: "http://b"}) == "http://a"
    assert lean.find_endpoint("dynamodb", "r-1", {own: "http://a", all_: "http://b"}) == "http://b"
    assert lean.find_endpoint("kms", "r-1", {own: "", off: "false"}) == "https://kms.r-1.amazonaws.com"
    ignored = lean.find_endpoint("kms", "r-1", {own: "http://a", all_: "http://b", off: "TRUE"})
    assert ignored == "https://kms.r-1.amazonaws.com"
    assert lean.find_region({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}) == "a"
    assert lean.find_region({"AWS_REGION": "", "AWS_DEFAULT_REGION": "b"}) == "b"
    with pytest.raises(RuntimeError, match="AWS_REGION"):
        lean.Client("kms", {})


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "localhost", "ftp://a", "http://", "http://a/path"])
def test_an_endpoint_that_leads_elsewhere_is_refused(environment: dict[str, str], url: str) -> None:
    """Nothing is sent to where nobody meant it to go; a slash at the end means nothing."""
    lean.Client("dynamodb", environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:8000/"})
    with pytest.raises(RuntimeError, match="dynamodb"):
        lean.Client("dynamodb", environment | {"AWS_ENDPOINT_URL": url})


# What is tried again

HTML = b"<html>what was answered</html>"
FAILURES: dict[str, tuple[Reply, bool]] = {
    "500": (refusal("InternalServerError", 500), False),
    "502 in HTML": (reply(HTML, 502), False),
    "503 without a body": (reply(b"", 503), False),
    "504 in a list": (reply(["what was answered"], 504), False),
    "503 throttled": (refusal("ThrottlingException", 503), True),
    "429": (reply(HTML, 429), True),
    **{code: (refusal(code), True) for code in sorted(lean.THROTTLED)},
    **{code: (refusal(code), False) for code in sorted(lean.TRANSIENT)},
    "closed": (SILENCE, False),
    "closed amid the head": (Reply(b"HTTP/1.1 200 OK\r\nContent-Le", closes=True), False),
    "closed amid the body": (Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", closes=True), False),
    "closed amid a chunk": (
        Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", closes=True),
        False,
    ),
    "no HTTP": (Reply(b"what was answered\r\n\r\n", closes=True), False),
    "wrong checksum": (reply(headers={"x-amz-crc32": "1"}), False),
    "wrong checksum of an error": (
        reply({"__type": "ValidationException"}, 400, {"x-amz-crc32": "x"}),
        False,
    ),
    "nothing": (reply(b""), False),
    "no JSON": (reply(b'{"what was answered":'), False),
    "no object": (reply(["what was answered"]), False),
    "no UTF-8": (reply(b'{"a": "\xff"}'), False),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_for_a_moment_is_tried_twice_more(
    server: Server, client: lean.Client, pauses: list[Any], failure: str
) -> None:
    """The third attempt's answer is the call's; the pauses grow, and are longer for a throttled one."""
    given, is_throttled = FAILURES[failure]
    server.replies = [given, given, reply({"done": True})]
    assert client.call("GetItem", REQUEST) == {"done": True}
    assert [request.json for request in server.requests] == [REQUEST] * 3
    first = 1.0 if is_throttled else 0.025
    assert pauses == [(0, first), (0, 2 * first)]


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_three_times_has_failed(
    server: Server, client: lean.Client, pauses: list[Any], failure: str
) -> None:
    """There is no fourth attempt; the failure says that another time may be better."""
    given, is_throttled = FAILURES[failure]
    server.replies = [given] * 3
    with pytest.raises(lean.AwsError) as raised:
        client.call("GetItem", REQUEST)
    assert (len(server.requests), len(pauses)) == (3, 2)
    assert raised.value.is_transient
    assert raised.value.is_throttled == is_throttled
    server.replies = [given] * 3
    with pytest.raises(Unavailable):
        Table(client, "t").find(Key("a", "b"))


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_is_late_is_none(server: Server, client: lean.Client, pauses: list[Any]) -> None:
    """After the time-out the request is sent again, three times in all."""
    server.replies = [reply(after=60)] * 3
    with pytest.raises(lean.NoAnswer, match="dynamodb GetItem: TimeoutError"):
        client.call("GetItem", REQUEST)
    assert (len(server.requests), pauses) == (3, [(0, 0.025), (0, 0.05)])


def test_kms_is_asked_again_a_little_later(
    server: Server, clients: dict[str, lean.Client], pauses: list[Any]
) -> None:
    """DynamoDB's guidance is a shorter pause than everybody else's."""
    server.replies = [SILENCE]
    clients["kms"].call("Decrypt", {})
    assert pauses == [(0, 0.05)]


REFUSALS = {
    "ValidationException": refusal("ValidationException"),
    "ConditionalCheckFailedException": refusal("ConditionalCheckFailedException"),
    "AccessDeniedException": refusal("AccessDeniedException"),
    "ExpiredTokenException": refusal("ExpiredTokenException"),
    "DisabledException": reply({"__type": "DisabledException"}, 400),
    "413": reply(HTML, 413),
    "403": reply(b"", 403),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_what_is_refused_is_refused(
    server: Server, client: lean.Client, pauses: list[Any], code: str
) -> None:
    """It would be again."""
    server.replies = [REFUSALS[code]]
    with pytest.raises(lean.Refused) as raised:
        client.call("GetItem", REQUEST)
    assert (raised.value.code, raised.value.is_transient) == (code, False)
    assert (len(server.requests), pauses) == (1, [])


def test_the_codes_are_those_of_botocore_s_standard_mode() -> None:
    """All that it takes for throttled or transient, what DynamoDB's model marks so, and one of ours."""
    throttled = set(standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    assert throttled == lean.THROTTLED
    transient = set(standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES)
    model = get_session().get_service_model("dynamodb")
    modelled = {shape.name for shape in model.error_shapes if shape.metadata.get("retryable")}
    assert transient | modelled | {"TransactionConflictException"} == lean.TRANSIENT | (transient & throttled)


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (400, {"__type": "com.amazonaws.dynamodb.v20120810#A", "message": "m"}, "A", "m"),
        (400, {"__type": "com.amazon.coral.service#A", "Message": "m"}, "A", "m"),
        (400, {"__type": "A"}, "A", ""),
        (400, {"__type": "A:http://internal.amazon.com/coral/", "message": None}, "A", ""),
        (400, {"message": "m"}, "400", "m"),
        (400, b"{", "400", ""),
        (404, b"", "404", ""),
    ],
)
def test_an_error_is_read_in_every_form(
    server: Server, client: lean.Client, status: int, body: object, code: str, message: str
) -> None:
    """With a prefix, without, with a message in either spelling, and where there is nothing to read."""
    server.replies = [reply(body, status)]
    with pytest.raises(lean.Refused) as raised:
        client.call("GetItem", REQUEST)
    assert (raised.value.status, raised.value.code) == (status, code)
    assert str(raised.value) == f"{code}: {message}"
    assert raised.value.details == (body if isinstance(body, dict) else {})


def test_where_all_fails_nothing_is_tried_again_any_more(
    server: Server, client: lean.Client, pauses: list[Any]
) -> None:
    """What a success earns is one further attempt at most."""
    server.replies = [refusal("InternalServerError", 500)] * 200
    for _ in range(50):
        with pytest.raises(lean.Refused):
            client.call("GetItem", REQUEST)
    assert len(pauses) == lean.QUOTA // lean.RETRY_COST
    assert len(server.requests) == 50 + len(pauses)
    server.replies = []
    pauses.clear()
    for _ in range(14):
        client.call("GetItem", REQUEST)
    server.replies = [refusal("InternalServerError", 500)] * 2
    with pytest.raises(lean.Refused):
        client.call("GetItem", REQUEST)
    assert len(pauses) == 1
    for _ in range(14):
        client.call("GetItem", REQUEST)
    for _ in range(10):  # An attempt that succeeds gives back what it took.
        server.replies = [refusal("InternalServerError", 500)]
        client.call("GetItem", REQUEST)
    assert len(pauses) == 11


# Time


@dataclass
class Weather:
    """A network that takes as long as it is told, by a clock of its own; nothing is sent.

    Attributes:
        slow: How many seconds each attempt takes in turn, and whether it is done then.
        began: How much was left of the invocation when each attempt began.
    """

    slow: list[tuple[float, bool]]
    began: list[float] = field(default_factory=list)
    time: float = 0.0

    def now(self) -> float:
        """Seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds

    def exchange(self, _message: bytes) -> tuple[int, None, bytes]:
        """What `Client._exchange` does."""
        self.began.append(deadline.left())
        takes, is_done = self.slow.pop(0)
        timer = lean._Timer(lean.CONNECT_TIMEOUT + lean.READ_TIMEOUT)
        with socket.socket() as connection:
            timer.set(connection)
            limit = connection.gettimeout()
        assert limit is not None
        self.time += min(takes, limit)
        if takes > limit:
            raise TimeoutError
        return (200 if is_done else 500), None, b"{}"


@settings(max_examples=examples(300))
@given(
    operation=st.sampled_from(["GetItem", "Query", "BatchGetItem", "Decrypt", *sorted(lean.WRITES)]),
    seconds=st.floats(-1, 12),
    slow=st.lists(st.tuples(st.floats(0, 4), st.booleans()), min_size=3, max_size=3),
    pauses=st.lists(st.floats(0, 1), min_size=2, max_size=2),
)
def test_no_call_outlives_its_invocation(
    operation: str, seconds: float, slow: list[tuple[float, bool]], pauses: list[float]
) -> None:
    """However slow the network is; and no write begins that has not the time to be answered."""
    weather = Weather(slow)
    client = lean.Client("dynamodb", {**CREDENTIALS, "AWS_REGION": "eu-west-1"})
    with (
        mock.patch.object(deadline, "now", weather.now),
        mock.patch("time.sleep", weather.sleep),
        mock.patch("random.uniform", lambda low, high: low + (high - low) * pauses.pop()),
        mock.patch.object(client, "_exchange", weather.exchange),
        deadline.within(seconds * 1000, reserve=0),
    ):
        try:
            client.call(operation, REQUEST)
        except lean.OutOfTime:
            assert weather.began == []
            assert seconds <= (lean.WRITE_SECONDS if operation in lean.WRITES else 0)
        except lean.AwsError:
            assert weather.began
        assert weather.time <= max(seconds, 0) + 1e-6
        assert all(left > 0 for left in weather.began)
        if operation in lean.WRITES:
            assert all(left >= lean.WRITE_SECONDS - 1e-6 for left in weather.began)


def test_without_the_time_for_it_nothing_is_sent(server: Server, client: lean.Client) -> None:
    """A read needs some, a write enough to be answered; what is not begun says so."""
    table = Table(client, "t")
    with deadline.within(0, reserve=0), pytest.raises(Unavailable, match="too slow to begin"):
        table.find(Key("a", "b"))
    with deadline.within(lean.WRITE_SECONDS * 1000 - 1, reserve=0):
        assert table.find(Key("a", "b")) is None
        with pytest.raises(Unavailable, match="too slow to begin"):
            table.write(Insert(Key("a", "b"), {}))
        with pytest.raises(Unavailable, match="too slow to begin"):
            table.update(Key("a", "b"), "SET a = :a", {":a": 1})
    assert len(server.requests) == 1


@pytest.mark.usefixtures("server")
def test_an_attempt_waits_no_longer_than_the_invocation_has(
    client: lean.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sockets' time-out is what is left."""
    monkeypatch.setattr(deadline, "now", lambda: 0.0)
    with deadline.within(300, reserve=0):
        client.call("GetItem", REQUEST)
        assert client._idle[-1].gettimeout() == pytest.approx(0.3)
    client.call("GetItem", REQUEST)
    assert client._idle[-1].gettimeout() == lean.READ_TIMEOUT


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("given", [reply(), refusal("InternalServerError", 500)])
def test_an_answer_that_drips_is_none(
    server: Server, client: lean.Client, pauses: list[Any], given: Reply
) -> None:
    """The time-out is the whole answer's, not each byte's."""
    server.replies = [replace(given, drips=0.02)] * 3
    with pytest.raises(lean.NoAnswer, match="dynamodb GetItem: TimeoutError"):
        client.call("GetItem", REQUEST)
    assert (len(server.requests), pauses) == (3, [(0, 0.025), (0, 0.05)])


def test_keys_that_stay_unread_are_asked_for_so_often(
    server: Server, client: lean.Client, pauses: list[Any]
) -> None:
    """A table that is throttled is not asked without end; the pauses grow."""
    server.answer = lambda request: reply({"Responses": {}, "UnprocessedKeys": request.json["RequestItems"]})
    with pytest.raises(Unavailable):
        Table(client, "t").find_all([Key("a", "b"), Key("a", "c")])
    assert len(server.requests) == deadline.ATTEMPTS
    assert pauses == [(0, deadline.PAUSE * 2**number) for number in range(1, deadline.ATTEMPTS)]


@pytest.mark.usefixtures("pauses")
def test_as_long_as_keys_are_read_the_others_are_asked_for(server: Server, client: lean.Client) -> None:
    """Each stretch without progress is bounded by itself."""
    keys = [Key("a", str(number)) for number in range(150)]
    calls = itertools.count(1)

    def answer(request: Request) -> Reply:
        asked = request.json["RequestItems"]["t"]["Keys"]
        read = 10 if next(calls) % (deadline.ATTEMPTS - 1) == 0 else 0
        unread = {"UnprocessedKeys": {"t": {"Keys": asked[read:]}}} if asked[read:] else {}
        return reply({"Responses": {"t": asked[:read]}} | unread)

    server.answer = answer
    assert Table(client, "t").find_all(keys).keys() == set(keys)
    assert len(server.requests) == 15 * (deadline.ATTEMPTS - 1)


# Transactions


@pytest.mark.usefixtures("pauses")
def test_a_transaction_has_the_same_token_in_every_attempt(server: Server, client: lean.Client) -> None:
    """DynamoDB knows the repetition by it; a transaction that met another one is a new one."""
    conflict: Any = {"CancellationReasons": [{"Code": "TransactionConflict"}]}
    server.replies = [
        SILENCE,
        refusal("TransactionInProgressException"),
        refusal("TransactionCanceledException", **conflict),
        SILENCE,
    ]
    table = Table(client, "t")
    table.write(Insert(Key("a", "b"), {"n": 1}))
    tokens = [request.json["ClientRequestToken"] for request in server.requests]
    assert [len(list(same)) for _, same in itertools.groupby(tokens)] == [3, 2]
    assert all(1 <= len(token) <= 36 for token in tokens)
    assert len({request.body for request in server.requests}) == 2
    table.write(Insert(Key("a", "b"), {"n": 1}))
    assert server.requests[-1].json["ClientRequestToken"] not in tokens
    server.replies = [
        refusal(
            "TransactionCanceledException",
            CancellationReasons=[{"Code": "None"}, {"Code": "ConditionalCheckFailed"}],
        )
    ]
    with pytest.raises(PartsRefused) as refused:
        table.write(Insert(Key("a", "b"), {}), Insert(Key("a", "c"), {}))
    assert refused.value.places == {1}


# Connections


def test_a_connection_is_used_again(server: Server, client: lean.Client) -> None:
    """Also after a refusal, whose answer is complete."""
    server.replies = [reply(), refusal("ValidationException"), reply()]
    client.call("GetItem", REQUEST)
    with pytest.raises(lean.Refused):
        client.call("GetItem", REQUEST)
    client.call("GetItem", REQUEST)
    assert server.connections == 1


@pytest.mark.parametrize("size", [0, 1, 200_000])
def test_an_answer_may_come_in_chunks(server: Server, client: lean.Client, size: int) -> None:
    """Each of them of any size; the connection stays."""
    body = json.dumps({"a": "x" * size}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:2], body[2:]))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.replies = [Reply(head + chunks + b"0\r\n\r\n")]
    assert client.call("GetItem", REQUEST) == {"a": "x" * size}
    client.call("GetItem", REQUEST)
    assert server.connections == 1


def test_an_answer_may_end_with_the_connection(server: Server, client: lean.Client) -> None:
    """Without a length it does."""
    server.replies = [Reply(b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}', closes=True)]
    assert client.call("GetItem", REQUEST) == {"a": 1}
    assert client.call("GetItem", REQUEST) == {}
    assert server.connections == 2


@pytest.mark.parametrize(
    "ending",
    [reply(closes=True), reply(headers={"Connection": "close"}), reply(headers={"Connection": "Close"})],
)
def test_a_connection_that_was_closed_meanwhile_costs_no_attempt(
    server: Server, client: lean.Client, pauses: list[Any], ending: Reply
) -> None:
    """A function that slept finds its connections closed; its next call does not go into the void."""
    server.replies = [ending]
    client.call("GetItem", REQUEST)
    wait_for_the_end(client)
    client.call("GetItem", REQUEST)
    assert (len(server.requests), server.connections, pauses) == (2, 2, [])


def test_what_comes_unasked_is_no_answer(server: Server, client: lean.Client) -> None:
    """More than was asked for is not taken for the answer to the next request."""
    twice = reply({"a": 1}).content * 2
    server.replies = [Reply(twice), reply({"b": 2})]
    assert client.call("GetItem", REQUEST) == {"a": 1}
    assert client.call("GetItem", REQUEST) == {"b": 2}


@pytest.mark.usefixtures("impatient", "pauses")
def test_a_late_answer_is_not_the_next_one_s(server: Server, client: lean.Client) -> None:
    """The connection on which nobody waits any more is given up."""
    server.replies = [reply({"late": True}, after=1.0)]
    server.answer = lambda request: reply(request.json)
    assert client.call("GetItem", {"number": 1}) == {"number": 1}
    threading.Event().wait(1.0)
    assert client.call("GetItem", {"number": 2}) == {"number": 2}
    assert 1 not in [request.connection for request in server.requests[1:]]


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_not_there(environment: dict[str, str], pauses: list[Any]) -> None:
    """Refused or never taken: a connection that does not come about is tried again."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = lean.Client("dynamodb", environment)
        with pytest.raises(lean.NoAnswer, match="dynamodb GetItem: ConnectionRefusedError"):
            client.call("GetItem", REQUEST)
        listener.listen(0)
        with (
            socket.create_connection(listener.getsockname()),
            pytest.raises(lean.NoAnswer, match="TimeoutError"),
        ):
            client.call("GetItem", REQUEST)
    assert len(pauses) == 4


@pytest.mark.usefixtures("pauses")
def test_an_address_that_takes_no_connection_is_passed_over(
    server: Server, client: lean.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the order in which the endpoint's name is resolved."""
    real = socket.getaddrinfo

    def resolve(*arguments: Any, **named: Any) -> list[Any]:
        (found,) = real(*arguments, **named)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            return [(*found[:4], unused.getsockname()), found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    client.call("GetItem", REQUEST)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("impatient", "pauses")
def test_a_handshake_that_does_not_come_about_is_given_up(environment: dict[str, str]) -> None:
    """The connection is there, and TLS is not spoken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        environment["AWS_ENDPOINT_URL"] = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(lean.NoAnswer, match="TimeoutError"):
            lean.Client("dynamodb", environment).call("GetItem", REQUEST)


def test_threads_share_a_client(server: Server, client: lean.Client) -> None:
    """Each gets the answer to its own request, over no more connections than there are threads."""
    server.answer = lambda request: reply(request.json)
    wrong: list[object] = []

    def run(thread: int) -> None:
        for number in range(100):
            request = {"thread": thread, "number": number, "size": "x" * (number * 97 % 5000)}
            if client.call("GetItem", request) != request:
                wrong.append(request)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(server.requests) == 800
    assert server.connections <= 8


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of localhost that nobody else has signed, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = tmp_path / "certificate.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path


@pytest.mark.usefixtures("pauses")
def test_over_tls_the_server_is_who_it_says(
    certificate: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate of no known authority is refused; those of AWS_CA_BUNDLE or SSL_CERT_FILE are known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with running_server(context) as server:
        environment["AWS_ENDPOINT_URL"] = server.url
        lean._tls.cache_clear()
        with pytest.raises(lean.NoAnswer, match="SSLCertVerificationError"):
            lean.Client("dynamodb", environment).call("GetItem", REQUEST)
        assert server.requests == []
        client = lean.Client("dynamodb", environment | {"AWS_CA_BUNDLE": str(certificate)})
        server.replies = [reply({"a": 1}), reply({"b": 2}, closes=True), reply({"c": 3})]
        assert client.call("GetItem", REQUEST) == {"a": 1}
        assert client.call("GetItem", REQUEST) == {"b": 2}
        wait_for_the_end(client)
        assert client.call("GetItem", REQUEST) == {"c": 3}
        assert [request.connection for request in server.requests] == [1, 1, 2]
        close_connections(client)
        environment["AWS_ENDPOINT_URL"] = server.url.replace("localhost", "127.0.0.1")
        elsewhere = lean.Client("dynamodb", environment | {"AWS_CA_BUNDLE": str(certificate)})
        with pytest.raises(lean.NoAnswer, match="SSLCertVerificationError"):
            elsewhere.call("GetItem", REQUEST)
        environment["AWS_ENDPOINT_URL"] = server.url
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        lean._tls.cache_clear()
        client = lean.Client("dynamodb", environment)
        assert client.call("GetItem", REQUEST) == {}
        close_connections(client)
    lean._tls.cache_clear()


# Credentials


def test_credentials_are_the_environment_s_at_each_call(
    server: Server, client: lean.Client, environment: dict[str, str]
) -> None:
    """Whoever changes them there is heard; without a session's token none is sent."""
    client.call("GetItem", REQUEST)
    environment["AWS_SESSION_TOKEN"] = "another"
    client.call("GetItem", REQUEST)
    del environment["AWS_SESSION_TOKEN"]
    environment["AWS_ACCESS_KEY_ID"] = "AKIDANOTHER"
    client.call("GetItem", REQUEST)
    tokens = [request.headers.get("x-amz-security-token") for request in server.requests]
    assert tokens == ["a-session-token", "another", None]
    assert "Credential=AKIDANOTHER/" in server.requests[2].headers["authorization"]
    assert "x-amz-security-token" not in server.requests[2].headers["authorization"]


def test_without_them_botocore_s_chain_is_asked_and_refreshes(
    server: Server, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under SnapStart they come from an endpoint of the container, and end; each call has good ones."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
        del environment[name]
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "for the endpoint")
    numbers = itertools.count(1)

    def answer(request: Request) -> Reply:
        if request.line.startswith("POST"):
            return reply()
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
        number = next(numbers)
        credentials = {"AccessKeyId": f"AKID{number}", "SecretAccessKey": "s", "Token": f"token {number}"}
        return reply({**credentials, "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})

    server.answer = answer
    client = lean.Client("dynamodb", environment)
    for _ in range(2):
        client.call("GetItem", REQUEST)
    close_connections(client)
    sent = [request.headers for request in server.requests if request.line.startswith("POST")]
    assert len({headers["x-amz-security-token"] for headers in sent}) == 2
    assert f"Credential=AKID{sent[1]['x-amz-security-token'][-1]}/" in sent[1]["authorization"]


@pytest.mark.parametrize("partial", [False, True])
def test_without_any_credentials_nothing_is_sent(
    server: Server,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    partial: bool,
) -> None:
    """Nobody signs, and the store is unavailable: nothing is tried again."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
        if not partial or name != "AWS_ACCESS_KEY_ID":
            del environment[name]
    if partial:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", environment["AWS_ACCESS_KEY_ID"])
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    client = lean.Client("dynamodb", environment)
    with pytest.raises(lean.NoCredentials):
        client.call("GetItem", REQUEST)
    with pytest.raises(Unavailable):
        Table(client, "t").find(Key("a", "b"))
    assert server.requests == []


# Secrets

MISMATCH = (
    "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String "
    "for this request should have been\n'POST\n/\n\nx-amz-security-token:a-session-token\n"
)


@pytest.mark.parametrize(
    "given",
    [
        *(given for given, _ in FAILURES.values()),
        *REFUSALS.values(),
        reply({"__type": "InvalidSignatureException", "message": MISMATCH}, 400),
        reply({"__type": "ConditionalCheckFailedException", "Item": {"a": {"S": "what was answered"}}}, 400),
    ],
)
@pytest.mark.usefixtures("pauses")
def test_no_failure_tells_a_secret(server: Server, client: lean.Client, given: Reply) -> None:
    """Neither its text nor its repr, nor what a log makes of it, holds credentials, a signature or a body."""
    server.replies = [given] * 3
    with pytest.raises(lean.AwsError) as raised:
        client.call("GetItem", REQUEST)
    shown = "".join(traceback.format_exception(raised.value)) + str(raised.value) + repr(raised.value)
    signature = server.requests[-1].headers["authorization"].rpartition("Signature=")[2]
    for secret in (*CREDENTIALS.values(), signature, "what was asked", "what was answered"):
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode() not in shown


def test_credentials_are_in_no_repr(client: lean.Client) -> None:
    """Nor the client, which has them at hand."""
    credentials = client._credentials()
    assert credentials.secret_access_key == CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    for secret in CREDENTIALS.values():
        assert secret not in repr(credentials) + repr(client)


@pytest.mark.parametrize(
    ("environment", "is_read"),
    [
        ({"AWS_LAMBDA_FUNCTION_NAME": "signet", "AWS_REGION": "eu-central-1"}, True),
        (
            {
                "AWS_LAMBDA_FUNCTION_NAME": "signet",
                "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
                "AWS_REGION": "eu-central-1",
            },
            False,
        ),
        ({"AWS_REGION": "eu-central-1"}, False),
        ({}, False),
        ({"AWS_LAMBDA_FUNCTION_NAME": "signet", "AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://h"}, False),
    ],
)
def test_lambda_s_init_phase_prepares_tls(environment: dict[str, str], is_read: bool) -> None:
    """The authorities are read before the first call: on Lambda, where TLS is spoken, into no snapshot."""
    lean._tls.cache_clear()
    lean.prepare(environment)
    assert bool(lean._tls.cache_info().currsize) is is_read
    lean._tls.cache_clear()

"""Both clients, against a server that does whatever a service or a network may do."""

import base64
import datetime
import itertools
import json
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signet import deadline
from signet.aws import boto, lean
from signet.aws import client as aws
from signet.aws.boto import SHORTEST_READ
from signet.errors import Unavailable
from signet.store.table import Insert, Key, PartsRefused, Table
from tests.effort import examples
from tests.http_server import (
    SILENCE,
    Reply,
    Request,
    Server,
    make_certificate,
    refusal,
    reply,
    running_server,
)
from tests.unit.aws.support import CREDENTIALS, FAILURES, REFUSALS, REQUEST

ITEM = {"Item": {"pk": {"S": "a"}, "n": {"N": "1"}}}

type MakeClient = Callable[[str], aws.Client]

# What is tried again


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_for_a_moment_is_tried_twice_more(
    server: Server, client: aws.Client, pauses: list[Any], failure: str
) -> None:
    """The third attempt's answer is the call's; the pauses grow, and are longer for a throttled one."""
    given, is_throttled = FAILURES[failure]
    server.replies = [given, given, reply(ITEM)]
    assert client.call("GetItem", REQUEST) == ITEM
    assert [request.json for request in server.requests] == [REQUEST] * 3
    first = 1.0 if is_throttled else 0.025
    assert pauses == [(0, first), (0, 2 * first)]


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_three_times_has_failed(
    server: Server, client: aws.Client, pauses: list[Any], failure: str
) -> None:
    """There is no fourth attempt; the failure says that another time may be better."""
    given, is_throttled = FAILURES[failure]
    server.replies = [given] * 3
    with pytest.raises(aws.AwsError) as raised:
        client.call("GetItem", REQUEST)
    assert (len(server.requests), len(pauses)) == (3, 2)
    assert raised.value.is_transient
    assert raised.value.is_throttled == is_throttled
    server.replies = [given] * 3
    with pytest.raises(Unavailable):
        Table(client, "t").find(Key("a", "b"))


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_is_late_is_none(server: Server, client: aws.Client, pauses: list[Any]) -> None:
    """After the time-out the request is sent again, three times in all."""
    server.replies = [reply(after=60)] * 3
    with pytest.raises(aws.NoAnswer, match=r"dynamodb GetItem: (Read)?Timeout"):
        client.call("GetItem", REQUEST)
    assert (len(server.requests), pauses) == (3, [(0, 0.025), (0, 0.05)])


def test_kms_is_asked_again_a_little_later(
    server: Server, make_client: MakeClient, pauses: list[Any], environment: dict[str, str]
) -> None:
    """DynamoDB's guidance is a shorter pause than everybody else's."""
    assert environment
    server.replies = [SILENCE]
    make_client("kms").call("Decrypt", {"CiphertextBlob": b"x"})
    assert pauses == [(0, 0.05)]


@pytest.mark.parametrize("code", REFUSALS)
def test_what_is_refused_is_refused(server: Server, client: aws.Client, pauses: list[Any], code: str) -> None:
    """It would be again."""
    server.replies = [REFUSALS[code]]
    with pytest.raises(aws.Refused) as raised:
        client.call("GetItem", REQUEST)
    assert (raised.value.code, raised.value.is_transient) == (code, False)
    assert (len(server.requests), pauses) == (1, [])


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (400, {"__type": "com.amazonaws.dynamodb.v20120810#A", "message": "m"}, "A", "m"),
        (400, {"__type": "com.amazon.coral.service#A", "Message": "m"}, "A", "m"),
        (400, {"__type": "A"}, "A", ""),
        (400, {"__type": "A:http://internal.amazon.com/coral/", "message": None}, "A", ""),
        (400, {"message": "m"}, "400", "m"),
        (400, {"__type": "A", "message": "m", "b": 1}, "A", "m"),
        (400, b"{", "400", ""),
        (404, b"", "404", ""),
    ],
)
def test_an_error_is_read_in_every_form(
    server: Server, client: aws.Client, status: int, body: object, code: str, message: str
) -> None:
    """With a prefix, without, with a message in either spelling, and where there is nothing to read."""
    server.replies = [reply(body, status)]
    with pytest.raises(aws.Refused) as raised:
        client.call("GetItem", REQUEST)
    assert (raised.value.status, raised.value.code) == (status, code)
    assert str(raised.value) == f"{code}: {message}"


def test_where_all_fails_nothing_is_tried_again_any_more(
    server: Server, client: aws.Client, pauses: list[Any]
) -> None:
    """What a success earns is one further attempt at most."""
    server.replies = [refusal("InternalServerError", 500)] * 200
    for _ in range(50):
        with pytest.raises(aws.Refused):
            client.call("GetItem", REQUEST)
    assert len(pauses) == aws.QUOTA // aws.RETRY_COST
    assert len(server.requests) == 50 + len(pauses)
    server.replies = []
    pauses.clear()
    for _ in range(14):
        client.call("GetItem", REQUEST)
    server.replies = [refusal("InternalServerError", 500)] * 2
    with pytest.raises(aws.Refused):
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
        least: What an attempt must have.
        began: How much was left of the invocation when each attempt began.
    """

    slow: list[tuple[float, bool]]
    least: float
    name: str = "dynamodb"
    began: list[float] = field(default_factory=list)
    time: float = 0.0

    def now(self) -> float:
        """Seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds

    def send(self, _operation: str, _request: Mapping[str, object]) -> dict[str, Any]:
        """What a transport does."""
        self.began.append(deadline.left())
        takes, is_done = self.slow.pop(0)
        limit = min(aws.CONNECT_TIMEOUT + aws.READ_TIMEOUT, deadline.left())
        self.time += min(takes, limit)
        if takes > limit:
            raise aws.NoAnswer
        if not is_done:
            raise aws.Refused(500, "InternalServerError")
        return {}

    def prepare(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


@settings(max_examples=examples(300))
@given(
    operation=st.sampled_from(["GetItem", "Query", "BatchGetItem", "Decrypt", *sorted(aws.WRITES)]),
    seconds=st.floats(-1, 12),
    slow=st.lists(st.tuples(st.floats(0, 4), st.booleans()), min_size=3, max_size=3),
    pauses=st.lists(st.floats(0, 1), min_size=2, max_size=2),
    least=st.sampled_from([0.0, aws.CONNECT_TIMEOUT + SHORTEST_READ, aws.CONNECT_TIMEOUT + 20.0]),
)
def test_no_call_outlives_its_invocation(
    operation: str, seconds: float, slow: list[tuple[float, bool]], pauses: list[float], least: float
) -> None:
    """However slow the network is; and nothing begins that has not the time to be answered."""
    weather = Weather(slow, least)
    client = aws.Client(weather)
    needed = max(least, aws.WRITE_SECONDS if operation in aws.WRITES else 0)
    with (
        mock.patch.object(deadline, "now", weather.now),
        mock.patch("time.sleep", weather.sleep),
        mock.patch("random.uniform", lambda low, high: low + (high - low) * pauses.pop()),
        deadline.within(seconds * 1000, reserve=0),
    ):
        try:
            client.call(operation, REQUEST)
        except aws.OutOfTime:
            assert weather.began == []
            assert seconds <= needed
        except aws.AwsError:
            assert weather.began
        assert weather.time <= max(seconds, 0) + 1e-6
        assert all(left > 0 for left in weather.began)
        assert all(left >= needed - 1e-6 for left in weather.began)


def test_without_the_time_for_it_nothing_is_sent(server: Server, client: aws.Client) -> None:
    """A read needs some, a write enough to be answered; what is not begun says so."""
    table = Table(client, "t")
    with deadline.within(0, reserve=0), pytest.raises(Unavailable, match="too slow to begin"):
        table.find(Key("a", "b"))
    with deadline.within(aws.WRITE_SECONDS * 1000 - 1, reserve=0):
        assert table.find(Key("a", "b")) is None
        with pytest.raises(Unavailable, match="too slow to begin"):
            table.write(Insert(Key("a", "b"), {}))
        with pytest.raises(Unavailable, match="too slow to begin"):
            table.update(Key("a", "b"), "SET a = :a", {":a": 1})
    assert len(server.requests) == 1


def test_keys_that_stay_unread_are_asked_for_so_often(
    server: Server, client: aws.Client, pauses: list[Any]
) -> None:
    """A table that is throttled is not asked without end; the pauses grow."""
    server.answer = lambda request: reply({"Responses": {}, "UnprocessedKeys": request.json["RequestItems"]})
    with pytest.raises(Unavailable):
        Table(client, "t").find_all([Key("a", "b"), Key("a", "c")])
    assert len(server.requests) == deadline.ATTEMPTS
    assert pauses == [(0, deadline.PAUSE * 2**number) for number in range(1, deadline.ATTEMPTS)]


@pytest.mark.usefixtures("pauses")
def test_as_long_as_keys_are_read_the_others_are_asked_for(server: Server, client: aws.Client) -> None:
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
def test_a_transaction_has_the_same_token_in_every_attempt(server: Server, client: aws.Client) -> None:
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


def test_a_connection_is_used_again(server: Server, client: aws.Client) -> None:
    """Also after a refusal, whose answer is complete."""
    server.replies = [reply(), refusal("ValidationException"), reply()]
    client.call("GetItem", REQUEST)
    with pytest.raises(aws.Refused):
        client.call("GetItem", REQUEST)
    client.call("GetItem", REQUEST)
    assert server.connections == 1


@pytest.mark.parametrize("size", [0, 1, 200_000])
def test_an_answer_may_come_in_chunks(server: Server, client: aws.Client, size: int) -> None:
    """Each of them of any size; the connection stays."""
    item = {"Item": {"a": {"S": "x" * size}}}
    body = json.dumps(item).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:2], body[2:]))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.replies = [Reply(head + chunks + b"0\r\n\r\n")]
    assert client.call("GetItem", REQUEST) == item
    client.call("GetItem", REQUEST)
    assert server.connections == 1


def test_an_answer_may_end_with_the_connection(server: Server, client: aws.Client) -> None:
    """Without a length it does."""
    server.replies = [Reply(b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(ITEM).encode(), closes=True)]
    assert client.call("GetItem", REQUEST) == ITEM
    assert client.call("GetItem", REQUEST) == {}
    assert server.connections == 2


@pytest.mark.usefixtures("impatient", "pauses")
def test_a_late_answer_is_not_the_next_one_s(server: Server, client: aws.Client) -> None:
    """The connection on which nobody waits any more is given up."""
    server.replies = [reply(ITEM, after=0.6)]
    server.answer = lambda request: reply({"Item": request.json["Key"]})
    assert client.call("GetItem", {"Key": {"n": {"N": "1"}}}) == {"Item": {"n": {"N": "1"}}}
    threading.Event().wait(0.6)
    assert client.call("GetItem", {"Key": {"n": {"N": "2"}}}) == {"Item": {"n": {"N": "2"}}}
    assert 1 not in [request.connection for request in server.requests[1:]]


@pytest.mark.usefixtures("impatient", "environment")
def test_a_server_that_is_not_there(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, pauses: list[Any]
) -> None:
    """Refused or never taken: a connection that does not come about is tried again."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        client = make_client("dynamodb")
        refused = r"dynamodb GetItem: (ConnectionRefused|EndpointConnection)Error"
        with pytest.raises(aws.NoAnswer, match=refused):
            client.call("GetItem", REQUEST)
        listener.listen(0)
        with (
            socket.create_connection(listener.getsockname()),
            pytest.raises(aws.NoAnswer, match="TimeoutError"),
        ):
            client.call("GetItem", REQUEST)
    assert len(pauses) == 4


@pytest.mark.usefixtures("pauses")
def test_an_address_that_takes_no_connection_is_passed_over(
    server: Server, client: aws.Client, monkeypatch: pytest.MonkeyPatch
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


@pytest.mark.usefixtures("impatient", "pauses", "environment")
def test_a_handshake_that_does_not_come_about_is_given_up(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is there, and TLS is not spoken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(aws.NoAnswer, match="TimeoutError"):
            make_client("dynamodb").call("GetItem", REQUEST)


def test_threads_share_a_client(server: Server, client: aws.Client) -> None:
    """Each gets the answer to its own request, over no more connections than there are threads."""
    server.answer = lambda request: reply({"Item": request.json["Key"]})
    wrong: list[object] = []

    def run(thread: int) -> None:
        for number in range(100):
            key = {"pk": {"S": f"{thread} {number}"}, "sk": {"S": "x" * (number * 97 % 5000)}}
            if client.call("GetItem", {"Key": key}) != {"Item": key}:
                wrong.append(key)

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
    return make_certificate(tmp_path)


@pytest.mark.usefixtures("pauses", "environment")
def test_over_tls_the_server_is_who_it_says(
    certificate: Path, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate of no known authority is refused, and one of another name; AWS_CA_BUNDLE names others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    lean._tls.cache_clear()
    with running_server(context) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        with pytest.raises(aws.NoAnswer, match="SSL"):
            make_client("dynamodb").call("GetItem", REQUEST)
        assert server.requests == []
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        client = make_client("dynamodb")
        server.replies = [reply(ITEM), reply({})]
        assert client.call("GetItem", REQUEST) == ITEM
        assert client.call("GetItem", REQUEST) == {}
        assert [request.connection for request in server.requests] == [1, 1]
        client.transport.close()
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url.replace("localhost", "127.0.0.1"))
        with pytest.raises(aws.NoAnswer, match="SSL"):
            make_client("dynamodb").call("GetItem", REQUEST)
    lean._tls.cache_clear()


@pytest.mark.usefixtures("pauses", "environment")
def test_an_authority_that_is_new_to_aws_is_taken_too(
    certificate: Path, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amazon's own are read first, as they are few; where they do not do, then all."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    lean._tls.cache_clear()
    monkeypatch.setattr("botocore.httpsession.where", lambda: str(certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with running_server(context) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        client = make_client("dynamodb")
        server.replies = [reply(ITEM, headers={"Connection": "close"}), reply({})]
        assert client.call("GetItem", REQUEST) == ITEM
        assert client.call("GetItem", REQUEST) == {}
        assert [request.connection for request in server.requests] == [1, 2]
    lean._tls.cache_clear()


# The clock


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("code", ["InvalidSignatureException", "RequestExpired"])
def test_a_clock_that_aws_calls_wrong_is_set_right(
    server: Server, client: aws.Client, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """The request is signed again by the time of the answer, and so is every later one."""
    monkeypatch.setattr(boto, "_clock", aws.Clock())
    theirs = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    date = {"Date": format_datetime(theirs, usegmt=True)}
    server.replies = [reply({"__type": code, "message": "expired"}, 400, date), reply(ITEM)]
    assert client.call("GetItem", REQUEST) == ITEM
    client.call("GetItem", REQUEST)
    wrong, *right = [request.headers["x-amz-date"] for request in server.requests]
    hours = {when: datetime.datetime.strptime(when, "%Y%m%dT%H%M%S%z") - theirs for when in (wrong, *right)}
    assert hours.pop(wrong) < -datetime.timedelta(minutes=58)
    assert len(right) == 2
    assert all(abs(off) < datetime.timedelta(minutes=2) for off in hours.values())
    assert all(f"/{when[:8]}/" in server.requests[-1].headers["authorization"] for when in right[-1:])


@pytest.mark.usefixtures("pauses", "environment")
def test_a_clock_that_is_wrong_is_wrong_for_every_service(
    server: Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever hears of it first; S3 signs in its own way."""
    monkeypatch.setattr(boto, "_clock", aws.Clock())
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "dynamodb": ("GetItem", REQUEST),
        "kms": ("Decrypt", {"CiphertextBlob": b"x"}),
        "lambda": ("Invoke", {"FunctionName": "f", "Payload": b"{}"}),
        "s3": ("GetObject", {"Bucket": "b", "Key": "k"}),
    }
    clients = {name: make_client(name) for name in calls}
    theirs = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=30)
    date = {"Date": format_datetime(theirs, usegmt=True)}

    def judge(request: Request) -> Reply:
        scope = request.headers["authorization"].partition("Credential=")[2].split("/")
        assert scope[1] == request.headers["x-amz-date"][:8]
        signed = datetime.datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
        if abs(signed - theirs) < datetime.timedelta(minutes=5):
            return reply(headers={"x-amz-crc32": "0"} if scope[3] == "s3" else {})
        if scope[3] == "s3":
            return reply(b"<Error><Code>RequestTimeTooSkewed</Code></Error>", 403, date)
        return refusal("InvalidSignatureException", 403, date)

    server.answer = judge
    for first in calls:
        boto._clock.offset = 0.0
        for name in (first, *calls):
            operation, request = calls[name]
            clients[name].call(operation, request)


@pytest.mark.usefixtures("pauses")
def test_a_clock_that_is_wrong_is_wrong_for_all_who_ask_at_once(
    server: Server, client: aws.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is answered, although the first refusal has set the clock right for the others."""
    monkeypatch.setattr(boto, "_clock", aws.Clock())
    theirs = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    date = {"Date": format_datetime(theirs, usegmt=True)}
    all_are_signed = threading.Barrier(4)

    def judge(request: Request) -> Reply:
        signed = datetime.datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
        if abs(signed - theirs) < datetime.timedelta(minutes=5):
            return reply(ITEM)
        all_are_signed.wait(30)
        return refusal("InvalidSignatureException", 400, date)

    server.answer = judge
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.call("GetItem", REQUEST), range(4)))
    assert answers == [ITEM] * 4


@pytest.mark.parametrize("date", [{}, {"Date": "no date"}, {"Date": "now"}])
def test_a_signature_that_is_wrong_otherwise_is_refused(
    server: Server, client: aws.Client, pauses: list[Any], date: dict[str, str]
) -> None:
    """It would be again."""
    now = {"Date": format_datetime(datetime.datetime.now(datetime.UTC), usegmt=True)}
    server.replies = [refusal("InvalidSignatureException", headers=now if date == {"Date": "now"} else date)]
    with pytest.raises(aws.Refused) as raised:
        client.call("GetItem", REQUEST)
    assert (raised.value.is_transient, len(server.requests), pauses) == (False, 1, [])


# What is answered


def test_bytes_are_bytes(server: Server, client: aws.Client, make_client: MakeClient) -> None:
    """As attributes and their sets, however deep, and as KMS has them; a text that looks the same stays."""
    item = {
        "b": {"B": b"\x00\xff"},
        "set": {"BS": [b"\x01", b""]},
        "in": {"L": [{"M": {"B": {"S": "AQI="}, "x": {"B": b"\x02"}}}, {"M": {"B": {"B": b"\x03"}}}]},
        "s": {"S": "AQI="},
    }
    assert client.call("PutItem", {"Item": item, "TableName": "t"}) == {}
    assert server.requests[-1].json["Item"]["b"] == {"B": "AP8="}
    server.answer = lambda _request: reply({"Item": server.requests[0].json["Item"]})
    assert client.call("GetItem", REQUEST) == {"Item": item}
    server.answer = lambda request: reply({"Plaintext": request.json["CiphertextBlob"], "KeyId": "k"})
    kms = make_client("kms")
    assert kms.call("Decrypt", {"CiphertextBlob": b"\x01\x02"}) == {"Plaintext": b"\x01\x02", "KeyId": "k"}


def test_a_refusal_has_the_service_s_members_and_its_request_s_id(server: Server, client: aws.Client) -> None:
    """An item that a condition failed on, a transaction's reasons; the id is for whoever asks AWS."""
    named = {"x-amzn-RequestId": "4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG"}
    members: Any = {"Item": {"b": {"B": "AP8="}}}
    server.replies = [refusal("ConditionalCheckFailedException", headers=named, **members)]
    with pytest.raises(aws.Refused) as raised:
        client.call("PutItem", {})
    assert raised.value.details == {"Item": {"b": {"B": b"\x00\xff"}}}
    assert raised.value.request_id == named["x-amzn-RequestId"]
    reasons: Any = {
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "m"}]
    }
    server.replies = [refusal("TransactionCanceledException", headers=named, **reasons)]
    with pytest.raises(aws.Refused) as raised:
        client.call("TransactWriteItems", {})
    assert raised.value.details == reasons
    assert raised.value.request_id == named["x-amzn-RequestId"]


# Credentials


def test_without_them_botocore_s_chain_is_asked_and_refreshes(
    server: Server, environment: dict[str, str], make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under SnapStart they come from an endpoint of the container, and end; each call has good ones."""
    for name in CREDENTIALS:
        assert environment[name]
        monkeypatch.delenv(name)
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
    client = make_client("dynamodb")
    for _ in range(2):
        client.call("GetItem", REQUEST)
    sent = [request.headers for request in server.requests if request.line.startswith("POST")]
    assert len({headers["x-amz-security-token"] for headers in sent}) == 2
    assert f"Credential=AKID{sent[1]['x-amz-security-token'][-1]}/" in sent[1]["authorization"]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("partial", [False, True])
def test_without_any_credentials_nothing_is_sent(
    server: Server,
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    partial: bool,
) -> None:
    """Nobody signs, and the store is unavailable: nothing is tried again."""
    for name in CREDENTIALS:
        if not partial or name != "AWS_ACCESS_KEY_ID":
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    client = make_client("dynamodb")
    with pytest.raises(aws.NoCredentials):
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
def test_no_failure_tells_a_secret(server: Server, client: aws.Client, given: Reply) -> None:
    """Neither its text nor its repr, nor what a log makes of it, holds credentials, a signature or a body."""
    server.replies = [given] * 3
    with pytest.raises(aws.AwsError) as raised:
        client.call("GetItem", REQUEST)
    shown = "".join(traceback.format_exception(raised.value)) + str(raised.value) + repr(raised.value)
    signature = server.requests[-1].headers["authorization"].rpartition("Signature=")[2]
    for secret in (*CREDENTIALS.values(), signature, "what was asked", "what was answered"):
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode() not in shown

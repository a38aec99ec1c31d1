"""What is the lean client's own: its signature, its endpoints, its connections."""

import datetime
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.retries import standard
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from signet import deadline
from signet.aws import client as aws
from signet.aws import lean
from tests import engine
from tests.http_server import Reply, Server, refusal, reply
from tests.unit.aws.support import CREDENTIALS, REQUEST


@pytest.fixture
def make(environment: dict[str, str]) -> Iterator[Callable[..., aws.Client]]:
    """Makes a client."""
    made: list[lean.LeanTransport] = []

    def make(service: str = "dynamodb", variables: Mapping[str, str] = environment) -> aws.Client:
        made.append(lean.LeanTransport(service, variables))
        return aws.Client(made[-1])

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def client(make: Callable[..., aws.Client]) -> aws.Client:
    """DynamoDB's."""
    return make()


def idle(client: aws.Client) -> list[Any]:
    """The connections that it keeps."""
    assert isinstance(client.transport, lean.LeanTransport)
    return client.transport._idle


def wait_for_the_end(client: aws.Client) -> None:
    """Until the server has closed the idle connection, as far as it is not the client that did."""
    deadline = time.monotonic() + 20
    while idle(client) and not lean._has_ended(idle(client)[-1]):
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


@pytest.mark.parametrize(
    ("service", "target", "content_type"),
    [
        ("dynamodb", "DynamoDB_20120810.Do", "application/x-amz-json-1.0"),
        ("kms", "TrentService.Do", "application/x-amz-json-1.1"),
    ],
)
def test_a_request_is_as_the_protocol_has_it(
    server: Server, make: Callable[..., aws.Client], service: str, target: str, content_type: str
) -> None:
    """A POST of JSON to the root, with its target, signed as AWS's own SDK would sign it."""
    server.replies = [reply({"Plaintext": "AQI="})]
    given = {"dynamodb": "AQI=", "kms": b"\x01\x02"}[service]
    assert make(service).call("Do", {**REQUEST, "Blob": b"\x03"}) == {"Plaintext": given}
    (request,) = server.requests
    assert (request.line, request.json) == ("POST / HTTP/1.1", {**REQUEST, "Blob": "Aw=="})
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
        client = aws.Client(lean.LeanTransport("dynamodb", right))
        assert client.call("ListTables", {}) == {"TableNames": []}
        wrong = aws.Client(lean.LeanTransport("dynamodb", right | {"AWS_SECRET_ACCESS_KEY": "x" * 40}))
        with pytest.raises(aws.Refused, match="Signature"):
            wrong.call("ListTables", {})
        client.transport.close()
        wrong.transport.close()


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
        lean.LeanTransport("kms", {})


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "localhost", "ftp://a", "http://", "http://a/path"])
def test_an_endpoint_that_leads_elsewhere_is_refused(environment: dict[str, str], url: str) -> None:
    """Nothing is sent to where nobody meant it to go; a slash at the end means nothing."""
    lean.LeanTransport("dynamodb", environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:8000/"})
    with pytest.raises(RuntimeError, match="dynamodb"):
        lean.LeanTransport("dynamodb", environment | {"AWS_ENDPOINT_URL": url})


def test_the_codes_are_those_of_botocore_s_standard_mode() -> None:
    """All that it takes for throttled or transient, what DynamoDB's model marks so, and two of ours."""
    throttled = set(standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    assert throttled == aws.THROTTLED
    transient = set(standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES)
    model = get_session().get_service_model("dynamodb")
    modelled = {shape.name for shape in model.error_shapes if shape.metadata.get("retryable")}
    ours = {"ConditionalRequestConflict", "TransactionConflictException"}
    assert transient | modelled | ours == aws.TRANSIENT | (transient & throttled)


@pytest.mark.usefixtures("server")
def test_an_attempt_waits_no_longer_than_the_invocation_has(
    client: aws.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sockets' time-out is what is left."""
    monkeypatch.setattr(deadline, "now", lambda: 0.0)
    with deadline.within(300, reserve=0):
        client.call("GetItem", REQUEST)
        assert idle(client)[-1].gettimeout() == pytest.approx(0.3)
    client.call("GetItem", REQUEST)
    assert idle(client)[-1].gettimeout() == aws.READ_TIMEOUT


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("given", [reply(), refusal("InternalServerError", 500)])
def test_an_answer_that_drips_is_none(
    server: Server, client: aws.Client, pauses: list[Any], given: Reply
) -> None:
    """The time-out is the whole answer's, not each byte's."""
    server.replies = [replace(given, drips=0.02)] * 3
    with pytest.raises(aws.NoAnswer, match="dynamodb GetItem: TimeoutError"):
        client.call("GetItem", REQUEST)
    assert (len(server.requests), pauses) == (3, [(0, 0.025), (0, 0.05)])


@pytest.mark.parametrize(
    "ending",
    [reply(closes=True), reply(headers={"Connection": "close"}), reply(headers={"Connection": "Close"})],
)
def test_a_connection_that_was_closed_meanwhile_costs_no_attempt(
    server: Server, client: aws.Client, pauses: list[Any], ending: Reply
) -> None:
    """A function that slept finds its connections closed; its next call does not go into the void."""
    server.replies = [ending]
    client.call("GetItem", REQUEST)
    wait_for_the_end(client)
    client.call("GetItem", REQUEST)
    assert (len(server.requests), server.connections, pauses) == (2, 2, [])


def test_what_comes_unasked_is_no_answer(server: Server, client: aws.Client) -> None:
    """More than was asked for is not taken for the answer to the next request."""
    twice = reply({"a": 1}).content * 2
    server.replies = [Reply(twice), reply({"b": 2})]
    assert client.call("GetItem", REQUEST) == {"a": 1}
    assert client.call("GetItem", REQUEST) == {"b": 2}


def test_credentials_are_the_environment_s_at_each_call(
    server: Server, client: aws.Client, environment: dict[str, str]
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


def test_credentials_are_in_no_repr(client: aws.Client) -> None:
    """Nor the client, which has them at hand."""
    assert isinstance(client.transport, lean.LeanTransport)
    credentials = client.transport._credentials()
    assert credentials.secret_access_key == CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    for secret in CREDENTIALS.values():
        assert secret not in repr(credentials) + repr(client) + repr(client.transport)


@pytest.mark.parametrize(
    ("variables", "is_read"),
    [
        ({}, True),
        ({"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}, False),
        ({"AWS_ENDPOINT_URL": "http://h"}, False),
    ],
)
def test_lambda_s_init_phase_prepares_tls(variables: dict[str, str], is_read: bool) -> None:
    """The authorities are read before the first call: where TLS is spoken, and into no snapshot."""
    lean._tls.cache_clear()
    lean.LeanTransport("dynamodb", {"AWS_REGION": "eu-central-1"} | variables).prepare()
    assert bool(lean._tls.cache_info().currsize) is is_read
    lean._tls.cache_clear()


@pytest.mark.parametrize(
    ("variables", "refused"),
    [
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "AWS_USE_FIPS_ENDPOINT"),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "TRUE"}, "AWS_USE_DUALSTACK_ENDPOINT"),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "HTTPS_PROXY"),
        ({"https_proxy": "http://proxy:3128"}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".amazonaws.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, None),
        ({"AWS_USE_FIPS_ENDPOINT": "false", "AWS_USE_DUALSTACK_ENDPOINT": "", "HTTPS_PROXY": ""}, None),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(
    variables: dict[str, str], refused: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, and not by asking elsewhere than the environment says."""
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    environment = {"AWS_REGION": "eu-central-1"} | variables
    if refused is None:
        lean.LeanTransport("kms", environment)
        return
    with pytest.raises(RuntimeError, match=f"{refused} .*AwsClient: boto3"):
        lean.LeanTransport("kms", environment)

"""What a network and AWS may do to a request, through a whole operation, with both clients."""

import datetime
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.utils import format_datetime

import pytest

from signet import wiring
from signet.aws import boto
from signet.aws import client as aws
from signet.wiring import make_client
from tests.deployment import PASSWORD, Deployment, Response
from tests.http_server import SILENCE, Reply, Request, Server, refusal, reply, running_server

ID = {"x-amzn-RequestId": "the-id-at-aws"}
IN_AN_HOUR = {
    "Date": format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1), usegmt=True)
}
FAULTS = {
    "no answer in time": reply(after=60),
    "closed before the answer": SILENCE,
    "closed amid the answer": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", closes=True),
    "a damaged answer": reply(headers={"x-amz-crc32": "1"}),
    "a fault of DynamoDB": refusal("InternalServerError", 500, ID),
    "a load balancer's": reply(b"<html>", 503, ID),
    "throttled": refusal("ProvisionedThroughputExceededException", 400, ID),
    "throttled by the account": refusal("ThrottlingException", 400, ID),
    "met a transaction": refusal("TransactionConflictException", 400, ID),
    "a wrong clock": refusal("InvalidSignatureException", 400, ID | IN_AN_HOUR),
}


ANSWERED = sorted(name for name, fault in FAULTS.items() if b"x-amzn-RequestId" in fault.content)


@pytest.fixture(params=["boto3", "lean"])
def between(
    request: pytest.FixtureRequest, moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """What DynamoDB's client speaks to: a server with replies of its own, which else hands on to moto."""
    upstream = os.environ["AWS_ENDPOINT_URL_DYNAMODB"]

    def hand_on(request: Request) -> Reply:
        headers = {name: request.headers[name] for name in ("authorization", "content-type", "x-amz-target")}
        asked = urllib.request.Request(upstream, request.body, headers)  # noqa: S310 - moto's
        try:
            with urllib.request.urlopen(asked) as answer:  # noqa: S310
                return reply(answer.read())
        except urllib.error.HTTPError as error:
            return reply(error.read(), error.code)

    def make(service: str) -> aws.Client:
        return make_client(service) if service == "dynamodb" else usual(service)

    usual = wiring.make_client
    with running_server() as server:
        server.answer = hand_on
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
        monkeypatch.setenv("AWS_CLIENT", request.param)
        monkeypatch.setattr(aws, "READ_TIMEOUT", 1.0)
        monkeypatch.setattr(boto, "_clock", aws.Clock())
        monkeypatch.setattr("random.uniform", lambda *_: 0.0)
        monkeypatch.setattr(wiring, "make_client", make)
        moto_signet.restart()
        yield server
        wiring.table().client.transport.close()
        monkeypatch.setattr(wiring, "make_client", usual)
        moto_signet.restart()


def register(signet: Deployment) -> Response:
    path = f"/applications/{signet.application_id}/experience/users"
    fields = {"email": "ann@example.com", "password": PASSWORD}
    return signet.http("POST", path, fields, headers=signet.bearer())


@pytest.mark.parametrize(
    "operation", [pytest.param("BatchGetItem", marks=pytest.mark.heavy), "TransactWriteItems"]
)
@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_is_not_seen(moto_signet: Deployment, between: Server, fault: str, operation: str) -> None:
    """Neither at a container's first read nor at the write: the same is asked again, and answered."""
    hand_on, met = between.answer, list[Request]()

    def meet(request: Request) -> Reply:
        if request.headers["x-amz-target"].endswith(f".{operation}"):
            met.append(request)
        return FAULTS[fault] if met == [request] else hand_on(request)

    between.answer = meet
    answer = register(moto_signet)
    assert answer.status == 201, answer.body
    assert met[0].body == met[1].body
    assert len([item for item in moto_signet.items() if item["sk"]["S"] == "USER"]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(name, marks=pytest.mark.heavy) if name == "no answer in time" else name
        for name in sorted(FAULTS.keys() - {"a wrong clock"})
    ],
)
def test_a_fault_that_stays_is_a_503_with_aws_s_id_of_the_request(
    moto_signet: Deployment, between: Server, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    """After three attempts; the id stands in the log, where AWS answered at all."""
    between.replies = [FAULTS[fault]] * 3
    answer = register(moto_signet)
    assert (answer.status, answer.json["type"]) == (503, "ServiceUnavailable")
    assert len(between.requests) == 3
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (warning,) = [line for line in lines if line.get("level") == "WARNING"]
    assert warning.get("aws_request_id") == ("the-id-at-aws" if fault in ANSWERED else None)
    assert PASSWORD not in json.dumps(lines)
    assert register(moto_signet).status == 201

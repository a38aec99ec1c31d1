"""The adapter: which events count, and what becomes of bugs and outages."""

import json
from typing import Any

import pytest

from signet import wiring
from signet.aws.client import NoAnswer, Refused
from signet.edge.dialects import dialect, gladly, losant, oauth, velt
from signet.edge.dialects.dialect import Dialect
from signet.errors import (
    InvalidRequest,
    RequestTooLarge,
    SignetError,
    TooManyAttempts,
    Unavailable,
    UnsupportedEvent,
)
from signet.usecases.mailing import TemplateRefused
from tests.deployment import Deployment

EMAIL = {"identityType": "EMAIL", "identity": "test@example.com"}
OPERATION = "issue_identity_token"


def rest_event(signet: Deployment) -> dict[str, Any]:
    """A REST API's event: payload format 1.0."""
    return {
        "resource": "/api/v1/user-identity-jwt",
        "path": "/api/v1/user-identity-jwt",
        "httpMethod": "POST",
        "headers": signet.basic(),
        "multiValueHeaders": {},
        "requestContext": {"resourceId": "a", "apiId": "b", "httpMethod": "POST"},
        "body": json.dumps(EMAIL),
        "isBase64Encoded": False,
    }


def test_an_event_of_another_trigger_is_refused(moto_signet: Deployment) -> None:
    """Nothing but an HTTP API 2.0 request or a direct invocation does anything."""
    signet = moto_signet
    rest = rest_event(signet)
    direct = {"applicationId": signet.application_id, **EMAIL}
    before = signet.items()
    events: list[tuple[object, type[SignetError]]] = [
        (rest, UnsupportedEvent),
        (rest | {"version": "1.0", "routeKey": "POST /x"}, UnsupportedEvent),
        (rest | direct, UnsupportedEvent),
        (
            {**direct, "requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "POST"},
            UnsupportedEvent,
        ),
        ({"Records": [{"body": json.dumps(direct)}]}, UnsupportedEvent),
        ({"Records": [], **direct}, UnsupportedEvent),
        ({**direct, "rawPath": "/", "version": "2.0"}, UnsupportedEvent),
        ([direct], UnsupportedEvent),
        ("text", UnsupportedEvent),
        (None, UnsupportedEvent),
        ({"version": "0", "source": "aws.events", "detail": {}, **direct}, InvalidRequest),
        ({**direct, "Payload": {}}, InvalidRequest),
        ({}, InvalidRequest),
        (EMAIL, InvalidRequest),
        ({**direct, "applicationId": 5}, InvalidRequest),
        ({**direct, "applicationId": signet.application_id.upper()[:-1] + "G"}, InvalidRequest),
        ({**direct, "identity": "x" * 33_000}, RequestTooLarge),
        ({**direct, "identity": "\ud800"}, InvalidRequest),
    ]
    for event, refusal in events:
        with pytest.raises(refusal):
            signet.invoke(OPERATION, event)
    assert signet.items() == before
    assert signet.invoke(OPERATION, direct).keys() == {"token"}


def test_the_refusal_of_a_direct_invocation_names_all_faults(moto_signet: Deployment) -> None:
    """The error's type is the code, its message names the fields, and it carries no cause to be logged."""
    with pytest.raises(InvalidRequest) as caught:
        moto_signet.invoke(
            OPERATION, {"applicationId": moto_signet.application_id, "identityType": "EMAIL", "ttl": 1}
        )
    assert str(caught.value) == (
        "identity: is required. ttl: is unknown; the fields are identityType, identity."
    )
    assert type(caught.value).__name__ == "InvalidRequest"
    assert caught.value.__cause__ is None


def test_a_bug_is_a_500_over_http_and_raised_otherwise(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Over HTTP a bug is logged with its trace, counted, and answered in the dialect without a detail."""
    signet = moto_signet

    def fail() -> None:
        raise RuntimeError("a planted bug")

    monkeypatch.setattr(wiring, "signer", fail)
    answer = signet.http("POST", "/api/v1/user-identity-jwt", EMAIL, headers=signet.basic())
    assert answer.status == 500
    assert answer.json == {"errors": [{"attr": "base", "code": "invalid", "detail": dialect.FAULT}]}
    metric, log = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert metric["Fault"] == [1.0]
    assert metric["status"] == 500
    assert log["level"] == "ERROR"
    assert "a planted bug" in log["exception"]
    assert log["correlation_id"] == answer.headers["x-request-id"]
    assert log["application_id"] == signet.application_id
    with pytest.raises(RuntimeError, match="a planted bug"):
        signet.invoke(OPERATION, {"applicationId": signet.application_id, **EMAIL})


@pytest.mark.parametrize(
    "problem", ["ThrottlingException", "ProvisionedThroughputExceededException", "time-out"]
)
def test_a_store_that_does_not_answer_is_a_503(
    moto_signet: Deployment, problem: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An outage of the table is a 503 with a hint to retry; the log says which it was."""
    signet = moto_signet

    def call(_operation: str, _request: object) -> Any:
        if problem == "time-out":
            raise NoAnswer("dynamodb GetItem: TimeoutError")
        raise Refused(400, problem, "slow")

    monkeypatch.setattr(wiring.table().client, "call", call)
    answer = signet.http("POST", "/api/v1/user-identity-jwt", EMAIL, headers=signet.basic())
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    out = capfd.readouterr().out
    assert "TimeoutError" in out or problem in out
    with pytest.raises(Unavailable):
        signet.invoke(OPERATION, {"applicationId": signet.application_id, **EMAIL})


def every_refusal(root: type[SignetError] = SignetError) -> list[type[SignetError]]:
    return [kind for child in root.__subclasses__() for kind in (child, *every_refusal(child))]


RAISED_OUTSIDE_OF_HTTP = {UnsupportedEvent, TemplateRefused}


@pytest.mark.parametrize("kind", every_refusal(), ids=lambda kind: kind.__name__)
def test_every_refusal_has_words_in_every_dialect(kind: type[SignetError]) -> None:
    """No refusal is without status and words in the dialects, or it would come out as a bug."""
    assert kind.code == kind.__name__
    if kind in RAISED_OUTSIDE_OF_HTTP:
        return
    error = kind.of("field", "is wrong.") if issubclass(kind, InvalidRequest) else kind("Said so.")
    for spoken in (
        gladly.GLADLY,
        losant.LOSANT,
        oauth.OAUTH,
        velt.velt("Done.", version=1),
        velt.velt("Done.", version=2),
    ):
        assert 400 <= spoken.status(error) < 600
        assert json.loads(json.dumps(spoken.refusal(error)))


@pytest.mark.parametrize(
    ("spoken", "words"),
    [
        (gladly.GLADLY, {"errors": [{"attr": "base", "code": "invalid", "detail": "Wait."}]}),
        (losant.LOSANT, {"type": "TooManyRequests", "message": "Wait."}),
        (oauth.OAUTH, {"error": "temporarily_unavailable", "error_description": "Wait."}),
        (velt.velt("Done.", version=1), {"error": {"message": "Wait.", "status": "RESOURCE_EXHAUSTED"}}),
        (velt.velt("Done.", version=2), {"error": {"message": "Wait.", "status": "RESOURCE_EXHAUSTED"}}),
    ],
)
def test_too_many_attempts_are_429_in_every_dialect(spoken: Dialect, words: dict[str, Any]) -> None:
    """And no outage: who waits is let in."""
    refused = TooManyAttempts("Wait.", retry_after=60)
    assert (spoken.status(refused), spoken.refusal(refused)) == (429, words)

"""Events in: EventBridge envelopes and SQS batches, from whom the environment names (docs/events-in.md)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local import sam
from signet import wiring
from signet.errors import InvalidRequest, UnsupportedEvent, UserNotFound
from tests.contract.test_bundle import OPERATIONS
from tests.deployment import PASSWORD, Deployment

TAKERS = {
    "update_user",
    "delete_user",
    "update_group",
    "delete_group",
    "add_permissions",
    "remove_permissions",
    "invalidate_user_tokens",
    "invalidate_identity_tokens",
    "invalidate_application_tokens",
}
"""Update and deletion of users and groups, permissions, invalidations: what answers no secret."""


def envelope(detail: object, source: str = sam.EVENT_SOURCE, **other: object) -> dict[str, Any]:
    """An EventBridge event."""
    return {
        "version": "0",
        "id": "event-1",
        "detail-type": "Any",
        "source": source,
        "detail": detail,
        **other,
    }


def message(body: object, queue: str = sam.EVENT_QUEUE_ARN, **other: object) -> dict[str, Any]:
    """A message as SQS hands it to Lambda."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": "1", "body": text, "eventSource": "aws:sqs", "eventSourceARN": queue, **other}


def batch(*messages: dict[str, Any]) -> dict[str, Any]:
    """A batch, its messages numbered from 0."""
    return {"Records": [{**each, "messageId": str(number)} for number, each in enumerate(messages)]}


def failed(answer: Any) -> list[str]:
    """The messages that come again."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def make_user(signet: Deployment, email: str = "ada@example.com") -> dict[str, str]:
    """A user, as requests name it."""
    user = signet.invoke(
        "create_user", {"applicationId": signet.application_id, "email": email, "password": PASSWORD}
    )
    return {"applicationId": signet.application_id, "experienceUserId": user["id"]}


def names(signet: Deployment, *users: dict[str, str]) -> list[str | None]:
    """The users' first names."""
    return [signet.invoke("get_user", user)["firstName"] for user in users]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The metrics lines since the last look."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


def test_an_eventbridge_event_is_a_call_by_its_own_name(
    moto_signet: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """The members of `detail` are the request, the event's id names the call, and nothing is answered."""
    user = make_user(moto_signet)
    capsys.readouterr()
    assert (
        moto_signet.invoke("update_user", envelope({**user, "firstName": "Ada"}, id="id-of-the-event"))
        is None
    )
    (line,) = lines(capsys)
    assert (line["correlation_id"], line["Success"]) == ("id-of-the-event", [1.0])
    assert names(moto_signet, user) == ["Ada"]


def test_a_refused_eventbridge_event_is_an_error(moto_signet: Deployment) -> None:
    """Lambda hands it to the on-failure destination."""
    unknown = {"applicationId": moto_signet.application_id, "experienceUserId": "0" * 24}
    with pytest.raises(UserNotFound):
        moto_signet.invoke("update_user", envelope({**unknown, "firstName": "Ada"}))


def test_a_poison_message_costs_no_other_one(
    moto_signet: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be done comes again by itself; the rest of the batch is done, envelopes in it too."""
    one, other = make_user(moto_signet), make_user(moto_signet, "bob@example.com")
    capsys.readouterr()
    answer = moto_signet.invoke(
        "update_user",
        batch(
            message({**one, "firstName": "Ada"}),
            message("no JSON"),
            message('{"firstName": "\ud800"}'),
            message([]),
            message({**one, "firstName": 5}),
            message(envelope({**other, "firstName": "Bob"}, source="whoever the queue lets in")),
        ),
    )
    assert failed(answer) == ["1", "2", "3", "4"]
    assert names(moto_signet, one, other) == ["Ada", "Bob"]
    assert [(line["correlation_id"], line.get("code")) for line in lines(capsys)[:6]] == [
        ("0", None),
        ("1", "InvalidRequest"),
        ("2", "InvalidRequest"),
        ("3", "InvalidRequest"),
        ("4", "InvalidRequest"),
        ("5", None),
    ]


def test_a_batch_that_fails_as_a_whole_names_its_messages(moto_signet: Deployment) -> None:
    """And is no error of the function, at which an alarm would ring."""
    assert failed(moto_signet.invoke("update_user", batch(message("x"), message("y")))) == ["0", "1"]


def test_no_message_of_a_fifo_queue_overtakes_one_that_failed(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that stand behind the failed one come again with it, in their order."""
    queue = sam.EVENT_QUEUE_ARN + ".fifo"
    monkeypatch.setenv("QUEUE_ARNS", f"arn:aws:sqs:us-east-1:123456789012:other, {queue}")
    wiring.reset()
    user = make_user(moto_signet)
    answer = moto_signet.invoke(
        "update_user",
        batch(
            message({**user, "firstName": "First"}, queue, attributes={"MessageGroupId": "a"}),
            message("no JSON", queue, attributes={"MessageGroupId": "a"}),
            message({**user, "firstName": "Third"}, queue, attributes={"MessageGroupId": "a"}),
        ),
    )
    assert failed(answer) == ["1", "2"]
    assert names(moto_signet, user) == ["First"]


OTHER_QUEUE = "arn:aws:sqs:us-east-1:123456789012:other"

UNTRUSTED: dict[str, Callable[[dict[str, str]], object]] = {
    "another source": lambda request: envelope(request, source="com.example.other"),
    "no source": lambda request: envelope(request) | {"source": None},
    "a list of sources": lambda request: envelope(request) | {"source": [sam.EVENT_SOURCE]},
    "a list of queues": lambda request: batch(message(request) | {"eventSourceARN": [sam.EVENT_QUEUE_ARN]}),
    "no id": lambda request: envelope(request) | {"id": 5},
    "no detail": lambda request: envelope([request]),
    "another queue": lambda request: batch(message(request, OTHER_QUEUE)),
    "one message of another queue": lambda request: batch(message(request), message(request, OTHER_QUEUE)),
    "a topic": lambda request: batch(message(request, eventSource="aws:sns")),
    "no text": lambda request: batch(message("") | {"body": request}),
    "no message": lambda _: {"Records": []},
    "no list": lambda request: {"Records": message(request)},
    "no object": lambda _: {"Records": [None]},
    "a request beside": lambda request: request | batch(message("") | {"eventSource": None}),
}


@pytest.mark.parametrize("event", UNTRUSTED.values(), ids=UNTRUSTED.keys())
def test_nobody_else_may_send_events(
    moto_signet: Deployment, event: Callable[[dict[str, str]], object]
) -> None:
    """An event of another source or queue does nothing, and neither does a batch with one such message."""
    user = make_user(moto_signet)
    before = moto_signet.items()
    with pytest.raises(UnsupportedEvent, match="EVENT_SOURCES"):
        moto_signet.invoke("update_user", event({**user, "firstName": "Eve"}))
    assert moto_signet.items() == before


@pytest.mark.parametrize("variables", [{}, {"EVENT_SOURCES": "", "QUEUE_ARNS": ""}, {"EVENT_SOURCES": " , "}])
def test_nobody_may_by_default(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """No source and no queue is named unless the owner names one."""
    for name in ("EVENT_SOURCES", "QUEUE_ARNS"):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    wiring.reset()
    user = make_user(moto_signet)
    for event in (envelope(user), envelope(user, source=""), batch(message(user)), batch(message(user, ""))):
        with pytest.raises(UnsupportedEvent):
            moto_signet.invoke("delete_user", event)
    assert names(moto_signet, user) == [None]


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_only_what_answers_no_secret_takes_events(moto_signet: Deployment, operation: str) -> None:
    """Every other operation refuses them, from whomever they come."""
    event = envelope({"applicationId": moto_signet.application_id})
    records = batch(message({"applicationId": "0" * 24}))
    if operation == "send_mail":
        # It works through a queue of its own, and its environment names no other. Here all share one.
        assert not {"EVENT_SOURCES", "QUEUE_ARNS"} & moto_signet.function(operation).environment.keys()
        return
    if operation in TAKERS:
        assert failed(moto_signet.invoke(operation, records)) == ["0"]
        return
    for each in (event, records):
        if operation == "authorize_request":
            # API Gateway takes an error for a fault; nobody is let in.
            assert moto_signet.invoke(operation, each)["isAuthorized"] is False
            continue
        with pytest.raises(UnsupportedEvent):
            moto_signet.invoke(operation, each)


def test_a_password_does_not_come_in_an_event(
    moto_signet: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """Queues keep what passes through them; the refusal says where it may be sent, and not what it was."""
    user = make_user(moto_signet)
    request = {**user, "password": "another horse battery staple"}
    before = moto_signet.items()
    with pytest.raises(InvalidRequest, match=r"password: must not come in an event.* over HTTP"):
        moto_signet.invoke("update_user", envelope(request))
    answer = moto_signet.invoke("update_user", batch(message(request), message(envelope(request))))
    assert failed(answer) == ["0", "1"]
    assert moto_signet.items() == before
    assert "another horse" not in capsys.readouterr().out


@pytest.mark.parametrize("records", [[], {}, "text", None])
def test_an_envelope_with_records_is_no_event(moto_signet: Deployment, records: object) -> None:
    """It is refused, and nothing is done: it would be trusted as the one and run as the other."""
    user = make_user(moto_signet)
    with pytest.raises(UnsupportedEvent):
        moto_signet.invoke("update_user", envelope({**user, "firstName": "Ann"}, Records=records))
    assert names(moto_signet, user) == [None]

"""Events in front of an operation: EventBridge envelopes and SQS batches (docs/events-in.md).

Whoever may send one acts in every application, so a function takes them only from the sources and queues
that its environment names. Nobody waits for an answer: what is refused goes to the function's on-failure
destination, or back into its queue.
"""

from collections.abc import Callable
from typing import Any, cast

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from signet.domain.strict_json import Members, parse_body
from signet.errors import InvalidRequest
from signet.settings import Settings

type Operate = Callable[[Callable[[], Members], str], object]
"""Runs the operation on the fields that the first argument reads, in a call that has the second's name."""


def is_trusted(event: dict[str, Any], settings: Settings) -> bool:
    """Whether the event has a shape that is taken, and comes from whom the environment names."""
    match event:
        case {"Records": [_, *_] as records}:
            return all(_is_trusted_message(record, settings) for record in records)
        case {"Records": _}:
            return False  # Whatever else it is: it would be run as a batch.
        case {"detail-type": str(), "source": str(source), "id": str(), "detail": dict()}:
            return source in settings.event_sources
        case _:
            return False


def _is_trusted_message(record: object, settings: Settings) -> bool:
    match record:
        case {"eventSource": "aws:sqs", "eventSourceARN": str(queue), "messageId": str(), "body": str()}:
            return queue in settings.queue_arns
        case _:
            return False


def run(event: dict[str, Any], context: LambdaContext, operate: Operate) -> dict[str, Any] | None:
    """Run the operation on what a trusted event holds.

    Returns:
        For a batch the messages that failed, which come again; for an EventBridge event nothing.

    Raises:
        SignetError: The operation refuses what the EventBridge event asks for; Lambda tries again.
    """
    if "Records" not in event:
        operate(lambda: _without_password(event["detail"]), event["id"])
        return None

    def operate_on(record: SQSRecord) -> None:
        operate(lambda: _read(record.body), record.message_id)

    # After a failure, a FIFO queue's later messages go back as well, or they would overtake it.
    processor = (
        SqsFifoPartialProcessor()
        if event["Records"][0]["eventSourceARN"].endswith(".fifo")
        else BatchProcessor(EventType.SQS)
    )
    # Else an exception, which sends the whole batch back all the same, but counts as the function's error.
    processor.raise_on_entire_batch_failure = False
    failures = process_partial_response(
        event=event, record_handler=operate_on, processor=processor, context=context
    )
    return cast("dict[str, Any]", failures)


def _read(body: str) -> Members:
    """The fields in a message: the body itself, or what an EventBridge event in it holds."""
    # Half a surrogate pair becomes what is no UTF-8, and is refused as such.
    members = parse_body(body.encode("utf-8", "surrogatepass"))
    detail = members.get("detail") if "detail-type" in members else None
    return _without_password(detail if isinstance(detail, dict) else members)


def _without_password(members: Members) -> Members:
    if "password" in members:
        message = "must not come in an event: queues keep what passes through them. Send it over HTTP."
        raise InvalidRequest.of("password", message)
    return members

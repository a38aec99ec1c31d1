"""The adapter of the table's stream: what was written becomes events on the bus (docs/events-out.md).

Source: "Using AWS Lambda with Amazon DynamoDB", with `ReportBatchItemFailures`, of the Lambda guide.
"""

import re
from typing import Any, cast

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from signet import deadline, wiring
from signet.edge.operation import Handler
from signet.edge.record import Record, make_logger
from signet.errors import Unavailable, UnsupportedEvent
from signet.usecases.publishing import Outbox, give_up

TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""Who removes what is past its time."""


def table_stream(name: str) -> Handler:
    """Make a Lambda handler that tells the bus what the records of the table's stream have changed.

    What was not taken comes again: Lambda goes on from the first such record, so that others behind it may be
    told of twice. A record that is not understood holds up no other one: its place goes to the queue.
    """
    wiring.prepare((wiring.event_bus,))
    logger = make_logger(name)

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        said = Record(logger, context.aws_request_id, context)
        if not _is_of_the_table(event, wiring.settings().table_name):
            refusal = UnsupportedEvent("This event is no batch of records of the stream of the table.")
            said.refused(refusal, None)
            raise refusal
        outbox, bugs = Outbox(), list[Exception]()

        def read(record: DynamoDBRecord) -> None:  # by this name, Powertools hands it over
            try:
                _add(outbox, record)
            except Exception as error:
                bugs.append(error)
                give_up(
                    wiring.unsent_events(), record["eventSourceARN"], record["dynamodb"]["SequenceNumber"]
                )

        processor = BatchProcessor(EventType.DynamoDBStreams)
        # Else an exception, which tells Lambda less: from where to go on.
        processor.raise_on_entire_batch_failure = False
        with deadline.within(context.get_remaining_time_in_millis()):
            answer = process_partial_response(
                event=event, record_handler=read, processor=processor, context=context
            )
            unsent, outage = outbox.send(wiring.event_bus())
        failed = {str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]} | unsent
        said.metric("EventsSent", "Count", len(outbox))
        if bugs:
            said.failed(bugs[0], None)
        elif unsent:
            message = "EventBridge did not take some of the events; they come again."
            said.refused(outage or Unavailable(message), None)
        else:
            said.succeeded(None)
        # In the order of the stream, though Lambda looks for the least itself.
        return {"batchItemFailures": [{"itemIdentifier": place} for place in sorted(failed, key=_order)]}

    return handler


def _is_of_the_table(event: object, table_name: str) -> bool:
    arn = re.compile(rf"arn:[\w-]+:dynamodb:[\w-]*:\w*:table/{re.escape(table_name)}/stream/.+")
    match event:
        case {"Records": [_, *_] as records}:
            return all(
                _is_record(written) and arn.fullmatch(written["eventSourceARN"]) for written in records
            )
    return False


def _is_record(written: object) -> bool:
    match written:
        case {
            "eventSource": "aws:dynamodb",
            "eventSourceARN": str(),
            "eventID": str(),
            "dynamodb": {"SequenceNumber": str(), "Keys": dict()},
        }:
            return True
    return False


def _add(outbox: Outbox, written: DynamoDBRecord) -> None:
    change = written.dynamodb
    if change is None:
        raise AssertionError  # `_is_record` has seen it.
    outbox.add(
        cast("str", change.sequence_number),
        cast("str", written.event_id),
        (change.approximate_creation_date_time or 0) * 1000,
        change.keys,
        (change.old_image, change.new_image),
        by_ttl=written.user_identity == TTL,
    )


def _order(position: str) -> tuple[int, str]:
    """Positions are numbers of up to 40 digits."""
    return len(position), position

"""`make redrive STAGE=…`: sends again the events that were given up, as long as the table's stream has them.

The queue UnsentEvents holds positions in the stream, which keeps what was written for 24 hours. What is read
from there goes to the stack's own publish_events, as Lambda hands it over (docs/events-out.md).
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import botocore.session
from botocore.exceptions import ClientError

from local import stream
from tools import deploy

GONE = frozenset({"ResourceNotFoundException", "TrimmedDataAccessException"})
"""What the stream's API says of what it does not have any more."""

VISIBILITY_SECONDS = 300
"""How long a message that is being worked on is nobody else's."""

type Publish = Callable[[dict[str, Any]], Any]
"""Invokes publish_events with an event, and gives its answer."""


class RedriveError(Exception):
    """The events of a message were not sent; the message stays."""


def redrive(sqs: Any, streams: Any, queue: str, publish: Publish) -> tuple[int, list[str]]:
    """Send what the messages of a queue stand for, and delete those that were sent.

    Args:
        sqs: botocore's client of SQS.
        streams: Its client of DynamoDB's streams.
        queue: The queue's URL.
        publish: Sends the events of records.

    Returns:
        How many records were sent, and why others were not.
    """
    sent, faults, seen = 0, list[str](), set[tuple[str, str]]()
    while messages := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=VISIBILITY_SECONDS, WaitTimeSeconds=2
    ).get("Messages"):
        for message in messages:
            batch = _read_place(message["Body"])
            if batch is None:
                faults.append(f"Message {message['MessageId']} names no place in a stream; it stays there.")
                continue
            place = batch["streamArn"], batch["startSequenceNumber"]
            if place in seen:
                # The function has just put it there anew.
                faults.append(f"{_named(batch)} was not understood; the log of publish_events says why.")
                continue
            seen.add(place)
            try:
                sent += _send(streams, batch, publish)
            except RedriveError as error:
                faults.append(str(error))
            else:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return sent, faults


def _read_place(body: str) -> dict[str, Any] | None:
    """What Lambda, or publish_events, says of a batch that was given up; None for somebody else's message."""
    try:
        batch: dict[str, Any] = json.loads(body)["DDBStreamBatchInfo"]
        is_place = {"streamArn", "startSequenceNumber", "endSequenceNumber", "batchSize"} <= batch.keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return batch if is_place else None


def _send(streams: Any, batch: dict[str, Any], publish: Publish) -> int:
    sent = 0
    for records in _read(streams, batch):
        answer = publish(stream.as_event(records, batch["streamArn"]))
        if answer != {"batchItemFailures": []}:
            raise RedriveError(f"{_named(batch)} failed again; the log of publish_events says why.")
        sent += len(records)
    return sent


def _read(streams: Any, batch: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """The records from the first to the last of a batch, some at a time."""
    last = int(batch["endSequenceNumber"])
    try:
        iterator = _find_iterator(streams, batch)
        while iterator is not None:
            answer = streams.get_records(ShardIterator=iterator, Limit=stream.BATCH)
            records = [one for one in answer["Records"] if int(one["dynamodb"]["SequenceNumber"]) <= last]
            if records:
                yield records
            if any(int(one["dynamodb"]["SequenceNumber"]) >= last for one in answer["Records"]):
                return
            iterator = answer.get("NextShardIterator")
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
    raise RedriveError(f"{_named(batch)} is not in the stream any more, which keeps 24 hours.")


def _find_iterator(streams: Any, batch: dict[str, Any]) -> str | None:
    """Where to begin to read a batch; None where no shard has it."""
    begin = {
        "StreamArn": batch["streamArn"],
        "ShardIteratorType": "AT_SEQUENCE_NUMBER",
        "SequenceNumber": batch["startSequenceNumber"],
    }
    if "shardId" in batch:
        return str(streams.get_shard_iterator(ShardId=batch["shardId"], **begin)["ShardIterator"])
    # What publish_events gave up itself: it does not know the shard.
    for shard in stream.shards(streams, batch["streamArn"]):
        try:
            iterator = str(streams.get_shard_iterator(ShardId=shard, **begin)["ShardIterator"])
            records = streams.get_records(ShardIterator=iterator, Limit=1)["Records"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in {*GONE, "ValidationException"}:
                raise
            continue  # It is of another shard.
        if [one["dynamodb"]["SequenceNumber"] for one in records] == [batch["startSequenceNumber"]]:
            return iterator
    return None


def _named(batch: dict[str, Any]) -> str:
    return f"What stands at {batch['startSequenceNumber']}, {batch['batchSize']} records,"


def main(arguments: Sequence[str]) -> int:
    """Return the exit status."""
    if len(arguments) != 1 or not arguments[0]:
        print("usage: make redrive STAGE=…", file=sys.stderr)
        return 2
    try:
        stage = deploy.read_stage(arguments[0])
    except deploy.StageError as error:
        print(error, file=sys.stderr)
        return 2
    session = botocore.session.get_session()
    clients = {
        name: session.create_client(name, region_name=stage.region)
        for name in ("cloudformation", "dynamodbstreams", "lambda", "sqs")
    }

    def physical(logical_id: str) -> str:
        found = clients["cloudformation"].describe_stack_resource(
            StackName=stage.stack, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    try:
        function, queue = physical(stream.FUNCTION), physical("UnsentEvents")
    except ClientError as error:
        print(f"{stage.stack} sends no events, or you may not look: {error}", file=sys.stderr)
        return 1

    def publish(event: dict[str, Any]) -> Any:
        answer = clients["lambda"].invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())

    sent, faults = redrive(clients["sqs"], clients["dynamodbstreams"], queue, publish)
    print(f"Told of {sent} writes again.", *faults, sep="\n", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

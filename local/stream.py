"""The table's stream: hands what was written to a function, as Lambda's event source mapping does.

Source: "Change data capture for DynamoDB Streams" of the DynamoDB guide, "Using AWS Lambda with Amazon
DynamoDB" of the Lambda guide.
"""

from __future__ import annotations

import base64
import sys
import threading
import time
import traceback
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.invoke import Invoker
    from local.sam import Function

FUNCTION: Final = "PublishEventsFunction"
BATCH: Final = 100
# Seconds: between two looks at a shard, and between two looks for new shards.
_PAUSE: Final = 0.1
_SHARDS: Final = 5.0


def make_client(endpoint: str | None = None) -> Any:
    """A client of the stream's API, which an engine offers where it offers the table's."""
    config = Config(account_id_endpoint_mode="disabled")
    return botocore.session.get_session().create_client(
        "dynamodbstreams", endpoint_url=endpoint, config=config
    )


def as_event(records: list[dict[str, Any]], stream_arn: str) -> dict[str, Any]:
    """Records as Lambda hands them over, of what GetRecords gives: who has written is said in other words."""
    return {"Records": [_as_lambda_has_it(record) | {"eventSourceARN": stream_arn} for record in records]}


def _as_lambda_has_it(record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _in_json(record)
    if "userIdentity" in found:
        found["userIdentity"] = {
            name[0].lower() + name[1:]: value for name, value in found["userIdentity"].items()
        }
    return found


def _in_json(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.timestamp()
        case dict():
            return {name: _in_json(member) for name, member in value.items()}
        case list():
            return [_in_json(member) for member in value]
    return value


def shards(client: Any, stream_arn: str) -> Iterator[str]:
    """The ids of a stream's shards."""
    start: dict[str, str] = {}
    while True:
        described = client.describe_stream(StreamArn=stream_arn, **start)["StreamDescription"]
        yield from (shard["ShardId"] for shard in described["Shards"])
        if "LastEvaluatedShardId" not in described:
            return
        start = {"ExclusiveStartShardId": described["LastEvaluatedShardId"]}


class Reader:
    """Reads a stream from now on, all of its shards.

    Args:
        client: Of the stream's API.
        stream_arn: Which stream.
    """

    def __init__(self, client: Any, stream_arn: str) -> None:
        self._client = client
        self._arn = stream_arn
        self._iterators: dict[str, str | None] = {}
        self._looked = -_SHARDS
        # What is there already has been told of, or is nobody's business.
        self._look_for_shards("LATEST")

    def read(self) -> Iterator[dict[str, Any]]:
        """What has been written since the last look, as Lambda's events; each comes of one shard."""
        if time.monotonic() > self._looked + _SHARDS:
            self._look_for_shards("TRIM_HORIZON")
        for shard, iterator in list(self._iterators.items()):
            if iterator is None:
                continue  # It is closed, and read to its end.
            answer = self._client.get_records(ShardIterator=iterator, Limit=BATCH)
            self._iterators[shard] = answer.get("NextShardIterator")
            if answer["Records"]:
                yield as_event(answer["Records"], self._arn)

    def _look_for_shards(self, begin: str) -> None:
        self._looked = time.monotonic()
        for shard in shards(self._client, self._arn):
            if shard not in self._iterators:
                self._iterators[shard] = self._client.get_shard_iterator(
                    StreamArn=self._arn, ShardId=shard, ShardIteratorType=begin
                )["ShardIterator"]


class Readable(Protocol):
    """What events of a stream come from: a `Reader`."""

    def read(self) -> Iterator[dict[str, Any]]:
        """What is new."""


def follow(reader: Readable, function: Function, invoker: Invoker) -> Callable[[], None]:
    """Hand to a function whatever is written from now on, in a thread; returns what ends it.

    What fails is tried again, from the first record that did.
    """
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(_PAUSE):
            try:
                for event in reader.read():
                    _hand_over(event, function, invoker, ended)
            except Exception:
                print(f"The table's stream cannot be read:\n{traceback.format_exc()}", file=sys.stderr)

    threading.Thread(target=run, name="stream", daemon=True).start()
    return ended.set


def _hand_over(event: dict[str, Any], function: Function, invoker: Invoker, ended: threading.Event) -> None:
    left = event["Records"]
    for pause in (0.1, 0.5, 2.0, None):
        succeeded, answer = invoker.submit(function, {"Records": left}, str(uuid.uuid4())).result()
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]} if succeeded else None
        if failed == set():
            return
        numbers = [record["dynamodb"]["SequenceNumber"] for record in left]
        left = left[min(map(numbers.index, failed)) :] if failed else left
        if pause is None or ended.wait(pause):
            print(f"{function.name} was given up on: {numbers}", file=sys.stderr)
            return

"""The way from a write to the bus, by the table's own stream; and again, for what was given up."""

import itertools
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import botocore.session
import pytest

from local import sam, stream, template
from signet import wiring
from signet.store.table import Check, Key, PartsRefused
from signet.store.users import _change, find_user
from signet.usecases import invalidation
from tests.deployment import PASSWORD, URL, Deployment, load_template
from tests.moto_aws import PATIENCE
from tools.redrive import redrive

_numbers = itertools.count()


class Streamed:
    """A deployment whose table has a stream, and its reader."""

    def __init__(self, signet: Deployment, arn: str) -> None:
        self.signet = signet
        self.arn = arn
        self.client = stream.make_client(os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
        self._reader = stream.Reader(self.client, arn)
        self.events: list[dict[str, Any]] = []

    def do(self, operation: str, **fields: Any) -> Any:
        """Invoke an operation in the application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def read(self, records: int) -> list[dict[str, Any]]:
        """Wait for so many records of what makes events; gives them as Lambda's events."""
        end, found = time.monotonic() + PATIENCE, list[dict[str, Any]]()
        while sum(self._counts(event) for event in found) < records:
            assert time.monotonic() < end, "the stream does not have what was written"
            found += self._reader.read()
            time.sleep(0.01)
        return found

    @staticmethod
    def _counts(event: dict[str, Any]) -> int:
        return sum(record["dynamodb"]["Keys"]["sk"]["S"] == "USER" for record in event["Records"])

    def publish(self, event: dict[str, Any]) -> Any:
        """Hand an event to the function; it takes it for its own table's."""
        return self.signet.invoke("publish_events", event)

    def told(self) -> list[tuple[str, int]]:
        """Kind and sequence of what has been sent."""
        details = [(entry["DetailType"], json.loads(entry["Detail"])) for entry in self.signet.sent]
        return [(kind, detail["sequence"]) for kind, detail in details if kind.startswith("User")]


@pytest.fixture
def streamed(signet: Deployment) -> Iterator[Streamed]:
    """A small table of its own, with a stream, in the place of the deployment's: moto copies whole tables."""
    name = f"{signet.table_name}-streamed-{next(_numbers)}"
    template_ = load_template()
    resolver = template.Resolver(template_, sam.physical_values(template_, URL, name, "key"), sam.PARAMETERS)
    client = wiring.make_client("dynamodb")
    arn = client.call("CreateTable", sam.read_table(resolver, name, has_stream=True).create)[
        "TableDescription"
    ]["LatestStreamArn"]
    while client.call("DescribeTable", {"TableName": name})["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(0.02)
    items = signet.items()
    with moved(signet, name):
        for item in items:
            signet.put_item(item)
        yield Streamed(signet, arn)
    client.call("DeleteTable", {"TableName": name})


@contextmanager
def moved(signet: Deployment, table: str) -> Iterator[None]:
    """Have all functions use another table."""
    policies = {
        name: tuple(
            statement._replace(
                resources=tuple(
                    arn.replace(f"table/{signet.table_name}", f"table/{table}") for arn in statement.resources
                )
            )
            for statement in statements
        )
        for name, statements in signet.policies.items()
    }
    with (
        mock.patch.dict(os.environ, {"TABLE_NAME": table}),
        mock.patch.multiple(signet, table_name=table, policies=policies, index=None),
    ):
        signet.restart()
        yield
    signet.restart()


def test_a_write_ends_in_events_on_the_bus(streamed: Streamed) -> None:
    """Through the real stream, records and all; each user's in the order of its sequence."""
    ann = streamed.do("create_user", email="ann@example.com", password=PASSWORD)["id"]
    for name in ("Ann", "Anna"):
        streamed.do("update_user", experienceUserId=ann, firstName=name)
    streamed.do("delete_user", experienceUserId=ann)
    for event in streamed.read(4):
        assert streamed.publish(event) == {"batchItemFailures": []}
    assert streamed.told() == [("UserCreated", 0), ("UserUpdated", 1), ("UserUpdated", 2), ("UserDeleted", 3)]


def test_a_write_that_failed_is_told_of_by_nobody(streamed: Streamed) -> None:
    """A transaction that is refused leaves nothing in the stream."""
    ann = streamed.do("create_user", email="ann@example.com", password=PASSWORD)["id"]
    tenant = streamed.signet.tenant
    user = find_user(tenant, ann)
    assert user is not None
    change = _change(tenant, user, replace(user, first_name="Eve", revision=1), ends_tokens=None)
    with pytest.raises(PartsRefused):
        tenant.table.write(change, Check(Key("APP#none", "APP"), "attribute_exists(pk)"))
    invalidation.invalidate_user_tokens(tenant, ann)
    for event in streamed.read(2):
        streamed.publish(event)
    assert streamed.told() == [("UserCreated", 0)]


@pytest.mark.parametrize("names_shard", [True, False])
def test_what_was_given_up_is_sent_by_a_redrive(streamed: Streamed, *, names_shard: bool) -> None:
    """A message names a place in the stream; with the same ids as the first time, and then it is gone."""
    ann = streamed.do("create_user", email="ann@example.com", password=PASSWORD)["id"]
    streamed.do("update_user", experienceUserId=ann, firstName="Ann")
    sqs = botocore.session.get_session().create_client("sqs")
    queue = sqs.create_queue(QueueName=streamed.signet.table_name)["QueueUrl"]
    for event in streamed.read(2):
        streamed.publish(event)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        body = given_up(streamed, numbers)
        if not names_shard:
            del body["DDBStreamBatchInfo"]["shardId"]
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))
    first = [entry["Detail"] for entry in streamed.signet.sent]
    with mock.patch("tools.redrive.VISIBILITY_SECONDS", 30):
        sent, faults = redrive(WithoutWaiting(sqs), streamed.client, queue, streamed.publish)
    assert faults == []
    assert sent >= 2
    assert sorted(entry["Detail"] for entry in streamed.signet.sent) == sorted([*first, *first])
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_what_fails_again_stays_in_the_queue(streamed: Streamed) -> None:
    """And is named, without anything of what was written."""
    streamed.do("create_user", email="ann@example.com", password=PASSWORD)
    sqs = botocore.session.get_session().create_client("sqs")
    queue = sqs.create_queue(QueueName=streamed.signet.table_name)["QueueUrl"]
    for event in streamed.read(1):
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(given_up(streamed, numbers)))
    answer = {"batchItemFailures": [{"itemIdentifier": "1"}]}
    sent, faults = redrive(WithoutWaiting(sqs), streamed.client, queue, lambda _: answer)
    assert sent == 0
    assert faults
    assert all("failed again" in fault for fault in faults)
    waiting = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert int(waiting["ApproximateNumberOfMessagesNotVisible"]) == len(faults)


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        "[]",
        "{}",
        '{"DDBStreamBatchInfo": null}',
        '{"DDBStreamBatchInfo": "streamArn"}',
        '{"DDBStreamBatchInfo": {"streamArn": "a"}}',
    ],
)
def test_a_message_that_names_no_place_stays_in_the_queue(streamed: Streamed, body: str) -> None:
    """It is somebody else's: those beside it are sent all the same."""
    streamed.do("create_user", email="ann@example.com", password=PASSWORD)
    sqs = botocore.session.get_session().create_client("sqs")
    queue = sqs.create_queue(QueueName=streamed.signet.table_name)["QueueUrl"]
    left = sqs.send_message(QueueUrl=queue, MessageBody=body)["MessageId"]
    for event in streamed.read(1):
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(given_up(streamed, numbers)))
    sent, faults = redrive(WithoutWaiting(sqs), streamed.client, queue, streamed.publish)
    assert sent
    assert faults == [f"Message {left} names no place in a stream; it stays there."]
    waiting = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert int(waiting["ApproximateNumberOfMessagesNotVisible"]) == 1
    sqs.delete_queue(QueueUrl=queue)


def test_what_is_still_not_understood_stays_in_the_queue(streamed: Streamed) -> None:
    """The function puts its place there anew, and the redrive comes to an end all the same."""
    ann = f"APP#{streamed.signet.application_id}#USER#{'a' * 24}"
    item = {"pk": {"S": ann}, "sk": {"S": "USER"}, "revision": {"S": "none"}, "created_at": {"N": "1"}}
    streamed.signet.put_item(item)
    sqs = botocore.session.get_session().create_client("sqs")
    url = wiring.settings().unsent_queue_url or ""
    name = url.rpartition("/")[2]
    queue = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    for event in streamed.read(1):
        assert streamed.publish(event) == {"batchItemFailures": []}
    _, faults = redrive(WithoutWaiting(sqs), streamed.client, queue, streamed.publish)
    assert len(faults) == 1
    assert "not understood" in faults[0]
    waiting = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert int(waiting["ApproximateNumberOfMessagesNotVisible"]) == 1
    sqs.delete_queue(QueueUrl=queue)
    sqs.create_queue(QueueName=name)


class WithoutWaiting:
    """SQS, which is asked once whether there is more."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs

    def receive_message(self, **request: Any) -> Any:
        """At once."""
        return self._sqs.receive_message(**request | {"WaitTimeSeconds": 0})

    def delete_message(self, **request: Any) -> Any:
        """As it is."""
        return self._sqs.delete_message(**request)


def given_up(streamed: Streamed, numbers: list[str]) -> dict[str, Any]:
    """What Lambda puts into the queue ("Using AWS Lambda with Amazon DynamoDB": on-failure destinations)."""
    shards = streamed.client.describe_stream(StreamArn=streamed.arn)["StreamDescription"]["Shards"]
    (shard,) = [one["ShardId"] for one in shards if holds(streamed, one["ShardId"], numbers[0])]
    return {
        "requestContext": {
            "requestId": "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81",
            "functionArn": streamed.signet.function("publish_events").arn,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 1,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2019-11-14T00:13:49.717Z",
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": numbers[0],
            "endSequenceNumber": numbers[-1],
            "approximateArrivalOfFirstRecord": "2019-11-14T00:13:19Z",
            "approximateArrivalOfLastRecord": "2019-11-14T00:13:19Z",
            "batchSize": len(numbers),
            "streamArn": streamed.arn,
        },
    }


def holds(streamed: Streamed, shard: str, number: str) -> bool:
    iterator = streamed.client.get_shard_iterator(
        StreamArn=streamed.arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streamed.client.get_records(ShardIterator=iterator)["Records"]
    return number in [record["dynamodb"]["SequenceNumber"] for record in records]

"""What happens, as `EVENTS=1 make run` hears of it: the bus, and what reads the table's stream."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import botocore.session
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from botocore.parsers import create_parser

from local import aws, sam, stream
from local.bus import EventBus
from local.invoke import Invoker
from local.sam import Function
from signet.edge.table_stream import TTL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

FUNCTION = Function(stream.FUNCTION, "module", "lambda_handler", {}, timeout=5)


def test_the_bus_prints_and_keeps_what_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a rule's target would get it, one event a line; what an earlier run has kept is gone."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    kept = tmp_path / "events.jsonl"
    kept.write_text("old\n")
    url = aws.start(EventBus(kept))
    client = botocore.session.get_session().create_client("events", sam.REGION, endpoint_url=url)
    entries = [
        {"Source": "signet", "DetailType": kind, "Detail": json.dumps({"kind": kind}), "EventBusName": "b"}
        for kind in ("UserCreated", "UserDeleted")
    ]
    answer = client.put_events(Entries=[{**entry, "Time": 1_795_780_800} for entry in entries])
    assert answer["FailedEntryCount"] == 0
    events = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [event["id"] for event in events] == [entry["EventId"] for entry in answer["Entries"]]
    assert [event["detail-type"] for event in events] == ["UserCreated", "UserDeleted"]
    assert (
        events[0].items()
        >= {
            "source": "signet",
            "time": "2026-11-27T12:00:00Z",
            "region": sam.REGION,
            "account": sam.ACCOUNT,
            "detail": {"kind": "UserCreated"},
        }.items()
    )
    assert capsys.readouterr().err == kept.read_text()


def test_a_record_is_as_lambda_hands_it_over() -> None:
    """Of what botocore makes of GetRecords: times, bytes, and who has removed what was past its time."""
    body = {
        "Records": [
            {
                "eventID": "1",
                "eventName": "REMOVE",
                "eventSource": "aws:dynamodb",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_795_780_800,
                    "Keys": {"pk": {"S": "a"}},
                    "OldImage": {"pk": {"S": "a"}, "digest": {"B": "AAE="}},
                    "SequenceNumber": "100000000003498069978",
                },
                "userIdentity": {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"},
            }
        ]
    }
    model = botocore.session.Session().get_service_model("dynamodbstreams")
    shape = model.operation_model("GetRecords").output_shape
    response = {"status_code": 200, "headers": {}, "body": json.dumps(body).encode()}
    records = create_parser("json").parse(response, shape)["Records"]
    (record,) = json.loads(json.dumps(stream.as_event(records, "arn")))["Records"]
    assert record["eventSourceARN"] == "arn"
    read = DynamoDBRecord(record)
    assert read.user_identity == TTL
    assert read.dynamodb is not None
    assert read.dynamodb.approximate_creation_date_time == 1_795_780_800
    assert record["dynamodb"]["OldImage"]["digest"] == {"B": "AAE="}


class Once:
    """A stream in which a few records stand."""

    def __init__(self, *numbers: str) -> None:
        records = [{"dynamodb": {"SequenceNumber": number}} for number in numbers]
        self._events = [{"Records": records}]

    def read(self) -> Iterator[dict[str, Any]]:
        """Them, the first time."""
        while self._events:
            yield self._events.pop()


def test_what_fails_is_handed_over_again_from_there_on() -> None:
    """As Lambda does it: from the first record that failed, or all where the function itself did."""
    tried, done = list[list[str]](), threading.Event()

    def handle(event: dict[str, Any], _: object) -> dict[str, Any]:
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        tried.append(numbers)
        if len(tried) == 1:
            raise RuntimeError
        if len(tried) == 2:
            return {"batchItemFailures": [{"itemIdentifier": number} for number in ("3", "2")]}
        done.set()
        return {"batchItemFailures": []}

    invoker = Invoker(lambda _: handle)
    end = stream.follow(Once("1", "2", "3"), FUNCTION, invoker)
    assert done.wait(30)
    end()
    invoker.close()
    assert tried == [["1", "2", "3"], ["1", "2", "3"], ["2", "3"]]

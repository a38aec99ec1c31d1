"""Consumed units: a warm request's calls, sent with `ReturnConsumedCapacity` to an engine that counts them.

The engine is Dynoxide, whose table holds what the subject's had before its first call. Moto answers 0.5 for
a consistent read, 1 for every write and nothing for a transaction.
"""

import base64
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from local import sam
from tests.engine import running_engine

_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})
_IDS = (
    (re.compile(r"^APP#[^#]+"), "APP#<app>"),
    (re.compile(r"#(USER|EMAIL|IDENTITY|GROUP|ATTEMPT)#.+"), r"#\1#<own>"),
)
"""What makes one partition key of many: `<own>` is somebody's own."""


class Counter:
    """An engine with the template's table."""

    def __init__(self, url: str) -> None:
        self._client = botocore.session.get_session().create_client(
            "dynamodb",
            sam.REGION,
            endpoint_url=url,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - the engine takes any
            config=Config(parameter_validation=False),
        )
        self._client.meta.events.register("provide-client-params.dynamodb", _ask_for_units)

    def count(self, calls: Sequence[Any], table: Mapping[str, Any], items: Sequence[Any]) -> dict[str, Any]:
        """The units that some calls consume.

        Args:
            calls: Service, operation and parameters of each.
            table: CreateTable's arguments for the table that they use.
            items: What the table holds before.

        Returns:
            `read` and `write`: DynamoDB's read and write request units; `calls`: of each call, what it asks
            for and which partition keys it goes to, with the units of the table and of the index.
        """
        self._restore(table, items)
        rows = [
            self._count(operation, _restore_bytes(parameters))
            for service, operation, parameters in calls
            if service == "dynamodb"
        ]
        units = {
            kind: sum(row["table"] + row["index"] for row in rows if row["kind"] == kind)
            for kind in ("read", "write")
        }
        return {**units, "calls": rows}

    def _count(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        row = {
            "operation": operation,
            "kind": "read" if operation in _READS else "write",
            "partitions": sorted({partition_of(key) for key in partition_keys(parameters)}),
        }
        try:
            answer = getattr(self._client, xform_name(operation))(**parameters)
        except ClientError as error:
            # A condition that failed costs as much as the write; the engine does not say how much.
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return {**row, "table": 1.0, "index": 0.0}
            raise
        consumed = answer["ConsumedCapacity"]
        parts = consumed if isinstance(consumed, list) else [consumed]
        total = float(sum(part["CapacityUnits"] for part in parts))
        index = float(
            sum(
                one["CapacityUnits"]
                for part in parts
                for one in part.get("GlobalSecondaryIndexes", {}).values()
            )
        )
        return {**row, "table": total - index, "index": index}

    def _restore(self, table: Mapping[str, Any], items: Sequence[Any]) -> None:
        name = table["TableName"]
        if name in self._client.list_tables()["TableNames"]:
            self._client.delete_table(TableName=name)
        self._client.create_table(**table)
        while self._client.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
            time.sleep(0.01)
        for item in items:
            self._client.put_item(TableName=name, Item=item)


@contextmanager
def counter() -> Iterator[Counter]:
    """A running engine."""
    with running_engine("dynoxide") as url:
        yield Counter(url)


def partition_keys(parameters: Any) -> set[str]:
    """The partition keys that a call's parameters name: those of items and keys, and a query's."""
    if isinstance(parameters, list):
        return set().union(*map(partition_keys, parameters))
    if not isinstance(parameters, dict):
        return set()
    own = {value for name in ("pk", ":pk", ":partition") if (value := _text(parameters.get(name)))}
    return own.union(*map(partition_keys, parameters.values()))


def partition_of(key: str) -> str:
    """A partition key without what is one application's, one user's or one group's."""
    for pattern, name in _IDS:
        key = pattern.sub(name, key)
    return key


def _text(attribute: Any) -> str | None:
    return attribute.get("S") if isinstance(attribute, dict) else None


def _ask_for_units(params: dict[str, Any], model: Any, **_: Any) -> None:
    if model.input_shape and "ReturnConsumedCapacity" in model.input_shape.members:
        params["ReturnConsumedCapacity"] = "INDEXES"


def _restore_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {name: _restore_bytes(member) for name, member in value.items()}
    return [_restore_bytes(element) for element in value] if isinstance(value, list) else value

"""Consumed units: a warm request's calls, sent with `ReturnConsumedCapacity` to an engine that counts them.

The engine is Dynoxide, whose table holds what the subject's had before its first call. Moto answers 0.5 for
a consistent read, 1 for every write and nothing for a transaction.
"""

import base64
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

    def count(self, calls: Sequence[Any], table: Mapping[str, Any], items: Sequence[Any]) -> dict[str, float]:
        """The units that some calls consume.

        Args:
            calls: Service, operation and parameters of each.
            table: CreateTable's arguments for the table that they use.
            items: What the table holds before.

        Returns:
            `read` and `write`: DynamoDB's read and write request units.
        """
        units = {"read": 0.0, "write": 0.0}
        self._restore(table, items)
        for service, operation, parameters in calls:
            if service == "dynamodb":
                kind = "read" if operation in _READS else "write"
                units[kind] += self._units(operation, _restore_bytes(parameters))
        return units

    def _units(self, operation: str, parameters: dict[str, Any]) -> float:
        try:
            answer = getattr(self._client, xform_name(operation))(**parameters)
        except ClientError as error:
            # A condition that failed costs as much as the write; the engine does not say how much.
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return 1.0
            raise
        consumed = answer["ConsumedCapacity"]
        parts = consumed if isinstance(consumed, list) else [consumed]
        return float(sum(part["CapacityUnits"] for part in parts))

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


def _ask_for_units(params: dict[str, Any], model: Any, **_: Any) -> None:
    if model.input_shape and "ReturnConsumedCapacity" in model.input_shape.members:
        params["ReturnConsumedCapacity"] = "TOTAL"


def _restore_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {name: _restore_bytes(member) for name, member in value.items()}
    return [_restore_bytes(element) for element in value] if isinstance(value, list) else value

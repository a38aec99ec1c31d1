"""The DynamoDB table: consistent reads, conditional writes, and failures as exceptions of our own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from signet.errors import Unavailable
from signet.store.attributes import Attribute, Item, from_attributes, to_attributes

if TYPE_CHECKING:
    from botocore.client import BaseClient

TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


class ConditionFailed(Exception):
    """A write's condition did not hold, so nothing was written."""


class TransactionCancelled(Exception):
    """A transaction was cancelled, so nothing was written.

    Attributes:
        reasons: One per part: `None`, `ConditionalCheckFailed`, `TransactionConflict` …
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(", ".join(reasons))


@dataclass(frozen=True, slots=True)
class Key:
    """An item's primary key."""

    pk: str
    sk: str

    @property
    def attributes(self) -> dict[str, Attribute]:
        """As DynamoDB takes it."""
        return {"pk": {"S": self.pk}, "sk": {"S": self.sk}}


class Table:
    """One table, through a botocore client."""

    def __init__(self, client: "BaseClient", name: str) -> None:
        self.client = client
        self.name = name

    def find(self, key: Key) -> Item | None:
        """The item, read consistently, or None. One round trip.

        Raises:
            Unavailable: DynamoDB did not answer, or throttled; so for every method here.
        """
        answer = _call(self.client.get_item, TableName=self.name, Key=key.attributes, ConsistentRead=True)
        item = answer.get("Item")
        return None if item is None else from_attributes(item)

    def query(self, pk: str) -> list[Item]:
        """All items of a partition, read consistently, in the order of their sort keys."""
        items: list[Item] = []
        start: Mapping[str, object] = {}
        while True:
            answer = _call(
                self.client.query,
                TableName=self.name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                ConsistentRead=True,
                **start,
            )
            items += map(from_attributes, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return items
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def update(
        self,
        key: Key,
        expression: str,
        values: Mapping[str, object],
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Item:
        """Change one item, and return it as it is afterwards.

        Raises:
            ConditionFailed: The condition does not hold.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "Key": key.attributes,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": to_attributes(values),
            "ReturnValues": "ALL_NEW",
        }
        if condition is not None:
            request["ConditionExpression"] = condition
        if names:
            request["ExpressionAttributeNames"] = dict(names)
        answer = _call(self.client.update_item, **request)
        return from_attributes(answer["Attributes"])

    def insert(self, key: Key, item: Mapping[str, object]) -> None:
        """Write an item where there is none.

        Raises:
            ConditionFailed: There is one.
        """
        _call(self.client.put_item, **self._insertion(key, item))

    def insert_all(self, items: Mapping[Key, Mapping[str, object]]) -> None:
        """Write several items, each where there is none: all of them or nothing.

        Raises:
            TransactionCancelled: One is there, or another write got in the way.
        """
        parts = [{"Put": self._insertion(key, item)} for key, item in items.items()]
        _call(self.client.transact_write_items, TransactItems=parts)

    def _insertion(self, key: Key, item: Mapping[str, object]) -> dict[str, Any]:
        return {
            "TableName": self.name,
            "Item": key.attributes | to_attributes(item),
            "ConditionExpression": "attribute_not_exists(pk)",
        }


def _call(method: Callable[..., Any], **request: object) -> Any:
    try:
        return method(**request)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            raise ConditionFailed from error
        if code == "TransactionCanceledException":
            reasons = error.response.get("CancellationReasons", [])
            raise TransactionCancelled([reason["Code"] for reason in reasons]) from error
        if code in TRANSIENT:
            raise _unavailable() from error
        raise
    except BotoCoreError as error:
        # A time-out, a refused connection, credentials that could not be fetched.
        raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable("The store did not answer in time; what was asked may not have happened. Try again.")

"""The DynamoDB table: consistent reads, conditional writes, and failures as exceptions of our own."""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from signet import deadline
from signet.aws.client import AwsError, Client, OutOfTime, Refused
from signet.domain.reasons import Because
from signet.errors import Unavailable
from signet.store.attributes import Attribute, Item, from_attributes, to_attributes

INDEX = "by_application"
"""The index that lists what belongs to an application: `list_pk`, then `list_sk`, the keys alone."""

REFUSED = "ConditionalCheckFailed"
BATCH = 100


class ConditionFailed(Exception):
    """A write's condition did not hold, so nothing was written.

    Attributes:
        item: The item as it was, where the write asked for it and there is one.
    """

    def __init__(self, item: Item | None = None) -> None:
        self.item = item
        super().__init__()


class PartsRefused(Exception):
    """The conditions of some parts of a transaction did not hold, so nothing was written.

    Attributes:
        places: Where those parts stood among the parts that were given.
    """

    def __init__(self, places: Sequence[int]) -> None:
        self.places = frozenset(places)
        super().__init__(f"parts {sorted(places)}")


class _TransactionCancelled(Exception):
    """A transaction was cancelled. The reasons, one a part, are what tells a conflict from a refusal."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(", ".join(reasons))


# A named tuple is made in a fifth of a frozen dataclass's time, and every function makes these.
class Key(NamedTuple):
    """An item's primary key."""

    pk: str
    sk: str

    @property
    def attributes(self) -> dict[str, Attribute]:
        """As DynamoDB takes it."""
        return {"pk": {"S": self.pk}, "sk": {"S": self.sk}}


class Insert(NamedTuple):
    """Writes an item where there is none."""

    key: Key
    item: Mapping[str, object]

    def request(self, table_name: str) -> dict[str, Any]:
        """The part as TransactWriteItems takes it; so for every part."""
        put = {
            "TableName": table_name,
            "Item": self.key.attributes | to_attributes(self.item),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return {"Put": put}


class Put(NamedTuple):
    """Writes an item in place of whatever is there."""

    key: Key
    item: Mapping[str, object]

    def request(self, table_name: str) -> dict[str, Any]:
        """The part."""
        return {"Put": {"TableName": table_name, "Item": self.key.attributes | to_attributes(self.item)}}


class Update(NamedTuple):
    """Changes an item.

    Attributes:
        key: Which one.
        expression: The update expression.
        values: Its values, and the condition's, by their names with the colon.
        condition: What must hold of the item; None for nothing.
        names: What stands for attribute names that DynamoDB reserves.
    """

    key: Key
    expression: str
    values: Mapping[str, object]
    condition: str | None = None
    names: Mapping[str, str] | None = None

    def request(self, table_name: str) -> dict[str, Any]:
        """The part."""
        request: dict[str, Any] = {
            "TableName": table_name,
            "Key": self.key.attributes,
            "UpdateExpression": self.expression,
            "ExpressionAttributeValues": to_attributes(self.values),
        }
        if self.condition is not None:
            request["ConditionExpression"] = self.condition
        if self.names:
            request["ExpressionAttributeNames"] = dict(self.names)
        return {"Update": request}


class Delete(NamedTuple):
    """Removes an item, if there is one and the condition holds."""

    key: Key
    condition: str | None = None
    values: Mapping[str, object] | None = None

    def request(self, table_name: str) -> dict[str, Any]:
        """The part."""
        request: dict[str, Any] = {"TableName": table_name, "Key": self.key.attributes}
        if self.condition is not None:
            request["ConditionExpression"] = self.condition
        if self.values:
            request["ExpressionAttributeValues"] = to_attributes(self.values)
        return {"Delete": request}


class Check(NamedTuple):
    """Changes nothing, and demands that something holds of an item."""

    key: Key
    condition: str
    values: Mapping[str, object] | None = None

    def request(self, table_name: str) -> dict[str, Any]:
        """The part."""
        check = {"TableName": table_name, "Key": self.key.attributes, "ConditionExpression": self.condition}
        if self.values:
            check["ExpressionAttributeValues"] = to_attributes(self.values)
        return {"ConditionCheck": check}


type Part = Insert | Put | Update | Delete | Check

MAX_PARTS = 100
"""How many parts DynamoDB takes in one transaction."""


class Table:
    """One table."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name

    def find(self, key: Key) -> Item | None:
        """The item, read consistently, or None. One round trip.

        Raises:
            Unavailable: DynamoDB did not answer, or throttled, or the invocation has no time left to ask it;
                so for every method here.
        """
        answer = self._call("GetItem", TableName=self.name, Key=key.attributes, ConsistentRead=True)
        item = answer.get("Item")
        return None if item is None else from_attributes(item)

    def query(self, pk: str) -> list[Item]:
        """All items of a partition, read consistently, in the order of their sort keys."""
        items: list[Item] = []
        start: Mapping[str, object] = {}
        while True:
            answer = self._call(
                "Query",
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

    def query_range(
        self, pk: str, first: str, last: str, *, limit: int, descending: bool = False
    ) -> tuple[list[Item], bool]:
        """Up to `limit` items of a partition from one sort key to another, read consistently.

        One round trip for each megabyte of them.

        Args:
            pk: The partition key.
            first: The least sort key.
            last: The greatest sort key.
            limit: How many at most.
            descending: Whether the last come first.

        Returns:
            The items, and whether there are more.
        """
        items: list[Item] = []
        begin: Mapping[str, object] = {}
        while True:
            # One more than asked for tells whether there are more.
            answer = self._call(
                "Query",
                TableName=self.name,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                ExpressionAttributeValues=to_attributes({":pk": pk, ":first": first, ":last": last}),
                ConsistentRead=True,
                ScanIndexForward=not descending,
                Limit=limit + 1 - len(items),
                **begin,
            )
            items += map(from_attributes, answer["Items"])
            if "LastEvaluatedKey" not in answer or len(items) > limit:
                return items[:limit], len(items) > limit
            begin = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def query_index(
        self, partition: str, limit: int, *, after: tuple[Key, str] | None = None, descending: bool = False
    ) -> tuple[list[Item], bool]:
        """The keys of up to `limit` entries of the index, and whether there are more.

        Args:
            partition: The index's partition.
            limit: How many at most.
            after: The key of the item, and the sort key in the index, behind which to begin.
            descending: Whether the last come first.
        """
        start = None
        if after is not None:
            key, sort_key = after
            start = key.attributes | {"list_pk": {"S": partition}, "list_sk": {"S": sort_key}}
        return self.query_keys(
            "list_pk", partition, limit=limit, index=INDEX, start=start, descending=descending
        )

    def query_keys(
        self,
        partition_key: str,
        partition: str,
        *,
        limit: int,
        index: str | None = None,
        sort_prefix: str | None = None,
        start: Mapping[str, Attribute] | None = None,
        descending: bool = False,
    ) -> tuple[list[Item], bool]:
        """The keys of up to `limit` items of a partition. One round trip for each megabyte of them.

        Args:
            partition_key: The name of the partition key.
            partition: Its value.
            limit: How many at most.
            index: An index to ask; it is read eventually consistently.
            sort_prefix: What the table's own sort keys begin with.
            start: The keys behind which to begin.
            descending: Whether the last come first.

        Returns:
            The items' keys, and whether there are more.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": f"{partition_key} = :partition",
            "ExpressionAttributeValues": {":partition": {"S": partition}},
            "ScanIndexForward": not descending,
        }
        if index is None:
            request |= {"ConsistentRead": True, "ProjectionExpression": "pk, sk"}
        else:
            request["IndexName"] = index
        if sort_prefix is not None:
            request["KeyConditionExpression"] += " AND begins_with(sk, :prefix)"
            request["ExpressionAttributeValues"][":prefix"] = {"S": sort_prefix}
        items: list[Item] = []
        while True:
            begin = {} if start is None else {"ExclusiveStartKey": start}
            # One more than asked for tells whether there are more.
            answer = self._call("Query", **request, **begin, Limit=limit + 1 - len(items))
            items += map(from_attributes, answer["Items"])
            start = answer.get("LastEvaluatedKey")
            if start is None or len(items) > limit:
                return items[:limit], len(items) > limit

    def scan_keys(self, prefix: str, after: Key | None) -> tuple[list[Key], Key | None]:
        """The keys of items in the next megabyte of the table, whose partition key begins with a prefix.

        One round trip, read consistently; in whichever order.

        Args:
            prefix: How the partition key begins.
            after: Behind which key of the table; None for its beginning.

        Returns:
            The keys, and that behind which the next page begins; None where there is none.
        """
        begin: dict[str, object] = {} if after is None else {"ExclusiveStartKey": after.attributes}
        answer = self._call(
            "Scan",
            TableName=self.name,
            # Said, since IAM goes by it: no attribute but the keys may be read.
            Select="SPECIFIC_ATTRIBUTES",
            ProjectionExpression="pk, sk",
            FilterExpression="begins_with(pk, :prefix)",
            ExpressionAttributeValues={":prefix": {"S": prefix}},
            ConsistentRead=True,
            **begin,
        )
        keys = [Key(item["pk"], item["sk"]) for item in map(from_attributes, answer["Items"])]
        last = from_attributes(answer["LastEvaluatedKey"]) if "LastEvaluatedKey" in answer else None
        return keys, None if last is None else Key(last["pk"], last["sk"])

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
        request = Update(key, expression, values, condition, names).request(self.name)["Update"]
        # The item comes with a failed condition too, which costs nothing and may explain it.
        returned = {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        answer = self._call("UpdateItem", **request, **returned)
        return from_attributes(answer["Attributes"])

    def find_all(self, keys: Iterable[Key], attributes: Collection[str] = ()) -> dict[Key, Item]:
        """Those of the items that there are, read consistently. One round trip for each hundred keys.

        Args:
            keys: Theirs.
            attributes: Those that are read besides the keys; none for all. Of many items most of the time
                goes into attributes.

        Raises:
            Unavailable: DynamoDB read none of the keys, again and again.
        """
        wanted = list(dict.fromkeys(keys))
        items: dict[Key, Item] = {}
        names = {f"#{place}": name for place, name in enumerate(sorted({"pk", "sk", *attributes}))}
        read: dict[str, Any] = {"ConsistentRead": True}
        if attributes:
            read |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
        attempts = deadline.attempts()
        while wanted:
            if next(attempts, None) is None:
                raise _unavailable()
            request = [key.attributes for key in wanted[:BATCH]]
            answer = self._call("BatchGetItem", RequestItems={self.name: read | {"Keys": request}})
            for found in answer["Responses"].get(self.name, []):
                item = from_attributes(found)
                items[Key(item["pk"], item["sk"])] = item
            # DynamoDB answers as many as it can, and names the others.
            unread = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if len(unread) < len(request):
                attempts = deadline.attempts()
            wanted = [Key(key["pk"]["S"], key["sk"]["S"]) for key in unread] + wanted[BATCH:]
        return items

    def write(self, *parts: Part) -> None:
        """Write all parts or nothing. One round trip; a conflict with another write is tried again.

        Raises:
            PartsRefused: The conditions of some parts do not hold.
            Unavailable: Other writes got in the way again and again.
        """
        request = [part.request(self.name) for part in parts]
        for _ in deadline.attempts():
            try:
                # With a token, DynamoDB takes a request that the client repeats for the same one.
                token = secrets.token_hex(16)
                self._call("TransactWriteItems", TransactItems=request, ClientRequestToken=token)
            except _TransactionCancelled as cancelled:
                refused = [place for place, reason in enumerate(cancelled.reasons) if reason == REFUSED]
                if refused:
                    raise PartsRefused(refused) from cancelled
            else:
                return
        raise _unavailable()

    def _call(self, operation: str, **request: object) -> dict[str, Any]:
        try:
            return self.client.call(operation, request)
        except OutOfTime as error:
            message = (
                "The store was too slow to begin with what was asked in the time that is left. Try again."
            )
            raise Unavailable(message) from error
        except AwsError as error:
            if error.is_transient or not isinstance(error, Refused):
                raise _unavailable() from error
            if error.code == "ConditionalCheckFailedException":
                attributes = error.details.get("Item")
                raise ConditionFailed(from_attributes(attributes) if attributes else None) from error
            if error.code == "TransactionCanceledException":
                reasons = error.details.get("CancellationReasons", [])
                raise _TransactionCancelled([reason["Code"] for reason in reasons]) from error
            raise


def new_mark() -> str:
    """What tells one write from every other one, also from one that is the same but for it."""
    return secrets.token_urlsafe(12)


def write_surely(write: Callable[[], None], is_done: Callable[[], bool]) -> None:
    """Write, and look whether it came about where no answer did: what is done is no failure.

    Raises:
        Unavailable: It did not, or nobody can tell.
    """
    try:
        write()
    except Unavailable:
        if not is_done():
            raise


def raise_surely(
    table: Table,
    key: Key,
    expression: str,
    values: Mapping[str, object],
    condition: str | None = None,
    *,
    because: Because,
) -> None:
    """Raise a generation; who hears of a failure has raised none, as far as that can be read back.

    Args:
        table: The table.
        key: Of the item that counts.
        expression: The update expression, without SET.
        values: As for `Table.update`; so for the condition.
        condition: What must hold.
        because: Why, for those who hear of it.

    Raises:
        ConditionFailed: It does not.
    """
    nonce = new_mark()

    def write() -> None:
        marked = f"SET invalidated_by = :nonce, ended_because = :because {expression}"
        try:
            table.update(key, marked, {**values, ":nonce": nonce, ":because": because}, condition=condition)
        except ConditionFailed as failed:
            # Our own write, which the client repeated because the first answer was lost, is a success.
            if not is_raised_by(failed.item, nonce):
                raise

    write_surely(write, lambda: is_raised_by(table.find_all([key]).get(key), nonce))


def is_raised_by(item: Item | None, nonce: str) -> bool:
    """Whether the last write that raised the item's generation with a mark was the one of this nonce."""
    return item is not None and item.get("invalidated_by") == nonce


def _unavailable() -> Unavailable:
    return Unavailable("The store did not answer in time; what was asked may not have happened. Try again.")

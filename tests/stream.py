"""What DynamoDB's stream says of a table's writes, for those that look at its items before and after."""

import base64
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from signet.edge.table_stream import TTL

type Item = Mapping[str, Any]

STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/{table}/stream/2026-11-27T00:00:00.000"
_numbers = itertools.count(100_000_000_000_000_000_001)


def records(
    table: str, before: Iterable[Item], after: Iterable[Item], *, seconds: int, by_ttl: bool = False
) -> list[dict[str, Any]]:
    """The records of the stream by which a table's items have become others, as Lambda hands them over.

    Of several writes of one item there would be several; here there is one, as if they were one write.

    Args:
        table: Its name.
        before: All items that there were, as DynamoDB has them.
        after: All items that there are.
        seconds: When, in Unix seconds.
        by_ttl: Whether what is gone has gone by TTL.
    """
    old, new = ({_key(item): item for item in items} for items in (before, after))
    return [
        record(table, old.get(key), new.get(key), seconds=seconds, by_ttl=by_ttl)
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def record(
    table: str, old: Item | None, new: Item | None, *, seconds: int, by_ttl: bool = False
) -> dict[str, Any]:
    """The record of one write."""
    either = new or old or {}
    number = next(_numbers)
    images = {"OldImage": old, "NewImage": new}
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": STREAM.format(table=table),
        "dynamodb": {
            "ApproximateCreationDateTime": seconds,
            "SequenceNumber": str(number),
            "Keys": {name: either[name] for name in ("pk", "sk")},
            **{name: _in_json(image) for name, image in images.items() if image is not None},
        },
        **({"userIdentity": TTL} if by_ttl and new is None else {}),
    }


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _in_json(value: Any) -> Any:
    """Bytes as Lambda writes them: in base64."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return {name: _in_json(member) for name, member in value.items()}
        case list():
            return [_in_json(member) for member in value]
    return value

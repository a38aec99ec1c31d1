"""Lists: pages, cursors, filters and queries. Pure: neither table nor HTTP."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from signet import base64url
from signet.errors import InvalidRequest
from signet.json_body import parse_object

MAX_EXAMINED = 20_000
"""How many entries a list by offset looks at: beyond it, only a walk by cursor has a constant cost."""

type Values = Callable[[str], str | None]
"""A record's value of a field, or None where it has none."""

type Predicate = Callable[[Values], bool]
"""Whether a record is in the list."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in an index: what a cursor remembers.

    Attributes:
        sort_key: By what the index sorts.
        record_id: The id of the record that stands there.
    """

    sort_key: str
    record_id: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a walk goes on.

    Attributes:
        entry: The last entry that was looked at; None at the beginning.
        found: How many records the walk has given so far.
    """

    entry: Entry | None = None
    found: int = 0

    def encode(self) -> str:
        """The cursor as a client hands it back: opaque, and worth nothing to anybody else."""
        entry = self.entry or Entry("", "")
        text = json.dumps([entry.sort_key, entry.record_id, self.found], separators=(",", ":"))
        return base64url.encode(text.encode())

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """The cursor that a client hands back; an empty text is the beginning.

        Raises:
            InvalidRequest: It is none of ours.
        """
        if not text:
            return cls()
        try:
            match json.loads(base64url.decode(text).decode("utf-8")):
                case [str(sort_key), str(record_id), int(found)] if sort_key and record_id and found >= 0:
                    return cls(Entry(sort_key, record_id), found)
        except (ValueError, RecursionError):
            pass
        message = "is no token of a list; hand back the one of the last page, or an empty one to begin."
        raise InvalidRequest.of("nextToken", message) from None


@dataclass(frozen=True, slots=True)
class Page[R]:
    """A page of a list.

    Attributes:
        items: The records.
        total: How many there are in all.
        is_lower_bound: Whether there may be more than `total`.
        next_token: Where a walk goes on; None at the end.
    """

    items: list[R]
    total: int
    is_lower_bound: bool = False
    next_token: str | None = None


def too_many(field: str) -> InvalidRequest:
    """The refusal of a list that would have to look at more than `MAX_EXAMINED` entries."""
    message = (
        f"needs a look at more than {MAX_EXAMINED} entries; use nextToken or the export."
        " An empty nextToken begins a walk."
    )
    return InvalidRequest.of(field, message)


def glob(field: str, pattern: str) -> Predicate:
    """Matches a field against a pattern in which `*` stands for any text, whatever the case."""
    first, *rest = pattern.casefold().split("*")

    def matches(values: Values) -> bool:
        text = (values(field) or "").casefold()
        if not rest:
            return text == first
        if not text.startswith(first):
            return False
        # Each part at its first place: linear in the text, which a regular expression need not be.
        place = len(first)
        for part in rest[:-1]:
            found = text.find(part, place)
            if found < 0:
                return False
            place = found + len(part)
        return len(text) - place >= len(rest[-1]) and text.endswith(rest[-1])

    return matches


def every(predicates: list[Predicate]) -> Predicate:
    """Matches where all do."""
    return lambda values: all(predicate(values) for predicate in predicates)


def parse_query(text: str, is_field: Callable[[str], bool]) -> Predicate:
    """Read a query: `$and`, `$or`, and fields with a value, `$eq`, `$ne` or `$in`.

    Args:
        text: A JSON object.
        is_field: Whether a name is a field that can be asked for.

    Raises:
        InvalidRequest: It is not JSON, or holds an operator or a field that is not supported: left
            out, it would give a list of others than were asked for.
    """
    try:
        return _conjunction(parse_object(text.encode("utf-8", "surrogatepass")), is_field)
    except InvalidRequest as error:
        fault = error.faults[0]
        if fault.path == ("query",):
            raise
        raise _refusal(fault.message.replace("The body", "")) from None


def _conjunction(query: Mapping[str, Any], is_field: Callable[[str], bool]) -> Predicate:
    return every([_clause(name, condition, is_field) for name, condition in query.items()])


def _clause(name: str, condition: object, is_field: Callable[[str], bool]) -> Predicate:
    if name in ("$and", "$or"):
        if not isinstance(condition, list) or not all(isinstance(one, dict) for one in condition):
            raise _refusal(f"{name} takes a list of objects")
        clauses = [_conjunction(one, is_field) for one in condition]
        return every(clauses) if name == "$and" else lambda values: any(one(values) for one in clauses)
    if name.startswith("$"):
        raise _refusal(f"does not support the operator {name[:64]!r}; use $and, $or, $eq, $ne, $in")
    if not is_field(name):
        raise _refusal(
            f"does not support the field {name[:64]!r}; use email, firstName, lastName, userTags.<name>"
        )
    if not isinstance(condition, dict):
        condition = {"$eq": condition}
    if not condition:
        raise _refusal(f"says nothing about {name}")
    return every([_comparison(name, operator, value) for operator, value in condition.items()])


def _comparison(field: str, operator: str, value: object) -> Predicate:
    if operator in ("$eq", "$ne"):
        wanted = [_operand(field, value)]
    elif operator == "$in":
        if not isinstance(value, list):
            raise _refusal(f"{field}.$in takes a list")
        wanted = [_operand(field, one) for one in value]
    else:
        raise _refusal(f"does not support the operator {operator[:64]!r}; use $eq, $ne, $in")
    return lambda values: (_folded(field, values(field)) in wanted) != (operator == "$ne")


def _operand(field: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _refusal(f"compares {field} with something that is neither text nor null")
    return _folded(field, value)


def _folded(field: str, value: str | None) -> str | None:
    """E-mail addresses are the same in any case; everything else is compared as it is."""
    return value.casefold() if value is not None and field == "email" else value


def _refusal(what: str) -> InvalidRequest:
    return InvalidRequest.of("query", what.strip().rstrip(".") + ".")

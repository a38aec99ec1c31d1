"""Lists: pages, cursors, filters and queries. Pure: neither table nor HTTP."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from signet.domain import base64url
from signet.domain.strict_json import parse_object
from signet.errors import InvalidRequest, shown

MAX_EXAMINED = 20_000
"""How many entries a list by offset looks at: beyond it, only a walk by cursor has a constant cost."""

MAX_SORT_KEY_BYTES = 1024
"""DynamoDB's limit."""

MAX_FOUND = 10**12
"""More records than a walk can have found."""

MAX_TERMS = 32
"""How many terms a query has in all, and how many stars a pattern: each is looked at for each record."""

type Values = Callable[[str], str | None]
"""A record's value of a field, or None where it has none."""

type Predicate = Callable[[Values], bool]
"""Whether a record is in the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records, in which order, and which page of them.

    Attributes:
        page: From 0.
        per_page: How many a page holds.
        sort_field: By what they are sorted.
        descending: Whether the last comes first.
        predicate: Which records; None for all.
        group: Of users, whose members: a group's id, `any` or `none`; None for all.
        next_token: Where a walk by cursor goes on, empty at its beginning; None for a page by offset.
    """

    page: int
    per_page: int
    sort_field: str
    descending: bool
    predicate: Predicate | None
    group: str | None = None
    next_token: str | None

    @property
    def selects(self) -> bool:
        """Whether some records are left out."""
        return self.predicate is not None or self.group is not None

    @property
    def first(self) -> int:
        """The place of the page's first record among all."""
        return self.page * self.per_page

    def cut[R](self, records: list[R]) -> list[R]:
        """Those of all records that the page holds."""
        return records[self.first : self.first + self.per_page]


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
        text = json.dumps([entry.sort_key, entry.record_id, self.found], ensure_ascii=False)
        return base64url.encode(text.encode())

    @classmethod
    def decode(cls, text: str, is_record: Callable[[str], bool]) -> "Cursor":
        """The cursor that a client hands back; an empty text is the beginning.

        Args:
            text: What came.
            is_record: Whether a text is an id of what is listed: it becomes a key.

        Raises:
            InvalidRequest: It is none of ours.
        """
        if not text:
            return cls()
        try:
            match json.loads(base64url.decode(text).decode("utf-8")):
                case [str(sort_key), str(record_id), int(found)] if (
                    # Half a surrogate pair, which JSON lets in, has no UTF-8: a ValueError.
                    0 < len(sort_key.encode()) <= MAX_SORT_KEY_BYTES
                    and is_record(record_id)
                    and 0 <= found <= MAX_FOUND
                ):
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

    @classmethod
    def behind(cls, cursor: Cursor, items: list[R], last: Entry | None) -> "Page[R]":
        """The page of a walk that begins behind a cursor.

        Args:
            cursor: Where it begins.
            items: The records.
            last: The last entry that was looked at; None where there are no more.
        """
        given = cursor.found + len(items)
        token = None if last is None else Cursor(last, given).encode()
        return cls(items, given, is_lower_bound=last is not None, next_token=token)


def too_many(field: str) -> InvalidRequest:
    """The refusal of a list that would have to look at more than `MAX_EXAMINED` entries."""
    message = (
        f"needs a look at more than {MAX_EXAMINED} entries; use nextToken or the export."
        " An empty nextToken begins a walk."
    )
    return InvalidRequest.of(field, message)


def glob(field: str, pattern: str) -> Predicate:
    """Matches a field against a pattern in which `*` stands for any text, whatever the case.

    Raises:
        InvalidRequest: It has too many stars.
    """
    first, *rest = pattern.casefold().split("*")
    if len(rest) > MAX_TERMS:
        raise InvalidRequest.of("filter", f"has {len(rest)} stars; at most {MAX_TERMS} are taken.")

    def matches(values: Values) -> bool:
        text = (values(field) or "").casefold()
        if not rest:
            return text == first
        if not text.startswith(first):
            return False
        # Each part at its first place: linear in the text, which a regular expression need not be.
        place = len(first)
        for part in rest[:-1]:
            start = text.find(part, place)
            if start < 0:
                return False
            place = start + len(part)
        return len(text) - place >= len(rest[-1]) and text.endswith(rest[-1])

    return matches


def every(predicates: list[Predicate]) -> Predicate:
    """Matches where all do."""
    return (
        predicates[0]
        if len(predicates) == 1
        else lambda values: all(matches(values) for matches in predicates)
    )


def _any(predicates: list[Predicate]) -> Predicate:
    return (
        predicates[0]
        if len(predicates) == 1
        else lambda values: any(matches(values) for matches in predicates)
    )


def parse_query(text: str, is_field: Callable[[str], bool]) -> Predicate:
    """Read a query: `$and`, `$or`, and fields with a value, `$eq`, `$ne` or `$in`.

    Args:
        text: A JSON object.
        is_field: Whether a name is a field that can be asked for.

    Raises:
        InvalidRequest: It is not JSON, has too many terms, or holds an operator or a field that is not
            supported: left out, it would give a list of others than were asked for.
    """
    try:
        query = parse_object(text.encode("utf-8", "surrogatepass"))
    except InvalidRequest as error:
        raise _refusal(error.faults[0].message.replace("The body", "")) from None
    return _Query(is_field).conjunction(query)


class _Query:
    """Reads one query, and counts its terms: comparisons, and objects and lists that hold none."""

    def __init__(self, is_field: Callable[[str], bool]) -> None:
        self._is_field = is_field
        self._terms = 0

    def conjunction(self, query: Mapping[str, Any]) -> Predicate:
        if not query:
            self._count()
        return every([self._clause(name, condition) for name, condition in query.items()])

    def _clause(self, name: str, condition: object) -> Predicate:
        if name in ("$and", "$or"):
            if not isinstance(condition, list) or not all(isinstance(inner, dict) for inner in condition):
                raise _refusal(f"{name} takes a list of objects")
            if not condition:
                self._count()
            clauses = [self.conjunction(inner) for inner in condition]
            return every(clauses) if name == "$and" else _any(clauses)
        if name.startswith("$"):
            raise _refusal(f"does not support the operator '{shown(name)}'; use $and, $or, $eq, $ne, $in")
        if not self._is_field(name):
            fields = "email, firstName, lastName, userTags.<name>"
            raise _refusal(f"does not support the field '{shown(name)}'; use {fields}")
        if not isinstance(condition, dict):
            condition = {"$eq": condition}
        if not condition:
            raise _refusal(f"says nothing about {shown(name)}")
        return every([self._comparison(name, operator, value) for operator, value in condition.items()])

    def _comparison(self, field: str, operator: str, value: object) -> Predicate:
        self._count()
        if operator in ("$eq", "$ne"):
            wanted = frozenset([_operand(field, value)])
        elif operator == "$in":
            if not isinstance(value, list):
                raise _refusal(f"{shown(field)}.$in takes a list")
            wanted = frozenset(_operand(field, element) for element in value)
        else:
            raise _refusal(f"does not support the operator '{shown(operator)}'; use $eq, $ne, $in")
        return lambda values: (_folded(field, values(field)) in wanted) != (operator == "$ne")

    def _count(self) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise _refusal(f"has more than {MAX_TERMS} terms")


def _operand(field: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _refusal(f"compares {shown(field)} with something that is neither text nor null")
    return _folded(field, value)


def _folded(field: str, value: str | None) -> str | None:
    """E-mail addresses are the same in any case; everything else is compared as it is."""
    return value.casefold() if value is not None and field == "email" else value


def _refusal(what: str) -> InvalidRequest:
    return InvalidRequest.of("query", what.strip().rstrip(".") + ".")

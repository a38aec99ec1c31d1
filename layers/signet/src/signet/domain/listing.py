"""Lists: pages, cursors and filters. Pure: neither table nor HTTP."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from signet.domain import base64url
from signet.domain.queries import Condition
from signet.errors import InvalidRequest

MAX_EXAMINED = 20_000
"""How many entries a list by offset looks at: beyond it, only a walk by cursor has a constant cost."""

MAX_SORT_KEY_BYTES = 1024
"""DynamoDB's limit."""

MAX_FOUND = 10**12
"""More records than a walk can have found."""

MAX_STARS = 32
"""How many stars a pattern has: each is looked for in each record."""

type Pattern = Callable[[str], bool]
"""Whether a text matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query[R]:
    """Which records, in which order, and which page of them.

    Attributes:
        page: From 0.
        per_page: How many a page holds.
        sort_field: By what they are sorted.
        descending: Whether the last comes first.
        condition: Which records; None for all. Nothing else selects any where it is given.
        filter_field: The field that `pattern` is for; None or empty where there is none.
        pattern: Which records, by the text in this field; None for all.
        group: Of users, whose members: a group's id, `any` or `none`; None for all.
        with_ancestors: Whether the members of the group's ancestors belong to them.
        next_token: Where a walk by cursor goes on, empty at its beginning; None for a page by offset.
    """

    page: int
    per_page: int
    sort_field: str
    descending: bool
    condition: Condition[R] | None
    filter_field: str | None
    pattern: Pattern | None
    group: str | None
    with_ancestors: bool
    next_token: str | None

    @property
    def selecting(self) -> str | None:
        """The parameter that leaves some records out; None where all are in the list."""
        if self.condition is not None:
            return "query"
        if self.pattern is not None:
            return "filter"
        return None if self.group is None else "experienceGroupId"

    @property
    def first(self) -> int:
        """The place of the page's first record among all."""
        return self.page * self.per_page

    def cut[T](self, records: list[T]) -> list[T]:
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


def glob(pattern: str) -> Pattern:
    """Matches texts against a pattern in which `*` stands for any text, whatever the case.

    Raises:
        InvalidRequest: It has too many stars.
    """
    first, *rest = pattern.casefold().split("*")
    if len(rest) > MAX_STARS:
        raise InvalidRequest.of("filter", f"has {len(rest)} stars; at most {MAX_STARS} are taken.")

    def matches(text: str) -> bool:
        text = text.casefold()
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

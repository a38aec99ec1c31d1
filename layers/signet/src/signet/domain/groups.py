"""Groups: what users belong to. A group may be part of another one, its parent."""

import secrets
from dataclasses import dataclass, field

MAX_LEVELS = 32
"""How many levels groups may form where one is put under another: a chain of parents is read one by one."""

MAX_MEMBERS_SHOWN = 1000
"""How many members an answer lists."""


def new_group_id() -> str:
    """24 lower-case hex digits."""
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group, as far as an answer about its users needs it. Dates are in Unix milliseconds.

    Attributes:
        id: 24 hex digits.
        name: For people.
        parent_id: The group that it is part of.
        revision: Raised by every change, and by every group that is put under it: what a write that
            follows a read is conditioned on.
        created_at_ms: When it was made.
        updated_at_ms: When its fields last changed; its members are none of them.
    """

    id: str
    name: str
    parent_id: str | None = None
    revision: int = 0
    created_at_ms: int
    updated_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailedGroup(Group):
    """A group as it is shown by itself.

    Attributes:
        description: For people.
        tags: The application's own words about it.
    """

    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Members:
    """The users of a group, as far as an answer lists them.

    Attributes:
        user_ids: The first `MAX_MEMBERS_SHOWN`, sorted.
        is_truncated: Whether there are more.
    """

    user_ids: tuple[str, ...] = ()
    is_truncated: bool = False


@dataclass(frozen=True, slots=True)
class WantedMembers:
    """The members that a request asks for.

    Attributes:
        user_ids: All of them.
        is_truncated: Whether the client says that this is the beginning of a longer list: it sends
            back what it has read of a group with more members than an answer lists.
    """

    user_ids: frozenset[str]
    is_truncated: bool = False

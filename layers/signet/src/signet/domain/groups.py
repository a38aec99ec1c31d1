"""Groups: what users belong to. A group may be part of another one, its parent."""

import secrets
from collections.abc import Mapping
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
        ancestor_ids: The groups above it, nearest first; they are read with it, and not kept with it.
    """

    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    ancestor_ids: tuple[str, ...] = ()


def ancestor_ids(group: Group, groups: Mapping[str, Group]) -> tuple[str, ...]:
    """The groups above a group, nearest first.

    Args:
        group: The group.
        groups: Groups by id, all that stand above it among them. They are no snapshot: one that was read
            before it moved may close a cycle, which is cut there, and one that is gone ends the chain.
    """
    above: dict[str, None] = {}
    parent_id = group.parent_id
    while parent_id is not None and parent_id in groups and parent_id not in {group.id, *above}:
        above[parent_id] = None
        parent_id = groups[parent_id].parent_id
    return tuple(above)


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

"""Group items.

A group stands under `APP#<app>#GROUP#<id>` / `GROUP`, small, since every answer about a user and every check
by the authorizer reads it for each of the user's groups. What belongs to it stands beside it: `DETAILS`, its
description and tags, where it has any; `MEMBER#<user id>` for each user (written in the user's own
transaction, see `store.users`), and `CHILD#<group id>` for each group whose parent it is, written with that
group's `parent_id` in one transaction. So a deletion finds all of them by consistent reads.

A read of several items is no snapshot: `details_revision` and the details' `revision`, both set where the
details are written, tell whether the two belong together.

A group with `deleting` is gone for every reader; only its members' items are still being swept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from signet.domain.groups import DetailedGroup, Group
from signet.domain.listing import Entry
from signet.store.attributes import Item
from signet.store.table import MAX_PARTS, Check, Delete, Insert, Key, Part, PartsRefused, Put, Table, Update
from signet.store.tenant import Tenant

ATTRIBUTES = {
    "name": "name",
    "parent_id": "parent_id",
    "created_at_ms": "created_at",
    "updated_at_ms": "updated_at",
}
"""Attributes by the field of `Group`."""

MEMBER = "MEMBER#"
CHILD = "CHILD#"
END = "\U0010ffff"
"""Sorts behind every id."""

CHILDREN_AT_ONCE = (MAX_PARTS - 2) // 2
"""Children that one transaction can part from their parent, two parts each, beside the parent itself."""

NAME_BYTES = 900
"""How much of a name stands in the index: a sort key has at most 1024 bytes, and a name may have more."""

NAME_ENDS = "\x1f"
"""Between name and id in the index; below the blank, so that `ab` comes before `ab c`."""

IS_THERE = "attribute_exists(pk) AND attribute_not_exists(deleting)"


class StaleGroupError(Exception):
    """A group, or one above it, is not any more what it was when it was read; nothing was written."""


@dataclass(frozen=True, slots=True)
class Family:
    """A group with the groups whose parent it is.

    Attributes:
        group: The group.
        is_deleting: Whether it is being deleted; then it has no children.
        child_ids: Up to `CHILDREN_AT_ONCE` of its children.
        has_more: Whether it has more children than those.
    """

    group: Group
    is_deleting: bool
    child_ids: tuple[str, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """A place in the list of groups.

    Attributes:
        entry: Where it is.
        name: The group's name there: case-folded.
        is_cut: Whether the name is longer than this.
    """

    entry: Entry
    name: str
    is_cut: bool


def group_key(application_id: str, group_id: str) -> Key:
    """Where the group stands."""
    return Key(f"APP#{application_id}#GROUP#{group_id}", "GROUP")


def details_key(application_id: str, group_id: str) -> Key:
    """Where its description and tags stand: beside it, and before it."""
    return Key(group_key(application_id, group_id).pk, "DETAILS")


def child_key(application_id: str, parent_id: str, group_id: str) -> Key:
    """Where it stands that a group is part of its parent."""
    return Key(group_key(application_id, parent_id).pk, CHILD + group_id)


def member_key(application_id: str, group_id: str, user_id: str) -> Key:
    """Where it stands that a user belongs to the group."""
    return Key(group_key(application_id, group_id).pk, MEMBER + user_id)


def groups_partition(application_id: str) -> str:
    """The index partition that lists the application's groups."""
    return f"APP#{application_id}#GROUPS"


def find_group(tenant: Tenant, group_id: str) -> Group | None:
    """The group, or None where there is none or it is being deleted. One round trip."""
    item = tenant.table.find(group_key(tenant.application_id, group_id))
    return None if item is None or "deleting" in item else to_group(item)


def find_groups(tenant: Tenant, group_ids: Iterable[str]) -> dict[str, Group]:
    """Those of the groups that there are and are not being deleted, by id. One trip for each hundred."""
    items = tenant.table.find_all(group_key(tenant.application_id, group_id) for group_id in group_ids)
    groups = [to_group(item) for item in items.values() if "deleting" not in item]
    return {group.id: group for group in groups}


def with_ancestors(tenant: Tenant, groups: Iterable[Group]) -> dict[str, Group]:
    """These groups and all above them, by id: what `domain.groups.ancestor_ids` reads a chain from.

    One round trip for each level above them that is not among them, and for each hundred groups there.
    """
    known: dict[str, Group] = {group.id: group for group in groups}
    while missing := {group.parent_id for group in known.values() if group.parent_id} - known.keys():
        parents = find_groups(tenant, sorted(missing))
        if not parents:
            break
        known |= parents
    return known


def find_detailed(tenant: Tenant, group_ids: Iterable[str]) -> dict[str, DetailedGroup]:
    """The same with their details, for lists. One trip for each fifty."""
    keys = {
        group_id: (group_key(tenant.application_id, group_id), details_key(tenant.application_id, group_id))
        for group_id in group_ids
    }
    items = tenant.table.find_all(key for pair in keys.values() for key in pair)
    return {
        group_id: to_detailed(items[group], items.get(details, {}))
        for group_id, (group, details) in keys.items()
        if group in items and "deleting" not in items[group]
    }


def find_family(tenant: Tenant, group_id: str) -> Family | None:
    """The group and its first children, or None where there is no such item. One round trip."""
    key = group_key(tenant.application_id, group_id)
    # Backwards, so that the group comes first, then its details.
    items, more = tenant.table.query_range(key.pk, CHILD, key.sk, limit=2 + CHILDREN_AT_ONCE, descending=True)
    if not items or items[0]["sk"] != key.sk:
        return None
    child_ids = [item["sk"].removeprefix(CHILD) for item in items if item["sk"].startswith(CHILD)]
    has_more = more or len(child_ids) > CHILDREN_AT_ONCE
    return Family(to_group(items[0]), "deleting" in items[0], tuple(child_ids[:CHILDREN_AT_ONCE]), has_more)


def group_entries(
    tenant: Tenant,
    limit: int,
    *,
    after: Entry | None = None,
    descending: bool = False,
) -> tuple[list[GroupEntry], bool]:
    """Groups by name. The index is eventually consistent: it may lag a write by moments.

    Args:
        tenant: Whose groups.
        limit: How many at most.
        after: Begin behind this entry.
        descending: Whether the last come first.

    Returns:
        The entries, and whether there are more.
    """
    begin = None if after is None else (group_key(tenant.application_id, after.record_id), after.sort_key)
    items, more = tenant.table.query_index(
        groups_partition(tenant.application_id), limit, after=begin, descending=descending
    )
    return [_to_entry(item) for item in items], more


def insert_group(tenant: Tenant, group: DetailedGroup, ancestors: Sequence[Group]) -> None:
    """Write a new group under its parent. One round trip.

    Args:
        tenant: Whose group it is.
        group: The group.
        ancestors: Its parent, that one's parent and so on, as they were read.

    Raises:
        StaleGroupError: One of the ancestors has moved or is gone.
    """
    item = {
        **{attribute: getattr(group, field) for field, attribute in ATTRIBUTES.items()},
        **_index_entry(tenant.application_id, group),
        "group_id": group.id,
        "revision": group.revision,
        "details_revision": group.revision if _has_details(group) else None,
    }
    given = {name: value for name, value in item.items() if value is not None}
    parts: list[Part] = [Insert(group_key(tenant.application_id, group.id), given)]
    if _has_details(group):
        parts.append(_put_details(tenant.application_id, group))
    _write(tenant.table, *parts, *_placing(tenant.application_id, group, ancestors))


def change_group(
    tenant: Tenant,
    before: DetailedGroup,
    after: DetailedGroup,
    ancestors: Sequence[Group],
) -> None:
    """Turn the group from what was read into what it shall be. One round trip.

    Args:
        tenant: Whose group it is.
        before: The group as it was read; the write is refused if it has changed since.
        after: The group as it shall be, with the next `revision`.
        ancestors: The new parent, that one's parent and so on, as they were read; none where the
            parent stays.

    Raises:
        StaleGroupError: The group has changed since, or one of the ancestors has moved or is gone.
    """
    parts: list[Part] = [_change(tenant.application_id, before, after)]
    if _differ_in_details(before, after):
        details = _put_details(tenant.application_id, after)
        parts.append(details if _has_details(after) else Delete(details.key))
    if before.parent_id != after.parent_id:
        parts += _placing(tenant.application_id, after, ancestors)
        parts += _leaving_parent(tenant.application_id, before)
    _write(tenant.table, *parts)


def part_from_children(tenant: Tenant, group_id: str, child_ids: Iterable[str]) -> None:
    """Leave these children without a parent. One round trip; for up to `CHILDREN_AT_ONCE`.

    Raises:
        StaleGroupError: One of them is not a child any more.
    """
    _write(tenant.table, *_parting(tenant, group_id, child_ids))


def begin_deletion(tenant: Tenant, family: Family) -> None:
    """Make a group disappear for every reader, out of the list and from between its relatives.

    From then on it takes neither members nor children. One round trip.

    Raises:
        StaleGroupError: The group has changed or got another child since it was read.
    """
    group = family.group
    mark = Update(
        group_key(tenant.application_id, group.id),
        "SET deleting = :now REMOVE list_pk, list_sk, parent_id ADD revision :one",
        {":now": tenant.now_ms, ":one": 1, ":revision": group.revision},
        f"{IS_THERE} AND revision = :revision",
    )
    parting = _parting(tenant, group.id, family.child_ids)
    _write(tenant.table, mark, *_leaving_parent(tenant.application_id, group), *parting)


def remove_members(tenant: Tenant, group_id: str, user_ids: Iterable[str]) -> None:
    """Remove memberships that their users do not know of. Only from a group that is being deleted."""
    keys = (member_key(tenant.application_id, group_id, user_id) for user_id in user_ids)
    tenant.table.write(*map(Delete, keys))


def remove_group(tenant: Tenant, group_id: str) -> None:
    """Remove what is left of a group that is being deleted and has no members any more."""
    tenant.table.write(
        Delete(group_key(tenant.application_id, group_id)),
        Delete(details_key(tenant.application_id, group_id)),
    )


def to_group(item: Item) -> Group:
    """The group that an item holds."""
    return Group(**_fields(item))


def to_detailed(item: Item, details: Item) -> DetailedGroup:
    """The group that an item and that of its details hold; an empty one where it has none."""
    return DetailedGroup(
        **_fields(item), description=details.get("description"), tags=details.get("tags", {})
    )


def _fields(item: Item) -> dict[str, Any]:
    fields = {field: item.get(attribute) for field, attribute in ATTRIBUTES.items()}
    return fields | {"id": item["group_id"], "revision": item["revision"]}


def _has_details(group: DetailedGroup) -> bool:
    return group.description is not None or bool(group.tags)


def _differ_in_details(before: DetailedGroup, after: DetailedGroup) -> bool:
    return (before.description, before.tags) != (after.description, after.tags)


def _put_details(application_id: str, group: DetailedGroup) -> Put:
    """Writes the group's details, whatever they were, with the revision that its own item names."""
    item = {"tags": group.tags, "revision": group.revision}
    described = {} if group.description is None else {"description": group.description}
    return Put(details_key(application_id, group.id), item | described)


def _index_entry(application_id: str, group: Group) -> dict[str, str]:
    """Where the group stands in the list: by name, whatever its case."""
    name = group.name.casefold().encode()[:NAME_BYTES].decode(errors="ignore")
    return {"list_pk": groups_partition(application_id), "list_sk": name + NAME_ENDS + group.id}


def _to_entry(item: Item) -> GroupEntry:
    name, _, group_id = item["list_sk"].rpartition(NAME_ENDS)
    # What was cut off between two characters may have left up to three bytes less.
    is_cut = len(name.encode()) > NAME_BYTES - 4
    return GroupEntry(Entry(item["list_sk"], group_id), name, is_cut)


def _change(application_id: str, before: DetailedGroup, after: DetailedGroup) -> Update:
    was, becomes = (
        _index_entry(application_id, group) | {a: getattr(group, f) for f, a in ATTRIBUTES.items()}
        for group in (before, after)
    )
    changed = {name: value for name, value in becomes.items() if value != was[name]}
    if _differ_in_details(before, after):
        changed["details_revision"] = after.revision if _has_details(after) else None
    given = {name: value for name, value in changed.items() if value is not None}
    removed = [name for name, value in changed.items() if value is None]
    expression = "SET " + ", ".join(["revision = :next", *(f"#{name} = :{name}" for name in given)])
    if removed:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in removed)
    return Update(
        group_key(application_id, before.id),
        expression,
        {
            ":next": after.revision,
            ":revision": before.revision,
            **{f":{name}": value for name, value in given.items()},
        },
        f"{IS_THERE} AND revision = :revision",
        {f"#{name}": name for name in changed},
    )


def _placing(application_id: str, group: Group, ancestors: Sequence[Group]) -> list[Part]:
    """Puts the group under its parent, provided that all above stands as it was read.

    Of two requests that would close a cycle together, each changes what the other has read:

        A under B:  reads B (no parent)    writes A.parent_id, demands that B has no parent
        B under A:  reads A (no parent)    writes B.parent_id, demands that A has no parent

    The parent's revision is raised, so that its deletion cannot overlook the new child.
    """
    if not ancestors:
        return []
    parent, *above = ancestors
    condition, values = _stands(parent)
    key = group_key(application_id, parent.id)
    parts: list[Part] = [
        Update(key, "ADD revision :one", {":one": 1, **values}, f"{IS_THERE} AND {condition}"),
        Update(child_key(application_id, parent.id, group.id), "SET group_id = :id", {":id": group.id}),
    ]
    for ancestor in above:
        condition, values = _stands(ancestor)
        key = group_key(application_id, ancestor.id)
        parts.append(Check(key, f"{IS_THERE} AND {condition}", values))
    return parts


def _stands(group: Group) -> tuple[str, Mapping[str, object]]:
    """The condition that the group's parent is the one that was read, with its values."""
    if group.parent_id is None:
        return "attribute_not_exists(parent_id)", {}
    return "parent_id = :parent_id", {":parent_id": group.parent_id}


def _leaving_parent(application_id: str, group: Group) -> list[Part]:
    if group.parent_id is None:
        return []
    return [Delete(child_key(application_id, group.parent_id, group.id))]


def _parting(tenant: Tenant, group_id: str, child_ids: Iterable[str]) -> list[Part]:
    parts: list[Part] = []
    for child_id in child_ids:
        alone = Update(
            group_key(tenant.application_id, child_id),
            "SET updated_at = :now REMOVE parent_id ADD revision :one",
            {":now": tenant.now_ms, ":one": 1, ":group_id": group_id},
            "parent_id = :group_id",
        )
        parts += [alone, Delete(child_key(tenant.application_id, group_id, child_id))]
    return parts


def _write(table: Table, *parts: Part) -> None:
    """Write all parts or nothing. Why not, the next read will show."""
    try:
        table.write(*parts)
    except PartsRefused as error:
        raise StaleGroupError from error

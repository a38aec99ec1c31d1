"""List an application's groups: by cursor at a constant cost a page, by offset up to a bound."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from signet.domain.groups import DetailedGroup, Group, ancestor_ids
from signet.domain.ids import find_id
from signet.domain.listing import MAX_EXAMINED, Cursor, Page, Query, too_many
from signet.domain.queries import EQUALITY, Condition, Field, Fields, Tags, date_field, text_field
from signet.domain.users import find_user_id
from signet.errors import InvalidRequest
from signet.store.groups import GroupEntry, find_detailed, find_groups, group_entries, with_ancestors
from signet.store.tenant import Tenant
from signet.store.users import find_users

SORTS: dict[str, Callable[[Group], str | int]] = {
    "id": lambda group: group.id,
    "creationDate": lambda group: group.created_at_ms,
    "lastUpdated": lambda group: group.updated_at_ms,
}
"""By what groups can be sorted besides their names, in whose order the index has them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A group, as far as a query asks for it.

    Attributes:
        group: The group.
        tags: Its tags.
        ancestor_ids: The groups above it.
        user_ids: Those of the users that the query names who belong to it.
    """

    group: Group
    tags: Mapping[str, str]
    ancestor_ids: tuple[str, ...]
    user_ids: frozenset[str]


GROUP_ID = "a group id: 24 hex digits"

FIELDS: Fields[Candidate] = {
    "id": Field(get=lambda candidate: candidate.group.id, read=find_id, takes=GROUP_ID),
    "name": text_field(lambda candidate: candidate.group.name),
    "creationDate": date_field(lambda candidate: candidate.group.created_at_ms),
    "lastUpdated": date_field(lambda candidate: candidate.group.updated_at_ms),
    "parentId": Field(get=lambda candidate: candidate.group.parent_id, read=find_id, takes=GROUP_ID),
    "ancestorId": Field(
        get=lambda candidate: candidate.ancestor_ids, read=find_id, takes=GROUP_ID, has_many=True
    ),
    # Whether a group has any members, or members with greater ids, would need a look at all of them.
    "experienceUserId": Field(
        get=lambda candidate: candidate.user_ids,
        read=lambda value: find_user_id(value) if isinstance(value, str) else None,
        takes="a user id: 24 hex digits, or ext:<your id>",
        operators=EQUALITY,
        has_many=True,
        can_be_missing=False,
    ),
    "groupTags": Tags(lambda candidate: candidate.tags),
}
"""What a query can ask of groups."""


def list_groups(tenant: Tenant, query: Query[Candidate]) -> Page[DetailedGroup]:
    """A page of groups.

    Raises:
        InvalidRequest: The page, the filter or the order needs a look at too many groups, or is not
            to be had by cursor.
    """
    if query.next_token is not None:
        return _walk(tenant, query, Cursor.decode(query.next_token, lambda text: find_id(text) == text))
    return _by_offset(tenant, query)


def _walk(tenant: Tenant, query: Query[Candidate], cursor: Cursor) -> Page[DetailedGroup]:
    """The next page of a walk: one query of the index, and the groups that stand there."""
    if query.sort_field != "name":
        raise InvalidRequest.of("sortField", "must be name where nextToken is given.")
    entries, more = group_entries(
        tenant,
        query.per_page,
        after=cursor.entry,
        descending=query.descending,
    )
    groups = _shown(tenant, (entry.entry.record_id for entry in _matching(tenant, entries, query)))
    return Page.behind(cursor, groups, entries[-1].entry if more else None)


def _by_offset(tenant: Tenant, query: Query[Candidate]) -> Page[DetailedGroup]:
    """A page of what the index holds. In its own order, only the page's groups themselves are read."""
    entries, more = group_entries(
        tenant,
        MAX_EXAMINED,
        descending=query.descending and query.sort_field == "name",
    )
    if more and query.sort_field != "name":
        raise too_many("sortField")
    if more and query.selecting is not None:
        raise too_many(query.selecting)
    if more and query.first >= len(entries):
        raise too_many("page")
    matching = _matching(tenant, entries, query)
    if query.sort_field != "name":
        key = SORTS[query.sort_field]
        groups = _groups(tenant, matching)
        groups.sort(key=lambda group: (key(group), group.id), reverse=query.descending)
        return Page(_shown(tenant, (group.id for group in query.cut(groups))), len(groups))
    shown = query.cut(matching)
    end = query.first + len(shown)
    token = None
    if shown and query.selecting is None and (more or end < len(matching)):
        token = Cursor(shown[-1].entry, end).encode()
    page = _shown(tenant, (entry.entry.record_id for entry in shown))
    return Page(page, len(matching), is_lower_bound=more, next_token=token)


def _matching(tenant: Tenant, entries: list[GroupEntry], query: Query[Candidate]) -> list[GroupEntry]:
    """Those that the query selects."""
    if query.condition is not None:
        candidates = _candidates(tenant, entries, query.condition)
        ids = {candidate.group.id for candidate in candidates if query.condition.holds(candidate)}
        return [entry for entry in entries if entry.entry.record_id in ids]
    matches = query.pattern
    if matches is None:
        return entries
    # By the name in the index, and by the group's own where that is cut off.
    groups = {group.id: group for group in _groups(tenant, (entry for entry in entries if entry.is_cut))}
    names = {entry.entry.record_id: entry.name for entry in entries if not entry.is_cut}
    names |= {group.id: group.name for group in groups.values()}
    return [entry for entry in entries if (name := names.get(entry.entry.record_id)) and matches(name)]


def _candidates(
    tenant: Tenant, entries: list[GroupEntry], condition: Condition[Candidate]
) -> list[Candidate]:
    """The groups of the entries with what the condition asks for, and nothing else."""
    ids = [entry.entry.record_id for entry in entries]
    tags: dict[str, dict[str, str]] = {}
    groups: Mapping[str, Group]
    if "groupTags" in condition.asked:
        groups = detailed = find_detailed(tenant, ids)
        tags = {group.id: group.tags for group in detailed.values()}
    else:
        groups = find_groups(tenant, ids)
    above = with_ancestors(tenant, groups.values()) if "ancestorId" in condition.asked else {}
    named = condition.asked.get("experienceUserId") or frozenset()
    users = find_users(tenant, (str(user_id) for user_id in named)) if named else {}
    members: dict[str, set[str]] = {}
    for user in users.values():
        for group_id in user.group_ids:
            members.setdefault(group_id, set()).add(user.id)
    return [
        Candidate(
            group,
            tags.get(group.id, {}),
            ancestor_ids(group, above),
            frozenset(members.get(group.id, ())),
        )
        for group in groups.values()
    ]


def _groups(tenant: Tenant, entries: Iterable[GroupEntry]) -> list[Group]:
    """The groups of the entries, in their order; the index may still hold one that is gone."""
    ids = [entry.entry.record_id for entry in entries]
    groups = find_groups(tenant, ids)
    return [groups[group_id] for group_id in ids if group_id in groups]


def _shown(tenant: Tenant, group_ids: Iterable[str]) -> list[DetailedGroup]:
    """The groups of a page with all that it shows of them, in their order."""
    ids = list(group_ids)
    groups = find_detailed(tenant, ids)
    above = with_ancestors(tenant, groups.values())
    return [
        replace(groups[group_id], ancestor_ids=ancestor_ids(groups[group_id], above))
        for group_id in ids
        if group_id in groups
    ]

"""List an application's groups: by cursor at a constant cost a page, by offset up to a bound."""

from collections.abc import Callable, Iterable

from signet.domain.groups import DetailedGroup, Group
from signet.domain.ids import find_id
from signet.domain.listing import MAX_EXAMINED, Cursor, Page, Predicate, Query, too_many
from signet.errors import InvalidRequest
from signet.store.groups import GroupEntry, find_detailed, find_groups, group_entries
from signet.store.tenant import Tenant

SORTS: dict[str, Callable[[Group], str | int]] = {
    "id": lambda group: group.id,
    "creationDate": lambda group: group.created_at_ms,
    "lastUpdated": lambda group: group.updated_at_ms,
}
"""By what groups can be sorted besides their names, in whose order the index has them."""


def list_groups(tenant: Tenant, query: Query) -> Page[DetailedGroup]:
    """A page of groups.

    Raises:
        InvalidRequest: The page, the filter or the order needs a look at too many groups, or is not
            to be had by cursor.
    """
    if query.next_token is not None:
        return _walk(tenant, query, Cursor.decode(query.next_token, lambda text: find_id(text) == text))
    return _by_offset(tenant, query)


def _walk(tenant: Tenant, query: Query, cursor: Cursor) -> Page[DetailedGroup]:
    """The next page of a walk: one query of the index, and the groups that stand there."""
    if query.sort_field != "name":
        raise InvalidRequest.of("sortField", "must be name where nextToken is given.")
    entries, more = group_entries(
        tenant,
        query.per_page,
        after=cursor.entry,
        descending=query.descending,
    )
    groups = _shown(tenant, (entry.entry.record_id for entry in _matching(tenant, entries, query.predicate)))
    return Page.behind(cursor, groups, entries[-1].entry if more else None)


def _by_offset(tenant: Tenant, query: Query) -> Page[DetailedGroup]:
    """A page of what the index holds. In its own order, only the page's groups themselves are read."""
    entries, more = group_entries(
        tenant,
        MAX_EXAMINED,
        descending=query.descending and query.sort_field == "name",
    )
    if more and query.sort_field != "name":
        raise too_many("sortField")
    if more and query.predicate is not None:
        raise too_many("filter")
    if more and query.first >= len(entries):
        raise too_many("page")
    matching = _matching(tenant, entries, query.predicate)
    if query.sort_field != "name":
        key = SORTS[query.sort_field]
        groups = _groups(tenant, matching)
        groups.sort(key=lambda group: (key(group), group.id), reverse=query.descending)
        return Page(_shown(tenant, (group.id for group in query.cut(groups))), len(groups))
    shown = query.cut(matching)
    end = query.first + len(shown)
    token = None
    if shown and query.predicate is None and (more or end < len(matching)):
        token = Cursor(shown[-1].entry, end).encode()
    page = _shown(tenant, (entry.entry.record_id for entry in shown))
    return Page(page, len(matching), is_lower_bound=more, next_token=token)


def _matching(tenant: Tenant, entries: list[GroupEntry], predicate: Predicate | None) -> list[GroupEntry]:
    """Those whose name matches: by the name in the index, and by the group's own where that is cut off."""
    if predicate is None:
        return entries
    groups = {group.id: group for group in _groups(tenant, (entry for entry in entries if entry.is_cut))}

    def matches(entry: GroupEntry) -> bool:
        if not entry.is_cut:
            return predicate(lambda _field: entry.name)
        group = groups.get(entry.entry.record_id)
        return group is not None and predicate(lambda _field: group.name)

    return [entry for entry in entries if matches(entry)]


def _groups(tenant: Tenant, entries: Iterable[GroupEntry]) -> list[Group]:
    """The groups of the entries, in their order; the index may still hold one that is gone."""
    ids = [entry.entry.record_id for entry in entries]
    groups = find_groups(tenant, ids)
    return [groups[group_id] for group_id in ids if group_id in groups]


def _shown(tenant: Tenant, group_ids: Iterable[str]) -> list[DetailedGroup]:
    """The groups of a page with all that it shows of them, in their order."""
    ids = list(group_ids)
    groups = find_detailed(tenant, ids)
    return [groups[group_id] for group_id in ids if group_id in groups]

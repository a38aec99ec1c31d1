"""List an application's groups: by cursor at a constant cost a page, by offset up to a bound."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from signet.domain.groups import DetailedGroup, Group
from signet.domain.ids import find_id
from signet.domain.listing import MAX_EXAMINED, Cursor, Page, Predicate, too_many
from signet.errors import InvalidRequest
from signet.store.groups import GroupEntry, find_detailed, find_groups, group_entries
from signet.usecases.users import Directory

SORTS: dict[str, Callable[[Group], str | int]] = {
    "id": lambda group: group.id,
    "creationDate": lambda group: group.created_at_ms,
    "lastUpdated": lambda group: group.updated_at_ms,
}
"""By what groups can be sorted besides their names, in whose order the index has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupQuery:
    """Which groups, in which order, and which page of them.

    Attributes:
        page: From 0.
        per_page: How many a page holds.
        sort_field: `name`, or one of `SORTS`.
        descending: Whether the last comes first.
        predicate: Which groups, by name; None for all.
        next_token: Where a walk by cursor goes on, empty at its beginning; None for a page by offset.
    """

    page: int
    per_page: int
    sort_field: str
    descending: bool
    predicate: Predicate | None
    next_token: str | None


def list_groups(directory: Directory, query: GroupQuery) -> Page[DetailedGroup]:
    """A page of groups.

    Raises:
        InvalidRequest: The page, the filter or the order needs a look at too many groups, or is not
            to be had by cursor.
    """
    if query.next_token is not None:
        return _walk(directory, query, Cursor.decode(query.next_token, lambda text: find_id(text) == text))
    return _by_offset(directory, query)


def _walk(directory: Directory, query: GroupQuery, cursor: Cursor) -> Page[DetailedGroup]:
    """The next page of a walk: one query of the index, and the groups that stand there."""
    if query.sort_field != "name":
        raise InvalidRequest.of("sortField", "must be name where nextToken is given.")
    entries, more = group_entries(
        directory.table,
        directory.application_id,
        query.per_page,
        after=cursor.entry,
        descending=query.descending,
    )
    groups = _shown(
        directory, (entry.entry.record_id for entry in _matching(directory, entries, query.predicate))
    )
    found = cursor.found + len(groups)
    token = Cursor(entries[-1].entry, found).encode() if more else None
    return Page(groups, found, is_lower_bound=more, next_token=token)


def _by_offset(directory: Directory, query: GroupQuery) -> Page[DetailedGroup]:
    """A page of what the index holds. In its own order, only the page's groups themselves are read."""
    entries, more = group_entries(
        directory.table,
        directory.application_id,
        MAX_EXAMINED,
        descending=query.descending and query.sort_field == "name",
    )
    first = query.page * query.per_page
    if more and query.sort_field != "name":
        raise too_many("sortField")
    if more and query.predicate is not None:
        raise too_many("filter")
    if more and first >= len(entries):
        raise too_many("page")
    matching = _matching(directory, entries, query.predicate)
    last = first + query.per_page
    if query.sort_field != "name":
        key = SORTS[query.sort_field]
        groups = _groups(directory, matching)
        groups.sort(key=lambda group: (key(group), group.id), reverse=query.descending)
        return Page(_shown(directory, (group.id for group in groups[first:last])), len(groups))
    shown = matching[first:last]
    token = None
    if shown and query.predicate is None and (more or last < len(matching)):
        token = Cursor(shown[-1].entry, first + len(shown)).encode()
    page = _shown(directory, (entry.entry.record_id for entry in shown))
    return Page(page, len(matching), is_lower_bound=more, next_token=token)


def _matching(
    directory: Directory, entries: list[GroupEntry], predicate: Predicate | None
) -> list[GroupEntry]:
    """Those whose name matches: by the name in the index, and by the group's own where that is cut off."""
    if predicate is None:
        return entries
    groups = {group.id: group for group in _groups(directory, (entry for entry in entries if entry.is_cut))}

    def matches(entry: GroupEntry) -> bool:
        if not entry.is_cut:
            return predicate(lambda _field: entry.name)
        group = groups.get(entry.entry.record_id)
        return group is not None and predicate(lambda _field: group.name)

    return [entry for entry in entries if matches(entry)]


def _groups(directory: Directory, entries: Iterable[GroupEntry]) -> list[Group]:
    """The groups of the entries, in their order; the index may still hold one that is gone."""
    ids = [entry.entry.record_id for entry in entries]
    groups = find_groups(directory.table, directory.application_id, ids)
    return [groups[group_id] for group_id in ids if group_id in groups]


def _shown(directory: Directory, group_ids: Iterable[str]) -> list[DetailedGroup]:
    """The groups of a page with all that it shows of them, in their order."""
    ids = list(group_ids)
    groups = find_detailed(directory.table, directory.application_id, ids)
    return [groups[group_id] for group_id in ids if group_id in groups]

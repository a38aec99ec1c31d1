"""List an application's users: by cursor at a constant cost a page, by offset up to a bound."""

from collections.abc import Callable, Iterable, Iterator

from signet.domain.ids import find_id
from signet.domain.listing import (
    MAX_EXAMINED,
    Cursor,
    Entry,
    Page,
    Predicate,
    Query,
    Values,
    every,
    glob,
    parse_query,
    too_many,
)
from signet.domain.users import User, is_user_id
from signet.errors import InvalidRequest
from signet.store.groups import find_groups
from signet.store.listing import member_ids, user_entries
from signet.store.tenant import Tenant
from signet.store.users import find_users

SORTS: dict[str, Callable[[User], str | int | None]] = {
    "email": lambda user: user.normal_email,
    "firstName": lambda user: user.first_name,
    "lastName": lambda user: user.last_name,
    "id": lambda user: user.id,
    "creationDate": lambda user: user.created_at_ms,
    "lastUpdated": lambda user: user.updated_at_ms,
    "lastLogin": lambda user: user.last_login_ms,
}
"""By what users can be sorted."""

FIELDS = ("email", "firstName", "lastName")
"""What users can be filtered by."""

TAGS = "userTags."


def user_predicate(filter_field: str | None, pattern: str | None, query: str | None) -> Predicate | None:
    """What a user has to match; None where everybody does.

    Raises:
        InvalidRequest: A pattern without a field, or a query with what is not supported.
    """
    predicates = []
    if pattern:
        if not filter_field:
            raise InvalidRequest.of("filter", f"needs a filterField: {', '.join(FIELDS)}.")
        predicates.append(glob(filter_field, pattern))
    if query:
        predicates.append(parse_query(query, _is_field))
    return every(predicates) if predicates else None


def list_users(tenant: Tenant, query: Query) -> Page[User]:
    """A page of users.

    Raises:
        InvalidRequest: The page, the selection or the order needs a look at too many users, or is not
            to be had by cursor.
    """
    if query.next_token is not None:
        return _walk(tenant, query, Cursor.decode(query.next_token, is_user_id))
    if query.selects or query.sort_field != "email":
        return _selected(tenant, query)
    return _in_order(tenant, query)


def _walk(tenant: Tenant, query: Query, cursor: Cursor) -> Page[User]:
    """The next page of a walk: one query of the index, and the users that stand there."""
    if query.sort_field != "email":
        raise InvalidRequest.of("sortField", "must be email where nextToken is given.")
    entries, more = user_entries(
        tenant,
        query.per_page,
        after=cursor.entry,
        descending=query.descending,
    )
    users = _matching(tenant, _users(tenant, entries), query)
    return Page.behind(cursor, users, entries[-1] if more else None)


def _in_order(tenant: Tenant, query: Query) -> Page[User]:
    """A page of all users by e-mail address: the keys up to it are walked, the page alone is read."""
    entries, more = user_entries(tenant, MAX_EXAMINED, descending=query.descending)
    if more and query.first >= len(entries):
        raise too_many("page")
    shown = query.cut(entries)
    end = query.first + len(shown)
    token = Cursor(shown[-1], end).encode() if shown and (more or end < len(entries)) else None
    users = list(_users(tenant, shown))
    return Page(users, len(entries), is_lower_bound=more, next_token=token)


def _selected(tenant: Tenant, query: Query) -> Page[User]:
    """A page of a selection, or in another order: all candidates are read, up to the bound."""
    group_id = find_id(query.group)
    if group_id is not None:
        ids, more = member_ids(tenant, group_id, MAX_EXAMINED)
        entries = [Entry(user_id, user_id) for user_id in ids]
    else:
        entries, more = user_entries(tenant, MAX_EXAMINED)
    if more:
        raise too_many("sortField" if not query.selects else "filter")
    users = _matching(tenant, _users(tenant, entries), query)
    key = SORTS[query.sort_field]
    known = [user for user in users if key(user) is not None]
    unknown = [user for user in users if key(user) is None]
    known.sort(key=lambda user: (key(user), user.id), reverse=query.descending)
    # Who has no value comes last, whatever the direction.
    ordered = known + unknown
    return Page(query.cut(ordered), len(ordered))


def _users(tenant: Tenant, entries: list[Entry]) -> Iterator[User]:
    """The users of the entries, in their order; the index may still hold one that is gone."""
    ids = [entry.record_id for entry in entries]
    users = find_users(tenant, ids)
    return (users[user_id] for user_id in ids if user_id in users)


def _matching(tenant: Tenant, users: Iterable[User], query: Query) -> list[User]:
    """Those users that the query selects."""
    matching = [user for user in users if query.predicate is None or query.predicate(_values(user))]
    if query.group is None:
        return matching
    # Users know a group that is being deleted until its sweep comes to them; nobody may see that.
    asked = {query.group} if find_id(query.group) else {i for user in matching for i in user.group_ids}
    there = find_groups(tenant, asked).keys() if asked else set()
    wanted = query.group != "none"
    return [user for user in matching if bool(there & set(user.group_ids)) == wanted]


def _values(user: User) -> Values:
    fields = {"email": user.email, "firstName": user.first_name, "lastName": user.last_name}

    def value(field: str) -> str | None:
        return user.tags.get(field.removeprefix(TAGS)) if field.startswith(TAGS) else fields[field]

    return value


def _is_field(name: str) -> bool:
    return name in FIELDS or (name.startswith(TAGS) and name != TAGS)

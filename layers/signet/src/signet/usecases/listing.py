"""List an application's users: by cursor at a constant cost a page, by offset up to a bound."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from operator import attrgetter

from signet.domain.groups import ancestor_ids
from signet.domain.ids import find_id
from signet.domain.listing import MAX_EXAMINED, Cursor, Entry, Page, Query, too_many
from signet.domain.queries import Field, Fields, Tags, date_field, text_field
from signet.domain.users import User, find_user_id, is_user_id
from signet.errors import InvalidRequest
from signet.store.groups import find_groups, with_ancestors
from signet.store.listing import member_ids, user_entries
from signet.store.tenant import Tenant
from signet.store.users import find_fields, find_users

SOURCES = {
    "id": "id",
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
    "creationDate": "created_at_ms",
    "lastUpdated": "updated_at_ms",
    "lastLogin": "last_login_ms",
    "passwordLastUpdated": "password_updated_at_ms",
    "experienceGroupId": "group_ids",
    "userTags": "tags",
}
"""The field of `User` that each field of a query stands for: what is asked for is all that is read."""

SORTS = SOURCES | {"email": "normal_email"}
"""The field of `User` by which users are sorted, for each `sortField`."""

FILTERS = ("email", "firstName", "lastName")
"""By what users can be filtered."""

FIELDS: Fields[User] = {
    "id": Field(
        get=attrgetter(SOURCES["id"]),
        read=lambda value: find_user_id(value) if isinstance(value, str) else None,
        takes="a user id: 24 hex digits, or ext:<your id>",
    ),
    "email": text_field(attrgetter(SOURCES["email"]), in_any_case=True),
    "firstName": text_field(attrgetter(SOURCES["firstName"])),
    "lastName": text_field(attrgetter(SOURCES["lastName"])),
    "creationDate": date_field(attrgetter(SOURCES["creationDate"])),
    "lastUpdated": date_field(attrgetter(SOURCES["lastUpdated"])),
    "lastLogin": date_field(attrgetter(SOURCES["lastLogin"])),
    "passwordLastUpdated": date_field(attrgetter(SOURCES["passwordLastUpdated"])),
    "experienceGroupId": Field(
        get=attrgetter(SOURCES["experienceGroupId"]),
        read=find_id,
        takes="a group id: 24 hex digits",
        has_many=True,
    ),
    "userTags": Tags(attrgetter(SOURCES["userTags"])),
}
"""What a query can ask of users."""


def list_users(tenant: Tenant, query: Query[User]) -> Page[User]:
    """A page of users.

    Raises:
        InvalidRequest: The page, the selection or the order needs a look at too many users, or is not
            to be had by cursor.
    """
    if query.next_token is not None:
        return _walk(tenant, query, Cursor.decode(query.next_token, is_user_id))
    if query.selecting or query.sort_field != "email":
        return _selected(tenant, query)
    return _in_order(tenant, query)


def _walk(tenant: Tenant, query: Query[User], cursor: Cursor) -> Page[User]:
    """The next page of a walk: one query of the index, and the users that stand there."""
    if query.sort_field != "email":
        raise InvalidRequest.of("sortField", "must be email where nextToken is given.")
    entries, more = user_entries(
        tenant,
        query.per_page,
        after=cursor.entry,
        descending=query.descending,
    )
    groups = _groups_named(tenant, query)
    users = _matching(tenant, list(_users(tenant, entries)), query, groups)
    return Page.behind(cursor, users, entries[-1] if more else None)


def _in_order(tenant: Tenant, query: Query[User]) -> Page[User]:
    """A page of all users by e-mail address: the keys up to it are walked, the page alone is read."""
    entries, more = user_entries(tenant, MAX_EXAMINED, descending=query.descending)
    if more and query.first >= len(entries):
        raise too_many("page")
    shown = query.cut(entries)
    end = query.first + len(shown)
    token = Cursor(shown[-1], end).encode() if shown and (more or end < len(entries)) else None
    users = list(_users(tenant, shown))
    return Page(users, len(entries), is_lower_bound=more, next_token=token)


def _selected(tenant: Tenant, query: Query[User]) -> Page[User]:
    """A page of a selection, or in another order: what decides is read of all, up to the bound."""
    groups = _groups_named(tenant, query)
    if groups and query.condition is None:
        entries, more = _member_entries(tenant, groups)
    else:
        entries, more = user_entries(tenant, MAX_EXAMINED)
    if more:
        raise too_many(query.selecting or "sortField")
    candidates = find_fields(tenant, (entry.record_id for entry in entries), _deciding(query))
    users = _matching(tenant, list(candidates.values()), query, groups)
    key = attrgetter(SORTS[query.sort_field])
    known = [user for user in users if key(user) is not None]
    unknown = [user for user in users if key(user) is None]
    known.sort(key=lambda user: (key(user), user.id), reverse=query.descending)
    # Who has no value comes last, whatever the direction.
    ordered = known + unknown
    shown = [Entry(user.id, user.id) for user in query.cut(ordered)]
    return Page(list(_users(tenant, shown)), len(ordered))


def _deciding(query: Query[User]) -> set[str]:
    """The fields of `User` that decide whether one is selected, and where it stands."""
    fields = {SORTS[query.sort_field]}
    if query.condition is not None:
        return fields | {SOURCES[name] for name in query.condition.asked}
    if query.pattern is not None:
        fields.add(SOURCES[query.filter_field or ""])
    return fields if query.group is None else fields | {"group_ids"}


def _users(tenant: Tenant, entries: list[Entry]) -> Iterator[User]:
    """The users of the entries, in their order; the index may still hold one that is gone."""
    ids = [entry.record_id for entry in entries]
    users = find_users(tenant, ids)
    return (users[user_id] for user_id in ids if user_id in users)


def _groups_named(tenant: Tenant, query: Query[User]) -> frozenset[str]:
    """The groups whose members are asked for, and those above them where these are; none for any or none."""
    group_id = find_id(query.group)
    if group_id is None or query.condition is not None:
        return frozenset()
    if not query.with_ancestors:
        return frozenset([group_id])
    groups = with_ancestors(tenant, find_groups(tenant, [group_id]).values())
    return frozenset([group_id, *(ancestor_ids(groups[group_id], groups) if group_id in groups else ())])


def _member_entries(tenant: Tenant, groups: frozenset[str]) -> tuple[list[Entry], bool]:
    """The members of any of these groups, and whether there are more than a list looks at."""
    user_ids: dict[str, None] = {}
    for group_id in sorted(groups):
        ids, more = member_ids(tenant, group_id, MAX_EXAMINED)
        user_ids |= dict.fromkeys(ids)
        if more or len(user_ids) > MAX_EXAMINED:
            return [], True
    return [Entry(user_id, user_id) for user_id in user_ids], False


def _matching(tenant: Tenant, users: list[User], query: Query[User], groups: frozenset[str]) -> list[User]:
    """Those users that the query selects.

    Args:
        tenant: Whose users.
        users: The candidates.
        query: What is asked for.
        groups: Those of which a user has to belong to one; none where it names none.
    """
    if query.condition is not None:
        holds = query.condition.holds
        asked = query.condition.asked.get("experienceGroupId", frozenset())
        some = None if asked is None or None in asked else asked
        return [user for user in _in_groups_that_there_are(tenant, users, some) if holds(user)]
    if query.pattern is not None:
        matches, get = query.pattern, attrgetter(SOURCES[query.filter_field or ""])
        users = [user for user in users if matches(get(user) or "")]
    if query.group is None:
        return users
    users = _in_groups_that_there_are(tenant, users, groups or None)
    if groups:
        return [user for user in users if not groups.isdisjoint(user.group_ids)]
    return [user for user in users if bool(user.group_ids) == (query.group == "any")]


def _in_groups_that_there_are(
    tenant: Tenant, users: list[User], asked: Collection[object] | None
) -> list[User]:
    """The users without those of their groups that are gone.

    Users know a group that is being deleted until its sweep comes to them; nobody may see that.

    Args:
        tenant: Whose users.
        users: The users.
        asked: The groups that matter; None where all do.
    """
    named = {group_id for user in users for group_id in user.group_ids}
    if asked is not None:
        named &= {*asked}
    gone = named - find_groups(tenant, sorted(named)).keys() if named else set()
    if not gone:
        return users
    return [replace(user, group_ids=tuple(i for i in user.group_ids if i not in gone)) for user in users]

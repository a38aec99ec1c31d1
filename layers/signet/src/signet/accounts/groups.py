"""Make, show, change and delete groups, and say who belongs to them."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from signet.accounts.users import Directory
from signet.errors import GroupNotFound, InvalidRequest, Unavailable
from signet.groups import (
    GROUP_ID,
    MAX_LEVELS,
    MAX_MEMBERS_SHOWN,
    DetailedGroup,
    Group,
    Members,
    WantedMembers,
    new_group_id,
)
from signet.store.groups import (
    Family,
    StaleGroupError,
    begin_deletion,
    change_group,
    find_family,
    find_group,
    find_with_members,
    insert_group,
    part_from_children,
    remove_group,
    remove_member,
)
from signet.store.listing import member_ids
from signet.store.users import StaleError, change_user, find_user, find_users
from signet.users import EXTERNAL, MAX_GROUPS, User

ATTEMPTS = 5
"""How often a change is tried that others get in the way of."""

SWEPT_AT_ONCE = 100
"""Members of a deleted group that are read together."""

NAMED_IN_A_REFUSAL = 10


@dataclass(frozen=True, slots=True)
class _Change:
    """Who is to join a group, as they were read, and who is to leave it."""

    joining: dict[str, User]
    leaving: dict[str, User]


def create(
    directory: Directory, fields: dict[str, Any], wanted: WantedMembers | None, now_ms: int
) -> tuple[DetailedGroup, Members]:
    """Make a group with members.

    Args:
        directory: The application's groups.
        fields: Fields of `DetailedGroup`.
        wanted: Its members; None for none.
        now_ms: The time, in Unix milliseconds.

    Raises:
        InvalidRequest: The parent does not exist or is on too low a level, or a user does not exist or
            belongs to too many groups. Nothing was written.
        Unavailable: Others change the parent or one of the users all the time.
    """
    change = _planned(directory, Members(), wanted)
    group = DetailedGroup(id=new_group_id(), created_at_ms=now_ms, updated_at_ms=now_ms, **fields)
    for _ in range(ATTEMPTS):
        try:
            ancestors = _ancestors(directory, group)
            insert_group(directory.table, directory.application_id, group, ancestors)
        except StaleGroupError:
            continue
        return group, _apply(directory, group, Members(), change)
    raise _busy()


def get_group(directory: Directory, group_id: str) -> tuple[DetailedGroup, Members]:
    """The group that a path or a direct invocation names, with its members.

    Raises:
        GroupNotFound: There is none.
    """
    found = None
    if GROUP_ID.fullmatch(group_id):
        found = find_with_members(directory.table, directory.application_id, group_id)
    if found is None:
        raise _not_found()
    return found


def change(
    directory: Directory, group_id: str, fields: dict[str, Any], wanted: WantedMembers | None, now_ms: int
) -> tuple[DetailedGroup, Members]:
    """Change what is given of a group, its members included. Giving back what there is changes nothing.

    The group's own fields change at once, then each user in one transaction of its own: where it stops
    half-way, the same request finishes it.

    Args:
        directory: The application's groups.
        group_id: The group's id.
        fields: Fields of `DetailedGroup` by name; what is not named stays.
        wanted: Its members from now on; None leaves them.
        now_ms: The time, in Unix milliseconds.

    Raises:
        GroupNotFound: There is no such group.
        InvalidRequest: The parent does not exist, is on too low a level or would make a cycle; a user
            does not exist or belongs to too many groups; the group has too many members to set them
            at once. Nothing was written.
        Unavailable: Others change the group or one of the users all the time.
    """
    for _ in range(ATTEMPTS):
        before, members = get_group(directory, group_id)
        planned = _planned(directory, members, wanted)
        try:
            after = _change(directory, before, fields, now_ms)
        except StaleGroupError:
            continue
        return after, _apply(directory, after, members, planned)
    raise _busy()


def remove(directory: Directory, group_id: str, has_time: Callable[[], bool], now_ms: int) -> bool:
    """Delete a group: one write ends it for every reader, then its members' items are swept.

    Its children lose their parent, and come to stand by themselves. Of a group whose deletion was not
    finished it finishes the rest.

    Args:
        directory: The application's groups.
        group_id: The group's id.
        has_time: Whether there is time to go on.
        now_ms: The time, in Unix milliseconds.

    Returns:
        Whether all is swept; otherwise the same call goes on with the rest.

    Raises:
        GroupNotFound: There is no such group.
        Unavailable: Others change the group all the time.
    """
    _begin_deletion(directory, group_id, now_ms)
    return _sweep(directory, group_id, has_time)


def _change(
    directory: Directory, before: DetailedGroup, fields: dict[str, Any], now_ms: int
) -> DetailedGroup:
    after = replace(before, **fields)
    if after == before:
        return before
    ancestors = [] if after.parent_id == before.parent_id else _ancestors(directory, after)
    after = replace(after, updated_at_ms=now_ms, revision=before.revision + 1)
    change_group(directory.table, directory.application_id, before, after, ancestors)
    return after


def _ancestors(directory: Directory, group: Group) -> list[Group]:
    """The group's parent, that one's parent and so on.

    Raises:
        InvalidRequest: There is no such parent, the group stands above it already, or they are too many.
        StaleGroupError: They changed while they were read.
    """
    chain: list[Group] = []
    next_id = group.parent_id
    while next_id is not None:
        if next_id == group.id:
            cycle = " → ".join([group.id, *(ancestor.id for ancestor in chain), group.id])
            message = f"would make a cycle of parents: {cycle}."
            raise InvalidRequest.of("parentId", message)
        if len(chain) == MAX_LEVELS - 1:
            message = f"would put the group below level {MAX_LEVELS}."
            raise InvalidRequest.of("parentId", message)
        ancestor = find_group(directory.table, directory.application_id, next_id)
        if ancestor is None:
            if chain:
                raise StaleGroupError
            message = f"there is no group {next_id}."
            raise InvalidRequest.of("parentId", message)
        chain.append(ancestor)
        next_id = ancestor.parent_id
    return chain


def _planned(directory: Directory, members: Members, wanted: WantedMembers | None) -> _Change:
    """What has to change so that those who are wanted are the members.

    Raises:
        InvalidRequest: A user does not exist or belongs to too many groups, or not all members are known.
    """
    current = frozenset(members.user_ids)
    if wanted is None or wanted.user_ids == current:
        # Equal to what an answer lists, be it all of them or not: nothing was changed.
        return _Change({}, {})
    if members.is_truncated or wanted.is_truncated:
        message = (
            f"cannot be set where a group has more than {MAX_MEMBERS_SHOWN} members, nor from a list that was"
            " truncated: change the experienceGroupIds of the users who join or leave."
        )
        raise InvalidRequest.of("experienceUserIds", message)
    joining, leaving = wanted.user_ids - current, current - wanted.user_ids
    users = find_users(directory.table, directory.application_id, sorted(joining | leaving), directory.now_ms)
    unknown = joining - users.keys()
    if unknown:
        message = f"there is no user {_names(unknown)}."
        raise InvalidRequest.of("experienceUserIds", message)
    full = {user_id for user_id in joining if len(users[user_id].group_ids) >= MAX_GROUPS}
    if full:
        raise _full(full)
    return _Change(
        {user_id: users[user_id] for user_id in sorted(joining)},
        {user_id: users[user_id] for user_id in sorted(leaving) if user_id in users},
    )


def _apply(directory: Directory, group: Group, members: Members, change: _Change) -> Members:
    """Let the users leave and join, each in a transaction, and give the members that there are then."""
    user_ids = set(members.user_ids)
    for user_id, user in change.leaving.items():
        _set_membership(directory, group.id, user_id, user, belongs=False)
        user_ids.discard(user_id)
    for user_id, user in change.joining.items():
        if _set_membership(directory, group.id, user_id, user, belongs=True):
            user_ids.add(user_id)
    return Members(tuple(sorted(user_ids)), members.is_truncated)


def _set_membership(
    directory: Directory, group_id: str, user_id: str, user: User | None, *, belongs: bool
) -> bool:
    """Put a user into a group or take it out, unless that is so already.

    The user's tokens do not end by it, and its `updated_at_ms` stays: nothing of its profile changes.

    Args:
        directory: The application's users.
        group_id: The group.
        user_id: The user's id.
        user: The user, as it was read.
        belongs: Whether it shall belong to the group.

    Returns:
        Whether there is such a user; it may have been deleted in the meantime, which settles the matter.

    Raises:
        GroupNotFound: The group was deleted in the meantime.
        InvalidRequest: The user has come to belong to too many groups.
        Unavailable: Others change the user all the time.
    """
    for _ in range(ATTEMPTS):
        if user is None:
            return False
        if (group_id in user.group_ids) == belongs:
            return True
        if belongs and len(user.group_ids) >= MAX_GROUPS:
            raise _full([user_id])
        group_ids = tuple(sorted({*user.group_ids} ^ {group_id}))
        after = replace(user.vouched_for(), group_ids=group_ids, revision=user.revision + 1)
        try:
            change_user(directory.table, directory.application_id, user, after, directory.now_ms)
        except StaleError:
            user = find_user(directory.table, directory.application_id, user_id, directory.now_ms)
        except InvalidRequest as error:
            # Nothing but the group can be wrong: it is being deleted.
            raise _not_found() from error
        else:
            return True
    message = f"Other requests are changing the user {_names([user_id])} at the moment. Try again."
    raise Unavailable(message)


def _begin_deletion(directory: Directory, group_id: str, now_ms: int) -> None:
    attempts = 0
    while attempts < ATTEMPTS:
        family = _get_family(directory, group_id)
        if family.is_deleting:
            return
        try:
            if not family.has_more:
                begin_deletion(directory.table, directory.application_id, family, now_ms)
                return
            # More than fit into the write that ends the group. Each by itself is a whole change.
            children = family.child_ids
            part_from_children(directory.table, directory.application_id, group_id, children, now_ms)
        except StaleGroupError:
            attempts += 1
    raise _busy()


def _get_family(directory: Directory, group_id: str) -> Family:
    family = None
    if GROUP_ID.fullmatch(group_id):
        family = find_family(directory.table, directory.application_id, group_id)
    if family is None:
        raise _not_found()
    return family


def _sweep(directory: Directory, group_id: str, has_time: Callable[[], bool]) -> bool:
    """Take the members out of a group that is being deleted, and remove it; False where time ran short.

    Nobody can join any more, and a user who leaves is one member less, so any number of sweeps may run
    at a time, and each may stop anywhere.
    """
    more = True
    while more:
        user_ids, more = member_ids(directory.table, directory.application_id, group_id, SWEPT_AT_ONCE)
        users = find_users(directory.table, directory.application_id, user_ids, directory.now_ms)
        for user_id in user_ids:
            if not has_time():
                return False
            user = users.get(user_id)
            if user is None or group_id not in user.group_ids:
                # It left since the members were read, most likely, and there is nothing to remove.
                remove_member(directory.table, directory.application_id, group_id, user_id)
            else:
                _set_membership(directory, group_id, user_id, user, belongs=False)
    remove_group(directory.table, directory.application_id, group_id)
    return True


def _names(user_ids: Iterable[str]) -> str:
    """Some of the users' ids, in the form in which clients know them."""
    given = sorted(user_id.replace(EXTERNAL, "ext:", 1) for user_id in user_ids)
    more = len(given) - NAMED_IN_A_REFUSAL
    return ", ".join(given[:NAMED_IN_A_REFUSAL]) + (f" and {more} more" if more > 0 else "")


def _full(user_ids: Collection[str]) -> InvalidRequest:
    message = f"at most {MAX_GROUPS} groups a user; full: {_names(user_ids)}."
    return InvalidRequest.of("experienceUserIds", message)


def _not_found() -> GroupNotFound:
    return GroupNotFound("This application has no such group.")


def _busy() -> Unavailable:
    return Unavailable("Other requests are changing this group or those above it at the moment. Try again.")

"""Make, show, change and delete groups, and say who belongs to them."""

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from signet import deadline
from signet.domain.groups import (
    MAX_LEVELS,
    MAX_MEMBERS_SHOWN,
    DetailedGroup,
    Group,
    Members,
    WantedMembers,
    ancestor_ids,
    new_group_id,
)
from signet.domain.ids import find_id
from signet.domain.users import MAX_GROUPS, User, path_id
from signet.errors import GroupNotFound, InvalidRequest, Unavailable
from signet.store.groups import (
    Family,
    StaleGroupError,
    begin_deletion,
    change_group,
    find_family,
    find_group,
    insert_group,
    part_from_children,
    remove_group,
    remove_members,
    with_ancestors,
)
from signet.store.listing import find_with_members, member_ids
from signet.store.tenant import Tenant
from signet.store.users import GroupsGoneError, StaleError, change_users, find_users

SWEPT_AT_ONCE = 100
"""Members of a deleted group that are read together."""

SWEEP_SECONDS = 4.0
"""With less than this left, a sweep does not begin with the next of them."""

MOVED_AT_ONCE = 30
"""Users who join or leave in one transaction. It takes 100 parts, two of them for a user, and 4 MB of items,
of which a user with everything as long as it may be is a tenth of one."""

NAMED_IN_A_REFUSAL = 10


@dataclass(frozen=True, slots=True)
class _Change:
    """Who is to join a group, as they were read, and who is to leave it."""

    joining: dict[str, User]
    leaving: dict[str, User]


def create(
    tenant: Tenant, fields: dict[str, Any], wanted: WantedMembers | None
) -> tuple[DetailedGroup, Members]:
    """Make a group with members.

    Args:
        tenant: Whose group.
        fields: Fields of `DetailedGroup`.
        wanted: Its members; None for none.

    Raises:
        InvalidRequest: The parent does not exist or is on too low a level, or a user does not exist or
            belongs to too many groups. Nothing was written.
        Unavailable: Others change the parent or one of the users all the time, or the time ran out. Where
            the group was made, the message names it.
    """
    change = _planned(tenant, Members(), wanted)
    group = DetailedGroup(
        id=new_group_id(), created_at_ms=tenant.now_ms, updated_at_ms=tenant.now_ms, **fields
    )
    for _ in deadline.attempts():
        try:
            ancestors = _ancestors(tenant, group)
            group = replace(group, ancestor_ids=tuple(ancestor.id for ancestor in ancestors))
            insert_group(tenant, group, ancestors)
        except StaleGroupError:
            continue
        except Unavailable:
            if find_group(tenant, group.id) is None:
                raise
        rest = f"The group {group.id} was made; a PATCH of it with the same experienceUserIds goes on."
        return group, _apply(tenant, group.id, Members(), change, rest)
    raise _busy()


def get_group(tenant: Tenant, group_id: str) -> tuple[DetailedGroup, Members]:
    """The group that a path or a direct invocation names, with its members.

    Raises:
        GroupNotFound: There is none.
    """
    there = None
    if find_id(group_id) is not None:
        there = find_with_members(tenant, group_id)
    if there is None:
        raise _not_found()
    group, members = there
    above = ancestor_ids(group, with_ancestors(tenant, [group]))
    return replace(group, ancestor_ids=above), members


def change(
    tenant: Tenant, group_id: str, fields: dict[str, Any], wanted: WantedMembers | None
) -> tuple[DetailedGroup, Members]:
    """Change what is given of a group, its members included. Giving back what there is changes nothing.

    The group's own fields change at once, then the users, some in each transaction: where it stops
    half-way, the same request finishes it.

    Args:
        tenant: Whose group.
        group_id: The group's id.
        fields: Fields of `DetailedGroup` by name; what is not named stays.
        wanted: Its members from now on; None leaves them.

    Raises:
        GroupNotFound: There is no such group.
        InvalidRequest: The parent does not exist, is on too low a level or would make a cycle; a user
            does not exist or belongs to too many groups; the group has too many members to set them
            at once. Nothing was written.
        Unavailable: Others change the group or one of the users all the time, or the time ran out.
    """
    for _ in deadline.attempts():
        before, members = get_group(tenant, group_id)
        planned = _planned(tenant, members, wanted)
        try:
            after = _change(tenant, before, fields)
        except StaleGroupError:
            continue
        rest = "The same request goes on with the rest."
        return after, _apply(tenant, after.id, members, planned, rest)
    raise _busy()


def begin_removal(tenant: Tenant, group_id: str) -> None:
    """Delete a group for every reader: no answer shows it from then on, and nobody can join it.

    Its children lose their parent, and come to stand by themselves. Nothing happens to one that is being
    deleted already.

    Raises:
        GroupNotFound: There is no such group.
        Unavailable: Others change the group all the time.
    """
    attempts = deadline.attempts()
    while next(attempts, None) is not None:
        family = _get_family(tenant, group_id)
        if family.is_deleting:
            return
        try:
            if not family.has_more:
                begin_deletion(tenant, family)
                return
            # More than fit into the write that ends the group. Each by itself is a whole change.
            children = family.child_ids
            part_from_children(tenant, group_id, children)
        except StaleGroupError:
            continue
        attempts = deadline.attempts()
    raise _busy()


def sweep(tenant: Tenant, group_id: str) -> bool:
    """Take the members out of a group that is being deleted, and remove it.

    Nobody can join any more, and a user who leaves is one member less, so any number of sweeps may run
    at a time, and each may stop anywhere.

    Args:
        tenant: Whose group.
        group_id: The group's id.

    Returns:
        Whether all is swept; where the time did not reach, another sweep goes on with the rest.

    Raises:
        Unavailable: Others change one of the users all the time.
    """
    more = True
    while more:
        user_ids, more = member_ids(tenant, group_id, SWEPT_AT_ONCE)
        users = find_users(tenant, user_ids)
        for some in itertools.batched(user_ids, MOVED_AT_ONCE, strict=False):
            if deadline.left() < SWEEP_SECONDS:
                return False
            own = {user_id: users[user_id] for user_id in some if user_id in users}
            _set_memberships(tenant, group_id, own, belong=False)
            # Those left since they were read, or were never more than announced.
            strays = [
                user_id for user_id in some if user_id not in own or group_id not in own[user_id].group_ids
            ]
            if strays:
                remove_members(tenant, group_id, strays)
    remove_group(tenant, group_id)
    return True


def _change(tenant: Tenant, before: DetailedGroup, fields: dict[str, Any]) -> DetailedGroup:
    after = replace(before, **fields)
    if after == before:
        return before
    ancestors: list[Group] = []
    if after.parent_id != before.parent_id:
        ancestors = _ancestors(tenant, after)
        after = replace(after, ancestor_ids=tuple(ancestor.id for ancestor in ancestors))
    after = replace(after, updated_at_ms=tenant.now_ms, revision=before.revision + 1)
    change_group(tenant, before, after, ancestors)
    return after


def _ancestors(tenant: Tenant, group: Group) -> list[Group]:
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
        ancestor = find_group(tenant, next_id)
        if ancestor is None:
            if chain:
                raise StaleGroupError
            message = f"there is no group {next_id}."
            raise InvalidRequest.of("parentId", message)
        chain.append(ancestor)
        next_id = ancestor.parent_id
    return chain


def _planned(tenant: Tenant, members: Members, wanted: WantedMembers | None) -> _Change:
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
    users = find_users(tenant, sorted(joining | leaving))
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


def _apply(tenant: Tenant, group_id: str, members: Members, change: _Change, how_to_go_on: str) -> Members:
    """Let the users leave and join, and give the members that there are then.

    Raises:
        GroupNotFound: The group was deleted in the meantime.
        Unavailable: Something got in the way; the message says how far it came, and how to go on.
    """
    user_ids, done = set(members.user_ids), 0
    try:
        for users, belong in ((change.leaving, False), (change.joining, True)):
            for some in itertools.batched(users.items(), MOVED_AT_ONCE, strict=False):
                present = _set_memberships(tenant, group_id, dict(some), belong=belong)
                user_ids = user_ids | present if belong else user_ids - dict(some).keys()
                done += len(some)
    except Unavailable as error:
        total = len(change.leaving) + len(change.joining)
        message = (
            f"{error.message} {done} of the {total} users who join or leave have done so. {how_to_go_on}"
        )
        raise Unavailable(message) from error
    return Members(tuple(sorted(user_ids)), members.is_truncated)


def _set_memberships(tenant: Tenant, group_id: str, users: Mapping[str, User], *, belong: bool) -> set[str]:
    """Put users into a group or take them out, all at once, unless that is so already.

    The users' tokens do not end by it, and their `updated_at_ms` stays: nothing of their profiles changes.

    Args:
        tenant: Whose users.
        group_id: The group.
        users: The users as they were read, by id; `MOVED_AT_ONCE` at most.
        belong: Whether they shall belong to the group.

    Returns:
        Those of them that there are; some may have been deleted in the meantime, which settles the matter.

    Raises:
        GroupNotFound: The group was deleted in the meantime.
        Unavailable: Others change the users all the time, or one has come to belong to too many groups.
    """
    for _ in deadline.attempts():
        moving = [user for user in users.values() if (group_id in user.group_ids) != belong]
        if belong and any(len(user.group_ids) >= MAX_GROUPS for user in moving):
            # What was checked before the first write is not so any more; asked again, it is refused.
            break
        changes = [(user, _moved(user, group_id)) for user in moving]
        try:
            if changes:
                change_users(tenant, changes)
        except StaleError:
            users = find_users(tenant, users)
        except GroupsGoneError as error:
            raise _not_found() from error
        else:
            return set(users)
    message = f"Other requests are changing the users {_names(users)} at the moment. Try again."
    raise Unavailable(message)


def _moved(user: User, group_id: str) -> User:
    """The user out of the group if it was in it, otherwise in it."""
    return replace(
        user.vouched_for(),
        group_ids=tuple(sorted({*user.group_ids} ^ {group_id})),
        outstanding=user.outstanding - {group_id},
        revision=user.revision + 1,
    )


def _get_family(tenant: Tenant, group_id: str) -> Family:
    family = None
    if find_id(group_id) is not None:
        family = find_family(tenant, group_id)
    if family is None:
        raise _not_found()
    return family


def _names(user_ids: Iterable[str]) -> str:
    """Some of the users' ids, in the form in which clients know them."""
    given = sorted(map(path_id, user_ids))
    more = len(given) - NAMED_IN_A_REFUSAL
    return ", ".join(given[:NAMED_IN_A_REFUSAL]) + (f" and {more} more" if more > 0 else "")


def _full(user_ids: Collection[str]) -> InvalidRequest:
    message = f"at most {MAX_GROUPS} groups a user; full: {_names(user_ids)}."
    return InvalidRequest.of("experienceUserIds", message)


def _not_found() -> GroupNotFound:
    return GroupNotFound("This application has no such group.")


def _busy() -> Unavailable:
    return Unavailable("Other requests are changing this group or those above it at the moment. Try again.")

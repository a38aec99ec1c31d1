"""Users with more groups than fit into one transaction: what precedes and follows the one that changes them.

How member items say so, `store.users` tells. Whatever happens between any two writes, readers see the user
as it was or as it was to be; what is left over the next write of the user settles. Up to 48 groups come or
go, or twice as many go, and there is one write and nothing else.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from signet.domain.reasons import Because
from signet.domain.users import User
from signet.errors import Unavailable, UserExists
from signet.store.table import MAX_PARTS, Part, new_mark, write_surely
from signet.store.tenant import Tenant
from signet.store.users import (
    GroupsGoneError,
    StaleError,
    announce_members,
    change_user,
    delete_user,
    email_taken,
    find_password_hash,
    find_user,
    forget_members,
    insert_user,
    is_written,
    withdraw_members,
)

ROOM = MAX_PARTS - 4
"""Parts that are left for member items beside the user, two credentials, and an identity or permissions.

A code takes one too, or two, and no code changes groups."""


def add_user(
    tenant: Tenant,
    user: User,
    password_hash: str | None,
    origin: str | None = None,
) -> User:
    """Write a new user with its credential and its memberships. One round trip for 48 groups.

    Args:
        tenant: Whose user it is.
        user: The user.
        password_hash: As in `insert_user`.
        origin: What made it, for who has to know its own work again.

    Returns:
        The user, without groups that were deleted meanwhile.

    Raises:
        UserExists: Another user has the e-mail address.
        StaleError: There is or was a user with this id.
        GroupsGoneError: Some of the groups do not exist.
        Unavailable: Nobody can tell whether it was written.
    """
    group_ids = frozenset(user.group_ids)
    rest = group_ids - _fitting(group_ids, group_ids, ROOM)
    if rest and find_password_hash(tenant, user.normal_email or "") is not None:
        raise email_taken()
    whole = replace(user, outstanding=rest)
    try:
        for portion in _portions(rest, rest):
            announce_members(tenant, user.id, portion)
    except (GroupsGoneError, Unavailable):
        _withdraw(tenant, whole)
        raise
    mark = new_mark()
    try:
        write_surely(
            lambda: insert_user(tenant, whole, password_hash, origin, mark),
            lambda: is_written(tenant, whole.id, mark),
        )
    except (UserExists, StaleError, GroupsGoneError):
        _withdraw(tenant, whole)
        raise
    return _settle_now(tenant, whole)


def alter_user(
    tenant: Tenant,
    before: User,
    after: User,
    *,
    password_hash: str | None = None,
    replaces: str | None = None,
    ends_tokens: Because | None = None,
    beside: Iterable[Part] = (),
    issues: bool = False,
) -> User:
    """Turn the user from what was read into what it shall be, as `change_user` does.

    Args:
        tenant: Whose user it is.
        before: The user as it was read.
        after: The user as it shall be; its `revision` and what is outstanding are none of the caller's.
        password_hash: As in `change_user`; so for the others.
        replaces: The hash that moves.
        ends_tokens: Why the user's tokens end; None where they do not.
        beside: As in `change_user`.
        issues: As in `change_user`; the user that is returned has the generation of its tokens then.

    Returns:
        The user, without groups that were deleted meanwhile.

    Raises:
        StaleError: The user is not any more what was read.
        UserExists: Another user has the new e-mail address.
        GroupsGoneError: Some of the new groups do not exist.
        Unavailable: Nobody can tell whether it was written.
    """
    if before.outstanding:
        # Where one more of its groups goes meanwhile, the next attempt meets that.
        with suppress(GroupsGoneError):
            settle(tenant, before)
        raise StaleError
    joining = frozenset(after.group_ids) - frozenset(before.group_ids)
    changing = joining | (frozenset(before.group_ids) - frozenset(after.group_ids))
    rest = changing - _fitting(changing, joining, ROOM)
    moves = password_hash is not None and after.normal_email not in (None, before.normal_email)
    if rest and moves and find_password_hash(tenant, after.normal_email or "") is not None:
        raise email_taken()
    marked = _mark(tenant, before, rest, joining)
    whole = replace(after, outstanding=rest, revision=marked.revision + 1)
    mark = new_mark()
    try:
        write_surely(
            lambda: change_user(
                tenant,
                marked,
                whole,
                password_hash=password_hash,
                replaces=replaces,
                ends_tokens=ends_tokens,
                beside=beside,
                issues=issues,
                mark=mark,
            ),
            lambda: is_written(tenant, whole.id, mark),
        )
    except (UserExists, GroupsGoneError):
        _settle_now(tenant, marked)
        raise
    if issues and ends_tokens:
        whole = replace(whole, generation=before.generation + 1)
    return _settle_now(tenant, whole)


def erase_user(tenant: Tenant, user: User) -> None:
    """Leave a tombstone in the user's place, as `delete_user` does, and nothing in its groups.

    Raises:
        StaleError: The user has changed since it was read.
        Unavailable: Nobody can tell whether it was deleted.
    """
    firm = frozenset(user.group_ids) - user.outstanding
    rest = firm - _fitting(firm, (), ROOM)
    marked = _mark(tenant, user, rest, ())
    write_surely(
        lambda: delete_user(tenant, marked),
        lambda: find_user(tenant, user.id) is None,
    )
    with suppress(StaleError, Unavailable):
        forget_members(tenant, user.id, marked.revision + 1, marked.outstanding)


def settle(tenant: Tenant, user: User) -> User:
    """Bring the user's pending member items in accord with its groups.

    Args:
        tenant: Whose user it is.
        user: The user as it was read.

    Returns:
        The user as it is then: without groups that were deleted before it could join.

    Raises:
        StaleError: The user has changed since it was read.
    """
    while user.outstanding:
        portion = _fitting(user.outstanding, user.group_ids, MAX_PARTS - 1)
        settled = replace(user, outstanding=user.outstanding - portion, revision=user.revision + 1)
        try:
            change_user(tenant, user, settled)
        except GroupsGoneError as error:
            gone = error.group_ids
            group_ids = tuple(group_id for group_id in user.group_ids if group_id not in gone)
            settled = replace(settled, group_ids=group_ids, outstanding=user.outstanding - gone)
            change_user(tenant, user, settled)
        user = settled
    return user


def _settle_now(tenant: Tenant, user: User) -> User:
    """Settle what can be settled: the change is done or taken back for every reader, whatever comes of it."""
    with suppress(StaleError, GroupsGoneError, Unavailable):
        return settle(tenant, user)
    return user


def _mark(
    tenant: Tenant,
    user: User,
    group_ids: Collection[str],
    joining: Collection[str],
) -> User:
    """Let the member items of these groups be pending, which no reader sees; gives the user as it is then."""
    for portion in _portions(group_ids, joining):
        outstanding, revision = user.outstanding | portion, user.revision + 1
        marked = replace(user, outstanding=outstanding, revision=revision)
        try:
            change_user(tenant, user, marked)
        except GroupsGoneError:
            _settle_now(tenant, user)
            raise
        user = marked
    return user


def _withdraw(tenant: Tenant, user: User) -> None:
    with suppress(StaleError, Unavailable):
        for portion in _portions(user.outstanding, ()):
            withdraw_members(tenant, user.id, portion)


def _fitting(group_ids: Collection[str], joining: Collection[str], room: int) -> frozenset[str]:
    """As many of the groups as change in so many parts of a transaction: two for one that is joined."""
    fitting = set()
    for group_id in sorted(group_ids):
        room -= 2 if group_id in joining else 1
        if room < 0:
            break
        fitting.add(group_id)
    return frozenset(fitting)


def _portions(group_ids: Collection[str], joining: Collection[str]) -> Iterator[frozenset[str]]:
    """The groups, as many at a time as fit into a transaction beside the user."""
    left = frozenset(group_ids)
    while left:
        portion = _fitting(left, joining, MAX_PARTS - 1)
        yield portion
        left -= portion

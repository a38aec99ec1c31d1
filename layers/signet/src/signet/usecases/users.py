"""Register, show, change and delete users."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from signet import deadline
from signet.domain.groups import Group
from signet.domain.identities import normal_email
from signet.domain.ids import is_same_id
from signet.domain.reasons import Because
from signet.domain.users import User, find_user_id, new_user_id, path_id
from signet.errors import FaultKind, InvalidRequest, Unavailable, UserNotFound
from signet.store.memberships import add_user, alter_user, erase_user
from signet.store.tenant import Tenant
from signet.store.users import (
    GroupsGoneError,
    StaleError,
    find_password_hash,
    find_subject,
    find_user,
    forget_members,
)
from signet.usecases.memberships import groups_of
from signet.usecases.naming import not_found, resolve

if TYPE_CHECKING:
    # It loads argon2 and bcrypt.
    from signet.domain.passwords.hasher import PasswordHasher

CUTOFF_AHEAD_MS = 60_000
"""How far in the future a cutoff may lie: for clocks that differ, not for plans."""

CUTOFF_EXACT_MS = 1000
"""Tokens carry whole seconds, so a cutoff nearer to now than this cannot tell them apart."""


def register(
    tenant: Tenant, hasher: "PasswordHasher", fields: dict[str, Any], password: str
) -> tuple[User, dict[str, Group]]:
    """Make a user with a credential.

    Args:
        tenant: Whose user.
        hasher: Hashes the password.
        fields: Fields of `User`, `email` among them.
        password: As it was given, checked against the policy.

    Returns:
        The user, and its groups by id.

    Raises:
        UserExists: Another user has the e-mail address.
        InvalidRequest: A group does not exist, or the cutoff lies in the future.
    """
    check_cutoff(tenant, fields.get("token_cutoff_ms"))
    user = User(
        id=new_user_id(),
        normal_email=normal_email(fields["email"], "email"),
        password_version=1,
        created_at_ms=tenant.now_ms,
        updated_at_ms=tenant.now_ms,
        password_updated_at_ms=tenant.now_ms,
        **fields,
    )
    groups = groups_of(tenant, [user])
    _check_groups(user.group_ids, groups)
    password_hash = hasher.hash(password)
    try:
        made = add_user(tenant, user, password_hash)
    except GroupsGoneError as error:
        raise _no_group(error.group_ids) from error
    return made, groups


def get_user(tenant: Tenant, named: str, find: Callable[[Tenant, str], User | None] = find_user) -> User:
    """The user whom a path or a direct invocation names.

    Args:
        tenant: Whose user.
        named: 24 hex digits, `ext:` and an external id, or the e-mail address of a credential.
        find: Finds the user of an id.

    Raises:
        UserNotFound: It names nobody.
    """
    user_id, email = resolve(tenant, named)
    user = find(tenant, user_id)
    # The address may lead to somebody else since it was looked up.
    if user is None or (email is not None and user.normal_email != email):
        raise not_found()
    return user


def change(
    tenant: Tenant,
    hasher: "PasswordHasher",
    named: str,
    fields: dict[str, Any],
    password: str | None,
    said_id: object = None,
) -> tuple[User, dict[str, Group]]:
    """Change what is given of a user; the tokens end where that is due, in the same write.

    A password, another e-mail address and a cutoff that takes effect now end the user's tokens. Giving
    back what there is changes nothing.

    Args:
        tenant: Whose user.
        hasher: Hashes the password.
        named: As for `get_user`.
        fields: Fields of `User` by name; what is not named stays.
        password: The new password, checked against the policy; None leaves it.
        said_id: The id that the client says the user has, if it says so.

    Returns:
        The user, and its groups by id.

    Raises:
        UserNotFound: There is no such user.
        UserExists: Another user has the new e-mail address.
        InvalidRequest: A group does not exist, the cutoff lies in the future, or the user has another id.
        Unavailable: Others change the user all the time.
    """
    password_hash = None if password is None else hasher.hash(password)
    for _ in deadline.attempts():
        before = get_user(tenant, named)
        if said_id is not None and not is_same_id(said_id, path_id(before.id)):
            raise InvalidRequest.of("id", "is another user's; leave it out, or send what a GET gave.")
        try:
            return change_read(tenant, before, fields, password_hash)
        except StaleError:
            continue
    raise busy()


def remove(tenant: Tenant, named: str) -> None:
    """Delete a user, named as for `get_user`: its tokens end, its address is free again, its groups lose it.

    Of a user whose deletion was not finished it finishes the rest.

    Raises:
        UserNotFound: There is no such user.
        Unavailable: Others change the user all the time.
    """
    for _ in deadline.attempts():
        try:
            user = get_user(tenant, named)
        except UserNotFound:
            if _finish_deletion(tenant, named):
                return
            raise
        try:
            erase_user(tenant, user)
        except StaleError:
            continue
        return
    raise busy()


def _finish_deletion(tenant: Tenant, named: str) -> bool:
    """Remove what a deletion that stopped has left in groups; False where there is nothing."""
    own_id = find_user_id(named)
    if own_id is None:
        return False
    subject = find_subject(tenant, own_id)
    if subject.user is not None or not subject.outstanding:
        return False
    outstanding = subject.outstanding
    forget_members(tenant, own_id, subject.revision, outstanding)
    return True


def change_read(
    tenant: Tenant, before: User, fields: dict[str, Any], password_hash: str | None, *, issues: bool = False
) -> tuple[User, dict[str, Group]]:
    """Change what is given of a user, if it is still what was read; otherwise as `change`.

    Args:
        tenant: Whose user.
        before: The user as it was read.
        fields: Fields of `User` by name; what is not named stays.
        password_hash: The new password's; None leaves it.
        issues: As in `signet.store.users.change_user`.

    Raises:
        StaleError: The user has changed since it was read.
    """
    # What unverified calls have said of the user is no part of what the change makes of it.
    unchanged = before.vouched_for()
    after = _with_credential(replace(unchanged, **fields), sets_password=password_hash is not None)
    if after.normal_email is None or (
        after.normal_email != before.normal_email and "email_verified" not in fields
    ):
        after = replace(after, email_verified=True)
    groups = groups_of(tenant, [after])
    if password_hash is None and after == unchanged:
        return before, groups
    _check_groups(set(after.group_ids) - set(before.group_ids), groups)
    ends_tokens = None
    if password_hash is not None:
        ends_tokens = Because.PASSWORD_CHANGED
    elif after.normal_email != before.normal_email:
        ends_tokens = Because.EMAIL_CHANGED
    if after.token_cutoff_ms != before.token_cutoff_ms:
        check_cutoff(tenant, after.token_cutoff_ms)
        if ends_tokens is None and _cutoff_ends_tokens(tenant, before, after):
            ends_tokens = Because.CUTOFF_MOVED
    replaces = None
    if password_hash is not None:
        after = replace(after, password_updated_at_ms=tenant.now_ms)
    elif before.normal_email not in (None, after.normal_email):
        # The credential moves with its hash.
        replaces = find_password_hash(tenant, before.normal_email or "")
        if replaces is None:
            raise StaleError
    moved_or_set = replaces if password_hash is None else password_hash
    if moved_or_set is not None:
        after = replace(after, password_version=before.password_version + 1)
    after = replace(after, updated_at_ms=tenant.now_ms)
    try:
        changed = alter_user(
            tenant,
            before,
            after,
            password_hash=moved_or_set,
            replaces=replaces,
            ends_tokens=ends_tokens,
            issues=issues,
        )
    except GroupsGoneError as error:
        raise _no_group(error.group_ids) from error
    return changed, groups


def check_cutoff(tenant: Tenant, cutoff_ms: int | None) -> None:
    """Check that a token cutoff does not lie in the future.

    Raises:
        InvalidRequest: It does.
    """
    if cutoff_ms is not None and cutoff_ms > tenant.now_ms + CUTOFF_AHEAD_MS:
        message = f"lies more than {CUTOFF_AHEAD_MS // 1000} seconds in the future."
        raise InvalidRequest.of("tokenCutoff", message)


def _cutoff_ends_tokens(tenant: Tenant, before: User, after: User) -> bool:
    """Whether the new cutoff has to end all tokens.

    One that is as good as now has to: among tokens of the same second it could not tell. One that is
    earlier than the last has to as well: else tokens that it had ended would live again.
    """
    if after.token_cutoff_ms is not None and after.token_cutoff_ms > tenant.now_ms - CUTOFF_EXACT_MS:
        return True
    return before.token_cutoff_ms is not None and (after.token_cutoff_ms or 0) < before.token_cutoff_ms


def _with_credential(user: User, *, sets_password: bool) -> User:
    """The user with the normal form of its address, where it has a credential or gets one.

    Raises:
        InvalidRequest: It would have a password without an address, or the other way round.
    """
    if user.email is None and (sets_password or user.normal_email is not None):
        message = "is required with a password: it is what the user logs in with."
        raise InvalidRequest.of("email", message, FaultKind.MISSING)
    if user.email is not None and user.normal_email is None and not sets_password:
        message = "is required with an e-mail address, since this user has no password yet."
        raise InvalidRequest.of("password", message, FaultKind.MISSING)
    return user if user.email is None else replace(user, normal_email=normal_email(user.email, "email"))


def _check_groups(group_ids: Iterable[str], existing: Collection[str]) -> None:
    gone = set(group_ids) - set(existing)
    if gone:
        raise _no_group(gone)


def _no_group(group_ids: Iterable[str]) -> InvalidRequest:
    return InvalidRequest.of("experienceGroupIds", f"there is no group {min(group_ids)}.")


def busy() -> Unavailable:
    """The refusal of a change that others get in the way of again and again."""
    return Unavailable("Other requests are changing this user at the moment. Try again.")

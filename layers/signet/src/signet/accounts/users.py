"""Register, show, change and delete users."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from signet.errors import FaultKind, InvalidRequest, Unavailable, UserExists, UserNotFound
from signet.groups import Group
from signet.identities import normal_email
from signet.store.groups import find_groups
from signet.store.table import MAX_PARTS, Table
from signet.store.transfer import find_made
from signet.store.users import (
    StaleError,
    change_user,
    delete_user,
    find_password_hash,
    find_user,
    insert_user,
)
from signet.users import User, find_user_id, new_user_id

ATTEMPTS = 5
"""How often a change is tried that others get in the way of."""

GROUPS_AT_ONCE = (MAX_PARTS - 4) // 2
"""Memberships that fit into one transaction, two parts each, beside user, credentials and identity."""

CUTOFF_AHEAD_MS = 60_000
"""How far in the future a cutoff may lie: for clocks that differ, not for plans."""

CUTOFF_EXACT_MS = 1000
"""Tokens carry whole seconds, so a cutoff nearer to now than this cannot tell them apart."""


class Hasher(Protocol):
    """Hashes passwords (`signet.passwords`, which only those who need it import)."""

    def hash(self, password: str) -> str:
        """The PHC string of a password."""


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """An application's users and groups, as the use cases see them.

    Attributes:
        table: Where they are kept.
        application_id: Whose they are.
        now_ms: The time, in Unix milliseconds: who has expired is not there, though DynamoDB deletes later.
    """

    table: Table
    application_id: str
    now_ms: int


def register(
    directory: Directory, hasher: Hasher, fields: dict[str, Any], password: str, now_ms: int
) -> User:
    """Make a user with a credential.

    Args:
        directory: The application's users.
        hasher: Hashes the password.
        fields: Fields of `User`, `email` among them.
        password: As it was given, checked against the policy.
        now_ms: The time, in Unix milliseconds.

    Raises:
        UserExists: Another user has the e-mail address.
        InvalidRequest: A group does not exist, or the cutoff lies in the future.
    """
    check_cutoff(fields.get("token_cutoff_ms"), now_ms)
    whole = User(
        id=new_user_id(),
        normal_email=normal_email(fields["email"], "email"),
        password_version=1,
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        password_updated_at_ms=now_ms,
        **fields,
    )
    return add(directory, whole, hasher.hash(password))


def add(directory: Directory, whole: User, password_hash: str, origin: str | None = None) -> User:
    """Write a new user with a credential, whatever the number of its groups.

    Args:
        directory: The application's users.
        whole: The user as it shall be.
        password_hash: Of its password.
        origin: What makes it, such as a line of an import. Adding it again then finishes what was begun,
            or does nothing.

    Raises:
        UserExists: Another user has the e-mail address.
        StaleError: There is or was another user with this id.
        InvalidRequest: A group does not exist.
    """
    table, application_id = directory.table, directory.application_id
    user = replace(whole, group_ids=whole.group_ids[:GROUPS_AT_ONCE])
    try:
        insert_user(table, application_id, user, password_hash, origin)
    except (UserExists, StaleError):
        made = (
            None
            if origin is None
            else find_made(table, application_id, whole.normal_email or "", origin, directory.now_ms)
        )
        if made is None:
            raise
        if made.revision != len(made.group_ids) // GROUPS_AT_ONCE - 1:
            return made  # Finished, or changed since.
        user = made
    return _approach(directory, user, whole.group_ids, rest=0)


def get_user(directory: Directory, user_id: str) -> User:
    """The user whom a path or a direct invocation names.

    Args:
        directory: The application's users.
        user_id: 24 hex digits, or `ext:` and an external id.

    Raises:
        UserNotFound: There is none, or the text is no id.
    """
    found = find_user_id(user_id)
    user = None
    if found is not None:
        user = find_user(directory.table, directory.application_id, found, directory.now_ms)
    if user is None:
        message = "This application has no such user."
        raise UserNotFound(message)
    return user


def change(
    directory: Directory,
    hasher: Hasher,
    user_id: str,
    fields: dict[str, Any],
    password: str | None,
    now_ms: int,
) -> User:
    """Change what is given of a user; the tokens end where that is due, in the same write.

    A password, another e-mail address and a cutoff that takes effect now end the user's tokens. Giving
    back what there is changes nothing.

    Args:
        directory: The application's users.
        hasher: Hashes the password.
        user_id: 24 hex digits, or `ext:` and an external id.
        fields: Fields of `User` by name; what is not named stays.
        password: The new password, checked against the policy; None leaves it.
        now_ms: The time, in Unix milliseconds.

    Raises:
        UserNotFound: There is no such user.
        UserExists: Another user has the new e-mail address.
        InvalidRequest: A group does not exist, or the cutoff lies in the future.
        Unavailable: Others change the user all the time.
    """
    password_hash = None if password is None else hasher.hash(password)
    for _ in range(ATTEMPTS):
        before = get_user(directory, user_id)
        try:
            return _change(directory, before, fields, password_hash, now_ms)
        except StaleError:
            continue
    raise _busy()


def remove(directory: Directory, user_id: str, now_ms: int) -> None:
    """Delete a user: its tokens end, its e-mail address is free again, its groups lose it.

    Raises:
        UserNotFound: There is no such user.
        Unavailable: Others change the user all the time.
    """
    for _ in range(ATTEMPTS):
        user = get_user(directory, user_id)
        try:
            user = _approach(directory, user, ())
            delete_user(directory.table, directory.application_id, user, now_ms)
        except StaleError:
            continue
        return
    raise _busy()


def groups_of(directory: Directory, users: Iterable[User]) -> dict[str, Group]:
    """The groups of these users by id, without those that are being deleted. No trip where none has any."""
    group_ids = {group_id for user in users for group_id in user.group_ids}
    return find_groups(directory.table, directory.application_id, group_ids) if group_ids else {}


def groups_once_written(
    directory: Directory, user: User, warn: Callable[[Unavailable], None]
) -> dict[str, Group] | None:
    """The groups of a user whose write has to be answered: None, and a warning, where nobody could tell."""
    try:
        return groups_of(directory, [user])
    except Unavailable as error:
        warn(error)
        return None


def _change(
    directory: Directory, before: User, fields: dict[str, Any], password_hash: str | None, now_ms: int
) -> User:
    # What unverified calls have said of the user is no part of what the change makes of it.
    unchanged = before.vouched_for()
    after = _with_credential(replace(unchanged, **fields), sets_password=password_hash is not None)
    if password_hash is None and after == unchanged:
        return before
    ends_tokens = password_hash is not None or after.normal_email != before.normal_email
    if after.token_cutoff_ms != before.token_cutoff_ms:
        check_cutoff(after.token_cutoff_ms, now_ms)
        ends_tokens = ends_tokens or _cutoff_ends_tokens(before, after, now_ms)
    replaces = None
    if password_hash is not None:
        after = replace(after, password_updated_at_ms=now_ms)
    elif before.normal_email not in (None, after.normal_email):
        # The credential moves with its hash.
        replaces = find_password_hash(directory.table, directory.application_id, before.normal_email or "")
        if replaces is None:
            raise StaleError
    moved_or_set = password_hash or replaces
    if moved_or_set is not None:
        after = replace(after, password_version=before.password_version + 1)
    after = replace(after, updated_at_ms=now_ms)
    before = _approach(directory, before, after.group_ids)
    after = replace(after, revision=before.revision + 1)
    change_user(
        directory.table,
        directory.application_id,
        before,
        after,
        now_ms,
        password_hash=moved_or_set,
        replaces=replaces,
        ends_tokens=ends_tokens,
    )
    return after


def check_cutoff(cutoff_ms: int | None, now_ms: int) -> None:
    """Check that a token cutoff does not lie in the future.

    Raises:
        InvalidRequest: It does.
    """
    if cutoff_ms is not None and cutoff_ms > now_ms + CUTOFF_AHEAD_MS:
        message = f"lies more than {CUTOFF_AHEAD_MS // 1000} seconds in the future."
        raise InvalidRequest.of("tokenCutoff", message)


def _cutoff_ends_tokens(before: User, after: User, now_ms: int) -> bool:
    """Whether the new cutoff has to end all tokens.

    One that is as good as now has to: among tokens of the same second it could not tell. One that is
    earlier than the last has to as well: else tokens that it had ended would live again.
    """
    if after.token_cutoff_ms is not None and after.token_cutoff_ms > now_ms - CUTOFF_EXACT_MS:
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


def _approach(
    directory: Directory, user: User, group_ids: tuple[str, ...], rest: int = GROUPS_AT_ONCE
) -> User:
    """Bring the user's groups so near to those wanted that at most `rest` memberships are left to change.

    For what does not fit into one transaction; each step by itself leaves user and members in accord.
    """
    while len(different := sorted(set(user.group_ids) ^ set(group_ids))) > rest:
        nearer = tuple(sorted(set(user.group_ids) ^ set(different[:GROUPS_AT_ONCE])))
        after = replace(user, group_ids=nearer, revision=user.revision + 1)
        change_user(directory.table, directory.application_id, user, after, directory.now_ms)
        user = after
    return user


def _busy() -> Unavailable:
    return Unavailable("Other requests are changing this user at the moment. Try again.")

"""User, credential and member items.

A user stands under `APP#<app>#USER#<id>` / `USER`, its credential under `APP#<app>#EMAIL#<normal form>` /
`CREDENTIAL`, and its membership of a group under the group's key / `MEMBER#<user id>`. A write that
touches several of them is one transaction, so that none is ever without the others.

What was deleted stays as a tombstone: `generation` and `deleted_at`, nothing of the person. A tombstone
and an item that holds a generation alone are not users: a user has `created_at`. One that is unverified
ends at `unverified_until`, and its item is a generation alone from then on; `find_in` and `IS_THERE` say
so, to every reader and in the condition of every write.

DynamoDB removes an item at its `expires_at`, which stands on unverified users alone, and on them only as
long as removing the item gives nothing back: `RAISE` takes it off.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from signet.errors import InvalidRequest, UserExists
from signet.identities import Identity, IdentityType
from signet.store.attributes import Item
from signet.store.groups import group_key
from signet.store.identities import identity_key
from signet.store.table import Check, ConditionFailed, Delete, Insert, Key, Part, PartsRefused, Table, Update
from signet.users import EXTERNAL, User

PROFILE = {
    "email": "email",
    "normal_email": "normal_email",
    "first_name": "first_name",
    "last_name": "last_name",
    "tags": "tags",
    "group_ids": "group_ids",
    "token_cutoff_ms": "token_cutoff",
    "password_version": "password_version",
    "created_at_ms": "created_at",
    "updated_at_ms": "updated_at",
    "password_updated_at_ms": "password_updated_at",
    "profile": "profile",
    "unverified_until": "unverified_until",
}
"""Attributes that a change of the user writes, by the field of `User`. A log-in writes `last_login`."""


IS_THERE = (
    "attribute_exists(created_at) AND (attribute_not_exists(unverified_until) OR unverified_until > :seconds)"
)
"""The condition that there is such a user; `:seconds` is the time in Unix seconds. As `find_in`."""

RAISED = ("expires_at", "ended")
"""Attributes that a raise of the generation removes: the item's end, since ended tokens would be good again
without it, and the marks of single tokens, all of which have ended now."""

RAISE = f"ADD generation :one REMOVE {', '.join(RAISED)}"
"""Ends all of a user's tokens; `:one` is 1."""


class StaleError(Exception):
    """The user is not any more what it was when it was read; nothing was written."""


def user_key(application_id: str, user_id: str) -> Key:
    """Where the user stands."""
    return Key(f"APP#{application_id}#USER#{user_id}", "USER")


def permissions_key(application_id: str, user_id: str) -> Key:
    """Where the user's permissions stand."""
    return Key(user_key(application_id, user_id).pk, "PERMISSIONS")


def credential_key(application_id: str, normal_email: str) -> Key:
    """Where the credential for an e-mail address stands."""
    return Key(f"APP#{application_id}#EMAIL#{normal_email}", "CREDENTIAL")


def member_key(application_id: str, group_id: str, user_id: str) -> Key:
    """Where the membership stands."""
    return Key(group_key(application_id, group_id).pk, f"MEMBER#{user_id}")


def users_partition(application_id: str) -> str:
    """The index partition that lists the application's users."""
    return f"APP#{application_id}#USERS"


def find_in(item: Item | None, now_ms: int) -> User | None:
    """The user that an item holds; None for a tombstone, a generation alone, and who has ended."""
    if item is None or "created_at" not in item:
        return None
    user = to_user(item)
    return user if user.unverified_until is None or now_ms < user.unverified_until * 1000 else None


def find_user(table: Table, application_id: str, user_id: str, now_ms: int) -> User | None:
    """The user, or None. One round trip."""
    return find_in(table.find(user_key(application_id, user_id)), now_ms)


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What the table knows of a token's subject, user or not.

    Attributes:
        user: The user; None where there is none, as `find_in` says.
        generation: Its generation; 0 where there is nothing.
        token_cutoff_ms: Its cutoff.
        ended: The marks of single tokens that have ended (`Token.mark`).
        revision: That of the item, user or not; 0 where it has none.
        is_unclaimed: Whether there is nothing, or what unverified calls have made.
        is_lasting: Whether anything was raised, marked or cut off: without the item it would be undone.
    """

    user: User | None
    generation: int
    token_cutoff_ms: int | None
    ended: frozenset[str]
    revision: int
    is_unclaimed: bool
    is_lasting: bool


def find_subject(table: Table, application_id: str, user_id: str, now_ms: int) -> Subject:
    """What there is of a token's subject. One round trip."""
    return subject_in(table.find(user_key(application_id, user_id)), now_ms)


def subject_in(item: Item | None, now_ms: int) -> Subject:
    """What an item says of a token's subject; None for no item."""
    item = item or {}
    generation = item.get("generation", 0)
    return Subject(
        user=find_in(item, now_ms),
        generation=generation,
        token_cutoff_ms=item.get("token_cutoff"),
        ended=item.get("ended", frozenset()),
        revision=item.get("revision", 0),
        is_unclaimed=not item or "unverified_until" in item,
        is_lasting=generation > 0 or "ended" in item or "token_cutoff" in item,
    )


def raise_generation(table: Table, application_id: str, user_id: str, now_ms: int) -> bool:
    """End a user's tokens. One round trip.

    Returns:
        False where there is no such user; then nothing is written. An external id needs no user: its
        tokens can be ended before it was ever identified.
    """
    may_be_new = user_id.startswith(EXTERNAL)
    try:
        table.update(
            user_key(application_id, user_id),
            RAISE,
            {":one": 1} if may_be_new else {":one": 1, ":seconds": now_ms // 1000},
            condition=None if may_be_new else IS_THERE,
        )
    except ConditionFailed:
        return False
    return True


def find_users(table: Table, application_id: str, user_ids: Iterable[str], now_ms: int) -> dict[str, User]:
    """Those of the users that there are, by id. One round trip for each hundred."""
    items = table.find_all(user_key(application_id, user_id) for user_id in user_ids)
    users = (find_in(item, now_ms) for item in items.values())
    return {user.id: user for user in users if user is not None}


def find_password_hash(table: Table, application_id: str, normal_email: str) -> str | None:
    """The password hash of the credential, or None where there is no such credential."""
    item = table.find(credential_key(application_id, normal_email))
    return None if item is None else item["password_hash"]


def insert_user(
    table: Table, application_id: str, user: User, password_hash: str, origin: str | None = None
) -> None:
    """Write a new user with its credential and its memberships. One round trip.

    Args:
        table: The table.
        application_id: Whose user it is.
        user: The user.
        password_hash: Of its password.
        origin: What made it, for who has to know its own work again (`find_origin`).

    Raises:
        UserExists: Another user has the e-mail address.
        StaleError: There is or was a user with this id.
        InvalidRequest: One of the groups does not exist.
    """
    if user.normal_email is None:
        message = "A user with a password needs an e-mail address."
        raise TypeError(message)
    credential = {
        "user_id": user.id,
        "password_hash": password_hash,
        "password_version": user.password_version,
    }
    if origin is not None:
        credential["origin"] = origin
    parts: dict[str, Part] = {
        "user": Insert(user_key(application_id, user.id), _item(application_id, user)),
        "new credential": Insert(credential_key(application_id, user.normal_email), credential),
    }
    _write(table, parts | _joining(application_id, user.id, user.group_ids))


def change_user(
    table: Table,
    application_id: str,
    before: User,
    after: User,
    now_ms: int,
    *,
    password_hash: str | None = None,
    replaces: str | None = None,
    ends_tokens: bool = False,
) -> None:
    """Turn the user from what was read into what it shall be, with all that hangs on it.

    A user of whom only unverified calls have spoken becomes one like others, so `after` has been
    `vouched_for`.

    Args:
        table: The table.
        application_id: Whose user it is.
        before: The user as it was read; the write is refused if it has changed since.
        after: The user as it shall be, with the next `revision`.
        now_ms: The time, in Unix milliseconds.
        password_hash: The credential's hash from now on, where it is set or moves to another address.
        replaces: The hash that moves, as it was read: a log-in may have upgraded it in the meantime.
        ends_tokens: Whether the user's tokens end with this change.

    Raises:
        StaleError: The user or its credential has changed since it was read.
        UserExists: Another user has the new e-mail address.
        InvalidRequest: One of the new groups does not exist.
    """
    parts: dict[str, Part] = {"user": _change(application_id, before, after, now_ms, ends_tokens=ends_tokens)}
    if password_hash is not None:
        parts |= _credential_change(application_id, before, after, password_hash, replaces)
        if before.normal_email is not None:
            parts["identity"] = _end_identity(application_id, before.normal_email)
    parts |= _joining(application_id, before.id, set(after.group_ids) - set(before.group_ids))
    parts |= _leaving(application_id, before.id, set(before.group_ids) - set(after.group_ids))
    _write(table, parts)


def delete_user(table: Table, application_id: str, user: User, now_ms: int) -> None:
    """Leave a tombstone in the user's place, and nothing of the person.

    Raises:
        StaleError: The user has changed since it was read.
    """
    personal = [*PROFILE.values(), *RAISED, "is_admin", "last_login", "list_pk", "list_sk", "user_id"]
    names = {f"#{name}": name for name in personal}
    counters = "generation :one, revision :one"
    parts: dict[str, Part] = {}
    if user.id.startswith(EXTERNAL):
        # Nobody else has permissions.
        counters += ", permissions_epoch :one"
        parts["permissions"] = Delete(permissions_key(application_id, user.id))
    parts["user"] = Update(
        user_key(application_id, user.id),
        f"SET deleted_at = :now REMOVE {', '.join(names)} ADD {counters}",
        {":now": now_ms, ":one": 1, ":revision": user.revision, ":seconds": now_ms // 1000},
        f"{IS_THERE} AND revision = :revision",
        names,
    )
    if user.normal_email is not None:
        own = {":user_id": user.id}
        key = credential_key(application_id, user.normal_email)
        parts["old credential"] = Delete(key, "user_id = :user_id", own)
        parts["identity"] = _end_identity(application_id, user.normal_email)
    _write(table, parts | _leaving(application_id, user.id, user.group_ids))


def to_user(item: Item) -> User:
    """The user that an item with `created_at` holds."""
    fields: dict[str, Any] = {field: item.get(attribute) for field, attribute in PROFILE.items()}
    fields["group_ids"] = tuple(item["group_ids"])
    fields["profile"] = item.get("profile", {})
    return User(
        **fields,
        id=item["user_id"],
        generation=item["generation"],
        revision=item["revision"],
        last_login_ms=item.get("last_login"),
        is_admin=item.get("is_admin", False),
    )


def _item(application_id: str, user: User) -> dict[str, object]:
    item = {
        **_attributes(application_id, user),
        "user_id": user.id,
        "generation": user.generation,
        "revision": user.revision,
    }
    return {name: value for name, value in item.items() if value is not None}


def _attributes(application_id: str, user: User) -> dict[str, object]:
    """What a change of the user writes; None for what is not there."""
    given = {attribute: getattr(user, field) for field, attribute in PROFILE.items()}
    return given | {"profile": user.profile or None} | _index_entry(application_id, user)


def _index_entry(application_id: str, user: User) -> dict[str, str]:
    """Where the user stands in the list: by e-mail address, the application's own ids after those."""
    external_id = user.id.removeprefix(EXTERNAL)
    entry = f"E#{user.normal_email}" if external_id == user.id else f"X#{external_id}"
    return {"list_pk": users_partition(application_id), "list_sk": entry}


def _change(application_id: str, before: User, after: User, now_ms: int, *, ends_tokens: bool) -> Update:
    was, becomes = _attributes(application_id, before), _attributes(application_id, after)
    changed = {name: value for name, value in becomes.items() if value != was[name]}
    given = {name: value for name, value in changed.items() if value is not None}
    removed = {name for name, value in changed.items() if value is None}
    if ends_tokens or before.is_unverified:
        removed.update(RAISED if ends_tokens else ("expires_at",))
    expression = "SET " + ", ".join(["revision = :next", *(f"#{name} = :{name}" for name in given)])
    if removed:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in sorted(removed))
    values: dict[str, object] = {
        ":next": after.revision,
        ":revision": before.revision,
        ":seconds": now_ms // 1000,
    }
    if ends_tokens:
        expression += " ADD generation :one"
        values[":one"] = 1
    return Update(
        user_key(application_id, before.id),
        expression,
        values | {f":{name}": value for name, value in given.items()},
        f"{IS_THERE} AND revision = :revision",
        {f"#{name}": name for name in (*given, *removed)},
    )


def _credential_change(
    application_id: str, before: User, after: User, password_hash: str, replaces: str | None
) -> dict[str, Part]:
    if after.normal_email is None:
        message = "A user with a password needs an e-mail address."
        raise TypeError(message)
    key = credential_key(application_id, after.normal_email)
    is_own = "user_id = :user_id AND password_version = :seen"
    seen = {":user_id": before.id, ":seen": before.password_version}
    if before.normal_email == after.normal_email:
        expression = "SET password_hash = :hash, password_version = :version"
        values = {**seen, ":hash": password_hash, ":version": after.password_version}
        return {"credential": Update(key, expression, values, is_own)}
    credential = {
        "user_id": after.id,
        "password_hash": password_hash,
        "password_version": after.password_version,
    }
    parts: dict[str, Part] = {"new credential": Insert(key, credential)}
    if before.normal_email is not None:
        if replaces is not None:
            # Else a hash that a log-in has just upgraded would fall back to the weaker one.
            is_own += " AND password_hash = :replaces"
            seen[":replaces"] = replaces
        parts["old credential"] = Delete(credential_key(application_id, before.normal_email), is_own, seen)
    return parts


def _end_identity(application_id: str, normal_email: str) -> Update:
    identity = Identity(IdentityType.EMAIL, normal_email)
    return Update(identity_key(application_id, identity), "ADD generation :one", {":one": 1})


def _joining(application_id: str, user_id: str, group_ids: Iterable[str]) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for group_id in sorted(group_ids):
        # A group that is being deleted takes nobody in: its sweep may be past this user already.
        here = "attribute_exists(pk) AND attribute_not_exists(deleting)"
        parts[f"group {group_id}"] = Check(group_key(application_id, group_id), here)
        key = member_key(application_id, group_id, user_id)
        parts[f"member {group_id}"] = Update(key, "SET user_id = :user_id", {":user_id": user_id})
    return parts


def _leaving(application_id: str, user_id: str, group_ids: Iterable[str]) -> dict[str, Part]:
    return {
        f"member {group_id}": Delete(member_key(application_id, group_id, user_id))
        for group_id in sorted(group_ids)
    }


def _write(table: Table, parts: Mapping[str, Part]) -> None:
    """Write all parts or nothing, and say in the domain's words why not."""
    try:
        table.write(*parts.values())
    except PartsRefused as error:
        names = list(parts)
        refused = {names[place] for place in error.places}
        if refused & {"user", "old credential"}:
            raise StaleError from error
        groups = sorted(name.removeprefix("group ") for name in refused if name.startswith("group "))
        if groups:
            message = f"there is no group {groups[0]}."
            raise InvalidRequest.of("experienceGroupIds", message) from error
        if "new credential" in refused:
            message = "Another user of this application has this e-mail address."
            raise UserExists(message) from error
        raise StaleError from error

"""User, credential and member items.

A user stands under `APP#<app>#USER#<id>` / `USER`, its credential under `APP#<app>#EMAIL#<normal form>` /
`CREDENTIAL`, and its membership of a group under the group's key / `MEMBER#<user id>`. A write that
touches several of them is one transaction, so that none is ever without the others.

The user's `group_ids` decide who belongs to what; member items are where a group finds its users. A user
may have more groups than fit into one transaction. Then the member items of the others are written
before it, or left behind it, as `pending`, and the user's item names them as `outstanding`: who reads a
pending one asks the user. So one transaction changes everything at once, for every reader:

    mark       member items of 49 groups pending     outstanding: 49          group_ids: as before
    commit     member items of the others            outstanding: 49          group_ids: as wanted
    settle     pending ones good, or gone            outstanding: none

Of a new user there is no item to name them before the commit; nobody sees them, and a group that is
deleted takes them along.

What was deleted stays as a tombstone: `generation` and `deleted_at`, nothing of the person. A tombstone
and an item that holds a generation alone are not users: a user has `created_at`. One that is unverified
ends at `unverified_until`, and its item is a generation alone from then on; `find_in` and `IS_THERE` say
so, to every reader and in the condition of every write.

DynamoDB removes an item at its `expires_at`, which stands on unverified users alone, and on them only as
long as removing the item gives nothing back: `RAISE` takes it off.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from signet.domain.identities import Identity, IdentityType
from signet.domain.reasons import Because
from signet.domain.users import User, find_external
from signet.errors import UserExists
from signet.store.attributes import Item
from signet.store.groups import IS_THERE as GROUP_IS_THERE
from signet.store.groups import group_key, member_key
from signet.store.identities import identity_key
from signet.store.table import (
    MAX_PARTS,
    Check,
    ConditionFailed,
    Delete,
    Insert,
    Key,
    Part,
    PartsRefused,
    Put,
    Table,
    Update,
    raise_surely,
)
from signet.store.tenant import Tenant

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
    "codes": "codes",
    "unverified_until": "unverified_until",
}
"""Attributes that a change of the user writes, by the field of `User`. A log-in writes `last_login`."""

READ = PROFILE | {"last_login_ms": "last_login"}
"""Attributes that a list may read, by the field of `User`."""


IS_THERE = (
    "attribute_exists(created_at) AND (attribute_not_exists(unverified_until) OR unverified_until > :seconds)"
)
"""The condition that there is such a user; `:seconds` is the time in Unix seconds. As `find_in`."""

RAISED = ("expires_at", "ended")
"""Attributes that a raise of the generation removes: the item's end, since ended tokens would be good again
without it, and the marks of single tokens, all of which have ended now."""

RAISE = f"ADD generation :one REMOVE {', '.join(RAISED)}"
"""Ends all of a user's tokens; `:one` is 1. Whoever raises a generation writes `ended_because` beside it."""


class StaleError(Exception):
    """The user is not any more what it was when it was read; nothing was written."""


class GroupsGoneError(Exception):
    """There are no such groups, or they are being deleted; nothing was written.

    Attributes:
        group_ids: Which of those that the user would have joined.
    """

    def __init__(self, group_ids: Iterable[str]) -> None:
        self.group_ids = frozenset(group_ids)
        super().__init__(", ".join(sorted(self.group_ids)))


def email_taken() -> UserExists:
    """The refusal of an address that another user has."""
    return UserExists("Another user of this application has this e-mail address.")


def user_key(application_id: str, user_id: str) -> Key:
    """Where the user stands."""
    return Key(f"APP#{application_id}#USER#{user_id}", "USER")


def permissions_key(application_id: str, user_id: str) -> Key:
    """Where the user's permissions stand."""
    return Key(user_key(application_id, user_id).pk, "PERMISSIONS")


def credential_key(application_id: str, normal_email: str) -> Key:
    """Where the credential for an e-mail address stands."""
    return Key(f"APP#{application_id}#EMAIL#{normal_email}", "CREDENTIAL")


def users_partition(application_id: str) -> str:
    """The index partition that lists the application's users."""
    return f"APP#{application_id}#USERS"


def find_in(item: Item | None, now_ms: int) -> User | None:
    """The user that an item holds; None for a tombstone, a generation alone, and who has ended."""
    return to_user(item) if item is not None and _is_there(item, now_ms) else None


def _is_there(item: Item, now_ms: int) -> bool:
    until = item.get("unverified_until")
    return "created_at" in item and (until is None or now_ms < until * 1000)


def find_user(tenant: Tenant, user_id: str) -> User | None:
    """The user, or None. One round trip."""
    return find_in(tenant.table.find(user_key(tenant.application_id, user_id)), tenant.now_ms)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the table knows of a token's subject, user or not.

    Attributes:
        user: The user; None where there is none, as `find_in` says.
        generation: Its generation; 0 where there is nothing.
        token_cutoff_ms: Its cutoff.
        ended: The marks of single tokens that have ended (`Token.mark`).
        revision: That of the item, user or not; 0 where it has none.
        password_version: The same.
        is_unclaimed: Whether there is nothing, or what unverified calls have made.
        is_lasting: Whether anything was raised, marked or cut off: without the item it would be undone.
        outstanding: Groups with pending member items of it.
    """

    user: User | None
    generation: int
    token_cutoff_ms: int | None
    ended: frozenset[str]
    revision: int
    password_version: int
    is_unclaimed: bool
    is_lasting: bool
    outstanding: frozenset[str]


def find_subject(tenant: Tenant, user_id: str) -> Subject:
    """What there is of a token's subject. One round trip."""
    return subject_in(tenant.table.find(user_key(tenant.application_id, user_id)), tenant.now_ms)


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
        password_version=item.get("password_version", 0),
        is_unclaimed=not item or "unverified_until" in item,
        is_lasting=generation > 0 or "ended" in item or "token_cutoff" in item,
        outstanding=item.get("outstanding", frozenset()),
    )


def raise_generation(tenant: Tenant, user_id: str) -> bool:
    """End a user's tokens. One round trip.

    Returns:
        False where there is no such user; then nothing is written. An external id needs no user: its
        tokens can be ended before it was ever identified.
    """
    may_be_new = find_external(user_id) is not None
    try:
        raise_surely(
            tenant.table,
            user_key(tenant.application_id, user_id),
            RAISE,
            {":one": 1} if may_be_new else {":one": 1, ":seconds": tenant.now},
            None if may_be_new else IS_THERE,
            because=Because.INVALIDATED,
        )
    except ConditionFailed:
        return False
    return True


def find_users(tenant: Tenant, user_ids: Iterable[str]) -> dict[str, User]:
    """Those of the users that there are, by id. One round trip for each hundred."""
    items = tenant.table.find_all(user_key(tenant.application_id, user_id) for user_id in user_ids)
    users = (find_in(item, tenant.now_ms) for item in items.values())
    return {user.id: user for user in users if user is not None}


def find_fields(tenant: Tenant, user_ids: Iterable[str], fields: Iterable[str]) -> dict[str, User]:
    """Those of the users that there are, by id and in this order, with some of their fields.

    Of many, that takes a fraction of the time.

    Args:
        tenant: Whose users.
        user_ids: Theirs.
        fields: The fields of `User` that are read besides `id`; the others are as if there were nothing.
    """
    attributes = {field: READ[field] for field in {"created_at_ms", "unverified_until", *fields} - {"id"}}
    ids = {user_key(tenant.application_id, user_id): user_id for user_id in user_ids}
    items = tenant.table.find_all(ids, attributes.values())
    users: dict[str, User] = {}
    for key, user_id in ids.items():
        item = items.get(key, {})
        if _is_there(item, tenant.now_ms):
            given: dict[str, Any] = {"updated_at_ms": 0}
            given |= {field: item[name] for field, name in attributes.items() if name in item}
            users[user_id] = User(id=user_id, **given)
    return users


def find_password_hash(tenant: Tenant, normal_email: str) -> str | None:
    """The password hash of the credential (or `NO_PASSWORD`); None where there is no such credential."""
    item = tenant.table.find(credential_key(tenant.application_id, normal_email))
    return None if item is None else item["password_hash"]


def insert_user(
    tenant: Tenant,
    user: User,
    password_hash: str | None,
    origin: str | None = None,
    mark: str | None = None,
) -> None:
    """Write a new user with its credential, if it has an address, and its memberships. One round trip.

    Args:
        tenant: Whose user it is.
        user: The user; the member items of those of its groups that are outstanding have been announced.
        password_hash: Of its password; `NO_PASSWORD` where there is none, None without an address.
        origin: What made it, for who has to know its own work again (`store.transfer.is_made_by`).
        mark: This one write's, for `is_written`.

    Raises:
        UserExists: Another user has the e-mail address.
        StaleError: There is or was a user with this id.
        GroupsGoneError: Some of the groups do not exist.
    """
    if (user.normal_email is None) != (password_hash is None):
        message = "A user with a password needs an e-mail address, and one with an address a credential."
        raise TypeError(message)
    item = _item(tenant.application_id, user) | ({} if mark is None else {"written_by": mark})
    parts: dict[str, Part] = {"user": Insert(user_key(tenant.application_id, user.id), item)}
    noted = {} if origin is None else {"origin": origin}
    if user.normal_email is None:
        item |= noted
    else:
        credential: dict[str, object] = {
            "user_id": user.id,
            "password_hash": password_hash,
            "password_version": user.password_version,
        }
        key = credential_key(tenant.application_id, user.normal_email)
        parts["new credential"] = Insert(key, credential | noted)
    announced = replace(user, group_ids=())
    _write(tenant.table, parts | _memberships(tenant.application_id, announced, user))


def announce_members(tenant: Tenant, user_id: str, group_ids: Iterable[str]) -> None:
    """Write pending member items of a user that is not there yet. One round trip; 49 groups at most.

    Raises:
        GroupsGoneError: Some of the groups do not exist.
    """
    parts: dict[str, Part] = {}
    for group_id in group_ids:
        parts |= _joining(tenant.application_id, user_id, group_id, is_pending=True)
    _write(tenant.table, parts)


def withdraw_members(tenant: Tenant, user_id: str, group_ids: Iterable[str]) -> None:
    """Remove what was announced of a user that is not made after all. One round trip; 99 groups at most.

    Raises:
        StaleError: There is or was a user with this id: what is pending may be its own.
    """
    parts: dict[str, Part] = {
        "user": Check(user_key(tenant.application_id, user_id), "attribute_not_exists(pk)")
    }
    parts |= {g: Delete(member_key(tenant.application_id, g, user_id)) for g in group_ids}
    _write(tenant.table, parts)


def is_written(tenant: Tenant, user_id: str, mark: str) -> bool:
    """Whether the last marked write of the user is the one of this mark. One round trip.

    For who does not know whether a write came about, whose answer was lost. That the user stands there as it
    was to be proves nothing: somebody else may have written the very same, by the same code.

    Args:
        tenant: Whose user it is.
        user_id: The user's.
        mark: The write's, as `change_user` and `insert_user` take it.
    """
    key = user_key(tenant.application_id, user_id)
    return tenant.table.find_all([key]).get(key, {}).get("written_by") == mark


def change_user(
    tenant: Tenant,
    before: User,
    after: User,
    *,
    password_hash: str | None = None,
    replaces: str | None = None,
    ends_tokens: Because | None = None,
    beside: Iterable[Part] = (),
    issues: bool = False,
    mark: str | None = None,
) -> None:
    """Turn the user from what was read into what it shall be, with all that hangs on it.

    A user of whom only unverified calls have spoken becomes one like others, so `after` has been
    `vouched_for`.

    Args:
        tenant: Whose user it is.
        before: The user as it was read; the write is refused if it has changed since.
        after: The user as it shall be, with the next `revision`.
        password_hash: The credential's hash from now on, where it is set or moves to another address.
        replaces: The hash that moves, as it was read: a log-in may have upgraded it in the meantime.
        ends_tokens: Why the user's tokens end with this change; None where they do not.
        beside: What else is written, or nothing of it all.
        issues: Whether a token is issued by it, so that the generation has to be the one that was read.
        mark: This one write's, for `is_written`.

    Raises:
        StaleError: The user or its credential has changed since it was read.
        UserExists: Another user has the new e-mail address.
        GroupsGoneError: Some of the new groups do not exist.
    """
    change = _change(tenant, before, after, ends_tokens=ends_tokens, mark=mark)
    if issues:
        change = change._replace(
            condition=f"{change.condition} AND generation = :generation",
            values={**change.values, ":generation": before.generation},
        )
    parts: dict[str, Part] = {"user": change} | {f"beside {place}": part for place, part in enumerate(beside)}
    if password_hash is not None:
        parts |= _credential_change(tenant.application_id, before, after, password_hash, replaces)
        if before.normal_email is not None:
            parts["identity"] = _end_identity(tenant.application_id, before.normal_email, ends_tokens)
    _write(tenant.table, parts | _memberships(tenant.application_id, before, after))


def change_users(tenant: Tenant, changes: Iterable[tuple[User, User]]) -> None:
    """Turn several users into what they shall be, all or none. One round trip.

    Args:
        tenant: Whose users.
        changes: Each user as it was read, and as it shall be, with the next `revision`.

    Raises:
        StaleError: One of them has changed since it was read.
        GroupsGoneError: Some of the new groups do not exist.
    """
    parts: dict[str, Part] = {}
    for before, after in changes:
        own: dict[str, Part] = {"user": _change(tenant, before, after, ends_tokens=None)}
        own |= _memberships(tenant.application_id, before, after)
        # The check of a group is the same for all.
        parts |= {n if n.startswith("group ") else f"{n} of {before.id}": part for n, part in own.items()}
    _write(tenant.table, parts)


def delete_user(tenant: Tenant, user: User) -> None:
    """Leave a tombstone in the user's place, and nothing of the person.

    Its pending member items are left; the tombstone has them `outstanding`.

    Raises:
        StaleError: The user has changed since it was read.
    """
    counted = {"generation", "revision", "password_version"}
    personal = {
        *PROFILE.values(),
        *RAISED,
        "email_unverified",
        "is_admin",
        "last_login",
        "origin",
        "written_by",
        "list_pk",
        "list_sk",
        "user_id",
    } - counted
    names = {f"#{name}": name for name in sorted(personal)}
    # All of them go on counting in a life to come: who was let in by one of this life must not be in that.
    counters = "generation :one, revision :one, password_version :one"
    parts: dict[str, Part] = {}
    if find_external(user.id) is not None:
        # Nobody else has permissions.
        counters += ", permissions_epoch :one"
        parts["permissions"] = Delete(permissions_key(tenant.application_id, user.id))
    parts["user"] = Update(
        user_key(tenant.application_id, user.id),
        f"SET deleted_at = :now, ended_because = :because REMOVE {', '.join(names)} ADD {counters}",
        {
            ":now": tenant.now_ms,
            ":because": Because.USER_DELETED,
            ":one": 1,
            ":revision": user.revision,
            ":seconds": tenant.now,
        },
        f"{IS_THERE} AND revision = :revision",
        names,
    )
    if user.normal_email is not None:
        own = {":user_id": user.id}
        key = credential_key(tenant.application_id, user.normal_email)
        parts["old credential"] = Delete(key, "user_id = :user_id", own)
        parts["identity"] = _end_identity(tenant.application_id, user.normal_email, Because.USER_DELETED)
    _write(tenant.table, parts | _memberships(tenant.application_id, user, replace(user, group_ids=())))


def forget_members(tenant: Tenant, user_id: str, revision: int, outstanding: Collection[str]) -> None:
    """Remove the pending member items of a deleted user. One round trip for each 99.

    Args:
        tenant: Whose user it was.
        user_id: Its id.
        revision: The tombstone's.
        outstanding: Which groups it has outstanding.

    Raises:
        StaleError: There is a user again, or others forget its members.
    """
    left = frozenset(outstanding)
    for group_ids in itertools.batched(sorted(outstanding), MAX_PARTS - 1, strict=False):
        left -= frozenset(group_ids)
        values: dict[str, object] = {":next": revision + 1, ":revision": revision}
        parts: dict[str, Part] = {
            "user": Update(
                user_key(tenant.application_id, user_id),
                "SET revision = :next" + (", outstanding = :left" if left else " REMOVE outstanding"),
                values | ({":left": left} if left else {}),
                "revision = :revision AND attribute_not_exists(created_at)",
            )
        }
        _write(
            tenant.table,
            parts | {g: Delete(member_key(tenant.application_id, g, user_id)) for g in group_ids},
        )
        revision += 1


def to_user(item: Item) -> User:
    """The user that an item with `created_at` holds."""
    fields: dict[str, Any] = {field: item.get(attribute) for field, attribute in PROFILE.items()}
    fields["group_ids"] = tuple(item["group_ids"])
    fields["outstanding"] = item.get("outstanding", frozenset())
    fields |= {"profile": item.get("profile", {}), "codes": item.get("codes", {})}
    # Whom nobody has asked to prove it, nobody has to mark.
    fields["email_verified"] = "email_unverified" not in item
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
        "last_login": user.last_login_ms,
        "is_admin": user.is_admin or None,
    }
    return {name: value for name, value in item.items() if value is not None}


def _attributes(application_id: str, user: User) -> dict[str, object]:
    """What a change of the user writes; None for what is not there."""
    given = {attribute: getattr(user, field) for field, attribute in PROFILE.items()}
    given |= {
        "profile": user.profile or None,
        "codes": user.codes or None,
        "outstanding": user.outstanding or None,
        "email_unverified": None if user.email_verified else True,
    }
    return given | _index_entry(application_id, user)


def _index_entry(application_id: str, user: User) -> dict[str, str]:
    """Where the user stands in the list: by e-mail address, the application's own ids after those."""
    external_id = find_external(user.id)
    entry = f"E#{user.normal_email}" if external_id is None else f"X#{external_id}"
    return {"list_pk": users_partition(application_id), "list_sk": entry}


def _change(
    tenant: Tenant, before: User, after: User, *, ends_tokens: Because | None, mark: str | None = None
) -> Update:
    was, becomes = (_attributes(tenant.application_id, user) for user in (before, after))
    changed = {name: value for name, value in becomes.items() if value != was[name]}
    given = {name: value for name, value in changed.items() if value is not None}
    if after.last_login_ms != before.last_login_ms:
        given["last_login"] = after.last_login_ms
    removed = {name for name, value in changed.items() if value is None}
    if ends_tokens or before.is_unverified:
        removed.update(RAISED if ends_tokens else ("expires_at",))
    if ends_tokens:
        given["ended_because"] = ends_tokens
    if mark is not None:
        given["written_by"] = mark
    expression = "SET " + ", ".join(["revision = :next", *(f"#{name} = :{name}" for name in given)])
    if removed:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in sorted(removed))
    values: dict[str, object] = {
        ":next": after.revision,
        ":revision": before.revision,
        ":seconds": tenant.now,
    }
    if ends_tokens:
        expression += " ADD generation :one"
        values[":one"] = 1
    return Update(
        user_key(tenant.application_id, before.id),
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


def _end_identity(application_id: str, normal_email: str, because: Because | None) -> Update:
    identity = Identity(IdentityType.EMAIL, normal_email)
    return Update(
        identity_key(application_id, identity),
        "SET ended_because = :because ADD generation :one",
        {":because": because, ":one": 1},
    )


def _memberships(application_id: str, before: User, after: User) -> dict[str, Part]:
    """What becomes of the member items where `before` becomes `after`."""
    parts: dict[str, Part] = {}
    was, becomes = _pending_by_group(before), _pending_by_group(after)
    for group_id in sorted(was.keys() | becomes.keys()):
        is_pending = becomes.get(group_id)
        if is_pending == was.get(group_id):
            continue
        joining = _joining(application_id, before.id, group_id, is_pending=bool(is_pending))
        if is_pending is None:
            parts[f"member {group_id}"] = Delete(member_key(application_id, group_id, before.id))
        elif is_pending and group_id in was:
            # It leaves, so it matters to nobody whether there is such a group.
            parts[f"member {group_id}"] = joining[f"member {group_id}"]
        else:
            parts |= joining
    return parts


def _pending_by_group(user: User) -> dict[str, bool]:
    """Of each group that has a member item of the user, whether it is pending."""
    return dict.fromkeys(user.group_ids, False) | dict.fromkeys(user.outstanding, True)


def _joining(application_id: str, user_id: str, group_id: str, *, is_pending: bool) -> dict[str, Part]:
    member: dict[str, object] = {"user_id": user_id} | ({"pending": True} if is_pending else {})
    return {
        # A group that is being deleted takes nobody in: its sweep may be past this user already.
        f"group {group_id}": Check(group_key(application_id, group_id), GROUP_IS_THERE),
        f"member {group_id}": Put(member_key(application_id, group_id, user_id), member),
    }


def _write(table: Table, parts: Mapping[str, Part]) -> None:
    """Write all parts or nothing, and say in the domain's words why not."""
    try:
        table.write(*parts.values())
    except PartsRefused as error:
        names = list(parts)
        refused = {names[place] for place in error.places}
        gone = {name.removeprefix("group ") for name in refused if name.startswith("group ")}
        if refused - {"new credential"} - {f"group {group_id}" for group_id in gone}:
            raise StaleError from error
        if gone:
            raise GroupsGoneError(gone) from error
        raise email_taken() from error

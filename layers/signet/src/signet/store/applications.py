"""Application items: `APP#<app>` / `APP`, and its generation: `APP#<app>` / `GENERATION`.

The generation is apart, since every issue of a token reads it: one read unit, whatever the settings hold.
Without one nothing is issued in an application or taken of it. Of one that was deleted a tombstone is left
(`deleted_at`), so that its id is never given again: "it exists" means that `created_at` is there.
"""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from signet import deadline
from signet.domain.applications import (
    LINKS,
    Application,
    ApplicationChanged,
    LoginSettings,
    SelfService,
    StoredApiToken,
    StoredApplication,
    VerifyEmail,
)
from signet.domain.guessing import DEFAULT_LIMITS, GuessingLimits, Limit
from signet.domain.listing import Entry
from signet.domain.reasons import Because
from signet.errors import ApplicationNotFound
from signet.store.attributes import Item
from signet.store.table import (
    MAX_PARTS,
    ConditionFailed,
    Delete,
    Insert,
    Key,
    PartsRefused,
    Put,
    Table,
    Update,
    raise_surely,
    write_surely,
)
from signet.store.tenant import Tenant

APPLICATIONS = "APPS"
"""The index's partition of all applications."""

DELETION_SECONDS = 8.0
"""How long the one write of a deletion may take, for which its sweep waits."""

GUESSING = ("account", "source", "known_source")
"""The fields of `GuessingLimits`."""


class StaleApplicationError(Exception):
    """The application is no longer what the change was made from."""


def application_key(application_id: str) -> Key:
    """Where the application stands."""
    return Key(f"APP#{application_id}", "APP")


def generation_key(application_id: str) -> Key:
    """Where the application's generation stands."""
    return Key(f"APP#{application_id}", "GENERATION")


def find_application(table: Table, application_id: str) -> Application | None:
    """The application with its generation, or None. One round trip."""
    keys = application_key(application_id), generation_key(application_id)
    items = table.find_all(keys)
    if not items.keys() >= set(keys):
        # Without a generation there is no telling which of its tokens have been ended.
        return None
    return Application(**_fields(items[keys[0]]), generation=items[keys[1]]["generation"])


def find_stored_application(table: Table, application_id: str) -> StoredApplication | None:
    """The application without its generation, or None. One round trip."""
    item = table.find(application_key(application_id))
    return StoredApplication(**_fields(item)) if item is not None and "created_at" in item else None


def application_entries(table: Table, limit: int, after: Entry | None) -> tuple[list[Entry], bool]:
    """Applications in the order in which they were made, behind an entry, and whether there are more.

    The index is eventually consistent: it may lag a write by moments.
    """
    begin = None if after is None else (application_key(after.record_id), after.sort_key)
    items, more = table.query_index(APPLICATIONS, limit, after=begin)
    return [Entry(item["list_sk"], item["pk"].removeprefix("APP#")) for item in items], more


def find_stored_applications(table: Table, application_ids: Iterable[str]) -> list[StoredApplication]:
    """Those of the applications that there are, in this order. One round trip for each hundred."""
    keys = [application_key(application_id) for application_id in application_ids]
    items = table.find_all(keys)
    return [StoredApplication(**_fields(items[key])) for key in keys if "created_at" in items.get(key, {})]


def list_keys(application_id: str, created_at_ms: int) -> dict[str, object]:
    """Where the application stands in the index."""
    return {"list_pk": APPLICATIONS, "list_sk": f"{created_at_ms:015d}#{application_id}"}


def find_for_issue(tenant: Tenant, keys: Iterable[Key]) -> dict[Key, Item]:
    """Items from which a token is issued, and beside them the application's generation. One round trip.

    So an invalidation that was answered before is counted, and one that comes after ends the token too.

    Raises:
        ApplicationChanged: Its generation is not any more the one that the call goes by.
        ApplicationNotFound: It has none.
    """
    key = generation_key(tenant.application_id)
    items = tenant.table.find_all((key, *keys))
    if key not in items:
        raise _not_found()
    if items.pop(key)["generation"] != tenant.application.generation:
        raise ApplicationChanged(tenant.application_id)
    return items


def check_application(tenant: Tenant) -> None:
    """Look whether the application is still there. One round trip.

    Raises:
        ApplicationNotFound: It was deleted.
    """
    if tenant.table.find(generation_key(tenant.application_id)) is None:
        raise _not_found()


def insert_application(table: Table, application: StoredApplication) -> None:
    """Write a new application, and its generation.

    In a transaction, which is idempotent besides: after a lost answer the client's repetition of a plain
    write would find the application there, and its API token would be known to nobody.
    """
    item = {
        "application_id": application.id,
        "name": application.name,
        "api_tokens": [_stored(token) for token in application.api_tokens],
        "digest_key": application.digest_key,
        "created_at": application.created_at_ms,
        "updated_at": application.updated_at_ms,
    }
    table.write(
        Insert(
            application_key(application.id),
            item | _settings(application) | list_keys(application.id, application.created_at_ms),
        ),
        Insert(generation_key(application.id), {"generation": 0}),
    )


def update_application(
    table: Table, application_id: str, changes: Mapping[str, object], now_ms: int
) -> StoredApplication:
    """Set the given settings, leave the others, and return the application as it is then.

    Args:
        table: The table.
        application_id: Which application.
        changes: By the name of the field of `Application`; those of `LoginSettings` with the prefix
            `login_`, those of a limit with `guessing_<limit>_`, those of `SelfService` with
            `self_service_`, as the item has them.
        now_ms: The time of the change.

    Raises:
        ApplicationNotFound: There is none with this id.
    """
    attributes = {**changes, "updated_at": now_ms}
    if "login_extra_data" in attributes:
        attributes["login_extra_data"] = json.dumps(attributes["login_extra_data"])
    try:
        item = table.update(
            application_key(application_id),
            "SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            {f":{name}": value for name, value in attributes.items()},
            names={f"#{name}": name for name in attributes},
            condition="attribute_exists(created_at)",
        )
    except ConditionFailed:
        raise _not_found() from None
    return StoredApplication(**_fields(item))


def replace_api_tokens(table: Table, before: StoredApplication, after: StoredApplication) -> None:
    """Write the API tokens of `after`, if nobody has reset them since `before` was read. One round trip.

    Two resets may not both go by the same list: the second would silently undo the first, whose new token
    would be dead on arrival. In a transaction of one part, as `insert_application`: after a lost answer the
    client's repetition would otherwise meet its own write and take it for somebody else's.

    Raises:
        StaleApplicationError: Somebody has; nothing was written.
    """
    revision = "api_tokens_revision = :before"
    if before.api_tokens_revision == 0:
        revision = "(attribute_not_exists(api_tokens_revision) OR api_tokens_revision = :before)"
    update = Update(
        application_key(before.id),
        "SET api_tokens = :tokens, api_tokens_revision = :after",
        {
            ":tokens": [_stored(token) for token in after.api_tokens],
            ":before": before.api_tokens_revision,
            ":after": after.api_tokens_revision,
        },
        condition=f"attribute_exists(created_at) AND {revision}",
    )
    try:
        table.write(update)
    except PartsRefused:
        raise StaleApplicationError from None


def raise_application_generation(tenant: Tenant) -> None:
    """End all tokens of the application: everywhere within the bound for which it is cached.

    Raises:
        ApplicationNotFound: There is none with this id.
    """
    key = generation_key(tenant.application_id)
    try:
        raise_surely(
            tenant.table,
            key,
            "ADD generation :one",
            {":one": 1},
            "attribute_exists(pk)",
            because=Because.INVALIDATED,
        )
    except ConditionFailed:
        raise _not_found() from None


def end_application(table: Table, application_id: str, now_ms: int) -> None:
    """Put the application's tombstone in its place, and take its generation away. One round trip.

    It is written within `DELETION_SECONDS` or not at all, and read back where no answer came.

    Raises:
        ApplicationNotFound: There is none with this id, or not any more.
    """
    tombstone = {"application_id": application_id, "deleted_at": now_ms}

    def write() -> None:
        with deadline.within(DELETION_SECONDS * 1000, reserve=0):
            table.write(
                Delete(generation_key(application_id), "attribute_exists(pk)"),
                Put(application_key(application_id), tombstone),
            )

    try:
        write_surely(write, lambda: find_tombstone(table, application_id) is not None)
    except PartsRefused:
        raise _not_found() from None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a deleted application.

    Attributes:
        id: The application's.
        deleted_at_ms: When, in Unix milliseconds.
        is_swept: Whether nothing else is left.
        after: The key up to which a walk through the table has swept it; None where none has begun.
    """

    id: str
    deleted_at_ms: int
    is_swept: bool
    after: Key | None


def find_tombstone(table: Table, application_id: str) -> Tombstone | None:
    """The tombstone of a deleted application, or None where there is an application. One round trip.

    Raises:
        ApplicationNotFound: There never was one.
    """
    item = table.find(application_key(application_id))
    if item is None:
        raise _not_found()
    if "deleted_at" not in item:
        return None
    after = Key(*item["swept_up_to"]) if "swept_up_to" in item else None
    return Tombstone(application_id, item["deleted_at"], "swept" in item, after)


def sweep_page(table: Table, tombstone: Tombstone) -> Tombstone:
    """Remove what the next page of the table has of the application but its tombstone, and give that.

    Partitions cannot be asked for by how their keys begin, and not all of them stand in the index, so the
    whole table is walked through; no attribute but the keys is read.
    """
    keys, last = table.scan_keys(f"{application_key(tombstone.id).pk}#", tombstone.after)
    for some in itertools.batched(keys, MAX_PARTS, strict=False):
        table.write(*map(Delete, some))
    return replace(tombstone, is_swept=last is None, after=last)


def note_swept(table: Table, tombstone: Tombstone) -> None:
    """Note how far the walk has come: in the table, since the key may be another application's user's."""
    key = application_key(tombstone.id)
    if tombstone.is_swept:
        table.update(key, "SET swept = :yes REMOVE swept_up_to", {":yes": True})
    elif tombstone.after is not None:
        table.update(key, "SET swept_up_to = :key", {":key": list(tombstone.after)})


def _not_found() -> ApplicationNotFound:
    return ApplicationNotFound("There is no such application.")


def _stored(token: StoredApiToken) -> dict[str, object]:
    item: dict[str, object] = {
        "digest": token.digest,
        "prefix": token.prefix,
        "created_at": token.created_at_ms,
    }
    # Milliseconds, and inside a list: not the attribute by which DynamoDB deletes items.
    return item if token.expires_at_ms is None else item | {"expires_at": token.expires_at_ms}


def _settings(application: StoredApplication) -> dict[str, object]:
    return {
        "require_jwt_token": application.require_jwt_token,
        "identity_token_lifetime": application.identity_token_lifetime,
        "user_token_lifetime": application.user_token_lifetime,
        "max_token_lifetime": application.max_token_lifetime,
        "login_ttl_ms": application.login.ttl_ms,
        # As text: the extra data is the caller's JSON, with fractions that DynamoDB's numbers would change.
        "login_extra_data": json.dumps(application.login.extra_data),
        "login_invalidate_existing_tokens": application.login.invalidate_existing_tokens,
        "login_session_lifetime_ms": application.login.session_lifetime_ms,
    }


def _limit(item: Item, name: str) -> Limit:
    default: Limit = getattr(DEFAULT_LIMITS, name)
    return Limit(
        item.get(f"guessing_{name}_at_once", default.at_once),
        item.get(f"guessing_{name}_per_minute", default.per_minute),
    )


def _self_service(item: Item) -> SelfService:
    links = {purpose: item.get(f"self_service_link_{name}") for name, purpose in LINKS.items()}
    return SelfService(
        sign_up=item.get("self_service_sign_up", False),
        password_reset=item.get("self_service_password_reset", False),
        log_in_link=item.get("self_service_log_in_link", False),
        profile=item.get("self_service_profile", False),
        verify_email=VerifyEmail(item.get("self_service_verify_email", VerifyEmail.OFF)),
        links={purpose: link for purpose, link in links.items() if link is not None},
        language=item.get("self_service_language", "en"),
    )


def _fields(item: Item) -> dict[str, Any]:
    """Those of `StoredApplication`."""
    return {
        "id": item["application_id"],
        "name": item["name"],
        "api_tokens": tuple(
            StoredApiToken(token["digest"], token["prefix"], token["created_at"], token.get("expires_at"))
            for token in item["api_tokens"]
        ),
        "api_tokens_revision": item.get("api_tokens_revision", 0),
        "require_jwt_token": item["require_jwt_token"],
        "identity_token_lifetime": item["identity_token_lifetime"],
        "user_token_lifetime": item["user_token_lifetime"],
        "max_token_lifetime": item["max_token_lifetime"],
        "login": LoginSettings(
            item["login_ttl_ms"],
            json.loads(item["login_extra_data"]),
            item["login_invalidate_existing_tokens"],
            item.get("login_session_lifetime_ms"),
        ),
        "guessing": GuessingLimits(**{limit: _limit(item, limit) for limit in GUESSING}),
        "self_service": _self_service(item),
        # An application that was made before there were limits has another secret in its place.
        "digest_key": item.get("digest_key", item["api_tokens"][0]["digest"]),
        "created_at_ms": item["created_at"],
        "updated_at_ms": item["updated_at"],
    }

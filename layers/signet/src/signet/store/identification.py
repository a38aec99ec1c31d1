"""The write of `identify`: a user whom the application itself names, under its external id."""

from collections.abc import Mapping
from typing import Any

from signet.domain.users import of_external
from signet.store.table import ConditionFailed
from signet.store.tenant import Tenant
from signet.store.users import StaleError, Subject, user_key, users_partition


def write_identified(
    tenant: Tenant,
    external_id: str,
    before: Subject,
    profile: Mapping[str, Any],
    *,
    mark: str | None = None,
    is_admin: bool | None = None,
    unverified_until: int | None = None,
) -> None:
    """Make a user of what was read, or change the user's profile. One round trip.

    Args:
        tenant: Whose user.
        external_id: The application's own id.
        before: What was read; it goes on counting its generation, whatever it was.
        profile: The whole profile from now on.
        mark: That of the token that vouches for it, which must not have ended (`Token.mark`).
        is_admin: What a token says; None leaves it.
        unverified_until: When the user ends, in Unix seconds, where nothing vouches for it; None where a
            token does.

    Raises:
        StaleError: It is not any more what was read; nothing was written.
    """
    user_id = of_external(external_id)
    given: dict[str, object] = {
        "updated_at": tenant.now_ms,
        "profile": dict(profile),
        "revision": before.revision + 1,
    }
    removed: list[str] = []
    if before.user is None:
        list_key = {"list_pk": users_partition(tenant.application_id), "list_sk": f"X#{external_id}"}
        counters = {"generation": before.generation, "password_version": before.password_version}
        given |= {
            "created_at": tenant.now_ms,
            "user_id": user_id,
            "tags": {},
            "group_ids": [],
            **list_key,
            **counters,
        }
        # Whoever was here before has ended.
        removed += ["deleted_at", "last_login"]
    if is_admin is not None:
        given["is_admin"] = is_admin
    if unverified_until is None:
        removed += ["unverified_until", "expires_at"]
    else:
        given["unverified_until"] = unverified_until
        if not before.is_lasting:
            given["expires_at"] = unverified_until
    # Nothing was written, raised or marked since it was read.
    conditions = ["revision = :before", "generation = :seen"]
    if before.revision == 0:
        # Nobody was there; or somebody whom an import made, with the revision that a user begins with.
        is_new = "attribute_not_exists(revision)"
        conditions[0] = is_new if before.user is None else f"({is_new} OR revision = :before)"
    if before.generation == 0:
        conditions[1] = "(attribute_not_exists(generation) OR generation = :seen)"
    if not before.is_lasting:
        conditions.append("attribute_not_exists(ended)")
    values = {f":{name}": value for name, value in given.items()} | {":seen": before.generation}
    if mark is not None:
        conditions.append("NOT contains(ended, :mark)")
        values[":mark"] = mark
    if before.revision or before.user is not None:
        values[":before"] = before.revision
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in given)
    if removed:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in removed)
    try:
        tenant.table.update(
            user_key(tenant.application_id, user_id),
            expression,
            values,
            condition=" AND ".join(conditions),
            names={f"#{name}": name for name in (*given, *removed)},
        )
    except ConditionFailed as error:
        raise StaleError from error

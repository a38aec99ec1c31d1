"""The writes of `identify`: a user whom the application itself names, under its external id."""

from collections.abc import Mapping

from signet.store.table import ConditionFailed, Table
from signet.store.users import user_key, users_partition
from signet.users import EXTERNAL

SINCE = "created_at = if_not_exists(created_at, :now)"
REST = (
    "updated_at = :now, user_id = :user_id, list_pk = :list_pk, list_sk = :list_sk,"
    " generation = if_not_exists(generation, :zero),"
    " password_version = if_not_exists(password_version, :zero),"
    " revision = if_not_exists(revision, :zero) + :one,"
    " tags = if_not_exists(tags, :no_tags), group_ids = if_not_exists(group_ids, :no_groups)"
)
"""What makes an item a user, whatever was there before: nothing, a tombstone, a generation, a user."""


def write_verified(
    table: Table,
    application_id: str,
    external_id: str,
    profile: Mapping[str, object],
    generation: int,
    now_ms: int,
) -> bool:
    """Create or change the user of a verified call. One round trip.

    Args:
        table: The table.
        application_id: Whose user.
        external_id: The application's own id.
        profile: Attributes to set.
        generation: The token's: if it is not the user's any more, the token has been ended meanwhile.
        now_ms: The time, in Unix milliseconds.

    Returns:
        False where the token has been ended meanwhile; then nothing was written.
    """
    condition = "generation = :generation"
    if generation == 0:
        condition = "(attribute_not_exists(generation) OR generation = :generation)"
    expression = f"{_set(profile, SINCE)} REMOVE deleted_at, unverified, expires_at"
    values = {":generation": generation}
    return _write(table, application_id, external_id, expression, profile, values, condition, now_ms)


def write_unverified(
    table: Table,
    application_id: str,
    external_id: str,
    profile: Mapping[str, object],
    expires_at: int,
    now_ms: int,
) -> bool:
    """Create or change a user whom nothing vouches for. One round trip.

    Returns:
        False where there is a user whom something vouches for, or the trace of one; then nothing was
        written: neither its profile nor its generation is an unverified call's to touch.
    """
    condition = (
        "(attribute_not_exists(pk) OR unverified = :yes)"
        " AND (attribute_not_exists(generation) OR generation = :zero)"
    )
    expression = f"{_set(profile, SINCE)}, unverified = :yes, expires_at = :expires_at"
    values = {":yes": True, ":expires_at": expires_at}
    return _write(table, application_id, external_id, expression, profile, values, condition, now_ms)


def _set(profile: Mapping[str, object], since: str) -> str:
    return f"SET {since}, {REST}" + "".join(f", #{name} = :{name}" for name in profile)


def _write(
    table: Table,
    application_id: str,
    external_id: str,
    expression: str,
    profile: Mapping[str, object],
    values: Mapping[str, object],
    condition: str,
    now_ms: int,
) -> bool:
    user_id = EXTERNAL + external_id
    common: dict[str, object] = {
        ":now": now_ms,
        ":user_id": user_id,
        ":list_pk": users_partition(application_id),
        ":list_sk": f"X#{external_id}",
        ":zero": 0,
        ":one": 1,
        ":no_tags": {},
        ":no_groups": [],
    }
    given = {f":{name}": value for name, value in profile.items()}
    try:
        table.update(
            user_key(application_id, user_id),
            expression,
            common | given | dict(values),
            condition=condition,
            names={f"#{name}": name for name in profile},
        )
    except ConditionFailed:
        return False
    return True

"""Permission items: `APP#<app>#USER#x:<external id>` / `PERMISSIONS`, beside the user's own item.

Both are read at once, but DynamoDB reads the items of a BatchGetItem one by one: it could find the
permissions from before a removal, and the generation from after it, and the removed permission would live on
in a good token. So whatever takes permissions away raises `permissions_epoch` of the user's item in
the same transaction, and the permissions carry the epoch for which they are true:

    read permissions (epoch 1) ───────────────────────────────> read user (epoch 2): read both again
                               remove: epoch 2, generation + 1
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from signet import deadline
from signet.domain.permissions import Resource
from signet.domain.reasons import Because
from signet.domain.users import of_external
from signet.errors import Unavailable
from signet.store.applications import find_for_issue
from signet.store.attributes import Item
from signet.store.table import (
    Check,
    Delete,
    Key,
    Part,
    PartsRefused,
    Table,
    Update,
    raise_surely,
    write_surely,
)
from signet.store.tenant import Tenant
from signet.store.users import RAISE, RAISED, StaleError, permissions_key, user_key


@dataclass(frozen=True, slots=True)
class PermittedSubject:
    """What the table knows of an external id, and of what it may do.

    Attributes:
        generation: Its generation; 0 where there is nothing.
        token_cutoff_ms: Its cutoff.
        resources: What it may do, expired resources among them.
        epoch: How often permissions were taken away.
        revision: How often the permissions were written since there are any; 0 where there are none.
    """

    generation: int
    token_cutoff_ms: int | None
    resources: Sequence[Resource]
    epoch: int
    revision: int


def find_permitted_subject(tenant: Tenant, external_id: str) -> PermittedSubject:
    """What there is of an external id, user or not. One round trip, unless a removal comes between.

    Raises:
        Unavailable: Removals came between again and again.
    """
    return _find(tenant, external_id, tenant.table.find_all)


def find_subject_for_issue(tenant: Tenant, external_id: str) -> PermittedSubject:
    """The same, for a token of it (`find_for_issue`)."""
    return _find(tenant, external_id, partial(find_for_issue, tenant))


def _find(
    tenant: Tenant, external_id: str, read: Callable[[Iterable[Key]], Mapping[Key, Item]]
) -> PermittedSubject:
    user_id = of_external(external_id)
    keys = user_key(tenant.application_id, user_id), permissions_key(tenant.application_id, user_id)
    for _ in deadline.attempts():
        items = read(keys)
        user, permissions = (items.get(key, {}) for key in keys)
        epoch = user.get("permissions_epoch", 0)
        if not permissions or permissions["epoch"] == epoch:
            return PermittedSubject(
                generation=user.get("generation", 0),
                token_cutoff_ms=user.get("token_cutoff"),
                resources=permissions.get("resources", []),
                epoch=epoch,
                revision=permissions.get("revision", 0),
            )
    message = "Other requests are changing this user's permissions at the moment. Try again."
    raise Unavailable(message)


def find_resources(tenant: Tenant, external_ids: Iterable[str]) -> dict[str, Sequence[Resource]]:
    """The stored resources of each of these external ids. One round trip for each hundred."""
    keys = {
        external_id: permissions_key(tenant.application_id, of_external(external_id))
        for external_id in external_ids
    }
    items = tenant.table.find_all(keys.values())
    return {external_id: items.get(key, {}).get("resources", []) for external_id, key in keys.items()}


def widen_permissions(
    tenant: Tenant,
    external_id: str,
    before: PermittedSubject,
    resources: Sequence[Resource],
) -> None:
    """Store what takes nothing away from anybody. One round trip.

    Raises:
        StaleError: The permissions are not any more what they were when they were read.
    """
    user = user_key(tenant.application_id, of_external(external_id))
    # Without it a permission that was removed in between could come back with an epoch that is over.
    same_epoch = Check(user, _same_epoch(before), {":epoch": before.epoch})
    put = _put(tenant.application_id, external_id, before, resources, before.epoch)
    _write(tenant.table, put, same_epoch, is_done=_is_stored(tenant, external_id, before, resources))


def narrow_permissions(
    tenant: Tenant,
    external_id: str,
    before: PermittedSubject,
    resources: Sequence[Resource],
) -> None:
    """Store what is left, and end the user's tokens. One round trip.

    Args:
        tenant: Whose user.
        external_id: The application's own id, which need never have been identified.
        before: What was read.
        resources: What is left.

    Raises:
        StaleError: The permissions are not any more what they were when they were read.
    """
    user_id = of_external(external_id)
    if before.revision == 0:
        # Nothing is taken from permissions that may have come meanwhile, so their epoch goes on.
        raise_surely(
            tenant.table,
            user_key(tenant.application_id, user_id),
            RAISE,
            {":one": 1},
            because=Because.PERMISSIONS_REMOVED,
        )
        return
    user = Update(
        user_key(tenant.application_id, user_id),
        "SET ended_because = :because"
        f" ADD generation :one, permissions_epoch :one REMOVE {', '.join(RAISED)}",
        {":because": Because.PERMISSIONS_REMOVED, ":one": 1, ":epoch": before.epoch},
        _same_epoch(before),
    )
    left: Part = _put(tenant.application_id, external_id, before, resources, before.epoch + 1)
    if not resources:
        key = permissions_key(tenant.application_id, user_id)
        left = Delete(key, "revision = :revision", {":revision": before.revision})
    ended = replace(before, epoch=before.epoch + 1)
    _write(tenant.table, left, user, is_done=_is_stored(tenant, external_id, ended, resources))


def _same_epoch(before: PermittedSubject) -> str:
    is_same = "permissions_epoch = :epoch"
    return is_same if before.epoch else f"(attribute_not_exists(permissions_epoch) OR {is_same})"


def _put(
    application_id: str,
    external_id: str,
    before: PermittedSubject,
    resources: Sequence[Resource],
    epoch: int,
) -> Update:
    values: dict[str, Any] = {
        ":resources": [dict(resource) for resource in resources],
        ":now": epoch,
        ":next": before.revision + 1,
    }
    condition = "attribute_not_exists(pk)"
    if before.revision:
        condition, values[":revision"] = "revision = :revision", before.revision
    return Update(
        permissions_key(application_id, of_external(external_id)),
        "SET #resources = :resources, epoch = :now, revision = :next",
        values,
        condition,
        {"#resources": "resources"},
    )


def _is_stored(
    tenant: Tenant,
    external_id: str,
    before: PermittedSubject,
    resources: Sequence[Resource],
) -> Callable[[], bool]:
    """Whether the next write is there, for who did not hear of it: `before` has the epoch that it wrote."""

    def is_stored() -> bool:
        stored = find_permitted_subject(tenant, external_id)
        revision = before.revision + 1 if resources else 0
        return (stored.epoch, stored.revision, list(stored.resources)) == (
            before.epoch,
            revision,
            [dict(resource) for resource in resources],
        )

    return is_stored


def _write(table: Table, *parts: Part, is_done: Callable[[], bool]) -> None:
    try:
        write_surely(lambda: table.write(*parts), is_done)
    except PartsRefused as error:
        raise StaleError from error

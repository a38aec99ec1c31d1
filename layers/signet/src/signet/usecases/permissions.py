"""Add and remove the permissions that are stored for users."""

from collections.abc import Sequence
from dataclasses import replace

from signet import deadline
from signet.domain.applications import Application
from signet.domain.keys import KeyRing
from signet.domain.permissions import MAX_RESOURCES, Resource, live, merge, takes_away, without
from signet.domain.tokens import MANY, TokenKind, check_claims, user_claims
from signet.errors import FaultKind, InvalidRequest, Unavailable
from signet.store.permissions import find_permitted_subject, narrow_permissions, widen_permissions
from signet.store.table import Table
from signet.store.users import StaleError


def add(
    table: Table,
    key_ring: KeyRing,
    application: Application,
    external_id: str,
    resources: Sequence[Resource],
    now_ms: int,
) -> list[Resource]:
    """Store permissions beside those that there are; of the same resource the new one counts.

    Where that takes something away, a lower role or an earlier end, the user's tokens end in the same write.

    Args:
        table: Where they are kept.
        key_ring: What signs the user's tokens, which have to have room for them.
        application: The tenant.
        external_id: The application's own id of the user, which need never have been seen.
        resources: What to add.
        now_ms: The time, in Unix milliseconds.

    Returns:
        All that are stored then. What has expired is dropped.

    Raises:
        InvalidRequest: They would be too many, or would not fit into a token.
        Unavailable: Others change them all the time.
    """
    for _ in deadline.attempts():
        before = find_permitted_subject(table, application.id, external_id)
        had = live(before.resources, now_ms // 1000)
        after = live(merge(had, resources), now_ms // 1000)
        if len(after) > MAX_RESOURCES:
            message = f"would be {len(after)} with those that are stored; at most {MAX_RESOURCES} are kept."
            raise InvalidRequest.of("permissions.resources", message, FaultKind.TOO_LONG)
        _check_room(key_ring, application, external_id, after, now_ms)
        write = narrow_permissions if takes_away(had, after) else widen_permissions
        try:
            write(table, application.id, external_id, before, after)
        except StaleError:
            continue
        return list(after)
    raise _busy()


def remove(
    table: Table, application_id: str, external_id: str, resources: Sequence[Resource], now_ms: int
) -> list[Resource]:
    """Remove stored permissions, and end the user's tokens.

    The tokens end even where none of the resources is stored: one may hold them from its own request.

    Args:
        table: Where they are kept.
        application_id: Whose user.
        external_id: The application's own id of the user, which need never have been seen.
        resources: What to remove, whatever may be done with it.
        now_ms: The time, in Unix milliseconds.

    Returns:
        What is left.

    Raises:
        Unavailable: Others change them all the time.
    """
    for _ in deadline.attempts():
        before = find_permitted_subject(table, application_id, external_id)
        after = live(without(before.resources, resources), now_ms // 1000)
        try:
            narrow_permissions(table, application_id, external_id, before, after)
        except StaleError:
            continue
        return list(after)
    raise _busy()


def _check_room(
    key_ring: KeyRing, application: Application, external_id: str, resources: Sequence[Resource], now_ms: int
) -> None:
    """Check that the shortest token with all of these is not too long, also when the counters have grown.

    Raises:
        InvalidRequest: It would be.
    """
    claims = user_claims(
        replace(application, generation=MANY),
        external_id,
        issuer=key_ring.issuer,
        generation=MANY,
        now_ms=now_ms,
        asked_for={"permissions": {"resources": resources}},
    )
    check_claims(TokenKind.USER, claims, key_ring.active.algorithm)


def _busy() -> Unavailable:
    return Unavailable("Other requests are changing this user's permissions at the moment. Try again.")

"""Show, add and remove the permissions that are stored for users."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from signet import deadline
from signet.domain.keys import KeyRing
from signet.domain.permissions import MAX_RESOURCES, Resource, live, merge, takes_away, without
from signet.errors import FaultKind, InvalidRequest, Unavailable
from signet.store.permissions import (
    find_permitted_subject,
    find_resources,
    narrow_permissions,
    widen_permissions,
)
from signet.store.tenant import Tenant
from signet.store.users import StaleError


def show(tenant: Tenant, external_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What is stored of each of these external ids and has not expired. One round trip for each hundred."""
    stored = find_resources(tenant, external_ids)
    return {external_id: live(resources, tenant.now) for external_id, resources in stored.items()}


def add(tenant: Tenant, key_ring: KeyRing, external_id: str, resources: Sequence[Resource]) -> list[Resource]:
    """Store permissions beside those that there are; of the same resource the new one counts.

    Where that takes something away, a lower role or an earlier end, the user's tokens end in the same write.

    Args:
        tenant: Whose user.
        key_ring: What signs the user's tokens, which have to have room for them.
        external_id: The application's own id of the user, which need never have been seen.
        resources: What to add.

    Returns:
        All that are stored then. What has expired is dropped.

    Raises:
        InvalidRequest: They would be too many, or would not fit into a token.
        Unavailable: Others change them all the time.
    """
    for _ in deadline.attempts():
        before = find_permitted_subject(tenant, external_id)
        had = live(before.resources, tenant.now)
        after = live(merge(had, resources), tenant.now)
        if len(after) > MAX_RESOURCES:
            message = f"would be {len(after)} with those that are stored; at most {MAX_RESOURCES} are kept."
            raise InvalidRequest.of("permissions.resources", message, FaultKind.TOO_LONG)
        _check_room(tenant, key_ring, external_id, after)
        write = narrow_permissions if takes_away(had, after) else widen_permissions
        try:
            write(tenant, external_id, before, after)
        except StaleError:
            continue
        return list(after)
    raise _busy()


def remove(tenant: Tenant, external_id: str, resources: Sequence[Resource]) -> list[Resource]:
    """Remove stored permissions, and end the user's tokens.

    The tokens end even where none of the resources is stored: one may hold them from its own request.

    Args:
        tenant: Whose user.
        external_id: The application's own id of the user, which need never have been seen.
        resources: What to remove, whatever may be done with it.

    Returns:
        What is left.

    Raises:
        Unavailable: Others change them all the time.
    """
    for _ in deadline.attempts():
        before = find_permitted_subject(tenant, external_id)
        after = live(without(before.resources, resources), tenant.now)
        try:
            narrow_permissions(tenant, external_id, before, after)
        except StaleError:
            continue
        return list(after)
    raise _busy()


def load_tokens() -> None:
    """Import what `add` alone needs: cryptography comes with it."""
    import signet.domain.tokens  # noqa: F401


def _check_room(tenant: Tenant, key_ring: KeyRing, external_id: str, resources: Sequence[Resource]) -> None:
    """Check that the shortest token with all of these is not too long, also when the counters have grown.

    Raises:
        InvalidRequest: It would be.
    """
    from signet.domain.tokens import MANY, TokenKind, check_claims, user_claims

    claims = user_claims(
        replace(tenant.application, generation=MANY),
        external_id,
        issuer=key_ring.issuer,
        generation=MANY,
        now_ms=tenant.now_ms,
        asked_for={"permissions": {"resources": resources}},
    )
    check_claims(TokenKind.USER, claims, key_ring.active.algorithm)


def _busy() -> Unavailable:
    return Unavailable("Other requests are changing this user's permissions at the moment. Try again.")

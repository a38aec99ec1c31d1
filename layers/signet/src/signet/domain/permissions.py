"""Permissions: on which resources a user may do what, as a user token carries them.

Here they stand in the form that tokens and the table share: `{"type", "id", "organizationId", "accessRole",
"expiresAt"}`, with `organizationId` for folders and documents, and `expiresAt` (Unix seconds) for what ends.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

type Resource = Mapping[str, Any]
"""One resource, and what the user may do with it."""

MAX_RESOURCES = 100

ROLES = ("viewer", "editor")
"""The values of `accessRole`; each may do what those before it may, and more."""


def merge(*resources: Iterable[Resource]) -> list[dict[str, Any]]:
    """All of them, each once: of what is said of the same resource, the last."""
    merged = {_identity(resource): dict(resource) for some in resources for resource in some}
    return list(merged.values())


def without(resources: Iterable[Resource], removed: Iterable[Resource]) -> list[dict[str, Any]]:
    """Those that are not among the removed ones."""
    gone = {_identity(resource) for resource in removed}
    return [dict(resource) for resource in resources if _identity(resource) not in gone]


def takes_away(before: Iterable[Resource], after: Iterable[Resource]) -> bool:
    """Whether anything that might be done before may not any more, or not for as long."""
    kept = {_identity(resource): resource for resource in after}
    return not all(_includes(kept.get(_identity(resource)), resource) for resource in before)


def live(resources: Iterable[Resource], now: int) -> list[dict[str, Any]]:
    """Those that have not expired at a time in Unix seconds."""
    return [dict(resource) for resource in resources if now < resource.get("expiresAt", now + 1)]


def live_claims(claims: Mapping[str, Any], now: int) -> dict[str, Any]:
    """A token's claims without the resources that have expired since it was issued."""
    permissions = claims.get("permissions")
    if permissions is None:
        return dict(claims)
    return {**claims, "permissions": {**permissions, "resources": live(permissions["resources"], now)}}


def _includes(wider: Resource | None, resource: Resource) -> bool:
    """Whether what is permitted of a resource includes what another version of it permits."""
    return (
        wider is not None
        and ROLES.index(wider["accessRole"]) >= ROLES.index(resource["accessRole"])
        and wider.get("expiresAt", math.inf) >= resource.get("expiresAt", math.inf)
    )


def _identity(resource: Resource) -> tuple[Any, ...]:
    return tuple(resource.get(name) for name in ("type", "id", "organizationId"))

"""Identity items: `APP#<app>#IDENTITY#<normal form>` / `IDENTITY`, which hold a generation."""

from signet.domain.identities import Identity
from signet.domain.reasons import Because
from signet.store.applications import find_for_issue
from signet.store.table import Key, raise_surely
from signet.store.tenant import Tenant


def identity_key(application_id: str, identity: Identity) -> Key:
    """Where the identity's generation stands, once it was raised."""
    return Key(f"APP#{application_id}#IDENTITY#{identity.value}", "IDENTITY")


def identity_generation(tenant: Tenant, identity: Identity) -> int:
    """The identity's generation. One round trip; no item means 0."""
    item = tenant.table.find(identity_key(tenant.application_id, identity))
    return 0 if item is None else int(item["generation"])


def generation_for_issue(tenant: Tenant, identity: Identity) -> int:
    """The identity's generation, for a token of it (`find_for_issue`). One round trip."""
    key = identity_key(tenant.application_id, identity)
    item = find_for_issue(tenant, [key]).get(key)
    return 0 if item is None else int(item["generation"])


def raise_identity_generation(tenant: Tenant, identity: Identity) -> None:
    """End the tokens that the identity has. One round trip."""
    raise_surely(
        tenant.table,
        identity_key(tenant.application_id, identity),
        "ADD generation :one",
        {":one": 1},
        because=Because.INVALIDATED,
    )

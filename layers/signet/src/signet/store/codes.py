"""Codes, each under its digest: `APP#<app>#CODE#<digest>` / `CODE`.

    the code's item          user_id, purpose, password_version, expires_at (TTL)
    `codes` of the user's    purpose → digest, and the address that a `changeEmail` leads to

The user's item decides: it is written, on condition that it is what was read, when a code is made, when
another one takes its place, and together with what the code brings about. So a code works once, whoever else
is at work; and what is left of it here says nothing of a person, and goes by itself.
"""

from signet.domain.codes import Code, Purpose
from signet.store.table import Delete, Insert, Key
from signet.store.tenant import Tenant


def code_key(application_id: str, digest: str) -> Key:
    """Where a code stands."""
    return Key(f"APP#{application_id}#CODE#{digest}", "CODE")


def find_code(tenant: Tenant, digest: str) -> Code | None:
    """The code, if it has not become too old; whether it is alive still, its user says. One round trip."""
    item = tenant.table.find(code_key(tenant.application_id, digest))
    if item is None or item["expires_at"] <= tenant.now:
        return None
    return Code(Purpose(item["purpose"]), item["user_id"], item["password_version"], item["expires_at"])


def made(tenant: Tenant, digest: str, code: Code) -> Insert:
    """The part of a transaction that keeps a code."""
    item = {
        "purpose": code.purpose.value,
        "user_id": code.user_id,
        "password_version": code.password_version,
        "expires_at": code.expires_at,
    }
    return Insert(code_key(tenant.application_id, digest), item)


def used(tenant: Tenant, digest: str) -> Delete:
    """The part that removes one; DynamoDB may have done so already."""
    return Delete(code_key(tenant.application_id, digest))

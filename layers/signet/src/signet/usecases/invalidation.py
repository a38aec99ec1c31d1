"""End all tokens of an application, of an identity, or of a user. One round trip each."""

from signet.domain.identities import Identity
from signet.store.applications import raise_application_generation
from signet.store.identities import raise_identity_generation
from signet.store.tenant import Tenant
from signet.store.users import raise_generation
from signet.usecases.naming import not_found, resolve


def invalidate_application_tokens(tenant: Tenant) -> None:
    """End all tokens of the application: everywhere within the bound for which it is cached.

    Raises:
        ApplicationNotFound: There is no such application any more.
    """
    raise_application_generation(tenant)


def invalidate_identity_tokens(tenant: Tenant, identity: Identity) -> None:
    """End all tokens that the identity has."""
    raise_identity_generation(tenant, identity)


def invalidate_user_tokens(tenant: Tenant, named: str) -> None:
    """End all tokens of a user.

    Args:
        tenant: Whose user.
        named: As `resolve` takes it; an external id need never have been seen.

    Raises:
        UserNotFound: There is no such user.
    """
    user_id, _ = resolve(tenant, named)
    if not raise_generation(tenant, user_id):
        raise not_found()

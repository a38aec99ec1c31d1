"""Identity tokens."""

from signet.domain.identities import Identity
from signet.domain.tokens import TokenKind, identity_claims
from signet.store.identities import generation_for_issue
from signet.store.tenant import Tenant
from signet.usecases.signer import Signer


def issue_identity_token(tenant: Tenant, signer: Signer, identity: Identity) -> str:
    """Issue a token that says who this identity is. One round trip.

    Args:
        tenant: Whose identity.
        signer: What signs.
        identity: The subject.

    Raises:
        ApplicationChanged: The application's tokens have been ended since it was read.
        SigningUnavailable: No key can sign at the moment.
    """
    generation = generation_for_issue(tenant, identity)
    claims = identity_claims(
        tenant.application, identity, issuer=signer.issuer(), generation=generation, now=tenant.now
    )
    return signer.sign(TokenKind.IDENTITY, claims, tenant.now)

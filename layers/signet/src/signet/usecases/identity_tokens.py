"""Identity tokens: issue them, and end those that an identity has."""

from signet.domain.applications import Application
from signet.domain.identities import Identity
from signet.domain.tokens import TokenKind, identity_claims
from signet.store.identities import generation_for_issue
from signet.store.table import Table
from signet.usecases.signer import Signer


def issue_identity_token(
    table: Table, signer: Signer, application: Application, identity: Identity, now: int
) -> str:
    """Issue a token that says who this identity is. One round trip.

    Args:
        table: Where the identity's generation is kept.
        signer: What signs.
        application: The tenant.
        identity: The subject.
        now: The time, in Unix seconds.

    Raises:
        ApplicationChanged: The application's tokens have been ended since it was read.
        SigningUnavailable: No key can sign at the moment.
    """
    generation = generation_for_issue(table, application, identity)
    claims = identity_claims(application, identity, issuer=signer.issuer(), generation=generation, now=now)
    return signer.sign(TokenKind.IDENTITY, claims, now)

"""Another token of the same session, for who stays logged in (docs/accounts.md)."""

from signet.errors import NotOffered, PermissionDenied, TokenExpired
from signet.store.tenant import Tenant
from signet.usecases.sessions import prepare
from signet.usecases.signer import Signer
from signet.usecases.verifier import Verifier


def refresh(tenant: Tenant, verifier: Verifier, signer: Signer, text: str) -> str:
    """Issue another token of a session, for a token of it that is good. One round trip.

    It has the session's id, which a log-out ends, and its generation is the given one's. So nothing that ends
    tokens can miss it, whenever it comes:

        refresh     read: good              issue
        log out                  mark the sid          the new one has it too
        end all                  raise the generation  the new one has the old one

    Args:
        tenant: Whose user.
        verifier: Verifies the token.
        signer: Signs the new one.
        text: The token.

    Raises:
        NotOffered: The application's log-ins have no sessions that last.
        PermissionDenied: The token is good, and of no such session.
        TokenExpired: It, or its session, is over.
        TokenInvalid, TokenRevoked: It is not good.
        SigningUnavailable: No key can sign at the moment.
    """
    login = tenant.application.login
    if login.session_lifetime_ms is None:
        raise NotOffered(
            "This application's log-ins cannot be refreshed: its setting login.sessionLifetime is null."
        )
    token = verifier.verify_for_issue(tenant, text)
    session = token.session
    if session.ends_at is None:
        message = "This token is of no log-in that can be refreshed. Log in."
        raise PermissionDenied(message)
    # The setting may have become shorter since.
    ends_at = min(session.ends_at, session.end(login.session_lifetime_ms))
    if tenant.now >= ends_at:
        message = "The session is over. Log in."
        raise TokenExpired(message)
    user = verifier.find_session_user(tenant, token, issues=True)
    issue = prepare(
        tenant,
        signer,
        user.id,
        ttl_ms=login.ttl_ms,
        extra_data=token.extra_data,
        session=session,
        until=ends_at,
    )
    return issue(user)

"""The end of one token, while all others of its user stay good; or of all, by one of them."""

from dataclasses import replace

from signet.domain.tokens import TokenKind
from signet.errors import NotOffered, TokenRefused, UnsupportedTokenType, note
from signet.store.ended_tokens import end_all, mark_ended
from signet.store.tenant import Tenant
from signet.usecases.verifier import Verifier, revoked, user_id_of


def log_out(tenant: Tenant, verifier: Verifier, text: str) -> None:
    """End a session token, also one that has ended already. One round trip.

    Args:
        tenant: Whose token it has to be.
        verifier: Verifies it.
        text: The token.

    Raises:
        TokenInvalid: It is no session token of this application.
        TokenExpired: Its life is over.
        TokenRevoked: All of the application's tokens have been ended since.
        Unavailable: Others change what is ended of the user all the time.
    """
    token = verifier.verify_offline(_uncapped(tenant), text, (TokenKind.SESSION,))
    mark_ended(tenant, user_id_of(token), token)


def log_out_everywhere(tenant: Tenant, verifier: Verifier, text: str) -> None:
    """End all tokens of a user by one session token, which has to be good. One round trip.

    Raises:
        NotOffered: The application's settings have nothing of this.
        TokenInvalid, TokenExpired: The token is not good.
        TokenRevoked: It, or all of the user's or the application's, have been ended since.
        Unavailable: The store did not answer; nothing has ended, unless nobody can tell.
    """
    if not tenant.application.self_service.profile:
        raise NotOffered.of("profile")
    token = verifier.verify_offline(tenant, text, (TokenKind.SESSION,))
    if not end_all(tenant, user_id_of(token), token):
        raise revoked().because("token", found="ended, or its user is gone")


def revoke(tenant: Tenant, verifier: Verifier, text: str) -> None:
    """End a session or user token; whatever else comes, there is nothing to end. One round trip at most.

    Args:
        tenant: Whose token it has to be, if it is one.
        verifier: Verifies it.
        text: The token, or anything.

    Raises:
        UnsupportedTokenType: It is a good identity token.
        Unavailable: Others change what is ended of the user all the time.
    """
    try:
        token = verifier.verify_offline(_uncapped(tenant), text, TokenKind)
        if token.kind is not TokenKind.IDENTITY:
            mark_ended(tenant, user_id_of(token), token)
            return
        verifier.verify_any(tenant, text)
    except TokenRefused as refusal:
        note(refusal.reason)
        return
    message = (
        "is an identity token, which ends with all others of its identity:"
        " POST /applications/{applicationId}/identities/invalidate-tokens."
    )
    raise UnsupportedTokenType.of("token", message)


def _uncapped(tenant: Tenant) -> Tenant:
    """Whom the cap refuses today would be good again once it is lifted."""
    return replace(tenant, application=replace(tenant.application, max_token_lifetime=None))

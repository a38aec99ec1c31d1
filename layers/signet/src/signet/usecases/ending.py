"""The end of one token; all others of its user stay good."""

from dataclasses import replace

from signet.domain.applications import Application
from signet.domain.tokens import TokenKind
from signet.errors import TokenRefused, UnsupportedTokenType
from signet.store.ended_tokens import mark_ended
from signet.store.table import Table
from signet.usecases.verifier import Verifier, user_id_of


def log_out(table: Table, verifier: Verifier, application: Application, text: str, now: int) -> None:
    """End a session token, also one that has ended already. One round trip.

    Args:
        table: Where its user is kept.
        verifier: Verifies the token.
        application: Whose token it has to be.
        text: The token.
        now: The time, in Unix seconds.

    Raises:
        TokenInvalid: It is no session token of this application.
        TokenExpired: Its life is over.
        TokenRevoked: All of the application's tokens have been ended since.
        Unavailable: Others change what is ended of the user all the time.
    """
    token = verifier.verify_offline(text, _uncapped(application), (TokenKind.SESSION,), now)
    mark_ended(table, application.id, user_id_of(token), token, now)


def revoke(table: Table, verifier: Verifier, application: Application, text: str, now: int) -> None:
    """End a session or user token; whatever else comes, there is nothing to end. One round trip at most.

    Args:
        table: Where its user is kept.
        verifier: Verifies the token.
        application: Whose token it has to be, if it is one.
        text: The token, or anything.
        now: The time, in Unix seconds.

    Raises:
        UnsupportedTokenType: It is a good identity token.
        Unavailable: Others change what is ended of the user all the time.
    """
    try:
        token = verifier.verify_offline(text, _uncapped(application), TokenKind, now)
        if token.kind is not TokenKind.IDENTITY:
            mark_ended(table, application.id, user_id_of(token), token, now)
            return
        verifier.verify_any(text, application, now)
    except TokenRefused:
        return
    message = (
        "is an identity token, which ends with all others of its identity:"
        " POST /applications/{applicationId}/identities/invalidate-tokens."
    )
    raise UnsupportedTokenType.of("token", message)


def _uncapped(application: Application) -> Application:
    """Whom the cap refuses today would be good again once it is lifted."""
    return replace(application, max_token_lifetime=None)

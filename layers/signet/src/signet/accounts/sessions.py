"""Session tokens for users whom the application itself vouches for, and the end of a user's tokens."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from signet.accounts.signer import Signer
from signet.applications import Application
from signet.errors import InvalidRequest, UserNotFound
from signet.identities import normal_email
from signet.store.authentication import Condition, find_credential, find_user_for_issue, note_login
from signet.store.table import Table
from signet.store.users import raise_generation
from signet.tokens import TokenKind, session_claims
from signet.users import User, find_user_id, path_id


@dataclass(frozen=True, slots=True, eq=False)
class SessionIssuer:
    """Issues session tokens."""

    table: Table
    signer: Signer

    def issue(
        self,
        application: Application,
        user: User,
        now_ms: int,
        ttl_ms: int | None,
        extra_data: Mapping[str, Any] | None,
    ) -> str:
        """Issue a session token of the user as it was just read or written.

        Args:
            application: The application.
            user: The user.
            now_ms: The time, in Unix milliseconds.
            ttl_ms: The max age in milliseconds; None for no expiry.
            extra_data: The token's extra data; None for none.

        Raises:
            SigningUnavailable: No key can sign at the moment.
        """
        claims = session_claims(
            application,
            path_id(user.id),
            issuer=self.signer.issuer(),
            generation=user.generation,
            now_ms=now_ms,
            not_before_ms=user.token_cutoff_ms,
            ttl_ms=ttl_ms,
            until=user.unverified_until,
            extra_data=extra_data,
        )
        return self.signer.sign(TokenKind.SESSION, claims)

    def issue_without_password(
        self,
        application: Application,
        named: str,
        now_ms: int,
        *,
        ttl_ms: int | None,
        extra_data: Mapping[str, Any] | None,
        invalidate_existing_tokens: bool,
        treat_as_login: bool,
    ) -> str:
        """Issue a session token for a user whom the application itself vouches for.

        Args:
            application: The application.
            named: 24 hex digits, `ext:` and an external id, or the e-mail address of a credential.
            now_ms: The time, in Unix milliseconds.
            ttl_ms: The max age in milliseconds; None for no expiry.
            extra_data: The token's extra data; None for none.
            invalidate_existing_tokens: Whether the new token shall be the only valid one.
            treat_as_login: Whether it counts as the user's last login.

        Raises:
            ApplicationChanged: The application's tokens have been ended since it was read.
            UserNotFound: There is no such user.
            SigningUnavailable: No key can sign at the moment.
        """
        user_id, email = _resolve(self.table, application.id, named)
        user = find_user_for_issue(self.table, application, user_id, now_ms)
        # The address may lead to somebody else since it was looked up.
        if user is None or (email is not None and user.normal_email != email):
            raise _not_found()
        if invalidate_existing_tokens or treat_as_login:
            nonce = new_nonce() if invalidate_existing_tokens else None
            user = note_login(
                self.table,
                application.id,
                Condition(user_id, email=email),
                now_ms,
                is_login=treat_as_login,
                nonce=nonce,
            )
            if user is None:
                raise _not_found()
        return self.issue(application, user, now_ms, ttl_ms, extra_data)


def invalidate_user_tokens(table: Table, application_id: str, named: str, now_ms: int) -> None:
    """End all tokens of a user.

    Args:
        table: Where the user is kept.
        application_id: Whose user.
        named: 24 hex digits, `ext:` and an external id, or the e-mail address of a credential. An
            external id need never have been seen.
        now_ms: The time, in Unix milliseconds.

    Raises:
        UserNotFound: There is no such user.
    """
    user_id, _ = _resolve(table, application_id, named)
    if not raise_generation(table, application_id, user_id, now_ms):
        raise _not_found()


def new_nonce() -> str:
    """Marks a write as one request's own, should the client repeat it after a lost answer."""
    return secrets.token_urlsafe(12)


def _resolve(table: Table, application_id: str, named: str) -> tuple[str, str | None]:
    """The id of the user who is named, and the normal form of the address where it is named by one."""
    user_id = find_user_id(named)
    if user_id is not None:
        return user_id, None
    if "@" in named:
        try:
            email = normal_email(named)
        except InvalidRequest:
            raise _not_found() from None
        credential = find_credential(table, application_id, email)
        if credential is not None:
            return credential.user_id, email
    raise _not_found()


def _not_found() -> UserNotFound:
    return UserNotFound("This application has no such user.")

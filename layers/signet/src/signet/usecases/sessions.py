"""Session tokens for users whom the application itself vouches for, and the end of a user's tokens."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from signet.domain.applications import Application
from signet.domain.identities import normal_email
from signet.domain.tokens import MANY, TokenKind, latest_issue_ms, session_claims
from signet.domain.users import User, find_user_id, path_id
from signet.errors import InvalidRequest, UserNotFound
from signet.store.authentication import Condition, find_credential, find_user_for_issue, note_login
from signet.store.table import Table
from signet.store.users import raise_generation
from signet.usecases.signer import Signer

type Issue = Callable[[User], str]
"""Issues a session token that was prepared."""


@dataclass(frozen=True, slots=True, eq=False)
class SessionIssuer:
    """Issues session tokens."""

    table: Table
    signer: Signer

    def prepare(
        self,
        application: Application,
        user_id: str,
        now_ms: int,
        ttl_ms: int | None,
        extra_data: Mapping[str, Any] | None,
    ) -> Issue:
        """Get ready to issue a session token, before anything is written or ended for it.

        Args:
            application: The application.
            user_id: The user.
            now_ms: The time, in Unix milliseconds.
            ttl_ms: The max age in milliseconds; None for no expiry.
            extra_data: The token's extra data; None for none.

        Returns:
            What issues it, and cannot fail: for the user as it is once it was read or written.

        Raises:
            SigningUnavailable: No key can sign at the moment.
        """
        claims = partial(
            session_claims,
            application,
            path_id(user_id),
            issuer=self.signer.issuer(),
            now_ms=now_ms,
            ttl_ms=ttl_ms,
            extra_data=extra_data,
        )
        greatest = claims(generation=MANY, not_before_ms=latest_issue_ms(now_ms))
        sign = self.signer.prepare(TokenKind.SESSION, greatest, now_ms // 1000)
        return lambda user: sign(
            claims(
                generation=user.generation, not_before_ms=user.token_cutoff_ms, until=user.unverified_until
            )
        )

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
        issue = self.prepare(application, user_id, now_ms, ttl_ms, extra_data)
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
        return issue(user)


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

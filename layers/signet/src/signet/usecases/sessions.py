"""Session tokens: what issues one, for whom a password or the application itself vouches."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from signet.domain.tokens import MANY, Session, TokenKind, latest_issue_ms, session_claims
from signet.domain.users import User, path_id
from signet.store.authentication import Condition, find_user_for_issue, note_login
from signet.store.tenant import Tenant
from signet.usecases.naming import not_found, resolve
from signet.usecases.signer import Signer

type Issue = Callable[[User], str]
"""Issues a session token that was prepared."""


def prepare(
    tenant: Tenant,
    signer: Signer,
    user_id: str,
    *,
    ttl_ms: int | None,
    extra_data: Mapping[str, Any] | None,
    session: Session,
    until: int | None = None,
) -> Issue:
    """Get ready to issue a session token, before anything is written or ended for it.

    Args:
        tenant: Whose user.
        signer: What signs.
        user_id: The user.
        ttl_ms: The max age in milliseconds; None for no expiry.
        extra_data: The token's extra data; None for none.
        session: What it is a token of.
        until: When it ends at the latest, in Unix seconds; None where the session says so.

    Returns:
        What issues it, and cannot fail: for the user as it is once it was read or written.

    Raises:
        SigningUnavailable: No key can sign at the moment.
    """
    claims = partial(
        session_claims,
        tenant.application,
        path_id(user_id),
        issuer=signer.issuer(),
        now_ms=tenant.now_ms,
        ttl_ms=ttl_ms,
        extra_data=extra_data,
        session=session,
    )
    greatest = claims(generation=MANY, not_before_ms=latest_issue_ms(tenant.now_ms))
    sign = signer.prepare(TokenKind.SESSION, greatest, tenant.now)

    def issue(user: User) -> str:
        ends = [end for end in (until, user.unverified_until) if end is not None]
        latest = min(ends, default=None)
        return sign(claims(generation=user.generation, not_before_ms=user.token_cutoff_ms, until=latest))

    return issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A token that is asked for without a password.

    Attributes:
        named: For whom: 24 hex digits, `ext:` and an external id, or the e-mail address of a credential.
        ttl_ms: Its max age in milliseconds; None for no expiry.
        extra_data: Its extra data; None for none.
        invalidate_existing_tokens: Whether it shall be the only valid one.
        treat_as_login: Whether it counts as the user's last login.
    """

    named: str
    ttl_ms: int | None = None
    extra_data: Mapping[str, Any] | None = None
    invalidate_existing_tokens: bool = False
    treat_as_login: bool = False


def issue_without_password(tenant: Tenant, signer: Signer, wanted: Wanted) -> str:
    """Issue a session token for a user whom the application itself vouches for.

    Args:
        tenant: Whose user.
        signer: What signs.
        wanted: What is asked for.

    Raises:
        ApplicationChanged: The application's tokens have been ended since it was read.
        UserNotFound: There is no such user.
        SigningUnavailable: No key can sign at the moment.
    """
    user_id, email = resolve(tenant, wanted.named)
    user = find_user_for_issue(tenant, user_id)
    # The address may lead to somebody else since it was looked up.
    if user is None or (email is not None and user.normal_email != email):
        raise not_found()
    session = Session.begin(tenant.now_ms)
    issue = prepare(
        tenant, signer, user_id, ttl_ms=wanted.ttl_ms, extra_data=wanted.extra_data, session=session
    )
    if wanted.invalidate_existing_tokens or wanted.treat_as_login:
        nonce = new_nonce() if wanted.invalidate_existing_tokens else None
        user = note_login(
            tenant, Condition(user_id, email=email), is_login=wanted.treat_as_login, nonce=nonce
        )
        if user is None:
            raise not_found()
    return issue(user)


def new_nonce() -> str:
    """Marks a write as one request's own, should the client repeat it after a lost answer."""
    return secrets.token_urlsafe(12)

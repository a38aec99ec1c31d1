"""Identify: what `client.identify()` does, on the server. It stops one user from passing for another.

The rules are those of docs/api.md, section on identify, in their order.
"""

from dataclasses import dataclass
from typing import Any

from signet.accounts.verifier import Verifier, check_subject, revoked
from signet.applications import Application
from signet.errors import InvalidRequest, PermissionDenied, TokenRequired
from signet.identities import normal_email
from signet.store.identification import write_unverified, write_verified
from signet.store.table import Table
from signet.store.users import Subject, find_subject
from signet.tokens import Token, TokenKind
from signet.users import EXTERNAL

UNVERIFIED_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who somebody says to be.

    Attributes:
        user_id: The application's own id.
        organization_id: The organization.
        email: The e-mail address, as it was given.
        name: The name.
        photo_url: The address of a picture.
        says_admin: Whether the call has an `isAdmin`, whatever its value.
    """

    user_id: str
    organization_id: str | None = None
    email: str | None = None
    name: str | None = None
    photo_url: str | None = None
    says_admin: bool = False


@dataclass(frozen=True, slots=True)
class Identified:
    """Who somebody is.

    Attributes:
        claim: With the token's values where the call left them out.
        is_admin: Whether the token says so.
        verified_fields: What the token vouches for; empty where there was none.
    """

    claim: Claim
    is_admin: bool = False
    verified_fields: tuple[str, ...] = ()

    @property
    def is_verified(self) -> bool:
        """Whether a token vouches for the user."""
        return bool(self.verified_fields)


def identify(
    table: Table,
    verifier: Verifier,
    application: Application,
    text: str | None,
    claim: Claim,
    now_ms: int,
) -> Identified:
    """Find out whether a claim holds, and remember the user.

    Args:
        table: Where the user is kept.
        verifier: Verifies the token.
        application: The application.
        text: The user token; None where none came.
        claim: Who somebody says to be.
        now_ms: The time, in Unix milliseconds.

    Raises:
        TokenRequired: The application requires a token, and none came.
        TokenRefused: One came and is not good, whether or not one is required.
        PermissionDenied: The token is somebody else's, or does not cover what is claimed.
    """
    if text is None:
        if application.require_jwt_token:
            message = "This application requires a user token: send it as authToken."
            raise TokenRequired(message)
        profile = _profile(claim, may_set_email=True)
        expires_at = now_ms // 1000 + UNVERIFIED_SECONDS
        write_unverified(table, application.id, claim.user_id, profile, expires_at, now_ms)
        return Identified(claim)
    token = verifier.verify_offline(text, application, (TokenKind.USER,), now_ms // 1000)
    subject = find_subject(table, application.id, EXTERNAL + token.subject)
    check_subject(token, subject.generation, subject.token_cutoff_ms)
    identified = judge(token, claim, needs_cover=application.require_jwt_token, now=now_ms // 1000)
    _remember(table, application, token, subject, identified, now_ms)
    return identified


def judge(token: Token, claim: Claim, *, needs_cover: bool, now: int) -> Identified:
    """Compare a claim with a good token.

    Args:
        token: The token.
        claim: Who its bearer says to be.
        needs_cover: Whether an organization has to be covered by the token.
        now: The time, in Unix seconds.

    Raises:
        PermissionDenied: They do not agree.
    """
    claims = token.claims
    if claim.user_id != token.subject:
        raise _denied("userId")
    organization_id, email = claims.get("organization_id"), claims.get("email")
    if organization_id is not None and claim.organization_id not in (None, organization_id):
        raise _denied("organizationId")
    if email is not None and claim.email is not None and _normal(claim.email) != _normal(email):
        raise _denied("email")
    covered = claim.organization_id is not None and _covers(token, claim.organization_id, now)
    if needs_cover and claim.organization_id is not None and organization_id is None and not covered:
        raise _denied("organizationId", "is not covered by the token")
    name = claims.get("name")
    vouched = {
        "userId": True,
        "organizationId": organization_id is not None or covered,
        "email": email is not None,
        "name": name is not None and claim.name in (None, name),
    }
    return Identified(
        Claim(
            user_id=claim.user_id,
            organization_id=claim.organization_id if organization_id is None else organization_id,
            email=claim.email if email is None else email,
            name=name if claim.name is None else claim.name,
            photo_url=claim.photo_url,
        ),
        # The token alone says so; a call that brings an isAdmin of its own unsets it.
        claims.get("is_admin") is True and not claim.says_admin,
        tuple(field for field, is_vouched in vouched.items() if is_vouched),
    )


def _remember(
    table: Table,
    application: Application,
    token: Token,
    subject: Subject,
    identified: Identified,
    now_ms: int,
) -> None:
    user = subject.user
    # Who has a credential has its address from there: another one would not lead to the user.
    profile = _profile(identified.claim, may_set_email=user is None or user.normal_email is None)
    profile["is_admin"] = identified.is_admin
    if user is not None and not user.is_unverified:
        stored = {
            "email": user.email,
            "first_name": user.first_name,
            "avatar_url": user.avatar_url,
            "organization_id": user.organization_id,
            "is_admin": user.is_admin,
        }
        if all(stored[name] == value for name, value in profile.items()):
            return
    external_id = identified.claim.user_id
    if not write_verified(table, application.id, external_id, profile, token.generation, now_ms):
        raise revoked()


def _profile(claim: Claim, *, may_set_email: bool) -> dict[str, Any]:
    """Attributes of the user's item; what the call does not say stays as it is."""
    given = {
        "email": claim.email if may_set_email else None,
        "first_name": claim.name,
        "avatar_url": claim.photo_url,
        "organization_id": claim.organization_id,
    }
    return {name: value for name, value in given.items() if value is not None}


def _covers(token: Token, organization_id: str, now: int) -> bool:
    """Whether a resource of the token is this organization, and has not expired."""
    resources = (token.claims.get("permissions") or {}).get("resources", [])
    return any(
        resource.get("type") == "organization"
        and resource.get("id") == organization_id
        and now < resource.get("expiresAt", now + 1)
        for resource in resources
    )


def _normal(email: str) -> str:
    try:
        return normal_email(email)
    except InvalidRequest:
        return email


def _denied(field: str, what: str = "differs from the token's") -> PermissionDenied:
    return PermissionDenied(f"data.user.{field} {what}.")

"""Identify: what `client.identify()` does, on the server. It stops one user from passing for another.

The rules are those of docs/api.md, section on identify, in their order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from signet import deadline
from signet.domain.identities import normal_email
from signet.domain.tokens import Token, TokenKind
from signet.domain.users import PROFILE_OF_IDENTITY, check_profile, of_external
from signet.errors import InvalidRequest, PermissionDenied, TokenRequired, Unavailable
from signet.store.identification import write_identified
from signet.store.tenant import Tenant
from signet.store.users import StaleError, find_subject
from signet.usecases.verifier import Verifier, check_subject

UNVERIFIED_SECONDS = 30 * 86_400

CLAIMS = {"organizationId": "organization_id", "email": "email", "name": "name", "photoUrl": "picture"}
"""Members of a profile, and the claims of a user token that vouch for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who somebody says to be.

    Attributes:
        user_id: The application's own id.
        profile: What is said of the user, as `User.profile`.
        says_admin: Whether the call has an `isAdmin`, whatever its value.
    """

    user_id: str
    profile: Mapping[str, Any]
    says_admin: bool = False


@dataclass(frozen=True, slots=True)
class Identified:
    """Who somebody is.

    Attributes:
        user_id: The application's own id.
        profile: What is known of the user then, as `User.profile`; where nothing vouches for it, what the
            call said and no more.
        is_admin: Whether the token says so.
        verified_fields: What the token vouches for; empty where there was none.
    """

    user_id: str
    profile: dict[str, Any]
    is_admin: bool = False
    verified_fields: tuple[str, ...] = ()

    @property
    def is_verified(self) -> bool:
        """Whether a token vouches for the user."""
        return bool(self.verified_fields)


def identify(tenant: Tenant, verifier: Verifier, text: str | None, claim: Claim) -> Identified:
    """Find out whether a claim holds, and remember the user.

    Args:
        tenant: Whose user.
        verifier: Verifies the token.
        text: The user token; None where none came.
        claim: Who somebody says to be.

    Raises:
        TokenRequired: The application requires a token, and none came.
        TokenRefused: One came and is not good, whether or not one is required.
        PermissionDenied: The token is somebody else's, or does not cover what is claimed.
        InvalidRequest: With what is stored there would be more than a profile may hold.
    """
    if text is None:
        if tenant.application.require_jwt_token:
            message = "This application requires a user token: send it as authToken."
            raise TokenRequired(message)
        _remember_unverified(tenant, claim)
        return Identified(claim.user_id, dict(claim.profile))
    token = verifier.verify_offline(tenant, text, (TokenKind.USER,))
    for _ in deadline.attempts():
        subject = find_subject(tenant, of_external(token.subject))
        check_subject(token, subject)
        identified = judge(token, claim, needs_cover=tenant.application.require_jwt_token, now=tenant.now)
        user = subject.user
        if user is not None and not user.is_unverified:
            identified = replace(identified, profile={**user.profile, **identified.profile})
            check_profile(identified.profile)
            if (user.profile, user.is_admin) == (identified.profile, identified.is_admin):
                return identified
        try:
            write_identified(
                tenant,
                claim.user_id,
                subject,
                identified.profile,
                mark=token.mark,
                is_admin=identified.is_admin,
            )
        except StaleError:
            continue
        return identified
    raise _busy()


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
    claims, said = token.claims, claim.profile
    if claim.user_id != token.subject:
        raise _denied("userId")
    vouched = {name: claims[own] for name, own in CLAIMS.items() if claims.get(own) is not None}
    organization_id = said.get("organizationId")
    if organization_id not in (None, vouched.get("organizationId", organization_id)):
        raise _denied("organizationId")
    if {"email"} <= vouched.keys() & said.keys() and _normal(said["email"]) != _normal(vouched["email"]):
        raise _denied("email")
    covered = organization_id is not None and _covers(token, organization_id, now)
    if needs_cover and organization_id is not None and "organizationId" not in vouched and not covered:
        raise _denied("organizationId", "is not covered by the token")
    # Another name or picture than the token's may be said, and is not vouched for then.
    decided: dict[str, Any] = {name: vouched[name] for name in ("organizationId", "email") if name in vouched}
    known = {**vouched, **said, **decided}
    verified = {name for name, value in vouched.items() if known[name] == value}
    if covered:
        verified.add("organizationId")
    return Identified(
        claim.user_id,
        known,
        # The token alone says so; a call that brings an isAdmin of its own unsets it.
        claims.get("is_admin") is True and not claim.says_admin,
        ("userId", *(name for name in CLAIMS if name in verified)),
    )


def _remember_unverified(tenant: Tenant, claim: Claim) -> None:
    """Write what nobody vouches for, where nobody has vouched for the user and nothing of it is left."""
    for _ in deadline.attempts():
        subject = find_subject(tenant, of_external(claim.user_id))
        if not subject.is_unclaimed:
            return
        stored = {} if subject.user is None else subject.user.profile
        until = tenant.now + UNVERIFIED_SECONDS
        said = {name: value for name, value in claim.profile.items() if name in PROFILE_OF_IDENTITY}
        profile = {**stored, **said}
        try:
            write_identified(tenant, claim.user_id, subject, profile, unverified_until=until)
        except StaleError:
            continue
        return
    raise _busy()


def _busy() -> Unavailable:
    return Unavailable("Other requests are changing this user at the moment. Try again.")


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
    refusal = PermissionDenied(f"data.user.{field} {what}.")
    return refusal.because(field, expected="the token's own", found="another, or one that it does not cover")

"""Identify: what `client.identify()` does, on the server. It stops one user from passing for another.

The rules are those of docs/api.md, section on identify, in their order.
"""

from dataclasses import dataclass, replace

from signet import deadline
from signet.domain.identities import normal_email
from signet.domain.tokens import Token, TokenKind
from signet.domain.users import of_external
from signet.errors import InvalidRequest, PermissionDenied, TokenRequired, Unavailable
from signet.store.identification import write_identified
from signet.store.tenant import Tenant
from signet.store.users import StaleError, find_subject
from signet.usecases.verifier import Verifier, check_subject

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

    @property
    def profile(self) -> dict[str, str]:
        """What is said of the user, by the names of `User.profile`."""
        said = {
            "organizationId": self.organization_id,
            "email": self.email,
            "name": self.name,
            "photoUrl": self.photo_url,
        }
        return {name: value for name, value in said.items() if value is not None}


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
    profile: dict[str, str]
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
    """
    if text is None:
        if tenant.application.require_jwt_token:
            message = "This application requires a user token: send it as authToken."
            raise TokenRequired(message)
        _remember_unverified(tenant, claim)
        return Identified(claim.user_id, claim.profile)
    token = verifier.verify_offline(tenant, text, (TokenKind.USER,))
    for _ in deadline.attempts():
        subject = find_subject(tenant, of_external(token.subject))
        check_subject(token, subject)
        identified = judge(token, claim, needs_cover=tenant.application.require_jwt_token, now=tenant.now)
        user = subject.user
        if user is not None and not user.is_unverified:
            identified = replace(identified, profile={**user.profile, **identified.profile})
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
    known = replace(
        claim,
        organization_id=claim.organization_id if organization_id is None else organization_id,
        email=claim.email if email is None else email,
        name=name if claim.name is None else claim.name,
    )
    return Identified(
        claim.user_id,
        known.profile,
        # The token alone says so; a call that brings an isAdmin of its own unsets it.
        claims.get("is_admin") is True and not claim.says_admin,
        tuple(field for field, is_vouched in vouched.items() if is_vouched),
    )


def _remember_unverified(tenant: Tenant, claim: Claim) -> None:
    """Write what nobody vouches for, where nobody has vouched for the user and nothing of it is left."""
    for _ in deadline.attempts():
        subject = find_subject(tenant, of_external(claim.user_id))
        if not subject.is_unclaimed:
            return
        stored = {} if subject.user is None else subject.user.profile
        until = tenant.now + UNVERIFIED_SECONDS
        profile = {**stored, **claim.profile}
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
    return PermissionDenied(f"data.user.{field} {what}.")

"""The three kinds of token: their claims, how they are issued and how they are verified.

No clock, no network, no table: the time, the key ring and the generations are handed in.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import jwt
from jwt.api_jws import PyJWS

from signet.applications import Application
from signet.errors import InvalidRequest, TokenExpired, TokenInvalid
from signet.identities import Identity, IdentityType
from signet.json_body import Members, parse_object
from signet.keys import Algorithm
from signet.signing import PrivateKey, PublicKey

MAX_LENGTH = 16 * 1024
"""In characters: twice what any token of ours has, so that garbage costs little."""

MAX_USER_TOKEN_LENGTH = 8 * 1024
"""In characters, which are bytes: what a user token may have at most."""

SIGNATURE_LENGTHS = {Algorithm.ES256: 64, Algorithm.RS256: 256}
"""In bytes, of the keys that Signet makes (RFC 7518 sections 3.3 and 3.4)."""

KID_LENGTH = 43
"""In characters: a SHA-256 in base64url (RFC 7638)."""

CLOCK_SKEW = 120
"""Seconds by which an `iat` may lie in the future: a cutoff may lie 60 ahead, and clocks differ."""


class TokenKind(Enum):
    """What a token is for; no kind is accepted in another's place (RFC 8725 section 3.11).

    The value is the last part of its audience and the first of its `typ`.
    """

    IDENTITY = "identity"
    USER = "user"
    SESSION = "session"

    @property
    def typ(self) -> str:
        """The header's `typ`, checked by us; most libraries check only the audience."""
        return f"{self.value}+jwt"

    def audience(self, application_id: str) -> str:
        """The `aud` of this kind in an application."""
        return f"{application_id}/{self.value}"


@dataclass(frozen=True, slots=True)
class ActiveKey:
    """A key that can sign now: the loaded private key, and what goes into the header."""

    kid: str
    algorithm: Algorithm
    private_key: PrivateKey


def identity_claims(
    application: Application, identity: Identity, *, issuer: str, generation: int, now: int
) -> dict[str, Any]:
    """The claims of an identity token (api.md 1). Times are in Unix seconds.

    Args:
        application: Whose token it is.
        identity: The subject.
        issuer: The `iss`.
        generation: The identity's generation, `gen`.
        now: The `iat`.
    """
    name = "email" if identity.type is IdentityType.EMAIL else "phone_number"
    claims = _claims(TokenKind.IDENTITY, application, identity.value, issuer, generation, now)
    claims["exp"] = now + _capped(application.identity_token_lifetime, application)
    return {**claims, "identity_type": identity.type.value, name: identity.value}


def session_claims(
    application: Application,
    subject: str,
    *,
    issuer: str,
    generation: int,
    now_ms: int,
    not_before_ms: int | None = None,
    ttl_ms: int | None = None,
    extra_data: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The claims of a session token (api.md 1).

    Args:
        application: Whose token it is.
        subject: The user's id.
        issuer: The `iss`.
        generation: The user's generation, `gen`.
        now_ms: The time, in Unix milliseconds.
        not_before_ms: The user's cutoff: a token that is made while it still lies ahead, since clocks
            differ, has the cutoff's `iat`, or it would be dead on arrival.
        ttl_ms: The max age in milliseconds; None for a token that does not expire.
        extra_data: What becomes `ext`; None for nothing.
    """
    now = max(now_ms, not_before_ms or 0) // 1000
    claims = _claims(TokenKind.SESSION, application, subject, issuer, generation, now)
    cap = application.max_token_lifetime
    # Rounded up to a whole second: a token never lives shorter than was asked for.
    ends = [] if ttl_ms is None else [-(-(now_ms + ttl_ms) // 1000)]
    ends += [] if cap is None else [now + cap]
    if ends:
        claims["exp"] = min(ends)
    if extra_data is not None:
        claims["ext"] = dict(extra_data)
    return claims


def user_claims(
    application: Application,
    subject: str,
    *,
    issuer: str,
    generation: int,
    now_ms: int,
    not_before_ms: int | None = None,
    asked_for: Mapping[str, Any],
) -> dict[str, Any]:
    """The claims of a user token (api.md 1).

    Args:
        application: Whose token it is.
        subject: The application's own id of the user.
        issuer: The `iss`.
        generation: The user's generation, `gen`.
        now_ms: The time, in Unix milliseconds.
        not_before_ms: The user's cutoff, as for a session token.
        asked_for: Of `email`, `name`, `is_admin`, `organization_id` and `permissions` what there shall be.
    """
    now = max(now_ms, not_before_ms or 0) // 1000
    claims = _claims(TokenKind.USER, application, subject, issuer, generation, now)
    claims["exp"] = now + _capped(application.user_token_lifetime, application)
    return {**claims, **asked_for}


def token_length(kind: TokenKind, claims: Mapping[str, Any], algorithm: Algorithm) -> int:
    """How many characters a token of these claims has, without making it."""
    header = {"alg": algorithm.value, "kid": "k" * KID_LENGTH, "typ": kind.typ}
    sizes = [len(json.dumps(part, separators=(",", ":"))) for part in (header, claims)]
    sizes.append(SIGNATURE_LENGTHS[algorithm])
    return sum(-(-size * 4 // 3) for size in sizes) + len("..")


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token of which nothing is known yet but what it says of itself.

    Attributes:
        text: The token.
        kid: The key that it says it was signed with.
        kind: The kind that it says it is.
    """

    text: str = field(repr=False)
    kid: str
    kind: TokenKind


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature and claims are good. Whether its generation still counts, the table knows.

    Attributes:
        kind: What it is for.
        text: The token itself.
        claims: All of its claims.
    """

    kind: TokenKind
    text: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def subject(self) -> str:
        """The `sub`."""
        subject: str = self.claims["sub"]
        return subject

    @property
    def issued_at(self) -> int:
        """The `iat`, in Unix seconds."""
        issued_at: int = self.claims["iat"]
        return issued_at

    @property
    def expires_at(self) -> int | None:
        """The `exp`, in Unix seconds; None where it does not expire."""
        return self.claims.get("exp")

    @property
    def generation(self) -> int:
        """The subject's generation at issue."""
        generation: int = self.claims["gen"]
        return generation

    @property
    def application_generation(self) -> int:
        """The application's generation at issue."""
        generation: int = self.claims["agen"]
        return generation

    @property
    def extra_data(self) -> dict[str, Any] | None:
        """The extra data of a session token."""
        return self.claims.get("ext")


def parse_unverified(text: str) -> Unverified:
    """Read which key and kind a token claims, trusting neither.

    Raises:
        TokenInvalid: It is no compact JWS of ours. Only the one canonical spelling of each part counts:
            base64url ignores some bits at its end, and no byte of a token may be changed.
    """
    parts = text.split(".") if len(text) <= MAX_LENGTH else []
    if len(parts) != 3:
        raise _invalid("is no compact JWS")
    header = _members(parts[0], "header")
    _canonical(parts[1], "payload")
    _canonical(parts[2], "signature")
    if not header.keys() <= {"alg", "kid", "typ"}:
        # `crit`, `b64`, `jwk`, `jku`, `x5u`: nothing that we make, and each an attack on some library.
        raise _invalid("has a header that Signet does not write")
    kinds = [kind for kind in TokenKind if kind.typ == header.get("typ")]
    kid = header.get("kid")
    if not kinds or not isinstance(kid, str):
        raise _invalid("has no kid, or a typ that is none of Signet's")
    return Unverified(text, kid, kinds[0])


def verify(
    unverified: Unverified,
    key: "VerificationKey",
    kinds: Collection[TokenKind],
    application: Application,
    *,
    issuer: str,
    now: int,
) -> Token:
    """Verify signature, kind, audience, issuer and times. The algorithm is the key's, never the token's.

    Args:
        unverified: The token.
        key: The key of its `kid`.
        kinds: The kinds that are taken.
        application: Whose token it has to be.
        issuer: The `iss` that it must have.
        now: The time, in Unix seconds.

    Raises:
        TokenInvalid: Anything about it is wrong.
        TokenExpired: It was good, and its life or the application's cap on it is over.
    """
    kind = unverified.kind
    if kind not in kinds:
        raise _invalid("is of another kind")
    try:
        payload = _JWS.decode(unverified.text, key.public_key, algorithms=[key.algorithm.value])
    except (jwt.InvalidTokenError, ValueError) as error:
        raise _invalid("has no valid signature of its key") from error
    try:
        claims = parse_object(payload)
    except InvalidRequest as error:
        raise _invalid("has no JSON object as its payload") from error
    if claims.get("iss") != issuer or claims.get("aud") != kind.audience(application.id):
        raise _invalid("is of another issuer or application")
    if not isinstance(claims.get("sub"), str) or not isinstance(claims.get("jti"), str):
        raise _invalid("has no sub or no jti")
    for name in ("iat", "gen", "agen"):
        if type(claims.get(name)) is not int:
            raise _invalid(f"has no {name} that is a whole number")
    exp = claims.get("exp")
    if type(exp) is not int and (exp is not None or kind is not TokenKind.SESSION):
        raise _invalid("has no exp that is a whole number")
    if claims["iat"] > now + CLOCK_SKEW:
        raise _invalid("was issued in the future")
    cap = application.max_token_lifetime
    ends = [end for end in (exp, None if cap is None else claims["iat"] + cap) if end is not None]
    if any(now >= end for end in ends):
        message = "The token has expired."
        raise TokenExpired(message)
    return Token(kind, unverified.text, claims)


_JWS = PyJWS()


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key that can verify: the public key, and the one algorithm that it may be used with."""

    algorithm: Algorithm
    public_key: PublicKey


def _members(part: str, name: str) -> Members:
    try:
        return parse_object(_canonical(part, name))
    except InvalidRequest as error:
        raise _invalid(f"has a {name} that is no JSON object") from error


def _canonical(part: str, name: str) -> bytes:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise _invalid(f"has a {name} that is not base64url") from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != part:
        raise _invalid(f"has a {name} in a spelling that is not canonical")
    return raw


def _invalid(what: str) -> TokenInvalid:
    return TokenInvalid(f"The token {what}.")


def issue(kind: TokenKind, claims: Mapping[str, Any], key: ActiveKey) -> str:
    """Sign the claims: a compact JWS with the header `kid`, `alg`, `typ`."""
    headers = {"kid": key.kid, "typ": kind.typ}
    return jwt.encode(dict(claims), key.private_key, algorithm=key.algorithm.value, headers=headers)


def _claims(
    kind: TokenKind, application: Application, subject: str, issuer: str, generation: int, now: int
) -> dict[str, Any]:
    return {
        "iss": issuer,
        "aud": kind.audience(application.id),
        "sub": subject,
        "iat": now,
        "jti": secrets.token_urlsafe(16),
        "gen": generation,
        "agen": application.generation,
    }


def _capped(lifetime: int, application: Application) -> int:
    cap = application.max_token_lifetime
    return lifetime if cap is None else min(lifetime, cap)

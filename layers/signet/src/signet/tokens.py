"""The three kinds of token: their claims, and how they are issued. No clock, no network, no table."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import jwt

from signet.applications import Application
from signet.identities import Identity, IdentityType
from signet.keys import Algorithm
from signet.signing import PrivateKey


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

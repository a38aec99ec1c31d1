"""The key ring: which signing keys there are, which one signs, and its JWKS form.

Knows only public halves, so a function that publishes or verifies needs no more than this module;
making and using private keys is `signet.signing`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from signet.errors import SigningUnavailable

NEVER = 253_402_300_799
"""A `max_exp` for keys that made tokens without `exp`: the last second of the year 9999."""


JWKS_MAX_AGE = 300
"""Seconds for which anybody may cache the JWKS and the discovery document."""


class Algorithm(StrEnum):
    """The signature algorithms of RFC 7518 that a deployment may choose."""

    ES256 = "ES256"
    RS256 = "RS256"


class KeyState(StrEnum):
    """The life of a signing key. A key that is *gone* has no item any more."""

    ANNOUNCED = "announced"
    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key of the ring. Times are in Unix seconds.

    Attributes:
        kid: The RFC 7638 thumbprint of the public key.
        algorithm: The one algorithm that this key may be used with.
        public_jwk: Its public members (RFC 7517), without `kid`, `alg` and `use`.
        state: Where in its life it is.
        created_at: When it was made and first published.
        max_exp: No token of it expires later than this; 0 where it has not signed.
        encrypted_private_key: PKCS #8 in DER, encrypted by KMS; None once the key is retired.
    """

    kid: str
    algorithm: Algorithm
    public_jwk: dict[str, str]
    state: KeyState
    created_at: int
    max_exp: int = 0
    encrypted_private_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All signing keys of the deployment, and the issuer that their tokens name.

    Attributes:
        issuer: The `iss` of every token: the API's base URL, without a slash at its end.
        keys: Oldest first.
    """

    issuer: str
    keys: tuple[SigningKey, ...]

    @property
    def active(self) -> SigningKey:
        """The key that signs.

        Raises:
            SigningUnavailable: There is none.
        """
        for key in self.keys:
            if key.state is KeyState.ACTIVE:
                return key
        message = "No signing key is active; the operator has to run rotate_keys. Try again shortly."
        raise SigningUnavailable(message)

    def find(self, kid: str) -> SigningKey | None:
        """The key that verifies tokens of this `kid`, or None; a revoked one verifies nothing."""
        for key in self.keys:
            if key.kid == kid and key.state is not KeyState.REVOKED:
                return key
        return None

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The JWK set (RFC 7517) of every key that may verify a token now or soon."""
        return {
            "keys": [
                {**key.public_jwk, "kid": key.kid, "alg": key.algorithm.value, "use": "sig"}
                for key in self.keys
                if key.state is not KeyState.REVOKED
            ]
        }

    def algorithms(self) -> list[str]:
        """The algorithms that are really in use, sorted."""
        return sorted({key["alg"] for key in self.jwks()["keys"]})

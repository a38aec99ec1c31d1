"""The key ring: which signing keys there are, which one signs, and its JWKS form.

Knows only public halves, so a function that publishes or verifies needs no more than this module;
making and using private keys is `signet.domain.signing`, and moving a key through its life
`signet.usecases.keys`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from signet.domain import base64url
from signet.domain.times import LATEST, iso_8601
from signet.errors import SigningUnavailable

NEVER = LATEST
"""A `max_exp` for keys that made tokens without `exp`: the last second of the year 9999."""


JWKS_MAX_AGE = 300
"""Seconds for which anybody may cache the JWKS and the discovery document."""

REMEDY = "the operator has to restore or revoke it (docs/keys.md)"

MARGIN = 120
"""Seconds by which clocks may differ and a function that has read the time may be late with its write."""

DAY = 86_400

KID_LENGTH = 43
"""In characters: a SHA-256 in base64url (RFC 7638)."""

THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}  # RFC 7638 section 3.2


class Algorithm(StrEnum):
    """The signature algorithms of RFC 7518 that a deployment may choose."""

    ES256 = "ES256"
    RS256 = "RS256"


KEY_TYPES = {Algorithm.ES256: "EC", Algorithm.RS256: "RSA"}
"""The `kty` of each algorithm's keys (RFC 7518 section 6.1)."""


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
        ended_at: When it was retired or, later perhaps, revoked; None before.
        encrypted_private_key: The private JWK as JSON, encrypted by KMS; None once the key has ended.
    """

    kid: str
    algorithm: Algorithm
    public_jwk: dict[str, str]
    state: KeyState
    created_at: int
    ended_at: int | None = None
    encrypted_private_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """All signing keys of the deployment, and the issuer that their tokens name.

    Attributes:
        issuer: The `iss` of every token: the API's base URL, without a slash at its end.
        active_kid: The key that signs; None after an emergency that left none.
        activated_at: From when on it signs, in Unix seconds. It may lie ahead, after an emergency.
        next_kid: The announced key, which will sign after it; None where there is none.
        keys: Those that can be read, oldest first.
        damaged: The kids of items that are there and cannot be read.
    """

    issuer: str
    active_kid: str | None
    activated_at: int
    next_kid: str | None
    keys: tuple[SigningKey, ...]
    damaged: tuple[str, ...] = ()

    @property
    def named(self) -> set[str]:
        """The kids that the ring itself names: of the active key and of the announced one."""
        return {kid for kid in (self.active_kid, self.next_kid) if kid is not None}

    @property
    def kids(self) -> set[str]:
        """The kids of all keys, whether they can be read, cannot, or are missing."""
        return {*self.named, *self.damaged, *(key.kid for key in self.keys)}

    @property
    def active(self) -> SigningKey:
        """The key that signs.

        Raises:
            SigningUnavailable: There is none, or it cannot be read.
        """
        for key in self.keys:
            if key.state is KeyState.ACTIVE:
                return key
        if self.active_kid is not None:
            message = f"The active signing key {self.active_kid} is damaged, missing or revoked; {REMEDY}."
            raise SigningUnavailable(message)
        message = "No signing key is active; the operator has to run rotate_keys. Try again shortly."
        raise SigningUnavailable(message)

    @property
    def announced(self) -> SigningKey | None:
        """The key that will sign after the active one, where there is one that can."""
        for key in self.keys:
            if key.state is KeyState.ANNOUNCED and key.encrypted_private_key is not None:
                return key
        return None

    def active_at(self, now: int) -> SigningKey:
        """The key that signs at this time, in Unix seconds.

        Raises:
            SigningUnavailable: There is none, or it has not been published for long enough.
        """
        key = self.active
        if now < self.activated_at:
            when = iso_8601(self.activated_at * 1000)
            message = f"The next signing key is published, and signs from {when} on."
            raise SigningUnavailable(message, retry_after=self.activated_at - now)
        return key

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPolicy:
    """When a key moves on. Times are in seconds.

    Attributes:
        algorithm: What the next key signs with.
        period: How long a key signs.
        key_ring_seconds: How long an instance may use the key ring that it has read.
        verifier_cache: How long a slow verifier keeps the JWKS beyond what it is told.
    """

    algorithm: Algorithm
    period: int
    key_ring_seconds: int
    verifier_cache: int

    @property
    def announcement(self) -> int:
        """How long a key is published before it signs: until nobody can have a JWKS without it.

        An instance may publish a key ring that old, a proxy hand that out for its max-age, and a verifier
        keep what it got from there.
        """
        return self.key_ring_seconds + JWKS_MAX_AGE + self.verifier_cache + MARGIN

    @property
    def aftermath(self) -> int:
        """How long after the end of a key an instance may still sign with it."""
        return self.key_ring_seconds + MARGIN

    def signs_from(self, key: SigningKey) -> int:
        """From when on an announced key may sign, in Unix seconds."""
        return key.created_at + self.announcement

    def is_over(self, key: SigningKey, max_exp: int, now: int) -> bool:
        """Whether nobody needs an ended key any more: no good token of it is left, and none can be made.

        Args:
            key: The key.
            max_exp: No token of it expires later than this; 0 where it has not signed.
            now: The time, in Unix seconds.
        """
        if key.ended_at is None or now <= key.ended_at + self.aftermath:
            return False
        if key.state is KeyState.RETIRED:
            return now > max_exp + MARGIN
        return key.state is KeyState.REVOKED

    def overdue(self, key_ring: KeyRing, now: int) -> int:
        """For how many seconds the active key has signed longer than it should; 0 if it has not."""
        return max(0, now - key_ring.activated_at - self.period)


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The RFC 7638 thumbprint of a JWK, with SHA-256: of its public members, whatever else it has."""
    members = {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode("ascii")
    return base64url.encode(hashlib.sha256(canonical).digest())

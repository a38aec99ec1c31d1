"""Signs tokens with the active key, which it decrypts once."""

from collections.abc import Callable, Mapping
from typing import Any

from signet.aws.vault import Vault
from signet.domain.keys import NEVER, REMEDY, SigningKey
from signet.domain.signing import Key, load_private
from signet.domain.tokens import TokenKind, check_claims, issue
from signet.errors import SigningUnavailable
from signet.store.cache import KeyRingCache
from signet.store.keys import raise_max_exp
from signet.store.table import Table

MAX_EXP_STEP = 30 * 86_400
"""Seconds to which a key's `max_exp` is rounded up: a handful of writes in its life, not one a token."""

type Sign = Callable[[Mapping[str, Any]], str]
"""Makes a token of its claims."""

DAMAGED = f"The active signing key is damaged; {REMEDY}."


class Signer:
    """Signs with whichever key is active, and keeps the key's `max_exp` true."""

    def __init__(self, table: Table, key_ring: KeyRingCache, vault: Vault) -> None:
        self._table = table
        self._key_ring = key_ring
        self._vault = vault
        self._active: Key | None = None
        self._max_exp: dict[str, int] = {}

    def issuer(self) -> str:
        """The `iss` that claims must have.

        Raises:
            SigningUnavailable: The deployment has no key ring yet.
        """
        return self._key_ring.get().issuer

    def prepare(self, kind: TokenKind, greatest: Mapping[str, Any], now: int) -> Sign:
        """Get hold of all that a token needs, so that nothing can fail once its claims are known.

        Args:
            kind: The kind of the token.
            greatest: Claims that no claim of the token exceeds: it is no longer, and ends no later.
            now: The time, in Unix seconds.

        Raises:
            InvalidRequest: The token would be too long.
            SigningUnavailable: No key is active yet or any more, or it cannot be decrypted.
        """
        key = self._key_ring.get().active_at(now)
        check_claims(kind, greatest, key.algorithm)
        active = self._loaded(key)
        self._note(key, greatest.get("exp", NEVER))
        return lambda claims: issue(kind, claims, active)

    def sign(self, kind: TokenKind, claims: Mapping[str, Any], now: int) -> str:
        """Issue a token with these claims, where there is nothing to prepare it before.

        Raises:
            InvalidRequest, SigningUnavailable: As for `prepare`.
        """
        return self.prepare(kind, claims, now)(claims)

    def _loaded(self, key: SigningKey) -> Key:
        active = self._active
        if active is None or active.key_id != key.kid:
            if key.encrypted_private_key is None:
                raise SigningUnavailable(DAMAGED)
            private_jwk = self._vault.decrypt(key.kid, key.encrypted_private_key)
            try:
                active = load_private(private_jwk, key.kid, key.algorithm)
            except ValueError as error:
                raise SigningUnavailable(DAMAGED) from error
            self._active = active
        return active

    def _note(self, key: SigningKey, exp: int) -> None:
        """Make sure, before the token is out, that the key stays published until it has expired."""
        # A container that does not know the bound yet learns it from its own write.
        if exp > self._max_exp.get(key.kid, 0):
            wanted = NEVER if exp >= NEVER else -(-exp // MAX_EXP_STEP) * MAX_EXP_STEP
            bound = raise_max_exp(self._table, key.kid, wanted)
            if bound is None:
                message = (
                    "The signing key was revoked a moment ago, or the end of its tokens is not recorded any "
                    "more; rotate_keys mends that. Try again shortly."
                )
                raise SigningUnavailable(message)
            self._max_exp[key.kid] = bound

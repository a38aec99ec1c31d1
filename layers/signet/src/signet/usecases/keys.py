"""The life of the signing keys: announced, active, retired, gone; and revoked.

Every step is one conditional transaction and stands on the ring as it was read. So a run that stops between
two of them leaves a whole ring, which the next run goes on from, and of runs at the same time each step is
done by one.
"""

from collections.abc import Callable

from signet.aws.vault import Vault
from signet.domain.keys import NEVER, KeyRing, KeyState, RotationPolicy, SigningKey
from signet.domain.signing import generate, load_private
from signet.errors import FaultKind, InvalidRequest, SigningUnavailable, Unavailable
from signet.store import keys as store
from signet.store.table import Table

MAX_STEPS = 100
"""So that a run ends, whatever others do; many more than the keys that can be over at once."""

type Step = Callable[[], bool]
"""One transaction; False where another run was faster."""


class KeyKeeper:
    """Moves the keys of a deployment on, as its policy and the time say."""

    def __init__(self, table: Table, vault: Vault, policy: RotationPolicy, now: int) -> None:
        """Take what a run works with.

        Args:
            table: Where the ring is kept.
            vault: Encrypts the private keys.
            policy: When a key moves on.
            now: The time, in Unix seconds.
        """
        self._table = table
        self._vault = vault
        self.policy = policy
        self._now = now

    def read(self) -> KeyRing:
        """The key ring as it is.

        Raises:
            InvalidRequest: There is none yet.
        """
        key_ring = store.find_key_ring(self._table)
        if key_ring is None:
            message = "has nothing to show: there is no key ring yet. Give the issuer, to make one."
            raise InvalidRequest.of("readOnly", message)
        return key_ring

    def rotate(self, issuer: str | None = None) -> KeyRing:
        """Do whatever is due, and return the key ring as it is then.

        Founds the ring where there is none: its first key is active at once, since nobody can have cached
        anything yet. Then keeps one key announced at any time, lets it sign when the active one's period is
        over or its algorithm is no longer wanted, and removes what is over.

        Args:
            issuer: The base URL of the API; None leaves it as it is.

        Raises:
            InvalidRequest: There is no ring yet and no issuer is given.
            SigningUnavailable: A key is damaged, or KMS does not answer; what is due stays due.
            Unavailable: Other runs got in the way again and again.
        """
        for _ in range(MAX_STEPS):
            key_ring = store.find_key_ring(self._table)
            step = self._found_ring(issuer) if key_ring is None else self._due(key_ring, issuer)
            if key_ring is not None and step is None:
                return key_ring
            if step is not None:
                step()
        message = "Other runs of rotate_keys got in the way. Run it again shortly."
        raise Unavailable(message)

    def revoke(self, kid: str) -> None:
        """Revoke a key at once; the announced key follows an active one. Needs no KMS.

        Where the announced key has not been published for long enough, or there is none, nobody signs until
        it has. Revoking again changes nothing.

        Raises:
            InvalidRequest: There is no such key.
            Unavailable: Other runs got in the way again and again.
        """
        for _ in range(MAX_STEPS):
            key_ring = store.find_key_ring(self._table)
            if key_ring is None or kid not in key_ring.kids:
                kids = "" if key_ring is None else ", ".join(sorted(key_ring.kids))
                raise InvalidRequest.of("kid", f"is none of the signing keys: {kids or 'there are none'}.")
            if kid not in key_ring.named and any(
                key.kid == kid and key.state is KeyState.REVOKED for key in key_ring.keys
            ):
                return
            successor = key_ring.announced
            signs_from = None if successor is None else max(self._now, self.policy.signs_from(successor))
            if store.revoke(self._table, kid, key_ring, self._now, successor_signs_from=signs_from):
                return
        message = "Other runs of rotate_keys got in the way. Revoke the key again."
        raise Unavailable(message)

    def _found_ring(self, issuer: str | None) -> Step:
        if issuer is None:
            message = "is required while there is no key ring: the base URL of the API."
            raise InvalidRequest.of("issuer", message, FaultKind.MISSING)
        key = self._new_key(KeyState.ACTIVE)
        return lambda: store.insert_key_ring(self._table, issuer, key)

    def _due(self, key_ring: KeyRing, issuer: str | None) -> Step | None:
        """What is to be done first, if anything."""
        announced, lives = key_ring.announced, store.find_lives(self._table)
        if issuer is not None and issuer != key_ring.issuer:
            return lambda: store.set_issuer(self._table, issuer)
        for old in key_ring.keys:
            if old.state is KeyState.RETIRED and (old.ended_at is None or old.encrypted_private_key):
                # Its item was restored from a backup, to what it was while it could sign.
                return lambda: store.retire(self._table, old.kid, self._now)
            if old.state is not KeyState.REVOKED and old.kid not in lives:
                return lambda: store.restore_life(self._table, old.kid)
            if self.policy.is_over(old, lives.get(old.kid, NEVER), self._now):
                return lambda: store.remove(self._table, old, lives.get(old.kid))
        if key_ring.active_kid is None:
            key = self._new_key(KeyState.ACTIVE)
            return lambda: store.activate(self._table, key, self.policy.signs_from(key))
        if announced is not None and self._may_follow(announced, key_ring):
            self._make_sure_that_it_signs(announced)
            return lambda: store.hand_over(self._table, key_ring, self._now)
        if announced is None or announced.algorithm is not self.policy.algorithm:
            key = self._new_key(KeyState.ANNOUNCED)
            return lambda: store.announce(self._table, key, key_ring, self._now)
        return None

    def _may_follow(self, announced: SigningKey, key_ring: KeyRing) -> bool:
        """Whether the active key is to be replaced, and by a key that everybody knows.

        Raises:
            SigningUnavailable: The active key is damaged.
        """
        active = key_ring.active
        wanted = self.policy.algorithm
        is_due = self.policy.overdue(key_ring, self._now) > 0 or active.algorithm is not wanted
        return is_due and announced.algorithm is wanted and self._now > self.policy.signs_from(announced)

    def _make_sure_that_it_signs(self, key: SigningKey) -> None:
        """Decrypt the private key before anybody depends on it."""
        try:
            private_jwk = self._vault.decrypt(key.kid, key.encrypted_private_key or b"")
            load_private(private_jwk, key.kid, key.algorithm)
        except (SigningUnavailable, ValueError) as error:
            message = (
                f"The announced signing key {key.kid} cannot be decrypted, so the active one stays. If KMS"
                f' works, revoke it by {{"emergency": true, "kid": "{key.kid}"}}, and another one will be'
                " announced."
            )
            raise SigningUnavailable(message) from error

    def _new_key(self, state: KeyState) -> SigningKey:
        new = generate(self.policy.algorithm)
        return SigningKey(
            kid=new.kid,
            algorithm=new.algorithm,
            public_jwk=new.public_jwk,
            state=state,
            created_at=self._now,
            encrypted_private_key=self._vault.encrypt(new.kid, new.private_jwk),
        )

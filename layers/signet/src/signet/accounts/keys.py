"""The life of the signing keys, as far as making the first one."""

from signet.errors import FaultKind, InvalidRequest, Unavailable
from signet.keys import Algorithm, KeyRing, KeyState, SigningKey
from signet.signing import generate
from signet.store.keys import find_key_ring, insert_first_key, set_issuer
from signet.store.table import Table
from signet.vault import Vault


def ensure_key_ring(
    table: Table, vault: Vault, *, issuer: str | None, algorithm: Algorithm, now: int
) -> KeyRing:
    """Found the key ring where there is none, and give it the issuer.

    The first key is active at once: nobody can have cached anything yet. Any number of runs at a
    time leave one ring with one key, since founding it is a single conditional transaction.

    Args:
        table: Where the ring is kept.
        vault: Encrypts the private key.
        issuer: The base URL of the API; None leaves it as it is.
        algorithm: What the first key signs with.
        now: The time, in Unix seconds.

    Raises:
        InvalidRequest: There is no ring yet and no issuer is given.
        Unavailable: Another run is founding the ring, and has not finished.
    """
    key_ring = find_key_ring(table)
    if key_ring is None:
        if issuer is None:
            message = "is required while there is no key ring: the base URL of the API."
            raise InvalidRequest.of("issuer", message, FaultKind.MISSING)
        insert_first_key(table, issuer, _new_key(vault, algorithm, now))
        key_ring = find_key_ring(table)
        if key_ring is None:
            message = "Another run is founding the key ring. Try again shortly."
            raise Unavailable(message)
    if issuer is not None and issuer != key_ring.issuer:
        set_issuer(table, issuer)
        key_ring = KeyRing(issuer, key_ring.keys)
    return key_ring


def _new_key(vault: Vault, algorithm: Algorithm, now: int) -> SigningKey:
    new = generate(algorithm)
    return SigningKey(
        kid=new.kid,
        algorithm=algorithm,
        public_jwk=new.public_jwk,
        state=KeyState.ACTIVE,
        created_at=now,
        encrypted_private_key=vault.encrypt(new.kid, new.private_key_der),
    )

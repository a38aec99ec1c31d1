"""The key ring's items: `KEYS` / `KEY#<kid>`, one per key, and `KEYS` / `RING`.

`RING` holds the issuer and `active_kid`. That one attribute decides which key signs: there cannot be
two, and changing it is a single conditional write. A key's item says what else is known of it.
"""

from signet.keys import Algorithm, KeyRing, KeyState, SigningKey
from signet.store.attributes import Item
from signet.store.table import ConditionFailed, Insert, Key, PartsRefused, Table

PARTITION = "KEYS"
RING = Key(PARTITION, "RING")


def find_key_ring(table: Table) -> KeyRing | None:
    """The key ring, in one query; None where the deployment has none yet."""
    items = {item["sk"]: item for item in table.query(PARTITION)}
    ring = items.pop(RING.sk, None)
    if ring is None:
        return None
    keys = [_signing_key(item, ring["active_kid"]) for item in items.values()]
    return KeyRing(ring["issuer"], tuple(sorted(keys, key=lambda key: (key.created_at, key.kid))))


def insert_first_key(table: Table, issuer: str, key: SigningKey) -> bool:
    """Found the key ring with its first key, active at once.

    Returns:
        False where there is a ring already, made by another run perhaps; then nothing is written.
    """
    ring = {"issuer": issuer, "active_kid": key.kid}
    item = {
        "kid": key.kid,
        "algorithm": key.algorithm.value,
        "public_jwk": key.public_jwk,
        "encrypted_private_key": key.encrypted_private_key,
        "created_at": key.created_at,
        "max_exp": key.max_exp,
    }
    try:
        table.write(Insert(RING, ring), Insert(Key(PARTITION, f"KEY#{key.kid}"), item))
    except PartsRefused:
        return False
    return True


def set_issuer(table: Table, issuer: str) -> None:
    """Change the issuer of the tokens to come: the API has a new base URL.

    Raises:
        ConditionFailed: There is no key ring.
    """
    table.update(RING, "SET issuer = :issuer", {":issuer": issuer}, condition="attribute_exists(pk)")


def raise_max_exp(table: Table, kid: str, max_exp: int) -> None:
    """Note that the key signs tokens that live until `max_exp`; a higher bound that is there stays."""
    try:
        table.update(
            Key(PARTITION, f"KEY#{kid}"),
            "SET max_exp = :max_exp",
            {":max_exp": max_exp},
            condition="attribute_exists(pk) AND max_exp < :max_exp",
        )
    except ConditionFailed:
        return


def _signing_key(item: Item, active_kid: str) -> SigningKey:
    if "revoked_at" in item:
        state = KeyState.REVOKED
    elif item["kid"] == active_kid:
        state = KeyState.ACTIVE
    elif "retired_at" in item:
        state = KeyState.RETIRED
    else:
        state = KeyState.ANNOUNCED
    return SigningKey(
        kid=item["kid"],
        algorithm=Algorithm(item["algorithm"]),
        public_jwk=item["public_jwk"],
        state=state,
        created_at=item["created_at"],
        max_exp=item["max_exp"],
        encrypted_private_key=item.get("encrypted_private_key"),
    )

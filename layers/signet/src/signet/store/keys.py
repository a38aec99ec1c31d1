"""The key ring's items: `KEYS` / `KEY#<kid>`, one per key, and `KEYS` / `RING`; `KEYLIFE` / `KEY#<kid>`.

`RING` holds the issuer, `active_kid` with `activated_at`, and `next_kid`. Those two attributes decide which
key signs and which one will: there cannot be two of either, and every change of them is one conditional
transaction that carries what it does to the keys themselves. A key that neither names is retired, or revoked.

`KEYLIFE` holds `max_exp`, the latest end of a key's tokens, for as long as it may have good ones. It stands
apart since whoever signs writes it, and who writes under `KEYS` decides whose signatures are good.
"""

from collections.abc import Collection

from signet.domain.keys import KEY_TYPES, NEVER, Algorithm, KeyRing, KeyState, SigningKey, thumbprint
from signet.errors import SigningUnavailable
from signet.store.attributes import Item
from signet.store.table import Check, ConditionFailed, Delete, Insert, Key, Part, PartsRefused, Table, Update

PARTITION = "KEYS"
LIVES = "KEYLIFE"
RING = Key(PARTITION, "RING")
PREFIX = "KEY#"
READS = 3
"""A Query reads items one by one, so the ring may name a key that was written behind its back: read again."""


def find_key_ring(table: Table) -> KeyRing | None:
    """The key ring, in one query; None where the deployment has none yet.

    A key whose item is damaged is none of its keys; the others go on.

    Raises:
        SigningUnavailable: The item of the ring itself is damaged.
    """
    for _ in range(READS):
        items = {item["sk"]: item for item in table.query(PARTITION)}
        if RING.sk not in items:
            return None
        ring = items.pop(RING.sk)
        named = {_sort_key(ring[name]) for name in ("active_kid", "next_kid") if name in ring}
        if named <= items.keys():
            break
    return _key_ring(ring, items)


def find_lives(table: Table) -> dict[str, int]:
    """`max_exp` of every key that may have good tokens, by kid, in one query; damaged ones are left out.

    A key of a ring that was read before, and none of these, is revoked or gone, or its item is lost.
    """
    lives = {item["sk"].removeprefix(PREFIX): item.get("max_exp") for item in table.query(LIVES)}
    return {kid: max_exp for kid, max_exp in lives.items() if isinstance(max_exp, int)}


def insert_key_ring(table: Table, issuer: str, key: SigningKey) -> bool:
    """Found the key ring with its first key, active from its creation on.

    Returns:
        False where there is a ring already, made by another run perhaps; then nothing is written. So for
        every function here that returns a bool: False where what it is based on does not hold any more.
    """
    ring = {"issuer": issuer, "active_kid": key.kid, "activated_at": key.created_at}
    return _write(table, Insert(RING, ring), *_insert(key))


def set_issuer(table: Table, issuer: str) -> bool:
    """Change the issuer of the tokens to come: the API has a new base URL."""
    return _write(table, Update(RING, "SET issuer = :issuer", {":issuer": issuer}, "attribute_exists(pk)"))


def announce(table: Table, key: SigningKey, key_ring: KeyRing, now: int) -> bool:
    """Publish a new key, to sign after the active one, in the place of the one that was announced before."""
    if key_ring.next_kid is None:
        ring = Update(RING, "SET next_kid = :kid", {":kid": key.kid}, "attribute_not_exists(next_kid)")
        return _write(table, ring, *_insert(key))
    ring = Update(
        RING, "SET next_kid = :kid", {":kid": key.kid, ":seen": key_ring.next_kid}, "next_kid = :seen"
    )
    return _write(table, ring, *_insert(key), *_end("retired_at", key_ring.next_kid, key_ring, now))


def hand_over(table: Table, key_ring: KeyRing, now: int) -> bool:
    """Let the announced key sign from now on, and retire the active one."""
    names = {":active": key_ring.active_kid, ":next": key_ring.next_kid, ":now": now}
    ring = Update(
        RING,
        "SET active_kid = :next, activated_at = :now REMOVE next_kid",
        names,
        "active_kid = :active AND next_kid = :next",
    )
    return _write(table, ring, *_end("retired_at", str(key_ring.active_kid), key_ring, now))


def activate(table: Table, key: SigningKey, signs_from: int) -> bool:
    """Make a new key the active one where there is none, to sign from a time on."""
    ring = Update(
        RING,
        "SET active_kid = :kid, activated_at = :from",
        {":kid": key.kid, ":from": signs_from},
        "attribute_exists(pk) AND attribute_not_exists(active_kid)",
    )
    return _write(table, ring, *_insert(key))


def revoke(table: Table, kid: str, key_ring: KeyRing, now: int, *, successor_signs_from: int | None) -> bool:
    """Revoke a key, whatever its state; the announced key, if it can sign, follows an active one.

    Args:
        table: Where the ring is kept.
        kid: The key.
        key_ring: As it was read.
        now: The time, in Unix seconds.
        successor_signs_from: From when on the announced key may sign; None where none can follow.
    """
    ring: tuple[Update, ...] = ()
    if kid == key_ring.next_kid:
        ring = (Update(RING, "REMOVE next_kid", {":kid": kid}, "next_kid = :kid"),)
    elif kid == key_ring.active_kid and successor_signs_from is None:
        ring = (Update(RING, "REMOVE active_kid", {":kid": kid}, "active_kid = :kid"),)
    elif kid == key_ring.active_kid:
        ring = (
            Update(
                RING,
                "SET active_kid = :next, activated_at = :from REMOVE next_kid",
                {":kid": kid, ":next": key_ring.next_kid, ":from": successor_signs_from},
                "active_kid = :kid AND next_kid = :next",
            ),
        )
    # Without its life, whoever still has the key in memory is refused at his next write of `max_exp`.
    return _write(table, *ring, *_end("revoked_at", kid, key_ring, now), Delete(_life(kid)))


def retire(table: Table, kid: str, now: int) -> bool:
    """Retire a key that the ring does not name, whatever its item says."""
    unnamed = " AND ".join(
        f"(attribute_not_exists({name}) OR {name} <> :kid)" for name in ("active_kid", "next_kid")
    )
    return _write(table, Check(RING, unnamed, {":kid": kid}), _ending("retired_at", kid, now))


def restore_life(table: Table, kid: str) -> bool:
    """Write a lost `max_exp` anew: for ever, since nobody knows until when the key's tokens live."""
    may_be_good = Check(_key(kid), "attribute_exists(pk) AND attribute_not_exists(revoked_at)")
    return _write(table, may_be_good, Update(_life(kid), "SET max_exp = :never", {":never": NEVER}))


def remove(table: Table, key: SigningKey, max_exp: int | None) -> bool:
    """Remove a key that has ended, unless a token that lives longer was made with it meanwhile.

    Args:
        table: Where the ring is kept.
        key: The key.
        max_exp: As it was read; None where there is none any more, since the key was revoked.
    """
    ended = Delete(_key(key.kid), "attribute_exists(retired_at) OR attribute_exists(revoked_at)")
    if max_exp is None:
        return _write(table, ended, Delete(_life(key.kid)))
    return _write(table, ended, Delete(_life(key.kid), "max_exp = :max_exp", {":max_exp": max_exp}))


def raise_max_exp(table: Table, kid: str, max_exp: int) -> int | None:
    """Note that the key signs tokens that live until `max_exp`; a higher bound that is there stays.

    Returns:
        The bound that is there now; None where the key is gone or revoked: no token of it would be good.
    """
    try:
        # What is not there is not less.
        table.update(
            _life(kid), "SET max_exp = :max_exp", {":max_exp": max_exp}, condition="max_exp < :max_exp"
        )
    except ConditionFailed as failed:
        bound = (failed.item or {}).get("max_exp")
        return bound if isinstance(bound, int) else None
    return max_exp


def _write(table: Table, *parts: Part) -> bool:
    try:
        table.write(*parts)
    except PartsRefused:
        return False
    return True


def _sort_key(kid: str) -> str:
    return f"{PREFIX}{kid}"


def _key(kid: str) -> Key:
    return Key(PARTITION, _sort_key(kid))


def _life(kid: str) -> Key:
    return Key(LIVES, _sort_key(kid))


def _insert(key: SigningKey) -> tuple[Insert, Insert]:
    item = {
        "kid": key.kid,
        "algorithm": key.algorithm.value,
        "public_jwk": key.public_jwk,
        "encrypted_private_key": key.encrypted_private_key,
        "created_at": key.created_at,
    }
    return Insert(_key(key.kid), item), Insert(_life(key.kid), {"max_exp": 0})


def _end(attribute: str, kid: str, key_ring: KeyRing, now: int) -> Collection[Update]:
    """The part that ends a key; none where its item is not there."""
    if kid not in key_ring.damaged and kid not in {key.kid for key in key_ring.keys}:
        return ()
    return (_ending(attribute, kid, now),)


def _ending(attribute: str, kid: str, now: int) -> Update:
    """The part that ends a key and removes its private half."""
    change = f"SET {attribute} = :now REMOVE encrypted_private_key"
    return Update(_key(kid), change, {":now": now}, "attribute_exists(pk)")


def _key_ring(ring: Item, items: dict[str, Item]) -> KeyRing:
    issuer, activated_at = ring.get("issuer"), ring.get("activated_at")
    if not isinstance(issuer, str) or not isinstance(activated_at, int):
        message = "The item of the key ring is damaged; the operator has to restore it from a backup."
        raise SigningUnavailable(message)
    active_kid, next_kid = ring.get("active_kid"), ring.get("next_kid")
    keys, damaged = [], []
    for sort_key, item in items.items():
        kid = sort_key.removeprefix(PREFIX)
        try:
            keys.append(_signing_key(kid, item, active_kid, next_kid))
        except (KeyError, TypeError, ValueError):
            damaged.append(kid)
    return KeyRing(
        issuer=issuer,
        active_kid=active_kid,
        activated_at=activated_at,
        next_kid=next_kid,
        keys=tuple(sorted(keys, key=lambda key: (key.created_at, key.kid))),
        damaged=tuple(damaged),
    )


def _signing_key(kid: str, item: Item, active_kid: str | None, next_kid: str | None) -> SigningKey:
    algorithm, jwk = Algorithm(item["algorithm"]), item["public_jwk"]
    # The thumbprint covers every member of the public key, and the kid says what it has to be.
    if jwk["kty"] != KEY_TYPES[algorithm] or thumbprint(jwk) != kid:
        message = "The public key is not the one that the kid names."
        raise ValueError(message)
    if "revoked_at" in item:
        state = KeyState.REVOKED
    elif kid == active_kid:
        state = KeyState.ACTIVE
    elif kid == next_kid:
        state = KeyState.ANNOUNCED
    else:
        state = KeyState.RETIRED
    return SigningKey(
        kid=kid,
        algorithm=algorithm,
        public_jwk=jwk,
        state=state,
        created_at=int(item["created_at"]),
        ended_at=item.get("revoked_at", item.get("retired_at")),
        encrypted_private_key=item.get("encrypted_private_key"),
    )

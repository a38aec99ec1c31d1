"""Three years of key rotation, day by day, with everything that may go wrong on the way.

The real keeper, signers and caches work on a real table; time, crashes and the order of double runs are the
simulation's. After every step the invariants are checked, each against the most stubborn verifier that the
published bounds allow.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from signet import wiring
from signet.aws.vault import Vault
from signet.domain.keys import DAY, JWKS_MAX_AGE, MARGIN, NEVER, Algorithm, KeyRing, KeyState, RotationPolicy
from signet.domain.tokens import TokenKind
from signet.errors import SigningUnavailable
from signet.store.cache import KeyRingCache
from signet.store.keys import find_key_ring, find_lives
from signet.store.table import Part, Table
from signet.usecases.keys import KeyKeeper
from signet.usecases.signer import Signer
from tests.deployment import START_MS, URL, Cloud

KEY_RING_SECONDS = 60
VERIFIER_CACHE = 7200
LATENESS = 30
"""Seconds that a run may take, the function's time-out, and that its clock may be off by."""

YEARS = 3
LIVES = (3_600, 48 * 3_600, 30 * DAY)


class Crash(Exception):
    """The function was killed."""


class Accidents(Table):
    """The table of one run, to which things happen before and after its writes."""

    def __init__(self, table: Table, accidents: list[Callable[[], None]]) -> None:
        super().__init__(table.client, table.name)
        self._accidents = accidents

    def write(self, *parts: Part) -> None:
        """Write, with whatever was planned to happen before and after."""
        self._happen()
        super().write(*parts)
        self._happen()

    def _happen(self) -> None:
        if self._accidents:
            self._accidents.pop(0)()


class Outages(Vault):
    """The KMS key, which does not answer while `is_down`."""

    is_down = False

    def encrypt(self, kid: str, private_jwk: bytes) -> bytes:
        """Encrypt, if KMS answers."""
        self._ask()
        return super().encrypt(kid, private_jwk)

    def decrypt(self, kid: str, encrypted: bytes) -> bytes:
        """Decrypt, if KMS answers."""
        self._ask()
        return super().decrypt(kid, encrypted)

    def _ask(self) -> None:
        if self.is_down:
            message = "KMS is down."
            raise SigningUnavailable(message)


def crash() -> None:
    """Be killed."""
    raise Crash


@dataclass
class Verifier:
    """Keeps a JWKS for as long as it likes, of what an instance and a proxy have kept before."""

    seconds: int
    fetch: Callable[[], dict[str, Any]]
    fetched_at: float = float("-inf")
    jwks: dict[str, Any] = field(default_factory=dict)

    def keys(self, now: float) -> dict[str, Any]:
        """The keys that it takes now, by kid."""
        if now - self.fetched_at >= self.seconds:
            self.jwks = {key["kid"]: key for key in self.fetch()["keys"]}
            self.fetched_at = now
        return self.jwks


class World:
    """A deployment, its instances, the verifiers of its tokens, and what was seen of it."""

    def __init__(self, table: Table, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - no secret
        self.now = START_MS // 1000
        self.table = table
        self.algorithm = self.random.choice([*Algorithm])
        self.period = self.random.choice([20, 45, 90])
        self.vault = Outages(wiring.make_client("kms"), wiring.settings().kms_key_id)
        self.signers = [Signer(table, self._cache(), self.vault) for _ in range(2)]
        self.verifiers = [Verifier(seconds, self._behind_a_proxy()) for seconds in (0, 600, VERIFIER_CACHE)]
        self.tokens: dict[str, int] = {}
        """The last `exp` of each key's tokens."""
        self.revoked: dict[str, int] = {}
        self.published: list[tuple[int, frozenset[str]]] = []
        """What was published, from when on."""
        self.seen = {
            "rotations": 0,
            "refusals": 0,
            "crashes": 0,
            "revocations": 0,
            "removals": 0,
            "without a key": 0,
        }
        self.last_whole_run = self.now

    def _cache(self) -> KeyRingCache:
        return KeyRingCache(self.table, KEY_RING_SECONDS, lambda: self.now)

    def _behind_a_proxy(self) -> Callable[[], dict[str, Any]]:
        instance = self._cache()
        proxy = Verifier(JWKS_MAX_AGE, lambda: instance.get().jwks())
        return lambda: {"keys": list(proxy.keys(self.now).values())}

    def keeper(self, accidents: list[Callable[[], None]] | None = None) -> KeyKeeper:
        """A run of `rotate_keys`, by a clock that is a little off."""
        policy = RotationPolicy(
            algorithm=self.algorithm,
            period=self.period * DAY,
            key_ring_seconds=KEY_RING_SECONDS,
            verifier_cache=VERIFIER_CACHE,
        )
        now = self.now + self.random.randint(-LATENESS, LATENESS)
        return KeyKeeper(Accidents(self.table, accidents or []), self.vault, policy, now)

    def run(self, *, kid: str | None = None, accidents: list[Callable[[], None]] | None = None) -> None:
        """Run `rotate_keys` until it is through, as its retries and its operator would."""
        while True:
            keeper = self.keeper(accidents)
            accidents = None
            try:
                if kid is not None:
                    keeper.revoke(kid)
                keeper.rotate(URL)
            except Crash:
                self.seen["crashes"] += 1
                self.check()
                self.now += self.random.choice([1, 60, 200])
            except SigningUnavailable:
                assert self.vault.is_down
                return self.check()
            else:
                self.last_whole_run = self.now
                return self.check()

    def day(self) -> None:
        """A day: a scheduled run, with what happens to it; tokens; now and then an emergency."""
        plan = self.random.random()
        if plan < 0.3:
            self.run(accidents=self._interrupted_by(crash))
        elif plan < 0.6:
            self.run(accidents=self._interrupted_by(self._run_another))
        elif plan < 0.62:
            pass  # The schedule fails for a day.
        else:
            self.run()
        start = self.now
        is_quiet = self.published[-1][0] < self.now - DAY
        for pause in (0,) if is_quiet else (0, 1, 58, 3, 300, 7_200):
            self.now += pause
            self.mint()
        if self.random.random() < 0.015:
            self.emergency()
        if self.random.random() < 0.005:
            self.algorithm = self.random.choice([*Algorithm])
        self.now = max(self.now, start + DAY - self.random.randint(0, 600))

    def emergency(self) -> None:
        """Somebody revokes keys, one or all of them, perhaps with a crash between, perhaps without KMS."""
        self.vault.is_down = self.random.random() < 0.5
        kids = [key.kid for key in self.ring().keys]
        self.random.shuffle(kids)
        for kid in self.random.choice([kids[:1], kids[:2], kids, [str(self.ring().active_kid)]]):
            self.seen["revocations"] += 1
            self.run(kid=kid, accidents=self.random.choice([[], self._interrupted_by(crash)]))
            for pause in (1, 59, 60, 30):
                self.now += pause
                self.mint()
        if self.vault.is_down:
            self.now += self.random.randint(0, 3_600)
            self.vault.is_down = False
            self.run()
        start = self.ring().activated_at
        for moment in (start - 1, start, start + 1):
            if moment > self.now:
                self.now = moment
                self.mint()

    def _interrupted_by(self, what: Callable[[], None]) -> list[Callable[[], None]]:
        """It happens before or after the first, second or third write; time passes before each anyway."""
        before = self.random.randint(0, 5)
        return [*[self._dawdle] * before, what]

    def _dawdle(self) -> None:
        self.now += self.random.randint(0, LATENESS // 6)

    def _run_another(self) -> None:
        """Another run from beginning to end, an emergency perhaps, while this one holds what it has read."""
        keeper = self.keeper()
        if self.random.random() < 0.2:
            keeper.revoke(self.random.choice(self.ring().keys[-2:]).kid)
        keeper.rotate(URL)

    def ring(self) -> KeyRing:
        """The ring as it is."""
        ring = find_key_ring(self.table)
        assert ring is not None
        return ring

    def mint(self) -> None:
        """Every instance signs a token, or refuses clearly."""
        for signer in self.signers:
            life = self.random.choice(LIVES)
            claims = {"iat": self.now, "exp": self.now + life}
            if self.random.random() < 0.0005:
                del claims["exp"]
            try:
                token = signer.sign(TokenKind.SESSION, claims, self.now)
            except SigningUnavailable:
                self.seen["refusals"] += 1
                continue
            kid = jwt.get_unverified_header(token)["kid"]
            # An instance may not have heard of a revocation yet; such a token is worth nothing.
            if kid in self.revoked:
                assert self.now <= self.revoked[kid] + KEY_RING_SECONDS
                continue
            self.tokens[kid] = max(self.tokens.get(kid, 0), claims.get("exp", NEVER))
            (key,) = [key for key in self.ring().keys if key.kid == kid]
            public = jwt.PyJWK({**key.public_jwk, "alg": key.algorithm.value})
            jwt.decode(token, public, options={"verify_exp": False, "verify_iat": False})
        self.check()

    def check(self) -> None:
        """The invariants."""
        ring = self.ring()
        items = {item["sk"]: item for item in self.table.query("KEYS")}
        named = {items["RING"].get(name) for name in ("active_kid", "next_kid")} - {None}
        # Exactly one key is active, or signing is refused; and it can sign.
        if ring.active_kid is None:
            self.seen["without a key"] += 1
            with pytest.raises(SigningUnavailable):
                ring.active_at(self.now)
        else:
            assert ring.active.encrypted_private_key is not None
        assert ring.damaged == ()
        # No private half of a key that is neither active nor announced.
        with_private_half = {item["kid"] for item in items.values() if "encrypted_private_key" in item}
        assert with_private_half == named
        self._check_verifiers(ring)
        # Nothing stays for ever: what is over is gone after the next whole run.
        lives = find_lives(self.table)
        # A revoked key has no life, and every other one has.
        assert lives.keys() == {key.kid for key in ring.keys if key.state is not KeyState.REVOKED}
        for key in ring.keys:
            if key.ended_at is not None:
                over = max(key.ended_at + KEY_RING_SECONDS, lives.get(key.kid, 0)) + MARGIN + LATENESS
                assert over >= self.last_whole_run
        assert len(ring.keys) <= 2 + sum(exp > self.now - 35 * DAY for exp in self.tokens.values()) + 6

    def _check_verifiers(self, ring: KeyRing) -> None:
        for key in ring.keys:
            if key.state is KeyState.REVOKED:
                self.revoked.setdefault(key.kid, self.now)
        kids = frozenset(key["kid"] for key in ring.jwks()["keys"])
        if not self.published or self.published[-1][1] != kids:
            self.seen["removals"] += bool(self.published and self.published[-1][1] - kids)
            self.published.append((self.now, kids))
        stubborn = KEY_RING_SECONDS + JWKS_MAX_AGE + VERIFIER_CACHE
        while len(self.published) > 1 and self.published[1][0] <= self.now - stubborn:
            self.published.pop(0)
        good = {kid for kid, exp in self.tokens.items() if exp > self.now and kid not in self.revoked}
        # Whatever any verifier may still have, every token that is good verifies with it.
        for _, kept in self.published:
            assert good <= kept
        for verifier in self.verifiers:
            keys = verifier.keys(self.now)
            assert good <= keys.keys()
            bound = KEY_RING_SECONDS + JWKS_MAX_AGE + verifier.seconds
            for kid, when in self.revoked.items():
                assert kid not in keys or self.now <= when + bound
        for kid, when in self.revoked.items():
            assert all(kid not in kept or self.now <= when + stubborn for _, kept in self.published[1:])


@contextmanager
def simulated(cloud: Cloud, seed: int) -> Iterator[World]:
    """A world with an empty table."""
    with cloud.deploy(key_ring=False):
        yield World(wiring.table(), seed)


def live(cloud: Cloud, seed: int, days: int) -> dict[str, int]:
    """Let a world live, and return what was seen."""
    with simulated(cloud, seed) as world:
        world.run()
        rings = []
        for _ in range(days):
            world.day()
            rings.append(world.ring().active_kid)
        world.seen["rotations"] = sum(a != b for a, b in itertools.pairwise(rings))
        return world.seen


@pytest.mark.heavy
@pytest.mark.engine_only("test_a_hundred_days_of_rotations is the same on moto")
@pytest.mark.parametrize("seed", range(2))
def test_three_years_of_rotations(engine_cloud: Cloud, seed: int) -> None:
    """Whatever crashes, runs twice or is revoked, each good token verifies everywhere, and no other."""
    seen = live(engine_cloud, seed, YEARS * 365)
    assert seen["rotations"] >= 10
    assert min(seen.values()) > 0


def test_a_hundred_days_of_rotations(cloud: Cloud) -> None:
    """The same, shorter."""
    assert live(cloud, 0, 100)["rotations"] >= 1

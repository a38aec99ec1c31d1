"""The life of the signing keys, as verifiers see it that others have written."""

import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from signet.domain.keys import DAY
from signet.domain.times import iso_8601
from signet.errors import SigningUnavailable
from tests.deployment import PASSWORD, START_MS, Deployment
from tests.verifiers import EXPIRED, JWKS, NO_KEY, OK, STALE_SECONDS, Presented, Verifiers, following

pytestmark = pytest.mark.node

MINT = "/api/v1/user-identity-jwt"
IDENTITY = {"identityType": "EMAIL", "identity": "test@example.com"}
PYJWT, JOSE, AWS, HYDRATED, SLOW = "PyJWT", "jose", "aws-jwt-verify", "aws-jwt-verify, hydrated", "slow"
EVERYONE = {PYJWT, JOSE, AWS, HYDRATED, SLOW}
MAX_AGE = 300
CACHES = {PYJWT: MAX_AGE, HYDRATED: MAX_AGE, JOSE: 600, SLOW: STALE_SECONDS}
"""Seconds for which each keeps the JWKS. aws-jwt-verify keeps it until it meets an unknown key."""

KEY_RING_SECONDS = 60
SIGNS_AFTER = KEY_RING_SECONDS + MAX_AGE + 7200 + 120
"""Seconds for which a key is published before it signs."""

START = START_MS // 1000
THIRTY_DAYS_MS = 30 * DAY * 1000
QUIET_DAY = (60, 3000)
BEFORE_A_CHANGE = (7000, 30)
AFTER_A_CHANGE = (2, 45, 90, 400, 700, 3000, 7600, 20_000, 43_000)
"""Seconds from a run of rotate_keys at which tokens are made and verified."""


@dataclass(frozen=True)
class Minted(Presented):
    """A token that Signet has made."""

    kid: str
    exp: float


@dataclass
class Life:
    """A deployment and the verifiers that follow it."""

    signet: Deployment
    verifiers: Verifiers
    user_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.user_id = self.invoke("create_user", email="ann@example.com", password=PASSWORD)["id"]

    @property
    def now(self) -> int:
        """Unix seconds."""
        return self.signet.clock.now

    def until(self, moment: float) -> None:
        """Let time pass until then, in Unix seconds."""
        assert moment >= self.now
        self.signet.clock.advance(moment - self.now)

    def invoke(self, operation: str, **fields: Any) -> Any:
        """Invoke an operation of the demo application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def session(self, **fields: Any) -> Minted:
        """Make a session token, without an end if none is given."""
        made = self.invoke("issue_session_token", experienceUserId=self.user_id, **fields)
        return self._minted(made["token"])

    def identity(self) -> Minted:
        """Make an identity token, which lives for an hour."""
        return self._minted(self.invoke("issue_identity_token", **IDENTITY)["token"])

    def user(self) -> Minted:
        """Make a user token, which lives for two days."""
        return self._minted(self.invoke("issue_user_token", userId="u1")["token"])

    def _minted(self, text: str) -> Minted:
        claims = jwt.decode(text, options={"verify_signature": False})
        return Minted(
            text, claims["aud"], jwt.get_unverified_header(text)["kid"], claims.get("exp", math.inf)
        )

    def rotate(self, **event: Any) -> dict[str, dict[str, Any]]:
        """Run rotate_keys: the keys that there are then, by their state, of equal ones the last."""
        return {key["state"]: key for key in self.signet.invoke("rotate_keys", event)["keys"]}

    def revoke(self, kid: str) -> dict[str, dict[str, Any]]:
        """Revoke a key."""
        return self.rotate(emergency=True, kid=kid)

    def jwks(self) -> dict[str, str]:
        """The published keys: the algorithm by kid."""
        return {key["kid"]: key["alg"] for key in self.signet.http("GET", JWKS).json["keys"]}

    def discovery(self) -> dict[str, Any]:
        """The discovery document."""
        document: dict[str, Any] = self.signet.http("GET", "/.well-known/openid-configuration").json
        return document

    def verifies_with(self, token: Minted) -> set[str]:
        """Who takes a token; everybody else has no key for it."""
        outcomes = {name: outcome for name, (outcome,) in self.verifiers.verify([token]).items()}
        assert set(outcomes.values()) <= {OK, NO_KEY}, outcomes
        return {name for name, outcome in outcomes.items() if outcome == OK}


@pytest.fixture
def life(moto_signet: Deployment) -> Iterator[Life]:
    """A deployment with the verifiers that follow it, a day after its key ring was founded."""
    with following(moto_signet) as verifiers:
        moto_signet.clock.advance(DAY)
        yield Life(moto_signet, verifiers)


class Days:
    """Makes tokens day by day, and has them verified at random moments of their lives."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.active = ""
        self.signers: list[str] = []
        self.outages: list[int] = []
        self.verified: Counter[str] = Counter()
        self._random = random.Random(7)  # noqa: S311 - which tokens are verified when
        self._changed_at = START
        self._live: list[Minted] = []
        self._revoked: list[tuple[int, Minted]] = []

    def go_by(self, days: range, *, forever: bool = False) -> Iterator[int]:
        """Let these days since the beginning go by, each with a run of rotate_keys, and stop after each run.

        Args:
            days: Their numbers.
            forever: Whether a token without `exp` is made on each of them.
        """
        for day in days:
            run_at = START + day * DAY + self._random.randrange(900)
            for before in BEFORE_A_CHANGE if self._a_change_is_near(run_at) else ():
                self.moment_at(run_at - before)
            self.life.until(run_at)
            self.rotate()
            if forever:
                self._live.append(self.life.session())
            yield run_at
            quiet = QUIET_DAY if day % 3 == 0 else ()
            for after in AFTER_A_CHANGE if self._a_change_is_near(run_at) else quiet:
                if run_at + after > self.life.now:
                    self.moment_at(run_at + after)

    def _a_change_is_near(self, moment: int) -> bool:
        return not 1.2 * DAY < moment - self._changed_at < 89 * DAY

    def rotate(self, **event: Any) -> dict[str, dict[str, Any]]:
        """Run rotate_keys."""
        states = self.life.rotate(**event)
        if states["active"]["kid"] != self.active:
            self.active, self._changed_at = states["active"]["kid"], self.life.now
        return states

    def revoke(self) -> dict[str, dict[str, Any]]:
        """Revoke the key that signs."""
        kid, now = self.active, self.life.now
        self._revoked += [(now, token) for token in self._live if token.kid == kid]
        self._live = [token for token in self._live if token.kid != kid]
        return self.rotate(emergency=True, kid=kid)

    def moment_at(self, moment: int) -> None:
        """Make tokens at this time, and verify them and some of those that were made earlier."""
        self.life.until(moment)
        try:
            made = [self.life.identity(), self.life.user(), self.life.session(ttl=THIRTY_DAYS_MS)]
        except SigningUnavailable:
            made = []
            self.outages.append(moment)
        self.signers += [token.kid for token in made[:1] if token.kid not in self.signers]
        self._live = [token for token in self._live if moment < token.exp]
        good = made + self._random.sample(self._live, min(6, len(self._live)))
        # Those last whose key nobody has: after one, aws-jwt-verify asks for no other for 10 seconds.
        bad = self._random.sample(self._revoked, min(1, len(self._revoked)))
        outcomes = self.life.verifiers.verify([*good, *(token for _, token in bad)])
        for name, each in outcomes.items():
            assert each[: len(good)] == [OK] * len(good), (name, moment)
            self.verified[name] += len(good)
            for (revoked_at, _), outcome in zip(bad, each[len(good) :], strict=True):
                if name in CACHES and moment > revoked_at + KEY_RING_SECONDS + CACHES[name]:
                    assert outcome in (NO_KEY, EXPIRED), name
        self._live += made


@pytest.mark.heavy
def test_every_token_verifies_through_a_life_of_rotations(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 400 days with rotations, a new algorithm and two revocations nobody refuses a token that is good."""
    days = Days(life)
    for _ in days.go_by(range(2, 4), forever=True):
        pass
    first = life.jwks()
    for _ in days.go_by(range(4, 130)):
        pass
    assert len(days.signers) == 2
    assert life.discovery()["id_token_signing_alg_values_supported"] == ["ES256"]

    monkeypatch.setenv("SIGNING_ALGORITHM", "RS256")
    life.signet.restart()
    for _ in days.go_by(range(130, 170)):
        pass
    assert len(days.signers) == 3
    assert life.jwks()[days.active] == "RS256"
    assert set(life.jwks().values()) == {"ES256", "RS256"}
    assert life.discovery()["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]

    for _ in days.go_by(range(170, 171)):
        days.revoke()
        # Another container, whose key ring is fresh: it signs at once, and everybody knows the key already.
        life.signet.restart()
        assert life.identity().kid == days.active
    assert (len(days.signers), days.outages) == (4, [])

    for _ in days.go_by(range(171, 255)):
        pass
    young = None
    for run_at in days.go_by(range(255, 265)):
        if young is None and len(days.signers) == 4 and days.active not in days.signers:
            for offset in (10, 75, 3000):
                days.moment_at(run_at + offset)
            life.until(run_at + 3600)
            young = days.revoke()["active"]
            assert young["signsFrom"] == iso_8601((run_at + SIGNS_AFTER) * 1000)
            for offset in (3700, 7500, SIGNS_AFTER - 1, SIGNS_AFTER):
                days.moment_at(run_at + offset)
            assert days.outages == [run_at + offset for offset in (3700, 7500, SIGNS_AFTER - 1)]
    assert young is not None
    for _ in days.go_by(range(265, 401)):
        pass

    assert len(days.signers) == 7
    assert len(days.outages) == 3
    assert days.verified.keys() == EVERYONE
    assert len(set(days.verified.values())) == 1
    # Only the first key is needed for ever; of the others those are gone whose tokens have all expired.
    assert set(life.jwks()) & set(days.signers[:5]) == {days.signers[0]} <= set(first)


def test_a_revoked_key_ends_with_the_cache_of_its_verifier(life: Life) -> None:
    """Everybody refuses its tokens once their own JWKS is as old as they let it become, and not before."""
    token = life.session()
    assert life.verifies_with(token) == EVERYONE
    life.until(life.now + DAY - 1)
    life.signet.restart()
    life.jwks()  # The key ring that this container has now it uses for another minute.
    life.until(life.now + 1)
    revoked_at = life.now
    life.revoke(token.kid)
    for after, verifiers in [
        (KEY_RING_SECONDS - 2, EVERYONE),  # The worst moment to fetch the JWKS.
        (KEY_RING_SECONDS - 3 + MAX_AGE, EVERYONE),
        (KEY_RING_SECONDS + 1 + MAX_AGE, {JOSE, SLOW, AWS}),
        (KEY_RING_SECONDS - 3 + 600, {JOSE, SLOW, AWS}),
        (KEY_RING_SECONDS + 1 + 600, {SLOW, AWS}),
        (KEY_RING_SECONDS - 3 + STALE_SECONDS, {SLOW, AWS}),
        (KEY_RING_SECONDS + 1 + STALE_SECONDS, {AWS}),
    ]:
        life.until(revoked_at + after)
        assert life.verifies_with(token) == verifiers, after
    assert life.discovery()["revocation_bound_seconds"]["key"] == KEY_RING_SECONDS + MAX_AGE


def test_aws_jwt_verify_keeps_a_revoked_key_until_it_meets_an_unknown_one(life: Life) -> None:
    """It refuses a token of the revoked key months later, when a key signs that it has not fetched."""
    token = life.session()
    assert life.verifies_with(token) == EVERYONE
    life.revoke(token.kid)
    life.until(life.now + 120)
    successor = life.session()
    assert successor.kid != token.kid
    assert life.verifies_with(successor) == EVERYONE
    life.until(life.now + 90 * DAY)
    assert life.verifies_with(token) == {AWS}
    life.rotate()
    life.until(life.now + 120)
    unknown = life.session()
    assert unknown.kid not in (token.kid, successor.kid)
    assert life.verifies_with(token) == {AWS}
    assert life.verifies_with(unknown) == EVERYONE
    assert life.verifies_with(token) == set()
    assert life.verifies_with(successor) == EVERYONE


def test_after_an_emergency_a_young_key_signs_when_the_slowest_verifier_knows_it(life: Life) -> None:
    """Until then signing answers 503: the slowest verifier would refuse what the key has signed."""
    life.until(life.now + 91 * DAY - 1)
    life.signet.restart()
    life.jwks()
    life.until(life.now + 1)
    rotated_at = life.now
    revoked, young = (life.rotate()[state]["kid"] for state in ("active", "announced"))
    life.until(rotated_at + KEY_RING_SECONDS - 2)
    old = life.session()
    assert life.verifies_with(old) == EVERYONE
    life.until(rotated_at + 3600)
    assert life.revoke(revoked)["active"]["signsFrom"] == iso_8601((rotated_at + SIGNS_AFTER) * 1000)
    for offset in (3600 + KEY_RING_SECONDS, KEY_RING_SECONDS - 3 + STALE_SECONDS, SIGNS_AFTER - 1):
        life.until(rotated_at + offset)
        refused = life.signet.http("POST", MINT, IDENTITY, headers=life.signet.basic())
        assert (refused.status, refused.headers["retry-after"]) == (503, str(SIGNS_AFTER - offset))
        life.verifiers.verify([old])
        # The worst moment to fetch the JWKS was just before the key was in it.
        assert (young in life.verifiers.slow.kids) == (offset == SIGNS_AFTER - 1)
    life.until(rotated_at + SIGNS_AFTER)
    token = life.identity()
    assert token.kid == young
    assert life.verifies_with(token) == EVERYONE

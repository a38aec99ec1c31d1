"""How often a password may be tried: by account, by source, and by who is the owner's (docs/guessing.md)."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest

from local import answers
from signet import wiring
from signet.domain.passwords.hasher import PasswordHasher
from signet.errors import InvalidRequest, TooManyAttempts, Unavailable
from signet.usecases.guessing import Guess
from tests import faults
from tests.deployment import PASSWORD, Deployment
from tests.races import at_once

DAY = 86_400
OWNER, STRANGER, OTHER = "203.0.113.1", "198.51.100.1", "192.0.2.1"
ANN, NOBODY = "ann@example.com", "nobody@example.com"
WRONG = "wrong horse battery staple"
READ, WRITE = "dynamodb:BatchGetItem", "dynamodb:UpdateItem"


@dataclass
class Scene:
    """A user, and whoever guesses."""

    signet: Deployment

    def __post_init__(self) -> None:
        self.user = self.signet.invoke("create_user", self.here(email=ANN, password=PASSWORD))

    def here(self, **fields: Any) -> dict[str, Any]:
        """Fields of a direct invocation in the demo application."""
        return {"applicationId": self.signet.application_id, **fields}

    def token(self) -> str:
        """A session token of the user."""
        named = self.here(experienceUserId=self.user["id"])
        token: str = self.signet.invoke("issue_session_token", named)["token"]
        return token

    def guess(
        self, source: str | None = None, *, email: str = ANN, password: str = WRONG, **more: Any
    ) -> bool | int:
        """Try a password: whether it was right, or how many seconds to wait."""
        fields = {"authMode": "emailPassword", "email": email, "password": password, **more}
        if source is not None:
            fields["sourceIp"] = source
        try:
            authenticated: bool = self.signet.invoke("authenticate", self.here(**fields))["authenticated"]
        except TooManyAttempts as refused:
            return refused.retry_after
        return authenticated

    def enter(self, source: str | None = None) -> bool | int:
        """Try the right password."""
        return self.guess(source, password=PASSWORD)

    def drain(self, source: str | None = None, *, email: str = ANN, **more: Any) -> int:
        """Try wrong ones until there is a wait; gives how many had an answer."""
        count = 0
        while self.guess(source, email=email, **more) is False:
            count += 1
        return count

    def attempts(self) -> list[dict[str, Any]]:
        """The items in which guesses are counted."""
        return [item for item in self.signet.items() if item["sk"] == {"S": "ATTEMPT"}]

    def known(self) -> dict[str, Any]:
        """The user's known sources."""
        (item,) = [item for item in self.attempts() if "known" in item]
        known: dict[str, Any] = item["known"]["M"]
        return known


@pytest.fixture
def scene(signet: Deployment) -> Scene:
    return Scene(signet)


@pytest.fixture
def moto_scene(moto_signet: Deployment) -> Scene:
    return Scene(moto_signet)


@contextmanager
def counted_hashes() -> Iterator[list[str]]:
    """Every hash that is computed meanwhile."""
    seen: list[str] = []  # A decoy is verified too.
    verify = PasswordHasher.verify

    def verified(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
        seen.append("verify")
        return verify(hasher, password_hash, password)

    with mock.patch.object(PasswordHasher, "verify", verified):
        yield seen


@pytest.mark.parametrize("email", [ANN, "  ANN@Example.COM ", NOBODY, "no address", ""])
def test_an_account_gives_ten_guesses_and_one_a_minute(scene: Scene, email: str) -> None:
    """Whether anybody has the address or not, with the same answers and trips; then no hash, no write."""
    seen = []
    for _ in range(11):
        with scene.signet.counted() as trips, counted_hashes() as hashes:
            answer = scene.guess(email=email)
        seen.append((answer, trips[-2:], len(hashes)))
    assert seen == [(False, [READ, WRITE], 1)] * 10 + [(60, [READ], 0)]
    before = scene.signet.items()
    assert scene.guess(email=email, password=PASSWORD) == 60
    scene.signet.clock.advance(59)
    assert scene.guess(email=email, password=PASSWORD) == 1
    assert scene.signet.items() == before
    scene.signet.clock.advance(1)
    assert scene.guess(email=email, password=PASSWORD) is (email.strip().lower() == ANN)
    assert scene.guess(email=email) == 60


def test_all_spellings_of_an_address_are_one_account(scene: Scene) -> None:
    """And another address is another account."""
    for email in ("ann@example.com", "ANN@example.com", " ann@EXAMPLE.com") * 3 + ("Ann@example.com",):
        assert scene.guess(email=email) is False
    assert scene.guess(email="aNN@example.com") == 60
    assert scene.guess(email=NOBODY) is False


def test_a_source_gives_fifty_failures_and_ten_a_minute(scene: Scene) -> None:
    """Over all accounts, also those that nobody has; an IPv6 address counts as its /64."""
    for number in range(50):
        network = f"2001:db8:0:1::{number:x}"
        assert scene.guess(network, email=f"user{number}@example.com") is False
    with scene.signet.counted() as trips, counted_hashes() as hashes:
        assert scene.guess("2001:db8:0:1:ffff::", email="another@example.com") == 6
    assert (trips, hashes) == ([READ], [])
    assert scene.enter("2001:db8:0:1::1") == 6
    assert scene.guess("2001:db8:0:2::1", email="another@example.com") is False
    assert scene.guess(email="another@example.com") is False
    scene.signet.clock.advance(6)
    assert scene.enter("2001:db8:0:1::1") is True
    scene.signet.limit(source=(1, 1))
    assert scene.guess("192.0.2.9", email=NOBODY) is False
    assert scene.guess("::ffff:192.0.2.9", email=NOBODY) == 60


def test_a_success_takes_nothing_from_the_source(scene: Scene) -> None:
    """An office that logs in every day is no attacker."""
    scene.signet.limit(source=(1, 1))
    for number in range(3):
        email = f"user{number}@example.com"
        scene.signet.invoke("create_user", scene.here(email=email, password=PASSWORD))
        assert scene.guess(OWNER, email=email, password=PASSWORD) is True
    assert scene.guess(OWNER, email=NOBODY) is False
    assert scene.guess(OWNER, email=NOBODY) == 60


def test_a_stranger_locks_nobody_out(scene: Scene) -> None:
    """A source of the owner's log-ins has a bucket of its own, which no stranger empties."""
    assert scene.enter(OWNER) is True
    assert scene.drain(STRANGER) == 9
    assert scene.enter(OTHER) == 60
    assert scene.enter(OWNER) is True
    # Nor does whoever else is there, whose own tries end at the source's bucket.
    scene.signet.limit(source=(1, 1))
    assert scene.guess(OWNER, email=NOBODY) is False
    assert scene.guess(OWNER, email=NOBODY) == 60
    assert scene.drain(OWNER) == 59
    assert scene.guess(OWNER) == 10
    scene.signet.clock.advance(10)
    assert scene.enter(OWNER) is True


def test_who_has_a_token_of_the_owner_is_no_stranger(scene: Scene) -> None:
    """Sixty at once and six a minute; a token of somebody else opens nothing."""
    assert scene.drain(STRANGER) == 10
    asked: dict[str, Any] = {"authMode": "tokenEmailPassword", "token": scene.token()}
    assert scene.guess(STRANGER, **asked) is False
    assert scene.guess(STRANGER, **asked, password=PASSWORD) is True
    fields = scene.here(email="bob@example.com", password=PASSWORD)
    bob = scene.signet.invoke("create_user", fields)
    foreign = scene.signet.invoke("issue_session_token", scene.here(experienceUserId=bob["id"]))["token"]
    assert scene.guess(OTHER, **asked | {"token": foreign}) == 60
    with scene.signet.counted() as trips:
        assert scene.guess(OTHER, **asked | {"token": "nonsense"}) is False
    assert WRITE not in trips
    assert scene.drain(None, **asked) == 58
    assert scene.guess(None, **asked, password=PASSWORD) == 10


def test_a_known_source_costs_what_an_unknown_one_does(scene: Scene) -> None:
    """A failure is the same trips, whoever has logged in from there: the owner's count for the source too."""
    scene.signet.limit(source=(2, 1))
    assert scene.enter(OWNER) is True
    for email in (ANN, NOBODY):
        with scene.signet.counted() as trips:
            assert scene.guess(OWNER, email=email) is False
        assert trips == [READ, WRITE, WRITE]
    assert scene.guess(OWNER, email=NOBODY) == 60
    assert scene.guess(OWNER) is False


def test_a_source_is_known_for_thirty_days(scene: Scene) -> None:
    """Since the last log-in, which is written once a day; a day short of it at most, and never longer."""
    assert scene.enter(OWNER) is True
    with scene.signet.counted() as trips:
        assert scene.enter(OWNER) is True
    assert trips == [READ, WRITE, WRITE]  # The guess and the log-in.
    scene.signet.clock.advance(DAY - 1)
    before = scene.known()
    assert scene.enter(OWNER) is True
    assert scene.known() == before
    scene.signet.clock.advance(1)
    assert scene.enter(OWNER) is True
    assert scene.known() != before
    scene.signet.clock.advance(30 * DAY - 1)
    scene.drain(STRANGER)
    assert scene.guess(OWNER) is False
    scene.signet.clock.advance(1)
    assert scene.enter(OWNER) == 59
    scene.signet.let_ttl_strike()
    assert scene.enter(OWNER) == 59
    scene.signet.clock.advance(59)
    assert scene.enter(OWNER) is True


def test_an_account_has_ten_sources_at_most(scene: Scene) -> None:
    """The one that was noted longest ago makes room, with its bucket; two that come at once both fit."""
    for number in range(12):
        scene.signet.clock.advance(60)
        assert scene.enter(f"203.0.113.{number}") is True
        assert scene.enter(f"203.0.113.{number}") is True
    assert len(scene.known()) == 10
    (item,) = [item for item in scene.attempts() if "known" in item]
    buckets = {name.removeprefix("full_at_") for name in item if name.startswith("full_at_")}
    assert buckets == item["known"]["M"].keys()
    scene.drain(STRANGER)
    assert scene.enter("203.0.113.1") == 60
    assert scene.enter("203.0.113.2") is True
    assert scene.enter("203.0.113.11") is True


@pytest.mark.engine
def test_sources_that_come_at_once_are_all_known(engine_cloud: Any) -> None:
    """None undoes another."""
    with engine_cloud.deploy() as signet:
        scene = Scene(signet)
        tries = [lambda number=number: scene.enter(f"203.0.113.{number}") for number in range(4)]
        assert at_once(*tries) == [True] * 4
        assert len(scene.known()) == 4


@pytest.mark.engine
def test_a_thousand_at_once_get_no_more_than_the_bucket_holds(engine_cloud: Any) -> None:
    """All have read the bucket while it was full, and all hashes run; ten hear what came of it."""
    with engine_cloud.deploy() as signet:
        tenant = signet.tenant

        def check(source: str) -> str:
            guess = Guess(tenant, ANN, source)
            try:
                return str(guess.check({}, lambda: True))
            except TooManyAttempts as refused:
                return str(refused.retry_after)

        with ThreadPoolExecutor(100) as pool:
            heard = list(pool.map(check, (f"198.51.{n // 250}.{n % 250}" for n in range(1000))))
        assert sorted(heard) == ["60"] * 990 + ["True"] * 10


@pytest.mark.engine
def test_so_it_is_through_the_functions(engine_cloud: Any) -> None:
    """A hundred log-ins at once, the right password among them all: ten get an answer."""
    with engine_cloud.deploy() as signet:
        scene = Scene(signet)
        heard = at_once(*[scene.enter] * 100)
        assert sorted(map(str, heard)) == ["60"] * 90 + ["True"] * 10
        signet.clock.advance(60)
        assert sorted(map(str, at_once(*[scene.guess] * 20))) == ["60"] * 19 + ["False"]


def test_the_guess_is_taken_while_the_hash_is_computed(scene: Scene) -> None:
    """Neither waits for the other: the write begins before the hash ends, and ends after that begins."""
    both = threading.Barrier(2, timeout=30)
    verify = PasswordHasher.verify

    def verified(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
        both.wait()
        return verify(hasher, password_hash, password)

    def around(operation: str, exchange: Callable[[], Any]) -> Any:
        if operation == "UpdateItem" and not both.broken and threading.current_thread() is not mine:
            both.wait()
        return exchange()

    mine = threading.current_thread()
    with faults.around_attempts(around), mock.patch.object(PasswordHasher, "verify", verified):
        assert scene.enter() is True


@pytest.mark.parametrize("which", ["of the account", "of the source"])
@pytest.mark.parametrize("how", sorted(faults.FAILURES))
def test_who_cannot_be_counted_hears_nothing(moto_scene: Scene, which: str, how: str) -> None:
    """Where a write of a bucket fails there is a 503, whatever the hash said; a repetition is answered."""
    place = 1 if which == "of the account" else 2
    moto_scene.guess(STRANGER, email=NOBODY)
    password = PASSWORD if place == 1 else "wrong"
    with faults.failing_at(place, how, "UpdateItem"), pytest.raises(Unavailable):
        moto_scene.guess(STRANGER, password=password)
    assert moto_scene.guess(STRANGER, password=password) is (place == 1)


def test_a_source_that_cannot_be_noted_keeps_no_answer_from_coming(
    moto_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log-in has happened; the operator hears of it."""
    moto_scene.guess(STRANGER, email=NOBODY)
    with faults.failing_at(3, "request lost", "TransactWriteItems"):
        assert moto_scene.enter(OWNER) is True
    assert '"level":"WARNING"' in capsys.readouterr().out.replace(" ", "")
    assert [item for item in moto_scene.attempts() if "known" in item] == []


def test_what_has_expired_does_not_count(scene: Scene) -> None:
    """Whether DynamoDB has removed it or not; and nothing that counts has expired."""
    scene.enter(OWNER)
    for source in (OWNER, STRANGER, OTHER):
        scene.drain(source)
        scene.drain(source, email=NOBODY)
        for item in scene.attempts():
            expires = int(item["expires_at"]["N"])
            full = [int(value["N"]) for name, value in item.items() if name.startswith("full_at")]
            known = [int(until["N"]) for until in item.get("known", {"M": {}})["M"].values()]
            assert expires * 1000 >= max(full, default=0)
            assert expires >= max(known, default=0)
    scene.signet.clock.advance(30)
    before = scene.attempts()
    scene.signet.let_ttl_strike()
    assert scene.attempts() == before
    scene.signet.clock.advance(600)
    left = scene.signet.items()
    assert scene.drain(email=NOBODY) == 10
    scene.signet.restore(left)
    scene.signet.let_ttl_strike()
    assert len(scene.attempts()) == 1  # The owner's source is known still.
    assert scene.drain(email=NOBODY) == 10


def test_limits_are_settings_and_off_by_0(scene: Scene) -> None:
    """Each by itself; where all are off, no guess is counted."""
    scene.signet.limit(account=(2, 30))
    assert scene.drain() == 2
    assert scene.guess() == 2
    scene.signet.limit(account=(0, 1), source=(3, 60))
    assert scene.drain(STRANGER) == 3
    assert scene.guess(STRANGER) == 1
    scene.signet.let_guess()
    before = scene.attempts()
    assert [scene.guess(STRANGER) for _ in range(70)] == [False] * 70
    assert scene.attempts() == before


def login(signet: Deployment, source: str, password: str = WRONG) -> Any:
    """Log in over HTTP from a source."""
    path = f"/applications/{signet.application_id}/experience/login"
    event = signet.event("POST", path, {"email": ANN, "password": password})
    event["requestContext"]["http"]["sourceIp"] = source
    return answers.interpret(signet.handler("log_in")(event, signet.context("log_in")))


def test_over_http_it_is_429_with_retry_after(scene: Scene) -> None:
    """The log-in goes by API Gateway's source; the message says what to do, whoever has the account."""
    signet = scene.signet
    assert login(signet, OWNER, PASSWORD).status == 200
    assert [login(signet, STRANGER).status for _ in range(9)] == [401] * 9
    refused = login(signet, STRANGER, PASSWORD)
    body = json.loads(refused.body)
    assert (refused.status, body["type"]) == (429, "TooManyRequests")
    assert dict(refused.headers)["retry-after"] == "60"
    assert "Try again in 60 s." in body["message"]
    assert login(signet, OWNER, PASSWORD).status == 200
    path = f"/applications/{signet.application_id}/experience/authenticate"
    fields = {"authMode": "emailPassword", "email": ANN, "password": PASSWORD}
    assert signet.http("POST", path, fields, headers=signet.bearer()).status == 429
    known = {**fields, "sourceIp": OWNER}
    assert signet.http("POST", path, known, headers=signet.bearer()).status == 200
    # Where the event has no address, or none that is one, the account alone counts.
    assert login(signet, "", PASSWORD).status == login(signet, "unknown", PASSWORD).status == 429


def test_a_log_in_does_not_choose_its_source(scene: Scene) -> None:
    """Whoever could would never meet a limit."""
    path = f"/applications/{scene.signet.application_id}/experience/login"
    answer = scene.signet.http("POST", path, {"email": ANN, "password": PASSWORD, "sourceIp": OWNER})
    assert (answer.status, answer.json["type"]) == (400, "Validation")
    assert "sourceIp: is unknown" in answer.json["message"]


@pytest.mark.parametrize("address", ["", "localhost", "203.0.113.7/32", "fe80::1%eth0", 7, None])
def test_a_source_that_is_no_address_is_refused(moto_scene: Scene, address: object) -> None:
    """Before anything is tried."""
    asked = {"authMode": "emailPassword", "email": ANN, "password": PASSWORD, "sourceIp": address}
    with pytest.raises(InvalidRequest, match="sourceIp: must"):
        moto_scene.signet.invoke("authenticate", moto_scene.here(**asked))
    assert moto_scene.attempts() == []


def node(scene: Scene, template: str | None, payload: dict[str, Any]) -> Any:
    fields = {
        "authMode": "emailPassword",
        "emailTemplate": ANN,
        "passwordTemplate": "{{password}}",
        "sourceIpTemplate": template,
    }
    return scene.signet.invoke("authenticate", scene.here(node=fields, payload=payload))


def test_a_node_raises_and_may_say_where_its_user_is(scene: Scene) -> None:
    """No false path, which would be a lie; where the payload knows no address, the account alone counts."""
    right = {"password": PASSWORD, "ip": OWNER}
    assert node(scene, "{{ip}}", right)["authenticated"] is True
    for _ in range(9):
        assert node(scene, "{{other}}", {"password": "wrong"})["authenticated"] is False
    for template in (None, " ", "{{other}}"):
        with pytest.raises(TooManyAttempts, match="Try again in 60 s"):
            node(scene, template, right)
    assert node(scene, "{{ip}}", right)["authenticated"] is True
    with pytest.raises(InvalidRequest, match=r"node\.sourceIpTemplate: must be an IPv4 or IPv6 address"):
        node(scene, "{{password}}", right)


def test_the_counters_name_nobody(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """No address, of mail or network, stands in their items or in the log; each application has its key."""
    scene.guess(STRANGER, email="secret-typed-into-the-wrong-field")
    scene.enter("2001:db8:aaaa:bbbb::1")
    text = repr(scene.attempts()) + capsys.readouterr().out
    # Shorter ones would be found by chance, in a time or an id: so each in every form that it could have.
    names = (STRANGER, "secret-typed", "ann@", "'ann'", '"ann"')
    for word in (*names, "2001:", "20010db8", "aaaa:bbbb", "aaaabbbb", r"\xaa\xaa\xbb\xbb"):
        assert word not in text
    keys = {item["digest_key"]["B"] for item in scene.signet.items() if "digest_key" in item}
    scene.signet.new_application()
    assert len({i["digest_key"]["B"] for i in scene.signet.items() if "digest_key" in i} - keys) == 1
    shown = scene.signet.invoke("get_application", scene.here())
    assert "digest" not in json.dumps(shown)
    assert wiring.applications().find(scene.signet.application_id) is not None


def test_an_application_that_was_made_before_there_were_limits_has_them(scene: Scene) -> None:
    """By default, and under a key of its own."""
    (item,) = [item for item in scene.signet.items() if item["sk"] == {"S": "APP"}]
    del item["digest_key"]
    scene.signet.put_item(item)
    scene.signet.restart()
    assert scene.enter(OWNER) is True
    assert scene.drain() == 9
    assert scene.enter(OWNER) is True

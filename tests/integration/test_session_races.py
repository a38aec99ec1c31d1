"""Sessions under races, each of them forced: the other request comes exactly where it could do harm.

Calls of several threads race on an engine with real transactions; the table is audited after each test.
"""

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from unittest import mock

import pytest

from signet import wiring
from signet.aws import client
from signet.domain.passwords.hasher import PasswordHasher
from signet.domain.times import iso_8601
from signet.domain.tokens import Token
from signet.errors import TokenRefused, UserNotFound
from signet.store.attributes import from_attributes
from signet.store.ended_tokens import MAX_MARKS
from signet.usecases import naming, users
from tests.deployment import PASSWORD, Cloud, Deployment
from tests.faults import around_attempts
from tests.races import at_once
from tools.audit_table import audit

ANN, BOB = "ann@example.com", "bob@example.com"
NEW_PASSWORD = "another horse battery staple"
TOKEN_MODES = ("token", "tokenEmail", "tokenEmailPassword")
ROUNDS = 10
CALLERS = 8

type Event = Callable[[], object]


class Scene:
    """A deployment with one user, and what is done to it."""

    def __init__(self, signet: Deployment) -> None:
        self.signet = signet
        signet.let_guess()  # Many try at once here, and the writes are counted.
        self.user_id: str = self.call("create_user", email=ANN, password=PASSWORD)["id"]

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function in the demo application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def authenticate(self, mode: str, token: str | None = None, **fields: Any) -> Any:
        """Authenticate with the right credentials of the mode, where no others are given."""
        right = {"email": ANN, "password": PASSWORD, "token": token}
        names = {
            "emailPassword": ("email", "password"),
            "token": ("token",),
            "tokenEmail": ("token", "email"),
            "tokenEmailPassword": ("token", "email", "password"),
        }[mode]
        given = {name: right[name] for name in names}
        return self.call("authenticate", authMode=mode, returnToken=True, **given | fields)

    def issue(self, **fields: Any) -> str:
        """A session token of the user."""
        token: str = self.call("issue_session_token", experienceUserId=self.user_id, **fields)["token"]
        return token

    def is_valid(self, token: str) -> bool:
        """Whether introspection calls the token active."""
        active: bool = self.call("introspect_token", token=token)["active"]
        return active

    def change(self, **fields: Any) -> None:
        """Change the user."""
        self.call("update_user", experienceUserId=self.user_id, **fields)

    def delete(self) -> None:
        """Delete the user."""
        self.call("delete_user", experienceUserId=self.user_id)

    def recreate(self) -> None:
        """Delete the user, and make another one with its address and password."""
        self.delete()
        self.call("create_user", email=ANN, password=PASSWORD)

    def move_and_replace(self) -> None:
        """Give the user another address, and the address to another user with the same password."""
        self.change(email=BOB)
        self.call("create_user", email=ANN, password=PASSWORD)

    def invalidate(self) -> None:
        """End the user's tokens."""
        self.call("invalidate_user_tokens", experienceUserId=self.user_id)

    def item(self) -> dict[str, Any]:
        """The user's item, or its tombstone."""
        end = f"#USER#{self.user_id}"
        (item,) = [item for item in self.signet.items() if item["pk"]["S"].endswith(end)]
        return from_attributes(item)


@contextmanager
def audited(cloud: Cloud) -> Iterator[Scene]:
    """A scene whose table is audited at the end."""
    with cloud.deploy() as deployment:
        scene = Scene(deployment)
        scene.issue()
        scene.authenticate("emailPassword")  # Everything is loaded before threads ask for it.
        yield scene
        assert audit(map(from_attributes, deployment.items())) == []


@pytest.fixture
def scene(cloud: Cloud) -> Iterator[Scene]:
    """For one thread: whatever happens meanwhile, the test itself lets happen."""
    with audited(cloud) as scene:
        yield scene


@pytest.fixture
def racing(engine_cloud: Cloud) -> Iterator[Scene]:
    """For several threads."""
    with audited(engine_cloud) as scene:
        yield scene


@contextmanager
def after(owner: Any, name: str, *events: Event) -> Iterator[list[str]]:
    """Let each event happen after one call of a method, the first after the first; gives the calls."""
    real, waiting, calls = getattr(owner, name), list(events), list[str]()

    def method(*given: Any, **more: Any) -> Any:
        result = real(*given, **more)
        calls.append(name)
        if waiting:
            waiting.pop(0)()
        return result

    with mock.patch.object(owner, name, method):
        yield calls


def while_hashing(*events: Event) -> Any:
    """Let each event happen between the read of a password's hash and what is written after it."""
    return after(PasswordHasher, "verify", *events)


@contextmanager
def before_each_update(event: Event) -> Iterator[None]:
    """Let something happen before each UpdateItem."""
    client = wiring.table().client
    real = client.call

    def call(operation: str, request: Any) -> Any:
        if operation == "UpdateItem":
            event()
        return real(operation, request)

    with mock.patch.object(client, "call", call):
        yield


@contextmanager
def all_at_the_write(number: int) -> Iterator[None]:
    """Nobody's first UpdateItem is sent before everybody has come to that point."""
    barrier, arrived = threading.Barrier(number, timeout=20), threading.local()

    def wait() -> None:
        if not getattr(arrived, "yes", False):
            arrived.yes = True
            barrier.wait()

    with before_each_update(wait):
        yield


@contextmanager
def lost(
    *, answers: int = 1, after: int = 0, meanwhile: Event | None = None, arrives: bool = True
) -> Iterator[list[int]]:
    """Lose the answers to the first UpdateItem requests, each thread's own, so that they are repeated.

    Args:
        answers: How many are lost.
        after: How many come through before.
        meanwhile: What happens between the lost one and its repetition.
        arrives: Whether the write had come about, or the request itself was lost.

    Returns:
        The number of each UpdateItem request that was sent.
    """
    state, sent = threading.local(), list[int]()

    def around(operation: str, exchange: Callable[[], Any]) -> Any:
        if operation != "UpdateItem" or getattr(state, "is_nested", False):
            return exchange()
        state.number = getattr(state, "number", 0) + 1
        sent.append(state.number)
        if not after < state.number <= after + answers:
            return exchange()
        if arrives:
            with suppress(client.Refused):
                exchange()
        if meanwhile is not None:
            state.is_nested = True
            meanwhile()
            state.is_nested = False
        raise client.NoAnswer

    with (
        around_attempts(around),
        mock.patch.object(random, "uniform", return_value=0),
        # The client stops to repeat where many fail; what it counts would go from test to test.
        mock.patch.object(client._Quota, "take", return_value=True),
    ):
        yield sent


def winners(results: list[Any]) -> list[str]:
    """The tokens of those who were authenticated; the others hear nothing but that they were not."""
    assert all(result == {"authenticated": False} or "token" in result for result in results), results
    return [result["token"] for result in results if result["authenticated"]]


# Many with one token


@pytest.mark.parametrize("mode", TOKEN_MODES)
def test_of_those_who_invalidate_with_one_token_exactly_one_wins(racing: Scene, mode: str) -> None:
    """All have checked the token before anybody writes; one write counts, and its token is the only one."""
    for _ in range(ROUNDS):
        token = racing.issue(extraData={"a": 1})
        call = partial(racing.authenticate, mode, token, invalidateExistingTokens=True)
        with all_at_the_write(CALLERS):
            results = at_once(*[call] * CALLERS)
        (won,) = winners(results)
        assert (racing.is_valid(token), racing.is_valid(won)) == (False, True)


@pytest.mark.parametrize("mode", TOKEN_MODES)
def test_in_a_chain_of_exchanges_every_token_has_one_successor(racing: Scene, mode: str) -> None:
    """Callers that rush without any order, each round with the last winner's token, never fork the chain."""
    token = racing.issue()
    for _ in range(ROUNDS):
        call = partial(racing.authenticate, mode, token, invalidateExistingTokens=True)
        (token,) = winners(at_once(*[call] * CALLERS))
    assert racing.is_valid(token)


def test_the_modes_race_with_one_another(racing: Scene) -> None:
    """One token wins once, whatever the modes in which it is presented."""
    for _ in range(ROUNDS):
        token = racing.issue()
        calls = [
            partial(racing.authenticate, mode, token, invalidateExistingTokens=True)
            for mode in TOKEN_MODES * 2
        ]
        with all_at_the_write(len(calls)):
            (won,) = winners(at_once(*calls))
        assert racing.is_valid(won)


def test_of_log_ins_that_end_earlier_tokens_one_token_is_left(racing: Scene) -> None:
    """Each of many logins at once succeeds; the last one's token is the valid one."""
    for _ in range(ROUNDS):
        call = partial(racing.authenticate, "emailPassword", invalidateExistingTokens=True)
        with all_at_the_write(CALLERS):
            tokens = winners(at_once(*[call] * CALLERS))
        assert len(tokens) == CALLERS
        assert sum(map(racing.is_valid, tokens)) == 1


def test_log_ins_at_once_do_not_hurt_one_another(racing: Scene) -> None:
    """Without invalidation everybody's token is valid."""
    call = partial(racing.authenticate, "emailPassword")
    with all_at_the_write(CALLERS):
        tokens = winners(at_once(*[call] * CALLERS))
    assert [racing.is_valid(token) for token in tokens] == [True] * CALLERS


# A login, and something that happens meanwhile

PASSWORD_MODES = ("emailPassword", "tokenEmailPassword")


@pytest.mark.parametrize("invalidates", [False, True])
@pytest.mark.parametrize("mode", PASSWORD_MODES)
@pytest.mark.parametrize("given", [PASSWORD, NEW_PASSWORD], ids=["old password", "new password"])
def test_a_login_while_the_password_changes_gets_nothing(
    scene: Scene, mode: str, given: str, invalidates: bool
) -> None:
    """The old password is not right any more when it is written, and the new one was not when it was read."""
    token = scene.issue()
    with while_hashing(lambda: scene.change(password=NEW_PASSWORD)):
        answer = scene.authenticate(mode, token, password=given, invalidateExistingTokens=invalidates)
    assert answer == {"authenticated": False}
    assert scene.item()["generation"] == 1  # The change's own; the login's write did not come about.
    assert winners([scene.authenticate("emailPassword", password=NEW_PASSWORD)])
    assert scene.authenticate("emailPassword") == {"authenticated": False}


@pytest.mark.parametrize("invalidates", [False, True])
@pytest.mark.parametrize(
    ("mode", "event", "succeeds"),
    [
        ("emailPassword", "delete", False),
        ("emailPassword", "recreate", True),
        ("emailPassword", "move_and_replace", True),
        ("emailPassword", "invalidate", True),
        ("tokenEmailPassword", "delete", False),
        ("tokenEmailPassword", "recreate", False),
        ("tokenEmailPassword", "move_and_replace", False),
        ("tokenEmailPassword", "invalidate", False),
    ],
)
def test_a_login_while_something_happens(
    scene: Scene, mode: str, event: str, succeeds: bool, invalidates: bool
) -> None:
    """What is right when it is written decides; whoever gets a token gets a valid one of the right user."""
    token = scene.issue()
    with while_hashing(getattr(scene, event)):
        answer = scene.authenticate(mode, token, invalidateExistingTokens=invalidates)
    assert answer["authenticated"] == succeeds
    if succeeds:
        assert scene.is_valid(answer["token"])
        now = scene.authenticate("emailPassword")["user"]
        assert answer["user"]["id"] == now["id"]
        assert (now["id"] == scene.user_id) == (event == "invalidate")


@pytest.mark.parametrize("mode", PASSWORD_MODES)
def test_a_login_while_the_address_changes_gets_nothing(scene: Scene, mode: str) -> None:
    """The credential has moved: the old address leads to nobody."""
    token = scene.issue()
    with while_hashing(lambda: scene.change(email=BOB)):
        assert scene.authenticate(mode, token) == {"authenticated": False}
    assert winners([scene.authenticate("emailPassword", email=BOB)])


def test_the_same_address_in_other_case_is_no_change(scene: Scene) -> None:
    """Nothing has ended, so the login goes on."""
    with while_hashing(lambda: scene.change(email=ANN.upper())) as verifications:
        (token,) = winners([scene.authenticate("emailPassword")])
    assert scene.is_valid(token)
    assert len(verifications) == 1


@pytest.mark.parametrize("mode", [*PASSWORD_MODES, "token", "tokenEmail"])
def test_a_deleted_user_is_never_brought_back(scene: Scene, mode: str) -> None:
    """A login under way at the deletion leaves the tombstone as it is, with nothing of the person."""
    token = scene.issue()
    tombstones = list[dict[str, Any]]()

    def delete() -> None:
        if not tombstones:
            scene.delete()
            tombstones.append(scene.item())

    with before_each_update(delete):
        answer = scene.authenticate(mode, token, invalidateExistingTokens=True)
    assert answer == {"authenticated": False}
    assert [scene.item()] == tombstones
    counters = {"generation", "revision", "password_version"}
    assert tombstones[0].keys() == {"pk", "sk", "deleted_at", "ended_because", *counters}
    with pytest.raises(UserNotFound):
        scene.call("get_user", experienceUserId=scene.user_id)


@pytest.mark.parametrize("address", [ANN, BOB])
def test_a_password_of_a_deleted_life_logs_in_to_no_later_one(scene: Scene, address: str) -> None:
    """An external id that is identified again is another user, whatever it gets for a credential."""

    def live(address: str, password: str) -> None:
        token = scene.call("issue_user_token", userId="u1")["token"]
        scene.call("identify", authToken=token, user={"userId": "u1"})
        scene.call("update_user", experienceUserId="ext:u1", email=address, password=password)

    def live_again() -> None:
        scene.call("delete_user", experienceUserId="ext:u1")
        live(address, "another horse battery staple")

    scene.delete()
    live(ANN, PASSWORD)
    with while_hashing(live_again):
        assert scene.authenticate("emailPassword") == {"authenticated": False}


@pytest.mark.parametrize("fields", [{"invalidateExistingTokens": True}, {"treatAsLogin": True}], ids=str)
def test_nor_by_a_token_without_a_password(scene: Scene, fields: dict[str, bool]) -> None:
    """A deletion between the look at the address and the write leaves nobody to issue a token for."""
    tombstones = list[dict[str, Any]]()

    def delete() -> None:
        scene.delete()
        tombstones.append(scene.item())

    with after(naming, "find_credential", delete), pytest.raises(UserNotFound):
        scene.call("issue_session_token", experienceUserId=ANN, **fields)
    assert [scene.item()] == tombstones


def test_the_same_password_set_again_is_verified_once_more(scene: Scene) -> None:
    """The one repetition sees the new hash, and the login succeeds; if it happens twice, it gives up."""

    def again() -> None:
        scene.change(password=PASSWORD)

    with while_hashing(again) as verifications:
        (token,) = winners([scene.authenticate("emailPassword")])
    assert scene.is_valid(token)
    assert len(verifications) == 2
    with while_hashing(again, again, again) as verifications:
        assert scene.authenticate("emailPassword") == {"authenticated": False}
    assert len(verifications) == 2


def test_nobody_with_the_old_password_has_a_valid_token_after_the_change(racing: Scene) -> None:
    """Logins and a change that all rush: whatever the order, what the old password gave is dead after it."""
    for number in range(ROUNDS):
        old, new = f"{PASSWORD} {number}", f"{PASSWORD} {number + 1}"
        racing.change(password=old)
        results = at_once(
            *[partial(racing.authenticate, "emailPassword", password=old)] * (CALLERS - 1),
            partial(racing.change, password=new),
        )
        assert not any(map(racing.is_valid, winners(results[:-1])))
        assert winners([racing.authenticate("emailPassword", password=new)])


# A repetition by the client, whose first answer was lost


@pytest.mark.parametrize("mode", [*TOKEN_MODES, "emailPassword"])
def test_a_repeated_write_counts_as_the_winner(scene: Scene, mode: str) -> None:
    """The write came about and its answer was lost; the client repeats it, and the caller gets its token."""
    token = scene.issue(extraData={"a": 1})
    with lost() as sent:
        answer = scene.authenticate(mode, token, invalidateExistingTokens=True)
    assert sent == [1, 2]
    (won,) = winners([answer])
    assert (scene.is_valid(token), scene.is_valid(won)) == (False, True)
    assert answer["user"]["id"] == scene.user_id


def test_two_answers_in_a_row_may_be_lost(scene: Scene) -> None:
    """Every attempt that the client makes carries the same mark."""
    with lost(answers=2) as sent:
        (won,) = winners([scene.authenticate("token", scene.issue(), invalidateExistingTokens=True)])
    assert sent == [1, 2, 3]
    assert scene.is_valid(won)


@pytest.mark.parametrize("mode", TOKEN_MODES)
def test_of_many_whose_answers_are_all_lost_one_wins(racing: Scene, mode: str) -> None:
    """Each repeats its write, and only the one whose first write counted recognises it."""
    for _ in range(ROUNDS):
        token = racing.issue()
        call = partial(racing.authenticate, mode, token, invalidateExistingTokens=True)
        with lost() as sent, all_at_the_write(CALLERS):
            (won,) = winners(at_once(*[call] * CALLERS))
        assert sorted(sent) == [1] * CALLERS + [2] * CALLERS
        assert racing.is_valid(won)


@pytest.mark.parametrize("mode", TOKEN_MODES)
@pytest.mark.parametrize("arrives", [True, False], ids=["answer lost", "request lost"])
def test_another_caller_between_a_write_and_its_repetition(scene: Scene, mode: str, arrives: bool) -> None:
    """Whose write came first has won: the first caller's, or the other's where the first never arrived."""
    token = scene.issue()
    others = list[Any]()

    def other() -> None:
        others.append(scene.authenticate(mode, token, invalidateExistingTokens=True))

    with lost(meanwhile=other, arrives=arrives):
        answer = scene.authenticate(mode, token, invalidateExistingTokens=True)
    first, second = (answer, others[0]) if arrives else (others[0], answer)
    (won,) = winners([first])
    assert second == {"authenticated": False}
    assert scene.is_valid(won)


@pytest.mark.parametrize("mode", TOKEN_MODES)
@pytest.mark.parametrize(
    ("event", "wins"), [("log_in", True), ("invalidate", False), ("delete", False), ("password", False)]
)
def test_something_else_between_a_write_and_its_repetition(
    scene: Scene, mode: str, event: str, wins: bool
) -> None:
    """What ends tokens ends this one too, before it is made; nobody is handed one that is dead already."""
    events: dict[str, Event] = {
        "log_in": lambda: scene.call("log_in", email=ANN, password=PASSWORD),
        "invalidate": scene.invalidate,
        "delete": scene.delete,
        "password": lambda: scene.change(password=NEW_PASSWORD),
    }
    token = scene.issue()
    with lost(meanwhile=events[event]):
        answer = scene.authenticate(mode, token, invalidateExistingTokens=True)
    assert [scene.is_valid(won) for won in winners([answer])] == [True] * wins
    assert not scene.is_valid(token)


def test_a_repeated_write_without_a_token_only_counts_twice(scene: Scene) -> None:
    """Where no token decides, a generation that rises twice harms nobody."""
    with lost() as sent:
        token = scene.issue(invalidateExistingTokens=True)
    assert sent == [1, 2]
    assert scene.is_valid(token)
    with lost() as sent:
        scene.invalidate()
    assert sent == [1, 2]
    assert not scene.is_valid(token)


# The end of one token


def put_marks(scene: Scene, count: int, end: object = "-") -> None:
    """Have so many other tokens of the user ended already."""
    marks = [f"{number:022} {end}" for number in range(count)]
    (item,) = [one for one in scene.signet.items() if one["pk"]["S"].endswith(f"#USER#{scene.user_id}")]
    scene.signet.put_item({**item, "ended": {"SS": marks}} if marks else item)


def revoke(scene: Scene, token: str) -> None:
    """End one token."""
    assert scene.call("revoke_token", token=token) == {}


@pytest.mark.parametrize("invalidates", [False, True])
def test_a_token_that_ends_while_a_password_is_hashed_authenticates_nobody(
    scene: Scene, invalidates: bool
) -> None:
    """What was read before is no proof at the write: nothing is written."""
    token, other = scene.issue(), scene.issue()
    was = scene.item()
    with while_hashing(lambda: revoke(scene, token)):
        answer = scene.authenticate("tokenEmailPassword", token, invalidateExistingTokens=invalidates)
    assert answer == {"authenticated": False}
    assert {**scene.item(), "ended": None} == {**was, "ended": None}
    assert scene.is_valid(other)


@pytest.mark.parametrize("marks", [0, MAX_MARKS - 1, MAX_MARKS])
@pytest.mark.parametrize("after", [0, 1])
def test_an_end_whose_answer_got_lost_is_the_same_one(scene: Scene, marks: int, after: int) -> None:
    """The client repeats the write; the last mark that there is room for takes no second one."""
    put_marks(scene, marks)
    token, other = scene.issue(), scene.issue()
    with lost(after=after):
        revoke(scene, token)
    assert not scene.is_valid(token)
    is_full = marks == MAX_MARKS
    assert scene.is_valid(other) is not is_full
    assert scene.item()["generation"] == is_full
    assert len(scene.item().get("ended", ())) == (0 if is_full else marks + 1)


@pytest.mark.parametrize(
    ("marks", "are_past", "are_raised"),
    [
        pytest.param(0, False, False, marks=pytest.mark.heavy),
        (MAX_MARKS - CALLERS, False, False),
        (MAX_MARKS - CALLERS // 2, False, True),
        pytest.param(MAX_MARKS, False, True, marks=pytest.mark.heavy),
        pytest.param(MAX_MARKS - CALLERS // 2, True, False, marks=pytest.mark.heavy),
        (MAX_MARKS, True, False),
    ],
)
def test_of_tokens_that_end_at_once_none_lives_on(
    racing: Scene, marks: int, are_past: bool, are_raised: bool
) -> None:
    """Whether there is room, is made or is none; the others live, unless there was none."""
    for number in range(ROUNDS):
        racing.invalidate()
        put_marks(racing, marks, racing.signet.clock.now if are_past else "-")
        generation = racing.item()["generation"]
        tokens, others = [racing.issue() for _ in range(CALLERS)], [racing.issue() for _ in range(2)]
        ends = [partial(racing.call, "revoke_token", token=token) for token in tokens]
        if number % 2:
            with all_at_the_write(CALLERS):
                results = at_once(*ends)
        else:
            results = at_once(*ends)
        assert results == [{}] * CALLERS
        assert not any(map(racing.is_valid, tokens))
        item = racing.item()
        assert len(item.get("ended", ())) <= MAX_MARKS
        assert (item["generation"] > generation) == are_raised
        assert list(map(racing.is_valid, others)) == [not are_raised] * 2


def test_an_end_races_with_what_ends_everything(racing: Scene) -> None:
    """The token is over in any case; who has exchanged it before has one that lives."""
    for _ in range(ROUNDS):
        token, other = racing.issue(), racing.issue()
        exchange = partial(racing.authenticate, "token", token, invalidateExistingTokens=True)
        results = at_once(*[partial(revoke, racing, token)] * 3, exchange)
        won = winners(results[-1:])
        assert not racing.is_valid(token)
        assert racing.is_valid(other) is not bool(won)
        assert all(map(racing.is_valid, won))
        ends = [partial(revoke, racing, racing.issue()) for _ in range(3)]
        assert at_once(*ends, racing.invalidate) == [None] * 4
        assert "ended" not in racing.item()
        fresh = racing.issue()
        assert (racing.is_valid(other), racing.is_valid(fresh)) == (False, True)


# The upgrade of a hash


@pytest.fixture
def costlier(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The user's hash is weaker than what is made today."""
    make_hashes_costlier(scene, monkeypatch)
    return scene


def make_hashes_costlier(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise what a hash costs from now on."""
    monkeypatch.setenv("ARGON2_MEMORY_KIB", str(2 * int(os.environ["ARGON2_MEMORY_KIB"])))
    scene.signet.restart()


def hashes(scene: Scene) -> dict[str, str]:
    """The stored hashes by address."""
    items = [from_attributes(item) for item in scene.signet.items() if item["sk"]["S"] == "CREDENTIAL"]
    return {item["pk"].partition("#EMAIL#")[2]: item["password_hash"] for item in items}


@pytest.mark.parametrize("event", ["password", "address", "delete", "recreate"])
def test_an_upgrade_does_not_put_an_old_password_back(costlier: Scene, event: str) -> None:
    """What happens between the verification and the upgrade stands; the upgrade writes nothing."""
    scene, stored = costlier, list[dict[str, str]]()
    events: dict[str, Event] = {
        "password": lambda: scene.change(password=NEW_PASSWORD),
        "address": lambda: scene.change(email=BOB),
        "delete": scene.delete,
        "recreate": scene.recreate,
    }

    def happen() -> None:
        events[event]()
        stored.append(hashes(scene))

    before = hashes(scene)
    with after(PasswordHasher, "needs_rehash", happen):
        answer = scene.authenticate("emailPassword")
    assert [hashes(scene)] == stored != [before]
    # It was right when it was written; what came after has ended the token.
    assert [scene.is_valid(token) for token in winners([answer])] == [False]
    by_old = scene.authenticate("emailPassword", email=BOB if event == "address" else ANN)
    assert by_old["authenticated"] == (event in ("address", "recreate"))


def test_a_change_of_address_does_not_bring_the_weaker_hash_back(costlier: Scene) -> None:
    """A login that upgrades the hash just before it moves makes the change read again what moves."""
    scene = costlier
    weak = hashes(scene)[ANN]
    moved = list[str]()

    def log_in() -> None:
        scene.authenticate("emailPassword")
        moved.append(hashes(scene)[ANN])

    with after(users, "find_password_hash", log_in) as reads:
        scene.change(email=BOB)
    assert len(reads) == 2
    assert hashes(scene) == {BOB: moved[0]} != {BOB: weak}
    assert winners([scene.authenticate("emailPassword", email=BOB)])


def test_upgrades_at_once_leave_one_good_hash(racing: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many logins that all want to upgrade the hash succeed, and the password is still right."""
    make_hashes_costlier(racing, monkeypatch)
    call = partial(racing.authenticate, "emailPassword")
    with all_at_the_write(CALLERS):
        assert len(winners(at_once(*[call] * CALLERS))) == CALLERS
    assert "m=128," in hashes(racing)[ANN]
    assert winners([racing.authenticate("emailPassword")])


# Tokens that are just made


@pytest.mark.parametrize("ahead_ms", [None, -5000, -1000, -999, 0, 1, 999, 30_000, 60_000])
def test_nobody_gets_a_token_that_is_dead_on_arrival(scene: Scene, ahead_ms: int | None) -> None:
    """Whatever the cutoff, also up to 60 seconds ahead: a token that is given out is valid."""
    if ahead_ms is not None:
        scene.change(tokenCutoff=iso_8601(scene.signet.clock.milliseconds + ahead_ms))
    tokens = [scene.issue(), scene.issue(ttl=1), *winners([scene.authenticate("emailPassword")])]
    assert [scene.is_valid(token) for token in tokens] == [True] * 3
    token = tokens[0]
    for mode in TOKEN_MODES:
        (exchanged,) = winners([scene.authenticate(mode, token, invalidateExistingTokens=True)])
        assert (scene.is_valid(token), scene.is_valid(exchanged)) == (False, True)
        token = exchanged
    for fields in ({}, {"invalidateExistingTokens": True}):
        token = scene.issue(**fields)
        assert scene.is_valid(token)
    with lost():
        (won,) = winners([scene.authenticate("token", token, invalidateExistingTokens=True)])
    assert scene.is_valid(won)


@pytest.mark.parametrize("mode", TOKEN_MODES)
@pytest.mark.parametrize(("after_ms", "wins"), [(999, True), (1000, False), (8000, False)])
def test_a_cutoff_that_comes_before_the_write_counts(
    scene: Scene, mode: str, after_ms: int, wins: bool
) -> None:
    """A cutoff behind the token's second raises no generation; the write's condition sees it."""
    token = scene.issue()
    cutoff = iso_8601(scene.signet.clock.now * 1000 + after_ms)
    scene.signet.clock.advance(10)
    done = list[bool]()

    def cut_off() -> None:
        if not done:
            done.append(True)
            scene.change(tokenCutoff=cutoff)

    with before_each_update(cut_off):
        answer = scene.authenticate(mode, token, invalidateExistingTokens=True)
    assert done
    assert len(winners([answer])) == wins
    assert not scene.is_valid(token)


# Another container


@pytest.mark.parametrize("event", ["invalidate", "password", "address", "delete", "cutoff", *TOKEN_MODES])
def test_another_container_sees_the_end_of_a_user_s_tokens_at_once(scene: Scene, event: str) -> None:
    """A container with everything in its caches refuses the token in its very next check."""
    token = scene.issue()
    verifier, applications = wiring.verifier(), wiring.applications()
    scene.signet.restart()  # From here on the handlers are another container than those two.
    assert wiring.verifier() is not verifier

    def check() -> Token:
        application = applications.find(scene.signet.application_id)
        assert application is not None
        tenant = wiring.tenant(application, scene.signet.clock.milliseconds)
        return verifier.verify_session(tenant, token)[0]

    events: dict[str, Event] = {
        "invalidate": scene.invalidate,
        "password": lambda: scene.change(password=NEW_PASSWORD),
        "address": lambda: scene.change(email=BOB),
        "delete": scene.delete,
        "cutoff": lambda: scene.change(tokenCutoff=iso_8601(scene.signet.clock.milliseconds)),
    }
    for mode in TOKEN_MODES:
        events[mode] = partial(scene.authenticate, mode, token, invalidateExistingTokens=True)
    assert check().text == token
    events[event]()
    with pytest.raises(TokenRefused):
        check()


def test_another_container_sees_the_end_of_all_tokens_within_the_bound(scene: Scene) -> None:
    """It may take its cached application for five seconds, and no millisecond longer."""
    token = scene.issue()
    verifier, applications = wiring.verifier(), wiring.applications()
    scene.signet.restart()
    scene.call("invalidate_application_tokens")

    def check() -> Token:
        application = applications.find(scene.signet.application_id)
        assert application is not None
        tenant = wiring.tenant(application, scene.signet.clock.milliseconds)
        return verifier.verify_session(tenant, token)[0]

    scene.signet.clock.milliseconds += 4999
    assert check().text == token
    scene.signet.clock.milliseconds += 1
    with pytest.raises(TokenRefused):
        check()

"""An invocation's end, as it is kept and handed on."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from signet import deadline


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        """Seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.time += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(deadline, "now", clock.now)
    monkeypatch.setattr("time.sleep", clock.sleep)
    return clock


def test_an_invocation_keeps_a_reserve_for_its_answer(clock: Clock) -> None:
    """What is left shrinks as time passes, and ends with the invocation."""
    assert deadline.left() == math.inf
    with deadline.within(3000):
        assert deadline.left() == pytest.approx(3 - deadline.RESERVE_SECONDS)
        clock.sleep(4)
        assert deadline.left() == pytest.approx(-1 - deadline.RESERVE_SECONDS)
    assert deadline.left() == math.inf


@pytest.mark.usefixtures("clock")
def test_what_an_invocation_calls_ends_no_later() -> None:
    """An adapter around another one has kept its own reserve."""
    with deadline.within(60_000, reserve=20):
        with deadline.within(60_000):
            assert deadline.left() == pytest.approx(40)
        with deadline.within(1000, reserve=0):
            assert deadline.left() == pytest.approx(1)
        assert deadline.left() == pytest.approx(40)


@pytest.mark.usefixtures("clock")
def test_invocations_at_the_same_time_have_each_their_own_end() -> None:
    """And a thread that works for one has that one's, if it was handed on."""
    lefts: dict[str, float] = {}
    barrier = threading.Barrier(3)

    def note(name: str) -> None:
        lefts[name] = deadline.left()

    def invoke(seconds: int) -> None:
        with deadline.within(seconds * 1000, reserve=0), ThreadPoolExecutor(2) as pool:
            barrier.wait()
            list(pool.map(deadline.carried(note), [f"{seconds}: {n}" for n in range(4)]))
            pool.submit(note, f"{seconds}: bare").result()

    threads = [threading.Thread(target=invoke, args=(seconds,)) for seconds in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seconds in (1, 2, 3):
        assert [lefts[f"{seconds}: {n}"] for n in range(4)] == [seconds] * 4
        assert lefts[f"{seconds}: bare"] == math.inf


def test_attempts_end(clock: Clock) -> None:
    """After so many, with pauses that grow at random."""
    assert list(deadline.attempts()) == list(range(deadline.ATTEMPTS))
    assert len(clock.slept) == deadline.ATTEMPTS - 1
    for number, pause in enumerate(clock.slept, 1):
        assert 0 <= pause <= deadline.PAUSE * 2**number


def test_no_attempt_begins_too_late(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does anybody wait for one."""
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    with deadline.within(1000, reserve=0):
        numbers = []
        for number in deadline.attempts():
            numbers.append(number)
            clock.time += 0.25
            assert deadline.left() >= 0
    assert numbers == [0, 1, 2]
    assert clock.slept == [0.04, 0.08]

"""What every operation does when AWS fails: each call of each set-up meets each fault (`tests/sweep.py`)."""

import contextlib
import io
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed

from benchmarks.page import Row, say
from tests.deployment import Cloud
from tests.moto_aws import running_moto
from tests.setups import NAMES, set_up
from tests.sweep import CAME, Play

TEXT = (
    "Each call to AWS that an operation makes, in each way in which it is asked for, meets each fault that "
    "it can meet, by turns, on moto, by the clock of the tests. What came: the right answer, or a 503 after "
    "which the table is as it was, as it would be, or, where several writes are needed, in between. Wrong is "
    "whatever else came, and what the caller's repetition does not set right. *Written* is what a caller "
    "cannot know: the write took effect, and no answer said so while there was time to look."
)


def measure() -> dict[str, list[Row]]:
    """Tables of what came of all plays.

    Raises:
        AssertionError: Something was wrong.
    """
    plays: list[Play] = []
    wrong: list[str] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.process_cpu_count(), context) as pool:
        running = [pool.submit(play_all, NAMES[start :: len(NAMES) // 8]) for start in range(len(NAMES) // 8)]
        for number, done in enumerate(as_completed(running), 1):
            found, itself = done.result()
            plays += found
            wrong += [*itself, *(str(play) for play in found if play.wrong)]
            say(f"Faults of AWS: {number} of {len(running)}, {len(plays)} plays, {len(wrong)} wrong")
    if wrong:
        raise AssertionError("\n".join(wrong))
    return {
        "": [_row("all", plays)],
        "By fault": _rows(plays, lambda play: play.fault),
        "By operation": _rows(plays, lambda play: play.operation),
        "By call": _rows(plays, lambda play: f"{play.place.service}:{play.place.operation}"),
    }


def play_all(names: Iterable[str]) -> tuple[list[Play], list[str]]:
    """Play all faults of some set-ups; gives the plays, and what was wrong where nothing failed."""
    plays: list[Play] = []
    wrong: list[str] = []
    with (
        contextlib.redirect_stdout(_Nowhere()),
        running_moto() as variables,
        contextlib.closing(Cloud("signet", variables)) as cloud,
    ):
        for name in names:
            with cloud.deploy() as signet, set_up(signet, name) as sweep:
                wrong += sweep.check_the_runs_themselves()
                plays += [sweep.play(place, fault) for place, fault in sweep.faults()]
    return plays, wrong


def _rows(plays: list[Play], of: Callable[[Play], str]) -> list[Row]:
    names = dict.fromkeys(map(of, plays))
    return [_row(name, [play for play in plays if of(play) == name]) for name in names]


def _row(name: str, plays: list[Play]) -> Row:
    came = Counter(play.came for play in plays)
    calls = {(play.setup, play.place) for play in plays}
    setups = {play.setup for play in plays}
    counts = {"set-ups": len(setups), "calls": len(calls), "tried": len(plays)}
    return {"": name, **counts, **{what: came[what] for what in CAME}, "wrong": 0}


class _Nowhere(io.TextIOBase):
    """Takes what functions log, and keeps none of it."""

    def write(self, text: str, /) -> int:
        return len(text)

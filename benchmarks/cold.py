"""Cold start: a fresh process under AWS's runtime client, to its first `next` and to its first answer.

All subjects take turns within each round, so that a noisy moment strikes them alike. CPU is that of all the
process's threads, read by the kernel's clock for it; Linux only.
"""

import re
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.cassette import Trust
from benchmarks.page import Row, say
from benchmarks.subjects import SIGNET, Subject, Subjects
from tools import built
from tools.runtime_api import running_function

BASELINE = "tutorial.verify"
TLS_OF = (BASELINE, "reference.client", "authorize_request.authorizer", "issue_identity_token.http")
_CPUCLOCK_SCHED = 2
_DEVNULL = subprocess.DEVNULL

TEXT = (
    "Medians of fresh processes, taken in turns; ms of CPU (and of wall time), MB. Over TLS, with the bundle "
    "of authorities that the function is deployed with. "
    f"× is CPU against `{BASELINE}` in the same run: until it is "
    "ready, until its first answer, and its first call alone against that whole cold start. ± is half the "
    "distance between the quartiles of the first answer's CPU."
)
TLS_TEXT = (
    "The same cold starts without TLS, over TLS with a whole bundle of authorities, and with Amazon's alone "
    "(`AWS_CA_BUNDLE`); ms of CPU, medians. The server is on loopback, its certificate has no chain."
)


class Start(NamedTuple):
    """A cold start; from the start of the process, in milliseconds, and the peak of its memory in MB."""

    ready_cpu: float
    ready_wall: float
    answer_cpu: float
    answer_wall: float
    peak_mb: float


class Way(NamedTuple):
    """How a subject is started: with which client, and over TLS with which bundle."""

    subject: Subject
    client: str
    bundle: Path | None


def measure(subjects: Subjects, runs: int) -> dict[str, list[Row]]:
    """A row for each function and client."""
    firsts = {one.operation: one for one in reversed(subjects.all)}.values()
    ways = [
        Way(one, client, bundle_of(one, subjects.trust)) for one in reversed(firsts) for client in one.clients
    ]
    starts = _in_turns(ways, runs)
    base = next(_median(found) for way, found in starts.items() if way.subject.name == BASELINE)
    rows: list[Row] = []
    for way, found in starts.items():
        one = _median(found)
        ready, answer = one.ready_cpu / base.ready_cpu, one.answer_cpu / base.answer_cpu
        row: Row = {"event": way.subject.name, "client": way.client, "ready": one.ready_cpu, "ready ×": ready}
        row |= {"answer": one.answer_cpu, "answer ×": answer, "worse ×": max(ready, answer)}
        row |= {"first call ×": (one.answer_cpu - one.ready_cpu) / base.answer_cpu}
        spread = statistics.quantiles([start.answer_cpu for start in found], n=4)
        row |= {"±": f"{(spread[2] - spread[0]) / 2 / spread[1]:.0%}", "ready, wall": one.ready_wall}
        row |= {"answer, wall": one.answer_wall, "peak": one.peak_mb, "operation": way.subject.operation}
        rows.append(row | {"memory": way.subject.memory})
    return {"": rows}


def measure_tls(subjects: Subjects, runs: int) -> dict[str, list[Row]]:
    """A row for each of some subjects, client and kind of connection."""
    bundles = {"no TLS": None, "whole bundle": subjects.trust.whole, "Amazon's": subjects.trust.small}
    ways = [
        Way(one, client, bundle)
        for one in subjects.all
        if one.name in TLS_OF
        for client in one.clients
        for bundle in bundles.values()
    ]
    names = {bundle: name for name, bundle in bundles.items()}
    starts = {way: _median(found) for way, found in _in_turns(ways, runs).items()}
    rows: list[Row] = []
    for way, one in starts.items():
        plain = starts[way._replace(bundle=None)]
        row: Row = {"event": way.subject.name, "client": way.client, "connection": names[way.bundle]}
        row |= {"ready": one.ready_cpu, "first call": one.answer_cpu - one.ready_cpu}
        rows.append(row | {"what TLS adds": one.answer_cpu - plain.answer_cpu})
    return {"": rows}


def bundle_of(subject: Subject, trust: Trust) -> Path:
    """The bundle that stands for the one that a function is deployed with."""
    return trust.small if subject.kind == SIGNET else trust.whole


def _in_turns(ways: Sequence[Way], runs: int) -> dict[Way, list[Start]]:
    """So many cold starts of each, after one that does not count."""
    starts: dict[Way, list[Start]] = {way: [] for way in ways}
    for run in range(runs + 1):
        say(f"Cold start: round {run} of {runs}")
        for way, found in starts.items():
            one = start(way)
            if run:
                found.append(one)
    return starts


def start(way: Way) -> Start:
    """Start the function once and call it once."""
    # As on Lambda, where the handler's folder is read-only.
    variables = {**way.subject.environment(way.client, way.bundle), "PYTHONDONTWRITEBYTECODE": "1"}
    with running_function(built.RUNTIME_PYTHON, way.subject.function, variables, log=_DEVNULL) as function:
        process = function._process.pid
        ready_wall = function.wait_until_ready()
        ready_cpu = cpu_of(process)
        answer_ms = function.invoke(way.subject.event).elapsed_ms
        time.sleep(0.01)  # Until it asks for the next event.
        return Start(ready_cpu, ready_wall, cpu_of(process), ready_wall + answer_ms, _peak(process))


def runtime_cpu(subject: Subject, calls: int = 1000) -> float:
    """CPU of AWS's runtime client for one call of a warm function that does nothing, in milliseconds."""
    variables = subject.environment("")
    with running_function(built.RUNTIME_PYTHON, subject.function, variables, log=_DEVNULL) as function:
        for call in range(calls + 20):
            if call == 20:
                before = cpu_of(function._process.pid)
            function.invoke(subject.event)
        time.sleep(0.01)
        return (cpu_of(function._process.pid) - before) / calls


def cpu_of(process: int) -> float:
    """Milliseconds of CPU that all threads of a process have used."""
    return time.clock_gettime_ns((~process << 3) | _CPUCLOCK_SCHED) / 1e6


def _peak(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(match[1]) / 1024 if match else 0.0


def _median(found: Sequence[Start]) -> Start:
    return Start(*(statistics.median(values) for values in zip(*found, strict=True)))

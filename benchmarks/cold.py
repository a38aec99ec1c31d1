"""Cold start: a fresh process under AWS's runtime client, to its first `next` and to its first answer.

All subjects take turns within each round, so that a noisy moment strikes them alike. CPU is that of all the
process's threads, read by the kernel's clock for it; Linux only.
"""

import re
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.pages import say
from benchmarks.subjects import Subject
from tools import built
from tools.runtime_api import running_function

BASELINE = "tutorial.verify"
_CPUCLOCK_SCHED = 2
_DEVNULL = subprocess.DEVNULL


@dataclass(frozen=True, slots=True)
class ColdStart:
    """One cold start; from the start of the process, in milliseconds, and the peak of its memory in MB."""

    ready_wall: float
    ready_cpu: float
    answer_wall: float
    answer_cpu: float
    peak_mb: float


def measure(subjects: Sequence[Subject], runs: int) -> dict[str, dict[str, float]]:
    """Medians of `runs` cold starts of each subject, after one that does not count."""
    samples: dict[str, list[ColdStart]] = {subject.name: [] for subject in subjects}
    for run in range(runs + 1):
        say(f"Cold start: round {run} of {runs}")
        for subject in subjects:
            sample = start(subject)
            if run:
                samples[subject.name].append(sample)
    return {name: _medians(found) for name, found in samples.items()}


def start(subject: Subject) -> ColdStart:
    """Start the function once and call it once."""
    # As on Lambda, where the handler's folder is read-only.
    variables = {**subject.variables, "PYTHONDONTWRITEBYTECODE": "1"}
    with running_function(built.RUNTIME_PYTHON, subject.function, variables, log=_DEVNULL) as function:
        process = function._process.pid
        ready_wall = function.wait_until_ready()
        ready_cpu = cpu_of(process)
        answer_ms = function.invoke(subject.event).elapsed_ms
        time.sleep(0.01)  # Until it asks for the next event.
        return ColdStart(ready_wall, ready_cpu, ready_wall + answer_ms, cpu_of(process), _peak(process))


def runtime_cpu(subject: Subject, calls: int) -> float:
    """CPU of AWS's runtime client for one call of a warm function that does nothing, in milliseconds."""
    with running_function(
        built.RUNTIME_PYTHON, subject.function, subject.variables, log=_DEVNULL
    ) as function:
        for _ in range(20):
            function.invoke(subject.event)
        before = cpu_of(function._process.pid)
        for _ in range(calls):
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


def _medians(samples: Sequence[ColdStart]) -> dict[str, float]:
    rows: list[dict[str, Any]] = [asdict(sample) for sample in samples]
    medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    return {**medians, "answer_cpu_spread": _spread([row["answer_cpu"] for row in rows])}


def _spread(values: list[float]) -> float:
    """Half the distance between the quartiles, as a part of the median."""
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / middle

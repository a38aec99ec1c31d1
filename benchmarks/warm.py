"""Warm: the handler called in its own process, in turns with the floor of the same request."""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.subjects import SIGNET, Subject
from tools import built
from tools.runtime_api import import_path

_MEASURE = "benchmarks.inside.measure"
_MODULES = "benchmarks.inside.modules"


class MeasurementError(RuntimeError):
    """A subject could not be measured."""


def measure(subject: Subject, seconds: float, work: Path) -> dict[str, Any]:
    """CPU and wall time of one call in microseconds, and what the call asked of AWS."""
    found = _run(subject, {"seconds": seconds}, work)
    handler, floor = found.pop("handler_ns"), found.pop("floor_ns")
    status = found["answer"].get("statusCode", 200) if isinstance(found["answer"], dict) else 200
    if status >= 400:
        raise MeasurementError(f"{subject.name} answered {found['answer']}")
    has_floor = subject.kind == SIGNET and bool(found["floor"])
    return {
        "cpu_us": _median(handler, 0),
        "wall_us": _median(handler, 1),
        "floor_cpu_us": _median(floor, 0) if has_floor else 0.0,
        "floor_wall_us": _median(floor, 1) if has_floor else 0.0,
        "cpu_spread": _spread([sample[0] for sample in handler]),
        # Of each call by itself: a hash takes 20 times what the rest does, and varies by as much.
        "argon2_us": _median(handler, 2),
        "beyond_us": _beyond(handler),
        "floor_beyond_us": _beyond(floor) if has_floor else 0.0,
        "samples": len(handler),
        "floor": found["floor"] if has_floor else [],
        "log_bytes": found["log_bytes"],
        "trips": [f"{service}:{operation}" for service, operation, _ in found["calls"]],
        "cold_trips": found["cold_trips"],
        "calls": found["calls"],
        "cold_calls": found["cold_calls"],
    }


def profile(subject: Subject, calls: int, work: Path) -> str:
    """The profile of some warm calls."""
    text: str = _run(subject, {"profile": calls}, work)
    return text


def modules(subject: Subject) -> dict[str, Any]:
    """How many modules the function imports, and what each package's imports cost, in milliseconds."""
    result = _python(subject, ["-X", "importtime", "-m", _MODULES], json.dumps(subject.event))
    if result.returncode:
        raise MeasurementError(result.stderr[-2000:])
    return _read_import_times(result.stderr) | {"files": _files(subject, result.stderr)}


def _files(subject: Subject, text: str) -> list[str]:
    """The files of the layers that were imported, as they stand there: `jwt/algorithms.py`."""
    line = next(line for line in text.splitlines() if line.startswith("files: "))
    roots = [str(layer / "python") + "/" for layer in subject.function.layers]
    return [
        path.removeprefix(root)
        for path in json.loads(line.removeprefix("files: "))
        for root in roots
        if path.startswith(root)
    ]


def _run(subject: Subject, task: dict[str, Any], work: Path) -> Any:
    output = work / "measured.json"
    task = {**task, "event": subject.event, "floor": subject.kind == SIGNET, "output": str(output)}
    result = _python(subject, ["-m", _MEASURE], json.dumps(task))
    if result.returncode:
        raise MeasurementError(f"{subject.name}:\n{result.stderr[-3000:]}")
    return json.loads(output.read_text())


def _python(subject: Subject, arguments: list[str], stdin: str) -> subprocess.CompletedProcess[str]:
    function = subject.function
    variables = {
        **subject.variables,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(subject.memory),
        "LAMBDA_TASK_ROOT": str(function.code),
        "PYTHONDONTWRITEBYTECODE": "1",
        # The benchmark's own code comes last, so that the function finds nothing that it would not on Lambda.
        "PYTHONPATH": f"{import_path(function)}:{built.ROOT}",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }
    return subprocess.run(  # noqa: S603 - our own program, no shell
        [str(built.RUNTIME_PYTHON), "-P", *arguments],
        cwd=function.code,
        env=variables,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def _median(samples: list[list[int]], column: int) -> float:
    return statistics.median(sample[column] for sample in samples) / 1000


def _beyond(samples: list[list[int]]) -> float:
    return statistics.median(sample[0] - sample[2] for sample in samples) / 1000


def _spread(values: list[int]) -> float:
    """Half the distance between the quartiles, as a part of the median."""
    low, middle, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / middle


def _read_import_times(text: str) -> dict[str, Any]:
    stage, counts = "start", {}
    costs: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("mark: "):
            _, stage, count = line.split()
            counts[stage] = int(count)
        elif line.startswith("import time:") and stage != "start":
            own, _, name = line.removeprefix("import time:").split("|")
            package = name.strip().partition(".")[0]
            if own.strip().isdigit() and package not in ("benchmarks", "handler"):
                package = "(standard library)" if package in sys.stdlib_module_names else package
                costs[package] = costs.get(package, 0.0) + int(own) / 1000
    return {
        "base": counts["base"],
        "ready": counts["ready"] - counts["base"],
        "answered": counts["answered"] - counts["base"],
        "packages_ms": dict(sorted(costs.items(), key=lambda item: -item[1])),
    }

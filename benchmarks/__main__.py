# ruff: noqa: T201 - a command
"""`python -m benchmarks`: measures, and writes `results/<date>.json` and the page made of it.

A part is a key of `parts` in the JSON and a section of the page: cold, warm, trips (with warm), growth,
partitions (of trips), size, price. What an import and an export cost is measured by `benchmarks.directory`,
what must not tell users apart by `benchmarks.oracle`, what a hash costs by `benchmarks.argon2_parameters`.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import circumstances, cold, growth, hot_partitions, plot, prices, report, sizes, units, warm
from benchmarks.subjects import REFERENCE, SIGNET, TUTORIAL_BUILD, Subject, Subjects, prepared
from tests.engine import MissingEngineError
from tools import built

PARTS = ("cold", "warm", "growth", "size", "price")
BULK = ("import_users", "export_users")
"""Nobody waits for these, and a call has no fixed work: `benchmarks.directory` measures what a user costs."""

RESULTS = built.ROOT / "benchmarks" / "results"
_USERS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_MILLION = 1_000_000
_FLOODS = ("log_in.http", "authorize_request.authorizer")
_INDEXED = ("log_in.http", "create_user.http")
_SNAP_START = (
    *("authenticate", "log_in", "authorize_request", "introspect_token", "identify"),
    *("issue_identity_token", "issue_session_token", "issue_user_token"),
)
"""The hot path: the functions that the template's parameter `SnapStart` is for."""


def main(arguments: list[str]) -> int:
    """Return the exit status: 1 where something could not be measured."""
    options = _parse(arguments)
    started, machine = time.monotonic(), circumstances.machine()
    with tempfile.TemporaryDirectory(prefix="signet-bench-") as folder:
        work = Path(folder)
        with prepared(work, options.only) as subjects:
            if options.profile:
                for subject in subjects.all:
                    if options.only in subject.name:
                        print(warm.profile(subject, options.profile, work))
                return 0
            parts = _measure(subjects, options, work)
    minutes = (time.monotonic() - started) / 60
    results = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": " ".join(["python -m benchmarks", *arguments]),
        "commit": circumstances.commit(),
        "machine": machine,
        "minutes": minutes,
        "seconds": parts.pop("seconds"),
        "parts": parts,
        "faults": subjects.faults,
    }
    _write(results, options.output)
    for fault in subjects.faults:
        print(fault, file=sys.stderr)
    return 1 if subjects.faults else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=11, help="cold starts of each function (11)")
    parser.add_argument("--seconds", type=float, default=3, help="of warm calls for each event (3)")
    parser.add_argument("--calls", type=int, default=200, help="of each kind, for what grows (200)")
    parser.add_argument(
        "--users", type=int, default=growth.USERS[-1], help="at most, for what grows (1000000)"
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be given again")
    parser.add_argument("--only", default="", help="only events whose file name contains this")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder of the results")
    parser.add_argument("--profile", type=int, metavar="CALLS", help="print a profile of warm calls instead")
    options = parser.parse_args(arguments)
    options.part = options.part or PARTS
    return options


def _measure(subjects: Subjects, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    with _taking(seconds, "cold"):
        if "cold" in options.part:
            parts["cold"] = _measure_cold(subjects, options.runs)
    with _taking(seconds, "warm"):
        if {"warm", "price"} & set(options.part):
            parts["warm"] = _measure_warm(subjects, options.seconds, work)
            parts["trips"] = {"subjects": parts["warm"]["subjects"]}
    with _taking(seconds, "growth"):
        if "growth" in options.part:
            try:
                parts["growth"] = growth.measure(options.calls, options.users)
            except (MissingEngineError, growth.WrongAnswerError) as error:
                subjects.faults.append(f"growth: {error}")
    if "warm" in parts and (floods := _flood(subjects, parts["warm"])):
        parts["partitions"] = floods
    if "size" in options.part:
        runtime = next((built.RUNTIME_PYTHON.parents[1] / "lib").glob("python*")) / "site-packages"
        imported = parts["cold"]["files"] if "cold" in parts and not options.only else None
        parts["size"] = {
            "layer": sizes.measure(sizes.BUILD / "SignetLayer", runtime, imported),
            "tutorial": sizes.measure(TUTORIAL_BUILD / "layer", runtime),
            "functions": sizes.functions(),
        }
    if "price" in options.part:
        parts["price"] = _price(parts["warm"], parts.get("cold"))
    for subject in subjects.all:
        if subject.cassette.misses:
            subjects.faults.append(
                f"{subject.name}: asked what was never answered: {subject.cassette.misses}"
            )
    return {**parts, "seconds": seconds}


@contextmanager
def _taking(seconds: dict[str, float], part: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[part] = time.monotonic() - started


def _measure_cold(subjects: Subjects, runs: int) -> dict[str, Any]:
    firsts = subjects.first_of_each_function()
    _say(f"Cold start: {len(firsts)} functions, {runs} times each")
    rows = cold.measure(firsts, runs)
    modules = {s.name: warm.modules(s) for s in subjects.all if s in firsts or s.kind == SIGNET}
    own = {s.name for s in subjects.all if s.kind == SIGNET}
    files = {path for name, found in modules.items() for path in found.pop("files") if name in own}
    return {
        "runs": runs,
        "subjects": {s.name: {**_about(s), **rows[s.name], "modules": modules[s.name]} for s in firsts},
        "files": sorted(files),
    }


def _flood(subjects: Subjects, measured: dict[str, Any]) -> dict[str, Any] | None:
    """The arithmetic of hot partitions, where the units were counted."""
    rows = {name: row for name, row in measured["subjects"].items() if row["units"] is not None}
    floods = {}
    for subject in subjects.all:
        if subject.name in rows and subject.name in _FLOODS:
            seconds = {
                partition: float(subject.variables[name]) for partition, name in hot_partitions.CACHED.items()
            }
            one = asdict(hot_partitions.flood(rows[subject.name], measured["runtime_cpu_ms"], seconds))
            for load in one["loads"]:
                load["limit_rate"] = _finite(load["limit_rate"])
            floods[subject.name] = one
    if not floods:
        return None
    index = {name: hot_partitions.of_index(rows[name]["units"]) for name in _INDEXED if name in rows}
    return {
        "rate": hot_partitions.RATE,
        "floods": floods,
        "index": {name: (each, _finite(limit)) for name, (each, limit) in index.items()},
    }


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else None


def _measure_warm(subjects: Subjects, seconds: float, work: Path) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    with ExitStack() as stack:
        try:
            counter = stack.enter_context(units.counter())
        except MissingEngineError as error:
            _say(f"Consumed units are left out: {error}")
            counter = None
        for subject in subjects.all:
            if subject.kind == REFERENCE or subject.operation in BULK:
                continue
            _say(f"Warm: {subject.name}")
            try:
                row = warm.measure(subject, seconds, work)
            except warm.MeasurementError as error:
                subjects.faults.append(str(error))
                continue
            calls = row.pop("calls")
            cold_calls = row.pop("cold_calls")
            for name, made in (("units", calls), ("cold_units", cold_calls)):
                row[name] = counter.count(made, subject.table, subject.items) if counter else None
            rows[subject.name] = {**_about(subject), **row}
    empty = next(subject for subject in subjects.all if subject.name == "reference.empty")
    return {"seconds": seconds, "runtime_cpu_ms": cold.runtime_cpu(empty, 1000), "subjects": rows}


def _about(subject: Subject) -> dict[str, Any]:
    return {
        "operation": subject.operation,
        "kind": subject.kind,
        "memory": subject.memory,
        "is_http": subject.is_http,
    }


def _price(measured: dict[str, Any], started: dict[str, Any] | None) -> dict[str, Any]:
    rows = {name: row for name, row in measured["subjects"].items() if row["units"] is not None}
    costs = {name: prices.of_call(row, measured["runtime_cpu_ms"]) for name, row in rows.items()}
    part: dict[str, Any] = {
        "as_of": prices.AS_OF,
        "region": prices.REGION,
        "prices": {name: asdict(price) for name, price in prices.PRICES.items()},
        "snap_start": _snap_start(started["subjects"]) if started else {},
        "operations": {
            name: {key: value * 1e6 for key, value in {**asdict(cost), "total": cost.total}.items()}
            for name, cost in costs.items()
        },
    }
    names = report.login_and_check(rows)
    if names is not None:
        login, check = names
        each, fixed = prices.of_user(costs[login], costs[check]), sum(prices.FIXED_A_MONTH.values())
        part["users"] = {
            "login": login,
            "check": check,
            "counts": _USERS,
            "each": each,
            "fixed": fixed,
            "million": {
                "all": fixed + each * _MILLION,
                "fixed": fixed,
                "logins": prices.LOGINS_A_MONTH * costs[login].total * _MILLION,
                "checks": prices.CHECKS_A_MONTH * costs[check].total * _MILLION,
            },
            "monthly": {
                "Signet": [fixed + each * users for users in _USERS],
                **{plan.name: [plan.monthly(users) for users in _USERS] for plan in prices.PLANS},
            },
        }
    return part


def _snap_start(rows: dict[str, Any]) -> dict[str, Any]:
    return {
        row["operation"]: {
            "memory": row["memory"],
            **asdict(prices.of_snap_start(row["memory"], row["ready_wall"])),
        }
        for row in rows.values()
        if row["operation"] in _SNAP_START
    }


def _write(results: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / f"{results['date']}.json").write_text(text + "\n")
    (folder / "README.md").write_text(report.render(results))
    users = results["parts"].get("price", {}).get("users")
    if users is not None:
        signet: plot.Line = ("Signet, in your account", lambda count: users["fixed"] + users["each"] * count)
        (folder / "price.svg").write_text(plot.draw([signet, *((p.name, p.monthly) for p in prices.PLANS)]))
    _say(f"Written: {folder / 'README.md'}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

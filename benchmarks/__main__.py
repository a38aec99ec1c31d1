# ruff: noqa: T201 - a command
"""`python -m benchmarks`: measures, and writes `results/<date>.json` and the page made of it.

A part is a key of `parts` in the JSON and a section of the page: cold, warm, trips (with warm), size, price.
What grows with the users is measured by `benchmarks.directory`, what must not tell them apart by
`benchmarks.oracle`.
"""

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import circumstances, cold, plot, prices, report, sizes, units, warm
from benchmarks.subjects import REFERENCE, TUTORIAL_BUILD, Subject, Subjects, prepared
from tests.engine import MissingEngineError
from tools import built

PARTS = ("cold", "warm", "size", "price")
BULK = ("import_users", "export_users")
"""Nobody waits for these, and a call has no fixed work: `benchmarks.directory` measures what a user costs."""

RESULTS = built.ROOT / "benchmarks" / "results"
_USERS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


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
    results = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": " ".join(["python -m benchmarks", *arguments]),
        "commit": circumstances.commit(),
        "machine": machine,
        "minutes": (time.monotonic() - started) / 60,
        "parts": parts,
        "faults": subjects.faults,
    }
    _write(results, options.output)
    for fault in subjects.faults:
        print(fault, file=sys.stderr)
    return 1 if subjects.faults else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="cold starts of each function (15)")
    parser.add_argument("--seconds", type=float, default=4, help="of warm calls for each event (4)")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be given again")
    parser.add_argument("--only", default="", help="only events whose file name contains this")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder of the results")
    parser.add_argument("--profile", type=int, metavar="CALLS", help="print a profile of warm calls instead")
    options = parser.parse_args(arguments)
    options.part = options.part or PARTS
    return options


def _measure(subjects: Subjects, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if "cold" in options.part:
        firsts = subjects.first_of_each_function()
        _say(f"Cold start: {len(firsts)} functions, {options.runs} times each")
        rows = cold.measure(firsts, options.runs)
        parts["cold"] = {
            "runs": options.runs,
            "subjects": {s.name: {**_about(s), **rows[s.name], "modules": warm.modules(s)} for s in firsts},
        }
    if {"warm", "price"} & set(options.part):
        measured = _measure_warm(subjects, options.seconds, work)
        parts["warm"] = measured
        parts["trips"] = {"subjects": measured["subjects"]}
    if "size" in options.part:
        runtime = next((built.RUNTIME_PYTHON.parents[1] / "lib").glob("python*")) / "site-packages"
        parts["size"] = {
            "layer": sizes.measure(sizes.BUILD / "SignetLayer", runtime),
            "tutorial": sizes.measure(TUTORIAL_BUILD / "layer", runtime),
            "functions": sizes.functions(),
        }
    if "price" in options.part:
        parts["price"] = _price(parts["warm"])
    for subject in subjects.all:
        if subject.cassette.misses:
            subjects.faults.append(
                f"{subject.name}: asked what was never answered: {subject.cassette.misses}"
            )
    return parts


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
            row["units"] = counter.count(calls, subject.table, subject.items) if counter else None
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


def _price(measured: dict[str, Any]) -> dict[str, Any]:
    rows = {name: row for name, row in measured["subjects"].items() if row["units"] is not None}
    costs = {name: prices.of_call(row, measured["runtime_cpu_ms"]) for name, row in rows.items()}
    part: dict[str, Any] = {
        "as_of": prices.AS_OF,
        "region": prices.REGION,
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
            "monthly": {
                "Signet": [fixed + each * users for users in _USERS],
                **{plan.name: [plan.monthly(users) for users in _USERS] for plan in prices.PLANS},
            },
        }
    return part


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

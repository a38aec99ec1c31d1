"""`python -m benchmarks.hostile`: what a refusal costs that somebody gets who has shown no credential.

The dearest bodies that are known (`tests/hostile.py`) go to every route that takes one, with wrong
credentials. A password's hash, which has limits of its own, costs next to nothing here.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import pages
from benchmarks.deployed import DEFAULT_ENGINE, deployed_on, timed
from benchmarks.report import as_table
from local import answers
from tests import engine, hostile
from tests.deployment import CHEAP_HASHES, Deployment

MAX_CPU_MS = 10
MAX_ANSWER_BYTES = 4096
_WORST = 12


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 1 where an answer is a fault or too long. The times are for a reader."""
    options = _parse(arguments)
    command = " ".join(["python -m benchmarks.hostile", *arguments])
    results = pages.measured(command, lambda: measure(options.engine, options.runs))
    pages.write("hostile", results, render(results), options.output)
    wrong = [row for row in results["rows"] if row["status"] >= 500 or row["bytes"] > MAX_ANSWER_BYTES]
    return 1 if wrong else 0


def measure(engine_name: str, runs: int) -> dict[str, Any]:
    """A row for each route and body: the median of the CPU time, and what the answer was."""
    rows = []
    with (
        engine.running_engine(engine_name) as dynamodb,
        deployed_on(dynamodb, CHEAP_HASHES) as deployment,
    ):
        # Who may be identified without a token is the dearest kind of stranger.
        here = {"applicationId": deployment.application_id}
        deployment.invoke("update_application", here | {"requireJwtToken": False})
        deployment.restart()
        for route in sorted(hostile.ROUTES):
            if not route.startswith(("POST", "PATCH")):
                continue
            pages.say(route)
            rows += [_row(deployment, route, name, runs) for name in hostile.BODIES]
    return {"engine": engine_name, "runs": runs, "rows": rows}


def _row(deployment: Deployment, route: str, name: str, runs: int) -> dict[str, Any]:
    method, _, path = route.partition(" ")
    path = path.replace("{applicationId}", deployment.application_id)
    path = path.replace("{experienceUserId}", "f" * 24).replace("{experienceGroupId}", "f" * 24)
    body = hostile.BODIES[name].replace(b"$key", deployment.application_id.encode())
    event = deployment.event(method, path, raw=body, headers={"authorization": "Bearer x"})
    operation = hostile.ROUTES[route].rstrip("/").rpartition("/")[2]
    calls = [timed(deployment, operation, event) for _ in range(runs + 1)][1:]
    answer = answers.interpret(calls[-1].answer)
    return {
        "route": route,
        "body": name,
        "status": answer.status,
        "bytes": len(answer.body),
        "cpu_ms": round(statistics.median(call.cpu_ms for call in calls), 3),
    }


def render(results: Mapping[str, Any]) -> str:
    """The page."""
    rows = _dearest_first(results["rows"])
    routes = {row["route"]: row for row in reversed(rows)}
    bodies = {row["body"]: row for row in reversed(rows)}
    dear = [row for row in rows if row["cpu_ms"] > MAX_CPU_MS]
    longest = max(row["bytes"] for row in rows)
    summary = (
        f"{len(bodies)} bodies to {len(routes)} routes, {results['runs']} times each, from somebody who has"
        f" shown no credential. The goal is {MAX_CPU_MS} ms of CPU and {MAX_ANSWER_BYTES} bytes: {len(dear)}"
        f" of {len(rows)} cost more, and the longest answer has {longest} bytes. Medians; a password's hash"
        " is left out."
    )
    sections = [
        pages.head(results, "Dear refusals", "bench-hostile"),
        summary,
        f"## The dearest\n\n{_table(rows[:_WORST])}",
        f"## By route\n\n{_table(_dearest_first(routes.values()))}",
        f"## By body\n\n{_table(_dearest_first(bodies.values()))}",
    ]
    return "\n\n".join(sections) + "\n"


def _dearest_first(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: -row["cpu_ms"])


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    return as_table(
        ["route", "body", "status", "bytes", "CPU, ms"],
        [
            [f"`{row['route']}`", row["body"], str(row["status"]), str(row["bytes"]), f"{row['cpu_ms']:.2f}"]
            for row in rows
        ],
    )


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hostile", description="Measure what a stranger's refusal costs."
    )
    parser.add_argument("--runs", type=int, default=7, help="calls with each body (7)")
    engine_name = os.environ.get("SIGNET_ENGINE") or DEFAULT_ENGINE
    parser.add_argument("--engine", default=engine_name, help=f"extenddb or dynoxide ({engine_name})")
    parser.add_argument("--output", type=Path, default=pages.RESULTS, help="the folder of the results")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# ruff: noqa: RUF001 - the signs of a table are meant as they are
"""`python -m benchmarks.oracle`: whether an answer, or its time, tells who is a user.

Each kind of wrong credentials is presented by turns, in an order that changes every round, so that a noisy
moment strikes all alike. What is compared is always with a wrong password; one kind is that very same thing
again, for a reader to see what chance alone does.
"""

import argparse
import json
import os
import random
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import pages, samples
from benchmarks.deployed import DEFAULT_ENGINE, Timed, deployed, timed
from benchmarks.report import as_table
from local import answers
from signet import wiring
from signet.domain.users import EXTERNAL, User
from signet.store.table import Delete, Update
from signet.store.users import credential_key, insert_user, user_key
from tests.deployment import PASSWORD, Deployment

OPERATIONS = ("authenticate", "log_in")
REFERENCE = "wrong password"
CONTROL = "wrong password, again"
RIGHT = "right password"
KINDS = ("unknown address", "no address at all", "user without a password", REFERENCE, CONTROL, RIGHT)
WRONG_PASSWORD = "incorrect horse battery stapl"  # noqa: S105 - as long as the right one
_PEOPLE = 10
_BARS = 60
_NOT_COMPARED = frozenset({"x-request-id", "date"})
_MICROSECONDS = 1000


@dataclass(slots=True)
class Kind:
    """What was seen of one kind of credentials.

    Attributes:
        wall_ms: The time of each call.
        cpu_ms: Its CPU time.
        trips: The calls to AWS that a call makes; all different ones that were seen.
        answers: Status, headers and body, without what names the request; all different ones.
    """

    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    trips: set[tuple[str, ...]] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)

    def note(self, call: Timed) -> None:
        """Add a call."""
        self.wall_ms.append(call.wall_ms)
        self.cpu_ms.append(call.cpu_ms)
        self.trips.add(call.trips)
        self.answers.add(_visible(call.answer))


def main(arguments: list[str]) -> int:
    """Return the exit status: 1 where answers or operations differ. The times are for a reader to judge."""
    options = _parse(arguments)
    command = " ".join(["python -m benchmarks.oracle", *arguments])
    results = pages.measured(command, lambda: measure(options))
    pages.write("oracle", results, render(results), options.output)
    return 0 if all(row["alike"] for row in results["operations"].values()) else 1


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures and all samples, as the JSON holds them."""
    seen = {operation: {kind: Kind() for kind in KINDS} for operation in OPERATIONS}
    generator = random.Random(options.runs)  # noqa: S311 - no secret
    with deployed(options.engine) as deployment:
        _make_people(deployment)
        chosen = wiring.settings()
        parameters = f"m={chosen.argon2_memory_kib},t={chosen.argon2_passes},p={chosen.argon2_lanes}"
        turns = [(operation, kind) for operation in OPERATIONS for kind in KINDS]
        for run in range(-options.warm, options.runs):
            if run % 50 == 0:
                pages.say(f"Round {run} of {options.runs}")
            generator.shuffle(turns)
            for operation, kind in turns:
                call = timed(deployment, operation, _event(deployment, operation, kind, run % _PEOPLE))
                if run >= 0:
                    seen[operation][kind].note(call)
    return {
        "engine": options.engine,
        "runs": options.runs,
        "argon2": parameters,
        "operations": {operation: _row(kinds) for operation, kinds in seen.items()},
    }


def render(results: Mapping[str, Any]) -> str:
    """The page."""
    sections = [
        pages.head(results, "No oracle", "bench-oracle"),
        f"{results['runs']} calls of each kind, argon2id with {results['argon2']}.",
    ]
    sections += [_section(operation, row) for operation, row in results["operations"].items()]
    return "\n\n".join(sections) + "\n"


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.oracle", description="Measure whether anything tells who is a user."
    )
    parser.add_argument("--runs", type=int, default=500, help="calls of each kind (500)")
    parser.add_argument("--warm", type=int, default=20, help="calls of each kind that do not count (20)")
    engine = os.environ.get("SIGNET_ENGINE") or DEFAULT_ENGINE
    parser.add_argument("--engine", default=engine, help=f"extenddb or dynoxide ({engine})")
    parser.add_argument("--output", type=Path, default=pages.RESULTS, help="the folder of the results")
    return parser.parse_args(arguments)


def _make_people(deployment: Deployment) -> None:
    """Users with a password, and as many users whom the application brought: an address and no password."""
    application_id, table = deployment.application_id, wiring.table()
    for number in range(_PEOPLE):
        user = {"applicationId": application_id, "email": _address("person", number), "password": PASSWORD}
        deployment.invoke("create_user", user)
        address, now_ms = _address("extern", number), wiring.now_ms()
        guest = User(
            id=f"{EXTERNAL}{number}",
            email=address,
            normal_email=address,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
        )
        insert_user(deployment.tenant, guest, "none")
        forget = Update(
            user_key(application_id, guest.id), "SET email = :email REMOVE normal_email", {":email": address}
        )
        table.write(forget, Delete(credential_key(application_id, address)))


def _address(name: str, number: int) -> str:
    """All addresses are of one length."""
    return f"{name}{number}@example.com"


def _event(deployment: Deployment, operation: str, kind: str, number: int) -> dict[str, Any]:
    names = {"unknown address": "nobody", "user without a password": "extern"}
    address = _address(names.get(kind, "person"), number)
    if kind == "no address at all":
        address = address.replace("@", " ")
    if kind == CONTROL:
        # Of two that are the same, neither shall always find what the other one has just touched.
        address = _address("person", (number + _PEOPLE // 2) % _PEOPLE)
    fields = {"email": address, "password": PASSWORD if kind == RIGHT else WRONG_PASSWORD}
    path = f"/applications/{deployment.application_id}/experience"
    if operation == "log_in":
        return deployment.event("POST", f"{path}/login", fields)
    body = {"authMode": "emailPassword", "returnToken": True, **fields}
    return deployment.event("POST", f"{path}/authenticate", body, headers=deployment.bearer())


def _visible(answer: Any) -> str:
    """What a client sees of an answer, without what is the request's own."""
    response = answers.interpret(answer)
    headers = {name: value for name, value in response.headers if name.lower() not in _NOT_COMPARED}
    return json.dumps([response.status, headers, response.body.decode()], sort_keys=True)


def _row(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    reference = kinds[REFERENCE]
    refused = [kind for name, kind in kinds.items() if name != RIGHT]
    return {
        "alike": len(set[str]().union(*(kind.answers for kind in refused))) == 1
        and len(set[tuple[str, ...]]().union(*(kind.trips for kind in refused))) == 1,
        "answer": json.loads(next(iter(reference.answers))),
        "kinds": {
            name: {
                "trips": sorted(kind.trips),
                "answers": len(kind.answers),
                "wall_ms": samples.quartiles(kind.wall_ms),
                "cpu_ms": samples.quartiles(kind.cpu_ms),
                "against_reference": None
                if name == REFERENCE
                else {
                    "wall": asdict(samples.compare(kind.wall_ms, reference.wall_ms)),
                    "cpu": asdict(samples.compare(kind.cpu_ms, reference.cpu_ms)),
                },
                "samples_wall_us": [round(value * _MICROSECONDS) for value in kind.wall_ms],
                "samples_cpu_us": [round(value * _MICROSECONDS) for value in kind.cpu_ms],
            }
            for name, kind in kinds.items()
        },
    }


def _section(operation: str, row: Mapping[str, Any]) -> str:
    status, _, body = row["answer"]
    same = "the same answer and the same table operations" if row["alike"] else "**different answers**"
    refused = [name for name in row["kinds"] if name != RIGHT]
    return (
        f"## `{operation}`\n\n"
        f"All {len(refused)} kinds of wrong credentials got {same}: {status} `{body}`.\n\n"
        f"{as_table(_HEAD, list(_lines(row)))}\n\n{_compared(row)}\n\n"
        f"{_picture(row, 'cpu', 'CPU time')}\n\n{_picture(row, 'wall', 'Wall time')}"
    )


_HEAD = ["", "CPU, ms", "quartiles", "wall, ms", "quartiles", "table operations"]


def _lines(row: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    for name, kind in row["kinds"].items():
        cells = [name]
        for what in ("cpu_ms", "wall_ms"):
            low, middle, high = kind[what]
            cells += [f"**{middle:.2f}**", f"{low:.2f} – {high:.2f}"]
        ways = ["+".join(trip.partition(":")[2] for trip in trips) for trips in kind["trips"]]
        yield [*cells, " or ".join(ways)]


def _compared(row: Mapping[str, Any]) -> str:
    lines = []
    for name, kind in row["kinds"].items():
        if name in (REFERENCE, RIGHT):
            continue
        cells = [name]
        for what in ("cpu", "wall"):
            found = kind["against_reference"][what]
            low, high = (found[end] * _MICROSECONDS for end in ("low", "high"))
            cells += [
                f"**{found['difference'] * _MICROSECONDS:+.0f}** ({low:+.0f} … {high:+.0f})",
                f"{found['superiority'] * 100:.1f} %",
                f"{found['p']:.2g}",
            ]
        lines.append(cells)
    head = [f"against *{REFERENCE}*"]
    for what in ("CPU", "wall"):
        head += [f"{what}: difference of medians, µs (95 %)", "told apart", "p"]
    return as_table(head, lines)


def _picture(row: Mapping[str, Any], what: str, title: str) -> str:
    """A histogram of each kind, all on one axis, without the slowest in a hundred."""
    kinds = row["kinds"]
    everything = [value for kind in kinds.values() for value in kind[f"samples_{what}_us"]]
    start, end = min(everything), statistics.quantiles(everything, n=100)[-1]
    width = max(map(len, kinds))
    lines = [
        f"{name:<{width}} |{samples.bars(kind[f'samples_{what}_us'], start, end, _BARS)}|"
        for name, kind in kinds.items()
    ]
    axis = f"{start / _MICROSECONDS:.1f}".ljust(_BARS - 8) + f"{end / _MICROSECONDS:.1f} ms".rjust(10)
    return "\n".join([f"{title}:", "", "```text", *lines, f"{'':<{width}}  {axis}", "```"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

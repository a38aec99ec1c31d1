"""Whether an answer, or its time, tells who is a user.

Each kind of wrong credentials is presented by turns, in an order that changes every round, so that a noisy
moment strikes all alike. What is compared is always with a wrong password; one kind is that very same thing
again, for a reader to see what chance alone does.
"""

import json
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.deployed import ENGINE, Timed, deployed, timed
from benchmarks.page import Row, say
from local import answers
from tests.deployment import PASSWORD, Deployment

OPERATIONS = ("authenticate", "log_in")
REFERENCE = "wrong password"
CONTROL = "wrong password, again"
RIGHT = "right password"
KINDS = ("unknown address", "no address at all", "user without a password", REFERENCE, CONTROL, RIGHT)
WRONG_PASSWORD = "incorrect horse battery stapl"  # noqa: S105 - as long as the right one
_PEOPLE, _WARM_UP, _RESAMPLES = 10, 20, 1000
_NOT_COMPARED = frozenset({"x-request-id", "date"})
TEXT = (
    "Medians and quartiles of a call, in ms, argon2id with the template's parameters. Against a wrong "
    "password: the difference of medians in µs of CPU, with the interval that holds it in 95 of 100 such "
    "runs, and how often the slower of one call each is of this kind (0.5 is a coin)."
)


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


def measure(runs: int) -> dict[str, list[Row]]:
    """A table for each operation.

    Raises:
        AssertionError: Kinds of wrong credentials differ in their answers or table operations.
    """
    seen = {operation: {kind: Kind() for kind in KINDS} for operation in OPERATIONS}
    generator = random.Random(runs)  # noqa: S311 - no secret
    with deployed(ENGINE) as deployment:
        _make_people(deployment)
        turns = [(operation, kind) for operation in OPERATIONS for kind in KINDS]
        for run in range(-_WARM_UP, runs):
            if run % 50 == 0:
                say(f"No oracle: round {run} of {runs}")
            generator.shuffle(turns)
            for operation, kind in turns:
                call = timed(deployment, operation, _event(deployment, operation, kind, run % _PEOPLE))
                if run >= 0:
                    seen[operation][kind].note(call)
    for kinds in seen.values():
        refused = [kind for name, kind in kinds.items() if name != RIGHT]
        if len(set[Any]().union(*(kind.answers | kind.trips for kind in refused))) != 2:
            raise AssertionError([(kind.answers, kind.trips) for kind in refused])
    return {f"`{operation}`": [_row(name, kinds) for name in kinds] for operation, kinds in seen.items()}


def _row(name: str, kinds: dict[str, Kind]) -> Row:
    kind, reference = kinds[name], kinds[REFERENCE]
    row: Row = {"": name}
    for column, values in (("CPU", kind.cpu_ms), ("wall", kind.wall_ms)):
        low, middle, high = statistics.quantiles(values, n=4)
        row |= {column: middle, f"{column}, quartiles": f"{low:.2f} – {high:.2f}"}
    if name not in (REFERENCE, RIGHT):
        difference, low, high = compare(kind.cpu_ms, reference.cpu_ms)
        row["difference, µs"] = f"{difference * 1000:+.0f} ({low * 1000:+.0f} … {high * 1000:+.0f})"
        row["told apart"] = told_apart(kind.cpu_ms, reference.cpu_ms)
    ways = {"+".join(trip.partition(":")[2] for trip in trips) for trips in kind.trips}
    return row | {"table operations": sorted(ways)}


def compare(values: Sequence[float], others: Sequence[float]) -> tuple[float, float, float]:
    """The difference of two medians, and the ends of its 95 % interval, by the bootstrap."""
    generator = random.Random(_RESAMPLES)  # noqa: S311 - no secret
    differences = sorted(
        statistics.median(generator.choices(values, k=len(values)))
        - statistics.median(generator.choices(others, k=len(others)))
        for _ in range(_RESAMPLES)
    )
    edge = _RESAMPLES // 40
    middle = statistics.median(values) - statistics.median(others)
    return middle, differences[edge], differences[-1 - edge]


def told_apart(values: Sequence[float], others: Sequence[float]) -> float:
    """The part of all pairs in which the first value is the greater; ties count half (Mann-Whitney's U)."""
    return statistics.fmean((a > b) + (a == b) / 2 for a in values for b in others)


def _make_people(deployment: Deployment) -> None:
    """Users with a password, and as many who were imported without one."""
    here = {"applicationId": deployment.application_id}
    for number in range(_PEOPLE):
        user = {"email": _address("person", number), "password": PASSWORD}
        deployment.invoke("create_user", here | user)
    guests = [{"email": _address("extern", number), "passwordHash": None} for number in range(_PEOPLE)]
    key = f"import/{deployment.application_id}/guests.jsonl"
    deployment.put_file(key, "\n".join(map(json.dumps, guests)).encode())
    deployment.invoke("import_users", here | {"key": key})


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

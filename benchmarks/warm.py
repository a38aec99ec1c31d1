"""Warm: handlers called in their own processes, in turns with each other and with the floor of the request.

An event's clients and the tutorial's route that does the same take turns, so that a noisy moment strikes all.
"""

import json
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks import cold, goals
from benchmarks.page import Row, say
from benchmarks.subjects import REFERENCE, SIGNET, Subject, Subjects
from tools import built
from tools.runtime_api import import_path

BLOCK, WARM_UP = 5, 20
COUNTERPARTS = {
    **dict.fromkeys(("issue_identity_token", "issue_session_token", "issue_user_token"), "tutorial.mint"),
    **dict.fromkeys(("authenticate", "authorize_request", "introspect_token"), "tutorial.verify"),
    "log_in": "tutorial.sign_in",
}
"""Which of the tutorial's routes does what an operation does."""

TEXT = (
    "CPU of the handler's process for one call, in µs: medians of calls in turns with the floor, with the "
    "other client and with the tutorial's route; × is against the floor, and *beyond* leaves argon2id out "
    "of both. ± is half the distance between the quartiles. The units are those of a warm call."
)


@dataclass(slots=True)
class Caller:
    """A process that calls a handler, and what it has measured."""

    subject: Subject
    client: str
    process: subprocess.Popen[str]
    samples: dict[str, list[list[int]]] = field(default_factory=lambda: {"handler": [], "floor": []})

    def do(self, command: str, *arguments: object) -> Any:
        """Have it do something.

        Raises:
            RuntimeError: It died of it.
        """
        assert self.process.stdin is not None  # noqa: S101 - both are pipes
        assert self.process.stdout is not None  # noqa: S101
        self.process.stdin.write(json.dumps([command, arguments]) + "\n")
        self.process.stdin.flush()
        if not (line := self.process.stdout.readline()):
            self.process.wait()
            raise RuntimeError(f"{self.subject.name} {self.client}: `{command}` ended its process")
        return json.loads(line)

    def run(self, times: int = BLOCK) -> None:
        """Take a turn."""
        for what, found in self.do("run", times).items():
            self.samples[what] += found

    def median(self, what: str, *, wall: bool = False, beyond: bool = False) -> float:
        """Microseconds of a call; `beyond` what argon2 takes of it."""
        taken = (one[wall] - (one[2] if beyond else 0) for one in self.samples[what])
        return statistics.median(taken) / 1000


def measure(subjects: Subjects, seconds: float) -> dict[str, list[Row]]:
    """A row for each event and client."""
    rows: list[Row] = []
    for subject in subjects.all:
        if subject.kind == SIGNET and subject.operation not in goals.NOBODY_WAITS:
            say(f"Warm: {subject.name}")
            counterpart = COUNTERPARTS.get(subject.operation)
            others = [one for one in subjects.all if one.name == counterpart]
            try:
                rows += _in_turns([subject, *others], seconds)
            except RuntimeError as error:
                subjects.faults.append(str(error))
    rows += [
        row for one in subjects.all if one.kind not in (SIGNET, REFERENCE) for row in _in_turns([one], 1)
    ]
    empty = next(one for one in subjects.all if one.name == "reference.empty")
    return {"": rows, "Runtime client": [{"function": empty.name, "CPU, ms": cold.runtime_cpu(empty)}]}


def _in_turns(subjects: Sequence[Subject], seconds: float) -> Iterator[Row]:
    with ExitStack() as stack:
        facts, callers = [], []
        for subject in subjects:
            for client in subject.clients:
                caller = stack.enter_context(running(subject, client))
                facts.append(_prepare(caller))
                callers.append(caller)
        deadline = time.monotonic() + seconds * len(callers)
        while time.monotonic() < deadline:
            for caller in callers:
                caller.run()
        tutorial = callers[-1].median("handler") if len(subjects) > 1 else None
        for caller, known in zip(callers, facts, strict=True):
            if caller.subject is subjects[0]:
                yield known | _figures(caller, tutorial, has_floor=bool(known["floor"]))


def _prepare(caller: Caller) -> Row:
    """Call it cold and warm, lay its floor, and warm both up."""
    subject = caller.subject
    subject.cassette.calls.clear()
    caller.do("call")
    cold_trips = len(subject.cassette.calls)
    subject.cassette.calls.clear()
    called = caller.do("call")
    calls = list(subject.cassette.calls)
    # The tutorial's Tracer has patched botocore, so there is no bare client in its process.
    asked = [(r.name, r.body.decode(), a.body.decode()) for r, a in calls] if subject.kind == SIGNET else []
    steps = caller.do("floor", asked)
    caller.run(WARM_UP)
    caller.samples = {"handler": [], "floor": []}
    return {
        "event": subject.name,
        "client": caller.client,
        "trips": [request.name.removeprefix("dynamodb:") for request, _ in calls],
        "cold trips": cold_trips,
        "read units": sum(answer.read for _, answer in calls),
        "write units": sum(answer.write for _, answer in calls),
        "log, bytes": called["log_bytes"],
        "floor": steps if subject.kind == SIGNET else [],
        "operation": subject.operation,
        "memory": subject.memory,
        "HTTP": "yes" if subject.is_http else "no",
    }


def _figures(caller: Caller, tutorial: float | None, *, has_floor: bool) -> Row:
    cpu, row = caller.median("handler"), {}
    taken = [one[0] for one in caller.samples["handler"]]
    low, middle, high = statistics.quantiles(taken, n=4)
    row = {"CPU": cpu, "±": f"{(high - low) / 2 / middle:.0%}", "wall": caller.median("handler", wall=True)}
    if cpu - caller.median("handler", beyond=True) > cpu / 10:
        row["argon2id"] = cpu - caller.median("handler", beyond=True)
    if has_floor:
        floor = caller.median("floor")
        row |= {"floor, CPU": floor, "×": cpu / floor}
        if "argon2id" in row:
            row["× beyond"] = caller.median("handler", beyond=True) / caller.median("floor", beyond=True)
    return row | ({"× tutorial": cpu / tutorial} if tutorial else {})


@contextmanager
def running(subject: Subject, client: str) -> Iterator[Caller]:
    """A process that has imported the handler."""
    function = subject.function
    variables = {
        **subject.environment(client),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(subject.memory),
        "LAMBDA_TASK_ROOT": str(function.code),
        "PYTHONDONTWRITEBYTECODE": "1",
        # The benchmark's own code comes last, so that the function finds nothing that it would not on Lambda.
        "PYTHONPATH": f"{import_path(function)}:{built.ROOT}",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }
    command = [str(built.RUNTIME_PYTHON), "-P", "-m", "benchmarks.inside"]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - our own program, no shell
        command, cwd=function.code, env=variables, stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdin is not None  # noqa: S101 - a pipe
        process.stdin.write(json.dumps(subject.event) + "\n")
        try:
            yield Caller(subject, client, process)
        finally:
            process.kill()

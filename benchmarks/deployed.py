"""A deployment whose AWS runs in other processes, so that this one's time and memory are the handlers' own.

DynamoDB is a real engine that keeps everything in memory; S3, KMS and Lambda are moto's server. The tests'
deployment does the rest: the template's table, functions and routes, an event for each request, the handlers.
"""

import contextlib
import io
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

from local import answers, aws, sam
from signet import wiring
from tests import engine
from tests.deployment import START_MS, Cloud, Deployment

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

ENGINE = "extenddb"
"""Of the two engines the one whose writes do not get slower as users become many."""


UNREACHED = (1_000_000, 60_000)
"""A limit of guessing that no benchmark meets, at once and a minute: what was taken is back at once."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A call of a handler.

    Attributes:
        answer: What it returned.
        wall_ms: How long it took.
        cpu_ms: How much CPU time this process used meanwhile, all threads together.
        trips: Its calls to AWS, as `dynamodb:GetItem`, in their order.
    """

    answer: Any
    wall_ms: float
    cpu_ms: float
    trips: tuple[str, ...]

    @property
    def status(self) -> int:
        """The status of the HTTP answer."""
        return answers.interpret(self.answer).status

    @property
    def body(self) -> Any:
        """The HTTP answer's body."""
        return json.loads(answers.interpret(self.answer).body)


@contextmanager
def deployed(engine_name: str, variables: Mapping[str, str] | None = None) -> Iterator[Deployment]:
    """A deployment with the template's own parameters of argon2 and a clock that goes.

    What the container has cached stays: otherwise one call in hundreds would make a round trip more.

    Args:
        engine_name: `dynoxide` or `extenddb`.
        variables: Of the functions, instead of the template's.

    Raises:
        MissingEngineError: It is not installed.
    """
    with (
        engine.running_engine(engine_name) as dynamodb,
        _running_moto() as others,
        mock.patch.dict(os.environ),
    ):
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        surroundings = {
            "AWS_ACCESS_KEY_ID": engine.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": engine.SECRET_ACCESS_KEY,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_DEFAULT_REGION": engine.REGION,
            "AWS_REGION": engine.REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": others,
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
            "NO_PROXY": "127.0.0.1",
        }
        with (
            # The handlers log to what was standard output when they were imported.
            contextlib.redirect_stdout(_Nowhere()),
            Cloud("signet-benchmark", surroundings).deploy() as deployment,
            mock.patch.dict(
                os.environ, {**sam.shared_environment(deployment.functions), **(variables or {})}
            ),
            mock.patch.object(wiring, "now_ms", _clock()),
        ):
            # Guesses are counted as ever, and nobody meets a limit.
            deployment.limit(**dict.fromkeys(("account", "source", "knownSource"), UNREACHED))
            yield deployment


def timed(deployment: Deployment, operation: str, event: dict[str, Any]) -> Timed:
    """Call a handler. The event is built before and the answer read afterwards."""
    handler, context = deployment.handler(operation), deployment.context(operation)
    with deployment.counted() as trips:
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        answer = handler(event, context)
        cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    deployment.round_trips.clear()
    return Timed(answer, wall / 1e6, cpu / 1e6, tuple(trips))


def peak_mb() -> float:
    """The most memory that this process has had so far: its resident set, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _clock() -> Callable[[], int]:
    """A clock that goes, from the time on at which the deployment was made."""
    started = time.monotonic()

    def now_ms() -> int:
        return START_MS + int((time.monotonic() - started) * 1000)

    return now_ms


class _Nowhere(io.TextIOBase):
    """Takes text, and keeps none of it."""

    def write(self, text: str, /) -> int:
        return len(text)


@contextmanager
def _running_moto() -> Iterator[str]:
    # Spawned, not forked: it shall share nothing with the process that is measured.
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve_moto, args=(there,), daemon=True)
    process.start()
    there.close()
    try:
        yield here.recv()
    finally:
        here.close()
        process.join(5)
        if process.is_alive():
            process.terminate()


def _serve_moto(parent: "Connection[str, None]") -> None:
    parent.send(aws.start())
    with contextlib.suppress(EOFError):
        parent.recv()  # Until the other end is closed.

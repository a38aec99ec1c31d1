"""Faults on the way to AWS: requests and answers that get lost, or take their time.

Of single attempts (`around_attempts`), or of calls, all of whose attempts fail (`faults_of`, `failing`).
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest import mock

from signet import deadline, wiring
from signet.aws import boto, client
from tests import iam
from tests.deployment import Clock, Deployment

ATTEMPT_SECONDS = client.CONNECT_TIMEOUT + client.READ_TIMEOUT
"""What an attempt may take; in a deployment of tests READ_TIMEOUT is another one."""

TIMEOUTS = dict.fromkeys(iam.S3_ACTIONS, client.CONNECT_TIMEOUT + boto.READ_TIMEOUTS["s3"])
"""In seconds, of the operations that have longer ones."""

SERVICES = ("dynamodb", "events", "kms", "lambda", "s3", "sqs")

type Answer = dict[str, Any]
type Around = Callable[[str, Callable[[], Answer]], Answer]
"""Given an operation's name and what has it done: gives the answer, or raises what an attempt meets."""


@contextmanager
def around_attempts(around: Around) -> Iterator[None]:
    """Put something around each attempt at AWS, of every client and every thread.

    A transaction that is repeated is done once, as DynamoDB does, which knows it by its token; moto does not.
    """
    done = dict[object, Answer]()

    def watched(real: Callable[..., Answer], operation: str, request: Any) -> Answer:
        def once() -> Answer:
            if operation != "TransactWriteItems":
                return real(operation, request)
            token = request["ClientRequestToken"]
            if token not in done:
                done[token] = real(operation, request)
            return done[token]

        return around(operation, once)

    with ExitStack() as stack:
        for name in SERVICES:
            transport = wiring.make_client(name).transport
            send = partial(watched, transport.send)
            stack.enter_context(mock.patch.object(transport, "send", send))
        yield


@contextmanager
def lost(*operations: str, arrives: bool = True, afterwards: bool = False) -> Iterator[list[str]]:
    """Lose every attempt at the first call of these operations, so that it fails.

    Args:
        operations: As `TransactWriteItems`.
        arrives: Whether what was asked for is done all the same; else the requests are lost.
        afterwards: Whether nothing is answered any more then: no read-back either.

    Returns:
        The operation of each attempt that was lost.
    """
    attempts: list[str] = []

    def around(operation: str, exchange: Callable[[], Answer]) -> Answer:
        is_first = operation in operations and len(attempts) < client.ATTEMPTS
        if not is_first and not (afterwards and attempts):
            return exchange()
        if arrives:
            exchange()
        attempts.append(operation)
        raise client.NoAnswer

    with (
        around_attempts(around),
        mock.patch.object(random, "uniform", return_value=0),
        # The client stops to repeat where many fail; what it counts would go from test to test.
        mock.patch.object(client._Quota, "take", return_value=True),
    ):
        yield attempts


@dataclass
class Slowness:
    """What a slow AWS was asked for.

    Attributes:
        attempts: The operation of each attempt.
        writes: How many seconds were left when each attempt at a write of DynamoDB began.
    """

    attempts: list[str] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)


@contextmanager
def slow(clock: Clock, seconds: Callable[[], float]) -> Iterator[Slowness]:
    """Let every attempt at AWS take so long, by the clock; what takes longer than its time-out has no answer.

    Args:
        clock: What a deployment goes by. Whoever sleeps moves it too.
        seconds: How long the next attempt takes.
    """
    seen = Slowness()

    def around(operation: str, exchange: Callable[[], Answer]) -> Answer:
        left = deadline.left()
        seen.attempts.append(operation)
        if operation in client.WRITES:
            seen.writes.append(left)
        answer = exchange()
        has = TIMEOUTS.get(operation, ATTEMPT_SECONDS)
        takes = seconds()
        clock.advance(min(takes, has, left))
        if takes > min(has, left):
            raise client.NoAnswer
        return answer

    with around_attempts(around), mock.patch.object(time, "sleep", clock.advance):
        yield seen


@dataclass(frozen=True)
class Failure:
    """How a call fails.

    Attributes:
        error: What the client raises.
        arrives: Whether what was asked for is done all the same.
        lasts: Whether all later calls of the operation fail likewise.
    """

    error: client.AwsError
    arrives: bool = False
    lasts: bool = False


FAILURES = {
    "throttled": Failure(client.Refused(400, "ThrottlingException")),
    "throttled from then on": Failure(client.Refused(400, "ThrottlingException"), lasts=True),
    "request lost": Failure(client.NoAnswer("nobody answers")),
    "answer lost": Failure(client.NoAnswer("nobody answers"), arrives=True),
}


@dataclass(frozen=True)
class Fault:
    """One call that fails.

    Attributes:
        place: How many calls came before it.
        operation: What it asks for, as `UpdateItem`.
        how: One of `FAILURES`.
    """

    place: int
    operation: str
    how: str


@contextmanager
def _around_calls(around: Callable[[str, Callable[[], Any]], Any]) -> Iterator[None]:
    def watched(real: Callable[..., Any], operation: str, request: Any) -> Any:
        return around(operation, partial(real, operation, request))

    with ExitStack() as stack:
        for name in ("dynamodb", "kms"):
            asked = wiring.make_client(name)
            stack.enter_context(mock.patch.object(asked, "call", partial(watched, asked.call)))
        yield


def faults_of(act: Callable[[], object]) -> list[Fault]:
    """Every way in which one of the calls can fail that something makes; it is done to find them."""
    operations: list[str] = []

    def around(operation: str, call: Callable[[], Any]) -> Any:
        operations.append(operation)
        return call()

    with _around_calls(around):
        act()
    return [Fault(place, operation, how) for place, operation in enumerate(operations) for how in FAILURES]


@contextmanager
def failing_at(place: int, how: str, expected: str | None = None) -> Iterator[None]:
    """Let one call fail, if there are so many; whatever is asked besides is answered.

    Args:
        place: How many calls come before it.
        how: One of `FAILURES`.
        expected: The operation that it has to be, if it must be there.
    """
    failure, operations = FAILURES[how], list[str]()

    def around(operation: str, call: Callable[[], Any]) -> Any:
        operations.append(operation)
        is_later = failure.lasts and len(operations) > place + 1 and operation == operations[place]
        if len(operations) != place + 1 and not is_later:
            return call()
        assert expected in (None, operation), "the calls are others than they were"
        if failure.arrives:
            with suppress(client.Refused):  # Nobody hears of that either.
                call()
        raise failure.error

    with _around_calls(around):
        yield


def failing(fault: Fault) -> AbstractContextManager[None]:
    """Let one call fail that was found before (`faults_of`)."""
    return failing_at(fault.place, fault.how, fault.operation)


def restore(signet: Deployment, items: list[dict[str, Any]]) -> None:
    """Put the table back as it was, and forget what the container knows."""
    before, now = ({(i["pk"]["S"], i["sk"]["S"]): i for i in some} for some in (items, signet.items()))
    for key, item in now.items():
        if key not in before:
            signet.delete_item(item)
    for key, item in before.items():
        if now.get(key) != item:
            signet.put_item(item)
    signet.restart()

"""Faults on the way to AWS: requests and answers that get lost, or take their time."""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from botocore.exceptions import ReadTimeoutError

from signet import aws, deadline, wiring
from tests.deployment import Clock

ATTEMPT_SECONDS = aws.CONNECT_TIMEOUT + aws.READ_TIMEOUT
"""What an attempt may take; in a deployment of tests READ_TIMEOUT is another one."""

TARGET = re.compile(rb"\r\nx-amz-target: \w+\.(\w+)\r\n")

type Answer = tuple[int, str | None, bytes]
type Around = Callable[[str, Callable[[], Answer]], Answer]
"""Given an operation's name and what has it done: gives the answer, or raises what an attempt meets."""


@contextmanager
def around_attempts(around: Around) -> Iterator[None]:
    """Put something around each attempt at AWS, of every client and every thread.

    A transaction that is repeated is done once, as DynamoDB does, which knows it by its token; moto does not.
    """
    real, done = aws.Client._exchange, dict[bytes, Answer]()

    def exchange(client: aws.Client, message: bytes) -> Any:
        head, _, body = message.partition(b"\r\n\r\n")
        found = TARGET.search(head)
        assert found is not None
        operation = found[1].decode()

        def once() -> Answer:
            answer = done.get(body) or real(client, message)
            if operation == "TransactWriteItems" and answer[0] == 200:
                done[body] = answer
            return answer

        return around(operation, once)

    with mock.patch.object(aws.Client, "_exchange", exchange):
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
        is_first = operation in operations and len(attempts) < aws.ATTEMPTS
        if not is_first and not (afterwards and attempts):
            return exchange()
        if arrives:
            assert exchange()[0] == 200
        attempts.append(operation)
        raise TimeoutError

    with (
        around_attempts(around),
        mock.patch.object(random, "uniform", return_value=0),
        # The client stops to repeat where many fail; what it counts would go from test to test.
        mock.patch.object(aws._Quota, "take", return_value=True),
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

    def pass_time(limit: float) -> None:
        takes = seconds()
        clock.advance(min(takes, limit))
        if takes > limit:
            raise TimeoutError

    def around(operation: str, exchange: Callable[[], Answer]) -> Answer:
        left = deadline.left()
        seen.attempts.append(operation)
        if operation in aws.WRITES:
            seen.writes.append(left)
        answer = exchange()
        pass_time(min(ATTEMPT_SECONDS, left))
        return answer

    def before_send(request: Any, **_: Any) -> None:
        seen.attempts.append(request.url)
        try:
            pass_time(aws.CONNECT_TIMEOUT + wiring.READ_TIMEOUTS.get("s3", 0.0))
        except TimeoutError:
            raise ReadTimeoutError(endpoint_url=request.url) from None

    events = [wiring.make_client(name).meta.events for name in ("s3", "lambda")]
    with around_attempts(around), mock.patch.object(time, "sleep", clock.advance):
        for emitter in events:
            emitter.register_last("before-send", before_send)
        try:
            yield seen
        finally:
            for emitter in events:
                emitter.unregister("before-send", before_send)

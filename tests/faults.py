"""Faults on the way to AWS: requests and answers of the client of DynamoDB and KMS that get lost."""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from signet import aws

TARGET = re.compile(rb"\r\nx-amz-target: \w+\.(\w+)\r\n")

type Answer = tuple[int, str | None, bytes]
type Around = Callable[[str, Callable[[], Answer]], Answer]
"""Given an operation's name and what has it done: gives the answer, or raises what an attempt meets."""


@contextmanager
def around_attempts(around: Around) -> Iterator[None]:
    """Put something around each attempt at AWS, of every client and every thread."""
    real = aws.Client._exchange

    def exchange(client: aws.Client, message: bytes) -> Any:
        found = TARGET.search(message)
        assert found is not None
        return around(found[1].decode(), lambda: real(client, message))

    with mock.patch.object(aws.Client, "_exchange", exchange):
        yield


@contextmanager
def lost(*operations: str, arrives: bool = True, afterwards: bool = False) -> Iterator[list[str]]:
    """Lose every attempt at the first call of these operations, so that it fails.

    Args:
        operations: As `TransactWriteItems`.
        arrives: Whether what was asked for is done all the same, once; else the requests are lost.
        afterwards: Whether nothing is answered any more then: no read-back either.

    Returns:
        The operation of each attempt that was lost.
    """
    attempts: list[str] = []

    def around(operation: str, exchange: Callable[[], Answer]) -> Answer:
        is_first = operation in operations and len(attempts) < aws.ATTEMPTS
        if not is_first and not (afterwards and attempts):
            return exchange()
        if arrives and not attempts:
            # Once, however often it is repeated: DynamoDB knows it by its token, which moto does not.
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

"""How long an invocation may still take: one end for all that it calls.

Lambda kills what has not ended in time, perhaps just behind a write, and nobody hears of it. So the adapters
say when to end, and whatever takes time asks here: each call to AWS, each further attempt, each long sweep.
The end is the invocation's own: the local gateway runs several at a time in one process.
"""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context

RESERVE_SECONDS = 0.5
"""What is kept for making the answer, once the last call to AWS has ended."""

ATTEMPTS = 8
PAUSE = 0.02
"""For another request that got in the way; a busy store takes longer."""

now = time.monotonic
"""The clock, in seconds."""

_end: ContextVar[float] = ContextVar("end", default=math.inf)


@contextmanager
def within(milliseconds: float, reserve: float = RESERVE_SECONDS) -> Iterator[None]:
    """Have all that is done meanwhile end in time; an earlier end that was set around it stays.

    Args:
        milliseconds: What is left of the invocation (`context.get_remaining_time_in_millis()`).
        reserve: Seconds to keep of it.
    """
    before = _end.set(min(_end.get(), now() + milliseconds / 1000 - reserve))
    try:
        yield
    finally:
        _end.reset(before)


def left() -> float:
    """How many seconds are left, negative where it is too late; infinite outside of an invocation."""
    return _end.get() - now()


def attempts(pause: float = PAUSE) -> Iterator[int]:
    """Number the attempts at what others get in the way of, and wait a moment before each further one.

    The pauses grow and are random, so that those who met do not meet again. No attempt comes that would
    begin too late; whoever runs out of them raises `Unavailable`.

    Args:
        pause: Seconds, doubled at each attempt, within which the next one is made.
    """
    for number in range(ATTEMPTS):
        if number:
            wait = random.uniform(0, pause * 2**number)  # noqa: S311 - no secret
            if wait >= left():
                return
            time.sleep(wait)
        yield number


def carried[*Given, Result](work: Callable[[*Given], Result]) -> Callable[[*Given], Result]:
    """The work, for another thread: one begins without an invocation, and so without its end."""
    context = copy_context()
    return lambda *given: context.copy().run(work, *given)

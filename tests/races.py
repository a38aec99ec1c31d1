"""Calls that race: real threads, let go at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

from signet.errors import SignetError


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls at the same moment; each gives its result, or the refusal that it raised."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(place: int) -> None:
        barrier.wait()
        try:
            results[place] = calls[place]()
        except SignetError as error:
            results[place] = error
        except Exception as error:
            results[place] = error
            raise

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results

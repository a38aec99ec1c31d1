"""The way to a deployment, as several threads use it."""

import threading
from typing import Any

from signet.cli.target import Resources, Target


def test_threads_that_ask_at_once_get_one_client() -> None:
    """boto3 makes no two at the same time."""
    made: list[str] = []
    under_way = threading.Lock()

    def make(service: str) -> Any:
        assert under_way.acquire(blocking=False), "two are being made"
        made.append(service)
        threading.Event().wait(0.02)
        under_way.release()
        return object()

    target = Target("test", "https://id.example.com", lambda: Resources({}, "", "", ""), make)
    found: list[Any] = []
    barrier = threading.Barrier(8)

    def ask(service: str) -> None:
        barrier.wait()
        found.append((service, target.client(service)))

    threads = [threading.Thread(target=ask, args=(service,)) for service in ("s3", "lambda") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == ["lambda", "s3"]
    assert len(found) == 8
    assert len({client for _, client in found}) == 2

"""From a write to the bus: how long the events of 100 writes a second take, on a real engine, by `make run`.

The writes are the engine's own, so that what is measured is the stream, the function and the bus, and not the
operations before them; the function runs as Lambda would run it, a batch of a shard after the other.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import botocore.session

from benchmarks.page import Row
from tests import engine
from tools import built

RATE = 100
SECONDS = 20
USERS = 50
STARTUP = 30
PATIENCE = 30
TEXT = (
    f"{RATE} writes a second for {SECONDS} s, each of one of {USERS} users, on the engine ExtendDB, followed "
    "by `EVENTS=1 make run`: ms from the answer to a write until the bus has its event. Lambda looks at "
    "a shard four times a second where there was nothing."
)


def measure() -> dict[str, list[Row]]:
    """One row.

    Raises:
        MissingEngineError: The engine is not installed.
        SystemExit: It did not start, or events are missing.
    """
    with running() as (state, client, table, application):
        seen: dict[tuple[str, int], float] = {}
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(state / "events.jsonl", seen, ended))
        watcher.start()
        written = _write(client, table, application)
        end = time.monotonic() + PATIENCE
        while not written.keys() <= seen.keys() and time.monotonic() < end:
            time.sleep(0.1)
        ended.set()
        watcher.join()
    if missing := written.keys() - seen.keys():
        raise SystemExit(f"{len(missing)} of {len(written)} events did not come.")
    took = sorted((seen[key] - at) * 1000 for key, at in written.items())
    rate = (len(written) - 1) / (max(written.values()) - min(written.values()))
    row: Row = {"writes": len(written), "a second": rate, "median": median(took)}
    return {"": [row | {"p99": quantiles(took, n=100)[98], "the latest": took[-1]}]}


def _write(client: Any, table: str, application: str) -> dict[tuple[str, int], float]:
    """When which user had which revision."""
    written: dict[tuple[str, int], float] = {}
    started = time.monotonic()
    for number in range(RATE * SECONDS):
        user, revision = f"{number % USERS:024x}", number // USERS
        client.update_item(
            TableName=table,
            Key={"pk": {"S": f"APP#{application}#USER#{user}"}, "sk": {"S": "USER"}},
            UpdateExpression="SET created_at = :one, revision = :revision, first_name = :name",
            ExpressionAttributeValues={
                ":one": {"N": "1"},
                ":revision": {"N": str(revision)},
                ":name": {"S": f"Ann {number}"},
            },
        )
        written[user, revision] = time.monotonic()
        time.sleep(max(0.0, started + (number + 1) / RATE - time.monotonic()))
    return written


def _watch(kept: Path, seen: dict[tuple[str, int], float], ended: threading.Event) -> None:
    line = ""
    with kept.open() as file:
        while not ended.wait(0.005):
            for piece in file:
                line += piece
                if not line.endswith("\n"):
                    continue  # The rest is being written.
                detail, line = json.loads(line)["detail"], ""
                seen.setdefault((detail["subject"]["id"], detail["sequence"]), time.monotonic())


@contextmanager
def running() -> Iterator[tuple[Path, Any, str, str]]:
    """`make run` with events on an engine: its folder, a client of the engine, table and application."""
    with engine.running_engine("extenddb") as url, tempfile.TemporaryDirectory() as name:
        state, log = Path(name), Path(name, "log")
        own = {
            "AWS_ACCESS_KEY_ID": engine.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": engine.SECRET_ACCESS_KEY,
            "AWS_REGION": engine.REGION,
            "AWS_ENDPOINT_URL_DYNAMODB": url,
            "EVENTS": "1",
            "PORT": "0",
            "SIGNET_STATE": name,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "local"],
                cwd=built.ROOT,
                env=os.environ | own,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                end = time.monotonic() + STARTUP
                while not (state / "demo.json").exists():
                    if process.poll() is not None or time.monotonic() > end:
                        raise SystemExit(log.read_text())
                    time.sleep(0.1)
                demo = json.loads((state / "demo.json").read_text())
                (state / "events.jsonl").touch()
                session = botocore.session.get_session()
                session.set_credentials(engine.ACCESS_KEY_ID, engine.SECRET_ACCESS_KEY)
                client = session.create_client("dynamodb", engine.REGION, endpoint_url=url)
                yield state, client, demo["tableName"], demo["applicationId"]
            finally:
                process.terminate()
                process.wait()

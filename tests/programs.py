"""Programs of the project that run beside the tests, such as what `make run` runs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.deployment import ROOT

STARTUP_SECONDS = 60.0


@contextmanager
def running(*command: str | Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program of the project; its log can be read where the test fails."""
    environment = {**os.environ, **variables}
    # A shell lets what it starts in the background be deaf to Ctrl-C, and so its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(  # noqa: S603 - our own programs, no shell
        [sys.executable, *command], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def running_demo(
    state: Path, *, port: str = "0", kill: bool = False, **variables: str
) -> Iterator[Mapping[str, str]]:
    """Run what `make run` runs, on a free port, and give what it says of itself.

    Args:
        state: The folder for what it leaves.
        port: Another port.
        kill: Whether it is killed in the end, rather than asked to end.
        variables: Of its environment, besides our own.
    """
    with running("-m", "local", PORT=port, SIGNET_STATE=str(state), **variables) as process:
        deadline = time.monotonic() + STARTUP_SECONDS
        while not (state / "demo.json").exists():
            assert process.poll() is None, "`python -m local` did not start"
            assert time.monotonic() < deadline, "`python -m local` takes too long to start"
            time.sleep(0.02)
        yield json.loads((state / "demo.json").read_text())
        if kill:
            process.kill()

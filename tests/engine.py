"""Starts a real DynamoDB engine, since moto's check and write hold no lock and prove nothing about races.

`make engines` installs two into `.tools/engines`; `SIGNET_ENGINE` chooses:

    not set                 the default engine where it is installed, otherwise none
    extenddb or dynoxide    that one, and a `MissingEngineError` where it is not installed
    none                    none
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DEFAULT_ENGINE = "extenddb"
STARTUP_SECONDS = 60.0
# ExtendDB checks signatures, and knows AWS's documented example key alone. The other takes any.
REGION = "us-east-1"
ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

_INSTALLED = Path(__file__).parents[1] / ".tools" / "engines" / "node_modules"
_ENGINES = ("extenddb", "dynoxide")


class MissingEngineError(RuntimeError):
    """The engine that was asked for is not installed."""


class EngineStartError(RuntimeError):
    """The engine ended, or did not answer in time."""


def find_engine(name: str | None = None) -> Path | None:
    """Return the engine's program, or None where none is installed and none was asked for.

    Raises:
        MissingEngineError: an engine was named, here or by `SIGNET_ENGINE`, and is not installed.
    """
    asked = name or os.environ.get("SIGNET_ENGINE") or None
    if asked == "none":
        return None
    wanted = asked or DEFAULT_ENGINE
    if wanted not in _ENGINES:
        raise MissingEngineError(f"no engine is called {wanted!r}: choose one of {', '.join(_ENGINES)}")
    for program in _INSTALLED.glob(f"@{wanted}/*/{wanted}"):
        return program
    if on_path := shutil.which(wanted):
        return Path(on_path)
    if asked:
        raise MissingEngineError(f"{wanted} is not installed: run `make engines`")
    return None


@contextmanager
def running_engine(name: str | None = None) -> Iterator[str]:
    """Run an empty engine that keeps everything in memory, and give its endpoint URL.

    Raises:
        MissingEngineError: there is none to run.
        EngineStartError: it did not come up; the message holds what it printed.
    """
    program = find_engine(name)
    if program is None:
        raise MissingEngineError("no DynamoDB engine is installed: run `make engines`")
    port = _free_port()
    arguments, variables = _command(program, port)
    with tempfile.TemporaryDirectory(prefix="signet-engine-") as folder:
        log = Path(folder) / "engine.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                arguments, cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            _wait_until_it_listens(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            # It holds nothing worth saving; ExtendDB takes a second over an orderly end.
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _command(program: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
    if program.name == "extenddb":
        return [str(program), "serve", "--foreground"], {
            "EXTENDDB__SERVER__PORT": str(port),
            "EXTENDDB__STORAGE__SQLITE__PATH": ":memory:",
            "EXTENDDB__SERVER__REGION": REGION,
        }
    return [str(program), "serve", "--port", str(port)], {}


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.005)
        else:
            return
    printed = log.read_text(errors="replace")[-2000:]
    raise EngineStartError(f"the engine did not answer on port {port}:\n{printed}")

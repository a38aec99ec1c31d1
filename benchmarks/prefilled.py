"""A DynamoDB engine that begins with as many items as are wanted: Dynoxide, which reads DynamoDB's exports.

Writing a million users through the API takes it ten minutes, reading them from a file two.
"""

import base64
import json
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.engine import EngineStartError, MissingEngineError, find_engine

NAME = "dynoxide"
_START_SECONDS = 10.0
_LOAD_SECONDS = 900.0


class Engine:
    """An engine on one port, in memory, which can be started anew with other contents.

    Attributes:
        url: Its endpoint, which stays.
    """

    def __init__(self, folder: Path) -> None:
        """Find the engine.

        Args:
            folder: For its log and for what it is to read.

        Raises:
            MissingEngineError: It is not installed.
        """
        program = find_engine(NAME)
        if program is None:
            raise MissingEngineError(f"{NAME} is not installed: run `make engines`")
        self._program, self._folder = program, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._start(["serve"], _START_SECONDS)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop()

    def load(self, schema: Mapping[str, Any], lines: Iterable[str]) -> None:
        """Start it anew with these items and no others.

        Args:
            schema: The table, as DescribeTable gives it.
            lines: The items, as `line_of` gives them.
        """
        data = self._folder / "export" / schema["Table"]["TableName"] / "data"
        data.mkdir(parents=True)
        with (data / "items.json").open("w") as file:
            file.writelines(lines)
        described = self._folder / "schema.json"
        described.write_text(json.dumps([schema], default=str))
        self._stop()
        source = str(self._folder / "export")
        self._start(["import", "--source", source, "--schema", str(described), "--serve"], _LOAD_SECONDS)
        (data / "items.json").unlink()

    def _start(self, arguments: list[str], seconds: float) -> None:
        log = self._folder / "engine.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                [str(self._program), *arguments, "--port", str(self._port)],
                cwd=self._folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        self._stop()
        printed = log.read_text(errors="replace")[-2000:]
        raise EngineStartError(f"{NAME} did not answer on port {self._port}:\n{printed}")

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def line_of(item: Mapping[str, Any]) -> str:
    """An item, with DynamoDB's typed attributes, as a line of an export."""
    return json.dumps({"Item": item}, default=_base64, separators=(",", ":")) + "\n"


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)

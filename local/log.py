"""What `make run` says of each call: a line to read, and everything in a file (docs/local.md).

The functions log to standard output, in JSON, as on AWS. Here that is taken line by line: kept as it came,
and told in the gateway's own line of the request that it belongs to.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, override

if TYPE_CHECKING:
    from pathlib import Path

    from local.messages import Request, Response

FILE: Final = "log.jsonl"
OLDER: Final = "log.older.jsonl"
"""What `FILE` was called when it was full; its predecessor of this name is gone then."""
_FULL: Final = 8 * 2**20
"""Bytes of one file."""


class Log(io.TextIOBase):
    """Standard output of the functions.

    Args:
        folder: where the lines are kept, in two files that only their owner may read; None keeps nothing.
        raw: whether the terminal (standard error) gets the lines as they are.
    """

    def __init__(self, folder: Path | None = None, *, raw: bool = False) -> None:
        self._folder = folder
        self._raw = raw
        self._begun = threading.local()
        self._lock = threading.Lock()
        self._open: dict[str, list[dict[str, Any]]] = {}

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, text: str, /) -> int:
        # By thread: what one prints must not end up in the middle of another one's line.
        *lines, rest = (getattr(self._begun, "text", "") + text).split("\n")
        self._begun.text = rest
        for line in lines:
            self._take(line)
        return len(text)

    def begin(self, request: Request) -> None:
        """From now on, what functions say of this request is told when it is answered."""
        with self._lock:
            self._open[request.request_id] = []

    def end(self, request: Request, route: str, response: Response, milliseconds: float) -> None:
        """Say what became of a request.

        Args:
            request: which one.
            route: its path in the template: the path itself may hold an address, and the query a token.
            response: what the caller got.
            milliseconds: how long that took.
        """
        with self._lock:
            said = self._open.pop(request.request_id, [])
        access = {
            "request_id": request.request_id,
            "time": f"{request.received_at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "ip": request.source_ip,
            "route": f"{request.method} {route}",
            "status": str(response.status),
            "bytes": str(len(response.body)),
            "latency_ms": f"{milliseconds:.0f}",
            "error": response.reason or "-",
        }
        line = json.dumps(access)
        self._keep(line)
        if self._raw:
            _show(line)
            return
        operations = [call["service"] for call in said if "_aws" in call]
        words = [request.method, route, str(response.status), f"{milliseconds:.0f} ms"]
        words += [*operations[-1:], *filter(None, (_reason(said), response.reason)), request.request_id]
        _show("  ".join(words))

    def _take(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict) or "service" not in said:
            _show(line)
            return
        self._keep(line)
        if self._raw:
            _show(line)
            return
        with self._lock:
            of_request = self._open.get(said.get("correlation_id", ""))
            if of_request is not None:
                of_request.append(said)
        is_trouble = said.get("level") in ("ERROR", "WARNING")
        if is_trouble:
            _show(_trouble(said))
        if of_request is None and (told := _alone(said)):
            _show(told)

    def _keep(self, line: str) -> None:
        if self._folder is None:
            return
        with self._lock:
            path = self._folder / FILE
            self._folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, f"{line}\n".encode())
                is_full = os.fstat(descriptor).st_size >= _FULL
            finally:
                os.close(descriptor)
            if is_full:
                path.replace(self._folder / OLDER)


def _show(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _reason(said: list[dict[str, Any]]) -> str | None:
    """Why a call was refused, of all that was logged of it: the code, and the sentence where there is one."""
    codes = [line["code"] for line in said if "code" in line]
    if not codes:
        return None
    messages = [line["message"] for line in said if line.get("code") == codes[-1] and "message" in line]
    return ": ".join([codes[-1], *messages[-1:]])


def _trouble(said: dict[str, Any]) -> str:
    """A warning in one line, a bug with its trace."""
    text = f"{said['level']}  {said.get('service')}  {said.get('message')}"
    trace = str(said.get("exception", "")).rstrip()
    if trace:
        text += f"\n{trace}" if said["level"] == "ERROR" else f"  ({trace.splitlines()[-1]})"
    return text


def _alone(said: dict[str, Any]) -> str | None:
    """What is said of a call that came by no route: of a direct invocation, an event, a queue.

    Where it was refused, or failed, the line after the call's own says that, and has the sentence too.
    """
    code, is_call = said.get("code"), "_aws" in said
    if code and is_call:
        return None
    if not code and said.get("level") in ("ERROR", "WARNING"):
        return None
    told = "ok" if is_call else _reason([said]) or str(said.get("message"))
    words = ["invoke", str(said.get("service")), told, str(said.get("correlation_id", ""))]
    return "  ".join(words).rstrip()

"""Runs a built function under AWS's own runtime client, without Docker.

Plays Lambda's part of the runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) on
loopback for one process of `python -m awslambdaric`, which sees the built artefacts alone.
"""

import json
import queue
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

_PREFIX = "/2018-06-01/runtime"


class FunctionExitError(RuntimeError):
    """The function's process ended, or gave no answer in time."""


@dataclass(frozen=True, slots=True)
class BuiltFunction:
    """A function as `sam build` left it."""

    name: str
    code: Path
    layers: tuple[Path, ...] = ()
    handler: str = "handler.lambda_handler"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one event: the result, or Lambda's error document where `is_error`."""

    payload: Any
    is_error: bool
    elapsed_ms: float


class RunningFunction:
    """A function's process that waits for events."""

    def __init__(self, process: subprocess.Popen[bytes], api: "_RuntimeApi", started_at: float) -> None:
        self._process = process
        self._api = api
        self._started_at = started_at

    def wait_until_ready(self, timeout: float = 30) -> float:
        """Return the milliseconds from the start of the process until it asked for its first event.

        Raises:
            FunctionExitError: importing the handler failed; the message holds Lambda's error document.
        """
        deadline = time.perf_counter() + timeout
        while not self._api.ready.wait(0.01):
            self._check(deadline)
        if self._api.init_error is not None:
            raise FunctionExitError(json.dumps(self._api.init_error, indent=2))
        return (self._api.ready_at - self._started_at) * 1000

    def invoke(self, event: Any, timeout: float = 30) -> Answer:
        """Hand over one event and return the answer.

        Raises:
            FunctionExitError: there was none.
        """
        self.wait_until_ready(timeout)
        started_at = time.perf_counter()
        self._api.events.put((str(uuid.uuid4()), json.dumps(event).encode(), timeout))
        while True:
            try:
                is_error, payload, answered_at = self._api.answers.get(timeout=0.2)
            except queue.Empty:
                self._check(started_at + timeout)
            else:
                return Answer(payload, is_error, (answered_at - started_at) * 1000)

    def _check(self, deadline: float) -> None:
        if (status := self._process.poll()) is not None:
            raise FunctionExitError(f"the function's process ended with status {status}")
        if time.perf_counter() > deadline:
            raise FunctionExitError("the function did not answer in time")


@contextmanager
def running_function(
    python: Path, function: BuiltFunction, environment: Mapping[str, str], log: IO[bytes] | int | None = None
) -> Iterator[RunningFunction]:
    """Start a function's process with this environment, Lambda's own variables and nothing else.

    `python` has awslambdaric and boto3, as Lambda's runtime does. `log` takes what the function prints;
    None lets it through.
    """
    api = _RuntimeApi(function.name)
    threading.Thread(target=api.serve_forever, args=(0.02,), daemon=True).start()
    started_at = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [str(python.absolute()), "-m", "awslambdaric", function.handler],
        cwd=function.code,
        env={**_lambda_variables(function), **environment, "AWS_LAMBDA_RUNTIME_API": api.address},
        stdout=log,
        stderr=subprocess.STDOUT if log is not None else None,
    )
    try:
        yield RunningFunction(process, api, started_at)
    finally:
        process.kill()
        process.wait()
        api.stop()


def import_path(function: BuiltFunction) -> str:
    """Return the PYTHONPATH that Lambda would give the function: its code, then its layers."""
    folders = (function.code, *(layer / "python" for layer in function.layers))
    return ":".join(str(folder.absolute()) for folder in folders)


def _lambda_variables(function: BuiltFunction) -> dict[str, str]:
    return {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "LAMBDA_TASK_ROOT": str(function.code.absolute()),
        "PYTHONPATH": import_path(function),
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, function_name: str) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeApiHandler)
        self.address = f"127.0.0.1:{self.server_port}"
        self.function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
        self.events: queue.SimpleQueue[tuple[str, bytes, float] | None] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[tuple[bool, Any, float]] = queue.SimpleQueue()
        self.ready = threading.Event()
        self.ready_at = 0.0
        self.init_error: Any = None

    def handle_error(self, *_: object) -> None:
        """A killed process leaves its connection broken: that is no fault."""

    def stop(self) -> None:
        self.events.put(None)
        self.shutdown()
        self.server_close()


class _RuntimeApiHandler(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: two would wait 40 ms for the client's delayed acknowledgement.
    wbufsize = -1

    def do_GET(self) -> None:
        """GET invocation/next: blocks until there is an event."""
        self._become_ready()
        event = self.server.events.get()
        if event is None:
            self.close_connection = True
            return
        request_id, body, timeout = event
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + timeout) * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", self.server.function_arn)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """POST invocation/<id>/response, invocation/<id>/error or init/error."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answered_at = time.perf_counter()
        payload = json.loads(body) if body else None
        if self.path == f"{_PREFIX}/init/error":
            self.server.init_error = payload
            self._become_ready()
        else:
            self.server.answers.put((self.path.endswith("/error"), payload, answered_at))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Requests of the runtime client are nobody's news."""

    def _become_ready(self) -> None:
        if not self.server.ready.is_set():
            self.server.ready_at = time.perf_counter()
            self.server.ready.set()

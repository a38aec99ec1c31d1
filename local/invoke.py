"""Runs functions as Lambda does: a JSON event in, a JSON answer out, a context, a time limit."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import json
import sys
import threading
import time
import traceback
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from signet.errors import SignetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.sam import Function

type Handler = Callable[[Any, Any], Any]

INTEGRATION_TIMEOUT: Final = 30.0
_THREADS: Final = 32


class FunctionError(Exception):
    """A function failed; its trace is on stderr already."""


class IntegrationTimeoutError(Exception):
    """A function took longer than API Gateway waits."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda hands a handler besides the event."""

    function: Function
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    identity: None = None
    client_context: None = None
    _started: float = field(default_factory=time.monotonic)

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self.function.physical_name

    @property
    def invoked_function_arn(self) -> str:
        """The ARN by which the function was invoked."""
        return self.function.arn

    @property
    def memory_limit_in_mb(self) -> str:
        """The function's memory, in megabytes; Lambda gives it as text."""
        return str(self.function.memory)

    @property
    def log_group_name(self) -> str:
        """The function's log group."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        """The log stream of this instance."""
        return f"{datetime.now(UTC):%Y/%m/%d}/[{self.function_version}]local"

    def get_remaining_time_in_millis(self) -> int:
        """The time that is left, in milliseconds."""
        left = self.function.timeout - (time.monotonic() - self._started)
        return max(0, int(left * 1000))


def import_handler(function: Function) -> Handler:
    """A function's handler, imported from the project's root."""
    handler: Handler = getattr(importlib.import_module(function.module), function.attribute)
    return handler


def call(handler: Handler, function: Function, event: Any, request_id: str | None = None) -> Any:
    """Call a handler with a copy of the event, in a context of its own, and give back a copy of its answer.

    Going through JSON is what Lambda does: nothing is shared, and what JSON cannot hold is an error.
    """
    context = LambdaContext(function, request_id) if request_id else LambdaContext(function)
    answer = contextvars.Context().run(handler, json.loads(json.dumps(event)), context)
    return json.loads(json.dumps(answer))


class Invoker:
    """A pool of threads that runs functions, several at once.

    Args:
        load: finds a function's handler; called once for each function, when it is first needed.
        integration_timeout: seconds that API Gateway waits for a function.
        told: hears what each function answered, before anybody else does.
    """

    def __init__(
        self,
        load: Callable[[Function], Handler] = import_handler,
        integration_timeout: float = INTEGRATION_TIMEOUT,
        told: Callable[[Function, Any], None] = lambda _function, _answer: None,
    ) -> None:
        self._told = told
        self._load = load
        self._integration_timeout = integration_timeout
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="function")
        self._handlers: dict[str, Handler] = {}
        self._running = 0
        self._lock = threading.Lock()

    async def invoke(self, function: Function, event: dict[str, Any]) -> Any:
        """Run a function.

        Raises:
            FunctionError: it raised, or took longer than its own timeout.
            IntegrationTimeoutError: it took longer than API Gateway waits.
        """
        limit = min(float(function.timeout), self._integration_timeout)
        running = asyncio.get_running_loop().run_in_executor(self._pool, self._run, function, event)
        # Not wait_for: the thread cannot be cancelled, and its late answer is of no use to anybody.
        done, _ = await asyncio.wait({running}, timeout=limit)
        if not done:
            _log(f"{function.name}: timed out after {limit:.0f} s")
            if function.timeout < self._integration_timeout:
                raise FunctionError(function.name)
            raise IntegrationTimeoutError(function.name)
        succeeded, answer = running.result()
        if not succeeded:
            raise FunctionError(function.name)
        return answer

    def submit(self, function: Function, event: Any, request_id: str) -> Future[tuple[bool, Any]]:
        """Begin to run a function, without API Gateway's time limit.

        Returns:
            Whether it succeeded, once it has ended, and its answer or else Lambda's error document.
        """
        return self._pool.submit(self._run, function, event, request_id)

    def warm(self, functions: Iterable[Function]) -> None:
        """Import handlers in the background: first requests are quick, and a broken one shows early."""

        def imports() -> None:
            for function in functions:
                try:
                    self._handler(function)
                except Exception:
                    _log(f"{function.name} cannot be imported:\n{traceback.format_exc()}")

        self._pool.submit(imports)

    def close(self) -> bool:
        """Take no more work; says whether a handler is still running, which no thread can be made to stop."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        return self._running > 0

    def _handler(self, function: Function) -> Handler:
        if function.name not in self._handlers:
            self._handlers[function.name] = self._load(function)
        return self._handlers[function.name]

    def _run(self, function: Function, event: Any, request_id: str | None = None) -> tuple[bool, Any]:
        with self._lock:
            self._running += 1
        try:
            answer = call(self._handler(function), function, event, request_id)
            self._told(function, answer)
        # On Lambda even SystemExit is only this invocation's failure.
        except BaseException as error:
            # What was refused is in the log, with the sentence, and no fault of the code's.
            if not isinstance(error, SignetError):
                _log(f"{function.name} failed:\n{traceback.format_exc()}")
            return False, {
                "errorMessage": str(error),
                "errorType": type(error).__name__,
                "requestId": request_id,
                "stackTrace": traceback.format_tb(error.__traceback__),
            }
        else:
            return True, answer
        finally:
            with self._lock:
                self._running -= 1


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

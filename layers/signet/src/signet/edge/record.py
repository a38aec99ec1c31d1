"""The record of a call: what the log and the metrics say of it."""

import json
from typing import Any, Protocol

from signet import wiring
from signet.errors import SignetError, Unavailable

NAMESPACE = "Signet"
DIMENSION = "function_name"
"""The one dimension of all metrics: it tells apart two deployments in one account, as alarms must."""


class LambdaContext(Protocol):
    """What the adapter reads of Lambda's context object."""

    aws_request_id: str
    function_name: str

    def get_remaining_time_in_millis(self) -> int:
        """How long the invocation may still take."""


class Record:
    """What the log and the metrics say of one call: one line in CloudWatch's embedded metric format.

    Metrics and log line in one, since a line costs as much as an invocation. It holds no field of the
    request, and nothing secret: who called, for which application, and how it ended. A library would
    add 40 ms to every cold start for it.

    Attributes:
        now_ms: When the call came, in Unix milliseconds.
        request_id: What names the call.
        actor: Who says to act; set once it is known.
        application_id: For which application; set once it is known.
    """

    def __init__(self, name: str, request_id: str, context: LambdaContext) -> None:
        self.now_ms = wiring.now_ms()
        self.actor: str | None = None
        self.application_id: str | None = None
        self._name = name
        self._function_name = context.function_name
        self.request_id = request_id
        self._metrics: dict[str, tuple[str, float]] = {}

    def metric(self, name: str, unit: str, value: float) -> None:
        """Add a metric to the call's line, however the call ends.

        Args:
            name: In camel case, such as `ActiveKeyOverdue`; given again, the last value counts.
            unit: One of CloudWatch's, such as `Seconds`, `Milliseconds`, `Count`, `Bytes` or `None`.
            value: What was measured; no NaN and no infinity.
        """
        self._metrics[name] = (unit, value)

    def succeeded(self, status: int | None) -> None:
        """The call did what was asked for; `status` is None where it was direct."""
        self._emit("Success", status)

    def refused(self, error: SignetError, status: int | None) -> None:
        """The call was refused."""
        self._emit("Refusal", status, error.code)
        if isinstance(error, Unavailable):
            # The caller hears only that it should try again; why, the operator needs to know.
            self._log("WARNING", error.message, error)

    def warn(self, error: SignetError) -> None:
        """Something was left undone that the answer does without."""
        self._log("WARNING", error.message, error)

    def failed(self, error: Exception, status: int | None) -> None:
        """The call met a bug."""
        self._emit("Fault", status, "Fault")
        self._log("ERROR", "A bug: the operation failed.", error)

    def _emit(self, outcome: str, status: int | None, code: str | None = None) -> None:
        metrics = {**self._metrics, outcome: ("Count", 1.0)}
        definition = {
            "Namespace": NAMESPACE,
            "Dimensions": [[DIMENSION]],
            "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in metrics.items()],
        }
        _write(
            {
                "_aws": {"Timestamp": self.now_ms, "CloudWatchMetrics": [definition]},
                **self._context(),
                **({} if code is None else {"code": code}),
                "status": status or "direct",
                **{name: [value] for name, (_, value) in metrics.items()},
            }
        )

    def _log(self, level: str, message: str, error: BaseException) -> None:
        from traceback import format_exception

        _write(
            {
                "level": level,
                "message": message,
                "timestamp": self.now_ms,
                **self._context(),
                "exception_name": type(error).__name__,
                "exception": "".join(format_exception(error)),
            }
        )

    def _context(self) -> dict[str, str]:
        context = {
            "service": self._name,
            DIMENSION: self._function_name,
            "request_id": self.request_id,
            "application_id": self.application_id,
            "actor": self.actor,
        }
        return {key: value for key, value in context.items() if value is not None}


def _write(line: dict[str, Any]) -> None:
    print(json.dumps(line))  # noqa: T201 - standard output is the function's log

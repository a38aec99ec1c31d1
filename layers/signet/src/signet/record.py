"""The record of a call: what the log and the metrics say of it."""

from typing import Protocol

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from signet import wiring
from signet.errors import SignetError, Unavailable


class LambdaContext(Protocol):
    """What the adapter reads of Lambda's context object."""

    aws_request_id: str
    function_name: str

    def get_remaining_time_in_millis(self) -> int:
        """How long the invocation may still take."""


class Record:
    """What the log and the metrics say of one call: one line in CloudWatch's embedded metric format.

    Metrics and log line in one, since a line costs as much as an invocation. It holds no field of the
    request, and nothing secret: who called, for which application, and how it ended.

    Attributes:
        now_ms: When the call came, in Unix milliseconds.
        deadline_ms: When Lambda will stop it, in Unix milliseconds.
        request_id: What names the call.
        actor: Who says to act; set once it is known.
        application_id: For which application; set once it is known.
    """

    def __init__(self, name: str, request_id: str, context: LambdaContext) -> None:
        self.now_ms = wiring.now_ms()
        self.deadline_ms = self.now_ms + context.get_remaining_time_in_millis()
        self.actor: str | None = None
        self.application_id: str | None = None
        self._name = name
        self.request_id = request_id

    def succeeded(self, status: int | None) -> None:
        """The call did what was asked for; `status` is None where it was direct."""
        self._emit("Success", status, {})

    def refused(self, error: SignetError, status: int | None) -> None:
        """The call was refused."""
        self._emit("Refusal", status, {"code": error.code})
        if isinstance(error, Unavailable):
            # The caller hears only that it should try again; why, the operator needs to know.
            self._logger().warning(error.message, exc_info=True)

    def failed(self, status: int | None) -> None:
        """The call met a bug, which is being handled at the moment."""
        self._emit("Fault", status, {"code": "Fault"})
        self._logger().exception("A bug: the operation failed.")

    def _emit(self, metric: str, status: int | None, more: dict[str, str]) -> None:
        metrics = EphemeralMetrics(namespace="Signet", service=self._name)
        metrics.add_metric(metric, MetricUnit.Count, 1)
        for key, value in (self._context() | more | {"status": status or "direct"}).items():
            metrics.add_metadata(key, value)
        metrics.flush_metrics()

    def _logger(self) -> Logger:
        logger = Logger(service=self._name, serialize_stacktrace=False)
        logger.thread_safe_clear_keys()
        logger.thread_safe_append_keys(**self._context())
        return logger

    def _context(self) -> dict[str, str]:
        context = {
            "request_id": self.request_id,
            "application_id": self.application_id,
            "actor": self.actor,
        }
        return {key: value for key, value in context.items() if value is not None}

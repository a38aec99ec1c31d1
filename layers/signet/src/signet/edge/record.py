"""The record of a call: what the log and the metrics say of it, in Powertools' words (docs/logs.md)."""

import json
import logging

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.provider import cold_start
from aws_lambda_powertools.utilities.typing import LambdaContext

from signet import wiring
from signet.errors import Reason, SignetError, Unavailable, find_noted, note
from signet.settings import stack_name

DIMENSION = "function_name"
STACK_DIMENSION = "stack_name"
"""All metrics are kept by either, and either tells apart two deployments in one account, as alarms must."""


class _Printing(logging.Handler):
    """Writes to what is standard output at the time; Powertools' own keeps what it was at first."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record))  # noqa: T201 - standard output is the function's log


def make_logger(service: str) -> Logger:
    """The logger of a function; its level and rate of sampling are the environment's.

    The template does not set Powertools' service name: the gateway serves all functions in one environment.
    """
    return Logger(
        service=service,
        logger_handler=_Printing(),
        # In ASCII: half a surrogate pair in an exception would have no encoding, and the line would be lost.
        json_serializer=json.dumps,
        utc=True,
        use_rfc3339=True,
        # The trace says where, with all causes.
        serialize_stacktrace=False,
        location=None,
    )


class Record:
    """What the log and the metrics say of one call: one line in CloudWatch's embedded metric format.

    Metrics and log line in one, since a line costs as much as an invocation. It holds no field of the
    request, and nothing secret: who called, for which application, and how it ended.

    Attributes:
        now_ms: When the call came, in Unix milliseconds.
        request_id: What names the call.
        actor: Who says to act; set once it is known.
        application_id: For which application; set once it is known.
    """

    def __init__(self, logger: Logger, request_id: str, context: LambdaContext) -> None:
        note(None)
        self.now_ms = wiring.now_ms()
        self.actor: str | None = None
        self.application_id: str | None = None
        self.request_id = request_id
        self._context = context
        self._metrics: dict[str, tuple[str, float]] = {}
        self._logger = logger
        logger.refresh_sample_rate_calculation()

    def metric(self, name: str, unit: str, value: float) -> None:
        """Add a metric to the call's line, however the call ends.

        Args:
            name: In camel case, such as `ActiveKeyOverdue`; given again, the last value counts.
            unit: One of CloudWatch's, such as `Seconds`, `Milliseconds`, `Count` or `Bytes`.
            value: What was measured; no NaN and no infinity.
        """
        self._metrics[name] = (unit, value)

    def succeeded(self, status: int | None) -> None:
        """The call did what was asked for; `status` is None where it was direct."""
        self._emit("Success", status, reason=find_noted())

    def refused(self, error: SignetError, status: int | None) -> None:
        """The call was refused."""
        if isinstance(error, Unavailable):
            self.metric("Outage", "Count", 1)
        # Of an outage the line of the failure says more.
        reason = None if isinstance(error, Unavailable) else find_noted() or error.reason
        self._emit("Refusal", status, error.code, reason)
        if isinstance(error, Unavailable):
            # The caller hears only that it should try again; why, the operator needs to know.
            self._explain(error)
        else:
            self._logger.debug(error.message, extra=self._keys(error.code))

    def warn(self, error: SignetError) -> None:
        """Something was left undone: for want of a dependency, or of what its owner has to mend."""
        if isinstance(error, Unavailable):
            self.metric("Outage", "Count", 1)
        self._explain(error)

    def _explain(self, error: SignetError) -> None:
        self._logger.warning(error.message, exc_info=error, extra=self._keys(error.code, error))

    def failed(self, error: Exception, status: int | None) -> None:
        """The call met a bug."""
        self._emit("Fault", status, "Fault")
        self._logger.error("A bug: the operation failed.", exc_info=error, extra=self._keys("Fault", error))

    def _emit(
        self, outcome: str, status: int | None, code: str | None = None, reason: Reason | None = None
    ) -> None:
        metrics = EphemeralMetrics(
            service="",  # Else one that the environment names would be a dimension, and no alarm would match.
            dimension_set={DIMENSION: self._context.function_name},
            metadata_set={
                "service": self._logger.service,
                **self._keys(code),
                "status": status or "direct",
                **({} if reason is None else {"reason": reason.to_json()}),
            },
        )
        metrics.add_dimensions(**{STACK_DIMENSION: stack_name()})
        metrics.add_metric(outcome, MetricUnit.Count, 1)
        for name, (unit, value) in self._metrics.items():
            metrics.add_metric(name, unit, value)
        if cold_start.is_cold_start:
            cold_start.is_cold_start = False
            metrics.add_metric("ColdStart", MetricUnit.Count, 1)
        metrics.flush_metrics()

    def _keys(self, code: str | None, error: BaseException | None = None) -> dict[str, str]:
        keys = {
            DIMENSION: self._context.function_name,
            "function_request_id": self._context.aws_request_id,
            "correlation_id": self.request_id,
            "application_id": self.application_id,
            "actor": self.actor,
            "code": code,
            "aws_request_id": find_request_id(error),
        }
        return {key: value for key, value in keys.items() if value is not None}


def find_request_id(error: BaseException | None) -> str | None:
    """The id that AWS gave the call whose failure led to this error (`x-amzn-RequestId`)."""
    while error is not None:
        if isinstance(request_id := getattr(error, "request_id", None), str):
            return request_id
        error = error.__cause__ or error.__context__
    return None

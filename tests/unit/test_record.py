"""The line that a call leaves: CloudWatch's embedded metric format, and no more than it may say."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from signet.edge.record import Record
from signet.errors import LoginRefused, Unavailable

UNITS = {
    "Seconds",
    "Microseconds",
    "Milliseconds",
    *(
        f"{prefix}{unit}".capitalize()
        for prefix in ("", "Kilo", "Mega", "Giga")
        for unit in ("bytes", "bits")
    ),
    "Percent",
    "Count",
    "None",
}
"""Those of MetricDatum, but for the rates."""


class Context:
    """Lambda's context object, as far as it is read."""

    aws_request_id = "8a6f3b0e-6d5c-4f0e-9d3a-2f6f4f1c7f10"
    function_name = "function"

    def get_remaining_time_in_millis(self) -> int:
        """The time that is left."""
        return 3000


def new_record() -> Record:
    record = Record("log_in", "gateway's id", Context())
    record.application_id, record.actor = "0" * 24, "ann@example.com"
    return record


def check_embedded_metrics(line: dict[str, Any]) -> dict[str, float]:
    """Check a line by CloudWatch's rules, and return its metrics.

    Source: "Specification: Embedded metric format" of the CloudWatch guide, with its JSON schema.
    """
    metadata = line["_aws"]
    assert metadata.keys() == {"Timestamp", "CloudWatchMetrics"}
    assert type(metadata["Timestamp"]) is int
    assert metadata["Timestamp"] > 1_600_000_000_000
    metrics = {}
    for directive in metadata["CloudWatchMetrics"]:
        assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
        assert re.fullmatch(r"[A-Za-z0-9./#:_-]{1,255}", directive["Namespace"])
        for dimension_set in directive["Dimensions"]:
            assert 1 <= len(dimension_set) <= 30
            for dimension in dimension_set:
                assert 1 <= len(dimension) <= 250
                assert isinstance(line[dimension], str)
                assert 1 <= len(line[dimension]) <= 1024
        assert 1 <= len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert metric.keys() == {"Name", "Unit"}
            assert 1 <= len(metric["Name"]) <= 1024
            assert metric["Unit"] in UNITS
            (value,) = line[metric["Name"]]
            assert type(value) in (int, float)
            metrics[metric["Name"]] = value
    return metrics


@pytest.mark.parametrize(
    ("end", "outcome", "status", "code"),
    [
        (lambda record: record.succeeded(201), "Success", 201, None),
        (lambda record: record.succeeded(None), "Success", "direct", None),
        (lambda record: record.refused(LoginRefused("No."), 401), "Refusal", 401, "LoginRefused"),
        (lambda record: record.failed(KeyError("a"), 500), "Fault", 500, "Fault"),
        (lambda record: record.failed(KeyError("a"), None), "Fault", "direct", "Fault"),
    ],
)
def test_a_call_leaves_a_metric_and_its_circumstances_in_one_line(
    end: Callable[[Record], None],
    outcome: str,
    status: int | str,
    code: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One metric in the dimension `function_name`; beside it who called, for whom, and how it ended."""
    end(new_record())
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert check_embedded_metrics(line) == {outcome: 1.0}
    (directive,) = line.pop("_aws")["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Signet",
        "Dimensions": [["function_name"]],
        "Metrics": [{"Name": outcome, "Unit": "Count"}],
    }
    expected = {
        "service": "log_in",
        "function_name": "function",
        "request_id": "gateway's id",
        "application_id": "0" * 24,
        "actor": "ann@example.com",
        "code": code,
        "status": status,
        outcome: [1.0],
    }
    assert line == {name: value for name, value in expected.items() if value is not None}


def test_what_is_not_known_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A call without an application or an actor has no member for them."""
    Record("publish_jwks", "id", Context()).succeeded(200)
    line = json.loads(capsys.readouterr().out)
    assert line.keys() == {"_aws", "service", "function_name", "request_id", "status", "Success"}


def test_an_operation_can_add_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands in the same line, however the call ends."""
    record = new_record()
    record.metric("ActiveKeyOverdue", "Seconds", 12.5)
    record.refused(LoginRefused("No."), 401)
    line = json.loads(capsys.readouterr().out)
    assert check_embedded_metrics(line) == {"ActiveKeyOverdue": 12.5, "Refusal": 1.0}


def test_an_outage_and_a_bug_leave_a_second_line_that_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    """With the trace and its causes, in one line each; a refusal of the caller's own making has none."""
    outage = Unavailable("Try again.")
    outage.__cause__ = TimeoutError("the table\nis slow")
    new_record().refused(outage, 503)
    new_record().warn(Unavailable("The groups were not read."))
    new_record().failed(ValueError("a bug \ud800"), 500)
    new_record().refused(LoginRefused("No."), 401)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    logs = [line for line in lines if "_aws" not in line]
    assert len(lines) == 6
    assert [(log["level"], log["message"], log["exception_name"]) for log in logs] == [
        ("WARNING", "Try again.", "Unavailable"),
        ("WARNING", "The groups were not read.", "Unavailable"),
        ("ERROR", "A bug: the operation failed.", "ValueError"),
    ]
    assert "TimeoutError: the table\nis slow" in logs[0]["exception"]
    assert "ValueError: a bug" in logs[2]["exception"]
    for log in logs:
        assert (log["service"], log["request_id"]) == ("log_in", "gateway's id")
        assert (log["application_id"], log["actor"]) == ("0" * 24, "ann@example.com")

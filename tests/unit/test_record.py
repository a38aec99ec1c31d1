"""What a call leaves in the log: a line in CloudWatch's embedded metric format, and why where it failed."""

import itertools
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.metrics.provider import cold_start
from aws_lambda_powertools.utilities.typing import LambdaContext

from signet.edge.record import Record, make_logger
from signet.errors import LoginRefused, Unavailable
from tests import documentation
from tests.deployment import ROOT

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


FUNCTION_REQUEST_ID = "8a6f3b0e-6d5c-4f0e-9d3a-2f6f4f1c7f10"
_names = (f"log_in_{number}" for number in itertools.count())


class Context(LambdaContext):
    """Lambda's context object, as far as it is read."""

    _aws_request_id = FUNCTION_REQUEST_ID
    _function_name = "function"


@pytest.fixture(autouse=True)
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call is not the first of its container, and the environment is the template's."""
    monkeypatch.setattr(cold_start, "is_cold_start", False)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Signet")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "0")


def new_record(service: str = "log_in") -> Record:
    record = Record(make_logger(service), "gateway's id", Context())
    record.application_id, record.actor = "0" * 24, "ann@example.com"
    return record


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What has been logged since."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


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
    """One metric, by function and by stack; beside it who called, for whom, and how it ended."""
    end(new_record())
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert check_embedded_metrics(line) == {outcome: 1.0}
    (directive,) = line.pop("_aws")["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Signet",
        "Dimensions": [["function_name"], ["stack_name"]],
        "Metrics": [{"Name": outcome, "Unit": "Count"}],
    }
    expected = {
        "service": "log_in",
        "function_name": "function",
        "stack_name": "local",
        "function_request_id": FUNCTION_REQUEST_ID,
        "correlation_id": "gateway's id",
        "application_id": "0" * 24,
        "actor": "ann@example.com",
        "code": code,
        "status": status,
        "reason": {"check": "login refused"} if code == "LoginRefused" else None,
        outcome: [1.0],
    }
    assert line == {name: value for name, value in expected.items() if value is not None}


def test_what_is_not_known_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A call without an application or an actor has no member for them."""
    Record(make_logger("publish_jwks"), "id", Context()).succeeded(200)
    (line,) = lines(capsys)
    who = {"service", "function_name", "stack_name", "function_request_id", "correlation_id"}
    assert line.keys() == {"_aws", "status", "Success"} | who


def test_an_operation_can_add_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands in the same line, however the call ends, with the last value that was given."""
    record = new_record()
    record.metric("ActiveKeyOverdue", "Seconds", 7.0)
    record.metric("ActiveKeyOverdue", "Seconds", 12.5)
    record.refused(LoginRefused("No."), 401)
    (line,) = lines(capsys)
    assert check_embedded_metrics(line) == {"ActiveKeyOverdue": 12.5, "Refusal": 1.0}


def test_the_first_call_of_a_container_counts_a_cold_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same line, and in no further one."""
    monkeypatch.setattr(cold_start, "is_cold_start", True)
    new_record().succeeded(200)
    new_record().succeeded(200)
    first, second = map(check_embedded_metrics, lines(capsys))
    assert first == {"Success": 1.0, "ColdStart": 1.0}
    assert second == {"Success": 1.0}


def test_a_service_that_the_environment_names_is_no_dimension(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alarms watch metrics by function or by stack, whatever Powertools is told for other functions."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "theirs")
    new_record().succeeded(200)
    (line,) = lines(capsys)
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["function_name"], ["stack_name"]]
    assert line["service"] == "log_in"


def test_an_outage_and_a_bug_leave_a_second_line_that_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    """With the trace and its causes, in one line each; a refusal of the caller's own making has none."""
    outage = Unavailable("Try again.")
    outage.__cause__ = TimeoutError("the table\nis slow")
    new_record().refused(outage, 503)
    new_record().warn(Unavailable("The groups were not read."))
    new_record().failed(ValueError("a bug \ud800"), 500)
    new_record().refused(LoginRefused("No."), 401)
    logged = lines(capsys)
    logs = [line for line in logged if "_aws" not in line]
    assert len(logged) == 6
    assert [(log["level"], log["message"], log["exception_name"]) for log in logs] == [
        ("WARNING", "Try again.", "Unavailable"),
        ("WARNING", "The groups were not read.", "Unavailable"),
        ("ERROR", "A bug: the operation failed.", "ValueError"),
    ]
    assert "TimeoutError: the table\nis slow" in logs[0]["exception"]
    assert "ValueError: a bug" in logs[2]["exception"]
    for log in logs:
        assert (log["service"], log["function_name"]) == ("log_in", "function")
        assert (log["correlation_id"], log["function_request_id"]) == ("gateway's id", FUNCTION_REQUEST_ID)
        assert (log["application_id"], log["actor"]) == ("0" * 24, "ann@example.com")
        assert "aws_request_id" not in log


class Failed(Exception):
    """A call to AWS that failed."""

    request_id = "AWS's id"


def led_to(error: Exception, cause: Exception | None = None, context: Exception | None = None) -> Exception:
    """The error, with what led to it."""
    error.__cause__, error.__context__ = cause, context
    return error


@pytest.mark.parametrize(
    "error",
    [
        led_to(Unavailable("Try again."), cause=Failed()),
        led_to(Unavailable("Try again."), context=Failed()),
        led_to(Unavailable("Try again."), cause=led_to(KeyError(), context=Failed()), context=KeyError()),
    ],
)
def test_a_failure_names_the_call_to_aws_that_failed(
    error: Unavailable, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the id that AWS gave it, wherever in the chain of causes it stands."""
    new_record().refused(error, 503)
    new_record().failed(error, 500)
    _, warning, _, bug = lines(capsys)
    assert warning["aws_request_id"] == bug["aws_request_id"] == "AWS's id"


@pytest.mark.parametrize(
    ("level", "rate", "logged"),
    [
        ("INFO", "0", ["WARNING", "ERROR"]),
        ("ERROR", "0", ["ERROR"]),
        ("DEBUG", "0", ["DEBUG", "WARNING", "ERROR"]),
        ("ERROR", "1", ["DEBUG", "WARNING", "ERROR"]),
    ],
)
def test_the_level_and_the_sample_decide_what_is_logged(
    level: str,
    rate: str,
    logged: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At DEBUG, and for a call of the sample, a refusal is logged as the caller heard it; metrics always."""
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", level)
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", rate)
    logger = make_logger(next(_names))
    Record(logger, "id", Context()).refused(LoginRefused("No."), 401)
    Record(logger, "id", Context()).warn(Unavailable("Try again."))
    Record(logger, "id", Context()).failed(KeyError("a"), 500)
    said = lines(capsys)
    assert [line["level"] for line in said if "level" in line] == logged
    assert sum("_aws" in line for line in said) == 2
    for line in said:
        if line.get("level") == "DEBUG":
            assert (line["code"], line["message"]) == ("LoginRefused", "No.")
            assert "exception" not in line


def documented() -> tuple[list[dict[str, Any]], set[str], list[str]]:
    """The lines that docs/logs.md shows, the keys and metrics of its tables, and its searches."""
    page = "docs/logs.md"
    text = (ROOT / page).read_text()
    shown = [json.loads(block.code) for block in documentation.of("json", page)]
    rows = re.findall(r"(?m)^\| (`.*?) \|", text)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    return shown, named, [block.code for block in documentation.of("text", page)]


def test_the_lines_are_as_documented(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What docs/logs.md shows is what a call like that leaves, but for the times and the trace."""
    metric, warning = documented()[0]
    monkeypatch.setattr(cold_start, "is_cold_start", True)
    # A logger is what the environment made of it when it was first asked for.
    monkeypatch.delitem(logging.root.manager.loggerDict, metric["service"], raising=False)
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "0")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={warning['xray_trace_id']};Sampled=1")
    monkeypatch.setattr(Failed, "request_id", warning["aws_request_id"])
    monkeypatch.setattr(Context, "_function_name", metric["function_name"])
    monkeypatch.setenv("STACK_NAME", metric["stack_name"])
    record = Record(make_logger(metric["service"]), metric["correlation_id"], Context())
    record.application_id, record.actor = metric["application_id"], metric["actor"]
    error = Unavailable(warning["message"])
    error.__cause__ = Failed()
    record.refused(error, metric["status"])
    line, log = lines(capsys)
    line["_aws"]["Timestamp"] = metric["_aws"]["Timestamp"]
    assert list(line.items()) == list(metric.items())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", log["timestamp"])
    assert "Failed\n\nThe above exception was the direct cause" in log["exception"]
    log |= {name: warning[name] for name in ("timestamp", "exception")}
    assert list(log.items()) == list(warning.items())


WORDS = {"filter", "fields", "stats", "sort", "by", "as", "in", "and", "desc", "count", "ispresent"}
OWN = {"calls", "cold", "timestamp"}
"""What searches name by themselves: results, and the time that CloudWatch gives a line."""


def test_every_key_is_documented() -> None:
    """Whatever a line has stands in a table of docs/logs.md, and searches there ask for nothing else."""
    shown, named, searches = documented()
    assert {key for line in shown for key in line} - {"_aws"} <= named
    assert len(searches) == 5
    for search in searches:
        asked = set(re.findall(r"[A-Za-z_]+", re.sub(r'"[^"]*"', "", search)))
        assert asked - WORDS - OWN <= named

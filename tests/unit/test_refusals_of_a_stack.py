"""The refusals of a stack, as Logs Insights gives them; botocore checks both sides by AWS's own model."""

import itertools
import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from signet.cli.console import refusals
from signet.cli.target import Resources, Target, TargetError

NOW = 1_800_000_000_000
GROUPS = tuple(f"signet-Function{number}" for number in range(60))
REASON = {"check": "typ", "expected": ["user+jwt", "session+jwt"], "found": "x"}
KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "eu-west-1"}


def row(minutes: int, **line: object) -> list[dict[str, str]]:
    """A row of a call's line, as Insights has it."""
    said = {"_aws": {"Timestamp": NOW - minutes * 60_000}, **line}
    return [{"field": "@message", "value": json.dumps(said)}, {"field": "@ptr", "value": "x"}]


@pytest.fixture
def logs() -> Any:
    """A client of CloudWatch Logs that is about to be told what to hear."""
    return boto3.client("logs", **KEYS)


def stack(logs: Any) -> Target:
    """A stack whose log is read by that client."""
    resources = Resources({}, "table", "bucket", "key", GROUPS)
    return Target("signet", "https://id.example.com", lambda: resources, lambda _: logs)


def test_all_groups_are_asked_and_the_newest_come_first(logs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty at once, which is AWS's limit; a query that is under way is asked again."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    first = row(2, service="log_in", code="LoginRefused", status=401)
    second = row(1, service="identify", code="Fault", status=500, reason=REASON, correlation_id="VQ2f=")
    older = row(61, service="log_in", code="LoginRefused", status=401)
    no_json = [{"field": "@message", "value": "REPORT code status"}]
    with Stubber(logs) as stub:
        for name, groups in (("1", GROUPS[:50]), ("2", GROUPS[50:])):
            asked = {"logGroupNames": list(groups), "startTime": ANY, "endTime": ANY}
            stub.add_response("start_query", {"queryId": name}, {**asked, "queryString": refusals.QUERY})
        for name, status, rows in (
            ("1", "Running", []),
            ("1", "Complete", [first]),
            ("2", "Complete", [second, older, no_json]),
        ):
            stub.add_response("get_query_results", {"status": status, "results": rows}, {"queryId": name})
        found = refusals.last_hour(stack(logs), NOW)
        stub.assert_no_pending_responses()
    assert [(one.operation, one.code, one.status, one.request_id, one.why) for one in found] == [
        ("identify", "Fault", "500", "VQ2f=", "typ is x, and should be user+jwt or session+jwt"),
        ("log_in", "LoginRefused", "401", "", ""),
    ]


def test_a_query_that_does_not_end_is_given_up(logs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence that says what to do."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(time, "monotonic", itertools.count(step=40).__next__)
    with Stubber(logs) as stub:
        for name in "12":
            stub.add_response("start_query", {"queryId": name})
        for _ in range(3):
            stub.add_response("get_query_results", {"status": "Running", "results": []})
        with pytest.raises(TargetError, match="has not answered in 60 seconds"):
            refusals.last_hour(stack(logs), NOW)


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout", "Unknown"])
def test_a_query_that_failed_is_no_hour_without_refusals(logs: Any, status: str) -> None:
    """It is said how it ended."""
    with Stubber(logs) as stub:
        for name in "12":
            stub.add_response("start_query", {"queryId": name})
        stub.add_response("get_query_results", {"status": status, "results": []})
        with pytest.raises(TargetError, match=f"ended the query as {status}"):
            refusals.last_hour(stack(logs), NOW)


def test_what_one_may_not_read_is_said(logs: Any) -> None:
    """In AWS's own words."""
    with Stubber(logs) as stub:
        stub.add_client_error("start_query", "AccessDeniedException", "You may not.", http_status_code=400)
        with pytest.raises(TargetError, match="You may not"):
            refusals.last_hour(stack(logs), NOW)


def test_a_make_run_that_has_said_nothing_has_refused_nothing(tmp_path: Path) -> None:
    """There is no log yet."""
    target = Target(
        "make run", "http://127.0.0.1:3000", lambda: Resources({}, "", "", ""), boto3.client, tmp_path
    )
    assert refusals.last_hour(target, NOW) == []

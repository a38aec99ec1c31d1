"""The log of a Signet: the lines that belong to one call (docs/logs.md)."""

import json
import time
from collections.abc import Iterator
from itertools import batched
from pathlib import Path
from typing import Any

from signet.cli.target import UNREACHABLE, Target, TargetError, named_errors

LOCAL_FILES = ("log.older.jsonl", "log.jsonl")
"""What `make run` leaves, in its folder."""

GROUPS_AT_ONCE = 50
"""Log groups that one query of Logs Insights takes."""

QUERY_SECONDS = 60.0
IDS = ("correlation_id", "function_request_id", "request_id")
"""Keys by which a line says to which call it belongs: the first two in ours, the last in API Gateway's."""


def lines_of(target: Target, request_id: str, since_seconds: int) -> list[dict[str, Any]]:
    """The lines of a call, in the order in which they were written.

    Args:
        target: The deployment.
        request_id: The call's `x-request-id`, or the id of the invocation; without quotation marks.
        since_seconds: How far back to look in a stack's log.

    Raises:
        TargetError: The log could not be read.
    """
    state = target.state
    condition = " or ".join(f'{name} = "{request_id}"' for name in IDS)
    query = f"filter {condition} | fields @message | sort @timestamp | limit 100"
    found = ask(target, query, since_seconds) if state is None else of_files(state)
    return [line for line in found if request_id in (line.get(name) for name in IDS)]


def of_files(state: Path) -> Iterator[dict[str, Any]]:
    """The lines that `make run` keeps, in the order in which they were written."""
    for path in (state / name for name in LOCAL_FILES):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    yield from _parsed(line)


def ask(target: Target, query: str, since_seconds: int) -> Iterator[dict[str, Any]]:
    """The lines that Logs Insights gives for a query over all log groups of a stack.

    Args:
        target: The stack.
        query: In the language of Logs Insights, of `@message`; its limit is one of each fifty groups.
        since_seconds: How far back to look.

    Raises:
        TargetError: The log could not be read.
    """
    with named_errors():
        logs, now = target.client("logs"), int(time.time())
        begun = [
            logs.start_query(
                logGroupNames=list(groups), startTime=now - since_seconds, endTime=now + 60, queryString=query
            )["queryId"]
            for groups in batched(target.resources.log_groups, GROUPS_AT_ONCE, strict=False)
        ]
        end = time.monotonic() + QUERY_SECONDS
        for query_id in begun:
            while (answer := logs.get_query_results(queryId=query_id))["status"] in ("Scheduled", "Running"):
                if time.monotonic() > end:
                    message = f"CloudWatch has not answered in {QUERY_SECONDS:.0f} seconds; try again."
                    raise TargetError(UNREACHABLE, message)
                time.sleep(0.5)
            if answer["status"] != "Complete":
                message = f"CloudWatch has ended the query as {answer['status']}; try again."
                raise TargetError(UNREACHABLE, message)
            for row in answer["results"]:
                for column in row:
                    if column["field"] == "@message":
                        yield from _parsed(column["value"])


def _parsed(text: str) -> Iterator[dict[str, Any]]:
    try:
        line = json.loads(text)
    except ValueError:
        return
    if isinstance(line, dict):
        yield line

"""What was refused lately, from the lines that every call leaves in the log (docs/logs.md)."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any

from signet.cli.target import UNREACHABLE, Target, TargetError, named_errors
from signet.domain.times import find_milliseconds

LIMIT = 500
"""Lines that are read of a stack's log, the newest first."""

GROUPS_AT_ONCE = 50
"""Log groups that one query of Logs Insights takes."""

QUERY = f"""filter ispresent(status) and ispresent(code)
| fields @timestamp, service, code, status, application_id, actor, correlation_id
| sort @timestamp desc
| limit {LIMIT}"""

PATIENCE = 30.0
"""Seconds that a query may take."""

LOCAL_FILES = ("log.older.jsonl", "log.jsonl")
"""What `make run` leaves, in its folder."""

LIMITED = "TooManyAttempts"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was refused.

    Attributes:
        at_ms: When it came, in Unix milliseconds.
        operation: The operation's name.
        code: Why, in one word.
        status: The HTTP status, or `direct`.
        application_id: For which application; empty where that was not known.
        actor: Who says to have called; empty where nobody did.
        request_id: What the caller has as `x-request-id`.
    """

    at_ms: int
    operation: str
    code: str
    status: str
    application_id: str
    actor: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How often the same was refused: an operation's calls, for one reason."""

    operation: str
    code: str
    status: str
    count: int
    last_ms: int


def recent(target: Target, since_ms: int) -> list[Refusal]:
    """The calls that were refused since then, the newest first.

    Raises:
        TargetError: The log could not be read.
    """
    state = target.state
    with named_errors():
        found = list(_of_insights(target, since_ms) if state is None else _of_lines(_lines(state)))
    return sorted((one for one in found if one.at_ms >= since_ms), key=lambda one: -one.at_ms)


def kinds(refusals: Iterable[Refusal]) -> list[Kind]:
    """The refusals, counted by operation, code and status, the most frequent first."""
    counts: Counter[tuple[str, str, str]] = Counter()
    last: dict[tuple[str, str, str], int] = {}
    for one in refusals:
        key = (one.operation, one.code, one.status)
        counts[key] += 1
        last[key] = max(one.at_ms, last.get(key, 0))
    return [Kind(*key, count, last[key]) for key, count in counts.most_common()]


def _lines(state: Path) -> Iterator[str]:
    for path in (state / name for name in LOCAL_FILES):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as lines:
                yield from lines


def _of_lines(lines: Iterable[str]) -> Iterator[Refusal]:
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        # A warning of the same call has a code as well, and no metrics.
        if isinstance(said, dict) and "_aws" in said and "code" in said:
            yield _refusal(said, said["_aws"]["Timestamp"])


def _of_insights(target: Target, since_ms: int) -> Iterator[Refusal]:
    logs = target.client("logs")
    now = int(time.time())
    queries = [
        logs.start_query(
            logGroupNames=list(groups), startTime=since_ms // 1000, endTime=now, queryString=QUERY
        )["queryId"]
        for groups in batched(target.resources.log_groups, GROUPS_AT_ONCE, strict=False)
    ]
    end = time.monotonic() + PATIENCE
    for query in queries:
        while (answer := logs.get_query_results(queryId=query))["status"] in ("Scheduled", "Running"):
            if time.monotonic() > end:
                raise TargetError(
                    UNREACHABLE, "CloudWatch has not answered in 30 seconds. Open the page again."
                )
            time.sleep(0.25)
        if answer["status"] != "Complete":
            message = f"CloudWatch has ended the query as {answer['status']}. Open the page again."
            raise TargetError(UNREACHABLE, message)
        for row in answer["results"]:
            said = {column["field"]: column["value"] for column in row}
            yield _refusal(said, _milliseconds(said["@timestamp"]))


def _refusal(said: Mapping[str, Any], at_ms: int) -> Refusal:
    names = ("service", "code", "status", "application_id", "actor", "correlation_id")
    return Refusal(at_ms, *(str(said.get(name, "")) for name in names))


def _milliseconds(timestamp: str) -> int:
    """A time as Logs Insights writes it, `2026-11-27 08:28:05.810`, in UTC."""
    return find_milliseconds(f"{timestamp.replace(' ', 'T')}Z") or 0

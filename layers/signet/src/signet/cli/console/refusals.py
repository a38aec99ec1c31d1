"""What was refused lately, from the lines that every call leaves in the log (docs/logs.md)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from signet.cli import logs
from signet.cli.target import Target
from signet.errors import FaultKind

LIMIT = 500
"""Lines that are read of fifty log groups of a stack, the newest first."""

HOUR = 3600
NAMES = ("service", "code", "status", "application_id", "actor", "correlation_id")
"""The keys of a call's line that tell of a refusal."""

QUERY = f"""filter ispresent(status) and ispresent(code)
| fields @message
| sort @timestamp desc
| limit {LIMIT}"""

LIMITED = "TooManyAttempts"

ENDED = {
    "gen": "all tokens of its user, or of its identity, have been ended",
    "agen": "all tokens of the application have been ended",
}
"""Checks whose numbers stand for something that was done."""

FAULTS: Mapping[str, str] = {
    FaultKind.MISSING: "is missing",
    FaultKind.UNKNOWN: "is unknown",
    FaultKind.INVALID: "is not valid",
    FaultKind.NOT_A_NUMBER: "is no number that is taken",
    FaultKind.TOO_LONG: "is too long",
    FaultKind.WRONG_LENGTH: "is too short or too long",
}


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
        why: Which check failed, what it found and what should have been; empty where the code says it all.
    """

    at_ms: int
    operation: str
    code: str
    status: str
    application_id: str
    actor: str
    request_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How often the same was refused: an operation's calls, for one reason."""

    operation: str
    code: str
    status: str
    count: int
    last_ms: int


def last_hour(target: Target, now_ms: int) -> list[Refusal]:
    """The calls that were refused in the hour before now, the newest first.

    Args:
        target: The deployment.
        now_ms: The time, in Unix milliseconds.

    Raises:
        TargetError: The log could not be read.
    """
    lines = logs.ask(target, QUERY, HOUR) if target.state is None else logs.of_files(target.state)
    # A warning of the same call has a code as well, and no metrics.
    found = [_refusal(line) for line in lines if "_aws" in line and "code" in line]
    return sorted((one for one in found if one.at_ms >= now_ms - HOUR * 1000), key=lambda one: -one.at_ms)


def kinds(refusals: Iterable[Refusal]) -> list[Kind]:
    """The refusals, counted by operation, code and status, the most frequent first."""
    counts: Counter[tuple[str, str, str]] = Counter()
    last: dict[tuple[str, str, str], int] = {}
    for one in refusals:
        key = (one.operation, one.code, one.status)
        counts[key] += 1
        last[key] = max(one.at_ms, last.get(key, 0))
    return [Kind(*key, count, last[key]) for key, count in counts.most_common()]


def _refusal(line: Mapping[str, Any]) -> Refusal:
    at_ms: int = line["_aws"]["Timestamp"]
    operation, code, status, application_id, actor, request_id = (str(line.get(name, "")) for name in NAMES)
    reason = line.get("reason")
    why = _why(code, reason) if isinstance(reason, dict) else ""
    return Refusal(at_ms, operation, code, status, application_id, actor, request_id, why)


def _why(code: str, reason: Mapping[str, Any]) -> str:
    """A reason, for people: `typ is user+jwt, and should be session+jwt`; empty where the code says it."""
    check = str(reason.get("check", ""))
    if check == "request":
        found = reason.get("found")
        return "; ".join(map(_fault, found if isinstance(found, list) else [])) or "its form cannot be read"
    parts = [
        f"{verb} {' or '.join(map(str, value if isinstance(value, list) else [value]))}"
        for name, verb in (("found", "is"), ("expected", "should be"))
        if (value := reason.get(name)) is not None
    ]
    if not parts and check.replace(" ", "").casefold() == code.casefold():
        return ""
    told = f"{check} {', and '.join(parts)}" if parts else f"{check} is wrong"
    return f"{told}: {ENDED[check]}" if check in ENDED else told


def _fault(found: object) -> str:
    """What was wrong with a field, as the log has it: `password: wrong_length`."""
    field, _, kind = str(found).rpartition(": ")
    return f"{field or 'a field'} {FAULTS.get(kind, kind)}"

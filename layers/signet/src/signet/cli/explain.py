"""`signet explain`: why a call was refused, by its request id, from the log alone (docs/cli.md)."""

import re
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from signet.cli import logs
from signet.cli.command import Exit, Failure, Session, command
from signet.cli.target import Target
from signet.domain.times import iso_8601

REQUEST_ID = re.compile(r"[A-Za-z0-9=_-]{8,64}")
"""API Gateway's, such as `VQ2fVgdRFiAEPYA=`, and Lambda's, a UUID."""

DAY = 86_400
LAG_SECONDS = 20.0
"""How long a line may be on its way into CloudWatch."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "explain", takes_id=True)(explain)


def explain(
    session: Session,
    request_id: Annotated[str, typer.Argument(help="The answer's x-request-id, or the id of an invocation.")],
    days: Annotated[int, typer.Option(min=1, max=3653, help="How far back to look in a stack's log.")] = 1,
) -> None:
    """Say what became of a call, and why it was refused."""
    if not REQUEST_ID.fullmatch(request_id):
        raise Failure("This is no request id: it stands in the answer's x-request-id.", exit_code=Exit.USAGE)
    found = wait_for_lines(session.target, request_id, days * DAY)
    if not found:
        where = (
            f"in the last {days} days of the log; --days looks further back"
            if session.target.state is None
            else ("in the log of make run, which keeps its last 8 to 16 MB")
        )
        raise Failure(f"There is no call {request_id} {where}.", "NotFound")
    session.show(found, lambda: _show(session, found))


def wait_for_lines(target: Target, request_id: str, since_seconds: int) -> list[dict[str, Any]]:
    """The lines of a call, also of one that has only just been made."""
    end = time.monotonic() + (0 if target.is_local else LAG_SECONDS)
    while not (found := logs.lines_of(target, request_id, since_seconds)) and time.monotonic() < end:
        time.sleep(2)
    return found


def reason_of(lines: list[dict[str, Any]]) -> Mapping[str, Any] | None:
    """Why the call was refused, as its line has it: `check`, and mostly `expected` and `found`."""
    reasons = [line["reason"] for line in lines if isinstance(line.get("reason"), dict)]
    return reasons[-1] if reasons else None


def sentence(reason: Mapping[str, Any]) -> str:
    """The reason, for a person."""
    text = f"check {reason.get('check')}"
    for name in ("expected", "found"):
        if name in reason:
            text += f"; {name} {reason[name]}"
    return text


def _show(session: Session, lines: list[dict[str, Any]]) -> None:
    for line in lines:
        if "_aws" in line or ("service" in line and "status" in line):
            _show_call(session, line)
        elif "level" in line:
            told = {"logged": f"{line['level']}: {line.get('message', '')}", "caused by": _cause(line)}
            session.fields({name: value for name, value in told.items() if value})
        elif "route" in line:
            session.fields({"answered": f"{line.get('route')} {line.get('status')}"})


def _show_call(session: Session, line: Mapping[str, Any]) -> None:
    at_ms = line.get("_aws", {}).get("Timestamp")
    ended = "Success" if "Success" in line else line.get("code", "?")
    fields: dict[str, object] = {
        "operation": line.get("service"),
        "at": None if at_ms is None else iso_8601(at_ms),
        # What was invoked directly has none.
        "status": None if line.get("status") == "direct" else line.get("status"),
        "ended as": ended,
        "application": line.get("application_id"),
        "actor": line.get("actor"),
    }
    reason = line.get("reason")
    if isinstance(reason, dict):
        fields |= {f"reason: {name}": value for name, value in reason.items()}
    session.fields({name: value for name, value in fields.items() if value is not None})


def _cause(line: Mapping[str, Any]) -> str | None:
    lines = str(line.get("exception", "")).rstrip().splitlines()
    return lines[-1] if lines else None

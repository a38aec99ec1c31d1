"""`signet doctor`: looks at what commonly goes wrong, and says what to do about it."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import typer

from signet.cli.command import Exit, Session, command
from signet.cli.target import Target, TargetError, named_errors
from signet.domain.times import find_milliseconds

CLOCK_SECONDS = 60
"""Tokens whose `iat` lies further ahead are refused, and AWS refuses what was signed five minutes ago."""

KEY_DAYS = 100
"""An active key is replaced after 90 days, unless `KeyRotationDays` says otherwise."""

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one look.

    Attributes:
        what: What was looked at.
        state: `ok`, `warn` or `FAIL`.
        found: What there was, and what to do where that is not right.
    """

    what: str
    state: str
    found: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor")(doctor)


def doctor(session: Session) -> None:
    """Look at what commonly goes wrong: Python, credentials, reachability, clock, keys, alarms, settings."""
    findings = list(_findings(session))
    rows = [(finding.state, finding.what, finding.found) for finding in findings]
    session.show(
        [asdict(finding) for finding in findings], lambda: session.table(("", "WHAT", "FOUND"), rows)
    )
    if any(finding.state == "FAIL" for finding in findings):
        raise typer.Exit(Exit.REFUSED)


def _findings(session: Session) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    is_right = sys.version_info[:2] == (3, 13)
    yield Finding(
        "Python", "ok" if is_right else "warn", version if is_right else f"{version}; Signet runs on 3.13"
    )
    try:
        target = session.target
    except TargetError as error:
        yield Finding("Signet", "FAIL", error.message)
        return
    yield Finding("Signet", "ok", f"{target.name} at {target.url}")
    for what, look in LOOKS:
        try:
            yield from look(target)
        except TargetError as error:
            yield Finding(what, "FAIL", error.message)


def _invocation(target: Target) -> Iterator[Finding]:
    found = target.invoke("publish_jwks", {})["keys"]
    yield Finding("Functions", "ok", f"they can be invoked with these credentials; {len(found)} public keys")


def _api(target: Target) -> Iterator[Finding]:
    began = time.time()
    handlers = [ProxyHandler({})] if target.is_local else []
    try:
        with build_opener(*handlers).open(
            f"{target.url}/.well-known/openid-configuration", timeout=10
        ) as answer:
            date = answer.headers.get("date", "")
    except (URLError, OSError) as error:
        why = getattr(error, "reason", error)
        yield Finding("API", "FAIL", f"{target.url} does not answer: {why}; look at its DNS and certificate")
        return
    yield Finding("API", "ok", f"{target.url} answers in {(time.time() - began) * 1000:.0f} ms")
    if date:
        ahead = (began + time.time()) / 2 - parsedate_to_datetime(date).timestamp()
        is_right = abs(ahead) < CLOCK_SECONDS
        advice = (
            "" if is_right else ": tokens will be refused, and AWS will refuse what you sign; set it (NTP)"
        )
        yield Finding("Clock", "ok" if is_right else "FAIL", f"{ahead:+.0f} s from the API's{advice}")


def _keys(target: Target) -> Iterator[Finding]:
    ring = target.invoke("rotate_keys", {"readOnly": True})
    if ring["damaged"]:
        yield Finding("Keys", "FAIL", f"damaged: {', '.join(ring['damaged'])}; docs/keys.md says what to do")
    active = [key for key in ring["keys"] if key["state"] == "active"]
    if not active:
        yield Finding("Keys", "FAIL", "none signs: signet keys rotate")
        return
    since_ms = find_milliseconds(active[0]["signsFrom"]) or 0
    days = (time.time() * 1000 - since_ms) / DAY_MS
    advice = f"; it should have been replaced, unless KeyRotationDays is above {KEY_DAYS}: signet keys rotate"
    is_right = days < KEY_DAYS
    yield Finding(
        "Keys",
        "ok" if is_right else "warn",
        f"the active one is {days:.0f} days old{'' if is_right else advice}",
    )
    issuer = ring["issuer"]
    same = issuer == target.url
    said = (
        issuer if same else f"{issuer}, and the API is at {target.url}: verifiers look for keys at the issuer"
    )
    yield Finding("Issuer", "ok" if same else "warn", said)


def _settings(target: Target) -> Iterator[Finding]:
    found = target.invoke("list_applications", {})["items"]
    if not found:
        advice = "none in the list: signet apps create NAME, or make list-applications for those of 0.1.0"
        yield Finding("Applications", "warn", advice)
        return
    yield Finding("Applications", "ok", f"{len(found)}{' or more' if len(found) == 100 else ''}")
    for one in found:
        name = f"{one['name']} ({one['applicationId']})"
        unlimited = [limit for limit, value in one["guessing"].items() if value["atOnce"] == 0]
        if unlimited:
            yield Finding("Settings", "warn", f"{name} has no limit on guessing: {', '.join(unlimited)}")
        offered = one.get("selfService", {})
        if offered.get("signUp") and not (offered["passwordReset"] or offered["logInLink"]):
            yield Finding(
                "Settings",
                "warn",
                f"{name} has selfService.signUp without passwordReset or logInLink: who signs up with"
                " another's address keeps it, since nothing gives its owner the account",
            )
        lives = (one["login"]["ttl"], one["login"].get("sessionLifetime"), one["maxTokenLifetime"])
        if lives == (None, None, None):
            yield Finding(
                "Settings",
                "ok",
                f"{name}: log-ins do not expire (login.ttl, login.sessionLifetime), as by default",
            )


def _alarms(target: Target) -> Iterator[Finding]:
    if target.is_local:
        return
    names = list(target.resources.alarms)
    with named_errors():
        found: list[dict[str, Any]] = []
        for first in range(0, len(names), 100):
            found += target.client("cloudwatch").describe_alarms(AlarmNames=names[first : first + 100])[
                "MetricAlarms"
            ]
    ringing = [one for one in found if one["StateValue"] == "ALARM"]
    for one in ringing:
        since = one.get("StateUpdatedTimestamp", datetime.now(UTC))
        yield Finding(
            "Alarms", "FAIL", f"{one['AlarmName']} rings since {since:%Y-%m-%d %H:%M}; see docs/runbook.md"
        )
    if not ringing:
        yield Finding("Alarms", "ok", f"none of {len(found)} rings")
    deaf = [one for one in found if not one.get("AlarmActions")]
    if deaf:
        yield Finding("Alarms", "warn", f"{len(deaf)} tell nobody: set the parameter AlarmTopicArn")


LOOKS: tuple[tuple[str, Callable[[Target], Iterator[Finding]]], ...] = (
    ("Functions", _invocation),
    ("API", _api),
    ("Keys", _keys),
    ("Applications", _settings),
    ("Alarms", _alarms),
)

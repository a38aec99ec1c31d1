"""`signet tokens`: issue tokens, look at them, end them."""

import json
import time
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from signet.cli.command import AppOption, Exit, Failure, Session, command
from signet.cli.console.inspection import inspect
from signet.cli.explain import DAY, reason_of, sentence, wait_for_lines
from signet.domain import base64url
from signet.domain.ids import find_id
from signet.domain.times import LATEST, iso_8601

DashArgument = Annotated[
    str,
    typer.Argument(metavar="[-]", help="The token comes from standard input, or is asked for."),
]
TIMES = ("iat", "exp")
NO_JWT = "This is no JWT: three parts between dots, the first two of them JSON in base64url."


class Kind(StrEnum):
    """What a token is for."""

    IDENTITY = "identity"
    USER = "user"
    SESSION = "session"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "mint")(mint)
    command(app, "inspect")(look)
    command(app, "verify")(verify)
    command(app, "revoke")(revoke)


def mint(
    session: Session,
    kind: Annotated[Kind, typer.Argument(help="What it is for.")],
    subject: Annotated[
        str,
        typer.Argument(
            help="identity: an e-mail address or phone number; user: the application's own id;"
            " session: a user's id or e-mail address."
        ),
    ],
    app: AppOption = None,
    ttl: Annotated[int | None, typer.Option(min=1, help="Of a session token, in seconds.")] = None,
) -> None:
    """Issue a token."""
    here = {"applicationId": session.application(app)}
    if ttl is not None and kind is not Kind.SESSION:
        raise Failure("--ttl is for session tokens; the others' is the application's.", exit_code=Exit.USAGE)
    match kind:
        case Kind.IDENTITY:
            if not ("@" in subject or any(map(str.isdigit, subject))):
                message = (
                    f"{subject!r} is neither an e-mail address nor a phone number in E.164 form,"
                    " such as +14155552671."
                )
                raise Failure(message, exit_code=Exit.USAGE)
            name = "EMAIL" if "@" in subject else "MOBILE_PHONE_NUMBER"
            answer = session.target.invoke(
                "issue_identity_token", here | {"identityType": name, "identity": subject}
            )
        case Kind.USER:
            answer = session.target.invoke("issue_user_token", here | {"userId": subject})
        case Kind.SESSION:
            fields: dict[str, Any] = {"experienceUserId": subject}
            fields |= {} if ttl is None else {"ttl": ttl * 1000}
            answer = session.target.invoke("issue_session_token", here | fields)
    session.show(answer, lambda: session.line(answer["token"]))


def look(session: Session, source: DashArgument = "-") -> None:
    """Show what a token says of itself; nothing vouches for it, and nobody is asked."""
    text = _read(session, source)
    header, claims = _decoded(text)
    shown = {f"header.{name}": value for name, value in header.items()}
    shown |= {name: _moment(value) if name in TIMES else value for name, value in claims.items()}

    def show() -> None:
        session.fields(shown)
        session.say("Not verified: anybody can write this. `signet tokens verify` asks whether it is good.")

    session.show({"header": header, "claims": claims}, show)


def verify(session: Session, source: DashArgument = "-") -> None:
    """Say whether a token is good now, and which check fails where it is not."""
    text = _read(session, source)
    found = inspect(session.target, text, int(time.time()))
    verdict = found.verdict
    if not found.is_good and found.checks and found.checks[-1].what == "Not ended":
        # Introspection tells nobody why, but for the log.
        session.target.invoke("introspect_token", {"applicationId": found.application_id, "token": text})
        reason = reason_of(wait_for_lines(session.target, session.target.last_request_id, DAY))
        verdict += "" if reason is None else f" The log says: {sentence(reason)}."
    if found.checks and _decode(text) is None:
        verdict = f"{NO_JWT} {verdict}"
    answer = {"good": found.is_good, "verdict": verdict, "checks": [asdict(check) for check in found.checks]}
    rows = [("passed" if check.passed else "FAILED", check.what, check.found) for check in found.checks]

    def show() -> None:
        session.table(("", "CHECK", "FOUND"), rows)
        session.line(("The token is good. " if found.is_good else "The token is not good. ") + verdict)

    session.show(answer, show)
    if not found.is_good:
        raise typer.Exit(Exit.REFUSED)


def revoke(session: Session, source: DashArgument = "-", app: AppOption = None) -> None:
    """End one session or user token; the very next check refuses it."""
    text = _read(session, source)
    _, claims = _decoded(text)
    application_id = app or find_id(str(claims.get("aud", "")).partition("/")[0])
    if application_id is None:
        raise Failure("The token names no application.")
    session.target.invoke("revoke_token", {"applicationId": application_id, "token": text})
    session.done("If it was a token of this application, it has ended.")


def _read(session: Session, source: str) -> str:
    if source != "-":
        message = (
            "A token on the command line stands in the shell's history: pipe it, or leave it out to be asked."
        )
        raise Failure(message, exit_code=Exit.USAGE)
    return session.secret("Token").removeprefix("Bearer ").strip()


def _decoded(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    found = _decode(text)
    if found is None:
        raise Failure(NO_JWT)
    return found


def _decode(text: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    parts = text.split(".")
    try:
        header, claims = (json.loads(base64url.decode(part)) for part in parts[:2])
    except (ValueError, RecursionError):
        return None
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    return header, claims


def _moment(seconds: object) -> object:
    if type(seconds) is not int or not 0 <= seconds <= LATEST:
        return seconds
    return f"{iso_8601(seconds * 1000).replace('.000Z', 'Z')} ({seconds})"

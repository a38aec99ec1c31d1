"""`signet apps`: applications, and their settings."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from signet.cli.command import Exit, Failure, Session, YesOption, command

AppArgument = Annotated[str, typer.Argument(metavar="APP", help="The application's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "create")(create)
    command(app, "list")(list_all)
    command(app, "show")(show)
    command(app, "set")(change)
    command(app, "delete")(delete)


def create(session: Session, name: Annotated[str, typer.Argument(help="Its name, for people.")]) -> None:
    """Make an application; its API token is shown this once."""
    made = session.target.invoke("create_application", {"name": name})
    shown = {"application": made["applicationId"], "API token": made["apiToken"]}
    session.show(made, lambda: session.fields(shown))


def list_all(session: Session) -> None:
    """List all applications, the oldest first."""
    found = list(all_applications(session))
    columns = ("ID", "NAME", "MADE", "LAST CHANGED")
    rows = [(one["applicationId"], one["name"], one["creationDate"], one["lastUpdated"]) for one in found]
    session.show(found, lambda: session.table(columns, rows))


def all_applications(session: Session) -> Iterator[dict[str, Any]]:
    """All applications, page by page."""
    token: str | None = ""
    while token is not None:
        page = session.target.invoke("list_applications", {"nextToken": token})
        yield from page["items"]
        token = page["nextToken"]


def show(session: Session, app: AppArgument) -> None:
    """Show an application and its settings."""
    _show(session, session.target.invoke("get_application", {"applicationId": app}))


def change(
    session: Session,
    app: AppArgument,
    settings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE…", help="Such as login.ttl=86400000.")],
) -> None:
    """Change settings, by the names that `show` has; a value is JSON, or else a text."""
    fields = nested(settings, {"applicationId": "it stands before the settings"})
    _show(session, session.target.invoke("update_application", {**fields, "applicationId": app}))


def delete(session: Session, app: AppArgument, yes: YesOption = False) -> None:  # noqa: FBT002
    """Delete an application with all its users, groups and tokens, for good."""
    found = session.target.invoke("get_application", {"applicationId": app}) if not yes else {"name": app}
    question = f"Delete {found['name']} ({app}), end all of its tokens and remove all of its users, for good?"
    session.confirm(question, yes=yes)
    session.target.invoke("delete_application", {"applicationId": app})
    session.done("It is deleted, and its tokens have ended; what it had is removed within minutes.")


def nested(settings: list[str], elsewhere: Mapping[str, str]) -> dict[str, Any]:
    """`a.b=1` as `{"a": {"b": 1}}`.

    Args:
        settings: What was given.
        elsewhere: What the command takes in another way, and in which.

    Raises:
        Failure: One is of no such form, is taken in another way, or contradicts one before it.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        name, is_set, value = setting.partition("=")
        if not (name and is_set):
            message = (
                f"{setting!r} is no setting: write NAME=VALUE, such as name=Shop or maxTokenLifetime=null."
            )
            raise Failure(message, exit_code=Exit.USAGE)
        *above, last = name.split(".")
        for taken, how in elsewhere.items():
            if taken.lower() == (*above, last)[0].strip().lower():
                raise Failure(f"{taken}= is not taken here: {how}.", exit_code=Exit.USAGE)
        inner = found
        for step in above:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                break
        if not isinstance(inner, dict) or last in inner:
            raise Failure(f"{name}= is given twice; give it once.", exit_code=Exit.USAGE)
        inner[last] = _value(value)
    return found


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The other way round."""
    for name, value in settings.items():
        if isinstance(value, dict) and value and name != "extraData":
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(value, ensure_ascii=False) if value is None else value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _show(session: Session, application: dict[str, Any]) -> None:
    session.show(application, lambda: session.fields(dict(flat(application))))

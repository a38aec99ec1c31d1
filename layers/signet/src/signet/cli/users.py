"""`signet users`: an application's users."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from signet.cli.apps import nested
from signet.cli.command import AppOption, Exit, Failure, Session, YesOption, command

UserArgument = Annotated[
    str,
    typer.Argument(metavar="USER", help="Its id, its e-mail address, or ext: and the application's own id."),
]
LimitOption = Annotated[int, typer.Option(min=1, help="How many at most.")]
COLUMNS = ("ID", "E-MAIL", "NAME", "GROUPS", "MADE", "LAST LOG-IN")
PER_PAGE = 500
_ASKED = "it is asked for, or the first line of standard input"
ELSEWHERE = {
    "password": _ASKED,
    "passwordHash": f"signet users import takes hashes; for a password, {_ASKED}",
    "email": "it stands before the fields",
    "applicationId": "say --app",
}
"""What `create` takes in another way than as a field."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "list")(list_all)
    command(app, "show")(show)
    command(app, "find")(find)
    command(app, "create")(create)
    command(app, "invalidate")(invalidate)
    command(app, "delete")(delete)


def list_all(session: Session, app: AppOption = None, limit: LimitOption = 100) -> None:
    """List users by their e-mail addresses."""
    _show_all(session, list(_walk(session, session.application(app), limit)), limit)


def find(
    session: Session,
    text: Annotated[str, typer.Argument(help="Part of an e-mail address or a name; case does not count.")],
    app: AppOption = None,
    limit: LimitOption = 100,
) -> None:
    """Find users by a part of their e-mail address or name."""
    import json

    if not text.strip():
        raise Failure("Give some text to look for.", exit_code=Exit.USAGE)
    holds = {"$contains": text, "$ci": True}
    query = json.dumps({"$or": [{name: holds} for name in ("email", "firstName", "lastName")]})
    fields = {"applicationId": session.application(app), "query": query, "perPage": min(limit, 1000)}
    _show_all(session, session.target.invoke("list_users", fields)["items"], limit)


def show(session: Session, user: UserArgument, app: AppOption = None) -> None:
    """Show a user."""
    _show(session, session.target.invoke("get_user", _named(session, app, user)))


def create(
    session: Session,
    email: Annotated[str, typer.Argument(help="The e-mail address.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE…]", help="Such as firstName=Ann userTags.plan=pro."),
    ] = None,
    app: AppOption = None,
) -> None:
    """Make a user; the password is asked for, or read from standard input."""
    given = nested(fields or [], ELSEWHERE)
    application_id = session.application(app)
    password = session.secret("Password", twice=True)
    given |= {"applicationId": application_id, "email": email, "password": password}
    _show(session, session.target.invoke("create_user", given))


def invalidate(session: Session, user: UserArgument, app: AppOption = None) -> None:
    """End all tokens of a user."""
    session.target.invoke("invalidate_user_tokens", _named(session, app, user))
    session.done("Its tokens have ended.")


def delete(session: Session, user: UserArgument, app: AppOption = None, yes: YesOption = False) -> None:  # noqa: FBT002
    """Delete a user, for good; its tokens end."""
    named = _named(session, app, user)
    session.confirm(f"Delete the user {user}, for good?", yes=yes)
    session.target.invoke("delete_user", named)
    session.done("The user is deleted, and its tokens have ended.")


def _named(session: Session, app: str | None, user: str) -> dict[str, str]:
    return {"applicationId": session.application(app), "experienceUserId": user}


def _walk(session: Session, application_id: str, limit: int) -> Iterator[dict[str, Any]]:
    token: str | None = ""
    left = limit
    while token is not None and left > 0:
        fields = {"applicationId": application_id, "nextToken": token, "perPage": min(left, PER_PAGE)}
        page = session.target.invoke("list_users", fields)
        yield from page["items"]
        token, left = page.get("nextToken"), left - len(page["items"])


def _show_all(session: Session, users: list[dict[str, Any]], limit: int) -> None:
    rows = [
        (
            user["id"],
            user["email"],
            " ".join(filter(None, (user["firstName"], user["lastName"]))),
            len(user["experienceGroups"]),
            user["creationDate"],
            user["lastLogin"],
        )
        for user in users
    ]
    session.show(users, lambda: session.table(COLUMNS, rows))
    if len(users) == limit and not session.as_json:
        session.say(f"There may be more: --limit {limit * 10}.")


def _show(session: Session, user: dict[str, Any]) -> None:
    session.show(user, lambda: session.fields(user))

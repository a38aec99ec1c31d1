"""`signet keys`: the signing keys (docs/keys.md)."""

from typing import Annotated, Any

import typer

from signet.cli.command import Session, YesOption, command


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "list")(list_all)
    command(app, "rotate")(rotate)
    command(app, "revoke", takes_id=True)(revoke)


def list_all(session: Session) -> None:
    """List the keys, their states and dates; nothing changes."""
    _show(session, session.target.invoke("rotate_keys", {"readOnly": True}))


def rotate(session: Session) -> None:
    """Do what is due: announce a key, let it take over, let an old one go. Signet does so daily by itself."""
    _show(session, session.target.invoke("rotate_keys", {}))


def revoke(
    session: Session,
    kid: Annotated[str, typer.Argument(help="The key's id, as `list` has it.")],
    yes: YesOption = False,  # noqa: FBT002
) -> None:
    """Revoke a key that has leaked: all tokens that it has signed end, for good."""
    session.confirm(f"Revoke {kid}? All tokens that it has signed end, for good.", yes=yes)
    _show(session, session.target.invoke("rotate_keys", {"emergency": True, "kid": kid}))


def _show(session: Session, ring: dict[str, Any]) -> None:
    dates = ("createdAt", "signsFrom", "maySignFrom", "dueAt", "endedAt")
    rows = [
        (key["kid"], key["algorithm"], key["state"], *(key.get(date) for date in dates))
        for key in ring["keys"]
    ]
    columns = ("KEY", "ALGORITHM", "STATE", "MADE", "SIGNS FROM", "MAY SIGN FROM", "UNTIL ABOUT", "ENDED")

    def show() -> None:
        session.line(f"Issuer {ring['issuer']}")
        session.table(columns, rows)

    session.show(ring, show)

"""`signet`, the command line (docs/cli.md)."""

from importlib.metadata import version
from typing import Annotated

import typer

from signet.cli import apps, doctor, explain, keys, tokens, transfer, users
from signet.cli.command import Exit, Failure, Group, Session, command, group

HELP = """Work with a Signet: with what `make run` serves, or with --stack NAME a stack in AWS.

Exit status: 0 done, 1 refused (or found wanting), 2 wrong usage, 3 not reachable or no access, 4 a bug in
Signet, 130 interrupted. Passwords and tokens are asked for, or read from standard input.

What `make run` serves is found by the folder .signet, in this folder or one above; from elsewhere, set
SIGNET_STATE to it. Options such as --json, --app and --stack go after the command: signet users list --json.
"""

app = typer.Typer(
    cls=Group, help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)
apps.register(group(app, "apps", "Applications, and their settings."))
_users = group(app, "users", "An application's users.")
users.register(_users)
transfer.register(_users)
tokens.register(group(app, "tokens", "Issue tokens, look at them, end them."))
keys.register(group(app, "keys", "The signing keys."))
explain.register(app)
doctor.register(app)


@command(app, "console")
def console(
    session: Session,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0 for any free one.")
    ] = 0,
) -> None:
    """Serve the console, pages for this machine alone; Ctrl-C ends it."""
    from signet.cli.console.server import serve

    target = session.target
    try:
        serve(target, port, session.line)
    except OSError as error:
        message = f"Port {port} cannot be opened ({error.strerror}); choose another one with --port."
        raise Failure(message, exit_code=Exit.USAGE) from error


def _say_version(shown: bool) -> None:  # noqa: FBT001
    if shown:
        typer.echo(f"signet {version('signet')}")
        raise typer.Exit


@app.callback()
def options(
    shown: Annotated[  # noqa: FBT002
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Only `--version` stands before the command."""


def main() -> None:
    """Run the command that was asked for."""
    app(prog_name="signet")

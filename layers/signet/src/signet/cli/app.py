"""`signet`, the command line (docs/cli.md)."""

from typing import Annotated

import typer

from signet.cli import apps, doctor, explain, keys, tokens, transfer, users
from signet.cli.command import Exit, Failure, Session, command, group

HELP = """Work with a Signet: with what `make run` serves, or with --stack NAME a stack in AWS.

Exit status: 0 done, 1 refused (or found wanting), 2 wrong usage, 3 not reachable or no access, 4 a bug in
Signet, 130 interrupted. Passwords and tokens are asked for, or read from standard input.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
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


def main() -> None:
    """Run the command that was asked for."""
    app(prog_name="signet")

"""What all commands share: which Signet they work with, how they answer, and how they end."""

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from signet import errors
from signet.cli.target import NO_ACCESS, NO_REGION, NOT_DEPLOYED, UNREACHABLE, Target, TargetError

PIPE_WIDTH = 200
"""In characters: how wide a table is that no terminal shows."""


INTERRUPTED = "Interrupted"
"""The code of what Ctrl-C has stopped."""


class Exit(IntEnum):
    """How a command ends."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    FAULT = 4
    INTERRUPTED = 130


class Failure(Exception):
    """A command cannot do what it was asked for: one sentence, and how it ends."""

    def __init__(self, message: str, code: str = "", exit_code: Exit = Exit.REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.exit_code = exit_code


class Session:
    """One command's run.

    Attributes:
        as_json: Whether a program reads the answer.
        out: Where answers go.
        err: Where all that is no answer goes.
    """

    def __init__(self, stack: str | None, *, as_json: bool, target: Target | None = None) -> None:
        """Take the stack's name, or the target itself, which only tests have."""
        self._stack = stack
        self._given = target
        self.as_json = as_json
        self.out = _console(sys.stdout)
        self.err = _console(sys.stderr)

    @functools.cached_property
    def target(self) -> Target:
        """The Signet to work with.

        Raises:
            TargetError: It is not there.
        """
        if self._given is not None:
            return self._given
        return Target.local() if self._stack is None else Target.stack(self._stack)

    def application(self, named: str | None) -> str:
        """The id of the application to act in: the one that was named, else the demo's, else the only one.

        Raises:
            Failure: None was named, and there are several.
        """
        if named:
            return named
        if demo := self.target.demo.get("applicationId"):
            return demo
        found = self.target.invoke("list_applications", {"perPage": 20})["items"]
        if len(found) == 1:
            only: str = found[0]["applicationId"]
            return only
        names = ", ".join(f"{one['applicationId']} ({clean(one['name'])})" for one in found)
        message = (
            f"Name an application with --app; there are: {names}."
            if found
            else "There is no application yet."
        )
        raise Failure(message, exit_code=Exit.USAGE)

    @property
    def shows_progress(self) -> bool:
        """Whether a person watches."""
        return self.err.is_terminal and not self.as_json

    def show(self, answer: Any, show: Callable[[], None]) -> None:
        """Give an answer: to a program as JSON, to a person by `show`."""
        if self.as_json:
            sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2) + "\n")
        else:
            show()

    def say(self, text: str) -> None:
        """Tell a person something besides the answer."""
        self.err.print(Text(clean(text)), soft_wrap=True)

    def done(self, text: str, answer: Mapping[str, Any] | None = None) -> None:
        """Say that something was done, where there is nothing else to give."""
        self.show({"success": True} if answer is None else answer, lambda: self.line(text))

    def line(self, text: str) -> None:
        """A line of an answer."""
        self.out.print(Text(clean(text)), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Rows under headings."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(clean(cell)) for cell in row))
        self.out.print(table)

    def fields(self, fields: Mapping[str, object]) -> None:
        """Names and values under each other."""
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in fields.items():
            table.add_row(Text(name), Text(clean(value)))
        self.out.print(table)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before what cannot be undone.

        Raises:
            Failure: The person does not want it, or there is nobody to ask.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise Failure("Nobody is there to be asked: say --yes.", exit_code=Exit.USAGE)
        if not typer.confirm(question, err=True):
            raise Failure("Nothing was done.")

    def secret(self, what: str, *, twice: bool = False) -> str:
        """A password or a token: asked for without an echo, or the first line of standard input.

        Raises:
            Failure: There is none.
        """
        if sys.stdin.isatty():
            text: str = typer.prompt(what, hide_input=True, confirmation_prompt=twice, err=True)
        else:
            try:
                text = sys.stdin.readline().rstrip("\r\n")
                text.encode()  # Some locales have Python hand bytes that are no UTF-8 through.
            except UnicodeError:
                raise Failure("Standard input is not UTF-8.", exit_code=Exit.USAGE) from None
        if not text:
            raise Failure(f"Standard input has no {what.lower()}.", exit_code=Exit.USAGE)
        return text

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Turn whatever ends a command into a sentence and an exit status."""
        try:
            yield
        except TargetError as error:
            self._fail(error.message, error.code, _exit_code(error.code), error.request_id)
        except Failure as error:
            self._fail(error.message, error.code, error.exit_code)
        except (KeyboardInterrupt, typer.Abort):
            self._fail("Stopped by Ctrl-C.", INTERRUPTED, Exit.INTERRUPTED)
        except BrokenPipeError:
            # Whoever read the answer has enough of it.
            sys.stderr.close()
            raise typer.Exit(Exit.DONE) from None
        except OSError as error:
            # A file of this machine: what AWS has to say is a TargetError.
            named = "" if error.filename is None else f"{error.filename}: "
            self._fail(f"{named}{error.strerror or error}.", "", Exit.USAGE)

    def _fail(self, message: str, code: str, exit_code: Exit, request_id: str | None = None) -> None:
        if self.as_json:
            told = {"code": code, "message": message, "requestId": request_id}
            sys.stderr.write(json.dumps({"error": told}, ensure_ascii=False) + "\n")
        else:
            self.say(message if not code else f"{code}: {message}")
            if request_id is not None and not _says_all(code):
                self.say(f"Why: signet explain {request_id}")
        raise typer.Exit(exit_code)


AppOption = Annotated[
    str | None,
    typer.Option(
        "--app", "-a", help="The application's id; not needed with make run, or where there is one."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
_STACK = inspect.Parameter(
    "stack",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        str | None,
        typer.Option(
            "--stack", help="A stack in AWS, with the AWS credentials of the environment; else make run."
        ),
    ],
)
_JSON = inspect.Parameter(
    "as_json",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--json", help="Answer for a program.")],
)


def command[**Given](
    app: typer.Typer, name: str, *, takes_id: bool = False
) -> Callable[[Callable[Given, None]], Callable[Given, None]]:
    """Make a command of a function: its first parameter is the `Session`, the others are its own.

    Args:
        app: Where it belongs.
        name: Its own.
        takes_id: Whether its argument is an id in base64url, one of 64 of which begins with a dash. What
            looks like an option and is none is that argument then.
    """

    def register(run: Callable[Given, None]) -> Callable[Given, None]:
        _, *own = inspect.signature(run).parameters.values()
        parameters = [_CONTEXT, *own, _STACK, _JSON]

        def outer(*, context: typer.Context, stack: str | None, as_json: bool, **given: Any) -> None:
            session = Session(stack, as_json=as_json, target=context.obj)
            with session.ended():
                run(session, **given)  # type: ignore[arg-type]

        outer.__doc__ = run.__doc__
        outer.__name__ = run.__name__
        keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
        outer.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
        outer.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        settings = {"ignore_unknown_options": takes_id}
        app.command(name, help=inspect.getdoc(run), context_settings=settings)(outer)
        return run

    return register


class Group(TyperGroup):
    """A group of commands that says where options stand."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take what stands before the command.

        Raises:
            typer.BadParameter: It is an option of the command's.
        """
        own = {name for parameter in self.params for name in parameter.opts}
        first = next(iter(args), "").partition("=")[0]
        if first in ("--json", "--stack", "--app", "-a", "--yes", "-y") and first not in own:
            raise typer.BadParameter(f"{first} goes after the command: signet users list {first} …", ctx)
        return super().parse_args(ctx, args)


def group(parent: typer.Typer, name: str, text: str) -> typer.Typer:
    """A group of commands."""
    app = typer.Typer(cls=Group, help=text, no_args_is_help=True, pretty_exceptions_enable=False)
    parent.add_typer(app, name=name)
    return app


def clean(value: object) -> str:
    """A value as a terminal may show it: what would move its cursor is written out."""
    if value is None or value == "":
        return "-"
    text = value if isinstance(value, str) else _plain(value)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _console(stream: Any) -> Console:
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def _says_all(code: str) -> bool:
    """Whether a refusal leaves nothing for the log to explain: a field was wrong, and which one it says."""
    known = getattr(errors, code, None)
    return isinstance(known, type) and issubclass(known, errors.InvalidRequest)


def _exit_code(code: str) -> Exit:
    if code in (UNREACHABLE, NO_ACCESS, NOT_DEPLOYED, "Unavailable", "SigningUnavailable"):
        return Exit.UNREACHABLE
    if code == NO_REGION:
        return Exit.USAGE
    known = getattr(errors, code, None)
    is_refusal = isinstance(known, type) and issubclass(known, errors.SignetError)
    return Exit.REFUSED if is_refusal else Exit.FAULT

"""What a page is made from: the request of a browser that has signed in, and how it is answered."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from signet.cli.console import rendering
from signet.cli.console.guard import BASE, FORM_TOKEN, Session
from signet.cli.console.messages import Request, Response, see_other
from signet.cli.target import Target

REFUSALS = ("InvalidRequest", "UserExists", "TooManyAttempts", "RequestTooLarge", "UnsupportedTokenType")
"""Codes of what was asked for and cannot be; any other is of a deployment that does not answer, or a bug."""

HTML = {"content-type": "text/html; charset=utf-8"}


class PageError(Exception):
    """There is no such page, or what it is about is not there."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a browser that has signed in.

    Attributes:
        target: The deployment.
        request: The request.
        session: The browser's.
        now_ms: The time, in Unix milliseconds.
    """

    target: Target
    request: Request
    session: Session
    now_ms: int

    @property
    def given(self) -> dict[str, str]:
        """What the form holds, or the query of a GET."""
        return self.request.form if self.request.method == "POST" else self.request.parameters

    def page(self, template: str, status: int = 200, /, **values: object) -> Response:
        """A page; what the session has to say is said once.

        Args:
            template: Its name.
            status: The HTTP status.
            values: What it shows.
        """
        notice = {"done": "", "api_token": "", **self.session.notice}
        self.session.notice.clear()
        common = {
            "base": BASE,
            "form_token": self.session.form_token,
            "form_token_name": FORM_TOKEN,
            "notice": notice,
            "now_ms": self.now_ms,
            "here": self.request.path,
            "target_name": self.target.name,
            "target_is_local": self.target.is_local,
            "target_url": self.target.url,
        }
        body = rendering.render(template, **common | values)
        return Response(status, body, HTML)

    def done(self, message: str, path: str, **notice: str) -> Response:
        """Go on to another page, which says once what was done.

        Args:
            message: What was done.
            path: The page, under the console's base.
            notice: What else it says once.
        """
        self.session.notice.update(done=message, **notice)
        return see_other(f"{BASE}{path}")


type View = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Route:
    """A page or a change: the named groups of its pattern are its view's arguments."""

    method: str
    pattern: re.Pattern[str]
    view: View


def path_with(path: str, **query: str | None) -> str:
    """A path with a query of those members that are given."""
    members = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(members)}" if members else path

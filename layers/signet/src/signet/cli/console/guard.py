"""Who may use the console: the browser that was given its link, and no page but its own.

Behind the console stand the operator's own credentials, and a browser runs pages of strangers. What tells
those apart is the name under which they reach us (DNS rebinding), where their requests come from (`Origin`,
`Sec-Fetch-Site`), what they are for (`Sec-Fetch-Mode`), and that they hold neither cookie nor form token.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from signet.cli.console.messages import Request, Response, see_other

HOST = "127.0.0.1"
BASE = "/console"
"""Where the console stands, on whichever port: the cookie is for these paths alone."""

FORM = "application/x-www-form-urlencoded"
FORM_TOKEN = "form_token"  # noqa: S105 - the name of the field


class Forbidden(Exception):
    """The request is not one of the console's own pages, or nobody has signed in there.

    Attributes:
        status: The HTTP status.
        message: What was wrong, and what would be right.
    """

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(slots=True)
class Session:
    """A browser that has opened a link.

    Attributes:
        form_token: What each of its forms holds, and no page of another origin can read.
        notice: What the next page says once, by kind (`done`, `api_token`).
    """

    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    notice: dict[str, str] = field(default_factory=dict, repr=False)


class Guard:
    """Lets requests in.

    Args:
        port: The port under which the console is reached.
        announce: Shows a link to whoever started the console, where nobody else reads along.
    """

    def __init__(self, port: int, announce: Callable[[str], None]) -> None:
        self.origin = f"http://{HOST}:{port}"
        # Cookies know no ports: two consoles on one machine must not take each other's.
        self._cookie = f"signet_console_{port}"
        self._announce = announce
        self._lock = threading.Lock()
        self._token: str | None = None
        self._sessions: dict[bytes, Session] = {}

    def link(self) -> str:
        """A link that lets one browser in, once; an earlier one that nobody has opened is good no longer."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._token = token
        return f"{self.origin}{BASE}?token={token}"

    def check_sender(self, request: Request) -> None:
        """Check what needs no credential: for whom the request is, and who made the browser send it.

        Raises:
            Forbidden: It is not for this console, or a page of another origin or no page at all sent it.
        """
        if request.headers.get("host") != self.origin.removeprefix("http://"):
            raise Forbidden(f"The console answers at {self.origin}{BASE} alone.", 421)
        if request.method not in ("GET", "POST"):
            raise Forbidden("The console takes GET and POST.", 405)
        own = ("same-origin",) if request.method == "POST" else ("same-origin", "none")
        if request.headers.get("sec-fetch-site", own[0]) not in own:
            message = "A page of another site led here. Paste the link into the address bar instead."
            raise Forbidden(message)

    def check_navigation(self, request: Request) -> None:
        """Check that the browser asks in order to show a page of its own: in no frame, and for no script.

        Raises:
            Forbidden: It asks for something else.
        """
        if request.headers.get("sec-fetch-mode", "navigate") != "navigate":
            raise Forbidden("The console's pages are for the browser to show, not for scripts to read.")
        if request.headers.get("sec-fetch-dest", "document") != "document":
            raise Forbidden("The console is shown in no frame.")

    def sign_in(self, token: str) -> Response:
        """Exchange a link's token for a cookie.

        Raises:
            Forbidden: The token is not the one of the last link, or was exchanged already.
        """
        with self._lock:
            good = self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())
            if good:
                self._token = None
        if not good:
            raise self._nobody("This link was used already, or is not the last one.")
        cookie = secrets.token_urlsafe(32)
        self._sessions[_digest(cookie)] = Session()
        attributes = f"Path={BASE}; HttpOnly; SameSite=Strict"
        answer = see_other(BASE)
        return Response(
            answer.status, headers={**answer.headers, "set-cookie": f"{self._cookie}={cookie}; {attributes}"}
        )

    def find_session(self, request: Request) -> Session:
        """The session of the browser that sent this.

        Raises:
            Forbidden: It has opened no link of this console.
        """
        # Not by http.cookies, which reads none behind one of another program's that it does not like.
        cookies = (part.strip().partition("=") for part in request.headers.get("cookie", "").split(";"))
        for name, _, value in cookies:
            if name == self._cookie and (session := self._sessions.get(_digest(value))):
                return session
        raise self._nobody("Nobody has signed in to the console in this browser.")

    def check_form(self, request: Request, session: Session) -> None:
        """Check that a change comes from a form of the console's own.

        Raises:
            Forbidden: Another page sent it, or no form.
        """
        if request.headers.get("origin") != self.origin:
            raise Forbidden("Changes are taken from the console's own pages alone.")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise Forbidden("Changes are taken from the console's own forms alone.", 415)
        given = request.form.get(FORM_TOKEN, "")
        if not hmac.compare_digest(given.encode(), session.form_token.encode()):
            raise Forbidden("This form is not one of this session's. Open the page anew and send it again.")

    def _nobody(self, why: str) -> Forbidden:
        """Show the link to whoever may see it, a new one where the last was used, and refuse."""
        if self._token is None:
            self._announce(self.link())
        return Forbidden(f"{why} Open the link that stands in the terminal where the console runs.")


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()

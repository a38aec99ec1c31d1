"""The console on a deployment of the tests, without sockets: a browser that keeps its cookie, and forms."""

import html
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

from signet.cli.console.app import Console
from signet.cli.console.guard import BASE, FORM, FORM_TOKEN, Guard
from signet.cli.console.messages import Request, Response
from signet.cli.target import Target
from tests.command_line import target_of
from tests.deployment import Deployment

PORT = 4321
HOST = f"127.0.0.1:{PORT}"
ORIGIN = f"http://{HOST}"

# What Chromium sends when it follows a link of the page, and when it sends a form of it.
NAVIGATES = {
    "host": HOST,
    "sec-fetch-site": "same-origin",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
}
SENDS = {**NAVIGATES, "origin": ORIGIN, "content-type": FORM}


def make_target(signet: Deployment, state: Path | None = None) -> Target:
    """The deployment as the console reaches it, with the folder of its log."""
    return replace(target_of(signet, is_eager=True), state=state or Path("nowhere"))


@dataclass
class Browser:
    """A browser: it keeps a cookie, and sends what Chromium sends."""

    console: Console
    announced: list[str]
    cookie: str = ""
    last: Response = field(default_factory=lambda: Response(0))

    @property
    def page(self) -> str:
        """The last page's HTML."""
        return self.last.body.decode()

    @property
    def text(self) -> str:
        """The last page's text, without its tags."""
        plain = re.sub(r"<[^>]*>", " ", self.page)
        return " ".join(html.unescape(plain).split())

    def send(self, request: Request) -> Response:
        """Send a request as it is, and keep the answer."""
        self.last = self.console.answer(request)
        return self.last

    def get(self, path: str, **headers: str) -> Response:
        """Follow a link, and what it leads on to."""
        where, _, query = path.partition("?")
        answer = self.send(Request("GET", where, query, {**NAVIGATES, "cookie": self.cookie, **headers}))
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return self.get(answer.headers["location"]) if answer.status == 303 else answer

    def open(self, path: str) -> str:
        """Open a page of the console, and give its text."""
        self.get(f"{BASE}{path}")
        return self.text

    def post(self, path: str, **fields: str) -> Response:
        """Send the form of the page that is open, and follow where that leads."""
        (token,) = set(re.findall(rf'name="{FORM_TOKEN}" value="([^"]+)"', self.page))
        body = urlencode({FORM_TOKEN: token, **fields}).encode()
        answer = self.send(Request("POST", f"{BASE}{path}", "", {**SENDS, "cookie": self.cookie}, body))
        return self.get(answer.headers["location"]) if answer.status == 303 else answer


def make_console(signet: Deployment, state: Path | None = None) -> Browser:
    """A console of the deployment, and a browser that has not opened its link."""
    announced: list[str] = []
    guard = Guard(PORT, announced.append)
    console = Console(make_target(signet, state), guard, lambda: signet.clock.milliseconds / 1000)
    return Browser(console, announced)


def sign_in(browser: Browser) -> Browser:
    """Open the link."""
    link = browser.console.guard.link()
    browser.get(link.removeprefix(ORIGIN), **{"sec-fetch-site": "none"})
    assert browser.last.status == 200
    return browser


def without(request: Request, header: str) -> Request:
    """The request without one of its headers."""
    return replace(
        request, headers={name: value for name, value in request.headers.items() if name != header}
    )

"""The console's own server, for `signet console`: on loopback, on a port of its own."""

import sys
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from signet.cli.console.app import Console
from signet.cli.console.guard import HOST, Guard
from signet.cli.console.messages import Request, Response
from signet.cli.target import Target

MAX_BODY = 256 * 1024
"""A form of the console's, with room."""
PATIENCE = 30.0
"""Seconds that a browser may take to send a request."""


class Server(ThreadingHTTPServer):
    """Serves the console of one deployment.

    Args:
        target: The deployment.
        announce: Shows a link to whoever started it.
        port: The port; 0 for any free one.
    """

    daemon_threads = True

    def __init__(self, target: Target, announce: Callable[[str], None], port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.guard = Guard(self.server_address[1], announce)
        self.console = Console(target, self.guard)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless a browser has only gone away, as they do all the time."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    error_message_format = ""

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def version_string(self) -> str:
        """What the server calls itself."""
        return "Signet"

    def log_message(self, *_: object) -> None:
        """Nothing: a path may name a user, and the first one holds the link's token."""

    def _answer(self) -> None:
        size = self.headers.get("content-length", "0")
        if not _is_size(size) or self.headers.get("transfer-encoding"):
            self._refuse(413)
            return
        try:
            parts = urlsplit(self.path)
        except ValueError:
            self._refuse(400)
            return
        names = {name.lower() for name in self.headers}
        headers = {name: ", ".join(self.headers.get_all(name, [])) for name in names}
        request = Request(self.command, parts.path, parts.query, headers, self.rfile.read(int(size)))
        self._send(self.server.console.answer(request))

    def _refuse(self, status: int) -> None:
        """Answer what is not read to its end; so the connection cannot go on."""
        self.close_connection = True
        self._send(Response(status, headers={"connection": "close"}))

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)


def _is_size(text: str) -> bool:
    """Whether it is the size of a body that is taken; Python reads no number of thousands of digits."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_BODY))
    return is_number and int(text) <= MAX_BODY


def serve(target: Target, port: int, say: Callable[[str], None]) -> None:
    """Serve the console until Ctrl-C.

    The browser is not started from here: the link would stand in its command line, for all users of the
    machine to read.

    Args:
        target: The deployment.
        port: The port; 0 for any free one.
        say: Shows a line in the terminal.

    Raises:
        OSError: The port is in use, or not ours to open.
    """

    def announce(link: str) -> None:
        say(f"{link} (lets one browser in, once)")

    with Server(target, announce, port) as server:
        say(f"The console of {target.name}; Ctrl-C ends it.")
        announce(server.guard.link())
        with suppress(KeyboardInterrupt):
            server.serve_forever()

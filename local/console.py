"""The operator's console, at `/console` of `make run` (docs/console.md)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from local.messages import Response
from signet.cli.console import messages
from signet.cli.console.app import Console as Pages
from signet.cli.console.guard import BASE, Guard
from signet.cli.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.messages import Request


class Console:
    """The console of what this gateway serves: like `signet console`, it invokes functions.

    Args:
        port: the gateway's.
        state: the folder in which `make run` keeps its files, once it is up.
        announce: shows a link that lets a browser in.
    """

    route: Final = f"{BASE}/…"

    def __init__(self, port: int, state: Path, announce: Callable[[str], None]) -> None:
        self._guard = Guard(port, announce)
        self._state = state
        self._pages: Pages | None = None

    def link(self) -> str:
        """A link that lets one browser in, once."""
        return self._guard.link()

    def answers(self, request: Request) -> bool:
        """Whether a request is for the console."""
        return request.path == BASE or request.path.startswith(f"{BASE}/")

    async def answer(self, request: Request, body: bytes) -> Response:
        """Answer one request; in a thread, since it waits for functions."""
        if self._pages is None:
            self._pages = Pages(Target.local(self._state), self._guard)
        headers = {name: request.header(name) or "" for name, _ in request.headers}
        asked = messages.Request(request.method, request.path, request.query, headers, body)
        answer = await asyncio.to_thread(self._pages.answer, asked)
        return Response(answer.status, tuple(answer.headers.items()), answer.body)

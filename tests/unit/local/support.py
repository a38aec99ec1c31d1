"""A caller of ASGI applications, and the gateway over the fixture template."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import sam, template
from local.gateway import Gateway
from local.invoke import Invoker
from local.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.invoke import Handler

TEMPLATE = Path(__file__).with_name("template.yaml")
URL = "http://127.0.0.1:3000"


@dataclass(frozen=True)
class Answer:
    """What a caller got."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def json(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


class Client:
    """Calls an ASGI application without a network."""

    def __init__(self, app: Gateway) -> None:
        self._app = app

    def __call__(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        body: bytes | list[bytes] = b"",
    ) -> Answer:
        """Send a request; a body that is a list arrives in pieces."""
        path, _, query = target.partition("?")
        given = list(headers.items() if isinstance(headers, dict) else headers or [])
        if not any(name.lower() == "host" for name, _ in given):
            given.append(("host", "127.0.0.1:3000"))
        pieces = [body] if isinstance(body, bytes) else list(body)
        incoming = [
            {"type": "http.request", "body": piece, "more_body": index < len(pieces) - 1}
            for index, piece in enumerate(pieces)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            return incoming.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given],
            "client": ("127.0.0.1", 50000),
        }
        asyncio.run(self._app(scope, receive, send))
        start, end = sent
        headers_out = [(name.decode(), value.decode()) for name, value in start["headers"]]
        return Answer(start["status"], headers_out, end["body"])


def resolver(**parameters: str) -> template.Resolver:
    """A resolver of the fixture template."""
    loaded = template.load(TEMPLATE)
    return template.Resolver(loaded, sam.physical_values(loaded, URL, "things", "key-1"), parameters)


def make_client(
    echo: Handler, authorizer: Callable[..., Any] | None = None, integration_timeout: float = 30.0
) -> Client:
    """A client of the fixture template's API, whose functions are these handlers."""
    found = resolver()
    handlers = {"functions.echo.handler": echo, "functions.authorizer.handler": authorizer}

    def load(function: sam.Function) -> Handler:
        handler = handlers[function.module]
        assert handler is not None, f"{function.name} was not expected to be called"
        return handler

    api = sam.read_api(found, sam.read_functions(found))
    return Client(Gateway(api, Invoker(load, integration_timeout), Log()))

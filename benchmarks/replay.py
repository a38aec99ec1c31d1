"""A stand-in for AWS that answers at once: it asks the real one once, and repeats its answer.

One `Cassette` is an endpoint on loopback for one subject. While it records, it passes every request on (the
signature with it, since it changes nothing) and keeps the answer. Frozen, it answers a request that it knows
by its body; one that differs only in the values of its attributes (a time, a fresh id), or in such a value in
its path, gets the answer of the last one of that shape. What it has never seen goes through, and is counted.
"""

import contextlib
import http.client
import json
import re
import socketserver
import threading
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "x-amz-crc32"})
_FRESH = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{8}T[0-9]{6}\.[0-9]{3}Z")
"""What differs from call to call in an object's key: an id of an invocation, a time."""


class Request(NamedTuple):
    """A request: `POST /`, its `X-Amz-Target` (`DynamoDB_20120810.GetItem`), its body."""

    line: str
    target: str
    body: bytes


def shape_of(request: Request) -> str:
    """A request without the values of its attributes; sort keys keep their kind (`KEY#…` is `KEY`)."""
    if not request.target:
        return _FRESH.sub("", request.line)
    return f"{request.target} {json.dumps(_blank(json.loads(request.body)), sort_keys=True)}"


def _blank(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        if len(value) == 1:
            ((kind, content),) = value.items()
            if kind in ("S", "N", "B"):
                return {kind: content.partition("#")[0] if name == "sk" else ""}
        return {key: _blank(member, key) for key, member in value.items() if key != "ClientRequestToken"}
    if isinstance(value, list):
        return [_blank(element) for element in value]
    return value


class Cassette:
    """One endpoint, and the answers that it knows."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream).netloc
        self._answers: dict[Request, bytes] = {}
        self._shapes: dict[str, bytes] = {}
        self._frozen = False
        self.misses: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.cassette = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def freeze(self) -> None:
        """From now on, answer from memory."""
        self._frozen = True

    def close(self) -> None:
        """Close the endpoint."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request, headers: dict[str, str]) -> bytes:
        """The bytes that answer a request."""
        if self._frozen:
            known = self._answers.get(request)
            if known is None and (known := self._shapes.get(shape_of(request))) is not None:
                self._answers[request] = known
            if known is not None:
                return known
            self.misses.append(request.target or request.line)
        given = self._ask(request, headers)
        self._answers[request] = self._shapes[shape_of(request)] = given
        return given

    def _ask(self, request: Request, headers: dict[str, str]) -> bytes:
        method, _, path = request.line.partition(" ")
        connection = http.client.HTTPConnection(self._upstream, timeout=10)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name != "expect":
                    connection.putheader(name, value)
            connection.endheaders(request.body)
            response = connection.getresponse()
            body = response.read()
        kept = [(k, v) for k, v in response.getheaders() if k.lower() not in _HOP_BY_HOP]
        kept += [("Connection", "keep-alive"), ("Content-Length", str(len(body)))]
        if request.target.startswith("DynamoDB"):
            kept.append(("x-amz-crc32", str(zlib.crc32(body))))  # As DynamoDB itself, and moto does not.
        lines = [
            f"HTTP/1.1 {response.status} {response.reason}",
            *(f"{name}: {value}" for name, value in kept),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextlib.contextmanager
def cassette(upstream: str) -> Iterator[Cassette]:
    """A cassette that is closed in the end."""
    opened = Cassette(upstream)
    try:
        yield opened
    finally:
        opened.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    cassette: Cassette

    def handle_error(self, *_: object) -> None:
        """A killed process leaves its connection broken: that is no fault."""


class _Connection(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline().decode("latin-1").rpartition(" ")[0]:
            headers = {}
            while (header := self.rfile.readline().strip()) != b"":
                name, _, value = header.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            if "expect" in headers:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self.rfile.read(int(headers.get("content-length", 0)))
            request = Request(line, headers.get("x-amz-target", ""), body)
            self.wfile.write(self.server.cassette.answer(request, headers))

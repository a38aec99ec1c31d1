"""A stand-in for AWS that answers at once: it asks the real one once, and repeats its answer.

One `Cassette` is an endpoint on loopback, with TLS and without, for one subject. While it records, it passes
every request on and keeps the answer, with the units that DynamoDB's engine says it consumed. Frozen, it
answers a request by its shape: one that differs only in the values of its attributes (a time, a fresh id), or
in such a value in its path, gets the answer of the last one of that shape. What it has never seen goes
through, and is counted.
"""

import contextlib
import http.client
import json
import re
import socket
import socketserver
import ssl
import subprocess
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "x-amz-crc32"})
_FRESH = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{8}T[0-9]{6}\.[0-9]{3}Z")
"""What differs from call to call in an object's key: an id of an invocation, a time."""

_SERVICES = {"AmazonSQS": "sqs", "DynamoDB_20120810": "dynamodb", "TrentService": "kms"}
_OWN_TO_A_CALL = frozenset({"ClientRequestToken", "DelaySeconds", "MessageBody"})
"""Members of a request that differ from call to call: a fresh name, a pause by lot, a message with a code."""
_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request: `POST /`, its `X-Amz-Target` (`DynamoDB_20120810.GetItem`), its body."""

    line: str
    target: str
    body: bytes

    @property
    def name(self) -> str:
        """As `dynamodb:GetItem`, or the method and the path."""
        prefix, _, operation = self.target.partition(".")
        return f"{_SERVICES[prefix]}:{operation}" if prefix else self.line

    @property
    def shape(self) -> str:
        """It without the values of its attributes; sort keys keep their kind (`KEY#…` is `KEY`)."""
        if not self.target:
            return _FRESH.sub("", self.line)
        return f"{self.target} {json.dumps(_blank(json.loads(self.body)), sort_keys=True)}"


def _blank(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        if len(value) == 1:
            ((kind, content),) = value.items()
            if kind in ("S", "N", "B"):
                return {kind: content.partition("#")[0] if name == "sk" else ""}
        return {key: _blank(member, key) for key, member in value.items() if key not in _OWN_TO_A_CALL}
    if isinstance(value, list):
        return [_blank(element) for element in value]
    return value


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer was: all its bytes, its body, and the units of DynamoDB that it cost."""

    message: bytes
    body: bytes
    read: float = 0.0
    write: float = 0.0


class Cassette:
    """One endpoint, and the answers that it knows.

    Attributes:
        url: Without TLS.
        tls_url: With.
        calls: What was asked since this was emptied last.
        misses: What was asked when it was frozen, and had never been answered.
    """

    def __init__(self, upstreams: Mapping[str, str], tls: ssl.SSLContext) -> None:
        """Open it.

        Args:
            upstreams: Where `dynamodb` is, and `others`.
            tls: The server's side of TLS.
        """
        self._upstreams = {name: urlsplit(url).netloc for name, url in upstreams.items()}
        self._answers: dict[str, Answer] = {}
        self._frozen = False
        self.calls: list[tuple[Request, Answer]] = []
        self.misses: list[str] = []
        self._servers = [_Server(self, None), _Server(self, tls)]
        self.url = f"http://127.0.0.1:{self._servers[0].server_address[1]}"
        self.tls_url = f"https://localhost:{self._servers[1].server_address[1]}"

    def freeze(self) -> None:
        """From now on, answer from memory."""
        self._frozen = True
        self.calls.clear()

    def close(self) -> None:
        """Close the endpoint."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def answer(self, request: Request, headers: dict[str, str]) -> bytes:
        """The bytes that answer a request."""
        known = self._answers.get(request.shape) if self._frozen else None
        if known is None:
            if self._frozen:
                self.misses.append(request.name)
            known = self._answers[request.shape] = self._ask(request, headers)
        self.calls.append((request, known))
        return known.message

    def _ask(self, request: Request, headers: dict[str, str]) -> Answer:
        method, _, path = request.line.partition(" ")
        is_table = request.name.startswith("dynamodb:")
        sent = request.body
        if is_table:
            # The engine looks at no signature, so a request may be changed.
            sent = json.dumps({**json.loads(sent), "ReturnConsumedCapacity": "TOTAL"}).encode()
        connection = http.client.HTTPConnection(
            self._upstreams["dynamodb" if is_table else "others"], timeout=10
        )
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name not in ("expect", "content-length"):
                    connection.putheader(name, value)
            connection.putheader("content-length", str(len(sent)))
            connection.endheaders(sent)
            response = connection.getresponse()
            body = response.read()
        units = 0.0
        if is_table:
            document = json.loads(body)
            consumed = document.pop("ConsumedCapacity", [])
            parts = consumed if isinstance(consumed, list) else [consumed]
            # A condition that failed costs as much as the write; the engine does not say how much.
            units = sum(part["CapacityUnits"] for part in parts) if response.status == 200 else 1.0
            body = json.dumps(document).encode()
        kept = [(k, v) for k, v in response.getheaders() if k.lower() not in _HOP_BY_HOP]
        kept += [("Connection", "keep-alive"), ("Content-Length", str(len(body)))]
        if is_table:
            kept.append(("x-amz-crc32", str(zlib.crc32(body))))
        lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{k}: {v}" for k, v in kept), "", ""]
        message = "\r\n".join(lines).encode("latin-1") + body
        reads = request.target.partition(".")[2] in _READS
        return Answer(message, body, *((units, 0.0) if reads else (0.0, units)))


@contextlib.contextmanager
def cassette(upstreams: Mapping[str, str], tls: ssl.SSLContext) -> Iterator[Cassette]:
    """A cassette that is closed in the end."""
    opened = Cassette(upstreams, tls)
    try:
        yield opened
    finally:
        opened.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, owner: Cassette, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.cassette, self._tls = owner, tls
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake is for the connection's own thread.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

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


AMAZON = ("Amazon Root CA", "Starfield Services Root Certificate Authority - G2")
"""Whose certificates AWS's endpoints have: what a small bundle holds."""


@dataclass(frozen=True, slots=True)
class Trust:
    """TLS for cassettes: the server's side, and two bundles of authorities that hold its certificate.

    Attributes:
        server: For cassettes.
        whole: The bundle that botocore brings along, as large as a system's.
        small: Amazon's authorities alone.
    """

    server: ssl.SSLContext
    whole: Path
    small: Path


def make_trust(folder: Path, bundle: Path) -> Trust:
    """Make a certificate for localhost, which stands in both bundles as an authority.

    Args:
        folder: For its files.
        bundle: The authorities of the world, in PEM.
    """
    key, own = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    extension = "subjectAltName=DNS:localhost"
    subprocess.run(  # noqa: S603 - a fixed command, no shell
        [*command.split(), "-addext", extension, "-keyout", str(key), "-out", str(own)],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(own, key)
    # Each certificate has its subject in a comment before it.
    world = bundle.read_text().split("\n\n")
    amazon = [text for text in world if any(f"CN={name}" in text for name in AMAZON)]
    trust = Trust(server, folder / "whole.pem", folder / "small.pem")
    for path, texts in ((trust.whole, world), (trust.small, amazon)):
        path.write_text("\n\n".join([own.read_text(), *texts]))
    return trust

"""An HTTP server on loopback that answers as it is told, byte by byte, and keeps what it was asked."""

import datetime
import json
import socketserver
import ssl
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass(frozen=True)
class Request:
    """What came: the first line, the headers by lower-case name, the body, and on which connection."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What goes back.

    Attributes:
        content: The bytes, head and all.
        closes: Whether the connection ends then.
        after: How many seconds later.
        drips: How many seconds lie between a byte and the next one.
    """

    content: bytes = b""
    closes: bool = False
    after: float = 0.0
    drips: float = 0.0


def reply(
    content: object = None, status: int = 200, headers: Mapping[str, str] | None = None, **more: Any
) -> Reply:
    """An answer as DynamoDB gives it: JSON, or the bytes themselves, with its checksum."""
    body = content if isinstance(content, bytes) else json.dumps({} if content is None else content).encode()
    lines = {"Content-Length": str(len(body)), "x-amz-crc32": str(zlib.crc32(body))} | dict(headers or {})
    head = f"HTTP/1.1 {status} Said so\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return Reply(head.encode() + b"\r\n" + body, **more)


def refusal(code: str, status: int = 400, headers: Mapping[str, str] | None = None, **more: Any) -> Reply:
    """An error as DynamoDB words it."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **more}
    return reply(body, status, headers)


SILENCE = Reply(closes=True)
"""The connection ends without an answer."""


class Server(socketserver.ThreadingTCPServer):
    """The server; where it was told nothing more, it answers `{}`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.port: int = self.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests: list[Request] = []
        self.replies: list[Reply] = []
        self.connections = 0
        self.answer: Any = lambda _request: reply()
        self.lock = threading.Lock()

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what some tests are about."""

    def take(self, request: Request) -> Reply:
        """What answers a request."""
        with self.lock:
            self.requests.append(request)
            if self.replies:
                return self.replies.pop(0)
        given: Reply = self.answer(request)
        return given


class _Connection(socketserver.StreamRequestHandler):
    server: Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with self.server.lock:
            self.server.connections += 1
            number = self.server.connections
        while line := self.rfile.readline().decode().strip():
            headers = {}
            while header := self.rfile.readline().decode().strip():
                name, _, value = header.partition(": ")
                headers[name.lower()] = value
            body = self.rfile.read(int(headers.get("content-length", 0)))
            given = self.server.take(Request(line, headers, body, number))
            if given.after:
                threading.Event().wait(given.after)
            size = 1 if given.drips else max(1, len(given.content))
            for piece in batched(given.content, size, strict=False):
                self.wfile.write(bytes(piece))
                threading.Event().wait(given.drips)
            if given.closes:
                return


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Let a server serve beside the test."""
    thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def running_server(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server, over TLS where a context is given."""
    with Server() as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
            server.url = f"https://localhost:{server.port}"
        with serving(server):
            yield server


def make_certificate(folder: Path) -> Path:
    """Write a certificate of localhost that nobody else has signed, with its key, as `certificate.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = folder / "certificate.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path

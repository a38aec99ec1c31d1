"""The console's own server: the bytes that come in, and those that go out."""

import http.client
import socket
import struct
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from signet.cli.console.guard import BASE, HOST
from signet.cli.console.server import MAX_BODY, Server, serve
from tests.console import make_target
from tests.deployment import Deployment
from tests.http_server import serving


@pytest.fixture
def announced() -> list[str]:
    """The links that stood in the terminal."""
    return []


@pytest.fixture
def server(moto_signet: Deployment, announced: list[str]) -> Iterator[Server]:
    """A console on a free port."""
    with Server(make_target(moto_signet), announced.append) as server, serving(server):
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client that keeps cookies."""
    with httpx.Client(base_url=server.guard.origin, trust_env=False, follow_redirects=True) as client:
        yield client


def test_a_browser_signs_in_and_goes_on(server: Server, client: httpx.Client) -> None:
    """By the link, then by the cookie, on one connection."""
    assert client.get(BASE).status_code == 403
    assert "Demo" in client.get(server.guard.link()).text
    assert client.get(f"{BASE}/keys").status_code == 200
    styles = client.get(f"{BASE}/static/console.css")
    assert (styles.status_code, styles.headers["content-type"]) == (200, "text/css; charset=utf-8")


def test_it_is_on_loopback_alone(server: Server) -> None:
    """Nobody on the network reaches it."""
    assert server.server_address[0] == HOST == "127.0.0.1"


def test_a_wrong_link_has_a_new_one_shown_in_the_terminal(
    server: Server, client: httpx.Client, announced: list[str]
) -> None:
    """Once, however often somebody asks."""
    used = server.guard.link()
    client.get(used)
    with httpx.Client(base_url=server.guard.origin, trust_env=False) as other:
        assert [other.get(path).status_code for path in (used, used, BASE, BASE)] == [403] * 4
    (fresh,) = announced
    assert fresh != used


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "MOVE"])
def test_no_other_method_is_answered(client: httpx.Client, method: str) -> None:
    """With nothing at all."""
    answer = client.request(method, BASE)
    assert (answer.status_code, answer.content) == (501, b"")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": str(MAX_BODY + 1)},
        {"content-length": "-1"},
        {"content-length": "x"},
        {"content-length": "²"},
        {"content-length": "1" * 5000},
        {"transfer-encoding": "chunked"},
    ],
)
def test_a_body_without_a_size_that_is_taken_is_not_read(server: Server, headers: dict[str, str]) -> None:
    """The connection ends, so that nothing of it is taken for another request."""
    with closing(http.client.HTTPConnection(HOST, server.server_address[1], timeout=10)) as connection:
        connection.putrequest("POST", BASE)
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (413, b"")
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 400 "),
        (b"POST /console HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf", None),
    ],
)
def test_no_request_is_a_trace_in_the_terminal(
    server: Server, capfd: pytest.CaptureFixture[str], sent: bytes, answered: bytes | None
) -> None:
    """Neither what no path can be read of, nor a browser that goes away: the link stays where it is."""
    with socket.create_connection((HOST, server.server_address[1]), timeout=10) as connection:
        connection.sendall(sent)
        if answered is None:  # Reset, in the middle of a request.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            assert connection.recv(100).startswith(answered)
    with httpx.Client(base_url=server.guard.origin, trust_env=False) as other:
        assert other.get(BASE).status_code == 403
    server.server_close()  # Waits for what is being answered.
    assert "Traceback" not in capfd.readouterr().err


def test_two_hosts_are_none(server: Server) -> None:
    """Of a header that comes twice all values count."""
    with closing(http.client.HTTPConnection(HOST, server.server_address[1], timeout=10)) as connection:
        connection.putrequest("GET", BASE, skip_host=True)
        connection.putheader("Host", f"{HOST}:{server.server_address[1]}")
        connection.putheader("Host", "evil.example")
        connection.endheaders()
        with connection.getresponse() as answer:
            assert answer.status == 421


def test_nothing_of_a_request_is_logged(
    server: Server, client: httpx.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first one holds the link's token, and a path may name a user."""
    client.get(server.guard.link())
    client.get(f"{BASE}/applications/x/users/ann@example.com")
    said = capfd.readouterr()
    assert "token=" not in said.out + said.err
    assert "ann@example.com" not in said.out + said.err


def test_the_terminal_shows_the_link(moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """And Ctrl-C ends it."""
    said: list[str] = []
    asked: list[int] = []

    def look_and_stop(server: Server, *_: object) -> None:
        link = said[-1].partition(" ")[0].removeprefix(server.guard.origin)
        token = link.partition("?token=")[2]
        asked.append(server.console.guard.sign_in(token).status)
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", look_and_stop)
    serve(make_target(moto_signet), 0, said.append)
    assert said[0] == "The console of test; Ctrl-C ends it."
    assert asked == [303]

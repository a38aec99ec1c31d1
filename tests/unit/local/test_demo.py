"""What the gateway shows when it is ready."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local import demo
from local.__main__ import ROOT, listen, read_port
from local.data import Data
from local.errors import StartError
from local.sam import Function, Route

if TYPE_CHECKING:
    from pathlib import Path

AWS = "http://127.0.0.1:4000"
DEMO = demo.Demo("http://127.0.0.1:3000", "a" * 24, "sgt_token", AWS, "things", "key-1", AWS, "files")
FUNCTION = Function("F", "m", "h", {})
GLADLY = Route("POST", "/api/v1/user-identity-jwt", FUNCTION)
VELT = Route("POST", "/v1/auth/token/get", FUNCTION)
LOSANT = Route("POST", "/applications/{applicationId}/experience/users", FUNCTION)
JWKS = Route("GET", "/.well-known/jwks.json", FUNCTION)
SETTINGS = Route("GET", "/applications/{applicationId}", FUNCTION)


@pytest.mark.parametrize(
    ("routes", "ends"),
    [
        (
            [SETTINGS, JWKS, LOSANT, VELT, GLADLY],
            ["/api/v1/user-identity-jwt", "/v1/auth/token/get", f"/applications/{'a' * 24}/experience/users"],
        ),
        (
            [SETTINGS, JWKS, GLADLY],
            ["/api/v1/user-identity-jwt", "/.well-known/jwks.json", f"/applications/{'a' * 24}"],
        ),
        ([], []),
    ],
)
def test_three_commands_of_routes_that_exist(routes: list[Route], ends: list[str]) -> None:
    """One per dialect, and others in the place of a dialect that is not there."""
    commands = [shlex.split(command) for _, command in demo.examples(DEMO, routes)]
    assert [command[-1] for command in commands] == [DEMO.url + end for end in ends]
    for command in commands:
        assert command[:3] == ["curl", "-sw", r"\n"]
        if "-d" in command:
            assert json.loads(command[command.index("-d") + 1])


def test_the_banner_names_what_one_needs() -> None:
    """Address, application and token, the console's link, and the commands."""
    link = f"{DEMO.url}/console?token=x"
    text = demo.banner(DEMO, [GLADLY], link)
    for part in (
        DEMO.url,
        link,
        DEMO.application_id,
        DEMO.api_token,
        DEMO.aws_endpoint_url,
        ".venv/bin/signet",
        r"curl -sw '\n' -u",
    ):
        assert part in text


def test_the_credentials_are_left_for_scripts(tmp_path: Path) -> None:
    """As JSON, in a file of their own."""
    demo.write(DEMO, tmp_path / "demo.json")
    assert json.loads((tmp_path / "demo.json").read_text()) == {
        "url": "http://127.0.0.1:3000",
        "applicationId": "a" * 24,
        "apiToken": "sgt_token",
        "awsEndpointUrl": "http://127.0.0.1:4000",
        "tableName": "things",
        "kmsKeyId": "key-1",
        "lambdaEndpointUrl": "http://127.0.0.1:4000",
        "transferBucket": "files",
    }


def test_a_template_without_rotate_keys_cannot_start() -> None:
    """The message names the function that is missing."""
    with pytest.raises(StartError, match=r"functions/keys/rotate_keys/handler\.py"):
        demo.make_key_ring({"F": FUNCTION}, DEMO.url)


@pytest.mark.parametrize("port", ["http", "-1", "70000", "1 ", "٣"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    """The message says what to give."""
    with pytest.raises(StartError, match="is not a port"):
        read_port({"PORT": port})


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    """`make run`, of which is expected that it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value", "wrong"), [("LOG", "json", "xml"), ("FRESH", "1", "yes"), ("EVENTS", "1", "on")]
)
def test_a_choice_that_is_none_is_refused(name: str, value: str, wrong: str, tmp_path: Path) -> None:
    """Before anything is forgotten, in a sentence that has the value that is taken."""
    with Data(tmp_path) as before:
        before.note("a", "1")
    ended = start(**{"SIGNET_STATE": str(tmp_path), "PORT": "0", "FRESH": "1", name: wrong})
    said = f"{name}={wrong} is not taken: give {name}={value}, or leave it out.\n"
    assert (ended.returncode, ended.stderr) == (1, said)
    with Data(tmp_path) as after:
        assert after.find("a") == "1"


def test_a_start_whose_port_is_in_use_forgets_nothing(tmp_path: Path) -> None:
    """With FRESH=1 too; who has it running already hears that instead."""
    with listen(0) as taken:
        port = str(taken.getsockname()[1])
        with Data(tmp_path) as before:
            before.note("a", "1")
            running = start(SIGNET_STATE=str(tmp_path), PORT=port, FRESH="1")
        ended = start(SIGNET_STATE=str(tmp_path), PORT=port, FRESH="1")
    assert (running.returncode, ended.returncode) == (1, 1)
    assert "is running already" in running.stderr
    assert ended.stderr.startswith(f"Port {port} is in use; ")
    with Data(tmp_path) as after:
        assert after.find("a") == "1"


def test_a_port_in_use_is_one_clear_sentence() -> None:
    """The message names the port and the way out."""
    with listen(0) as taken, pytest.raises(StartError, match=r"^Port \d+ is in use; .*PORT=\.\.\."):
        listen(taken.getsockname()[1])


def test_an_answer_does_not_wait_for_an_acknowledgement() -> None:
    """Head and body are sent apart, and the body at once (TCP_NODELAY): else it would be 40 ms late."""

    async def answered() -> bool:
        with listen(0) as listener:
            without_delay: asyncio.Future[int] = asyncio.get_running_loop().create_future()

            def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                connection = writer.get_extra_info("socket")
                without_delay.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                writer.close()

            async with await asyncio.start_server(connected, sock=listener):
                _, writer = await asyncio.open_connection(*listener.getsockname())
                writer.close()
                return bool(await without_delay)

    assert asyncio.run(answered())

"""Event files with the demo's values in place of their words."""

import json
import socket
from pathlib import Path

import pytest

from tools import events

DEMO = {"applicationId": "5f43", "apiToken": "sgt_secret"}


def load(tmp_path: Path, event: object) -> dict[str, object]:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    return events.load_event(path, DEMO)


def test_values_of_the_demo_replace_their_words_at_any_depth(tmp_path: Path) -> None:
    event = {
        "rawPath": "/applications/<applicationId>/identities",
        "headers": {"authorization": "Bearer <apiToken>"},
        "cookies": ["token=<apiToken>"],
    }

    assert load(tmp_path, event) == {
        "rawPath": "/applications/5f43/identities",
        "headers": {"authorization": "Bearer sgt_secret"},
        "cookies": ["token=sgt_secret"],
    }


def test_a_basic_header_is_encoded(tmp_path: Path) -> None:
    event = {"headers": {"authorization": "<basic you@example.com:apiToken>"}}

    # base64 of "you@example.com:sgt_secret"
    encoded = "eW91QGV4YW1wbGUuY29tOnNndF9zZWNyZXQ="
    assert load(tmp_path, event) == {"headers": {"authorization": f"Basic {encoded}"}}


def test_everything_else_stays(tmp_path: Path) -> None:
    event = {
        "body": '{"a": "<b>"}',
        "isBase64Encoded": False,
        "n": 1.5,
        "nothing": None,
        "<apiToken>": "name",
    }

    assert load(tmp_path, event) == event


def test_without_a_demo_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(events.NoDemoError, match="make run"):
        events.read_demo(tmp_path / "demo.json")


def test_the_demo_of_a_gateway_that_was_stopped_is_none(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    path = tmp_path / "demo.json"
    path.write_text(json.dumps(DEMO | {"url": f"http://127.0.0.1:{port}"}))

    with pytest.raises(events.NoDemoError, match="make run"):
        events.read_demo(path)

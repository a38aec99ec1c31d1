"""Reads an event of `events/` and fills in what only the running demo knows.

An event file may hold these words, anywhere in a string:

    <applicationId>             the demo application's id
    <apiToken>                  its API token
    <basic USER:apiToken>       `Basic …`, the Authorization header of USER with the API token
"""

import base64
import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEMO_FILE = Path(__file__).parents[1] / ".signet" / "demo.json"

_BASIC = re.compile(r"<basic ([^:<>]*):apiToken>")
_VALUE = re.compile(r"<(applicationId|apiToken)>")


class NoDemoError(RuntimeError):
    """`make run` is not up, so there is no demo to speak to."""

    def __init__(self) -> None:
        super().__init__("`make run` is not up: start it in another terminal, then try again")


def read_demo(path: Path = DEMO_FILE) -> dict[str, str]:
    """Return what `make run` wrote about its demo: url, applicationId, apiToken, tableName, and so on.

    Raises:
        NoDemoError: there is no such file, or it is an old one and nothing answers at its url.
    """
    try:
        demo: dict[str, str] = json.loads(path.read_text())
        address = urlsplit(demo["url"])
        socket.create_connection((address.hostname, address.port), timeout=2).close()
    except OSError as error:
        raise NoDemoError from error
    return demo


def load_event(path: Path | str, demo: Mapping[str, str]) -> dict[str, Any]:
    """Return the event of a file with the demo's values in place of the words above."""

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: fill(member) for name, member in value.items()}
        if isinstance(value, list):
            return [fill(member) for member in value]
        if isinstance(value, str):
            value = _BASIC.sub(lambda match: _basic(match[1], demo["apiToken"]), value)
            return _VALUE.sub(lambda match: demo[match[1]], value)
        return value

    event: dict[str, Any] = fill(json.loads(Path(path).read_text()))
    return event


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

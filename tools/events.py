"""Reads an event of `events/` and fills in what only the running demo knows.

An event file may hold these words, anywhere in a string:

    <applicationId>             the demo application's id
    <apiToken>                  its API token
    <userId>, <groupId>         a user and a group of it
    <userEmail>                 the user's e-mail address; its password is PASSWORD below
    <sessionToken>              a session token of the user
    <loginToken>                one of a log-in of the user, which can be refreshed
    <userToken>                 a user token of the external id `u1`
    <code>                      a code of the user that sets a password
    <announcedKid>              the key that will sign next
    <tableName>                 the table's name
    <basic USER:apiToken>       `Basic …`, the Authorization header of USER with the API token; USER may be
                                <applicationId> without its brackets
"""

import base64
import json
import os
import re
import socket
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PASSWORD = "correct horse battery staple"  # noqa: S105 - the demo's
ENDS_TOKENS = {"delete_application", "reset_api_token", "invalidate_application_tokens"}
"""Operations with an application of their own: they end it, its API token, or all its tokens, those too
that a container makes which has not heard of it yet."""
DEMO_FILE = Path(os.environ.get("SIGNET_STATE") or Path(__file__).parents[1] / ".signet") / "demo.json"

_BASIC = re.compile(r"<basic ([^:<>]*):apiToken>")
_VALUE = re.compile(
    r"<(applicationId|apiToken|userId|userEmail|groupId|sessionToken|loginToken|userToken|code|announcedKid|tableName)>"
)


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
            value = _BASIC.sub(lambda match: _basic(demo.get(match[1], match[1]), demo["apiToken"]), value)
            return _VALUE.sub(lambda match: demo[match[1]], value)
        return value

    text = Path(path).read_text()
    demo = _furnished(text, demo)
    event: dict[str, Any] = fill(json.loads(text))
    return event


def _furnished(text: str, demo: Mapping[str, str]) -> Mapping[str, str]:
    """The demo with what else the event needs: a user of its own, a group, a session token."""
    missing = set(_VALUE.findall(text)) - demo.keys()
    if not missing:
        return demo
    if missing == {"announcedKid"}:
        return {**demo, "announcedKid": _announced_kid(demo)}
    # Each event gets its own: the one before may have deleted them.
    name = uuid.uuid4().hex
    experience = f"/applications/{demo['applicationId']}/experience"
    email = f"{name}@example.com"
    user = _post(demo, f"{experience}/users", {"email": email, "password": PASSWORD})
    group = _post(demo, f"{experience}/groups", {"name": name})
    session = _post(demo, f"{experience}/users/{user['id']}/token", {})
    code = _post(demo, f"{experience}/users/{user['id']}/codes", {"purpose": "resetPassword"})
    login = _post(demo, f"{experience}/login", {"email": email, "password": PASSWORD})
    asked = {"apiKey": demo["applicationId"], "authToken": demo["apiToken"], "userId": "u1"}
    token = _post(demo, "/v1/auth/token/get", {"data": asked})
    made = {
        "userToken": token["result"]["data"]["token"],
        "userId": user["id"],
        "userEmail": email,
        "groupId": group["id"],
        "sessionToken": session["token"],
        "loginToken": login["token"],
        "code": code["code"],
    }
    return {**made, **demo}


def _announced_kid(demo: Mapping[str, str]) -> str:
    url = f"{demo['lambdaEndpointUrl']}/2015-03-31/functions/RotateKeysFunction/invocations"
    with urllib.request.urlopen(url, b"{}", timeout=10) as answer:  # noqa: S310 - the demo's own address
        (kid,) = [key["kid"] for key in json.load(answer)["keys"] if key["state"] == "announced"]
    return str(kid)


def demo_for(operation: str, demo: Mapping[str, str]) -> dict[str, str]:
    """The demo, but with an application of its own where the operation would spoil it for the others."""
    if operation not in ENDS_TOKENS:
        return dict(demo)
    made = _post(demo, "/applications", {"name": "Another demo"})
    return {**demo, "applicationId": made["applicationId"], "apiToken": made["apiToken"]}


def _post(demo: Mapping[str, str], path: str, body: Mapping[str, Any]) -> Any:
    headers = {"authorization": f"Bearer {demo['apiToken']}", "content-type": "application/json"}
    request = urllib.request.Request(demo["url"] + path, json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the demo's own address
        return json.load(answer)


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

"""What `make run` keeps between two starts, however the first one ends."""

import contextlib
import http.client
import json
import os
import random
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.__main__ import listen
from local.errors import StartError
from tests.deployment import ROOT
from tests.programs import running_demo

PASSWORD = "correct horse battery staple"
ANSWERED = 60
"""How many writes have been answered when the process is killed."""


class Running:
    """A gateway of `make run`."""

    def __init__(self, said: dict[str, str]) -> None:
        self.said = said
        self.users = f"/applications/{said['applicationId']}/experience"

    def ask(self, method: str, path: str, body: object = None, *, token: str = "", **more: str) -> Any:
        """The answer's JSON, or the status where it was refused."""
        headers = {"content-type": "application/json", **more}
        if token:
            headers["authorization"] = f"Bearer {token}"
        content = None if body is None else json.dumps(body).encode()
        url = self.said["url"] + path
        request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - on loopback
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - on loopback
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def log_in(self) -> str:
        """A session token of Ann's."""
        asked = {"email": "ann@example.com", "password": PASSWORD}
        return str(self.ask("POST", f"{self.users}/login", asked)["token"])


def find_port() -> str:
    """A free port below those that systems choose, so that nobody takes it between two starts."""
    while True:
        with contextlib.suppress(StartError), listen(random.randrange(20_000, 30_000)) as listener:  # noqa: S311
            return str(listener.getsockname()[1])


@contextmanager
def killed_in_the_end(state: Path, **variables: str) -> Iterator[Running]:
    """A gateway that is not asked to end."""
    (state / "demo.json").unlink(missing_ok=True)
    with running_demo(state, kill=True, **variables) as said:
        yield Running(dict(said))


def test_nothing_that_was_answered_is_lost_when_it_is_killed(tmp_path: Path) -> None:
    """Users, log-ins, keys and the demo's credentials; and of the writes under way each is whole."""
    port = find_port()
    with killed_in_the_end(tmp_path, port=port) as first:
        made = {"email": "ann@example.com", "password": PASSWORD, "userTags": {"plan": "free"}}
        ann = first.ask("POST", f"{first.users}/users", made, token=first.said["apiToken"])
        token, jwks = first.log_in(), first.ask("GET", "/.well-known/jwks.json")
        done = list[str]()
        enough = threading.Event()

        def write(thread: int) -> None:
            for number in range(10**6):
                name = f"{thread}-{number}"
                try:
                    group = first.ask(
                        "POST", f"{first.users}/groups", {"name": name}, token=first.said["apiToken"]
                    )
                except (OSError, http.client.HTTPException):
                    return  # It was killed.
                done.append(group["name"])
                if len(done) >= ANSWERED:
                    enough.set()

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        enough.wait(60)
    for thread in threads:
        thread.join()

    with killed_in_the_end(tmp_path, port=port) as second:
        same = ("url", "applicationId", "apiToken", "kmsKeyId", "tableName")
        assert {name: second.said[name] for name in same} == {name: first.said[name] for name in same}
        assert second.ask("GET", "/.well-known/jwks.json") == jwks
        me = second.ask("GET", f"{second.users}/me", token=token)
        assert (me["user"]["email"], me["user"]["userTags"]) == (ann["email"], {"plan": "free"})
        assert second.log_in()
        api = second.said["apiToken"]
        groups = list[str]()
        for page in range(10**6):
            answer = second.ask("GET", f"{second.users}/groups?perPage=1000&page={page}", token=api)
            groups += [group["name"] for group in answer["items"]]
            if not answer["items"]:
                break
        # Four more may have been written, and killed before they were answered.
        assert set(done) <= set(groups)
        assert len(groups) <= len(done) + 4
        checked = subprocess.run(
            [sys.executable, "-m", "tools.audit_table"],
            cwd=ROOT,
            env={**os.environ, "SIGNET_STATE": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(modes, "0o600")


@pytest.mark.heavy
def test_the_demo_s_credentials_are_right_after_a_reset(tmp_path: Path) -> None:
    """At once, for whoever reads the file, and after a restart; FRESH=1 makes others."""

    def left() -> str:
        return str(json.loads((tmp_path / "demo.json").read_text())["apiToken"])

    with killed_in_the_end(tmp_path, port="0") as first:
        before = first.said["apiToken"]
        velt = {"x-velt-api-key": first.said["applicationId"], "x-velt-auth-token": before}
        asked = {"data": {"gracePeriodSeconds": 0}}
        answer = first.ask("POST", "/v2/workspace/authtoken/reset", asked, **velt)
        new = answer["result"]["data"]["newAuthToken"]["token"]
        assert left() == new != before
    with killed_in_the_end(tmp_path, port="0") as second:
        assert (second.said["apiToken"], second.said["applicationId"]) == (new, first.said["applicationId"])
        assert left() == new
        assert second.ask("GET", f"{second.users}/users", token=new)["totalCount"] == 0
    with killed_in_the_end(tmp_path, port="0", FRESH="1") as third:
        assert third.said["applicationId"] != first.said["applicationId"]
        assert third.said["kmsKeyId"] != first.said["kmsKeyId"]
        assert third.ask("GET", f"{third.users}/users", token=new) in (401, 404)

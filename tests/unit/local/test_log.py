"""What `make run` says of each call, and what it keeps of it."""

from __future__ import annotations

import json
import stat
import threading
from typing import TYPE_CHECKING, Any

import pytest

from local import log, sam, template
from local.__main__ import ROOT, read_parameters
from local.docs import Docs
from local.errors import StartError
from local.gateway import Gateway
from local.invoke import Invoker
from local.log import Log
from local.messages import FORBIDDEN, NOT_FOUND, Request, Response
from tests.unit.local.support import Client, make_client

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = Request("GET", "/users/ann@example.com", request_id="VQ2fVgdRFiAEPYA=")
ROUTE = "/users/{userId}"


def call(service: str, code: str | None = None, **more: Any) -> str:
    """A line as a function leaves it of a call."""
    line = {"_aws": {}, "service": service, "correlation_id": REQUEST.request_id, "status": 200, **more}
    return json.dumps(line | ({"code": code} if code else {}))


def says(service: str, level: str, message: str, **more: str) -> str:
    """A line as a function leaves it of a failure."""
    line = {"level": level, "service": service, "message": message, "correlation_id": REQUEST.request_id}
    return json.dumps(line | more)


DENIED = [call("authorize_request", "TokenInvalid")]
DENIED += [says("authorize_request", "DEBUG", "The token has ended.", code="TokenInvalid")]
UNKNOWN = [call("get_user", "NotFound"), says("get_user", "DEBUG", "There is none.", code="NotFound")]
OUTAGE = [
    call("get_user", "Unavailable"),
    says("get_user", "WARNING", "Try again.", code="Unavailable", exception="Traceback\nWhy"),
]
BUG = [
    call("get_user", "Fault"),
    says("get_user", "ERROR", "A bug.", code="Fault", exception="Traceback\nWhy\n"),
]
GET = "GET  /users/{userId}"


@pytest.mark.parametrize(
    ("lines", "response", "shown"),
    [
        ([call("get_user")], Response(200), [f"{GET}  200  7 ms  get_user"]),
        ([call("authorize_request"), call("get_user")], Response(200), [f"{GET}  200  7 ms  get_user"]),
        (UNKNOWN, Response(404), [f"{GET}  404  7 ms  get_user  NotFound: There is none."]),
        (
            DENIED,
            FORBIDDEN,
            [f"{GET}  403  7 ms  authorize_request  TokenInvalid: The token has ended.  {FORBIDDEN.reason}"],
        ),
        ([], NOT_FOUND, [f"{GET}  404  7 ms  {NOT_FOUND.reason}"]),
        (
            OUTAGE,
            Response(503),
            [
                "WARNING  get_user  Try again.  (Why)",
                f"{GET}  503  7 ms  get_user  Unavailable: Try again.",
            ],
        ),
        (
            BUG,
            Response(500),
            ["ERROR  get_user  A bug.", "Traceback", "Why", f"{GET}  500  7 ms  get_user  Fault: A bug."],
        ),
    ],
)
def test_a_request_is_one_line_to_read(
    lines: list[str], response: Response, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With what was called, how it ended, how long it took, who answered, why it was refused, and its id."""
    out = Log()
    out.begin(REQUEST)
    for line in lines:
        print(line, file=out)
    out.end(REQUEST, ROUTE, response, 7.4)
    assert capsys.readouterr().err == "\n".join(shown) + f"  {REQUEST.request_id}\n"


def test_a_direct_invocation_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, as a request is; only a bug has its trace as well."""
    out = Log()
    for line in (call("rotate_keys"), *UNKNOWN, *OUTAGE, *BUG, "what some library prints"):
        print(line, file=out)
    assert capsys.readouterr().err.splitlines() == [
        f"invoke  rotate_keys  ok  {REQUEST.request_id}",
        f"invoke  get_user  NotFound: There is none.  {REQUEST.request_id}",
        "WARNING  get_user  Try again.  (Why)",
        f"invoke  get_user  Unavailable: Try again.  {REQUEST.request_id}",
        "ERROR  get_user  A bug.",
        "Traceback",
        "Why",
        f"invoke  get_user  Fault: A bug.  {REQUEST.request_id}",
        "what some library prints",
    ]


@pytest.mark.parametrize("raw", [False, True])
def test_all_that_was_logged_is_kept_as_it_came(
    raw: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the access line of API Gateway's names, for its owner alone; with LOG=json it is shown so, too."""
    out = Log(tmp_path / "state", raw=raw)
    out.begin(REQUEST)
    for line in DENIED:
        print(line, file=out)
    out.end(REQUEST, ROUTE, FORBIDDEN, 7.4)
    kept = tmp_path / "state" / log.FILE
    lines = kept.read_text().splitlines()
    assert lines[:-1] == DENIED
    access = json.loads(lines[-1])
    assert (access["request_id"], access["route"], access["status"]) == (
        REQUEST.request_id,
        "GET /users/{userId}",
        "403",
    )
    assert access.keys() < {"integration_ms", "integration_error", *access}  # the template's, as far as there
    assert "ann@example.com" not in kept.read_text()
    assert (stat.S_IMODE(kept.stat().st_mode), stat.S_IMODE(kept.parent.stat().st_mode)) == (0o600, 0o700)
    assert (capsys.readouterr().err.splitlines() == lines) is raw


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To two files, the older of which goes when the newer one is full."""
    monkeypatch.setattr(log, "_FULL", 1000)
    out = Log(tmp_path, raw=False)
    for number in range(100):
        print(json.dumps({"service": "s", "correlation_id": f"{number:060}"}), file=out)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes.keys() <= {log.FILE, log.OLDER}
    assert max(sizes.values()) < 1100
    lines = [
        line for name in sorted(sizes, reverse=True) for line in (tmp_path / name).read_text().splitlines()
    ]
    assert [json.loads(line)["correlation_id"] for line in lines][-1] == f"{99:060}"
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_threads_do_not_cut_each_other_s_lines(tmp_path: Path) -> None:
    """A line that comes in pieces stays one line, whoever else prints meanwhile."""
    out = Log(tmp_path)
    half_way, other = threading.Event(), threading.Event()

    def slow() -> None:
        out.write('{"service": ')
        half_way.set()
        other.wait()
        out.write("1}\n")

    thread = threading.Thread(target=slow)
    thread.start()
    half_way.wait()
    print('{"service": 2}', file=out)
    other.set()
    thread.join()
    assert (tmp_path / log.FILE).read_text().splitlines() == ['{"service": 2}', '{"service": 1}']


def test_a_page_of_make_run_goes_by_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no route, and there is nothing wrong with it."""
    app = Gateway(sam.Api(()), Invoker(), Log(), Docs("a" * 24))
    assert Client(app)("GET", "/docs").status == 200
    assert capsys.readouterr().err.startswith("GET  /docs  200  ")


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_an_origin_that_is_refused_is_told_with_the_way_to_allow_it(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the line of its request: a browser tells its page nothing, and its console little."""
    headers = {"origin": "http://localhost:5173", "access-control-request-method": "GET"}
    make_client(lambda event, _: event)(method, "/things/1", headers)
    said = capsys.readouterr().err
    allowed = "https://shop.example,http://localhost:8080,http://localhost:5173"
    assert said.startswith(f"{method}  /things/{{id}}  ")
    assert f"make run ALLOWED_ORIGINS={allowed}" in said


@pytest.mark.parametrize(
    "origin", ["null", "http://localhost:5173; rm -rf ~", "https://shop.example", "http://127.0.0.1:3000"]
)
def test_no_command_is_shown_that_would_help_nobody(origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no origin, is allowed already, or is the gateway's own."""
    make_client(lambda event, _: event)("GET", "/things/1", {"origin": origin})
    assert "make run" not in capsys.readouterr().err


def test_the_allowed_origins_are_the_caller_s() -> None:
    """As on AWS: exact, with commas, and never `*`."""
    loaded = template.load(ROOT / "template.yaml")
    origins = "http://localhost:5173,http://localhost:8080"
    assert read_parameters(loaded, {"ALLOWED_ORIGINS": origins})["AllowedOrigins"] == origins
    assert "AllowedOrigins" not in read_parameters(loaded, {"ALLOWED_ORIGINS": ""})
    for wrong in ("*", "localhost:5173", "http://localhost:5173/", "http://a, http://b"):
        with pytest.raises(StartError, match=r"ALLOWED_ORIGINS=.* http://localhost:5173"):
            read_parameters(loaded, {"ALLOWED_ORIGINS": wrong})

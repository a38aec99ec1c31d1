"""The runtime API, spoken to by a small client in place of AWS's own, which `make test` does not install."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.runtime_api import BuiltFunction, FunctionExitError, RunningFunction, running_function

CLIENT = """
import http.client, importlib, json, os, sys

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def call(method, path, body=None):
    connection.request(method, "/2018-06-01/runtime/" + path, None if body is None else json.dumps(body))
    response = connection.getresponse()
    return response.headers, response.read()

def error(e):
    return {"errorType": type(e).__name__, "errorMessage": str(e)}

sys.path.insert(0, os.getcwd())
module, _, name = sys.argv[1].rpartition(".")
try:
    handler = getattr(importlib.import_module(module), name)
except Exception as e:
    call("POST", "init/error", error(e))
    sys.exit(1)
while True:
    headers, event = call("GET", "invocation/next")
    invocation = "invocation/" + headers["Lambda-Runtime-Aws-Request-Id"]
    try:
        call("POST", invocation + "/response", handler(json.loads(event), None))
    except Exception as e:
        call("POST", invocation + "/error", error(e))
"""

pytestmark = pytest.mark.enable_socket


@contextmanager
def running(tmp_path: Path, handler: str) -> Iterator[RunningFunction]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "handler.py").write_text(handler)
    layer = tmp_path / "layer"
    (layer / "python").mkdir(parents=True)
    (layer / "python" / "awslambdaric.py").write_text(CLIENT)
    function = BuiltFunction("Example", code, (layer,))
    with running_function(Path(sys.executable), function, {"GREETING": "hello"}) as process:
        yield process


def test_events_go_in_and_results_come_out(tmp_path: Path) -> None:
    handler = "import os\ndef lambda_handler(event, _): return [os.environ['GREETING'], event]"
    with running(tmp_path, handler) as function:
        assert function.wait_until_ready() > 0
        for event in ({"n": 1}, {"n": 2}):
            answer = function.invoke(event)
            assert not answer.is_error
            assert answer.payload == ["hello", event]
            assert answer.elapsed_ms > 0


def test_what_a_handler_raises_is_an_error_and_the_next_event_is_served(tmp_path: Path) -> None:
    with running(tmp_path, "def lambda_handler(event, _): return 1 / event") as function:
        answer = function.invoke(0)
        assert answer.is_error
        assert answer.payload == {"errorType": "ZeroDivisionError", "errorMessage": "division by zero"}
        assert function.invoke(1).payload == 1.0


def test_a_handler_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    with (
        running(tmp_path, "import no_such_module") as function,
        pytest.raises(FunctionExitError, match="no_such_module"),
    ):
        function.invoke({})


def test_a_process_that_ends_is_told(tmp_path: Path) -> None:
    handler = "import os\ndef lambda_handler(event, _): os._exit(3)"
    with running(tmp_path, handler) as function, pytest.raises(FunctionExitError, match="status 3"):
        function.invoke({})


def test_nothing_of_the_callers_environment_reaches_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNET_SECRET", "of the caller")
    with running(tmp_path, "import os\ndef lambda_handler(event, _): return sorted(os.environ)") as function:
        names = function.invoke({}).payload
    assert "SIGNET_SECRET" not in names
    assert "PATH" not in names
    assert "AWS_LAMBDA_FUNCTION_NAME" in names

"""Lambda's Invoke API, as SDKs and the aws CLI call it."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from local import aws
from local.errors import StartError
from local.invoke import Invoker
from local.lambda_api import LambdaApi
from local.sam import Function
from signet import wiring
from signet.errors import UserNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

FUNCTION = Function(
    "PublishJwksFunction", "functions.keys.publish_jwks.handler", "lambda_handler", {}, timeout=30
)
ARN = "arn:aws:lambda:us-east-1:123456789012:function:signet-local-PublishJwksFunction"


@dataclass(frozen=True)
class Answer:
    """What a caller got."""

    status: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


def invoke(
    handler: Any,
    body: bytes = b"",
    *,
    name: str = "publish_jwks",
    method: str = "POST",
    timeout: int = FUNCTION.timeout,
    **environ: str,
) -> Answer:
    """Send a request through the embedded AWS's door."""
    api = LambdaApi()
    api.serve([replace(FUNCTION, timeout=timeout)], Invoker(lambda _function: handler))
    answered: list[tuple[str, dict[str, str]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        answered.append((status, dict(headers)))

    def moto(_environ: Any, respond: Any) -> Iterable[bytes]:
        respond("200 OK", [("server", "moto")])
        return [b""]

    path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations"
    request = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "RAW_URI": f"{path}?Qualifier=$LATEST",
        "HTTP_HOST": "127.0.0.1:4000",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **environ,
    }
    content = b"".join(aws.OneAtATime(moto, api)(request, start_response))
    ((status, headers),) = answered
    return Answer(status, headers, content)


def echo(event: Any, context: Any) -> Any:
    return {"event": event, "function": context.function_name, "request_id": context.aws_request_id}


@pytest.mark.parametrize(
    "name",
    [
        "PublishJwksFunction",
        "publish_jwks",
        "signet-local-PublishJwksFunction",
        "signet-local-PublishJwksFunction:$LATEST",
        ARN,
        f"{ARN}:live",
        "123456789012:function:signet-local-PublishJwksFunction",
    ],
)
def test_a_function_goes_by_all_its_names(name: str) -> None:
    """It answers with its result, and the context has the request id that the answer has."""
    answer = invoke(echo, b'{"a": [1]}', name=name)
    assert answer.status == "200 OK"
    assert "x-amz-function-error" not in answer.headers
    assert answer.json == {
        "event": {"a": [1]},
        "function": "signet-local-PublishJwksFunction",
        "request_id": answer.headers["x-amzn-requestid"],
    }


def test_an_empty_payload_is_an_empty_object() -> None:
    """As the aws CLI sends it without --payload; any JSON is an event."""
    assert invoke(echo).json["event"] == {}
    assert invoke(echo, b"null").json["event"] is None


def test_what_a_function_raises_is_an_answer() -> None:
    """With the header by which SDKs know it, and the error's type, which Step Functions can catch."""

    def fails(_event: Any, _context: Any) -> Any:
        message = "no such user"
        raise LookupError(message)

    answer = invoke(fails)
    assert (answer.status, answer.headers["x-amz-function-error"]) == ("200 OK", "Unhandled")
    assert (answer.json["errorType"], answer.json["errorMessage"]) == ("LookupError", "no such user")
    assert answer.json["requestId"] == answer.headers["x-amzn-requestid"]
    assert "fails" in "".join(answer.json["stackTrace"])


def test_only_a_bug_has_a_trace_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What a function refuses it has said in its log; the caller has Lambda's document of both."""

    def refuses(_event: Any, _context: Any) -> Any:
        message = "This application has no such user."
        raise UserNotFound(message)

    def breaks(_event: Any, _context: Any) -> Any:
        return 1 / 0

    assert invoke(refuses).json["errorType"] == "UserNotFound"
    assert capsys.readouterr().err == ""
    assert invoke(breaks).json["errorType"] == "ZeroDivisionError"
    assert "Traceback" in capsys.readouterr().err


def test_a_function_that_takes_too_long() -> None:
    """Its own time limit holds, not that of API Gateway."""
    released = threading.Event()

    def hangs(_event: Any, _context: Any) -> Any:
        released.wait(10)

    answer = invoke(hangs, timeout=0)
    released.set()
    assert (answer.status, answer.headers["x-amz-function-error"]) == ("200 OK", "Unhandled")
    assert answer.json["errorMessage"].endswith("Task timed out after 0.00 seconds")


def test_an_asynchronous_invocation_is_answered_at_once() -> None:
    """The function runs, and nobody hears of its result."""
    begun, released = threading.Event(), threading.Event()
    seen: list[Any] = []

    def waits(event: Any, _context: Any) -> Any:
        begun.set()
        released.wait(10)
        seen.append(event)
        begun.clear()

    answer = invoke(waits, b'{"a": 1}', HTTP_X_AMZ_INVOCATION_TYPE="Event")
    assert (answer.status, answer.body) == ("202 Accepted", b"")
    assert begun.wait(10)
    assert seen == []
    released.set()
    while begun.is_set():
        pass
    assert seen == [{"a": 1}]


def test_a_dry_run_runs_nothing() -> None:
    """It only says that one could."""

    def never(_event: Any, _context: Any) -> Any:
        raise AssertionError

    answer = invoke(never, HTTP_X_AMZ_INVOCATION_TYPE="DryRun")
    assert (answer.status, answer.body) == ("204 No Content", b"")


@pytest.mark.parametrize(
    ("request_", "status", "kind"),
    [
        ({"name": "nobody"}, "404 Not Found", "ResourceNotFoundException"),
        ({"name": "a b"}, "404 Not Found", "ResourceNotFoundException"),
        ({"body": b"{"}, "400 Bad Request", "InvalidRequestContentException"),
        ({"body": b"\xff"}, "400 Bad Request", "InvalidRequestContentException"),
        ({"HTTP_X_AMZ_INVOCATION_TYPE": "Soon"}, "400 Bad Request", "InvalidParameterValueException"),
        ({"body": b" " * (6 * 2**20 + 1)}, "413 Payload Too Large", "RequestTooLargeException"),
        (
            {"body": b" " * (2**20 + 1), "HTTP_X_AMZ_INVOCATION_TYPE": "Event"},
            "413 Payload Too Large",
            "RequestTooLargeException",
        ),
        ({"method": "GET"}, "405 Method Not Allowed", "MethodNotAllowedException"),
    ],
)
def test_lambda_s_own_refusals(request_: dict[str, Any], status: str, kind: str) -> None:
    """Told by the status and by a header, which is what SDKs make their exceptions of."""
    answer = invoke(echo, **request_)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (status, kind)
    assert answer.json["Message"]


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_HOST": "evil.example:4000"},
    ],
)
def test_no_web_page_invokes_a_function(environ: dict[str, Any]) -> None:
    """A direct invocation needs no API token, so nobody else may make one."""
    assert invoke(echo, **environ).status == "403 Forbidden"


def test_everything_else_is_moto_s() -> None:
    """Other paths of Lambda's API too."""
    answer = invoke(echo, RAW_URI="/2015-03-31/functions")
    assert answer.headers == {"server": "moto"}


def test_two_functions_of_one_name_are_refused() -> None:
    """One of them could never be invoked."""
    other = Function("OtherFunction", FUNCTION.module, "lambda_handler", {})
    with pytest.raises(StartError, match="publish_jwks"):
        LambdaApi().serve([FUNCTION, other], Invoker())


def test_a_function_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a function hands to itself through the AWS SDK comes back to it."""
    ended = threading.Event()
    seen: list[int] = []

    def counts(event: Any, context: Any) -> Any:
        seen.append(event["n"])
        if event["n"] == 3:
            ended.set()
            return
        wiring.function_name.set(context.function_name)
        wiring.continue_later({"n": event["n"] + 1})

    api, invoker = LambdaApi(), Invoker(lambda _function: counts)
    api.serve([FUNCTION], invoker)
    url = aws.start(api)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_LAMBDA": url,
        "MOTO_DISABLE_GLOBAL_CORS": "true",
    }.items():
        monkeypatch.setenv(name, value)
    wiring.reset()
    try:
        invoker.submit(FUNCTION, {"n": 1}, "request-1").result(10)
        assert ended.wait(10)
    finally:
        wiring.reset()
    assert seen == [1, 2, 3]

"""The gateway behaves as API Gateway's HTTP API does."""

from __future__ import annotations

import asyncio
import base64
import re
import threading
from typing import Any

import pytest

from local.gateway import MAX_BODY
from local.invoke import FunctionError, IntegrationTimeoutError, Invoker
from local.sam import Function
from tests.unit.local.support import make_client

NOT_FOUND = {"message": "Not Found"}
FORBIDDEN = {"message": "Forbidden"}
UNAUTHORIZED = {"message": "Unauthorized"}
INTERNAL = {"message": "Internal Server Error"}
JSON = {"content-type": "application/json"}


def echo(event: Any, _context: Any) -> Any:
    return event


def test_an_event_has_the_shape_of_payload_format_2() -> None:
    """A request becomes the event that API Gateway would send."""
    answer = make_client(echo)(
        "POST",
        "/things/a%20b%2Fc?x=1&y=%2B&x=2&z=",
        [
            ("Host", "localhost:3000"),
            ("User-Agent", "test"),
            ("Accept", "a"),
            ("accept", "b"),
            ("Cookie", "one=1; two=2"),
            ("cookie", "three=3"),
            ("Content-Type", "application/json; charset=utf-8"),
        ],
        ['{"é": 1}'.encode()[:4], '{"é": 1}'.encode()[4:]],
    )
    event = answer.json
    context = event["requestContext"]
    assert answer.status == 200
    assert answer["content-type"] == "application/json"
    assert answer["apigw-requestid"] == context["requestId"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{15}=", context.pop("requestId"))
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context.pop("time"))
    assert isinstance(context.pop("timeEpoch"), int)
    assert event == {
        "version": "2.0",
        "routeKey": "POST /things/{id}",
        "rawPath": "/things/a b/c",
        "rawQueryString": "x=1&y=%2B&x=2&z=",
        "cookies": ["one=1", "two=2", "three=3"],
        "headers": {
            "host": "localhost:3000",
            "user-agent": "test",
            "accept": "a,b",
            "content-type": "application/json; charset=utf-8",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "3000",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"x": "1,2", "y": "+", "z": ""},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {
                "method": "POST",
                "path": "/things/a b/c",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "routeKey": "POST /things/{id}",
            "stage": "$default",
        },
        "pathParameters": {"id": "a b/c"},
        "body": '{"é": 1}',
        "isBase64Encoded": False,
    }


def test_what_a_request_lacks_its_event_lacks() -> None:
    """Cookies, parameters and body are absent, not empty."""
    event = make_client(echo)("GET", "/things/special").json
    absent = {"cookies", "queryStringParameters", "pathParameters", "body", "stageVariables"}
    assert not absent & set(event)
    assert event["rawQueryString"] == ""
    assert event["isBase64Encoded"] is False
    assert "authorizer" not in event["requestContext"]


@pytest.mark.parametrize(
    ("content_type", "body", "is_text"),
    [
        ("application/json", b"{}", True),
        ("Application/JSON;charset=utf-8", b"{}", True),
        ("text/plain", b"a", True),
        ("application/xml", b"<a/>", True),
        ("application/javascript", b"1", True),
        ("application/json", b"\xff", False),
        ("application/x-www-form-urlencoded", b"token=a", False),
        ("application/octet-stream", b"a", False),
        ("application/problem+json", b"{}", False),
        ("", b"{}", False),
    ],
)
def test_a_body_is_text_or_base64(content_type: str, body: bytes, is_text: bool) -> None:
    """Only a few content types arrive as text, as has been recorded of live HTTP APIs."""
    headers = {"content-type": content_type} if content_type else {}
    event = make_client(echo)("POST", "/things/1", headers, body).json
    assert event["isBase64Encoded"] is not is_text
    assert event["body"] == (body.decode() if is_text else base64.b64encode(body).decode())


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/things/1", "GET /things/{id}"),
        ("GET", "/things/special", "GET /things/special"),
        ("POST", "/things/special", "POST /things/{id}"),
        ("DELETE", "/files/a/b%2Fc", "ANY /files/{proxy+}"),
        ("HEAD", "/files/a", "ANY /files/{proxy+}"),
        ("HEAD", "/things/1", None),
        ("PUT", "/things/1", None),
        ("GET", "/things", None),
        ("GET", "/things/", None),
        ("GET", "/things/1/", None),
        ("GET", "/things/1/2", None),
        ("GET", "/files/", None),
        ("GET", "/", None),
        ("OPTIONS", "/things/1", None),
    ],
)
def test_a_request_takes_the_most_specific_route(method: str, path: str, expected: str | None) -> None:
    """Literal segments win over parameters; what no route has is 404, a wrong method too."""
    answer = make_client(echo)(method, path)
    assert answer.status == (200 if expected else 404)
    assert answer.json.get("routeKey", answer.json) == (expected or NOT_FOUND)


@pytest.mark.parametrize(
    ("answer", "status", "content_type", "body"),
    [
        ({"statusCode": 201, "body": "a"}, 201, "text/plain;charset=UTF-8", b"a"),
        ({"statusCode": "404", "body": None}, 404, None, b""),
        ({"statusCode": 200, "headers": {"Content-Type": "x/y"}, "body": "é"}, 200, "x/y", "é".encode()),
        (
            {"statusCode": 200, "body": "/w==", "isBase64Encoded": True},
            200,
            "text/plain;charset=UTF-8",
            b"\xff",
        ),
        ({"statusCode": 204, "body": "lost"}, 204, None, b""),
        ({"a": "é"}, 200, "application/json", '{"a": "é"}'.encode()),
        ([1], 200, "application/json", b"[1]"),
        (None, 200, "application/json", b"null"),
        ("text", 200, "application/json", b"text"),
    ],
)
def test_an_answer_is_read_as_api_gateway_reads_it(
    answer: Any, status: int, content_type: str | None, body: bytes
) -> None:
    """A statusCode makes it a response; anything else is the body of a 200."""
    got = make_client(lambda _event, _context: answer)("GET", "/things/1")
    assert (got.status, got["content-type"], got.body) == (status, content_type, body)
    assert got["content-length"] == (None if status == 204 else str(len(body)))


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "many"},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": 20},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"a": []}},
        {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: c=d"}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "cookies": "a=b"},
        {"statusCode": 200, "cookies": ["a=b\n"]},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
        {"statusCode": 200, "body": b"bytes"},
        object(),
    ],
)
def test_a_bad_answer_is_a_500(answer: Any) -> None:
    """What API Gateway cannot read becomes its own 500."""
    got = make_client(lambda _event, _context: answer)("GET", "/things/1")
    assert (got.status, got.json) == (500, INTERNAL)


def test_headers_and_cookies_are_sent() -> None:
    """Names may have any case; each cookie is a header; what is the gateway's own is not the function's."""
    answer = {
        "statusCode": 200,
        "headers": {"X-Thing": "a", "Cache-CONTROL": "no-store", "Content-Length": "99", "X-Number": 5},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": "x",
    }
    got = make_client(lambda _event, _context: answer)("GET", "/things/1")
    assert (got["x-thing"], got["cache-control"], got["x-number"]) == ("a", "no-store", "5")
    assert [value for name, value in got.headers if name == "set-cookie"] == ["a=1; Path=/", "b=2"]
    assert [value for name, value in got.headers if name == "content-length"] == ["1"]


@pytest.mark.parametrize("error", [ValueError("secret detail"), SystemExit(3)])
def test_a_failing_function_is_a_500(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    """Its trace is for stderr alone."""

    def fail(_event: Any, _context: Any) -> Any:
        raise error

    got = make_client(fail)("GET", "/things/1")
    assert (got.status, got.json) == (500, INTERNAL)
    assert type(error).__name__ in capsys.readouterr().err


def test_a_function_that_cannot_be_imported_is_a_500() -> None:
    """A broken function breaks its own routes only."""
    client = make_client(echo, None)
    assert client("GET", "/open/1").status == 500
    assert client("GET", "/things/1").status == 200


@pytest.mark.parametrize(
    ("integration_timeout", "error"),
    [(0, IntegrationTimeoutError), (1, FunctionError)],
)
def test_a_function_gets_no_more_than_its_time(integration_timeout: float, error: type[Exception]) -> None:
    """Whether its own limit or API Gateway's ends first makes the difference."""
    release = threading.Event()

    def hang(_event: Any, _context: Any) -> None:
        release.wait()

    invoker = Invoker(lambda _function: hang, integration_timeout)
    with pytest.raises(error):
        asyncio.run(invoker.invoke(Function("F", "m", "h", {}, timeout=0), {}))
    release.set()
    invoker.close()


def test_a_function_that_takes_too_long_is_unavailable() -> None:
    """API Gateway does not wait for longer than its own limit."""
    release = threading.Event()

    def hang(_event: Any, _context: Any) -> None:
        release.wait()

    got = make_client(hang, integration_timeout=0)("GET", "/things/1")
    release.set()
    assert (got.status, got.json) == (503, {"message": "Service Unavailable"})


def test_functions_run_side_by_side() -> None:
    """Two requests that wait for each other both get their answers."""
    together = threading.Barrier(2)
    invoker = Invoker(lambda _function: lambda _event, _context: together.wait() >= 0)
    function = Function("F", "m", "h", {}, timeout=30)

    async def both() -> Any:
        return await asyncio.gather(invoker.invoke(function, {}), invoker.invoke(function, {}))

    assert asyncio.run(both()) == [True, True]
    invoker.close()


def test_a_function_gets_a_context() -> None:
    """Its context object has what Lambda's has."""
    seen: list[Any] = []

    def handler(_event: Any, context: Any) -> None:
        seen.extend([context, context.get_remaining_time_in_millis()])

    make_client(handler)("GET", "/things/1")
    context, remaining = seen
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", context.aws_request_id)
    assert context.function_name == "signet-local-Echo"
    assert context.function_version == "$LATEST"
    assert context.invoked_function_arn == "arn:aws:lambda:us-east-1:123456789012:function:signet-local-Echo"
    assert context.memory_limit_in_mb == "256"
    assert context.log_group_name == "/aws/lambda/signet-local-Echo"
    assert context.log_stream_name.endswith("/[$LATEST]local")
    assert 0 < remaining <= 5000


@pytest.mark.parametrize(
    ("size", "status"),
    [(MAX_BODY, 200), (MAX_BODY + 1, 413)],
)
def test_a_payload_over_10_mb_is_too_large(size: int, status: int) -> None:
    """Ten megabytes are the limit, however the body is cut into pieces."""
    half = size // 2
    client = make_client(lambda event, _context: len(event["body"]))
    got = client("POST", "/things/1", {"content-type": "text/plain"}, [b"a" * half, b"a" * (size - half)])
    assert got.status == status
    assert got.json == (size if status == 200 else {"message": "Request Entity Too Large"})


@pytest.mark.parametrize(
    ("method", "headers", "body", "allowed"),
    [
        ("POST", {"host": "127.0.0.1:3000", **JSON}, b"{}", True),
        ("POST", {"host": "localhost", **JSON}, b"{}", True),
        ("POST", {"host": "LOCALHOST:80", "content-type": "application/json; charset=utf-8"}, b"{}", True),
        ("POST", {"host": "localhost:3000", "origin": "http://localhost:3000", **JSON}, b"{}", True),
        ("POST", {"host": "localhost:3000"}, b"", True),
        ("GET", {"host": "localhost:3000"}, b"", True),
        ("GET", {"host": "localhost:3000", "sec-fetch-site": "none"}, b"", True),
        ("GET", {"host": "localhost:3000", "sec-fetch-site": "same-origin"}, b"", True),
        ("POST", {"host": "localhost:3000", "origin": "http://localhost:8080", **JSON}, b"{}", False),
        ("POST", {"host": "localhost:3000", "origin": "https://localhost:3000", **JSON}, b"{}", False),
        ("POST", {"host": "localhost:3000", "origin": "null", **JSON}, b"{}", False),
        ("POST", {"host": "localhost:3000", "origin": "http://127.0.0.1:3000", **JSON}, b"{}", False),
        ("GET", {"host": "localhost:3000", "origin": "https://evil.example"}, b"", False),
        ("GET", {"host": "localhost:3000", "sec-fetch-site": "cross-site"}, b"", False),
        ("GET", {"host": "localhost:3000", "sec-fetch-site": "same-site"}, b"", False),
        ("POST", {"host": "localhost:3000", "content-type": "text/plain"}, b"{}", False),
        ("POST", {"host": "localhost:3000", "content-type": "application/jsonp"}, b"{}", False),
        ("POST", {"host": "localhost:3000"}, b"{}", False),
    ],
)
def test_a_signed_route_lets_in_only_what_no_web_page_can_send(
    method: str, headers: dict[str, str], body: bytes, allowed: bool
) -> None:
    """Without a signature, a loopback caller passes for one that signed; a web page does not."""
    got = make_client(echo)(method, "/operator", headers, body)
    if allowed:
        assert got.status == 200
        iam = got.json["requestContext"]["authorizer"]["iam"]
        assert iam["userArn"] == "arn:aws:iam::123456789012:user/local"
        assert iam["accountId"] == "123456789012"
    else:
        says = got.json["message"]
        assert (got.status, says.partition(":")[0]) == (403, "Forbidden by make run")
        from_a_page = "origin" in headers or "sec-fetch-site" in headers
        assert ("page of another" if from_a_page else "content-type: application/json") in says


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:3000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.2",
        "0.0.0.0:3000",
        "localhost:3000,localhost",
        "localhost@evil.example",
        "localhost:",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/things/1", "/operator", "/nowhere"])
def test_a_foreign_host_is_refused_on_every_route(host: str, path: str) -> None:
    """A page that reaches loopback by a name of its own (DNS rebinding) reaches nothing."""
    headers = {"host": host, "origin": "https://shop.example", "access-control-request-method": "GET"}
    for method in ("GET", "OPTIONS"):
        got = make_client(echo)(method, path, headers)
        assert (got.status, got.json) == (403, FORBIDDEN)
        assert got["access-control-allow-origin"] is None


def test_an_authorizers_context_reaches_the_function() -> None:
    """The context of a simple response is the function's authorizer.lambda, and the token is not cached."""
    asked: list[Any] = []

    def authorizer(event: Any, _context: Any) -> Any:
        asked.append(event)
        return {"isAuthorized": True, "context": {"user": {"id": "u1"}, "n": 1}}

    client = make_client(echo, authorizer)
    got = client("GET", "/open/a%20b?q=1", {"cookie": "c=1", "authorization": "Bearer t"})
    client("GET", "/open/2")
    assert got.json["requestContext"]["authorizer"] == {"lambda": {"user": {"id": "u1"}, "n": 1}}
    event = asked[0]
    assert len(asked) == 2
    assert event["version"] == "2.0"
    assert event["type"] == "REQUEST"
    assert event["routeArn"] == "arn:aws:execute-api:us-east-1:123456789012:local/$default/GET/open/a b"
    assert event["identitySource"] is None
    assert event["routeKey"] == "GET /open/{id}"
    assert event["rawPath"] == "/open/a b"
    assert event["rawQueryString"] == "q=1"
    assert event["cookies"] == ["c=1"]
    assert event["headers"]["authorization"] == "Bearer t"
    assert event["queryStringParameters"] == {"q": "1"}
    assert event["pathParameters"] == {"id": "a b"}
    assert event["requestContext"]["http"]["method"] == "GET"
    assert not {"body", "isBase64Encoded"} & set(event)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ({"isAuthorized": False}, 403, FORBIDDEN),
        ({"isAuthorized": False, "context": {"a": 1}}, 403, FORBIDDEN),
        ({"isAuthorized": "true"}, 500, INTERNAL),
        ({"isAuthorized": True, "context": "text"}, 500, INTERNAL),
        ({}, 500, INTERNAL),
        (None, 500, INTERNAL),
        ("allow", 500, INTERNAL),
        (ValueError("no"), 500, INTERNAL),
    ],
)
def test_an_authorizer_that_does_not_let_in(answer: Any, status: int, body: Any) -> None:
    """A refusal is 403, a failure or an answer of another form 500; the function is not asked."""

    def authorizer(_event: Any, _context: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    def never(_event: Any, _context: Any) -> Any:
        pytest.fail("the function was called")

    got = make_client(never, authorizer)("GET", "/open/1")
    assert (got.status, got.json) == (status, body)


@pytest.mark.parametrize(
    ("target", "headers", "sources"),
    [
        ("/keyed?tenant=t1", {"authorization": "Bearer x"}, ["Bearer x", "t1"]),
        ("/keyed?tenant=t1", {}, None),
        ("/keyed?tenant=t1", {"authorization": ""}, None),
        ("/keyed", {"authorization": "Bearer x"}, None),
    ],
)
def test_a_missing_identity_source_is_unauthorized(
    target: str, headers: dict[str, str], sources: list[str] | None
) -> None:
    """Where an identity source is missing or empty, the authorizer is not asked."""

    def authorizer(event: Any, _context: Any) -> Any:
        assert event["identitySource"] == sources
        return {"isAuthorized": sources is not None}

    got = make_client(echo, authorizer)("GET", target, headers)
    if sources is None:
        assert (got.status, got.json) == (401, UNAUTHORIZED)
    else:
        assert got.json["requestContext"]["authorizer"] == {"lambda": None}


def test_the_access_line_has_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """It has the method, the route, status and time, and nothing of the path, query, headers or body."""
    headers = {"authorization": "Bearer secret-1", **JSON}
    make_client(echo)("POST", "/things/secret-0?authorization=secret-2", headers, b'{"password": "secret-3"}')
    captured = capsys.readouterr()
    assert re.fullmatch(r"POST  /things/{id}  200  \d+ ms  [A-Za-z0-9_-]{15}=\n", captured.err)
    assert captured.out == ""

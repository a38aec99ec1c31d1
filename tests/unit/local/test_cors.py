"""CORS, from the template's CorsConfiguration."""

from __future__ import annotations

from typing import Any

import pytest

from local import cors
from local.messages import Request, Response
from local.sam import Cors
from tests.unit.local.support import Answer, make_client

SHOP = "https://shop.example"


def handler(_event: Any, _context: Any) -> Any:
    return {
        "statusCode": 200,
        "headers": {"Access-Control-Allow-Origin": "*", "access-control-max-age": "1", "x-request-id": "r"},
    }


def cors_headers(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("path", ["/things/1", "/operator", "/nowhere"])
@pytest.mark.parametrize("origin", [SHOP, "http://localhost:8080"])
def test_a_preflight_of_an_allowed_origin(origin: str, path: str) -> None:
    """The gateway answers it by itself, on every path."""
    headers = {"origin": origin, "access-control-request-method": "POST"}
    answer = make_client(handler)("OPTIONS", path, headers)
    assert (answer.status, answer.body) == (204, b"")
    assert cors_headers(answer) == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "3600",
    }


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://shop.example.evil", "http://shop.example"]
)
def test_a_foreign_origin_gets_no_cors_header(origin: str) -> None:
    """Neither on a preflight nor on an answer, whatever the function sent."""
    client = make_client(handler)
    preflight = client("OPTIONS", "/things/1", {"origin": origin, "access-control-request-method": "POST"})
    assert (preflight.status, cors_headers(preflight)) == (204, {})
    assert cors_headers(client("GET", "/things/1", {"origin": origin})) == {}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/things/1", 200), ("/nowhere", 404), ("/operator", 403), ("/keyed", 401)],
)
def test_an_answer_to_an_allowed_origin_has_the_configured_headers(path: str, status: int) -> None:
    """They replace the function's own, and stand on the gateway's own answers too."""
    answer = make_client(handler)("GET", path, {"origin": SHOP})
    assert answer.status == status
    assert cors_headers(answer) == {
        "access-control-allow-origin": SHOP,
        "access-control-expose-headers": "x-request-id",
    }


def test_a_request_without_an_origin_gets_no_cors_header() -> None:
    """Also the function's own are dropped."""
    answer = make_client(handler)("GET", "/things/1")
    assert (answer["x-request-id"], cors_headers(answer)) == ("r", {})


@pytest.mark.parametrize("missing", ["origin", "access-control-request-method"])
def test_options_without_both_headers_is_no_preflight(missing: str) -> None:
    """It is a request like any other, and no route takes it."""
    headers = {"origin": SHOP, "access-control-request-method": "GET"}
    del headers[missing]
    assert make_client(handler)("OPTIONS", "/things/1", headers).status == 404


@pytest.mark.parametrize(
    ("origins", "origin", "expected"),
    [
        (("*",), "https://any.example", "*"),
        (("https://*",), "https://any.example", "https://any.example"),
        (("https://*",), "http://any.example", None),
        (("http://*",), "http://any.example", "http://any.example"),
        ((), "https://any.example", None),
    ],
)
def test_a_wildcard_of_origins(origins: tuple[str, ...], origin: str, expected: str | None) -> None:
    """`*`, `http://*` and `https://*` allow what API Gateway says they do."""
    request = Request("GET", "/", headers=(("origin", origin),))
    response = cors.apply(Cors(origins=origins, credentials=True), request, Response(200))
    assert dict(response.headers).get("access-control-allow-origin") == expected
    assert dict(response.headers).get("access-control-allow-credentials") == ("true" if expected else None)

"""What the template's CORS lets the pages of a browser do."""

import pytest

from local import template
from local.gateway import Gateway
from local.invoke import Invoker
from local.log import Log
from local.sam import physical_values, read_api, read_functions
from tests.deployment import URL, load_template
from tests.unit.local.support import Client

ALLOWED = "http://localhost:8080"
IDENTIFY = "/v1/identify"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


@pytest.fixture(scope="module")
def client() -> Client:
    """A client of the template's API, without anything behind it."""
    loaded = load_template()
    resolver = template.Resolver(loaded, physical_values(loaded, URL, "table", "key"))
    api = read_api(resolver, read_functions(resolver))
    assert any((route.method, route.path) == ("POST", IDENTIFY) for route in api.routes)
    return Client(Gateway(api, Invoker(), Log()))


def test_a_page_of_an_allowed_origin_may_identify(client: Client) -> None:
    """With JSON, and without cookies."""
    answer = client("OPTIONS", IDENTIFY, {"origin": ALLOWED, **PREFLIGHT})
    assert (answer.status, answer.body) == (204, b"")
    assert answer["access-control-allow-origin"] == ALLOWED
    assert "POST" in (answer["access-control-allow-methods"] or "").split(",")
    assert "content-type" in (answer["access-control-allow-headers"] or "").split(",")
    assert answer["access-control-allow-credentials"] is None


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        f"{ALLOWED}.evil.example",
        "http://localhost:8081",
        "https://localhost:8080",
    ],
)
def test_a_page_of_another_origin_may_not(client: Client, origin: str) -> None:
    """It gets no CORS header at all, so the browser sends nothing further."""
    answer = client("OPTIONS", IDENTIFY, {"origin": origin, **PREFLIGHT})
    assert answer.status == 204
    assert not any(name.startswith("access-control-") for name, _ in answer.headers)


def test_a_page_cannot_send_a_server_s_credentials(client: Client) -> None:
    """The headers that carry Velt's API token are a server's; a browser must not hold it."""
    answer = client("OPTIONS", "/v2/auth/token/get", {"origin": ALLOWED, **PREFLIGHT})
    assert "x-velt" not in (answer["access-control-allow-headers"] or "")

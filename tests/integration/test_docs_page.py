"""The page at /docs of what `make run` runs, in a real browser: the API can be read and tried there."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.browser import Browser, running_browser
from tests.programs import running_demo
from tools import openapi


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What `make run` says of itself."""
    with running_demo(tmp_path_factory.mktemp("state")) as shown:
        yield shown


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_browser() as window:
        window.resize(1280, 1000)
        yield window


def answered(page: Browser, operation: str) -> tuple[int, Any]:
    """Execute an operation of users as its example has it: the status and the JSON that the page shows."""
    section = f"#operations-users-{operation}"
    if not page.run("return document.querySelector(arguments[0]) !== null", f"{section}.is-open"):
        page.click(f"{section} .opblock-summary-control")
    page.run("document.querySelector(arguments[0])?.click()", f"{section} .btn-clear")
    page.click(f"{section} .execute")
    shown = f"{section} .live-responses-table tbody .response"
    status = page.text(f"{shown} .response-col_status").split()[0]
    return int(status), json.loads(page.text(f"{shown} .highlight-code code"))


@pytest.mark.heavy
def test_a_route_is_tried_with_the_demos_api_token(chromium: Browser, demo: Mapping[str, str]) -> None:
    """Without it a route refuses; with it, given under Authorize, the example makes a user of the demo."""
    chromium.open(f"{demo['url'].replace('127.0.0.1', 'localhost')}/docs")
    status, refusal = answered(chromium, "create_user")
    assert (status, refusal["type"]) == (401, "Unauthorized")
    chromium.click(".auth-wrapper .authorize")
    chromium.type("#auth-bearer-value", demo["apiToken"])
    chromium.click(".auth-container .auth.authorize")
    chromium.click(".close-modal")
    status, answer = answered(chromium, "create_user")
    assert (status, answer["applicationId"]) == (201, demo["applicationId"])
    assert [line for line in chromium.log() if "Content Security Policy" in line] == []


@pytest.mark.heavy
def test_it_is_dark_for_who_prefers_that(chromium: Browser, demo: Mapping[str, str]) -> None:
    """From the first, and when they change their mind."""
    chromium.prefer("dark")
    chromium.open(f"{demo['url']}/docs")
    assert lightness(chromium, ".info .title") > 0.8
    chromium.prefer("light")
    assert lightness(chromium, ".info .title") < 0.4


def lightness(chromium: Browser, selector: str) -> float:
    """Of an element's text, from 0 to 1."""
    chromium.find(selector)
    color = chromium.run("return getComputedStyle(document.querySelector(arguments[0])).color", selector)
    red, green, blue, *_ = (float(part) for part in re.findall(r"[\d.]+", color))
    return (red + green + blue) / 3 / 255


def test_the_description_is_served_for_this_gateway(demo: Mapping[str, str]) -> None:
    """/openapi.json is openapi.yaml, but that server and application are its own, and nobody has to sign."""
    served = httpx.get(f"{demo['url']}/openapi.json").json()
    text = json.dumps(openapi.description()["paths"]).replace(
        openapi.EXAMPLE_VALUES["<applicationId>"], demo["applicationId"]
    )
    unsigned = text.replace('"security": [{"operator": []}]', '"security": []')
    assert unsigned != text
    assert served["paths"] == json.loads(unsigned)
    assert served["servers"] == [{"url": "/"}]
    assert demo["apiToken"] not in json.dumps(served)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/swagger-ui-bundle.js"])
def test_no_other_name_and_no_other_page_reaches_it(demo: Mapping[str, str], path: str) -> None:
    """A page whose own name leads here sees nothing, and none of another origin is let read an answer."""
    rebound = httpx.get(f"{demo['url']}{path}", headers={"host": "evil.example"})
    assert rebound.status_code == 403
    foreign = httpx.get(f"{demo['url']}{path}", headers={"origin": "http://localhost:8080"})
    assert "access-control-allow-origin" not in foreign.headers
    assert "default-src 'none'" in foreign.headers["content-security-policy"]
    assert httpx.post(f"{demo['url']}{path}").status_code == 404


@pytest.mark.parametrize("path", ["/docs/", "/docs/../pyproject.toml", "/docs/index.css", "/docs/LICENSE"])
def test_nothing_else_of_the_package_is_served(demo: Mapping[str, str], path: str) -> None:
    """Only the files that the page asks for are."""
    assert httpx.get(f"{demo['url']}{path}").status_code == 404


def test_the_address_in_the_terminal_leads_to_it(demo: Mapping[str, str]) -> None:
    """A browser that opens it lands on the page; the API has nothing there."""
    answer = httpx.get(demo["url"])
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")

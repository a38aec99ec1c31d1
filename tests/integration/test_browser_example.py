"""The browser example, as its README says to run it, in a real browser.

The template lets pages of http://localhost:8080 call the API. Chromium is told to look for `localhost`, on
whatever port, where the backend really is, so that the port need not be free.
"""

import re
from collections.abc import Iterator, Mapping

import httpx
import pytest

from tests.browser import Browser, running_browser
from tests.deployment import ROOT
from tests.programs import running, running_demo

ORIGIN = "http://localhost:8080"
BACKEND = ROOT / "examples" / "browser" / "backend.py"
ATTEMPTS = {
    "impersonate": ("PERMISSION_DENIED", "403 PERMISSION_DENIED"),
    "forge": ("UNAUTHENTICATED", "401 UNAUTHENTICATED token_invalid"),
    "omit": ("UNAUTHENTICATED", "401 UNAUTHENTICATED"),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What `make run` says of itself."""
    with running_demo(tmp_path_factory.mktemp("state")) as shown:
        yield shown


@pytest.fixture(scope="module")
def backend(demo: Mapping[str, str]) -> Iterator[int]:
    """The port of the example's backend."""
    settings = {
        "SIGNET_URL": demo["url"],
        "SIGNET_APPLICATION_ID": demo["applicationId"],
        "SIGNET_API_TOKEN": demo["apiToken"],
    }
    with running(BACKEND, "0", **settings) as process:
        assert process.stdout is not None
        address = re.search(r"http://localhost:(\d+)", process.stdout.readline())
        assert address is not None
        yield int(address[1])


@pytest.fixture(scope="module")
def chromium(backend: int) -> Iterator[Browser]:
    with running_browser(f"--host-resolver-rules=MAP localhost 127.0.0.1:{backend}") as window:
        yield window


@pytest.fixture
def page(chromium: Browser) -> Browser:
    """The page, when it has identified its user."""
    chromium.open(f"{ORIGIN}/")
    chromium.find("body[data-ready]")
    assert chromium.text("#identified") == "✓ Verified"
    return chromium


def test_the_user_is_verified(page: Browser) -> None:
    """It says of each field whether the token vouches for it."""
    assert page.text("#user tbody").splitlines() == [
        "userId u1 ✓ yes",
        "organizationId org1 ✓ yes",
        "email ann@example.com ✓ yes",
        "name Ann no",
        "isAdmin false ✓ yes",
    ]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nobody_can_pass_for_somebody_else(page: Browser, attempt: str) -> None:
    """Neither with one's own token, nor with one that was changed, nor with none."""
    status, shown = ATTEMPTS[attempt]
    page.click(f"#{attempt}")
    found = page.text(f"#{attempt}-result[data-status={status}]").splitlines()
    assert found[0] == f"✗ Refused: {shown}"
    assert len(found) == 2, "Signet says why"


def test_the_api_token_never_reaches_the_page(page: Browser) -> None:
    """Nothing in the page looks like one."""
    assert "sgt_" not in page.run("return document.documentElement.outerHTML")


def test_the_backend_gives_nobody_the_api_token(backend: int, demo: Mapping[str, str]) -> None:
    """It serves the page and a user's token, and nothing of its own."""
    with httpx.Client(base_url=f"http://localhost:{backend}", trust_env=False) as client:
        answers = [client.get(path) for path in ("/", "/token", "/../backend.py", "/demo.json")]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 404]
    assert answers[1].json()["apiKey"] == demo["applicationId"]
    assert not any("sgt_" in answer.text or demo["apiToken"][-43:] in answer.text for answer in answers)


def test_the_page_loads_nothing_from_elsewhere(page: Browser, demo: Mapping[str, str]) -> None:
    """All that it asks for is a token, and Signet."""
    asked = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert asked == [f"{ORIGIN}/token", f"{demo['url']}/v1/identify"]


def test_it_fits_a_small_screen(page: Browser) -> None:
    """Nothing is wider than 360 pixels, with all answers shown."""
    page.resize(360, 740)
    for attempt in ATTEMPTS:
        page.click(f"#{attempt}")
        page.find(f"#{attempt}-result[data-status]")
    assert page.run("return document.documentElement.scrollWidth") <= 360


def test_a_page_of_another_origin_learns_nothing(chromium: Browser) -> None:
    """The browser asks Signet first, which does not allow it."""
    chromium.open("http://localhost:8081/")
    chromium.find("body[data-ready]")
    assert "does not let pages of http://localhost:8081 call it" in chromium.text("#identified")
    assert chromium.run("return document.getElementById('impersonate').disabled")


def test_a_name_that_a_stranger_resolves_to_this_machine_gets_no_token(backend: int) -> None:
    """DNS rebinding."""
    with httpx.Client(base_url=f"http://127.0.0.1:{backend}", trust_env=False) as client:
        answer = client.get("/token", headers={"host": "evil.example"})
    assert answer.status_code == 403

"""Nobody gets into the console but the browser that opened its link; no page but its own changes anything."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from signet.cli.console.guard import BASE, FORM_TOKEN
from signet.cli.console.messages import Request, Response
from tests.console import HOST, NAVIGATES, ORIGIN, SENDS, Browser, make_console, sign_in, without
from tests.deployment import Deployment

type Change = Callable[[Request], Request]


@pytest.fixture
def browser(moto_signet: Deployment) -> Browser:
    """One that has opened the link."""
    return sign_in(make_console(moto_signet))


def headers(**given: str) -> Change:
    """A request with other headers."""
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return lambda request: replace(request, headers={**request.headers, **named})


def cookie(change: Callable[[str], str]) -> Change:
    """A request with another cookie."""
    return lambda request: replace(
        request, headers={**request.headers, "cookie": change(request.headers["cookie"])}
    )


def lacking(name: str) -> Change:
    """A request that lacks a header."""
    return lambda request: without(request, name)


def form(**fields: str) -> Change:
    """A request with these fields alone in its form."""
    return lambda request: replace(request, body=urlencode(fields).encode())


BOTH: list[tuple[str, Change, int]] = [
    ("another name that leads here (DNS rebinding)", headers(host="evil.example"), 421),
    ("another name, with the right port", headers(host="evil.example:4321"), 421),
    ("a name that this machine has as well", headers(host="localhost:4321"), 421),
    ("another port", headers(host="127.0.0.1:80"), 421),
    ("no port", headers(host="127.0.0.1"), 421),
    ("no host", lacking("host"), 421),
    ("two hosts", headers(host=f"{HOST}, evil.example"), 421),
    ("a page of another site", headers(sec_fetch_site="cross-site"), 403),
    ("a page of another port on this machine", headers(sec_fetch_site="same-site"), 403),
    ("a script's fetch", headers(sec_fetch_mode="cors", sec_fetch_dest="empty"), 403),
    ("a script's fetch that may not read", headers(sec_fetch_mode="no-cors", sec_fetch_dest="empty"), 403),
    (
        "a script's fetch, by a browser that tells no destination",
        lambda request: without(headers(sec_fetch_mode="cors")(request), "sec-fetch-dest"),
        403,
    ),
    ("an image", headers(sec_fetch_mode="no-cors", sec_fetch_dest="image"), 403),
    ("a frame", headers(sec_fetch_dest="iframe"), 403),
    ("no cookie", lacking("cookie"), 403),
    ("an empty cookie", headers(cookie=""), 403),
    ("another cookie's value", cookie(lambda given: given[:-1] + ("A" if given[-1] != "A" else "B")), 403),
    ("the cookie of another console", cookie(lambda given: given.replace("4321", "4322")), 403),
    ("garbage for a cookie", headers(cookie='signet_console_4321="\x00\\777'), 403),
]

CHANGES: list[tuple[str, Change, int]] = [
    ("a form of another origin", headers(origin="http://evil.example"), 403),
    ("a form of another port", headers(origin="http://127.0.0.1:3000"), 403),
    ("a form of the same name by TLS", headers(origin=f"https://{HOST}"), 403),
    ("a form of nowhere", headers(origin="null"), 403),
    ("no origin", lacking("origin"), 403),
    ("typed into the address bar", headers(sec_fetch_site="none"), 403),
    ("plain text, as any page can send it", headers(content_type="text/plain"), 415),
    ("JSON", headers(content_type="application/json"), 415),
    ("no content type", lacking("content-type"), 415),
    ("no form token", form(name="Taken over"), 403),
    ("another form token", form(name="Taken over", form_token="x" * 43), 403),
    ("a form token that is no ASCII", form(name="Taken over", form_token="é"), 403),
]


@pytest.mark.parametrize(("change", "status"), [row[1:] for row in BOTH], ids=[row[0] for row in BOTH])
def test_a_page_is_shown_to_nobody_else(browser: Browser, change: Change, status: int) -> None:
    """And what is answered then says nothing of the deployment."""
    request = Request("GET", f"{BASE}/applications", "", {**NAVIGATES, "cookie": browser.cookie})
    assert browser.send(request).status == 200
    assert "Demo" in browser.page
    assert browser.send(change(request)).status == status
    assert "Demo" not in browser.page


@pytest.mark.parametrize(
    ("change", "status"), [row[1:] for row in BOTH + CHANGES], ids=[row[0] for row in BOTH + CHANGES]
)
def test_a_change_is_taken_from_nobody_else(
    browser: Browser, moto_signet: Deployment, change: Change, status: int
) -> None:
    """Whatever it lacks, nothing was written."""
    browser.open("/applications")
    (token,) = set(re.findall(rf'name="{FORM_TOKEN}" value="([^"]+)"', browser.page))
    body = urlencode({FORM_TOKEN: token, "name": "Taken over"}).encode()
    request = Request("POST", f"{BASE}/applications", "", {**SENDS, "cookie": browser.cookie}, body)
    before = moto_signet.items()
    assert browser.send(change(request)).status == status
    assert moto_signet.items() == before
    assert browser.send(request).status == 303
    assert moto_signet.items() != before


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"])
def test_no_other_method_is_taken(browser: Browser, method: str) -> None:
    """A preflight among them, so that no page of another origin may send anything unusual."""
    request = Request(method, f"{BASE}/applications", "", {**NAVIGATES, "cookie": browser.cookie})
    answer = browser.send(request)
    assert answer.status == 405
    assert not any(name.startswith("access-control-") for name in answer.headers)


def test_a_link_lets_one_browser_in_once(moto_signet: Deployment) -> None:
    """The second one is refused, and a new link stands in the terminal alone."""
    first = make_console(moto_signet)
    link = first.console.guard.link().removeprefix(ORIGIN)
    first.get(link)
    assert "Demo" in first.page
    second = Browser(first.console, first.announced)
    assert second.get(link).status == 403
    assert "This link was used already" in second.text
    (fresh,) = first.announced
    assert fresh.removeprefix(ORIGIN) not in second.page
    assert second.get(fresh.removeprefix(ORIGIN)).status == 200


def test_of_many_at_once_a_link_lets_in_one(moto_signet: Deployment) -> None:
    """The exchange happens once, whoever is first."""
    console = make_console(moto_signet).console
    query = console.guard.link().partition("?")[2]
    answers: list[Response] = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        answers.append(console.answer(Request("GET", BASE, query, NAVIGATES)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [303] + [403] * 7


@pytest.mark.parametrize(
    "change",
    [headers(host="evil.example"), headers(sec_fetch_site="cross-site"), headers(sec_fetch_dest="iframe")],
    ids=["another name", "another site", "a frame"],
)
def test_a_link_that_another_page_opens_is_still_good(moto_signet: Deployment, change: Change) -> None:
    """It is refused there, and not used up."""
    browser = make_console(moto_signet)
    path, _, query = browser.console.guard.link().removeprefix(ORIGIN).partition("?")
    request = Request("GET", path, query, {**NAVIGATES, "sec-fetch-site": "none"})
    refused = browser.send(change(request))
    assert refused.status in (403, 421)
    assert "set-cookie" not in refused.headers
    assert browser.send(request).status == 303


def test_a_new_link_makes_the_one_before_it_worthless(moto_signet: Deployment) -> None:
    """So that one that was lost can be replaced."""
    browser = make_console(moto_signet)
    lost, new = (browser.console.guard.link().removeprefix(ORIGIN) for _ in range(2))
    assert browser.get(lost).status == 403
    assert browser.get(new).status == 200


@pytest.mark.parametrize(
    "others",
    ['a={"b": 1}; {}', "{}; x", "=; {};", "signet_console_4321=stale; {}", 'q="; {}', "é=ü; {}; a=b"],
)
def test_cookies_of_other_programs_do_not_matter(browser: Browser, others: str) -> None:
    """Whatever they look like: cookies know no ports."""
    cookies = others.replace("{}", browser.cookie)
    request = Request("GET", f"{BASE}/applications", "", {**NAVIGATES, "cookie": cookies})
    assert browser.send(request).status == 200


def test_the_cookie_is_the_console_s_alone(moto_signet: Deployment) -> None:
    """No script reads it, no other site's page makes the browser send it, and no other path gets it."""
    browser = make_console(moto_signet)
    path, _, query = browser.console.guard.link().removeprefix(ORIGIN).partition("?")
    answer = browser.send(Request("GET", path, query, NAVIGATES))
    value, *attributes = answer.headers["set-cookie"].split("; ")
    assert re.fullmatch(r"signet_console_4321=[A-Za-z0-9_-]{43}", value)
    assert attributes == ["Path=/console", "HttpOnly", "SameSite=Strict"]
    assert answer.headers["location"] == BASE, "the token does not stay in the address"


def test_every_answer_keeps_everything_out(browser: Browser) -> None:
    """Pages, refusals, redirections and files: no script, no frame, no copy, and nothing from elsewhere."""
    asked = [
        Request("GET", f"{BASE}/applications", "", {**NAVIGATES, "cookie": browser.cookie}),
        Request("GET", BASE, "", {**NAVIGATES, "cookie": browser.cookie}),
        Request("GET", f"{BASE}/nothing", "", {**NAVIGATES, "cookie": browser.cookie}),
        Request("GET", BASE, "token=wrong", NAVIGATES),
        Request("GET", f"{BASE}/static/console.css", "", {"host": HOST}),
        Request("POST", BASE, "", {"host": "evil.example"}),
    ]
    for request in asked:
        given = browser.send(request).headers
        policy = dict(part.strip().split(" ", 1) for part in given["content-security-policy"].split(";"))
        assert policy == {
            "default-src": "'none'",
            "style-src": "'self'",
            "img-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert given["cache-control"] == "no-store"
        assert given["cross-origin-opener-policy"] == "same-origin"
        assert given["cross-origin-resource-policy"] == "same-origin"
        assert given["x-content-type-options"] == "nosniff"
        assert given["x-frame-options"] == "DENY"
        assert given["referrer-policy"] == "same-origin"

"""The console's pages: what they show, what their forms change, and that all in them is text."""

import base64
import html
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from signet.cli.apps import flat
from signet.cli.console.guard import BASE
from signet.cli.console.rendering import span
from signet.cli.console.settings_form import LIVES, changes_of, fields_of
from signet.cli.target import Target, TargetError
from signet.domain.keys import DAY
from tests.console import Browser, make_console, make_target, sign_in
from tests.deployment import PASSWORD, Deployment

HOSTILE = (
    "<script>alert(1)</script>\"><img src=x onerror=alert(1)>' onclick='x' {{ 'ran'*3 }} javascript:alert(1)"
)
EVIL = "https://evil.example/x.png?<script>"
VOID = {"meta", "link", "img", "input", "br", "line", "rect"}


@pytest.fixture
def browser(moto_signet: Deployment, tmp_path: Path) -> Browser:
    """One that has signed in to the console of a deployment whose log is in `tmp_path`."""
    return sign_in(make_console(moto_signet, tmp_path))


@pytest.fixture
def here(moto_signet: Deployment) -> dict[str, str]:
    return {"applicationId": moto_signet.application_id}


@pytest.fixture
def app(moto_signet: Deployment) -> str:
    """The path of the application."""
    return f"/applications/{moto_signet.application_id}"


def make_user(signet: Deployment, email: str, **fields: object) -> dict[str, Any]:
    user: dict[str, Any] = signet.invoke(
        "create_user",
        {"applicationId": signet.application_id, "email": email, "password": PASSWORD, **fields},
    )
    return user


class Page(HTMLParser):
    """A page's elements, and what a browser would do with them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it, and that it is open."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def all(self, *tags: str) -> list[dict[str, str]]:
        """The attributes of all elements of these names."""
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def links(self) -> set[str]:
        """Where its links lead."""
        return {link["href"] for link in self.all("a") if link["href"] != "#main"}


def check_is_harmless(page: Page) -> None:
    """Nothing runs, nothing is loaded from elsewhere, nothing leads elsewhere."""
    assert page.faults == []
    assert page.open == []
    known = {
        "html",
        "head",
        "meta",
        "title",
        "link",
        "body",
        "header",
        "footer",
        "main",
        "nav",
        "section",
        "div",
        "p",
    }
    known |= {
        "h1",
        "h2",
        "a",
        "img",
        "span",
        "b",
        "strong",
        "br",
        "code",
        "pre",
        "time",
        "ul",
        "li",
        "dl",
        "dt",
        "dd",
    }
    known |= {
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "form",
        "fieldset",
        "legend",
        "label",
        "input",
    }
    known |= {"textarea", "select", "option", "button", "progress", "svg", "line", "rect", "text"}
    assert {tag for tag, _ in page.elements} <= known
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        for name in ("href", "src", "action"):
            address = attributes.get(name, BASE)
            assert address == "#main" or address.startswith(BASE), address
            assert urlsplit(address).netloc == ""


def check_is_for_everybody(page: Page) -> None:
    """What a screen reader and a keyboard need: names, one heading, heads of tables, a way past the menu."""
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert [name for name, count in ids.items() if count > 1] == []
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) - len(page.all("svg")) == 1
    assert page.all("html")[0]["lang"] == "en"
    assert page.elements[[tag for tag, _ in page.elements].index("body") + 1][1].get("href") == "#main"
    labelled = {label["for"] for label in page.all("label")}
    for field in page.all("input", "textarea", "select"):
        assert field.get("type") == "hidden" or "aria-label" in field or field["id"] in labelled, field
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert all(reference in ids for reference in attributes.get(name, "").split()), attributes
    assert all(image.get("alt") is not None for image in page.all("img"))
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("aria-label" in bar or "aria-labelledby" in bar for bar in page.all("progress"))
    assert all(int(attributes.get("tabindex", "0")) <= 0 for _, attributes in page.elements)


def crawl(browser: Browser) -> Iterator[tuple[str, Page]]:
    """Every page that links lead to, with its path."""
    to_do, done = [f"{BASE}/applications"], set[str]()
    while to_do:
        path = to_do.pop()
        if path in done:
            continue
        done.add(path)
        answer = browser.get(path)
        assert answer.status == 200, f"{path}: {browser.text}"
        page = Page(browser.page)
        yield path, page
        to_do += sorted(page.links)


def put(signet: Deployment, key: str, body: bytes) -> None:
    boto3.client("s3").put_object(Bucket=make_target(signet).resources.bucket, Key=key, Body=body)


@pytest.fixture
def hostile(moto_signet: Deployment, here: dict[str, str], tmp_path: Path) -> str:
    """Whoever can, has put HTML wherever it can; gives the kind of user that only identify makes."""
    signet = moto_signet
    signet.invoke("update_application", here | {"name": HOSTILE, "login": {"extraData": {HOSTILE: HOSTILE}}})
    group = signet.invoke("create_group", here | {"name": HOSTILE})["id"]
    tags = {"plan": HOSTILE}
    make_user(
        signet,
        "ann@example.com",
        firstName=HOSTILE,
        lastName=HOSTILE,
        userTags=tags,
        experienceGroupIds=[group],
    )
    make_user(signet, "o'neill&amp@example.com")
    name = f'ext "/><script>{HOSTILE[:20]}'
    token = signet.invoke("issue_user_token", here | {"userId": name})["token"]
    profile = {
        "userId": name,
        "name": HOSTILE,
        "photoUrl": EVIL,
        "color": HOSTILE,
        "contacts": [{"userId": "c1", "name": HOSTILE}],
    }
    identified = signet.invoke("identify", here | {"authToken": token, "user": profile})
    assert identified["verified"]
    body = json.dumps({"email": HOSTILE}).encode() + b"\n"
    key = f"import/{signet.application_id}/{HOSTILE.replace('/', '')}.jsonl"
    put(signet, key, body)
    signet.invoke("import_users", here | {"key": key, "importId": "hostile"})
    line = {
        "_aws": {"Timestamp": signet.clock.milliseconds},
        "code": HOSTILE,
        "service": HOSTILE,
        "actor": HOSTILE,
    }
    (tmp_path / "log.jsonl").write_text(json.dumps(line | {"correlation_id": HOSTILE, "status": 400}) + "\n")
    keep_mail(tmp_path, "1", HOSTILE)
    return name


def keep_mail(folder: Path, name: str, text: str) -> None:
    """Leave a mail as `make run` does."""
    message = EmailMessage()
    message["To"], message["Subject"] = "ann@example.com", f"Mail {name}"
    message["Date"] = "Fri, 15 Jan 2027 08:00:00 +0000"
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    (folder / "mails").mkdir(exist_ok=True)
    (folder / "mails" / f"{name}.eml").write_bytes(message.as_bytes())


@pytest.mark.usefixtures("hostile")
def test_whatever_anybody_is_called_is_text(browser: Browser) -> None:
    """On every page that there is; and each is fit for keyboard and screen reader."""
    shown = 0
    paths = set()
    for path, page in crawl(browser):
        check_is_harmless(page)
        check_is_for_everybody(page)
        shown += "<script>alert(1)</script>" in browser.text
        paths.add(re.sub(r"[0-9a-f]{24}", "ID", path.partition("?")[0]))
        assert "ranranran" not in browser.text, "a template in a name was run"
    assert shown > 10
    kinds = {"", "/delete", "/end-tokens", "/users", "/users/ID", "/users/ID/delete", "/users/ID/end-tokens"}
    kinds |= {"/imports", "/imports/hostile"}
    expected = {f"{BASE}/applications/ID{kind}" for kind in kinds}
    expected |= {f"{BASE}/{name}" for name in ("applications", "tokens", "keys", "refusals", "mails")}
    assert paths >= expected


def test_a_picture_s_address_is_shown_and_loaded_from_nowhere(
    browser: Browser, app: str, hostile: str
) -> None:
    """It stands in the page as text."""
    assert hostile in browser.open(f"{app}/users")
    (path,) = [path for path in Page(browser.page).links if "/users/ext" in path]
    browser.get(path)
    assert EVIL in browser.text
    page = Page(browser.page)
    assert [image["src"] for image in page.all("img")] == [f"{BASE}/static/icon.svg"]
    assert not any("evil.example" in str(attributes) for _, attributes in page.elements)


def test_an_application_is_made_and_its_token_shown_once(browser: Browser, moto_signet: Deployment) -> None:
    """The API token stands on the next page alone, and it is good."""
    browser.open("/applications")
    browser.post("/applications", name="Shop")
    (token,) = re.findall(r"sgt_[0-9a-f]{24}_[A-Za-z0-9_-]{43}", browser.page)
    made = token.split("_")[1]
    assert "Shop was made." in browser.text
    headers = moto_signet.bearer(token)
    listed = moto_signet.http("GET", f"/applications/{made}/experience/users", headers=headers)
    assert listed.status == 200
    assert token not in browser.open(f"/applications/{made}")


def test_a_setting_that_was_changed_is_all_that_is_changed(
    browser: Browser, moto_signet: Deployment, app: str, here: dict[str, str]
) -> None:
    """The form sends everything back; what is the same stays as it is."""
    browser.open(app)
    before = moto_signet.invoke("get_application", here)
    fields = form_of(browser)
    assert fields["identityTokenLifetime"] == "1 hour"
    fields |= {
        "identityTokenLifetime": "60 s",
        "login.extraData": '{"plan": "é"}',
        "guessing.account.atOnce": "5",
    }
    fields |= {"selfService.profile": "on", "selfService.verifyEmail": "optional"}
    moto_signet.clock.advance(1)
    browser.post(app, **fields)
    assert "The settings were saved." in browser.text
    after = moto_signet.invoke("get_application", here)
    assert after["login"].pop("extraData") == {"plan": "é"}
    assert before["login"].pop("extraData") is None
    assert after["guessing"]["account"].pop("atOnce") == 5
    assert after["selfService"] == before["selfService"] | {"profile": True, "verifyEmail": "optional"}
    before["selfService"] = after["selfService"]
    del before["guessing"]["account"]["atOnce"]
    assert (after.pop("identityTokenLifetime"), before.pop("identityTokenLifetime")) == (60, 3600)
    assert before | {"lastUpdated": after["lastUpdated"]} == after


def form_of(browser: Browser) -> dict[str, str]:
    """The settings as the open page's form has them, as a browser would send them."""
    fields, choice = {"login.extraData": ""}, ""
    for tag, attributes in Page(browser.page).elements:
        name, kind = attributes.get("name", "form_token"), attributes.get("type")
        if tag == "select":
            choice = name
        elif tag == "option" and "selected" in attributes:
            fields[choice] = attributes["value"]
        elif tag == "input" and name != "form_token" and (kind != "checkbox" or "checked" in attributes):
            fields[name] = "on" if kind == "checkbox" else attributes["value"]
    return fields


def test_the_form_has_every_setting(
    browser: Browser, moto_signet: Deployment, app: str, here: dict[str, str]
) -> None:
    """As the operator's route shows them; of an older deployment those that it has."""
    settings = moto_signet.invoke("get_application", here)
    shown = {name for name, _ in flat(settings)} - {"applicationId", "creationDate", "lastUpdated"}
    assert shown == fields_of(settings).keys()
    browser.open(app)
    named = {attributes.get("name") for _, attributes in Page(browser.page).elements}
    assert shown <= named
    del settings["selfService"], settings["guessing"]["source"]
    older = shown - {name for name in shown if name.startswith(("selfService.", "guessing.source."))}
    assert fields_of(settings).keys() == older


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"identityTokenLifetime": "soon"}, "give a number and its unit, such as 1 hour or 30 days."),
        ({"identityTokenLifetime": ""}, "give a number and its unit, such as 1 hour or 30 days."),
        ({"identityTokenLifetime": "3600"}, "give a number and its unit, such as 1 hour or 30 days."),
        ({"maxTokenLifetime": "-1 d"}, "give a number and its unit, such as 1 hour or 30 days, or nothing."),
        ({"maxTokenLifetime": "1500 ms"}, "Longest life of any token: give whole seconds."),
        ({"login.ttl": "200000 days"}, "must be a number of milliseconds above 0, up to 100 years"),
        ({"guessing.account.atOnce": "some"}, "Account, at once: give a whole number."),
        ({"guessing.knownSource.perMinute": "0"}, "guessing.knownSource.perMinute: "),
        ({"selfService.links.logIn": "ftp://example.com/{code}"}, "selfService.links.logIn: "),
        ({"login.extraData": "{"}, "Extra data: give a JSON object, such as"),
        ({"login.extraData": "[1]"}, "login.extraData: "),
        ({"userTokenLifetime": "0 s"}, "userTokenLifetime: must be a whole number of seconds from 1"),
        ({"name": "   "}, "name: "),
        ({"selfService.verifyEmail": "maybe"}, "selfService.verifyEmail: "),
        (
            {"lastUpdated": "2020-01-01T00:00:00.000Z"},
            "Somebody has changed these settings since you opened them.",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_its_form(
    browser: Browser, moto_signet: Deployment, app: str, changed: dict[str, str], message: str
) -> None:
    """With what was wrong, what was written, and nothing changed."""
    browser.open(app)
    before = moto_signet.items()
    answer = browser.post(app, **form_of(browser) | changed)
    assert answer.status == 400
    assert message in browser.text
    assert moto_signet.items() == before
    check_is_for_everybody(Page(browser.page))
    for name, value in changed.items():
        if name not in ("lastUpdated", "login.extraData", "selfService.verifyEmail"):
            assert form_of(browser)[name] == value
        check_says_what_was_wrong(browser, {name} - {"lastUpdated"}, message.rpartition(": ")[2])


def check_says_what_was_wrong(browser: Browser, wrong: set[str], message: str) -> None:
    """The fields that were wrong, and no others, are said to be, with the message beside them."""
    page = Page(browser.page)
    fields = {it["name"]: it for _, it in page.elements if it.get("aria-invalid") == "true"}
    assert fields.keys() == wrong
    for name, field in fields.items():
        assert f"{name}-fault" in (field.get("aria-describedby") or "").split()
        said = re.search(rf'id="{re.escape(name)}-fault">([^<]*)<', browser.page)
        assert said is not None
        assert message.strip() in html.unescape(said[1])


def test_several_wrong_settings_each_say_why(browser: Browser, app: str, moto_signet: Deployment) -> None:
    """Also where Signet itself refuses them together."""
    browser.open(app)
    fields, before = form_of(browser), moto_signet.items()
    browser.post(app, **fields | {"name": "   ", "userTokenLifetime": "0 s"})
    check_says_what_was_wrong(browser, {"name", "userTokenLifetime"}, "")
    browser.post(app, **fields | {"guessing.source.atOnce": "x", "login.ttl": "x"})
    check_says_what_was_wrong(browser, {"guessing.source.atOnce", "login.ttl"}, "give a")
    assert moto_signet.items() == before


@pytest.mark.parametrize("name", LIVES)
@pytest.mark.parametrize(
    "life", [1, 59, 60, 1500, 3600, 86_400, 90_061, 86_400_000, 2**31, 3_155_760_000_000]
)
def test_who_saves_a_life_as_it_is_changes_nothing(name: str, life: int) -> None:
    """In whatever unit it is shown."""
    *folders, last = name.split(".")
    settings: dict[str, Any] = {folder: {last: life} for folder in folders} or {last: life}
    assert changes_of(settings, fields_of(settings)) == ({}, {})


@pytest.mark.parametrize("text", ["90 minutes", "5400s", "90 MIN", "5400000 ms", "5400 second"])
def test_a_life_is_taken_in_any_unit(text: str) -> None:
    """Where seconds count it is in seconds, where milliseconds do, in those."""
    settings = {"userTokenLifetime": 1, "login": {"ttl": 1}}
    given = {"userTokenLifetime": text, "login.ttl": text}
    assert changes_of(settings, given) == ({"userTokenLifetime": 5400, "login": {"ttl": 5_400_000}}, {})


def test_a_new_api_token_is_shown_once(browser: Browser, moto_signet: Deployment, app: str) -> None:
    """Without a grace the one before it ends."""
    browser.open(app)
    browser.post(f"{app}/reset-api-token", grace="0")
    (token,) = re.findall(r"sgt_[0-9a-f]{24}_[A-Za-z0-9_-]{43}", browser.page)
    path = f"/applications/{moto_signet.application_id}/experience/users"
    moto_signet.clock.advance(61)
    assert moto_signet.http("GET", path, headers=moto_signet.bearer(token)).status == 200
    assert moto_signet.http("GET", path, headers=moto_signet.bearer()).status == 401
    assert token not in browser.open(app)


def test_users_are_found(browser: Browser, moto_signet: Deployment, app: str, here: dict[str, str]) -> None:
    """By a part of an address or a name, by id, by tag and by group."""
    group = moto_signet.invoke("create_group", here | {"name": "Editors"})["id"]
    make_user(moto_signet, "ann@example.com", firstName="Ann", experienceGroupIds=[group])
    make_user(moto_signet, "bob@example.com", firstName="Bob", lastName="Cole", userTags={"plan": "pro"})
    everybody = browser.open(f"{app}/users")
    assert "ann@example.com" in everybody
    assert "plan: pro" in everybody
    assert "2 users" in everybody
    ann, bob = (
        moto_signet.invoke("get_user", here | {"experienceUserId": f"{name}@example.com"})["id"]
        for name in ("ann", "bob")
    )
    for query, found in [
        ("text=ANN", ["ann"]),
        ("text=nn", ["ann"]),
        ("text=BO&by=name", ["bob"]),
        ("text=cole", ["bob"]),
        (f"text={ann}", ["ann"]),
        (f"text={bob}&group={group}", []),
        (f"group={group}", ["ann"]),
        ("group=none", ["bob"]),
        ("group=any", ["ann"]),
        ("text=%40example", ["ann", "bob"]),
        ("text=@example&group=none", ["bob"]),
        ("text=zoe", []),
        ("text=plan&by=tag", ["bob"]),
        ("text=plan:+pro&by=tag", ["bob"]),
        ("text=plan%3Dfree&by=tag", []),
        ("text=no+tag+at+all&by=tag", []),
        ("by=nothing&page=x", ["ann", "bob"]),
    ]:
        text = browser.open(f"{app}/users?{query}")
        assert [name for name in ("ann", "bob") if f"{name}@example.com" in text] == found, query
    assert "Nobody was found." in browser.open(f"{app}/users?text=zoe")
    browser.get(f"{BASE}{app}/users?group=nonsense")
    assert browser.last.status == 400
    assert "experienceGroupId" in browser.text


def test_a_list_goes_on(browser: Browser, moto_signet: Deployment, app: str, here: dict[str, str]) -> None:
    """From page to page, each user once, also where a search has several pages."""
    lines = [json.dumps({"email": f"user{n:03}@example.com", "passwordHash": None}) for n in range(120)]
    key = f"import/{moto_signet.application_id}/many.jsonl"
    put(moto_signet, key, "\n".join(lines).encode())
    moto_signet.invoke("import_users", here | {"key": key})
    for query in ("", "?text=user"):
        seen, path = list[str](), f"{BASE}{app}/users{query}"
        while path:
            browser.get(path)
            seen += re.findall(r"user\d{3}@example.com", browser.text)
            path = next((a["href"] for a in Page(browser.page).all("a") if a.get("rel") == "next"), "")
        assert seen == [f"user{n:03}@example.com" for n in range(120)]


def test_a_user_s_tokens_end(
    browser: Browser, moto_signet: Deployment, app: str, here: dict[str, str]
) -> None:
    """After one more question, which changes nothing."""
    user = make_user(moto_signet, "ann@example.com", firstName="Ann")
    token = moto_signet.invoke("issue_session_token", here | {"experienceUserId": user["id"]})["token"]
    path = f"{app}/users/{user['id']}"
    assert "End all tokens of Ann?" in browser.open(f"{path}/end-tokens")
    asked = here | {"token": token}
    assert moto_signet.invoke("introspect_token", asked)["active"]
    browser.post(f"{path}/end-tokens")
    assert "All tokens of Ann have ended." in browser.text
    assert not moto_signet.invoke("introspect_token", asked)["active"]


def test_a_user_is_deleted(browser: Browser, moto_signet: Deployment, app: str) -> None:
    """And is gone."""
    user = make_user(moto_signet, "ann@example.com")
    path = f"{app}/users/{user['id']}"
    browser.open(f"{path}/delete")
    browser.post(f"{path}/delete")
    assert "ann@example.com was deleted." in browser.text
    assert "has no users yet" in browser.text
    browser.open(path)
    assert browser.last.status == 404


def test_all_tokens_of_an_application_end(
    browser: Browser, moto_signet: Deployment, app: str, here: dict[str, str]
) -> None:
    """After one more question."""
    token = moto_signet.invoke("issue_user_token", here | {"userId": "u1"})["token"]
    browser.open(f"{app}/end-tokens")
    browser.post(f"{app}/end-tokens")
    assert "All tokens of the application have ended." in browser.text
    moto_signet.clock.advance(61)
    assert not moto_signet.invoke("introspect_token", here | {"token": token})["active"]


def test_an_application_is_deleted_by_who_writes_its_name(
    browser: Browser, moto_signet: Deployment, app: str
) -> None:
    """And nothing happens where another name is written."""
    browser.open(f"{app}/delete")
    before = moto_signet.items()
    assert browser.post(f"{app}/delete", written="demo").status == 400
    assert "nothing was deleted" in browser.text
    assert moto_signet.items() == before
    browser.post(f"{app}/delete", written="Demo")
    assert "Demo was deleted." in browser.text
    assert "There are no applications yet." in browser.text
    browser.open(app)
    assert browser.last.status == 404


def test_a_list_of_applications_goes_on(browser: Browser, moto_signet: Deployment) -> None:
    """A hundred on a page, each once."""
    for number in range(101):
        moto_signet.new_application(f"Shop {number:03}.")
    seen, path = list[str](), f"{BASE}/applications"
    while path:
        browser.get(path)
        seen += re.findall(r"Shop \d{3}|Demo", browser.text)
        path = next((link for link in Page(browser.page).links if "next=" in link), "")
    assert sorted(seen) == ["Demo", *(f"Shop {number:03}" for number in range(101))]


def tampered(token: str, **claims: object) -> str:
    """The token with other claims, and the signature of its own."""
    header, payload, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))) | claims
    return f"{header}.{base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip('=')}.{signature}"


def inspect(browser: Browser, token: str) -> str:
    browser.open("/tokens")
    browser.post("/tokens", token=token)
    check_is_for_everybody(Page(browser.page))
    return browser.text


def test_a_good_token_says_what_it_is(
    browser: Browser, moto_signet: Deployment, here: dict[str, str]
) -> None:
    """Whatever its kind, with its claims; and it can be ended, but for an identity token."""
    user = make_user(moto_signet, "ann@example.com")
    ann = here | {"experienceUserId": user["id"]}
    session = moto_signet.invoke("issue_session_token", ann)["token"]
    identity = here | {"identityType": "EMAIL", "identity": "ann@example.com"}
    tokens = {
        "session": session,
        "user": moto_signet.invoke("issue_user_token", here | {"userId": "u1"})["token"],
        "identity": moto_signet.invoke("issue_identity_token", identity)["token"],
    }
    for kind, token in tokens.items():
        text = inspect(browser, f"  Bearer {token[:50]}\n{token[50:]} ")
        assert "This token is good." in text
        assert f'"typ": "{kind}+jwt"' in text
        assert ("End this token" in text) == (kind != "identity")
    inspect(browser, session)
    browser.post("/tokens/revoke", token=session)
    assert "The token has ended" in browser.text
    assert "Not ended: it was ended alone, or with all of its subject's" in inspect(browser, session)


def test_a_token_that_is_not_good_says_why(
    browser: Browser, moto_signet: Deployment, here: dict[str, str]
) -> None:
    """The first check that fails, and what would have been right."""
    signet = moto_signet
    user = make_user(signet, "ann@example.com")
    ann = here | {"experienceUserId": user["id"]}
    good = signet.invoke("issue_session_token", ann)["token"]
    short = signet.invoke("issue_user_token", here | {"userId": "u1"})["token"]
    assert "Signature: it is not that key's" in inspect(browser, tampered(good, sub="somebody"))
    assert "Form: The token is no compact JWS" in inspect(browser, "hello")
    assert "Form: " in inspect(browser, good.partition(".")[2])
    assert "Form: " in inspect(browser, "e30." * 5000)
    assert "Nothing was pasted" in inspect(browser, " \n")
    signet.invoke("update_application", here | {"maxTokenLifetime": 100})
    signet.clock.advance(120)
    assert "Longest life: the application's maxTokenLifetime of 100 seconds" in inspect(browser, good)
    signet.invoke("update_application", here | {"maxTokenLifetime": None})
    assert "This token is good." in inspect(browser, good)
    signet.clock.advance(3 * DAY)
    assert "Expiry: exp is 2027-01-17T08:00:00Z, which is over." in inspect(browser, short)
    signet.invoke("delete_user", ann)
    assert "Not ended: its user was deleted." in inspect(browser, good)
    kid = json.loads(base64.urlsafe_b64decode(good.partition(".")[0] + "=="))["kid"]
    signet.invoke("rotate_keys", {"emergency": True, "kid": kid})
    signet.clock.advance(61)
    assert f"Signing key: {kid} is none of the" in inspect(browser, good)


def test_an_api_token_that_was_pasted_does_not_come_back(browser: Browser, moto_signet: Deployment) -> None:
    """It is named as what it is, and the page does not hold it."""
    text = inspect(browser, moto_signet.api_token)
    assert "This is an API token" in text
    assert moto_signet.api_token not in browser.page


def test_keys_are_drawn_and_named(browser: Browser, moto_signet: Deployment) -> None:
    """Through all of their states, and looking rotates nothing."""
    made = moto_signet.invoke(
        "issue_session_token",
        {
            "applicationId": moto_signet.application_id,
            "experienceUserId": make_user(moto_signet, "ann@example.com")["id"],
        },
    )
    assert made["token"]
    moto_signet.clock.advance(91 * DAY)
    before = moto_signet.items()
    text = browser.open("/keys")
    assert moto_signet.items() == before
    assert "announced" in text
    moto_signet.invoke("rotate_keys", {})
    keys = moto_signet.invoke("rotate_keys", {"readOnly": True})["keys"]
    announced = next(key["kid"] for key in keys if key["state"] == "announced")
    moto_signet.clock.advance(DAY)
    moto_signet.invoke("rotate_keys", {"emergency": True, "kid": announced})
    text = browser.open("/keys")
    page = Page(browser.page)
    check_is_harmless(page)
    check_is_for_everybody(page)
    drawn = Counter(part["class"].split()[0] for part in page.all("rect"))
    assert {"announced", "active", "retired", "revoked", "past"} == drawn.keys()
    for key in moto_signet.invoke("rotate_keys", {"readOnly": True})["keys"]:
        assert key["kid"] in text
    assert all(0 <= float(part["x"]) <= 960 and float(part["width"]) > 0 for part in page.all("rect"))


def log(folder: Path, *lines: dict[str, Any], name: str = "log.jsonl") -> None:
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_refusals_of_the_last_hour_are_counted(
    browser: Browser, moto_signet: Deployment, tmp_path: Path
) -> None:
    """By operation and reason; what succeeded and what is older are not among them."""
    now = moto_signet.clock.milliseconds

    def line(minutes: float, code: str | None = "LoginRefused", service: str = "log_in") -> dict[str, Any]:
        said = {"_aws": {"Timestamp": now - int(minutes * 60_000)}, "service": service, "status": 401}
        return said | {"correlation_id": f"request-{minutes}"} | ({"code": code} if code else {})

    log(tmp_path, line(50), line(61), name="log.older.jsonl")
    reason = {"check": "password", "expected": "the right one", "found": HOSTILE}
    log(
        tmp_path,
        line(3) | {"reason": reason},
        line(2, "TooManyAttempts"),
        line(1, None),
        {"code": "LoginRefused", "level": "DEBUG"},
    )
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write("no JSON\n[1]\n\n")
    text = browser.open("/refusals")
    assert "3 calls refused" in text
    assert "1 by a limit of guessing" in text
    assert f"LoginRefused 401 password is {' '.join(HOSTILE.split())}, and should be the right one" in text
    assert "LoginRefused log_in 401 2 3 minutes ago" in text
    assert re.findall(r"request-\d+", text) == ["request-2", "request-3", "request-50"]
    (tmp_path / "log.jsonl").unlink()
    (tmp_path / "log.older.jsonl").unlink()
    assert "Nothing was refused in the last hour." in browser.open("/refusals")


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        ("LoginRefused", {"check": "password", "found": "another one"}, "password is another one"),
        (
            "TokenRevoked",
            {"check": "gen", "expected": 1, "found": 0},
            "gen is 0, and should be 1: all tokens of its user, or of its identity, have been ended",
        ),
        (
            "TokenInvalid",
            {"check": "typ", "expected": ["session+jwt", "user+jwt"], "found": "identity+jwt"},
            "typ is identity+jwt, and should be session+jwt or user+jwt",
        ),
        ("TokenInvalid", {"check": "header"}, "header is wrong"),
        (
            "InvalidRequest",
            {"check": "request", "found": ["email: missing", "password: wrong_length", "unknown"]},
            "email is missing; password is too short or too long; a field is unknown",
        ),
        ("InvalidRequest", {"check": "request", "found": []}, "its form cannot be read"),
        ("PermissionDenied", {"check": "permission denied"}, ""),
    ],
)
def test_a_refusal_says_why_in_words(
    browser: Browser, moto_signet: Deployment, tmp_path: Path, code: str, reason: dict[str, Any], told: str
) -> None:
    """Which check found what; nothing where the code has said it already."""
    line = {"_aws": {"Timestamp": moto_signet.clock.milliseconds}, "service": "log_in", "status": 401}
    log(tmp_path, line | {"code": code, "reason": reason, "correlation_id": "r"})
    assert "1 call refused" in browser.open("/refusals")
    why = re.search(
        rf'{code} <span class="soft">401</span>(?:<br><span class="soft small">([^<]*)<)?', browser.page
    )
    assert why is not None
    assert html.unescape(why[1] or "") == told


def test_mails_that_were_kept_are_shown(browser: Browser, tmp_path: Path) -> None:
    """With their text, the newest first; and that there is none; not one that is being written."""
    assert "No mail was sent yet." in browser.open("/mails")
    keep_mail(tmp_path, "1", "The first.")
    keep_mail(tmp_path, "2", "Follow http://localhost:8080/#verifyEmail=code")
    keep_mail(tmp_path, "3", "Not whole.")
    os.truncate(tmp_path / "mails" / "3.eml", 40)
    text = browser.open("/mails")
    assert re.findall(r"Mail \d", text) == ["Mail 2", "Mail 1"]
    assert "To ann@example.com" in text
    assert "Follow http://localhost:8080/#verifyEmail=code" in text


def test_an_import_is_begun_and_followed(browser: Browser, moto_signet: Deployment, app: str) -> None:
    """A file of the bucket, and its report; a file of another application is not taken."""
    key = f"import/{moto_signet.application_id}/users.jsonl"
    lines = [{"email": "ann@example.com", "passwordHash": None}, {"email": "?"}]
    put(moto_signet, key, "".join(json.dumps(line) + "\n" for line in lines).encode())
    assert "Nothing was imported" in browser.open(f"{app}/imports")
    other, _ = moto_signet.new_application()
    put(moto_signet, f"import/{other}/users.jsonl", b"")
    for wrong in (f"import/{other}/users.jsonl", "", "import/nothing.jsonl"):
        assert browser.post(f"{app}/imports", key=wrong).status == 400
        assert "Choose one of the files." in browser.text
    browser.post(f"{app}/imports", key=key)
    assert "The import has begun." in browser.text
    assert "1 created" in browser.text
    assert "1 refused" in browser.text
    assert "email: " in browser.text
    assert "refresh" not in browser.last.headers, "it has ended"
    assert "users.jsonl complete 1 0 1" in browser.open(f"{app}/imports")


def test_an_import_under_way_shows_how_far_it_is(browser: Browser, moto_signet: Deployment, app: str) -> None:
    """With its rate and the time that is left; the page follows it only for who asks."""
    key = f"import/{moto_signet.application_id}/big.jsonl"
    report = {"importId": "slow", "key": key, "status": "running", "size": 1000, "offset": 250, "lines": 600}
    now_ms = moto_signet.clock.milliseconds
    report |= {"startedAt": now_ms - 20_000, "updatedAt": now_ms, "problems": []}
    report |= {"counts": {"read": 600, "created": 590, "exists": 9, "refused": 1}}
    put(moto_signet, f"reports/{moto_signet.application_id}/slow/report.json", json.dumps(report).encode())
    text = browser.open(f"{app}/imports/slow")
    assert "25 % of the file, 600 lines in 20 seconds, 30 a second, about 60 seconds left." in text
    (bar,) = Page(browser.page).all("progress")
    assert bar["value"] == "0.25"
    assert "refresh" not in browser.last.headers
    browser.open(f"{app}/imports/slow?follow=1")
    assert browser.last.headers["refresh"] == "2"
    assert "running 25 %" in browser.open(f"{app}/imports")
    moto_signet.clock.advance(121)
    assert "stalled 25 %" in browser.open(f"{app}/imports")
    assert "Import the file again" in browser.open(f"{app}/imports/slow")
    check_is_for_everybody(Page(browser.page))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "less than a second"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "120 minutes"),
        (7200, "2 hours"),
        (172_800, "2 days"),
        (100_000_000, "1,157 days"),
    ],
)
def test_a_length_of_time_is_said_in_words(seconds: float, words: str) -> None:
    """Never rounded by more than a quarter."""
    assert span(seconds) == words


@pytest.mark.parametrize("path", ["/nothing", "/applications/x", "/applications/" + "0" * 24, "/tokens/x"])
def test_what_is_not_there_is_said(browser: Browser, path: str) -> None:
    """With the way back."""
    browser.open(path)
    assert browser.last.status == 404
    assert "Not found" in browser.text
    assert "To the applications" in browser.text


def test_an_aws_that_does_not_answer_is_said(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, app: str
) -> None:
    """In a sentence, as is what these credentials may not do."""
    for code, status in (("Unreachable", 503), ("NoAccess", 502)):

        def refuse(*_: object, code: str = code) -> dict[str, Any]:
            raise TargetError(code, "AWS refused Invoke: not authorized.", "4-5-6")

        monkeypatch.setattr(browser.console.target, "invoke", refuse)
        assert "AWS refused Invoke: not authorized." in browser.open(app)
        assert browser.last.status == status


def test_a_bug_of_the_console_tells_the_page_nothing(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its trace is for the terminal."""

    def fail(*_: object) -> Target:
        raise RuntimeError("sgt_secret")

    monkeypatch.setattr(browser.console.target, "invoke", fail)
    assert "The console has a bug" in browser.open("/applications")
    assert browser.last.status == 500
    assert "sgt_secret" not in browser.page
    assert "sgt_secret" in capsys.readouterr().err

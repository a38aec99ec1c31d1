"""The examples, each run as its page says: the commands as they stand there, in a shell at the root.

Ports alone are others, so that they need not be free, and what a page installs with npm or pip is there.
"""

import base64
import email
import email.policy
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]
from moto.events.models import EventPattern

from local import sam, template
from local.gateway import Gateway
from local.invoke import Handler, Invoker, import_handler
from local.log import Log
from tests.browser import Browser, running_browser
from tests.deployment import PASSWORD, ROOT, URL, Deployment, load_template
from tests.documentation import blocks
from tests.programs import running_demo
from tests.unit.local.support import Client
from tests.verifiers import PACKAGES

EXAMPLES = ROOT / "examples"
SERVERS = ["fastapi", "go", pytest.param("node", marks=pytest.mark.node)]
START_SECONDS = 60.0
LOG_IN = f"""curl -s $users/login -d '{{"email": "ann@example.com", "password": "{PASSWORD}"}}'"""
IDENTITY = """curl -s -u you@example.com:$apiToken $url/api/v1/user-identity-jwt \\
    -d '{"identityType": "EMAIL", "identity": "ann@example.com"}'"""


def commands(page: str) -> list[str]:
    """The blocks of a page for a shell, but for `make run`, which runs."""
    found = [block.code for block in blocks(EXAMPLES / page) if block.language == "sh"]
    return [code for code in found if not code.startswith("make run")]


def quietly(script: str) -> str:
    """The same without what curl prints."""
    return re.sub(r"(?m)^(curl (?:.*\\\n)*.*)$", r"\1 >&2", script)


def apart(script: str) -> str:
    """The same with a line behind each answer."""
    return re.sub(r"(?m)^(curl (?:.*\\\n)*.*)$", r"\1\necho; echo ---", script)


BEGIN = quietly("".join(commands("README.md")))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root with the examples, what `make run` left, and an npm and a pip that have nothing to do."""
    folder = tmp_path_factory.mktemp("root")
    shutil.copytree(EXAMPLES, folder / "examples")
    (folder / "examples" / "node" / "node_modules").symlink_to(PACKAGES / "node_modules")
    (folder / "bin").mkdir()
    python = f'[ "$2" = pip ] || exec {sys.executable} "$@"'
    for name, does in (("npm", ""), ("python3", python)):
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    with running_demo(folder / ".signet", EVENTS="1"):
        yield folder


def environment(root: Path) -> dict[str, str]:
    """A shell's, in which Go asks nobody for anything."""
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "no_proxy": "*"}
    return {**os.environ, **offline, "PATH": f"{root / 'bin'}:{os.environ['PATH']}"}


def run(root: Path, script: str) -> str:
    """Run a script at the root, and give what it prints."""
    done = subprocess.run(  # noqa: S603 - our own pages
        ["/bin/sh", "-eu", "-c", script],
        cwd=root,
        env=environment(root),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def answers(root: Path, script: str) -> list[Any]:
    """What the calls in a script answer."""
    return [json.loads(text) for text in run(root, apart(script)).split("---\n") if text.strip()]


@contextmanager
def serving(root: Path, script: str, port: int) -> Iterator[None]:
    """Run what a page starts in a terminal of its own, until the port answers."""
    *settings, command = script.strip().splitlines()
    log = root / "log"
    with (
        log.open("w") as file,
        subprocess.Popen(  # noqa: S603 - our own pages
            ["/bin/sh", "-eu", "-c", "\n".join([*settings, f"exec {command}"])],
            cwd=root,
            env=environment(root) | {"PORT": str(port)},
            stdout=file,
            stderr=file,
        ) as process,
    ):
        try:
            end = time.monotonic() + START_SECONDS
            while True:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                except OSError:
                    time.sleep(0.05)
                else:
                    break
            yield
        finally:
            process.terminate()


@pytest.fixture
def port() -> int:
    """One that is free."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@pytest.mark.heavy
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_tells_a_user_from_everybody_else(name: str, root: Path, port: int) -> None:
    """With the commands of its page; and no other token, whoever made it, gets in."""
    if name == "go" and shutil.which("go") is None and "CI" not in os.environ:
        pytest.skip("there is no Go here (Debian: golang-go)")
    page = [code.replace("8000", str(port)) for code in commands(f"{name}/README.md")]
    install, start, logged_in, logged_out = page
    run(root, install)
    with serving(root, f"{BEGIN}\n{start}", port):
        said = answers(root, f"{BEGIN}\n{logged_in}\n{logged_out}\n{IDENTITY}\n{LOG_IN}")
        orders, payments, refused, ended, still, ended_too, identity, again = said
        user = again["user"]["id"]
        assert (orders, payments) == ({"orders": [], "user": user}, {"payments": [], "user": user})
        assert refused == ended_too == {"detail": "a good session token is needed"}
        assert ended == {"success": True}
        assert still == orders, "what is verified offline lives until its exp"
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

            def asks(token: str) -> list[int]:
                headers = {"authorization": f"Bearer {token}"}
                return [client.get(path, headers=headers).status_code for path in ("/orders", "/payments")]

            assert asks(again["token"]) == [200, 200]
            for what, token in bad_tokens(again["token"], identity["token"]).items():
                assert asks(token) == [401, 401], what


def bad_tokens(token: str, identity: str) -> Mapping[str, str]:
    """Tokens that no server may take, of a good one and one of another kind."""

    def changed(part: str, **changes: object) -> str:
        content = json.loads(base64.urlsafe_b64decode(part + "=="))
        return base64.urlsafe_b64encode(json.dumps(content | changes).encode()).decode().rstrip("=")

    header, payload, signature = token.split(".")
    return {
        "no token": "a.b.c",
        "another kind": identity,
        "another user": f"{header}.{changed(payload, sub='0' * 24)}.{signature}",
        "no algorithm": f"{changed(header, alg='none')}.{payload}.",
        "a symmetric algorithm": f"{changed(header, alg='HS256')}.{payload}.{signature}",
        "another algorithm": f"{changed(header, alg='RS256')}.{payload}.{signature}",
        "an unknown key": f"{changed(header, kid='x')}.{payload}.{signature}",
        "another signature": f"{header}.{payload}.{'A' * len(signature)}",
        "no signature": f"{header}.{payload}.",
    }


@pytest.mark.heavy
@pytest.mark.browser
def test_a_page_logs_in_and_out(root: Path, port: int) -> None:
    """A wrong password is told, a reload keeps the user, and the token ends with the log-out."""
    (serve,) = commands("login/README.md")
    here = serve.replace("8080", str(port))
    with (
        serving(root, f"{BEGIN}\n{here}", port),
        running_browser(f"--host-resolver-rules=MAP localhost 127.0.0.1:{port}") as browser,
    ):
        browser.open("http://localhost:8080/")
        browser.find("body[data-shown=in]")
        for password in ("wrong", PASSWORD):
            browser.run("document.querySelector('#in').reset()")
            browser.type("[name=email]", "ann@example.com")
            browser.type("[name=password]", password)
            browser.click("#in button")
            if password == "wrong":
                assert browser.text("#said:not(:empty)")
        browser.find("body[data-shown=out]")
        assert browser.text("#out h1") == "Hello, Ann"
        token = browser.run("return sessionStorage.getItem('signet-token')")
        browser.open("http://localhost:8080/")
        browser.find("body[data-shown=out]")
        browser.click("#out button")
        browser.find("body[data-shown=in]")
        assert browser.run("return sessionStorage.length") == 0
        demo = json.loads((root / ".signet" / "demo.json").read_text())
        me = f"{demo['url']}/applications/{demo['applicationId']}/experience/me"
        assert httpx.get(me, headers={"authorization": f"Bearer {token}"}, trust_env=False).status_code == 403
        assert "sgt_" not in browser.run("return document.documentElement.outerHTML")


@pytest.mark.parametrize("name", ["api-gateway", "events"])
def test_cfn_lint_finds_nothing_wrong_in_a_template(name: str) -> None:
    """Whoever deploys it has SAM say the same."""
    text = (EXAMPLES / name / "template.yaml").read_text()
    found = lint(text, config=ManualArgs(regions=["us-east-1"]))
    assert [(it.rule.id, it.message) for it in found] == []


def test_an_api_of_one_s_own_lets_in_whom_the_authorizer_knows(moto_signet: Deployment) -> None:
    """Its template served by the gateway, with Signet's authorizer before the example's function."""
    signet = load_template()
    values = sam.physical_values(signet, URL, "table", "key")
    authorizer = sam.read_functions(template.Resolver(signet, values))["AuthorizeRequestFunction"]
    own = template.load(EXAMPLES / "api-gateway" / "template.yaml")
    values = sam.physical_values(own, URL, "table", "key")
    resolver = template.Resolver(own, values, {"AuthorizerArn": authorizer.arn})
    functions = sam.read_functions(resolver) | {authorizer.name: authorizer}
    own["Resources"][authorizer.name] = {"Properties": {}}  # as if both were one stack

    def load(function: sam.Function) -> Handler:
        if function is authorizer:
            return moto_signet.handler("authorize_request")
        example = sam.Function(function.name, "examples.api-gateway.app", function.attribute, {})
        return import_handler(example)

    client = Client(Gateway(sam.read_api(resolver, functions), Invoker(load), Log()))
    here = {"applicationId": moto_signet.application_id}
    user = moto_signet.invoke("create_user", here | {"email": "ann@example.com", "password": PASSWORD})
    token = moto_signet.invoke("issue_session_token", here | {"experienceUserId": user["id"]})["token"]
    path = f"/applications/{moto_signet.application_id}/orders"
    answer = client("GET", path, {"authorization": f"Bearer {token}"})
    assert answer.json == {"orders": [], "user": user["id"], "application": moto_signet.application_id}
    for headers in ({}, {"authorization": f"Bearer {token}x"}):
        refused = client("GET", path, headers)
        assert (refused.status, refused.json) == (403, {"message": "Forbidden"})


@pytest.mark.heavy
def test_a_rule_hears_of_the_end_of_a_user_s_tokens(root: Path) -> None:
    """What its pattern lets through is what its function says, of the events of `make run`."""
    _, happens = commands("events/README.md")
    call, _, hear = happens.strip().splitlines()
    run(root, f"{BEGIN}\n{quietly(call)}")
    loaded = template.load(EXAMPLES / "events" / "template.yaml")
    rule = loaded["Resources"]["CloseFunction"]["Properties"]["Events"]["TokensEnded"]["Properties"]
    pattern = EventPattern.load(json.dumps(rule["Pattern"]))
    kept = root / ".signet" / "events.jsonl"

    def heard() -> list[str]:
        events = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
        return [event["id"] for event in events if pattern.matches_event(event)]

    # The page waits for three seconds; a busy machine may take longer.
    end = time.monotonic() + START_SECONDS
    while not heard():
        assert time.monotonic() < end
        time.sleep(0.1)
    said = run(root, hear).splitlines()
    assert {line.partition(":")[0] for line in said} >= set(heard()[:1])
    assert all(line.endswith("has open (invalidated)") or "(loggedOut)" in line for line in said)


def link_of(root: Path, kind: str, address: str) -> str:
    """The link of the newest such mail to an address, once it is there."""
    end = time.monotonic() + START_SECONDS
    while True:
        for path in sorted((root / ".signet" / "mails").glob(f"*-{kind}.eml"), reverse=True):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            body = mail.get_body(("plain",))
            if mail["to"] == address and body and (link := re.search(r"(?m)^http\S+", body.get_content())):
                return link[0]
        assert time.monotonic() < end, f"no mail {kind}"
        time.sleep(0.05)


def fill_in(browser: Browser, does: str, **fields: str) -> None:
    """Fill in a form, and send it."""
    form = f"section:not([hidden]) [data-does={does}]"
    for name, value in fields.items():
        browser.run("document.querySelector(arguments[0]).value = ''", f"{form} [name={name}]")
        browser.type(f"{form} [name={name}]", value)
    browser.click(f"{form} button")


@pytest.mark.heavy
@pytest.mark.browser
def test_a_page_does_all_that_a_user_does_with_an_account(root: Path, port: int) -> None:
    """From the sign-up to the deletion by the links of its mails; refusals are told as Signet says them."""
    (serve,) = commands("account/README.md")
    here = serve.replace("8080", str(port))
    page, address, new = "http://localhost:8080/", "zoe@example.com", "another horse battery staple"
    moved = "zoe@example.net"
    session = "return JSON.parse(localStorage.getItem('signet-session'))?.token ?? null"
    with (
        serving(root, f"{BEGIN}\n{here}", port),
        running_browser(f"--host-resolver-rules=MAP localhost 127.0.0.1:{port}") as browser,
    ):

        def shows(view: str) -> str:
            """What the page says, once it shows a view and is not busy any more."""
            browser.find(f"body[data-view={view}]:not(:has([aria-busy=true]))")
            return browser.text("#told")

        def refuses(says: str) -> None:
            browser.find("#refused:not(:empty)")
            assert says in browser.text("#refused")

        browser.open(page)
        shows("log-in")
        browser.click("section:not([hidden]) [href='#sign-up']")
        shows("sign-up")
        fill_in(browser, "signUp", firstName="Zoe", email=address, password="short")
        refuses("password")
        fill_in(browser, "signUp", email=address, password=PASSWORD)
        assert address in shows("log-in")
        link = link_of(root, "verifyEmail", address)
        assert link.startswith(page)
        browser.open(link)
        shows("verifyEmail")
        assert browser.run("return location.href") == page, "the code does not stay in the address"
        fill_in(browser, "redeem", password="wrong")
        refuses("The password is not the one that the account has.")
        fill_in(browser, "redeem", password=PASSWORD)
        assert shows("log-in") == "Your address is verified."

        browser.click("section:not([hidden]) [href='#forgotten']")
        shows("forgotten")
        fill_in(browser, "forgotten", email=address)
        shows("log-in")
        link = link_of(root, "resetPassword", address)
        browser.open(link)
        shows("resetPassword")
        fill_in(browser, "redeem", password=new)
        assert "new password" in shows("log-in")
        browser.open(link)
        shows("resetPassword")
        fill_in(browser, "redeem", password=new)
        refuses("code")

        browser.open(page)
        shows("log-in")
        fill_in(browser, "logIn", email=address, password=PASSWORD)
        refuses("E-mail address and password do not belong together.")
        fill_in(browser, "logIn", email=address, password=new)
        shows("profile")
        assert browser.text("#name") == "Zoe"
        assert browser.text("#verified") == "✓ verified"
        fill_in(browser, "changeNames", firstName="Zoë", lastName="Quist")
        assert shows("profile") == "Your names are saved."
        assert browser.text("#name") == "Zoë"
        fill_in(browser, "changePassword", currentPassword=PASSWORD, password=PASSWORD)
        refuses("currentPassword")
        before = browser.run(session)
        fill_in(browser, "changePassword", currentPassword=new, password=PASSWORD)
        assert "new password" in shows("profile")
        assert browser.run(session) not in (before, None)

        fill_in(browser, "changeEmail", email=moved, currentPassword=PASSWORD)
        assert moved in shows("profile")
        assert browser.text("#address") == address, "until the link is used"
        browser.open(link_of(root, "changeEmail", moved))
        shows("changeEmail")
        fill_in(browser, "redeem", password=PASSWORD)
        assert "new address" in shows("log-in")
        fill_in(browser, "logIn", email=moved, password=PASSWORD)
        shows("profile")
        assert browser.text("#address") == moved

        browser.open(page)
        shows("profile")
        fill_in(browser, "logOutEverywhere")
        assert shows("log-in") == "You are logged out everywhere."
        browser.click("section:not([hidden]) [href='#by-link']")
        shows("by-link")
        fill_in(browser, "byLink", email=moved)
        shows("log-in")
        browser.open(link_of(root, "logIn", moved))
        shows("logIn")
        fill_in(browser, "redeem")
        shows("profile")
        assert "sgt_" not in browser.run("return document.documentElement.outerHTML")

        fill_in(browser, "deleteAccount", currentPassword=new)
        refuses("currentPassword")
        fill_in(browser, "deleteAccount", currentPassword=PASSWORD)
        assert shows("log-in") == "Your account is deleted."
        assert browser.run("return localStorage.length") == 0
        fill_in(browser, "logIn", email=moved, password=PASSWORD)
        refuses("E-mail address and password do not belong together.")
        said = [line for line in browser.log() if "the server responded with a status of 4" not in line]
        assert said == [], "the page does nothing that its own Content Security Policy forbids"


@pytest.mark.heavy
@pytest.mark.browser
def test_a_page_stays_logged_in(root: Path, port: int) -> None:
    """By another token before the first one ends; in a second tab it is the same, also when it logs out."""
    (serve,) = commands("account/README.md")
    here = serve.replace("8080", str(port))
    token = "return JSON.parse(localStorage.getItem('signet-session'))?.token ?? null"
    short = """curl -s -X PATCH -H 'content-type: application/json' $url/applications/$applicationId \\
    -d '{"login": {"ttl": 20000}}'"""
    with (
        serving(root, f"{BEGIN}\n{quietly(short)}\n{here}", port),
        running_browser(f"--host-resolver-rules=MAP localhost 127.0.0.1:{port}") as browser,
    ):
        # Who has logged somebody in before goes by the settings of then for so long.
        shared = load_template()["Globals"]["Function"]["Environment"]["Variables"]
        time.sleep(float(shared["APPLICATION_CACHE_SECONDS"]))
        browser.open("http://localhost:8080/")
        browser.find("body[data-view=log-in]")
        fill_in(browser, "logIn", email="ann@example.com", password=PASSWORD)
        browser.find("body[data-view=profile]")
        seen = {browser.run(token)}
        end = time.monotonic() + START_SECONDS
        while len(seen) < 2:
            assert time.monotonic() < end
            seen.add(browser.run(token))
            time.sleep(0.05)
        assert None not in seen
        first = browser.command("GET", "window")
        second = browser.command("POST", "window/new", {"type": "tab"})["handle"]
        browser.command("POST", "window", {"handle": second})
        browser.open("http://localhost:8080/")
        browser.find("body[data-view=profile]")
        fill_in(browser, "logOut")
        browser.find("body[data-view=log-in]")
        browser.command("POST", "window", {"handle": first})
        browser.find("body[data-view=log-in]")
        assert browser.run(token) is None


PAGES_WITH_PASSWORDS = [
    path
    for path in sorted(EXAMPLES.glob("*/*.html"))
    if re.search(r'name="\w*[pP]assword"', path.read_text())
]


@pytest.mark.parametrize("page", PAGES_WITH_PASSWORDS, ids=lambda path: path.parent.name)
def test_a_field_hides_a_password_and_tells_managers_which_it_is(page: Path) -> None:
    """None forbids to paste, or to fill in what is kept."""
    text = page.read_text() + "".join(path.read_text() for path in page.parent.glob("*.js"))
    for field in re.findall(r'<input [^>]*name="\w*[pP]assword"[^>]*>', text):
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field), field
    assert not re.search(r'onpaste|"paste"|autocomplete="off"', text)


@pytest.mark.heavy
@pytest.mark.browser
@pytest.mark.node
def test_whoever_cannot_see_a_page_can_use_it(root: Path, port: int) -> None:
    """Axe finds nothing in any view, light or dark, and none is wider than a phone."""
    (serve,) = commands("account/README.md")
    here = serve.replace("8080", str(port))
    with (
        serving(root, f"{BEGIN}\n{here}", port),
        running_browser(f"--host-resolver-rules=MAP localhost 127.0.0.1:{port}") as browser,
    ):

        def look(view: str) -> None:
            browser.find(f"body[data-view={view}]")
            for width, scheme in ((390, "dark"), (1280, "light")):
                browser.resize(width, 800)
                browser.prefer(scheme)
                assert browser.run("return document.documentElement.scrollWidth") <= width, view
                assert browser.axe() == [], view

        browser.open("http://localhost:8080/")
        for view in ("sign-up", "forgotten", "by-link", "verify-again", "log-in"):
            browser.open(f"http://localhost:8080/#{view}")
            look(view)
        for purpose in ("verifyEmail", "resetPassword", "logIn", "changeEmail"):
            browser.open(f"http://localhost:8080/#{purpose}=x")
            look(purpose)
        browser.open("http://localhost:8080/")
        browser.find("body[data-view=log-in]")
        fill_in(browser, "logIn", email="ann@example.com", password=PASSWORD)
        browser.find("body[data-view=profile]")
        fill_in(browser, "deleteAccount", currentPassword="wrong")
        browser.find("#refused:not(:empty)")
        focused = browser.run("return document.activeElement.name")
        assert focused == "currentPassword", "where to go on"
        look("profile")

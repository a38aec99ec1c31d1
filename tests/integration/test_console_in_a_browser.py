"""The console of `make run` in a real browser: by keyboard, at any width, and beside pages of others."""

import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from signet.cli.target import Target
from tests.browser import Browser, running_browser
from tests.deployment import PASSWORD
from tests.http_server import Server, reply, running_server
from tests.programs import STARTUP_SECONDS, running

HOSTILE = "<script>document.title='taken over'</script>\"><img src=http://127.0.0.1:1/x onerror=alert(1)>"
TAB, ENTER = "\ue004", "\ue007"


@dataclass(frozen=True)
class Console:
    """The console of a `make run`.

    Attributes:
        link: Its link.
        target: What it shows.
        next_link: Waits for the next link in the terminal.
    """

    link: str
    target: Target
    next_link: Callable[[], str]

    @property
    def base(self) -> str:
        """Its first page."""
        return self.link.partition("?")[0]

    @property
    def here(self) -> dict[str, str]:
        """The demo's application."""
        return {"applicationId": self.target.demo["applicationId"]}

    @property
    def app(self) -> str:
        """The application's page."""
        return f"{self.base}/applications/{self.target.demo['applicationId']}"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """What `make run` shows in its terminal, with users of whom two are hostile."""
    state = tmp_path_factory.mktemp("state")
    with running("-m", "local", PORT="0", SIGNET_STATE=str(state)) as process:
        lines = process.stdout

        def next_link() -> str:
            assert lines is not None
            return next(found[0] for line in lines if (found := re.search(r"http\S+\?token=\S+", line)))

        link = next_link()
        target = Target.local(state)
        made = Console(link, target, next_link)
        group = target.invoke("create_group", made.here | {"name": HOSTILE})["id"]
        fields = {"firstName": HOSTILE, "userTags": {"plan": HOSTILE}, "experienceGroupIds": [group]}
        ann = {"email": "ann@example.com", "password": PASSWORD}
        target.invoke("create_user", made.here | ann | fields)
        token = target.invoke("issue_user_token", made.here | {"userId": HOSTILE[:100]})["token"]
        picture = f"http://127.0.0.1:1/{HOSTILE}".replace(" ", "%20")
        user = {"userId": HOSTILE[:100], "name": HOSTILE, "photoUrl": picture}
        target.invoke("identify", made.here | {"authToken": token, "user": user})
        target.invoke(
            "import_users", made.here | {"key": f"import/{made.here['applicationId']}/example.jsonl"}
        )
        yield made


@pytest.fixture(scope="module")
def window(console: Console) -> Iterator[Browser]:
    """A browser that has opened the link, which is where it stands in none of its places now."""
    with running_browser() as window:
        window.open(console.link)
        assert window.text("h1") == "Applications"
        assert window.run("return location.href") == f"{console.base}/applications"
        yield window


@pytest.fixture
def chromium(window: Browser) -> Browser:
    """The same, as wide as a desktop's."""
    window.resize(1280, 900)
    window.prefer("light")
    return window


def press(chromium: Browser, *keys: str) -> None:
    """Press keys, one after the other."""
    actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
    chromium.command("POST", "actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})


def pages(console: Console) -> Iterator[tuple[str, str]]:
    """A page of each kind, by name."""
    users = console.target.invoke("list_users", console.here)["items"]
    imports = f"{console.app}/imports"
    yield "applications", f"{console.base}/applications"
    yield "settings", console.app
    yield "users", f"{console.app}/users"
    yield "nobody", f"{console.app}/users?text=nobody"
    for user in users:
        if user["firstName"] or user["id"].startswith("ext:"):
            yield "user", f"{console.app}/users/{user['id'].replace('%', '%25').replace('/', '%2F')}"
    yield "question", f"{console.app}/delete"
    yield "imports", imports
    yield "tokens", f"{console.base}/tokens"
    yield "keys", f"{console.base}/keys"
    yield "refusals", f"{console.base}/refusals"
    yield "nothing", f"{console.base}/nothing"


@pytest.mark.browser
@pytest.mark.usefixtures("window")
def test_a_link_is_for_one_browser(console: Console) -> None:
    """Another one is sent to the terminal, where a new link stands; no page holds one."""
    with httpx.Client(trust_env=False, follow_redirects=True) as other:
        refused = [
            other.get(console.link),
            other.get(f"{console.base}/applications"),
            other.get(console.base),
        ]
        assert [answer.status_code for answer in refused] == [403] * 3
        assert "This link was used already" in refused[0].text
        assert not any(console.here["applicationId"] in answer.text for answer in refused)
        assert console.here["applicationId"] in other.get(console.next_link()).text
        assert other.post(console.base, content=b"x" * (11 * 2**20)).status_code == 413


def test_the_command_serves_it_until_ctrl_c(console: Console) -> None:
    """On a port of its own, with the link in the terminal; one that is taken is refused in a sentence."""
    state = str(console.target.state)
    with running("-m", "signet.cli", "console", SIGNET_STATE=state) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "The console of make run; Ctrl-C ends it.\n"
        link = process.stdout.readline().partition(" ")[0]
        with httpx.Client(trust_env=False, follow_redirects=True) as client:
            assert console.here["applicationId"] in client.get(link).text
        port = str(httpx.URL(link).port)
        with running("-m", "signet.cli", "console", "--port", port, SIGNET_STATE=state) as other:
            assert other.wait(STARTUP_SECONDS) == 2
        process.send_signal(signal.SIGINT)
        assert process.wait(STARTUP_SECONDS) == 0


def test_the_keyboard_is_enough(console: Console, chromium: Browser) -> None:
    """Past the menu by the skip link, through the form, and it is sent by Enter."""
    chromium.open(f"{console.base}/applications")
    press(chromium, TAB)
    assert chromium.run("return document.activeElement.className") == "skip"
    assert chromium.run("return document.activeElement.getBoundingClientRect().top >= 0"), "it is seen then"
    press(chromium, ENTER)
    assert chromium.run("return document.activeElement.id") == "main"
    for _ in range(20):
        press(chromium, TAB)
        if chromium.run("return document.activeElement.id") == "name":
            break
    outline = chromium.run("return getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px", "where the focus is can be seen"
    press(chromium, *"Shop", ENTER)
    assert "Shop was made." in chromium.text("[role=status]")
    assert chromium.text("h1") == "Shop"
    assert chromium.text("code.secret").startswith("sgt_")


def test_what_users_are_called_runs_nothing(console: Console, chromium: Browser) -> None:
    """No page has a script, loads anything from elsewhere, or is changed by a name."""
    for _, address in pages(console):
        chromium.open(address)
        assert chromium.run("return document.title").endswith(" · Signet"), address
        assert (
            chromium.run("return document.querySelectorAll('script, iframe, object, [onerror]').length") == 0
        )
        loaded = chromium.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        assert {name.partition("/static/")[0] for name in loaded} <= {console.base}
        shown = chromium.run("return [...document.images].map((image) => image.getAttribute('src'))")
        assert set(shown) <= {"/console/static/icon.svg"}


def attack(console: Console) -> str:
    """A page that tries to have the browser change something, and to read something."""
    return f"""<!doctype html><title>Attack</title>
<form method=post action="{console.base}/applications" id=form><input name=name value="Taken over"></form>
<iframe src="{console.base}/applications"></iframe>
<img src="{console.base}/applications">
<script>
const read = [];
const ask = (options) => fetch("{console.base}/applications", {{credentials: "include", ...options}})
  .then((answer) => answer.text()).then((text) => read.push(text), () => read.push(""));
Promise.all([ask(), ask({{method: "POST", body: new URLSearchParams({{name: "Taken over"}})}}),
  ask({{mode: "no-cors"}})]).then(() => {{ window.read = read; }});
</script>"""


@pytest.fixture(scope="module")
def stranger(console: Console) -> Iterator[Server]:
    """A server of somebody else's on this machine: for a browser that is the same site."""
    with running_server() as server:
        html = attack(console).encode()
        server.answer = lambda _: reply(html, headers={"content-type": "text/html"}, closes=True)
        yield server


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_reads_and_changes_nothing(
    console: Console, chromium: Browser, stranger: Server, name: str
) -> None:
    """Though it is on this machine, and the browser has signed in."""
    applications = console.target.invoke("list_applications", {})["items"]
    chromium.open(f"http://{name}:{stranger.port}/")
    wait_for(chromium, "return window.read")
    assert chromium.run("return window.read") == ["", "", ""]
    framed = chromium.run("try { return frames[0].document.title } catch (error) { return error.name }")
    assert framed == "SecurityError"
    chromium.run("document.getElementById('form').submit()")
    assert chromium.text("h1") == "Not open"
    assert console.target.invoke("list_applications", {})["items"] == applications


@pytest.mark.heavy
def test_a_page_of_the_same_origin_reads_nothing_either(console: Console, chromium: Browser) -> None:
    """The page that tries the API has scripts; the console's pages are not for them to read."""
    chromium.open(f"{console.target.url}/docs")
    script = f"fetch('{console.base}/applications').then((a) => {{ window.status_ = a.status; }})"
    chromium.run(script)
    wait_for(chromium, "return window.status_")
    assert chromium.run("return window.status_") == 403
    chromium.run(f"window.other = window.open('{console.base}/applications')")
    # The window that it opened is none of its own any more, so that it says to be closed.
    wait_for(chromium, "return window.other.closed || null")
    here = chromium.command("GET", "window")
    for handle in chromium.command("GET", "window/handles"):
        chromium.command("POST", "window", {"handle": handle})
        if handle != here:
            assert chromium.text("h1") == "Applications"
            chromium.command("DELETE", "window")
    chromium.command("POST", "window", {"handle": here})


def wait_for(chromium: Browser, script: str) -> None:
    """Wait until a script gives something."""
    waits = f"""const done = arguments[0];
    const look = () => {{
      const found = (() => {{ {script} }})();
      if (found === undefined || found === null) setTimeout(look, 20); else done(true);
    }};
    look();"""
    chromium.command("POST", "execute/async", {"script": waits, "args": []})


@pytest.mark.heavy
def test_no_page_is_wider_than_the_screen(console: Console, chromium: Browser) -> None:
    """Whatever users are called; the time line scrolls by itself."""
    for name, address in pages(console):
        chromium.open(address)
        for width in (1280, 390, 320):
            chromium.resize(width, 900)
            assert chromium.run("return document.documentElement.scrollWidth") <= width, name


@pytest.mark.heavy
@pytest.mark.node
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing(console: Console, chromium: Browser, width: int, scheme: str) -> None:
    """Names, roles, headings, contrast: by the rules of WCAG 2.2 AA and axe's best practices."""
    chromium.resize(width, 900)
    chromium.prefer(scheme)
    token = console.target.invoke("issue_user_token", console.here | {"userId": "u1"})["token"]
    for name, address in pages(console):
        chromium.open(address)
        if name == "tokens":
            chromium.run("document.getElementById('token').value = arguments[0]", token)
            chromium.click("form button")
            chromium.find(".checks")
        found = chromium.axe()
        assert found == [], f"{name}: {found}"

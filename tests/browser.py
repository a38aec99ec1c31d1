"""Drives a headless Chromium through its chromedriver, which speaks WebDriver: JSON over HTTP.

The few commands that the tests need take less than Selenium and the packages that it brings.
`SIGNET_BROWSER` says whether there has to be one:

    not set     use it where it is installed
    required    a `MissingBrowserError` where it is not
    none        leave it out
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.verifiers import PACKAGES

STARTUP_SECONDS = 30.0
# How long a command waits for an element to appear.
PATIENCE_MS = 10_000

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # Chromium has none for root, and what it opens here is ours
    "--disable-dev-shm-usage",  # a container's is small
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
)
_AXE = PACKAGES / "node_modules/axe-core/axe.min.js"
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name that WebDriver gives the id of an element


class MissingBrowserError(RuntimeError):
    """There has to be a browser, and there is none."""


class BrowserStartError(RuntimeError):
    """The driver ended before it was ready."""


@dataclass(frozen=True)
class Programs:
    """Where the browser and its driver are."""

    chromium: str
    driver: str


def find_browser() -> Programs | None:
    """Return the browser, or None where there is none or none is wanted.

    Raises:
        MissingBrowserError: `SIGNET_BROWSER` demands one.
    """
    asked = os.environ.get("SIGNET_BROWSER") or None
    if asked not in (None, "required", "none"):
        raise MissingBrowserError(f"SIGNET_BROWSER={asked}: it is required, none, or not set")
    chromium = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    driver = shutil.which("chromedriver")
    if asked == "none":
        return None
    if chromium and driver:
        return Programs(chromium, driver)
    if asked:
        raise MissingBrowserError("install Chromium and its chromedriver (Debian: chromium, chromium-driver)")
    return None


class Browser:
    """A window of a browser with an empty profile. Elements are named by CSS selectors, and waited for."""

    def __init__(self, driver: httpx.Client, session_id: str) -> None:
        self._driver = driver
        self._session = f"session/{session_id}"

    def command(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Send a command of WebDriver.

        Raises:
            AssertionError: the browser could not do it, such as find an element in time.
        """
        content = {} if body is None and method == "POST" else body
        response = self._driver.request(method, f"{self._session}/{path}".rstrip("/"), json=content)
        value = response.json()["value"]
        assert response.is_success, f"{path} {body}: {value['message']}"
        return value

    def open(self, url: str) -> None:
        """Open a page."""
        self.command("POST", "url", {"url": url})

    def find(self, selector: str) -> str:
        """The id of the first such element, once there is one."""
        found = self.command("POST", "element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    def text(self, selector: str) -> str:
        """What can be seen of an element's text."""
        return str(self.command("GET", f"element/{self.find(selector)}/text"))

    def click(self, selector: str) -> None:
        """Click where an element is."""
        self.command("POST", f"element/{self.find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        """Type a text into an element."""
        self.command("POST", f"element/{self.find(selector)}/value", {"text": text})

    def log(self) -> list[str]:
        """What the page has complained of since it was last asked, the browser's own complaints included."""
        return [entry["message"] for entry in self.command("POST", "se/log", {"type": "browser"})]

    def run(self, script: str, *arguments: object) -> Any:
        """What a function's body returns that runs in the page."""
        return self.command("POST", "execute/sync", {"script": script, "args": arguments})

    def resize(self, width: int, height: int) -> None:
        """Show the page as a screen of that many pixels would; windows themselves have a least width."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        override = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
        self.command("POST", "goog/cdp/execute", override)

    def prefer(self, scheme: str) -> None:
        """Prefer light or dark, and no motion."""
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        command = {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}}
        self.command("POST", "goog/cdp/execute", command)

    def axe(self) -> list[Any]:
        """What axe-core finds wrong with the page: the rule, and where."""
        self.run(_AXE.read_text())
        script = """const done = arguments[0];
        axe.run({resultTypes: ["violations"]}).then((found) => done(found.violations.map(
          (rule) => [rule.id, rule.nodes.map((node) => node.target + " " + node.failureSummary)])))"""
        found: list[Any] = self.command("POST", "execute/async", {"script": script, "args": []})
        return found


@contextmanager
def running_browser(*flags: str) -> Iterator[Browser]:
    """Run a browser with an empty profile.

    Args:
        flags: Further ones for Chromium.

    Raises:
        MissingBrowserError: there is none to run.
        BrowserStartError: its driver did not come up.
    """
    programs = find_browser()
    if programs is None:
        raise MissingBrowserError("there is no browser")
    with ExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory(prefix="signet-browser-"))
        options = {"binary": programs.chromium, "args": [*_FLAGS, f"--user-data-dir={profile}", *flags]}
        wanted = {"goog:chromeOptions": options, "timeouts": {"implicit": PATIENCE_MS}}
        url = stack.enter_context(_running_driver(programs.driver, profile))
        with httpx.Client(base_url=url, timeout=STARTUP_SECONDS, trust_env=False) as client:
            answer = client.post("session", json={"capabilities": {"alwaysMatch": wanted}})
            session = answer.json()["value"]
            if not answer.is_success:
                raise BrowserStartError(session["message"])
            browser = Browser(client, session["sessionId"])
            try:
                yield browser
            finally:
                browser.command("DELETE", "")


@contextmanager
def _running_driver(program: str, home: str) -> Iterator[str]:
    process = subprocess.Popen(  # noqa: S603 - Chromium's own program, no shell
        [program, "--port=0"],
        env={**os.environ, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,  # so that Ctrl-C leaves it for us to end, and its browser with it
    )
    assert process.stdout is not None
    with process:
        try:
            for line in process.stdout:
                if "started successfully on port" in line:
                    yield f"http://127.0.0.1:{line.split()[-1].rstrip('.')}"
                    return
            raise BrowserStartError(f"{program} ended with status {process.wait()}")
        finally:
            process.terminate()

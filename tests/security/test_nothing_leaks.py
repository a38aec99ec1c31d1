"""No operation, whether it succeeds, is refused, has nobody to ask or meets a bug, lets a secret out.

What is asked for is every event of `events/` and every other set-up (`tests/setups.py`), so that a new
operation is among them by itself.
"""

import base64
import functools
import json
import random
import re
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import pytest

from signet import wiring
from signet.domain.codes import CODE
from signet.edge import custom_resource
from tests.contract.test_bundle import OPERATIONS
from tests.deployment import Deployment
from tests.effort import is_heavy
from tests.setups import EVENT_NAMES, NAMES, Asked, asked_for
from tests.stream import records
from tests.sweep import FAULTS, Fault, Place, faulty, watched

TOKEN = re.compile(r"ey[\w-]+\.[\w-]+\.([\w-]{20,})|sgt_[0-9a-f]{24}_([\w-]{43})")
"""A JWT's signature, without which it is worth nothing; an API token's secret part."""

BASIC = re.compile(r"Basic ([A-Za-z0-9+/=]+)")
MAKES = {
    "authenticate",
    "create_application",
    "issue_identity_token",
    "issue_session_token",
    "issue_user_token",
    "log_in",
    "redeem_code",
    "refresh_session",
    "reset_api_token",
    "update_me",
}
"""The operations whose answers have a token, by the contract."""

SHORTEST_HALF = 20
"""In characters, of a secret whose halves are looked for: half of a short password is a word."""

BUG = Fault(lambda _place, _request: RuntimeError("a bug"))  # type: ignore[arg-type, return-value]
UNAVAILABLE = FAULTS["no connection"]

ONE_OF_EACH = list({path.name.partition(".")[0]: name for name, path in EVENT_NAMES.items()}.values())


@functools.cache
def forms(secret: str) -> frozenset[str]:
    """How a secret may stand in a text: whole and in halves, plain, reversed, encoded, within what is."""
    parts = [secret]
    if len(secret) >= SHORTEST_HALF:
        parts += [secret[: len(secret) // 2], secret[len(secret) // 2 :]]
    found: set[str] = set()
    for part in parts:
        content = part.encode()
        found |= {part, part[::-1], quote(part, safe=""), content.hex(), content.hex().upper()}
        for shift, first in enumerate((0, 2, 3)):
            text = base64.b64encode(b"\0" * shift + content).decode().rstrip("=")
            inner = text[first:-1] if len(text) % 4 else text[first:]
            found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return frozenset(found)


@dataclass
class Secrets:
    """Secrets, by what they are."""

    by_kind: dict[str, set[str]] = field(default_factory=dict)

    def add(self, kind: str, *secrets: str) -> None:
        """Look for these too."""
        for secret in secrets:
            self.by_kind.setdefault(kind, set()).update(forms(secret))

    def check(self, text: str, where: str, *, but: str | None = None) -> Iterator[str]:
        """Say which kinds stand in a text; one kind may."""
        for kind, wanted in self.by_kind.items():
            if kind != but and any(form in text for form in wanted):
                yield f"{kind} in {where}"


def strings(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text within a JSON value, and in JSON within it, with the name of its member."""
    if isinstance(value, dict):
        for inner_name, inner in value.items():
            yield from strings(inner, inner_name)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, name)
    elif isinstance(value, str):
        yield name, value
        if value.startswith("{"):
            with suppress(ValueError):
                yield from strings(json.loads(value))
        for encoded in BASIC.findall(value):
            with suppress(ValueError):
                yield name, base64.b64decode(encoded, validate=True).decode()


def tokens(value: Any) -> set[str]:
    """The secret parts of every token in a value."""
    return {first or last for _, text in strings(value) for first, last in TOKEN.findall(text)}


def codes(value: Any) -> set[str]:
    """Every code in a value."""
    return {text for name, text in strings(value) if name == "code" and CODE.fullmatch(text)}


def passwords(value: Any) -> set[str]:
    """Every password in a value."""
    return {text for name, text in strings(value) if name.lower().endswith("password") and len(text) >= 8}


@functools.cache
def _private(kid: str, encrypted: bytes) -> str:
    number: str = json.loads(wiring.vault().decrypt(kid, encrypted))["d"]
    return number


def stored(signet: Deployment) -> Secrets:
    """What the table has, and nobody shall see: hashes, digests, and what KMS would decrypt."""
    found = Secrets()
    for item in signet.items():
        # Whoever was imported without a password has an empty one.
        if kept := item.get("password_hash", {"S": ""})["S"]:
            found.add("a password's hash", kept.rpartition("$")[2])
        for token in item.get("api_tokens", {}).get("L", []):
            digest = token["M"]["digest"]["B"]
            found.add("a digest", digest.hex(), base64.b64encode(digest).decode().rstrip("="))
        if "encrypted_private_key" in item:
            found.add("a private key", _private(item["kid"]["S"], item["encrypted_private_key"]["B"]))
    return found


def table_text(signet: Deployment) -> str:
    """All of the table, without what has to be in it."""
    items = [
        {name: value for name, value in item.items() if name not in ("password_hash", "api_tokens")}
        for item in signet.items()
    ]
    return json.dumps(
        items, default=lambda value: value.decode("latin-1") if isinstance(value, bytes) else list(value)
    )


class Leaks:
    """What comes out of an operation's calls, and whether a secret is among it."""

    def __init__(self, asked: Asked, capfd: pytest.CaptureFixture[str]) -> None:
        self._asked, self._signet, self._capfd = asked, asked.signet, capfd
        self._items = asked.signet.items()
        self.found: list[str] = []
        self._given = Secrets()
        self._given.add("a token that came", *tokens(asked.event), asked.signet.api_token[30:])
        self._given.add("a code that came", *codes(asked.event))
        self._given.add("a password that came", *passwords(asked.event))

    def call(
        self, what: str, asked: Asked | None = None, place: Place | None = None, fault: Fault = BUG
    ) -> None:
        """Ask for it once, and look at everything that came out."""
        signet = self._signet
        signet.restore(self._items)
        self._capfd.readouterr()
        answer: Any = None
        raised = ""
        try:
            if place is None:
                answer = (asked or self._asked).act("3d6f8a1c-0000-4000-8000-000000000000")
            else:
                with faulty(signet, place, fault):
                    answer = self._asked.act("3d6f8a1c-0000-4000-8000-000000000000")
        except Exception as error:
            raised = "".join(traceback.format_exception(error)) + repr(error)
        handed_on = json.dumps([signet.waiting, signet.asked])
        signet.waiting.clear()
        signet.asked.clear()
        logged = "".join(self._capfd.readouterr())
        self._check(what, answer, {"a log": logged, "an error": raised, "an event for later": handed_on})

    def _check(self, what: str, answer: Any, texts: dict[str, str]) -> None:
        operation = self._asked.way.operation
        kept = stored(self._signet)
        made = Secrets()
        made.add("a token that was made", *tokens(answer))
        made.add("a code that was made", *codes(answer))
        shown = json.dumps(answer)
        is_node = "node" in self._asked.event
        unasked = [] if operation in MAKES or not tokens(answer) else ["a token in an answer"]
        # A node hands on the payload that it was given; a token that is asked for back is given back.
        echoes = is_node or operation == "authenticate"
        found = [*unasked, *kept.check(shown, "an answer")]
        if not is_node:
            found += self._given.check(shown, "an answer", but="a token that came" if echoes else None)
        texts |= {"the table": table_text(self._signet), "an event out": self._told()}
        for where, text in texts.items():
            for secrets in (self._given, made, kept):
                found += secrets.check(text, where)
        for name, content in self._signet.files().items():
            if name.startswith("import/"):
                continue
            text = content.decode("latin-1")
            found += [*self._given.check(text, name), *made.check(text, name)]
            found += kept.check(text, name, but="a password's hash" if name.startswith("export/") else None)
        self.found += [f"{self._asked.name}, {what}: {one}" for one in found]

    def _told(self) -> str:
        """What goes to the bus of what the call has written, and what is logged of that."""
        signet = self._signet
        written = records(signet.table_name, self._items, signet.items(), seconds=signet.clock.now)
        if not written:
            return ""
        sent = len(signet.sent)
        signet.invoke("publish_events", {"Records": written})
        return json.dumps(signet.sent[sent:], default=str) + "".join(self._capfd.readouterr())


def spoilt(value: Any) -> Iterator[tuple[str, Any]]:
    """An event with one of its secrets cut short, or ended by another character; one after the other."""
    secrets = {match[0] for _, one in strings(value) for match in TOKEN.finditer(one)}
    secrets |= passwords(value) | codes(value)
    for secret in sorted(secrets):
        last = "A" if secret[-1] != "A" else "B"
        yield "cut short", _replaced(value, secret, secret[:-7])
        yield "changed", _replaced(value, secret, secret[:-1] + last)


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(inner, old, new) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, old, new) for inner in value]
    if not isinstance(value, str):
        return value

    def within(match: re.Match[str]) -> str:
        try:
            content = base64.b64decode(match[1], validate=True).decode()
        except ValueError:
            return match[0]
        return "Basic " + base64.b64encode(content.replace(old, new).encode()).decode()

    return BASIC.sub(within, value.replace(old, new))


@pytest.mark.hypothesis  # Not so, but `make check-all` looks at more set-ups.
@pytest.mark.parametrize("name", sorted({*ONE_OF_EACH, *NAMES[::2]}) if is_heavy() else ONE_OF_EACH[::4])
def test_no_secret_gets_out(
    moto_signet: Deployment, name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither whole nor in part nor encoded: not into a log, an error, a report, an answer or the table."""
    monkeypatch.setattr(random, "random", lambda: 0.0)  # Every call is logged at DEBUG.
    monkeypatch.setattr(custom_resource, "_send", lambda _url, _answer: None)
    with asked_for(moto_signet, name) as asked:
        leaks = Leaks(asked, capfd)
        places: list[Place] = []
        with watched(places):
            leaks.call("answered")
        for number, place in enumerate(places):
            if is_heavy() or number % 2:
                leaks.call(f"{place} fails", place=place, fault=UNAVAILABLE)
            if is_heavy() or not number % 2:
                leaks.call(f"{place} meets a bug", place=place, fault=BUG)
        for what, event in spoilt(asked.event):
            leaks.call(f"a secret is {what}", replace(asked, event=event))
    assert not leaks.found, "\n".join(leaks.found)


@pytest.mark.parametrize(
    "hidden",
    [
        "{secret}",
        "{half}",
        "{other_half}",
        "x{base64}",
        "{hex}",
        "{reversed}",
        "{quoted}",
    ],
)
@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_a_secret_is_found_however_it_is_written(hidden: str, before: str) -> None:
    """Also a half, and within something longer that was encoded as a whole."""
    secret = "correct horse/battery+staple~1ä"
    secrets = Secrets()
    secrets.add("a password", secret)
    text = hidden.format(
        secret=secret,
        half=secret[: len(secret) // 2],
        other_half=secret[len(secret) // 2 :],
        base64=base64.urlsafe_b64encode(f"{before}{secret}: and more".encode()).decode(),
        hex=(before + secret).encode().hex(),
        reversed=(before + secret)[::-1],
        quoted=quote(before + secret, safe=""),
    )
    assert list(secrets.check(f"it says {text}.", "a log")) == ["a password in a log"]
    assert not list(secrets.check(f"it says {before}.", "a log"))


def test_every_operation_is_looked_at() -> None:
    """Also one that is new: it needs an event in any case."""
    assert {name.partition(".")[0] for name in ONE_OF_EACH} == set(OPERATIONS)

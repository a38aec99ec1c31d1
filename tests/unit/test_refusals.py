"""What a refusal tells: all that is wrong, within bounds, and nothing that could be a secret."""

import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signet.domain.strict_json import _unique, parse_object
from signet.edge.dialects import gladly, losant, oauth, velt
from signet.edge.fields.model import RequestModel
from signet.errors import FaultKind, FieldFault, InvalidRequest, may_be_secret, shown
from tests import hostile

DIALECTS = [
    gladly.GLADLY,
    losant.LOSANT,
    oauth.OAUTH,
    velt.velt("Done.", version=1),
    velt.velt("Done.", version=2),
]
MAX_ANSWER = 4096

# What is long is so by repetition: an example that draws thousands of letters is too large for Hypothesis.
LONG_STEPS = st.text("😀\\\"'\x00é", min_size=1).map(lambda text: text * 60)
LONG_MESSAGES = st.text('😀\\"\x00', min_size=1).map(lambda text: text * 900)
STEPS = st.integers(min_value=0, max_value=10**6) | st.text(min_size=1) | LONG_STEPS
FAULTS = st.builds(
    FieldFault,
    st.lists(STEPS, max_size=4).map(tuple),
    st.sampled_from(FaultKind),
    st.text() | LONG_MESSAGES,
)


def size(refusal: InvalidRequest) -> int:
    """The largest answer that any dialect makes of it."""
    return max(len(json.dumps(d.refusal(refusal), ensure_ascii=False).encode()) for d in DIALECTS)


@example([FieldFault(("a",), FaultKind.INVALID, "😀" * 900)] * 40, 5)
@given(st.lists(FAULTS, min_size=1, max_size=40), st.integers(min_value=0, max_value=10**5))
def test_no_refusal_is_longer_than_four_kilobytes(faults: list[FieldFault], more: int) -> None:
    """Whatever came, in every dialect; the first fault is told, and the number of those that are not."""
    refusal = InvalidRequest(*faults, more=more)
    assert size(refusal) <= MAX_ANSWER
    assert refusal.faults[0].path == faults[0].path
    told = [fault for fault in refusal.faults if not fault.message.startswith("There are ")]
    if len(told) < len(faults) + more:
        assert f"There are {len(faults) + more - len(told)} more faults." in refusal.message


class Address(RequestModel):
    """A model within a model."""

    street_name: str


class Person(RequestModel):
    """What a body is checked against."""

    first_name: str
    address: Address


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", ["{}", "firstNam{}", "é" * 40 + "{}", "😀{}"])
def test_thousands_of_wrong_fields_cost_no_more_than_a_few(
    name: str, inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as are told are looked at; the others are a number."""
    import difflib

    looked_at: list[str] = []
    real = difflib.get_close_matches

    def look(word: str, *rest: Any, **more: Any) -> list[str]:
        looked_at.append(word)
        return real(word, *rest, **more)

    monkeypatch.setattr(difflib, "get_close_matches", look)
    wrong = {name.format(n): 1 for n in range(4000)}
    with pytest.raises(InvalidRequest) as caught:
        Person.parse({"firstName": "Ann", "address": wrong} if inside else wrong)
    assert size(caught.value) <= MAX_ANSWER
    assert len(caught.value.faults) <= 21
    assert "more faults" in caught.value.message
    assert len(looked_at) <= 20


def test_a_long_name_is_compared_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody misspells a field by thirty thousand characters."""
    monkeypatch.setattr("difflib.get_close_matches", None)
    with pytest.raises(InvalidRequest) as caught:
        Person.parse({"firstName" * 3000: 1})
    assert size(caught.value) <= MAX_ANSWER


class Counting(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counting.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_member_that_stands_twice_is_found_at_once() -> None:
    """Among thousands, without comparing each with each."""
    Counting.comparisons = 0
    pairs = [(Counting(f"member {n}"), 1) for n in range(4000)]
    with pytest.raises(InvalidRequest, match='"member 3999" more than once'):
        _unique([*pairs, (Counting("member 3999"), 2)])
    assert Counting.comparisons < 4 * len(pairs)


def api_token() -> str:
    return f"sgt_{secrets.token_hex(12)}_{secrets.token_urlsafe(32)}"


SECRETS: list[Callable[[], str]] = [
    api_token,
    lambda: quote(api_token(), safe="").replace("_", "%5F"),
    lambda: api_token()[:33],
    lambda: api_token()[20:],
    lambda: f"{api_token()}@example.com",
    lambda: f"ann+{api_token()[29:]}@example.com",
    lambda: "x" * 200 + api_token(),
    lambda: "eyJhbGciOiJFUzI1NiIsImtpZCI6" + secrets.token_urlsafe(40) + "." + secrets.token_urlsafe(40),
    lambda: secrets.token_hex(32),
]


@pytest.mark.parametrize("make", SECRETS)
def test_a_secret_is_not_quoted(make: Callable[[], str]) -> None:
    """Not an API token, nor a part of one, nor another token, as it is or encoded, alone or within a text."""
    secret = make()
    parts = {secret[at : at + 12] for at in range(len(secret) - 12)} - {"x" * 12}
    texts = [shown(secret), FieldFault(("data", secret), FaultKind.UNKNOWN, "").dotted]
    for body in ({secret: 1}, {"firstName": "Ann", "address": {secret: 1}}):
        with pytest.raises(InvalidRequest) as caught:
            Person.parse(body)
        texts.append(caught.value.message)
    with pytest.raises(InvalidRequest) as caught:
        parse_object(f'{{"{secret}": 1, "{secret}": 2}}'.encode())
    texts.append(caught.value.message)
    assert not [part for text in texts for part in parts if part in text]


@given(st.text())
def test_what_is_quoted_is_short_and_printable(text: str) -> None:
    """No line break and no control character of a caller comes into a log."""
    assert shown(text).isprintable()
    assert len(shown(text)) <= 10 * 64 + 1


def test_every_field_of_ours_can_be_named() -> None:
    """No field's name looks like a secret, or a refusal could not say which it is about."""
    names = {name for route in hostile.ROUTES for name in hostile.fields(route)}
    assert len(names) > 50
    assert not [name for name in names if may_be_secret(name) or shown(name) != name]

"""The short way for plain e-mail addresses: it takes nothing that email-validator would not take alike."""

import itertools
import unicodedata

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signet.domain.identities import is_plain_email, normal_email
from signet.errors import InvalidRequest
from tests.effort import examples

ATEXT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_!#$%&'*+-/=?^`{|}~"


def by_the_library(address: str) -> str | None:
    """The normal form by email-validator alone; None for what is no address."""
    try:
        valid = validate_email(address, check_deliverability=False, strict=True)
    except EmailNotValidError:
        return None
    return f"{unicodedata.normalize('NFC', valid.local_part.lower())}@{valid.ascii_domain.lower()}"


def by_us(address: str) -> str | None:
    """The normal form as Signet has it; None for what is no address."""
    try:
        return normal_email(address)
    except InvalidRequest:
        return None


ODD_LABELS = ("a-b", "-a", "a-", "a--b", "xn--a", "xn--bcher-kva", "XN--p1ai", "ab--c", "c0m", "c-m", " ", "")
LABELS = st.sampled_from(
    (*ODD_LABELS, *SPECIAL_USE_DOMAIN_NAMES, "TEST", "a", "Example", "com", "x1", "1", "a" * 63, "a" * 64)
)
DOMAINS = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
LOCAL_PARTS = st.text(st.sampled_from(ATEXT + '.."\\@ ()<>,;:[]\n\x00'), max_size=66)
NEARLY = st.builds("{}@{}".format, LOCAL_PARTS, DOMAINS)
LETTERS = st.sampled_from(ATEXT + '.@.@-"\\ <>[]()\n\t\x00\x7f\u00e4\u212a\u0130\uff20\u0308')


@settings(max_examples=examples(3000))
@given(
    NEARLY | st.emails() | st.text(LETTERS, max_size=30) | st.text(max_size=12).map("a{}@example.com".format)
)
@example("\u212aelvin@example.com")  # The Kelvin sign, whose lower case is an ASCII k.
@example("a@example.com\n")
@example("<a@example.com>")
def test_the_short_way_changes_nothing(address: str) -> None:
    """Whatever comes, the answer is the library's own, whichever way was gone."""
    expected = by_the_library(address) if address.strip() else None
    assert by_us(address) == expected
    if is_plain_email(address):
        assert expected == address.lower()


@pytest.mark.parametrize("place", ["{}b@example.com", "a{}@example.com", "a{}b@example.com"])
def test_every_character_of_the_local_part(place: str) -> None:
    """Each of Latin-1, at the start, the end and between."""
    for code in range(0x100):
        address = place.format(chr(code))
        assert by_us(address) == by_the_library(address), ascii(address)
        assert is_plain_email(address) <= (chr(code) in ATEXT + "."), ascii(address)


@pytest.mark.parametrize(
    "place", ["a@{}b.com", "a@b{}.com", "a@b{}c.com", "a@b.{}c", "a@b.c{}", "a@b.c{}d", "a@{}.com", "a@b.{}"]
)
def test_every_character_of_the_domain(place: str) -> None:
    """Each of Latin-1, at the start, the end and between, of a label and of the last one."""
    for code in range(0x100):
        address = place.format(chr(code))
        assert by_us(address) == by_the_library(address), ascii(address)


def test_every_hyphen() -> None:
    """All labels of up to six letters, digits and hyphens, first and last."""
    for length in range(1, 7):
        for letters in itertools.product("a1-", repeat=length):
            label = "".join(letters)
            for address in (f"a@{label}.com", f"a@b.{label}", f"a@xn{label}.com"):
                assert by_us(address) == by_the_library(address), address


@pytest.mark.parametrize("local", [1, 63, 64, 65, 70])
def test_every_length(local: int) -> None:
    """On both sides of each limit: 64 before the @-sign, 63 in a label, 254 in all."""
    for label in (1, 62, 63, 64):
        for labels in range(1, 7):
            for last in (1, 2, 62, 63, 64):
                for rest in ("", "b.", "bb.", "bbb."):
                    domain = rest + ("c" * label + ".") * labels + "d" * last
                    address = f"{'a' * local}@{domain}"
                    assert by_us(address) == by_the_library(address), address
    for total in range(250, 258):
        domain = ("c" * 40 + ".") * 4 + "d."
        address = f"{'a' * local}@{domain}"
        address += "e" * min(63, total - len(address))
        assert by_us(address) == by_the_library(address), address


@pytest.mark.parametrize("name", SPECIAL_USE_DOMAIN_NAMES)
def test_every_domain_of_special_use(name: str) -> None:
    """The library's list may grow: then this fails, and ours has to."""
    for domain in (name, f"example.{name}", f"a.example.{name.upper()}"):
        assert by_us(f"ann@{domain}") is None
    for domain in (f"{name}.com", f"x{name}.com", f"example.x{name}", f"example.{name}x"):
        assert by_us(f"ann@{domain}") == by_the_library(f"ann@{domain}")


@pytest.mark.parametrize(
    "address", ["ann@example.com", "Ann.Lee+news@Mail.Example.co.uk", "o'brien_1@a-b.io"]
)
def test_usual_addresses_go_the_short_way(address: str) -> None:
    """Else it would not be worth having."""
    assert is_plain_email(address)

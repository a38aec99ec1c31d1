"""Normal forms of e-mail addresses and phone numbers."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.domain.identities import (
    REFUSED_DOMAINS,
    Identity,
    IdentityType,
    normal_email,
    normal_phone_number,
    parse_identity,
)
from signet.errors import FaultKind, InvalidRequest


@pytest.mark.parametrize(
    ("given_address", "normal_form"),
    [
        ("test@example.com", "test@example.com"),
        ("Test@Example.COM", "test@example.com"),
        ("a.b+c_d-e@example.com", "a.b+c_d-e@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("ÄRGER@example.com", "ärger@example.com"),
        ("a\u0308rger@example.com", "ärger@example.com"),
        ("ann@BÜCHER.example.com", "ann@xn--bcher-kva.example.com"),
        ("ann@xn--BCHER-kva.example.com", "ann@xn--bcher-kva.example.com"),
        ("用户@例子.中国", "用户@xn--fsqu00a.xn--fiqs8s"),
        ("ann@例子。中国", "ann@xn--fsqu00a.xn--fiqs8s"),
        (" ann@example.com", "ann@example.com"),
        ("ann@example.com\n", "ann@example.com"),
        ("\u00a0ann@example.com\t", "ann@example.com"),
        ("\u212aelvin@example.com", "kelvin@example.com"),
        ("ann@staging.test", "ann@staging.test"),
        ("ann@printer.local", "ann@printer.local"),
        ("ann@corp.internal", "ann@corp.internal"),
    ],
)
def test_email_has_one_normal_form(given_address: str, normal_form: str) -> None:
    """Case, composition and the domain's script make no difference."""
    assert normal_email(given_address) == normal_form


@pytest.mark.parametrize(
    "address",
    [
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@@example.com",
        "ann@exa mple.com",
        "ann@example.com\x00",
        "ann..b@example.com",
        ".ann@example.com",
        "ann.@example.com",
        '"ann"@example.com',
        "ann@[192.0.2.1]",
        "ann@-example.com",
        "ann@example..com",
        "Ann <ann@example.com>",
        "ann@localhost",
        "a" * 65 + "@example.com",
        "ann@" + "a." * 130 + "com",
        "ann@exa\u200bmple.com",
        "ann\u202e@example.com",
        *(f"ann@{domain}{name}" for name in REFUSED_DOMAINS for domain in ("", "a.example.")),
        *(f"ann@{name}" for name in ("test", "local", "internal")),
    ],
)
def test_what_is_no_email_address_is_refused(address: str) -> None:
    """A refusal names the field and shows what an address looks like."""
    with pytest.raises(InvalidRequest) as caught:
        normal_email(address, "email")
    (fault,) = caught.value.faults
    assert fault.path == ("email",)
    assert fault.kind is FaultKind.INVALID
    assert "name@example.com" in fault.message


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_identity_is_said_to_be_missing(blank: str) -> None:
    """Blank is told apart from wrong, for both types."""
    for identity_type in IdentityType:
        with pytest.raises(InvalidRequest) as caught:
            parse_identity(identity_type, blank)
        assert caught.value.faults[0].kind is FaultKind.MISSING


def test_the_normal_form_of_every_letter_is_its_own_normal_form() -> None:
    """Lower-casing an address twice changes nothing, whatever Unicode has in store."""
    for code in range(0xA1, sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Lu", "Lt", "Ll"):
            once = unicodedata.normalize("NFC", unicodedata.normalize("NFC", character).lower())
            assert unicodedata.normalize("NFC", once.lower()) == once, f"U+{code:04X}"


@given(st.emails())
def test_normal_email_is_idempotent(address: str) -> None:
    """Whatever is accepted comes back as it is when it is given again."""
    try:
        normal_form = normal_email(address)
    except InvalidRequest:
        return
    assert normal_email(normal_form) == normal_form
    assert normal_email(address.upper()) in (normal_form, normal_email(address.upper().lower()))


@pytest.mark.parametrize(
    "number",
    [
        "+14155552671",
        "+442079460958",
        "+390236618300",
        "+4915123456789",
        "+8613812345678",
        # Of a new range, of one for films, of one that no plan has: whether they are assigned, nobody knows.
        "+14361234567",
        "+447700900123",
        "+10000000000",
    ],
)
def test_an_e164_number_is_its_own_normal_form(number: str) -> None:
    """An E.164 number comes back as it was given, an Italian zero included."""
    assert normal_phone_number(number) == number
    assert parse_identity(IdentityType.MOBILE_PHONE_NUMBER, number) == Identity(
        IdentityType.MOBILE_PHONE_NUMBER, number
    )


@pytest.mark.parametrize(
    ("number", "e164"),
    [
        ("+1 (415) 555-2671", "+14155552671"),
        ("+1-415-555-2671", "+14155552671"),
        ("+1.415.555.2671", "+14155552671"),
        ("\uff0b14155552671", "+14155552671"),
        ("+１４１５５５５２６７１", "+14155552671"),
        ("+1415555２671", "+14155552671"),
        (" +14155552671", "+14155552671"),
        ("+14155552671\n", "+14155552671"),
        ("+14155552671;ext=5", "+14155552671"),
        ("+44 (0) 20 7946 0958", "+442079460958"),
        ("tel:+1-415-555-2671", "+14155552671"),
        ("+5215512345678", "+525512345678"),
        ("+52 1 55 1234 5678", "+525512345678"),
    ],
)
def test_another_form_is_refused_with_the_e164_form(number: str, e164: str) -> None:
    """A number that is only written differently is refused, and the refusal says how to write it."""
    with pytest.raises(InvalidRequest) as caught:
        normal_phone_number(number)
    assert e164 in caught.value.message


@pytest.mark.parametrize(
    "number",
    [
        "4155552671",
        "0014155552671",
        "+",
        "+1",
        "phone",
        "+999123456789",
        "+" + "1" * 16,
        "+1415555267",
        "+141555526711",
        "+5211",
        "+521551234567890",
    ],
)
def test_a_number_that_cannot_exist_is_refused(number: str) -> None:
    """A number that no numbering plan has is refused, and so is one without its country."""
    with pytest.raises(InvalidRequest):
        normal_phone_number(number)

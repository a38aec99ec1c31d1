"""Vectors that others made, read from where they lie beside the project; left out where they do not."""

import json
import xml.etree.ElementTree as ET

import pytest

from signet.domain.identities import normal_email, normal_phone_number
from signet.errors import InvalidRequest
from tests.conftest import VECTORS
from tests.deployment import Deployment

pytestmark = pytest.mark.vectors

DOMAIN_WITHOUT_A_DOT = {"test@io"}
"""Valid by isemail's reading of the RFCs; email-validator wants a domain that mail can reach."""


def test_email_addresses_of_isemail() -> None:
    """What isemail calls plainly valid is taken; errors, comments, quoted and obsolete forms are refused."""
    root = ET.parse(VECTORS / "isemail_tests.xml").getroot()  # noqa: S314 - a file of our own choice
    judged = 0
    for test in root.iter("test"):
        written = test.findtext("address") or ""
        # U+2400 to U+2421 stand for the control characters, which XML cannot hold.
        address = "".join(
            chr(ord(character) - 0x2400) if 0x2400 <= ord(character) <= 0x2421 else character
            for character in written
        )
        valid = test.findtext("category") in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN")
        try:
            normal_email(address)
            taken = True
        except InvalidRequest:
            taken = False
        if address == address.strip():
            assert taken == (valid and address not in DOMAIN_WITHOUT_A_DOT), address
        elif taken:
            # White space around an address is dropped; what is left has to be one.
            assert normal_email(address.strip()) == normal_email(address)
        judged += 1
    assert judged > 160


def test_naughty_strings_are_refused_politely(moto_signet: Deployment) -> None:
    """No string breaks anything: as an identity, a field's name, a user name or a whole body."""
    signet = moto_signet
    before = signet.items()
    for text in json.loads((VECTORS / "naughty_strings.json").read_text()):
        for normal_form in (normal_email, normal_phone_number):
            with pytest.raises(InvalidRequest):
                normal_form(text)
        for body in (
            {"identityType": "EMAIL", "identity": text},
            {"identityType": "MOBILE_PHONE_NUMBER", "identity": text},
            {"identityType": text, "identity": text},
            {text: text},
            text,
        ):
            answer = signet.http("POST", "/api/v1/user-identity-jwt", body, headers=signet.basic())
            assert answer.status == 400, (body, answer.body)
        answer = signet.http("POST", "/api/v1/user-identity-jwt", {}, headers=signet.basic(text, text))
        assert answer.status == 401
    assert signet.items() == before

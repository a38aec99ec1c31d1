"""E-mail addresses and phone numbers: what is valid, and the one form in which each is compared.

email-validator (22 to 36 ms to import) and phonenumbers (22 ms) are imported by the branch that needs them,
the former in the init phase of functions that always do (`load_email_validator`).
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from signet.errors import FaultKind, InvalidRequest

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

E164 = re.compile(r"\+[1-9][0-9]{1,14}")

REFUSED_DOMAINS = ("arpa", "invalid", "localhost", "onion")
"""Domains whose addresses are nobody's. Staging and intranets have addresses under `.test` and `.local`."""

MEXICO = 52

MAX_EMAIL = 1024
"""In characters: more is not looked at. No address is that long, and normalising takes its time."""


class IdentityType(StrEnum):
    """The kinds of identity, in Gladly's words."""

    EMAIL = "EMAIL"
    MOBILE_PHONE_NUMBER = "MOBILE_PHONE_NUMBER"


@dataclass(frozen=True, slots=True)
class Identity:
    """An e-mail address or a phone number, in its normal form.

    Attributes:
        type: Which of the two.
        value: The normal form: a lower-case e-mail address with an IDNA domain, or an E.164 number.
            The two cannot be confused: only an e-mail address holds an `@`.
    """

    type: IdentityType
    value: str


def parse_identity(identity_type: IdentityType, text: str) -> Identity:
    """Bring `text` into the normal form of its type.

    Raises:
        InvalidRequest: `text` is no valid identity of this type.
    """
    normal_form = normal_email if identity_type is IdentityType.EMAIL else normal_phone_number
    return Identity(identity_type, normal_form(text))


def normal_email(text: str, field: str = "identity") -> str:
    """The normal form of an e-mail address: NFC, IDNA (ASCII) domain, lower case.

    The syntax is that of RFC 5321 and RFC 6531 as email-validator understands them: without quoted
    local parts and address literals, with a dot in the domain. White space around it is dropped: phone
    keyboards put it there. There is no DNS look-up.

    Args:
        text: What the caller gave.
        field: The name of the field in the refusal.

    Raises:
        InvalidRequest: It is no e-mail address.
    """
    if len(text) > MAX_EMAIL:
        message = f"has {len(text)} characters; at most {MAX_EMAIL} are taken."
        raise InvalidRequest.of(field, message, FaultKind.TOO_LONG)
    if not text.strip():
        raise InvalidRequest.of(field, "must not be blank; give an e-mail address.", FaultKind.MISSING)
    import email_validator
    from email_validator import EmailNotValidError, validate_email

    # The library's own list, which its documentation says to change so.
    email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = REFUSED_DOMAINS
    try:
        address = validate_email(text.strip(), check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        message = f"is not a valid e-mail address. {error} An address looks like name@example.com."
        raise InvalidRequest.of(field, message) from error
    local_part = unicodedata.normalize("NFC", address.local_part.lower())
    return f"{local_part}@{address.ascii_domain.lower()}"


def load_email_validator() -> None:
    """Import it, and whatever it imports when it is first called."""
    normal_email("name@example.com")


def normal_phone_number(text: str, field: str = "identity") -> str:
    """Check that `text` is a possible phone number in E.164 form, which is its normal form too.

    Possible is what has a country code that there is, and a length that its numbering plan knows. Whether a
    number is assigned is not looked at: the library's data lag behind new ranges.

    Args:
        text: What the caller gave.
        field: The name of the field in the refusal.

    Raises:
        InvalidRequest: It is not E.164 (the refusal names the form it would have, where there is
            one), or no numbering plan has numbers of this length.
    """
    import phonenumbers

    if not text.strip():
        message = "must not be blank; give a phone number in E.164 form, such as +14155552671."
        raise InvalidRequest.of(field, message, FaultKind.MISSING)
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException as error:
        message = (
            "is not a phone number in E.164 form: a plus sign, the country code and the number,"
            " 15 digits at most and nothing between them, such as +14155552671."
        )
        raise InvalidRequest.of(field, message) from error
    if number.country_code == MEXICO and str(number.national_number).startswith("1"):
        # Messengers still write the 1 that Mexico did away with in 2019.
        without = phonenumbers.PhoneNumber(MEXICO, int(str(number.national_number)[1:] or "0"))
        number = without if _is_possible(without) else number
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not _is_possible(number):
        code = f"+{number.country_code}"
        message = f"is not a possible phone number: numbers of the country code {code} have another length."
        raise InvalidRequest.of(field, message)
    if text != e164 or not E164.fullmatch(text):
        raise InvalidRequest.of(field, f"is not in E.164 form; this number would be {e164}.")
    return e164


def _is_possible(number: "PhoneNumber") -> bool:
    import phonenumbers

    reason = phonenumbers.is_possible_number_with_reason(number)
    return bool(reason == phonenumbers.ValidationResult.IS_POSSIBLE)

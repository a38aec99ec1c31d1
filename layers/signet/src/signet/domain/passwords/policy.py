"""Which passwords may be set, and the normal form in which they are counted and hashed."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Literal

from signet.errors import FaultKind, InvalidRequest

MIN_CHARACTERS = 8
MAX_CHARACTERS = 2048

MAX_NORMALISED = 4 * MAX_CHARACTERS
"""Longer passwords are left as they are. NFKC makes a text at most four times shorter, so a longer one is
over the policy's limit whatever it normalises to."""

MAX_MARKS = 64
"""Combining characters in a row: a password with more is left as it is too. Putting them in order is what
takes quadratic time (50 ms for `MAX_NORMALISED` of them), and nobody types so many."""

type Form = Literal["NFC", "NFD", "NFKC"]

COMMON_PASSWORDS = Path(__file__).with_name("common_passwords.txt")


def check_policy(password: str, field: str = "password") -> None:
    """Check that `password` may be set.

    What is counted is Unicode code points (NIST SP 800-63B-4) after NFKC: that is the text that is
    hashed, so one password has one length however a keyboard composed it. Nothing else is asked
    of it but not to be one of the most common passwords, in whatever case.

    Args:
        password: A text without lone surrogates.
        field: The name of the field in the refusal, which never quotes the password.

    Raises:
        InvalidRequest: It may not be set.
    """
    normal_form = normalise(password)
    if len(normal_form) < MIN_CHARACTERS:
        message = f"is too short; give at least {MIN_CHARACTERS} characters."
        raise InvalidRequest.of(field, message, FaultKind.WRONG_LENGTH if password else FaultKind.MISSING)
    if len(normal_form) > MAX_CHARACTERS:
        message = f"is too long; give at most {MAX_CHARACTERS} characters."
        raise InvalidRequest.of(field, message, FaultKind.TOO_LONG)
    if _fold(normal_form) in _common_passwords():
        message = "is one of the most common passwords, which are tried first; choose another one."
        raise InvalidRequest.of(field, message)


def normalise(password: str, form: Form = "NFKC") -> str:
    """The password in a normal form of Unicode; as it is, where that would cost too much."""
    if len(password) > MAX_NORMALISED or _has_many_marks(password):
        return password
    return unicodedata.normalize(form, password)


def _has_many_marks(password: str) -> bool:
    if password.isascii():
        return False
    marks = 0
    for character in password:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > MAX_MARKS:
            return True
    return False


def _fold(normal_form: str) -> str:
    return unicodedata.normalize("NFKC", normal_form.casefold())


@cache
def _common_passwords() -> frozenset[str]:
    """The list's entries, folded, after the header's empty line: 1 ms and 0.9 MiB, once in a container."""
    _, _, entries = COMMON_PASSWORDS.read_text("utf-8").partition("\n\n")
    return frozenset(entries.splitlines())

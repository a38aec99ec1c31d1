"""Codes: what somebody shows who reads the mails of an address, and each works once.

256 random bits, so a plain SHA-256 digest is a safe thing to store, as of an API token.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CODE = re.compile(r"[A-Za-z0-9_-]{43}")

HOUR = 3600
MAX_LIFE: Final = 7 * 24 * HOUR
"""In seconds; as long as an invitation may lie in somebody's inbox."""


class Purpose(StrEnum):
    """What a code is for."""

    VERIFY_EMAIL = "verifyEmail"
    RESET_PASSWORD = "resetPassword"  # noqa: S105 - no password
    LOG_IN = "logIn"
    CHANGE_EMAIL = "changeEmail"

    @property
    def life(self) -> int:
        """How long a code lives, in seconds, unless something else was asked for."""
        return LIVES[self]


LIVES = {
    Purpose.VERIFY_EMAIL: 24 * HOUR,
    Purpose.RESET_PASSWORD: HOUR,
    Purpose.LOG_IN: HOUR // 4,
    Purpose.CHANGE_EMAIL: 24 * HOUR,
}


@dataclass(frozen=True, slots=True)
class Code:
    """What is kept of a code under its digest; which one is alive, its user says.

    Attributes:
        purpose: What it is for.
        user_id: Whose it is.
        password_version: The user's when it was made: a code is worth nothing any more once the password, or
            the address that it belongs to, is another.
        expires_at: From when on it is too old, in Unix seconds.
    """

    purpose: Purpose
    user_id: str
    password_version: int
    expires_at: int


def new_code() -> str:
    """43 base64url characters."""
    return secrets.token_urlsafe(32)


def digest_of(code: str) -> str:
    """What is stored in place of a code."""
    return hashlib.sha256(code.encode("ascii")).hexdigest()

"""Mails: what they are for, and how one is made of a subject, a text and a page (docs/mails.md).

Nothing that a stranger has written stands in a mail, no name and no address but the one that it goes to: who
signs somebody else up would have Signet carry a message.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from string import Template
from typing import Final

from signet.domain.codes import HOUR, Purpose
from signet.domain.guessing import MINUTE_MS, Limit

HOUR_MS = 60 * MINUTE_MS
PER_ADDRESS = Limit(3, 3, HOUR_MS)
PER_SOURCE = Limit(20, 20, HOUR_MS)
"""How many mails may be asked for in an hour: for an address and of a kind, and from a source."""

SIGN_UP_SECONDS: Final = 24 * HOUR
"""How long a sign-up waits for its mail: as long as what sends mails is out of order, at most."""

WRITTEN_SECONDS: Final = 15
"""How long a mail waits that goes only if a write succeeds: until its function has ended for sure."""

MAX_SUBJECT = 200

LEADS: Final = frozenset({"link", "code"})
"""The values that lead the reader on, one of which text and page of a mail with a code need."""


class MailKind(StrEnum):
    """What a mail is for."""

    VERIFY_EMAIL = "verifyEmail"
    RESET_PASSWORD = "resetPassword"  # noqa: S105 - no password
    LOG_IN = "logIn"
    CHANGE_EMAIL = "changeEmail"
    EMAIL_CHANGES = "emailChanges"
    ALREADY_SIGNED_UP = "alreadySignedUp"

    @property
    def purpose(self) -> Purpose | None:
        """What its code is for; None of a mail that has none."""
        return Purpose(self.value) if self.value in set(Purpose) else None


class MailPart(StrEnum):
    """What a mail is made of, by the ends of the names of an owner's files."""

    SUBJECT = "subject"
    TEXT = "txt"
    PAGE = "html"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, to be sent; its text and page may hold a code."""

    subject: str
    text: str = field(repr=False)
    page: str = field(repr=False)


class BrokenTemplate(Exception):
    """A template that makes no mail; the text says why, and is the owner's to read."""


def values(application: str, email: str, link: str | None, code: str | None, life: int) -> dict[str, str]:
    """What a template may name.

    Args:
        application: The application's name.
        email: The address that the mail goes to.
        link: Where it leads; None where it leads nowhere.
        code: What the link has in it.
        life: Of the code, in seconds.
    """
    named = {"application": _in_one_line(application), "email": email, "hours": str(life // HOUR)}
    named["minutes"] = str(life * 60 // HOUR)
    return named if link is None or code is None else named | {"link": link, "code": code}


def fill(part: MailPart, template: str, named: Mapping[str, str]) -> str:
    """A part of a mail; what stands in a page is escaped.

    No subject has the code: locked screens show it, and SES repeats it in its events, which are kept.

    Raises:
        BrokenTemplate: It names what there is not, or leaves out the link.
    """
    if part is MailPart.SUBJECT:
        named = {name: value for name, value in named.items() if name not in LEADS}
    made = Template(template)
    if not made.is_valid():
        message = "has a $ that begins no name; write $$ for the sign itself."
        raise BrokenTemplate(message)
    unknown = set(made.get_identifiers()) - named.keys()
    if unknown:
        message = f"names ${min(unknown)[:40]}; there are ${', $'.join(named)}."
        raise BrokenTemplate(message)
    if named.keys() >= LEADS and not LEADS & {*made.get_identifiers()}:
        message = "has neither $link nor $code."
        raise BrokenTemplate(message)
    if part is MailPart.PAGE:
        return made.substitute({name: html.escape(value) for name, value in named.items()})
    filled = made.substitute(named)
    if part is MailPart.TEXT:
        return filled
    subject = _in_one_line(filled)
    if not subject:
        message = "is empty."
        raise BrokenTemplate(message)
    return subject[:MAX_SUBJECT]


def _in_one_line(text: str) -> str:
    """A text without what nobody sees, line ends among it: what goes into a subject, or stands in a line."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())

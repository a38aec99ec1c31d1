"""The mails that `make run` has kept in place of sending them."""

from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail.

    Attributes:
        at_ms: When it was written, in Unix milliseconds.
        to: The address that it is for.
        subject: Its subject.
        text: Its text, with the link in it.
    """

    at_ms: int
    to: str
    subject: str
    text: str


def kept(state: Path) -> list[Mail]:
    """The mails in the folder of `make run`, the newest first."""
    files = sorted((state / "mails").glob("*.eml"), reverse=True)[:SHOWN]
    return [mail for file in files if (mail := _read(file)) is not None]


def _read(file: Path) -> Mail | None:
    """A mail; None where it is gone, or not written to its end."""
    try:
        message = message_from_bytes(file.read_bytes(), EmailMessage, policy=default)
    except FileNotFoundError:  # `make run` keeps so many.
        return None
    date, text = message["Date"], message.get_body(("plain",))
    if date is None or text is None:
        return None
    at_ms = int(date.datetime.timestamp() * 1000)
    return Mail(at_ms, str(message["To"]), str(message["Subject"]), str(text.get_content()))

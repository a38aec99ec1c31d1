"""The owner's own templates of mails, in a bucket: `<applicationId>/<kind>.<language>.<part>`."""

from collections.abc import Callable
from typing import Final

from signet.aws.bucket import Bucket, ObjectChanged
from signet.domain.mails import MailKind, MailPart
from signet.errors import FileNotFound

SECONDS: Final = 60.0
"""How long a file is used that was read, and one that is not there not looked for."""

MOST_BYTES: Final = 64 * 1024
KEPT: Final = 256


class UnreadableFile(Exception):
    """A file that is no template: too large, or no UTF-8."""


class MailFiles:
    """Reads templates, and keeps what it has read for a minute."""

    def __init__(self, bucket: Bucket, clock: Callable[[], float]) -> None:
        self._bucket = bucket
        self._clock = clock
        self._read: dict[str, tuple[float, bytes | None]] = {}

    def find(self, application_id: str, kind: MailKind, language: str, part: MailPart) -> str | None:
        """A template, or None.

        Raises:
            UnreadableFile: There is one that is none.
            Unavailable: S3 did not answer.
        """
        key = file_key(application_id, kind, language, part)
        now = self._clock()
        read_at, content = self._read.get(key, (None, None))
        if read_at is None or now - read_at >= SECONDS:
            if len(self._read) >= KEPT:
                self._read.clear()
            content = self._find(key)
            self._read[key] = now, content
        if content is None:
            return None
        if len(content) > MOST_BYTES:
            message = f"has more than {MOST_BYTES} bytes."
            raise UnreadableFile(message)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            message = "is no UTF-8."
            raise UnreadableFile(message) from None

    def _find(self, key: str) -> bytes | None:
        try:
            return self._bucket.read(key, 0, MOST_BYTES + 1)
        except FileNotFound:
            return None
        except ObjectChanged:  # It has not even a first byte.
            return b""


def file_key(application_id: str, kind: MailKind, language: str, part: MailPart) -> str:
    """Where an owner's template stands."""
    return f"{application_id}/{kind}.{language}.{part}"

"""What a password hash is, of whatever kind: a `StoredHash`, with its bounds and its base64."""

import base64
import binascii
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

SALT_BYTES = range(8, 129)
"""Sizes of a salt: from what RFC 8018 asks for at least (8), to more than any framework makes."""

DIGEST_BYTES = range(16, 65)
"""Sizes of a digest. A digest of one byte would let in every 256th password that is tried."""

BASE64 = r"[A-Za-z0-9+/]+={0,2}"


def in_any_order(**groups: str) -> str:
    """The pattern of a PHC string's numbers, each of them once: the format has no order that all keep to.

    Args:
        groups: The group that gets each number, by its name in the string.
    """
    each = (rf"(?=(?:[^$]*,)?{name}=(?P<{group}>[0-9]{{1,10}})[,$])" for name, group in groups.items())
    return "".join(each) + rf"[a-z]+=[0-9]+(?:,[a-z]+=[0-9]+){{{len(groups) - 1}}}"


class UnsupportedHash(ValueError):
    """A password hash that is in no supported form, damaged, or out of bounds.

    The message is a predicate ("asks for more than …") and never holds any of the hash.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHash(ABC):
    """A password hash, taken apart. Its `str` is its canonical form: a PHC string, or bcrypt's own.

    Attributes:
        salt: The salt's bytes, as the algorithm gets them.
        digest: What the algorithm makes of the right password.
    """

    FORMS: ClassVar[tuple[re.Pattern[str], ...]]
    """The ways to write it. Groups: `salt` and `digest` (with their encoding: see `_bytes`) and the costs."""

    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is out of bounds.

        Raises:
            UnsupportedHash: A size or a cost is.
        """
        if len(self.salt) not in SALT_BYTES:
            raise UnsupportedHash(f"has a salt that is not {SALT_BYTES[0]} to {SALT_BYTES[-1]} bytes long.")
        if len(self.digest) not in DIGEST_BYTES:
            sizes = f"{DIGEST_BYTES[0]} to {DIGEST_BYTES[-1]} bytes"
            raise UnsupportedHash(f"has a digest that is not {sizes} long.")
        self._check_cost()

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The hash that `text` spells, or None where it is of another kind.

        Raises:
            UnsupportedHash: It is of this kind, and damaged or out of bounds.
        """
        for form in cls.FORMS:
            if match := form.fullmatch(text):
                return cls._from_groups({name: part for name, part in match.groupdict().items() if part})
        return None

    def tells_apart(self, password: bytes) -> bool:  # noqa: ARG002 - most kinds do, whatever the password
        """Whether no other password than this one matches where it does."""
        return True

    @abstractmethod
    def matches(self, password: bytes) -> bool:
        """Whether the hash was made of this password. The comparison takes constant time."""

    @abstractmethod
    def __str__(self) -> str: ...

    @classmethod
    @abstractmethod
    def _from_groups(cls, groups: Mapping[str, str]) -> Self: ...

    @abstractmethod
    def _check_cost(self) -> None: ...

    @property
    @abstractmethod
    def share(self) -> float:
        """What a verification costs, as a share of the most that this kind may cost: at most 1."""


def decode64(text: str) -> bytes:
    """Decode base64 in any spelling that hashes come in: standard, URL-safe, passlib's, padded or not.

    Raises:
        UnsupportedHash: It has a length that no base64 has.
    """
    standard = text.rstrip("=").translate(_TO_STANDARD)
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4))
    except binascii.Error as error:
        raise UnsupportedHash("is damaged: a part of it is not base64.") from error


def encode64(data: bytes) -> str:
    """Encode as PHC strings do: the standard alphabet without padding."""
    return base64.b64encode(data).decode().rstrip("=")


STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_STANDARD = str.maketrans("-_.", "+/+")

"""How often something may be guessed: token buckets, for accounts and for the sources that guesses come from.

A bucket is kept as one number: when it is full again if nobody takes from it. So nothing has to be done as it
fills, and one that is long full need not be kept at all.

Source: the generic cell rate algorithm (ITU-T I.371), in its form of virtual scheduling.
"""

import hmac
from dataclasses import dataclass
from typing import Final

MINUTE_MS = 60_000
FULL = 0
"""When a bucket from which nobody has taken is full."""

KNOWN_SECONDS = 30 * 86_400
"""How long a source counts as its account owner's after a log-in from there."""

NOTED_SECONDS = 86_400
"""How long a log-in from a known source need not be noted again."""

MAX_KNOWN: Final = 10
"""How many sources an account has at most; the one that was noted longest ago makes room."""

IPV6_PREFIX = 64
"""What one subscriber has at least, and changes within as it likes (RFC 4291 section 2.5.4)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many guesses a bucket holds, and how fast it fills.

    Attributes:
        at_once: What a full one holds; 0 for no limit.
        per_minute: How many it gets back; at least 1.
        minute_ms: What counts as a minute: an hour, for what is rarer than guesses.
    """

    at_once: int
    per_minute: int
    minute_ms: int = MINUTE_MS

    @property
    def interval_ms(self) -> int:
        """What one guess takes to come back, rounded up."""
        return -(-self.minute_ms // self.per_minute)

    def latest_ms(self, now_ms: int) -> int:
        """When a bucket is full again that holds one guess just now."""
        return now_ms + (self.at_once - 1) * self.interval_ms

    def wait_ms(self, full_at_ms: int, now_ms: int) -> int:
        """How long until there is a guess in a bucket; 0 where there is one."""
        return max(0, full_at_ms - self.latest_ms(now_ms)) if self.at_once else 0

    def taken_ms(self, full_at_ms: int, now_ms: int) -> int:
        """When a bucket is full again once a guess was taken."""
        return max(full_at_ms, now_ms) + self.interval_ms


@dataclass(frozen=True, slots=True)
class GuessingLimits:
    """An application's limits.

    Attributes:
        account: Of an account, whoever guesses.
        source: Of the failures of a source, whatever account it tries.
        known_source: Of an account, for a source of its owner or for who has a token of the owner: neither of
            the others refuses them, so that a stranger cannot lock anybody out.
    """

    account: Limit
    source: Limit
    known_source: Limit


DEFAULT_LIMITS = GuessingLimits(Limit(10, 1), Limit(50, 10), Limit(60, 6))


def find_source(address: str) -> str | None:
    """What an IP address counts as, or None where it is none: IPv4 the address, IPv6 its /64."""
    # Only who checks passwords needs it.
    import ipaddress

    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.scope_id is not None:
        return None
    if (inner := found.ipv4_mapped) is not None:
        return str(inner)
    return str(ipaddress.ip_network((found.packed, IPV6_PREFIX), strict=False))


def account_digest(key: bytes, account: str) -> str:
    """What stands for an account: who finds it learns neither the address nor whether anybody has it.

    Args:
        key: The application's own random one.
        account: The normal form of an address, or whatever was given in its place.
    """
    return _digest(key, f"account:{account}")


def source_digest(key: bytes, source: str) -> str:
    """What stands for a source (`find_source`)."""
    return _digest(key, f"source:{source}")


def known_digest(key: bytes, user_id: str, source: str) -> str:
    """What stands for a source that a user has logged in from: whoever gets the address next knows none."""
    return _digest(key, f"known:{user_id}:{source}")


def _digest(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256")[:12].hex()

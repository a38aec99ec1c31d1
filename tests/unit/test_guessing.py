"""The buckets of guesses, and what an address counts as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet.domain.guessing import (
    DEFAULT_LIMITS,
    FULL,
    MINUTE_MS,
    Limit,
    account_digest,
    find_source,
    source_digest,
)

NOW = 1_800_000_000_123
ACCOUNT = DEFAULT_LIMITS.account


def left(limit: Limit, full_at_ms: int, now_ms: int) -> int:
    """How many guesses a bucket gives at once."""
    count = 0
    while limit.wait_ms(full_at_ms, now_ms) == 0:
        full_at_ms = limit.taken_ms(full_at_ms, now_ms)
        count += 1
    return count


@pytest.mark.parametrize(
    ("full_in_ms", "expected"),
    [
        (-NOW, 10),  # Nobody has taken from it yet.
        (-1, 10),
        (0, 10),
        (1, 9),
        (MINUTE_MS, 9),
        (MINUTE_MS + 1, 8),
        (9 * MINUTE_MS - 1, 1),
        (9 * MINUTE_MS, 1),
        (9 * MINUTE_MS + 1, 0),
        (10 * MINUTE_MS, 0),
    ],
)
def test_how_many_a_bucket_holds(full_in_ms: int, expected: int) -> None:
    """At either side of the moment at which one has come back."""
    assert left(ACCOUNT, NOW + full_in_ms, NOW) == expected


@pytest.mark.parametrize(
    ("limit", "taken", "after_ms", "wait_ms"),
    [
        (ACCOUNT, 9, 0, 0),
        (ACCOUNT, 10, 0, MINUTE_MS),
        (ACCOUNT, 10, MINUTE_MS - 1, 1),
        (ACCOUNT, 10, MINUTE_MS, 0),
        (DEFAULT_LIMITS.source, 49, 0, 0),
        (DEFAULT_LIMITS.source, 50, 0, 6000),
        (DEFAULT_LIMITS.source, 50, 6000, 0),
        (DEFAULT_LIMITS.known_source, 60, 0, 10_000),
        (DEFAULT_LIMITS.known_source, 60, 9_999, 1),
        (Limit(1, 1), 0, 0, 0),
        (Limit(1, 1), 1, MINUTE_MS - 1, 1),
        (Limit(1, 7), 1, 0, 8572),  # Rounded up: never more than the rate.
        (Limit(1, MINUTE_MS), 1, 0, 1),
        (Limit(0, 1), 1000, 0, 0),  # Off.
    ],
)
def test_how_long_to_wait(limit: Limit, taken: int, after_ms: int, wait_ms: int) -> None:
    """From when the last one was taken until one has come back, and not a millisecond longer."""
    full_at_ms = FULL
    for _ in range(taken):
        full_at_ms = limit.taken_ms(full_at_ms, NOW)
    assert limit.wait_ms(full_at_ms, NOW + after_ms) == wait_ms


LIMITS = st.builds(Limit, st.integers(1, 100), st.integers(1, 60_000))


@given(LIMITS, st.lists(st.integers(0, 3 * MINUTE_MS) | st.just(0), max_size=200))
def test_no_interval_gets_more_than_the_bucket_and_what_comes_back(limit: Limit, pauses: list[int]) -> None:
    """Whatever the rhythm: in any interval at most what a bucket holds, and the rate times its length."""
    full_at_ms, now_ms = FULL, NOW
    given_at: list[int] = []
    for pause in pauses:
        now_ms += pause
        if limit.wait_ms(full_at_ms, now_ms) == 0:
            full_at_ms = limit.taken_ms(full_at_ms, now_ms)
            given_at.append(now_ms)
    for first, begin in enumerate(given_at):
        for last in range(first, len(given_at)):
            most = limit.at_once + limit.per_minute * (given_at[last] - begin) / MINUTE_MS
            assert last - first + 1 <= most


@given(LIMITS, st.integers(0, 200))
def test_who_waits_as_told_is_let_in(limit: Limit, taken: int) -> None:
    """After the wait there is one, and just before there was none."""
    full_at_ms = FULL
    for _ in range(taken):
        full_at_ms = limit.taken_ms(full_at_ms, NOW)
    wait = limit.wait_ms(full_at_ms, NOW)
    assert limit.wait_ms(full_at_ms, NOW + wait) == 0
    assert wait == 0 or limit.wait_ms(full_at_ms, NOW + wait - 1) == 1


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("", None),
        (" 203.0.113.7", None),
        ("203.0.113.07", None),
        ("203.0.113", None),
        ("203.0.113.7:443", None),
        ("203.0.113.0/24", None),
        ("[2001:db8::1]", None),
        ("fe80::1%eth0", None),
        ("test@example.com", None),
        ("3405803783", None),
        ("٢٠٣.٠.١١٣.٧", None),
    ],
)
def test_what_an_address_counts_as(address: str, source: str | None) -> None:
    """IPv4 as it is, also inside of IPv6; IPv6 as its /64, however it is written; all else as none."""
    assert find_source(address) == source


def test_digests_tell_nothing_without_their_key() -> None:
    """Another key, and another kind, give another digest of the same text, which any text has."""
    digests = {
        account_digest(b"a", "203.0.113.7"),
        account_digest(b"b", "203.0.113.7"),
        source_digest(b"a", "203.0.113.7"),
        account_digest(b"a", "no address, ü"),
        account_digest(b"a", ""),
    }
    assert len(digests) == 5
    assert {len(digest) for digest in digests} == {24}

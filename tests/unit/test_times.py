"""Dates: what is taken, and what is shown."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signet.domain.times import LATEST, find_milliseconds, iso_8601

ZONES = st.integers(min_value=-1439, max_value=1439).map(lambda m: timezone(timedelta(minutes=m)))
DATES = st.datetimes(timezones=ZONES).map(datetime.isoformat)


@given(
    DATES | st.text() | st.from_regex(r"[0-9]{4}-?[0-9W]{2}-?[0-9]{1,2}[T ][0-9:.,]{2,12}(Z|[+-][0-9:]{2,8})")
)
@example("0001-01-01T00:00:00+01:00")
@example("1969-12-31T23:59:59.999Z")
@example("1970-01-01T00:00:00Z")
@example("9999-12-31T23:59:59.999999Z")
@example("9999-12-31T23:59:59-00:01")
def test_whatever_is_taken_can_be_shown_and_read_again(text: str) -> None:
    """A date-time that is taken is shown as one of the years 1970 to 9999, which reads as the same moment."""
    milliseconds = find_milliseconds(text)
    if milliseconds is not None:
        shown = iso_8601(milliseconds)
        assert find_milliseconds(shown) == milliseconds
        assert "1970" <= shown[:4] <= "9999"
        assert len(shown) == len("1970-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01t00:00:00z", 0),  # RFC 3339 section 5.6
        ("1970-01-01T00:59:59.999+01:00", None),
        ("9999-12-31T23:59:59.999Z", LATEST * 1000 + 999),
        ("9999-12-31T23:59:59.999-01:00", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("2026-11-20T10:00:00", None),
        ("2026-11-20", None),
        ("", None),
    ],
)
def test_the_ends_of_time(text: str, milliseconds: int | None) -> None:
    """Dates lie from 1970 to 9999 in UTC, and have a time zone."""
    assert find_milliseconds(text) == milliseconds


@given(st.integers())
def test_every_moment_can_be_shown(milliseconds: int) -> None:
    """A moment that is not taken, should one stand in the table, is shown as the nearest that is."""
    assert find_milliseconds(iso_8601(milliseconds)) == min(max(milliseconds, 0), LATEST * 1000 + 999)

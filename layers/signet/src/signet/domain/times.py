"""Times as the API writes and reads them."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

LATEST = 253_402_300_799
"""The last second of the year 9999, in Unix seconds: dates end there, and begin with 1970."""


def iso_8601(milliseconds: int) -> str:
    """Unix milliseconds as ISO 8601 with milliseconds: `2026-11-20T10:00:00.000Z`.

    Total: what lies outside of 1970 to 9999, as no date that is taken does, is shown as the nearest that
    does not. One user's date must not be what a list, an export or a log-in fails by.
    """
    moment = EPOCH + min(max(milliseconds, 0), LATEST * 1000 + 999) * MILLISECOND
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_milliseconds(text: str) -> int | None:
    """The Unix milliseconds of an ISO 8601 date-time, or None where it has no time zone or is none.

    It has to lie from 1970 to 9999 once it is in UTC: whatever is taken can be shown, and read again.
    """
    try:
        # RFC 3339 lets T and Z be small letters; Python does not.
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    milliseconds = (moment - EPOCH) // MILLISECOND
    return milliseconds if 0 <= milliseconds <= LATEST * 1000 + 999 else None

"""Times as the API writes them."""

from datetime import UTC, datetime


def iso_8601(milliseconds: int) -> str:
    """Unix milliseconds as ISO 8601 with milliseconds: `2026-11-20T10:00:00.000Z`."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

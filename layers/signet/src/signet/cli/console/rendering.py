"""Pages out of templates: everything is escaped, and nothing is loaded from anywhere."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from signet.domain.times import find_milliseconds

FOLDER = Path(__file__).parent
SCALES = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def render(template: str, **values: object) -> bytes:
    """A page, in UTF-8; half a surrogate pair, which has no encoding, becomes a question mark."""
    return environment().get_template(template).render(values).encode("utf-8", "replace")


@cache
def asset(name: str) -> bytes:
    """A file that is handed out as it is."""
    return (FOLDER / "static" / name).read_bytes()


@cache
def environment() -> Environment:
    """What templates are read by: they refuse a name that they were not given."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"when": when, "span": span, "segment": segment, "pretty": pretty, "number": number}
    return made


def when(moment: str | int | None, now_ms: int | None = None) -> str:
    """A time for people, in UTC; with `now_ms`, how long ago or ahead it is as well.

    Args:
        moment: ISO 8601, or Unix milliseconds; None for what never was.
        now_ms: The time, in Unix milliseconds.
    """
    if moment is None or moment == "":
        return "never"
    milliseconds = find_milliseconds(moment) if isinstance(moment, str) else moment
    if milliseconds is None:
        return str(moment)
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    shown, machine = f"{at.day} {at:%b %Y, %H:%M}", f"{at:%Y-%m-%dT%H:%M:%SZ}"
    text = shown
    if now_ms is not None:
        away = (milliseconds - now_ms) / 1000
        text = "just now" if abs(away) < 1 else f"in {span(away)}" if away > 0 else f"{span(-away)} ago"
    # Both are made of digits and names of months: nothing to escape.
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(machine, shown, text)


def span(seconds: float) -> str:
    """A length of time, in the largest unit of which there are two: `90 minutes`, `2 hours`."""
    for size, name in SCALES:
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {name}s"
    return "1 second" if seconds >= 1 else "less than a second"


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def pretty(value: Mapping[str, Any]) -> str:
    """JSON for people."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def number(value: float) -> str:
    """A whole number with separators."""
    return f"{value:,.0f}"

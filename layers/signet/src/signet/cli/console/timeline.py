"""The signing keys on a time line: where each stretch of each key's life lies, in the units of an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from signet.domain.times import find_milliseconds

WIDTH = 960
LABEL = 150
"""Where the time axis begins: left of it stand the names."""
LANE = 44
TOP = 34
MARGIN = 16
APART = 110
"""How far a date has to stand from "now", so that both can be read."""
LEAST = 3.0
"""So that a moment is seen."""
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a key's life, drawn.

    Attributes:
        state: `announced`, `active`, `retired` or `revoked`.
        x: Where it begins.
        width: How long it is.
        to_come: Whether it lies ahead.
    """

    state: str
    x: float
    width: float
    to_come: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """A key's line."""

    kid: str
    y: float
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of it."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    now_x: float
    height: float


def draw(keys: Sequence[dict[str, Any]], now_ms: int) -> Timeline:
    """Lay out the keys, in their order from the top.

    Args:
        keys: As `rotate_keys` shows them.
        now_ms: The time, in Unix milliseconds.
    """
    due = max([at for key in keys if (at := _ms(key, "dueAt"))] + [now_ms + DAY_MS])
    begin = min([at for key in keys if (at := _ms(key, "createdAt"))] + [now_ms - DAY_MS])
    end = due + (due - begin) // 20
    scale = (WIDTH - LABEL - MARGIN) / (end - begin)

    def x_of(at_ms: int) -> float:
        return round(LABEL + (min(max(at_ms, begin), end) - begin) * scale, 1)

    lanes = []
    for number, key in enumerate(keys):
        stretches = []
        for state, first, last in _life(key, keys, due, end):
            # What is to come is drawn apart from what was.
            for to_come, since, until in (
                (False, first, min(last, now_ms)),
                (True, max(first, now_ms), last),
            ):
                if until > since:
                    width = max(LEAST, round(x_of(until) - x_of(since), 1))
                    stretches.append(Stretch(state, x_of(since), width, to_come))
        lanes.append(Lane(key["kid"], TOP + number * LANE, tuple(stretches)))
    now_x = x_of(now_ms)
    moments = [begin + (end - begin) * step // 4 for step in range(4)]
    ticks = tuple(Tick(x_of(at), _label(at, end - begin)) for at in moments if abs(x_of(at) - now_x) > APART)
    return Timeline(tuple(lanes), ticks, now_x, TOP + len(lanes) * LANE + MARGIN)


def _life(
    key: dict[str, Any], keys: Sequence[dict[str, Any]], due: int, end: int
) -> list[tuple[str, int, int]]:
    """A key's states, each with its beginning and its end, in Unix milliseconds.

    Args:
        key: The key.
        keys: All of them.
        due: When the active key is to be followed.
        end: Where the drawing ends.
    """
    created, ended = _ms(key, "createdAt") or 0, _ms(key, "endedAt")
    match key["state"]:
        case "active":
            signs = _ms(key, "signsFrom") or created
            parts = [("announced", created, signs), ("active", signs, due)]
        case "retired":
            # A key signs from the moment at which the one before it ends.
            before = [at for other in keys if (at := _ms(other, "endedAt")) and at < (ended or 0)]
            signs = max([created, *before])
            parts = [
                ("announced", created, signs),
                ("active", signs, ended or end),
                ("retired", ended or end, end),
            ]
        case "revoked":
            parts = [("past", created, ended or end), ("revoked", ended or end, end)]
        case state:
            parts = [(state, created, due)]
    return [(state, first, last) for state, first, last in parts if last > first]


def _label(at_ms: int, whole_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at.day} {at:%b %Y}" if whole_ms > 8 * DAY_MS else f"{at.day} {at:%b, %H:%M}"


def _ms(key: dict[str, Any], name: str) -> int | None:
    return find_milliseconds(key[name]) if name in key else None

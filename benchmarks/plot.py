"""A plot of dollars a month against monthly users, as SVG, on two logarithmic axes."""

import math
from collections.abc import Callable, Sequence
from html import escape

_SVG = "http://www.w3.org/2000/svg"
_WIDTH, _HEIGHT = 900, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 275, 20, 45
_COLOURS = (
    *("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b"),
    *("#e377c2", "#7f7f7f", "#17becf", "#bcbd22", "#ff7f0e"),
)
_USERS = (1e3, 1e7)
_DOLLARS = (1.0, 1e6)

type Line = tuple[str, Callable[[float], float]]
"""A name, and dollars a month for so many users."""


def draw(lines: Sequence[Line]) -> str:
    """The plot; the first line is the thick one."""
    parts = [
        f'<svg xmlns="{_SVG}" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for users in _decades(_USERS):
        x = _x(users)
        parts.append(f'<path d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 25}" text-anchor="middle">{users:,.0f}</text>')
    for dollars in _decades(_DOLLARS):
        y = _y(dollars)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">${dollars:,.0f}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">users a month</text>')
    for index, (name, price) in enumerate(lines):
        colour = _COLOURS[index % len(_COLOURS)]
        points = [(users, price(users)) for users in _steps()]
        path = " ".join(f"{_x(u):.1f},{_y(d):.1f}" for u, d in points if d >= _DOLLARS[0])
        width = 3 if index == 0 else 1.5
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
        y = _TOP + 14 + 20 * index
        x = _WIDTH - _RIGHT + 14
        parts.append(f'<path d="M{x} {y - 4}h18" stroke="{colour}" stroke-width="{width}"/>')
        parts.append(f'<text x="{x + 24}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _decades(bounds: tuple[float, float]) -> list[float]:
    low, high = (round(math.log10(bound)) for bound in bounds)
    return [10.0**power for power in range(low, high + 1)]


def _steps(count: int = 120) -> list[float]:
    low, high = map(math.log10, _USERS)
    return [10 ** (low + (high - low) * step / count) for step in range(count + 1)]


def _x(users: float) -> float:
    low, high = map(math.log10, _USERS)
    return _LEFT + (math.log10(users) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)


def _y(dollars: float) -> float:
    low, high = map(math.log10, _DOLLARS)
    part = (math.log10(min(dollars, _DOLLARS[1])) - low) / (high - low)
    return _HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM)

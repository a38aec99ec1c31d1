"""Which route a request takes, as API Gateway's HTTP API decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.sam import Route


class Router:
    """The routes, the most specific first: literal segments, then `{name}`, then `{name+}`, then `$default`.

    A path is split before it is percent-decoded, so that an encoded slash stays inside its parameter. There
    is no special treatment of HEAD or of a trailing slash, and a method that a path does not have is not
    found: API Gateway answers no 405.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(routes, key=_specificity)

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a request and its path parameters, percent-decoded; None where there is none."""
        for route in self._routes:
            if route.method not in (method, "ANY"):
                continue
            if route.path == "$default":
                return route, {}
            parameters = _parameters(route.path.split("/")[1:], path.split("/")[1:])
            if parameters is not None:
                return route, parameters
        return None


def _specificity(route: Route) -> tuple[object, ...]:
    if route.path == "$default":
        return ((3,), route.method == "ANY")
    kinds = tuple(2 if _is_greedy(part) else int(_is_parameter(part)) for part in route.path.split("/")[1:])
    return ((*kinds,), route.method == "ANY")


def _parameters(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for index, part in enumerate(pattern):
        if index >= len(segments):
            return None
        if _is_greedy(part):
            rest = "/".join(segments[index:])
            return {**values, part[1:-2]: unquote(rest)} if rest else None
        if _is_parameter(part):
            if not segments[index]:
                return None
            values[part[1:-1]] = unquote(segments[index])
        elif part != unquote(segments[index]):
            return None
    return values if len(pattern) == len(segments) else None


def _is_parameter(part: str) -> bool:
    return part.startswith("{") and part.endswith("}")


def _is_greedy(part: str) -> bool:
    return part.startswith("{") and part.endswith("+}")

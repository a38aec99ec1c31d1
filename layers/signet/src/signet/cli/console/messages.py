"""A request to the console and its answer, whichever server took it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

MAX_FIELDS = 100
"""Members of a query or a form; no page of the console sends as many."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: In upper case.
        path: As it was sent, percent-encoded.
        query: Without its `?`.
        headers: By name in lower case; the values of a repeated one are joined with commas.
        body: Its bytes.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    @property
    def parameters(self) -> dict[str, str]:
        """The members of the query; of a repeated one the last."""
        return _members(self.query)

    @property
    def form(self) -> dict[str, str]:
        """The members of the form in the body; of a repeated one the last."""
        return _members(self.body.decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def see_other(path: str) -> Response:
    """Have the browser go on to another page, by a GET."""
    return Response(303, headers={"location": path})


def _members(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return dict(pairs)

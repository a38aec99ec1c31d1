"""CORS as API Gateway's HTTP API does it from CorsConfiguration, without asking a function.

A preflight is answered for every path, with 204. An origin that is not allowed gets no CORS header at all,
and where CORS is configured, those that a function sends are dropped.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from local.messages import Response

if TYPE_CHECKING:
    from local.messages import Request
    from local.sam import Cors

ORIGINS: Final = "ALLOWED_ORIGINS"
"""The variable that stands for the template's parameter AllowedOrigins."""
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")
_PREFIX: Final = "access-control-"


def is_preflight(request: Request) -> bool:
    """Whether the request is a browser's preflight."""
    return (
        request.method == "OPTIONS" and request.header("origin") is not None and bool(asked_method(request))
    )


def asked_method(request: Request) -> str:
    """The method of the request that a preflight asks about; empty where the header is missing."""
    return request.header("access-control-request-method") or ""


def preflight(cors: Cors, request: Request) -> Response:
    """The answer to a preflight."""
    origin = _allowed_origin(cors, request)
    if origin is None:
        return Response(204, reason=_refusal(cors, request))
    headers = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": ",".join(cors.methods),
        "access-control-allow-headers": ",".join(cors.headers),
        "access-control-max-age": "" if cors.max_age is None else str(cors.max_age),
        "access-control-allow-credentials": "true" if cors.credentials else "",
    }
    return Response(204, tuple((name, value) for name, value in headers.items() if value))


def apply(cors: Cors, request: Request, response: Response) -> Response:
    """A response with the CORS headers that its request's origin is due, and no others."""
    headers = {
        "access-control-allow-origin": _allowed_origin(cors, request) or "",
        "access-control-expose-headers": ",".join(cors.exposed),
        "access-control-allow-credentials": "true" if cors.credentials else "",
    }
    reasons = [response.reason]
    if not headers["access-control-allow-origin"]:
        headers = {}
        reasons.append(_refusal(cors, request))
    kept = ((name, value) for name, value in response.headers if not name.startswith(_PREFIX))
    return replace(
        response,
        headers=(*kept, *((name, value) for name, value in headers.items() if value)),
        reason="; ".join(filter(None, reasons)),
    )


def _refusal(cors: Cors, request: Request) -> str:
    """What a page of the request's origin will not be shown, and how it would be; empty for no such page."""
    origin = request.header("origin")
    if origin is None or origin.lower() == f"http://{request.header('host')}".lower():
        return ""
    # The header is whatever somebody sent, and the log is read at a terminal.
    if not _ORIGIN.fullmatch(origin):
        return "its origin cannot be allowed: a page that lies in a file, or hides where it is from"
    allowed = ",".join((*cors.origins, origin))
    return f"a page of {origin} may not read this; to let it: make run {ORIGINS}={allowed}"


def _allowed_origin(cors: Cors, request: Request) -> str | None:
    """What access-control-allow-origin says to the request's origin; None where it is not allowed."""
    origin = request.header("origin")
    if origin is None:
        return None
    if "*" in cors.origins:
        return "*"
    allowed = origin in cors.origins or any(
        origin.startswith(scheme) and f"{scheme}*" in cors.origins for scheme in ("http://", "https://")
    )
    return origin if allowed else None

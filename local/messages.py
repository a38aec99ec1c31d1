"""A request as the gateway received it, and a response as it will be sent."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def _request_id() -> str:
    """An id of the form that API Gateway gives: 15 base64url characters and one `=`."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: as sent, upper case.
        path: as sent, still percent-encoded.
        query: as sent, without its `?`.
        headers: in order, names in lower case.
        body: its bytes.
        source_ip: the caller's address.
        protocol: such as `HTTP/1.1`.
        request_id: the gateway's own id of it.
        received_at: when it came.
    """

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"
    request_id: str = field(default_factory=_request_id)
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def header(self, name: str) -> str | None:
        """A header's values joined with commas, or None."""
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `headers` have lower-case names and may repeat `set-cookie`.

    Attributes:
        reason: what the gateway itself found wrong, for the log.
        is_page: whether it is a page of `make run`, which is no route.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reason: str = ""
    is_page: bool = False


def json_response(status: int, body: Mapping[str, object]) -> Response:
    """A JSON response."""
    return Response(
        status, (("content-type", "application/json"),), json.dumps(body, separators=(",", ":")).encode()
    )


def gateway_response(status: int, message: str, reason: str = "") -> Response:
    """A response in API Gateway's own words."""
    return replace(json_response(status, {"message": message}), reason=reason or message)


NOT_FOUND = gateway_response(404, "Not Found", "the template has no such route (docs/api.md has all)")
UNAUTHORIZED = gateway_response(401, "Unauthorized", "what the authorizer goes by is missing")
FORBIDDEN = gateway_response(403, "Forbidden", "the authorizer said no")
TOO_LARGE = gateway_response(413, "Request Entity Too Large")
INTERNAL_ERROR = gateway_response(500, "Internal Server Error")
UNAVAILABLE = gateway_response(503, "Service Unavailable")

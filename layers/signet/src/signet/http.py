"""An HTTP API request of payload format 2.0, in the form in which the adapter reads it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl

from signet.errors import InvalidRequest


@dataclass(frozen=True, slots=True, eq=False)
class HttpRequest:
    """What a client sent, and what API Gateway found out about it.

    Attributes:
        method: In upper case.
        path: As it was sent, percent-decoded.
        path_parameters: The values of the route's variables, percent-decoded.
        query: The query parameters; of one that came twice, the last.
        headers: By lower-case name.
        raw_body: As it stands in the event.
        is_base64: Whether `raw_body` is in base64.
        request_id: API Gateway's id of the request.
        is_signed: Whether API Gateway has verified an IAM signature (SigV4).
        authorizer: What a Lambda authorizer has handed on; empty where the route has none.
    """

    method: str
    path: str
    path_parameters: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    raw_body: str
    is_base64: bool
    request_id: str
    is_signed: bool
    authorizer: dict[str, Any]

    @classmethod
    def find(cls, event: Mapping[str, Any]) -> Self | None:
        """The request in the event, or None where the event is no HTTP API 2.0 request."""
        context = event.get("requestContext")
        if event.get("version") != "2.0" or not isinstance(context, dict) or "http" not in context:
            return None
        authorizer = context.get("authorizer") or {}
        return cls(
            method=context["http"]["method"].upper(),
            path=event["rawPath"],
            path_parameters=dict(event.get("pathParameters") or {}),
            query=dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)),
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            raw_body=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
            request_id=context["requestId"],
            is_signed="iam" in authorizer,
            authorizer=authorizer.get("lambda") or {},
        )

    def body(self) -> bytes:
        """The body's bytes.

        Raises:
            InvalidRequest: The event says base64, and it is not.
        """
        if not self.is_base64:
            # API Gateway passes a text body on as it came; a lone surrogate can only be a forged event.
            return self.raw_body.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(self.raw_body, validate=True)
        except (ValueError, binascii.Error):
            raise InvalidRequest.of("", "The body is not valid base64.") from None

    def basic_credentials(self) -> tuple[str, str] | None:
        """User name and password of HTTP Basic (RFC 7617), or None where there are none."""
        encoded = self._authorization("basic")
        if encoded is None:
            return None
        try:
            text = base64.b64decode(encoded, validate=True).decode("utf-8")
        except (ValueError, binascii.Error):
            return None
        user_name, colon, password = text.partition(":")
        return (user_name, password) if colon else None

    def bearer_token(self) -> str | None:
        """The bearer token (RFC 6750), or None where there is none."""
        return self._authorization("bearer")

    def _authorization(self, scheme: str) -> str | None:
        given, _, value = self.headers.get("authorization", "").partition(" ")
        return (value.strip() or None) if given.lower() == scheme else None

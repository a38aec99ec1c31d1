"""An HTTP API request of payload format 2.0, in the form in which the adapter reads it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl

from signet.errors import InvalidRequest, RequestTooLarge


def as_text(value: object) -> str:
    """A text of an event; empty where there is none, or something else."""
    return value if isinstance(value, str) else ""


def as_dict(value: object) -> dict[str, Any]:
    """An object of an event; empty where there is none, or something else."""
    return value if isinstance(value, dict) else {}


def texts(value: object) -> dict[str, str]:
    """The texts of an object of an event, by their names."""
    return {name: text for name, text in as_dict(value).items() if isinstance(text, str)}


def parse_query(raw_query: str) -> dict[str, str]:
    """The parameters of a query string, percent-decoded; of one that came twice, the last. Total."""
    return dict(parse_qsl(raw_query, keep_blank_values=True))


def too_large(limit: int) -> RequestTooLarge:
    """The refusal of a body that is longer than is taken."""
    return RequestTooLarge(f"The body has more than {limit} bytes, which are taken at most.")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a client sent, and what API Gateway found out about it.

    Attributes:
        method: In upper case.
        route_key: The route that it took, such as `POST /v1/identify`. A path would have before it what an
            API mapping or a stage puts there.
        path_parameters: The values of the route's variables, percent-decoded.
        raw_query: The query string, as it was sent.
        headers: By lower-case name.
        raw_body: As it stands in the event.
        is_base64: Whether `raw_body` is in base64.
        request_id: API Gateway's id of the request.
        source_ip: The address that it came from, as API Gateway saw it; empty where the event has none.
        is_signed: Whether API Gateway has verified an IAM signature (SigV4).
        authorizer: What a Lambda authorizer has handed on; empty where the route has none.
    """

    method: str
    route_key: str
    path_parameters: dict[str, str]
    raw_query: str
    headers: dict[str, str]
    raw_body: str
    is_base64: bool
    request_id: str
    source_ip: str
    is_signed: bool
    authorizer: dict[str, Any]

    @classmethod
    def find(cls, event: Mapping[str, Any]) -> Self | None:
        """The request in the event, or None where the event is no HTTP API 2.0 request."""
        match event:
            case {
                "version": "2.0",
                "routeKey": str(route_key),
                "requestContext": {
                    "http": {"method": str(method), **connection},
                    "requestId": str(request_id),
                },
            }:
                authorizer = as_dict(event["requestContext"].get("authorizer"))
                return cls(
                    method=method.upper(),
                    route_key=route_key,
                    path_parameters=texts(event.get("pathParameters")),
                    raw_query=as_text(event.get("rawQueryString")),
                    headers={name.lower(): value for name, value in texts(event.get("headers")).items()},
                    raw_body=as_text(event.get("body")),
                    is_base64=bool(event.get("isBase64Encoded")),
                    request_id=request_id,
                    source_ip=as_text(connection.get("sourceIp")),
                    is_signed="iam" in authorizer,
                    authorizer=as_dict(authorizer.get("lambda")),
                )
        return None

    @property
    def query(self) -> dict[str, str]:
        """The query parameters, percent-decoded; of one that came twice, the last."""
        return parse_query(self.raw_query)

    def body(self, limit: int) -> bytes:
        """The body's bytes.

        Args:
            limit: How many there may be. More are not even decoded.

        Raises:
            RequestTooLarge: There are more.
            InvalidRequest: The event says base64, and it is not.
        """
        if len(self.raw_body) > (-(-limit // 3) * 4 if self.is_base64 else limit):
            raise too_large(limit)
        if self.is_base64:
            try:
                body = base64.b64decode(self.raw_body, validate=True)
            except (ValueError, binascii.Error):
                raise InvalidRequest.of("", "The body is not valid base64.") from None
        else:
            # API Gateway passes a text body on as it came; a lone surrogate can only be a forged event.
            body = self.raw_body.encode("utf-8", "surrogatepass")
        if len(body) > limit:
            raise too_large(limit)
        return body

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

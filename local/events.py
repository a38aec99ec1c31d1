"""A request as the event that a function gets: HTTP API, payload format 2.0.

Where AWS's documents are silent, this follows what others have recorded of live HTTP APIs:

- `rawPath` and `requestContext.http.path` are percent-decoded, whatever the name says (those of REST APIs and
  function URLs are not); `rawQueryString` is as sent.
- A body is text only for `text/*`, `application/json`, `application/javascript` and `application/xml`.
  Everything else is base64: a form too, and a body without a content type.
- Cookies stand in `cookies` and no longer among the headers.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from local.sam import ACCOUNT, API_ID, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.messages import Request
    from local.sam import Authorizer, Route

_TEXT: Final = re.compile(r"text/.+|application/(json|javascript|xml)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def build(
    request: Request,
    route: Route,
    parameters: Mapping[str, str],
    authorizer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The event for a route's function.

    Args:
        request: what came.
        route: the route that it takes.
        parameters: the path's, percent-decoded.
        authorizer: what becomes `requestContext.authorizer`; None where the route has no authorizer.
    """
    event = _common(request, route, parameters)
    if authorizer is not None:
        event["requestContext"]["authorizer"] = dict(authorizer)
    if request.body:
        text = _as_text(request)
        event["body"] = base64.b64encode(request.body).decode() if text is None else text
        event["isBase64Encoded"] = text is None
    else:
        event["isBase64Encoded"] = False
    return event


def build_authorizer(
    request: Request,
    route: Route,
    parameters: Mapping[str, str],
    sources: list[str] | None,
) -> dict[str, Any]:
    """The event for a Lambda authorizer; `sources` are the identity sources' values, None if it has none."""
    event = _common(request, route, parameters)
    return {
        **event,
        "type": "REQUEST",
        "routeArn": (
            f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/$default/{request.method}{unquote(request.path)}"
        ),
        "identitySource": sources,
    }


def identity_sources(authorizer: Authorizer, request: Request) -> list[str] | None:
    """The values of an authorizer's identity sources; None where one of them is missing or empty."""
    query = _query(request)
    values: list[str] = []
    for source in authorizer.identity_sources:
        place, _, name = source.removeprefix("$").removeprefix("request.").partition(".")
        value: object
        if place == "header":
            value = request.header(name.lower())
        elif place == "querystring":
            value = query.get(name)
        else:
            value = {"httpMethod": request.method, "path": unquote(request.path)}.get(name)
        if not value:
            return None
        values.append(str(value))
    return values


def _common(request: Request, route: Route, parameters: Mapping[str, str]) -> dict[str, Any]:
    path = unquote(request.path)
    host = (request.header("host") or "").rsplit(":", 1)[0]
    moment = request.received_at
    cookies = [
        cookie.strip()
        for name, value in request.headers
        if name == "cookie"
        for cookie in value.split(";")
        if cookie.strip()
    ]
    query = _query(request)
    event: dict[str, Any] = {"version": "2.0", "routeKey": route.key, "rawPath": path}
    event["rawQueryString"] = request.query
    if cookies:
        event["cookies"] = cookies
    event["headers"] = _headers(request)
    if query:
        event["queryStringParameters"] = query
    event["requestContext"] = {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": host,
        "domainPrefix": host.split(".")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": request.request_id,
        "routeKey": route.key,
        "stage": "$default",
        # Not strftime's %b, which follows the locale.
        "time": f"{moment:%d}/{_MONTHS[moment.month - 1]}/{moment:%Y:%H:%M:%S} +0000",
        "timeEpoch": int(moment.timestamp() * 1000),
    }
    if parameters:
        event["pathParameters"] = dict(parameters)
    return event


def _headers(request: Request) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in request.headers:
        if name != "cookie":
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    forwarded = joined.get("x-forwarded-for")
    joined["x-forwarded-for"] = f"{forwarded}, {request.source_ip}" if forwarded else request.source_ip
    joined["x-forwarded-proto"] = "http"
    joined["x-forwarded-port"] = (joined.get("host", "").partition(":")[2]) or "80"
    return joined


def _query(request: Request) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _as_text(request: Request) -> str | None:
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if not _TEXT.fullmatch(media_type):
        return None
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        return None

"""The adapter of the Lambda authorizer: payload format 2.0 with simple responses.

Source: "Control access to HTTP APIs with AWS Lambda authorizers" of the API Gateway guide.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from signet import deadline, wiring
from signet.applications import APPLICATION_ID
from signet.errors import SignetError, TokenInvalid, Unavailable, UnsupportedEvent
from signet.operation import Handler
from signet.record import LambdaContext, Record
from signet.times import iso_8601

MAX_CONTEXT_BYTES = 6 * 1024
"""Of `experience`, in JSON: what API Gateway hands on must stay far from its own limits."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""RFC 9110 section 9.2.1: methods that change nothing, so that a forged request does no harm."""

PARAMETER = "authorization"
"""The name of the query parameter and of the cookie that may hold the token."""


@dataclass(frozen=True, slots=True, eq=False)
class AuthorizerRequest:
    """What API Gateway asks an authorizer about.

    Attributes:
        method: In upper case.
        host: The API's own host name.
        headers: By lower-case name.
        query: The query parameters.
        cookies: Each as `name=value`.
        path_parameters: The values of the route's variables.
        request_id: API Gateway's id of the request.
    """

    method: str
    host: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    cookies: tuple[str, ...]
    path_parameters: Mapping[str, str]
    request_id: str

    @classmethod
    def of(cls, event: object) -> "AuthorizerRequest":
        """The request in the event.

        Raises:
            UnsupportedEvent: It is no authorizer event of payload format 2.0.
        """
        if not isinstance(event, dict) or event.get("version") != "2.0" or event.get("type") != "REQUEST":
            message = "This event is no authorizer request of payload format 2.0."
            raise UnsupportedEvent(message)
        context = event["requestContext"]
        return cls(
            method=context["http"]["method"].upper(),
            host=context.get("domainName", ""),
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            query=dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)),
            cookies=tuple(event.get("cookies") or ()),
            path_parameters=event.get("pathParameters") or {},
            request_id=context["requestId"],
        )

    def token(self) -> str | None:
        """The token: in the header, else in the query, else in the cookie.

        The first place that has one decides; a wrong token there is not made good by another one.
        """
        scheme, _, credentials = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and credentials.strip():
            return credentials.strip()
        if self.query.get(PARAMETER):
            return self.query[PARAMETER]
        return self._cookie() if self._may_use_cookie() else None

    def _cookie(self) -> str | None:
        for cookie in self.cookies:
            name, _, value = cookie.partition("=")
            if name.strip() == PARAMETER:
                return value.strip().strip('"') or None
        return None

    def _may_use_cookie(self) -> bool:
        """Whether the cookie was sent on purpose: a browser adds it to requests of foreign pages too."""
        if self.method in SAFE_METHODS:
            return True
        site = self.headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "same-site")
        origin = self.headers.get("origin")
        return origin is not None and urlsplit(origin).hostname == self.host.partition(":")[0] != ""

    def application_id(self, own: str | None) -> str | None:
        """The application whose users are let in: this instance's own, and the path's where it names one."""
        named = self.path_parameters.get("applicationId")
        if own is not None and named is not None and own != named:
            return None
        return own or named


def authorizer(name: str) -> Handler:
    """Make a Lambda authorizer that lets users with a valid session token in.

    Whatever goes wrong, nobody comes in: a refusal is answered as one, and an outage is raised, which
    API Gateway answers with 500 and never caches.

    Args:
        name: The function's name: its folder's, and its metrics' `service`.
    """

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        record = Record(name, context.aws_request_id, context)
        try:
            request = AuthorizerRequest.of(event)
            record.request_id = request.request_id
            with deadline.within(context.get_remaining_time_in_millis()):
                experience = _experience(request, record)
        except Unavailable as error:
            record.refused(error, None)
            raise
        except SignetError as error:
            record.refused(error, 403)
            return {"isAuthorized": False}
        except Exception as error:
            record.failed(error, None)
            raise
        record.succeeded(200)
        return {"isAuthorized": True, "context": {"experience": experience}}

    return handler


def _experience(request: AuthorizerRequest, record: Record) -> dict[str, Any]:
    from signet.store.groups import find_groups
    from signet.user_view import view_user

    application_id = request.application_id(wiring.settings().application_id)
    text = request.token()
    if application_id is None or not APPLICATION_ID.fullmatch(application_id) or text is None:
        message = "No token came, or not for this application."
        raise TokenInvalid(message)
    record.application_id = application_id
    application = wiring.applications().find(application_id)
    if application is None:
        message = "There is no such application."
        raise TokenInvalid(message)
    token, user = wiring.verifier().verify_session(text, application, record.now_ms // 1000)
    groups = find_groups(wiring.table(), application_id, user.group_ids) if user.group_ids else {}
    return _within_limit(
        {
            "user": view_user(application_id, user, groups),
            "authInfo": {
                "issuedAt": iso_8601(token.issued_at * 1000),
                "expiresAt": None if token.expires_at is None else iso_8601(token.expires_at * 1000),
                "extraData": token.extra_data,
            },
        }
    )


def _within_limit(experience: dict[str, Any]) -> dict[str, Any]:
    """Leave out groups, then tags, where all of it would be too large, and say so."""
    for name in ("experienceGroups", "userTags"):
        if len(json.dumps(experience, ensure_ascii=False).encode()) <= MAX_CONTEXT_BYTES:
            return experience
        user = {key: value for key, value in experience["user"].items() if key != name}
        experience = {**experience, "user": user, "partial": True}
    return experience

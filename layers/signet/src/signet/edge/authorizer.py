"""The adapter of the Lambda authorizer: payload format 2.0 with simple responses.

Source: "Control access to HTTP APIs with AWS Lambda authorizers" of the API Gateway guide.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from signet import deadline, wiring
from signet.domain.ids import find_id
from signet.domain.times import iso_8601
from signet.edge.http import as_text, parse_query, texts
from signet.edge.operation import Handler
from signet.edge.record import Record, make_logger
from signet.edge.user_view import view_user
from signet.errors import PermissionDenied, SignetError, TokenInvalid, Unavailable, UnsupportedEvent
from signet.usecases.memberships import groups_of
from signet.usecases.verifier import Verifier  # noqa: F401 - in the init phase, which has a whole processor

MAX_CONTEXT_BYTES = 6 * 1024
"""Of `experience`, as Lambda sends it: what API Gateway hands on must stay far from its own limits."""

GIVES_WAY = (
    ("user", ("firstName", "lastName", "avatarUrl", "profile")),
    ("user", ("experienceGroups",)),
    ("authInfo", ("extraData",)),
    ("user", ("userTags",)),
)
"""What is left out where all of it would be too large, in this order: what a user writes about itself must
not displace what others say of it. The operator's tags may be 32 KB, so that they go last, and whole."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""RFC 9110 section 9.2.1: methods that change nothing, so that a forged request does no harm."""

ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII)
"""RFC 6454 section 6.2, of the schemes that can be the API's own."""

PORTS = {"http": "80", "https": "443"}

PLACES = "in the header, the query or, on purpose, the cookie"

PARAMETER = "authorization"
"""The name of the query parameter and of the cookie that may hold the token."""


@dataclass(frozen=True, slots=True)
class AuthorizerRequest:
    """What API Gateway asks an authorizer about.

    Attributes:
        method: In upper case.
        origin: The API's own origin: scheme, host and port.
        headers: By lower-case name.
        raw_query: The query string, as it was sent.
        cookies: Each as `name=value`.
        path_parameters: The values of the route's variables.
        request_id: API Gateway's id of the request.
    """

    method: str
    origin: tuple[str, str, str] | None
    headers: Mapping[str, str]
    raw_query: str
    cookies: tuple[str, ...]
    path_parameters: Mapping[str, str]
    request_id: str

    @classmethod
    def of(cls, event: Any) -> "AuthorizerRequest":
        """The request in the event.

        Raises:
            UnsupportedEvent: It is no authorizer event of payload format 2.0.
        """
        match event:
            case {
                "version": "2.0",
                "type": "REQUEST",
                "requestContext": {"http": {"method": str(method)}, "requestId": str(request_id)},
            }:
                headers = {name.lower(): value for name, value in texts(event.get("headers")).items()}
                # API Gateway sets both headers itself; the domain name has no port.
                scheme = headers.get("x-forwarded-proto", "https")
                port = headers.get("x-forwarded-port", "")
                host = as_text(event["requestContext"].get("domainName"))
                cookies = event.get("cookies")
                return cls(
                    method=method.upper(),
                    origin=parse_origin(f"{scheme}://{host}" + (f":{port}" if port else "")),
                    headers=headers,
                    raw_query=as_text(event.get("rawQueryString")),
                    cookies=tuple(map(as_text, cookies)) if isinstance(cookies, list) else (),
                    path_parameters=texts(event.get("pathParameters")),
                    request_id=request_id,
                )
        message = "This event is no authorizer request of payload format 2.0."
        raise UnsupportedEvent(message)

    def token(self) -> str | None:
        """The token: in the header, else in the query, else in the cookie.

        The first place that has one decides; a wrong token there is not made good by another one.
        """
        scheme, _, credentials = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and credentials.strip():
            return credentials.strip()
        in_query = parse_query(self.raw_query).get(PARAMETER)
        if in_query:
            return in_query
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
        return self.origin is not None and parse_origin(self.headers.get("origin", "")) == self.origin

    def application_id(self, own: str | None) -> str | None:
        """The application whose users are let in: this instance's own, and the path's where it names one."""
        named = self.path_parameters.get("applicationId")
        if own is not None and named is not None and find_id(own) != find_id(named):
            return None
        return find_id(own or named)


def parse_origin(text: str) -> tuple[str, str, str] | None:
    """Scheme, host and port of an origin, or None where a text is none."""
    match = ORIGIN.fullmatch(text.lower())
    return (match[1], match[2], match[3] or PORTS[match[1]]) if match else None


def authorizer(name: str) -> Handler:
    """Make a Lambda authorizer that lets users with a valid session token in.

    Whatever goes wrong, nobody comes in: a refusal is answered as one, and an outage is raised, which
    API Gateway answers with 500 and never caches.

    Args:
        name: The function's name: its folder's, and its metrics' `service`.
    """
    wiring.prepare((wiring.verifier, wiring.admitted_groups))
    logger = make_logger(name)

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        record = Record(logger, context.aws_request_id, context)
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
    application_id = request.application_id(wiring.settings().application_id)
    text = request.token()
    if application_id is None or text is None:
        message = "No token came, or not for this application."
        if text is None:
            raise TokenInvalid(message).because("token", expected=PLACES, found="none")
        own, named = wiring.settings().application_id, request.path_parameters.get("applicationId")
        found = "none" if named is None else find_id(named) or "no application's id"
        raise TokenInvalid(message).because("application", expected=own, found=found)
    record.application_id = application_id
    application = wiring.applications().find(application_id)
    if application is None:
        message = "There is no such application."
        raise TokenInvalid(message).because("application", found=application_id)
    tenant = wiring.tenant(application, record.now_ms)
    token, user = wiring.verifier().verify_session(tenant, text)
    groups = groups_of(tenant, [user])
    admitted = wiring.admitted_groups()
    if admitted is not None and not (groups and groups.keys() & admitted.find(tenant)):
        message = "The user belongs to none of the groups that are let in here, nor to one above them."
        raise PermissionDenied(message).because("groups", expected="one that is let in", found=len(groups))
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
    """Leave out what gives way, step by step, where all of it would be too large, and name it."""
    partial: list[str] = []
    for part, names in GIVES_WAY:
        if _size(experience) <= MAX_CONTEXT_BYTES:
            return experience
        missing = [name for name in names if experience[part].get(name)]
        rest = {name: value for name, value in experience[part].items() if name not in missing}
        partial += missing
        experience = {**experience, part: rest, "partial": partial}
    return experience


def _size(experience: dict[str, Any]) -> int:
    """In bytes, as Lambda's runtime sends it: UTF-8, in which it escapes two line separators alone."""
    text = json.dumps(experience, ensure_ascii=False)
    return len(text.encode()) + 3 * (text.count("\u2028") + text.count("\u2029"))

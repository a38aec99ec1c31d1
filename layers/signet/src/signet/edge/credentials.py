"""How callers say who they are: one scheme per kind of route.

A scheme only reads what came. Whether an API token is right is decided in
`signet.usecases.applications.authenticate`, the same way for all of them.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_plus

from signet.domain.applications import API_TOKEN
from signet.domain.ids import find_id
from signet.domain.strict_json import Members
from signet.edge.http import HttpRequest
from signet.errors import CredentialsMissing, CredentialsWrong, FaultKind, InvalidRequest, shown

MAX_ADDRESS = 254
"""In characters: as long as an e-mail address can be."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a caller presents.

    Attributes:
        api_token: An API token, not checked yet; None where the route takes none.
        application_id: The application that the request names, where it names one.
        actor: Who says to act, for the log. Nothing vouches for it.
    """

    api_token: str | None = field(default=None, repr=False)
    application_id: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a kind of route is guarded.

    Attributes:
        read: Finds what the caller presents. It may take members of the body for itself, where `in_body`
            lets it see them, and add fields.
        in_application: Whether the operation acts within one application; a direct invocation has to
            name it then.
        challenge: The `WWW-Authenticate` of a 401 (RFC 9110 section 11.6.1), where there is one.
        in_body: Whether something of what the caller presents may stand in the body, which has to be parsed
            first then. Everywhere else nobody's body is parsed before the caller has proved something.
        methods: Of requests whose bodies mean anything.
    """

    read: Callable[[HttpRequest, Members], Presented]
    in_application: bool
    challenge: str | None = None
    in_body: bool = False
    methods: Collection[str] = ("POST", "PATCH")


def _public(_http: HttpRequest, _members: Members) -> Presented:
    return Presented()


def _operator(http: HttpRequest, _members: Members) -> Presented:
    # API Gateway refuses unsigned requests before they come here. Should a route lose its authorizer,
    # or a function gain another trigger, this still refuses.
    if not http.is_signed:
        message = "This operation is the operator's: sign the request with IAM credentials (SigV4)."
        raise CredentialsMissing(message)
    return Presented()


def _basic_email(http: HttpRequest, _members: Members) -> Presented:
    user_name, password = http.basic_credentials() or ("", "")
    # The user name is logged. Somebody who mixes the two up must not find the token in the log.
    if "@" not in user_name or API_TOKEN.search(unquote(user_name)):
        message = (
            "Send HTTP Basic credentials: your e-mail address as the user name, the application's API"
            " token (sgt_…) as the password."
        )
        raise CredentialsMissing(message)
    return Presented(password, actor=shown(user_name, MAX_ADDRESS))


def _bearer(http: HttpRequest, _members: Members) -> Presented:
    token = http.bearer_token()
    if token is None:
        message = "Send the header `Authorization: Bearer <API token>`; an API token begins with sgt_."
        raise CredentialsMissing(message)
    return Presented(token, http.path_parameters.get("applicationId"))


def _nobody(_http: HttpRequest, _members: Members) -> Presented:
    message = "This operation is not served over HTTP; invoke its function directly."
    raise CredentialsMissing(message)


def _client(http: HttpRequest, members: Members) -> Presented:
    in_header = http.basic_credentials()
    # RFC 6749 section 3.2: what has no value counts as left out.
    client_id, secret = (members.pop(name, None) or None for name in ("client_id", "client_secret"))
    if in_header is None:
        if client_id is None or secret is None:
            message = (
                "Send the applicationId and the API token: as user name and password of HTTP Basic, or as"
                " client_id and client_secret in the form."
            )
            raise CredentialsMissing(message)
        return Presented(secret, client_id)
    if secret is not None:
        message = "comes beside HTTP Basic credentials; send one of the two (RFC 6749 section 2.3)."
        raise InvalidRequest.of("client_secret", message)
    # RFC 6749 has both form-encoded, which many clients leave out. Neither `%` nor `+` is in a good one.
    application_id, api_token = (unquote_plus(part) for part in in_header)
    if not application_id:
        message = "Send the applicationId as the user name, the API token as the password."
        raise CredentialsMissing(message)
    if find_id(application_id) is None:
        message = "The user name must be the applicationId, 24 hex digits; the password is the API token."
        raise CredentialsWrong(message)
    if client_id is not None and find_id(client_id) != find_id(application_id):
        message = "The API token is wrong: client_id names another application than the header."
        raise CredentialsWrong(message)
    return Presented(api_token, application_id)


def _named(http: HttpRequest, _members: Members) -> Presented:
    return Presented(application_id=http.path_parameters.get("applicationId", ""))


def _session(http: HttpRequest, members: Members) -> Presented:
    token = http.bearer_token()
    if token is None:
        message = "Send the header `Authorization: Bearer <session token>`."
        raise CredentialsMissing(message)
    members["token"] = token
    return Presented(application_id=http.path_parameters.get("applicationId", ""))


def _authorized(http: HttpRequest, members: Members) -> Presented:
    # Set by the authorizer in front of the route. Should the route lose it, this still refuses.
    experience = http.authorizer.get("experience")
    if not isinstance(experience, dict):
        message = "This route is for users: send a session token."
        raise CredentialsMissing(message)
    members["experience"] = experience
    return Presented()


def _velt_body(_http: HttpRequest, members: Members) -> Presented:
    return _velt(members.pop("apiKey", None), members.pop("authToken", None), "data.apiKey")


def _velt_headers(http: HttpRequest, _members: Members) -> Presented:
    return _velt(
        http.headers.get("x-velt-api-key"), http.headers.get("x-velt-auth-token"), "the header x-velt-api-key"
    )


def _velt_key(http: HttpRequest, members: Members) -> Presented:
    # Velt's own clients name the key in the body here, whatever the headers say.
    in_header, in_body = http.headers.get("x-velt-api-key"), members.pop("apiKey", None)
    api_key = in_body if in_header is None else in_header
    # An empty one is none: velt-py sends it where it was given no token.
    token = http.headers.get("x-velt-auth-token") or http.headers.get("x-velt-workspace-auth-token")
    presented = _velt(api_key, token, "data.apiKey, or the header x-velt-api-key")
    if in_body is not None and find_id(in_body) != find_id(api_key):
        message = "The API token is wrong: the body names another application than the headers."
        raise CredentialsWrong(message)
    return presented


def _velt(api_key: object, auth_token: object, key: str) -> Presented:
    if isinstance(auth_token, str) and auth_token and not api_key:
        message = f"The API key is missing: send {key}, the applicationId."
        raise InvalidRequest.of("", message, FaultKind.MISSING)
    if not isinstance(api_key, str) or not isinstance(auth_token, str) or not api_key or not auth_token:
        message = "Send the applicationId as the API key, and the API token as the auth token."
        raise CredentialsMissing(message)
    return Presented(auth_token, api_key)


def _api_key(_http: HttpRequest, members: Members) -> Presented:
    api_key = members.pop("apiKey", None)
    if not isinstance(api_key, str):
        kind = FaultKind.MISSING if api_key is None else FaultKind.INVALID
        raise InvalidRequest.of("apiKey", "is required: the applicationId.", kind)
    return Presented(application_id=api_key)


PUBLIC = Scheme(_public, in_application=False)
"""Anybody may ask; nothing belongs to an application."""

OPERATOR = Scheme(_operator, in_application=False)
"""The deployment's operator, known to IAM."""

BASIC_EMAIL = Scheme(_basic_email, in_application=True, challenge='Basic realm="signet"')
"""Gladly's: HTTP Basic with the caller's e-mail address and the API token."""

BEARER = Scheme(_bearer, in_application=True, challenge='Bearer realm="signet"')
"""Losant's: the API token as a bearer token."""

DIRECT = Scheme(_nobody, in_application=True)
"""Nobody over HTTP, even should the function be given a route: it is invoked directly alone."""

CLIENT = Scheme(_client, in_application=True, challenge='Basic realm="signet"', in_body=True)
"""OAuth's: the application's id and the API token, as HTTP Basic (as they stand, or form-encoded) or in the
form (RFC 6749 section 2.3.1)."""

NAMED = Scheme(_named, in_application=True)
"""Anybody may ask; the path names the application."""

SESSION = Scheme(
    _session,
    in_application=True,
    challenge='Bearer realm="signet"',
    methods=("POST", "PATCH", "DELETE"),
)
"""A user with a session token, which becomes the field `token`, for the operation to verify; the path names
the application. Whoever deletes itself gives its password in the body."""

AUTHORIZED = Scheme(_authorized, in_application=False, challenge='Bearer realm="signet"')
"""A user, whom the authorizer in front of the route has let in."""

VELT_BODY = Scheme(_velt_body, in_application=True, in_body=True)
"""Velt's first version: `apiKey` and `authToken` in the body."""

VELT_HEADERS = Scheme(_velt_headers, in_application=True)
"""Velt's second version: `x-velt-api-key` and `x-velt-auth-token`."""

VELT_KEY = Scheme(_velt_key, in_application=True, in_body=True)
"""Velt's for its workspace: as `VELT_HEADERS`, with `apiKey` in the body instead or as well, and the token as
the workspace's (`x-velt-workspace-auth-token`) instead: the same API token stands for both."""

API_KEY = Scheme(_api_key, in_application=True, in_body=True)
"""Anybody may ask; the body names the application, which is Velt's `apiKey`."""

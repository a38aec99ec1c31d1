"""POST /applications/{applicationId}/experience/authenticate: check a user's credentials.

Over HTTP, by direct invocation, and as a step of a workflow: Losant's *Authenticate Experience User
Node*. docs/api.md, section 5.
"""

from typing import TYPE_CHECKING, Annotated, Any, NotRequired, Self, TypedDict

from pydantic import ConfigDict, Strict, model_validator

from signet import wiring
from signet.domain.identities import load_email_validator
from signet.domain.strict_json import Members
from signet.domain.users import User
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import UNSET, ExtraData, MaxAge, RequestModel, Source
from signet.edge.operation import Call, operation
from signet.edge.user_view import UserView, view_user
from signet.errors import FaultKind, FieldFault, InvalidRequest, TooManyAttempts
from signet.usecases import authentication
from signet.usecases.authentication import Attempt, Authentication, AuthMode
from signet.usecases.memberships import groups_of, groups_once_written

if TYPE_CHECKING:
    from signet.edge.nodes.authenticate_user import AuthenticateUserRequest


def _required(name: str, modes: list[AuthMode]) -> dict[str, Any]:
    """The rule of a schema by which some modes ask for a field."""
    return {"if": {"properties": {"authMode": {"enum": modes}}}, "then": {"required": [name]}}


RULES = [
    _required("email", [mode for mode in AuthMode if mode.uses_email]),
    _required("password", [mode for mode in AuthMode if mode.uses_password]),
    _required("token", [mode for mode in AuthMode if mode.uses_token]),
    {
        "if": {
            "not": {"properties": {"authMode": {"const": AuthMode.EMAIL_PASSWORD}}},
            "properties": {"invalidateExistingTokens": {"const": False}},
        },
        "then": {"properties": {"ttl": False, "extraData": False}},
    },
]
"""What `_fits_its_mode` checks, in the words of a schema."""


class Authenticate(RequestModel):
    """The request's fields. Credentials that the mode does not name are not looked at."""

    model_config = ConfigDict(json_schema_extra={"allOf": [*RULES]})
    auth_mode: Annotated[AuthMode, Strict(strict=False)]
    email: str = UNSET
    password: str = UNSET
    token: str = UNSET
    invalidate_existing_tokens: bool = False
    return_token: bool = False
    return_user: bool = True
    ttl: MaxAge = UNSET
    extra_data: ExtraData = UNSET
    source_ip: Source = UNSET

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        mode, given = self.auth_mode, self.model_fields_set
        needed = {"email": mode.uses_email, "password": mode.uses_password, "token": mode.uses_token}
        faults = [
            FieldFault((name,), FaultKind.MISSING, f"is required with authMode {mode.value}.")
            for name, is_needed in needed.items()
            if is_needed and name not in given
        ]
        if not self.attempt.makes_token:
            lost = "would be lost: this authMode makes a new token only with invalidateExistingTokens."
            unused = {"ttl": "ttl", "extra_data": "extraData"}
            faults += [FieldFault((unused[n],), FaultKind.INVALID, lost) for n in unused if n in given]
        if faults:
            raise InvalidRequest(*faults)
        return self

    @property
    def attempt(self) -> Attempt:
        """What is presented, and what is asked for."""
        return Attempt(
            mode=self.auth_mode,
            email=self.email,
            password=self.password,
            token=self.token,
            invalidate_existing_tokens=self.invalidate_existing_tokens,
            return_token=self.return_token,
            ttl_ms=self.ttl,
            extra_data=self.extra_data,
            source=self.source_ip,
        )


class Authenticated(TypedDict):
    """The answer: whether the credentials are right, and then what was asked for."""

    authenticated: bool
    user: NotRequired[UserView]
    token: NotRequired[str]


def parse_direct(members: Members) -> "Authenticate | AuthenticateUserRequest":
    """A direct invocation: the same fields, or a workflow's node and payload."""
    if "node" not in members:
        return Authenticate.parse(members)
    # A sixth of what the function imports, and nothing that comes over HTTP needs it.
    from signet.edge.nodes.authenticate_user import AuthenticateUserRequest

    return AuthenticateUserRequest.parse(members)


@operation(
    "authenticate",
    request=Authenticate.parse,
    direct=parse_direct,
    dialect=LOSANT,
    scheme=BEARER,
    needs=(wiring.verifier, wiring.signer, wiring.password_hasher, load_email_validator),
    refuses=(TooManyAttempts,),
)
def lambda_handler(call: "Call[Authenticate | AuthenticateUserRequest]") -> Authenticated | dict[str, Any]:
    """Say whether the credentials are right; if they are, who it is, with a token if wanted."""
    tenant = call.tenant

    def authenticate(attempt: Attempt) -> Authentication | None:
        verifier, signer, hasher = wiring.verifier(), wiring.signer(), wiring.password_hasher()
        return authentication.authenticate(tenant, verifier, signer, hasher, attempt, call.warn)

    def view(user: User, attempt: Attempt) -> UserView:
        is_written = attempt.writes
        groups = groups_once_written(tenant, user, call.warn) if is_written else groups_of(tenant, [user])
        return view_user(tenant.application_id, user, groups)

    if not isinstance(call.request, Authenticate):
        from signet.edge.nodes import authenticate_user

        return authenticate_user.run(call.request, authenticate, view)
    attempt = call.request.attempt
    done = authenticate(attempt)
    if done is None:
        return {"authenticated": False}
    answer: Authenticated = {"authenticated": True}
    if call.request.return_user:
        answer["user"] = view(done.user, attempt)
    if done.token is not None:
        answer["token"] = done.token
    return answer

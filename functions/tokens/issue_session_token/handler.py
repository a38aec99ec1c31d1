"""POST /applications/{applicationId}/experience/users/{experienceUserId}/token: a token without a password.

For an application that knows by other means who the user is. docs/api.md, section 6.
"""

from signet import wiring
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import UNSET, ExtraData, MaxAge, ResponseModel
from signet.edge.fields.users import NamedUser
from signet.edge.operation import Call, operation
from signet.usecases import sessions


class IssueSessionToken(NamedUser):
    """The request's fields; the user is named by id, by `ext:…`, or by e-mail address."""

    ttl: MaxAge = UNSET
    extra_data: ExtraData = UNSET
    invalidate_existing_tokens: bool = False
    treat_as_login: bool = False


class SessionToken(ResponseModel):
    """The answer."""

    token: str


@operation("issue_session_token", request=IssueSessionToken.parse, dialect=LOSANT, scheme=BEARER)
def lambda_handler(call: Call[IssueSessionToken]) -> SessionToken:
    """Issue a session token for the user."""
    request = call.request
    token = sessions.issue_without_password(
        call.tenant,
        wiring.signer(),
        request.experience_user_id,
        ttl_ms=request.ttl,
        extra_data=request.extra_data,
        invalidate_existing_tokens=request.invalidate_existing_tokens,
        treat_as_login=request.treat_as_login,
    )
    return SessionToken(token=token)

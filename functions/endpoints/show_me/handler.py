"""GET /applications/{applicationId}/experience/me: who is logged in.

An example of a route behind the authorizer: what it hands on is all that this function needs. It reads
no table and has no permission. docs/api.md, section 8.
"""

from typing import Any, NotRequired, TypedDict, cast

from signet.edge.credentials import AUTHORIZED
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import LowerId, RequestModel
from signet.edge.operation import Call, operation
from signet.errors import CredentialsWrong


class ShowMe(RequestModel):
    """What the authorizer hands on; a direct invocation names it itself."""

    experience: dict[str, Any]
    application_id: LowerId


class AuthInfo(TypedDict):
    """What the token says besides. Dates are ISO 8601 with milliseconds."""

    issuedAt: str
    expiresAt: str | None
    extraData: NotRequired[dict[str, Any] | None]


class Experience(TypedDict):
    """The answer: what the authorizer hands on. `partial` names what did not fit."""

    user: dict[str, Any]
    authInfo: AuthInfo
    partial: NotRequired[list[str]]


@operation("show_me", request=ShowMe.parse, dialect=LOSANT, scheme=AUTHORIZED)
def lambda_handler(call: Call[ShowMe]) -> Experience:
    """Show the user and the token's data."""
    experience = call.request.experience
    user = experience.get("user")
    # The authorizer of another application, put in front by mistake, vouches for nobody here.
    if not isinstance(user, dict) or user.get("applicationId") != call.request.application_id:
        message = "This user belongs to another application than the path names."
        raise CredentialsWrong(message)
    return cast("Experience", experience)

"""POST /applications/{applicationId}/experience/users/{experienceUserId}/token: a token without a password.

For an application that knows by other means who the user is. Over HTTP, by direct invocation, and as a step
of a workflow: Losant's *Generate Token Node*. docs/api.md, section 6.
"""

from typing import TYPE_CHECKING, Any, TypedDict

from signet import wiring
from signet.domain.strict_json import Members
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import UNSET, ExtraData, MaxAge
from signet.edge.fields.users import NamedUser
from signet.edge.operation import Call, operation
from signet.usecases import sessions
from signet.usecases.sessions import Wanted

if TYPE_CHECKING:
    from signet.edge.nodes.generate_token import GenerateTokenRequest


class IssueSessionToken(NamedUser):
    """The request's fields; the user is named by id, by `ext:…`, or by e-mail address."""

    ttl: MaxAge = UNSET
    extra_data: ExtraData = UNSET
    invalidate_existing_tokens: bool = False
    treat_as_login: bool = False

    @property
    def wanted(self) -> Wanted:
        """The token that is asked for."""
        return Wanted(
            named=self.experience_user_id,
            ttl_ms=self.ttl,
            extra_data=self.extra_data,
            invalidate_existing_tokens=self.invalidate_existing_tokens,
            treat_as_login=self.treat_as_login,
        )


class SessionToken(TypedDict):
    """The answer."""

    token: str


def parse_direct(members: Members) -> "IssueSessionToken | GenerateTokenRequest":
    """A direct invocation: the same fields, or a workflow's node and payload."""
    if "node" not in members:
        return IssueSessionToken.parse(members)
    # Nothing that comes over HTTP needs it.
    from signet.edge.nodes.generate_token import GenerateTokenRequest

    return GenerateTokenRequest.parse(members)


@operation(
    "issue_session_token",
    request=IssueSessionToken.parse,
    direct=parse_direct,
    dialect=LOSANT,
    scheme=BEARER,
    needs=(wiring.signer,),
)
def lambda_handler(call: "Call[IssueSessionToken | GenerateTokenRequest]") -> SessionToken | dict[str, Any]:
    """Issue a session token for the user."""
    request = call.request

    def issue(wanted: Wanted) -> str:
        return sessions.issue_without_password(call.tenant, wiring.signer(), wanted)

    if isinstance(request, IssueSessionToken):
        return {"token": issue(request.wanted)}
    from signet.edge.nodes import generate_token

    return generate_token.run(request, issue)

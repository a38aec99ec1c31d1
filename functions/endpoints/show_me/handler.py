"""GET /applications/{applicationId}/experience/me: who is logged in.

An example of a route behind the authorizer: what it hands on is all that this function needs. It reads
no table and has no permission. docs/api.md, section 8.
"""

from typing import Any

from signet.edge.credentials import AUTHORIZED
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import LowerId, RequestModel
from signet.edge.operation import Call, operation
from signet.errors import CredentialsWrong


class ShowMe(RequestModel):
    """What the authorizer hands on; a direct invocation names it itself."""

    experience: dict[str, Any]
    application_id: LowerId


@operation("show_me", request=ShowMe.parse, dialect=LOSANT, scheme=AUTHORIZED)
def lambda_handler(call: Call[ShowMe]) -> dict[str, Any]:
    """Show the user and the token's data."""
    experience = call.request.experience
    user = experience.get("user")
    # The authorizer of another application, put in front by mistake, vouches for nobody here.
    if not isinstance(user, dict) or user.get("applicationId") != call.request.application_id:
        message = "This user belongs to another application than the path names."
        raise CredentialsWrong(message)
    return experience

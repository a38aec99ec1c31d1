"""POST /applications/{applicationId}/experience/logout: a user ends its own session token, or all.

docs/api.md, section 5.
"""

from signet import wiring
from signet.edge.credentials import SESSION
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import Success
from signet.edge.fields.tokens import PresentedToken
from signet.edge.operation import Call, operation
from signet.errors import NotOffered
from signet.usecases import ending


class LogOut(PresentedToken):
    """The request's fields."""

    everywhere: bool = False


@operation(
    "log_out",
    request=LogOut.parse,
    dialect=LOSANT,
    scheme=SESSION,
    needs=(wiring.verifier,),
    refuses=(NotOffered,),
)
def lambda_handler(call: Call[LogOut]) -> Success:
    """End the session token that came and no other, or all of the user's tokens."""
    end = ending.log_out_everywhere if call.request.everywhere else ending.log_out
    end(call.tenant, wiring.verifier(), call.request.token)
    return Success()

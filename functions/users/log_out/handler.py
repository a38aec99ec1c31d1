"""POST /applications/{applicationId}/experience/logout: a user ends its own session token.

docs/api.md, section 5.
"""

from signet import wiring
from signet.edge.credentials import SESSION
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import Success
from signet.edge.fields.tokens import PresentedToken
from signet.edge.operation import Call, operation
from signet.usecases import ending


@operation("log_out", request=PresentedToken.parse, dialect=LOSANT, scheme=SESSION, needs=(wiring.verifier,))
def lambda_handler(call: Call[PresentedToken]) -> Success:
    """End the session token that came, and no other."""
    ending.log_out(call.tenant, wiring.verifier(), call.request.token)
    return Success()

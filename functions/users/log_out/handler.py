"""POST /applications/{applicationId}/experience/logout: a user ends its own session token.

docs/api.md, section 5.
"""

from signet import wiring
from signet.accounts.ending import log_out
from signet.credentials import SESSION
from signet.dialects.losant import LOSANT
from signet.models import Success
from signet.operation import Call, operation
from signet.token_models import PresentedToken


@operation("log_out", request=PresentedToken.parse, dialect=LOSANT, scheme=SESSION)
def lambda_handler(call: Call[PresentedToken]) -> Success:
    """End the session token that came, and no other."""
    log_out(wiring.table(), wiring.verifier(), call.application, call.request.token, call.now)
    return Success()

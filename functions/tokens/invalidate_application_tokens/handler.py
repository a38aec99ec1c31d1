"""POST /applications/{applicationId}/experience/invalidate-tokens: end the tokens of all users.

Seen everywhere within the application's published bound. docs/api.md, section 6.
"""

from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import Success
from signet.edge.operation import Call, no_fields, operation
from signet.usecases import invalidation


@operation(
    "invalidate_application_tokens", request=no_fields, dialect=LOSANT, scheme=BEARER, takes_events=True
)
def lambda_handler(call: Call[None]) -> Success:
    """End all tokens of the application, identity tokens included."""
    invalidation.invalidate_application_tokens(call.tenant)
    return Success()

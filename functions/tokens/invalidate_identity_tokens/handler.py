"""POST /applications/{applicationId}/identities/invalidate-tokens (docs/api.md, section 3)."""

from signet.domain.identities import load_email_validator
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.identities import IdentityFields
from signet.edge.fields.model import Success
from signet.edge.operation import Call, operation
from signet.usecases import invalidation


@operation(
    "invalidate_identity_tokens",
    request=IdentityFields.parse,
    dialect=LOSANT,
    scheme=BEARER,
    takes_events=True,
    needs=(load_email_validator,),
)
def lambda_handler(call: Call[IdentityFields]) -> Success:
    """End all tokens that the identity has."""
    invalidation.invalidate_identity_tokens(call.tenant, call.request.subject)
    return Success()

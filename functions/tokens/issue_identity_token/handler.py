"""POST /api/v1/user-identity-jwt: Gladly's *Create User Identity JWT* (docs/api.md, section 3)."""

from signet import wiring
from signet.domain.identities import load_email_validator
from signet.edge.credentials import BASIC_EMAIL
from signet.edge.dialects.gladly import GLADLY
from signet.edge.fields.identities import IdentityFields
from signet.edge.fields.model import ResponseModel
from signet.edge.operation import Call, operation
from signet.usecases import identity_tokens


class IdentityToken(ResponseModel):
    """The answer."""

    token: str


@operation(
    "issue_identity_token",
    request=IdentityFields.parse,
    dialect=GLADLY,
    scheme=BASIC_EMAIL,
    needs=(wiring.signer, load_email_validator),
)
def lambda_handler(call: Call[IdentityFields]) -> IdentityToken:
    """Issue an identity token for an e-mail address or a phone number."""
    token = identity_tokens.issue_identity_token(call.tenant, wiring.signer(), call.request.subject)
    return IdentityToken(token=token)

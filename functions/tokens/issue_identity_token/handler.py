"""POST /api/v1/user-identity-jwt: Gladly's *Create User Identity JWT* (docs/api.md, section 3)."""

from signet import wiring
from signet.accounts import identity_tokens
from signet.credentials import BASIC_EMAIL
from signet.dialects.gladly import GLADLY
from signet.identity_models import IdentityFields
from signet.models import ResponseModel
from signet.operation import Call, operation


class IdentityToken(ResponseModel):
    """The answer."""

    token: str


@operation("issue_identity_token", request=IdentityFields.parse, dialect=GLADLY, scheme=BASIC_EMAIL)
def lambda_handler(call: Call[IdentityFields]) -> IdentityToken:
    """Issue an identity token for an e-mail address or a phone number."""
    token = identity_tokens.issue_identity_token(
        wiring.table(), wiring.signer(), call.application, call.request.subject, call.now
    )
    return IdentityToken(token=token)

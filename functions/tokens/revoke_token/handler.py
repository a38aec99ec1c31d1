"""POST /oauth2/revoke: end one token (RFC 7009; docs/api.md, section 7)."""

from typing import TypedDict

from signet import wiring
from signet.edge.credentials import CLIENT
from signet.edge.dialects.oauth import OAUTH
from signet.edge.fields.tokens import PresentedToken, parse_parameters
from signet.edge.forms import parse_form
from signet.edge.operation import Call, operation
from signet.errors import UnsupportedTokenType
from signet.usecases import ending


class Revoked(TypedDict):
    """The answer: it says nothing."""


@operation(
    "revoke_token",
    request=parse_parameters,
    direct=PresentedToken.parse,
    parse=parse_form,
    dialect=OAUTH,
    scheme=CLIENT,
    needs=(wiring.verifier,),
    refuses=(UnsupportedTokenType,),
)
def lambda_handler(call: Call[PresentedToken]) -> Revoked:
    """End a session or user token of this application; of any other the answer tells nothing."""
    ending.revoke(call.tenant, wiring.verifier(), call.request.token)
    return {}

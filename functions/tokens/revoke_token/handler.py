"""POST /oauth2/revoke: end one token (RFC 7009; docs/api.md, section 7)."""

from typing import Any

from signet import wiring
from signet.edge.credentials import CLIENT
from signet.edge.dialects.oauth import OAUTH
from signet.edge.fields.tokens import PresentedToken, parse_parameters
from signet.edge.forms import parse_form
from signet.edge.operation import Call, operation
from signet.usecases import ending


@operation(
    "revoke_token",
    request=parse_parameters,
    direct=PresentedToken.parse,
    parse=parse_form,
    dialect=OAUTH,
    scheme=CLIENT,
    needs=(wiring.verifier,),
)
def lambda_handler(call: Call[PresentedToken]) -> dict[str, Any]:
    """End a session or user token of this application; of any other the answer tells nothing."""
    ending.revoke(call.tenant, wiring.verifier(), call.request.token)
    return {}

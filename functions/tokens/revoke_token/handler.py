"""POST /oauth2/revoke: end one token (RFC 7009; docs/api.md, section 7)."""

from typing import Any

from signet import wiring
from signet.accounts.ending import revoke
from signet.credentials import BASIC_APPLICATION
from signet.dialects.oauth import OAUTH
from signet.form_body import parse_form
from signet.operation import Call, operation
from signet.token_models import PresentedToken, parse_parameters


@operation(
    "revoke_token",
    request=parse_parameters,
    direct=PresentedToken.parse,
    parse=parse_form,
    dialect=OAUTH,
    scheme=BASIC_APPLICATION,
)
def lambda_handler(call: Call[PresentedToken]) -> dict[str, Any]:
    """End a session or user token of this application; of any other the answer tells nothing."""
    revoke(wiring.table(), wiring.verifier(), call.application, call.request.token, call.now)
    return {}

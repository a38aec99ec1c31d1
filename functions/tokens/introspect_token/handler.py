"""POST /oauth2/introspect: whether a token is good now (RFC 7662; docs/api.md, section 7)."""

from typing import Any, Required, TypedDict, cast

from signet import wiring
from signet.domain.permissions import live_claims
from signet.edge.credentials import CLIENT
from signet.edge.dialects.oauth import OAUTH
from signet.edge.fields.tokens import PresentedToken, parse_parameters
from signet.edge.forms import parse_form
from signet.edge.operation import Call, operation
from signet.errors import TokenRefused, note


class Introspection(TypedDict, total=False):
    """The answer: of a good token its claims besides, of which these are there always or often."""

    active: Required[bool]
    iss: str
    aud: str
    sub: str
    iat: int
    exp: int
    jti: str
    gen: int
    agen: int
    identity_type: str
    email: str
    phone_number: str
    name: str
    picture: str
    is_admin: bool
    organization_id: str
    permissions: dict[str, Any]
    ext: dict[str, Any]
    sid: str
    auth_time: int
    amr: list[str]
    session_exp: int


@operation(
    "introspect_token",
    request=parse_parameters,
    direct=PresentedToken.parse,
    parse=parse_form,
    dialect=OAUTH,
    scheme=CLIENT,
    needs=(wiring.verifier,),
)
def lambda_handler(call: Call[PresentedToken]) -> Introspection:
    """Give the claims of a token of this application that is good, whatever its kind."""
    try:
        token = wiring.verifier().verify_any(call.tenant, call.request.token)
    except TokenRefused as refusal:
        note(refusal.reason)
        # It says no more: why is not for the bearer of somebody else's token to learn.
        return {"active": False}
    return cast("Introspection", {"active": True, **live_claims(token.claims, call.now)})

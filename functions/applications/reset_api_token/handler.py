"""POST /v2/workspace/authtoken/reset: a new API token, shown this once (docs/api.md, section 10)."""

from typing import Annotated

from pydantic import Field

from signet import wiring
from signet.edge.credentials import VELT_KEY
from signet.edge.dialects.velt import velt
from signet.edge.fields.applications import ApiTokenView
from signet.edge.fields.model import WHOLE, RequestModel, ResponseModel
from signet.edge.operation import Call, operation
from signet.errors import ApplicationNotFound
from signet.usecases import applications

DEFAULT_GRACE = 3600
MAX_GRACE = 7 * 86_400


class ResetApiToken(RequestModel):
    """The request's fields."""

    grace_period_seconds: Annotated[
        int,
        Field(ge=0, le=MAX_GRACE, description="a whole number of seconds from 0 up to 7 days, such as 3600"),
        WHOLE,
    ] = DEFAULT_GRACE


class NewApiToken(ApiTokenView):
    """The new API token: no other answer ever holds it."""

    token: str


class ResetTokens(ResponseModel):
    """The answer."""

    api_key: str
    new_auth_token: NewApiToken


@operation(
    "reset_api_token",
    request=ResetApiToken.parse,
    dialect=velt("Auth token reset successfully.", version=2, body_optional=True),
    scheme=VELT_KEY,
    refuses=(ApplicationNotFound,),
)
def lambda_handler(call: Call[ResetApiToken]) -> ResetTokens:
    """Make a new API token; the newest one so far lives on for the grace, an older one ends."""
    grace_ms = call.request.grace_period_seconds * 1000
    application, api_token = applications.reset_api_token(call.tenant, grace_ms, caller=call.api_token)
    wiring.applications().forget(application.id)
    shown = NewApiToken.of(application.api_tokens[-1], token=api_token.secret)
    return ResetTokens(api_key=application.id, new_auth_token=shown)

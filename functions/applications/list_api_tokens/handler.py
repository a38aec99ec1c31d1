"""POST /v2/workspace/authtokens/get: an application's live API tokens (docs/api.md, section 10)."""

from signet.edge.credentials import VELT_KEY
from signet.edge.dialects.velt import velt
from signet.edge.fields.applications import ApiTokenView
from signet.edge.fields.model import ResponseModel
from signet.edge.operation import Call, no_fields, operation
from signet.errors import ApplicationNotFound
from signet.usecases import applications


class ApiTokens(ResponseModel):
    """The answer: the newest token stands last."""

    api_key: str
    auth_tokens: list[ApiTokenView]


@operation(
    "list_api_tokens",
    request=no_fields,
    dialect=velt("Auth tokens retrieved successfully.", version=2, body_optional=True),
    scheme=VELT_KEY,
    refuses=(ApplicationNotFound,),
)
def lambda_handler(call: Call[None]) -> ApiTokens:
    """Show the prefixes and dates of the tokens; the tokens themselves are not stored."""
    tokens = applications.live_api_tokens(call.tenant)
    return ApiTokens(
        api_key=call.tenant.application_id, auth_tokens=[ApiTokenView.of(token) for token in tokens]
    )

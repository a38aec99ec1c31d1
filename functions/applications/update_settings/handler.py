"""POST /v2/workspace/apikeyconfig/update: whether users need a token (docs/api.md, section 10)."""

from signet.edge.credentials import VELT_HEADERS
from signet.edge.dialects.velt import velt
from signet.edge.fields.model import RequestModel, ResponseModel
from signet.edge.operation import Call, operation
from signet.usecases import applications


class UpdateSettings(RequestModel):
    """The request's fields: of an application's settings the one that its own API token may change."""

    require_jwt_token: bool


class Settings(ResponseModel):
    """The answer: what the settings are now."""

    require_jwt_token: bool


@operation(
    "update_settings",
    request=UpdateSettings.parse,
    dialect=velt("API key configuration updated successfully.", version=2),
    scheme=VELT_HEADERS,
)
def lambda_handler(call: Call[UpdateSettings]) -> Settings:
    """Set whether `identify` demands a user token."""
    application = applications.change_settings(call.tenant, call.request.model_dump())
    return Settings(require_jwt_token=application.require_jwt_token)

"""POST /v2/workspace/apikeyconfig/get: an application's settings (docs/api.md, section 10)."""

from signet.edge.credentials import VELT_KEY
from signet.edge.dialects.velt import velt
from signet.edge.fields.model import ResponseModel
from signet.edge.operation import Call, no_fields, operation
from signet.errors import ApplicationNotFound
from signet.usecases import applications


class Settings(ResponseModel):
    """The answer: of Velt's settings those that are here. Comments are not, so none are private."""

    require_jwt_token: bool
    is_private_comments_enabled: bool = False


@operation(
    "get_settings",
    request=no_fields,
    dialect=velt("API key metadata retrieved successfully.", version=2, body_optional=True),
    scheme=VELT_KEY,
    refuses=(ApplicationNotFound,),
)
def lambda_handler(call: Call[None]) -> Settings:
    """Show the settings as they are in the table: who has just changed one looks here whether it is so."""
    application = applications.read_application(call.tenant.table, call.tenant.application_id)
    return Settings(require_jwt_token=application.require_jwt_token)

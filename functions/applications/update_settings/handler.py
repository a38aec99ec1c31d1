"""POST /v2/workspace/apikeyconfig/update: whether users need a token (docs/api.md, section 10)."""

from typing import Any, Self, TypedDict

from pydantic import ConfigDict, model_validator

from signet.edge.credentials import VELT_KEY
from signet.edge.dialects.velt import velt
from signet.edge.fields.model import UNSET, RequestModel
from signet.edge.operation import Call, operation
from signet.errors import ApplicationNotFound, FaultKind, InvalidRequest
from signet.usecases import applications

EITHER: list[Any] = [{"required": ["requireJwtToken"]}, {"required": ["enablePrivateComments"]}]
"""What `_says_something` checks, in the words of a schema."""


class UpdateSettings(RequestModel):
    """The request's fields: of an application's settings the one that its own API token may change.

    Attributes:
        require_jwt_token: Whether `identify` demands a user token.
        enable_private_comments: Velt's; it has no meaning here, and changes nothing.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [*EITHER]})
    require_jwt_token: bool = UNSET
    enable_private_comments: bool = UNSET

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise InvalidRequest.of("requireJwtToken", "is required.", FaultKind.MISSING)
        return self


class ChangedSettings(TypedDict, total=False):
    """The answer: the settings that were sent, as they are now."""

    requireJwtToken: bool
    enablePrivateComments: bool


@operation(
    "update_settings",
    request=UpdateSettings.parse,
    dialect=velt("API key configuration updated successfully.", version=2),
    scheme=VELT_KEY,
    refuses=(ApplicationNotFound,),
)
def lambda_handler(call: Call[UpdateSettings]) -> ChangedSettings:
    """Set whether `identify` demands a user token, and give the settings that were sent as they are now."""
    given = call.request.model_fields_set
    now: ChangedSettings = {}
    if "require_jwt_token" in given:
        changes = {"require_jwt_token": call.request.require_jwt_token}
        application = applications.change_settings(call.tenant, changes)
        now["requireJwtToken"] = application.require_jwt_token
    if "enable_private_comments" in given:
        now["enablePrivateComments"] = False
    return now

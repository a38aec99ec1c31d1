"""POST /v1/auth/token/get: Velt's *JWT token* for a user; two paths of v2 do the same.

Always a fresh one, and for whomever the application names. docs/api.md, section 10.
"""

from typing import Any

from signet import wiring
from signet.domain.identities import load_email_validator
from signet.edge.credentials import VELT_BODY, VELT_HEADERS
from signet.edge.dialects.velt import velt
from signet.edge.fields.identities import EmailText
from signet.edge.fields.model import UNSET, RequestModel, ResponseModel
from signet.edge.fields.permissions import Permissions
from signet.edge.fields.velt import ExternalId, PhotoUrl, Text
from signet.edge.operation import Call, Variant, operation
from signet.usecases import user_tokens

MESSAGE = "Token generated successfully."


class UserProperties(RequestModel):
    """What the token says of the user besides who it is."""

    is_admin: bool = UNSET
    organization_id: Text = UNSET
    email: EmailText = UNSET
    name: Text = UNSET
    photo_url: PhotoUrl = UNSET


class UserToken(RequestModel):
    """The fields that both versions have."""

    user_id: ExternalId
    user_properties: UserProperties = UserProperties()

    @property
    def asked_for(self) -> dict[str, Any]:
        """The claims that the properties become: those of OpenID Connect where it has one."""
        names = {"photo_url": "picture"}
        given = self.user_properties.model_dump(exclude_unset=True)
        return {names.get(name, name): value for name, value in given.items()}

    @property
    def own_resources(self) -> list[dict[str, Any]] | None:
        """What the request itself permits; None where that is left to what is stored."""
        return None


class UserTokenWithPermissions(UserToken):
    """The fields of the second version."""

    permissions: Permissions = UNSET

    @property
    def own_resources(self) -> list[dict[str, Any]] | None:
        """As above. An empty list is one too: nothing is permitted, whatever is stored."""
        return self.permissions.plain if "permissions" in self.model_fields_set else None


class Issued(ResponseModel):
    """The answer."""

    token: str


@operation(
    "issue_user_token",
    request=UserTokenWithPermissions.parse,
    dialect=velt(MESSAGE, version=2),
    scheme=VELT_HEADERS,
    variants={"POST /v1/auth/token/get": Variant(UserToken.parse, velt(MESSAGE, version=1), VELT_BODY)},
    needs=(wiring.signer, load_email_validator),
)
def lambda_handler(call: Call[UserToken]) -> Issued:
    """Issue a user token."""
    request = call.request
    token = user_tokens.issue_user_token(
        call.tenant, wiring.signer(), request.user_id, request.asked_for, request.own_resources
    )
    return Issued(token=token)

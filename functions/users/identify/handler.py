"""POST /v1/identify: who a browser's user is, so that no user can pass for another.

What Velt's `client.identify()` does, on the server. Public. docs/api.md, section 10.
"""

from typing import Any, TypedDict

from signet import wiring
from signet.domain.identities import load_email_validator
from signet.edge.credentials import API_KEY
from signet.edge.dialects.velt import velt
from signet.edge.fields.model import UNSET, RequestModel
from signet.edge.fields.velt import ExternalId, Profile
from signet.edge.operation import Call, operation
from signet.errors import PermissionDenied, TokenRefused, TokenRequired
from signet.usecases import identification


class ClaimedUser(Profile):
    """Who somebody says to be: Velt's `User`."""

    user_id: ExternalId
    is_admin: Any = UNSET


class Identify(RequestModel):
    """The request's fields."""

    auth_token: str | None = None
    user: ClaimedUser


class Identified(TypedDict):
    """The answer. `user` has `userId`, `isAdmin`, and of the profile what there is."""

    user: dict[str, Any]
    verified: bool
    verifiedFields: list[str]


@operation(
    "identify",
    request=Identify.parse,
    dialect=velt("User identified.", version=1),
    scheme=API_KEY,
    needs=(wiring.verifier, load_email_validator),
    refuses=(
        TokenRequired,
        TokenRefused,
        PermissionDenied,
    ),
)
def lambda_handler(call: Call[Identify]) -> Identified:
    """Say who it is, and what of that a token vouches for."""
    user = call.request.user
    claim = identification.Claim(
        user_id=user.user_id,
        profile=user.profile,
        says_admin="is_admin" in user.model_fields_set,
    )
    identified = identification.identify(call.tenant, wiring.verifier(), call.request.auth_token, claim)
    return {
        "user": {"userId": identified.user_id, **identified.profile, "isAdmin": identified.is_admin},
        "verified": identified.is_verified,
        "verifiedFields": list(identified.verified_fields),
    }

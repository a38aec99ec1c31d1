"""POST /v2/auth/permissions/add: store what a user may do, for tokens to come (docs/api.md, section 10)."""

from typing import Any

from signet import wiring
from signet.accounts.permissions import add
from signet.credentials import VELT_HEADERS
from signet.dialects.velt import velt
from signet.models import RequestModel
from signet.operation import Call, operation
from signet.permission_models import Permissions
from signet.velt_models import ExternalId


class NamedUser(RequestModel):
    """Whose permissions."""

    user_id: ExternalId


class AddPermissions(RequestModel):
    """The request's fields."""

    user: NamedUser
    permissions: Permissions


@operation(
    "add_permissions",
    request=AddPermissions.parse,
    dialect=velt("Permissions added successfully.", version=2),
    scheme=VELT_HEADERS,
)
def lambda_handler(call: Call[AddPermissions]) -> dict[str, Any]:
    """Add the permissions, and give all that are stored then."""
    user_id, resources = call.request.user.user_id, call.request.permissions.plain
    key_ring = wiring.key_ring().get()
    stored = add(wiring.table(), key_ring, call.application, user_id, resources, call.now_ms)
    return {"permissions": {"resources": stored}}

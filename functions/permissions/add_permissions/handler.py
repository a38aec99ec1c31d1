"""POST /v2/auth/permissions/add: store what a user may do, for tokens to come (docs/api.md, section 10)."""

from signet import wiring
from signet.edge.credentials import VELT_HEADERS
from signet.edge.dialects.velt import velt
from signet.edge.fields.model import RequestModel
from signet.edge.fields.permissions import (
    Permissions,
    PermissionsRequest,
    StoredPermissions,
    view_permissions,
)
from signet.edge.fields.velt import ExternalId
from signet.edge.operation import Call, operation
from signet.usecases import permissions


class PermittedUser(RequestModel):
    """Whose permissions."""

    user_id: ExternalId


class AddPermissions(PermissionsRequest):
    """The request's fields."""

    user: PermittedUser
    permissions: Permissions


@operation(
    "add_permissions",
    request=AddPermissions.parse,
    dialect=velt("Permissions added successfully.", version=2),
    scheme=VELT_HEADERS,
    takes_events=True,
    needs=(wiring.key_ring, permissions.load_tokens),
)
def lambda_handler(call: Call[AddPermissions]) -> StoredPermissions:
    """Add the permissions, and give all that are stored then."""
    user_id, resources = call.request.user.user_id, call.request.permissions.plain
    stored = permissions.add(call.tenant, wiring.key_ring().get(), user_id, resources)
    return view_permissions(stored)

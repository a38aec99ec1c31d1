"""POST /v2/auth/permissions/remove: remove what is stored, and end the user's tokens at once.

docs/api.md, section 10.
"""

from signet.edge.credentials import VELT_HEADERS
from signet.edge.dialects.velt import velt
from signet.edge.fields.permissions import (
    NamedResources,
    PermissionsRequest,
    StoredPermissions,
    view_permissions,
)
from signet.edge.fields.velt import ExternalId
from signet.edge.operation import Call, operation
from signet.usecases import permissions


class RemovePermissions(PermissionsRequest):
    """The request's fields."""

    user_id: ExternalId
    permissions: NamedResources


@operation(
    "remove_permissions",
    request=RemovePermissions.parse,
    dialect=velt("Permissions removed successfully.", version=2),
    scheme=VELT_HEADERS,
    takes_events=True,
)
def lambda_handler(call: Call[RemovePermissions]) -> StoredPermissions:
    """Remove the permissions, and give what is left of those that were stored."""
    user_id, resources = call.request.user_id, call.request.permissions.plain
    left = permissions.remove(call.tenant, user_id, resources)
    return view_permissions(left)

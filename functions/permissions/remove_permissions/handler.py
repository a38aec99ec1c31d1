"""POST /v2/auth/permissions/remove: remove what is stored, and end the user's tokens at once.

docs/api.md, section 10.
"""

from typing import Any

from signet import wiring
from signet.accounts.permissions import remove
from signet.credentials import VELT_HEADERS
from signet.dialects.velt import velt
from signet.models import RequestModel
from signet.operation import Call, operation
from signet.permission_models import NamedResources
from signet.velt_models import ExternalId


class RemovePermissions(RequestModel):
    """The request's fields."""

    user_id: ExternalId
    permissions: NamedResources


@operation(
    "remove_permissions",
    request=RemovePermissions.parse,
    dialect=velt("Permissions removed successfully.", version=2),
    scheme=VELT_HEADERS,
)
def lambda_handler(call: Call[RemovePermissions]) -> dict[str, Any]:
    """Remove the permissions, and give what is left of those that were stored."""
    user_id, resources = call.request.user_id, call.request.permissions.plain
    left = remove(wiring.table(), call.application.id, user_id, resources, call.now_ms)
    return {"permissions": {"resources": left}}

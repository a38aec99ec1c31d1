"""PATCH /applications/{applicationId}/experience/users/{experienceUserId}: change a user.

Losant's *Update an experience user*. docs/api.md, section 4.
"""

from typing import Any

from signet import wiring
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.users import UpdateUser
from signet.edge.operation import LARGE_BODY_BYTES, Call, operation
from signet.edge.user_view import view_user
from signet.usecases import users


@operation(
    "update_user", request=UpdateUser.parse, dialect=LOSANT, scheme=BEARER, body_limit=LARGE_BODY_BYTES
)
def lambda_handler(call: Call[UpdateUser]) -> dict[str, Any]:
    """Change what is given of a user, and end its tokens where that is due."""
    directory, request = wiring.directory(call.application.id), call.request
    fields, password = request.fields(), request.password
    hasher = wiring.password_hasher()
    user_id = request.experience_user_id
    user, groups = users.change(directory, hasher, user_id, fields, password, call.now_ms)
    return view_user(call.application.id, user, groups)

"""DELETE /applications/{applicationId}/experience/users/{experienceUserId}: delete a user.

Losant's *Delete an experience user*. docs/api.md, section 4.
"""

from signet import wiring
from signet.accounts import users
from signet.credentials import BEARER
from signet.dialects.losant import LOSANT
from signet.models import Success
from signet.operation import Call, operation
from signet.user_models import NamedUser


@operation("delete_user", request=NamedUser.parse, dialect=LOSANT, scheme=BEARER)
def lambda_handler(call: Call[NamedUser]) -> Success:
    """Delete a user; its tokens end."""
    users.remove(wiring.directory(call.application.id), call.request.experience_user_id, call.now_ms)
    return Success()

"""DELETE /applications/{applicationId}/experience/users/{experienceUserId}: delete a user.

Losant's *Delete an experience user*. docs/api.md, section 4.
"""

from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import Success
from signet.edge.fields.users import NamedUser
from signet.edge.operation import Call, operation
from signet.usecases import users


@operation("delete_user", request=NamedUser.parse, dialect=LOSANT, scheme=BEARER, takes_events=True)
def lambda_handler(call: Call[NamedUser]) -> Success:
    """Delete a user; its tokens end."""
    users.remove(call.tenant, call.request.experience_user_id)
    return Success()

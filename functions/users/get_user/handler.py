"""GET /applications/{applicationId}/experience/users/{experienceUserId}: show a user.

Losant's *Get an experience user*. docs/api.md, section 4.
"""

from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.users import NamedUser
from signet.edge.operation import Call, operation
from signet.edge.user_view import UserView, view_user
from signet.usecases import users
from signet.usecases.memberships import groups_of


@operation("get_user", request=NamedUser.parse, dialect=LOSANT, scheme=BEARER)
def lambda_handler(call: Call[NamedUser]) -> UserView:
    """Show a user."""
    user = users.get_user(call.tenant, call.request.experience_user_id)
    return view_user(call.tenant.application_id, user, groups_of(call.tenant, [user]))

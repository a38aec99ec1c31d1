"""PATCH /applications/{applicationId}/experience/users/{experienceUserId}: change a user.

Losant's *Update an experience user*. docs/api.md, section 4.
"""

from signet import wiring
from signet.domain.identities import load_email_validator
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.users import UpdateUser
from signet.edge.operation import LARGE_BODY_BYTES, Call, operation
from signet.edge.user_view import UserView, view_user
from signet.errors import UserExists
from signet.usecases import users


@operation(
    "update_user",
    request=UpdateUser.parse,
    dialect=LOSANT,
    scheme=BEARER,
    body_limit=LARGE_BODY_BYTES,
    takes_events=True,
    needs=(wiring.password_hasher, load_email_validator),
    refuses=(UserExists,),
)
def lambda_handler(call: Call[UpdateUser]) -> UserView:
    """Change what is given of a user, and end its tokens where that is due."""
    request, hasher = call.request, wiring.password_hasher()
    user, groups = users.change(
        call.tenant, hasher, request.experience_user_id, request.fields(), request.password, request.id
    )
    return view_user(call.tenant.application_id, user, groups)

"""POST /applications/{applicationId}/experience/users: make a user.

Losant's *Create an experience user*. docs/api.md, section 4.
"""

from signet import wiring
from signet.domain.identities import load_email_validator
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.users import CreateUser
from signet.edge.operation import LARGE_BODY_BYTES, Call, operation
from signet.edge.user_view import UserView, view_user
from signet.errors import UserExists
from signet.usecases import users


@operation(
    "create_user",
    request=CreateUser.parse,
    dialect=LOSANT,
    scheme=BEARER,
    body_limit=LARGE_BODY_BYTES,
    status=201,
    needs=(wiring.password_hasher, load_email_validator),
    refuses=(UserExists,),
)
def lambda_handler(call: Call[CreateUser]) -> UserView:
    """Make a user with a password."""
    request = call.request
    user, groups = users.register(call.tenant, wiring.password_hasher(), request.fields(), request.password)
    return view_user(call.tenant.application_id, user, groups)

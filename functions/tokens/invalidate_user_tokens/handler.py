"""POST /applications/{applicationId}/experience/users/{experienceUserId}/invalidate-tokens: end them all.

Session and user tokens alike, seen by the very next check. docs/api.md, section 6.
"""

from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import Success
from signet.edge.fields.users import NamedUser
from signet.edge.operation import Call, operation
from signet.usecases import invalidation


@operation(
    "invalidate_user_tokens", request=NamedUser.parse, dialect=LOSANT, scheme=BEARER, takes_events=True
)
def lambda_handler(call: Call[NamedUser]) -> Success:
    """End all tokens of the user, who is named by id, by `ext:…`, or by e-mail address."""
    invalidation.invalidate_user_tokens(call.tenant, call.request.experience_user_id)
    return Success()

"""DELETE /applications/{applicationId}/experience/me: a user deletes itself.

docs/accounts.md.
"""

from signet import wiring
from signet.domain.guessing import find_source
from signet.domain.identities import load_email_validator
from signet.edge.credentials import SESSION
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import Success
from signet.edge.fields.tokens import PresentedToken
from signet.edge.operation import Call, operation
from signet.errors import NotOffered, PermissionDenied, TooManyAttempts
from signet.usecases.oneself import Oneself


class DeleteMe(PresentedToken):
    """The request's fields."""

    current_password: str


@operation(
    "delete_me",
    request=DeleteMe.parse,
    dialect=LOSANT,
    scheme=SESSION,
    needs=(wiring.verifier, wiring.password_hasher, load_email_validator),
    refuses=(NotOffered, PermissionDenied, TooManyAttempts),
)
def lambda_handler(call: Call[DeleteMe]) -> Success:
    """Delete the user who asks, and end all of its tokens."""
    request = call.request
    Oneself(
        call.tenant,
        wiring.verifier(),
        wiring.password_hasher(),
        request.token,
        request.current_password,
        find_source(call.source_ip),
    ).delete()
    return Success()

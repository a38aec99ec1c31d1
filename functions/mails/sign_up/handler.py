"""POST /applications/{applicationId}/experience/sign-up: make an account for oneself.

Anybody may ask; whether somebody has the address, its owner alone hears, by mail. docs/mails.md.
"""

from signet import wiring
from signet.domain.guessing import find_source
from signet.domain.identities import load_email_validator
from signet.edge.credentials import NAMED
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.identities import EmailText
from signet.edge.fields.model import RequestModel, Success
from signet.edge.fields.users import Password, Text
from signet.edge.operation import Call, operation
from signet.errors import NotOffered, TooManyAttempts
from signet.usecases import mails


class SignUp(RequestModel):
    """The request's fields."""

    email: EmailText
    password: Password
    first_name: Text | None = None
    last_name: Text | None = None


@operation(
    "sign_up",
    request=SignUp.parse,
    dialect=LOSANT,
    scheme=NAMED,
    status=202,
    needs=(wiring.mail_queue, wiring.password_hasher, load_email_validator),
    refuses=(NotOffered, TooManyAttempts),
)
def lambda_handler(call: Call[SignUp]) -> Success:
    """Make a user moments later, with a mail to verify the address by; all get the same answer."""
    request = call.request
    mails.sign_up(
        call.tenant,
        wiring.mail_queue(),
        wiring.password_hasher(),
        request.email,
        request.password,
        (request.first_name, request.last_name),
        find_source(call.source_ip),
    )
    return Success()

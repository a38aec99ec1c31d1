"""POST /applications/{applicationId}/experience/password-reset: ask for a mail to set a new password by.

Anybody may ask; whoever asks for whom, the same is done and said. docs/mails.md.
"""

from signet import wiring
from signet.domain.codes import Purpose
from signet.domain.guessing import find_source
from signet.domain.identities import load_email_validator
from signet.edge.credentials import NAMED
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.identities import Address
from signet.edge.fields.model import Success
from signet.edge.operation import Call, operation
from signet.errors import NotOffered, TooManyAttempts
from signet.usecases import mails


@operation(
    "request_password_reset",
    request=Address.parse,
    dialect=LOSANT,
    scheme=NAMED,
    status=202,
    needs=(wiring.mail_queue, load_email_validator),
    refuses=(NotOffered, TooManyAttempts),
)
def lambda_handler(call: Call[Address]) -> Success:
    """Send a link to set a new password by, if somebody has the address; all get the same answer."""
    source = find_source(call.source_ip)
    mails.ask(call.tenant, wiring.mail_queue(), Purpose.RESET_PASSWORD, call.request.email, source)
    return Success()

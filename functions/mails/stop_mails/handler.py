"""Stops mails to an address that has bounced or complained (docs/mails.md).

No route: SES invokes it through EventBridge. IAM lets whom it names invoke it too, to stop mails to an
address or to let them go on.
"""

from typing import Literal

from signet.domain.identities import load_email_validator
from signet.domain.reasons import Because
from signet.edge.credentials import DIRECT
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.identities import EmailText
from signet.edge.fields.model import RequestModel, Success
from signet.edge.mail_events import mail_events
from signet.edge.operation import Call, operation
from signet.usecases import mail_stops


class StopMails(RequestModel):
    """The request's fields: an address, and why no mails go there; null lets them go on."""

    email: EmailText
    because: Literal["bounced", "complained"] | None


@mail_events
@operation(
    "stop_mails", request=StopMails.parse, dialect=LOSANT, scheme=DIRECT, needs=(load_email_validator,)
)
def lambda_handler(call: Call[StopMails]) -> Success:
    """Send no more mails to an address, or let them go on."""
    if call.request.because is None:
        mail_stops.resume_mails(call.tenant, call.request.email)
    else:
        mail_stops.stop_mails(call.tenant, call.request.email, Because(call.request.because))
    return Success()

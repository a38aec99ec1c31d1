"""Sends one mail (docs/mails.md).

No route: it works through the queue that those who ask for mails fill, and what fails comes again. IAM lets
whom it names invoke it, with what a message has.
"""

from typing import Annotated, TypedDict

from pydantic import Strict

from signet import wiring
from signet.domain.identities import load_email_validator
from signet.domain.mails import MailKind
from signet.edge.credentials import DIRECT
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.identities import EmailText
from signet.edge.fields.model import UNSET, LowerId, RequestModel
from signet.edge.operation import Call, operation
from signet.errors import FaultKind, InvalidRequest
from signet.usecases.mailing import Post


class SendMail(RequestModel):
    """The request's fields: one of three says whose mail it is; beside a user, `email` is a new one."""

    kind: Annotated[MailKind, Strict(strict=False)]
    email: EmailText = UNSET
    sign_up_id: LowerId = UNSET
    experience_user_id: LowerId = UNSET


class Sent(TypedDict):
    """The answer."""

    sent: bool


@operation(
    "send_mail",
    request=SendMail.parse,
    dialect=LOSANT,
    scheme=DIRECT,
    takes_events=True,
    needs=(wiring.mailer, wiring.mail_files, load_email_validator),
)
def lambda_handler(call: Call[SendMail]) -> Sent:
    """Send a mail, with a code that it makes, if there is somebody who needs it."""
    request = call.request
    post = Post(call.tenant, wiring.mailer(), wiring.mail_files(), call.warn)
    if request.sign_up_id is not None:
        return {"sent": post.sign_up(request.sign_up_id)}
    if request.experience_user_id is not None:
        return {"sent": post.send_to_user(request.kind, request.experience_user_id, request.email)}
    if request.email is None:
        message = "is required, or signUpId, or experienceUserId."
        raise InvalidRequest.of("email", message, FaultKind.MISSING)
    return {"sent": post.send_to_address(request.kind, request.email)}

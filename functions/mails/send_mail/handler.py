"""Sends one mail (docs/mails.md).

No route: it works through the queue that those who ask for mails fill, and what fails comes again. IAM lets
whom it names invoke it, with what a message has.
"""

from typing import Annotated, TypedDict

from pydantic import Field, Strict

from signet import wiring
from signet.domain.identities import load_email_validator
from signet.domain.mails import MailKind
from signet.edge.credentials import DIRECT
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.identities import EmailText
from signet.edge.fields.model import UNSET, WHOLE, LowerId, RequestModel
from signet.edge.operation import Call, operation
from signet.errors import FaultKind, InvalidRequest
from signet.usecases.mailing import Post


class SendMail(RequestModel):
    """The request's fields: one of three says whose it is; `changeEmail` has a user and its new address."""

    kind: Annotated[MailKind, Strict(strict=False)]
    email: EmailText = UNSET
    sign_up_id: LowerId = UNSET
    experience_user_id: LowerId = UNSET
    password_version: Annotated[int, Field(ge=0, description="a whole number from 0"), WHOLE] = UNSET


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
    user_id, email = request.experience_user_id, request.email
    if request.kind is MailKind.CHANGE_EMAIL:
        if user_id is None or email is None:
            named = "experienceUserId" if user_id is None else "email"
            raise InvalidRequest.of(named, "is required with changeEmail.", FaultKind.MISSING)
        return {"sent": post.change_email(user_id, email, request.password_version)}
    if user_id is not None:
        return {"sent": post.send_to_user(request.kind, user_id)}
    if email is None:
        message = "is required, or signUpId, or experienceUserId."
        raise InvalidRequest.of("email", message, FaultKind.MISSING)
    return {"sent": post.send_to_address(request.kind, email)}

"""What SES says of a mail that it has sent, in front of the operation that stops mails to an address.

Source: "Monitor email sending using Amazon EventBridge" and "Examples of event data that Amazon SES
publishes" of the Amazon SES developer guide.
"""

import functools
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from signet.domain.reasons import Because
from signet.domain.strict_json import check_object
from signet.edge.operation import Handler
from signet.errors import UnsupportedEvent


def mail_events(operation: Handler) -> Handler:
    """Let SES run the operation, through EventBridge, for each address of an event.

    The application is the one that the mail was tagged with. A mail that may get through later stops nothing.
    """

    @functools.wraps(operation)
    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        if not isinstance(event, dict) or event.get("source") != "aws.ses" or "detail" not in event:
            return operation(event, context)
        match check_object(event)["detail"]:
            case {
                "mail": {"tags": {"applicationId": [str(application_id)]}},
                "bounce": {"bounceType": str(kind), "bouncedRecipients": list(recipients)},
            }:
                because = Because.BOUNCED if kind == "Permanent" else None
            case {
                "mail": {"tags": {"applicationId": [str(application_id)]}},
                "complaint": {"complainedRecipients": list(recipients), **more},
            }:
                is_one = more.get("complaintFeedbackType") != "not-spam"
                because = Because.COMPLAINED if is_one else None
            case _:
                message = "This event of SES tells of no bounce and no complaint of a mail of Signet's."
                raise UnsupportedEvent(message)
        if because is None:
            return None
        for recipient in recipients:
            named = {"applicationId": application_id, "because": because.value}
            operation({**named, "email": _address(recipient)}, context)
        return None

    return handler


def _address(recipient: object) -> str:
    """An address, without the name that may stand before it (RFC 5322)."""
    from email.utils import parseaddr

    match recipient:
        case {"emailAddress": str(text)}:
            return parseaddr(text)[1] or text
    message = "This event of SES names a recipient in another way than by its address."
    raise UnsupportedEvent(message)

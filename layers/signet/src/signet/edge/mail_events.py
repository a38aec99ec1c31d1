"""What SES says of a mail that it has sent, in front of the operation that stops mails to an address.

Source: "Monitor email sending using Amazon EventBridge" and "Examples of event data that Amazon SES
publishes" of the Amazon SES developer guide.
"""

import functools
from contextlib import suppress
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from signet.domain.reasons import Because
from signet.domain.strict_json import check_object
from signet.edge.operation import Handler
from signet.errors import ApplicationNotFound, UnsupportedEvent


def mail_events(operation: Handler) -> Handler:
    """Let SES run the operation, through EventBridge, for each address that a mail went to.

    The application is the one that the mail was tagged with. Which addresses the report of a bounce names
    does not count: it may be another one, to which somebody has the mails sent on, and reports that come
    later are mails, which anybody can write. A mail that may get through later stops nothing.
    """

    @functools.wraps(operation)
    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        if not isinstance(event, dict) or event.get("source") != "aws.ses" or "detail" not in event:
            return operation(event, context)
        match check_object(event)["detail"]:
            case {
                "mail": {"tags": {"applicationId": [str(application_id)]}, "destination": [*addresses]},
                "bounce": {"bounceType": str(kind)},
            }:
                because = Because.BOUNCED if kind == "Permanent" else None
            case {
                "mail": {"tags": {"applicationId": [str(application_id)]}, "destination": [*addresses]},
                "complaint": {**more},
            }:
                is_one = more.get("complaintFeedbackType") != "not-spam"
                because = Because.COMPLAINED if is_one else None
            case _:
                message = "This event of SES tells of no bounce and no complaint of a mail of Signet's."
                raise UnsupportedEvent(message)
        if because is None:
            return None
        for address in addresses:
            named = {"applicationId": application_id, "because": because.value}
            # Reports come for days: an application that was deleted meanwhile sends nothing any more.
            with suppress(ApplicationNotFound):
                operation({**named, "email": address}, context)
        return None

    return handler

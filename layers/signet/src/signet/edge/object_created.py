"""A file that came into the transfer bucket, in front of the operation that imports it.

Source: "EventBridge event message structure" of the Amazon S3 user guide.
"""

import functools
import re
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from signet import deadline, wiring
from signet.domain.strict_json import check_object
from signet.edge.fields.transfer import TRANSFER_ID
from signet.edge.operation import Handler
from signet.errors import InvalidRequest, SignetError, Unavailable, UnsupportedEvent
from signet.usecases.importing import application_of, refuse


def object_created(operation: Handler) -> Handler:
    """Let S3 run the operation, through EventBridge, on each file that it gets.

    The application is the one that the file's key names. Nobody waits for the answer, so a refusal is left
    as a report in the bucket; where the store is not available, Lambda tries again. An event that comes twice
    is one import, by the event's id. Any other event goes to the operation as it is.
    """

    @functools.wraps(operation)
    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        if not isinstance(event, dict) or event.get("source") != "aws.s3" or "detail" not in event:
            return operation(event, context)
        bucket = wiring.transfer_bucket()
        match check_object(event):
            case {
                "detail-type": "Object Created",
                "id": str(import_id),
                "detail": {"bucket": {"name": bucket.name}, "object": {"key": str(key)}},
            } if re.fullmatch(TRANSFER_ID, import_id):
                pass
            case _:
                message = "This event is of another bucket, or of something else than a new file."
                raise UnsupportedEvent(message)
        with deadline.within(context.get_remaining_time_in_millis()):
            try:
                application_id = application_of(key)
                if application_id is None:
                    raise InvalidRequest.of("key", "must be of the form import/<applicationId>/….jsonl.")
                named = {"applicationId": application_id, "key": key, "importId": import_id}
                return operation(named, context)
            except Unavailable:
                raise
            except SignetError as error:
                return refuse(bucket, key, import_id, error)

    return handler

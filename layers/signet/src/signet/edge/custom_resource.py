"""A CloudFormation custom resource in front of an operation.

Always answers: a stack that hears nothing hangs for an hour. Source: "Custom resource response
objects" of the CloudFormation user guide.
"""

import functools
import json
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from aws_lambda_powertools.utilities.typing import LambdaContext

from signet import deadline
from signet.edge.operation import Handler
from signet.errors import SignetError
from signet.settings import aws_endpoint

ANSWER_SECONDS = 10
"""How long the connection to CloudFormation may take, and as long its answer."""

MAX_REASON = 1000
"""Characters of ASCII: an answer may have 4 KiB in all."""


def custom_resource(operation: Handler) -> Handler:
    """Let CloudFormation run the operation on Create and Update, with the resource's own properties.

    The properties `ServiceToken` and `ServiceTimeout` are CloudFormation's; the others become the
    operation's fields, with a lower-case initial. Delete does nothing: what the operation made may
    have to outlive the stack. Any other event goes to the operation as it is.
    """

    @functools.wraps(operation)
    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        match event:
            case {
                "RequestType": "Create" | "Update" | "Delete" as request_type,
                "ResponseURL": str(url),
                "StackId": str(stack_id),
                "RequestId": str(request_id),
                "LogicalResourceId": str(logical_id),
                "ResourceProperties": dict(properties),
            } if _is_cloudformations(url):
                pass
            case _:
                return operation(event, context)
        answer = {
            "Status": "SUCCESS",
            "Reason": "Done.",
            "PhysicalResourceId": event.get("PhysicalResourceId", logical_id),
            "StackId": stack_id,
            "RequestId": request_id,
            "LogicalResourceId": logical_id,
        }
        if request_type != "Delete":
            try:
                with deadline.within(context.get_remaining_time_in_millis(), reserve=2 * ANSWER_SECONDS):
                    operation(_fields(properties), context)
            except SignetError as error:
                answer |= {"Status": "FAILED", "Reason": _reason(f"{error.code}: {error.message}", error)}
            except Exception as error:
                answer |= {"Status": "FAILED", "Reason": _reason(f"A bug: {_named(error)}", error)}
        _send(url, answer)
        return answer

    return handler


def _reason(told: str, error: BaseException) -> str:
    """Why it failed, down to the first cause: a stack that is taken back takes the function's log with it."""
    cause = error.__cause__
    while cause is not None:
        told += f" Because of {_named(cause)}"
        cause = cause.__cause__
    return told.encode("ascii", "replace").decode()[:MAX_REASON]


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _fields(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        name[:1].lower() + name[1:]: value
        for name, value in properties.items()
        if name not in ("ServiceToken", "ServiceTimeout")
    }


def _is_cloudformations(url: str) -> bool:
    """Whether an answer may go there: by https, or in clear to the emulator that the environment names."""
    if url.startswith("https://"):
        return True
    endpoint = aws_endpoint()
    there = urlsplit(url)
    return endpoint is not None and there.scheme == "http" and there.netloc == urlsplit(endpoint).netloc


def _send(url: str, answer: dict[str, Any]) -> None:
    if not _is_cloudformations(url):
        message = "The answer to CloudFormation goes to an https URL only."
        raise ValueError(message)
    body = json.dumps(answer).encode()
    request = urllib.request.Request(url, body, {"content-type": ""}, method="PUT")  # noqa: S310 - looked at
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310
        pass

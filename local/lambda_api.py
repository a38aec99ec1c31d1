"""Lambda's own Invoke API, so that functions can be invoked directly as on AWS, and can invoke themselves.

Source: "Invoke" of the AWS Lambda API reference. A function goes by its logical id, its operation's name, its
physical name or its ARN.
"""

from __future__ import annotations

import json
import re
import uuid
from concurrent.futures import TimeoutError as NoAnswerError
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from local.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from local.invoke import Invoker
    from local.sam import Function

PATH: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
# (arn:aws:lambda:REGION:)?(ACCOUNT:)?(function:)?NAME(:QUALIFIER)?
_NAME: Final = re.compile(
    r"(?:(?:arn:aws:lambda:[a-z0-9-]+:)?(?:\d{12}:)?function:)?([A-Za-z0-9_-]+)(?::[$A-Za-z0-9_-]+)?"
)
_MAX_PAYLOAD: Final = {"RequestResponse": 6 * 2**20, "Event": 2**20, "DryRun": 2**20}

type Answer = tuple[str, dict[str, str], str]
"""A status line, headers, and a body."""


class LambdaApi:
    """Answers invocations (WSGI), once it has been given functions."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}
        self._invoker: Invoker | None = None

    def serve(self, functions: Iterable[Function], invoker: Invoker) -> None:
        """Take these functions, and run them with the invoker.

        Raises:
            StartError: two functions have one name.
        """
        for function in functions:
            operation = function.module.split(".")[-2]
            for name in {function.name, operation, function.physical_name}:
                if self._functions.setdefault(name, function) is not function:
                    raise StartError(f"Two functions go by the name {name}.")
        self._invoker = invoker

    def answers(self, environ: WSGIEnvironment) -> bool:
        """Whether a request is for this API."""
        return PATH.fullmatch(_path(environ)) is not None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        request_id = str(uuid.uuid4())
        status, headers, content = self._answer(environ, request_id)
        body = content.encode()
        headers = {"content-type": "application/json", "x-amzn-requestid": request_id, **headers}
        start_response(status, [*headers.items(), ("content-length", str(len(body)))])
        return [body]

    def _answer(self, environ: WSGIEnvironment, request_id: str) -> Answer:
        if environ["REQUEST_METHOD"] != "POST":
            return _refusal("405 Method Not Allowed", "MethodNotAllowedException", "Invoke is a POST.")
        match = PATH.fullmatch(_path(environ))
        name = unquote(match[1]) if match else ""
        function = self._find(name)
        if function is None or self._invoker is None:
            known = ", ".join(sorted({function.name for function in self._functions.values()}))
            message = f"Function not found: {name}. The template has: {known}"
            return _refusal("404 Not Found", "ResourceNotFoundException", message)
        kind = environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "RequestResponse")
        if kind not in _MAX_PAYLOAD:
            message = f"InvocationType is none of {', '.join(_MAX_PAYLOAD)}"
            return _refusal("400 Bad Request", "InvalidParameterValueException", message)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if len(body) > _MAX_PAYLOAD[kind]:
            message = f"{len(body)} byte payload is too large for the {kind} invocation type"
            return _refusal("413 Payload Too Large", "RequestTooLargeException", message)
        try:
            event = json.loads(body) if body else {}
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            return _refusal("400 Bad Request", "InvalidRequestContentException", message)
        if kind == "DryRun":
            return "204 No Content", {}, ""
        running = self._invoker.submit(function, event, request_id)
        if kind == "Event":
            return "202 Accepted", {}, ""
        headers = {"x-amz-executed-version": "$LATEST"}
        try:
            succeeded, result = running.result(timeout=function.timeout)
        except NoAnswerError:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            message = f"{now} {request_id} Task timed out after {function.timeout:.2f} seconds"
            succeeded, result = False, {"errorType": "Sandbox.Timedout", "errorMessage": message}
        if not succeeded:
            headers["x-amz-function-error"] = "Unhandled"
        return "200 OK", headers, json.dumps(result)

    def _find(self, name: str) -> Function | None:
        match = _NAME.fullmatch(name)
        return self._functions.get(match[1]) if match else None


def _path(environ: WSGIEnvironment) -> str:
    """The path as it was sent, since an ARN in it is percent-encoded, and an SDK encodes its colons."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ.get("PATH_INFO", "")
    return str(raw).partition("?")[0]


def _refusal(status: str, kind: str, message: str) -> Answer:
    return status, {"x-amzn-errortype": kind}, json.dumps({"Type": "User", "Message": message})

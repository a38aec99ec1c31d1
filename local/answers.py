"""A function's answer as a response, read as API Gateway reads payload format 2.0."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final

from local.messages import Response

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Control characters, a line break above all, must not get into a header.
_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
# They describe the connection or the message as it is sent, so that they are the gateway's to set.
_OWN: Final = frozenset(
    {"apigw-requestid", "connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
)
_NO_BODY: Final = (204, 304)


class BadAnswerError(Exception):
    """A function's answer is not one that API Gateway can read."""


def interpret(answer: Any) -> Response:
    """Read an answer.

    A dictionary with `statusCode` is a response; any other JSON value is the body of a 200.

    Raises:
        BadAnswerError: says what is wrong with it.
    """
    if not isinstance(answer, dict) or "statusCode" not in answer:
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        return Response(200, (("content-type", "application/json"),), text.encode())
    status = _status(answer["statusCode"])
    headers = _headers(answer.get("headers"))
    body = b"" if status in _NO_BODY else _body(answer.get("body"), encoded=answer.get("isBase64Encoded"))
    if body:
        headers.setdefault("content-type", "text/plain;charset=UTF-8")
    cookies = _cookies(answer.get("cookies"))
    return Response(status, (*headers.items(), *(("set-cookie", cookie) for cookie in cookies)), body)


def _status(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadAnswerError(f"statusCode is {type(value).__name__}")
    try:
        status = int(value)
    except ValueError as error:
        raise BadAnswerError("statusCode is not a number") from error
    if not 200 <= status <= 599:
        raise BadAnswerError(f"statusCode is {status}")
    return status


def _headers(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadAnswerError("headers is not an object")
    headers: dict[str, str] = {}
    for name, member in value.items():
        if isinstance(member, bool):
            text = str(member).lower()
        elif isinstance(member, str | int | float):
            text = str(member)
        else:
            raise BadAnswerError(f"the header {name} is not text")
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(text):
            raise BadAnswerError(f"the header {name!r} has characters that no header may have")
        if name.lower() not in _OWN:
            headers[name.lower()] = text
    return headers


def _cookies(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(c, str) and _VALUE.fullmatch(c) for c in value):
        raise BadAnswerError("cookies is not a list of cookies")
    return value


def _body(value: Any, *, encoded: Any) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise BadAnswerError("body is not text")
    if not encoded:
        return value.encode(errors="replace")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadAnswerError("body is not base64, which isBase64Encoded says it is") from error

"""JSON as Signet takes and writes it: strict where Python's own parser is lenient (api.md section 2)."""

import json
from collections import Counter
from collections.abc import Mapping
from math import isfinite
from typing import Any, NoReturn

from signet.errors import InvalidRequest, shown

MAX_DEPTH = 32

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors put in front of a file in UTF-8."""

type Members = dict[str, Any]
"""The members of a JSON object."""


def write_object(value: Mapping[str, Any]) -> bytes:
    """The compact JSON of an object, in UTF-8, as tokens hold it.

    Raises:
        ValueError: It holds what JSON has not, which no input lets in.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def parse_body(body: bytes) -> Members:
    """Parse a request's body: a JSON object in UTF-8, behind a byte order mark where there is one.

    Raises:
        InvalidRequest: As for `parse_object`.
    """
    return parse_object(body.removeprefix(BYTE_ORDER_MARK))


def parse_object(body: bytes) -> Members:
    """Parse a JSON object in UTF-8.

    Raises:
        InvalidRequest: It is not UTF-8 or not JSON; it is no object; a member's name stands twice in
            an object; it holds `NaN`, `Infinity`, a number too large to be one, or half a surrogate
            pair; it is nested too deeply. The message never quotes the body.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal(f"is not UTF-8 (byte {error.start})") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _refusal(f"is not valid JSON ({error.msg}, {where})") from None
    except RecursionError:
        raise _too_deep() from None
    except InvalidRequest:
        raise
    except ValueError:
        raise _refusal("holds a number with too many digits") from None
    return check_object(value)


def check_object(value: object) -> Members:
    """Check what has been parsed already, by Lambda for a direct invocation.

    Raises:
        InvalidRequest: As for `parse_object`.
    """
    if not isinstance(value, dict):
        raise _refusal("must be a JSON object, such as {}")
    _check(value, 1)
    return value


def _check(container: dict[str, Any] | list[Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _too_deep()
    value: Any
    for value in (*container, *container.values()) if isinstance(container, dict) else container:
        # Nothing is subclassed in what a parser gives. A body may hold ten thousand of these.
        kind = type(value)
        if kind is str:
            if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
                raise _refusal("holds half of a surrogate pair, which is no character")
        elif kind is dict or kind is list:
            _check(value, depth + 1)
        elif kind is float and not isfinite(value):
            raise _refusal("holds a number that JSON does not have: NaN or Infinity")


def _unique(pairs: list[tuple[str, Any]]) -> Members:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Which of the two counts differs between parsers: a way to slip one value past a check and
        # have another one used.
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise _refusal(f'has the member "{shown(twice)}" more than once in one object')
    return members


def _no_constant(_: str) -> NoReturn:
    raise _refusal("holds a number that JSON does not have: NaN or Infinity")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _refusal("holds a number that is too large")
    return number


def _too_deep() -> InvalidRequest:
    return _refusal(f"is nested more than {MAX_DEPTH} levels deep")


def _refusal(what: str) -> InvalidRequest:
    return InvalidRequest.of("", f"The body {what}.")

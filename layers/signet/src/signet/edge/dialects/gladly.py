"""Gladly's dialect: `{"errors": [{"attr", "code", "detail"}]}`, all faults of a request at once.

Source: the error format and codes of Gladly's REST API.
"""

from typing import Any

from signet.edge.dialects.dialect import FAULT, Dialect
from signet.errors import FaultKind, InvalidRequest, SignetError, Unauthenticated

CODES = {
    FaultKind.MISSING: "blank",
    FaultKind.UNKNOWN: "present",
    FaultKind.INVALID: "invalid",
    FaultKind.NOT_A_NUMBER: "not_a_number",
    FaultKind.TOO_LONG: "too_long",
    FaultKind.WRONG_LENGTH: "wrong_length",
}
"""`present` says of a member that it should not be there, as in Rails, where these codes come from."""

WHOLE_REQUEST = "base"
"""The `attr` of what concerns no single field, as in Rails."""


def _refusal(error: SignetError) -> dict[str, Any]:
    if isinstance(error, InvalidRequest):
        return {"errors": [_error(f.dotted, CODES[f.kind], f.message) for f in error.faults]}
    attr = "authorization" if isinstance(error, Unauthenticated) else WHOLE_REQUEST
    return {"errors": [_error(attr, "invalid", error.message)]}


def _fault() -> dict[str, Any]:
    return {"errors": [_error("", "invalid", FAULT)]}


def _error(attr: str, code: str, detail: str) -> dict[str, str]:
    return {"attr": attr or WHOLE_REQUEST, "code": code, "detail": detail}


GLADLY = Dialect(_refusal, _fault)

"""Losant's dialect: `{"type", "message"}`.

Source: the error format of Losant's REST API.
"""

from typing import Any

from signet import errors
from signet.edge.dialects.dialect import FAULT, Dialect

TYPES: tuple[tuple[type[errors.SignetError], str], ...] = (
    (errors.CodeInvalid, "CodeInvalid"),
    (errors.InvalidRequest, "Validation"),
    (errors.Unauthenticated, "Unauthorized"),
    (errors.EmailNotVerified, "EmailNotVerified"),
    (errors.PermissionDenied, "Forbidden"),
    (errors.NotFound, "NotFound"),
    (errors.AlreadyExists, "AlreadyExists"),
    (errors.RequestTooLarge, "PayloadTooLarge"),
    (errors.TooManyAttempts, "TooManyRequests"),
    (errors.TryLater, "ServiceUnavailable"),
)

FAULT_TYPE = "InternalServerError"


def _refusal(error: errors.SignetError) -> dict[str, Any]:
    name = next(name for kind, name in TYPES if isinstance(error, kind))
    return {"type": name, "message": error.message}


def _fault() -> dict[str, Any]:
    return {"type": FAULT_TYPE, "message": FAULT}


LOSANT = Dialect(_refusal, _fault)

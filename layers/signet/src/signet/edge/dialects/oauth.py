"""OAuth's dialect: `{"error", "error_description"}` (RFC 6749 section 5.2)."""

from typing import Any

from signet import errors
from signet.edge.dialects.dialect import FAULT, Dialect

CODES: tuple[tuple[type[errors.SignetError], str], ...] = (
    (errors.UnsupportedTokenType, "unsupported_token_type"),  # RFC 7009 section 2.2.1.
    (errors.InvalidRequest, "invalid_request"),
    (errors.RequestTooLarge, "invalid_request"),
    (errors.Unauthenticated, "invalid_client"),
    (errors.PermissionDenied, "access_denied"),
    (errors.NotFound, "invalid_request"),
    (errors.AlreadyExists, "invalid_request"),
    (errors.TryLater, "temporarily_unavailable"),
)

FAULT_CODE = "server_error"


def _refusal(error: errors.SignetError) -> dict[str, Any]:
    code = next(code for kind, code in CODES if isinstance(error, kind))
    return {"error": code, "error_description": error.message}


def _fault() -> dict[str, Any]:
    return {"error": FAULT_CODE, "error_description": FAULT}


OAUTH = Dialect(_refusal, _fault)

"""Velt's dialect: bodies wrapped in `data`, answers in `result`, refusals in `error`.

Source: Velt's REST API reference and its guide to JWT tokens.
"""

from typing import Any

from signet import errors
from signet.edge.dialects.dialect import FAULT, Dialect

STATUSES: tuple[tuple[type[errors.SignetError], int, str], ...] = (
    (errors.InvalidRequest, 400, "INVALID_ARGUMENT"),
    (errors.Unauthenticated, 401, "UNAUTHENTICATED"),
    (errors.PermissionDenied, 403, "PERMISSION_DENIED"),
    (errors.NotFound, 404, "NOT_FOUND"),
    (errors.AlreadyExists, 409, "ALREADY_EXISTS"),
    (errors.RequestTooLarge, 413, "INVALID_ARGUMENT"),
    (errors.TooManyAttempts, 429, "RESOURCE_EXHAUSTED"),
    (errors.TryLater, 503, "UNAVAILABLE"),
)

FAULT_STATUS = "INTERNAL"

REASONS: tuple[tuple[type[errors.SignetError], str], ...] = (
    (errors.TokenExpired, "token_expired"),
    (errors.TokenRevoked, "token_revoked"),
    (errors.TokenRefused, "token_invalid"),
)
"""So that a client knows when to fetch a new token."""


def velt(message: str, *, version: int, body_optional: bool = False) -> Dialect:
    """The dialect of one of Velt's endpoints.

    Args:
        message: What a success says.
        version: Of the path. The first answers missing and wrong credentials alike, with 400.
        body_optional: Whether a request may come without any body, since it need not say anything.
    """
    wording = _Wording(version)

    def unwrap(members: dict[str, Any]) -> dict[str, Any]:
        return {} if body_optional and not members else _unwrap(members)

    def wrap(data: dict[str, Any]) -> dict[str, Any]:
        return {"result": {"status": "success", "message": message, "data": data}}

    return Dialect(wording.refusal, _fault, wording.status, unwrap, wrap)


class _Wording:
    """How a version of the API words its refusals."""

    def __init__(self, version: int) -> None:
        self._version = version

    def status(self, error: errors.SignetError) -> int:
        return self._find(error)[0]

    def refusal(self, error: errors.SignetError) -> dict[str, Any]:
        _, status, message = self._find(error)
        refusal: dict[str, Any] = {"message": message, "status": status}
        if isinstance(error, errors.TokenRefused):
            refusal["details"] = [{"reason": next(r for kind, r in REASONS if isinstance(error, kind))}]
        return {"error": refusal}

    def _find(self, error: errors.SignetError) -> tuple[int, str, str]:
        """Status, its word, and the message."""
        if isinstance(error, errors.CredentialsMissing | errors.CredentialsWrong) and self._version == 1:
            return 400, "INVALID_ARGUMENT", "Auth token not found."
        if isinstance(error, errors.CredentialsMissing):
            return 400, "INVALID_ARGUMENT", "Auth Token not found in headers."
        if isinstance(error, errors.CredentialsWrong):
            return 401, "UNAUTHENTICATED", "Invalid auth token for workspace."
        code, status = next((code, status) for kind, code, status in STATUSES if isinstance(error, kind))
        return code, status, _message(error)


def _message(error: errors.SignetError) -> str:
    """The message; fields by the path that they have in the body as it was sent."""
    if not isinstance(error, errors.InvalidRequest):
        return error.message
    return " ".join(
        f"data.{fault.dotted}: {fault.message}" if fault.path else fault.message for fault in error.faults
    )


def _unwrap(members: dict[str, Any]) -> dict[str, Any]:
    data = members.get("data")
    if not isinstance(data, dict):
        raise errors.InvalidRequest.of("", 'The fields have to be wrapped: {"data": {…}}.')
    others = members.keys() - {"data"}
    if others:
        message = f'The body has "{errors.shown(min(others))}" beside "data"; all fields belong into "data".'
        raise errors.InvalidRequest.of("", message)
    return dict(data)


def _fault() -> dict[str, Any]:
    return {"error": {"message": FAULT, "status": FAULT_STATUS}}

"""What a dialect is, and what all of them share: which refusal has which HTTP status."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from signet import errors

STATUSES: tuple[tuple[type[errors.SignetError], int], ...] = (
    (errors.InvalidRequest, 400),
    (errors.Unauthenticated, 401),
    (errors.PermissionDenied, 403),
    (errors.NotFound, 404),
    (errors.AlreadyExists, 409),
    (errors.RequestTooLarge, 413),
    (errors.Unavailable, 503),
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One product's way of saying no.

    Attributes:
        refusal: The JSON body of a refusal.
        fault: The JSON body of a 500, which tells nothing but that it is not the caller's fault.
    """

    refusal: Callable[[errors.SignetError], dict[str, Any]]
    fault: Callable[[], dict[str, Any]]

    def status(self, error: errors.SignetError) -> int:
        """The HTTP status of a refusal."""
        return next(status for kind, status in STATUSES if isinstance(error, kind))


FAULT = "Something went wrong on our side; it has been logged. Quote the x-request-id to the operator."

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
    (errors.TooManyAttempts, 429),
    (errors.TryLater, 503),
)


def status_of(error: errors.SignetError) -> int:
    """The HTTP status of a refusal, where a dialect has no other."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def as_it_is(members: dict[str, Any]) -> dict[str, Any]:
    """What a dialect does to bodies that it does not wrap."""
    return members


@dataclass(frozen=True, slots=True)
class Dialect:
    """One product's way of putting things.

    Attributes:
        refusal: The JSON body of a refusal.
        fault: The JSON body of a 500, which tells nothing but that it is not the caller's fault.
        status: The HTTP status of a refusal.
        unwrap: Finds the fields in a request's body, or raises `InvalidRequest`.
        wrap: Makes the body of an answer of what the operation gives.
    """

    refusal: Callable[[errors.SignetError], dict[str, Any]]
    fault: Callable[[], dict[str, Any]]
    status: Callable[[errors.SignetError], int] = status_of
    unwrap: Callable[[dict[str, Any]], dict[str, Any]] = as_it_is
    wrap: Callable[[dict[str, Any]], dict[str, Any]] = as_it_is


FAULT = "Something went wrong on our side; it has been logged. Quote the x-request-id to the operator."

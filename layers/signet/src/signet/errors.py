"""Every refusal of Signet, each with its public code.

A refusal says that the caller asked for something that cannot be had. Anything else that is raised
is a bug. The code is the class's own name: a direct invocation raises the refusal itself, Lambda
reports the class name as its error type, and Step Functions can `Catch` it (api.md 8.1). How a
refusal is worded over HTTP, and with which status, stands in `signet.dialects` alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class SignetError(Exception):
    """A refusal. Its message is for the caller: never put a secret into it."""

    code: ClassVar[str] = "SignetError"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = cls.__name__

    @property
    def message(self) -> str:
        """What was wrong and what would be right, in one or two sentences."""
        return str(self)


class FaultKind(StrEnum):
    """What is wrong with a field, in words that every dialect can translate."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    INVALID = "invalid"
    NOT_A_NUMBER = "not_a_number"
    TOO_LONG = "too_long"
    WRONG_LENGTH = "wrong_length"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field that is wrong.

    Attributes:
        path: Where the field stands, from the request's root: `("permissions", "resources", 1)`.
            Empty when the request as a whole is wrong.
        kind: What sort of fault it is.
        message: What was wrong and what would be right.
    """

    path: tuple[str | int, ...]
    kind: FaultKind
    message: str

    @property
    def dotted(self) -> str:
        """The path as developers write it: `permissions.resources[1].accessRole`."""
        text = ""
        for step in self.path:
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
        return text


class InvalidRequest(SignetError, ValueError):
    """The request is malformed, or fields of it are: all of them are named at once.

    A ValueError too, so that pydantic collects one that a field's validator raises.
    """

    def __init__(self, *faults: FieldFault) -> None:
        self.faults = faults
        super().__init__(" ".join(f"{f.dotted}: {f.message}" if f.path else f.message for f in faults))

    @classmethod
    def of(cls, path: str, message: str, kind: FaultKind = FaultKind.INVALID) -> "InvalidRequest":
        """The refusal of a single field, or of the whole request where `path` is empty."""
        return cls(FieldFault((path,) if path else (), kind, message))


class UnsupportedTokenType(InvalidRequest):
    """A token is good, and of a kind that does not end alone."""


class RequestTooLarge(SignetError):
    """The body exceeds the limit of api.md section 2."""


class UnsupportedEvent(SignetError):
    """The event is neither an HTTP API 2.0 request nor a direct invocation.

    A load balancer or a REST API wired to a function by mistake must not count as a trusted direct call.
    """


class Unauthenticated(SignetError):
    """The caller did not prove who it is."""


class CredentialsMissing(Unauthenticated):
    """No credentials came, or not in the form that the route takes."""


class CredentialsWrong(Unauthenticated):
    """The API token is not one of this application's, or the application does not exist.

    One answer for both: which applications exist is not for a stranger to learn.
    """


class LoginRefused(Unauthenticated):
    """E-mail address and password are not those of a user. Which of them is wrong, nobody hears."""


class TokenRequired(Unauthenticated):
    """The application takes nobody without a token, and none came."""


class TokenRefused(Unauthenticated):
    """A token that came is not good. The kinds tell a client whether a new one would help."""


class TokenInvalid(TokenRefused):
    """It is no token, not ours, of another application or kind, forged, or of a key that is not ours."""


class TokenExpired(TokenRefused):
    """Its life is over, or the application's cap on every token's life."""


class TokenRevoked(TokenRefused):
    """Its user's or its application's tokens have been ended since, or its user is gone."""


class PermissionDenied(SignetError):
    """The caller is known and may not do this."""


class NotFound(SignetError):
    """What the request names does not exist."""


class ApplicationNotFound(NotFound):
    """There is no application with this id."""


class UserNotFound(NotFound):
    """The application has no user with this id."""


class GroupNotFound(NotFound):
    """The application has no group with this id."""


class FileNotFound(NotFound):
    """The transfer bucket has no such file, or not for this function to read."""


class AlreadyExists(SignetError):
    """What the request wants to make is there already."""


class UserExists(AlreadyExists):
    """Another user of the application has this e-mail address."""


class Unavailable(SignetError):
    """A dependency did not answer in time or is throttled; the same request may succeed shortly."""

    wait: ClassVar[int] = 1

    def __init__(self, message: str = "", *, retry_after: int | None = None) -> None:
        """Take what to tell, and how many seconds a client should wait where that is known."""
        super().__init__(message)
        self.retry_after = self.wait if retry_after is None else retry_after


class SigningUnavailable(Unavailable):
    """No key can sign at the moment. Tokens that exist can still be verified."""

    wait = 5

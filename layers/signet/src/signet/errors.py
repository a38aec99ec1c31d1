"""Every refusal of Signet, each with its public code.

A refusal says that the caller asked for something that cannot be had. Anything else that is raised
is a bug. The code is the class's own name: a direct invocation raises the refusal itself, Lambda
reports the class name as its error type, and Step Functions can `Catch` it (api.md 8.1). How a
refusal is worded over HTTP, and with which status, stands in `signet.edge.dialects` alone.
"""

import json
import re
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self
from urllib.parse import unquote

MAX_FAULTS = 20
"""How many faults a refusal names."""

MAX_REFUSAL_BYTES = 3 * 1024
"""What the faults of a refusal have in all, as JSON: with what the dialects put around them under 4 KiB."""

MAX_MESSAGE_BYTES = 1000
"""What a fault says at most, in UTF-8."""

MAX_SHOWN = 64
"""In characters: how long a caller's text may be to be quoted whole."""

_SECRET = re.compile(
    r"sgt_|(?=[a-z0-9+/_~-]{0,19}[0-9])(?=[a-z0-9+/_~-]{0,19}[a-z])[a-z0-9+/_~-]{20}", re.IGNORECASE
)


def may_be_secret(text: str) -> bool:
    """Whether a text holds anything like an API token, a token or a key, whole or in part, encoded or not."""
    return _SECRET.search(unquote(text)) is not None


def shown(text: str, longest: int = MAX_SHOWN) -> str:
    """A caller's text as a refusal or a log may quote it: short, printable, and never a secret."""
    if may_be_secret(text[: 2 * longest]):
        return "(not shown: it may be a secret)"
    return _printable(text if len(text) <= longest else text[:longest] + "…")


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused: for the log alone, in which `signet explain` finds it.

    Never a secret, and nothing of a request but what stands in a token's header, its times and generations.

    Attributes:
        check: What was looked at.
        expected: What it should have been; None where that goes without saying.
        found: What it was; None where that goes without saying, or must not be told.
    """

    check: str
    expected: object = None
    found: object = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the log."""
        return {name: value for name, value in asdict(self).items() if value is not None}


_noted: ContextVar[Reason | None] = ContextVar("noted", default=None)


def note(reason: Reason | None) -> None:
    """Note why the call that runs is about to say no, where its answer is no refusal; None forgets it."""
    _noted.set(reason)


def find_noted() -> Reason | None:
    """What was noted of the call that runs."""
    return _noted.get()


class SignetError(Exception):
    """A refusal. Its message is for the caller: never put a secret into it.

    Attributes:
        given: Why, where whoever raised it has said so (`because`).
    """

    code: ClassVar[str] = "SignetError"
    given: Reason | None = None

    def because(self, check: str, *, expected: object = None, found: object = None) -> Self:
        """The refusal with its reason, which no caller hears."""
        self.given = Reason(check, expected, found)
        return self

    @property
    def reason(self) -> Reason:
        """Why; where nobody has said so, what the kind of refusal says."""
        return self.given or Reason(re.sub(r"(?<!^)([A-Z])", r" \1", self.code).lower())

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
            # A step may be a name that the caller made up.
            text += f"[{step}]" if isinstance(step, int) else f".{shown(step)}" if text else shown(step)
        return text


class InvalidRequest(SignetError, ValueError):
    """The request is malformed, or fields of it are: all of them are named at once.

    A ValueError too, so that pydantic collects one that a field's validator raises.

    Attributes:
        faults: Those that are named: what is told is bounded, whatever came.
    """

    def __init__(self, *faults: FieldFault, more: int = 0) -> None:
        """Take the faults, and how many there are besides."""
        self.faults = _bounded(faults, more)
        super().__init__(" ".join(f"{f.dotted}: {f.message}" if f.path else f.message for f in self.faults))

    @property
    def reason(self) -> Reason:
        """Which fields are wrong, and how; what a caller called one that there is not, nobody notes."""
        if self.given is not None:
            return self.given
        found = {
            fault.kind.value if fault.kind is FaultKind.UNKNOWN else f"{fault.path[0]}: {fault.kind.value}"
            for fault in self.faults
            if fault.path
        }
        return Reason("request", found=sorted(found))

    @classmethod
    def of(cls, path: str, message: str, kind: FaultKind = FaultKind.INVALID) -> "InvalidRequest":
        """The refusal of a single field, or of the whole request where `path` is empty."""
        return cls(FieldFault((path,) if path else (), kind, message))


class CodeInvalid(InvalidRequest):
    """A code is none, or not any more; what of it is wrong, nobody hears."""


class UnsupportedTokenType(InvalidRequest):
    """A token is good, and of a kind that does not end alone."""


def _bounded(faults: tuple[FieldFault, ...], more: int) -> tuple[FieldFault, ...]:
    """As many of the faults as fit into a refusal, the first in any case, and the number of the others."""
    told: list[FieldFault] = []
    size = 0
    for fault in faults[:MAX_FAULTS]:
        cut = FieldFault(fault.path, fault.kind, _cut(fault.message))
        size += len(_as_json(cut.dotted)) + len(_as_json(cut.message)) + 64  # The dialect's own words.
        if told and size > MAX_REFUSAL_BYTES:
            break
        told.append(cut)
    left_out = len(faults) - len(told) + more
    if left_out:
        told.append(FieldFault((), FaultKind.INVALID, f"There are {left_out} more faults."))
    return tuple(told)


def _cut(message: str) -> str:
    whole = _printable(message).encode("utf-8", "replace")
    cut = whole[:MAX_MESSAGE_BYTES].decode("utf-8", "ignore")
    return cut if len(whole) <= MAX_MESSAGE_BYTES else cut + "…"


def _as_json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


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


class EmailNotVerified(PermissionDenied):
    """Address and password are right, and nobody has shown yet that the address is the user's."""

    def __init__(
        self, message: str = "The e-mail address has to be verified first: by the code that was sent there."
    ) -> None:
        super().__init__(message)


class NotFound(SignetError):
    """What the request names does not exist."""


class NotOffered(NotFound):
    """The application's settings have not turned this on."""

    @classmethod
    def of(cls, what: str) -> "NotOffered":
        """The refusal of what users may not do by themselves here."""
        return cls(f"This application does not offer {what}: its setting selfService has not turned it on.")


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


class TryLater(SignetError):
    """The same request may succeed once the caller has waited.

    Attributes:
        retry_after: How many seconds.
    """

    wait: ClassVar[int] = 1

    def __init__(self, message: str = "", *, retry_after: int | None = None) -> None:
        """Take what to tell, and how many seconds a client should wait where that is known."""
        super().__init__(message)
        self.retry_after = self.wait if retry_after is None else retry_after


class TooManyAttempts(TryLater):
    """So much was guessed at an account, or from a source, that nobody hears whether this was right."""


class Unavailable(TryLater):
    """A dependency did not answer in time or is throttled; the same request may succeed shortly."""


class SigningUnavailable(Unavailable):
    """No key can sign at the moment. Tokens that exist can still be verified."""

    wait = 5

"""Users: somebody of one application."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from signet.domain.ids import find_id
from signet.domain.strict_json import write_object
from signet.errors import FaultKind, InvalidRequest

EXTERNAL = "x:"
"""What an external id has in front of it where both kinds of id stand: no hex digit begins so."""

MAX_GROUPS = 100

PROFILE_OF_IDENTITY = ("organizationId", "email", "name", "photoUrl")
"""What of a profile says who the user is; each member has a limit of its own."""

MAX_PROFILE_BYTES = 4096
"""Of all else in a profile, as JSON in UTF-8."""

NO_PASSWORD = ""
"""What stands in place of the hash of a credential without a password: no hash, so that nothing matches."""


def new_user_id() -> str:
    """24 lower-case hex digits."""
    return secrets.token_hex(12)


def find_user_id(text: str) -> str | None:
    """The id that a path's text names, or None: 24 hex digits in any case, or `ext:` and an external id."""
    if (own_id := find_id(text)) is not None:
        return own_id
    external_id = text.removeprefix("ext:")
    if external_id == text or not 1 <= len(external_id) <= 128 or not external_id.isprintable():
        return None
    return of_external(external_id)


def of_external(external_id: str) -> str:
    """The id of the user whom the application itself knows under this one."""
    return EXTERNAL + external_id


def find_external(user_id: str) -> str | None:
    """The application's own id of a user; None of one who was made through the API."""
    return user_id.removeprefix(EXTERNAL) if user_id.startswith(EXTERNAL) else None


def is_user_id(text: str) -> bool:
    """Whether a text is an id in the form in which `User` has it."""
    return find_user_id(path_id(text)) == text


def path_id(user_id: str) -> str:
    """The id as a path and a token name it: the reverse of `find_user_id`."""
    external_id = find_external(user_id)
    return user_id if external_id is None else f"ext:{external_id}"


def check_profile(profile: Mapping[str, Any]) -> None:
    """Check that a profile is not too large.

    Raises:
        InvalidRequest: It is.
    """
    more = {name: value for name, value in profile.items() if name not in PROFILE_OF_IDENTITY}
    size = len(write_object(more))
    if size > MAX_PROFILE_BYTES:
        message = (
            f"would have {size} bytes of {', '.join(more)} together; at most {MAX_PROFILE_BYTES} are kept."
        )
        raise InvalidRequest.of("user", message, FaultKind.TOO_LONG)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user. Dates are in Unix milliseconds, None where there is none.

    Attributes:
        id: 24 hex digits, or `x:` and the application's own id of a user that `identify` brought.
        email: The address of its credential as it was given.
        normal_email: Its normal form, under which its credential stands; None without a credential.
        email_verified: Whether the address is taken for the user's own: who reads its mails has shown a code
            that was sent there, or whoever made the user has said so.
        first_name: For people.
        last_name: For people.
        tags: The application's own words about the user.
        group_ids: Sorted; groups that are being deleted may be among them.
        outstanding: Groups that this user's item alone speaks for: a transaction had no room for their member
            items, which are marked as pending.
        token_cutoff_ms: Tokens issued before are refused.
        generation: Copied into the user's tokens as `gen`.
        password_version: Equal to the credential's; raised when the password or its place changes.
        codes: The codes that are alive: by purpose its `digest`, and the `email` that it leads to, if any.
        revision: Raised by every change but a login: what a write that follows a read is conditioned on.
        created_at_ms: When the user was made.
        updated_at_ms: When the profile last changed.
        password_updated_at_ms: When a password was last set.
        last_login_ms: When a password was last given correctly.
        profile: What `identify` brought: `email`, `name`, `photoUrl`, `organizationId`, `color`, `textColor`,
            `initial`, `plan`, `type`, `isReadOnly`, `contacts`. It is shown, and proves nothing: no address
            in it is one to log in with.
        is_admin: Whether a token said that it is an administrator.
        unverified_until: When a user of whom only unverified calls of `identify` have spoken is gone, in Unix
            seconds; None where something vouches for the user.
    """

    id: str
    email: str | None = None
    normal_email: str | None = None
    email_verified: bool = True
    first_name: str | None = None
    last_name: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    group_ids: tuple[str, ...] = ()
    outstanding: frozenset[str] = frozenset()
    token_cutoff_ms: int | None = None
    generation: int = 0
    password_version: int = 0
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    revision: int = 0
    created_at_ms: int
    updated_at_ms: int
    password_updated_at_ms: int | None = None
    last_login_ms: int | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    is_admin: bool = False
    unverified_until: int | None = None

    @property
    def is_unverified(self) -> bool:
        """Whether only unverified calls of `identify` have spoken of this user."""
        return self.unverified_until is not None

    def vouched_for(self) -> "User":
        """The user promoted, once something vouches for it: without what unverified calls have said."""
        return replace(self, profile={}, unverified_until=None) if self.is_unverified else self

"""Applications: the tenants, their settings and their API tokens."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from signet.domain.codes import Purpose
from signet.domain.guessing import DEFAULT_LIMITS, GuessingLimits

API_TOKEN = re.compile(r"sgt_([0-9a-f]{24})_[A-Za-z0-9_-]{43}")

HOUR = 3600


def new_application_id() -> str:
    """24 lower-case hex digits."""
    return secrets.token_hex(12)


def _new_digest_key() -> bytes:
    return secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An application's server secret: `sgt_<applicationId>_<43 base64url characters>`.

    256 random bits, so a plain SHA-256 digest is a safe thing to store: there is nothing to guess.
    """

    application_id: str
    secret: str = field(repr=False)

    @classmethod
    def generate(cls, application_id: str) -> "ApiToken":
        """A fresh token of the application."""
        return cls(application_id, f"sgt_{application_id}_{secrets.token_urlsafe(32)}")

    @classmethod
    def find(cls, text: str) -> "ApiToken | None":
        """The token that `text` is, or None where it does not have a token's form."""
        match = API_TOKEN.fullmatch(text)
        return cls(match[1], text) if match else None

    @property
    def digest(self) -> bytes:
        """What is stored of it."""
        return hashlib.sha256(self.secret.encode("ascii")).digest()

    @property
    def prefix(self) -> str:
        """What identifies it to a person, without being worth anything: 4 characters of the secret."""
        return self.secret[: len("sgt_") + 24 + len("_") + 4]


@dataclass(frozen=True, slots=True)
class StoredApiToken:
    """What is kept of an API token.

    Attributes:
        digest: SHA-256 of the token.
        prefix: Its first characters, for people.
        created_at_ms: Unix milliseconds.
        expires_at_ms: When its grace ends, once a newer one has replaced it; None while it is current.
    """

    digest: bytes = field(repr=False)
    prefix: str
    created_at_ms: int
    expires_at_ms: int | None = None

    @classmethod
    def of(cls, token: ApiToken, now_ms: int) -> "StoredApiToken":
        """What to keep of a token that is made now."""
        return cls(token.digest, token.prefix, now_ms)

    def is_live(self, now_ms: int) -> bool:
        """Whether it is good at that time: no longer from the very millisecond at which its grace ends."""
        return self.expires_at_ms is None or now_ms < self.expires_at_ms

    def until(self, now_ms: int, grace_ms: int) -> "StoredApiToken":
        """The same with a grace that begins now; it never comes to live longer than it would have."""
        end = now_ms + grace_ms
        return replace(self, expires_at_ms=min(end, self.expires_at_ms or end))


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """What a log-in from a front end gets: never the browser's own choice (api.md 5.2).

    Attributes:
        ttl_ms: Max age of its session tokens in milliseconds; None for no expiry.
        extra_data: The extra data of its session tokens.
        invalidate_existing_tokens: Whether a log-in ends the user's earlier tokens.
        session_lifetime_ms: How long a log-in's session can be refreshed, in milliseconds; None where it
            cannot.
    """

    ttl_ms: int | None = None
    extra_data: dict[str, Any] | None = None
    invalidate_existing_tokens: bool = False
    session_lifetime_ms: int | None = None


class VerifyEmail(StrEnum):
    """Whether users show that their address is theirs.

    OPTIONAL offers it; REQUIRED refuses a front end's log-in before.
    """

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


LINKS = {purpose.name.lower(): purpose for purpose in Purpose}
"""What the links of mails are for, by the name of the field that holds one."""


@dataclass(frozen=True, slots=True)
class SelfService:
    """What users may do alone; everything is off until the operator turns it on (api.md 10).

    Attributes:
        sign_up: Make an account.
        password_reset: Set a password that was forgotten.
        log_in_link: Log in by a code.
        profile: Change their own profile, address and password.
        verify_email: Show that their address is theirs.
        links: Where a mail's link leads, by what its code is for: a URL with `{code}` in it.
        language: Of the mails, as a language tag.
    """

    sign_up: bool = False
    password_reset: bool = False
    log_in_link: bool = False
    profile: bool = False
    verify_email: VerifyEmail = VerifyEmail.OFF
    links: Mapping[Purpose, str] = field(default_factory=dict)
    language: str = "en"

    def offers(self, purpose: Purpose) -> bool:
        """Whether there are codes for this."""
        match purpose:
            case Purpose.VERIFY_EMAIL:
                return self.verify_email is not VerifyEmail.OFF
            case Purpose.RESET_PASSWORD:
                return self.password_reset
            case Purpose.LOG_IN:
                return self.log_in_link
            case Purpose.CHANGE_EMAIL:
                return self.profile


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredApplication:
    """A tenant as its own item has it. Lifetimes are in seconds, dates in Unix milliseconds.

    Attributes:
        id: 24 hex digits, public.
        name: For people.
        api_tokens: At most two are live; the newest stands last.
        api_tokens_revision: How often they have been reset; a write of them is conditioned on it.
        require_jwt_token: Whether `identify` demands a user token.
        identity_token_lifetime: Of the tokens of api.md 3.
        user_token_lifetime: Of the tokens of api.md 4.
        max_token_lifetime: Caps every token, at issue and at verification; None where there is no cap.
        login: What a front end's log-in gets.
        guessing: How often passwords may be tried.
        self_service: What users may do alone.
        digest_key: 32 random bytes, under which accounts and sources are counted.
        created_at_ms: When it was made.
        updated_at_ms: When a setting last changed.
    """

    id: str
    name: str
    api_tokens: tuple[StoredApiToken, ...] = field(default=(), repr=False)
    api_tokens_revision: int = 0
    require_jwt_token: bool = True
    identity_token_lifetime: int = HOUR
    user_token_lifetime: int = 48 * HOUR
    max_token_lifetime: int | None = None
    login: LoginSettings = LoginSettings()
    guessing: GuessingLimits = DEFAULT_LIMITS
    self_service: SelfService = SelfService()
    digest_key: bytes = field(default_factory=_new_digest_key, repr=False)
    created_at_ms: int
    updated_at_ms: int

    def accepts(self, token: ApiToken, now_ms: int) -> bool:
        """Whether `token` is one of this application's live API tokens, found out in constant time."""
        digest = token.digest
        # Every stored digest is compared, whether or not an earlier one matched.
        matches = [
            hmac.compare_digest(digest, stored.digest) and stored.is_live(now_ms)
            for stored in self.api_tokens
        ]
        return any(matches) and token.application_id == self.id

    def live_api_tokens(self, now_ms: int) -> tuple[StoredApiToken, ...]:
        """Those that are good at that time, the newest last."""
        return tuple(token for token in self.api_tokens if token.is_live(now_ms))

    def with_new_api_token(self, token: ApiToken, grace_ms: int, now_ms: int) -> Self:
        """The application once `token` has taken the place of the newest one, which gets the grace.

        All others end: at most two are live. With a grace of 0 `token` alone is left.
        """
        previous = [stored.until(now_ms, grace_ms) for stored in self.live_api_tokens(now_ms)[-1:]]
        kept = [stored for stored in previous if stored.is_live(now_ms)]
        return replace(
            self,
            api_tokens=(*kept, StoredApiToken.of(token, now_ms)),
            api_tokens_revision=self.api_tokens_revision + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Application(StoredApplication):
    """A tenant in which a call acts.

    Attributes:
        generation: Copied into every token as `agen`; raising it ends all of the application's tokens. An
            item of its own, so that every issue can read it anew.
    """

    generation: int


class ApplicationChanged(Exception):
    """The application's generation is not the one that this call goes by: it has to begin again.

    What the call goes by besides, which API token is good and what the settings say, was read with the old
    generation. A token that it made must not have the new one: it would outlive the invalidation that an
    operator lets follow upon a change of either.
    """

    def __init__(self, application_id: str) -> None:
        self.application_id = application_id
        super().__init__(application_id)

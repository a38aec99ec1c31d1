"""An application as the operator's routes take and give it (docs/api.md, section 9)."""

from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints

from signet.domain.applications import LINKS, SelfService, StoredApiToken, StoredApplication, VerifyEmail
from signet.domain.guessing import Limit
from signet.domain.times import iso_8601
from signet.edge.fields.model import MAX_AGE_LIMIT_MS, WHOLE, LowerId, RequestModel, ResponseModel

ApplicationName = Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]

Lifetime = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_AGE_LIMIT_MS // 1000,
        description="a whole number of seconds from 1 up to 100 years, such as 3600",
    ),
    WHOLE,
]
"""In seconds; 100 years at most."""


class LoginView(ResponseModel):
    """What a front end's log-in gets."""

    ttl: int | None
    extra_data: dict[str, Any] | None
    invalidate_existing_tokens: bool
    session_lifetime: int | None


class LimitView(ResponseModel):
    """How often something may be guessed."""

    at_once: int
    per_minute: int

    @classmethod
    def of(cls, limit: Limit) -> Self:
        """What the operator sees of a limit."""
        return cls(at_once=limit.at_once, per_minute=limit.per_minute)


class GuessingView(ResponseModel):
    """How often passwords may be tried."""

    account: LimitView
    source: LimitView
    known_source: LimitView


class LinksView(ResponseModel):
    """Where the links of mails lead, by what their codes are for."""

    verify_email: str | None
    reset_password: str | None
    log_in: str | None
    change_email: str | None


class SelfServiceView(ResponseModel):
    """What users may do alone."""

    sign_up: bool
    password_reset: bool
    log_in_link: bool
    profile: bool
    verify_email: VerifyEmail
    links: LinksView
    language: str

    @classmethod
    def of(cls, offered: SelfService) -> Self:
        """What the operator sees of it."""
        return cls(
            sign_up=offered.sign_up,
            password_reset=offered.password_reset,
            log_in_link=offered.log_in_link,
            profile=offered.profile,
            verify_email=offered.verify_email,
            links=LinksView(**{name: offered.links.get(purpose) for name, purpose in LINKS.items()}),
            language=offered.language,
        )


class ApplicationView(ResponseModel):
    """An application, without anything secret. Lifetimes in seconds, those of `login` in milliseconds."""

    application_id: str
    name: str
    require_jwt_token: bool
    identity_token_lifetime: int
    user_token_lifetime: int
    max_token_lifetime: int | None
    login: LoginView
    guessing: GuessingView
    self_service: SelfServiceView
    creation_date: str
    last_updated: str

    @classmethod
    def of(cls, application: StoredApplication, **more: str) -> Self:
        """What the operator sees of an application."""
        return cls(
            application_id=application.id,
            name=application.name,
            require_jwt_token=application.require_jwt_token,
            identity_token_lifetime=application.identity_token_lifetime,
            user_token_lifetime=application.user_token_lifetime,
            max_token_lifetime=application.max_token_lifetime,
            login=LoginView(
                ttl=application.login.ttl_ms,
                extra_data=application.login.extra_data,
                invalidate_existing_tokens=application.login.invalidate_existing_tokens,
                session_lifetime=application.login.session_lifetime_ms,
            ),
            guessing=GuessingView(
                account=LimitView.of(application.guessing.account),
                source=LimitView.of(application.guessing.source),
                known_source=LimitView.of(application.guessing.known_source),
            ),
            self_service=SelfServiceView.of(application.self_service),
            creation_date=iso_8601(application.created_at_ms),
            last_updated=iso_8601(application.updated_at_ms),
            **more,
        )


class ApiTokenView(ResponseModel):
    """An API token without its secret. `expiresAt` is the end of its grace, null for the newest one."""

    prefix: str
    created_at: str
    expires_at: str | None
    current: bool

    @classmethod
    def of(cls, stored: StoredApiToken, **more: str) -> Self:
        """What an application sees of its API token."""
        expires_at_ms = stored.expires_at_ms
        return cls(
            prefix=stored.prefix,
            created_at=iso_8601(stored.created_at_ms),
            expires_at=None if expires_at_ms is None else iso_8601(expires_at_ms),
            current=expires_at_ms is None,
            **more,
        )


class ApplicationId(RequestModel):
    """Names an application, in the path or in a direct invocation."""

    application_id: LowerId

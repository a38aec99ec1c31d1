"""POST /applications/{applicationId}/experience/login: log in from a front end.

Anybody may ask. What the session token is like, the application's `login` settings say, not the
browser. docs/api.md, section 5.
"""

from typing import TypedDict

from signet import wiring
from signet.domain.applications import VerifyEmail
from signet.domain.guessing import find_source
from signet.domain.identities import load_email_validator
from signet.edge.credentials import NAMED
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import RequestModel
from signet.edge.operation import Call, operation
from signet.edge.user_view import UserView, view_user
from signet.errors import EmailNotVerified, LoginRefused, TooManyAttempts
from signet.usecases import authentication
from signet.usecases.authentication import Attempt, AuthMode
from signet.usecases.memberships import groups_once_written


class LogIn(RequestModel):
    """The request's fields."""

    email: str
    password: str


class LoggedIn(TypedDict):
    """The answer."""

    token: str
    user: UserView


@operation(
    "log_in",
    request=LogIn.parse,
    dialect=LOSANT,
    scheme=NAMED,
    needs=(wiring.verifier, wiring.signer, wiring.password_hasher, load_email_validator),
    refuses=(
        LoginRefused,
        EmailNotVerified,
        TooManyAttempts,
    ),
)
def lambda_handler(call: Call[LogIn]) -> LoggedIn:
    """Give a session token for an e-mail address and its password."""
    tenant, settings = call.tenant, call.tenant.application.login
    attempt = Attempt(
        mode=AuthMode.EMAIL_PASSWORD,
        email=call.request.email,
        password=call.request.password,
        source=find_source(call.source_ip),
        invalidate_existing_tokens=settings.invalidate_existing_tokens,
        return_token=True,
        ttl_ms=settings.ttl_ms,
        extra_data=settings.extra_data,
        session_lifetime_ms=settings.session_lifetime_ms,
        is_verified=tenant.application.self_service.verify_email is VerifyEmail.REQUIRED,
    )
    done = authentication.authenticate(
        tenant, wiring.verifier(), wiring.signer(), wiring.password_hasher(), attempt, call.warn
    )
    if done is None or done.token is None:
        message = "E-mail address and password do not belong together."
        raise LoginRefused(message)
    groups = groups_once_written(tenant, done.user, call.warn)
    return {"token": done.token, "user": view_user(tenant.application_id, done.user, groups)}

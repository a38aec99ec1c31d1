"""PATCH /applications/{applicationId}: change a tenant's settings (docs/api.md, section 9)."""

from typing import Annotated, Any

from pydantic import Field, Strict, StringConstraints

from signet import wiring
from signet.domain.applications import VerifyEmail
from signet.edge.credentials import OPERATOR
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.applications import ApplicationId, ApplicationName, ApplicationView, Lifetime
from signet.edge.fields.model import UNSET, WHOLE, ExtraData, MaxAge, RequestModel
from signet.edge.operation import Call, operation
from signet.usecases import applications


class LoginFields(RequestModel):
    """What a front end's log-in shall get; members that are left out stay."""

    ttl: MaxAge | None = None
    extra_data: ExtraData | None = None
    invalidate_existing_tokens: bool = UNSET
    session_lifetime: MaxAge | None = None


type AtOnce = Annotated[
    int,
    Field(ge=0, le=1_000_000, description="a whole number from 1 to 1000000, or 0 for no limit"),
    WHOLE,
]
type PerMinute = Annotated[int, Field(ge=1, le=60_000, description="a whole number from 1 to 60000"), WHOLE]


class LimitFields(RequestModel):
    """How often something may be guessed; members that are left out stay."""

    at_once: AtOnce = UNSET
    per_minute: PerMinute = UNSET


class GuessingFields(RequestModel):
    """How often passwords may be tried; members that are left out stay."""

    account: LimitFields = UNSET
    source: LimitFields = UNSET
    known_source: LimitFields = UNSET


_CHARACTERS = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*"
LINK = (
    r"^(https://([A-Za-z0-9-]+\.)*[A-Za-z0-9-]+|http://(localhost|127\.0\.0\.1|\[::1\]))(:[0-9]{1,5})?"
    rf"[/?#]{_CHARACTERS}\{{code\}}{_CHARACTERS}$"
)
"""Where the code goes no host is named, and nothing in it ends an attribute of HTML or a line."""

type Link = Annotated[
    str,
    StringConstraints(max_length=2048, pattern=LINK),
    Field(
        description=(
            "an https URL with {code} in it, behind its host, such as https://example.com/reset#{code};"
            " http leads to this machine alone (http://localhost:5173/reset#{code})"
        )
    ),
]

type Language = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$"),
    Field(description="a language tag, such as en, de or pt-BR"),
]


class LinksFields(RequestModel):
    """Where the links of mails lead, by what their codes are for; null for nowhere."""

    verify_email: Link | None = UNSET
    reset_password: Link | None = UNSET
    log_in: Link | None = UNSET
    change_email: Link | None = UNSET


class SelfServiceFields(RequestModel):
    """What users may do alone; members that are left out stay."""

    sign_up: bool = UNSET
    password_reset: bool = UNSET
    log_in_link: bool = UNSET
    profile: bool = UNSET
    verify_email: Annotated[VerifyEmail, Strict(strict=False)] = UNSET
    links: LinksFields = UNSET
    language: Language = UNSET


class UpdateApplication(ApplicationId):
    """The request's fields; those that are left out stay. Only `null`-able ones can be unset.

    What a client has read it may send back: the dates are known, and ignored.
    """

    name: ApplicationName = UNSET
    require_jwt_token: bool = UNSET
    identity_token_lifetime: Lifetime = UNSET
    user_token_lifetime: Lifetime = UNSET
    max_token_lifetime: Lifetime | None = None
    login: LoginFields = UNSET
    guessing: GuessingFields = UNSET
    self_service: SelfServiceFields = UNSET
    creation_date: Any = None
    last_updated: Any = None

    def changes(self) -> dict[str, Any]:
        """What was given, under the names of the fields of `StoredApplication`."""
        apart = {"application_id", "creation_date", "last_updated", "login", "guessing", "self_service"}
        changes = self.model_dump(exclude_unset=True, exclude=apart)
        if "login" in self.model_fields_set:
            names = {"ttl": "ttl_ms", "session_lifetime": "session_lifetime_ms"}
            given = self.login.model_dump(exclude_unset=True)
            changes |= {f"login_{names.get(name, name)}": value for name, value in given.items()}
        if "guessing" in self.model_fields_set:
            for limit, parts in self.guessing.model_dump(exclude_unset=True).items():
                changes |= {f"guessing_{limit}_{part}": value for part, value in parts.items()}
        if "self_service" in self.model_fields_set:
            given = self.self_service.model_dump(mode="json", exclude_unset=True)
            links = given.pop("links", {})
            changes |= {f"self_service_{name}": value for name, value in given.items()}
            changes |= {f"self_service_link_{name}": value for name, value in links.items()}
        return changes


@operation("update_application", request=UpdateApplication.parse, dialect=LOSANT, scheme=OPERATOR)
def lambda_handler(call: Call[UpdateApplication]) -> ApplicationView:
    """Change the given settings, and show the application as it is then."""
    request = call.request
    application = applications.update(wiring.table(), request.application_id, request.changes(), call.now_ms)
    return ApplicationView.of(application)

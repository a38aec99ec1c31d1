"""PATCH /applications/{applicationId}/experience/me: a user changes its own profile or password.

docs/accounts.md.
"""

from typing import Any, NotRequired, Self, TypedDict

from pydantic import ConfigDict, model_validator

from signet import wiring
from signet.domain.guessing import find_source
from signet.domain.identities import load_email_validator
from signet.edge.credentials import SESSION
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import UNSET
from signet.edge.fields.tokens import PresentedToken
from signet.edge.fields.users import Password, Text
from signet.edge.operation import Call, operation
from signet.edge.user_view import UserView, view_user
from signet.errors import (
    EmailNotVerified,
    FaultKind,
    InvalidRequest,
    NotOffered,
    PermissionDenied,
    TooManyAttempts,
)
from signet.usecases.oneself import Oneself


class UpdateMe(PresentedToken):
    """The fields to change; what is left out stays. A new password asks for the current one."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"password": ["currentPassword"]}})
    first_name: Text | None = None
    last_name: Text | None = None
    password: Password = UNSET
    current_password: str = UNSET

    @model_validator(mode="after")
    def _asks_for_the_current_one(self) -> Self:
        if self.password is not None and self.current_password is None:
            raise InvalidRequest.of("currentPassword", "is required with a new password.", FaultKind.MISSING)
        return self

    def fields(self) -> dict[str, Any]:
        """What was given of the profile, under the names of `User`'s fields."""
        return self.model_dump(include={"first_name", "last_name"}, exclude_unset=True)


class UpdatedMe(TypedDict):
    """The answer, with a token where a new password has ended the others."""

    token: NotRequired[str]
    user: UserView


@operation(
    "update_me",
    request=UpdateMe.parse,
    dialect=LOSANT,
    scheme=SESSION,
    needs=(wiring.verifier, wiring.signer, wiring.password_hasher, load_email_validator),
    refuses=(NotOffered, EmailNotVerified, PermissionDenied, TooManyAttempts),
)
def lambda_handler(call: Call[UpdateMe]) -> UpdatedMe:
    """Change what is given; a new password ends all of the user's tokens, and gives a new one."""
    request, tenant = call.request, call.tenant
    oneself = Oneself(
        tenant,
        wiring.verifier(),
        wiring.password_hasher(),
        request.token,
        request.current_password,
        find_source(call.source_ip),
    )
    user, groups, token = oneself.change(wiring.signer(), request.fields(), request.password)
    answer: UpdatedMe = {"user": view_user(tenant.application_id, user, groups)}
    return answer if token is None else {"token": token, **answer}

"""PATCH /applications/{applicationId}/experience/me: a user changes its own profile, password or address.

docs/accounts.md.
"""

from typing import Any, NotRequired, Self, TypedDict

from pydantic import ConfigDict, model_validator

from signet import wiring
from signet.domain.guessing import find_source
from signet.domain.identities import load_email_validator
from signet.edge.credentials import SESSION
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.identities import EmailText
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
from signet.usecases.mails import AddressChange
from signet.usecases.oneself import Oneself


class UpdateMe(PresentedToken):
    """The fields to change; what is left out stays. A new password or address asks for the password."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {"password": ["currentPassword"], "email": ["currentPassword"]}
        }
    )
    first_name: Text | None = None
    last_name: Text | None = None
    password: Password = UNSET
    email: EmailText = UNSET
    current_password: str = UNSET

    @model_validator(mode="after")
    def _asks_for_the_current_one(self) -> Self:
        if self.current_password is None and (self.password is not None or self.email is not None):
            what = "address" if self.password is None else "password"
            raise InvalidRequest.of("currentPassword", f"is required with a new {what}.", FaultKind.MISSING)
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
    needs=(
        wiring.verifier,
        wiring.signer,
        wiring.password_hasher,
        wiring.mail_queue,
        load_email_validator,
    ),
    refuses=(NotOffered, EmailNotVerified, PermissionDenied, TooManyAttempts),
)
def lambda_handler(call: Call[UpdateMe]) -> UpdatedMe:
    """Change what is given; a new password ends all tokens and gives a new one, a new address gets a mail."""
    request, tenant, source = call.request, call.tenant, find_source(call.source_ip)
    address = None
    if request.email is not None:
        address = AddressChange.begin(tenant, wiring.mail_queue(), request.email, source)
    oneself = Oneself(
        tenant,
        wiring.verifier(),
        wiring.password_hasher(),
        request.token,
        request.current_password,
        source,
    )
    user, groups, token = oneself.change(wiring.signer(), request.fields(), request.password, address)
    answer: UpdatedMe = {"user": view_user(tenant.application_id, user, groups)}
    return answer if token is None else {"token": token, **answer}

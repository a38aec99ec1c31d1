"""The fields that name an identity, and those that hold an address."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from signet.domain.identities import MAX_EMAIL, Identity, IdentityType, normal_email, parse_identity
from signet.edge.fields.model import RequestModel, described
from signet.errors import FaultKind, InvalidRequest


def _email(text: str) -> str:
    normal_email(text, "email")
    return text.strip()


EmailText = Annotated[
    str, StringConstraints(max_length=MAX_EMAIL), AfterValidator(_email), described(format="email")
]
"""An e-mail address as it was given, without white space around it."""


class Address(RequestModel):
    """An e-mail address, and nothing else."""

    email: EmailText


class IdentityFields(RequestModel):
    """An identity as Gladly's clients name it. `identity` comes out in its normal form."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"identityType": {"const": IdentityType.EMAIL}}},
            "then": {"properties": {"identity": {"format": "email"}}},
            "else": {"properties": {"identity": {"format": "e164", "pattern": r"^\+[1-9][0-9]{1,14}$"}}},
        }
    )

    identity_type: Annotated[IdentityType, Strict(strict=False)]
    identity: Annotated[str, Field(max_length=MAX_EMAIL)]

    @field_validator("identity")
    @classmethod
    def _in_normal_form(cls, text: str, info: ValidationInfo) -> str:
        identity_type = info.data.get("identity_type")
        if identity_type is not None:
            return parse_identity(identity_type, text).value
        # Where the type is wrong, which is reported anyway, this alone can be told of the identity.
        if not text.strip():
            message = "must not be blank; give an e-mail address or a phone number."
            raise InvalidRequest.of("identity", message, FaultKind.MISSING)
        return text

    @property
    def subject(self) -> Identity:
        """The identity."""
        return Identity(self.identity_type, self.identity)

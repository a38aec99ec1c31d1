"""The fields that name an identity."""

from typing import Annotated

from pydantic import Field, Strict, ValidationInfo, field_validator

from signet.domain.identities import Identity, IdentityType, parse_identity
from signet.edge.fields.model import RequestModel


class IdentityFields(RequestModel):
    """An identity as Gladly's clients name it. `identity` comes out in its normal form."""

    identity_type: Annotated[IdentityType, Strict(strict=False)]
    identity: Annotated[str, Field(max_length=1024)]

    @field_validator("identity")
    @classmethod
    def _in_normal_form(cls, text: str, info: ValidationInfo) -> str:
        # Where the type is wrong there is nothing to compare with; that fault is reported anyway.
        identity_type = info.data.get("identity_type")
        return text if identity_type is None else parse_identity(identity_type, text).value

    @property
    def subject(self) -> Identity:
        """The identity."""
        return Identity(self.identity_type, self.identity)

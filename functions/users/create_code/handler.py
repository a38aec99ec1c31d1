"""POST /applications/{applicationId}/experience/users/{experienceUserId}/codes: make a code for a user.

For who sends the mails: the code is in the answer, and nowhere else. docs/accounts.md.
"""

from typing import Annotated, TypedDict

from pydantic import AfterValidator, ConfigDict, Field, Strict

from signet.domain.codes import MAX_LIFE, Purpose
from signet.domain.identities import load_email_validator
from signet.domain.times import iso_8601
from signet.edge.credentials import BEARER
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.identities import EmailText
from signet.edge.fields.model import UNSET, WHOLE
from signet.edge.fields.users import NamedUser
from signet.edge.operation import Call, operation
from signet.errors import NotOffered, UserNotFound
from signet.usecases import codes

type Life = Annotated[
    int,
    Field(
        gt=0,
        le=MAX_LIFE * 1000,
        description="a whole number of milliseconds above 0, up to 7 days, such as 3600000 for an hour",
    ),
    WHOLE,
    # A code's end is in whole seconds: it never lives shorter than was asked for.
    AfterValidator(lambda milliseconds: -(-milliseconds // 1000)),
]


class CreateCode(NamedUser):
    """The request's fields; the user is named by id, by `ext:…`, or by e-mail address."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"purpose": {"const": Purpose.CHANGE_EMAIL}}},
            "then": {"required": ["email"]},
            "else": {"properties": {"email": False}},
        }
    )
    purpose: Annotated[Purpose, Strict(strict=False)]
    ttl: Life = UNSET
    email: EmailText = UNSET


class MadeCode(TypedDict):
    """The answer."""

    code: str
    expiresAt: str


@operation(
    "create_code",
    request=CreateCode.parse,
    dialect=LOSANT,
    scheme=BEARER,
    status=201,
    needs=(load_email_validator,),
    refuses=(NotOffered, UserNotFound),
)
def lambda_handler(call: Call[CreateCode]) -> MadeCode:
    """Make a code, in place of the one that there may be for the same purpose."""
    request = call.request
    code, expires_at = codes.create(
        call.tenant, request.experience_user_id, request.purpose, life=request.ttl, email=request.email
    )
    return {"code": code, "expiresAt": iso_8601(expires_at * 1000)}

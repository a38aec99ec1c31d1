"""POST /applications/{applicationId}/experience/codes/redeem: do what a code is for, once.

Anybody may ask; who has the code reads the mails of an address. docs/accounts.md.
"""

from typing import NotRequired, TypedDict

from signet import wiring
from signet.domain.codes import Purpose
from signet.domain.guessing import find_source
from signet.domain.identities import load_email_validator
from signet.edge.credentials import NAMED
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.model import UNSET, RequestModel
from signet.edge.operation import Call, operation
from signet.edge.user_view import UserView, view_user
from signet.errors import CodeInvalid, LoginRefused, NotOffered, TooManyAttempts, UserExists
from signet.usecases import redeeming
from signet.usecases.memberships import groups_once_written


class RedeemCode(RequestModel):
    """The request's fields; what a code needs no password for does not look at it."""

    code: str
    password: str = UNSET


class Redeemed(TypedDict):
    """The answer: `success`, or what a log-in answers."""

    success: NotRequired[bool]
    token: NotRequired[str]
    user: NotRequired[UserView]


@operation(
    "redeem_code",
    request=RedeemCode.parse,
    dialect=LOSANT,
    scheme=NAMED,
    needs=(wiring.signer, wiring.password_hasher, load_email_validator),
    refuses=(CodeInvalid, LoginRefused, NotOffered, UserExists, TooManyAttempts),
)
def lambda_handler(call: Call[RedeemCode]) -> Redeemed:
    """Verify an address, set a password, log in or move to another address, as the code says."""
    tenant, request = call.tenant, call.request
    if not any(map(tenant.application.self_service.offers, Purpose)):
        raise NotOffered.of("codes")
    done = redeeming.redeem(
        tenant,
        wiring.signer(),
        wiring.password_hasher(),
        request.code,
        request.password,
        find_source(call.source_ip),
    )
    if done.token is None:
        return {"success": True}
    groups = groups_once_written(tenant, done.user, call.warn)
    return {"token": done.token, "user": view_user(tenant.application_id, done.user, groups)}

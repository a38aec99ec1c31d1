"""POST /applications/{applicationId}/experience/refresh: another token of the same session.

docs/accounts.md.
"""

from typing import TypedDict

from signet import wiring
from signet.edge.credentials import SESSION
from signet.edge.dialects.losant import LOSANT
from signet.edge.fields.tokens import PresentedToken
from signet.edge.operation import Call, operation
from signet.errors import NotOffered, PermissionDenied
from signet.usecases import refreshing


class Refreshed(TypedDict):
    """The answer."""

    token: str


@operation(
    "refresh_session",
    request=PresentedToken.parse,
    dialect=LOSANT,
    scheme=SESSION,
    needs=(wiring.verifier, wiring.signer),
    refuses=(NotOffered, PermissionDenied),
)
def lambda_handler(call: Call[PresentedToken]) -> Refreshed:
    """Give a token that lives on, for one of a log-in that is good."""
    token = refreshing.refresh(call.tenant, wiring.verifier(), wiring.signer(), call.request.token)
    return {"token": token}

"""Makes the signing keys: at deployment as a custom resource, and by hand (docs/api.md, section 7).

No route: only IAM lets anybody invoke it. `{}` makes sure that there is a key; `{"issuer": "https://…"}`
also sets the issuer of the tokens to come.
"""

from typing import Annotated, Any

from signet import wiring
from signet.accounts.keys import ensure_key_ring
from signet.credentials import OPERATOR
from signet.custom_resource import custom_resource
from signet.dialects.oauth import OAUTH
from signet.keys import Algorithm
from signet.models import RequestModel
from signet.operation import Call, operation

from pydantic import StringConstraints

BASE_URL = r"^https?://[^\s/?#]+(/[^\s?#]*)?[^\s/?#]$"


class RotateKeys(RequestModel):
    """The request's fields."""

    issuer: Annotated[str, StringConstraints(pattern=BASE_URL, max_length=255)] | None = None


@custom_resource
@operation("rotate_keys", request=RotateKeys.parse, dialect=OAUTH, scheme=OPERATOR)
def lambda_handler(call: Call[RotateKeys]) -> dict[str, Any]:
    """Found the key ring where there is none."""
    key_ring = ensure_key_ring(
        wiring.table(),
        wiring.vault(),
        issuer=call.request.issuer,
        algorithm=Algorithm(wiring.settings().signing_algorithm),
        now=call.now,
    )
    keys = [{"kid": key.kid, "algorithm": key.algorithm, "state": key.state} for key in key_ring.keys]
    return {"issuer": key_ring.issuer, "keys": keys}

"""Moves the signing keys on: daily, at deployment as a custom resource, and by hand (docs/keys.md).

No route: only IAM lets anybody invoke it. `{}` does what is due; `{"issuer": "https://…"}` also sets the
issuer of the tokens to come; `{"emergency": true, "kid": "…"}` first revokes that key; `{"readOnly": true}`
shows the keys, and does nothing.
"""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from signet import wiring
from signet.domain.keys import KeyRing, KeyState, RotationPolicy, SigningKey
from signet.domain.times import iso_8601
from signet.edge.credentials import OPERATOR
from signet.edge.custom_resource import custom_resource
from signet.edge.dialects.oauth import OAUTH
from signet.edge.fields.model import UNSET, RequestModel
from signet.edge.operation import Call, operation
from signet.errors import FaultKind, InvalidRequest

BASE_URL = r"https?://[^\s/?#]+(/[^\s?#]*)?[^\s/?#]"


def _base_url(text: str) -> str:
    if not re.fullmatch(BASE_URL, text):
        message = "must be a base URL, such as https://id.example.com, without a slash at its end."
        raise InvalidRequest.of("issuer", message)
    return text


class RotateKeys(RequestModel):
    """The request's fields."""

    issuer: Annotated[str, StringConstraints(max_length=255), AfterValidator(_base_url)] | None = None
    emergency: bool = False
    kid: Annotated[str, StringConstraints(max_length=64)] = UNSET
    read_only: bool = False

    @model_validator(mode="after")
    def _a_key_is_revoked_on_purpose(self) -> Self:
        if self.emergency and self.kid is None:
            message = "is required in an emergency: the key to revoke."
            raise InvalidRequest.of("kid", message, FaultKind.MISSING)
        if self.kid is not None and not self.emergency:
            message = 'names a key to revoke, for good; add "emergency": true, or leave it out.'
            raise InvalidRequest.of("kid", message)
        if self.read_only and (self.emergency or self.issuer is not None):
            raise InvalidRequest.of(
                "readOnly", "changes nothing; leave issuer and emergency out, or leave it out."
            )
        return self


@custom_resource
@operation("rotate_keys", request=RotateKeys.parse, dialect=OAUTH, scheme=OPERATOR)
def lambda_handler(call: Call[RotateKeys]) -> dict[str, Any]:
    """Revoke a key where one is named, and do what is due; or only look."""
    keeper = wiring.key_keeper(call.now)
    if call.request.read_only:
        key_ring = keeper.read()
    else:
        if call.request.emergency:
            keeper.revoke(call.request.kid)
        key_ring = keeper.rotate(call.request.issuer)
        # Not for who only looks: an alarm hears by it that nobody has rotated.
        call.metric("ActiveKeyOverdue", "Seconds", keeper.policy.overdue(key_ring, call.now))
    keys = [_view_key(key, key_ring, keeper.policy) for key in key_ring.keys]
    return {"issuer": key_ring.issuer, "keys": keys, "damaged": list(key_ring.damaged)}


def _view_key(key: SigningKey, key_ring: KeyRing, policy: RotationPolicy) -> dict[str, str]:
    shown = {"kid": key.kid, "algorithm": key.algorithm, "state": key.state}
    shown["createdAt"] = iso_8601(key.created_at * 1000)
    if key.ended_at is not None:
        shown["endedAt"] = iso_8601(key.ended_at * 1000)
    if key.state is KeyState.ACTIVE:
        shown["signsFrom"] = iso_8601(key_ring.activated_at * 1000)
        shown["dueAt"] = iso_8601((key_ring.activated_at + policy.period) * 1000)
    if key.state is KeyState.ANNOUNCED:
        shown["maySignFrom"] = iso_8601(policy.signs_from(key) * 1000)
    return shown

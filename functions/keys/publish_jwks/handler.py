"""GET /.well-known/jwks.json: the public keys (RFC 7517; docs/api.md, section 7)."""

from typing import Any, TypedDict

from signet import wiring
from signet.domain.keys import JWKS_MAX_AGE
from signet.edge.credentials import PUBLIC
from signet.edge.dialects.oauth import OAUTH
from signet.edge.operation import Call, no_fields, operation


class Jwks(TypedDict):
    """The answer: a JWK set."""

    keys: list[dict[str, Any]]


@operation(
    "publish_jwks",
    request=no_fields,
    dialect=OAUTH,
    scheme=PUBLIC,
    headers={"cache-control": f"public, max-age={JWKS_MAX_AGE}"},
    needs=(wiring.key_ring,),
)
def lambda_handler(_call: Call[None]) -> Jwks:
    """The JWK set of every key that may verify a token now or soon."""
    return {"keys": wiring.key_ring().get().jwks()["keys"]}

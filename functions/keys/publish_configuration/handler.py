"""GET /.well-known/openid-configuration: discovery (docs/api.md, section 7)."""

from typing import TypedDict

from signet import wiring
from signet.domain.keys import JWKS_MAX_AGE
from signet.edge.credentials import PUBLIC
from signet.edge.dialects.oauth import OAUTH
from signet.edge.operation import Call, no_fields, operation

AUTH_METHODS = ["client_secret_basic", "client_secret_post"]
"""How a caller of the endpoints that take tokens says who it is (RFC 8414 section 2)."""


class RevocationBounds(TypedDict):
    """Within how many seconds each revocation is seen everywhere."""

    user: float
    application: float
    key: float


class Configuration(TypedDict):
    """The answer (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2)."""

    issuer: str
    jwks_uri: str
    introspection_endpoint: str
    introspection_endpoint_auth_methods_supported: list[str]
    revocation_endpoint: str
    revocation_endpoint_auth_methods_supported: list[str]
    id_token_signing_alg_values_supported: list[str]
    revocation_bound_seconds: RevocationBounds


@operation(
    "publish_configuration",
    request=no_fields,
    dialect=OAUTH,
    scheme=PUBLIC,
    headers={"cache-control": f"public, max-age={JWKS_MAX_AGE}"},
    needs=(wiring.key_ring,),
)
def lambda_handler(_call: Call[None]) -> Configuration:
    """What a verifier needs to know, with the time within which each revocation is seen everywhere."""
    settings, key_ring = wiring.settings(), wiring.key_ring().get()
    return {
        "issuer": key_ring.issuer,
        "jwks_uri": f"{key_ring.issuer}/.well-known/jwks.json",
        "introspection_endpoint": f"{key_ring.issuer}/oauth2/introspect",
        "introspection_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint": f"{key_ring.issuer}/oauth2/revoke",
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "id_token_signing_alg_values_supported": key_ring.algorithms(),
        "revocation_bound_seconds": {
            "user": 0,
            "application": settings.application_cache_seconds,
            "key": settings.key_ring_seconds + JWKS_MAX_AGE,
        },
    }

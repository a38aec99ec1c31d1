"""Private keys, as they are encrypted."""

import json
import traceback

import pytest
from joserfc.jwk import import_key

from signet.domain import signing
from signet.domain.keys import Algorithm


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_a_private_key_is_a_jwk_that_others_read(algorithm: Algorithm) -> None:
    """What is encrypted is a private JWK of RFC 7518: any library loads it, and so do we."""
    new = signing.generate(algorithm)
    foreign = import_key(json.loads(new.private_jwk))
    assert foreign.is_private
    assert foreign.thumbprint() == new.kid == signing.load_private(new.private_jwk, new.kid, algorithm).key_id
    assert new.public_jwk.items() <= json.loads(new.private_jwk).items()
    # What KMS encrypts in one call.
    assert len(new.private_jwk) <= 4096


BROKEN = [
    b"",
    b"not JSON",
    b"[]",
    b"null",
    b"{}",
    b'{"kty": "EC"}',
    b'{"kty": "EC", "d": 5}',
    b'{"kty": "EC", "d": ""}',
    b'{"kty": "EC", "d": "!"}',
    b'{"kty": "RSA", "n": "AQ", "e": "AQAB", "d": "A", "p": "A", "q": "A", "dp": "A", "dq": "A", "qi": "A"}',
    b'{"kty": "RSA", "n": "AQ"}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("algorithm", [*Algorithm])
@pytest.mark.parametrize("content", BROKEN)
def test_what_is_no_private_key_is_told_apart(content: bytes, algorithm: Algorithm) -> None:
    """Damage is a ValueError, which a signer answers with 503."""
    with pytest.raises(ValueError, match=r"."):
        signing.load_private(content, "k" * 43, algorithm)


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_a_public_or_another_s_key_is_no_private_key(algorithm: Algorithm) -> None:
    """Nor is one whose halves belong to two keys: what it signed, nobody could verify."""
    new, other = signing.generate(algorithm), signing.generate(algorithm)
    members = json.loads(new.private_jwk)
    for jwk in (new.public_jwk, json.loads(other.private_jwk), members | other.public_jwk):
        with pytest.raises(ValueError, match=r"private JWK|no key for"):
            signing.load_private(json.dumps(jwk).encode(), new.kid, algorithm)


@pytest.mark.parametrize("algorithm", [*Algorithm])
@pytest.mark.parametrize(
    "change", [{"kty": ""}, {"kty": "oct"}, {"crv": "P-384", "e": 1}, {"d": 1}, {"d": ""}]
)
def test_an_error_quotes_no_private_key(algorithm: Algorithm, change: dict[str, object]) -> None:
    """Nor does anything in its chain that a log would show."""
    new = signing.generate(algorithm)
    secret = json.loads(new.private_jwk)
    with pytest.raises(ValueError, match=r".") as refused:
        signing.load_private(json.dumps(secret | change).encode(), new.kid, algorithm)
    shown = "".join(traceback.format_exception(refused.value))
    assert not any(secret[name] in shown for name in secret.keys() - new.public_jwk.keys() - {"key_ops"})

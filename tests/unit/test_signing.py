"""Private keys, as they are encrypted."""

import json

import pytest
from joserfc.jwk import import_key

from signet.domain import signing
from signet.domain.keys import Algorithm, thumbprint


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_a_private_key_is_a_jwk_that_others_read(algorithm: Algorithm) -> None:
    """What is encrypted is a private JWK of RFC 7518: any library loads it, and so do we."""
    new = signing.generate(algorithm)
    foreign = import_key(json.loads(new.private_jwk))
    assert foreign.is_private
    assert (
        foreign.thumbprint()
        == new.kid
        == thumbprint(signing.to_jwk(signing.load(new.private_jwk).public_key()))
    )
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


@pytest.mark.parametrize("content", BROKEN)
def test_what_is_no_private_key_is_told_apart(content: bytes) -> None:
    """Damage is a ValueError, which a signer answers with 503."""
    with pytest.raises(ValueError, match=r"."):
        signing.load(content)

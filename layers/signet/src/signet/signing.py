"""Signing keys: made here, loaded here; the private half is nowhere written in the clear."""

from dataclasses import dataclass, field
from typing import cast

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from signet.keys import THUMBPRINT_MEMBERS, Algorithm, thumbprint

type PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
type PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

RSA_BITS = 2048  # RFC 7518 section 3.3 asks for at least this; larger keys sign several times slower.


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key pair that was just made.

    Attributes:
        kid: The RFC 7638 thumbprint.
        algorithm: What it signs with.
        public_jwk: The public members, no others.
        private_key_der: PKCS #8 in DER, in the clear: encrypt it at once and forget it.
    """

    kid: str
    algorithm: Algorithm
    public_jwk: dict[str, str]
    private_key_der: bytes = field(repr=False)


def generate(algorithm: Algorithm) -> NewKey:
    """Make a key pair for the algorithm."""
    private_key: PrivateKey
    if algorithm is Algorithm.ES256:
        private_key = ec.generate_private_key(ec.SECP256R1())
    else:
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    jwk = public_jwk(private_key.public_key())
    der = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return NewKey(thumbprint(jwk), algorithm, jwk, der)


def public_jwk(public_key: PublicKey) -> dict[str, str]:
    """The public members of a key (RFC 7518 sections 6.2.1 and 6.3.1), and no others."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        jwk = ECAlgorithm.to_jwk(public_key, as_dict=True)
    else:
        jwk = RSAAlgorithm.to_jwk(public_key, as_dict=True)
    return {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}


def load(private_key_der: bytes) -> PrivateKey:
    """Load a private key once; using the object again costs nothing (an RSA key takes 27 ms to load).

    Raises:
        ValueError: The bytes are no private key.
    """
    return cast("PrivateKey", load_der_private_key(private_key_der, password=None))


def load_public(public_jwk: dict[str, str]) -> PublicKey:
    """Load a public key from its JWK."""
    algorithm = ECAlgorithm if public_jwk["kty"] == "EC" else RSAAlgorithm
    return cast("PublicKey", algorithm.from_jwk(public_jwk))

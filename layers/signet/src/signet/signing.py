"""Signing keys: made here, loaded here; the private half is nowhere written in the clear."""

import base64
from dataclasses import dataclass, field
from typing import cast

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from signet.keys import Algorithm, thumbprint

type PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
type PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

RSA_BITS = 2048  # RFC 7518 section 3.3 asks for at least this; larger keys sign several times slower.


@dataclass(frozen=True, slots=True, eq=False)
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
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private_key: PrivateKey
    if algorithm is Algorithm.ES256:
        private_key = ec.generate_private_key(ec.SECP256R1())
    else:
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    jwk = to_jwk(private_key.public_key())
    der = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return NewKey(thumbprint(jwk), algorithm, jwk, der)


def load(private_key_der: bytes) -> PrivateKey:
    """Load a private key once; using the object again costs nothing (an RSA key takes 27 ms to load).

    Raises:
        ValueError: The bytes are no private key.
    """
    # Takes 10 ms to import, which functions that only verify need not pay.
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return cast("PrivateKey", load_der_private_key(private_key_der, password=None))


def to_jwk(public_key: PublicKey) -> dict[str, str]:
    """The public members of a key's JWK (RFC 7518 section 6), without `kid`, `alg` and `use`."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        point = public_key.public_numbers()
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": _encode(point.x.to_bytes(32)),
            "y": _encode(point.y.to_bytes(32)),
        }
    numbers = public_key.public_numbers()
    n, e = (number.to_bytes(-(-number.bit_length() // 8)) for number in (numbers.n, numbers.e))
    return {"kty": "RSA", "n": _encode(n), "e": _encode(e)}


def load_public(public_jwk: dict[str, str]) -> PublicKey:
    """Load a public key from its JWK.

    Raises:
        ValueError: It is none of `to_jwk`'s; of an elliptic curve, also where the point is not on it.
    """
    if public_jwk["kty"] == "RSA":
        return rsa.RSAPublicNumbers(_decode(public_jwk["e"]), _decode(public_jwk["n"])).public_key()
    if (public_jwk["kty"], public_jwk["crv"]) != ("EC", "P-256"):
        message = "The JWK is neither of RSA nor of the curve P-256."
        raise ValueError(message)
    point = ec.EllipticCurvePublicNumbers(_decode(public_jwk["x"]), _decode(public_jwk["y"]), ec.SECP256R1())
    return point.public_key()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

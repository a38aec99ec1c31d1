"""Signing keys: made here, loaded here; the private half is nowhere written in the clear."""

import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from signet.domain import base64url
from signet.domain.keys import Algorithm, thumbprint

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
        private_jwk: The private JWK (RFC 7518 section 6) as JSON, in the clear: encrypt it at once and
            forget it.
    """

    kid: str
    algorithm: Algorithm
    public_jwk: dict[str, str]
    private_jwk: bytes = field(repr=False)


def generate(algorithm: Algorithm) -> NewKey:
    """Make a key pair for the algorithm."""
    if algorithm is Algorithm.ES256:
        ec_key = ec.generate_private_key(ec.SECP256R1())
        public_jwk = to_jwk(ec_key.public_key())
        private_members = {"d": base64url.encode(ec_key.private_numbers().private_value.to_bytes(32))}
    else:
        rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        public_jwk = to_jwk(rsa_key.public_key())
        numbers = rsa_key.private_numbers()
        private = {"d": numbers.d, "p": numbers.p, "q": numbers.q}
        private |= {"dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp}
        private_members = {name: _encode_number(number) for name, number in private.items()}
    private_jwk = json.dumps({**public_jwk, **private_members}).encode()
    return NewKey(thumbprint(public_jwk), algorithm, public_jwk, private_jwk)


def load(private_jwk: bytes) -> PrivateKey:
    """Load a private key once; using the object again costs nothing (an RSA key takes 27 ms to load).

    A JWK, since what reads PKCS #8 takes 10 ms to import.

    Raises:
        ValueError: The bytes are no private key.
    """
    try:
        jwk = json.loads(private_jwk)
        if jwk["kty"] == "EC":
            return ec.derive_private_key(_decode(jwk["d"]), ec.SECP256R1())
        n, e, d, p, q, dp, dq, qi = (
            _decode(jwk[name]) for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi")
        )
    except (KeyError, TypeError) as error:
        message = "This is no private JWK."
        raise ValueError(message) from error
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()


def to_jwk(public_key: PublicKey) -> dict[str, str]:
    """The public members of a key's JWK (RFC 7518 section 6), without `kid`, `alg` and `use`."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        point = public_key.public_numbers()
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": base64url.encode(point.x.to_bytes(32)),
            "y": base64url.encode(point.y.to_bytes(32)),
        }
    numbers = public_key.public_numbers()
    return {"kty": "RSA", "n": _encode_number(numbers.n), "e": _encode_number(numbers.e)}


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


def _encode_number(number: int) -> str:
    return base64url.encode(number.to_bytes(-(-number.bit_length() // 8)))


def _decode(text: str) -> int:
    return int.from_bytes(base64url.decode(text))

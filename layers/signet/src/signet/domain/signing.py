"""Signing keys: made here, loaded here; the private half is nowhere written in the clear."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import PyJWK, PyJWTError
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from signet.domain.keys import THUMBPRINT_MEMBERS, Algorithm, thumbprint

default_backend()  # Or PyJWT's first key would load it, in a call.

type Key = PyJWK
"""A loaded key, public or private, with the one algorithm that it is for; its `key_id` is its thumbprint."""

RSA_BITS = 2048  # RFC 7518 section 3.3 asks for at least this; larger keys sign several times slower.


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key pair that was just made.

    Attributes:
        kid: The RFC 7638 thumbprint.
        algorithm: What it signs with.
        public_jwk: The members that the thumbprint is of, no others.
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
        jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    else:
        jwk = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, RSA_BITS), as_dict=True)
    public_jwk = {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}
    return NewKey(thumbprint(public_jwk), algorithm, public_jwk, json.dumps(jwk).encode())


def load_private(private_jwk: bytes, kid: str, algorithm: Algorithm) -> Key:
    """Load a private key once; using the object again costs nothing (an RSA key takes 27 ms to load).

    Args:
        private_jwk: As `NewKey` has it.
        kid: The thumbprint that the key has to have.
        algorithm: The one algorithm that it signs with.

    Raises:
        ValueError: The bytes are not this private key.
    """
    try:
        jwk = json.loads(private_jwk)
    except ValueError:  # It quotes the key.
        jwk = None
    if not isinstance(jwk, dict) or "d" not in jwk:
        message = "This is no private JWK."
        raise ValueError(message)
    key = load_public(jwk, algorithm)
    if key.key_id != kid:
        message = "This is the private JWK of another key."
        raise ValueError(message)
    return key


def load_public(public_jwk: Mapping[str, Any], algorithm: Algorithm) -> Key:
    """Load a public key from its JWK.

    Args:
        public_jwk: As `NewKey` has it.
        algorithm: The one algorithm that it verifies, whatever a token says.

    Raises:
        ValueError: It is no key of that algorithm; of an elliptic curve, also where the point is not on it;
            of RSA, also where it has less than 2048 bits.
    """
    message = f"The JWK is no key for {algorithm.value}."
    try:
        key = PyJWK({**public_jwk, "kid": thumbprint(public_jwk)}, algorithm)
        key.Algorithm.prepare_key(key.key)  # Checks the curve.
    except (PyJWTError, KeyError, TypeError):
        # Not as its cause: PyJWT's messages may quote the key.
        raise ValueError(message) from None
    if key.Algorithm.check_key_length(key.key) is not None:
        raise ValueError(message)
    return key

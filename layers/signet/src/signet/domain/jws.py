"""Compact JWS (RFC 7515) with ES256 and RS256 (RFC 7518), on cryptography's signatures alone.

All that is taken is what Signet writes: one spelling of each part, a header of three members, and the
algorithm of the key. PyJWT, which does the same and more, takes 60 ms to import; the tests hold it, joserfc
and the vectors of Wycheproof against this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from signet.domain import base64url
from signet.domain.keys import Algorithm
from signet.domain.signing import PrivateKey, PublicKey
from signet.domain.strict_json import Members, parse_object, write_object
from signet.errors import InvalidRequest, TokenInvalid

MAX_LENGTH = 8 * 1024
"""In characters, which are bytes: what a token of ours may have at most, made or taken."""

SIGNATURE_LENGTHS = {Algorithm.ES256: 64, Algorithm.RS256: 256}
"""In bytes, of the keys that Signet makes (RFC 7518 sections 3.3 and 3.4)."""


@dataclass(frozen=True, slots=True, eq=False)
class UnverifiedJws:
    """A compact JWS, taken apart; nothing vouches for any of it.

    Attributes:
        header: `alg`, `kid` and `typ`, or fewer.
        payload: Its bytes.
        signature: Its bytes.
        signed: What the signature is of: the first two parts as they stand.
    """

    header: Members = field(repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    signed: bytes = field(repr=False)


def parse(text: str) -> UnverifiedJws:
    """Take a compact JWS apart.

    Raises:
        TokenInvalid: It is no compact JWS of ours. Only the one canonical spelling of each part counts:
            base64url ignores some bits at its end, and no byte of a token may be changed.
    """
    parts = text.split(".") if len(text) <= MAX_LENGTH else []
    if len(parts) != 3:
        raise invalid("is no compact JWS")
    try:
        header = parse_object(_decode(parts[0], "header"))
    except InvalidRequest as error:
        raise invalid("has a header that is no JSON object") from error
    payload, signature = _decode(parts[1], "payload"), _decode(parts[2], "signature")
    if not header.keys() <= {"alg", "kid", "typ"}:
        # `crit`, `b64`, `jwk`, `jku`, `x5u`: nothing that we make, and each an attack on some library.
        raise invalid("has a header that Signet does not write")
    return UnverifiedJws(header, payload, signature, f"{parts[0]}.{parts[1]}".encode("ascii"))


def verify(jws: UnverifiedJws, algorithm: Algorithm, key: PublicKey) -> None:
    """Verify the signature. The algorithm is the key's; the header has to say the same.

    Raises:
        TokenInvalid: It says something else, or the signature is not this key's.
    """
    if jws.header.get("alg") != algorithm.value or not _is_signature(jws, algorithm, key):
        raise invalid("has no valid signature of its key")


def sign(header: Mapping[str, str], payload: Mapping[str, Any], algorithm: Algorithm, key: PrivateKey) -> str:
    """Make a compact JWS; `alg` joins the header."""
    parts = {"alg": algorithm.value, **header}, payload
    signed = ".".join(base64url.encode(write_object(part)) for part in parts)
    return f"{signed}.{base64url.encode(_signature(signed.encode('ascii'), algorithm, key))}"


def length(header: Mapping[str, str], payload: Mapping[str, Any], algorithm: Algorithm) -> int:
    """How many characters a JWS has, without making it."""
    sizes = [
        len(write_object({"alg": algorithm.value, **header})),
        len(write_object(payload)),
        SIGNATURE_LENGTHS[algorithm],
    ]
    return sum(-(-size * 4 // 3) for size in sizes) + len("..")


def invalid(what: str) -> TokenInvalid:
    """The refusal of a token of which `what` is said."""
    return TokenInvalid(f"The token {what}.")


def _signature(message: bytes, algorithm: Algorithm, key: PrivateKey) -> bytes:
    if algorithm is Algorithm.ES256 and isinstance(key, ec.EllipticCurvePrivateKey):
        # RFC 7518 section 3.4: r and s, 32 bytes each, where the library speaks DER.
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)
    if algorithm is Algorithm.RS256 and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), SHA256())
    raise _mismatch(algorithm)


def _is_signature(jws: UnverifiedJws, algorithm: Algorithm, key: PublicKey) -> bool:
    signature = jws.signature
    try:
        if algorithm is Algorithm.ES256 and isinstance(key, ec.EllipticCurvePublicKey):
            if len(signature) != SIGNATURE_LENGTHS[algorithm]:
                return False
            der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
            key.verify(der, jws.signed, ec.ECDSA(SHA256()))
        elif algorithm is Algorithm.RS256 and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, jws.signed, padding.PKCS1v15(), SHA256())
        else:
            raise _mismatch(algorithm)
    except InvalidSignature:
        return False
    return True


def _mismatch(algorithm: Algorithm) -> TypeError:
    return TypeError(f"The key is of another type than {algorithm.value} needs.")


def _decode(part: str, name: str) -> bytes:
    try:
        raw = base64url.decode(part)
    except ValueError as error:
        raise invalid(f"has a {name} that is not base64url") from error
    if base64url.encode(raw) != part:
        raise invalid(f"has a {name} in a spelling that is not canonical")
    return raw

"""Compact JWS (RFC 7515), signed and verified by PyJWT.

In front of it stands what Signet alone demands: one spelling of a token, a header of three members at most,
and JSON that every parser reads alike.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jwt import InvalidTokenError, PyJWS

from signet.domain import base64url
from signet.domain.keys import KID_LENGTH, Algorithm
from signet.domain.signing import Key
from signet.domain.strict_json import Members, parse_object, write_object
from signet.errors import InvalidRequest, TokenInvalid

MAX_LENGTH = 8 * 1024
"""In characters, which are bytes: what a token of ours may have at most, made or taken."""

SIGNATURE_LENGTHS = {Algorithm.ES256: 64, Algorithm.RS256: 256}
"""In bytes, of the keys that Signet makes (RFC 7518 sections 3.3 and 3.4)."""

COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
"""Without the padding that PyJWT takes; it takes no bits that base64url ignores, so the spelling is one."""

PYJWS = PyJWS(algorithms=list(Algorithm))


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """A compact JWS of which the header has been read; nothing vouches for any of it.

    Attributes:
        header: `alg`, `kid` and `typ`, or fewer.
        text: All of it.
    """

    header: Members = field(repr=False)
    text: str = field(repr=False)


def parse(text: str) -> UnverifiedJws:
    """Read the header of a compact JWS.

    Raises:
        TokenInvalid: It is no compact JWS of ours.
    """
    if len(text) > MAX_LENGTH or not COMPACT.fullmatch(text):
        raise invalid("is no compact JWS").because("form", expected="a compact JWS of 8 KiB at most")
    try:
        header = parse_object(base64url.decode(text.partition(".")[0]))
    except (InvalidRequest, ValueError) as error:
        raise invalid("has a header that is no JSON object").because("header") from error
    if not header.keys() <= {"alg", "kid", "typ"}:
        # `crit`, `b64`, `jwk`, `jku`, `x5u`: nothing that we make, and each an attack on some library.
        expected = "alg, kid and typ alone"
        raise invalid("has a header that Signet does not write").because("header", expected=expected)
    return UnverifiedJws(header, text)


def verify(jws: UnverifiedJws, key: Key) -> bytes:
    """Verify the signature, with the key's algorithm, and return the payload.

    Raises:
        TokenInvalid: The signature is not this key's, the header names another algorithm, or a part has bits
            that base64url ignores.
    """
    try:
        payload: bytes = PYJWS.decode(jws.text, key)
    except InvalidTokenError as error:
        refusal = invalid("has no valid signature of its key")
        raise refusal.because("signature", expected=f"{key.algorithm_name} of key {key.key_id}") from error
    return payload


def sign(typ: str, payload: Mapping[str, Any], key: Key) -> str:
    """Make a compact JWS; `alg` and `kid` are the key's."""
    return PYJWS.encode(write_object(payload), key, headers={"kid": key.key_id, "typ": typ})


def length(typ: str, payload: Mapping[str, Any], algorithm: Algorithm) -> int:
    """How many characters a JWS has, without making it."""
    header = {"alg": algorithm.value, "kid": "k" * KID_LENGTH, "typ": typ}
    # PyJWT writes the header in ASCII, with escapes; the payload is ours.
    written = json.dumps(header, separators=(",", ":"))
    sizes = [len(written), len(write_object(payload)), SIGNATURE_LENGTHS[algorithm]]
    return sum(-(-size * 4 // 3) for size in sizes) + len("..")


def invalid(what: str) -> TokenInvalid:
    """The refusal of a token of which `what` is said."""
    return TokenInvalid(f"The token {what}.")

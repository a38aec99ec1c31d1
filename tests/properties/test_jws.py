"""Our signatures against joserfc's: what one signs, the other verifies, and nobody else's."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import example, given, settings
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jws as joserfc_jws
from joserfc.errors import JoseError
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm

from signet.domain import jws, signing
from signet.domain.keys import THUMBPRINT_MEMBERS, Algorithm
from signet.errors import TokenInvalid
from tests.effort import examples

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
CLAIMS = st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=5)


@dataclass
class Pair:
    """A key pair of ours, and its halves in joserfc's hands."""

    new: signing.NewKey
    private: PyJWK
    public: PyJWK

    @classmethod
    def make(cls, algorithm: Algorithm) -> "Pair":
        """One that nobody has seen yet."""
        new = signing.generate(algorithm)
        return cls(
            new,
            signing.load_private(new.private_jwk, new.kid, algorithm),
            signing.load_public(new.public_jwk, algorithm),
        )

    def verifies(self, text: str) -> bool:
        """Whether we take the text for this key's."""
        try:
            jws.verify(jws.parse(text), self.public)
        except TokenInvalid:
            return False
        return True

    def they_sign(self, header: dict[str, Any], payload: bytes) -> str:
        """What joserfc makes of it."""
        key = joserfc_jwk.import_key(json.loads(self.new.private_jwk))
        return joserfc_jws.serialize_compact(header, payload, key, algorithms=[self.new.algorithm])

    def they_verify(self, text: str) -> tuple[dict[str, Any], bytes]:
        """The header and payload, where joserfc takes the text for this key's."""
        key = joserfc_jwk.import_key({**self.new.public_jwk})
        read = joserfc_jws.deserialize_compact(text, key, algorithms=[self.new.algorithm])
        return dict(read.protected), read.payload


PAIRS = {algorithm: Pair.make(algorithm) for algorithm in Algorithm}
OTHERS = {algorithm: Pair.make(algorithm) for algorithm in Algorithm}
ANY_PAIR = st.sampled_from(list(PAIRS.values()))


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(part: str) -> bytes:
    """The reverse."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@given(pair=ANY_PAIR, typ=TEXTS, claims=CLAIMS)
@example(pair=PAIRS[Algorithm.ES256], typ="\x7f", claims={})  # ASCII, and escaped all the same
@example(pair=PAIRS[Algorithm.RS256], typ="é", claims={"é": "\x7f"})
def test_others_verify_what_we_sign(pair: Pair, typ: str, claims: dict[str, Any]) -> None:
    """Joserfc reads the header and the payload that we have signed, and our length is right."""
    text = jws.sign(typ, claims, pair.private)
    assert jws.length(typ, claims, pair.new.algorithm) == len(text)
    header, payload = pair.they_verify(text)
    assert header == {"alg": pair.new.algorithm, "kid": pair.new.kid, "typ": typ}
    assert json.loads(payload) == claims


@given(pair=ANY_PAIR, kid=TEXTS, claims=CLAIMS)
def test_we_verify_what_others_sign(pair: Pair, kid: str, claims: dict[str, Any]) -> None:
    """With our header, and under that key alone."""
    header = {"alg": pair.new.algorithm.value, "kid": kid, "typ": "session+jwt"}
    text = pair.they_sign(header, json.dumps(claims).encode())
    parsed = jws.parse(text)
    assert parsed.header == header
    assert json.loads(jws.verify(parsed, pair.public)) == claims
    assert not OTHERS[pair.new.algorithm].verifies(text)


@settings(max_examples=examples(300))
@given(pair=ANY_PAIR, data=st.data())
def test_no_bit_may_change(pair: Pair, data: st.DataObject) -> None:
    """Neither of the bytes before encoding nor of the text: we refuse it, and so does joserfc the bytes."""
    text = jws.sign("t", {"sub": "a", "n": 1}, pair.private)
    parts = [decode(part) for part in text.split(".")]
    which = data.draw(st.integers(0, 2))
    changed = bytearray(parts[which])
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    parts[which] = bytes(changed)
    forged = ".".join(map(encode, parts))
    assert not pair.verifies(forged)
    with pytest.raises((JoseError, ValueError)):
        pair.they_verify(forged)
    place = data.draw(st.integers(0, len(text) - 1))
    character = chr(ord(text[place]) ^ 1 << data.draw(st.integers(0, 6)))
    assert not pair.verifies(text[:place] + character + text[place + 1 :])


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_signature_has_one_length(algorithm: Algorithm) -> None:
    """A signature with bytes too few or too many is refused, as are DER and none at all."""
    pair = PAIRS[algorithm]
    start, _, last = jws.sign("t", {}, pair.private).rpartition(".")
    signature = decode(last)
    assert len(signature) == jws.SIGNATURE_LENGTHS[algorithm]
    assert pair.verifies(f"{start}.{encode(signature)}")
    der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]))
    others = [signature[:length] for length in range(len(signature))]
    others += [
        b"\0" + signature,
        signature + b"\0",
        signature * 2,
        signature[:32] + b"\0" + signature[32:],
        der,
    ]
    for other in others:
        assert not pair.verifies(f"{start}.{encode(other)}")


def test_numbers_that_begin_with_zeros_keep_their_bytes() -> None:
    """One signature in 128 has an r or s of fewer than 32 bytes: it is padded, and others verify it."""
    pair = PAIRS[Algorithm.ES256]
    seen: set[str] = set()
    for number in range(5000):
        text = jws.sign("t", {"n": number}, pair.private)
        signature = decode(text.rpartition(".")[2])
        short = {name for name, byte in (("r", signature[0]), ("s", signature[32])) if byte == 0}
        assert len(signature) == 64
        if short - seen:
            seen |= short
            assert pair.verifies(text)
            assert json.loads(pair.they_verify(text)[1]) == {"n": number}
            stripped = signature.lstrip(b"\0") if "r" in short else signature[:32] + signature[33:]
            assert not pair.verifies(f"{text.rpartition('.')[0]}.{encode(stripped)}")
        if seen == {"r", "s"}:
            break
    assert seen == {"r", "s"}


@settings(max_examples=examples(200))
@given(r=st.integers(0, 2**256 - 1) | st.integers(0, 3), s=st.integers(0, 2**256 - 1) | st.integers(0, 3))
def test_made_up_numbers_are_no_signature(r: int, s: int) -> None:
    """However low or high, beyond the curve's order too: refused, and never an error of another kind."""
    pair = PAIRS[Algorithm.ES256]
    start = jws.sign("t", {}, pair.private).rpartition(".")[0]
    assert not pair.verifies(f"{start}.{encode(r.to_bytes(32) + s.to_bytes(32))}")


@settings(max_examples=examples(200))
@given(st.binary(min_size=256, max_size=256))
def test_made_up_bytes_are_no_signature(signature: bytes) -> None:
    """Of RSA; beyond the modulus too."""
    pair = PAIRS[Algorithm.RS256]
    start = jws.sign("t", {}, pair.private).rpartition(".")[0]
    assert not pair.verifies(f"{start}.{encode(signature)}")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_has_one_algorithm(algorithm: Algorithm) -> None:
    """It is loaded for no other, and a token that names another one is not its, whatever the signature."""
    pair = PAIRS[algorithm]
    other = next(other for other in Algorithm if other is not algorithm)
    with pytest.raises(ValueError, match="no key for"):
        signing.load_public(pair.new.public_jwk, other)
    with pytest.raises(ValueError, match="no key for"):
        signing.load_private(pair.new.private_jwk, pair.new.kid, other)
    start = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": other.value}, {}))
    signature = pair.private.Algorithm.sign(start.encode(), pair.private.key)
    assert not pair.verifies(f"{start}.{encode(signature)}")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_jwk_is_as_others_write_it(algorithm: Algorithm) -> None:
    """Joserfc makes the same of a key, and names it the same."""
    for pair in (PAIRS[algorithm], OTHERS[algorithm]):
        theirs = joserfc_jwk.import_key(json.loads(pair.new.private_jwk))
        written = theirs.as_dict(private=False)
        names = THUMBPRINT_MEMBERS[pair.new.public_jwk["kty"]]
        assert pair.new.public_jwk == {name: written[name] for name in names}
        assert theirs.thumbprint() == pair.new.kid == pair.private.key_id == pair.public.key_id


def test_a_coordinate_that_begins_with_zeros_keeps_its_bytes() -> None:
    """RFC 7518 section 6.2.1.2: 32 bytes each, whatever the number."""
    for number in range(1, 2000):
        public = ec.derive_private_key(number, ec.SECP256R1()).public_key()
        if min(public.public_numbers().x, public.public_numbers().y) >> 248 == 0:
            break
    jwk = ECAlgorithm.to_jwk(public, as_dict=True)
    assert {len(decode(jwk[name])) for name in ("x", "y")} == {32}
    assert signing.load_public(jwk, Algorithm.ES256).key == public


@pytest.mark.parametrize(
    "change",
    [
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True),
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256K1()).public_key(), as_dict=True),
        {"kty": "oct"},
        {"kty": "OKP"},
        {"kty": None},
        {"kty": []},
        {"x": 1},
        {"y": encode(b"\1" * 32)},
    ],
    ids=lambda change: "a good key of " + change["crv"] if len(change) > 2 else str(change),
)
def test_what_is_no_public_key_of_ours_is_not_loaded(change: dict[str, Any]) -> None:
    """Another curve or type, and a point that is not on the curve."""
    with pytest.raises(ValueError, match="no key for ES256"):
        signing.load_public(PAIRS[Algorithm.ES256].new.public_jwk | change, Algorithm.ES256)

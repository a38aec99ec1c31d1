"""Our signatures against those of two libraries: what one signs, the others verify, and nobody else's."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jws as joserfc_jws
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.api_jws import PyJWS

from signet.domain import jws, keys, signing
from signet.domain.keys import Algorithm
from signet.domain.signing import PrivateKey, PublicKey
from signet.errors import TokenInvalid
from tests.effort import examples

KIDS = st.text(st.characters(codec="utf-8"), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
CLAIMS = st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=5)


@dataclass
class Pair:
    """A key pair of ours."""

    algorithm: Algorithm
    private: PrivateKey
    public: PublicKey
    jwk: dict[str, str]

    @classmethod
    def make(cls, algorithm: Algorithm) -> "Pair":
        """One that nobody has seen yet."""
        new = signing.generate(algorithm)
        public_key = signing.load_public(new.public_jwk)
        return cls(algorithm, signing.load(new.private_jwk), public_key, new.public_jwk)

    def verifies(self, text: str) -> bool:
        """Whether we take the text for this key's."""
        try:
            jws.verify(jws.parse(text), self.algorithm, self.public)
        except TokenInvalid:
            return False
        return True


PAIRS = {algorithm: Pair.make(algorithm) for algorithm in Algorithm}
OTHERS = {algorithm: Pair.make(algorithm) for algorithm in Algorithm}
ANY_PAIR = st.sampled_from(list(PAIRS.values()))


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(part: str) -> bytes:
    """The reverse."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@given(pair=ANY_PAIR, kid=KIDS, claims=CLAIMS)
def test_others_verify_what_we_sign(pair: Pair, kid: str, claims: dict[str, Any]) -> None:
    """PyJWT and joserfc read the header and the payload that we have signed, and our length is right."""
    header = {"kid": kid, "typ": "session+jwt"}
    text = jws.sign(header, claims, pair.algorithm, pair.private)
    assert jws.length(header, claims, pair.algorithm) == len(text)
    algorithms = [pair.algorithm.value]
    public_key: Any = pair.public
    read = PyJWS().decode_complete(text, public_key, algorithms=algorithms)
    assert (read["header"], json.loads(read["payload"])) == ({"alg": pair.algorithm, **header}, claims)
    key = joserfc_jwk.import_key({**pair.jwk})
    again = joserfc_jws.deserialize_compact(text, key, algorithms=algorithms)
    assert again.payload == read["payload"]


@given(pair=ANY_PAIR, kid=KIDS, claims=CLAIMS)
def test_we_verify_what_others_sign(pair: Pair, kid: str, claims: dict[str, Any]) -> None:
    """With our header, and under that key alone."""
    text = PyJWS().encode(
        json.dumps(claims).encode(),
        pair.private,
        algorithm=pair.algorithm.value,
        headers={"kid": kid, "typ": "session+jwt"},
    )
    parsed = jws.parse(text)
    assert parsed.header == {"alg": pair.algorithm, "kid": kid, "typ": "session+jwt"}
    assert json.loads(parsed.payload) == claims
    assert pair.verifies(text)
    assert not OTHERS[pair.algorithm].verifies(text)


@settings(max_examples=examples(300))
@given(pair=ANY_PAIR, data=st.data())
def test_no_bit_may_change(pair: Pair, data: st.DataObject) -> None:
    """Neither of the bytes before encoding nor of the text: we refuse it, and so does PyJWT the bytes."""
    text = jws.sign({"kid": "k", "typ": "t"}, {"sub": "a", "n": 1}, pair.algorithm, pair.private)
    parts = [decode(part) for part in text.split(".")]
    which = data.draw(st.integers(0, 2))
    changed = bytearray(parts[which])
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    parts[which] = bytes(changed)
    forged = ".".join(map(encode, parts))
    assert not pair.verifies(forged)
    public_key: Any = pair.public
    with pytest.raises(jwt.InvalidTokenError):
        PyJWS().decode(forged, public_key, algorithms=[pair.algorithm.value])
    place = data.draw(st.integers(0, len(text) - 1))
    character = chr(ord(text[place]) ^ 1 << data.draw(st.integers(0, 6)))
    assert not pair.verifies(text[:place] + character + text[place + 1 :])


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_signature_has_one_length(algorithm: Algorithm) -> None:
    """A signature with bytes too few or too many is refused, as are DER and none at all."""
    pair = PAIRS[algorithm]
    start, _, last = jws.sign({"kid": "k"}, {}, algorithm, pair.private).rpartition(".")
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
    public_key: Any = pair.public
    seen: set[str] = set()
    for number in range(5000):
        text = jws.sign({"kid": "k", "typ": "t"}, {"n": number}, Algorithm.ES256, pair.private)
        signature = decode(text.rpartition(".")[2])
        short = {name for name, byte in (("r", signature[0]), ("s", signature[32])) if byte == 0}
        assert len(signature) == 64
        if short - seen:
            seen |= short
            assert pair.verifies(text)
            assert PyJWS().decode(text, public_key, algorithms=["ES256"])
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
    start = jws.sign({"kid": "k"}, {}, Algorithm.ES256, pair.private).rpartition(".")[0]
    assert not pair.verifies(f"{start}.{encode(r.to_bytes(32) + s.to_bytes(32))}")


@settings(max_examples=examples(200))
@given(st.binary(min_size=256, max_size=256))
def test_made_up_bytes_are_no_signature(signature: bytes) -> None:
    """Of RSA; beyond the modulus too."""
    pair = PAIRS[Algorithm.RS256]
    start = jws.sign({"kid": "k"}, {}, Algorithm.RS256, pair.private).rpartition(".")[0]
    assert not pair.verifies(f"{start}.{encode(signature)}")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_of_the_other_type_is_our_own_mistake(algorithm: Algorithm) -> None:
    """It never verifies and never signs: the algorithm and the key both come from the key ring."""
    other = next(pair for pair in PAIRS.values() if pair.algorithm is not algorithm)
    text = jws.sign({"kid": "k"}, {}, algorithm, PAIRS[algorithm].private)
    with pytest.raises(TypeError):
        jws.verify(jws.parse(text), algorithm, other.public)
    with pytest.raises(TypeError):
        jws.sign({"kid": "k"}, {}, algorithm, other.private)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_jwk_is_as_others_write_it(algorithm: Algorithm) -> None:
    """PyJWT makes the same of a key, and of its JWK the same key."""
    for pair in (PAIRS[algorithm], OTHERS[algorithm]):
        public = pair.public
        if isinstance(public, rsa.RSAPublicKey):
            written = RSAAlgorithm.to_jwk(public, as_dict=True)
        else:
            written = ECAlgorithm.to_jwk(public, as_dict=True)
        names = keys.THUMBPRINT_MEMBERS[pair.jwk["kty"]]
        assert pair.jwk == {name: written[name] for name in names}
        assert joserfc_jwk.import_key({**pair.jwk}).thumbprint() == keys.thumbprint(pair.jwk)


def test_a_coordinate_that_begins_with_zeros_keeps_its_bytes() -> None:
    """RFC 7518 section 6.2.1.2: 32 bytes each, whatever the number."""
    for number in range(1, 2000):
        public = ec.derive_private_key(number, ec.SECP256R1()).public_key()
        if min(public.public_numbers().x, public.public_numbers().y) >> 248 == 0:
            break
    jwk = signing.to_jwk(public)
    assert {len(decode(jwk[name])) for name in ("x", "y")} == {32}
    assert signing.load_public(jwk) == public
    assert ECAlgorithm.from_jwk(jwk) == public


@pytest.mark.parametrize(
    "change",
    [{"crv": "P-384"}, {"crv": "secp256k1"}, {"kty": "oct"}, {"kty": "OKP"}, {"y": encode(b"\1" * 32)}],
)
def test_what_is_no_public_key_of_ours_is_not_loaded(change: dict[str, str]) -> None:
    """Another curve or type, and a point that is not on the curve."""
    with pytest.raises(ValueError):  # noqa: PT011 - two sources
        signing.load_public(PAIRS[Algorithm.ES256].jwk | change)

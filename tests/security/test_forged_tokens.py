"""Tokens that nobody of ours has made: each is refused everywhere, politely, and for next to nothing."""

import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt import PyJWK
from jwt.api_jws import PyJWS

from signet import wiring
from signet.domain import jws, signing, tokens
from signet.domain.applications import Application
from signet.domain.keys import THUMBPRINT_MEMBERS, Algorithm
from signet.domain.tokens import TokenKind, parse_unverified, verify
from signet.errors import TokenInvalid, TokenRefused
from tests.conftest import VECTORS
from tests.deployment import PASSWORD, URL, Cloud, Deployment
from tests.effort import examples

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(part: str) -> bytes:
    """The reverse."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def as_json(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


@dataclass
class Scene:
    """A deployment with a user and a real session token of it."""

    signet: Deployment
    user_id: str
    token: str

    @property
    def header(self) -> dict[str, Any]:
        """The real token's header."""
        header: dict[str, Any] = json.loads(decode(self.token.split(".")[0]))
        return header

    @property
    def claims(self) -> dict[str, Any]:
        """The real token's claims."""
        claims: dict[str, Any] = json.loads(decode(self.token.split(".")[1]))
        return claims

    @property
    def key(self) -> PyJWK:
        """The public key of the real token."""
        found = wiring.key_ring().get().find(self.header["kid"])
        assert found is not None
        return signing.load_public(found.public_jwk, found.algorithm)

    @property
    def application(self) -> Application:
        """Whose token it is."""
        application = wiring.applications().find(self.signet.application_id)
        assert application is not None
        return application

    @property
    def algorithm(self) -> Algorithm:
        """What the real token is signed with."""
        return Algorithm(self.header["alg"])

    def own_key(self) -> Any:
        """The real private key, for what only a bug of our own could have signed."""
        signer = wiring.signer()
        return signer._loaded(wiring.key_ring().get().active).key

    def sign(self, header: object, payload: object, key: Any = None) -> str:
        """A token of any header and payload, with a real signature of the header's or our algorithm."""
        start = f"{encode(as_json(header))}.{encode(as_json(payload))}"
        algorithm = PyJWS().get_algorithm_by_name(self.algorithm)
        return f"{start}.{encode(algorithm.sign(start.encode(), key or self.own_key()))}"

    def offline(self, text: str) -> tokens.Token:
        """Verify a token as all functions do, without the table."""
        return verify(
            parse_unverified(text),
            self.key,
            (TokenKind.SESSION,),
            self.application,
            issuer=URL,
            now=self.signet.clock.now,
        )

    def answers(self, text: str) -> tuple[Any, Any, int]:
        """What introspection, authentication and a route behind the authorizer say."""
        signet, path = self.signet, f"/applications/{self.signet.application_id}/experience"
        form = {"content-type": "application/x-www-form-urlencoded"} | signet.basic(signet.application_id)
        query = urlencode({"authorization": text})
        introspection = signet.http(
            "POST", "/oauth2/introspect", raw=urlencode({"token": text}).encode(), headers=form
        )
        authentication = signet.http(
            "POST", f"{path}/authenticate", {"authMode": "token", "token": text}, headers=signet.bearer()
        )
        assert (introspection.status, authentication.status) == (200, 200)
        return introspection.json, authentication.json, signet.http("GET", f"{path}/me?{query}").status

    def is_refused(self, text: str) -> None:
        """Everybody refuses it, nobody says why, and to end it does nothing."""
        assert self.answers(text) == ({"active": False}, {"authenticated": False}, 403)
        presented = {"applicationId": self.signet.application_id, "token": text}
        assert self.signet.invoke("revoke_token", presented) == {}
        with contextlib.suppress(TokenRefused):
            self.signet.invoke("log_out", presented)


@pytest.fixture(scope="module", params=["ES256", "RS256"])
def scene(request: pytest.FixtureRequest, moto_cloud: Cloud) -> Iterator[Scene]:
    """One deployment for all tests of an algorithm: none of them may change anything anyway."""
    with moto_cloud.deploy(key_ring=False) as signet, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SIGNING_ALGORITHM", request.param)
        signet.restart()
        signet.invoke("rotate_keys", {"issuer": URL})
        signet.application_id, signet.api_token = signet.new_application("Demo")
        here = {"applicationId": signet.application_id}
        user = signet.invoke("create_user", here | {"email": "ann@example.com", "password": PASSWORD})
        named = here | {"experienceUserId": user["id"], "extraData": {"cart": 1}, "ttl": 3_600_000}
        token = signet.invoke("issue_session_token", named)["token"]
        yield Scene(signet, user["id"], token)


@pytest.fixture(autouse=True)
def nothing_changes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever is tried, the table stays as it is, and the real token valid."""
    if "scene" not in request.fixturenames:
        yield
        return
    scene: Scene = request.getfixturevalue("scene")
    before = scene.signet.items()
    yield
    assert scene.signet.items() == before
    introspection, authentication, status = scene.answers(scene.token)
    assert (introspection["active"], authentication["authenticated"], status) == (True, True, 200)


# Changes of a real token


def test_any_other_character_at_any_place_is_refused(scene: Scene) -> None:
    """A token with one character changed, at each of its places, is no token."""
    for place, character in enumerate(scene.token):
        others = {chr(ord(character) ^ 1 << bit) for bit in range(7)} | {".", "=", " ", "A"}
        if scene.token[place + 1 : place + 2] in ("", "."):
            # The last of a part: base64url ignores some of its bits, unless somebody looks.
            others |= set(BASE64URL)
        for other in others - {character}:
            with pytest.raises(TokenInvalid):
                scene.offline(scene.token[:place] + other + scene.token[place + 1 :])


def test_any_character_more_or_less_is_refused(scene: Scene) -> None:
    """So is one with a character too many or too few, or that ends early."""
    text = scene.token
    for place in range(len(text)):
        for forged in (
            text[:place],
            text[:place] + text[place + 1 :],
            text[:place] + text[place] + text[place:],
            text[:place] + "." + text[place:],
        ):
            with pytest.raises(TokenInvalid):
                scene.offline(forged)


@settings(
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_change_gets_past_any_function(scene: Scene, data: st.DataObject) -> None:
    """What a random hand does to a token, all functions refuse in their own words."""
    place = data.draw(st.integers(0, len(scene.token) - 1))
    length = data.draw(st.integers(0, 3))
    text = data.draw(st.text(st.sampled_from(BASE64URL + ".=+/ \n\0é€"), max_size=3))
    forged = scene.token[:place] + text + scene.token[place + length :]
    if forged != scene.token:
        scene.is_refused(forged)


# ruff: noqa: ARG005 - a spelling need not use all three parts
SPELLINGS: dict[str, Callable[[str, str, str], str]] = {
    "a space before": lambda h, p, s: f" {h}.{p}.{s}",
    "a space behind": lambda h, p, s: f"{h}.{p}.{s} ",
    "a line end behind": lambda h, p, s: f"{h}.{p}.{s}\n",
    "a line end and more": lambda h, p, s: f"{h}.{p}.{s}\r\nx: y",
    "a space in the signature": lambda h, p, s: f"{h}.{p}.{s[:9]} {s[9:]}",
    "a line end in the payload": lambda h, p, s: f"{h}.{p[:9]}\n{p[9:]}.{s}",
    "a space beside a dot": lambda h, p, s: f"{h} .{p}.{s}",
    "a no-break space": lambda h, p, s: f"{h}.{p}.{s}\u00a0",
    "a NUL": lambda h, p, s: f"{h}.{p}.{s}\0",
    "a fourth segment": lambda h, p, s: f"{h}.{p}.{s}.{s}",
    "an empty fourth segment": lambda h, p, s: f"{h}.{p}.{s}.",
    "an empty first segment": lambda h, p, s: f".{h}.{p}.{s}",
    "five segments": lambda h, p, s: f"{h}.{p}.{s}.{p}.{s}",
    "two segments": lambda h, p, s: f"{h}.{p}",
    "no signature": lambda h, p, s: f"{h}.{p}.",
    "no payload": lambda h, p, s: f"{h}..{s}",
    "no header": lambda h, p, s: f".{p}.{s}",
    "dots": lambda h, p, s: "..",
    "nothing": lambda h, p, s: "",
    "the payload as the header": lambda h, p, s: f"{p}.{p}.{s}",
    "padding at the header": lambda h, p, s: f"{h}{'=' * (-len(h) % 4) or '===='}.{p}.{s}",
    "padding at the payload": lambda h, p, s: f"{h}.{p}{'=' * (-len(p) % 4) or '===='}.{s}",
    "padding at the signature": lambda h, p, s: f"{h}.{p}.{s}{'=' * (-len(s) % 4) or '===='}",
    "one = behind": lambda h, p, s: f"{h}.{p}.{s}=",
    "base64 in base64": lambda h, p, s: ".".join(encode(part.encode()) for part in (h, p, s)),
    "in quotes": lambda h, p, s: f'"{h}.{p}.{s}"',
    "a question mark": lambda h, p, s: f"{h}.{p}.?{s}",
    "in percent": lambda h, p, s: f"{h}%2E{p}%2E{s}",
    "a JSON serialization": lambda h, p, s: json.dumps({"protected": h, "payload": p, "signature": s}),
    "wide characters": lambda h, p, s: f"{h}.{p}.{s}".translate({ord("a"): "\uff41", ord("."): "\uff0e"}),
    "far too long": lambda h, p, s: f"{h}.{'A' * 20_000}.{s}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_only_the_one_spelling_counts(scene: Scene, spelling: str) -> None:
    """Whitespace, padding, segments too many or too few: a token is taken byte for byte or not at all."""
    scene.is_refused(SPELLINGS[spelling](*scene.token.split(".")))


def test_the_standard_alphabet_is_refused(scene: Scene) -> None:
    """`+` and `/` say in base64 what `-` and `_` say in base64url; a token has one spelling."""
    for number in range(200):
        text = scene.sign(scene.header, scene.claims | {"ext": f"{number}?>?>"})
        forged = text.replace("-", "+").replace("_", "/")
        if forged != text:
            break
    assert scene.offline(text).text == text
    scene.is_refused(forged)


def test_the_mirrored_signature_of_an_elliptic_curve_is_the_same_token(scene: Scene) -> None:
    """With (r, s) anybody can make (r, n - s), good by FIPS 186-5; it says the same and ends with it.

    Nothing here may therefore take a token's text for its name. RFC 7518 section 3.4 forbids neither form.
    """
    if scene.algorithm is Algorithm.RS256:
        return  # There is but one signature of a text.
    start, _, signature = scene.token.rpartition(".")
    raw = decode(signature)
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    mirrored = f"{start}.{encode(raw[:32] + (P256_ORDER - s).to_bytes(32))}"
    assert scene.offline(mirrored).claims == scene.offline(scene.token).claims
    for forged in (
        (0).to_bytes(32) + raw[32:],
        raw[:32] + (0).to_bytes(32),
        raw[:32] + P256_ORDER.to_bytes(32),
        bytes(64),
        raw[:32] + (s + P256_ORDER).to_bytes(33),
        b"\0" + raw,
        raw + b"\0",
        raw[:63],
        raw[32:] + raw[:32],
        encode_dss_signature(r, s),
    ):
        scene.is_refused(f"{start}.{encode(forged)}")
    assert decode_dss_signature(encode_dss_signature(r, s)) == (r, s)


# Signed by somebody else


CHANGES: dict[str, Any] = {
    "nothing": {},
    "a new jti": {"jti": "another one"},
    "another user": {"sub": "f" * 24},
    "more extra data": {"ext": {"role": "admin"}},
    "a longer life": {"exp": 2_000_000_000},
    "no end": {"exp": None},
    "a later generation": {"gen": 1},
}


@pytest.mark.parametrize("change", CHANGES)
def test_claims_that_another_key_has_signed_are_refused(scene: Scene, change: str) -> None:
    """Under our kid, under its own kid, and with its public key in the header."""
    claims = scene.claims | CHANGES[change]
    attacker = signing.generate(scene.algorithm)
    key = signing.load_private(attacker.private_jwk, attacker.kid, attacker.algorithm).key
    for header in (
        scene.header,
        scene.header | {"kid": attacker.kid},
        scene.header | {"jwk": attacker.public_jwk},
        scene.header | {"kid": attacker.kid, "jwk": attacker.public_jwk},
    ):
        scene.is_refused(scene.sign(header, claims, key))


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, ["none"], "HS256", "ES256K"]
)
def test_a_token_without_a_signature_is_refused(scene: Scene, algorithm: object) -> None:
    """`alg: none`, in whatever case, with no signature, a real one, or any."""
    start = f"{encode(as_json(scene.header | {'alg': algorithm}))}.{scene.token.split('.')[1]}"
    for signature in ("", scene.token.split(".")[2], encode(b"signature")):
        scene.is_refused(f"{start}.{signature}")


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")]
)
def test_our_public_key_is_nobody_s_secret(scene: Scene, algorithm: str, digest: str) -> None:
    """HMAC with any form of the public key as its secret (CVE-2015-9235) is refused."""
    public_key, header = scene.key.key, scene.header | {"alg": algorithm}
    found = wiring.key_ring().get().find(scene.header["kid"])
    assert found is not None
    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secrets = [
        b"",
        pem,
        pem.rstrip(),
        public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        as_json(found.public_jwk),
        json.dumps(found.public_jwk).encode(),
        found.kid.encode(),
    ]
    start = f"{encode(as_json(header))}.{encode(as_json(scene.claims))}"
    for secret in secrets:
        forged = hmac.new(secret, start.encode(), getattr(hashlib, digest)).digest()
        scene.is_refused(f"{start}.{encode(forged)}")


@pytest.mark.parametrize("other", ["ES256", "RS256", "ES384", "ES512", "RS384", "RS512", "PS256", "EdDSA"])
def test_the_algorithm_is_the_key_s(scene: Scene, other: str) -> None:
    """A header that names another algorithm than the key's is refused, though the signature is real."""
    if other != scene.header["alg"]:
        scene.is_refused(scene.sign(scene.header | {"alg": other}, scene.claims))


def test_the_key_of_the_kid_is_the_one_that_counts(scene: Scene) -> None:
    """A real signature under the kid of another of our keys is refused; so is one under no kid of ours."""
    kids = [key.kid for key in wiring.key_ring().get().keys if key.kid != scene.header["kid"]]
    assert kids
    for kid in (*kids, "", "../../dev/null", "' OR 1=1", "\0", "é", "k" * 5000, scene.header["kid"] + " "):
        scene.is_refused(scene.sign(scene.header | {"kid": kid}, scene.claims))


# What we would never sign, signed with our own key: what stands after the signature has to hold by itself.

HEADERS: dict[str, dict[str, Any]] = {
    "typ JWT": {"typ": "JWT"},
    "typ of an access token": {"typ": "at+jwt"},
    "typ of an identity token": {"typ": "identity+jwt"},
    "typ of a user token": {"typ": "user+jwt"},
    "typ in capitals": {"typ": "SESSION+JWT"},
    "typ as a media type": {"typ": "application/session+jwt"},
    "typ null": {"typ": None},
    "typ a list": {"typ": ["session+jwt"]},
    "crit": {"crit": ["exp"], "exp": 1},
    "crit empty": {"crit": []},
    "b64 false": {"b64": False, "crit": ["b64"]},
    "b64 true": {"b64": True},
    "jwk": {"jwk": {"kty": "oct", "k": ""}},
    "jku": {"jku": "https://attacker.example/jwks.json"},
    "x5u": {"x5u": "https://attacker.example/chain.pem"},
    "x5c": {"x5c": ["MIIB"]},
    "x5t": {"x5t": "AAAA"},
    "cty": {"cty": "JWT"},
    "zip": {"zip": "DEF"},
    "enc": {"enc": "A256GCM"},
    "kid a number": {"kid": 1},
    "kid null": {"kid": None},
    "kid a list": {"kid": []},
    "kid an object": {"kid": {"a": 1}},
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_we_do_not_write_is_refused(scene: Scene, header: str) -> None:
    """Another typ, any member besides alg, kid and typ, or one of another type."""
    scene.is_refused(scene.sign(scene.header | HEADERS[header], scene.claims))


@pytest.mark.parametrize("missing", ["alg", "kid", "typ"])
def test_a_header_without_one_of_its_members_is_refused(scene: Scene, missing: str) -> None:
    """All three are needed."""
    header = {name: value for name, value in scene.header.items() if name != missing}
    scene.is_refused(scene.sign(header, scene.claims))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"a"',
        b"1",
        b"{",
        b"{}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b"[" * 5000,
        b'{"a":' * 2000,
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"sub":"\\ud800"}',
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_what_is_no_object_is_refused(scene: Scene, raw: bytes) -> None:
    """As a header and, with a real signature, as a payload."""
    header, payload, signature = scene.token.split(".")
    scene.is_refused(f"{encode(raw)}.{payload}.{signature}")
    start = f"{header}.{encode(raw)}"
    algorithm = PyJWS().get_algorithm_by_name(scene.algorithm)
    scene.is_refused(f"{start}.{encode(algorithm.sign(start.encode(), scene.own_key()))}")


def test_a_member_that_stands_twice_is_refused(scene: Scene) -> None:
    """In the header or in the payload: parsers differ in which of the two they take."""
    algorithm = PyJWS().get_algorithm_by_name(scene.algorithm)
    header, claims = as_json(scene.header), as_json(scene.claims)
    for one, other in (
        (header[:-1] + b',"alg":"none"}', claims),
        (header[:-1] + b"," + header[1:], claims),
        (header, claims[:-1] + b',"sub":"' + b"f" * 24 + b'"}'),
        (header, claims[:-1] + b"," + claims[1:]),
    ):
        start = f"{encode(one)}.{encode(other)}"
        scene.is_refused(f"{start}.{encode(algorithm.sign(start.encode(), scene.own_key()))}")


WRONG_CLAIMS: dict[str, list[Any]] = {
    "iss": [None, "", "https://attacker.example", f"{URL}/", URL.upper(), [URL], {}],
    "aud": [None, "", "session", [], {}, "{app}", "{app}/identity", "{app}/user", ["{app}/session"]],
    "sub": [
        None,
        "",
        1,
        [],
        {},
        "f" * 24,
        "nobody",
        "ext:nobody",
        "x:nobody",
        "F" * 24,
        "ann@example.com",
        "é\0",
    ],
    "iat": [None, "1800000000", 1.5, True, [], 10**400, 1_800_000_121, 1_900_000_000],
    "jti": [1, None, [], {}, "", "A" * 21, "A" * 23, "A" * 21 + "=", "A" * 22 + "\n", "A" * 21 + "\u00e9"],
    "gen": [None, -1, 1, 10**40, "0", 0.0, False, [0]],
    "agen": [None, -1, 1, 10**40, "0", 0.0, False, [0]],
    "exp": ["2000000000", 2e9, True, 0, -1, [], {}, 1_800_000_000, 1_799_999_999],
}


@pytest.mark.parametrize("claim", WRONG_CLAIMS)
def test_a_claim_that_is_wrong_is_refused(scene: Scene, claim: str) -> None:
    """Even under a real signature every claim has to be there, of its type, and right."""
    if claim != "exp":  # A session token may do without.
        without = {name: value for name, value in scene.claims.items() if name != claim}
        scene.is_refused(scene.sign(scene.header, without))
    for wrong in WRONG_CLAIMS[claim]:
        text = json.dumps(wrong).replace("{app}", scene.signet.application_id)
        scene.is_refused(scene.sign(scene.header, scene.claims | {claim: json.loads(text)}))


def test_a_token_of_another_application_is_refused(scene: Scene) -> None:
    """A real one; and one whose audience says ours, of a user who is not."""
    signet = scene.signet
    application_id, _ = signet.new_application("Elsewhere")
    here = {"applicationId": application_id}
    user = signet.invoke("create_user", here | {"email": "ann@example.com", "password": PASSWORD})
    try:
        # With an end, like the real token: the key's `max_exp` shall stay as it is.
        named = here | {"experienceUserId": user["id"], "ttl": 1000}
        text = signet.invoke("issue_session_token", named)["token"]
        scene.is_refused(text)
        claims = json.loads(decode(text.split(".")[1])) | {"aud": scene.claims["aud"]}
        scene.is_refused(scene.sign(scene.header, claims))
    finally:
        for item in signet.items():
            if application_id in item["pk"]["S"]:
                signet.delete_item(item)


# What it costs


def test_garbage_costs_little(scene: Scene) -> None:
    """Unknown kids make a container read the key ring at most once in ten seconds, and nothing else."""
    signet = scene.signet
    number = iter(range(10**6))

    def garbage() -> str:
        return scene.sign(scene.header | {"kid": f"unknown {next(number)}"}, scene.claims)

    def trips(count: int) -> list[str]:
        texts = [garbage() for _ in range(count)]
        with signet.counted() as made:
            for text in texts:
                scene.is_refused(text)
        # The application is in the cache for five seconds.
        return [trip for trip in made if trip != "dynamodb:BatchGetItem"]

    start = signet.clock.milliseconds
    try:
        signet.restart()
        garbage()  # A new container reads the key ring, to begin with.
        assert trips(5) == []
        signet.clock.milliseconds += 9_999
        assert trips(5) == []
        for _ in range(3):
            signet.clock.milliseconds += 10_000
            assert trips(10) == ["dynamodb:Query"]
    finally:
        signet.clock.milliseconds = start
        signet.restart()


def test_a_forged_token_never_makes_the_table_look_for_a_user(scene: Scene) -> None:
    """Nothing is read for it beyond what the container keeps."""
    scene.answers(scene.token)  # The application and the key ring are in the cache.
    header, payload, signature = scene.token.split(".")
    for forged in ("", "a.b.c", f"{header}.{payload}.{signature[:-4]}AAAA", "A" * 8_193):
        with scene.signet.counted() as trips:
            scene.is_refused(forged)
        assert trips == []


# The vectors of Wycheproof

PURPOSE = {
    353: "a key for encryption, by its `use`; ours have one purpose and say none",
    354: "a key for encryption, by its `use`; ours have one purpose and say none",
    355: "a key for encryption, by its `key_ops`; ours have one purpose and say none",
    356: "a key for encryption, by its `key_ops`; ours have one purpose and say none",
}
"""Invalid by what their JWK says of itself; the signatures are good, and the algorithm is the key's."""

OTHER_ALGORITHM = {
    332: "a good RS256 signature, invalid since its JWK says PS512, which no key of ours can say",
}


def vectors() -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """The public keys that could be ours by type and curve, each with its tests."""
    groups = json.loads((VECTORS / "wycheproof_json_web_signature.json").read_text())["testGroups"]
    for group in groups:
        jwk = group.get("public") or group["private"]
        if jwk["kty"] == "RSA" or jwk.get("crv") == "P-256":
            for test in group["tests"]:
                yield jwk, test


def has_good_signature(jwk: dict[str, str], text: str) -> bool:
    """Whether our verification would get past the signature to the claims."""
    algorithm = Algorithm.ES256 if jwk["kty"] == "EC" else Algorithm.RS256
    key = signing.load_public({name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}, algorithm)
    try:
        jws.verify(jws.parse(text), key)
    except TokenInvalid:
        return False
    return True


@pytest.mark.vectors
def test_signatures_of_wycheproof() -> None:
    """Under a key of our algorithms exactly the valid vectors are well signed, but for the keys' purpose."""
    judged, others = 0, 0
    for jwk, test in vectors():
        number, good = test["tcId"], has_good_signature(jwk, test["jws"])
        if jwk.get("alg", "ES256") not in ("ES256", "RS256"):
            # Of an algorithm that we do not have: good is at most what is RS256 in truth.
            assert good == (number in OTHER_ALGORITHM), test
            others += 1
            continue
        assert good == (test["result"] == "valid" or number in PURPOSE), test
        judged += 1
    assert (judged, others) == (276, 83)


NOT_OURS = {
    6: "a key for encryption, by its `use`; ours have one purpose and say none",
    7: "an RSA key that is weak as Infineon's cards made them (ROCA); ours are made by OpenSSL, in Signet",
    19: "a good ES256 signature, invalid since its JWK says ES521, which no key of ours can say",
    20: "a good ES256 signature, invalid since its JWK says ES224, which no key of ours can say",
    21: "a key for encryption, by its `use`; ours have one purpose and say none",
}
"""Invalid by what their JWK says of itself, or by who made it; the signatures are good under it."""

NO_KEY = {
    8: "RSA of 1024 bits",
    9: "RSA with the exponent 1",
    22: "a point that is not on the curve",
    23: "the coordinates of another curve",
    24: "an elliptic key that calls itself RSA",
}
"""Invalid, and no key can be made of them at all."""


@pytest.mark.vectors
def test_keys_of_wycheproof() -> None:
    """Of a public key that is none, or too weak, no key is made, and none is of a symmetric one."""
    judged = 0
    for group in json.loads((VECTORS / "wycheproof_json_web_key.json").read_text())["testGroups"]:
        for test in group["tests"]:
            keys = group.get("public", group["private"])["keys"]
            for jwk in (key for key in keys if key["kty"] != "oct"):
                number = test["tcId"]
                try:
                    good = has_good_signature(jwk, test["jws"])
                except (KeyError, ValueError):
                    assert number in NO_KEY, test
                else:
                    assert number not in NO_KEY, test
                    assert good == (test["result"] == "valid" or number in NOT_OURS), test
                judged += 1
    assert judged == 12
    with pytest.raises(ValueError, match="no key for ES256"):
        signing.load_public({"kty": "oct", "k": "c2VjcmV0"}, Algorithm.ES256)


@pytest.mark.vectors
def test_no_vector_of_wycheproof_is_a_token_of_ours() -> None:
    """The valid ones too are refused before any key is looked for: they are of no kind of ours."""
    for _, test in vectors():
        with pytest.raises(TokenInvalid):
            parse_unverified(test["jws"])

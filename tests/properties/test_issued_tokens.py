"""What we issue, we accept: what is taken as extra data, properties or permissions makes a token that works.

Here, and in PyJWT and joserfc as they come. What would make one that does not work is refused by name, and
nothing is written.
"""

import bisect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from signet.domain.strict_json import MAX_DEPTH
from signet.domain.tokens import TokenKind
from signet.errors import InvalidRequest
from tests.deployment import PASSWORD, URL, Cloud, Deployment
from tests.effort import examples

EMAIL = "ann@example.com"
MAX_BYTES = 4096
MAX_TOKEN = 8192

# Of one to four bytes in UTF-8; what JSON escapes; what JSON writers differ about.
CHARACTERS = ["a", "é", "€", "\U0001f600", "\x00", "\x7f", '"', "\\", "/", "\u2028", "\ufeff"]
HALVES = ["\ud800", "\udfff", "\ude00\ud83d"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(CHARACTERS + HALVES)
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


def size(value: object) -> int:
    """Bytes of compact JSON in UTF-8; half a surrogate pair is none, and counts as three."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def depth(value: object) -> int:
    """How deeply lists and objects are nested."""
    inner: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def filled(character: str, bytes_in_all: int) -> dict[str, str]:
    """An object that has so many bytes, nearly all of them by one character."""
    each = size(character) - 2
    room = bytes_in_all - size({"a": ""})
    return {"a": character * (room // each) + "a" * (room % each)}


def nested(levels: int, as_lists: bool) -> dict[str, Any]:
    """An object so deep."""
    value: Any = []
    for _ in range(levels - 2):
        value = [value] if as_lists else {"": value}
    return {"a": value}


def numerous(count: int) -> dict[str, int]:
    """An object of so many members."""
    return {f"{number:x}": number % 10 for number in range(count)}


EXTRA_DATA = (
    st.dictionaries(st.text() | st.sampled_from(HALVES), JSON, max_size=4)
    | st.builds(filled, st.sampled_from(CHARACTERS), st.integers(MAX_BYTES - 8, MAX_BYTES + 8))
    | st.builds(nested, st.integers(MAX_DEPTH - 4, MAX_DEPTH + 2), st.booleans())
    | st.builds(numerous, st.integers(1, 620))
)


class Scene:
    """An application with one user."""

    def __init__(self, signet: Deployment, user_id: str) -> None:
        self.signet = signet
        self.user_id = user_id
        signet.let_guess()  # By the right password, but many times.

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function in the application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def post(self, path: str, body: dict[str, Any], *, escaped: bool) -> Any:
        """The answer to a request, whose body may say all in ASCII; raises the refusal."""
        raw = json.dumps(body, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
        path = f"/applications/{self.signet.application_id}/experience{path}"
        answer = self.signet.http("POST", path, raw=raw, headers=self.signet.bearer())
        if answer.status != 200:
            assert answer.status == 400, answer.body
            raise InvalidRequest.of("", answer.json["message"])
        return answer.json

    def token(self, way: str, extra_data: dict[str, Any]) -> str:
        """A session token with the extra data.

        Raises:
            InvalidRequest: The extra data was refused.
        """
        here = {"applicationId": self.signet.application_id}
        password = {"authMode": "emailPassword", "email": EMAIL, "password": PASSWORD, "returnToken": True}
        node = {"authMode": "emailPassword", "emailTemplate": EMAIL, "passwordTemplate": PASSWORD}
        token: str
        match way:
            case "token" | "token, escaped":
                path = f"/users/{self.user_id}/token"
                answer = self.post(path, {"extraData": extra_data}, escaped=way.endswith("escaped"))
                token = answer["token"]
            case "authenticate":
                token = self.post("/authenticate", {**password, "extraData": extra_data}, escaped=False)[
                    "token"
                ]
            case "exchange":
                given = self.call("issue_session_token", experienceUserId=self.user_id, extraData=extra_data)
                asked = {"invalidateExistingTokens": True, "returnToken": True}
                token = self.call("authenticate", authMode="token", token=given["token"], **asked)["token"]
            case "node" | "node, referring":
                text = json.dumps(extra_data) if way == "node" else "{{data}}"
                node |= {"tokenResultPath": "token", "extraDataJsonTemplate": text}
                payload = {} if way == "node" else {"data": extra_data}
                token = self.call("authenticate", node=node, payload=payload)["payload"]["token"]
            case _:
                self.signet.invoke("update_application", here | {"login": {"extraData": extra_data}})
                self.signet.restart()
                token = self.call("log_in", email=EMAIL, password=PASSWORD)["token"]
        return token

    @contextmanager
    def unwritten(self) -> Iterator[None]:
        """Nothing is written meanwhile."""
        with self.signet.counted() as trips:
            yield
        assert not any("Update" in trip or "Put" in trip or "Write" in trip for trip in trips)

    def check(self, kind: TokenKind, token: str) -> dict[str, Any]:
        """The claims of a token that is good here, and for two libraries."""
        assert len(token) <= MAX_TOKEN
        introspected = self.call("introspect_token", token=token)
        assert introspected.pop("active") is True
        jwks = json.loads(self.signet.http("GET", "/.well-known/jwks.json").body)
        kid = jwt.get_unverified_header(token)["kid"]
        (jwk,) = [jwk for jwk in jwks["keys"] if jwk["kid"] == kid]
        claims = jwt.decode(
            token,
            jwt.PyJWK(jwk),
            algorithms=[jwk["alg"]],
            issuer=URL,
            audience=kind.audience(self.signet.application_id),
            options={"verify_exp": False, "verify_iat": False},  # The clock of tests is another one.
        )
        assert claims == introspected
        keys = KeySet.import_key_set(jwks)
        assert joserfc_jwt.decode(token, keys, [jwk["alg"]]).claims == claims
        return claims


@pytest.fixture(scope="module", params=["ES256", "RS256"])
def scene(request: pytest.FixtureRequest, moto_cloud: Cloud) -> Iterator[Scene]:
    """One deployment for all examples of an algorithm, whose signatures differ in length."""
    with moto_cloud.deploy(key_ring=False) as signet, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SIGNING_ALGORITHM", request.param)
        signet.restart()
        signet.invoke("rotate_keys", {"issuer": URL})
        signet.application_id, signet.api_token = signet.new_application("Demo")
        here = {"applicationId": signet.application_id}
        user = signet.invoke("create_user", here | {"email": EMAIL, "password": PASSWORD})
        scene = Scene(signet, user["id"])
        scene.token("token", {})  # What a first token writes is written.
        yield scene


WAYS = ("token", "token, escaped", "authenticate", "exchange", "node", "node, referring", "login")
DEPTHS = dict.fromkeys(WAYS, MAX_DEPTH - 1) | {"login": MAX_DEPTH - 2, "node, referring": MAX_DEPTH - 2}
"""How deep extra data may be: the payload, or the body that it comes in, is one or two levels more."""


def each[Test: Callable[..., Any]](**given: Any) -> Callable[[Test], Test]:
    """The example in every way."""

    def decorate(test: Test) -> Test:
        for way in WAYS:
            test = example(way=way, **given)(test)
        return test

    return decorate


@each(extra_data=filled("é", MAX_BYTES))
@each(extra_data=filled("é", MAX_BYTES + 1))
@each(extra_data=nested(MAX_DEPTH, as_lists=True))
@settings(max_examples=examples(500))
@given(way=st.sampled_from(WAYS), extra_data=EXTRA_DATA)
def test_extra_data(scene: Scene, way: str, extra_data: dict[str, Any]) -> None:
    """Up to 4096 bytes and as deep as a payload may be it works in every way; all else is refused by name."""
    has_halves = any(
        "\ud800" <= character <= "\udfff" for character in json.dumps(extra_data, ensure_ascii=False)
    )
    is_good = size(extra_data) <= MAX_BYTES and depth(extra_data) <= DEPTHS[way] and not has_halves
    if is_good:
        assert scene.check(TokenKind.SESSION, scene.token(way, extra_data))["ext"] == extra_data
        return
    with scene.unwritten(), pytest.raises(InvalidRequest) as refused:
        scene.token(way, extra_data)
    if size(extra_data) > MAX_BYTES and depth(extra_data) < MAX_DEPTH - 2 and not has_halves:
        assert f"xtraData: has {size(extra_data)} bytes" in refused.value.message.replace("JsonTemplate", "")


PIECES = st.tuples(st.text(st.characters(codec="utf-8"), min_size=1, max_size=4), st.integers(1, 256))
"""What is repeated, and how often."""

RESOURCES = st.lists(
    st.fixed_dictionaries(
        {"id": PIECES, "organizationId": PIECES},
        optional={
            "accessRole": st.sampled_from(["viewer", "editor"]),
            "expiresAt": st.integers(2**31, 2**37),
        },
    ),
    max_size=8,
)


def repeated(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with their texts as long as they are meant to be."""
    return {name: v[0] * v[1] if isinstance(v, tuple) else v for name, v in fields.items()}


def unless_too_long(scene: Scene, operation: str, **fields: Any) -> Any:
    """What a function answers; None where the token would be too long, and then nothing was written."""
    try:
        return scene.call(operation, **fields)
    except InvalidRequest:
        with scene.unwritten(), pytest.raises(InvalidRequest, match=r"bytes; at most 8192 are issued\.$"):
            scene.call(operation, **fields)
    return None


def issue(scene: Scene, **fields: Any) -> str | None:
    """A user token; None where it would be too long."""
    answer = unless_too_long(scene, "issue_user_token", **fields)
    return None if answer is None else str(answer["token"])


@settings(max_examples=examples(300))
@given(
    user_id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=128).filter(str.isprintable),
    properties=st.fixed_dictionaries(
        {}, optional={"name": PIECES, "organizationId": PIECES, "isAdmin": st.booleans()}
    ),
    resources=RESOURCES,
)
def test_properties_and_permissions(
    scene: Scene, user_id: str, properties: dict[str, Any], resources: list[dict[str, Any]]
) -> None:
    """What fits into a token works, given or stored; what was stored fits by itself."""
    said = repeated(properties)
    permissions = {"resources": [{"type": "document", **repeated(resource)} for resource in resources]}
    token = issue(scene, userId=user_id, userProperties=said, permissions=permissions)
    if token is not None:
        claims = scene.check(TokenKind.USER, token)
        assert (claims["sub"], claims.get("name")) == (user_id, said.get("name"))
    if unless_too_long(scene, "add_permissions", user={"userId": user_id}, permissions=permissions) is None:
        return
    stored = issue(scene, userId=user_id)
    assert stored is not None
    scene.check(TokenKind.USER, stored)
    names = ("type", "id", "organizationId")
    named = [{name: resource[name] for name in names} for resource in permissions["resources"]]
    scene.call("remove_permissions", userId=user_id, permissions={"resources": named})


@pytest.mark.parametrize("character", CHARACTERS[:4])
def test_the_longest_user_token(scene: Scene, character: str) -> None:
    """Up to the last byte that base64 allows it works; beyond it is refused with both numbers."""

    def longest(count: int) -> str | None:
        parts = [character * 1000] * (count // 1000) + [character * (count % 1000)]
        resources = [{"type": "organization", "id": f"{n}{part}"} for n, part in enumerate(parts)]
        return issue(scene, userId="u1", permissions={"resources": resources})

    most = bisect.bisect_left(range(MAX_TOKEN), True, key=lambda count: longest(count) is None) - 1
    token = longest(most)
    assert token is not None
    assert len(token) > MAX_TOKEN - 8
    scene.check(TokenKind.USER, token)


@pytest.mark.parametrize("character", ["x", "\U0001f600", "\\"])
def test_the_longest_session_token(scene: Scene, character: str) -> None:
    """Nobody's id and nobody's extra data is too long for a token, however far the counters have come."""
    user_id = character * 128
    token = scene.call("issue_user_token", userId=user_id)["token"]
    scene.call("identify", authToken=token, user={"userId": user_id})
    asked = {"experienceUserId": f"ext:{user_id}", "extraData": filled("é", MAX_BYTES), "ttl": 10**12}
    claims = scene.check(TokenKind.SESSION, scene.call("issue_session_token", **asked)["token"])
    assert claims["sub"] == f"ext:{user_id}"

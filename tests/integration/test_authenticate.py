"""POST /applications/{applicationId}/experience/authenticate: the decision, rule by rule."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from signet.errors import InvalidRequest
from tests.deployment import PASSWORD, Deployment, Response

OTHER_PASSWORD = "another horse battery staple"
THIRD_PASSWORD = "third horse battery staple"
MODES = ("emailPassword", "token", "tokenEmail", "tokenEmailPassword")
USES = {
    "emailPassword": {"email", "password"},
    "token": {"token"},
    "tokenEmail": {"token", "email"},
    "tokenEmailPassword": {"token", "email", "password"},
}


@dataclass
class Scene:
    """Two users with a session token each, and everything that can be wrong with a credential."""

    signet: Deployment
    users: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number in range(2):
            fields = {"email": f"User{number}@example.com", "password": (PASSWORD, THIRD_PASSWORD)[number]}
            user = self.signet.invoke("create_user", self.here(**fields))
            extra = {"extraData": {"cart": number}}
            token = self.signet.invoke("issue_session_token", self.here(experienceUserId=user["id"], **extra))
            self.users.append(user)
            self.tokens.append(token["token"])

    def here(self, **fields: Any) -> dict[str, Any]:
        """Fields of a direct invocation in the demo application."""
        return {"applicationId": self.signet.application_id, **fields}

    def right(self, mode: str) -> dict[str, str]:
        """The right credentials of the first user, those that the mode names."""
        given = {"email": "user0@EXAMPLE.com", "password": PASSWORD, "token": self.tokens[0]}
        return {name: given[name] for name in USES[mode]}

    def ask(self, **fields: Any) -> Any:
        """Authenticate by direct invocation."""
        return self.signet.invoke("authenticate", self.here(**fields))

    def is_valid(self, token: str) -> bool:
        """Whether introspection calls the token active."""
        active: bool = self.signet.invoke("introspect_token", self.here(token=token))["active"]
        return active


@pytest.fixture
def scene(signet: Deployment) -> Scene:
    return Scene(signet)


def claims(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return decoded


def wrong_credentials(scene: Scene, name: str) -> dict[str, str]:
    """Every way in which a credential can be wrong."""
    signet = scene.signet
    if name == "email":
        return {
            "unknown": "nobody@example.com",
            "another user's": "user1@example.com",
            "no address": "user0",
            "empty": "",
            "with a blank in it": "user0@exam ple.com",
        }
    if name == "password":
        return {
            "wrong": OTHER_PASSWORD,
            "empty": "",
            "in other case": PASSWORD.upper(),
            "with a blank": PASSWORD + " ",
            "with a NUL": PASSWORD + "\x00",
            "very long": PASSWORD * 500,
        }
    here = scene.here()
    identity = {"identityType": "EMAIL", "identity": "user0@example.com"}
    other_application, _ = signet.new_application()
    stranger = {"email": "user0@example.com", "password": PASSWORD, "applicationId": other_application}
    other_user = signet.invoke("create_user", stranger)
    foreign = {"applicationId": other_application, "experienceUserId": other_user["id"]}
    expired = signet.invoke(
        "issue_session_token", here | {"experienceUserId": scene.users[0]["id"], "ttl": 1}
    )
    signet.clock.advance(1)
    return {
        "expired": expired["token"],
        "an identity token": signet.invoke("issue_identity_token", here | identity)["token"],
        "another application's": signet.invoke("issue_session_token", foreign)["token"],
        "tampered with": scene.tokens[0][:-2] + ("AA" if scene.tokens[0][-2:] != "AA" else "BB"),
        "no token": "nonsense",
        "empty": "",
    }


def test_the_right_credentials_are_the_true_path(scene: Scene) -> None:
    """In each mode the right credentials give the user, and no token where none is asked for."""
    for mode in MODES:
        answer = scene.ask(authMode=mode, **scene.right(mode))
        assert answer.keys() == {"authenticated", "user"}
        assert answer["authenticated"] is True
        assert answer["user"]["id"] == scene.users[0]["id"]
        assert scene.ask(authMode=mode, returnUser=False, **scene.right(mode)) == {"authenticated": True}


@pytest.mark.parametrize(("mode", "name"), [(mode, name) for mode in MODES for name in sorted(USES[mode])])
def test_any_wrong_credential_is_the_false_path(scene: Scene, mode: str, name: str) -> None:
    """Whichever credential is wrong, and however, the answer says nothing more and nothing changes."""
    scene.signet.let_guess()
    wrong = wrong_credentials(scene, name)
    before = scene.signet.items()
    for how, value in wrong.items():
        for invalidate, return_token in itertools.product((False, True), repeat=2):
            asked = {"invalidateExistingTokens": invalidate, "returnToken": return_token}
            answer = scene.ask(authMode=mode, **scene.right(mode) | {name: value}, **asked)
            assert answer == {"authenticated": False}, (how, asked)
    assert scene.signet.items() == before
    assert scene.is_valid(scene.tokens[0])


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_has_not_moved_the_end_of_a_key_s_tokens(signet: Deployment, mode: str) -> None:
    """A token that would live longer than any of its key is noted only once all credentials are right."""
    here = {"applicationId": signet.application_id}
    user = signet.invoke("create_user", here | {"email": "user0@example.com", "password": PASSWORD})
    named = here | {"experienceUserId": user["id"]}
    token = signet.invoke("issue_session_token", named | {"ttl": 60_000})["token"]
    given = {"email": "user0@example.com", "password": PASSWORD, "token": token}
    right = {name: given[name] for name in USES[mode]}
    asked = here | {"authMode": mode, "invalidateExistingTokens": True, "returnToken": True}
    wrong = {"email": "user1@example.com", "password": OTHER_PASSWORD, "token": "nonsense"}
    before = signet.kept()
    for name in right:
        assert signet.invoke("authenticate", asked | right | {name: wrong[name]}) == {"authenticated": False}
    assert signet.kept() == before
    if "token" in right:
        signet.invoke("invalidate_user_tokens", named)
        before = signet.kept()
        assert signet.invoke("authenticate", asked | right) == {"authenticated": False}
        assert signet.kept() == before
        right["token"] = signet.invoke("issue_session_token", named | {"ttl": 60_000})["token"]
    assert signet.invoke("authenticate", asked | right)["authenticated"] is True


@pytest.mark.parametrize("mode", MODES)
def test_a_credential_that_the_mode_names_is_required(scene: Scene, mode: str) -> None:
    """The mode says what is needed, never what happened to come."""
    for name in USES[mode]:
        given = {other: value for other, value in scene.right(mode).items() if other != name}
        with pytest.raises(InvalidRequest, match=f"{name}: is required with authMode {mode}."):
            scene.ask(authMode=mode, **given)


@pytest.mark.parametrize("mode", MODES)
def test_a_credential_that_the_mode_does_not_name_is_not_looked_at(scene: Scene, mode: str) -> None:
    """There is no fall-back to, and no veto by, what the mode does not name."""
    wrong = {"email": "nobody@example.com", "password": "wrong", "token": "wrong"}
    unused = {name: value for name, value in wrong.items() if name not in USES[mode]}
    assert scene.ask(authMode=mode, **scene.right(mode), **unused)["authenticated"]


@pytest.mark.parametrize("mode", MODES[1:])
def test_without_invalidation_the_given_token_comes_back(scene: Scene, mode: str) -> None:
    """The token modes give the very token back, byte for byte, and it stays valid."""
    answer = scene.ask(authMode=mode, returnToken=True, **scene.right(mode))
    assert answer["token"] == scene.tokens[0]
    assert scene.is_valid(scene.tokens[0])


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize(("name", "value"), [("ttl", 1000), ("extraData", {}), ("extraData", {"a": 1})])
def test_what_would_be_lost_is_refused(scene: Scene, mode: str, name: str, value: object) -> None:
    """Where no new token is made, a max age or extra data would be silently lost."""
    for return_token in (False, True):
        with pytest.raises(InvalidRequest, match=f"{name}: would be lost"):
            scene.ask(authMode=mode, returnToken=return_token, **scene.right(mode), **{name: value})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("return_token", [False, True])
def test_invalidation_ends_the_earlier_tokens(scene: Scene, mode: str, return_token: bool) -> None:
    """A success that invalidates ends all the user's tokens, the given one too, also if none is returned."""
    older = scene.signet.invoke("issue_session_token", scene.here(experienceUserId=scene.users[0]["id"]))
    answer = scene.ask(
        authMode=mode, invalidateExistingTokens=True, returnToken=return_token, **scene.right(mode)
    )
    assert answer["authenticated"]
    assert not scene.is_valid(scene.tokens[0])
    assert not scene.is_valid(older["token"])
    assert scene.is_valid(scene.tokens[1])
    assert ("token" in answer) == return_token
    if return_token:
        assert answer["token"] not in (scene.tokens[0], older["token"])
        assert scene.is_valid(answer["token"])
    again = scene.ask(authMode="token", token=scene.tokens[0])
    assert again == {"authenticated": False}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "carried over"), ({"extraData": {}}, {}), ({"extraData": {"x": [1.5, None, "ü"]}}, None)],
)
def test_extra_data(scene: Scene, mode: str, given: dict[str, Any], expected: object) -> None:
    """A new token has the extra data that is given; where none is, the given token's is carried over."""
    answer = scene.ask(
        authMode=mode, invalidateExistingTokens=True, returnToken=True, **scene.right(mode), **given
    )
    if expected == "carried over":
        expected = None if mode == "emailPassword" else {"cart": 0}
    elif expected is None:
        expected = given["extraData"]
    assert claims(answer["token"]).get("ext") == expected


@pytest.mark.parametrize(
    ("ttl", "life"),
    [
        (None, None),
        (1, 1),
        (877, 1),
        (878, 2),
        (1000, 2),
        (60_000, 61),
        (0.5, 1),
        (3_153_600_000_000, 3153600001),
    ],
)
def test_the_max_age_is_in_milliseconds_and_rounded_up(
    scene: Scene, ttl: float | None, life: int | None
) -> None:
    """`exp` is the time plus the max age, rounded up to a whole second; without one there is no `exp`."""
    given = {} if ttl is None else {"ttl": ttl}
    answer = scene.ask(authMode="emailPassword", returnToken=True, **scene.right("emailPassword"), **given)
    token = claims(answer["token"])
    assert token["iat"] == scene.signet.clock.now
    assert token.get("exp") == (None if life is None else scene.signet.clock.now + life)
    if life is not None and life < 100:
        scene.signet.clock.advance(life - 0.124)
        assert scene.is_valid(answer["token"])
        scene.signet.clock.advance(0.002)
        assert not scene.is_valid(answer["token"])


@pytest.mark.parametrize("mode", ["emailPassword", "token"])
@pytest.mark.parametrize(
    "ttl", [0, -1, 0.0, "1000", True, None, [], 100 * 365 * 86_400_000 + 1, 1e300], ids=str
)
def test_what_is_no_max_age_is_refused(scene: Scene, mode: str, ttl: object) -> None:
    """Zero, negative, text, a boolean, null and over a hundred years are refused by name."""
    with pytest.raises(InvalidRequest, match=r"ttl: must (be|not be null)"):
        scene.ask(authMode=mode, invalidateExistingTokens=True, **scene.right(mode), ttl=ttl)


@pytest.mark.parametrize("extra", [[], "x", 5, None, {"a": "ü" * 2050}], ids=lambda value: str(value)[:10])
def test_what_is_no_extra_data_is_refused(scene: Scene, extra: object) -> None:
    """Extra data is an object of 4096 bytes at most."""
    with pytest.raises(InvalidRequest, match="extraData: "):
        scene.ask(authMode="emailPassword", **scene.right("emailPassword"), extraData=extra)


@pytest.mark.parametrize("mode", [None, "", "password", "EMAILPASSWORD", 5])
def test_the_mode_is_never_guessed(scene: Scene, mode: object) -> None:
    """Without one of the four modes there is no decision, whatever credentials came."""
    given = {} if mode is None else {"authMode": mode}
    with pytest.raises(InvalidRequest, match="authMode: "):
        scene.ask(**scene.right("tokenEmailPassword"), **given)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("invalidate", [False, True])
def test_last_login_moves_where_a_password_was_given(scene: Scene, mode: str, invalidate: bool) -> None:
    """The modes with a password are logins; a token alone is not."""
    scene.signet.clock.advance(1)
    answer = scene.ask(authMode=mode, invalidateExistingTokens=invalidate, **scene.right(mode))
    expected = "2027-01-15T08:00:01.123Z" if "password" in USES[mode] else None
    assert answer["user"]["lastLogin"] == expected
    shown = scene.signet.invoke("get_user", scene.here(experienceUserId=scene.users[0]["id"]))
    assert shown == answer["user"]


def test_the_session_token_says_who_and_when(scene: Scene) -> None:
    """A session token has the claims of the contract, no more, and its own `typ` and audience."""
    answer = scene.ask(authMode="emailPassword", returnToken=True, **scene.right("emailPassword"))
    token = claims(answer["token"])
    assert len(token.pop("jti")) == len(token.pop("sid")) == 22
    assert token == {
        "iss": "https://signet.example",
        "aud": f"{scene.signet.application_id}/session",
        "sub": scene.users[0]["id"],
        "iat": scene.signet.clock.now,
        "auth_time": scene.signet.clock.now,
        "amr": ["pwd"],
        "gen": 0,
        "agen": 0,
    }
    assert jwt.get_unverified_header(answer["token"])["typ"] == "session+jwt"


@pytest.mark.parametrize("change", ["password", "email", "deletion", "invalidation", "cutoff", "application"])
def test_what_ends_a_token_ends_it_at_the_next_check(scene: Scene, change: str) -> None:
    """A changed password or address, a deletion, an invalidation and a cutoff are seen by the next check."""
    named = scene.here(experienceUserId=scene.users[0]["id"])
    signet = scene.signet
    match change:
        case "password":
            signet.invoke("update_user", named | {"password": OTHER_PASSWORD})
        case "email":
            signet.invoke("update_user", named | {"email": "new@example.com"})
        case "deletion":
            signet.invoke("delete_user", named)
        case "invalidation":
            signet.invoke("invalidate_user_tokens", named)
        case "cutoff":
            signet.clock.advance(10)
            signet.invoke("update_user", named | {"tokenCutoff": "2027-01-15T08:00:05Z"})
        case "application":
            signet.invoke("invalidate_application_tokens", scene.here())
            assert scene.is_valid(scene.tokens[0])  # Within the published bound of five seconds,
            signet.clock.advance(5)  # and no longer.
    assert not scene.is_valid(scene.tokens[0])
    assert scene.ask(authMode="token", token=scene.tokens[0]) == {"authenticated": False}
    assert scene.is_valid(scene.tokens[1]) == (change != "application")


def test_a_lowered_cap_ends_older_tokens(scene: Scene) -> None:
    """`maxTokenLifetime` counts at verification as well, so lowering it works within the bound."""
    scene.signet.clock.advance(100)
    fresh = scene.signet.invoke("issue_session_token", scene.here(experienceUserId=scene.users[0]["id"]))
    scene.signet.invoke("update_application", scene.here(maxTokenLifetime=50))
    scene.signet.clock.advance(5)
    assert not scene.is_valid(scene.tokens[0])
    assert scene.is_valid(fresh["token"])
    capped = scene.ask(authMode="emailPassword", returnToken=True, **scene.right("emailPassword"), ttl=10**9)
    assert claims(capped["token"])["exp"] == scene.signet.clock.now + 50


def test_a_weaker_hash_is_upgraded_at_the_next_login(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login with today's stronger parameters replaces the hash, for one further trip, once."""
    monkeypatch.setenv("ARGON2_PASSES", "3")
    scene.signet.restart()
    with scene.signet.counted() as trips:
        assert scene.ask(authMode="emailPassword", **scene.right("emailPassword"))["authenticated"]
    assert trips.count("dynamodb:UpdateItem") == 1 + 2  # A guess is taken beside the hash.
    stored = repr(scene.signet.items())
    assert "t=3" in stored
    with scene.signet.counted() as trips:
        assert scene.ask(authMode="emailPassword", **scene.right("emailPassword"))["authenticated"]
    assert trips == ["dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:UpdateItem"]


def test_unknown_wrong_and_absent_passwords_cost_the_same(scene: Scene) -> None:
    """Whatever is wrong with a login, it takes one read, one guess and one hash, and answers the same."""
    signet = scene.signet
    scene.ask(authMode="emailPassword", **scene.right("emailPassword"))
    for email in ("user0@example.com", "nobody@example.com", "no address", ""):
        with signet.counted() as trips:
            answer = scene.ask(authMode="emailPassword", email=email, password="wrong password")
        assert answer == {"authenticated": False}
        assert trips == ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"]


def send(signet: Deployment, path: str, body: object, **headers: str) -> Response:
    return signet.http(
        "POST", f"/applications/{signet.application_id}/experience{path}", body, headers=headers
    )


def test_over_http_the_same_is_decided(scene: Scene) -> None:
    """HTTP answers 200 on both paths, and a request that cannot be decided is a 400."""
    signet, bearer = scene.signet, scene.signet.bearer()
    right = send(signet, "/authenticate", {"authMode": "token", **scene.right("token")}, **bearer)
    assert (right.status, right.json["authenticated"]) == (200, True)
    wrong = send(signet, "/authenticate", {"authMode": "token", "token": "x"}, **bearer)
    assert (wrong.status, wrong.json) == (200, {"authenticated": False})
    faulty = send(signet, "/authenticate", {"authMode": "emailPassword", "ttl": 0}, **bearer)
    assert (faulty.status, faulty.json["type"]) == (400, "Validation")
    node = send(signet, "/authenticate", {"node": {}, "payload": {}}, **bearer)
    assert node.status == 400
    assert "node: is unknown" in node.json["message"]


def test_a_front_end_logs_in(scene: Scene) -> None:
    """A login gives a token and the user; a wrong one is a 401 that says nothing more."""
    signet = scene.signet
    answer = send(signet, "/login", {"email": "USER0@example.com", "password": PASSWORD})
    assert (answer.status, answer.json.keys()) == (200, {"token", "user"})
    assert scene.is_valid(answer.json["token"])
    assert "exp" not in claims(answer.json["token"])
    refusals = [
        send(signet, "/login", {"email": email, "password": password})
        for email, password in (
            ("user0@example.com", "wrong"),
            ("nobody@example.com", PASSWORD),
            ("nonsense", PASSWORD),
            ("", ""),
        )
    ]
    assert {(refusal.status, refusal.body) for refusal in refusals} == {(401, refusals[0].body)}
    assert refusals[0].json["type"] == "Unauthorized"
    for field_name in ("ttl", "extraData", "invalidateExistingTokens"):
        body = {"email": "user0@example.com", "password": PASSWORD, field_name: 1}
        assert send(signet, "/login", body).status == 400


def test_the_application_says_what_a_login_gets(scene: Scene) -> None:
    """Max age, extra data and invalidation of a login are the application's settings."""
    signet = scene.signet
    settings = {"ttl": 60_000, "extraData": {"via": "web"}, "invalidateExistingTokens": True}
    signet.invoke("update_application", scene.here(login=settings))
    signet.clock.advance(5)
    answer = send(signet, "/login", {"email": "user0@example.com", "password": PASSWORD})
    token = claims(answer.json["token"])
    assert (token["exp"] - token["iat"], token["ext"]) == (61, {"via": "web"})
    assert not scene.is_valid(scene.tokens[0])
    assert scene.is_valid(answer.json["token"])


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer "])
@pytest.mark.parametrize("invalidate", [False, True])
def test_a_token_may_have_its_scheme_before_it(
    moto_signet: Deployment, scheme: str, invalidate: bool
) -> None:
    """Workflows feed the whole header; what comes back is a token alone."""
    signet = moto_signet
    demo = signet.demo()
    answer = signet.http(
        "POST",
        f"/applications/{signet.application_id}/experience/authenticate",
        {
            "authMode": "token",
            "token": scheme + demo["sessionToken"],
            "returnToken": True,
            "invalidateExistingTokens": invalidate,
        },
        headers=signet.bearer(),
    )
    assert answer.json["authenticated"] is True
    assert answer.json["token"].startswith("ey")
    assert (answer.json["token"] == demo["sessionToken"]) is not invalidate


@pytest.mark.parametrize("before", ["Basic ", "Bearer  ", "Bearer Bearer ", " ", "Bearer\t"])
def test_nothing_else_may_stand_before_a_token(moto_signet: Deployment, before: str) -> None:
    """A token has one spelling."""
    request = {"authMode": "token", "token": before + moto_signet.demo()["sessionToken"]}
    answer = moto_signet.invoke("authenticate", {"applicationId": moto_signet.application_id, **request})
    assert answer == {"authenticated": False}

"""Sessions: what the tokens of one log-in have in common, and POST …/experience/refresh."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jwt
import pytest

from signet import wiring
from signet.domain import tokens
from signet.errors import NotOffered, PermissionDenied, TokenExpired, TokenInvalid, TokenRevoked
from tests.deployment import PASSWORD, Cloud, Deployment, Response
from tests.races import at_once

ANN = "ann@example.com"
MINUTE, HOUR = 60, 3600
LOGIN = {"ttl": 10 * MINUTE * 1000, "sessionLifetime": HOUR * 1000, "extraData": {"a": 1}}


@dataclass
class Scene:
    """Ann, whose log-ins last an hour, their tokens ten minutes."""

    signet: Deployment
    email: str = ANN

    def __post_init__(self) -> None:
        self.user = self.call("create_user", email=self.email, password=PASSWORD)
        self.set(**LOGIN)

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function directly."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def set(self, **login: Any) -> None:
        """Change the application's setting login."""
        self.call("update_application", login=login)
        wiring.applications().forget(self.signet.application_id)

    def log_in(self) -> str:
        """A log-in's token."""
        token: str = self.call("log_in", email=self.email, password=PASSWORD)["token"]
        return token

    def refresh(self, token: str) -> str:
        """Another one."""
        other: str = self.call("refresh_session", token=token)["token"]
        return other

    def send(self, token: str | None, body: object = None) -> Response:
        """Ask for another one over HTTP."""
        path = f"/applications/{self.signet.application_id}/experience/refresh"
        headers = {} if token is None else self.signet.bearer(token)
        return self.signet.http("POST", path, body, headers=headers)

    def claims(self, token: str) -> Any:
        """What introspection says of a token."""
        return self.call("introspect_token", token=token)

    def is_good(self, token: str) -> bool:
        """Whether a token is good."""
        active: bool = self.claims(token)["active"]
        return active


@pytest.fixture
def scene(signet: Deployment) -> Scene:
    """Ann."""
    return Scene(signet)


def test_a_refreshed_token_is_of_the_same_session(scene: Scene) -> None:
    """With its id, its beginning and its extra data, and a life of its own; the other one lives on."""
    first = scene.log_in()
    before = scene.claims(first)
    assert before["auth_time"] == before["iat"] == scene.signet.clock.now
    assert (before["amr"], before["exp"]) == (["pwd"], before["iat"] + 10 * MINUTE + 1)
    assert before["session_exp"] == before["iat"] + HOUR
    scene.signet.clock.advance(9 * MINUTE)
    answer = scene.send(first)
    assert (answer.status, answer.json.keys()) == (200, {"token"})
    after = scene.claims(answer.json["token"])
    assert (after["iat"], after["exp"]) == (before["iat"] + 9 * MINUTE, before["exp"] + 9 * MINUTE)
    assert after["jti"] != before["jti"]
    own = {"iat", "exp", "jti"}
    assert {n: v for n, v in after.items() if n not in own} == {
        n: v for n, v in before.items() if n not in own
    }
    assert scene.is_good(first)


def test_a_session_ends_in_the_end(scene: Scene) -> None:
    """No token of it lives longer, however often it is refreshed; then one has to log in."""
    token = scene.log_in()
    end = scene.signet.clock.now + HOUR
    while scene.signet.clock.now < end - 10 * MINUTE:
        scene.signet.clock.advance(9 * MINUTE)
        token = scene.refresh(token)
    assert scene.claims(token)["exp"] == end
    scene.signet.clock.advance(end - scene.signet.clock.now - 1)
    token = scene.refresh(token)
    scene.signet.clock.advance(1)
    with pytest.raises(TokenExpired):
        scene.refresh(token)
    assert scene.send(token).status == 401
    assert not scene.is_good(token)


def test_a_shorter_session_counts_for_those_that_have_begun(scene: Scene) -> None:
    """A longer one does not: its end is in the tokens, which no setting makes live longer."""
    token = scene.log_in()
    began = scene.signet.clock.now
    scene.set(sessionLifetime=15 * MINUTE * 1000)
    scene.signet.clock.advance(9 * MINUTE)
    token = scene.refresh(token)
    assert scene.claims(token)["exp"] == began + 15 * MINUTE
    scene.set(sessionLifetime=10 * HOUR * 1000)
    assert scene.claims(scene.refresh(token))["session_exp"] == began + HOUR
    scene.set(sessionLifetime=5 * MINUTE * 1000)
    with pytest.raises(TokenExpired, match="session is over"):
        scene.refresh(token)


def test_without_a_max_age_a_token_lives_as_long_as_its_session(scene: Scene) -> None:
    """And not for ever."""
    scene.set(ttl=None)
    claims = scene.claims(scene.log_in())
    assert claims["exp"] == claims["session_exp"]


def test_where_sessions_do_not_last_nothing_is_refreshed(scene: Scene) -> None:
    """404; a log-in's token says no end of a session then."""
    token = scene.log_in()
    scene.set(sessionLifetime=None)
    answer = scene.send(token)
    assert (answer.status, answer.json["type"]) == (404, "NotFound")
    with pytest.raises(NotOffered):
        scene.refresh(token)
    assert "session_exp" not in scene.claims(scene.log_in())


def test_a_token_that_the_application_has_issued_is_not_refreshed(scene: Scene) -> None:
    """It lives as long as the application said, and no longer."""
    named = {"experienceUserId": scene.user["id"], "ttl": 1000}
    attempt = {"authMode": "emailPassword", "email": ANN, "password": PASSWORD, "ttl": 1000}
    for token in (
        scene.call("issue_session_token", **named)["token"],
        scene.call("authenticate", **attempt, returnToken=True)["token"],
    ):
        with pytest.raises(PermissionDenied):
            scene.refresh(token)
        assert scene.send(token).status == 403


def test_what_a_session_says_of_its_beginning(scene: Scene) -> None:
    """A password is `pwd`, a code that works once `otp`; of an application's word there is no method."""
    code = scene.call("create_code", experienceUserId=ANN, purpose="logIn")["code"]
    by_code = scene.call("redeem_code", code=code)["token"]
    vouched = scene.call("issue_session_token", experienceUserId=ANN)["token"]
    own = {"authMode": "tokenEmailPassword", "email": ANN, "password": PASSWORD}
    log_in = scene.log_in()
    scene.signet.clock.advance(5)
    both = scene.call("authenticate", **own, token=log_in, invalidateExistingTokens=True, returnToken=True)[
        "token"
    ]
    changed = scene.call("update_me", token=both, password=PASSWORD, currentPassword=PASSWORD)["token"]
    claims = tokens_of(by_code, vouched, log_in, both, changed)
    assert [c.get("amr") for c in claims] == [["otp"], None, ["pwd"], ["pwd"], ["pwd"]]
    assert len({c["sid"] for c in claims}) == 5
    assert [c["auth_time"] - claims[0]["auth_time"] for c in claims] == [0, 0, 0, 5, 5]
    assert ["session_exp" in c for c in claims] == [True, False, True, False, False]


def tokens_of(*texts: str) -> list[Any]:
    """The claims of tokens, whether they are good or not."""
    return [jwt.decode(text, options={"verify_signature": False}) for text in texts]


def test_a_new_token_for_a_token_is_of_the_same_log_in(scene: Scene) -> None:
    """`invalidateExistingTokens` by a token begins no session, and has the life that is said."""
    log_in = scene.log_in()
    scene.signet.clock.advance(5)
    attempt = {"authMode": "token", "token": log_in, "invalidateExistingTokens": True, "returnToken": True}
    token = scene.call("authenticate", **attempt, ttl=1000 * 2 * HOUR)["token"]
    before, after = tokens_of(log_in, token)
    for name in ("sid", "auth_time", "amr"):
        assert before[name] == after[name]
    assert after["exp"] - after["iat"] == 2 * HOUR + 1
    assert not scene.is_good(log_in)
    with pytest.raises(PermissionDenied):
        scene.refresh(token)


# Ends.


def test_a_log_out_ends_all_tokens_of_its_session_and_no_others(scene: Scene) -> None:
    """By whichever of them, before and after; so does a revocation (RFC 7009)."""
    for operation in ("log_out", "revoke_token"):
        first, other = scene.log_in(), scene.log_in()
        second = scene.refresh(first)
        third = scene.refresh(second)
        scene.call(operation, token=second)
        assert [scene.is_good(token) for token in (first, second, third, other)] == [False] * 3 + [True]
        for token in (first, second, third):
            with pytest.raises(TokenRevoked):
                scene.refresh(token)
        assert scene.is_good(scene.refresh(other))


def test_a_token_of_a_session_ends_it_also_after_another_has_expired(scene: Scene) -> None:
    """A mark lasts as long as the session, not as the token by which it was made."""
    scene.signet.let_guess()
    first = scene.log_in()
    scene.signet.clock.advance(5 * MINUTE)
    second = scene.refresh(first)
    scene.call("log_out", token=first)
    scene.signet.clock.advance(6 * MINUTE)
    for _ in range(51):
        scene.call("log_out", token=scene.log_in())
    assert not scene.is_good(second)


def test_a_release_from_before_there_were_sessions_sees_what_has_ended(scene: Scene) -> None:
    """It looks for the `jti`, which is marked unless the application has chosen what is new since."""
    for lasts, name in ((None, "jti"), (HOUR * 1000, "sid")):
        scene.set(sessionLifetime=lasts)
        token = scene.log_in()
        scene.call("log_out", token=token)
        (claims,) = tokens_of(token)
        (item,) = [i for i in scene.signet.items() if "ended" in i]
        assert any(mark.startswith(claims[name]) for mark in item["ended"]["SS"])


@pytest.mark.parametrize(
    "end",
    [
        {"operation": "invalidate_user_tokens", "experienceUserId": ANN},
        {"operation": "update_user", "experienceUserId": ANN, "password": PASSWORD},
        {"operation": "delete_user", "experienceUserId": ANN},
    ],
    ids=lambda end: end["operation"],
)
def test_whatever_ends_tokens_ends_refreshing(scene: Scene, end: dict[str, Any]) -> None:
    """Neither the token nor what was refreshed of it is good for another one."""
    first = scene.log_in()
    second = scene.refresh(first)
    scene.call(**end)
    for token in (first, second):
        with pytest.raises(TokenRevoked):
            scene.refresh(token)


def test_what_is_no_good_is_not_refreshed(scene: Scene) -> None:
    """No token, none of ours, of another kind, expired."""
    late = scene.log_in()
    scene.signet.clock.advance(10 * MINUTE + 1)
    before = scene.signet.items()
    user_token = scene.call("issue_user_token", userId="u1")["token"]
    for token in (None, "x", user_token, late, scene.signet.api_token):
        assert scene.send(token).status == 401
    assert scene.send(scene.log_in(), {"ttl": 5}).status == 400
    assert [i for i in scene.signet.items() if i["sk"] != {"S": "ATTEMPT"}][:1] == before[:1]


def test_tokens_from_before_there_were_sessions_stay_good(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are checked, end and are replaced as before; only refreshed they cannot be."""
    real = tokens.session_claims

    def without(*arguments: Any, **named: Any) -> dict[str, Any]:
        claims = real(*arguments, **named)
        return {n: v for n, v in claims.items() if n not in ("sid", "auth_time", "amr", "session_exp")}

    monkeypatch.setattr("signet.usecases.sessions.session_claims", without)
    old, other = scene.log_in(), scene.log_in()
    monkeypatch.setattr("signet.usecases.sessions.session_claims", real)
    assert scene.is_good(old)
    with pytest.raises(PermissionDenied):
        scene.refresh(old)
    attempt = {"authMode": "token", "invalidateExistingTokens": True, "returnToken": True}
    scene.signet.clock.advance(5)
    scene.call("log_out", token=old)
    assert [scene.is_good(token) for token in (old, other)] == [False, True]
    new = scene.call("authenticate", **attempt, token=other)["token"]
    assert scene.claims(new)["auth_time"] == scene.claims(new)["iat"] - 5


@pytest.mark.parametrize(
    "claims",
    [
        {"sid": "x"},
        {"sid": 5},
        {"sid": None, "session_exp": 1_900_000_000},
        {"auth_time": "1"},
        {"auth_time": True},
        {"session_exp": 1.5},
        {"amr": "pwd"},
        {"amr": [1]},
    ],
    ids=str,
)
def test_claims_of_a_session_have_their_form(
    scene: Scene, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a token that is signed with our key: what is another's error must not reach a condition."""
    real = tokens.session_claims
    changed = lambda *given, **named: {**real(*given, **named), **claims}  # noqa: E731
    monkeypatch.setattr("signet.usecases.sessions.session_claims", changed)
    token = scene.call("issue_session_token", experienceUserId=ANN)["token"]
    with pytest.raises(TokenInvalid):
        scene.call("log_out", token=token)


# Races, on an engine with real transactions.

ROUNDS = 8


@pytest.mark.parametrize(
    "end",
    [{"operation": "log_out"}, {"operation": "log_out", "everywhere": True}],
    ids=["log out", "everywhere"],
)
def test_a_session_that_is_refreshed_while_it_ends(engine_cloud: Cloud, end: dict[str, Any]) -> None:
    """Whoever comes first, nothing of it is good afterwards."""
    with engine_cloud.deploy() as signet:
        wiring.table(), wiring.applications(), wiring.password_hasher()
        scene = Scene(signet)
        scene.signet.let_guess()
        for _ in range(ROUNDS):
            token = scene.log_in()
            refreshed, ended = at_once(partial(scene.refresh, token), partial(scene.call, token=token, **end))
            assert ended == {"success": True}
            assert isinstance(refreshed, str | TokenRevoked), refreshed
            assert not scene.is_good(token)
            if isinstance(refreshed, str):
                assert not scene.is_good(refreshed)

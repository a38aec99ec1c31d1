"""One token alone is ended: POST /oauth2/revoke and POST …/experience/logout."""

from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from signet.errors import (
    TokenExpired,
    TokenInvalid,
    TokenRefused,
    TokenRevoked,
    Unavailable,
    UnsupportedTokenType,
)
from signet.store import users
from signet.store.attributes import from_attributes
from signet.store.ended_tokens import MAX_MARKS
from signet.usecases import identification
from tests.deployment import PASSWORD, Deployment, Response
from tests.faults import failing, faults_of, restore
from tools.audit_table import audit

ANN = "ann@example.com"
EMAIL = {"identityType": "EMAIL", "identity": ANN}


class Scene:
    """A deployment with one user, and what is done to it."""

    def __init__(self, signet: Deployment) -> None:
        self.signet = signet
        self.user_id: str = self.call("create_user", email=ANN, password=PASSWORD)["id"]

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function in the demo application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def session(self, user_id: str | None = None, **fields: Any) -> str:
        """A session token, of the user unless another one is named."""
        named = {"experienceUserId": user_id or self.user_id}
        return str(self.call("issue_session_token", **named, **fields)["token"])

    def user_token(self, external_id: str = "u1") -> str:
        """A user token."""
        return str(self.call("issue_user_token", userId=external_id)["token"])

    def identify(self, token: str | None = None, **said: Any) -> Any:
        """Identify the external id u1."""
        more = {} if token is None else {"authToken": token}
        return self.call("identify", user={"userId": "u1", **said}, **more)

    def revoke(self, token: str) -> None:
        """End a token, or whatever it is."""
        assert self.call("revoke_token", token=token) == {}

    def is_good(self, token: str) -> bool:
        """Whether introspection calls the token active."""
        return bool(self.call("introspect_token", token=token)["active"])

    def item(self, user_id: str | None = None) -> dict[str, Any]:
        """The item of a user, or what is left of it; empty where there is none."""
        end = f"#USER#{user_id or self.user_id}"
        items = [from_attributes(item) for item in self.signet.items()]
        return next((one for one in items if one["pk"].endswith(end) and one["sk"] == "USER"), {})

    def allow_unverified(self) -> None:
        """Let identify do without a token."""
        self.call("update_application", requireJwtToken=False)
        self.signet.restart()

    def post(self, path: str, form: dict[str, str] | bytes, **headers: str) -> Response:
        """Send a form with the application's credentials, or others."""
        raw = form if isinstance(form, bytes) else urlencode(form).encode()
        content = {"content-type": "application/x-www-form-urlencoded"}
        given = content | self.signet.basic(self.signet.application_id) | headers
        return self.signet.http("POST", path, raw=raw, headers=given)

    def log_out(self, token: str | None, body: object = None, application_id: str | None = None) -> Response:
        """Send a log-out, with a token if there is one."""
        path = f"/applications/{application_id or self.signet.application_id}/experience/logout"
        return self.signet.http("POST", path, body, headers=self.signet.bearer(token) if token else {})


@pytest.fixture
def scene(signet: Deployment) -> Any:
    scene = Scene(signet)
    yield scene
    assert audit(map(from_attributes, signet.items())) == []


@pytest.fixture
def moto_scene(moto_signet: Deployment) -> Scene:
    return Scene(moto_signet)


# What ends, and what does not


@pytest.mark.parametrize("way", ["revoke", "log out"])
def test_a_session_token_ends_everywhere_and_no_other_does(scene: Scene, way: str) -> None:
    """In the very next check, whoever makes it; the user's other tokens stay good."""
    signet, token, others = scene.signet, scene.session(), [scene.session(), scene.session(ttl=60_000)]
    if way == "revoke":
        answer = scene.post("/oauth2/revoke", {"token": token, "token_type_hint": "refresh_token"})
        assert (answer.status, answer.json) == (200, {})
    else:
        answer = scene.log_out(token, {})
        assert (answer.status, answer.json) == (200, {"success": True})
    assert not scene.is_good(token)
    path = f"/applications/{signet.application_id}/experience"
    assert signet.http("GET", f"{path}/me", headers=signet.bearer(token)).status == 403
    for mode, more in (
        ("token", {}),
        ("tokenEmail", {"email": ANN}),
        ("tokenEmailPassword", {"email": ANN, "password": PASSWORD}),
    ):
        for invalidates in (False, True):
            fields = {"authMode": mode, "token": token, "invalidateExistingTokens": invalidates, **more}
            assert scene.call("authenticate", **fields) == {"authenticated": False}
    for other in others:
        assert scene.is_good(other)
        assert signet.http("GET", f"{path}/me", headers=signet.bearer(other)).status == 200
        assert scene.call("authenticate", authMode="token", token=other)["authenticated"]


def test_a_user_token_ends_of_whom_nobody_has_heard(scene: Scene) -> None:
    """It makes no user; identify refuses the token, says why, and remembers the end of it."""
    token, other = scene.user_token(), scene.user_token()
    scene.revoke(token)
    assert (scene.is_good(token), scene.is_good(other)) == (False, True)
    item = scene.item("x:u1")
    assert item.keys() == {"pk", "sk", "ended"}
    path = f"/applications/{scene.signet.application_id}/experience/users/ext:u1"
    assert scene.signet.http("GET", path, headers=scene.signet.bearer()).status == 404
    data = {"apiKey": scene.signet.application_id, "authToken": token, "user": {"userId": "u1"}}
    answer = scene.signet.http("POST", "/v1/identify", {"data": data})
    assert (answer.status, answer.json["error"]["details"]) == (401, [{"reason": "token_revoked"}])
    assert scene.identify(other)["verified"]
    assert scene.item("x:u1")["ended"] == item["ended"]
    assert (scene.is_good(token), scene.is_good(other)) == (False, True)


def test_an_end_outlives_deletion_and_return(scene: Scene) -> None:
    """Deleting the user ends all and clears the marks; who comes back has neither."""
    token, other = scene.user_token(), scene.user_token()
    scene.identify(token)
    scene.revoke(token)
    scene.call("delete_user", experienceUserId="ext:u1")
    assert "ended" not in scene.item("x:u1")
    tombstone = scene.item("x:u1")
    for late in (token, other):
        scene.revoke(late)
    assert scene.item("x:u1") == tombstone
    fresh = scene.user_token()
    scene.identify(fresh)
    scene.revoke(other)
    assert [scene.is_good(one) for one in (token, other, fresh)] == [False, False, True]
    scene.revoke(fresh)
    assert not scene.is_good(fresh)


def test_what_has_ended_already_is_no_reason_to_write(scene: Scene) -> None:
    """Neither a second time, nor where all of the user's or the application's tokens have ended."""
    token, other = scene.session(), scene.session()
    scene.revoke(token)
    before = scene.signet.items()
    scene.revoke(token)
    assert scene.log_out(token).json == {"success": True}
    assert scene.signet.items() == before
    scene.call("invalidate_user_tokens", experienceUserId=scene.user_id)
    assert "ended" not in scene.item()
    before = scene.signet.items()
    scene.revoke(other)
    assert scene.log_out(other).json == {"success": True}
    assert scene.signet.items() == before
    fresh = scene.session()
    scene.call("invalidate_application_tokens")
    scene.signet.restart()
    before = scene.signet.items()
    scene.revoke(fresh)
    assert scene.log_out(fresh).status == 401
    assert scene.signet.items() == before


def test_an_end_outlives_the_time_to_live_of_an_unverified_user(scene: Scene) -> None:
    """The item keeps its user's end and loses its own, whatever comes after."""
    scene.allow_unverified()
    scene.identify()
    until = scene.item("x:u1")["unverified_until"]
    token, session = scene.user_token(), scene.session("ext:u1")
    scene.revoke(session)
    assert "expires_at" not in scene.item("x:u1")
    scene.identify(name="Ann")
    item = scene.item("x:u1")
    assert "expires_at" not in item
    assert item["unverified_until"] == until
    scene.revoke(token)
    scene.signet.clock.advance(until - scene.signet.clock.now - 1)
    scene.signet.let_ttl_strike()
    assert not scene.is_good(session)
    scene.signet.clock.advance(1)
    scene.signet.let_ttl_strike()
    scene.identify()
    assert [scene.is_good(one) for one in (token, session)] == [False, False]


def test_a_token_that_only_a_cap_refuses_is_ended_all_the_same(scene: Scene) -> None:
    """It would be good again once the cap is lifted."""
    for end in (scene.revoke, lambda token: scene.log_out(token).json["success"]):
        token = scene.session()
        scene.signet.clock.advance(10)
        scene.call("update_application", maxTokenLifetime=5)
        scene.signet.clock.advance(5)
        assert not scene.is_good(token)
        end(token)
        scene.call("update_application", maxTokenLifetime=None)
        scene.signet.clock.advance(5)
        assert not scene.is_good(token)


def test_another_spelling_of_a_token_ends_the_same_token(scene: Scene) -> None:
    """White space of a header is no part of it."""
    token = scene.session()
    assert scene.log_out(f" {token} ").status == 200
    assert not scene.is_good(token)


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("another_has_ended", [False, True])
def test_a_token_that_ends_while_it_identifies_writes_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, is_known: bool, another_has_ended: bool
) -> None:
    """What was read before is no proof at the write: the token is refused, and the profile as it was."""
    if another_has_ended:
        scene.revoke(scene.user_token())
    if is_known:
        scene.identify(scene.user_token(), name="Bob")
    token, find = scene.user_token(), users.find_subject
    marked: list[dict[str, Any]] = []

    def find_and_end(*given: Any) -> Any:
        found = find(*given)
        scene.revoke(token)
        marked.append(scene.item("x:u1"))
        return found

    monkeypatch.setattr(identification, "find_subject", find_and_end)
    with pytest.raises(TokenRevoked):
        scene.identify(token, name="Ann")
    assert scene.item("x:u1") == marked[0]


# Room


def fill(scene: Scene, count: int, **fields: Any) -> list[str]:
    """End so many tokens, of those that do not expire unless fields say otherwise."""
    tokens = [scene.session(**fields) for _ in range(count)]
    for token in tokens:
        scene.revoke(token)
    return tokens


def advance_to_the_end(scene: Scene, token: str, seconds: int = 0) -> None:
    """Let time pass until a token's `exp`, or so many seconds from it."""
    end = jwt.decode(token, options={"verify_signature": False})["exp"]
    scene.signet.clock.advance(end + seconds - scene.signet.clock.now)


def test_where_there_is_no_room_everything_ends(scene: Scene) -> None:
    """Fifty marks of tokens that live on are kept; the next end raises the generation, once."""
    ended, others = fill(scene, MAX_MARKS), [scene.session(), scene.session()]
    assert len(scene.item()["ended"]) == MAX_MARKS
    assert scene.item()["generation"] == 0
    scene.revoke(ended[7])
    assert [scene.is_good(token) for token in (*ended, *others)] == [False] * MAX_MARKS + [True, True]
    with scene.signet.counted() as trips:
        scene.revoke(others[0])
    assert trips == ["dynamodb:UpdateItem"] * 2
    item = scene.item()
    assert "ended" not in item
    assert item["generation"] == 1
    assert not any(scene.is_good(token) for token in (*ended, *others))
    assert scene.is_good(scene.session())


def test_marks_of_tokens_that_have_expired_make_room(scene: Scene) -> None:
    """From the very second on in which nobody takes the tokens any more."""
    expiring = fill(scene, 3, ttl=100_000)
    ended, others = fill(scene, MAX_MARKS - 3), [scene.session() for _ in range(5)]
    marks = scene.item()["ended"]
    assert len(marks) == MAX_MARKS
    advance_to_the_end(scene, expiring[0])
    with scene.signet.counted() as trips:
        scene.revoke(others.pop())
    assert trips[-2:] == ["dynamodb:UpdateItem"] * 2
    kept = scene.item()["ended"]
    assert len(kept) == MAX_MARKS - 2
    assert len(kept - marks) == 1
    assert {mark.split()[1] for mark in kept} == {"-"}
    for token in (others.pop(), others.pop()):
        scene.revoke(token)
    assert scene.item()["generation"] == 0
    assert [scene.is_good(token) for token in others] == [True, True]
    assert not any(scene.is_good(token) for token in (*ended, *expiring))


def test_a_mark_is_kept_to_the_last_second(scene: Scene) -> None:
    """While the token would still be taken, everything ends rather than that it lives on."""
    (expiring,) = fill(scene, 1, ttl=100_000)
    fill(scene, MAX_MARKS - 1)
    advance_to_the_end(scene, expiring, seconds=-1)
    scene.revoke(scene.session())
    assert scene.item()["generation"] == 1
    assert not scene.is_good(expiring)


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("operation", ["revoke_token", "log_out"])
def test_who_hears_of_a_failure_has_the_token_still(moto_scene: Scene, operation: str, is_full: bool) -> None:
    """Whatever fails on the way, in a container that knows nothing: the token has ended, or nothing has."""
    scene, signet = moto_scene, moto_scene.signet
    if is_full:
        fill(scene, MAX_MARKS)
    token, other = scene.session(), scene.session()
    items = signet.items()
    restore(signet, items)
    for fault in faults_of(lambda: scene.call(operation, token=token)):
        restore(signet, items)
        try:
            with failing(fault):
                scene.call(operation, token=token)
        except Unavailable:
            assert [scene.is_good(one) for one in (token, other)] == [True, True], fault
        else:
            assert [scene.is_good(one) for one in (token, other)] == [False, not is_full], fault


# What comes in


def test_of_what_is_no_good_token_the_answer_tells_nothing(scene: Scene) -> None:
    """Garbage, expired, another application's: 200, as for a token that was ended; nothing is written."""
    signet, mine = scene.signet, scene.session(ttl=1000)
    other_id, _ = signet.new_application()
    here = {"applicationId": other_id}
    other = signet.invoke("create_user", here | {"email": ANN, "password": PASSWORD})
    foreign = signet.invoke("issue_session_token", here | {"experienceUserId": other["id"]})["token"]
    stranger = signet.invoke("issue_user_token", here | {"userId": "u1"})["token"]
    signet.clock.advance(2)
    before = signet.items()
    good = scene.session()
    forged = good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")
    for token in ("", "x", "a.b.c", "é", forged, good + "A", mine, foreign, stranger, signet.api_token):
        answer = scene.post("/oauth2/revoke", {"token": token})
        assert (answer.status, answer.json) == (200, {})
    assert signet.items() == before
    assert scene.is_good(good)
    sent = here | {"token": foreign}
    assert signet.invoke("introspect_token", sent)["active"]


def test_an_identity_token_is_ended_with_its_identity_alone(scene: Scene) -> None:
    """A good one is refused, with the route that does it; one that has ended is like any other."""
    token = scene.call("issue_identity_token", **EMAIL)["token"]
    answer = scene.post("/oauth2/revoke", {"token": token})
    assert (answer.status, answer.json["error"]) == (400, "unsupported_token_type")
    assert "/applications/{applicationId}/identities/invalidate-tokens" in answer.json["error_description"]
    with pytest.raises(UnsupportedTokenType):
        scene.call("revoke_token", token=token)
    assert scene.is_good(token)
    assert scene.log_out(token).status == 401
    scene.call("invalidate_identity_tokens", **EMAIL)
    scene.revoke(token)


@pytest.mark.parametrize(
    "form", [b"", b"token_type_hint=access_token", b"token=a&token=b", b'{"token": "a"}']
)
def test_a_revocation_without_one_token_is_refused(moto_scene: Scene, form: bytes) -> None:
    """In OAuth's words."""
    answer = moto_scene.post("/oauth2/revoke", form)
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("way", ["wrong", "none", "bearer"])
def test_only_the_application_may_revoke(moto_scene: Scene, way: str) -> None:
    """By its API token, as for introspection."""
    scene, signet = moto_scene, moto_scene.signet
    token = scene.session()
    wrong = signet.api_token[:-2] + "AA"
    given = {
        "wrong": signet.basic(signet.application_id, wrong),
        "none": {"authorization": ""},
        "bearer": signet.bearer(),
    }[way]
    answer = scene.post("/oauth2/revoke", {"token": token}, **given)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert scene.is_good(token)


def test_a_log_out_takes_a_session_token_and_nothing_else(moto_scene: Scene) -> None:
    """What is no good session token of this application is refused in Losant's words."""
    scene, signet = moto_scene, moto_scene.signet
    expired = scene.session(ttl=1000)
    other_id, _ = signet.new_application()
    user = signet.invoke("create_user", {"applicationId": other_id, "email": ANN, "password": PASSWORD})
    sent = {"applicationId": other_id, "experienceUserId": user["id"]}
    foreign = signet.invoke("issue_session_token", sent)["token"]
    signet.clock.advance(2)
    before = signet.items()
    for token in (None, "x", "a.b.c", expired, foreign, scene.user_token(), signet.api_token):
        answer = scene.log_out(token)
        assert (answer.status, answer.json["type"]) == (401, "Unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert scene.log_out(scene.session(), application_id="f" * 24).status == 404
    assert signet.items() == before
    for token, error in ((expired, TokenExpired), (foreign, TokenInvalid), ("x", TokenRefused)):
        with pytest.raises(error):
            scene.call("log_out", token=token)


def test_a_field_of_a_log_out_is_refused_by_name(moto_scene: Scene) -> None:
    """Ignored, a misspelt `everywhere` would be sessions that somebody believes to have ended."""
    token = moto_scene.session()
    for body, name in (({"everywere": True}, "everywere"), ({"token": token}, "token")):
        answer = moto_scene.log_out(token, body)
        assert (answer.status, answer.json["type"]) == (400, "Validation")
        assert answer.json["message"].startswith(f"{name}: is unknown")
    assert moto_scene.is_good(token)

"""What users do by a session token: PATCH and DELETE …/experience/me, and logging out everywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from signet import wiring
from signet.aws.client import NoAnswer
from signet.errors import (
    InvalidRequest,
    LoginRefused,
    NotOffered,
    PermissionDenied,
    TokenExpired,
    TokenRevoked,
    TooManyAttempts,
    Unavailable,
    UserNotFound,
)
from signet.store.attributes import from_attributes
from tests.deployment import PASSWORD, Cloud, Deployment, Response
from tests.faults import around_attempts
from tests.races import at_once
from tools.audit_table import audit

ANN = "ann@example.com"
NEW = "another horse battery"
WRONG = "wrong horse battery"
CURRENT = {"currentPassword": PASSWORD}


@dataclass
class Scene:
    """Ann, logged in."""

    signet: Deployment
    email: str = ANN

    def __post_init__(self) -> None:
        fields = {"email": self.email, "password": PASSWORD, "firstName": "Ann"}
        self.user = self.call("create_user", **fields)
        self.token = self.issue()

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function directly."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def issue(self, **fields: Any) -> str:
        """Another session token of Ann's."""
        token: str = self.call("issue_session_token", experienceUserId=self.user["id"], **fields)["token"]
        return token

    def send(self, method: str, body: object, token: str | None = None) -> Response:
        """Ask over HTTP, by the token."""
        path = f"/applications/{self.signet.application_id}/experience/me"
        return self.signet.http(method, path, body, headers=self.signet.bearer(token or self.token))

    def change(self, **fields: Any) -> Any:
        """Change oneself by a direct invocation."""
        return self.call("update_me", token=self.token, **fields)

    def shown(self) -> Any:
        """Ann as she is."""
        return self.call("get_user", experienceUserId=self.user["id"])

    def claims(self, token: str) -> Any:
        """What introspection says of a token."""
        return self.call("introspect_token", token=token)

    def is_good(self, token: str) -> bool:
        """Whether a token is good."""
        active: bool = self.claims(token)["active"]
        return active

    def can_log_in(self, password: str = PASSWORD) -> bool:
        """Whether a password logs in."""
        try:
            self.call("log_in", email=self.email, password=password)
        except LoginRefused:
            return False
        return True

    def set(self, **settings: Any) -> None:
        """Change the application's settings."""
        self.call("update_application", **settings)
        wiring.applications().forget(self.signet.application_id)


@pytest.fixture
def scene(signet: Deployment) -> Scene:
    """Ann, logged in."""
    return Scene(signet)


def test_a_user_changes_its_names_without_its_password(scene: Scene) -> None:
    """The answer shows the user; no token ends."""
    answer = scene.send("PATCH", {"firstName": "Anna", "lastName": "Lee"})
    assert answer.status == 200
    assert answer.json == {"user": scene.shown()}
    assert (answer.json["user"]["firstName"], answer.json["user"]["lastName"]) == ("Anna", "Lee")
    assert scene.change(firstName=None)["user"]["firstName"] is None
    before = scene.signet.kept()
    assert scene.change() == {"user": scene.shown()}
    assert scene.signet.kept() == before
    assert scene.is_good(scene.token)


def test_a_new_password_ends_all_tokens_and_gives_another(scene: Scene) -> None:
    """It lives as long as a log-in's, and has the extra data of the one that came."""
    scene.set(login={"ttl": 60_000, "extraData": {"of": "a log-in"}})
    scene.token, other = scene.issue(extraData={"of": "this one"}), scene.issue()
    minted = scene.call("issue_identity_token", identityType="EMAIL", identity=ANN)["token"]
    answer = scene.send("PATCH", {"password": NEW, "lastName": "Lee", **CURRENT})
    assert answer.status == 200
    assert answer.json["user"] == scene.shown()
    assert answer.json["user"]["lastName"] == "Lee"
    assert [scene.is_good(token) for token in (scene.token, other, minted)] == [False] * 3
    claims = scene.claims(answer.json["token"])
    assert (claims["active"], claims["ext"]) == (True, {"of": "this one"})
    assert claims["exp"] - claims["iat"] == 61
    assert (scene.can_log_in(), scene.can_log_in(NEW)) == (False, True)


LOGIN = {"ttl": 600_000, "sessionLifetime": 3_600_000}


def test_a_new_password_makes_no_session_longer(scene: Scene) -> None:
    """The new token can be refreshed as long as the one that came, and no longer."""
    scene.set(login=LOGIN)
    scene.token = scene.call("log_in", email=ANN, password=PASSWORD)["token"]
    end = scene.claims(scene.token)["session_exp"]
    scene.signet.clock.advance(500)
    scene.set(login=LOGIN | {"sessionLifetime": 86_400_000})
    before = scene.claims(scene.token)
    scene.token = scene.change(password=NEW, **CURRENT)["token"]
    after = scene.claims(scene.token)
    assert (after["session_exp"], after["amr"], after["auth_time"]) == (end, ["pwd"], scene.signet.clock.now)
    assert after["sid"] != before["sid"]
    assert after["exp"] - after["iat"] == 601
    refreshed = scene.claims(scene.call("refresh_session", token=scene.token)["token"])
    assert (refreshed["sid"], refreshed["session_exp"]) == (after["sid"], end)


@pytest.mark.parametrize(("ttl", "life"), [(60_000, 61), (3_600_000, 601), (None, 601)])
def test_a_new_password_makes_no_session_of_a_token_that_the_application_issued(
    scene: Scene, ttl: int | None, life: int
) -> None:
    """It lives no longer than the one that came, nor than a log-in's, and cannot be refreshed."""
    scene.set(login=LOGIN)
    scene.token = scene.issue(**({} if ttl is None else {"ttl": ttl}), extraData={"role": "kiosk"})
    before = scene.claims(scene.token)
    token = scene.change(password=NEW, **CURRENT)["token"]
    claims = scene.claims(token)
    assert (claims["exp"] - claims["iat"], claims["ext"]) == (life, {"role": "kiosk"})
    assert ttl is None or claims["exp"] <= before["exp"]
    with pytest.raises(PermissionDenied):
        scene.call("refresh_session", token=token)


def test_a_new_password_lets_nobody_in_who_has_to_be_verified(scene: Scene) -> None:
    """403 to the right password, as a log-in is; nothing changes but guesses. Names change all the same."""
    scene.set(selfService={"verifyEmail": "required"})
    scene.call("update_user", experienceUserId=scene.user["id"], emailVerified=False)
    before = scene.shown()
    answer = scene.send("PATCH", {"password": NEW, **CURRENT})
    assert (answer.status, answer.json["type"]) == (403, "EmailNotVerified")
    assert (
        scene.send("PATCH", {"password": NEW, "currentPassword": WRONG})
        .json["message"]
        .startswith("currentPassword")
    )
    assert scene.shown() == before
    assert scene.is_good(scene.token)
    assert scene.send("PATCH", {"firstName": "Anna"}).status == 200


def test_a_user_deletes_itself(scene: Scene) -> None:
    """Its tokens end, and its address is free."""
    answer = scene.send("DELETE", CURRENT)
    assert (answer.status, answer.json) == (200, {"success": True})
    assert not scene.is_good(scene.token)
    with pytest.raises(UserNotFound):
        scene.shown()
    assert Scene(scene.signet).shown()
    assert scene.send("DELETE", CURRENT).status == 401


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("PATCH", {"password": NEW}, 400, "currentPassword: is required with a new password"),
    ("PATCH", {"password": "short", **CURRENT}, 400, "password"),
    ("PATCH", {"email": "anna@example.com"}, 400, "currentPassword: is required with a new address"),
    ("PATCH", {"email": "anna", **CURRENT}, 400, "email: "),
    ("PATCH", {"email": None, **CURRENT}, 400, "email: "),
    ("PATCH", {"email": "anna@example.com", "currentPassword": WRONG}, 403, "currentPassword is not"),
    ("PATCH", {"userTags": {}}, 400, "userTags: is unknown"),
    ("PATCH", {"emailVerified": True}, 400, "emailVerified: is unknown"),
    ("PATCH", {"token": "x"}, 400, "token: is unknown in the body"),
    ("PATCH", {"firstName": "x" * 1025}, 400, "firstName"),
    ("PATCH", {"password": NEW, "currentPassword": WRONG}, 403, "currentPassword is not the user's"),
    ("DELETE", {"currentPassword": WRONG}, 403, "currentPassword is not the user's"),
    ("DELETE", {"currentPassword": ""}, 403, "currentPassword is not the user's"),
    ("DELETE", {}, 400, "currentPassword: is required"),
]


@pytest.mark.parametrize(("method", "body", "status", "message"), REFUSED, ids=str)
def test_a_refusal_changes_nothing(
    scene: Scene, method: str, body: dict[str, Any], status: int, message: str
) -> None:
    """It says what is wrong, with another status than a token that is no good."""
    before = [item for item in scene.signet.kept() if not item["pk"]["S"].startswith("KEY")]
    answer = scene.send(method, body)
    assert answer.status == status
    assert message in answer.json["message"]
    assert [i for i in scene.signet.kept() if not i["pk"]["S"].startswith("KEY")] == before


def test_a_token_that_is_no_good_changes_nothing(scene: Scene) -> None:
    """Ended, expired, of another application, of another kind, or none."""
    signet = scene.signet
    late, ended = scene.issue(ttl=1000), scene.issue()
    scene.call("log_out", token=ended)
    signet.clock.advance(2)
    others = scene.call("issue_user_token", userId="u1")["token"]
    before = signet.kept()
    for token in (late, ended, others, "x", signet.api_token):
        for method, body in (("PATCH", {"firstName": "Eve"}), ("DELETE", CURRENT)):
            assert scene.send(method, body, token).status == 401
    for error, token in ((TokenExpired, late), (TokenRevoked, ended)):
        with pytest.raises(error):
            scene.call("log_out", token=token, everywhere=True)
    assert signet.kept() == before


def test_what_is_off_is_not_there(scene: Scene) -> None:
    """Without `selfService.profile` all of it is 404; one session can be ended in any case."""
    scene.set(selfService={"profile": False})
    for method, body in (("PATCH", {"firstName": "Eve"}), ("DELETE", CURRENT)):
        answer = scene.send(method, body)
        assert (answer.status, answer.json["type"]) == (404, "NotFound")
    with pytest.raises(NotOffered):
        scene.call("log_out", token=scene.token, everywhere=True)
    scene.call("log_out", token=scene.token)


def test_the_current_password_is_a_guess(scene: Scene) -> None:
    """Who has somebody's token may not try any number of passwords with it; nobody is locked out by that."""
    scene.signet.limit(knownSource=(3, 1))
    for number in range(4):
        refusal = PermissionDenied if number < 3 else TooManyAttempts
        with pytest.raises(refusal):
            scene.change(password=NEW, currentPassword=WRONG)
    with pytest.raises(TooManyAttempts):
        scene.call("delete_me", token=scene.token, **CURRENT)
    assert scene.can_log_in()


def test_who_has_no_password_gives_none(scene: Scene) -> None:
    """A user of log-in links has to set one by a code first."""
    scene.call("update_user", experienceUserId=scene.user["id"], emailVerified=False)
    code = scene.call("create_code", experienceUserId=scene.user["id"], purpose="logIn")["code"]
    scene.token = scene.call("redeem_code", code=code)["token"]
    for current in ("", PASSWORD):
        with pytest.raises(PermissionDenied, match="Who has none sets one by a code"):
            scene.change(password=NEW, currentPassword=current)
    assert scene.change(firstName="Anna")["user"]["firstName"] == "Anna"


def test_whom_nothing_vouches_for_does_not_vouch_for_itself(signet: Deployment) -> None:
    """A user of an unverified call of identify stays one."""
    here = {"applicationId": signet.application_id}
    signet.invoke("update_application", {**here, "requireJwtToken": False})
    signet.clock.advance(6)
    signet.invoke("identify", {**here, "user": {"userId": "u2", "name": "Una"}})
    token = signet.invoke("issue_session_token", {**here, "experienceUserId": "ext:u2"})["token"]
    before = signet.kept()
    with pytest.raises(PermissionDenied, match="Nothing vouches"):
        signet.invoke("update_me", {**here, "token": token, "firstName": "Una"})
    with pytest.raises(PermissionDenied, match="Nothing vouches"):
        signet.invoke("delete_me", {**here, "token": token, **CURRENT})
    assert signet.kept() == before


# Everywhere.


def test_logging_out_everywhere(scene: Scene) -> None:
    """All of the user's tokens end, and no others."""
    others = Scene(scene.signet, "bob@example.com")
    more = scene.issue()
    path = f"/applications/{scene.signet.application_id}/experience/logout"
    headers = scene.signet.bearer(scene.token)
    answer = scene.signet.http("POST", path, {"everywhere": True}, headers=headers)
    assert (answer.status, answer.json) == (200, {"success": True})
    assert [scene.is_good(token) for token in (scene.token, more, others.token)] == [False, False, True]
    assert scene.signet.http("POST", path, {"everywhere": True}, headers=headers).status == 401
    assert scene.can_log_in()
    with pytest.raises(InvalidRequest):
        scene.call("log_out", token=scene.issue(), everywhere="yes")


def test_logging_out_everywhere_is_repeated_where_its_answer_is_lost(scene: Scene) -> None:
    """What the repetition finds ended it has ended itself."""
    losses = ["UpdateItem"]

    def around(operation: str, exchange: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        answer = exchange()
        if operation in losses:
            losses.remove(operation)
            raise NoAnswer
        return answer

    with around_attempts(around):
        scene.call("log_out", token=scene.token, everywhere=True)
    assert (losses, scene.is_good(scene.token)) == ([], False)


def test_a_token_behind_the_cutoff_ends_nothing(scene: Scene) -> None:
    """As it is good for nothing else."""
    scene.signet.clock.advance(10)
    scene.call("update_user", experienceUserId=scene.user["id"], tokenCutoff="2027-01-15T08:00:05Z")
    other = scene.issue()
    with pytest.raises(TokenRevoked):
        scene.call("log_out", token=scene.token, everywhere=True)
    assert scene.is_good(other)


# Races, on an engine with real transactions.

ROUNDS = 8


def test_a_password_that_is_changed_twice_at_once(engine_cloud: Cloud) -> None:
    """One of the two is right, one token is good, and it is that one's."""
    with engine_cloud.deploy() as signet:
        wiring.table(), wiring.applications(), wiring.password_hasher()
        for number in range(ROUNDS):
            scene = Scene(signet, f"u{number}@example.com")
            results = at_once(
                *(partial(scene.change, password=f"{NEW} {which}", **CURRENT) for which in range(2))
            )
            done = [isinstance(result, dict) for result in results]
            assert all(isinstance(r, dict | TokenRevoked | PermissionDenied) for r in results), results
            assert sum(done) == 1, results
            winner = done.index(True)
            assert [scene.can_log_in(f"{NEW} {which}") for which in range(2)] == done
            assert scene.is_good(results[winner]["token"])
            assert not scene.is_good(scene.token)
        assert audit(map(from_attributes, signet.items())) == []


def test_logging_out_everywhere_against_a_new_password(engine_cloud: Cloud) -> None:
    """Nobody has a token of before; the new one is good only if the log-out did not come behind it."""
    with engine_cloud.deploy() as signet:
        wiring.table(), wiring.applications(), wiring.password_hasher()
        for number in range(ROUNDS):
            scene = Scene(signet, f"u{number}@example.com")
            changed, ended = at_once(
                partial(scene.change, password=NEW, **CURRENT),
                partial(scene.call, "log_out", token=scene.token, everywhere=True),
            )
            assert isinstance(changed, dict | TokenRevoked | Unavailable), changed
            assert isinstance(ended, dict | TokenRevoked), ended
            assert isinstance(changed, dict) or isinstance(ended, dict)
            assert not scene.is_good(scene.token)
            assert scene.can_log_in(NEW) == isinstance(changed, dict)
            if isinstance(changed, dict) and isinstance(ended, TokenRevoked):
                assert scene.is_good(changed["token"])

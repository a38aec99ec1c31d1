"""Codes: POST …/experience/users/{id}/codes and POST …/experience/codes/redeem."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any
from unittest import mock

import pytest

from signet import wiring
from signet.domain.codes import Purpose
from signet.errors import (
    CodeInvalid,
    EmailNotVerified,
    InvalidRequest,
    LoginRefused,
    NotOffered,
    TooManyAttempts,
    Unavailable,
    UserExists,
    UserNotFound,
)
from signet.store.attributes import from_attributes
from signet.store.guessing import note_source
from signet.store.table import Part, Table
from signet.usecases import guessing
from tests.deployment import PASSWORD, Cloud, Deployment, Response
from tests.faults import lost
from tests.races import at_once
from tools.audit_table import audit

ANN, NEW = "ann@example.com", "anna@example.com"
OTHER_PASSWORD = "another horse battery"
WRONG_PASSWORD = "wrong horse battery"
HOUR = 3600
LIVES = {"verifyEmail": 24 * HOUR, "resetPassword": HOUR, "logIn": HOUR // 4, "changeEmail": 24 * HOUR}
PURPOSES = sorted(LIVES)
STRANGER, OWNER = "198.51.100.1", "203.0.113.1"


@dataclass
class Scene:
    """Ann, whose address is verified or not."""

    signet: Deployment
    user: dict[str, Any]

    def here(self, **fields: Any) -> dict[str, Any]:
        """Fields of a direct invocation in the demo application."""
        return {"applicationId": self.signet.application_id, **fields}

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function directly."""
        return self.signet.invoke(operation, self.here(**fields))

    def code(self, purpose: str, **fields: Any) -> str:
        """A code of Ann's."""
        if purpose == "changeEmail":
            fields = {"email": NEW, **fields}
        code: str = self.call("create_code", experienceUserId=self.user["id"], purpose=purpose, **fields)[
            "code"
        ]
        return code

    def redeem(self, code: str, **fields: Any) -> Any:
        """Redeem a code by a direct invocation."""
        return self.call("redeem_code", code=code, **fields)

    def use(self, purpose: str, code: str) -> Any:
        """Redeem a code with all that it may need."""
        return self.redeem(code, password={"resetPassword": OTHER_PASSWORD}.get(purpose, PASSWORD))

    def shown(self) -> Any:
        """Ann as she is."""
        return self.call("get_user", experienceUserId=self.user["id"])

    def token(self) -> str:
        """A session token of Ann's."""
        token: str = self.call("issue_session_token", experienceUserId=self.user["id"])["token"]
        return token

    def is_good(self, token: str) -> bool:
        """Whether a token is good."""
        active: bool = self.call("introspect_token", token=token)["active"]
        return active

    def can_log_in(self, email: str = ANN, password: str = PASSWORD) -> bool:
        """Whether an address and a password log in."""
        try:
            self.call("log_in", email=email, password=password)
        except LoginRefused:
            return False
        return True

    def tries(self, source: str, password: str = WRONG_PASSWORD) -> bool | None:
        """Whether a password is right that somebody tries; None where that is one guess too many."""
        attempt = {"authMode": "emailPassword", "email": ANN, "password": password, "sourceIp": source}
        try:
            right: bool = self.call("authenticate", **attempt)["authenticated"]
        except TooManyAttempts:
            return None
        return right

    def offer(self, **offered: Any) -> None:
        """Change the setting selfService."""
        self.call("update_application", selfService=offered)
        wiring.applications().forget(self.signet.application_id)

    def send(self, body: object) -> Response:
        """Redeem over HTTP."""
        return self.signet.http(
            "POST", f"/applications/{self.signet.application_id}/experience/codes/redeem", body
        )

    def audited(self) -> None:
        """Everything in the table belongs together."""
        assert audit(map(from_attributes, self.signet.items())) == []


def scene_of(signet: Deployment, email: str = ANN, **fields: Any) -> Scene:
    """A scene with a new user."""
    new = {"applicationId": signet.application_id, "email": email, "password": PASSWORD, "firstName": "Ann"}
    return Scene(signet, signet.invoke("create_user", new | fields))


@pytest.fixture
def scene(signet: Deployment) -> Scene:
    """Ann, whose address is verified."""
    return scene_of(signet)


@pytest.fixture
def new(signet: Deployment) -> Scene:
    """Ann, whose address nobody has verified yet."""
    return scene_of(signet, emailVerified=False)


def kept(signet: Deployment) -> list[dict[str, Any]]:
    """What applications have in the table, but for guesses."""
    return [item for item in signet.kept() if not item["pk"]["S"].startswith("KEY")]


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_code_is_shown_once_and_kept_as_a_digest(scene: Scene, purpose: str) -> None:
    """The answer is 201 with the code and its end; the table has its digest, with a TTL."""
    signet = scene.signet
    path = f"/applications/{signet.application_id}/experience/users/{scene.user['id']}/codes"
    body = {"purpose": purpose} | ({"email": NEW} if purpose == "changeEmail" else {})
    answer = signet.http("POST", path, body, headers=signet.bearer())
    assert answer.status == 201
    assert answer.json.keys() == {"code", "expiresAt"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", answer.json["code"])
    items = signet.items()
    assert answer.json["code"] not in repr(items)
    (item,) = [from_attributes(item) for item in items if item["sk"] == {"S": "CODE"}]
    assert item["expires_at"] == signet.clock.now + LIVES[purpose]
    assert item.keys() == {"pk", "sk", "user_id", "purpose", "password_version", "expires_at"}
    assert scene.shown() == scene.user
    scene.audited()


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_code_works_until_its_end_and_not_a_second_longer(scene: Scene, purpose: str) -> None:
    """Whether DynamoDB has removed it by then or not."""
    for wait, works in ((LIVES[purpose] - 1, True), (LIVES[purpose], False)):
        code = scene.code(purpose, **({"email": f"u{wait}@example.com"} if purpose == "changeEmail" else {}))
        scene.signet.clock.advance(wait)
        if works:
            scene.use(purpose, code)
        else:
            with pytest.raises(CodeInvalid):
                scene.use(purpose, code)


def test_a_code_lives_as_long_as_was_asked_for(scene: Scene) -> None:
    """From a millisecond, which is a second then, to seven days."""
    for ttl, life in ((1, 1), (1001, 2), (7 * 86_400_000, 7 * 86_400)):
        answer = scene.call("create_code", experienceUserId=ANN, purpose="logIn", ttl=ttl)
        (kept,) = {
            item["expires_at"]["N"]
            for item in scene.signet.items()
            if item["sk"] == {"S": "CODE"} and int(item["expires_at"]["N"]) == scene.signet.clock.now + life
        }
        assert kept
        assert answer["expiresAt"].endswith("Z")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"purpose": "resetpassword"}, "purpose"),
    ({"purpose": None}, "purpose"),
    ({"purpose": "logIn", "ttl": 0}, "ttl: must be a whole number of milliseconds above 0, up to 7 days"),
    ({"purpose": "logIn", "ttl": 7 * 86_400_000 + 1}, "ttl"),
    ({"purpose": "logIn", "ttl": "5"}, "ttl"),
    ({"purpose": "logIn", "email": NEW}, "email: is what the purpose changeEmail needs"),
    ({"purpose": "changeEmail"}, "email: is what the purpose changeEmail needs"),
    ({"purpose": "changeEmail", "email": "anna"}, "email: is not a valid e-mail address"),
    ({"purpose": "changeEmail", "email": None}, "email"),
    ({"purpose": "logIn", "code": "x"}, "code: is unknown"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=str)
def test_a_wrong_field_is_named_and_no_code_is_made(
    scene: Scene, fields: dict[str, Any], message: str
) -> None:
    """A refusal says what would be right, and writes nothing."""
    before = scene.signet.items()
    with pytest.raises(InvalidRequest, match=re.escape(message)):
        scene.call("create_code", experienceUserId=scene.user["id"], **fields)
    assert scene.signet.items() == before


def test_who_has_no_address_gets_no_code(signet: Deployment) -> None:
    """A user whom identify brought, one who is gone, and one who never was."""
    here = {"applicationId": signet.application_id, "purpose": "logIn"}
    token = signet.invoke("issue_user_token", {"applicationId": signet.application_id, "userId": "u1"})[
        "token"
    ]
    signet.invoke(
        "identify", {"applicationId": signet.application_id, "authToken": token, "user": {"userId": "u1"}}
    )
    with pytest.raises(InvalidRequest, match="without an e-mail address"):
        signet.invoke("create_code", here | {"experienceUserId": "ext:u1"})
    for nobody in ("0" * 24, "ext:u2", "nobody@example.com"):
        with pytest.raises(UserNotFound):
            signet.invoke("create_code", here | {"experienceUserId": nobody})


OFFERS: dict[str, dict[str, Any]] = {
    "verifyEmail": {"verifyEmail": "off"},
    "resetPassword": {"passwordReset": False},
    "logIn": {"logInLink": False},
    "changeEmail": {"profile": False},
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_off_is_not_there(scene: Scene, purpose: str) -> None:
    """Codes of the purpose are neither made nor redeemed, and the others are."""
    codes = {each: scene.code(each) for each in PURPOSES}
    scene.offer(**OFFERS[purpose])
    with pytest.raises(NotOffered, match=purpose):
        scene.code(purpose)
    with pytest.raises(CodeInvalid):
        scene.use(purpose, codes[purpose])
    other = next(each for each in PURPOSES if each != purpose)
    scene.use(other, codes[other])


def test_where_nothing_is_on_the_routes_are_not_there(scene: Scene) -> None:
    """A new application answers 404, whatever comes."""
    signet = scene.signet
    signet.application_id, signet.api_token = signet.new_application()
    for code in ("x", "x" * 43):
        answer = scene.send({"code": code})
        assert (answer.status, answer.json["type"]) == (404, "NotFound")
    shown = signet.invoke("get_application", {"applicationId": signet.application_id})["selfService"]
    assert shown == {
        **dict.fromkeys(("signUp", "passwordReset", "logInLink", "profile"), False),
        "verifyEmail": "off",
        "links": dict.fromkeys(PURPOSES),
        "language": "en",
    }


# What codes bring about.


def test_a_verified_address(new: Scene) -> None:
    """Who knows the password that was chosen with the address shows that it is his; nothing ends."""
    token = new.token()
    code = new.code("verifyEmail")
    assert new.redeem(code, password=PASSWORD) == {"success": True}
    assert new.shown()["emailVerified"]
    assert new.is_good(token)
    assert new.can_log_in()


def test_a_click_alone_verifies_no_account_that_somebody_else_may_have_begun(new: Scene) -> None:
    """Without the password that was chosen with the address the code is no good, and is not used up."""
    code = new.code("verifyEmail")
    before = kept(new.signet)
    with pytest.raises(InvalidRequest, match=r"password: is required: the one that the account has"):
        new.redeem(code)
    with pytest.raises(LoginRefused):
        new.redeem(code, password=OTHER_PASSWORD)
    assert kept(new.signet) == before
    new.redeem(code, password=PASSWORD)


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("email", [NEW, "ANN@example.com"], ids=["another", "the same"])
def test_no_click_makes_a_proven_address_of_one_to_which_somebody_else_leads_an_account(
    signet: Deployment, email: str, verified: bool
) -> None:
    """Who moves an account to somebody's address gets it proven by nobody who does not know the password."""
    scene = scene_of(signet, emailVerified=verified)
    code = scene.code("changeEmail", email=email)
    before = kept(signet)
    with pytest.raises(InvalidRequest, match=r"password: is required: the one that the account has"):
        scene.redeem(code)
    with pytest.raises(LoginRefused):
        scene.redeem(code, password=OTHER_PASSWORD)
    assert kept(signet) == before
    scene.redeem(code, password=PASSWORD)
    assert (scene.shown()["email"], scene.shown()["emailVerified"]) == (email, True)


EFFECTS = sorted(product(PURPOSES, [True, False]))


@pytest.mark.parametrize(("purpose", "verified"), EFFECTS)
def test_nobody_s_password_outlives_a_proof_that_came_without_it(
    signet: Deployment, purpose: str, verified: bool
) -> None:
    """Whatever takes an address for proven: who chose the password is not in by it, or was asked."""
    scene = scene_of(signet, emailVerified=verified)
    code = scene.code(purpose)
    was = (scene.shown()["email"], scene.shown()["emailVerified"])
    with suppress(InvalidRequest, LoginRefused):
        scene.redeem(code, password=OTHER_PASSWORD)
    shown = scene.shown()
    is_newly_proven = shown["emailVerified"] and (shown["email"], True) != was
    assert not (is_newly_proven and scene.can_log_in(shown["email"]))


def test_who_has_no_password_verifies_by_the_code_alone(signet: Deployment) -> None:
    """There is none that somebody else could have chosen."""
    line = (
        '{"id": "' + "a" * 24 + '", "email": "ann@example.com", "passwordHash": null, "emailVerified": false}'
    )
    key = f"import/{signet.application_id}/users.jsonl"
    signet.put_file(key, line.encode())
    signet.invoke("import_users", {"applicationId": signet.application_id, "key": key})
    scene = Scene(signet, {"id": "a" * 24})
    scene.redeem(scene.code("verifyEmail"))
    assert scene.shown()["emailVerified"]


def test_a_forgotten_password(new: Scene) -> None:
    """The new one is set, the address verified, and every token has ended, the address's own too."""
    token = new.token()
    minted = new.call("issue_identity_token", identityType="EMAIL", identity=ANN)["token"]
    new.signet.clock.advance(1)
    code = new.code("resetPassword")
    assert new.redeem(code, password=OTHER_PASSWORD) == {"success": True}
    assert not new.is_good(token)
    assert not new.is_good(minted)
    assert (new.can_log_in(), new.can_log_in(password=OTHER_PASSWORD)) == (False, True)
    shown = new.shown()
    assert shown["emailVerified"]
    assert shown["passwordLastUpdated"] == shown["lastUpdated"] == "2027-01-15T08:00:01.123Z"


TAKES = ("resetPassword", "logIn")


@pytest.mark.parametrize("purpose", TAKES)
def test_whoever_takes_an_account_finds_nothing_that_somebody_else_wrote(new: Scene, purpose: str) -> None:
    """Names and profile go where nobody had verified the address, and stay where somebody had."""
    new.use(purpose, new.code(purpose))
    assert new.shown()["firstName"] is None
    new.call("update_user", experienceUserId=new.user["id"], firstName="Ann")
    new.use(purpose, new.code(purpose))
    assert new.shown()["firstName"] == "Ann"


@pytest.mark.parametrize("purpose", TAKES)
def test_whoever_began_an_account_is_a_stranger_to_it_once_it_is_taken(new: Scene, purpose: str) -> None:
    """The source from which it was logged in to before has no guesses of its own any more."""
    new.signet.limit(account=(2, 1), source=(50, 1), knownSource=(10, 1))
    assert new.tries(STRANGER, PASSWORD)
    assert [new.tries(STRANGER) for _ in range(4)] == [False] * 4
    new.use(purpose, new.code(purpose))
    assert [new.tries(STRANGER) for _ in range(3)] == [False, False, None]


def losing(scene: Scene) -> None:
    """The account is taken."""
    scene.use("logIn", scene.code("logIn"))


def leaving(scene: Scene) -> None:
    """The account moves to another address, and somebody else signs up with this one."""
    scene.call("update_user", experienceUserId=scene.user["id"], email=NEW)
    scene_of(scene.signet)


def ending(scene: Scene) -> None:
    """The account is deleted, and somebody else signs up with its address."""
    scene.call("delete_user", experienceUserId=scene.user["id"])
    scene_of(scene.signet)


@pytest.mark.parametrize("end", [leaving, ending])
def test_whoever_has_an_address_next_knows_no_source_of_the_last_one(
    new: Scene, end: Callable[[Scene], None]
) -> None:
    """Nobody gets more guesses at an account by having begun another one with its address before."""
    new.signet.limit(account=(2, 1), source=(50, 1), knownSource=(10, 1))
    assert new.tries(STRANGER, PASSWORD)
    end(new)
    new.signet.clock.advance(HOUR)
    assert [new.tries(STRANGER) for _ in range(3)] == [False, False, None]


@pytest.mark.parametrize("end", [losing, leaving, ending])
def test_a_log_in_that_is_noted_too_late_is_not_noted(
    new: Scene, monkeypatch: pytest.MonkeyPatch, end: Callable[[Scene], None]
) -> None:
    """Between the write of a log-in and that of its source the account may have become somebody else's."""
    new.signet.limit(account=(2, 1), source=(50, 1), knownSource=(10, 1))

    def too_late(*given: Any) -> None:
        monkeypatch.undo()
        end(new)
        note_source(*given)

    monkeypatch.setattr(guessing, "note_source", too_late)
    assert new.tries(STRANGER, PASSWORD)
    assert not [item for item in new.signet.items() if "known" in item]
    new.signet.clock.advance(HOUR)
    assert [new.tries(STRANGER) for _ in range(3)] == [False, False, None]


@pytest.mark.parametrize("purpose", TAKES)
def test_whose_address_is_verified_keeps_the_sources_that_it_knows(scene: Scene, purpose: str) -> None:
    """A forgotten password, or a log-in link, makes nobody a stranger to one's own account."""
    scene.signet.limit(account=(2, 1), source=(50, 1), knownSource=(10, 1))
    assert scene.tries(OWNER, PASSWORD)
    scene.use(purpose, scene.code(purpose))
    assert [scene.tries(OWNER) for _ in range(4)] == [False] * 4


@pytest.mark.parametrize("password", [None, "short", "password1"])
def test_a_password_that_may_not_be_set_uses_no_code_up(scene: Scene, password: str | None) -> None:
    """Only who has the code hears of it."""
    code = scene.code("resetPassword")
    given = {} if password is None else {"password": password}
    with pytest.raises(InvalidRequest, match="password"):
        scene.redeem(code, **given)
    with pytest.raises(CodeInvalid):
        scene.redeem("x" * 43, **given)
    scene.redeem(code, password=OTHER_PASSWORD)


def test_a_log_in_link(scene: Scene) -> None:
    """It answers as a log-in does, and leaves a verified user what it has."""
    scene.call("update_application", login={"ttl": HOUR * 1000, "extraData": {"a": 1}})
    wiring.applications().forget(scene.signet.application_id)
    token = scene.token()
    scene.signet.clock.advance(1)
    answer = scene.send({"code": scene.code("logIn")})
    assert answer.status == 200
    claims = scene.call("introspect_token", token=answer.json["token"])
    assert (claims["exp"] - claims["iat"], claims["ext"]) == (HOUR + 1, {"a": 1})
    assert answer.json["user"] == scene.shown() == scene.user | {"lastLogin": "2027-01-15T08:00:01.123Z"}
    assert scene.is_good(token)
    assert scene.can_log_in()


def test_a_log_in_link_ends_the_others_where_a_log_in_does(scene: Scene) -> None:
    """As the application's settings have it."""
    scene.call("update_application", login={"invalidateExistingTokens": True})
    wiring.applications().forget(scene.signet.application_id)
    token = scene.token()
    made = scene.redeem(scene.code("logIn"))["token"]
    assert (scene.is_good(token), scene.is_good(made)) == (False, True)
    assert scene.can_log_in()


def test_a_log_in_link_takes_an_account_from_whoever_began_it(new: Scene) -> None:
    """Where nobody had verified the address, password, profile and tokens may be somebody else's: they go."""
    stranger = new.token()
    new.call("update_user", experienceUserId=ANN, userTags={"plan": "free"})
    made = new.redeem(new.code("logIn"))
    assert not new.is_good(stranger)
    assert new.is_good(made["token"])
    assert not new.can_log_in()
    user = made["user"]
    assert user == new.shown()
    assert (user["emailVerified"], user["firstName"], user["passwordLastUpdated"]) == (True, None, None)
    assert user["userTags"] == {"plan": "free"}, "which are the operator's own words"
    new.redeem(new.code("resetPassword"), password=OTHER_PASSWORD)
    assert new.can_log_in(password=OTHER_PASSWORD)
    new.audited()


def test_another_address(scene: Scene) -> None:
    """The credential moves once the code is redeemed that was sent there, and tokens end as ever."""
    token = scene.token()
    code = scene.code("changeEmail", email="Anna@Example.com")
    assert scene.shown()["email"] == ANN
    assert scene.is_good(token)
    assert not scene.can_log_in(NEW)
    scene.redeem(code, password=PASSWORD)
    assert (scene.shown()["email"], scene.shown()["emailVerified"]) == ("Anna@Example.com", True)
    assert not scene.is_good(token)
    assert (scene.can_log_in(), scene.can_log_in(NEW)) == (False, True)
    scene.audited()


def test_the_same_address_in_another_case_ends_nothing(scene: Scene) -> None:
    """As a PATCH has it."""
    token = scene.token()
    scene.redeem(scene.code("changeEmail", email="ANN@example.com"), password=PASSWORD)
    assert scene.shown()["email"] == "ANN@example.com"
    assert scene.is_good(token)
    assert scene.can_log_in()


def test_an_address_that_became_somebody_else_s(scene: Scene) -> None:
    """Who reads its mails hears that it is taken; nothing changes."""
    code = scene.code("changeEmail")
    other = scene_of(scene.signet, NEW)
    with pytest.raises(UserExists):
        scene.redeem(code, password=PASSWORD)
    assert scene.shown() == scene.user
    other.call("delete_user", experienceUserId=other.user["id"])
    scene.redeem(code, password=PASSWORD)
    assert scene.shown()["email"] == NEW


# Once, and not after something else.


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_code_works_once(scene: Scene, purpose: str) -> None:
    """A second time it is as wrong as any."""
    code = scene.code(purpose)
    scene.use(purpose, code)
    with pytest.raises(CodeInvalid):
        scene.use(purpose, code)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_new_code_takes_the_old_one_s_place(scene: Scene, purpose: str) -> None:
    """Those for other purposes live on."""
    other = next(each for each in PURPOSES if each != purpose)
    kept, old, newest = scene.code(other), scene.code(purpose), scene.code(purpose)
    with pytest.raises(CodeInvalid):
        scene.use(purpose, old)
    if purpose in ("verifyEmail", "logIn"):
        scene.use(purpose, newest)
    scene.use(other, kept)


EVENTS: dict[str, Callable[[Scene], object]] = {
    "a password is set": lambda scene: scene.call(
        "update_user", experienceUserId=scene.user["id"], password=PASSWORD
    ),
    "the address is another": lambda scene: scene.call(
        "update_user", experienceUserId=scene.user["id"], email="elsewhere@example.com"
    ),
    "a password is set by a code": lambda scene: scene.redeem(scene.code("resetPassword"), password=PASSWORD),
    "another address by a code": lambda scene: scene.redeem(
        scene.code("changeEmail", email="elsewhere@example.com"), password=PASSWORD
    ),
    "the user is deleted": lambda scene: scene.call("delete_user", experienceUserId=scene.user["id"]),
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_code_is_worth_nothing_once_the_credential_is_another(
    scene: Scene, purpose: str, event: str
) -> None:
    """Whoever had asked for it may be whom the change keeps out."""
    code = scene.code(purpose)
    EVENTS[event](scene)
    with pytest.raises(CodeInvalid):
        scene.use(purpose, code)


def test_who_proves_an_address_first_leaves_nothing_to_whoever_began_with_it(new: Scene) -> None:
    """A stranger's request to move the account elsewhere dies with the stranger's password."""
    stranger = new.code("changeEmail", email="stranger@example.com")
    new.redeem(new.code("logIn"))
    with pytest.raises(CodeInvalid):
        new.redeem(stranger)


def test_every_code_that_is_no_good_gets_the_same_answer(scene: Scene) -> None:
    """Wrong, used, replaced, too old, another application's: one and the same 400."""
    signet = scene.signet
    used, replaced = scene.code("logIn"), scene.code("resetPassword")
    scene.redeem(used)
    scene.code("resetPassword")
    late = scene.code("verifyEmail", ttl=1)
    signet.clock.advance(1)
    elsewhere = scene.code("logIn")
    signet_id, signet_token = signet.application_id, signet.api_token
    other_id, other_token = signet.new_application()
    signet.application_id, signet.api_token = other_id, other_token
    scene.offer(logInLink=True)
    bodies = {scene.send({"code": elsewhere}).body}
    signet.application_id, signet.api_token = signet_id, signet_token
    for code in ("", "x", "é" * 43, "x" * 43, used, replaced, late, late + "x", used[:-1]):
        answer = scene.send({"code": code, "password": OTHER_PASSWORD})
        assert answer.status == 400
        bodies.add(answer.body)
    (body,) = bodies
    assert b'"type":"CodeInvalid"' in body
    scene.redeem(elsewhere)


# Guessing.


def test_codes_are_guessed_at_no_more_often_than_a_source_may(scene: Scene) -> None:
    """Then it hears 429; who has a good code is let in from there all the same."""
    scene.signet.limit(source=(3, 1))
    wrong = {"code": "x" * 43, "password": OTHER_PASSWORD}
    statuses = [scene.send(wrong | {"code": f"{number:043}"}).status for number in range(5)]
    assert statuses == [400, 400, 400, 429, 429]
    assert scene.send(wrong | {"code": scene.code("resetPassword")}).status == 200


def test_the_password_of_a_code_is_a_guess(new: Scene) -> None:
    """Who has a code may not try any number of passwords with it."""
    new.signet.limit(knownSource=(3, 1))
    code = new.code("verifyEmail")
    for _ in range(3):
        with pytest.raises(LoginRefused):
            new.redeem(code, password=OTHER_PASSWORD)
    with pytest.raises(TooManyAttempts):
        new.redeem(code, password=PASSWORD)
    assert new.can_log_in(), "which has a bucket of its own"


# Who has to be verified.


def test_who_is_not_verified_does_not_log_in_where_that_is_required(new: Scene) -> None:
    """403 to the right password, 401 to a wrong one; nothing is written but guesses."""
    path = f"/applications/{new.signet.application_id}/experience/login"
    new.offer(verifyEmail="required")
    before = kept(new.signet)
    answer = new.signet.http("POST", path, {"email": ANN, "password": PASSWORD})
    assert (answer.status, answer.json["type"]) == (403, "EmailNotVerified")
    assert new.signet.http("POST", path, {"email": ANN, "password": OTHER_PASSWORD}).status == 401
    with pytest.raises(EmailNotVerified):
        new.call("log_in", email=ANN, password=PASSWORD)
    assert kept(new.signet) == before
    attempt = {"authMode": "emailPassword", "email": ANN, "password": PASSWORD}
    assert not new.call("authenticate", **attempt)["user"]["emailVerified"], "the caller's own decision"
    new.redeem(new.code("verifyEmail"), password=PASSWORD)
    assert new.signet.http("POST", path, {"email": ANN, "password": PASSWORD}).status == 200


@pytest.mark.parametrize("purpose", PURPOSES)
def test_who_hears_of_no_write_does_not_take_another_s_for_its_own(new: Scene, purpose: str) -> None:
    """Of two who do the very same at the same moment, one by a write that never came about."""
    code = new.code(purpose)
    by_others: list[Any] = []
    real = Table.write

    def overtaken(table: Table, *parts: Part) -> None:
        if by_others:
            real(table, *parts)
            return
        by_others.append(None)
        by_others[0] = new.use(purpose, code)
        message = "No answer came."
        raise Unavailable(message)

    with mock.patch.object(Table, "write", overtaken), pytest.raises(Unavailable):
        new.use(purpose, code)
    assert isinstance(by_others[0], dict)
    with pytest.raises(CodeInvalid):
        new.use(purpose, code)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_code_that_did_what_it_is_for_is_no_failure(new: Scene, purpose: str) -> None:
    """Though every answer of the store got lost behind the write."""
    code = new.code(purpose)
    with lost("TransactWriteItems"):
        answer = new.use(purpose, code)
    assert "token" not in answer or new.is_good(answer["token"])
    with pytest.raises(CodeInvalid):
        new.use(purpose, code)
    new.audited()


# Races, with real threads on an engine with real transactions.

ROUNDS = 8


@pytest.fixture
def engine(engine_cloud: Cloud) -> Iterator[Deployment]:
    with engine_cloud.deploy() as deployment:
        wiring.table(), wiring.applications(), wiring.password_hasher()
        yield deployment


def worked(results: list[Any]) -> list[bool]:
    """Which of the calls did what they were asked; none fails but by a refusal that is known."""
    expected = (CodeInvalid, LoginRefused, UserNotFound, UserExists, Unavailable)
    assert all(isinstance(r, (dict, *expected)) for r in results), results
    return [isinstance(result, dict) for result in results]


@pytest.mark.parametrize("purpose", PURPOSES)
def test_of_those_who_redeem_a_code_at_once_one_succeeds(engine: Deployment, purpose: str) -> None:
    """However many there are."""
    for number in range(ROUNDS):
        scene = scene_of(engine, f"u{number}@example.com")
        to = {"email": f"n{number}@example.com"} if purpose == "changeEmail" else {}
        code = scene.code(purpose, **to)
        results = at_once(*[partial(scene.use, purpose, code)] * 4)
        assert sum(worked(results)) == 1, results
        scene.audited()


def test_a_code_that_is_replaced_while_it_is_redeemed(engine: Deployment) -> None:
    """Either it was used, or it is worth nothing; the new one is good in any case."""
    for number in range(ROUNDS):
        scene = scene_of(engine, f"u{number}@example.com")
        code = scene.code("logIn")
        _, made = at_once(partial(scene.redeem, code), partial(scene.code, "logIn"))
        with pytest.raises(CodeInvalid):
            scene.redeem(code)
        assert "token" in scene.redeem(made)


def test_a_code_against_a_change_of_the_password(engine: Deployment) -> None:
    """Whichever comes last has set the password, and nothing else is right."""
    for number in range(ROUNDS):
        scene = scene_of(engine, email := f"u{number}@example.com")
        code = scene.code("resetPassword")
        results = at_once(
            partial(scene.use, "resetPassword", code),
            partial(
                scene.call, "update_user", experienceUserId=scene.user["id"], password="a third horse battery"
            ),
        )
        was_used, was_changed = worked(results)
        assert was_changed
        right = [scene.can_log_in(email, p) for p in (PASSWORD, OTHER_PASSWORD, "a third horse battery")]
        assert right in ([False, False, True], [False, was_used, False]), results
        assert sum(right) == 1
        with pytest.raises(CodeInvalid):
            scene.use("resetPassword", code)
        scene.audited()


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_code_against_a_deletion(engine: Deployment, purpose: str) -> None:
    """The user is gone, and no token is good, whichever came first."""
    for number in range(ROUNDS):
        scene = scene_of(engine, f"u{number}@example.com")
        to = {"email": f"n{number}@example.com"} if purpose == "changeEmail" else {}
        code = scene.code(purpose, **to)
        results = at_once(
            partial(scene.use, purpose, code),
            partial(scene.call, "delete_user", experienceUserId=scene.user["id"]),
        )
        assert worked(results)[1], results
        if "token" in (results[0] if isinstance(results[0], dict) else ()):
            assert not scene.is_good(results[0]["token"])
        with pytest.raises(UserNotFound):
            scene.shown()
        scene.audited()


def test_a_code_that_dynamodb_removes_while_it_is_redeemed(engine: Deployment) -> None:
    """It was good when it was shown, so it works, or is found to be gone; never twice, never half."""
    for number in range(ROUNDS):
        scene = scene_of(engine, f"u{number}@example.com", emailVerified=False)
        code = scene.code("verifyEmail")
        (item,) = [i for i in engine.items() if i["sk"] == {"S": "CODE"} and scene.user["id"] in repr(i)]
        results = at_once(partial(scene.redeem, code, password=PASSWORD), partial(engine.delete_item, item))
        assert scene.shown()["emailVerified"] == isinstance(results[0], dict), results
        with pytest.raises(CodeInvalid):
            scene.redeem(code, password=PASSWORD)
        scene.audited()


def test_a_stranger_who_logs_in_while_the_owner_proves_the_address(engine: Deployment) -> None:
    """Whatever the stranger has afterwards is worth nothing: no token, no password."""
    for number in range(ROUNDS):
        scene = scene_of(engine, email := f"u{number}@example.com", emailVerified=False)
        code = scene.code("logIn")
        owner, stranger = at_once(
            partial(scene.redeem, code), partial(scene.call, "log_in", email=email, password=PASSWORD)
        )
        assert isinstance(owner, dict), owner
        assert scene.is_good(owner["token"])
        assert not isinstance(stranger, dict) or not scene.is_good(stranger["token"])
        assert not scene.can_log_in(email)
        scene.audited()


def test_a_stranger_who_moves_an_account_while_the_owner_proves_the_address(engine: Deployment) -> None:
    """One of the two comes first, and nothing of the other's is good any more."""
    for number in range(ROUNDS):
        scene = scene_of(engine, email := f"u{number}@example.com", emailVerified=False)
        codes = scene.code("logIn"), scene.code("changeEmail", email=f"stranger{number}@example.com")
        owner, stranger = worked(at_once(*(partial(scene.redeem, code, password=PASSWORD) for code in codes)))
        assert owner != stranger
        assert scene.shown()["email"] == (email if owner else f"stranger{number}@example.com")
        scene.audited()


def test_every_purpose_is_tested() -> None:
    """So that a new one is."""
    assert set(PURPOSES) == {purpose.value for purpose in Purpose}

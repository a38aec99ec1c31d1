"""The end of all of an application's tokens, and the tokens that are issued after it.

The process is a container with warm caches, which has not seen the invalidation that another one made.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from signet import wiring
from signet.domain.tokens import Token
from signet.errors import ApplicationNotFound, TokenRevoked, Unavailable
from signet.store.applications import raise_application_generation
from signet.store.cache import ApplicationCache, KeyRingCache
from signet.usecases.verifier import Verifier
from tests.deployment import PASSWORD, Deployment, Response

EMAIL = "ann@example.com"
MODES = {
    "token": {},
    "tokenEmail": {"email": EMAIL},
    "tokenEmailPassword": {"email": EMAIL, "password": PASSWORD},
}


class Scene:
    """An application with one user, in a container that knows it."""

    def __init__(self, signet: Deployment) -> None:
        self.signet = signet
        self.user_id: str = self.call("create_user", email=EMAIL, password=PASSWORD)["id"]
        self.session()

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function in the application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def session(self, named: str | None = None, **fields: Any) -> str:
        """A session token without a password."""
        token: str = self.call("issue_session_token", experienceUserId=named or self.user_id, **fields)[
            "token"
        ]
        return token

    def log_in(self) -> str:
        """A session token for the password."""
        token: str = self.call("log_in", email=EMAIL, password=PASSWORD)["token"]
        return token

    def authenticate(self, **fields: Any) -> str:
        """A session token for a password."""
        given = {"authMode": "emailPassword", "email": EMAIL, "password": PASSWORD, "returnToken": True}
        token: str = self.call("authenticate", **given, **fields)["token"]
        return token

    def node(self) -> str:
        """A session token from a workflow's node."""
        node = {
            "authMode": "emailPassword",
            "emailTemplate": EMAIL,
            "passwordTemplate": PASSWORD,
            "tokenResultPath": "token",
        }
        token: str = self.call("authenticate", node=node, payload={})["payload"]["token"]
        return token

    def identity(self) -> str:
        """An identity token."""
        token: str = self.call("issue_identity_token", identityType="EMAIL", identity=EMAIL)["token"]
        return token

    def user_token(self) -> str:
        """A user token."""
        token: str = self.call("issue_user_token", userId="u1")["token"]
        return token

    def exchange(self, mode: str, token: str) -> str | None:
        """A new token for a given one; None where that is refused."""
        asked = {"authMode": mode, "token": token, "invalidateExistingTokens": True, "returnToken": True}
        answer = self.call("authenticate", **asked, **MODES[mode])
        given: str | None = answer.get("token")
        return given

    def end_all(self) -> None:
        """End all tokens of the application in another container."""
        raise_application_generation(self.signet.tenant)

    def is_valid(self, token: str) -> bool:
        """Whether introspection in this container calls the token active."""
        active: bool = self.call("introspect_token", token=token)["active"]
        return active

    def elsewhere(self) -> Callable[[str], Token]:
        """The check of another container, which knows the application as it is now."""
        seconds = wiring.settings().application_cache_seconds
        applications = ApplicationCache(wiring.table(), seconds, self.signet.clock.monotonic)
        verifier = Verifier(applications, KeyRingCache(wiring.table(), 60, self.signet.clock.monotonic))

        def check(token: str) -> Token:
            application = applications.find(self.signet.application_id)
            assert application is not None
            return verifier.verify_any(wiring.tenant(application, self.signet.clock.milliseconds), token)

        applications.find(self.signet.application_id)
        return check


@pytest.fixture
def scene(signet: Deployment) -> Scene:
    return Scene(signet)


def renew(mode: str, scene: Scene) -> str:
    """A new token for that of a log-in."""
    token = scene.exchange(mode, scene.log_in())
    assert token is not None
    return token


WAYS: dict[str, Callable[[Scene], str]] = {
    "identity token": Scene.identity,
    "user token": Scene.user_token,
    "session token": Scene.session,
    "session token by address": lambda scene: scene.session(EMAIL),
    "the only session token": lambda scene: scene.session(invalidateExistingTokens=True),
    "session token as a login": lambda scene: scene.session(treatAsLogin=True),
    "log in": Scene.log_in,
    "authenticate": Scene.authenticate,
    "authenticate and invalidate": lambda scene: scene.authenticate(invalidateExistingTokens=True),
    "the node": Scene.node,
    **{f"exchange by {mode}": partial(renew, mode) for mode in MODES},
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_issued_after_the_end_of_all_tokens_is_good_and_stays_good(scene: Scene, way: str) -> None:
    """At once, everywhere, also where the end was not seen yet, and when every cache has run out."""
    issue, clock = WAYS[way], scene.signet.clock
    old, check = issue(scene), scene.elsewhere()
    scene.end_all()
    new = issue(scene)
    assert scene.is_valid(new)
    assert check(new).text == new
    for _ in range(3):
        clock.advance(wiring.settings().application_cache_seconds)
        assert scene.is_valid(new)
        assert check(new).text == new
    scene.signet.restart()
    assert scene.is_valid(new)
    assert not scene.is_valid(old)
    with pytest.raises(TokenRevoked):
        check(old)


@pytest.mark.parametrize("way", WAYS)
def test_an_issue_after_the_end_of_all_tokens_begins_again_once(scene: Scene, way: str) -> None:
    """The first issue that finds another generation reads the application anew, and no further one does."""
    issue = WAYS[way]
    issue(scene)
    with scene.signet.counted() as usual:
        issue(scene)
    scene.end_all()
    with scene.signet.counted() as again:
        issue(scene)
    first_read = usual.index("dynamodb:BatchGetItem") + 1
    assert again == [*usual[:first_read], "dynamodb:BatchGetItem", *usual]
    with scene.signet.counted() as trips:
        issue(scene)
    assert trips == usual


@pytest.mark.parametrize("mode", MODES)
def test_no_dead_token_is_exchanged(scene: Scene, mode: str) -> None:
    """Not even by a container that has not seen the end yet, and takes the token where it only looks."""
    token = scene.session()
    check = scene.elsewhere()
    scene.end_all()
    assert check(token).text == token
    assert scene.exchange(mode, token) is None
    assert not scene.is_valid(token)


@pytest.mark.parametrize("mode", MODES)
def test_a_token_that_knows_more_than_the_container_is_exchanged_for_one_that_does_too(
    scene: Scene, mode: str
) -> None:
    """A container that has not seen the end takes a token from after it, and gives one that stays good."""
    scene.end_all()
    known = wiring.applications()._entries.copy()
    token = scene.session()
    wiring.applications()._entries = known
    exchanged = scene.exchange(mode, token)
    assert exchanged is not None
    scene.signet.clock.advance(wiring.settings().application_cache_seconds)
    assert scene.is_valid(exchanged)


def test_a_good_token_is_never_refused_for_a_container_s_last_look(scene: Scene) -> None:
    """However often the tokens end within a second: the newest token is taken everywhere at once."""
    check = scene.elsewhere()
    check(scene.session())
    for _ in range(3):
        scene.end_all()
        token = scene.session()
        with scene.signet.counted() as trips:
            assert check(token).text == token
        assert trips == ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
        with scene.signet.counted() as trips:
            assert check(token).text == token
        assert trips == ["dynamodb:GetItem"]


# What the container goes by besides


def post(scene: Scene, path: str, body: dict[str, Any]) -> Response:
    headers = {"x-velt-api-key": scene.signet.application_id, "x-velt-auth-token": scene.signet.api_token}
    return scene.signet.http("POST", path, {"data": body}, headers=headers)


def test_an_api_token_that_was_replaced_issues_nothing_that_outlives_the_end_of_all_tokens(
    scene: Scene,
) -> None:
    """A container that still takes a leaked API token looks again before it issues under a new generation."""
    assert post(scene, "/v2/auth/token/get", {"userId": "u1"}).status == 200
    known = wiring.applications()._entries.copy()
    scene.call("reset_api_token", gracePeriodSeconds=0)
    scene.end_all()
    wiring.applications()._entries = known
    assert post(scene, "/v2/auth/permissions/get", {"organizationId": "o", "userIds": ["u1"]}).status == 200
    assert post(scene, "/v2/auth/token/get", {"userId": "u1"}).status == 401


def test_settings_that_were_replaced_are_in_no_token_that_outlives_the_end_of_all_tokens(
    scene: Scene,
) -> None:
    """Who changes what log-ins get and then ends all tokens finds the old settings in no good token."""
    change = partial(scene.signet.invoke, "update_application")
    here = {"applicationId": scene.signet.application_id}
    change({**here, "login": {"extraData": {"role": "admin"}}})
    scene.signet.restart()
    scene.log_in()
    change({**here, "login": {"extraData": {"role": "none"}}})
    assert scene.call("introspect_token", token=scene.log_in())["ext"] == {"role": "admin"}
    scene.end_all()
    assert scene.call("introspect_token", token=scene.log_in())["ext"] == {"role": "none"}


def test_who_ends_them_all_the_time_is_told_to_try_again(scene: Scene) -> None:
    """An issue begins again a few times, and gives up with nothing written."""
    find, before = ApplicationCache.find, scene.signet.items()

    def outdated(cache: ApplicationCache, application_id: str) -> Any:
        application = find(cache, application_id)
        raise_application_generation(scene.signet.tenant)
        return application

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ApplicationCache, "find", outdated)
        patch.setattr(random, "uniform", lambda *_: 0.0)
        with pytest.raises(Unavailable, match="Try again"):
            scene.session(invalidateExistingTokens=True)
    after = [item for item in scene.signet.items() if item["sk"]["S"] != "GENERATION"]
    assert after == [item for item in before if item["sk"]["S"] != "GENERATION"]


# The item itself


def test_an_application_without_its_generation_is_none(scene: Scene) -> None:
    """Nobody could tell which of its tokens have been ended: nothing is taken and nothing issued."""
    (item,) = [item for item in scene.signet.items() if item["sk"]["S"] == "GENERATION"]
    tenant = scene.signet.tenant
    scene.signet.delete_item(item)
    for way in WAYS.values():
        with pytest.raises(ApplicationNotFound):
            way(scene)
    with pytest.raises(ApplicationNotFound):
        raise_application_generation(tenant)
    scene.signet.restart()
    with pytest.raises(ApplicationNotFound):
        scene.call("get_user", experienceUserId=scene.user_id)
    assert all(item["sk"]["S"] != "GENERATION" for item in scene.signet.items())

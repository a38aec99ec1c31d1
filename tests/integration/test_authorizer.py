"""The Lambda authorizer, and GET /applications/{applicationId}/experience/me behind it."""

import json
from typing import Any

import pytest

from signet import wiring
from signet.errors import Unavailable
from tests.deployment import PASSWORD, ROOT, Deployment
from tools.events import load_event


@pytest.fixture
def demo(signet: Deployment) -> dict[str, str]:
    return signet.demo()


def event(demo: dict[str, str], **changes: Any) -> dict[str, Any]:
    """The authorizer's event, without a token."""
    asked = load_event(ROOT / "events" / "authorize_request.authorizer.json", demo)
    del asked["headers"]["authorization"]
    method = changes.pop("method", "GET")
    asked["requestContext"]["http"]["method"] = method
    asked["headers"] |= changes.pop("headers", {})
    return asked | changes


def ask(signet: Deployment, asked: object) -> Any:
    return signet.handler("authorize_request")(asked, signet.context("authorize_request"))


def me(signet: Deployment, token: str) -> Any:
    path = f"/applications/{signet.application_id}/experience/me"
    return signet.http("GET", path, headers=signet.bearer(token))


def test_me_shows_the_user_and_the_token_s_data(signet: Deployment) -> None:
    """The route behind the authorizer gets the user as elsewhere, and what the token says."""
    here = {"applicationId": signet.application_id}
    group = signet.invoke("create_group", here | {"name": "Staff"})
    fields = {"email": "ann@example.com", "password": PASSWORD, "experienceGroupIds": [group["id"]]}
    user = signet.invoke("create_user", here | fields)
    named = here | {"experienceUserId": user["id"]}
    token = signet.invoke("issue_session_token", named | {"ttl": 60_000, "extraData": {"a": 1}})["token"]
    answer = me(signet, token)
    assert answer.status == 200
    assert answer.json == {
        "user": user,
        "authInfo": {
            "issuedAt": "2027-01-15T08:00:00.000Z",
            "expiresAt": "2027-01-15T08:01:01.000Z",
            "extraData": {"a": 1},
        },
    }
    assert user["experienceGroups"] == [{"id": group["id"], "name": "Staff", "parentId": None}]
    lasting = signet.invoke("issue_session_token", named)["token"]
    assert me(signet, lasting).json["authInfo"] == {
        "issuedAt": "2027-01-15T08:00:00.000Z",
        "expiresAt": None,
        "extraData": None,
    }


def test_login_me_invalidate_me_again(signet: Deployment, demo: dict[str, str]) -> None:
    """What the README shows: an invalidation is seen by the very next request."""
    experience = f"/applications/{signet.application_id}/experience"
    login = {"email": demo["userEmail"], "password": PASSWORD}
    token = signet.http("POST", f"{experience}/login", login).json["token"]
    assert me(signet, token).status == 200
    ended = signet.http(
        "POST", f"{experience}/users/{demo['userId']}/invalidate-tokens", headers=signet.bearer()
    )
    assert ended.status == 200
    assert me(signet, token).status == 403


HEADER, QUERY, COOKIE = "header", "query", "cookie"


def with_token(demo: dict[str, str], **places: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if HEADER in places:
        changes["headers"] = {"authorization": places[HEADER]}
    if QUERY in places:
        changes["rawQueryString"] = f"a=b&authorization={places[QUERY]}"
    if COOKIE in places:
        changes["cookies"] = ["a=b", f"authorization={places[COOKIE]}", "c=d"]
    return event(demo, **changes)


@pytest.mark.parametrize(
    ("places", "allowed"),
    [
        ({}, False),
        ({HEADER: "Bearer {good}"}, True),
        ({HEADER: "bearer {good}"}, True),
        ({HEADER: "{good}"}, False),
        ({HEADER: "Basic {good}"}, False),
        ({HEADER: "Bearer"}, False),
        ({HEADER: "Bearer bad"}, False),
        ({QUERY: "{good}"}, True),
        ({QUERY: "bad"}, False),
        ({QUERY: ""}, False),
        ({COOKIE: "{good}"}, True),
        ({COOKIE: '"{good}"'}, True),
        ({COOKIE: "bad"}, False),
        # The first place that has a token decides.
        ({HEADER: "Bearer {good}", QUERY: "bad", COOKIE: "bad"}, True),
        ({HEADER: "Bearer bad", QUERY: "{good}", COOKIE: "{good}"}, False),
        ({QUERY: "{good}", COOKIE: "bad"}, True),
        ({QUERY: "bad", COOKIE: "{good}"}, False),
        ({HEADER: "Basic x", QUERY: "{good}"}, True),
    ],
    ids=str,
)
def test_the_token_is_looked_for_in_three_places(
    signet: Deployment, demo: dict[str, str], places: dict[str, str], allowed: bool
) -> None:
    """Header, query, cookie, in this order; a wrong token is not made good by another place."""
    filled = {place: text.format(good=demo["sessionToken"]) for place, text in places.items()}
    assert ask(signet, with_token(demo, **filled))["isAuthorized"] is allowed


OWN = "abcdefghij.execute-api.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("method", "headers", "allowed"),
    [
        ("GET", {}, True),
        ("HEAD", {}, True),
        ("OPTIONS", {}, True),
        ("GET", {"sec-fetch-site": "cross-site"}, True),
        ("POST", {}, False),
        ("PATCH", {}, False),
        ("PUT", {}, False),
        ("DELETE", {}, False),
        ("POST", {"sec-fetch-site": "same-origin"}, True),
        ("POST", {"sec-fetch-site": "same-site"}, True),
        ("POST", {"sec-fetch-site": "cross-site"}, False),
        ("POST", {"sec-fetch-site": "none"}, False),
        ("POST", {"sec-fetch-site": "cross-site", "origin": f"https://{OWN}"}, False),
        ("POST", {"origin": f"https://{OWN}"}, True),
        ("POST", {"origin": f"https://{OWN}.evil.example"}, False),
        ("POST", {"origin": "https://evil.example"}, False),
        ("POST", {"origin": "null"}, False),
        ("POST", {"origin": ""}, False),
    ],
)
def test_a_cookie_does_not_let_a_foreign_page_in(
    signet: Deployment, demo: dict[str, str], method: str, headers: dict[str, str], allowed: bool
) -> None:
    """A browser adds cookies to foreign pages' requests, so one counts for safe methods or the same site."""
    cookies = [f"authorization={demo['sessionToken']}"]
    asked = event(demo, method=method, headers=headers, cookies=cookies)
    assert ask(signet, asked)["isAuthorized"] is allowed
    header = event(demo, method=method, headers=headers | signet.bearer(demo["sessionToken"]))
    assert ask(signet, header)["isAuthorized"] is True


@pytest.mark.parametrize(
    ("own", "named", "allowed"),
    [
        (None, "right", True),
        (None, "other", False),
        (None, None, False),
        ("right", None, True),
        ("right", "right", True),
        ("right", "other", False),
        ("other", None, False),
        ("other", "right", False),
        ("nonsense", None, False),
    ],
)
def test_it_is_bound_to_its_application(
    signet: Deployment,
    demo: dict[str, str],
    own: str | None,
    named: str | None,
    allowed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The instance's own application and the path's must agree with the token's; with neither it refuses."""
    other, _ = signet.new_application()
    ids = {"right": signet.application_id, "other": other, "nonsense": "nonsense"}
    monkeypatch.setenv("APPLICATION_ID", ids[own] if own else "")
    signet.restart()
    asked = event(demo, headers=signet.bearer(demo["sessionToken"]))
    asked["pathParameters"] = {"applicationId": ids[named]} if named else None
    assert ask(signet, asked)["isAuthorized"] is allowed


def test_only_session_tokens_let_in(signet: Deployment, demo: dict[str, str]) -> None:
    """Neither an identity token nor an API token is a user's."""
    identity = {"identityType": "EMAIL", "identity": demo["userEmail"]}
    minted = signet.invoke("issue_identity_token", {"applicationId": signet.application_id, **identity})
    for token in (minted["token"], signet.api_token):
        assert ask(signet, event(demo, headers=signet.bearer(token)))["isAuthorized"] is False


def test_it_fails_closed(signet: Deployment, demo: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """When the table cannot be read nobody comes in, and an outage is no refusal: it is raised."""
    asked = event(demo, headers=signet.bearer(demo["sessionToken"]))
    assert ask(signet, asked)["isAuthorized"] is True

    def fail(*_: Any, **__: Any) -> Any:
        raise Unavailable("down")

    monkeypatch.setattr(wiring.table(), "find", fail)
    with pytest.raises(Unavailable):
        ask(signet, asked)


@pytest.mark.parametrize(
    "asked", [None, [], "x", {}, {"version": "1.0", "type": "REQUEST"}, {"type": "TOKEN"}]
)
def test_another_event_is_refused(moto_signet: Deployment, asked: object) -> None:
    """What is no authorizer request of payload format 2.0 is denied."""
    assert ask(moto_signet, asked) == {"isAuthorized": False}


def test_a_large_user_comes_in_without_groups_and_tags(signet: Deployment) -> None:
    """Over 6 KB groups, then tags, are left out, and `partial` says so."""
    here = {"applicationId": signet.application_id}
    groups = [signet.invoke("create_group", here | {"name": "x" * 200 + str(n)})["id"] for n in range(10)]
    sizes = {}
    for tags in (0, 30):
        fields = {
            "email": f"u{tags}@example.com",
            "password": PASSWORD,
            "experienceGroupIds": groups,
            "userTags": {f"t{n}": "y" * 200 for n in range(tags)},
        }
        user = signet.invoke("create_user", here | fields)
        extra = {"extraData": {"z": "z" * 3800}}
        named = here | {"experienceUserId": user["id"]}
        token = signet.invoke("issue_session_token", named | extra)["token"]
        shown = me(signet, token).json
        assert shown["partial"] is True
        assert "experienceGroups" not in shown["user"]
        assert ("userTags" in shown["user"]) == (tags == 0)
        assert shown["user"]["id"] == user["id"]
        sizes[tags] = len(json.dumps(shown))
        small = signet.invoke("issue_session_token", named)["token"]
        assert ("partial" in me(signet, small).json) == (tags == 30)
    assert max(sizes.values()) <= 6 * 1024


def test_the_round_trips_of_a_check(signet: Deployment, demo: dict[str, str]) -> None:
    """One read for a user without groups, one more for one who has some."""
    asked = event(demo, headers=signet.bearer(demo["sessionToken"]))
    ask(signet, asked)
    with signet.counted() as trips:
        assert ask(signet, asked)["isAuthorized"]
    assert trips == ["dynamodb:GetItem"]
    here = {"applicationId": signet.application_id, "experienceUserId": demo["userId"]}
    signet.invoke("update_user", here | {"experienceGroupIds": [demo["groupId"]]})
    with signet.counted() as trips:
        assert ask(signet, asked)["isAuthorized"]
    assert trips == ["dynamodb:GetItem", "dynamodb:BatchGetItem"]


def test_me_is_nobody_s_without_its_authorizer(moto_signet: Deployment) -> None:
    """Should the route lose its authorizer, the function still shows nothing."""
    signet = moto_signet
    bare = signet.event("GET", f"/applications/{signet.application_id}/experience/me")
    assert signet.handler("show_me")(bare, signet.context("show_me"))["statusCode"] == 401

"""The Lambda authorizer, and GET /applications/{applicationId}/experience/me behind it."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signet import wiring
from signet.edge import authorizer
from signet.errors import CredentialsWrong, TokenRefused, Unavailable
from tests import documentation
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


BATCH = "dynamodb:BatchGetItem"
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
LOCAL = {"x-forwarded-proto": "http", "x-forwarded-port": "3000"}


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
        ("POST", {"origin": f"https://{OWN}:443"}, True),
        ("POST", {"origin": f"https://{OWN}:8443"}, False),
        ("POST", {"origin": f"http://{OWN}"}, False),
        ("POST", {"origin": f"http://{OWN}:443"}, False),
        ("POST", {"origin": f"https://{OWN.upper()}"}, True),
        ("POST", {"origin": f"https://{OWN}/"}, False),
        ("POST", {"origin": f"https://u@{OWN}"}, False),
        ("POST", {"origin": f"https://{OWN}, https://evil.example"}, False),
        ("POST", {"origin": f"ftp://{OWN}"}, False),
        ("POST", {"origin": "http://["}, False),
        ("POST", {"origin": "https://"}, False),
        ("POST", {"origin": f"https://{OWN}:x"}, False),
        # As the local gateway has it.
        ("POST", {"origin": f"http://{OWN}:3000", **LOCAL}, True),
        ("POST", {"origin": f"http://{OWN}:3001", **LOCAL}, False),
        ("POST", {"origin": f"https://{OWN}:3000", **LOCAL}, False),
        ("POST", {"origin": f"http://{OWN}", **LOCAL}, False),
        ("POST", {"origin": f"http://{OWN}", **LOCAL, "x-forwarded-port": "80"}, True),
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


WIDE = "\u20ac"
"""Three bytes in UTF-8, six as an ASCII escape."""


def large_user(signet: Deployment, *, names: int = 0, groups: int = 0, extra: int = 0, tags: int = 0) -> str:
    """A session token of a user with so many bytes of each; of groups, so many."""
    here = {"applicationId": signet.application_id}
    made = [signet.invoke("create_group", here | {"name": WIDE * 80 + str(n)})["id"] for n in range(groups)]
    fields = {
        "email": f"u{names}.{groups}.{extra}.{tags}@example.com",
        "password": PASSWORD,
        "experienceGroupIds": made,
        "userTags": {f"t{n}": WIDE * 66 for n in range(tags // 200)},
    }
    fields |= {"firstName": WIDE * (names // 6), "lastName": WIDE * (names // 6)} if names else {}
    user = signet.invoke("create_user", here | fields)
    asked = here | {"experienceUserId": user["id"]}
    asked |= {"extraData": {"z": "z" * extra}} if extra else {}
    token: str = signet.invoke("issue_session_token", asked)["token"]
    return token


@pytest.mark.parametrize(
    ("large", "partial"),
    [
        ({"names": 2000, "groups": 5, "extra": 500, "tags": 1000}, None),
        ({"names": 6000}, ["firstName", "lastName"]),
        ({"names": 3000, "groups": 5, "extra": 1000, "tags": 1000}, ["firstName", "lastName"]),
        (
            {"names": 300, "groups": 20, "extra": 1000, "tags": 2000},
            ["firstName", "lastName", "experienceGroups"],
        ),
        ({"groups": 5, "extra": 3900, "tags": 3000}, ["experienceGroups", "extraData"]),
        ({"names": 6000, "groups": 20, "extra": 3900}, ["firstName", "lastName", "experienceGroups"]),
        ({"tags": 8000}, ["userTags"]),
        (
            {"names": 6000, "groups": 20, "extra": 3900, "tags": 8000},
            ["firstName", "lastName", "experienceGroups", "extraData", "userTags"],
        ),
    ],
    ids=str,
)
def test_what_a_user_writes_about_itself_gives_way_first(
    moto_signet: Deployment, large: dict[str, int], partial: list[str] | None
) -> None:
    """Over 6 KB, as they are sent: names, then groups, then extra data, then tags; `partial` lists them."""
    shown = me(moto_signet, large_user(moto_signet, **large)).json
    assert shown.get("partial") == partial
    there = {*shown["user"], *shown["authInfo"]}
    everything = {"firstName", "lastName", "experienceGroups", "extraData", "userTags"}
    assert everything - there == set(partial or [])
    assert shown["user"]["applicationId"] == moto_signet.application_id


def test_a_profile_gives_way_with_the_names(moto_signet: Deployment) -> None:
    """What `identify` brought is the user's own word too, and never displaces the operator's tags."""
    signet = moto_signet
    here = {"applicationId": signet.application_id}
    made = signet.invoke("issue_user_token", here | {"userId": "u1"})["token"]
    photo = "https://example.com/" + "x" * 2000
    user = {"userId": "u1", "name": "\U0001f600" * 1024, "photoUrl": photo}
    signet.invoke("identify", here | {"authToken": made, "user": user})
    tags = {"userTags": {"role": "editor"}}
    signet.invoke("update_user", here | {"experienceUserId": "ext:u1"} | tags)
    token = signet.invoke("issue_session_token", here | {"experienceUserId": "ext:u1"})["token"]
    shown = me(signet, token).json
    assert shown["partial"] == ["profile"]
    assert shown["user"]["userTags"] == tags["userTags"]


@given(
    st.fixed_dictionaries(
        {
            "user": st.fixed_dictionaries(
                {
                    **{name: st.none() | st.text(max_size=1024) for name in ("firstName", "lastName")},
                    "avatarUrl": st.none(),
                    "userTags": st.dictionaries(st.text(max_size=20), st.text(max_size=255), max_size=40),
                    "experienceGroups": st.lists(st.text(max_size=255), max_size=30),
                },
                optional={
                    "profile": st.dictionaries(st.text(max_size=9), st.text(max_size=1024), max_size=4)
                },
            ),
            "authInfo": st.fixed_dictionaries({"extraData": st.none() | st.text(max_size=4096)}),
        }
    )
)
@example(
    {
        "user": {"firstName": "\u2028" * 1024, "lastName": "", "userTags": {}, "experienceGroups": []},
        "authInfo": {"extraData": "\u2029" * 100},
    }
)
def test_the_context_is_never_larger_than_it_may_be(experience: dict[str, Any]) -> None:
    """As Lambda's runtime sends it: by simplejson, in UTF-8, with its two line separators escaped."""
    shown = authorizer._within_limit(experience)
    text = json.dumps(shown, ensure_ascii=False)
    sent = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()
    assert len(sent) <= 6 * 1024
    assert ("partial" in shown) == (shown != experience)


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


@pytest.mark.parametrize(
    "experience", [{}, {"user": None}, {"user": {}}, {"user": {"applicationId": "f" * 24}}]
)
def test_me_of_another_application_is_nobody(moto_signet: Deployment, experience: dict[str, Any]) -> None:
    """Whom the authorizer of one application let in is not shown on the path of another one."""
    signet = moto_signet
    asked = signet.event("GET", f"/applications/{signet.application_id}/experience/me")
    asked["requestContext"]["authorizer"] = {"lambda": {"experience": experience}}
    assert signet.handler("show_me")(asked, signet.context("show_me"))["statusCode"] == 401
    with pytest.raises(CredentialsWrong):
        signet.invoke("show_me", {"applicationId": signet.application_id, "experience": experience})


def test_an_application_may_be_named_in_capitals(moto_signet: Deployment) -> None:
    """The hex digits of an id are the same in either case."""
    signet = moto_signet
    token = signet.demo()["sessionToken"]
    path = f"/applications/{signet.application_id.upper()}/experience/me"
    assert signet.http("GET", path, headers=signet.bearer(token)).status == 200


def test_another_function_verifies_a_token_as_the_documentation_says(
    signet: Deployment, demo: dict[str, str]
) -> None:
    """The lines of docs/authorizer.md do what they say."""
    (recipe,) = documentation.of("python", "docs/authorizer.md")
    given = {"wiring": wiring, "application_id": signet.application_id, "text": demo["sessionToken"]}
    exec(recipe.code, given)  # noqa: S102 - our own documentation
    assert given["user"].id == demo["userId"]  # type: ignore[attr-defined]
    signet.invoke(
        "invalidate_user_tokens", {"applicationId": signet.application_id, "experienceUserId": demo["userId"]}
    )
    with pytest.raises(TokenRefused):
        exec(recipe.code, given)  # noqa: S102


class Line:
    """Groups under each other, `top` over `middle` over `low`, and one beside them; a user in whichever."""

    def __init__(self, signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
        self.signet = signet
        self._patch = monkeypatch
        self.ids: dict[str, str] = {}
        for name, parent in (("top", None), ("middle", "top"), ("low", "middle"), ("beside", "top")):
            fields = {"name": name} | ({"parentId": self.ids[parent]} if parent else {})
            self.ids[name] = self.call("create_group", **fields)["id"]
        self.user_id = self.call("create_user", email="ann@example.com", password=PASSWORD)["id"]
        self.token = self.call("issue_session_token", experienceUserId=self.user_id)["token"]

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function in the application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def admit(self, group_ids: str) -> None:
        """Have the authorizer let in these groups."""
        self._patch.setenv("AUTHORIZER_GROUP_IDS", group_ids)
        self.signet.restart()

    def put_into(self, *names: str) -> None:
        """Have the user belong to these groups alone."""
        ids = [self.ids[name] for name in names]
        self.call("update_user", experienceUserId=self.user_id, experienceGroupIds=ids)

    def is_let_in(self) -> bool:
        """Whether the user is."""
        status = me(self.signet, self.token).status
        assert status in (200, 403)
        return bool(status == 200)


@pytest.fixture
def line(signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(signet, monkeypatch)


@pytest.mark.parametrize(
    ("admitted", "belongs", "allowed"),
    [
        ("", (), True),
        ("low", (), False),
        ("low", ("low",), True),
        ("low", ("middle",), True),
        ("low", ("top",), True),
        ("low", ("beside",), False),
        ("low", ("beside", "top"), True),
        ("middle", ("low",), False),
        ("top", ("low", "middle", "beside"), False),
        ("low,beside", ("beside",), True),
        (" LOW , beside ", ("low",), True),
        ("nonsense", ("low",), False),
        (",", ("low",), False),
        (" ", (), False),
    ],
)
def test_only_members_of_the_admitted_groups_and_of_their_ancestors_come_in(
    line: Line, admitted: str, belongs: tuple[str, ...], allowed: bool
) -> None:
    """A parent's members may what a child's may, not the reverse; what names no group admits nobody."""
    for name, group_id in line.ids.items():
        admitted = admitted.replace(name.upper(), group_id.upper()).replace(name, group_id)
    line.put_into(*belongs)
    line.admit(admitted)
    assert line.is_let_in() is allowed


def test_another_application_s_groups_let_nobody_in(line: Line) -> None:
    """An id is a group's of one application alone."""
    other, _ = line.signet.new_application()
    foreign = line.signet.invoke("create_group", {"applicationId": other, "name": "Foreign"})
    line.put_into("low")
    line.admit(foreign["id"])
    assert not line.is_let_in()


def test_a_membership_counts_at_once_and_a_move_within_the_cache_s_time(line: Line) -> None:
    """The user is read at each check, the groups above the admitted ones every five seconds."""
    line.put_into("top")
    line.admit(line.ids["low"])
    assert line.is_let_in()
    line.put_into("beside")
    assert not line.is_let_in()
    line.put_into("top")
    line.call("update_group", experienceGroupId=line.ids["low"], parentId=line.ids["beside"])
    line.put_into("beside")
    assert not line.is_let_in()
    line.signet.clock.advance(5)
    assert line.is_let_in()
    line.put_into("middle")
    assert not line.is_let_in()
    line.put_into("low")
    line.call("delete_group", experienceGroupId=line.ids["low"])
    assert not line.is_let_in()


def test_who_is_admitted_costs_no_further_trip(line: Line) -> None:
    """In a container that remembers the groups; else one for them, and one for each level above."""
    line.put_into("low")
    asked = event(line.signet.demo(), headers=line.signet.bearer(line.token))
    line.admit(line.ids["low"])
    ask(line.signet, asked)
    with line.signet.counted() as trips:
        assert ask(line.signet, asked)["isAuthorized"]
    assert trips == ["dynamodb:GetItem", "dynamodb:BatchGetItem"]
    line.signet.clock.advance(5)
    with line.signet.counted() as trips:
        assert ask(line.signet, asked)["isAuthorized"]
    # The application and its generation, the user, its groups, the admitted group, and two levels above.
    assert trips == [BATCH, "dynamodb:GetItem", *[BATCH] * 4]
    line.put_into()
    line.signet.restart()
    ask(line.signet, asked)
    line.signet.clock.advance(4)
    with line.signet.counted() as trips:
        assert not ask(line.signet, asked)["isAuthorized"]
    assert trips == ["dynamodb:GetItem"]

"""POST /v1/identify: the seven rules."""

import itertools
import json
from typing import Any

import pytest

from signet import wiring
from signet.domain.tokens import TokenKind
from tests.deployment import PASSWORD, Deployment, Response

ORG = {"type": "organization", "id": "org1", "accessRole": "viewer"}


def here(signet: Deployment, **fields: Any) -> dict[str, Any]:
    return {"applicationId": signet.application_id, **fields}


def token(signet: Deployment, user_id: str = "u1", **more: Any) -> str:
    made = signet.invoke("issue_user_token", here(signet, userId=user_id, **more))
    return str(made["token"])


def send(signet: Deployment, user: object, auth_token: str | None = None, **more: Any) -> Response:
    data = {"apiKey": signet.application_id, "user": user, **more}
    if auth_token is not None:
        data["authToken"] = auth_token
    return signet.http("POST", "/v1/identify", {"data": data})


def toggle(signet: Deployment, on: bool) -> None:
    signet.invoke("update_application", here(signet, requireJwtToken=on))
    signet.clock.advance(5)


def items(signet: Deployment, user_id: str = "u1") -> list[dict[str, Any]]:
    return [item for item in signet.items() if item["pk"]["S"].endswith(f"#USER#x:{user_id}")]


def shown(signet: Deployment, user_id: str = "u1") -> Any:
    return signet.invoke("get_user", here(signet, experienceUserId=f"ext:{user_id}"))


def refusal(answer: Response) -> tuple[int, str, str | None]:
    error = answer.json["error"]
    details = error.get("details")
    return answer.status, error["status"], details[0]["reason"] if details else None


def test_a_verified_user(signet: Deployment) -> None:
    """The token vouches for what it says; what the call leaves out is the token's; the user is remembered."""
    properties = {"isAdmin": True, "organizationId": "org1", "email": "Ann@example.com", "name": "Ann"}
    made = token(signet, userProperties=properties)
    answer = send(signet, {"userId": "u1", "photoUrl": "https://example.com/a.png"}, made)
    assert answer.status == 200
    assert answer.json == {
        "result": {
            "status": "success",
            "message": "User identified.",
            "data": {
                "user": {
                    "userId": "u1",
                    "organizationId": "org1",
                    "email": "Ann@example.com",
                    "name": "Ann",
                    "photoUrl": "https://example.com/a.png",
                    "isAdmin": True,
                },
                "verified": True,
                "verifiedFields": ["userId", "organizationId", "email", "name"],
            },
        }
    }
    user = shown(signet)
    assert user["id"] == "ext:u1"
    assert user["profile"] == {
        "organizationId": "org1",
        "email": "Ann@example.com",
        "name": "Ann",
        "photoUrl": "https://example.com/a.png",
    }
    assert [user[name] for name in ("email", "firstName", "lastName", "avatarUrl")] == [None] * 4
    before = signet.items()
    signet.clock.advance(1)
    assert send(signet, {"userId": "u1"}, made).json["result"]["data"]["verified"]
    assert signet.items() == before  # Nothing new, nothing written.


def test_the_direct_invocation_gives_the_same(signet: Deployment) -> None:
    """By direct invocation the application is named and the fields are not wrapped."""
    answer = signet.invoke("identify", here(signet, authToken=token(signet), user={"userId": "u1"}))
    assert answer == {
        "user": {"userId": "u1", "isAdmin": False},
        "verified": True,
        "verifiedFields": ["userId"],
    }


def test_an_unknown_api_key_is_not_found(signet: Deployment) -> None:
    """Rule 1: no such application."""
    data = {"apiKey": "f" * 24, "user": {"userId": "u1"}}
    assert refusal(signet.http("POST", "/v1/identify", {"data": data})) == (404, "NOT_FOUND", None)


def test_a_token_is_required_unless_the_operator_says_otherwise(signet: Deployment) -> None:
    """Rule 2: on for a new application; without it nobody gets in, and nothing is written."""
    before = signet.items()
    assert refusal(send(signet, {"userId": "u1"})) == (401, "UNAUTHENTICATED", None)
    assert signet.items() == before
    toggle(signet, on=False)
    answer = send(signet, {"userId": "u1"})
    assert (answer.status, answer.json["result"]["data"]["verified"]) == (200, False)


def test_an_api_token_in_a_browser_is_named_for_what_it_is(signet: Deployment) -> None:
    """Whoever sends the server's secret is told to reset it, and never sees it again."""
    answer = send(signet, {"userId": "u1"}, signet.api_token)
    assert refusal(answer) == (401, "UNAUTHENTICATED", "token_invalid")
    assert "is an API token, the server's secret: reset it" in answer.json["error"]["message"]
    assert signet.api_token not in answer.body.decode()


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", "token_expired"),
        ("user's tokens ended", "token_revoked"),
        ("application's tokens ended", "token_revoked"),
        ("another application's", "token_invalid"),
        ("a session token", "token_invalid"),
        ("an identity token", "token_invalid"),
        ("tampered with", "token_invalid"),
        ("no token", "token_invalid"),
        ("empty", "token_invalid"),
    ],
)
def test_a_token_that_came_is_always_verified(
    signet: Deployment, required: bool, kind: str, reason: str
) -> None:
    """Rule 3: whatever the toggle says, a bad token is refused, with the reason for a client."""
    toggle(signet, on=required)
    good = token(signet)
    bad = {"no token": "nonsense", "empty": "", "tampered with": good[:-2] + "AA"}.get(kind, good)
    match kind:
        case "expired":
            signet.clock.advance(48 * 3600)
        case "user's tokens ended":
            signet.invoke("invalidate_user_tokens", here(signet, experienceUserId="ext:u1"))
        case "application's tokens ended":
            signet.invoke("invalidate_application_tokens", here(signet))
            signet.clock.advance(5)
        case "another application's":
            other, _ = signet.new_application()
            bad = signet.invoke("issue_user_token", {"applicationId": other, "userId": "u1"})["token"]
        case "a session token":
            fields = here(signet, email="ann@example.com", password=PASSWORD)
            user = signet.invoke("create_user", fields)
            bad = signet.invoke("issue_session_token", here(signet, experienceUserId=user["id"]))["token"]
        case "an identity token":
            fields = here(signet, identityType="EMAIL", identity="u1@example.com")
            bad = signet.invoke("issue_identity_token", fields)["token"]
    before = signet.items()
    assert refusal(send(signet, {"userId": "u1"}, bad)) == (401, "UNAUTHENTICATED", reason)
    assert signet.items() == before


FIELDS = ("userId", "organizationId", "email")
VALUES: dict[str, dict[str, str | None]] = {
    "userId": {"equal": "u1", "different": "u2", "other case": "U1"},
    "organizationId": {"equal": "org1", "different": "org2", "other case": "ORG1", "absent": None},
    "email": {
        "equal": "ann@example.com",
        "different": "eve@example.com",
        "other case": "ANN@Example.com",
        "absent": None,
    },
}


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("in_token", [True, False])
@pytest.mark.parametrize(("field", "how"), [(field, how) for field in FIELDS for how in VALUES[field]])
def test_what_differs_from_the_token_is_denied(
    signet: Deployment, required: bool, in_token: bool, field: str, how: str
) -> None:
    """Rule 4: each field equal, different, absent, or of other case; with and without it in the token."""
    toggle(signet, on=required)
    properties = {"organizationId": "org1", "email": "ann@example.com"} if in_token else {}
    made = token(signet, userProperties=properties)
    user = {"userId": "u1"} | ({field: VALUES[field][how]} if VALUES[field][how] is not None else {})
    before = signet.items()
    answer = send(signet, user, made)
    same = how in ("equal", "absent") or (field == "email" and how == "other case")
    uncovered = field == "organizationId" and not in_token and required and how != "absent"
    denied = (not same and (in_token or field == "userId")) or uncovered
    if denied:
        assert refusal(answer) == (403, "PERMISSION_DENIED", None)
        assert f"data.user.{field}" in answer.json["error"]["message"]
        assert signet.items() == before
        return
    data = answer.json["result"]["data"]
    expected = ["userId", *(["organizationId", "email"] if in_token else [])]
    assert data["verifiedFields"] == expected
    if in_token:
        assert data["user"]["organizationId"] == "org1"
        assert data["user"]["email"] == "ann@example.com"


def test_an_organization_resource_covers_its_organization(signet: Deployment) -> None:
    """Rule 4: with the toggle on an organization needs a claim or an unexpired organization resource."""
    made = token(signet, permissions={"resources": [ORG, {**ORG, "id": "org3", "type": "organization"}]})
    user = {"userId": "u1", "organizationId": "org1"}
    data = send(signet, user, made).json["result"]["data"]
    assert data["verifiedFields"] == ["userId", "organizationId"]
    assert refusal(send(signet, {**user, "organizationId": "org2"}, made))[1] == "PERMISSION_DENIED"
    expiring = {**ORG, "expiresAt": signet.clock.now + 10}
    made = token(signet, permissions={"resources": [expiring]})
    assert send(signet, user, made).status == 200
    signet.clock.advance(10)
    assert refusal(send(signet, user, made))[1] == "PERMISSION_DENIED"
    document = {"type": "document", "id": "org1", "organizationId": "org1"}
    made = token(signet, permissions={"resources": [document]})
    assert refusal(send(signet, user, made))[1] == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("says_token", "call", "is_admin"),
    [
        (True, {}, True),
        (True, {"isAdmin": True}, False),
        (True, {"isAdmin": False}, False),
        (True, {"isAdmin": None}, False),
        (True, {"isAdmin": "yes"}, False),
        (False, {}, False),
        (False, {"isAdmin": True}, False),
        (None, {}, False),
        (None, {"isAdmin": True}, False),
    ],
)
def test_only_the_token_makes_an_administrator(
    signet: Deployment, says_token: bool | None, call: dict[str, Any], is_admin: bool
) -> None:
    """Rule 5: an isAdmin in the call, whatever its value, unsets it."""
    properties = {} if says_token is None else {"isAdmin": says_token}
    for before in (True, False):
        # Whatever it was before, it is what this call says.
        send(signet, {"userId": "u1"}, token(signet, userProperties={"isAdmin": before}))
        answer = send(signet, {"userId": "u1", **call}, token(signet, userProperties=properties))
        assert answer.json["result"]["data"]["user"]["isAdmin"] is is_admin
        (item,) = items(signet)
        assert item["is_admin"] == {"BOOL": is_admin}


def test_an_unverified_call_never_touches_who_is_vouched_for(signet: Deployment) -> None:
    """Rule 6: nothing is written to a user of a verified call or of the API, and nothing of it is shown."""
    toggle(signet, on=False)
    admin = token(signet, userProperties={"isAdmin": True, "email": "ann@example.com", "name": "Ann"})
    send(signet, {"userId": "u1"}, admin)
    before = signet.items()
    claim = {
        "userId": "u1",
        "email": "eve@example.com",
        "name": "Eve",
        "organizationId": "o",
        "isAdmin": True,
    }
    data = send(signet, claim).json["result"]["data"]
    assert data == {
        "user": {
            "userId": "u1",
            "organizationId": "o",
            "email": "eve@example.com",
            "name": "Eve",
            "isAdmin": False,
        },
        "verified": False,
        "verifiedFields": [],
    }
    assert signet.items() == before
    assert send(signet, {"userId": "u1"}).json["result"]["data"]["user"] == {"userId": "u1", "isAdmin": False}


@pytest.mark.parametrize("trace", ["deleted", "invalidated"])
def test_an_unverified_call_does_not_touch_a_trace_of_a_user(signet: Deployment, trace: str) -> None:
    """Rule 6: neither a tombstone nor a generation is an unverified call's to touch."""
    toggle(signet, on=False)
    if trace == "deleted":
        send(signet, {"userId": "u1"}, token(signet))
        signet.invoke("delete_user", here(signet, experienceUserId="ext:u1"))
    else:
        signet.invoke("invalidate_user_tokens", here(signet, experienceUserId="ext:u1"))
    before = signet.items()
    assert send(signet, {"userId": "u1", "name": "Eve"}).status == 200
    assert signet.items() == before


def test_an_unverified_user_is_marked_and_gone_after_30_days(signet: Deployment) -> None:
    """Rule 6: what an unverified call makes by itself expires, and squats nothing."""
    toggle(signet, on=False)
    send(signet, {"userId": "u1", "email": "ann@example.com", "name": "Eve", "isAdmin": True})
    (item,) = items(signet)
    assert int(item["unverified_until"]["N"]) == signet.clock.now + 30 * 86400
    assert "is_admin" not in item
    assert int(item["expires_at"]["N"]) == signet.clock.now + 30 * 86400
    assert shown(signet)["profile"]["name"] == "Eve"
    assert shown(signet)["unverified"] is True
    made = signet.invoke("create_user", here(signet, email="ann@example.com", password=PASSWORD))
    assert made["email"] == "ann@example.com"
    signet.clock.advance(30 * 86400)
    from signet.errors import UserNotFound

    with pytest.raises(UserNotFound):
        shown(signet)


def test_a_verified_call_takes_an_unverified_user_over(signet: Deployment) -> None:
    """The mark and the expiry go, and what was squatted on is the verified user's."""
    toggle(signet, on=False)
    send(signet, {"userId": "u1", "name": "Eve"})
    send(signet, {"userId": "u1", "name": "Ann"}, token(signet))
    (item,) = items(signet)
    assert item.keys().isdisjoint({"unverified_until", "expires_at"})
    signet.clock.advance(31 * 86400)
    assert shown(signet)["profile"] == {"name": "Ann"}
    assert "unverified" not in shown(signet)


def test_ending_the_tokens_of_an_unverified_user_outlives_it(signet: Deployment) -> None:
    """The generation of an item that would expire must not: the ended tokens would live again."""
    toggle(signet, on=False)
    ended = token(signet)
    send(signet, {"userId": "u1"})
    signet.invoke("invalidate_user_tokens", here(signet, experienceUserId="ext:u1"))
    (item,) = items(signet)
    assert "expires_at" not in item
    assert refusal(send(signet, {"userId": "u1"}, ended))[2] == "token_revoked"


def test_an_email_of_identify_claims_nothing(signet: Deployment) -> None:
    """Rule 7: it is no credential, need not be unique, and never leads to the user."""
    user = signet.invoke("create_user", here(signet, email="ann@example.com", password=PASSWORD))
    for user_id in ("u1", "u2"):
        made = token(signet, user_id, userProperties={"email": "ann@example.com"})
        assert send(signet, {"userId": user_id}, made).status == 200
    attempt = here(signet, authMode="emailPassword", email="ann@example.com", password=PASSWORD)
    assert signet.invoke("authenticate", attempt)["user"]["id"] == user["id"]
    issued = signet.invoke("issue_session_token", here(signet, experienceUserId="ann@example.com"))
    session = wiring.verifier().verify_offline(signet.tenant, issued["token"], (TokenKind.SESSION,))
    assert session.subject == user["id"]


def test_a_deleted_user_comes_back_and_its_old_tokens_do_not(signet: Deployment) -> None:
    """A verified call revives a tombstone, which goes on counting."""
    old = token(signet)
    send(signet, {"userId": "u1", "name": "Ann"}, old)
    signet.invoke("delete_user", here(signet, experienceUserId="ext:u1"))
    assert refusal(send(signet, {"userId": "u1"}, old))[2] == "token_revoked"
    assert send(signet, {"userId": "u1"}, token(signet)).status == 200
    assert "profile" not in shown(signet)
    assert refusal(send(signet, {"userId": "u1"}, old))[2] == "token_revoked"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, ["data.apiKey: is required"]),
        ({"apiKey": 5, "user": {"userId": "u1"}}, ["data.apiKey"]),
        ({"user": {}}, ["data.user.userId: is required"]),
        ({}, []),
        ({"user": {"userId": ""}}, ["data.user.userId"]),
        ({"user": {"userId": "x" * 129}}, ["data.user.userId", "128"]),
        ({"user": {"userId": "a\u0007"}}, ["data.user.userId: holds a character"]),
        ({"user": {"userId": 5}}, ["data.user.userId: must be a string"]),
        ({"user": {"userId": "u1", "email": "nonsense"}}, ["data.user.email: is not a valid e-mail"]),
        ({"user": {"userId": "u1", "groupId": "org1"}}, ["data.user.groupId", "organizationId"]),
        ({"user": {"userId": "u1", "organisationId": "o"}}, ["did you mean organizationId"]),
        ({"user": {"userId": "u1"}, "authTokn": "x"}, ["data.authTokn: is unknown; did you mean authToken"]),
        ({"user": {"userId": "u1"}, "authToken": 5}, ["data.authToken: must be a string"]),
        ({"user": "u1"}, ["data.user: must be"]),
    ],
    ids=str,
)
def test_a_wrong_field_is_named_by_its_path(
    signet: Deployment, data: dict[str, Any], words: list[str]
) -> None:
    """The refusal is INVALID_ARGUMENT with the field's path in the body, and nothing is written."""
    if words != ["data.apiKey: is required"]:
        data = {"apiKey": signet.application_id} | data
    before = signet.items()
    answer = signet.http("POST", "/v1/identify", {"data": data})
    assert refusal(answer) == (400, "INVALID_ARGUMENT", None)
    assert all(word in answer.json["error"]["message"] for word in words), answer.json["error"]["message"]
    assert signet.items() == before


@pytest.mark.parametrize("body", [{}, {"apiKey": "x"}, {"data": 5}, {"data": {}, "user": {}}, []], ids=str)
def test_an_unwrapped_body_is_an_invalid_argument(moto_signet: Deployment, body: object) -> None:
    """All fields stand in `data`."""
    answer = moto_signet.http("POST", "/v1/identify", body)
    assert refusal(answer) == (400, "INVALID_ARGUMENT", None)


def test_the_round_trips(signet: Deployment) -> None:
    """One read, and one write where there is something new."""
    made = token(signet)
    for name, expected in itertools.chain([("Ann", 2), ("Ann", 1), ("Anna", 2)]):
        with signet.counted() as trips:
            send(signet, {"userId": "u1", "name": name}, made)
        assert trips == ["dynamodb:GetItem", "dynamodb:UpdateItem"][:expected]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:image/png;base64,AA==",
        "ftp://example.com/a.png",
        "//example.com/a.png",
        "example.com/a.png",
        "http:example.com",
        "https://",
        "https:///a.png",
        "https://[",
        "https://example.com:99999/",
        "https://ann:secret@example.com/",
        "https://@example.com/",
        "https://example.com\\@evil.example/",
        " https://example.com/",
        "https://example.com/\u202e",
        "https://example.com/a b",
        "https://example.com/\x00",
        "https://example.com/" + "x" * 2048,
        "",
    ],
)
def test_a_picture_that_is_no_web_address_is_refused(signet: Deployment, url: str) -> None:
    """Whoever shows it puts it into a page, where a script in it would run."""
    made, before = token(signet), signet.items()
    answer = send(signet, {"userId": "u1", "photoUrl": url}, made)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "data.user.photoUrl" in answer.json["error"]["message"]
    assert signet.items() == before


@pytest.mark.parametrize("url", ["http://a.example", "HTTPS://a.example/ü?s=1#x", "https://[::1]:8443/@ann"])
def test_a_picture_is_kept_as_it_was_given(signet: Deployment, url: str) -> None:
    """Any http or https address with a host."""
    answer = send(signet, {"userId": "u1", "photoUrl": url}, token(signet))
    assert answer.json["result"]["data"]["user"]["photoUrl"] == url


VELT_USER: dict[str, Any] = {
    "color": "#ff0000",
    "textColor": "#ffffff",
    "initial": "A",
    "plan": "paid",
    "type": "member",
    "isReadOnly": False,
    "contacts": [{"userId": "u2", "name": "Bob", "email": "bob@example.com", "visibility": "private"}],
}
"""What `User` of @veltdev/types 6.0.6 has beside who it is."""


def test_velt_s_own_members_of_a_user_are_kept(signet: Deployment) -> None:
    """A verified call stores and answers them; what it leaves out stays, and null is nothing."""
    made = token(signet)
    said = {"userId": "u1", "name": "Ann", **VELT_USER}
    assert send(signet, said, made).json["result"]["data"]["user"] == {**said, "isAdmin": False}
    assert shown(signet)["profile"] == {"name": "Ann", **VELT_USER}
    before = signet.items()
    assert send(signet, said, made).status == 200
    assert signet.items() == before
    changed = send(signet, {"userId": "u1", "color": "#00ff00", "plan": None, "contacts": []}, made)
    expected = {**said, "color": "#00ff00", "contacts": []}
    assert changed.json["result"]["data"]["user"] == {**expected, "isAdmin": False}
    answer = signet.invoke("identify", here(signet, authToken=made, user={"userId": "u1"}))
    assert answer["user"] == {**expected, "isAdmin": False}


def test_an_unverified_call_leaves_no_more_than_who_it_says_to_be(signet: Deployment) -> None:
    """It is answered with all that it said."""
    toggle(signet, on=False)
    said = {"userId": "u1", "name": "Ann", **VELT_USER}
    assert send(signet, said).json["result"]["data"]["user"] == {**said, "isAdmin": False}
    assert shown(signet)["profile"] == {"name": "Ann"}


@pytest.mark.parametrize("required", [True, False])
def test_a_profile_has_room_for_so_much(signet: Deployment, required: bool) -> None:
    """4 KiB in UTF-8 of what is no identity, in one call and with what is stored: else nothing changes."""
    toggle(signet, on=required)
    made = token(signet) if required else None
    overhead = len(json.dumps({"plan": "", "type": "", "color": "", "initial": ""}, separators=(",", ":")))
    room = 4096 - overhead - 3 * 1024
    full = {"plan": "é" * 512, "type": "x" * 1024, "color": "x" * 1024, "initial": "x" * room}
    assert send(signet, {"userId": "u1", **full}, made).status == 200
    before = signet.items()
    answer = send(signet, {"userId": "u1", **full, "plan": "é" * 513}, made)
    assert refusal(answer) == (400, "INVALID_ARGUMENT", None)
    assert (
        "4098 bytes of color, initial, plan, type together; at most 4096" in answer.json["error"]["message"]
    )
    if required:
        answer = send(signet, {"userId": "u1", "textColor": "x"}, made)
        assert refusal(answer) == (400, "INVALID_ARGUMENT", None)
    assert signet.items() == before


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"contacts": [{"name": "Bob"}]}, "data.user.contacts[0].userId"),
        (
            {"contacts": [{"userId": "u2", "photoUrl": "javascript:alert(1)"}]},
            "data.user.contacts[0].photoUrl",
        ),
        ({"contacts": [{"userId": "u2", "nmae": "Bob"}]}, "data.user.contacts[0].nmae"),
        ({"contacts": {"userId": "u2"}}, "data.user.contacts"),
        ({"contacts": [{}] * 274}, "data.user.contacts"),
        ({"color": 5}, "data.user.color"),
        ({"isReadOnly": "true"}, "data.user.isReadOnly"),
        ({"colour": "#fff"}, "data.user.colour"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_none_of_velt_s_is_refused_by_name(
    signet: Deployment, said: dict[str, Any], field: str
) -> None:
    """Of the user and of its contacts; of more of these than could be kept none is looked at."""
    made, before = token(signet), signet.items()
    answer = send(signet, {"userId": "u1", **said}, made)
    assert answer.status == 400
    assert f"{field}: " in answer.json["error"]["message"]
    assert signet.items() == before


def test_a_token_may_vouch_for_a_picture(signet: Deployment) -> None:
    """As for a name: `userProperties.photoUrl` is its claim `picture`, which a call may leave out."""
    url = "https://example.com/a.png"
    made = token(signet, userProperties={"photoUrl": url})
    assert signet.invoke("introspect_token", here(signet, token=made))["picture"] == url
    for said in ({}, {"photoUrl": url}):
        data = send(signet, {"userId": "u1", **said}, made).json["result"]["data"]
        assert (data["user"]["photoUrl"], data["verifiedFields"]) == (url, ["userId", "photoUrl"])
    other = "https://example.com/b.png"
    data = send(signet, {"userId": "u1", "photoUrl": other}, made).json["result"]["data"]
    assert (data["user"]["photoUrl"], data["verifiedFields"]) == (other, ["userId"])
    wrong = {"userProperties": {"photoUrl": "javascript:alert(1)"}, "userId": "u1"}
    keys = {"apiKey": signet.application_id, "authToken": signet.api_token}
    refused = signet.http("POST", "/v1/auth/token/get", {"data": {**keys, **wrong}})
    assert "data.userProperties.photoUrl: must be an http or https URL" in refused.json["error"]["message"]

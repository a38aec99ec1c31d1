"""Users of whom only unverified calls of identify have spoken: what they may be, and when they are gone."""

from collections.abc import Callable
from typing import Any

import pytest

from signet.domain.times import iso_8601
from signet.errors import GroupNotFound, InvalidRequest, SignetError, UserNotFound
from tests.deployment import PASSWORD, Deployment

DAYS_30 = 30 * 86_400
USER = {"experienceUserId": "ext:u1"}
SAID = {"email": "ann@example.com", "name": "Ann", "organizationId": "o1", "photoUrl": "https://e.example/a"}


@pytest.fixture
def open_signet(signet: Deployment) -> Deployment:
    """A deployment whose application demands no token of identify."""
    call(signet, "update_application", requireJwtToken=False)
    signet.restart()
    return signet


def call(signet: Deployment, operation: str, **fields: Any) -> Any:
    return signet.invoke(operation, {"applicationId": signet.application_id, **fields})


def identify(signet: Deployment, token: str | None = None, **said: Any) -> Any:
    more = {} if token is None else {"authToken": token}
    return call(signet, "identify", user={"userId": "u1", **said}, **more)


def user_token(signet: Deployment, **properties: Any) -> str:
    return str(call(signet, "issue_user_token", userId="u1", userProperties=properties)["token"])


def session_token(signet: Deployment, **fields: Any) -> str:
    return str(call(signet, "issue_session_token", **USER, **fields)["token"])


def is_good(signet: Deployment, token: str) -> bool:
    return bool(call(signet, "introspect_token", token=token)["active"])


def item(signet: Deployment) -> dict[str, Any]:
    (found,) = [i for i in signet.items() if i["pk"]["S"].endswith("#USER#x:u1") and i["sk"]["S"] == "USER"]
    return found


ENDS: dict[str, Callable[[Deployment], object]] = {
    "invalidate_user_tokens": lambda signet: call(signet, "invalidate_user_tokens", **USER),
    "issue_session_token": lambda signet: session_token(signet, invalidateExistingTokens=True),
    "authenticate": lambda signet: call(
        signet,
        "authenticate",
        authMode="token",
        token=session_token(signet),
        invalidateExistingTokens=True,
    ),
    "remove_permissions, of none": lambda signet: call(
        signet,
        "remove_permissions",
        userId="u1",
        permissions={"resources": [{"type": "organization", "id": "o1"}]},
    ),
    "remove_permissions": lambda signet: [
        call(
            signet,
            f"{verb}_permissions",
            permissions={"resources": [{"type": "organization", "id": "o1"}]},
            **named,
        )
        for verb, named in (("add", {"user": {"userId": "u1"}}), ("remove", {"userId": "u1"}))
    ],
    "a cutoff": lambda signet: call(
        signet, "update_user", **USER, tokenCutoff=iso_8601(signet.clock.milliseconds)
    ),
    "delete_user": lambda signet: call(signet, "delete_user", **USER),
}
"""Whatever ends a user's tokens."""


@pytest.mark.parametrize("before", ["never identified", "unverified"])
@pytest.mark.parametrize("how", sorted(ENDS))
def test_what_was_ended_outlives_the_item_that_expires(
    open_signet: Deployment, how: str, before: str
) -> None:
    """Tokens that were ended stay dead though DynamoDB removes all that has expired, whoever comes next."""
    signet = open_signet
    ended = [user_token(signet)]
    if before == "unverified":
        identify(signet)
        ended += [session_token(signet), session_token(signet, ttl=100 * 365 * 86_400_000)]
    try:
        ENDS[how](signet)
    except UserNotFound:
        assert before == "never identified"
        return
    for moment in (0, 1, DAYS_30 - 2, 1, 1, DAYS_30, DAYS_30):
        signet.clock.advance(moment)
        signet.let_ttl_strike()
        identify(signet)
        identify(signet, user_token(signet))
        assert not any(is_good(signet, token) for token in ended)


def test_an_unverified_user_whose_tokens_were_ended_is_gone_all_the_same(open_signet: Deployment) -> None:
    """The item stays for its generation; the user does not."""
    identify(open_signet)
    session_token(open_signet, invalidateExistingTokens=True)
    assert item(open_signet).keys() >= {"unverified_until", "generation"}
    assert "expires_at" not in item(open_signet)
    open_signet.clock.advance(DAYS_30)
    with pytest.raises(UserNotFound):
        call(open_signet, "get_user", **USER)
    identify(open_signet, name="Bob")
    assert call(open_signet, "get_user", **USER)["profile"] == {"name": "Bob"}
    assert "expires_at" not in item(open_signet), "its generation would be lost"


def test_no_session_token_outlives_its_unverified_user(open_signet: Deployment) -> None:
    """It ends with the user at the latest, by its own exp, so that offline verifiers know too."""
    identify(open_signet)
    end = open_signet.clock.now + DAYS_30
    for fields, expected in (({}, end), ({"ttl": 1000}, open_signet.clock.now + 2), ({"ttl": 10**12}, end)):
        claims = call(open_signet, "introspect_token", token=session_token(open_signet, **fields))
        assert claims["exp"] == expected
    given = session_token(open_signet)
    again = call(
        open_signet,
        "authenticate",
        authMode="token",
        token=given,
        invalidateExistingTokens=True,
        returnToken=True,
    )
    assert call(open_signet, "introspect_token", token=again["token"])["exp"] == end


EXPIRED: dict[str, tuple[Callable[[Deployment, str], Any], Any]] = {
    "get_user": (lambda s, _: call(s, "get_user", **USER), UserNotFound),
    "update_user": (lambda s, _: call(s, "update_user", **USER, firstName="Ann"), UserNotFound),
    "delete_user": (lambda s, _: call(s, "delete_user", **USER), UserNotFound),
    "issue_session_token": (lambda s, _: session_token(s), UserNotFound),
    "…, as a login": (lambda s, _: session_token(s, treatAsLogin=True), UserNotFound),
    "…, the only one": (lambda s, _: session_token(s, invalidateExistingTokens=True), UserNotFound),
    "authenticate": (
        lambda s, token: call(s, "authenticate", authMode="token", token=token),
        {"authenticated": False},
    ),
    "…, and invalidate": (
        lambda s, token: call(
            s, "authenticate", authMode="token", token=token, invalidateExistingTokens=True
        ),
        {"authenticated": False},
    ),
    "introspect_token": (lambda s, token: call(s, "introspect_token", token=token), {"active": False}),
    "show_me": (
        lambda s, token: (
            s.http("GET", f"/applications/{s.application_id}/experience/me", headers=s.bearer(token)).status
        ),
        403,
    ),
    "list_users": (lambda s, _: call(s, "list_users")["items"], []),
    "…, by cursor": (lambda s, _: call(s, "list_users", nextToken="")["items"], []),
    "…, filtered": (lambda s, _: call(s, "list_users", experienceGroupId="none")["items"], []),
    "create_group": (
        lambda s, _: call(s, "create_group", name="Staff", experienceUserIds=["ext:u1"]),
        InvalidRequest,
    ),
}
"""What every operation says of a user who has ended."""


@pytest.mark.parametrize("operation", sorted(EXPIRED))
def test_a_user_that_has_ended_is_there_for_nobody(open_signet: Deployment, operation: str) -> None:
    """From its last second on no reader and no write takes it, whether DynamoDB has removed it or not."""
    signet = open_signet
    identify(signet, **SAID)
    # A token that does not say so itself: of a user with a longer life.
    token = session_token(signet)
    act, expected = EXPIRED[operation]
    signet.clock.advance(DAYS_30)
    for removed in (False, True):
        if removed:
            signet.let_ttl_strike()
        before = signet.items()
        if isinstance(expected, type) and issubclass(expected, SignetError):
            with pytest.raises(expected):
                act(signet, token)
        else:
            assert act(signet, token) == expected
        assert signet.items() == before


@pytest.mark.parametrize("operation", sorted(EXPIRED))
def test_a_user_is_there_until_its_last_second(open_signet: Deployment, operation: str) -> None:
    """One second earlier everybody takes it."""
    signet = open_signet
    identify(signet, **SAID)
    token = session_token(signet)
    act, expected = EXPIRED[operation]
    signet.clock.advance(DAYS_30 - 1)
    assert act(signet, token) != expected


def test_an_unverified_user_lives_on_with_each_call(open_signet: Deployment) -> None:
    """30 days are counted from the last call, and what one does not say stays."""
    identify(open_signet, name="Ann")
    open_signet.clock.advance(DAYS_30 - 1)
    identify(open_signet, email="ann@example.com")
    open_signet.clock.advance(DAYS_30 - 1)
    assert call(open_signet, "get_user", **USER)["profile"] == {"name": "Ann", "email": "ann@example.com"}


def test_who_comes_after_the_end_begins_from_nothing(open_signet: Deployment) -> None:
    """What was said of a user who has ended is not said of the next one."""
    identify(open_signet, **SAID)
    session_token(open_signet, treatAsLogin=True, invalidateExistingTokens=True)
    made = call(open_signet, "get_user", **USER)["creationDate"]
    open_signet.clock.advance(DAYS_30)
    identify(open_signet, name="Bob")
    user = call(open_signet, "get_user", **USER)
    assert (user["profile"], user["lastLogin"]) == ({"name": "Bob"}, None)
    assert user["creationDate"] > made


PROMOTIONS: dict[str, tuple[Callable[[Deployment], object], dict[str, str]]] = {
    "a verified call": (lambda s: identify(s, user_token(s)), {}),
    "a verified call that says something": (
        lambda s: identify(s, user_token(s), name="Cyd"),
        {"name": "Cyd"},
    ),
    "a token that says something": (lambda s: identify(s, user_token(s, name="Cyd")), {"name": "Cyd"}),
    "a PATCH": (lambda s: call(s, "update_user", **USER, userTags={"plan": "gold"}), {}),
    "a PATCH with a credential": (
        lambda s: call(s, "update_user", **USER, email="cyd@example.com", password=PASSWORD),
        {},
    ),
    "a new group": (lambda s: call(s, "create_group", name="Staff", experienceUserIds=["ext:u1"]), {}),
    "a group": (
        lambda s: call(
            s,
            "update_group",
            experienceGroupId=call(s, "create_group", name="Staff")["id"],
            experienceUserIds=["ext:u1"],
        ),
        {},
    ),
}


@pytest.mark.parametrize("how", sorted(PROMOTIONS))
def test_a_promoted_user_begins_from_nothing(open_signet: Deployment, how: str) -> None:
    """Nothing that unverified calls said becomes a real user's, and it lives as long as others."""
    identify(open_signet, **SAID)
    promote, profile = PROMOTIONS[how]
    promote(open_signet)
    user = call(open_signet, "get_user", **USER)
    assert user.get("profile", {}) == profile
    assert "unverified" not in user
    assert item(open_signet).keys().isdisjoint({"unverified_until", "expires_at"})
    open_signet.clock.advance(2 * DAYS_30)
    open_signet.let_ttl_strike()
    assert call(open_signet, "get_user", **USER)["id"] == "ext:u1"
    identify(open_signet, **SAID)
    assert call(open_signet, "get_user", **USER).get("profile", {}) == profile


@pytest.mark.parametrize(
    "operation",
    [
        "issue_session_token",
        "issue_user_token",
        "invalidate_user_tokens",
        "add_permissions",
        "a PATCH of nothing",
    ],
)
def test_what_says_nothing_of_the_user_promotes_nobody(open_signet: Deployment, operation: str) -> None:
    """Tokens, permissions, invalidations, and giving back what a GET gave."""
    identify(open_signet, **SAID)
    if operation == "a PATCH of nothing":
        user = call(open_signet, "get_user", **USER)
        user.pop("applicationId")
        before = open_signet.items()
        assert call(open_signet, "update_user", **user)["unverified"] is True
        assert open_signet.items() == before
    elif operation == "add_permissions":
        resources = {"resources": [{"type": "organization", "id": "o1"}]}
        call(open_signet, operation, user={"userId": "u1"}, permissions=resources)
    else:
        call(open_signet, operation, **({"userId": "u1"} if operation == "issue_user_token" else USER))
    user = call(open_signet, "get_user", **USER)
    assert (user["unverified"], user["profile"]) == (True, SAID)


def test_a_list_shows_that_a_user_is_unverified(moto_signet: Deployment) -> None:
    """So that nobody takes it for one whom something vouches for."""
    call(moto_signet, "update_application", requireJwtToken=False)
    moto_signet.restart()
    identify(moto_signet, **SAID)
    (user,) = call(moto_signet, "list_users")["items"]
    assert (user["unverified"], user["profile"]) == (True, SAID)


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_of_a_profile_is_nobodys_credential(open_signet: Deployment, verified: bool) -> None:
    """It logs nobody in, leads to no user, needs not be unique, and stops nobody from registering."""
    signet = open_signet
    identify(signet, user_token(signet) if verified else None, **SAID)
    before = signet.kept()
    for fields in ({"password": PASSWORD}, {"email": "ann@example.com"}):
        with pytest.raises(InvalidRequest, match="password"):
            call(signet, "update_user", **USER, **fields)
    with pytest.raises(UserNotFound):
        call(signet, "issue_session_token", experienceUserId="ann@example.com")
    attempt = {"authMode": "emailPassword", "email": "ann@example.com", "password": PASSWORD}
    assert call(signet, "authenticate", **attempt) == {"authenticated": False}
    assert signet.kept() == before
    owner = call(signet, "create_user", email="ann@example.com", password=PASSWORD)
    assert call(signet, "authenticate", **attempt)["user"]["id"] == owner["id"]


def test_a_user_gets_a_credential_by_address_and_password_together(open_signet: Deployment) -> None:
    """A PATCH with both gives one; the profile stays what it is, apart."""
    signet = open_signet
    identify(signet, user_token(signet), **SAID)
    changed = call(signet, "update_user", **USER, email="real@example.com", password=PASSWORD)
    assert (changed["email"], changed["profile"]) == ("real@example.com", SAID)
    identify(signet, user_token(signet), email="other@example.com")
    attempt = {"authMode": "emailPassword", "email": "real@example.com", "password": PASSWORD}
    user = call(signet, "authenticate", **attempt)["user"]
    assert (user["email"], user["profile"]["email"]) == ("real@example.com", "other@example.com")


def test_a_verified_call_answers_what_is_stored(open_signet: Deployment) -> None:
    """The profile as it is then: what verified calls have said so far, and nothing of unverified ones."""
    identify(open_signet, **SAID)
    assert identify(open_signet, user_token(open_signet), name="Cyd")["user"] == {
        "userId": "u1",
        "name": "Cyd",
        "isAdmin": False,
    }
    answer = identify(open_signet, user_token(open_signet), email="cyd@example.com")
    assert answer["user"] == {"userId": "u1", "name": "Cyd", "email": "cyd@example.com", "isAdmin": False}
    assert answer["verifiedFields"] == ["userId"]
    assert call(open_signet, "get_user", **USER)["profile"] == {"name": "Cyd", "email": "cyd@example.com"}


def test_an_unverified_user_belongs_to_no_group_that_is_not_there(open_signet: Deployment) -> None:
    """A refused change promotes nobody."""
    identify(open_signet, **SAID)
    before = open_signet.items()
    with pytest.raises(InvalidRequest):
        call(open_signet, "update_user", **USER, experienceGroupIds=["a" * 24])
    with pytest.raises(GroupNotFound):
        call(open_signet, "update_group", experienceGroupId="a" * 24, experienceUserIds=["ext:u1"])
    assert open_signet.items() == before

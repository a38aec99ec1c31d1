"""What docs/differences.md says of the answers is so."""

from typing import Any

import pytest

from signet.errors import InvalidRequest
from tests.deployment import PASSWORD, Deployment

USERS = "/applications/{app}/experience/users"
GROUPS = "/applications/{app}/experience/groups"
ANN = {"email": "ann@example.com", "password": PASSWORD}
FAR = "2999-01-01T00:00:00Z"
IDENTIFY = {"data": {"apiKey": "{app}", "user": {"userId": "u1"}}}

CASES: dict[str, tuple[str, str, object, int, str]] = {
    "a member that is not known": ("POST", USERS, {**ANN, "nickname": "A"}, 400, "nickname"),
    "an authorized route": ("GET", "/applications/{app}/experience/me", None, 403, '{"message":"Forbidden"}'),
    "an application's settings": ("GET", "/applications/{app}", None, 403, '{"message":"Forbidden"}'),
    "a common password": ("POST", USERS, {**ANN, "password": "password1"}, 400, "password"),
    "more than a hundred groups": (
        "POST",
        USERS,
        {**ANN, "experienceGroupIds": ["0" * 24] * 101},
        400,
        "100",
    ),
    "devices": ("POST", GROUPS, {"name": "G", "deviceIds": ["0" * 24]}, 400, "deviceIds"),
    "endpoints": (
        "POST",
        GROUPS,
        {"name": "G", "experienceEndpointIds": ["0" * 24]},
        400,
        "experienceEndpointIds",
    ),
    "a filter of no field": ("GET", f"{USERS}?filter=*&filterField=", None, 400, "filterField"),
    "a cutoff far ahead": ("POST", USERS, {**ANN, "tokenCutoff": FAR}, 400, "tokenCutoff"),
    "an avatar": ("POST", USERS, ANN, 201, '"avatarUrl": null'),
    "identify without a token": ("POST", "/v1/identify", IDENTIFY, 401, "UNAUTHENTICATED"),
    "permissions of ids that nobody knows": (
        "POST",
        "/v2/auth/permissions/get",
        {"data": {"organizationId": "nowhere", "userIds": ["nobody"]}},
        200,
        "success",
    ),
}


def filled(value: Any, application_id: str) -> Any:
    """The same with the application's id in it."""
    if isinstance(value, dict):
        return {name: filled(member, application_id) for name, member in value.items()}
    return value.replace("{app}", application_id) if isinstance(value, str) else value


@pytest.mark.parametrize("case", CASES)
def test_an_answer_that_differs_on_purpose(moto_signet: Deployment, case: str) -> None:
    """It has this status, and says what is the matter."""
    method, path, body, status, text = CASES[case]
    credentials = {
        **({} if case == "an authorized route" else moto_signet.bearer()),
        "x-velt-api-key": moto_signet.application_id,
        "x-velt-auth-token": moto_signet.api_token,
    }
    answer = moto_signet.http(
        method,
        filled(path, moto_signet.application_id),
        filled(body, moto_signet.application_id),
        headers=credentials,
    )
    assert answer.status == status
    assert text.replace(" ", "") in answer.body.decode().replace(" ", "")


def test_api_tokens_are_listed_without_what_they_are(moto_signet: Deployment) -> None:
    """Their prefixes and dates, and nothing that could be used."""
    credentials = {"x-velt-api-key": moto_signet.application_id, "x-velt-auth-token": moto_signet.api_token}
    answer = moto_signet.http("POST", "/v2/workspace/authtokens/get", {"data": {}}, headers=credentials)
    (listed,) = answer.json["result"]["data"]["authTokens"]
    assert set(listed) == {"prefix", "createdAt", "expiresAt", "current"}


def test_a_max_age_that_resolves_to_nothing_is_refused(moto_signet: Deployment) -> None:
    """Whatever else is right: the token would have no end."""
    moto_signet.invoke("create_user", {"applicationId": moto_signet.application_id} | ANN)
    node = {
        "authMode": "emailPassword",
        "emailTemplate": ANN["email"],
        "passwordTemplate": PASSWORD,
        "tokenResultPath": "token",
        "ttlTemplate": "{{data.ttl}}",
    }
    with pytest.raises(InvalidRequest, match="ttlTemplate"):
        moto_signet.invoke(
            "authenticate", {"applicationId": moto_signet.application_id, "node": node, "payload": {}}
        )


@pytest.mark.parametrize("change", [{"password": PASSWORD + "!"}, {"email": "bob@example.com"}])
def test_another_password_or_address_ends_sessions(moto_signet: Deployment, change: dict[str, str]) -> None:
    """And a token that has ended is no reason to look at the password alone."""
    here = {"applicationId": moto_signet.application_id}
    user = moto_signet.invoke("create_user", here | ANN)
    session = moto_signet.invoke("issue_session_token", here | {"experienceUserId": user["id"]})["token"]
    credentials = {**here, "authMode": "tokenEmailPassword", "token": session}
    assert moto_signet.invoke("authenticate", credentials | ANN)["authenticated"] is True
    moto_signet.invoke("update_user", here | {"experienceUserId": user["id"]} | change)
    assert moto_signet.invoke("authenticate", credentials | ANN | change) == {"authenticated": False}

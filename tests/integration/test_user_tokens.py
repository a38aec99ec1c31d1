"""User tokens: three paths, two ways to send the credentials, and what a token may hold."""

import math
from typing import Any

import jwt
import pytest

from signet.domain.keys import Algorithm
from signet.domain.tokens import TokenKind, token_length
from signet.errors import InvalidRequest
from signet.store.attributes import to_attribute
from tests.deployment import Deployment, Response

V1 = "/v1/auth/token/get"
V2 = ["/v2/auth/token/get", "/v2/auth/generate_token"]
PROPERTIES = {"isAdmin": True, "organizationId": "org1", "email": "User@example.com", "name": "Ann"}
LATER = 1_893_456_000
RESOURCES: list[dict[str, Any]] = [
    {"type": "organization", "id": "org1", "accessRole": "viewer"},
    {"type": "document", "id": "d1", "organizationId": "org1", "accessRole": "editor", "expiresAt": LATER},
]
COMMON = {"iss", "aud", "sub", "iat", "jti", "gen", "agen", "exp"}


def here(signet: Deployment, **fields: Any) -> dict[str, Any]:
    return {"applicationId": signet.application_id, **fields}


def keys(signet: Deployment, **other: str) -> dict[str, str]:
    return {"x-velt-api-key": signet.application_id, "x-velt-auth-token": signet.api_token, **other}


def send_v1(signet: Deployment, **data: Any) -> Response:
    credentials = {"apiKey": signet.application_id, "authToken": signet.api_token}
    return signet.http("POST", V1, {"data": {**credentials, **data}})


def send_v2(signet: Deployment, path: str = V2[0], **data: Any) -> Response:
    return signet.http("POST", path, {"data": data}, headers=keys(signet))


def issue(signet: Deployment, user_id: str = "u1", **more: Any) -> dict[str, Any]:
    token = signet.invoke("issue_user_token", here(signet, userId=user_id, **more))["token"]
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def introspect(signet: Deployment, token: str) -> dict[str, Any]:
    answer: dict[str, Any] = signet.invoke("introspect_token", here(signet, token=token))
    return answer


def test_the_first_version(signet: Deployment) -> None:
    """Both credentials in the body, and the answer in Velt's words, with a token as it was asked for."""
    answer = send_v1(signet, userId="u1", userProperties=PROPERTIES)
    assert answer.status == 200
    token = answer.json["result"]["data"]["token"]
    message = "Token generated successfully."
    assert answer.json == {"result": {"status": "success", "message": message, "data": {"token": token}}}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token)["typ"] == "user+jwt"
    assert claims.keys() == COMMON | {"email", "name", "is_admin", "organization_id"}
    assert (claims["aud"], claims["sub"]) == (f"{signet.application_id}/user", "u1")
    assert (claims["iat"], claims["exp"]) == (signet.clock.now, signet.clock.now + 48 * 3600)
    assert (claims["gen"], claims["agen"]) == (0, 0)
    assert (claims["email"], claims["name"]) == ("User@example.com", "Ann")
    assert (claims["is_admin"], claims["organization_id"]) == (True, "org1")
    assert introspect(signet, token) == {"active": True, **claims}


@pytest.mark.parametrize("path", V2)
def test_the_second_version(signet: Deployment, path: str) -> None:
    """Credentials in headers, and permissions in the token."""
    answer = send_v2(signet, path, userId="u1", permissions={"resources": RESOURCES})
    assert (answer.status, answer.json["result"]["message"]) == (200, "Token generated successfully.")
    claims = jwt.decode(answer.json["result"]["data"]["token"], options={"verify_signature": False})
    assert claims.keys() == COMMON | {"permissions"}
    assert claims["permissions"] == {"resources": RESOURCES}


def test_what_an_api_mapping_puts_before_the_path_changes_nothing(moto_signet: Deployment) -> None:
    """`rawPath` begins with the key of a domain's mapping, or a stage's name; the route is the same."""
    signet = moto_signet
    credentials = {"apiKey": signet.application_id, "authToken": signet.api_token}
    event = signet.event("POST", V1, {"data": {**credentials, "userId": "u1"}})
    event["rawPath"] = event["requestContext"]["http"]["path"] = f"/id{V1}"
    answer = signet.handler("issue_user_token")(event, signet.context("issue_user_token"))
    assert answer["statusCode"] == 200, answer


def test_a_token_says_no_more_than_was_asked_for(signet: Deployment) -> None:
    """Without properties there are no such claims, and a false isAdmin is one."""
    assert issue(signet).keys() == COMMON
    assert issue(signet, userProperties={}).keys() == COMMON
    assert issue(signet, userProperties={"isAdmin": False})["is_admin"] is False


def test_every_token_is_a_fresh_one(signet: Deployment) -> None:
    """Two requests in the same second get two tokens, and nothing is written."""
    before = signet.items()
    first, second = issue(signet), issue(signet)
    assert first["jti"] != second["jti"]
    assert [item for item in signet.items() if item["pk"]["S"] != "KEYLIFE"] == [
        item for item in before if item["pk"]["S"] != "KEYLIFE"
    ]


def test_the_lifetime_is_the_application_s_and_capped(signet: Deployment) -> None:
    """`userTokenLifetime`, and no longer than `maxTokenLifetime`."""
    for settings, seconds in (({"userTokenLifetime": 60}, 60), ({"maxTokenLifetime": 30}, 30)):
        signet.invoke("update_application", here(signet, **settings))
        signet.clock.advance(5)
        claims = issue(signet)
        assert claims["exp"] - claims["iat"] == seconds


def test_the_user_s_generation_is_in_the_token(signet: Deployment) -> None:
    """What ends a user's tokens ends these, and the next one is good."""
    token = signet.invoke("issue_user_token", here(signet, userId="u1"))["token"]
    signet.invoke("invalidate_user_tokens", here(signet, experienceUserId="ext:u1"))
    assert introspect(signet, token) == {"active": False}
    assert issue(signet)["gen"] == 1
    assert issue(signet, "u2")["gen"] == 0


def test_a_token_that_is_made_before_a_cutoff_is_not_dead_on_arrival(signet: Deployment) -> None:
    """A cutoff that lies ahead, since clocks differ, is the token's `iat`."""
    cutoff = signet.clock.milliseconds + 3000
    key = {"pk": {"S": f"APP#{signet.application_id}#USER#x:u1"}, "sk": {"S": "USER"}}
    item = key | {"generation": to_attribute(7), "token_cutoff": to_attribute(cutoff)}
    signet.put_item(item)
    token = signet.invoke("issue_user_token", here(signet, userId="u1"))["token"]
    claims = introspect(signet, token)
    assert claims["active"] is True
    assert (claims["gen"], claims["iat"]) == (7, cutoff // 1000)
    assert claims["exp"] - claims["iat"] == 48 * 3600


def test_an_api_user_s_id_is_another_key_space(signet: Deployment) -> None:
    """An external id that looks like a user's id, or like our own prefixes, is an external id."""
    user = signet.demo()["userId"]
    signet.invoke("invalidate_user_tokens", here(signet, experienceUserId=user))
    for named in (user, f"x:{user}", "ext:u1", "a#USER#b", "ü ∑"):
        claims = issue(signet, named)
        assert (claims["sub"], claims["gen"]) == (named, 0)


@pytest.mark.parametrize(
    ("missing", "wrong"),
    [("authToken", None), ("", {"authToken": "x"}), ("", {"authToken": 1}), ("", {"apiKey": "x"})],
)
def test_wrong_credentials_of_the_first_version(
    moto_signet: Deployment, missing: str, wrong: dict[str, Any] | None
) -> None:
    """Missing or wrong, the answer is one: a 400."""
    credentials = {"apiKey": moto_signet.application_id, "authToken": moto_signet.api_token}
    sent = {name: value for name, value in credentials.items() if name != missing} | (wrong or {})
    answer = moto_signet.http("POST", V1, {"data": {**sent, "userId": "u1"}}, headers=keys(moto_signet))
    expected = {"message": "Auth token not found.", "status": "INVALID_ARGUMENT"}
    assert (answer.status, answer.json) == (400, {"error": expected})


def test_a_missing_api_key_is_named(moto_signet: Deployment) -> None:
    """The token was there: to say that it was not found would mislead."""
    token = moto_signet.api_token
    answer = moto_signet.http("POST", V1, {"data": {"authToken": token, "userId": "u1"}})
    message = "The API key is missing: send data.apiKey, the applicationId."
    assert (answer.status, answer.json["error"]["message"]) == (400, message)
    for path in V2:
        headers = {"x-velt-auth-token": token}
        answer = moto_signet.http("POST", path, {"data": {"userId": "u1"}}, headers=headers)
        message = "The API key is missing: send the header x-velt-api-key, the applicationId."
        assert (answer.status, answer.json["error"]["message"]) == (400, message)


@pytest.mark.parametrize("path", V2)
def test_wrong_credentials_of_the_second_version(moto_signet: Deployment, path: str) -> None:
    """A missing header is a 400, a wrong one a 401; credentials in the body are no fields here."""
    signet = moto_signet
    body = {"data": {"userId": "u1"}}
    absent = {"message": "Auth Token not found in headers.", "status": "INVALID_ARGUMENT"}
    wrong = {"message": "Invalid auth token for workspace.", "status": "UNAUTHENTICATED"}
    for headers, status, error in (
        ({}, 400, absent),
        ({"x-velt-api-key": signet.application_id}, 400, absent),
        (keys(signet, **{"x-velt-auth-token": "x"}), 401, wrong),
        (keys(signet, **{"x-velt-api-key": "f" * 24}), 401, wrong),
    ):
        answer = signet.http("POST", path, body, headers=headers)
        assert (answer.status, answer.json) == (status, {"error": error})
    answer = send_v2(signet, path, userId="u1", apiKey="x", authToken="y")
    assert answer.status == 400
    assert "data.apiKey: is unknown" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"userId": None}, "data.userId: "),
        ({"userId": 1}, "data.userId: must be a string."),
        ({"userId": ""}, "data.userId: must have at least 1 character."),
        ({"userId": "u" * 129}, "data.userId: must have at most 128 characters."),
        ({"userId": "a\nb"}, "data.userId: holds a character that cannot be printed."),
        ({"organizationId": "org1"}, "data.organizationId: is unknown"),
        ({"userProperties": {"isAdmin": "true"}}, "data.userProperties.isAdmin: "),
        ({"userProperties": {"isAdmin": None}}, "data.userProperties.isAdmin: "),
        ({"userProperties": {"organizationId": ""}}, "data.userProperties.organizationId: "),
        ({"userProperties": {"email": "nobody"}}, "data.userProperties.email: is not a valid e-mail"),
        (
            {"userProperties": {"groupId": "g"}},
            "data.userProperties.groupId: is unknown; it is organizationId now.",
        ),
        ({"userProperties": {"plan": "x"}}, "data.userProperties.plan: is unknown"),
        ({"userProperties": []}, "data.userProperties: "),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_a_faulty_field_is_named_by_its_path(
    moto_signet: Deployment, fields: dict[str, Any], message: str, version: int
) -> None:
    """In both versions, with what would be right."""
    send = send_v1 if version == 1 else send_v2
    answer = send(moto_signet, **{"userId": "u1", **fields})
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer.json["error"]["message"].startswith(message), answer.json


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ({"type": "folder", "id": "f1"}, "organizationId: is required for a folder."),
        ({"type": "document", "id": "d1"}, "organizationId: is required for a document."),
        (
            {"type": "organization", "id": "o1", "organizationId": "o2"},
            "organizationId: is not the id of this organization; leave it out.",
        ),
        ({"type": "team", "id": "o1"}, "type: must be 'organization', 'folder' or 'document'."),
        ({"id": "o1"}, "type: is required."),
        ({"type": "organization"}, "id: is required."),
        ({"type": "organization", "id": ""}, "id: must have at least 1 character."),
        (
            {"type": "organization", "id": "o1", "accessRole": "owner"},
            "accessRole: must be 'viewer' or 'editor'.",
        ),
        (
            {"type": "organization", "id": "o1", "accessrole": "viewer"},
            "accessrole: is unknown; did you mean accessRole?",
        ),
        (
            {"type": "organization", "id": "o1", "expiresAt": "soon"},
            "expiresAt: must be a time in Unix seconds",
        ),
        (
            {"type": "organization", "id": "o1", "expiresAt": LATER * 1000},
            "expiresAt: must be a time in Unix seconds",
        ),
        (
            {"type": "organization", "id": "o1", "expiresAt": -1},
            "expiresAt: must be a time in Unix seconds",
        ),
    ],
)
def test_a_faulty_resource_is_named_by_its_place(
    moto_signet: Deployment, resource: dict[str, Any], message: str
) -> None:
    """The path leads to the very field of the very resource."""
    answer = send_v2(moto_signet, userId="u1", permissions={"resources": [RESOURCES[0], resource]})
    assert answer.status == 400
    said = answer.json["error"]["message"]
    assert said.startswith(f"data.permissions.resources[1].{message}"), said


@pytest.mark.parametrize(
    ("permissions", "message"),
    [
        (None, "data.permissions: "),
        ({}, "data.permissions.resources: is required."),
        ({"resources": {}}, "data.permissions.resources: must be a list."),
        ({"resources": ["org1"]}, "data.permissions.resources[0]: "),
        ({"resources": [], "roles": []}, "data.permissions.roles: is unknown"),
    ],
)
def test_faulty_permissions(moto_signet: Deployment, permissions: object, message: str) -> None:
    """Permissions are an object with a list of resources."""
    answer = send_v2(moto_signet, userId="u1", permissions=permissions)
    assert (answer.status, answer.json["error"]["message"][: len(message)]) == (400, message)


def test_the_first_version_knows_no_permissions(moto_signet: Deployment) -> None:
    """They are refused by name: ignored, they would be thought to hold."""
    answer = send_v1(moto_signet, userId="u1", permissions={"resources": RESOURCES})
    assert answer.status == 400
    assert answer.json["error"]["message"].startswith("data.permissions: is unknown")


def test_fields_that_are_not_wrapped(moto_signet: Deployment) -> None:
    """Every body is wrapped in `data`."""
    for path in (V1, *V2):
        answer = moto_signet.http("POST", path, {"userId": "u1"}, headers=keys(moto_signet))
        assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert '{"data": {…}}' in answer.json["error"]["message"]


def test_a_body_that_is_too_large(moto_signet: Deployment) -> None:
    """A 413 in the dialect's envelope."""
    answer = send_v2(moto_signet, userId="u" * 40_000)
    assert (answer.status, answer.json["error"]["status"]) == (413, "INVALID_ARGUMENT")


def test_of_a_hundred_and_one_resources_the_refusal_names_both_numbers(moto_signet: Deployment) -> None:
    """A hundred are taken, where the token has room for them."""
    resources = [{"type": "organization", "id": f"o{number}"} for number in range(101)]
    assert (
        len(issue(moto_signet, permissions={"resources": resources[:90]})["permissions"]["resources"]) == 90
    )
    answer = send_v2(moto_signet, userId="u1", permissions={"resources": resources})
    message = "data.permissions.resources: are 101; at most 100 are taken."
    assert (answer.status, answer.json["error"]["message"]) == (400, message)


def test_a_token_has_at_most_8_kib(moto_signet: Deployment) -> None:
    """Up to the very byte; beyond it the refusal names both numbers."""
    signet = moto_signet

    def length(size: int) -> int:
        many = [{"type": "organization", "id": "o" * 1000 + str(n)} for n in range(5)]
        sent = {"resources": [*many, {"type": "organization", "id": "o" * size}]}
        return len(signet.invoke("issue_user_token", here(signet, userId="u1", permissions=sent))["token"])

    size = 1 + (8192 - length(1)) * 3 // 4
    lengths = [length(size - 3)]
    with pytest.raises(InvalidRequest, match=r"would have 819[345] bytes; at most 8192 are issued\."):
        lengths.extend(length(size + more) for more in range(-2, 5))
    assert max(lengths) in (8191, 8192)
    answer = send_v2(
        signet,
        userId="u1",
        permissions={
            "resources": [
                {"type": "folder", "id": "f" * 1000 + str(n), "organizationId": "o" * 1000} for n in range(9)
            ]
        },
    )
    said = answer.json["error"]["message"]
    assert answer.status == 400
    assert said.endswith("bytes; at most 8192 are issued."), said


@pytest.mark.parametrize("external_id", ["u1", "u12", "u123", "ü", "\U0001f600", "u" * 128])
def test_the_length_of_a_token_is_known_before_it_is_made(moto_signet: Deployment, external_id: str) -> None:
    """To the byte, for names in any script."""
    token = moto_signet.invoke("issue_user_token", here(moto_signet, userId=external_id))["token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert token_length(TokenKind.USER, claims, Algorithm.ES256) == len(token)
    longer = math.ceil(256 * 4 / 3) - math.ceil(64 * 4 / 3)
    assert token_length(TokenKind.USER, claims, Algorithm.RS256) == len(token) + longer


def test_of_what_is_said_of_a_resource_twice_the_last_counts(moto_signet: Deployment) -> None:
    """As if it had been added twice; an editor is what nothing else is said of."""
    twice = [
        {"type": "organization", "id": "o1", "accessRole": "viewer"},
        {"type": "organization", "id": "o1"},
    ]
    claims = issue(moto_signet, permissions={"resources": twice})
    expected = {"type": "organization", "id": "o1", "accessRole": "editor"}
    assert claims["permissions"] == {"resources": [expected]}


def test_introspection_leaves_out_what_has_expired(signet: Deployment) -> None:
    """A resource is there until the second of its `expiresAt`; the token itself stays as it is."""
    ends = {**RESOURCES[1], "expiresAt": signet.clock.now + 10}
    sent = here(signet, userId="u1", permissions={"resources": [RESOURCES[0], ends]})
    token = signet.invoke("issue_user_token", sent)["token"]
    signet.clock.advance(9)
    assert introspect(signet, token)["permissions"] == {"resources": [RESOURCES[0], ends]}
    signet.clock.advance(1)
    assert introspect(signet, token)["permissions"] == {"resources": [RESOURCES[0]]}
    assert introspect(signet, token)["active"] is True


def test_what_has_expired_already_is_not_in_a_token(signet: Deployment) -> None:
    """Whoever reads a token without a look at `expiresAt` is none the worse for it."""
    over = {**RESOURCES[1], "expiresAt": signet.clock.now}
    assert issue(signet, permissions={"resources": [over]})["permissions"] == {"resources": []}

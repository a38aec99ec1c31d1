"""POST /api/v1/user-identity-jwt."""

import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.deployment import URL, Deployment, Response

PATH = "/api/v1/user-identity-jwt"
EMAIL = {"identityType": "EMAIL", "identity": "test@example.com"}
PHONE = {"identityType": "MOBILE_PHONE_NUMBER", "identity": "+14155552671"}


def mint(signet: Deployment, body: object = EMAIL, **more: Any) -> Response:
    return signet.http("POST", PATH, body, **{"headers": signet.basic()} | more)


def verify(signet: Deployment, token: str) -> jwt.Token:
    """Verify a token with a library that Signet does not use, through the JWKS alone."""
    keys = KeySet.import_key_set(signet.http("GET", "/.well-known/jwks.json").json)
    return jwt.decode(token, keys, algorithms=["ES256"])


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        (EMAIL, {"sub": "test@example.com", "email": "test@example.com", "identity_type": "EMAIL"}),
        (
            {"identityType": "EMAIL", "identity": "Test@EXAMPLE.com"},
            {"sub": "test@example.com", "email": "test@example.com", "identity_type": "EMAIL"},
        ),
        (
            PHONE,
            {
                "sub": "+14155552671",
                "phone_number": "+14155552671",
                "identity_type": "MOBILE_PHONE_NUMBER",
            },
        ),
    ],
)
def test_a_foreign_library_verifies_the_token(
    signet: Deployment, body: object, subject: dict[str, str]
) -> None:
    """A token verifies through the JWKS, and says what the contract says, no more."""
    answer = mint(signet, body)
    assert answer.status == 200
    token = verify(signet, answer.json["token"])
    kids = [key["kid"] for key in signet.http("GET", "/.well-known/jwks.json").json["keys"]]
    assert token.header in [{"alg": "ES256", "kid": kid, "typ": "identity+jwt"} for kid in kids]
    assert len(token.claims.pop("jti")) == 22
    assert token.claims == {
        "iss": URL,
        "aud": f"{signet.application_id}/identity",
        "iat": signet.clock.now,
        "exp": signet.clock.now + 3600,
        "gen": 0,
        "agen": 0,
        **subject,
    }


def test_the_direct_invocation_gives_the_same(signet: Deployment) -> None:
    """A direct invocation names its application instead of proving it, and answers plain JSON."""
    answer = signet.invoke("issue_identity_token", {"applicationId": signet.application_id, **PHONE})
    assert answer.keys() == {"token"}
    assert verify(signet, answer["token"]).claims["sub"] == "+14155552671"


def test_two_tokens_are_never_the_same(signet: Deployment) -> None:
    """Each token has an id of its own."""
    ids = {verify(signet, mint(signet).json["token"]).claims["jti"] for _ in range(3)}
    assert len(ids) == 3


def test_the_headers_of_an_answer(signet: Deployment) -> None:
    """An answer with a token is JSON, must not be cached, and carries the request's id."""
    headers = mint(signet).headers
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert len(headers["x-request-id"]) == 16


def test_an_invalidation_raises_the_generation_of_the_identity_alone(signet: Deployment) -> None:
    """After an invalidation the identity's tokens have a higher generation, others' do not."""
    answer = signet.http(
        "POST",
        f"/applications/{signet.application_id}/identities/invalidate-tokens",
        {"identityType": "EMAIL", "identity": "TEST@example.com"},
        headers=signet.bearer(),
    )
    assert (answer.status, answer.json) == (200, {"success": True})
    assert verify(signet, mint(signet).json["token"]).claims["gen"] == 1
    assert verify(signet, mint(signet, PHONE).json["token"]).claims["gen"] == 0
    signet.invoke("invalidate_identity_tokens", {"applicationId": signet.application_id, **EMAIL})
    assert verify(signet, mint(signet).json["token"]).claims["gen"] == 2


def test_the_lifetime_is_the_application_s(signet: Deployment) -> None:
    """A changed lifetime counts within the application's bound, and the cap wins over it."""
    signet.invoke("update_application", {"applicationId": signet.application_id, "identityTokenLifetime": 60})
    signet.clock.advance(5)
    claims = verify(signet, mint(signet).json["token"]).claims
    assert claims["exp"] - claims["iat"] == 60
    signet.invoke("update_application", {"applicationId": signet.application_id, "maxTokenLifetime": 10})
    signet.clock.advance(5)
    claims = verify(signet, mint(signet).json["token"]).claims
    assert claims["exp"] - claims["iat"] == 10


def fault(attr: str, code: str, *words: str) -> tuple[str, str, tuple[str, ...]]:
    return attr, code, words


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [fault("identityType", "blank"), fault("identity", "blank")]),
        ({"identityType": "EMAIL"}, [fault("identity", "blank", "required")]),
        (
            {"identityType": "EMAIL", "identity": ""},
            [fault("identity", "blank", "give an e-mail address")],
        ),
        (
            {"identityType": "PHONE", "identity": "+14155552671"},
            [fault("identityType", "invalid", "EMAIL", "MOBILE_PHONE_NUMBER")],
        ),
        (
            {"identityType": "email", "identity": "a@example.com"},
            [fault("identityType", "invalid", "EMAIL")],
        ),
        (
            {"identityType": 1, "identity": 2},
            [fault("identityType", "invalid"), fault("identity", "invalid", "string")],
        ),
        (
            {"identityType": None, "identity": None},
            [fault("identityType", "blank", "null"), fault("identity", "blank", "null")],
        ),
        (
            {"identityType": "", "identity": ""},
            [fault("identityType", "blank", "EMAIL"), fault("identity", "blank", "must not be blank")],
        ),
        (
            {"identityType": "PHONE", "identity": " "},
            [fault("identityType", "invalid", "EMAIL"), fault("identity", "blank", "must not be blank")],
        ),
        (
            {"identityType": "EMAIL", "identity": ["a@example.com"]},
            [fault("identity", "invalid", "string")],
        ),
        (
            {"identityType": "EMAIL", "identity": "not an address"},
            [fault("identity", "invalid", "name@example.com")],
        ),
        (
            {"identityType": "EMAIL", "identity": "a" * 2000 + "@example.com"},
            [fault("identity", "too_long", "1024")],
        ),
        (
            {"identityType": "EMAIL", "identity": "+14155552671"},
            [fault("identity", "invalid", "e-mail")],
        ),
        (
            {"identityType": "MOBILE_PHONE_NUMBER", "identity": "a@example.com"},
            [fault("identity", "invalid", "E.164")],
        ),
        (
            {"identityType": "MOBILE_PHONE_NUMBER", "identity": "+1 (415) 555-2671"},
            [fault("identity", "invalid", "+14155552671")],
        ),
        (
            {"identityTipe": "EMAIL", "identity": "a@example.com"},
            [
                fault("identityType", "blank", "required"),
                fault("identityTipe", "present", "did you mean identityType"),
            ],
        ),
        (
            {**EMAIL, "ttl": 5, "identity": "x"},
            [fault("identity", "invalid"), fault("ttl", "present", "unknown")],
        ),
        (
            {**EMAIL, "applicationId": "0" * 24},
            [fault("applicationId", "present", "unknown")],
        ),
    ],
)
def test_all_faults_of_a_request_come_at_once(
    signet: Deployment, body: object, faults: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    """Each wrong field is named with its code and what would be right, and nothing is written."""
    before = signet.items()
    answer = mint(signet, body)
    assert answer.status == 400
    assert [(error["attr"], error["code"]) for error in answer.json["errors"]] == [
        (attr, code) for attr, code, _ in faults
    ]
    for error, (_, _, words) in zip(answer.json["errors"], faults, strict=True):
        assert error.keys() == {"attr", "code", "detail"}
        assert all(word in error["detail"] for word in words), error["detail"]
    assert signet.items() == before


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Bearer {token}",
        "{token}",
        "Basic {swapped}",
        "Basic {no_user}",
        "Basic {name_only}",
        "Basic {empty}",
        "Basic {malformed}",
        "Basic {stranger}",
        "Basic {unknown}",
    ],
)
def test_without_the_right_api_token_there_is_no_token(signet: Deployment, authorization: str | None) -> None:
    """Missing, malformed and wrong credentials are refused in the dialect, with a challenge."""
    other_id, other_token = signet.new_application()

    def basic(user_name: str, password: str) -> str:
        return signet.basic(user_name, password)["authorization"].removeprefix("Basic ")

    wrong = signet.api_token[:-1] + ("A" if signet.api_token[-1] != "A" else "B")
    headers = {}
    if authorization is not None:
        headers["authorization"] = authorization.format(
            token=signet.api_token,
            swapped=basic(signet.api_token, "you@example.com"),
            no_user=basic("", signet.api_token),
            name_only=basic("you", signet.api_token),
            empty=basic("you@example.com", ""),
            malformed=basic("you@example.com", signet.api_token + "x"),
            stranger=basic("you@example.com", wrong),
            unknown=basic("you@example.com", other_token.replace(other_id, "f" * 24)),
        )
    before = signet.items()
    answer = mint(signet, headers=headers)
    assert answer.status == 401
    ((error),) = answer.json["errors"]
    assert (error["attr"], error["code"]) == ("authorization", "invalid")
    assert answer.headers["www-authenticate"] == 'Basic realm="signet"'
    assert signet.api_token not in answer.body.decode()
    assert signet.items() == before


def test_size_comes_before_the_credentials_and_json_after_them(signet: Deployment) -> None:
    """A body that is too large is not read; any other one once it is known whose it is."""
    assert mint(signet, raw=b" " * 32_769, headers={}).status == 413
    assert mint(signet, raw=b"{", headers={}).status == 401
    assert mint(signet, raw=b"{").status == 400
    assert mint(signet, raw=b"\xef\xbb\xbf" + json.dumps(EMAIL).encode()).status == 200
    assert mint(signet, raw=json.dumps(EMAIL).encode().ljust(32_768)).status == 200
    errors = mint(signet, raw=b"x" * 40_000).json["errors"]
    assert errors[0]["attr"] == "base"
    assert "32768" in errors[0]["detail"]


def test_a_body_may_come_in_base64(signet: Deployment) -> None:
    """Without a content type API Gateway hands the body over in base64, and that works too."""
    assert mint(signet, headers={**signet.basic(), "content-type": "application/octet-stream"}).status == 200


def test_a_token_of_another_application_names_that_application(signet: Deployment) -> None:
    """The API token alone says whose token is minted."""
    other_id, other_token = signet.new_application()
    answer = mint(signet, headers=signet.basic(password=other_token))
    assert verify(signet, answer.json["token"]).claims["aud"] == f"{other_id}/identity"

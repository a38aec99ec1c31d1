"""Session tokens without a password, the end of tokens, and introspection."""

import re
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from signet.errors import ApplicationNotFound, UserNotFound
from tests.deployment import PASSWORD, Deployment


def here(signet: Deployment, **fields: Any) -> dict[str, Any]:
    return {"applicationId": signet.application_id, **fields}


@pytest.fixture
def user(signet: Deployment) -> dict[str, Any]:
    made: dict[str, Any] = signet.invoke(
        "create_user", here(signet, email="ann@example.com", password=PASSWORD)
    )
    return made


def is_valid(signet: Deployment, token: str) -> bool:
    active: bool = signet.invoke("introspect_token", here(signet, token=token))["active"]
    return active


@pytest.mark.parametrize("by", ["id", "email", "email in capitals"])
def test_a_token_for_a_user_whom_the_application_vouches_for(
    signet: Deployment, user: dict[str, Any], by: str
) -> None:
    """A user is named by id or by the address of a credential, and the token is as asked for."""
    named = {"id": user["id"], "email": "ann@example.com", "email in capitals": "ANN@example.com"}[by]
    path = f"/applications/{signet.application_id}/experience/users/{named}/token"
    answer = signet.http("POST", path, {"ttl": 5000, "extraData": {"a": 1}}, headers=signet.bearer())
    assert (answer.status, answer.json.keys()) == (200, {"token"})
    claims = jwt.decode(answer.json["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["exp"] - claims["iat"], claims["ext"]) == (user["id"], 6, {"a": 1})
    assert is_valid(signet, answer.json["token"])


def test_an_empty_body_asks_for_a_token_without_an_end(signet: Deployment, user: dict[str, Any]) -> None:
    """No body is a request without fields."""
    path = f"/applications/{signet.application_id}/experience/users/{user['id']}/token"
    answer = signet.http("POST", path, headers=signet.bearer())
    assert "exp" not in jwt.decode(answer.json["token"], options={"verify_signature": False})


def test_the_new_token_can_be_the_only_valid_one(signet: Deployment, user: dict[str, Any]) -> None:
    """With invalidation the earlier tokens end, and `treatAsLogin` moves the last login."""
    named = here(signet, experienceUserId=user["id"])
    first = signet.invoke("issue_session_token", named)["token"]
    assert signet.invoke("get_user", named)["lastLogin"] is None
    second = signet.invoke("issue_session_token", named | {"invalidateExistingTokens": True})["token"]
    assert (is_valid(signet, first), is_valid(signet, second)) == (False, True)
    third = signet.invoke("issue_session_token", named | {"treatAsLogin": True})["token"]
    assert (is_valid(signet, second), is_valid(signet, third)) == (True, True)
    assert signet.invoke("get_user", named)["lastLogin"] == "2027-01-15T08:00:00.123Z"


@pytest.mark.parametrize("named", ["f" * 24, "nobody@example.com", "no@address@", "ext:nobody", "nonsense"])
@pytest.mark.parametrize("more", [{}, {"invalidateExistingTokens": True}, {"treatAsLogin": True}])
def test_who_does_not_exist_gets_no_token(signet: Deployment, named: str, more: dict[str, Any]) -> None:
    """An unknown user is a refusal, and nothing comes into being."""
    before = signet.items()
    with pytest.raises(UserNotFound):
        signet.invoke("issue_session_token", here(signet, experienceUserId=named, **more))
    assert signet.items() == before


def test_ending_a_user_s_tokens(signet: Deployment, user: dict[str, Any]) -> None:
    """By id and by address, seen by the very next check; an unknown user is a 404."""
    named = here(signet, experienceUserId=user["id"])
    for text in (user["id"], "ann@example.com"):
        token = signet.invoke("issue_session_token", named)["token"]
        path = f"/applications/{signet.application_id}/experience/users/{text}/invalidate-tokens"
        answer = signet.http("POST", path, headers=signet.bearer())
        assert (answer.status, answer.json) == (200, {"success": True})
        assert not is_valid(signet, token)
    before = signet.items()
    for text in ("f" * 24, "nobody@example.com", "nonsense"):
        with pytest.raises(UserNotFound):
            signet.invoke("invalidate_user_tokens", here(signet, experienceUserId=text))
    assert signet.items() == before


def test_the_tokens_of_an_external_id_can_end_before_it_was_ever_seen(signet: Deployment) -> None:
    """An external id that was never identified gets a generation, and is no user by that."""
    path = f"/applications/{signet.application_id}/experience/users/ext%3Au1/invalidate-tokens"
    assert signet.http("POST", path, {}, headers=signet.bearer()).status == 200
    (item,) = [item for item in signet.items() if item["pk"]["S"].endswith("#USER#x:u1")]
    assert item["generation"] == {"N": "1"}
    with pytest.raises(UserNotFound):
        signet.invoke("get_user", here(signet, experienceUserId="ext:u1"))


def test_a_deleted_user_s_tokens_do_not_live_again(signet: Deployment, user: dict[str, Any]) -> None:
    """Neither a new user of the address nor anything else brings a token back."""
    token = signet.invoke("issue_session_token", here(signet, experienceUserId=user["id"]))["token"]
    signet.invoke("delete_user", here(signet, experienceUserId=user["id"]))
    signet.invoke("create_user", here(signet, email="ann@example.com", password=PASSWORD))
    assert not is_valid(signet, token)


def test_all_tokens_of_an_application_end_within_the_bound(signet: Deployment, user: dict[str, Any]) -> None:
    """Session and identity tokens end everywhere within the bound; a container that sees it signs anew."""
    session = signet.invoke("issue_session_token", here(signet, experienceUserId=user["id"]))["token"]
    identity = {"identityType": "EMAIL", "identity": "ann@example.com"}
    minted = signet.invoke("issue_identity_token", here(signet, **identity))["token"]
    path = f"/applications/{signet.application_id}/experience/invalidate-tokens"
    assert signet.http("POST", path, headers=signet.bearer()).json == {"success": True}
    signet.clock.advance(5)
    assert not is_valid(signet, session)
    assert not is_valid(signet, minted)
    fresh = signet.invoke("issue_session_token", here(signet, experienceUserId=user["id"]))["token"]
    assert is_valid(signet, fresh)
    with pytest.raises(ApplicationNotFound):
        signet.invoke("invalidate_application_tokens", {"applicationId": "f" * 24})


def introspect(signet: Deployment, form: str, headers: dict[str, str] | None = None) -> Any:
    basic = signet.basic(signet.application_id) if headers is None else headers
    form_type = {"content-type": "application/x-www-form-urlencoded"}
    return signet.http("POST", "/oauth2/introspect", raw=form.encode(), headers=basic | form_type)


def test_introspection_of_each_kind(signet: Deployment, user: dict[str, Any]) -> None:
    """RFC 7662: the claims of a good token, and `active`."""
    session = signet.invoke("issue_session_token", here(signet, experienceUserId=user["id"]))["token"]
    identity = {"identityType": "MOBILE_PHONE_NUMBER", "identity": "+14155552671"}
    minted = signet.invoke("issue_identity_token", here(signet, **identity))["token"]
    for token in (session, minted):
        answer = introspect(signet, f"token={token}&token_type_hint=access_token&unknown=1")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (answer.status, answer.json) == (200, {"active": True, **claims})
        assert answer.headers["cache-control"] == "no-store"
    signet.invoke("invalidate_identity_tokens", here(signet, **identity))
    assert introspect(signet, f"token={minted}").json == {"active": False}


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "%00", "%F0%9F%92%A9"])
def test_what_is_no_token_is_not_active(signet: Deployment, token: str) -> None:
    """Whatever comes as a token, the answer is a 200 that says no."""
    answer = introspect(signet, f"token={token}")
    assert (answer.status, answer.json) == (200, {"active": False})


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("", "token: is required"),
        ("token_type_hint=x", "token: is required"),
        ("token=a&token=b", "more than once"),
        ('{"token": "a"}', "no form"),
        ("token=%FF", "no form"),
        ("&".join(f"p{n}=1" for n in range(40)), "no form"),
    ],
)
def test_what_is_no_introspection_request_is_a_400(signet: Deployment, form: str, words: str) -> None:
    """The refusal is OAuth's, and says what is wrong."""
    answer = introspect(signet, form)
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert words in answer.json["error_description"]


def test_introspection_needs_the_application_and_its_api_token(signet: Deployment) -> None:
    """Id and API token of the same application, else the answer is invalid_client."""
    other_id, other_token = signet.new_application()
    for headers in (
        {},
        signet.bearer(),
        signet.basic(other_id),
        signet.basic(signet.application_id, other_token),
        signet.basic("", signet.api_token),
    ):
        answer = introspect(signet, "token=x", headers)
        assert (answer.status, answer.json["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("user_name", ["you@example.com", "nonsense"])
def test_introspection_says_what_its_user_name_is(moto_signet: Deployment, user_name: str) -> None:
    """The mint's is an e-mail address; here that is not a wrong API token."""
    answer = introspect(moto_signet, "token=x", moto_signet.basic(user_name))
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert "user name must be the applicationId" in answer.json["error_description"]


def as_oauth4webapi_does(text: str) -> str:
    """Form-encode a part of the credentials as oauth4webapi 3.8.8 does, hence openid-client and Auth.js."""
    return re.sub("[^A-Za-z0-9]", lambda match: f"%{ord(match[0]):02X}", text)


OAUTH4WEBAPI = (
    "5f0c6b9d8e7a4f3c2b1a0d9e",
    "sgt_5f0c6b9d8e7a4f3c2b1a0d9e_aB-_c",
    "NWYwYzZiOWQ4ZTdhNGYzYzJiMWEwZDllOnNndCU1RjVmMGM2YjlkOGU3YTRmM2MyYjFhMGQ5ZSU1RmFCJTJEJTVGYw==",
)
"""A client's id and secret, and what its `ClientSecretBasic` makes of them."""


@pytest.mark.parametrize("path", ["introspect", "revoke"])
def test_clients_authenticate_as_oauth_has_it(signet: Deployment, path: str) -> None:
    """RFC 6749 section 2.3.1: Basic, as it stands or form-encoded, or both in the form, and not twice."""
    client_id, secret, vector = OAUTH4WEBAPI
    encoded = signet.basic(as_oauth4webapi_does(client_id), as_oauth4webapi_does(secret))
    assert encoded == {"authorization": f"Basic {vector}"}

    own, token = signet.application_id, signet.api_token
    other_id, other_token = signet.new_application()

    def post(headers: dict[str, str], **form: str) -> tuple[int, str | None]:
        answer = signet.http(
            "POST", f"/oauth2/{path}", raw=urlencode({"token": "x"} | form).encode(), headers=headers
        )
        return answer.status, answer.json.get("error")

    good, refused, twice = (200, None), (401, "invalid_client"), (400, "invalid_request")
    assert post(signet.basic(own)) == good
    assert post(signet.basic(as_oauth4webapi_does(own), as_oauth4webapi_does(token))) == good
    assert post({}, client_id=own, client_secret=token) == good
    assert post(signet.basic(own), client_id=own) == good
    assert post(signet.basic(own), client_id=own, client_secret=token) == twice
    assert post(signet.basic(own), client_id=other_id) == refused
    assert post(signet.basic(as_oauth4webapi_does(own), as_oauth4webapi_does(other_token))) == refused
    assert post({}, client_id=own, client_secret=other_token) == refused
    assert post({}, client_id=other_id, client_secret=token) == refused
    assert post({}, client_id=own) == refused
    assert post({}, client_secret=token) == refused
    assert post({}, client_id="", client_secret=token) == refused
    # Section 3.2: what has no value counts as left out.
    assert post(signet.basic(own), client_id="", client_secret="") == good
    assert post({}, client_id=own, client_secret="") == refused

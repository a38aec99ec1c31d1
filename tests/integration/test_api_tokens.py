"""POST /v2/workspace/apikeyconfig/get and …/update, …/authtokens/get and …/authtoken/reset."""

import base64
import hmac
import json
import re
import time
from functools import partial
from typing import Any
from unittest import mock

import pytest

from signet import deadline, wiring
from signet.aws.client import NoAnswer
from signet.domain.applications import ApiToken, StoredApiToken, StoredApplication
from signet.errors import ApplicationNotFound, CredentialsWrong, InvalidRequest, Unavailable
from signet.store.applications import StaleApplicationError
from signet.store.cache import APPLICATION_RELOAD_SECONDS, ApplicationCache
from signet.usecases import applications
from signet.usecases.applications import authenticate
from tests.deployment import START_MS, Cloud, Deployment, Response
from tests.races import at_once

SETTINGS = "/v2/workspace/apikeyconfig/update"
SHOW = "/v2/workspace/apikeyconfig/get"
LIST = "/v2/workspace/authtokens/get"
RESET = "/v2/workspace/authtoken/reset"
MINT = {"identityType": "EMAIL", "identity": "test@example.com"}
WRONG = {"error": {"message": "Invalid auth token for workspace.", "status": "UNAUTHENTICATED"}}
MISSING = {"error": {"message": "Auth Token not found in headers.", "status": "INVALID_ARGUMENT"}}
NEVER: dict[str, Any] = {"expiresAt": None, "current": True}
WEEK = 7 * 86_400


def headers(signet: Deployment, token: str | None = None) -> dict[str, str]:
    return {"x-velt-api-key": signet.application_id, "x-velt-auth-token": token or signet.api_token}


def post(signet: Deployment, path: str, body: object = None, *, token: str | None = None) -> Response:
    return signet.http("POST", path, body, headers=headers(signet, token))


def reset(signet: Deployment, grace: int | None = None, *, token: str | None = None) -> str:
    """Reset the API token, and give the new one."""
    body = {"data": {} if grace is None else {"gracePeriodSeconds": grace}}
    answer = post(signet, RESET, body, token=token)
    assert answer.status == 200, answer.json
    secret: str = answer.json["result"]["data"]["newAuthToken"]["token"]
    return secret


def is_taken(signet: Deployment, token: str) -> bool:
    """Whether a fresh container takes the API token."""
    signet.restart()
    status = signet.http(
        "POST", "/api/v1/user-identity-jwt", MINT, headers=signet.basic(password=token)
    ).status
    assert status in (200, 401)
    return status == 200


def listed(signet: Deployment, token: str | None = None) -> list[dict[str, Any]]:
    answer = post(signet, LIST, {"data": {}}, token=token)
    assert answer.status == 200, answer.json
    tokens: list[dict[str, Any]] = answer.json["result"]["data"]["authTokens"]
    return tokens


def stored(signet: Deployment) -> list[dict[str, Any]]:
    """The stored API tokens of the demo application, as DynamoDB has them."""
    (item,) = [
        it for it in signet.items() if it["sk"]["S"] == "APP" and it["pk"]["S"][4:] == signet.application_id
    ]
    return [token["M"] for token in item["api_tokens"]["L"]]


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize("required", [False, True])
def test_the_toggle_is_set_and_nothing_else(signet: Deployment, required: bool) -> None:
    """The answer has the new value, and the operator sees it with all else as it was."""
    before = signet.invoke("get_application", {"applicationId": signet.application_id})
    signet.clock.advance(1)
    answer = post(signet, SETTINGS, {"data": {"requireJwtToken": required}})
    assert answer.status == 200
    assert answer.json == {
        "result": {
            "status": "success",
            "message": "API key configuration updated successfully.",
            "data": {"requireJwtToken": required},
        }
    }
    after = signet.invoke("get_application", {"applicationId": signet.application_id})
    assert after == before | {"requireJwtToken": required, "lastUpdated": "2027-01-15T08:00:01.123Z"}


def test_the_settings_are_shown_as_they_are(signet: Deployment) -> None:
    """As the table has them, in Velt's words; with a body and without."""
    for required in (False, True):
        post(signet, SETTINGS, {"data": {"requireJwtToken": required}})
        data = {"requireJwtToken": required, "isPrivateCommentsEnabled": False}
        bodies: tuple[Any, ...] = (None, {}, {"data": {}})
        for body in bodies:
            answer = post(signet, SHOW, body)
            message = "API key metadata retrieved successfully."
            assert answer.json == {"result": {"status": "success", "message": message, "data": data}}
        assert signet.invoke("get_settings", {"applicationId": signet.application_id}) == data


@pytest.mark.parametrize("enabled", [False, True])
def test_private_comments_may_be_named_and_are_not_there(signet: Deployment, enabled: bool) -> None:
    """Velt's clients send `enablePrivateComments`, alone or not; the answer says what is so."""
    before = signet.items()
    answer = post(signet, SETTINGS, {"data": {"enablePrivateComments": enabled}})
    assert (answer.status, answer.json["result"]["data"]) == (200, {"enablePrivateComments": False})
    assert signet.items() == before
    answer = post(signet, SETTINGS, {"data": {"enablePrivateComments": enabled, "requireJwtToken": False}})
    assert answer.json["result"]["data"] == {"requireJwtToken": False, "enablePrivateComments": False}
    assert post(signet, SHOW).json["result"]["data"] == {
        "requireJwtToken": False,
        "isPrivateCommentsEnabled": False,
    }


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (SETTINGS, None, 'The fields have to be wrapped: {"data": {…}}.'),
        (SETTINGS, {}, 'The fields have to be wrapped: {"data": {…}}.'),
        (SETTINGS, {"requireJwtToken": True}, 'The fields have to be wrapped: {"data": {…}}.'),
        (SETTINGS, {"data": {}}, "data.requireJwtToken: is required."),
        (SETTINGS, {"data": {"requireJwtToken": None}}, "data.requireJwtToken: must not be null;"),
        (SETTINGS, {"data": {"requireJwtToken": "true"}}, "data.requireJwtToken: must be true or false."),
        (SETTINGS, {"data": {"requireJwtToken": 1}}, "data.requireJwtToken: must be true or false."),
        (
            SETTINGS,
            {"data": {"requireJwtToken": True, "name": "Shop"}},
            "data.name: is unknown; the fields are requireJwtToken, enablePrivateComments.",
        ),
        (
            SETTINGS,
            {"data": {"requireJWTToken": True}},
            "data.requireJWTToken: is unknown; did you mean requireJwtToken?",
        ),
        (SETTINGS, {"data": {"enablePrivateComments": 1}}, "data.enablePrivateComments: must be"),
        (SHOW, {"data": {"limit": 1}}, "data.limit: is unknown: no fields here."),
        (LIST, {"data": {"limit": 1}}, "data.limit: is unknown: no fields here."),
        (LIST, {"limit": 1}, 'The fields have to be wrapped: {"data": {…}}.'),
        (LIST, {"data": None}, 'The fields have to be wrapped: {"data": {…}}.'),
        (RESET, {"gracePeriodSeconds": 0}, 'The fields have to be wrapped: {"data": {…}}.'),
        (
            RESET,
            {"data": {"gracePeriod": 0}},
            "data.gracePeriod: is unknown; did you mean gracePeriodSeconds?",
        ),
        (
            RESET,
            {"data": {"gracePeriodSeconds": -1}},
            "data.gracePeriodSeconds: must be a whole number of seconds from 0 up to 7 days, such as 3600.",
        ),
        (
            RESET,
            {"data": {"gracePeriodSeconds": WEEK + 1}},
            "data.gracePeriodSeconds: must be a whole number of seconds from 0 up to 7 days, such as 3600.",
        ),
        (RESET, {"data": {"gracePeriodSeconds": None}}, "data.gracePeriodSeconds: must not be null;"),
        (
            RESET,
            {"data": {"gracePeriodSeconds": "60"}},
            "data.gracePeriodSeconds: must be a whole number of seconds from 0 up to 7 days, such as 3600.",
        ),
        (
            RESET,
            {"data": {"gracePeriodSeconds": True}},
            "data.gracePeriodSeconds: must be a whole number of seconds from 0 up to 7 days, such as 3600.",
        ),
        (
            RESET,
            {"data": {"gracePeriodSeconds": 1.5}},
            "data.gracePeriodSeconds: must be a whole number of seconds from 0 up to 7 days, such as 3600.",
        ),
    ],
)
def test_a_wrong_request_is_named_and_changes_nothing(
    signet: Deployment, path: str, body: object, words: str
) -> None:
    """A refusal names the field by its path in the body, and nothing is written."""
    before = signet.items()
    answer = post(signet, path, body)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert words in answer.json["error"]["message"]
    assert signet.items() == before


# ---------------------------------------------------------------- credentials


@pytest.mark.parametrize("path", [SETTINGS, SHOW, LIST, RESET])
def test_who_has_no_good_token_is_refused_and_changes_nothing(moto_signet: Deployment, path: str) -> None:
    """Missing headers, a wrong token, another application's and another application named."""
    signet = moto_signet
    other_id, other_token = signet.new_application()
    before = signet.items()
    body = {"data": {"requireJwtToken": False} if path == SETTINGS else {}}
    key, token = {"x-velt-api-key": signet.application_id}, {"x-velt-auth-token": signet.api_token}
    workspace = "x-velt-workspace-auth-token"
    no_token = {"x-velt-auth-token": "", workspace: "", "x-velt-workspace-id": signet.application_id}
    for given in ({}, key, key | {"x-velt-auth-token": ""}, key | no_token, signet.bearer()):
        answer = signet.http("POST", path, body, headers=given)
        assert (answer.status, answer.json) == (400, MISSING)
    answer = signet.http("POST", path, body, headers=token)
    assert (answer.status, "The API key is missing" in answer.json["error"]["message"]) == (400, True)
    for given in (
        key | {"x-velt-auth-token": other_token},
        key | {workspace: other_token},
        # The first place that has a token decides.
        key | {"x-velt-auth-token": other_token, workspace: signet.api_token},
        key | {"x-velt-auth-token": signet.api_token[:-1]},
        key | {"x-velt-auth-token": other_token.replace(other_id, signet.application_id)},
        token | {"x-velt-api-key": other_id},
        token | {"x-velt-api-key": "f" * 24},
    ):
        answer = signet.http("POST", path, body, headers=given)
        assert (answer.status, answer.json) == (401, WRONG)
    assert signet.items() == before


@pytest.mark.parametrize("path", [SETTINGS, SHOW, LIST, RESET])
def test_the_key_may_stand_in_the_body_where_velt_s_clients_put_it(
    moto_signet: Deployment, path: str
) -> None:
    """With or without the header of the same, or with the workspace's own; another one is a wrong token."""
    signet = moto_signet
    fields = {"requireJwtToken": True} if path == SETTINGS else {}
    body = {"data": {"apiKey": signet.application_id, **fields}}
    for given, name in (
        ({}, "x-velt-auth-token"),
        ({"x-velt-api-key": signet.application_id}, "x-velt-auth-token"),
        ({"x-velt-workspace-id": "any"}, "x-velt-auth-token"),
        ({"x-velt-workspace-id": "any"}, "x-velt-workspace-auth-token"),
        ({"x-velt-workspace-id": "any", "x-velt-auth-token": ""}, "x-velt-workspace-auth-token"),
    ):
        answer = signet.http("POST", path, body, headers=given | {name: signet.api_token})
        assert answer.status == 200
        if path in (LIST, RESET):
            assert answer.json["result"]["data"]["apiKey"] == signet.application_id
        if path == RESET:
            signet.api_token = answer.json["result"]["data"]["newAuthToken"]["token"]
    token = {"x-velt-auth-token": signet.api_token}
    before = signet.items()
    other_id = "f" * 24
    for wrong in (other_id, 5, [signet.application_id], ""):
        assert post(signet, path, {"data": {"apiKey": wrong, **fields}}).json == WRONG
    other = {"data": {"apiKey": other_id, **fields}}
    assert signet.http("POST", path, other, headers=token).json == WRONG
    assert signet.http("POST", path, {"data": {"apiKey": 5, **fields}}, headers=token).json == MISSING
    assert signet.http("POST", path, body, headers={"x-velt-api-key": other_id} | token).json == WRONG
    assert signet.items() == before


# ---------------------------------------------------------------- the list


def test_the_list_tells_tokens_by_prefix_and_dates(signet: Deployment) -> None:
    """What a token was made and ends, the newest last; the secret itself is gone."""
    first = signet.api_token
    signet.clock.advance(10)
    second = reset(signet, 60)
    answer = post(signet, LIST, {"data": {}})
    assert answer.status == 200
    assert answer.json == {
        "result": {
            "status": "success",
            "message": "Auth tokens retrieved successfully.",
            "data": {
                "apiKey": signet.application_id,
                "authTokens": [
                    {
                        "prefix": first[:33],
                        "createdAt": "2027-01-15T08:00:00.123Z",
                        "expiresAt": "2027-01-15T08:01:10.123Z",
                        "current": False,
                    },
                    {"prefix": second[:33], "createdAt": "2027-01-15T08:00:10.123Z", **NEVER},
                ],
            },
        }
    }
    signet.clock.advance(59.999)
    assert [one["prefix"] for one in listed(signet, second)] == [first[:33], second[:33]]
    signet.clock.advance(0.001)
    assert [one["prefix"] for one in listed(signet, second)] == [second[:33]]


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"data":{}}'])
@pytest.mark.parametrize("path", [LIST, RESET])
def test_a_request_that_says_nothing_needs_no_body(moto_signet: Deployment, path: str, raw: bytes) -> None:
    """No body, an empty one and an empty `data` are the same."""
    assert moto_signet.http("POST", path, raw=raw, headers=headers(moto_signet)).status == 200


# ---------------------------------------------------------------- the reset


def test_a_reset_shows_a_new_token_once_and_keeps_the_old_one_for_an_hour(signet: Deployment) -> None:
    """The new token is taken by every container that has not just read the application."""
    signet.clock.advance(1)
    answer = post(signet, RESET, {"data": {}})
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json
    token = body["result"]["data"]["newAuthToken"].pop("token")
    assert re.fullmatch(rf"sgt_{signet.application_id}_[A-Za-z0-9_-]{{43}}", token)
    assert body == {
        "result": {
            "status": "success",
            "message": "Auth token reset successfully.",
            "data": {
                "apiKey": signet.application_id,
                "newAuthToken": {"prefix": token[:33], "createdAt": "2027-01-15T08:00:01.123Z", **NEVER},
            },
        }
    }
    assert token != signet.api_token
    assert is_taken(signet, token)
    assert is_taken(signet, signet.api_token)
    signet.clock.advance(3599.999)
    assert is_taken(signet, signet.api_token)
    signet.clock.advance(0.001)
    assert not is_taken(signet, signet.api_token)
    assert is_taken(signet, token)


@pytest.mark.parametrize("grace", [1, WEEK])
def test_the_old_token_ends_exactly_when_its_grace_does(signet: Deployment, grace: int) -> None:
    """The last millisecond is good and the next is not, from the cache as from the table."""
    reset(signet, grace)
    cache = ApplicationCache(wiring.table(), 2 * WEEK, signet.clock.monotonic)
    cache.find(signet.application_id)
    end = signet.clock.milliseconds + grace * 1000
    assert authenticate(cache, signet.api_token, None, end - 1).id == signet.application_id
    with pytest.raises(CredentialsWrong):
        authenticate(cache, signet.api_token, None, end)
    signet.clock.milliseconds = end - 1
    assert is_taken(signet, signet.api_token)
    signet.clock.milliseconds = end
    assert not is_taken(signet, signet.api_token)


def test_without_grace_the_old_token_ends_within_the_published_bound(signet: Deployment) -> None:
    """A container that knew it takes it for less than APPLICATION_CACHE_SECONDS, any other not at all."""
    seconds = wiring.settings().application_cache_seconds
    elsewhere = ApplicationCache(wiring.table(), seconds, signet.clock.monotonic)
    elsewhere.find(signet.application_id)
    token = reset(signet, 0)
    # The container of the reset itself has forgotten what it knew.
    assert post(signet, LIST, {"data": {}}).json == WRONG
    assert post(signet, LIST, {"data": {}}, token=token).status == 200
    assert not is_taken(signet, signet.api_token)
    signet.clock.advance(seconds - 0.001)
    authenticate(elsewhere, signet.api_token, None, signet.clock.milliseconds)
    signet.clock.advance(0.001)
    with pytest.raises(CredentialsWrong):
        authenticate(elsewhere, signet.api_token, None, signet.clock.milliseconds)
    assert [one["prefix"] for one in listed(signet, token)] == [token[:33]]


def test_a_new_token_is_taken_a_second_after_a_container_s_last_read(signet: Deployment) -> None:
    """A container reads an application again for a token that it lacks, once a second and not more often."""
    seconds = wiring.settings().application_cache_seconds
    assert seconds > APPLICATION_RELOAD_SECONDS
    elsewhere = ApplicationCache(wiring.table(), seconds, signet.clock.monotonic)
    elsewhere.find(signet.application_id)
    token = reset(signet)
    signet.clock.advance(APPLICATION_RELOAD_SECONDS - 0.001)
    with signet.counted() as trips:
        for _ in range(20):
            with pytest.raises(CredentialsWrong):
                authenticate(elsewhere, token, None, signet.clock.milliseconds)
    assert trips == []
    signet.clock.advance(0.001)
    with signet.counted() as trips:
        for _ in range(20):
            authenticate(elsewhere, token, None, signet.clock.milliseconds)
    assert trips == ["dynamodb:BatchGetItem"]


def test_a_third_token_drops_the_oldest_and_never_the_newest(signet: Deployment) -> None:
    """However long the grace, two are live: the new one, and the one that was the newest before."""
    tokens = [signet.api_token]
    for _ in range(4):
        tokens.append(reset(signet, WEEK, token=tokens[-1]))
        signet.clock.advance(1)
        assert [is_taken(signet, token) for token in tokens] == [False] * (len(tokens) - 2) + [True, True]
        assert [one["prefix"] for one in listed(signet, tokens[-1])] == [one[:33] for one in tokens[-2:]]
        assert len(stored(signet)) == 2


def test_a_token_in_its_grace_can_reset_too(signet: Deployment) -> None:
    """Who has lost the answer asks again with the old token, which that second reset ends."""
    lost = reset(signet)
    found = reset(signet)
    assert [is_taken(signet, token) for token in (signet.api_token, lost, found)] == [False, True, True]


def test_no_grace_ends_a_longer_one_too(signet: Deployment) -> None:
    """After a reset without grace the new token is the only one."""
    second = reset(signet, WEEK)
    third = reset(signet, 0, token=second)
    assert [is_taken(signet, token) for token in (signet.api_token, second, third)] == [False, False, True]
    assert len(stored(signet)) == 1


def test_a_reset_prunes_what_has_expired(signet: Deployment) -> None:
    """A token whose grace is over leaves the table, and does not count as one of the two."""
    second = reset(signet, 60)
    assert [token.get("expires_at") for token in stored(signet)] == [{"N": str(START_MS + 60_000)}, None]
    signet.clock.advance(60)
    third = reset(signet, 60, token=second)
    assert [token["prefix"]["S"] for token in stored(signet)] == [second[:33], third[:33]]


def test_a_dead_token_gets_no_new_one_from_a_container_that_still_takes_it(signet: Deployment) -> None:
    """Whoever has a leaked token cannot turn the cache's seconds into a token that lives on."""
    known = wiring.applications().find(signet.application_id)
    new = signet.invoke("reset_api_token", {"applicationId": signet.application_id, "gracePeriodSeconds": 0})
    before = signet.items()
    with mock.patch.object(ApplicationCache, "find", return_value=known):
        assert post(signet, SETTINGS, {"data": {}}).status == 400  # It would do that: the token is taken.
        answer = post(signet, RESET, {"data": {}})
    assert (answer.status, answer.json) == (401, WRONG)
    assert signet.items() == before
    assert is_taken(signet, new["newAuthToken"]["token"])


def test_an_operator_who_has_lost_every_token_resets_by_direct_invocation(signet: Deployment) -> None:
    """IAM guards it, so it needs no token; its errors are the refusals themselves."""
    here = {"applicationId": signet.application_id}
    answer = signet.invoke("reset_api_token", here | {"gracePeriodSeconds": 0})
    assert answer.keys() == {"apiKey", "newAuthToken"}
    token = answer["newAuthToken"]["token"]
    assert [is_taken(signet, one) for one in (signet.api_token, token)] == [False, True]
    assert signet.invoke("list_api_tokens", here) == {
        "apiKey": signet.application_id,
        "authTokens": [{name: v for name, v in answer["newAuthToken"].items() if name != "token"}],
    }
    assert signet.invoke("update_settings", here | {"requireJwtToken": False}) == {"requireJwtToken": False}
    with pytest.raises(InvalidRequest, match="gracePeriodSeconds: must be a whole number of seconds"):
        signet.invoke("reset_api_token", here | {"gracePeriodSeconds": WEEK + 1})
    for operation in ("reset_api_token", "list_api_tokens"):
        with pytest.raises(ApplicationNotFound):
            signet.invoke(operation, {"applicationId": "f" * 24})
        with pytest.raises(InvalidRequest, match="applicationId: must be the 24 hex digits"):
            signet.invoke(operation, {})


def test_settings_and_tokens_do_not_undo_each_other(signet: Deployment) -> None:
    """A reset leaves the settings and the application's generation, and a change of them the tokens."""
    here = {"applicationId": signet.application_id}
    signet.invoke("invalidate_application_tokens", here)
    before = signet.invoke("get_application", here)
    (item,) = signet.items()[:1]
    token = reset(signet)
    assert signet.invoke("get_application", here) == before
    tokens = stored(signet)
    signet.invoke("update_application", here | {"name": "Shop"})
    post(signet, SETTINGS, {"data": {"requireJwtToken": False}}, token=token)
    assert stored(signet) == tokens
    (after,) = signet.items()[:1]
    changed = {name for name in item.keys() | after.keys() if item.get(name) != after.get(name)}
    assert changed <= {"api_tokens", "api_tokens_revision", "name", "require_jwt_token", "updated_at"}


# ---------------------------------------------------------------- secrets


def test_every_stored_digest_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of comparisons tells nothing: neither which token matched nor whether it has expired."""
    application_id = "0" * 24
    old, new, wrong = (ApiToken.generate(application_id) for _ in range(3))
    application = StoredApplication(
        id=application_id,
        name="x",
        api_tokens=(StoredApiToken.of(old, 0),),
        created_at_ms=0,
        updated_at_ms=0,
    ).with_new_api_token(new, 1000, 0)
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare(given: bytes, kept: bytes) -> bool:
        compared.append(kept)
        return real(given, kept)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for token, now_ms, accepted in (
        (old, 999, True),
        (old, 1000, False),
        (new, 1000, True),
        (wrong, 0, False),
    ):
        compared.clear()
        assert application.accepts(token, now_ms) is accepted
        assert compared == [old.digest, new.digest]


def test_no_token_and_no_digest_is_anywhere_but_in_the_one_answer(
    moto_signet: Deployment, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log lines, lists, refusals, faults and the table have neither; the operator's answer has no digest."""
    signet = moto_signet
    capfd.readouterr()
    answer = post(signet, RESET, {"data": {}})
    token = answer.json["result"]["data"]["newAuthToken"]["token"]
    elsewhere = [answer.body.decode().replace(token, "")]
    wrong: list[object] = [{"data": {token: token}}, {"data": {"apiKey": token}}, token, {"token": token}]
    for path in (LIST, SETTINGS, RESET):
        for body in ({"data": {}}, *wrong):
            for given in (token, token[:-1] + "!"):
                refused = post(signet, path, body, token=given)
                if path != RESET or refused.status != 200:
                    elsewhere.append(refused.body.decode().replace(f"data.{token}: is unknown", ""))
    monkeypatch.setattr(applications, "replace_api_tokens", mock.Mock(side_effect=ZeroDivisionError))
    newest = signet.invoke("list_api_tokens", {"applicationId": signet.application_id})
    assert newest["authTokens"][-1]["current"]
    assert post(signet, RESET, {"data": {}}, token=token).status == 500
    elsewhere += ["".join(capfd.readouterr()), json.dumps(newest)]
    digest = ApiToken(signet.application_id, token).digest
    for text in elsewhere:
        assert token[29:] not in text
        assert digest.hex() not in text
        assert base64.b64encode(digest).decode() not in text
        assert repr(digest)[2:-1] not in text
    assert token[29:] not in repr(signet.items())


# ---------------------------------------------------------------- races


def test_a_reset_that_others_get_in_the_way_of_says_so(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tries again from the read some times, then answers 503 and has changed nothing."""
    signet = moto_signet
    write = mock.Mock(side_effect=StaleApplicationError)
    monkeypatch.setattr(applications, "replace_api_tokens", write)
    monkeypatch.setattr(time, "sleep", signet.clock.advance)
    before = signet.items()
    answer = post(signet, RESET, {"data": {}})
    assert (answer.status, answer.json["error"]["status"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    assert write.call_count == deadline.ATTEMPTS
    assert signet.items() == before


@pytest.fixture
def engine_signet(engine_cloud: Cloud) -> Any:
    with engine_cloud.deploy() as deployment:
        wiring.table(), wiring.applications()
        yield deployment


@pytest.mark.parametrize(("grace", "winners"), [(3600, 2), (0, 1)])
def test_whatever_resets_at_once_by_one_token_return_is_live(
    engine_signet: Deployment, grace: int, winners: int
) -> None:
    """Of N resets by the same token two succeed, or one without grace; the others hear that it has ended."""
    signet = engine_signet
    current = signet.api_token
    for _ in range(5):
        body = {"data": {"gracePeriodSeconds": grace}}
        answers = at_once(*(partial(post, signet, RESET, body, token=current) for _ in range(6)))
        won = [answer for answer in answers if answer.status == 200]
        assert len(won) == winners, [answer.json for answer in answers]
        assert all(answer.json == WRONG for answer in answers if answer.status != 200)
        made = {answer.json["result"]["data"]["newAuthToken"]["token"] for answer in won}
        assert len(made) == winners
        assert all(is_taken(signet, token) for token in made)
        assert not is_taken(signet, current)
        assert {token["prefix"]["S"] for token in stored(signet)} == {token[:33] for token in made}
        (newest,) = [one["prefix"] for one in listed(signet, min(made)) if one["current"]]
        (current,) = [token for token in made if token.startswith(newest)]


def test_resets_at_once_by_the_operator_happen_one_after_the_other(engine_signet: Deployment) -> None:
    """Each answers its own token; the last two are live, as if nobody had met, and none is lost half-way."""
    signet = engine_signet
    here = {"applicationId": signet.application_id}
    for _ in range(5):
        results = at_once(*(partial(signet.invoke, "reset_api_token", here) for _ in range(6)))
        made = [result["newAuthToken"] for result in results if not isinstance(result, Exception)]
        assert all(isinstance(result, Unavailable) for result in results if isinstance(result, Exception))
        assert len(made) >= 2
        kept = [token["prefix"]["S"] for token in stored(signet)]
        assert len(kept) == 2
        assert set(kept) <= {token["prefix"] for token in made}
        live = [token["token"] for token in made if is_taken(signet, token["token"])]
        assert sorted(token[:33] for token in live) == sorted(kept)


def test_a_reset_and_a_change_of_settings_at_once_both_come_about(engine_signet: Deployment) -> None:
    """Neither undoes what the other has written."""
    signet = engine_signet
    here = {"applicationId": signet.application_id}
    for number in range(10):
        required = bool(number % 2)
        made, changed, _ = at_once(
            partial(signet.invoke, "reset_api_token", here),
            partial(signet.invoke, "update_settings", here | {"requireJwtToken": required}),
            partial(signet.invoke, "invalidate_application_tokens", here),
        )
        assert is_taken(signet, made["newAuthToken"]["token"])
        assert changed == {"requireJwtToken": required}
        assert signet.invoke("get_application", here)["requireJwtToken"] is required


@pytest.mark.engine_only("moto runs a repeated transaction again, whatever its ClientRequestToken")
def test_a_reset_whose_answer_got_lost_is_repeated_as_the_same(
    engine_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token that is answered is the one that the first attempt has written."""
    signet = engine_signet
    transport = wiring.table().client.transport
    real = transport.send
    sent: list[object] = []

    def send(operation: str, request: Any) -> Any:
        answer = real(operation, request)
        if operation == "TransactWriteItems":
            sent.append(request)
            if len(sent) == 1:
                raise NoAnswer
        return answer

    monkeypatch.setattr(transport, "send", send)
    token = reset(signet)
    monkeypatch.undo()
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert [one["prefix"]["S"] for one in stored(signet)] == [signet.api_token[:33], token[:33]]
    assert is_taken(signet, token)
    assert is_taken(signet, signet.api_token)

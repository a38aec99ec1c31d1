"""POST and GET /applications, GET and PATCH /applications/{applicationId}."""

import re
from typing import Any

import botocore.session
import pytest

from signet.errors import ApplicationNotFound, InvalidRequest
from tests.contract.test_bundle import SIGNED
from tests.deployment import Deployment
from tools.list_applications import list_applications

DEFAULTS: dict[str, Any] = {
    "requireJwtToken": True,
    "identityTokenLifetime": 3600,
    "userTokenLifetime": 172800,
    "maxTokenLifetime": None,
    "login": {"ttl": None, "extraData": None, "invalidateExistingTokens": False, "sessionLifetime": None},
    "guessing": {
        "account": {"atOnce": 10, "perMinute": 1},
        "source": {"atOnce": 50, "perMinute": 10},
        "knownSource": {"atOnce": 60, "perMinute": 6},
    },
    "selfService": {
        "signUp": False,
        "passwordReset": False,
        "logInLink": False,
        "profile": False,
        "verifyEmail": "off",
        "links": dict.fromkeys(("verifyEmail", "resetPassword", "logIn", "changeEmail")),
        "language": "en",
    },
}
MINT = {"identityType": "EMAIL", "identity": "test@example.com"}


def patch(signet: Deployment, body: object) -> Any:
    return signet.http("PATCH", f"/applications/{signet.application_id}", body, signed=True)


def get(signet: Deployment) -> Any:
    return signet.http("GET", f"/applications/{signet.application_id}", signed=True)


def test_a_new_application_and_its_api_token(signet: Deployment) -> None:
    """Creating answers 201 with an id and an API token, which works at once."""
    answer = signet.http("POST", "/applications", {"name": "Shop"}, signed=True)
    assert answer.status == 201
    created = answer.json
    application_id, api_token = created.pop("applicationId"), created.pop("apiToken")
    assert re.fullmatch(r"[0-9a-f]{24}", application_id)
    assert re.fullmatch(rf"sgt_{application_id}_[A-Za-z0-9_-]{{43}}", api_token)
    assert created == {
        "name": "Shop",
        "creationDate": "2027-01-15T08:00:00.123Z",
        "lastUpdated": "2027-01-15T08:00:00.123Z",
        **DEFAULTS,
    }
    headers = signet.basic(password=api_token)
    assert signet.http("POST", "/api/v1/user-identity-jwt", MINT, headers=headers).status == 200


def test_the_api_token_is_shown_once(signet: Deployment) -> None:
    """Neither a look at the application nor the table gives the API token again."""
    assert "apiToken" not in get(signet).json
    assert signet.api_token not in repr(signet.items())
    secret = signet.api_token[29:]
    assert secret not in repr(signet.items())


def test_an_update_changes_what_is_given_and_nothing_else(signet: Deployment) -> None:
    """Each setting can be changed by itself, members of `login` too, and unset where null is allowed."""
    before = get(signet).json
    signet.clock.advance(1)
    changed = patch(signet, {"name": "Shop", "login": {"ttl": 5000.5}}).json
    assert changed == before | {
        "name": "Shop",
        "lastUpdated": "2027-01-15T08:00:01.123Z",
        "login": before["login"] | {"ttl": 5001},
    }
    everything: dict[str, Any] = {
        "name": "Shop 2",
        "requireJwtToken": False,
        "identityTokenLifetime": 1,
        "userTokenLifetime": 100 * 365 * 86400,
        "maxTokenLifetime": 60,
        "login": {
            "ttl": 1,
            "extraData": {"a": 1.5, "b": [None, "ü"]},
            "invalidateExistingTokens": True,
            "sessionLifetime": 2,
        },
        "guessing": {
            "account": {"atOnce": 0, "perMinute": 60_000},
            "source": {"atOnce": 1_000_000, "perMinute": 1},
            "knownSource": {"atOnce": 7, "perMinute": 8},
        },
    }
    assert patch(signet, everything).json == before | everything | {"lastUpdated": "2027-01-15T08:00:01.123Z"}
    unset = patch(
        signet, {"maxTokenLifetime": None, "login": dict.fromkeys(("ttl", "extraData", "sessionLifetime"))}
    ).json
    assert unset["maxTokenLifetime"] is None
    assert unset["login"] == before["login"] | {"invalidateExistingTokens": True}
    assert get(signet).json == unset
    one = patch(signet, {"guessing": {"account": {"perMinute": 2}, "source": {}}}).json["guessing"]
    assert one == everything["guessing"] | {"account": {"atOnce": 0, "perMinute": 2}}
    unset["guessing"] = one
    assert patch(signet, {}).json | {"lastUpdated": ""} == unset | {"lastUpdated": ""}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": ""}, ["name: must"]),
        ({"name": "   "}, ["name: must"]),
        ({"name": None}, ["name: must not be null"]),
        ({"name": "x" * 256}, ["name: must", "255"]),
        ({"requireJwtToken": "false"}, ["requireJwtToken: must be true or false"]),
        ({"requireJwtToken": None}, ["requireJwtToken: must not be null"]),
        (
            {"identityTokenLifetime": 0},
            ["identityTokenLifetime: must be a whole number of seconds from 1 up to 100 years"],
        ),
        ({"login": 5}, ["login: must be a JSON object."]),
        ({"login": {"extraData": []}}, ["login.extraData: must be a JSON object."]),
        (
            {"identityTokenLifetime": True},
            ["identityTokenLifetime: must be a whole number of seconds from 1 up to 100 years"],
        ),
        (
            {"identityTokenLifetime": "60"},
            ["identityTokenLifetime: must be a whole number of seconds from 1 up to 100 years"],
        ),
        (
            {"userTokenLifetime": 1.5},
            ["userTokenLifetime: must be a whole number of seconds from 1 up to 100 years"],
        ),
        (
            {"userTokenLifetime": 100 * 365 * 86400 + 1},
            ["userTokenLifetime: must be a whole number of seconds from 1 up to 100 years"],
        ),
        ({"maxTokenLifetime": -1}, ["maxTokenLifetime: must be a whole number of seconds"]),
        ({"login": None}, ["login: must not be null"]),
        ({"login": {"ttl": 0}}, ["login.ttl: must be a number of milliseconds above 0"]),
        ({"login": {"ttl": "1000"}}, ["login.ttl"]),
        ({"login": {"ttl": True}}, ["login.ttl"]),
        ({"login": {"ttl": 100 * 365 * 86_400_000 + 1}}, ["login.ttl"]),
        ({"login": {"extraData": []}}, ["login.extraData"]),
        ({"login": {"extraData": {"a": "ü" * 2050}}}, ["login.extraData", "4108 bytes", "4096"]),
        ({"guessing": None}, ["guessing: must not be null"]),
        ({"guessing": {"account": 5}}, ["guessing.account: must be a JSON object."]),
        (
            {"guessing": {"account": {"atOnce": -1}}},
            ["guessing.account.atOnce: must be a whole number from 1 to 1000000, or 0 for no limit."],
        ),
        (
            {"guessing": {"source": {"atOnce": 1_000_001}}},
            ["guessing.source.atOnce: must be a whole number from 1 to 1000000, or 0 for no limit."],
        ),
        (
            {"guessing": {"source": {"perMinute": 0}}},
            ["guessing.source.perMinute: must be a whole number from 1 to 60000"],
        ),
        (
            {"guessing": {"knownSource": {"perMinute": 60_001}}},
            ["guessing.knownSource.perMinute: must be a whole number from 1 to 60000"],
        ),
        ({"guessing": {"knownSource": {"perMinute": None}}}, ["guessing.knownSource.perMinute: must not be"]),
        ({"guessing": {"token": {}}}, ["guessing.token: is unknown; the fields are account, source"]),
        ({"selfService": None}, ["selfService: must not be null"]),
        ({"selfService": {"profile": "yes"}}, ["selfService.profile: must be true or false"]),
        ({"selfService": {"verifyEmail": "on"}}, ["selfService.verifyEmail: must be", "'required'"]),
        ({"selfService": {"language": "English"}}, ["selfService.language: must be a language tag"]),
        *(
            ({"selfService": {"links": {"logIn": link}}}, ["selfService.links.logIn: must be an https URL"])
            for link in (
                "https://example.com/reset",
                "http://example.com/#{code}",
                "https://{code}.example.com/",
                "https://example.com{code}",
                "https://user:secret@example.com/#{code}",
                "https://example..com/#{code}",
                "https://.../#{code}",
                "https://example.com/#{code}{code}",
                'https://example.com/#{code}"onclick="',
                "https://example.com/#{code}\n",
                "javascript:alert(1)//#{code}",
                "/reset#{code}",
            )
        ),
        ({"selfService": {"profil": True}}, ["selfService.profil: is unknown; did you mean profile?"]),
        ({"login": {"tll": 5}}, ["login.tll: is unknown; did you mean ttl?"]),
        ({"nam": "Shop"}, ["nam: is unknown; did you mean name?"]),
        (
            {"name": "Shop", "generation": 5},
            ["generation: is unknown; the fields are applicationId, name, requireJwtToken"],
        ),
        ({"applicationId": "0" * 24}, ["applicationId: is not what the path says"]),
    ],
)
def test_a_wrong_setting_is_named_and_changes_nothing(
    signet: Deployment, body: object, words: list[str]
) -> None:
    """A refusal names the field by its path and says what would be right."""
    before = signet.items()
    answer = patch(signet, body)
    assert (answer.status, answer.json["type"]) == (400, "Validation")
    assert all(word in answer.json["message"] for word in words), answer.json["message"]
    assert signet.items() == before


def test_what_was_read_may_be_sent_back(signet: Deployment) -> None:
    """The dates, which nobody can change, are ignored."""
    path = f"/applications/{signet.application_id}"
    read = signet.http("GET", path, signed=True).json
    signet.clock.advance(1)
    answer = signet.http("PATCH", path, read, signed=True)
    assert answer.status == 200, answer.json
    assert {**answer.json, "lastUpdated": None} == {**read, "lastUpdated": None}


def test_the_largest_extra_data_is_taken(signet: Deployment) -> None:
    """4096 bytes in UTF-8 are taken; the bytes count, not the characters."""
    extra_data = {"a": "ü" * 2044}  # {"a":"…"} adds 8 bytes
    assert patch(signet, {"login": {"extraData": extra_data}}).json["login"]["extraData"] == extra_data


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_an_unknown_application_is_not_found(signet: Deployment, method: str) -> None:
    """An id that does not exist is a 404, and comes into being by nothing."""
    body = {"name": "Ghost"} if method == "PATCH" else None
    before = signet.items()
    for application_id in ("f" * 24, "nonsense", "%2F"):
        answer = signet.http(method, f"/applications/{application_id}", body, signed=True)
        assert (answer.status, answer.json["type"]) == (404, "NotFound")
    assert signet.items() == before


@pytest.mark.parametrize("operation", sorted(SIGNED))
def test_an_operator_s_function_refuses_an_unsigned_request_by_itself(
    signet: Deployment, operation: str
) -> None:
    """Should API Gateway's guard be lost, the function still lets nobody in, whatever else came along."""
    event = signet.event("GET", f"/applications/{signet.application_id}", headers=signet.bearer())
    assert "authorizer" not in event["requestContext"]
    answer = signet.handler(operation)(event, signet.context(operation))
    assert answer["statusCode"] == 401
    assert "SigV4" in answer["body"]


def test_the_direct_invocations_do_the_same(signet: Deployment) -> None:
    """Create, look and change by direct invocation; a refusal is raised under its code."""
    created = signet.invoke("create_application", {"name": "Shop"})
    application_id = created["applicationId"]
    shown = signet.invoke("get_application", {"applicationId": application_id})
    assert shown == {name: value for name, value in created.items() if name != "apiToken"}
    changed = signet.invoke("update_application", {"applicationId": application_id, "name": "Shop 2"})
    assert changed["name"] == "Shop 2"
    with pytest.raises(InvalidRequest, match="name: is required"):
        signet.invoke("create_application", {})
    with pytest.raises(ApplicationNotFound):
        signet.invoke("get_application", {"applicationId": "f" * 24})
    with pytest.raises(InvalidRequest, match="applicationId: is required"):
        signet.invoke("get_application", {})


def test_all_applications_are_listed_in_the_order_in_which_they_were_made(signet: Deployment) -> None:
    """Page by page, each as a look at it shows it; one that is deleted is left out."""
    made = [signet.application_id]
    for name in ("Shop", "Blog", "Forum"):
        signet.clock.advance(1)
        made.append(signet.invoke("create_application", {"name": name})["applicationId"])
    signet.invoke("delete_application", {"applicationId": made.pop(2)})
    found, token = [], ""
    while token is not None:
        page = signet.http("GET", f"/applications?perPage=2&nextToken={token}", signed=True).json
        found += page["items"]
        assert page["count"] == len(page["items"]) <= page["perPage"] == 2
        token = page["nextToken"]
    assert [item["applicationId"] for item in found] == made
    assert found == [signet.invoke("get_application", {"applicationId": one}) for one in made]
    assert signet.invoke("list_applications", {})["items"] == found


@pytest.mark.parametrize("token", ["x", "WyJhIiwiYiIsMF0"])
def test_what_is_no_token_of_the_list_is_refused(signet: Deployment, token: str) -> None:
    """No text becomes a key of the table but those that the list gave."""
    answer = signet.http("GET", f"/applications?nextToken={token}", signed=True)
    assert answer.status == 400
    assert "nextToken" in answer.json["message"]


def test_an_application_of_before_there_was_a_list_comes_into_it(signet: Deployment) -> None:
    """By `make list-applications`, once; what it writes is what a new one has."""
    (item,) = [item for item in signet.items() if item["sk"] == {"S": "APP"}]
    signet.put_item({name: value for name, value in item.items() if not name.startswith("list_")})
    tombstone = {"pk": {"S": f"APP#{'f' * 24}"}, "sk": {"S": "APP"}, "deleted_at": {"N": "1"}}
    signet.put_item(tombstone)
    assert signet.invoke("list_applications", {})["items"] == []
    dynamodb = botocore.session.get_session().create_client("dynamodb")
    assert list_applications(dynamodb, signet.table_name) == 1
    assert [one for one in signet.items() if one["sk"] == {"S": "APP"}] == [item, tombstone]
    assert list_applications(dynamodb, signet.table_name) == 0

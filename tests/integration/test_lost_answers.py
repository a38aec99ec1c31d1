"""Answers of DynamoDB that get lost, for good, behind a write that took effect."""

from typing import Any

import pytest

from signet.errors import Unavailable
from tests.deployment import Deployment, Response
from tests.faults import lost

RESET = "/v2/workspace/authtoken/reset"
LIST = "/v2/workspace/authtokens/get"


def reset(signet: Deployment, token: str, grace: int | None) -> Response:
    data = {} if grace is None else {"gracePeriodSeconds": grace}
    headers = {"x-velt-api-key": signet.application_id, "x-velt-auth-token": token}
    return signet.http("POST", RESET, {"data": data}, headers=headers)


def is_taken(signet: Deployment, token: str) -> bool:
    """Whether a container that reads the application anew takes it."""
    signet.restart()
    headers = {"x-velt-api-key": signet.application_id, "x-velt-auth-token": token}
    return signet.http("POST", LIST, headers=headers).status == 200


def stored(signet: Deployment) -> list[Any]:
    """The application's items."""
    return [item for item in signet.items() if item["sk"]["S"] == "APP"]


@pytest.mark.parametrize("grace", [None, 0])
def test_a_reset_that_took_effect_is_answered(signet: Deployment, grace: int | None) -> None:
    """The token that was written is read back, and its caller sees it: no second reset is needed."""
    with lost("TransactWriteItems") as attempts:
        answer = reset(signet, signet.api_token, grace)
    assert len(attempts) == 3
    assert answer.status == 200, answer.body
    assert is_taken(signet, answer.json["result"]["data"]["newAuthToken"]["token"])
    assert is_taken(signet, signet.api_token) is (grace is None)


def test_a_reset_by_direct_invocation_is_answered_too(signet: Deployment) -> None:
    """By whoever lost the last token: there would be no other way in."""
    with lost("TransactWriteItems"):
        answer = signet.invoke("reset_api_token", {"applicationId": signet.application_id})
    assert is_taken(signet, answer["newAuthToken"]["token"])


def test_an_application_that_was_made_is_answered(signet: Deployment) -> None:
    """With its API token, which is good."""
    with lost("TransactWriteItems"):
        answer = signet.http("POST", "/applications", {"name": "Shop"}, signed=True)
    assert answer.status == 201, answer.body
    path = f"/applications/{answer.json['applicationId']}/experience/users"
    headers = signet.bearer(answer.json["apiToken"])
    assert signet.http("GET", path, headers=headers).status == 200


def test_what_never_arrived_says_so_and_can_be_tried_again(signet: Deployment) -> None:
    """503, with nothing written: the token in use is what it was."""
    before = signet.items()
    with lost("TransactWriteItems", arrives=False) as attempts:
        answer = reset(signet, signet.api_token, 0)
    assert len(attempts) == 3
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "there is no new API token" in answer.json["error"]["message"]
    with lost("TransactWriteItems", arrives=False):
        answer = signet.http("POST", "/applications", {"name": "Shop"}, signed=True)
    assert answer.status == 503
    assert "there is no new API token" in answer.json["message"]
    assert signet.items() == before
    assert reset(signet, signet.api_token, 0).status == 200


def test_where_nobody_can_tell_the_answer_says_that(signet: Deployment) -> None:
    """The read-back got no answer either: the message says what to look at."""
    with lost("TransactWriteItems", afterwards=True):
        answer = reset(signet, signet.api_token, None)
    assert answer.status == 503
    assert "there may be an API token that nobody has seen" in answer.json["error"]["message"]
    (application,) = stored(signet)
    assert len(application["api_tokens"]["L"]) == 2
    with lost("TransactWriteItems", afterwards=True), pytest.raises(Unavailable) as raised:
        signet.invoke("create_application", {"name": "Shop"})
    made = {item["application_id"]["S"] for item in stored(signet)} - {signet.application_id}
    assert f"there may be an application {made.pop()} whose" in raised.value.message


ORGANIZATION = {"type": "organization", "id": "o1"}
ENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "a user's": ("invalidate_user_tokens", {"experienceUserId": "<userId>"}),
    "of an external id": ("invalidate_user_tokens", {"experienceUserId": "ext:u1"}),
    "an identity's": ("invalidate_identity_tokens", {"identityType": "EMAIL", "identity": "a@example.com"}),
    "all": ("invalidate_application_tokens", {}),
    "permissions removed": (
        "remove_permissions",
        {"userId": "u1", "permissions": {"resources": [ORGANIZATION]}},
    ),
    "permissions of none": (
        "remove_permissions",
        {"userId": "u9", "permissions": {"resources": [ORGANIZATION]}},
    ),
    "permissions narrowed": (
        "add_permissions",
        {
            "user": {"userId": "u1"},
            "permissions": {"resources": [{**ORGANIZATION, "accessRole": "viewer"}]},
        },
    ),
    "permissions widened": (
        "add_permissions",
        {"user": {"userId": "u1"}, "permissions": {"resources": [{**ORGANIZATION, "id": "o2"}]}},
    ),
}
"""What ends tokens, or changes what they may do, by a generation that any other request may raise too."""


@pytest.mark.parametrize("arrives", [True, False], ids=["answer", "request"])
@pytest.mark.parametrize("which", sorted(ENDS))
def test_what_was_ended_is_answered_and_what_was_not_is_refused(
    signet: Deployment, which: str, arrives: bool
) -> None:
    """A write that took effect is read back: a 503 has ended nothing."""
    here = {"applicationId": signet.application_id}
    user_id = signet.demo()["userId"]
    stored_ones = {"user": {"userId": "u1"}, "permissions": {"resources": [ORGANIZATION]}}
    signet.invoke("add_permissions", here | stored_ones)
    operation, fields = ENDS[which]
    fields = {name: user_id if value == "<userId>" else value for name, value in fields.items()}
    before = signet.items()
    with lost("UpdateItem", "TransactWriteItems", arrives=arrives) as attempts:
        if arrives:
            signet.invoke(operation, here | fields)
        else:
            with pytest.raises(Unavailable):
                signet.invoke(operation, here | fields)
    assert len(attempts) == 3
    assert (signet.items() == before) is not arrives

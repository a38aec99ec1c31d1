"""What each operation costs in round trips, in a warm container: the table of docs/data-model.md."""

import json
from typing import Any

import pytest

from tests.contract.test_bundle import OPERATIONS
from tests.deployment import PASSWORD, Deployment

EMAIL = {"identityType": "EMAIL", "identity": "test@example.com"}
USER = {"experienceUserId": "<userId>"}
GROUP = {"experienceGroupId": "<groupId>"}
LOGIN = {"email": "<userEmail>", "password": PASSWORD}
CURRENT = {"currentPassword": PASSWORD}
TOKEN = {"authMode": "token", "token": "<sessionToken>"}
ORGANIZATION = {"permissions": {"resources": [{"type": "organization", "id": "org1"}]}}
EXPERIENCE: dict[str, Any] = {"user": {"applicationId": "<applicationId>"}, "authInfo": {}}

GET, BATCH, QUERY = "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"
UPDATE, WRITE = "dynamodb:UpdateItem", "dynamodb:TransactWriteItems"
QUEUE, MAIL = "sqs:SendMessage", "sesv2:SendEmail"
GUESS = UPDATE
"""While the password's hash is computed (`test_guessing.py`): nobody waits for it."""

TRIPS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("create_application", {"name": "Shop"}, [WRITE]),
    ("get_application", {}, [GET]),
    ("list_applications", {}, [QUERY, BATCH]),
    ("update_application", {"name": "Shop"}, [UPDATE]),
    ("get_settings", {}, [GET]),
    ("update_settings", {"requireJwtToken": True}, [UPDATE]),
    ("update_settings", {"enablePrivateComments": True}, []),
    ("list_api_tokens", {}, [GET]),
    ("reset_api_token", {}, [GET, WRITE]),
    ("create_user", {"email": "new-<userEmail>", "password": PASSWORD}, [WRITE]),
    ("list_users", {}, [QUERY, BATCH]),
    ("list_users", {"nextToken": ""}, [QUERY, BATCH]),
    ("list_users", {"query": "{}"}, [QUERY, BATCH, BATCH]),
    ("list_users", {"sortField": "lastName"}, [QUERY, BATCH, BATCH]),
    ("get_user", USER, [GET]),
    ("update_user", USER, [GET]),  # Nothing changes.
    ("update_user", USER | {"firstName": "Ann"}, [GET, WRITE]),
    ("update_user", USER | {"password": PASSWORD}, [GET, WRITE]),
    ("update_user", USER | {"email": "moved-<userEmail>"}, [GET, GET, WRITE]),  # The hash moves along.
    ("update_user", USER | {"experienceGroupIds": ["<groupId>"]}, [GET, BATCH, WRITE]),
    ("delete_user", USER, [GET, WRITE]),
    ("create_group", {"name": "Staff"}, [WRITE]),
    ("list_groups", {}, [QUERY, BATCH]),
    ("get_group", GROUP, [QUERY]),
    ("update_group", GROUP | {"name": "Staff"}, [QUERY, WRITE]),
    ("delete_group", GROUP, [QUERY, WRITE, QUERY, WRITE]),
    ("authenticate", {"authMode": "emailPassword", **LOGIN, "returnToken": True}, [BATCH, GUESS, UPDATE]),
    ("authenticate", TOKEN, [GET]),
    ("authenticate", TOKEN | {"invalidateExistingTokens": True, "returnToken": True}, [BATCH, UPDATE]),
    ("authenticate", TOKEN | {"invalidateExistingTokens": True}, [UPDATE]),
    ("authenticate", TOKEN | {"authMode": "tokenEmail", "email": "<userEmail>"}, [GET]),
    ("authenticate", TOKEN | LOGIN | {"authMode": "tokenEmailPassword"}, [BATCH, GUESS, UPDATE]),
    ("log_in", LOGIN, [BATCH, GUESS, UPDATE]),
    ("request_password_reset", {"email": "<userEmail>"}, [BATCH, UPDATE, QUEUE]),
    ("request_verification", {"email": "<userEmail>"}, [BATCH, UPDATE, QUEUE]),
    ("request_log_in_link", {"email": "<userEmail>"}, [BATCH, UPDATE, QUEUE]),
    ("sign_up", LOGIN, [BATCH, UPDATE, WRITE, QUEUE]),
    # The address's user, whether it is stopped, the code; the owner's templates are from the cache.
    ("send_mail", {"kind": "logIn", "email": "<userEmail>"}, [*[GET] * 4, BATCH, WRITE, MAIL]),
    ("stop_mails", {"email": "<userEmail>", "because": "bounced"}, [GET, WRITE]),
    ("create_code", USER | {"purpose": "resetPassword"}, [BATCH, WRITE]),
    ("redeem_code", {"code": "<code>", "password": PASSWORD}, [GET, BATCH, GUESS, WRITE]),
    ("log_out", {"token": "<sessionToken>"}, [UPDATE]),
    ("log_out", {"token": "<sessionToken>", "everywhere": True}, [UPDATE]),
    ("refresh_session", {"token": "<loginToken>"}, [BATCH]),
    ("update_me", {"token": "<sessionToken>", "firstName": "Ann"}, [GET, WRITE]),
    ("update_me", {"token": "<sessionToken>", "password": PASSWORD, **CURRENT}, [GET, BATCH, GUESS, WRITE]),
    (
        "update_me",
        {"token": "<sessionToken>", "email": "new-<userEmail>", **CURRENT},
        [GET, BATCH, GUESS, BATCH, UPDATE, UPDATE, QUEUE],
    ),
    ("delete_me", {"token": "<sessionToken>", **CURRENT}, [GET, BATCH, GUESS, WRITE]),
    ("identify", {"authToken": "<userToken>", "user": {"userId": "u1"}}, [GET]),  # Nothing new.
    ("identify", {"authToken": "<userToken>", "user": {"userId": "u1", "name": "<groupId>"}}, [GET, UPDATE]),
    ("issue_session_token", USER, [BATCH]),
    ("issue_session_token", USER | {"invalidateExistingTokens": True}, [BATCH, UPDATE]),
    ("issue_session_token", {"experienceUserId": "<userEmail>"}, [GET, BATCH]),
    ("invalidate_user_tokens", USER, [UPDATE]),
    ("invalidate_application_tokens", {}, [UPDATE]),
    ("introspect_token", {"token": "<sessionToken>"}, [GET]),
    ("revoke_token", {"token": "<sessionToken>"}, [UPDATE]),
    ("revoke_token", {"token": "<userToken>"}, [UPDATE]),
    ("show_me", {"experience": EXPERIENCE}, []),
    ("issue_identity_token", EMAIL, [BATCH]),
    ("invalidate_identity_tokens", EMAIL, [UPDATE]),
    ("issue_user_token", {"userId": "u1"}, [BATCH]),
    ("add_permissions", {"user": {"userId": "u1"}, **ORGANIZATION}, [BATCH, WRITE]),
    ("get_permissions", {"organizationId": "org1", "userIds": ["u1", "u2"]}, [BATCH]),
    # Nothing is stored; where something is, the second is a transaction.
    ("remove_permissions", {"userId": "u1", **ORGANIZATION}, [BATCH, UPDATE]),
    ("publish_jwks", {}, []),  # From the cache: at most KEY_RING_SECONDS old.
    ("publish_configuration", {}, []),
    ("rotate_keys", {"readOnly": True}, [QUERY]),
    ("rotate_keys", {}, [QUERY, QUERY]),  # The ring, and how long its keys' tokens live.
]

COUNTED_ELSEWHERE = {
    "authorize_request",
    "delete_application",
    "import_users",
    "export_users",
    "publish_events",
}
"""The authorizer and the end of an application in tests of their own; import, export and the stream's
function by what they carry."""

OUTSIDE_OF_APPLICATIONS = {
    "create_application",
    "list_applications",
    "publish_jwks",
    "publish_configuration",
    "rotate_keys",
}


def test_every_operation_is_counted() -> None:
    """No operation is without its figure."""
    assert {operation for operation, _, _ in TRIPS} | COUNTED_ELSEWHERE == set(OPERATIONS)


@pytest.mark.parametrize(
    ("operation", "request_fields", "expected"),
    TRIPS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_operation_costs_what_the_table_says(
    signet: Deployment, operation: str, request_fields: dict[str, Any], expected: list[str]
) -> None:
    """The second call in a container costs exactly these round trips."""
    trips: list[str] = []
    for _ in range(2):
        text = json.dumps(request_fields)
        for name, value in signet.demo().items():
            text = text.replace(f"<{name}>", value)
        here = {} if operation in OUTSIDE_OF_APPLICATIONS else {"applicationId": signet.application_id}
        with signet.counted() as counted:
            signet.invoke(operation, here | json.loads(text))
        trips = counted
    assert trips == expected, " ".join(trips)


def test_a_cold_container_reads_the_application_and_the_key_ring_once(signet: Deployment) -> None:
    """The first mint of a container reads what later ones have in memory, and writes `max_exp` to know it."""
    signet.invoke("issue_identity_token", {"applicationId": signet.application_id, **EMAIL})
    signet.restart()
    with signet.counted() as trips:
        signet.invoke("issue_identity_token", {"applicationId": signet.application_id, **EMAIL})
    assert sorted(trips) == [BATCH, BATCH, QUERY, UPDATE, "kms:Decrypt"]


def test_a_flood_of_wrong_api_tokens_costs_one_read_a_second(signet: Deployment) -> None:
    """Wrong tokens of a known application do not make a container read it again and again."""
    wrong = signet.api_token[:-2] + "AA"
    with signet.counted() as trips:
        for _ in range(50):
            signet.http("POST", "/api/v1/user-identity-jwt", EMAIL, headers=signet.basic(password=wrong))
    assert trips == [BATCH]
    signet.clock.advance(1)
    with signet.counted() as trips:
        for _ in range(50):
            signet.http("POST", "/api/v1/user-identity-jwt", EMAIL, headers=signet.basic(password=wrong))
    assert trips == [BATCH]

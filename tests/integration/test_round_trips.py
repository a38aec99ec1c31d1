"""What each operation costs in round trips, in a warm container: the table of docs/data-model.md."""

from typing import Any

import pytest

from tests.contract.test_bundle import OPERATIONS
from tests.deployment import Deployment

EMAIL = {"identityType": "EMAIL", "identity": "test@example.com"}

REQUESTS: dict[str, dict[str, Any]] = {
    "create_application": {"name": "Shop"},
    "get_application": {"applicationId": "<applicationId>"},
    "update_application": {"applicationId": "<applicationId>", "name": "Shop"},
    "issue_identity_token": {"applicationId": "<applicationId>", **EMAIL},
    "invalidate_identity_tokens": {"applicationId": "<applicationId>", **EMAIL},
    "publish_jwks": {},
    "publish_configuration": {},
    "rotate_keys": {},
}

TRIPS: dict[str, list[str]] = {
    "create_application": ["dynamodb:PutItem"],
    "get_application": [],  # From the cache: at most APPLICATION_CACHE_SECONDS old.
    "update_application": ["dynamodb:UpdateItem"],
    "issue_identity_token": ["dynamodb:GetItem"],
    "invalidate_identity_tokens": ["dynamodb:UpdateItem"],
    "publish_jwks": [],  # From the cache: at most KEY_RING_SECONDS old.
    "publish_configuration": [],
    "rotate_keys": ["dynamodb:Query"],
}


def test_every_operation_is_counted() -> None:
    """No operation is without its figure."""
    assert set(TRIPS) == set(REQUESTS) == set(OPERATIONS)


@pytest.mark.parametrize("operation", sorted(TRIPS))
def test_an_operation_costs_what_the_table_says(signet: Deployment, operation: str) -> None:
    """The second call in a container costs exactly these round trips."""
    request = {
        name: signet.application_id if value == "<applicationId>" else value
        for name, value in REQUESTS[operation].items()
    }
    signet.invoke(operation, request)
    with signet.counted() as trips:
        signet.invoke(operation, request)
    assert trips == TRIPS[operation]


def test_a_cold_container_reads_the_application_and_the_key_ring_once(signet: Deployment) -> None:
    """The first mint of a container reads what later ones have in memory."""
    signet.invoke("issue_identity_token", {"applicationId": signet.application_id, **EMAIL})
    signet.restart()
    with signet.counted() as trips:
        signet.invoke("issue_identity_token", {"applicationId": signet.application_id, **EMAIL})
    assert sorted(trips) == ["dynamodb:GetItem", "dynamodb:GetItem", "dynamodb:Query", "kms:Decrypt"]


def test_a_flood_of_wrong_api_tokens_costs_one_read_a_second(signet: Deployment) -> None:
    """Wrong tokens of a known application do not make a container read it again and again."""
    wrong = signet.api_token[:-2] + "AA"
    with signet.counted() as trips:
        for _ in range(50):
            signet.http("POST", "/api/v1/user-identity-jwt", EMAIL, headers=signet.basic(password=wrong))
    assert trips == ["dynamodb:GetItem"]
    signet.clock.advance(1)
    with signet.counted() as trips:
        for _ in range(50):
            signet.http("POST", "/api/v1/user-identity-jwt", EMAIL, headers=signet.basic(password=wrong))
    assert trips == ["dynamodb:GetItem"]

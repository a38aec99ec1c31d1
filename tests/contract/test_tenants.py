"""A request is bound to its tenant: every route, crossed by another tenant."""

import json
from pathlib import Path

import pytest

from tests.contract.test_bundle import ROUTES, SIGNED
from tests.deployment import ROOT, Deployment
from tools.events import load_event

OPEN = {"publish_jwks", "publish_configuration"}
"""Routes that belong to no tenant."""

IN_APPLICATION = sorted(set(ROUTES) - SIGNED - OPEN)


def cross(signet: Deployment, path: Path, application_id: str, api_token: str) -> tuple[int, object]:
    """Send a route's own event with the given application in its place, and the given token."""
    event = load_event(path, {"applicationId": application_id, "apiToken": api_token})
    handler = signet.handler(path.name.split(".")[0])
    answer = handler(event, signet.context(path.name.split(".")[0]))
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("operation", IN_APPLICATION)
def test_another_tenant_s_token_is_a_wrong_token(moto_signet: Deployment, operation: str) -> None:
    """Another application's API token gets the very answer of one that does not exist, and writes nothing."""
    signet = moto_signet
    other_id, other_token = signet.new_application()
    path = ROOT / "events" / f"{operation}.http.json"
    own = cross(signet, path, signet.application_id, signet.api_token)
    assert own[0] in (200, 201)
    names_it = "<applicationId>" in path.read_text()
    before = signet.items()
    forged = other_token.replace(other_id, signet.application_id)
    refused = cross(signet, path, signet.application_id, forged)
    assert refused[0] in (400, 401)
    if names_it:
        assert cross(signet, path, signet.application_id, other_token) == refused
        assert cross(signet, path, other_id, signet.api_token) == refused
        assert cross(signet, path, "f" * 24, signet.api_token) == refused
    assert signet.items() == before

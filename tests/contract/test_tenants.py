"""A request is bound to its tenant: every route, crossed by another tenant."""

import json
from pathlib import Path

import pytest

from tests.contract.test_bundle import ROUTES, SIGNED
from tests.deployment import PASSWORD, ROOT, Deployment
from tools.events import load_event

OPEN = {"publish_jwks", "publish_configuration"}
"""Routes that belong to no tenant."""

OF_USERS = {
    "log_in",
    "log_out",
    "request_password_reset",
    "request_verification",
    "request_log_in_link",
    "sign_up",
    "redeem_code",
    "update_me",
    "delete_me",
    "refresh_session",
    "show_me",
    "identify",
}
"""Routes that a user calls, without an API token."""

IN_APPLICATION = sorted(set(ROUTES) - SIGNED - OPEN - OF_USERS)


def cross(signet: Deployment, path: Path, demo: dict[str, str]) -> tuple[int, object]:
    """Send a route's own event, filled with what is given."""
    operation = path.name.split(".")[0]
    answer = signet.handler(operation)(load_event(path, demo), signet.context(operation))
    return answer["statusCode"], json.loads(answer["body"])


EVENTS = [path for name in IN_APPLICATION for path in sorted((ROOT / "events").glob(f"{name}.http*.json"))]


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_another_tenant_s_token_is_a_wrong_token(moto_signet: Deployment, path: Path) -> None:
    """Another application's API token gets the very answer of one that does not exist, and writes nothing."""
    signet = moto_signet
    other_id, other_token = signet.new_application()
    own = signet.demo()
    status, body = cross(signet, path, own)
    assert status in (200, 201), body
    own = signet.demo()
    before = signet.items()
    refused = cross(signet, path, own | {"apiToken": other_token.replace(other_id, signet.application_id)})
    assert refused[0] in (400, 401)
    text = path.read_text()
    if "<applicationId>" in text or "<basic applicationId" in text:
        assert cross(signet, path, own | {"apiToken": other_token}) == refused
        assert cross(signet, path, own | {"applicationId": other_id}) == refused
        assert cross(signet, path, own | {"applicationId": "f" * 24}) == refused
    assert signet.items() == before


@pytest.mark.parametrize("operation", [name for name in IN_APPLICATION if "{experience" in ROUTES[name]])
def test_what_another_tenant_has_does_not_exist(moto_signet: Deployment, operation: str) -> None:
    """With one's own API token, another application's users and groups are not found."""
    signet = moto_signet
    other = signet.demo()
    signet.application_id, signet.api_token = signet.new_application()
    mine = {"applicationId": signet.application_id, "apiToken": signet.api_token}
    before = signet.items()
    status, _ = cross(signet, ROOT / "events" / f"{operation}.http.json", other | mine)
    assert status == 404
    assert signet.items() == before


def test_a_token_is_worth_nothing_in_another_application(moto_signet: Deployment) -> None:
    """No route of another application takes a session token, introspection included."""
    signet = moto_signet
    mine = signet.demo()
    session = mine["sessionToken"]
    other_id, _ = signet.new_application()
    here = {"applicationId": other_id}
    assert signet.invoke("introspect_token", here | {"token": session}) == {"active": False}
    attempt = {"authMode": "token", "token": session}
    assert signet.invoke("authenticate", here | attempt) == {"authenticated": False}
    answer = signet.http("GET", f"/applications/{other_id}/experience/me", headers=signet.bearer(session))
    assert answer.status == 403
    data = {"apiKey": other_id, "authToken": mine["userToken"], "user": {"userId": "u1"}}
    answer = signet.http("POST", "/v1/identify", {"data": data})
    assert (answer.status, answer.json["error"]["details"]) == (401, [{"reason": "token_invalid"}])


def test_a_user_is_nobody_in_another_application(moto_signet: Deployment) -> None:
    """E-mail address and password of one application do not log in to another."""
    signet = moto_signet
    mine = signet.demo()
    other_id, _ = signet.new_application()
    login = {"email": mine["userEmail"], "password": PASSWORD}
    for application_id, status in ((signet.application_id, 200), (other_id, 401), ("f" * 24, 404)):
        assert signet.http("POST", f"/applications/{application_id}/experience/login", login).status == status

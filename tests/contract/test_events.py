"""Every event of `events/` is input that its function takes."""

import json
from pathlib import Path

import pytest

from signet.edge import custom_resource
from tests.deployment import ROOT, Deployment
from tools.events import load_event

EVENTS = sorted((ROOT / "events").iterdir())


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_event_works(moto_signet: Deployment, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function takes the event and does what it asks for."""
    signet = moto_signet
    monkeypatch.setattr(custom_resource, "_send", lambda _url, _answer: None)
    operation, way, _ = path.name.split(".")
    event = load_event(path, signet.demo())
    answer = signet.handler(operation)(event, signet.context(operation))
    if way == "authorizer":
        assert answer["isAuthorized"] is True
    if way.startswith("http"):
        assert answer["statusCode"] in (200, 201), answer["body"]
        assert answer["headers"]["x-request-id"] == event["requestContext"]["requestId"]
        answer = json.loads(answer["body"])
    if way == "custom_resource":
        assert answer["Status"] == "SUCCESS"
    assert isinstance(answer, dict)
    # RFC 7009 has nothing to say but 200.
    assert answer or operation == "revoke_token"


@pytest.mark.parametrize(
    "path", [path for path in EVENTS if ".http" in path.name], ids=lambda path: path.stem
)
def test_an_event_is_of_its_route(moto_signet: Deployment, path: Path) -> None:
    """The event's route, path and parameters are those that the template would give it."""
    signet = moto_signet
    event = json.loads(path.read_text())
    route, parameters = signet.route(event["requestContext"]["http"]["method"], event["rawPath"])
    assert event["routeKey"] == event["requestContext"]["routeKey"] == route.key
    assert event.get("pathParameters", {}) == parameters
    assert route.function.module.split(".")[-2] == path.name.split(".")[0]
    given = event["requestContext"].get("authorizer", {}).keys()
    assert given == ({"iam"} if route.iam else {"lambda"} if route.authorizer else set())

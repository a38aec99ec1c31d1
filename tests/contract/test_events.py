"""Every event of `events/` is input that its function takes."""

import json
from pathlib import Path

import pytest
from aws_lambda_powertools.utilities.data_classes import (
    APIGatewayProxyEventV2,
    CloudFormationCustomResourceEvent,
    S3EventBridgeNotificationEvent,
)
from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import (
    APIGatewayAuthorizerEventV2,
    APIGatewayAuthorizerResponseV2,
)

from signet.edge import custom_resource
from signet.edge.authorizer import AuthorizerRequest
from signet.edge.http import HttpRequest
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
        assert answer["statusCode"] in (200, 201, 202), answer["body"]
        assert answer["headers"]["x-request-id"] == event["requestContext"]["requestId"]
        answer = json.loads(answer["body"])
    if way == "custom_resource":
        assert answer["Status"] == "SUCCESS"
    if way in ("eventbridge", "ses"):
        assert answer is None
        return
    if way in ("sqs", "stream"):
        assert answer == {"batchItemFailures": []}
    assert isinstance(answer, dict)
    # RFC 7009 has nothing to say but 200.
    assert answer or operation == "revoke_token"


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_the_hex_digits_of_an_id_may_be_in_either_case(
    moto_signet: Deployment, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever an id stands: in the path, the body, a header."""
    signet = moto_signet
    monkeypatch.setattr(custom_resource, "_send", lambda _url, _answer: None)
    operation, way, _ = path.name.split(".")
    demo = signet.demo()
    ids = {name: demo[name].upper() for name in ("applicationId", "userId", "groupId")}
    event = load_event(path, {**demo, **ids})
    if operation in ("import_users", "show_me"):
        return  # The key of a file; what the authorizer says.
    answer = signet.handler(operation)(event, signet.context(operation))
    if way == "authorizer":
        assert answer["isAuthorized"] is True
    if way.startswith("http"):
        assert answer["statusCode"] in (200, 201, 202), answer["body"]
    if way in ("sqs", "stream"):
        assert answer == {"batchItemFailures": []}


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


@pytest.mark.parametrize(
    "path", [path for path in EVENTS if ".http" in path.name], ids=lambda path: path.stem
)
def test_a_request_is_read_as_powertools_reads_it(path: Path) -> None:
    """Of an event as API Gateway sends it, ours and theirs say the same; theirs trusts its shape."""
    event = json.loads(path.read_text())
    ours, theirs = HttpRequest.find(event), APIGatewayProxyEventV2(event)
    assert ours is not None
    context = theirs.request_context
    assert (ours.method, ours.route_key, ours.request_id) == (
        context.http.method,
        theirs.route_key,
        context.request_id,
    )
    assert (ours.path_parameters, ours.raw_query) == (theirs.path_parameters, theirs.raw_query_string)
    assert all(theirs.headers[name] == value for name, value in ours.headers.items())
    assert len(ours.headers) == len(theirs.headers)
    assert ours.query == theirs.query_string_parameters
    if theirs.body is not None:
        assert ours.body(10_000).decode() == theirs.decoded_body
    assert ours.is_signed is bool(
        context.authorizer and context.authorizer.iam and context.authorizer.iam.user_arn
    )


def test_the_authorizer_speaks_as_powertools_does(moto_signet: Deployment) -> None:
    """It reads what API Gateway asks, and its answer is that of payload format 2.0."""
    signet = moto_signet
    event = load_event(ROOT / "events" / "authorize_request.authorizer.json", signet.demo())
    ours, theirs = AuthorizerRequest.of(event), APIGatewayAuthorizerEventV2(event)
    assert (ours.path_parameters, ours.raw_query) == (theirs.path_parameters, theirs.raw_query_string)
    assert all(theirs.headers[name] == value for name, value in ours.headers.items())
    # Not `theirs.cookies`, which fails where none came.
    assert list(ours.cookies) == theirs.get("cookies", [])
    answer = signet.handler("authorize_request")(event, signet.context("authorize_request"))
    assert answer == APIGatewayAuthorizerResponseV2(authorize=True, context=answer["context"]).asdict()


def test_custom_resources_and_files_are_those_that_powertools_knows() -> None:
    """The members that are matched are where its data classes look for them."""
    resource = CloudFormationCustomResourceEvent(
        json.loads((ROOT / "events" / "rotate_keys.custom_resource.json").read_text())
    )
    assert resource.request_type in ("Create", "Update", "Delete")
    assert resource.response_url.startswith("https://")
    assert all((resource.stack_id, resource.request_id, resource.logical_resource_id))
    assert resource.resource_properties
    created = S3EventBridgeNotificationEvent(
        json.loads((ROOT / "events" / "import_users.object_created.json").read_text())
    )
    assert (created.source, created.detail_type) == ("aws.s3", "Object Created")
    assert created.detail.bucket.name
    assert created.detail.object.key.startswith("import/")

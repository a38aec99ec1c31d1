"""What the template's parameters change."""

import json
import re
from typing import Any

import pytest

from local import events, sam
from local.messages import Request
from local.template import Resolver
from signet import deadline
from signet.aws import client
from tests.contract.test_bundle import FUNCTIONS, OPERATIONS, ROUTES, logical_id
from tests.deployment import ROOT, URL, load_template
from tests.transformed import deployed

RESERVED = {
    "authenticate": "LogInConcurrency",
    "log_in": "LogInConcurrency",
    "redeem_code": "UserWriteConcurrency",
    "sign_up": "UserWriteConcurrency",
    "update_me": "UserWriteConcurrency",
    "delete_me": "UserWriteConcurrency",
    "create_user": "UserWriteConcurrency",
    "update_user": "UserWriteConcurrency",
}
"""By operation the parameter that keeps invocations for it."""

API_GATEWAY_SECONDS = 30
"""How long an HTTP API waits for a function, at most and by default."""

WITHOUT_A_POOL = {"import_users"}
"""Hashes too, but only what the operator puts into the bucket."""


def resolver(**parameters: str) -> Resolver:
    """A resolver of the template with these parameters."""
    template = load_template()
    return Resolver(template, sam.physical_values(template, URL, "table", "key"), parameters)


def authorizer(**parameters: str) -> sam.Authorizer:
    """The authorizer of the template with these parameters."""
    found = resolver(**parameters)
    (only,) = {
        route.authorizer.name: route.authorizer
        for route in sam.read_api(found, sam.read_functions(found)).routes
        if route.authorizer is not None
    }.values()
    return only


def cache_key(who: sam.Authorizer, path: str, query: str = "", **headers: str) -> list[str] | None:
    """What API Gateway keeps a decision under; None where it answers 401 without asking."""
    return events.identity_sources(
        who,
        Request(
            method="GET",
            path=path,
            query=query,
            headers=tuple(headers.items()),
            source_ip="203.0.113.7",
            protocol="HTTP/1.1",
        ),
    )


def test_a_decision_is_not_kept_unless_it_is_asked_for() -> None:
    """By default every request is decided anew, wherever its token is."""
    asked = authorizer()
    assert (asked.ttl, asked.identity_sources) == (0, ())
    assert cache_key(asked, "/applications/a/experience/me", "authorization=token") == []


def test_a_decision_that_is_kept_is_one_token_s_on_one_path() -> None:
    """A token that was let in to one application's path is asked for again on another's."""
    kept = authorizer(AuthorizerCacheSeconds="300")
    assert kept.ttl == 300
    here, there = "/applications/a/experience/me", "/applications/b/experience/me"
    own = cache_key(kept, here, authorization="Bearer 1")
    assert own == cache_key(kept, here, "x=1", authorization="Bearer 1")
    assert own not in (None, cache_key(kept, there, authorization="Bearer 1"))
    assert own != cache_key(kept, here, authorization="Bearer 2")
    for elsewhere in (
        cache_key(kept, here, "authorization=1"),
        cache_key(kept, here, cookie="authorization=1"),
    ):
        assert elsewhere is None


def test_the_recipe_for_another_stack_keeps_a_decision_by_the_same() -> None:
    """What docs/authorizer.md says to copy is what the template itself does."""
    text = (ROOT / "docs" / "authorizer.md").read_text()
    recipes = [json.loads(match) for match in re.findall(r"`IdentitySource: (\[.*?\])`", text)]
    assert recipes == [list(authorizer(AuthorizerCacheSeconds="60").identity_sources)]


def test_api_gateway_may_ask_the_authorizer() -> None:
    """SAM makes of the definition what API Gateway takes: the alias's URI, and a permission to call it."""
    body = deployed()["HttpApi"]["Properties"]["Body"]
    scheme = body["components"]["securitySchemes"]["Experience"]["x-amazon-apigateway-authorizer"]
    alias = {"Ref": "AuthorizeRequestFunctionAliaslive"}
    assert scheme["authorizerUri"]["Fn::Sub"][1] == {"Authorizer": alias}
    permission = deployed()["AuthorizerPermission"]["Properties"]
    assert permission["FunctionName"] == alias
    assert permission["SourceArn"]["Fn::Sub"].endswith(":${HttpApi}/authorizers/*")
    me = body["paths"]["/applications/{applicationId}/experience/me"]["get"]
    assert me["security"] == [{"Experience": []}]
    assert "ShowMeFunction" in str(me["x-amazon-apigateway-integration"]["uri"])


def test_who_hashes_has_a_whole_processor_and_a_pool() -> None:
    """A function that comes to a password's hash has the memory of a vCPU, and is in the table above."""
    hashing = {
        operation for operation, path in OPERATIONS.items() if "wiring.password_hasher()" in path.read_text()
    }
    assert hashing == RESERVED.keys() | WITHOUT_A_POOL
    assert {FUNCTIONS[logical_id(operation)]["MemorySize"] for operation in hashing} == {1769}


@pytest.mark.parametrize("parameter", sorted(set(RESERVED.values())))
def test_the_page_counts_who_has_a_pool(parameter: str) -> None:
    """It names each of them, and how many invocations the account has to spare."""
    text = (ROOT / "docs" / "deploy.md").read_text()
    (named,) = re.findall(rf"(?m)^\| `{parameter}` \| (`.+`) \|$", text)
    operations = {operation for operation, its in RESERVED.items() if its == parameter}
    assert set(re.findall(r"\w+", named)) == operations
    assert re.findall(rf"(\d+) × {parameter}", text) == [str(len(operations))]


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_invocations_are_kept_by_parameter_alone(operation: str) -> None:
    """By default none are, since a new account cannot keep any; then for this function alone."""
    name = "ReservedConcurrentExecutions"
    function: dict[str, Any] = FUNCTIONS[logical_id(operation)]
    parameter = RESERVED.get(operation)
    chosen = dict.fromkeys(RESERVED.values(), "7") | ({parameter: "40"} if parameter else {})
    declared = {key: value for key, value in function.items() if key == name}
    assert resolver().resolve(declared, operation) == {}
    assert resolver(**chosen).resolve(declared, operation) == ({name: "40"} if parameter else {})
    assert declared == {
        key: value for key, value in deployed()[logical_id(operation)]["Properties"].items() if key == name
    }


def test_time_outs_are_nested() -> None:
    """An attempt at AWS ends in time for another, and a function before API Gateway gives up."""
    attempt = client.CONNECT_TIMEOUT + client.READ_TIMEOUT
    served = {logical_id(operation) for operation in ROUTES} | {"AuthorizeRequestFunction"}
    shared = load_template()["Globals"]["Function"]["Timeout"]
    for name, function in FUNCTIONS.items():
        ends = function.get("Timeout", shared)
        assert 2 * attempt + deadline.RESERVE_SECONDS < ends, name
        if name in served:
            assert ends < API_GATEWAY_SECONDS, name


def test_a_boundary_bounds_every_role() -> None:
    """Also those that SAM makes: an account that demands one refuses a role without."""
    resources = deployed(Deployment="Canary10Percent5Minutes")
    roles = {name: it["Properties"] for name, it in resources.items() if it["Type"] == "AWS::IAM::Role"}
    arn = "arn:aws:iam::123456789012:policy/boundary"
    for name, role in roles.items():
        bounded = {"PermissionsBoundary": role.get("PermissionsBoundary")}
        assert resolver().resolve(bounded, name) == {}, name
        assert resolver(PermissionsBoundaryArn=arn).resolve(bounded, name) == {"PermissionsBoundary": arn}, (
            name
        )
    assert {"RotateKeysFunctionDailyRole", "SignInWorkflowRole", "DeploymentRole"} <= roles.keys()


def test_a_key_of_one_s_own_encrypts_table_bucket_and_logs() -> None:
    """Wherever the stack keeps something, by one parameter; else by AWS's own keys."""
    arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
    own, usual = resolver(DataKeyArn=arn), resolver()
    table = load_template()["Resources"]["Table"]["Properties"]["SSESpecification"]
    assert usual.resolve(table, "table") == {"SSEEnabled": True}
    assert own.resolve(table, "table") == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": arn}
    bucket = load_template()["Resources"]["TransferBucket"]["Properties"]["BucketEncryption"]
    for found, key in (
        (usual, {"SSEAlgorithm": "AES256"}),
        (own, {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}),
    ):
        (rule,) = found.resolve(bucket, "bucket")["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == key
    logs = own.resources("AWS::Logs::LogGroup")
    assert {own.resolve(log["Properties"], name).get("KmsKeyId") for name, log in logs.items()} == {arn}
    assert {usual.resolve(log["Properties"], name).get("KmsKeyId") for name, log in logs.items()} == {None}


@pytest.mark.parametrize(
    ("given", "issuer"),
    [
        ({}, "api"),
        ({"DomainName": "id.example.com"}, "https://id.example.com"),
        ({"DomainName": "id.example.com", "Issuer": "https://example.com/id"}, "https://example.com/id"),
    ],
)
def test_the_issuer_is_where_the_api_is(given: dict[str, str], issuer: str) -> None:
    """Of its own domain, unless another is named; and verifiers find the keys at the issuer."""
    template = load_template()
    found = Resolver(template, {"HttpApi.ApiEndpoint": "api"}, given)
    assert found.resolve(template["Resources"]["KeyRing"]["Properties"]["Issuer"], "issuer") == issuer
    jwks = found.resolve(template["Outputs"]["JwksUrl"]["Value"], "JwksUrl")
    assert jwks == f"{issuer}/.well-known/jwks.json"
    assert set(found.resources("AWS::ApiGatewayV2::ApiMapping")) == (
        {"DomainMapping"} if "DomainName" in given else set()
    )


SAM_LOCAL = "LocalEndpoint"
"""Nothing that a deployment is given."""


def test_the_page_has_every_parameter() -> None:
    """With its default, and every output."""
    section = (ROOT / "docs" / "deploy.md").read_text().split("## Parameters")[1].split("## ")[0]
    told: dict[str, str] = {}
    for names, defaults in re.findall(r"(?m)^\| (`[^|]+`) \| ([^|]+) \| .+ \|$", section):
        told |= dict(zip(re.findall(r"\w+", names), re.sub(r"`", "", defaults).split(", "), strict=True))
    declared = load_template()
    defaults = {name: str(it["Default"]) or "empty" for name, it in declared["Parameters"].items()}
    assert told | {SAM_LOCAL: "empty"} == defaults
    (outputs,) = re.findall(r"(?ms)^Outputs: (.+?)\n\n", section)
    assert set(re.findall(r"`(\w+)`", outputs)) == declared["Outputs"].keys()


def test_the_examples_of_events_are_off_by_default() -> None:
    """No rule and no queue leads to a function, and no function takes events, unless it is asked for."""
    bare = resolver()
    assert bare.resources("AWS::Events::Rule") == {}
    assert bare.resources("AWS::SQS::Queue").keys() == {"FailedEvents"}
    assert bare.resources("AWS::Lambda::EventSourceMapping") == {}
    for function in sam.read_functions(bare).values():
        assert {function.environment.get(name, "") for name in ("EVENT_SOURCES", "QUEUE_ARNS")} == {""}


def test_the_examples_of_events_lead_to_a_function_that_takes_them() -> None:
    """The rule's sources and the queue are those that the function's environment names."""
    shown = resolver(DeployEventExamples="true", EventSources="com.a, com.b", EventQueueArns="arn:1")
    function = sam.read_functions(shown)["InvalidateUserTokensFunction"]
    (rule,) = shown.resources("AWS::Events::Rule").values()
    pattern = shown.resolve(rule["Properties"]["EventPattern"], "rule")
    assert pattern == {"source": ["com.a", "com.b"], "detail-type": ["InvalidateUserTokens"]}
    assert function.environment["EVENT_SOURCES"] == "com.a,com.b"
    (mapping,) = shown.resources("AWS::Lambda::EventSourceMapping").values()
    properties = shown.resolve(mapping["Properties"], "mapping")
    assert properties["FunctionName"] == function.physical_name
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert function.environment["QUEUE_ARNS"] == f"{properties['EventSourceArn']},arn:1"


def test_whatever_is_invoked_asynchronously_keeps_what_failed() -> None:
    """Who takes events, has a rule or a schedule, or may invoke itself, has an on-failure destination."""
    resources = load_template()["Resources"]
    asynchronous = {
        name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
        and (
            "EVENT_SOURCES" in str(resource["Properties"].get("Environment", {}))
            or {"EventBridgeRule", "Schedule", "ScheduleV2"}
            & {event["Type"] for event in resource["Properties"].get("Events", {}).values()}
            or f"{name.removesuffix('Function')}GoesOn" in resources
        )
    }
    assert len(asynchronous) == 14
    kept = {
        name for name, resource in deployed().items() if resource["Type"] == "AWS::Lambda::EventInvokeConfig"
    }
    assert {f"{name}EventInvokeConfig" for name in asynchronous} <= kept

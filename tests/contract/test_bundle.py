"""The template, the folders, the events and the routes belong together: none without the others."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from tests.deployment import ROOT, load_template
from tests.transformed import deployed

TEMPLATE = load_template()
RESOURCES = TEMPLATE["Resources"]
HANDLERS = sorted((ROOT / "functions").rglob("handler.py"))
OPERATIONS = {handler.parent.name: handler for handler in HANDLERS}
FUNCTIONS: dict[str, dict[str, Any]] = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}

ROUTES = {
    "create_application": "POST /applications",
    "get_application": "GET /applications/{applicationId}",
    "list_applications": "GET /applications",
    "delete_application": "DELETE /applications/{applicationId}",
    "update_application": "PATCH /applications/{applicationId}",
    "get_settings": "POST /v2/workspace/apikeyconfig/get",
    "update_settings": "POST /v2/workspace/apikeyconfig/update",
    "list_api_tokens": "POST /v2/workspace/authtokens/get",
    "reset_api_token": "POST /v2/workspace/authtoken/reset",
    "create_user": "POST /applications/{applicationId}/experience/users",
    "list_users": "GET /applications/{applicationId}/experience/users",
    "get_user": "GET /applications/{applicationId}/experience/users/{experienceUserId}",
    "update_user": "PATCH /applications/{applicationId}/experience/users/{experienceUserId}",
    "delete_user": "DELETE /applications/{applicationId}/experience/users/{experienceUserId}",
    "create_group": "POST /applications/{applicationId}/experience/groups",
    "list_groups": "GET /applications/{applicationId}/experience/groups",
    "get_group": "GET /applications/{applicationId}/experience/groups/{experienceGroupId}",
    "update_group": "PATCH /applications/{applicationId}/experience/groups/{experienceGroupId}",
    "delete_group": "DELETE /applications/{applicationId}/experience/groups/{experienceGroupId}",
    "authenticate": "POST /applications/{applicationId}/experience/authenticate",
    "log_in": "POST /applications/{applicationId}/experience/login",
    "create_code": "POST /applications/{applicationId}/experience/users/{experienceUserId}/codes",
    "request_password_reset": "POST /applications/{applicationId}/experience/password-reset",
    "request_verification": "POST /applications/{applicationId}/experience/verification",
    "request_log_in_link": "POST /applications/{applicationId}/experience/log-in-link",
    "sign_up": "POST /applications/{applicationId}/experience/sign-up",
    "redeem_code": "POST /applications/{applicationId}/experience/codes/redeem",
    "update_me": "PATCH /applications/{applicationId}/experience/me",
    "delete_me": "DELETE /applications/{applicationId}/experience/me",
    "refresh_session": "POST /applications/{applicationId}/experience/refresh",
    "log_out": "POST /applications/{applicationId}/experience/logout",
    "issue_session_token": "POST /applications/{applicationId}/experience/users/{experienceUserId}/token",
    "invalidate_user_tokens": (
        "POST /applications/{applicationId}/experience/users/{experienceUserId}/invalidate-tokens"
    ),
    "invalidate_application_tokens": "POST /applications/{applicationId}/experience/invalidate-tokens",
    "introspect_token": "POST /oauth2/introspect",
    "revoke_token": "POST /oauth2/revoke",
    "show_me": "GET /applications/{applicationId}/experience/me",
    "identify": "POST /v1/identify",
    "issue_identity_token": "POST /api/v1/user-identity-jwt",
    "issue_user_token": "POST /v1/auth/token/get",
    "invalidate_identity_tokens": "POST /applications/{applicationId}/identities/invalidate-tokens",
    "add_permissions": "POST /v2/auth/permissions/add",
    "get_permissions": "POST /v2/auth/permissions/get",
    "remove_permissions": "POST /v2/auth/permissions/remove",
    "publish_jwks": "GET /.well-known/jwks.json",
    "publish_configuration": "GET /.well-known/openid-configuration",
}
"""Every route of the API contract, by operation."""

FURTHER_ROUTES = {"issue_user_token": ["POST /v2/auth/token/get", "POST /v2/auth/generate_token"]}
"""Those of operations that have more than one."""

WITHOUT_A_ROUTE = {
    "rotate_keys",
    "authorize_request",
    "import_users",
    "export_users",
    "publish_events",
    "send_mail",
    "stop_mails",
}
"""Operations that nobody calls over HTTP."""

AUTHORIZED = {"show_me"}
"""Routes of users, which the authorizer guards."""

SIGNED = {
    "create_application",
    "delete_application",
    "get_application",
    "list_applications",
    "update_application",
}
"""The operator's routes, which API Gateway guards by IAM."""


def logical_id(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_")) + "Function"


def routes(properties: dict[str, Any]) -> list[dict[str, Any]]:
    events = properties.get("Events", {}).values()
    return [event["Properties"] for event in events if event["Type"] == "HttpApi"]


def test_every_folder_is_a_function_of_the_template_and_every_function_a_folder() -> None:
    """Folder, logical id, operation name and log group follow from one another."""
    assert {logical_id(operation) for operation in OPERATIONS} == set(FUNCTIONS)
    for operation, handler in OPERATIONS.items():
        properties = FUNCTIONS[logical_id(operation)]
        assert properties["CodeUri"] == f"{handler.parent.relative_to(ROOT)}/"
        log_group = properties["LoggingConfig"]["LogGroup"]["Ref"]
        assert log_group == logical_id(operation).removesuffix("Function") + "Log"
        assert RESOURCES[log_group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_route_of_the_contract_is_in_the_template_and_no_other() -> None:
    """The template serves the contract's routes, signed where they are the operator's."""
    served = []
    for operation in OPERATIONS:
        for route in routes(FUNCTIONS[logical_id(operation)]):
            served.append((operation, f"{route['Method']} {route['Path']}"))
            assert route["ApiId"] == {"Ref": "HttpApi"}
            expected = {"Authorizer": "AWS_IAM"} if operation in SIGNED else None
            assert route.get("Auth") == expected, operation
    definition = RESOURCES["HttpApi"]["Properties"]["DefinitionBody"]
    guarded = {
        f"{method.upper()} {path}": operation
        for path, operations in definition["paths"].items()
        for method, operation in operations.items()
    }
    assert guarded == {ROUTES[operation]: {"security": [{"Experience": []}]} for operation in AUTHORIZED}
    further = [(operation, route) for operation, them in FURTHER_ROUTES.items() for route in them]
    assert sorted(served) == sorted([*ROUTES.items(), *further])
    assert set(ROUTES) | WITHOUT_A_ROUTE == set(OPERATIONS)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_handler_names_itself_and_its_route(operation: str) -> None:
    """The operation's name is its folder's, and the docstring's first words are its route."""
    tree = ast.parse(OPERATIONS[operation].read_text())
    names = [
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("operation", "authorizer", "table_stream")
        and isinstance(node.args[0], ast.Constant)
    ]
    assert names == [operation]
    if operation in ROUTES:
        assert re.split(r"[:\n]| \(", ast.get_docstring(tree) or "")[0] == ROUTES[operation]


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_an_operation_has_an_event_for_each_way_of_invoking_it(operation: str) -> None:
    """There is an event for each route, and one for a direct invocation, or for whoever alone invokes it."""
    ways = {path.name.split(".")[1] for path in (ROOT / "events").glob(f"{operation}.*.json")}
    assert {"authorize_request": "authorizer", "publish_events": "stream"}.get(operation, "direct") in ways
    assert ("http" in ways) == (operation in ROUTES)
    events = (json.loads(path.read_text()) for path in (ROOT / "events").glob(f"{operation}.http*.json"))
    further = FURTHER_ROUTES.get(operation, [])
    assert {event["routeKey"] for event in events} == {*further, *filter(None, [ROUTES.get(operation)])}


def test_no_event_is_without_its_operation() -> None:
    """An event is called `<operation>.<way>.json`."""
    for path in (ROOT / "events").iterdir():
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+\.json", path.name), path
        assert path.name.split(".")[0] in OPERATIONS


def test_handlers_import_with_an_empty_environment() -> None:
    """Importing them reads no setting and makes no client; `test_allowed_imports` imports each by itself."""
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "assert not [name for name in sys.modules if name.startswith('boto3')]"
    )
    modules = [".".join(handler.relative_to(ROOT).with_suffix("").parts) for handler in HANDLERS]
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code, *modules], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_runtime_is_the_one_that_is_developed_with() -> None:
    """Neither `sam validate` nor cfn-lint would notice another Python here than there."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    function = TEMPLATE["Globals"]["Function"]
    layer = RESOURCES["SignetLayer"]
    assert function["Runtime"] == version
    assert layer["Properties"]["CompatibleRuntimes"] == [version]
    assert function["Architectures"] == layer["Properties"]["CompatibleArchitectures"]
    assert function["Architectures"] == [layer["Metadata"]["BuildArchitecture"]]


def test_what_must_not_be_lost_is_kept() -> None:
    """Deleting the stack deletes neither the users nor the key that encrypts the signing keys.

    A first deployment that fails does: nothing is in them yet, and nothing would name them any more.
    """
    for name in ("Table", "SigningKey", "TransferBucket"):
        assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
    table = RESOURCES["Table"]["Properties"]
    assert table["DeletionProtectionEnabled"] == {"Ref": "TableProtection"}
    assert TEMPLATE["Parameters"]["TableProtection"]["Default"] == "true"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def names_another_stack_would_want(resources: dict[str, Any], parameters: Collection[str]) -> dict[str, Any]:
    """The physical names in which nothing stands that another stack of the account has otherwise."""
    inside = {
        ("AWS::Lambda::Alias", "Name"),  # of a function
        ("AWS::IAM::Policy", "PolicyName"),  # of a role
        ("AWS::ApiGatewayV2::Stage", "StageName"),  # of an API
        ("AWS::ApiGatewayV2::DomainName", "DomainName"),  # the owner's, each once
        ("AWS::CloudWatch::Alarm", "MetricName"),  # AWS's, beside a dimension
    }
    everywhere = {*parameters, "AWS::Region", "AWS::AccountId", "AWS::Partition", "AWS::URLSuffix"}
    found = {}
    for name, resource in resources.items():
        for label, value in resource.get("Properties", {}).items():
            if not label.endswith("Name") or (resource["Type"], label) in inside:
                continue
            text = json.dumps(value)
            uses = {
                *re.findall(r"\$\{([\w:.]+)\}", text),
                *re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"([\w:.]+)"', text),
            }
            if not uses - everywhere:
                found[f"{name}.{label}"] = value
    return found


def test_a_second_stack_finds_no_name_taken() -> None:
    """Whatever has a name of its own has the stack's in it, or is left to CloudFormation."""
    assert names_another_stack_would_want(deployed(), TEMPLATE["Parameters"]) == {}
    fixed = {
        "Plain": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "failed"}},
        "Staged": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": {"Fn::Sub": "/signet/${Stage}"}},
        },
        "Own": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "${AWS::StackName}-b"}}},
    }
    assert set(names_another_stack_would_want(fixed, TEMPLATE["Parameters"])) == {
        "Plain.QueueName",
        "Staged.LogGroupName",
    }


def test_each_stage_is_a_stack_of_its_own() -> None:
    """What samconfig.toml deploys has parameters that there are, and a name and tags of its own."""
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text())
    del stages["version"]
    assert set(stages) == {"dev", "prod"}
    assert len({stage["global"]["parameters"]["stack_name"] for stage in stages.values()}) == 2
    for name, stage in stages.items():
        parameters = stage["deploy"]["parameters"]
        given = dict(pair.split("=", 1) for pair in parameters["parameter_overrides"])
        assert given.keys() <= TEMPLATE["Parameters"].keys()
        assert given["Stage"] == name
        assert f"Stage={name}" in parameters["tags"]


def test_what_others_build_on_stays() -> None:
    """A layer that `LayerArn` has named is kept when the next one comes."""
    (layer,) = (it for it in deployed().values() if it["Type"] == "AWS::Lambda::LayerVersion")
    assert layer["DeletionPolicy"] == "Retain"


def test_the_transfer_bucket_is_nobody_else_s() -> None:
    """It holds hashes for a while: private, encrypted, over TLS alone, without versions, and emptied."""
    bucket = RESOURCES["TransferBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in bucket
    assert "VersioningConfiguration" not in bucket
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert rule.items() >= {"Status": "Enabled", "ExpirationInDays": 30}.items()
    assert not {"Prefix", "Filter"} & rule.keys()
    (statement,) = RESOURCES["TransferBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        ("https://app.example.com", True),
        ("https://app.example.com,http://localhost:8080", True),
        ("*", False),
        ("https://*", False),
        ("https://*.example.com", False),
        ("https://app.example.com,*", False),
        ("null", False),
        ("https://app.example.com/", False),
        ("", False),
    ],
)
def test_a_wildcard_origin_cannot_be_deployed(origins: str, allowed: bool) -> None:
    """The parameter takes exact origins and nothing else."""
    pattern = TEMPLATE["Parameters"]["AllowedOrigins"]["AllowedPattern"]
    assert bool(re.search(pattern, origins)) == allowed


def test_nothing_that_is_tracked_names_a_machine_or_a_registry() -> None:
    """Committed files hold no path of one machine and no download host of a package registry."""
    pattern = re.compile(r"(p[y]pi\.org|python[h]osted\.org|registry\.n[p]mjs|/h[o]me/[a-z]+/)")
    for path in _tracked():
        try:
            found = pattern.search(path.read_text())
        except UnicodeDecodeError:
            continue
        assert found is None, f"{path}: {found[0] if found else ''}"


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]

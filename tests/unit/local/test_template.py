"""The template resolver, and what is read of the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local import sam, template
from local.template import Resolver, TemplateError
from tests.unit.local.support import resolver

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Ref Stage", "test"),
        ("!Ref Origins", ["https://shop.example", "http://localhost:8080"]),
        ("!Ref Ttl", 0),
        ("!Ref Table", "things"),
        ("!Ref Echo", "signet-local-Echo"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!GetAtt HttpApi.ApiEndpoint", "http://127.0.0.1:3000"),
        ("Fn::GetAtt: [Table, Arn]", "arn:aws:dynamodb:us-east-1:123456789012:table/things"),
        (
            '!Sub "${Stage}/${Table.Arn}/${!kept}"',
            "test/arn:aws:dynamodb:us-east-1:123456789012:table/things/${kept}",
        ),
        ('!Sub ["${a}-${Stage}", {a: !Ref Ttl}]', "0-test"),
        ("!If [IsTest, yes-it-is, no]", "yes-it-is"),
        ("!If [HasIssuer, !Ref Nothing, other]", "other"),
        ("!Join ['-', [a, !Ref Stage, 3]]", "a-test-3"),
        ("!Select [1, !Ref Origins]", "http://localhost:8080"),
        ("!Split [':', 'a:b']", ["a", "b"]),
        ("!FindInMap [Sizes, !Ref Stage, memory]", 256),
        ("{a: !Ref AWS::NoValue, b: [1, !Ref AWS::NoValue, 2]}", {"b": [1, 2]}),
        ("{Condition: {StringEquals: {a: b}}}", {"Condition": {"StringEquals": {"a": "b"}}}),
        ("{Ref: Stage}", "test"),
    ],
)
def test_an_intrinsic_function_resolves(text: str, expected: Any) -> None:
    """Each intrinsic function gives what CloudFormation gives."""
    assert resolver().resolve(template.parse(text), "here") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!Ref Nothing", "here: !Ref Nothing has no local value"),
        ("!GetAtt Table.Nothing", "here: !GetAtt Table.Nothing has no local value"),
        ('!Sub "${Nothing}"', "here: !Ref Nothing has no local value"),
        ('!Sub "${Origins}"', "is not text"),
        ('!Sub "${AWS::NoValue}"', "is not text"),
        ("!Ref Required", "parameter Required has no Default"),
        ("!ImportValue Topic", "Fn::ImportValue is not supported"),
        ("a: [1, !GetAZs '']", r"here\.a\[1\]: Fn::GetAZs is not supported"),
        ("!If [Unheard, 1, 2]", "there is no condition Unheard"),
        ("!If [IsTest, 1]", "a list of 3 was expected"),
        ("!Select [5, [a]]", "Fn::Select has no item 5"),
        ("!FindInMap [Sizes, prod, memory]", "Mappings have no Sizes.prod.memory"),
        ("!Not [text]", "a condition was expected"),
        ("!Ref AWS::NoValue", "AWS::NoValue stands where a value is needed"),
    ],
)
def test_what_cannot_be_resolved_is_named(text: str, message: str) -> None:
    """A reference to nothing is an error that says where it stands, never an empty string."""
    with pytest.raises(TemplateError, match=message):
        resolver().resolve(template.parse(text), "here")


def test_a_parameter_may_be_given() -> None:
    """A given value replaces the parameter's default, in conditions too."""
    assert resolver(Issuer="https://id.example").resolve({"Fn::If": ["HasIssuer", 1, 2]}, "here") == 1


@pytest.mark.parametrize("content", ["a: [", "- a", "Resources: none"])
def test_a_file_that_is_no_template_is_refused(content: str, tmp_path: Path) -> None:
    """A file without Resources, or that is not YAML, is refused."""
    path = tmp_path / "template.yaml"
    path.write_text(content)
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        template.load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """Where there is no template, the message says where to run."""
    with pytest.raises(TemplateError, match="root"):
        template.load(tmp_path / "template.yaml")


def test_functions_have_what_globals_give_them() -> None:
    """Variables are merged, other properties are overridden, and a false condition removes a function."""
    functions = sam.read_functions(resolver())
    shared = {"TABLE_NAME": "things", "KEY_ARN": "arn:aws:kms:us-east-1:123456789012:key/key-1"}
    assert functions == {
        "Authorizer": sam.Function(
            "Authorizer",
            "functions.authorizer.handler",
            "lambda_handler",
            {**shared, "ENABLED": "true"},
            timeout=10,
            memory=256,
        ),
        "Echo": sam.Function(
            "Echo",
            "functions.echo.handler",
            "lambda_handler",
            {**shared, "ENABLED": "false", "STAGE": "test-${literal}"},
            timeout=5,
            memory=256,
        ),
    }


def test_a_variable_with_two_values_is_refused() -> None:
    """One process has one environment."""
    with pytest.raises(TemplateError, match="Authorizer and Echo want different values for ENABLED"):
        sam.shared_environment(sam.read_functions(resolver()))


def test_the_environment_of_functions_that_agree_is_shared() -> None:
    """What functions agree on, and what one alone wants, is the process's environment."""
    one = sam.Function("One", "m", "h", {"A": "1", "B": "2"})
    two = sam.Function("Two", "m", "h", {"A": "1", "C": "3"})
    assert sam.shared_environment({"One": one, "Two": two}) == {"A": "1", "B": "2", "C": "3"}


def test_the_table_is_what_create_table_takes() -> None:
    """The table's own keys and indexes, without what CreateTable does not know; TTL apart."""
    assert sam.read_table(resolver(), "things") == sam.Table(
        create={
            "TableName": "things",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by_sk",
                    "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        },
        ttl_attribute="expires_at",
    )


def test_routes_have_their_authorization() -> None:
    """A route is open, signed, or asks the authorizer that it names."""
    found = resolver(Ttl="30")
    api = sam.read_api(found, sam.read_functions(found))
    routes = {route.key: route for route in api.routes}
    assert not routes["POST /things/{id}"].iam
    assert routes["POST /things/{id}"].authorizer is None
    assert routes["POST /operator"].iam
    keyed = routes["GET /keyed"].authorizer
    assert keyed is not None
    assert keyed.function.name == "Authorizer"
    assert keyed.identity_sources == ("$request.header.Authorization", "$request.querystring.tenant")
    assert keyed.ttl == 30


DEFINITION = ("Resources", "HttpApi", "Properties", "DefinitionBody")
OPEN = (*DEFINITION, "components", "securitySchemes", "Open", "x-amazon-apigateway-authorizer")
PATHS = (*DEFINITION, "paths")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("Resources", "Echo", "Properties", "Events", "Get", "Properties", "ApiId"), "x", "ApiId must be"),
        (("Resources", "Echo", "Properties", "Events", "Get", "Properties", "Path"), "x", "slash"),
        (
            ("Resources", "Echo", "Properties", "Events", "Get", "Properties", "PayloadFormatVersion"),
            "1.0",
            "payload format 2.0",
        ),
        (
            ("Resources", "Echo", "Properties", "Events", "Get", "Properties", "Auth"),
            {"Authorizer": "Open"},
            "only AWS_IAM is served here",
        ),
        (("Resources", "HttpApi", "Properties", "Auth", "EnableIamAuthorizer"), False, "EnableIamAuthorizer"),
        (
            ("Resources", "HttpApi", "Properties", "Auth", "DefaultAuthorizer"),
            "Open",
            "only EnableIamAuthorizer",
        ),
        (
            (*OPEN, "authorizerUri"),
            "arn:aws:lambda:us-east-1:123456789012:function:Echo",
            "none of this template",
        ),
        ((*OPEN, "enableSimpleResponses"), False, "enableSimpleResponses"),
        ((*OPEN, "authorizerPayloadFormatVersion"), "1.0", "payload format '2.0'"),
        ((*OPEN, "type"), "jwt", "only Lambda authorizers"),
        ((*OPEN, "identitySource"), ["$stageVariables.a"], "stageVariables.a is not served"),
        ((*OPEN, "authorizerResultTtlInSeconds"), 30, "only where there is an identity source"),
        ((*PATHS, "/open/{id}", "get", "security"), [{"Other": []}], "no authorizer Other"),
        ((*PATHS, "/open/{id}", "get", "security"), [{"Open": [], "Keyed": []}], "only the one authorizer"),
        ((*PATHS, "/open/{id}", "get", "parameters"), [], "only the one authorizer"),
        ((*PATHS, "/other"), {"get": {"security": [{"Open": []}]}}, "no function serves GET /other"),
        (("Resources", "HttpApi", "Properties", "CorsConfiguration"), "'*'", "long form"),
        (("Resources", "HttpApi", "Properties", "CorsConfiguration", "AllowMethods"), "GET", "not a list"),
        (("Resources", "HttpApi", "Type"), "AWS::Serverless::Api", "no such AWS::Serverless::HttpApi"),
    ],
)
def test_what_the_gateway_cannot_serve_is_refused(path: tuple[str, ...], value: Any, message: str) -> None:
    """A template that would behave otherwise on AWS is refused rather than served wrongly."""
    found = resolver()
    target: Any = found.template
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with pytest.raises(TemplateError, match=message):
        sam.read_api(found, sam.read_functions(found))


def test_the_resolver_needs_no_parameters() -> None:
    """A template without parameters, conditions or mappings resolves."""
    assert Resolver({"Resources": {}}, {"A": "b"}).resolve({"x": {"Ref": "A"}}, "here") == {"x": "b"}

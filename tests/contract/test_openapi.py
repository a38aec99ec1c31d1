"""openapi.yaml says what the template routes, what handlers take and give, and how each dialect refuses."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from local import sam, template
from signet.edge import credentials
from signet.edge.dialects.dialect import as_it_is
from signet.edge.operation import DECLARED, Variant
from signet.errors import FieldFault, InvalidRequest
from tools import openapi
from tools.openapi_examples import ANSWERS

DOCUMENT: dict[str, Any] = template.parse(openapi.FILE.read_text())
ROUTES = openapi.read_routes()
ASK = ("request_password_reset", "request_verification", "request_log_in_link", "sign_up")
GUESSED = ("log_in", "authenticate", "redeem_code", "update_me", "delete_me", *ASK)
"""Operations that try passwords or codes."""

ENVELOPES = {
    "/api/v1/": {"errors"},
    "/v1/": {"error"},
    "/v2/": {"error"},
    "/applications": {"type", "message"},
    "/oauth2/": {"error", "error_description"},
    "/.well-known/": {"error", "error_description"},
}
"""The members of a refusal, by the beginning of the path (api.md section 2)."""


def described(route: sam.Route) -> dict[str, Any]:
    """What the document says of a route."""
    operation: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return operation


def variant_of(route: sam.Route) -> Variant[Any]:
    declared = DECLARED[openapi.operation_name(route)]
    return declared.variants.get(route.key, declared.usual)


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to, or the part itself."""
    if "$ref" not in part:
        return part
    found: Any = DOCUMENT
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(found)


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Of a schema of the document, whose references lead into it."""
    return Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def media_types() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body that the document describes, with where it stands."""
    for route in ROUTES:
        for media_type, media in described(route).get("requestBody", {}).get("content", {}).items():
            yield f"{route.key} {media_type}", media
        for status, response in described(route)["responses"].items():
            if "$ref" not in response:
                yield f"{route.key} {status}", response["content"]["application/json"]
    for name, response in DOCUMENT["components"]["responses"].items():
        yield name, response["content"]["application/json"]


each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)


def test_the_file_is_what_the_handlers_say() -> None:
    """It is written by `make openapi`, which whoever changes a route or its fields has to run."""
    assert openapi.FILE.read_text() == openapi.text(), (
        "openapi.yaml is not current: run `make openapi` (python -m tools.openapi), and look at its diff"
    )


def test_it_is_openapi_3_1() -> None:
    """The validator of the specification has nothing to say."""
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_it_has_the_templates_routes_and_no_others() -> None:
    """Each once, under an operation id that is its handler's name, or begins with it."""
    documented = {f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item}
    assert documented == {route.key for route in ROUTES}
    ids = [described(route)["operationId"] for route in ROUTES]
    assert len(ids) == len(set(ids))
    assert {route.function.module.split(".")[-2] for route in ROUTES} <= set(ids)
    for route, operation_id in zip(ROUTES, ids, strict=True):
        assert operation_id.startswith(openapi.operation_name(route))


@each_route
def test_a_route_says_who_may_call_it(route: sam.Route) -> None:
    """What a scheme asks for stands in the security requirements, or in the body where it comes there."""
    security, scheme = described(route)["security"], variant_of(route).scheme
    assert all(name in DOCUMENT["components"]["securitySchemes"] for names in security for name in names)
    assert bool(security) == (
        scheme not in (credentials.PUBLIC, credentials.NAMED, credentials.API_KEY, credentials.VELT_BODY)
    )
    assert (security == [{"operator": []}]) == route.iam
    assert ("sessionTokenInCookie" in json.dumps(security)) == (route.authorizer is not None)


@each_route
def test_a_route_says_what_it_takes(route: sam.Route) -> None:
    """The path's variables, the parameters of the query, and the body in the dialect's own form."""
    declared, operation = DECLARED[openapi.operation_name(route)], described(route)
    named = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])}
    assert named == {("path", name) for name in openapi.path_parameters(route)} | {
        ("query", name) for name in declared.query
    }
    content = operation.get("requestBody", {}).get("content", {})
    assert set(content) <= {"application/x-www-form-urlencoded" if declared.is_form else "application/json"}
    for media in content.values():
        schema = resolved(media["schema"])
        others: Any = {"type": "string"} if declared.is_form else False
        assert schema.get("additionalProperties") == others, "what is unknown is refused, but in forms"
        assert (set(schema["properties"]) == {"data"}) == (variant_of(route).dialect.unwrap is not as_it_is)


@each_route
def test_a_route_says_how_it_succeeds_and_how_it_refuses(route: sam.Route) -> None:
    """With its handler's status, and with refusals in the dialect of its path, or in API Gateway's words."""
    declared, responses = DECLARED[openapi.operation_name(route)], described(route)["responses"]
    (success,) = [status for status in responses if status < "300"]
    assert success == str(declared.status)
    assert "schema" in responses[success]["content"]["application/json"]
    assert {"429", "500", "503"} <= responses.keys()
    (envelope,) = [members for start, members in ENVELOPES.items() if route.path.startswith(start)]
    for status in responses.keys() - {success}:
        response = resolved(responses[status])
        media = response["content"]["application/json"]
        for name, example in media["examples"].items():
            assert set(example["value"]) == ({"message"} if name == "Gateway" else envelope), (status, name)
        assert ("retry-after" in response["headers"]) == any(
            name in media["examples"] for name in ("TooManyAttempts", "Unavailable")
        )
    guesses = "TooManyAttempts" in resolved(responses["429"])["content"]["application/json"]["examples"]
    assert guesses == (openapi.operation_name(route) in GUESSED)


@pytest.mark.parametrize(("where", "media"), list(media_types()), ids=lambda value: str(value)[:60])
def test_an_example_is_what_its_schema_says(where: str, media: dict[str, Any]) -> None:
    """Those of requests, of answers and of refusals."""
    for name, example in media.get("examples", {}).items():
        faults = [error.message for error in validator(media["schema"]).iter_errors(example["value"])]
        assert faults == [], (where, name)


def test_each_dialect_has_an_example_of_a_request_an_answer_and_a_refusal() -> None:
    """And each example of an answer belongs to an operation."""
    assert {openapi.operation_name(route) for route in ROUTES} >= ANSWERS.keys()
    for start in ENVELOPES:
        if start != "/.well-known/":
            operations = [described(route) for route in ROUTES if route.path.startswith(start)]
            for part in ("requestBody", "responses"):
                assert any('"examples"' in json.dumps(operation.get(part)) for operation in operations)


@each_route
def test_a_route_with_a_body_has_an_example(route: sam.Route) -> None:
    """It is the body of the route's event in `events/`."""
    content = described(route).get("requestBody", {}).get("content", {})
    for media in content.values():
        if openapi.operation_name(route) not in ("invalidate_user_tokens",):
            assert media.get("examples"), "events/ has no event of the route with a body"


def whole_numbers(schema: dict[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Where a body has whole numbers, with one that each may be."""
    schema = resolved(schema)
    if schema.get("type") == "integer":
        yield path, max(1, schema.get("minimum", 1))
    for name, member in schema.get("properties", {}).items():
        yield from whole_numbers(member, *path, name)
    for option in schema.get("anyOf", []):
        yield from whole_numbers(option, *path)


@each_route
def test_a_whole_number_may_be_written_with_a_point(route: sam.Route) -> None:
    """3600.0 is a whole number in JSON Schema, as in JSON, whose numbers are of one kind."""
    for media in described(route).get("requestBody", {}).get("content", {}).values():
        inner = resolved(media["schema"])["properties"].get("data", media["schema"])
        for path, number in whole_numbers(inner):
            body: Any = float(number)
            for name in reversed(path):
                body = {name: body}
            refused: tuple[FieldFault, ...] = ()
            try:
                variant_of(route).request(body)
            except InvalidRequest as refusal:
                refused = refusal.faults
            assert path not in [fault.path for fault in refused]

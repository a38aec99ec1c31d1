"""`make openapi`: writes `openapi.yaml`, the API as OpenAPI 3.1 has it.

All of it comes from elsewhere: routes from the template, fields and answers from the handlers' models,
refusals from the dialects themselves, examples from `events/` and, of answers, `openapi_examples.py`. Whoever
adds a route has nothing to do here, unless it brings a scheme of its own (`SECURITY`). What it refuses
besides what all of its kind do stands in its handler (`refuses`).
"""

import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from inspect import getdoc
from pathlib import Path
from typing import Any, Self, get_args, get_type_hints
from urllib.parse import parse_qsl

import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from local import sam, template
from local.docs import EXAMPLE_APPLICATION
from local.invoke import import_handler
from signet import errors
from signet.edge import credentials
from signet.edge.credentials import Scheme
from signet.edge.dialects import gladly, losant, oauth, velt
from signet.edge.dialects.dialect import Dialect, as_it_is
from signet.edge.operation import DECLARED, Declared, Variant
from tools.openapi_examples import ANSWERS, GROUP_ID, USER_ID

ROOT = Path(__file__).parents[1]
FILE = ROOT / "openapi.yaml"
EVENTS = ROOT / "events"
URL = "http://127.0.0.1:3000"

type Schema = dict[str, Any]

HEX_ID = "^[0-9a-fA-F]{24}$"
PATH_PARAMETERS: Mapping[str, Schema] = {
    "applicationId": {"type": "string", "pattern": HEX_ID},
    "experienceGroupId": {"type": "string", "pattern": HEX_ID},
    "experienceUserId": {
        "type": "string",
        "minLength": 1,
        "description": "24 hex digits, `ext:` and your own id, or the e-mail address of a log-in.",
    },
}
"""The variables of paths. One that has no entry is a text."""

API_KEY_MEMBER: Schema = {"type": "string", "pattern": HEX_ID, "description": "The applicationId."}
API_TOKEN_MEMBER: Schema = {"type": "string", "minLength": 1, "description": "The application's API token."}

SECURITY_SCHEMES: Mapping[str, Schema] = {
    "apiToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The application's API token, `sgt_…`. It is for servers alone.",
    },
    "emailAndApiToken": {
        "type": "http",
        "scheme": "basic",
        "description": "Your e-mail address, for the log, and the application's API token.",
    },
    "applicationIdAndApiToken": {
        "type": "http",
        "scheme": "basic",
        "description": "The applicationId and the API token, as they stand or form-encoded (RFC 6749).",
    },
    "sessionToken": {"type": "http", "scheme": "bearer", "description": "A user's session token."},
    "sessionTokenInQuery": {"type": "apiKey", "in": "query", "name": "authorization"},
    "sessionTokenInCookie": {"type": "apiKey", "in": "cookie", "name": "authorization"},
    "veltApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-velt-api-key",
        "description": "The applicationId.",
    },
    "veltAuthToken": {
        "type": "apiKey",
        "in": "header",
        "name": "x-velt-auth-token",
        "description": "The application's API token.",
    },
    "veltWorkspaceAuthToken": {
        "type": "apiKey",
        "in": "header",
        "name": "x-velt-workspace-auth-token",
        "description": "The application's API token.",
    },
    "operator": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": "AWS Signature Version 4; whose, IAM decides. `make run` asks for none.",
    },
}

type Requirements = tuple[tuple[str, ...], ...]
"""Alternatives; of each, all are needed."""

SECURITY: Mapping[Scheme, tuple[Requirements, Mapping[str, Schema], tuple[str, ...]]] = {
    credentials.PUBLIC: ((), {}, ()),
    credentials.NAMED: ((), {}, ()),
    credentials.OPERATOR: ((("operator",),), {}, ()),
    credentials.BASIC_EMAIL: ((("emailAndApiToken",),), {}, ()),
    credentials.BEARER: ((("apiToken",),), {}, ()),
    credentials.SESSION: ((("sessionToken",),), {}, ()),
    credentials.AUTHORIZED: (
        (("sessionToken",), ("sessionTokenInQuery",), ("sessionTokenInCookie",)),
        {},
        (),
    ),
    credentials.CLIENT: (
        (("applicationIdAndApiToken",), ()),
        {"client_id": API_KEY_MEMBER, "client_secret": API_TOKEN_MEMBER},
        (),
    ),
    credentials.VELT_BODY: (
        (),
        {"apiKey": API_KEY_MEMBER, "authToken": API_TOKEN_MEMBER},
        ("apiKey", "authToken"),
    ),
    credentials.VELT_HEADERS: ((("veltApiKey", "veltAuthToken"),), {}, ()),
    credentials.VELT_KEY: (
        (
            ("veltApiKey", "veltAuthToken"),
            ("veltApiKey", "veltWorkspaceAuthToken"),
            ("veltAuthToken",),
            ("veltWorkspaceAuthToken",),
        ),
        {"apiKey": {"anyOf": [API_KEY_MEMBER, {"type": "null"}]}},
        (),
    ),
    credentials.API_KEY: ((), {"apiKey": API_KEY_MEMBER}, ("apiKey",)),
}
"""Of each scheme: what it asks for besides the body, which members of the body are its own, and which of them
have to be there."""

OPEN: Collection[Scheme] = (credentials.PUBLIC, credentials.NAMED, credentials.API_KEY)
"""The schemes that ask nobody for credentials."""

ENVELOPES: Mapping[str, Schema] = {
    "Gladly": {
        "type": "object",
        "properties": {
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "attr": {"type": "string"},
                        "code": {"type": "string", "enum": [*gladly.CODES.values()]},
                        "detail": {"type": "string"},
                    },
                    "required": ["attr", "code", "detail"],
                },
            }
        },
        "required": ["errors"],
    },
    "Losant": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": [*(name for _, name in losant.TYPES), losant.FAULT_TYPE]},
            "message": {"type": "string"},
        },
        "required": ["type", "message"],
    },
    "Oauth": {
        "type": "object",
        "properties": {
            "error": {
                "type": "string",
                "enum": sorted({*(code for _, code in oauth.CODES), oauth.FAULT_CODE}),
            },
            "error_description": {"type": "string"},
        },
        "required": ["error", "error_description"],
    },
    "Velt": {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "message": {"type": "string"},
                    "status": {
                        "type": "string",
                        "enum": sorted({*(word for _, _, word in velt.STATUSES), velt.FAULT_STATUS}),
                    },
                    "details": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "reason": {"type": "string", "enum": [word for _, word in velt.REASONS]}
                            },
                            "required": ["reason"],
                        },
                    },
                },
                "required": ["message", "status"],
            }
        },
        "required": ["error"],
    },
    "Gateway": {
        "type": "object",
        "description": "What API Gateway answers by itself.",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    },
}
"""How refusals look, by the dialect's module."""

SAID: Mapping[type[errors.SignetError], errors.SignetError] = {
    errors.InvalidRequest: errors.InvalidRequest.of("email", "is required.", errors.FaultKind.MISSING),
    errors.TooManyAttempts: errors.TooManyAttempts(
        "Too many attempts. Try again in 30 seconds.", retry_after=30
    ),
    errors.SigningUnavailable: errors.SigningUnavailable("No key can sign at the moment."),
    errors.Unavailable: errors.Unavailable("The store did not answer in time."),
}
"""Refusals as they may be, for the examples; of others, what their class says of itself is said."""

WORDS: Mapping[int, str] = {
    400: "What came is wrong; the refusal names every field that is.",
    401: "Nobody, or somebody else: the credentials are missing or wrong.",
    403: "Known, and not allowed.",
    404: "What the request names does not exist.",
    409: "It is there already.",
    413: "The body is larger than is taken.",
    429: "Too much at once: so many passwords were tried, or API Gateway throttles.",
    500: "A bug. It is logged under the x-request-id.",
    503: "What it needs did not answer in time. The same request may succeed shortly.",
}

HEADERS: Mapping[str, Schema] = {
    "x-request-id": {
        "description": "What the logs know the request by. API Gateway's own answers are without it.",
        "schema": {"type": "string"},
    },
    "retry-after": {
        "description": "In how many seconds to try again. API Gateway's own answers are without it.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "www-authenticate": {
        "description": "How to say who one is (RFC 9110 section 11.6.1).",
        "schema": {"type": "string"},
    },
}

EXAMPLE_VALUES = {
    "<applicationId>": EXAMPLE_APPLICATION,
    "<userId>": USER_ID,
    "<groupId>": GROUP_ID,
    "<userEmail>": "ann@example.com",
}
"""What stands for what only a running demo knows. Secrets stay as they are, in brackets."""


class UndescribedError(RuntimeError):
    """A route has something that cannot be described yet; the message says what to add, and where."""


class _Schemas(GenerateJsonSchema):
    """Pydantic's JSON Schemas, without what would be untrue or says nothing."""

    ignored_warning_kinds = frozenset({"skipped-choice", "non-serializable-default"})  # type: ignore[assignment]

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default of None stands for a field that was left out, where null is refused (`UNSET`)."""
        if isinstance(schema.get("default"), bool | int | str):
            return super().default_schema(schema)
        return self.generate_inner(schema["schema"])

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: FBT001
        """An answer has all members of its model, also those that have a default."""
        is_answer = self.mode == "serialization" and field["type"] == "model-field"
        return is_answer or super().field_is_required(field, total)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A pattern of names allows no others."""
        made = super().dict_schema(schema)
        if "patternProperties" in made:
            ((pattern, values),) = made.pop("patternProperties").items()
            made |= {"additionalProperties": values, "propertyNames": {"type": "string", "pattern": pattern}}
        return made

    def normalize_name(self, name: str) -> str:
        """`ListView[UserView]` is called ListViewUserView."""
        return "".join(part for part in re.split(r"[^a-zA-Z0-9_]", name) if part)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """A title would repeat the name."""
        return False


class _Models:
    """The schemas of all models, with one set of definitions."""

    def __init__(self, models: Iterable[tuple[Any, JsonSchemaMode]]) -> None:
        wanted: dict[tuple[Any, JsonSchemaMode], CoreSchema] = {}
        for model, mode in models:
            wanted[model, mode] = TypeAdapter(model).core_schema
        generator = _Schemas(by_alias=True, ref_template="#/components/schemas/{model}")
        found, definitions = generator.generate_definitions(
            [(key, mode, schema) for (key, mode), schema in wanted.items()]
        )
        self.definitions: dict[str, Schema] = {str(name): schema for name, schema in definitions.items()}
        self._found = {key: schema for (key, _), schema in found.items()}
        for schema in self.definitions.values():
            _tidy(schema)

    def of(self, model: Any) -> Schema:
        """A model's schema: a reference to its definition."""
        return dict(self._found[model])

    def name(self, model: Any) -> str:
        """The name of a model's definition."""
        return str(self._found[model]["$ref"]).rpartition("/")[2]

    def resolved(self, model: Any) -> Schema:
        """A model's definition."""
        return dict(self.definitions[self.name(model)])


class Api:
    """The description of an API, as it comes about."""

    def __init__(self) -> None:
        self.routes = read_routes()
        self._operations = {route.key: _declared(route) for route in self.routes}
        requests = [
            (model, "validation")
            for route in self.routes
            if (model := _request_model(self._variant(route))) is not None
        ]
        answers = [(_answer_model(declared), "serialization") for declared in self._operations.values()]
        self._models = _Models([*requests, *answers])  # type: ignore[list-item]
        self._bodies: dict[str, Schema] = {}
        self._responses: dict[str, Schema] = {}
        self._seen: set[str] = set()

    def description(self) -> Schema:
        """The whole document."""
        paths: dict[str, Schema] = {}
        for route in self.routes:
            paths.setdefault(route.path, {})[route.method.lower()] = self._operation(route)
        used = _reachable([paths, self._responses, self._bodies], self._models.definitions)
        schemas = {
            **{name: self._models.definitions[name] for name in used},
            **self._bodies,
            **{f"{name}Error": schema for name, schema in ENVELOPES.items()},
        }
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Signet",
                "version": "1",
                "summary": "Proves who a user is.",
                "description": "The API in words: docs/api.md. This file is written by `make openapi`.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": URL, "description": "make run; on AWS, the stack's output ApiUrl"}],
            "tags": [{"name": name} for name in sorted({_tag(route) for route in self.routes})],
            "paths": paths,
            "components": {
                "schemas": dict(sorted(schemas.items())),
                "headers": dict(HEADERS),
                "responses": dict(sorted(self._responses.items())),
                "securitySchemes": {
                    name: dict(scheme) for name, scheme in SECURITY_SCHEMES.items() if name in self._seen
                },
            },
        }

    def _variant(self, route: sam.Route) -> Variant[Any]:
        declared = self._operations[route.key]
        return declared.variants.get(route.key, declared.usual)

    def _operation(self, route: sam.Route) -> Schema:
        declared, variant = self._operations[route.key], self._variant(route)
        if variant.scheme not in SECURITY:
            raise UndescribedError(f"{route.key}: SECURITY in tools/openapi.py has no entry for its scheme")
        requirements, _, _ = SECURITY[variant.scheme]
        self._seen |= {name for names in requirements for name in names}
        doc = (getdoc(declared.operate) or "").partition("\n\n")
        described: Schema = {
            "operationId": self._operation_id(route),
            "tags": [_tag(route)],
            "summary": doc[0].replace("\n", " ").removesuffix("."),
            "security": [{name: [] for name in names} for names in requirements],
        }
        if parameters := self._parameters(route, declared, variant):
            described["parameters"] = parameters
        if body := self._request_body(route, declared, variant):
            described["requestBody"] = body
        described["responses"] = {
            str(declared.status): self._success(route, declared, variant),
            **{str(status): ref for status, ref in self._refusals(route, declared, variant)},
        }
        return described

    def _operation_id(self, route: sam.Route) -> str:
        """The operation's name; on its further routes with the path behind it."""
        name = operation_name(route)
        first = next(other for other in self.routes if other.function == route.function)
        if route == first:
            return name
        return f"{name}_{'_'.join(part.strip('{}') for part in route.path.split('/')[1:])}"

    def _parameters(self, route: sam.Route, declared: Declared, variant: Variant[Any]) -> list[Schema]:
        model = _request_model(variant)
        parameters = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": dict(PATH_PARAMETERS.get(name, {"type": "string", "minLength": 1})),
                **({"example": value} if (value := EXAMPLE_VALUES.get(_placeholder(name))) else {}),
            }
            for name in path_parameters(route)
        ]
        properties = {} if model is None else self._models.resolved(model).get("properties", {})
        for name in (name for name in properties if name in declared.query):
            schema = _not_null(properties[name])
            shown = {"description": schema.pop("description")} if "description" in schema else {}
            parameters.append({"name": name, "in": "query", **shown, "schema": schema})
        return parameters

    def _request_body(self, route: sam.Route, declared: Declared, variant: Variant[Any]) -> Schema | None:
        if route.method not in variant.scheme.methods:
            return None
        model, in_path = _request_model(variant), path_parameters(route)
        schema: Schema = {"type": "object"} if model is None else self._models.resolved(model)
        _, own, needed = SECURITY[variant.scheme]
        taken = _taken_by_scheme(variant.scheme, route)
        properties = {
            name: member
            for name, member in {**own, **schema.get("properties", {})}.items()
            if name not in (*in_path, *taken)
        }
        if not properties:
            return None
        if route.method == "PATCH":
            # What a client has read it may send back.
            said = "As the path says; or leave it out."
            properties |= {name: {"type": "string", "description": said} for name in in_path}
        required = [name for name in (*needed, *schema.get("required", ())) if name not in (*in_path, *taken)]
        body = {
            **schema,
            "properties": properties,
            # The parameters that a form has besides are ignored, as OAuth wants it.
            "additionalProperties": {"type": "string"} if declared.is_form else False,
        }
        body.pop("required", None)
        if required:
            body["required"] = required
        body_schema = body if model is None else self._named(self._models.name(model), body)
        optional = not required
        if variant.dialect.unwrap is not as_it_is:
            body_schema = {
                "type": "object",
                "properties": {"data": body_schema},
                "additionalProperties": False,
            }
            optional = _unwraps_nothing(variant.dialect)
            if not optional:
                body_schema["required"] = ["data"]
        media: Schema = {"schema": body_schema}
        if examples := _request_examples(route, is_form=declared.is_form):
            media["examples"] = examples
        media_type = "application/x-www-form-urlencoded" if declared.is_form else "application/json"
        return {"required": not optional, "content": {media_type: media}}

    def _named(self, name: str, schema: Schema) -> Schema:
        """A reference to the schema of a body under that name, or the next one that is free."""
        number = 1
        while self._bodies.setdefault(key := name if number == 1 else f"{name}{number}", schema) != schema:
            number += 1
        return {"$ref": f"#/components/schemas/{key}"}

    def _success(self, route: sam.Route, declared: Declared, variant: Variant[Any]) -> Schema:
        wrapped = _enveloped(variant.dialect.wrap({_HERE: None}), self._models.of(_answer_model(declared)))
        headers = {"x-request-id": _header("x-request-id")} | {
            name: {"schema": {"type": "string", "const": value}} for name, value in declared.headers.items()
        }
        summary = HTTPStatus(declared.status).phrase
        media: Schema = {"schema": wrapped}
        if (answer := ANSWERS.get(operation_name(route))) is not None:
            media["examples"] = {"usual": {"value": variant.dialect.wrap(answer)}}
        return {"description": summary, "headers": headers, "content": {"application/json": media}}

    def _refusals(
        self, route: sam.Route, declared: Declared, variant: Variant[Any]
    ) -> Iterable[tuple[int, Schema]]:
        """By status, in order."""
        dialect, by_status = variant.dialect, dict[int, list[errors.SignetError]]()
        for kind in refused_kinds(route, declared, variant):
            error = SAID.get(kind) or _said(kind)
            by_status.setdefault(dialect.status(error), []).append(error)
        gateway = {
            413: "Request Entity Too Large",
            429: "Too Many Requests",
            500: "Internal Server Error",
            503: "Service Unavailable",
        }
        if route.iam or route.authorizer:
            gateway[403] = "Forbidden"
        if route.authorizer:
            gateway[401] = "Unauthorized"
        for status in sorted({500, *by_status, *gateway}):
            yield status, self._refusal(dialect, variant.scheme, status, by_status.get(status, []), gateway)

    def _refusal(
        self,
        dialect: Dialect,
        scheme: Scheme,
        status: int,
        refused: Collection[errors.SignetError],
        gateway: Mapping[int, str],
    ) -> Schema:
        module = dialect.refusal.__module__.rpartition(".")[2].title()
        envelopes = [module] if refused or status == 500 else []
        examples = {type(error).__name__: {"value": dialect.refusal(error)} for error in refused}
        if status == 500:
            examples["Fault"] = {"value": dialect.fault()}
        if status in gateway:
            envelopes.append("Gateway")
            examples["Gateway"] = {"value": {"message": gateway[status]}}
        refs = [{"$ref": f"#/components/schemas/{name}Error"} for name in envelopes]
        names = ["x-request-id"]
        if any(isinstance(error, errors.TryLater) for error in refused):
            names.append("retry-after")
        if status == 401 and scheme.challenge and refused:
            names.append("www-authenticate")
        response = {
            "description": WORDS[status],
            "headers": {name: _header(name) for name in names},
            "content": {
                "application/json": {
                    "schema": refs[0] if len(refs) == 1 else {"anyOf": refs},
                    "examples": examples,
                }
            },
        }
        return self._shared(f"{envelopes[0]}{HTTPStatus(status).phrase.replace(' ', '')}", response)

    def _shared(self, name: str, response: Schema) -> Schema:
        number = 1
        while (
            self._responses.setdefault(key := name if number == 1 else f"{name}{number}", response)
            != response
        ):
            number += 1
        return {"$ref": f"#/components/responses/{key}"}


def read_routes() -> tuple[sam.Route, ...]:
    """The template's routes, in its order; their handlers are imported then."""
    loaded = template.load(ROOT / "template.yaml")
    values = sam.physical_values(loaded, URL, "table", "key")
    resolver = template.Resolver(loaded, values, sam.PARAMETERS)
    routes = sam.read_api(resolver, sam.read_functions(resolver)).routes
    for route in routes:
        import_handler(route.function)
    return routes


def operation_name(route: sam.Route) -> str:
    """The name of a route's operation: its handler's folder."""
    return route.function.module.split(".")[-2]


def path_parameters(route: sam.Route) -> list[str]:
    """The variables of a route's path."""
    return [part[1:-1] for part in route.path.split("/") if part.startswith("{")]


def refused_kinds(
    route: sam.Route, declared: Declared, variant: Variant[Any]
) -> Iterable[type[errors.SignetError]]:
    """Which refusals a route may answer with: those of its kind, and its operation's own."""
    has_body = route.method in variant.scheme.methods
    if has_body or declared.query:
        yield errors.InvalidRequest
    yield errors.RequestTooLarge
    if variant.scheme not in OPEN:
        yield errors.CredentialsMissing
        yield errors.CredentialsWrong
    if variant.scheme is credentials.API_KEY or path_parameters(route):
        yield errors.NotFound
    yield errors.Unavailable
    yield from declared.refuses


def _declared(route: sam.Route) -> Declared:
    name = operation_name(route)
    if name not in DECLARED:
        raise UndescribedError(f"{route.key}: {route.function.module} declares no operation {name}")
    return DECLARED[name]


def _tag(route: sam.Route) -> str:
    return route.function.module.split(".")[-3]


def _request_model(variant: Variant[Any]) -> type[BaseModel] | None:
    """The model of the fields, of which `parse` is given, or which a function says to make."""
    owner = getattr(variant.request, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, BaseModel):
        return owner
    made = get_type_hints(variant.request)["return"]
    return made if isinstance(made, type) and issubclass(made, BaseModel) else None


def _answer_model(declared: Declared) -> Any:
    """What the operation is annotated to give over HTTP: of several, what is no plain dictionary."""
    module = sys.modules[declared.operate.__module__]
    given = get_type_hints(declared.operate, {**vars(module), **_Unknown.names(module)})["return"]
    parts = get_args(given) if type(given).__name__ in ("UnionType", "Union") else (given,)
    typed = [part for part in parts if part != dict[str, Any]]
    if len(typed) != 1:
        raise UndescribedError(
            f"{declared.operate.__module__}: what it gives is not typed; annotate it with a TypedDict"
            " or a ResponseModel"
        )
    return typed[0]


class _Unknown:
    """Stands for what a handler imports for its annotations alone."""

    @classmethod
    def names(cls, _module: object) -> dict[str, type[Self]]:
        """Those that workflow nodes bring."""
        return {"AuthenticateUserRequest": cls, "GenerateTokenRequest": cls}


def _said(kind: type[errors.SignetError]) -> errors.SignetError:
    words = (kind.__doc__ or "").partition("\n")[0]
    return kind.of("", words) if issubclass(kind, errors.InvalidRequest) else kind(words)


def _taken_by_scheme(scheme: Scheme, route: sam.Route) -> Collection[str]:
    """The fields that the credentials become, so that no body has them."""
    del route
    if scheme is credentials.SESSION:
        return ("token",)
    return ("experience", "applicationId") if scheme is credentials.AUTHORIZED else ()


def _unwraps_nothing(dialect: Dialect) -> bool:
    try:
        dialect.unwrap({})
    except errors.InvalidRequest:
        return False
    return True


_HERE = "\0"


def _enveloped(envelope: Any, inner: Schema) -> Schema:
    """The schema of an answer as its dialect wraps it."""
    if envelope == {_HERE: None}:
        return inner
    if isinstance(envelope, dict):
        members = {name: _enveloped(member, inner) for name, member in envelope.items()}
        return {"type": "object", "properties": members, "required": list(members)}
    return {"type": "string", "const": envelope}


def _not_null(schema: Schema) -> Schema:
    """A field's schema as a query parameter has it, which is never null."""
    options = schema.get("anyOf")
    if options is None:
        return dict(schema)
    left = [option for option in options if option != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**left[0], **rest} if len(left) == 1 else {**rest, "anyOf": left}


def _header(name: str) -> Schema:
    return {"$ref": f"#/components/headers/{name}"}


def _placeholder(name: str) -> str:
    return {"experienceUserId": "<userId>", "experienceGroupId": "<groupId>"}.get(name, f"<{name}>")


def _request_examples(route: sam.Route, *, is_form: bool) -> Schema:
    """The bodies of the events that take the route, by what tells their files apart."""
    examples: Schema = {}
    name = operation_name(route)
    for path in sorted(EVENTS.glob(f"{name}.http*.json")):
        source = path.read_text()
        for placeholder, known in EXAMPLE_VALUES.items():
            source = source.replace(placeholder, known)
        event = json.loads(source)
        if event["routeKey"] == route.key and event.get("body"):
            value: Any = dict(parse_qsl(event["body"])) if is_form else json.loads(event["body"])
            examples[path.name.split(".")[1].removeprefix("http").removeprefix("_") or "usual"] = {
                "value": value
            }
    return examples


def _tidy(schema: Any) -> None:
    """Drop titles, and of what docstrings say all but the first paragraph."""
    if isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        if isinstance(schema.get("description"), str):
            schema["description"] = schema["description"].partition("\n\n")[0].replace("\n", " ")
        for member in schema.values():
            _tidy(member)
    elif isinstance(schema, list):
        for member in schema:
            _tidy(member)


def _reachable(parts: Any, definitions: Mapping[str, Schema]) -> set[str]:
    """The names of the definitions that are referred to, directly or not."""
    found: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/components/schemas/")
            if name in definitions and name not in found:
                found.add(name)
                walk(definitions[name])
            for member in part.values():
                walk(member)
        elif isinstance(part, list):
            for member in part:
                walk(member)

    walk(parts)
    return found


class _Dumper(yaml.SafeDumper):
    """Writes every reference out, and indents lists as people do."""

    def ignore_aliases(self, _data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def description() -> Schema:
    """The API, as OpenAPI 3.1 has it."""
    described = Api().description()
    plain: Schema = json.loads(json.dumps(described))
    return plain


def text() -> str:
    """The file."""
    return yaml.dump(description(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def main() -> int:
    """Write the file, and return the exit status."""
    try:
        FILE.write_text(text())
    except UndescribedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What template.yaml declares, as the gateway needs it: functions, routes, authorizers, CORS, the table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from local.template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.template import Resolver

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
API_ID: Final = "local"
STACK: Final = "signet-local"

EVENT_SOURCE: Final = "com.example.app"
EVENT_QUEUE_ARN: Final = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-events"
MAIL_FROM: Final = "no-reply@signet.example"
PARAMETERS: Final = {
    "EventSources": EVENT_SOURCE,
    "EventQueueArns": EVENT_QUEUE_ARN,
    "EventsOut": "true",
    "MailFrom": MAIL_FROM,
}
"""The parameters that are other than by default: events have to come from somewhere, and to go somewhere."""

API: Final = "HttpApi"
TABLE: Final = "Table"
SIGNING_KEY: Final = "SigningKey"

# What CreateTable takes, of what AWS::DynamoDB::Table declares. Backups are left out, and a stream that is
# not read: the embedded engine keeps every record of one in memory.
_CREATE_TABLE: Final = (
    "KeySchema",
    "AttributeDefinitions",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
)
_INDEX: Final = ("IndexName", "KeySchema", "Projection", "ProvisionedThroughput")
_SOURCES: Final = ("$request.header.", "$request.querystring.", "$context.")


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function.

    Attributes:
        name: its logical id.
        module: where its handler stands, as Python imports it from the project's root.
        attribute: the handler's name in that module.
        environment: its variables, those of Globals included.
        timeout: in seconds.
        memory: in megabytes.
    """

    name: str
    module: str
    attribute: str
    environment: Mapping[str, str]
    timeout: int = 3
    memory: int = 128

    @property
    def physical_name(self) -> str:
        """The name that AWS would know it by."""
        return physical_name(self.name)

    @property
    def arn(self) -> str:
        """Its unqualified ARN."""
        return function_arn(self.name)


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A Lambda authorizer of payload format 2.0 with simple responses.

    Attributes:
        name: its name in the API.
        function: the function that decides.
        identity_sources: such as `$request.header.Authorization`; where one is missing, the API answers 401.
        ttl: seconds for which AWS keeps a decision; nothing is kept locally.
    """

    name: str
    function: Function
    identity_sources: tuple[str, ...] = ()
    ttl: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """A route and who may use it; `authorizer` is None for everybody."""

    method: str
    path: str
    function: Function
    iam: bool = False
    authorizer: Authorizer | None = None

    @property
    def key(self) -> str:
        """The route key of an event: `POST /a/{id}`, or `$default`."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Cors:
    """The API's CorsConfiguration."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API: its routes, and CORS where it is configured."""

    routes: tuple[Route, ...]
    cors: Cors | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The table: arguments of CreateTable, and the TTL attribute where there is one."""

    create: dict[str, Any]
    ttl_attribute: str | None = None

    @property
    def key_names(self) -> tuple[str, str]:
        """The names of its partition key and of its sort key."""
        names = {part["KeyType"]: str(part["AttributeName"]) for part in self.create["KeySchema"]}
        return names["HASH"], names["RANGE"]


def physical_name(logical_id: str) -> str:
    """The name of a local resource."""
    return f"{STACK}-{logical_id}"


def bucket_name(logical_id: str) -> str:
    """The name of a local bucket: S3 takes lower case only."""
    return physical_name(logical_id).lower()


def stream_arn(table: str) -> str:
    """The ARN of a local table's stream."""
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/local"


def function_arn(logical_id: str) -> str:
    """The ARN of a local function."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{physical_name(logical_id)}"


def physical_values(template: Mapping[str, Any], url: str, table: str, key_id: str) -> dict[str, str]:
    """The values that stand locally for `!Ref`, `!GetAtt` and the pseudo parameters.

    Args:
        template: as `template.load` returns it.
        url: the gateway's own, which is the API's endpoint.
        table: the table's name.
        key_id: the KMS key's id.
    """
    values = {
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/local",
        "AWS::StackName": STACK,
        "AWS::URLSuffix": "amazonaws.com",
        API: API_ID,
        f"{API}.ApiEndpoint": url,
        f"{API}.ApiId": API_ID,
        TABLE: table,
        f"{TABLE}.Arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}",
        f"{TABLE}.StreamArn": stream_arn(table),
        SIGNING_KEY: key_id,
        f"{SIGNING_KEY}.KeyId": key_id,
        f"{SIGNING_KEY}.Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}",
    }
    for name, resource in template["Resources"].items():
        if resource.get("Type") == "AWS::Serverless::Function":
            values[name] = physical_name(name)
            values[f"{name}.Arn"] = function_arn(name)
            if "AutoPublishAlias" in resource["Properties"]:
                values[f"{name}.Alias"] = f"{function_arn(name)}:{resource['Properties']['AutoPublishAlias']}"
        elif resource.get("Type") == "AWS::SQS::Queue":
            values[name] = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{physical_name(name)}"
            values[f"{name}.QueueName"] = physical_name(name)
            values[f"{name}.Arn"] = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{physical_name(name)}"
        elif resource.get("Type") == "AWS::Events::EventBus":
            values[name] = STACK
            values[f"{name}.Arn"] = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{STACK}"
        elif resource.get("Type") == "AWS::Events::Rule":
            values[f"{name}.Arn"] = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{physical_name(name)}"
        elif resource.get("Type") == "AWS::SES::ConfigurationSet":
            values[name] = physical_name(name)
        elif resource.get("Type") == "AWS::S3::Bucket":
            values[name] = bucket_name(name)
            values[f"{name}.Arn"] = f"arn:aws:s3:::{bucket_name(name)}"
    return values


def read_table_name(template: Mapping[str, Any], resolver: Resolver) -> str:
    """The table's name: its TableName where the template gives one."""
    properties = template["Resources"].get(TABLE, {}).get("Properties", {})
    if "TableName" in properties:
        return str(resolver.resolve(properties["TableName"], f"Resources.{TABLE}.Properties.TableName"))
    return physical_name(TABLE)


def read_table(resolver: Resolver, name: str, *, has_stream: bool = False) -> Table:
    """The table's own properties, as CreateTable wants them, with its stream where that is wanted."""
    where = f"Resources.{TABLE}.Properties"
    resources = resolver.resources("AWS::DynamoDB::Table")
    if TABLE not in resources:
        raise TemplateError(f"Resources.{TABLE}: there is no such AWS::DynamoDB::Table")
    declared = resources[TABLE].get("Properties", {})
    wanted = (*_CREATE_TABLE, "TimeToLiveSpecification", *(["StreamSpecification"] if has_stream else []))
    properties = {key: resolver.resolve(declared[key], f"{where}.{key}") for key in wanted if key in declared}
    if "StreamSpecification" in properties:
        properties["StreamSpecification"] |= {"StreamEnabled": True}
    ttl = properties.pop("TimeToLiveSpecification", {})
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if kind in properties:
            properties[kind] = [{k: index[k] for k in _INDEX if k in index} for index in properties[kind]]
    return Table(
        create={"TableName": name, **properties},
        ttl_attribute=ttl.get("AttributeName") if ttl.get("Enabled") in (True, "true") else None,
    )


def read_functions(resolver: Resolver) -> dict[str, Function]:
    """Every function by logical id, Globals merged in as AWS SAM merges them."""
    shared = resolver.template.get("Globals", {}).get("Function", {})
    functions: dict[str, Function] = {}
    for name, resource in resolver.resources("AWS::Serverless::Function").items():
        where = f"Resources.{name}.Properties"
        own = resource.get("Properties", {})
        variables = {
            **shared.get("Environment", {}).get("Variables", {}),
            **own.get("Environment", {}).get("Variables", {}),
        }
        merged = {**shared, **own}
        code_uri, handler = (_required(resolver, merged, key, where) for key in ("CodeUri", "Handler"))
        module, _, attribute = handler.rpartition(".")
        path = PurePosixPath(code_uri.removeprefix("./"), *module.split("/"))
        environment = resolver.resolve(variables, f"{where}.Environment.Variables")
        functions[name] = Function(
            name=name,
            module=".".join(path.parts),
            attribute=attribute,
            environment={key: _scalar(value, f"{where}.{key}") for key, value in environment.items()},
            timeout=int(resolver.resolve(merged.get("Timeout", 3), f"{where}.Timeout")),
            memory=int(resolver.resolve(merged.get("MemorySize", 128), f"{where}.MemorySize")),
        )
    return functions


def shared_environment(functions: Mapping[str, Function]) -> dict[str, str]:
    """The variables of all functions as one environment, since all run in one process.

    Raises:
        TemplateError: where two functions want different values for one name.
    """
    merged: dict[str, tuple[str, str]] = {}
    for function in functions.values():
        for name, value in function.environment.items():
            other, present = merged.setdefault(name, (function.name, value))
            if present != value:
                raise TemplateError(
                    f"{other} and {function.name} want different values for {name}; "
                    "the local gateway runs all functions in one process, so it cannot serve both"
                )
    return {name: value for name, (_, value) in merged.items()}


def read_api(resolver: Resolver, functions: Mapping[str, Function]) -> Api:
    """The HTTP API with the routes that the functions' events declare."""
    where = f"Resources.{API}.Properties"
    apis = resolver.resources("AWS::Serverless::HttpApi")
    if API not in apis:
        raise TemplateError(f"Resources.{API}: there is no such AWS::Serverless::HttpApi")
    declared = apis[API].get("Properties", {})
    auth = resolver.resolve(declared.get("Auth", {}), f"{where}.Auth")
    if auth.keys() - {"EnableIamAuthorizer"}:
        raise TemplateError(f"{where}.Auth: only EnableIamAuthorizer is served locally")
    definition = resolver.resolve(declared.get("DefinitionBody", {}), f"{where}.DefinitionBody")
    schemes = definition.get("components", {}).get("securitySchemes", {})
    authorizers = {name: _authorizer(name, scheme, functions) for name, scheme in schemes.items()}
    guarded = {
        (method.upper(), path): _guard(
            operation, f"{where}.DefinitionBody.paths.{path}.{method}", authorizers
        )
        for path, operations in definition.get("paths", {}).items()
        for method, operation in operations.items()
    }
    cors = resolver.resolve(declared.get("CorsConfiguration", {}), f"{where}.CorsConfiguration")
    routes = [
        _route(resolver, event, f"Resources.{name}.Properties.Events.{label}", function, auth, guarded)
        for name, function in functions.items()
        for label, event in resolver.template["Resources"][name]["Properties"].get("Events", {}).items()
        if event.get("Type") == "HttpApi"
    ]
    for method, path in guarded.keys() - {(route.method, route.path) for route in routes}:
        raise TemplateError(f"{where}.DefinitionBody.paths: no function serves {method} {path}")
    return Api(routes=tuple(routes), cors=_cors(cors, f"{where}.CorsConfiguration"))


def _route(
    resolver: Resolver,
    event: Mapping[str, Any],
    where: str,
    function: Function,
    api_auth: Mapping[str, Any],
    guarded: Mapping[tuple[str, str], Authorizer],
) -> Route:
    properties = resolver.resolve(event.get("Properties", {}), f"{where}.Properties")
    if properties.get("ApiId") != API_ID:
        raise TemplateError(f"{where}: ApiId must be !Ref {API}")
    if str(properties.get("PayloadFormatVersion", "2.0")) != "2.0":
        raise TemplateError(f"{where}: only payload format 2.0 is served locally")
    method = str(properties.get("Method", "ANY")).upper().replace("X-AMAZON-APIGATEWAY-ANY-METHOD", "ANY")
    path = str(properties.get("Path", "$default"))
    if not path.startswith("/") and path != "$default":
        raise TemplateError(f"{where}: the path {path} does not start with a slash")
    name = properties.get("Auth", {}).get("Authorizer", "NONE")
    if name == "NONE":
        return Route(method, path, function, authorizer=guarded.get((method, path)))
    if name != "AWS_IAM":
        raise TemplateError(f"{where}: only AWS_IAM is served here; DefinitionBody names other authorizers")
    if not api_auth.get("EnableIamAuthorizer"):
        raise TemplateError(f"{where}: AWS_IAM needs EnableIamAuthorizer on {API}")
    return Route(method, path, function, iam=True)


def _guard(operation: Mapping[str, Any], where: str, authorizers: Mapping[str, Authorizer]) -> Authorizer:
    """The authorizer that a path of the API's own definition names: SAM adds the rest."""
    match operation:
        case {"security": [{**requirement}]} if len(operation) == len(requirement) == 1:
            (name,) = map(str, requirement)
        case _:
            raise TemplateError(f"{where}: only the one authorizer of `security` is served locally")
    if name not in authorizers:
        raise TemplateError(f"{where}: {API} has no authorizer {name}")
    return authorizers[name]


def _authorizer(name: str, scheme: Mapping[str, Any], functions: Mapping[str, Function]) -> Authorizer:
    where = f"Resources.{API}.Properties.DefinitionBody.components.securitySchemes.{name}"
    properties = scheme.get("x-amazon-apigateway-authorizer", {})
    if properties.get("type") != "request" or str(properties.get("authorizerPayloadFormatVersion")) != "2.0":
        raise TemplateError(f"{where}: only Lambda authorizers of payload format '2.0' are served locally")
    if properties.get("enableSimpleResponses") is not True:
        raise TemplateError(f"{where}: only enableSimpleResponses: true is served locally")
    uri = str(properties.get("authorizerUri"))
    arn = uri.partition(":lambda:path/2015-03-31/functions/")[2].removesuffix("/invocations")
    # An alias or a version of the function may follow its ARN.
    matching = [f for f in functions.values() if arn == f.arn or arn.startswith(f"{f.arn}:")]
    if not matching:
        raise TemplateError(f"{where}: authorizerUri {uri} names none of this template's functions")
    sources = tuple(properties.get("identitySource", []))
    ttl = int(properties.get("authorizerResultTtlInSeconds", 0))
    for source in sources:
        if not source.startswith(_SOURCES):
            raise TemplateError(f"{where}: the identity source {source} is not served locally")
    if ttl and not sources:
        raise TemplateError(f"{where}: a decision can be kept only where there is an identity source")
    return Authorizer(name, matching[0], sources, ttl=ttl)


def _cors(declared: Any, where: str) -> Cors | None:
    if declared == {} or declared is False:
        return None
    if not isinstance(declared, dict):
        raise TemplateError(f"{where}: only the long form is served locally")
    lists: dict[str, tuple[str, ...]] = {}
    for name in ("AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders"):
        value = declared.get(name, [])
        if not isinstance(value, list):
            raise TemplateError(f"{where}.{name} is not a list")
        lists[name] = tuple(str(item) for item in value)
    max_age = declared.get("MaxAge")
    return Cors(
        origins=lists["AllowOrigins"],
        methods=lists["AllowMethods"],
        headers=lists["AllowHeaders"],
        exposed=lists["ExposeHeaders"],
        max_age=None if max_age is None else int(max_age),
        credentials=declared.get("AllowCredentials") in (True, "true"),
    )


def _required(resolver: Resolver, properties: Mapping[str, Any], name: str, where: str) -> str:
    if name not in properties:
        raise TemplateError(f"{where}: {name} is missing")
    return str(resolver.resolve(properties[name], f"{where}.{name}"))


def _scalar(value: Any, where: str) -> str:
    if isinstance(value, list | dict) or value is None:
        raise TemplateError(f"{where}: an environment variable must be text")
    return str(value).lower() if isinstance(value, bool) else str(value)

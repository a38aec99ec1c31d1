"""What `sam build` left for this machine, and the environment that its functions want."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import sam, template
from tools.runtime_api import BuiltFunction

ROOT = Path(__file__).parents[1]
BUILD = ROOT / ".aws-sam" / "host"
RUNTIME_PYTHON = ROOT / ".tools" / "runtime" / "bin" / "python"

# ExtendDB knows this one alone, moto takes any: AWS's documented example.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """A function by the name of its folder, such as `issue_identity_token`, with its build."""

    name: str
    function: BuiltFunction


def read_operations(build: Path = BUILD) -> list[Operation]:
    """Return all the functions of a build."""
    built = template.load(build / "template.yaml")
    source = template.load(ROOT / "template.yaml")
    shared = built.get("Globals", {}).get("Function", {})
    operations = []
    for name, resource in built["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        own = resource["Properties"]
        layers = [*shared.get("Layers", []), *own.get("Layers", [])]
        function = BuiltFunction(
            name=name,
            code=build / own["CodeUri"],
            layers=tuple(_layer(build, built, layer) for layer in layers),
            handler=own.get("Handler", shared.get("Handler")),
        )
        code = Path(source["Resources"][name]["Properties"]["CodeUri"])
        operations.append(Operation(code.name, function))
    return operations


def find_operation(operations: list[Operation], name: str) -> Operation | None:
    """Return the function of a logical id or an operation's name."""
    return next((o for o in operations if name in (o.name, o.function.name)), None)


def environment(operation: Operation, demo: Mapping[str, str]) -> dict[str, str]:
    """Return the template's variables for a function, resolved against a running demo."""
    return environments(demo)[operation.function.name]


def environments(demo: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return those of all functions, by logical id."""
    source = template.load(ROOT / "template.yaml")
    physical = sam.physical_values(source, demo["url"], demo["tableName"], demo["kmsKeyId"])
    dynamodb, others = demo["awsEndpointUrl"], demo["lambdaEndpointUrl"]
    aws = {
        **CREDENTIALS,
        "AWS_REGION": sam.REGION,
        "AWS_DEFAULT_REGION": sam.REGION,
        "AWS_ENDPOINT_URL": others,
        **({} if dynamodb == others else {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb}),
    }
    functions = sam.read_functions(template.Resolver(source, physical, sam.PARAMETERS))
    return {name: {**function.environment, **aws} for name, function in functions.items()}


def _layer(build: Path, built: Mapping[str, Any], layer: Mapping[str, str]) -> Path:
    return build / str(built["Resources"][layer["Ref"]]["Properties"]["ContentUri"])

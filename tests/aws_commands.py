"""Whether the `aws` CLI would take a command, by the models that it has of AWS's APIs (botocore's)."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator
from botocore.waiter import WaiterModel

_EVERYWHERE = {
    *("cli-binary-format", "cli-read-timeout", "endpoint-url", "output", "profile", "query", "region"),
}
_OF_ITS_OWN = {
    ("cloudformation", "deploy"): {
        *("stack-name", "template-file", "parameter-overrides", "capabilities", "s3-bucket"),
    },
    ("s3", "cp"): {"recursive", "sse", "sse-kms-key-id"},
    ("logs", "tail"): {"follow", "since", "format", "filter-pattern"},
}
"""Commands that are no operation of an API, with their options."""

_LOADER = Loader()


def check(words: Sequence[str]) -> None:
    """Take a command apart.

    Args:
        words: Those behind `aws`.

    Raises:
        AssertionError: there is no such command, option or parameter, or a value is none for it.
    """
    service, operation, *rest = words
    if (service, operation) in _OF_ITS_OWN:
        unknown = {name for name, _ in _options(rest)} - _EVERYWHERE - _OF_ITS_OWN[service, operation]
        assert not unknown, f"aws {service} {operation} has no --{min(unknown)}"
        return
    model = ServiceModel(_LOADER.load_service_model(service, "service-2"), service)
    if operation == "wait":
        waiters = WaiterModel(_LOADER.load_service_model(service, "waiters-2"))
        names = {xform_name(name, "-"): name for name in waiters.waiter_names}
        operation, *rest = xform_name(waiters.get_waiter(names[rest[0]]).operation, "-"), *rest[1:]
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in operations, f"aws {service} has no {operation}"
    expected = model.operation_model(operations[operation]).input_shape
    assert expected is not None, operation
    report = ParamValidator().validate(dict(_parameters(expected, rest)), expected)
    assert not report.has_errors(), f"aws {service} {operation}: {report.generate_report()}"


def _options(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each option with the words behind it; those before the first one are left out."""
    name, values = "", list[str]()
    for word in [*words, "--"]:
        if word.startswith("--"):
            if name:
                yield name, values
            name, values = word.removeprefix("--"), []
        else:
            values.append(word)


def _parameters(expected: StructureShape, words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    members = {xform_name(name, "-"): (name, shape) for name, shape in expected.members.items()}
    for option, values in _options(words):
        if option in _EVERYWHERE:
            continue
        plain = option.removeprefix("no-") if option not in members else option
        assert plain in members, f"there is no --{option}"
        name, shape = members[plain]
        yield name, option == plain if shape.type_name == "boolean" else _value(shape, values)


def _value(shape: Shape, words: Sequence[str]) -> Any:
    first = words[0]
    if shape.type_name in ("structure", "list", "map"):
        if first[:1] in "{[":
            return json.loads(first)
        if isinstance(shape, StructureShape):
            pairs = (pair.split("=", 1) for pair in first.split(","))
            return {key: _value(shape.members[key], [text]) for key, text in pairs}
        return list(words)
    if shape.type_name == "boolean":
        return {"true": True, "false": False}[first]
    if shape.type_name in ("integer", "long"):
        return int(first)
    return first

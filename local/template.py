"""A CloudFormation template, loaded and resolved against the local resources.

Resolution is lazy: only what is asked for is resolved, so that a resource which nothing here needs (an alarm,
a dashboard) may use whatever CloudFormation offers. What is asked for and cannot be resolved is an error that
names the place; it never becomes an empty string.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PLACEHOLDER: Final = re.compile(r"\$\{(?P<name>[^}]+)\}")
_NO_VALUE: Final = object()


class TemplateError(Exception):
    """The template says something that the local gateway cannot serve faithfully."""


# libyaml's, where PyYAML was built with it, takes a tenth of the time.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """SafeLoader that reads CloudFormation's short tags as their long forms."""


def _short_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise TemplateError(f"!{suffix}: unknown kind of YAML node")
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)


def parse(text: str) -> Any:
    """Read YAML with CloudFormation's short tags in their long forms (`!Ref X` is `{"Ref": "X"}`)."""
    # The loader is a SafeLoader with one more constructor, which builds plain dictionaries.
    return yaml.load(text, Loader=_Loader)  # noqa: S506


def load(path: Path) -> dict[str, Any]:
    """Read a template, as `parse` does."""
    try:
        template = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TemplateError(f"{path.name} is missing: run this from the project's root") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"{path.name} is not YAML: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError(f"{path.name} has no Resources")
    return template


class Resolver:
    """Resolves a template's intrinsic functions.

    Args:
        template: as `load` returns it.
        physical: the local resources' values: `"Table"` for `!Ref Table`, `"Table.Arn"` for `!GetAtt
            Table.Arn`, `"AWS::Region"` for the pseudo parameter.
        parameters: values that replace parameters' defaults.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        physical: Mapping[str, str],
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self.template = template
        self._physical = physical
        self._parameters = parameters or {}
        self._functions: dict[str, Callable[[Any, str], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::If": self._if,
            "Fn::Equals": lambda value, where: len(set(self._texts(value, where, 2))) == 1,
            "Fn::And": lambda value, where: all(self._bools(value, where)),
            "Fn::Or": lambda value, where: any(self._bools(value, where)),
            "Fn::Not": lambda value, where: not self._bools(value, where)[0],
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
        }

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of a type by logical id, unresolved, without those whose condition is false."""
        kept: dict[str, dict[str, Any]] = {}
        for name, resource in self.template["Resources"].items():
            if resource.get("Type") != kind:
                continue
            condition = resource.get("Condition")
            if condition is None or self._condition(condition, f"Resources.{name}"):
                kept[name] = resource
        return kept

    def resolve(self, value: Any, where: str) -> Any:
        """Resolve a value of any depth.

        Args:
            value: a part of the template.
            where: its place in the template, for error messages.

        Raises:
            TemplateError: for an intrinsic function that is not known here, or a reference to nothing.
        """
        resolved = self._resolve(value, where)
        if resolved is _NO_VALUE:
            raise TemplateError(f"{where}: AWS::NoValue stands where a value is needed")
        return resolved

    def _resolve(self, value: Any, where: str) -> Any:
        if isinstance(value, list):
            items = (self._resolve(item, f"{where}[{index}]") for index, item in enumerate(value))
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            # `Condition` is an ordinary member outside conditions (an IAM statement has one, a mapping).
            if name in self._functions and not (name == "Condition" and isinstance(argument, dict)):
                return self._functions[name](argument, where)
            if str(name).startswith("Fn::"):
                raise TemplateError(f"{where}: {name} is not supported by the local gateway")
        members = ((name, self._resolve(member, f"{where}.{name}")) for name, member in value.items())
        return {name: member for name, member in members if member is not _NO_VALUE}

    def _ref(self, name: Any, where: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._physical:
            return self._physical[name]
        if name in self.template.get("Parameters", {}):
            return self._parameter(name, where)
        raise TemplateError(f"{where}: !Ref {name} has no local value")

    def _parameter(self, name: str, where: str) -> Any:
        declared = self.template["Parameters"][name]
        kind = str(declared.get("Type", "String"))
        if name in self._parameters:
            value: Any = self._parameters[name]
        elif "Default" in declared:
            value = declared["Default"]
        else:
            raise TemplateError(f"{where}: parameter {name} has no Default, so it has no local value")
        if kind.startswith("AWS::SSM::"):
            raise TemplateError(f"{where}: parameter {name} comes from Systems Manager, which is not local")
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            return [item.strip() for item in str(value).split(",")] if value != "" else []
        return _text(value) if kind == "String" else value

    def _get_att(self, value: Any, where: str) -> str:
        name = (
            ".".join(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value
        )
        if name not in self._physical:
            raise TemplateError(f"{where}: !GetAtt {name} has no local value")
        return self._physical[name]

    def _sub(self, value: Any, where: str) -> str:
        text, variables = value if isinstance(value, list) else (value, {})
        values = {name: self.resolve(member, f"{where}.{name}") for name, member in variables.items()}

        def replace(match: re.Match[str]) -> str:
            name = match["name"].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in values:
                value = values[name]
            elif "." in name:
                value = self._get_att(name, where)
            else:
                value = self._ref(name, where)
            if value is _NO_VALUE or isinstance(value, list | dict):
                raise TemplateError(f"{where}: ${{{name}}} is not text")
            return _text(value)

        return _PLACEHOLDER.sub(replace, text)

    def _condition(self, name: Any, where: str) -> bool:
        conditions = self.template.get("Conditions", {})
        if name not in conditions:
            raise TemplateError(f"{where}: there is no condition {name}")
        result = self._resolve(conditions[name], f"Conditions.{name}")
        if not isinstance(result, bool):
            raise TemplateError(f"Conditions.{name} is not a condition")
        return result

    def _if(self, value: Any, where: str) -> Any:
        condition, then, otherwise = self._list(value, where, 3)
        return self._resolve(then if self._condition(condition, where) else otherwise, where)

    def _join(self, value: Any, where: str) -> str:
        separator, items = self._list(value, where, 2)
        return str(separator).join(self._texts(items, where))

    def _select(self, value: Any, where: str) -> Any:
        index, items = (self.resolve(item, where) for item in self._list(value, where, 2))
        try:
            return items[int(index)]
        except (IndexError, TypeError, ValueError) as error:
            raise TemplateError(f"{where}: Fn::Select has no item {index}") from error

    def _split(self, value: Any, where: str) -> list[str]:
        separator, text = self._texts(value, where, 2)
        return text.split(separator)

    def _find_in_map(self, value: Any, where: str) -> Any:
        name, first, second = self._texts(value, where, 3)
        try:
            return self.template["Mappings"][name][first][second]
        except KeyError as error:
            raise TemplateError(f"{where}: Mappings have no {name}.{first}.{second}") from error

    def _bools(self, value: Any, where: str) -> list[bool]:
        items = [self._resolve(item, where) for item in self._list(value, where)]
        if not items or not all(isinstance(item, bool) for item in items):
            raise TemplateError(f"{where}: a condition was expected")
        return items

    def _texts(self, value: Any, where: str, length: int | None = None) -> list[str]:
        items = self.resolve(value, where)
        return [_text(item) for item in self._list(items, where, length)]

    @staticmethod
    def _list(value: Any, where: str, length: int | None = None) -> list[Any]:
        if not isinstance(value, list) or (length is not None and len(value) != length):
            raise TemplateError(f"{where}: a list{f' of {length}' if length else ''} was expected")
        return value


def _text(value: Any) -> str:
    """A scalar as CloudFormation writes it: booleans are `true` and `false`."""
    return str(value).lower() if isinstance(value, bool) else str(value)

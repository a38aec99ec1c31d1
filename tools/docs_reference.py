"""All routes in words, made of openapi.yaml for `make docs` (tools/docs_site.py)."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).parents[1] / "openapi.yaml"

type Node = Mapping[str, Any]

_BOUNDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "maxProperties": "at most {} members",
    "pattern": "`{}`",
}


def routes() -> str:
    """Every route and every object, in Markdown."""
    return "\n".join(_Reference(yaml.safe_load(SOURCE.read_text())).lines()) + "\n"


class _Reference:
    def __init__(self, described: Node) -> None:
        self._described = described

    def lines(self) -> Iterator[str]:
        """Routes by their tags, then objects."""
        for tag in self._described["tags"]:
            yield from ("", f"## {tag['name'].capitalize()}")
            for path, methods in self._described["paths"].items():
                for method, operation in methods.items():
                    if tag["name"] in operation["tags"]:
                        yield from self._operation(method.upper(), path, operation)
        yield from ("", "## Objects")
        for name, schema in self._described["components"]["schemas"].items():
            yield from ("", f"### {name}", "")
            yield from self._schema(schema)

    def _found(self, node: Node) -> Node:
        """What a reference leads to, or the node itself."""
        while "$ref" in node:
            found: Any = self._described
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = found
        return node

    def _operation(self, method: str, path: str, operation: Node) -> Iterator[str]:
        yield from (
            "",
            f"### {operation['operationId']}",
            "",
            f"`{method} {path}`",
            "",
            f"{operation['summary']}.",
        )
        yield from ("", f"- *Who*: {self._who(operation)}")
        for parameter in map(self._found, operation.get("parameters", ())):
            needed = ", required" if parameter.get("required") else ""
            kind = self._type(parameter["schema"])
            told = f" {parameter['description']}" if "description" in parameter else ""
            yield f"- *{parameter['in'].capitalize()}* `{parameter['name']}`{needed}: {kind}.{told}"
        body = self._found(operation.get("requestBody", {}))
        for media, content in body.get("content", {}).items():
            form = " as a form" if "form" in media else ""
            yield f"- *Takes*{form} {self._type(content['schema'])}"
        for status, answer in operation["responses"].items():
            yield f"- *{status}* {self._answer(status, self._found(answer))}"
        for content in body.get("content", {}).values():
            for example in content.get("examples", {}).values():
                yield from self._example(example["value"])

    def _who(self, operation: Node) -> str:
        schemes = self._described["components"]["securitySchemes"]
        ways = [
            " and ".join(self._scheme(schemes[name]) for name in way)
            for way in operation.get("security", self._described.get("security", ()))
        ]
        return ", or ".join(ways) or "anybody"

    @staticmethod
    def _scheme(scheme: Node) -> str:
        how = (
            f"HTTP {scheme['scheme'].capitalize()}"
            if scheme["type"] == "http"
            else f"{scheme['in']} `{scheme['name']}`"
        )
        return f"{how} ({scheme['description'].rstrip('.')})" if "description" in scheme else how

    def _answer(self, status: str, answer: Node) -> str:
        kinds = [self._type(content["schema"]) for content in answer.get("content", {}).values()]
        told = answer.get("description") or HTTPStatus(int(status)).phrase
        return f"{', '.join(kinds)}. {told}".lstrip(". ")

    @staticmethod
    def _example(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield from ("", "```text", value, "```")
        else:
            yield from ("", "```json", json.dumps(value, indent=2, ensure_ascii=False), "```")

    def _schema(self, schema: Node) -> Iterator[str]:
        if "description" in schema:
            yield from (" ".join(schema["description"].split()), "")
        fields = schema.get("properties")
        if not fields:
            yield f"{self._type({**schema, 'description': ''})}."
            return
        yield from ("| field | | |", "| --- | --- | --- |")
        for name, field in fields.items():
            needed = "required" if name in schema.get("required", ()) else ""
            told = " ".join(field.get("description", "").split())
            kind = self._type(field)
            yield f"| `{name}` | {needed} | {kind}{'. ' if told else ''}{told} |".replace("\\|", "|")

    def _type(self, schema: Any) -> str:
        if isinstance(schema, bool):
            return "anything" if schema else "nothing"
        if "$ref" in schema:
            name = schema["$ref"].split("/")[-1]
            return f"[{name}](#{name.lower()})"
        for many in ("anyOf", "oneOf"):
            if many in schema:
                return " or ".join(self._type(part) for part in schema[many])
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
        kind = schema.get("type", "anything")
        if isinstance(kind, list):
            kind = " or ".join(kind)
        if kind == "array":
            kind = f"list of {self._type(schema.get('items', True))}"
        elif kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            kind = f"object of {self._type(schema['additionalProperties'])}"
        bounds = [text.format(schema[name]) for name, text in _BOUNDS.items() if name in schema]
        if "format" in schema:
            bounds.insert(0, schema["format"])
        if "default" in schema:
            bounds.append(f"else `{json.dumps(schema['default'])}`")
        return ", ".join([str(kind), *bounds]).replace("|", "\\|")

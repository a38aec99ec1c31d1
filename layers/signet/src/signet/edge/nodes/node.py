"""What all nodes share: how they come, and what is made of their templates."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, model_validator

from signet.domain import templates
from signet.domain.strict_json import Members
from signet.edge.fields.model import UNSET, ExtraData, MaxAge, RequestModel
from signet.errors import InvalidRequest, shown

OPERATIONS = {"ExperienceUserAuthNode": "authenticate", "ExperienceUserTokenNode": "issue_session_token"}
"""By the type of an exported node the function that does what it does."""


def _blank_is_none(text: str | None) -> str | None:
    return text if text and text.strip() else None


type Text = Annotated[str | None, AfterValidator(_blank_is_none)]
"""Left out, null or blank: all the same. An exported node has a blank where nobody wrote anything."""


class Node(RequestModel):
    """A node's configuration: the fields alone, or the whole node as Losant exports it."""

    exported_type: ClassVar[str]
    in_meta: ClassVar[tuple[str, ...]] = ()
    """Fields that an exported node has in its `meta`, among much about its place on the canvas."""

    invalidate_existing_tokens: bool | None = None
    ttl_template: Text = None
    extra_data_json_template: Text = None

    @model_validator(mode="before")
    @classmethod
    def _exported(cls, node: object) -> object:
        match node:
            case {"config": dict(config), **others}:
                kind, meta = others.get("type", cls.exported_type), others.get("meta")
            case {"config": _}:
                raise InvalidRequest.of(
                    "node", "has a config that is no JSON object, as an exported node has one."
                )
            case _:
                return node
        if kind != cls.exported_type:
            function = OPERATIONS.get(kind) if isinstance(kind, str) else None
            hint = f"send it to the function {function}" if function else f"{cls.exported_type} is taken here"
            raise InvalidRequest.of("node", f"has the type {shown(str(kind))}; {hint}.")
        aside = meta if isinstance(meta, dict) else {}
        return {name: aside[name] for name in cls.in_meta if name in aside} | config


class _NewToken(RequestModel):
    """What the templates of a new token resolve to, under the templates' names."""

    ttl_template: MaxAge = UNSET
    extra_data_json_template: ExtraData = UNSET


class _Resolved(RequestModel):
    node: _NewToken


def new_token(node: Node, payload: Members) -> tuple[int | None, dict[str, Any] | None]:
    """The max age in milliseconds and the extra data that a node asks for; None where it asks for none.

    Raises:
        InvalidRequest: A template holds more than references, or resolves to no positive number or to no
            small JSON object. A max age that resolves to nothing must not make an eternal token.
    """
    given: Members = {}
    if (ttl := node.ttl_template) is not None:
        given["ttlTemplate"] = templates.render_number(ttl, payload, "node.ttlTemplate")
    if (extra := node.extra_data_json_template) is not None:
        field = "node.extraDataJsonTemplate"
        given["extraDataJsonTemplate"] = templates.render_object(extra, payload, field)
    resolved = _Resolved.parse({"node": given}).node
    return resolved.ttl_template, resolved.extra_data_json_template

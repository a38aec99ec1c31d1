"""What a stranger reads who sends something wrong: what was wrong, and what would be right."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from pydantic import ValidationError

from signet.edge.fields.model import DESCRIBED, RequestModel
from signet.edge.nodes.authenticate_user import AuthenticateUser
from signet.edge.nodes.generate_token import GenerateToken
from signet.errors import InvalidRequest
from tests.deployment import ROOT

WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    " ",
    "x",
    "ü" * 3000,
    [],
    [None],
    {},
    {"a": None},
    {"?": ""},
]

FOR_DEVELOPERS = re.compile(
    r"\^|\[0-9|regular expression|pattern|NoneType|instance of|dictionary|iterable|<class"
    r"|valid (string|integer|list|bool)"
)
"""Words of the parser's, which say nothing to who sends JSON."""


def models() -> Iterator[type[RequestModel]]:
    """Every request model that a handler knows."""
    for path in sorted((ROOT / "functions").glob("*/*/handler.py")):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, RequestModel) and kind is not RequestModel:
                yield kind
    # What a handler imports only where a node comes.
    yield from (AuthenticateUser, GenerateToken)


MODELS = sorted(set(models()), key=lambda model: model.__name__)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_message_is_for_who_sends_json(model: type[RequestModel]) -> None:
    """Whatever is wrong with whichever field: no expression, no type of Python's, and the field is named."""
    fields = [field.alias or name for name, field in model.model_fields.items()]
    assert fields
    for name in fields:
        for wrong in WRONG:
            try:
                model.parse({name: wrong})
            except InvalidRequest as refusal:
                for fault in refusal.faults:
                    assert not FOR_DEVELOPERS.search(fault.message), (name, wrong, fault.message)
                    assert fault.message.endswith("."), fault.message
                    assert "[key]" not in fault.dotted
                    assert fault.dotted.partition(".")[0].partition("[")[0] in fields


def test_whatever_has_bounds_or_a_pattern_says_what_is_right() -> None:
    """In the words of its description; pydantic's own would be the bounds alone, or the expression."""
    seen = 0
    for model in MODELS:
        for name in (field.alias or name for name, field in model.model_fields.items()):
            for wrong in WRONG:
                for detail in details(model, name, wrong):
                    if detail["type"] in DESCRIBED:
                        seen += 1
                        message = refusal_of(model, name, wrong)
                        assert "must be a" in message or "must be 1 to 64" in message, (model, name, message)
    assert seen > 50


def details(model: type[RequestModel], name: str, wrong: Any) -> list[Any]:
    """What pydantic finds wrong with the field."""
    try:
        model.model_validate({name: wrong})
    except ValidationError as error:
        return [detail for detail in error.errors() if detail["loc"][:1] == (name,) and wrong is not None]
    return []


def refusal_of(model: type[RequestModel], name: str, wrong: Any) -> str:
    """What is said of the field."""
    with pytest.raises(InvalidRequest) as caught:
        model.parse({name: wrong})
    return " ".join(fault.message for fault in caught.value.faults if fault.path[:1] == (name,))

"""docs/errors.md says of every refusal what it is, and how each dialect puts it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from signet import errors
from signet.edge.dialects import gladly, losant, oauth, velt
from signet.edge.dialects.dialect import Dialect, status_of
from tests.deployment import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text()
DIRECT = {"UnsupportedEvent"}
"""Raised to who invokes a function, never over HTTP."""


def kinds(above: type[errors.SignetError] = errors.SignetError) -> Iterator[type[errors.SignetError]]:
    """Every class of refusals."""
    for kind in above.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from kinds(kind)


RAISED = [
    kind
    for kind in kinds()
    if any(
        re.search(rf"\braise {kind.__name__}\b|\b{kind.__name__}(\.of)?\(", path.read_text())
        for folder in ("layers/signet/src/signet", "functions")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "errors.py"
    )
]


def refusal(kind: type[errors.SignetError]) -> errors.SignetError:
    """One of a kind."""
    return kind.of("field", "is wrong.") if issubclass(kind, errors.InvalidRequest) else kind("No.")


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, cell by cell."""
    (section,) = re.findall(rf"(?ms)^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE)
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in re.findall(r"(?m)^\|.*\|$", section)[2:]
    ]


def test_every_refusal_is_explained() -> None:
    """By its code and its status, with what it means and what to do."""
    told = {
        code.strip("`"): (status, bool(means and do)) for code, status, means, do in rows("Every refusal")
    }
    expected = {
        kind.code: ("none" if kind.code in DIRECT else str(status_of(refusal(kind))), True) for kind in RAISED
    }
    assert told == expected, "docs/errors.md, section Every refusal: a line for each, with its status"


def gladly_words(body: dict[str, Any]) -> str:
    (error,) = body["errors"]
    if error["attr"] == "field":
        return "the field's path | " + ", ".join(f"`{code}`" for code in gladly.CODES.values())
    return f"`{error['attr']}` | `{error['code']}`"


def losant_words(body: dict[str, Any]) -> str:
    return f"`{body['type']}`"


def velt_words(body: dict[str, Any]) -> str:
    reasons = [detail["reason"] for detail in body["error"].get("details", ())]
    return f"`{body['error']['status']}` | {', '.join(f'`{reason}`' for reason in reasons)}"


def oauth_words(body: dict[str, Any]) -> str:
    return f"`{body['error']}`"


@pytest.mark.parametrize(
    ("heading", "head", "words", "dialects"),
    [
        ("Gladly's routes", "`attr` | `code`", gladly_words, {"": gladly.GLADLY}),
        ("Losant's routes", "`type`", losant_words, {"": losant.LOSANT}),
        (
            "Velt's routes",
            "`status` | `reason`",
            velt_words,
            {"": velt.velt("", version=2), " (v1)": velt.velt("", version=1)},
        ),
        ("OAuth's routes", "`error`", oauth_words, {"": oauth.OAUTH}),
    ],
)
def test_every_dialect_is_as_it_is(heading: str, head: str, words: Any, dialects: dict[str, Dialect]) -> None:
    """Its statuses and codes, each with the refusals that it stands for."""
    found: dict[str, list[str]] = {}
    for mark, dialect in dialects.items():
        for kind in RAISED:
            if kind.code not in DIRECT:
                error = refusal(kind)
                told = f"{dialect.status(error)} | {words(dialect.refusal(error))}"
                if f"`{kind.code}`" not in found.setdefault(told, []):
                    found[told].append(f"`{kind.code}`{mark}")
        found.setdefault(f"500 | {words(dialect.fault())}", ["a fault of Signet's"])
    lines = [f"| {told} | {', '.join(codes)} |" for told, codes in sorted(found.items()) if codes]
    table = "\n".join([f"| status | {head} | refusals |", "| --- " * (head.count("|") + 3) + "|", *lines])
    assert table in PAGE, f"docs/errors.md, section {heading}, has to have this table:\n{table}"

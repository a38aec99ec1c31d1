"""The code blocks of the documentation, as the tests read them: fenced, each with its language."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deployment import ROOT

PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
)
UNFENCED = "indented"
_FENCE = re.compile(r"( *)(`{3,})(.*)")
_STRING_OR_ELISION = re.compile(r'"(?:[^"\\]|\\.)*"|…[^"}\]\n]*')
_STATUS = re.compile(r"\s*(\d{3} )?\s*")
_REMARK = re.compile(r'(?:(?!\d{3} [{\[])[^\n{}\[\]"])*')


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: Its path from the repository's root.
        line: Of its first fence, from 1.
        heading: The one that it stands under.
        language: What the fence says; empty where it says nothing, `UNFENCED` where there is none.
        code: Without fences and indentation.
    """

    page: str
    line: int
    heading: str
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a page, in its order."""
    page, heading, listed = str(path.relative_to(ROOT)), "", False
    lines = path.read_text().splitlines()
    rest = enumerate(lines, 1)
    for number, line in rest:
        above = lines[number - 2] if number > 1 else ""
        if fence := _FENCE.fullmatch(line):
            indentation, ticks, language = fence.groups()
            code = []
            for _, inner in rest:
                if inner.strip() == ticks:
                    break
                code.append(inner.removeprefix(indentation))
            yield Block(page, number, heading, language.strip(), "\n".join(code) + "\n")
        elif line.startswith("#"):
            heading = line.lstrip("# ")
        elif re.match(r"[-*] |\d+\. ", line):
            listed = True
        elif line and not line.startswith(" "):
            listed = listed and bool(above.strip())
        elif not above.strip() and re.match(r" {7}" if listed else r" {4}", line):
            yield Block(page, number, heading, UNFENCED, line)


BLOCKS = tuple(block for path in PAGES for block in blocks(path))


def of(language: str, page: str | None = None) -> list[Block]:
    """The blocks in a language, of all pages or of one."""
    return [block for block in BLOCKS if block.language == language and page in (None, block.page)]


def values(code: str) -> list[Any]:
    """The JSON values of a block, each of which may have a status before it and a remark behind it.

    `…` outside of a string stands for what is left out, up to the end of its object, list or line.

    Raises:
        ValueError: it is not JSON.
    """
    whole = _STRING_OR_ELISION.sub(lambda found: found.group() if found.group()[0] == '"' else "", code)
    whole = re.sub(r",(\s*[}\]])", r"\1", whole)
    found, at = [], 0
    while at < len(whole.rstrip()):
        at = _STATUS.match(whole, at).end()  # type: ignore[union-attr]
        value, end = json.JSONDecoder().raw_decode(whole, at)
        if isinstance(value, str) and whole[end : end + 1] == ":":  # a member alone
            value, end = json.JSONDecoder().raw_decode(f"{{{whole[at:].rstrip()}}}")[0], len(whole)
        found.append(value)
        at = _REMARK.match(whole, end).end()  # type: ignore[union-attr]
    return found

"""What docs/security.md and docs/asvs.md claim names tests that there are, and leaves nothing out."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.deployment import ROOT

SECURITY = ROOT / "docs/security.md"
ASVS = ROOT / "docs/asvs.md"
LAYER = ROOT / "layers/signet/src/signet"

REQUIREMENTS = [
    f"{section}.{number}"
    for section, count in {
        "6.1": 3,
        "6.2": 12,
        "6.3": 8,
        "6.4": 6,
        "6.5": 8,
        "6.6": 4,
        "6.7": 2,
        "6.8": 4,
        "7.1": 3,
        "7.2": 4,
        "7.3": 2,
        "7.4": 5,
        "7.5": 3,
        "7.6": 2,
        "9.1": 3,
        "9.2": 4,
        "11.1": 4,
        "11.2": 5,
        "11.3": 5,
        "11.4": 4,
        "11.5": 2,
        "11.6": 2,
        "11.7": 2,
    }.items()
    for number in range(1, count + 1)
]
"""Of the chapters V6, V7, V9 and V11 of OWASP ASVS 5.0.0."""

POINTS = [f"3.{number}" for number in range(1, 13)]
"""Of RFC 8725."""

VERDICTS = {"met", "owner's part", "not applicable", "not met"}

CRYPTOGRAPHIC = {
    "argon2",
    "bcrypt",
    "cryptography",
    "hashlib",
    "hmac",
    "jwt",
    "random",
    "secrets",
    "ssl",
    "uuid",
}
"""Packages that have to do with secrets, or with what looks like one."""


def tables(page: Path) -> Iterator[list[list[str]]]:
    """The cells of each table of a page, without those of its head."""
    for table in re.findall(r"(?m)(?:^\|.*\n)+", page.read_text()):
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table.splitlines()]
        yield rows[2:]


def table(page: Path, heading: str) -> list[list[str]]:
    """The one table whose head has a cell of these words."""
    (found,) = re.findall(rf"(?m)^\|[^\n]*\| {re.escape(heading)} \|[^\n]*\n((?:^\|.*\n)+)", page.read_text())
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in found.splitlines()[1:]]


REQUIRED = [row for rows in tables(ASVS) for row in rows if re.fullmatch(r"\d+\.\d+\.\d+", row[0])]
THREATS = table(SECURITY, "defence")
RFC_8725 = table(SECURITY, "here, under `layers/signet/src/signet`")
CLAIMS = [row for row in REQUIRED if row[2] == "met"] + THREATS + RFC_8725
NAMED = sorted({name for row in REQUIRED + THREATS + RFC_8725 for name in re.findall(r"`([^`]+)`", row[-1])})


@cache
def functions(path: Path) -> set[str]:
    """The tests that a file has, within classes too."""
    tree = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in tree if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def imported(path: Path) -> set[str]:
    """The packages that a module imports, within functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module.partition(".")[0])
    return found


def test_every_requirement_has_one_verdict() -> None:
    """Each of the four chapters' requirements stands there once, in their order, and no other."""
    assert [row[0] for row in REQUIRED] == REQUIREMENTS
    assert {row[2] for row in REQUIRED} <= VERDICTS


def test_every_point_of_rfc_8725_is_there() -> None:
    """Once each, in their order."""
    assert [row[0] for row in RFC_8725] == POINTS


@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: " ".join(row[:2]))
def test_a_claim_names_its_test(row: list[str]) -> None:
    """What is met, what stands in somebody's way, and each point of RFC 8725; all else says why."""
    assert re.fullmatch(r"`[^`]+`(, `[^`]+`)*", row[-1])


def test_whatever_is_not_met_says_why() -> None:
    """So does what is left to others, and what is not applicable."""
    assert [row[0] for row in REQUIRED if row[2] != "met" and not row[3]] == []


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_is_named_is_there(name: str) -> None:
    """A file of tests, or one of its tests."""
    file, _, function = name.partition("::")
    path = ROOT / "tests" / file
    assert path.is_file(), f"tests/{file} is not there"
    assert functions(path), f"tests/{file} has no tests"
    assert not function or function in functions(path), f"tests/{file} has no {function}"


def test_the_inventory_names_every_module_that_has_to_do_with_secrets() -> None:
    """All that import cryptography, and none that is not there; no function's folder has any."""
    named = {name for row in table(ASVS, "modules") for name in re.findall(r"`([^`]+\.py)`", row[-1])}
    found = {str(path.relative_to(LAYER)) for path in LAYER.rglob("*.py") if imported(path) & CRYPTOGRAPHIC}
    assert found <= named, "modules that the inventory lacks"
    assert all((LAYER / name).is_file() for name in named)
    assert not [path for path in (ROOT / "functions").rglob("*.py") if imported(path) & CRYPTOGRAPHIC]


def test_a_room_that_rfc_8725_names_is_there() -> None:
    """Modules and folders of the layer."""
    for row in RFC_8725:
        for name in re.findall(r"`([a-z_]+/[a-z_./]*)`", row[2]):
            assert (LAYER / name).exists(), f"{name} is not there"

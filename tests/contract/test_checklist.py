"""What CONTRIBUTING.md asks of a change is what there is: the checklist of an operation, and the hooks."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.contract.test_bundle import FURTHER_ROUTES, OPERATIONS, ROUTES, logical_id
from tests.deployment import ROOT

SECTION = (ROOT / "CONTRIBUTING.md").read_text().partition("## A new operation\n")[2]
PLACES = re.findall(r"(?m)^\d+\. `(.+?)`", SECTION)
"""Files that every operation has, or that name every operation, as the checklist has them."""


def words(path: Path) -> set[str]:
    return set(re.findall(r"\w+", path.read_text(errors="replace")))


def names(operation: str) -> set[str]:
    """What an operation goes by: its name, its function's, or the end of its route."""
    routes = [ROUTES.get(operation), *FURTHER_ROUTES.get(operation, [])]
    return {operation, logical_id(operation)} | {
        re.findall(r"\w+", route)[-1] for route in routes if route is not None
    }


def test_the_checklist_has_places() -> None:
    """So that no other heading or numbering empties the tests of this file."""
    assert len(PLACES) >= 10


@pytest.mark.parametrize("place", PLACES)
def test_every_operation_is_in_each_place(place: str) -> None:
    """Where the path has the operation's name there is such a file; else the file names it."""
    for operation, handler in OPERATIONS.items():
        path = place.replace("<resource>", handler.parent.parent.name).replace("<operation>", operation)
        if path != place:
            has_way = ".direct." not in path or operation not in ("authorize_request", "publish_events")
            assert (ROOT / path).is_file() or not has_way, path
        elif operation in ROUTES or not place.endswith("api.md"):
            assert names(operation) & words(ROOT / path), f"{place} does not name {operation}"


def test_no_place_is_missing() -> None:
    """A file that names every operation, or that stands beside every handler, is in the list."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    beside = set.intersection(*({path.name for path in one.parent.iterdir()} for one in OPERATIONS.values()))
    found = {f"functions/<resource>/<operation>/{name}" for name in beside - {"__pycache__"}}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".md", ".py", ".yaml", ".toml"} and "results" not in path.parts and path.is_file():
            known = words(path)
            if all({operation, logical_id(operation)} & known for operation in OPERATIONS):
                found.add(name)
    assert found <= set(PLACES)


def test_the_hooks_run_what_lint_runs() -> None:
    """Before a commit, a change meets the same programs as in `make lint`."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"], "nothing is downloaded"
    lint = re.findall(r"(?m)^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text())[0]
    program = re.compile(r"(?:-m |/)((?:ruff )?[a-z-]+)(?= |$)", re.MULTILINE)
    entries = "\n".join(hook["entry"] for hook in hooks[0]["hooks"])
    made = [
        name for line in lint.splitlines() for name in program.findall(line.replace("$(PYTHON)", "python"))
    ]
    assert made == [name for name in program.findall(entries) if name != "python"]

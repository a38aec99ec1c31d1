"""The changelog: versions, the commit of a release, and changes that nobody has written down."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.deployment import ROOT, load_template
from tools import changelog


class Repository:
    """A repository with a changelog and a product."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._git("init", "-q")

    def commit(self, **files: str) -> str:
        """Write files, a `_` in whose names is a `/`, and commit them."""
        for name, text in files.items():
            path = self.root / (changelog.NAME if name == "log" else name.replace("_", "/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._git("add", "-A")
        self._git(
            "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "x"
        )
        return self._git("rev-parse", "HEAD")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=self.root,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty one."""
    return Repository(tmp_path)


BEFORE = "# Changelog\n\n## Unreleased\n\n- A\n"
FIRST = "# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-11-27\n\n- A\n"


def test_a_release_is_the_commit_that_dated_its_version(repository: Repository) -> None:
    """The last one, however often the changelog changed since."""
    repository.commit(log=BEFORE)
    assert changelog.last_release(repository.root) is None
    first = repository.commit(log=FIRST)
    repository.commit(log=FIRST.replace("Unreleased\n", "Unreleased\n\n- B\n"))
    assert changelog.last_release(repository.root) == first
    second = repository.commit(
        log=FIRST.replace("## Unreleased", "## Unreleased\n\n## 0.2.0 - 2026-12-01\n\n- B")
    )
    assert changelog.released((repository.root / changelog.NAME).read_text()) == ["0.2.0", "0.1.0"]
    assert changelog.last_release(repository.root) == second


@pytest.mark.parametrize(
    ("files", "unwritten"),
    [
        ({"functions_a.py": "b"}, ["functions/a.py"]),
        ({"layers_signet_a.py": "a"}, ["layers/signet/a.py"]),
        ({"functions_a.py": "b", "log": FIRST + "- not where it belongs\n"}, ["functions/a.py"]),
        ({"functions_a.py": "b", "log": FIRST.replace("Unreleased\n", "Unreleased\n\n- B\n")}, []),
        ({"tests_a.py": "a", "docs_a.md": "a"}, []),
        ({}, []),
    ],
)
def test_a_change_of_the_product_has_to_be_written_down(
    repository: Repository, files: dict[str, str], unwritten: list[str]
) -> None:
    """Under what is not released yet; what users do not get need not be."""
    base = repository.commit(log=FIRST, **{"functions_a.py": "a"})
    repository.commit(**files)
    assert changelog.unwritten(base, repository.root) == unwritten


def test_a_folder_that_is_no_repository_has_no_last_release(tmp_path: Path) -> None:
    """Nor has a clone without history."""
    (tmp_path / changelog.NAME).write_text(FIRST)
    assert changelog.last_release(tmp_path) is None


def test_all_that_name_a_version_name_the_same() -> None:
    """The last one released, or the one that comes."""
    text = (ROOT / changelog.NAME).read_text()
    first, *others = changelog.sections(text)
    assert first == "Unreleased"
    assert [heading for heading in others if not changelog.RELEASE.fullmatch(heading)] == []
    projects = [ROOT / "pyproject.toml", ROOT / "layers" / "signet" / "pyproject.toml"]
    versions = {tomllib.loads(path.read_text())["project"]["version"] for path in projects}
    assert versions == {load_template()["Outputs"]["Version"]["Value"]}
    (version,) = versions
    assert _numbers(version) >= _numbers(changelog.released(text)[0])


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]

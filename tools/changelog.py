"""The changelog, by which releases go: which versions there are, and whether all since is written down.

A release is the commit that dates its version in CHANGELOG.md; the tag `v<version>` points to it.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
NAME: Final = "CHANGELOG.md"
HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)
RELEASE: Final = re.compile(r"(\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d")
PRODUCT: Final = ("deploy", "functions", "layers", "local", "template.yaml", "workflows")
"""What users get: a change of it has to be written down."""


def sections(text: str) -> dict[str, str]:
    """What stands under each heading: `Unreleased`, and `<version> - <date>`, the latest first."""
    parts = HEADING.split(text)
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))


def released(text: str) -> list[str]:
    """The versions that were released, the latest first."""
    return [match[1] for heading in sections(text) if (match := RELEASE.fullmatch(heading))]


def git(*arguments: str, root: Path = ROOT) -> str | None:
    """What git answers; None where it fails, as it does where there is no repository."""
    done = subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None


def last_release(root: Path = ROOT) -> str | None:
    """The commit of the last release; None in a checkout without history."""
    if git("rev-parse", "--is-shallow-repository", root=root) != "false":
        return None
    for version in released((root / NAME).read_text()):
        if commit := git("log", "-1", "--format=%H", f"-S## {version} - ", "--", NAME, root=root):
            return commit
    return None


def unwritten(base: str, root: Path = ROOT) -> list[str]:
    """The files of the product that changed since a commit, if the changelog did not."""
    changed = (git("diff", "--name-only", base, "--", *PRODUCT, root=root) or "").splitlines()
    before = sections(git("show", f"{base}:{NAME}", root=root) or "")
    now = sections((root / NAME).read_text())
    return [] if before.get("Unreleased", "") != now.get("Unreleased", "") else changed


def main(arguments: Sequence[str]) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="make changelog", description=__doc__)
    parser.add_argument("base", nargs="?", default="", help="since when; not given: since the last release")
    parser.add_argument("--last-release", action="store_true", help="only print its commit")
    given = parser.parse_args(arguments)
    base = given.base or last_release()
    if given.last_release:
        print(base or "")
        return 0
    if base is None:
        print("make changelog: this checkout has no history to compare with.", file=sys.stderr)
        return 0
    if git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}") is None:
        print(f"make changelog: there is no commit {base}.", file=sys.stderr)
        return 2
    if files := unwritten(base):
        print(f"make changelog: under Unreleased, {NAME} says nothing of what changed in", file=sys.stderr)
        print(*files[:10], "…" if files[10:] else "", sep="\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

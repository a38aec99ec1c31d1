"""`make release`: puts what `make build` has built into `dist/`, with its bill of materials and checksums.

Only a commit that is tagged, and whose changelog has a section of its version, is a release. Two builds
of one commit give the same bytes, so that whoever does not trust the archive builds it again and
compares. `KEY=` signs the checksums with an SSH key: docs/release.md.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools import changelog

ROOT = Path(__file__).parents[1]
BUILD = ROOT / ".aws-sam" / "build"
BILL = ROOT / ".aws-sam" / "sbom.cdx.json"
BESIDE = ("samconfig.toml", "CHANGELOG.md", "LICENSE")
"""What the archive has besides what was built."""

SUMS = "SHA256SUMS"
NAMESPACE = "signet-release"
"""Of the signature: it is good for nothing else."""


def pack(folder: Path, beside: Sequence[Path], archive: Path) -> None:
    """Pack what is in a folder, and files beside it: the same bytes for the same content."""
    entries = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    entries |= {path.name: path for path in beside}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, path in sorted(entries.items()):
            entry = zipfile.ZipInfo(name)  # of 1980, the earliest that there is
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, path.read_bytes())


def make(version: str, build: Path, bill: Path, dist: Path) -> list[Path]:
    """Make the files of a release, and return them, the checksums last."""
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    archive = dist / f"signet-{version}.zip"
    pack(build, [ROOT / name for name in BESIDE], archive)
    materials = dist / f"signet-{version}.cdx.json"
    shutil.copy(bill, materials)
    sums = dist / SUMS
    sums.write_text(
        "".join(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in (archive, materials)
        )
    )
    return [archive, materials, sums]


def objection(version: str, root: Path = ROOT) -> str | None:
    """Why this checkout is not the release of a version; None where it is."""
    if version not in changelog.released((root / changelog.NAME).read_text()):
        return f"{changelog.NAME} has no section {version} with a date."
    if changed := changelog.git("status", "--porcelain", root=root):
        return f"There are changes that are not committed:\n{changed}"
    head = changelog.git("rev-parse", "HEAD", root=root)
    if changelog.git("rev-parse", f"v{version}^{{commit}}", root=root) != head:
        return f"The tag v{version} does not point to this commit."
    return None


def sign(sums: Path, key: str) -> Path:
    """Sign the checksums with an SSH key, beside them."""
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, sums], check=True)  # noqa: S603, S607
    return sums.with_name(f"{sums.name}.sig")


def main(arguments: Sequence[str]) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--key", default="", help="the file of an SSH key that signs the checksums")
    parser.add_argument("--check", action="store_true", help="only whether this checkout is a release")
    given = parser.parse_args(arguments)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    if why := objection(version):
        print(f"make release: {why}", file=sys.stderr)
        return 1
    if given.check:
        return 0
    files = make(version, BUILD, BILL, ROOT / "dist")
    if given.key:
        files.append(sign(files[-1], given.key))
    for path in files:
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

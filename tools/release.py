"""`make release`: puts what `make build` has built into `dist/`, with its bill of materials and checksums.

Two builds of one commit give the same bytes, so that whoever does not trust the archive builds it again and
compares. `KEY=` signs the checksums with an SSH key; docs/release.md says how they are verified.
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


def sign(sums: Path, key: str) -> Path:
    """Sign the checksums with an SSH key, beside them."""
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, sums], check=True)  # noqa: S603, S607
    return sums.with_name(f"{sums.name}.sig")


def main(arguments: Sequence[str]) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--key", default="", help="the file of an SSH key that signs the checksums")
    key = parser.parse_args(arguments).key
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    files = make(version, BUILD, BILL, ROOT / "dist")
    if key:
        files.append(sign(files[-1], key))
    for path in files:
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

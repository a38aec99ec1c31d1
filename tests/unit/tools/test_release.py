"""What a release holds: the same bytes from the same build, and checksums to hold it against."""

import hashlib
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.deployment import ROOT
from tools import release


def build_in(folder: Path, names: list[str]) -> Path:
    """A build, its files written in this order, at another time than any other."""
    for second, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"what {name} holds")
        os.utime(path, (1e9 + second, 1e9 + second))
    return folder


def test_the_same_build_gives_the_same_archive(tmp_path: Path) -> None:
    """Whenever it was built, and in which order."""
    names = ["template.yaml", "LogInFunction/handler.py", "SignetLayer/python/signet/é.py"]
    archives = []
    for number, order in enumerate((names, names[::-1])):
        archives.append(tmp_path / f"{number}.zip")
        release.pack(build_in(tmp_path / str(number), order), [ROOT / "LICENSE"], archives[-1])
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with zipfile.ZipFile(archives[0]) as packed:
        assert packed.namelist() == sorted([*names, "LICENSE"])
        assert packed.read(names[2]).decode() == f"what {names[2]} holds"


def test_the_checksums_are_those_of_the_files(tmp_path: Path) -> None:
    """Of each file, in the form that `sha256sum --check` reads; what was there before is gone."""
    bill = tmp_path / "bill.json"
    bill.write_text(json.dumps({"bomFormat": "CycloneDX"}))
    dist = tmp_path / "dist"
    build_in(dist, ["signet-0.0.9.zip"])
    files = release.make("1.2.3", build_in(tmp_path / "build", ["template.yaml"]), bill, dist)
    assert sorted(files) == sorted(dist.iterdir())
    lines = files[-1].read_text().splitlines()
    assert [line.split("  ") for line in lines] == [
        [hashlib.sha256(path.read_bytes()).hexdigest(), path.name] for path in files[:-1]
    ]


def test_a_release_is_a_tagged_commit_whose_changelog_has_its_version(tmp_path: Path) -> None:
    """Anything else is not packed, and why is said."""

    def git(*arguments: str) -> None:
        person = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *person, *arguments], cwd=tmp_path, check=True, capture_output=True)  # noqa: S603, S607

    changes = tmp_path / "CHANGELOG.md"
    changes.write_text("## Unreleased\n\n- A\n")
    git("init", "-q")
    assert release.objection("0.1.0", tmp_path) == "CHANGELOG.md has no section 0.1.0 with a date."
    changes.write_text("## Unreleased\n\n## 0.1.0 - 2026-11-27\n\n- A\n")
    assert "not committed" in (release.objection("0.1.0", tmp_path) or "")
    git("add", "-A")
    git("commit", "-qm", "Release 0.1.0")
    assert release.objection("0.1.0", tmp_path) == "The tag v0.1.0 does not point to this commit."
    git("tag", "v0.1.0")
    assert release.objection("0.1.0", tmp_path) is None
    git("commit", "-qm", "More", "--allow-empty")
    assert release.objection("0.1.0", tmp_path) == "The tag v0.1.0 does not point to this commit."


@pytest.mark.heavy  # It needs OpenSSH.
def test_a_signature_shows_a_checksum_that_somebody_changed(tmp_path: Path) -> None:
    """As docs/release.md has it verified, by OpenSSH alone."""
    key, sums, allowed = tmp_path / "key", tmp_path / "SHA256SUMS", tmp_path / "allowed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)  # noqa: S603, S607
    sums.write_text("0" * 64 + "  signet-1.2.3.zip\n")
    allowed.write_text(f"releases@example.com {key.with_suffix('.pub').read_text()}")
    signature = release.sign(sums, str(key))

    def verify() -> int:
        command: list[str | Path] = [
            "ssh-keygen",
            "-q",
            "-Y",
            "verify",
            "-f",
            allowed,
            "-I",
            "releases@example.com",
        ]
        command += ["-n", release.NAMESPACE, "-s", signature]
        return subprocess.run(command, input=sums.read_bytes(), check=False).returncode  # noqa: S603

    assert verify() == 0
    sums.write_text("1" * 64 + "  signet-1.2.3.zip\n")
    assert verify() != 0


@pytest.mark.heavy
def test_two_builds_of_the_layer_give_the_same_bytes(tmp_path: Path) -> None:
    """Compiled code too, so that whoever does not trust a release can build it again and compare."""
    found = []
    for number in "12":
        folder = tmp_path / number
        folder.mkdir()
        command = (
            'make -C layers/signet build-SignetLayer ARTIFACTS_DIR="$FOLDER" UV="$(tools/environment uv)"'
            ' PYTHON="$PWD/.venv/bin/python"'
        )
        subprocess.run(  # noqa: S603 - our own recipe
            ["/bin/sh", "-c", command],
            cwd=ROOT,
            env=os.environ | {"FOLDER": str(folder)},
            check=True,
        )
        found.append(
            {
                path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in folder.rglob("*")
                if path.is_file()
            }
        )
    assert found[0] == found[1]
    assert any(name.endswith(".pyc") for name in found[0])

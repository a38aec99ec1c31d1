"""What a first start says while it looks for Python and installs."""

import subprocess
from pathlib import Path

import pytest

from tests.deployment import ROOT

UV = """#!/bin/sh
case "$1 $2" in
    '--version ') echo 'uv 0.13.8' ;;
    'python find') exit 1 ;;
    'python install') echo "downloaded with $UV_HTTP_RETRIES retries" >&2; exit 1 ;;
    *) echo "$@" >>"$CALLS" ;;
esac
"""
CRIPPLED = '#!/bin/sh\ncase "$2" in *sqlite3*) exit 1 ;; esac\necho 3 13\n'


def make(folder: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """What `tools/environment make` does where only these programs, and the system's own, are on PATH."""
    (folder / "bin").mkdir()
    for name in ("cut", "date", "dirname", "grep", "head", "sh", "sort", "uname"):
        found = next(Path(place, name) for place in ("/usr/bin", "/bin") if Path(place, name).exists())
        (folder / "bin" / name).symlink_to(found)
    for name, text in {"uv": UV, **programs}.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    (folder / "list.txt").write_text("one==1 \\\n    --hash=sha256:0\ntwo==2\n")
    return subprocess.run(  # noqa: S603 - our own tool
        [str(ROOT / "tools" / "environment"), "make", str(folder / "env"), str(folder / "list.txt")],
        env={"PATH": str(folder / "bin"), "HOME": str(folder), "CALLS": str(folder / "calls")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("programs", [{}, {"python3.13": CRIPPLED}], ids=["none", "without SQLite"])
def test_where_there_is_no_python_3_13_it_is_said_what_to_install(
    programs: dict[str, str], tmp_path: Path
) -> None:
    """After one attempt to download it, which waits for nothing; a Python without SQLite is none."""
    done = make(tmp_path, **programs)
    assert done.returncode == 1
    first, downloaded, said = done.stderr.splitlines()
    assert first.startswith("No Python 3.13 here")
    assert downloaded == "downloaded with 0 retries"
    assert "Install it and try again" in said
    for way in ("apt install python3.13", "brew install python@3.13", "pyenv install 3.13"):
        assert way in said
    assert not (tmp_path / "calls").exists()


def test_what_is_installed_is_said_before_and_after(tmp_path: Path) -> None:
    """How much, where, and how long it took."""
    done = make(tmp_path, **{"python3.13": CRIPPLED.replace("exit 1", "echo 3 13; exit 0")})
    assert done.returncode == 0, done.stderr
    before, after = done.stderr.splitlines()
    assert before == f"Installing 2 packages of {tmp_path}/list.txt into {tmp_path}/env, this once"
    assert after.startswith("Installed in ")
    assert "pip sync" in (tmp_path / "calls").read_text()


def test_what_was_stopped_half_way_is_made_again(tmp_path: Path) -> None:
    """Also what `make run` needs, where it was the test tools that did not come in."""
    (tmp_path / "Makefile").symlink_to(ROOT / "Makefile")
    for name in ("requirements-local.txt", "requirements-dev.txt", "layers/signet/pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".venv").mkdir()
    program = tmp_path / "tools" / "environment"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$3" >>calls\n[ "$3" != requirements-dev.txt ] || [ -e online ]\n')
    program.chmod(0o755)

    def made(target: str) -> list[str]:
        (tmp_path / "calls").write_text("")
        subprocess.run(["make", target], cwd=tmp_path, capture_output=True, check=False)  # noqa: S603, S607 - our own
        return (tmp_path / "calls").read_text().split()

    local, dev = "requirements-local.txt", "requirements-dev.txt"
    assert made(".venv/ready") == [local]
    assert made(".venv/dev") == [dev]
    assert made(".venv/ready") == [local]
    (tmp_path / "online").touch()
    assert made(".venv/dev") == [dev]
    assert made(".venv/ready") == made(".venv/dev") == []


def test_nobody_is_asked_which_stack_to_delete(tmp_path: Path) -> None:
    """Who has named no stage hears how to."""
    for name in ("Makefile", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".tools" / "sam").mkdir(parents=True)
    (tmp_path / ".tools" / "sam" / "ready").touch()
    done = subprocess.run(
        ["make", "destroy"],  # noqa: S607
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: make destroy STAGE=…\n")

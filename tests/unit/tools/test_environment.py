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

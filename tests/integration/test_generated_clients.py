"""openapi.yaml is good enough to generate typed clients of it, which check and work."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deployment import ROOT
from tests.programs import running_demo
from tests.verifiers import PACKAGES
from tools import openapi

pytestmark = [pytest.mark.heavy, pytest.mark.openapi]

PROGRAMS = ROOT / ".tools" / "openapi" / "bin"
EXPECTED = {
    "taken": [409, "AlreadyExists"],
    "listed": [True],
    "loggedIn": True,
    "wrong": [401, "Unauthorized"],
    "minted": True,
    "faulty": [["identity", "invalid"]],
    "identified": [True, ["userId", "organizationId"]],
    "denied": [403, "PERMISSION_DENIED"],
}
COMPILER = {
    "compilerOptions": {
        "strict": True,
        "noUncheckedIndexedAccess": True,
        "noEmitOnError": True,
        "target": "es2022",
        "lib": ["es2022", "dom"],
        "module": "nodenext",
        "types": [],
    },
    "include": ["*.ts"],
}
STRICT = """
[mypy]
strict = True

# The generator's own file: how it closes httpx, nothing of the API.
[mypy-signet_client.client]
disable_error_code = arg-type
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What `make run` says of itself."""
    with running_demo(tmp_path_factory.mktemp("state")) as shown:
        yield shown


def given(demo: Mapping[str, str]) -> str:
    """The argument of a program that uses a client."""
    names = {"url": "url", "applicationId": "application_id", "apiToken": "api_token"}
    return json.dumps({to: demo[name] for name, to in names.items()})


def run(*command: str | Path, folder: Path) -> str:
    """Run a program, and give what it prints."""
    path = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])  # the generator formats by ruff
    done = subprocess.run(  # noqa: S603
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answered(printed: str, language: str) -> dict[str, Any]:
    """What a program has found out, without the user's address, which is its language's."""
    told: dict[str, Any] = json.loads(printed)
    assert told.pop("user") == f"{language}@example.com"
    return told


def test_a_python_client(demo: Mapping[str, str], tmp_path: Path) -> None:
    """Every operation is generated; client and user are typed strictly; each dialect's answers are read."""
    generated = run(
        PROGRAMS / "openapi-python-client",
        *("generate", "--path", openapi.FILE, "--meta", "none", "--output-path", "signet_client"),
        folder=tmp_path,
    )
    assert "WARNING" not in generated
    assert "Unable" not in generated
    modules = {path.stem for path in tmp_path.glob("signet_client/api/*/*.py")}
    paths = openapi.description()["paths"]
    assert modules >= {operation["operationId"] for path in paths.values() for operation in path.values()}
    (tmp_path / "program.py").write_text((ROOT / "tests" / "generated_client.py").read_text())
    (tmp_path / "mypy.ini").write_text(STRICT)
    run(PROGRAMS / "mypy", "program.py", "signet_client", folder=tmp_path)
    printed = run(PROGRAMS / "python", "program.py", given(demo), folder=tmp_path)
    assert answered(printed, "python") == EXPECTED


@pytest.mark.node
def test_a_typescript_client(demo: Mapping[str, str], tmp_path: Path) -> None:
    """Types and their user compile strictly; each dialect's answers are read."""
    (tmp_path / "node_modules").symlink_to(PACKAGES / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps(COMPILER))
    (tmp_path / "client.ts").write_text((ROOT / "tests" / "generated_client.ts").read_text())
    programs = PACKAGES / "node_modules" / ".bin"
    run(programs / "openapi-typescript", openapi.FILE, "--output", "schema.ts", folder=tmp_path)
    run(programs / "tsc", "--project", ".", folder=tmp_path)
    assert answered(run("node", "client.js", given(demo), folder=tmp_path), "typescript") == EXPECTED

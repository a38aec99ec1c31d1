"""What the first `make run` installs is all that running and deploying need, and a part of the tests' own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.deployment import ROOT
from tests.programs import STARTUP_SECONDS

MAKEFILE = (ROOT / "Makefile").read_text()


def packages(requirements: str) -> dict[str, str]:
    """The packages of a list, with their versions."""
    lines = (ROOT / requirements).read_text()
    return dict(re.findall(r"(?m)^([a-z0-9._-]+)==(\S+)", lines))


def tools() -> Iterator[str]:
    """The modules that are run by targets which want no test tools."""
    for rule in re.split(r"\n\n", MAKEFILE):
        if re.search(r"(?m)^[a-z0-9-]+:.* \.venv/ready", rule) and ".venv/dev" not in rule:
            yield from re.findall(r"\$\(PYTHON\) -m ([a-z_.]+)", rule)


def loaded(log: str) -> set[str]:
    """The packages of others that a Python loaded, by what it was told to say of its imports."""
    modules = {name.partition(".")[0] for name in re.findall(r"(?m)^import time:.*\| +(\S+)$", log)}
    by_module = packages_distributions()
    found = {name.lower().replace("_", "-") for module in modules for name in by_module.get(module, ())}
    return found - {"signet", "signet-bundle"}


def test_the_lists_agree() -> None:
    """The tests run with the versions that `make run` has, and that are deployed."""
    run, tests = packages("requirements-local.txt"), packages("requirements-dev.txt")
    assert run.items() < tests.items()
    deployed = packages("layers/signet/requirements.txt")
    assert {name: run[name] for name in deployed} == deployed


@pytest.mark.parametrize(
    ("word", "environ", "folder"),
    [
        ("DATA=shop", {}, "shop"),
        ("DATA=~/my shop", {"HOME": "/ann"}, "/ann/my shop"),
        ("ARGS=", {"DATA": "theirs"}, "None"),
    ],
)
def test_data_chooses_the_folder_where_make_is_told(word: str, environ: dict[str, str], folder: str) -> None:
    """And not where somebody has a variable of that name for something else."""
    assert exported("SIGNET_STATE", environ, word) == folder


@pytest.mark.parametrize(
    ("environ", "region"),
    [
        ({}, "None"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-central-1"}, "eu-west-1"),
    ],
)
def test_make_works_in_the_region_in_which_aws_does(environ: dict[str, str], region: str) -> None:
    """A page's `aws` and its `make` are about one table; none is named where none was."""
    assert exported("AWS_DEFAULT_REGION", environ) == region


def exported(variable: str, environ: dict[str, str], *words: str) -> str:
    """What a recipe of the Makefile finds in its environment."""
    show = f"show: ; @{sys.executable} -c 'import os; print(os.environ.get(\"{variable}\"))'"
    done = subprocess.run(  # noqa: S603 - our own Makefile
        ["make", "--eval", show, "show", *words],  # noqa: S607
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.heavy
def test_make_run_needs_no_test_tools(tmp_path: Path) -> None:
    """All that it has loaded when it is ready, with every handler, is in the list that it installs."""
    log = tmp_path / "log"
    with (
        log.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "local"],
            cwd=ROOT,
            env={"PORT": "0", "SIGNET_STATE": str(tmp_path), "PYTHONPATH": str(ROOT / "layers/signet/src")},
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        while "Signet is running" not in process.stdout.readline():
            assert process.poll() is None
        process.terminate()
        process.wait(STARTUP_SECONDS)
    found = loaded(log.read_text())
    assert {"moto", "flask", "uvicorn", "pyyaml"} <= found
    assert found <= packages("requirements-local.txt").keys()


@pytest.mark.heavy
@pytest.mark.parametrize("module", sorted({*tools()} - {"local"}))
def test_a_tool_for_who_runs_it_needs_no_test_tools(module: str) -> None:
    """Where its target asks for `.venv/ready` alone, its imports are in that list."""
    done = subprocess.run(  # noqa: S603 - our own tools
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded(done.stderr) <= packages("requirements-local.txt").keys()

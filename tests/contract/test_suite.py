"""The tests themselves."""

import os
import re
import subprocess
import sys

import pytest

from tests.deployment import ROOT

TEXTS = {path: path.read_text() for path in (ROOT / "tests").rglob("*.py")}


def test_no_property_fails_where_the_machine_is_slow() -> None:
    """Neither by a deadline for an example nor by one for making it, whatever a test sets of its own."""
    for path, text in TEXTS.items():
        assert not re.search(r"settings\([^()]*deadline=", text), path
        for checks in re.findall(r"suppress_health_check=(\[.*?\])", text, re.DOTALL):
            assert "HealthCheck.too_slow" in checks, path


def test_check_all_finds_the_properties_that_have_no_mark_by_themselves() -> None:
    """Those within a test, and state machines."""
    for path, text in TEXTS.items():
        if re.search(r"(?m)^ +@given\(|^ +run_machine\(", text):
            assert re.search(r"pytest\.mark\.(hypothesis|heavy)\b", text), path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SIGNET_ENGINE", "no engine is called 'else': choose one of extenddb, dynoxide"),
        ("SIGNET_BROWSER", "SIGNET_BROWSER=else: it is required, none, or not set"),
        ("SIGNET_NODE", "SIGNET_NODE=else: it is required, none, or not set"),
    ],
)
def test_a_choice_that_the_tests_do_not_know_is_refused_in_a_sentence(name: str, said: str) -> None:
    """Such as that of `make test ENGINE=else`."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "--collect-only", "tests/unit/test_times.py"],
        cwd=ROOT,
        env={**os.environ, name: "else"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (pytest.ExitCode.USAGE_ERROR, f"ERROR: {said}")

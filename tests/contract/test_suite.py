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


@pytest.mark.parametrize(
    ("fixture", "starts"), [("chromium", "running_browser("), ("engine_cloud", "running_engine(")]
)
def test_nothing_is_left_out_for_a_fixture_s_name_alone(fixture: str, starts: str) -> None:
    """A fixture by whose name tests are left out starts what is missing then, wherever it is defined."""
    assert f'"{fixture}": ' in TEXTS[ROOT / "tests" / "conftest.py"]
    defined = [text for text in TEXTS.values() if f"\ndef {fixture}(" in text]
    assert defined
    assert all(starts in text for text in defined)


def test_check_all_finds_the_properties_that_have_no_mark_by_themselves() -> None:
    """Those within a test, and state machines."""
    for path, text in TEXTS.items():
        if re.search(r"(?m)^ +@given\(|^ +run_machine\(", text):
            assert re.search(r"pytest\.mark\.(hypothesis|heavy)\b", text), path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SIGNET_ENGINE", "no engine is called 'else': choose one of extenddb, dynoxide"),
        pytest.param(
            "SIGNET_BROWSER",
            "SIGNET_BROWSER=else: it is required, none, or not set",
            marks=pytest.mark.heavy,
        ),
        pytest.param(
            "SIGNET_NODE", "SIGNET_NODE=else: it is required, none, or not set", marks=pytest.mark.heavy
        ),
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

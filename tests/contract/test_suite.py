"""The tests themselves."""

import re

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

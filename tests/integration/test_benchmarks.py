"""`make bench` measures all that there is to measure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import page, subjects
from benchmarks.__main__ import LONG
from tests.deployment import ROOT

LITTLE = ["--runs=1", "--seconds=0.01", "--calls=3", "--users=200", "--only=identify"]
PARTS = [part for part in page.PARTS if part not in LONG]


@pytest.mark.heavy
def test_every_function_can_be_measured(tmp_path: Path) -> None:
    """Each has an event, answers it with what is no refusal, and asks AWS nothing that is not recorded."""
    with subjects.prepared(tmp_path) as found:
        pass
    assert not found.faults


@pytest.mark.heavy
def test_every_part_can_be_measured(tmp_path: Path) -> None:
    """Those that are measured where none is named, each with its tables."""
    asked = [sys.executable, "-m", "benchmarks", *PARTS, *LITTLE, "--output", str(tmp_path)]
    run = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert run.returncode == 0, run.stderr
    for part in PARTS:
        result = json.loads((tmp_path / f"{part}.json").read_text())
        # A price is reckoned where all functions have been measured.
        assert result["tables"] or part == "price"
        assert not result["faults"]

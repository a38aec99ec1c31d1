"""The page: what was measured last of every part."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import page

RESULT: dict[str, Any] = {
    "title": "Size",
    "text": "MB.",
    "date": "2026-11-27",
    "command": "python -m benchmarks size",
    "commit": "abc",
    "machine": "one",
    "load": 0.1,
    "minutes": 1.0,
    "faults": [],
    "tables": {"": [{"what": "first", "MB": 1.234}, {"what": "second", "trips": ["a", "b"]}]},
}


def test_a_run_of_one_part_leaves_the_others_on_the_page(tmp_path: Path) -> None:
    """The page is made of everything that is stored."""
    page.write("oracle", RESULT | {"title": "No oracle"}, tmp_path)
    page.write("hostile", RESULT | {"title": "Dear refusals"}, tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert text.index("## No oracle") < text.index("## Dear refusals")
    assert "| what | MB | trips |\n| --- | --- | --- |\n| first | 1.23 | – |\n| second | – | a, b |" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.123, "0.12"), (12.34, "12.3"), (1234.5, "1,234"), (1_000, "1,000"), ([], "–")],
)
def test_a_number_has_three_digits(value: object, shown: str) -> None:
    """Two of them behind the point at most."""
    assert page.cell(value) == shown

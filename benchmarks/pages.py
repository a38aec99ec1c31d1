"""Writes a benchmark's results: JSON with everything, and a page made of it."""

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import circumstances
from tools import built

RESULTS = built.ROOT / "benchmarks" / "results"
_NUMBERS = re.compile(r"\[[-\d.,\s]+\]")
"""A list of numbers, which JSON with an indent puts on as many lines."""


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command's progress


def measured(command: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Measure, and say when and where that was.

    Args:
        command: What was called, with its arguments.
        measure: Gives the results.
    """
    started, machine = time.monotonic(), circumstances.machine()
    found = measure()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "commit": circumstances.commit(),
        "machine": machine,
        "minutes": (time.monotonic() - started) / 60,
        **found,
    }


def head(results: Mapping[str, Any], title: str, target: str) -> str:
    """The beginning of a page.

    Args:
        results: As `measured` gives them, with the name of the `engine`.
        title: The page's.
        target: What `make` is called with.
    """
    machine = results["machine"]
    return (
        f"# {title}\n\n"
        f"Made by `make {target}` on {results['date']}; how to read it: "
        "[docs/performance.md](../../docs/performance.md). Do not edit: the next run writes it anew.\n\n"
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}; Python "
        f"{machine['python']}; load before {machine['load']}. Engine: {results['engine']}, in memory. "
        f"Command: `{results['command']}`, which took {results['minutes']:.1f} minutes. "
        f"Commit: {results['commit']}."
    )


def write(name: str, results: Mapping[str, Any], page: str, folder: Path = RESULTS) -> None:
    """Write `<name>.json` and `<name>.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(_NUMBERS.sub(_on_one_line, text) + "\n")
    (folder / f"{name}.md").write_text(page)
    say(f"Written: {folder / f'{name}.md'}")


def _on_one_line(numbers: re.Match[str]) -> str:
    return re.sub(r"\s+", "", numbers[0]).replace(",", ", ")

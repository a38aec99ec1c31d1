"""One page of all results: tables made of `results/<part>.json`, which are what the parts measured last."""

import json
import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import goals
from tools import built

RESULTS = built.ROOT / "benchmarks" / "results"
PARTS = (
    "cold",
    "tls",
    "warm",
    "growth",
    "size",
    "price",
    "oracle",
    "hostile",
    "guessing",
    "hashes",
    "stream",
    "faults",
    "soak",
)
"""In the order of the page."""

type Row = dict[str, Any]
"""Of a table: a cell for each column's title; a list is shown with commas."""


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command's progress


def circumstances() -> dict[str, Any]:
    """The machine, how busy it is, and the commit that is measured."""
    cpu = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpu.read_text()) if cpu.exists() else None
    command = ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(command, cwd=built.ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return {
        "machine": f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
        "commit": commit.stdout.strip() or "unknown",
    }


def read(folder: Path) -> dict[str, Any]:
    """What was measured last, by part."""
    paths = {part: folder / f"{part}.json" for part in PARTS}
    return {part: json.loads(path.read_text()) for part, path in paths.items() if path.exists()}


def write(part: str, result: Mapping[str, Any], folder: Path) -> None:
    """Keep a part's result, and write the page anew."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    (folder / "README.md").write_text(render(read(folder)))
    say(f"Written: {folder / f'{part}.json'}")


def render(results: Mapping[str, Any]) -> str:
    """The page."""
    sections = [
        "# Results",
        (
            "Made by `make bench`, each part by its last run; how to read them, and what is simulated: "
            "[docs/performance.md](../../docs/performance.md). Do not edit."
        ),
    ]
    if reached := goals.rows(results):
        sections += ["## Figures to reach", table(reached)]
    for result in results.values():
        sections += [f"## {result['title']}", result["text"]]
        for title, rows in result["tables"].items():
            sections += [f"### {title}", table(rows)] if title else [table(rows)]
        sections += [f"Not measured: {fault}" for fault in result["faults"]]
        sections.append(
            f"{result['date']}, {result['minutes']:.1f} minutes, `{result['command']}`, commit "
            f"{result['commit']}. {result['machine']}; load before: {result['load']}."
        )
    return "\n\n".join(sections) + "\n"


def table(rows: Iterable[Row]) -> str:
    """A table in Markdown, with every column that some row has."""
    rows = list(rows)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns), *([cell(row.get(name)) for name in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: object) -> str:
    """A value as a table shows it: a number with three digits, at most two of them behind the point."""
    match value:
        case None:
            return "–"
        case float():
            digits = 2 - math.floor(math.log10(abs(value))) if value else 0
            return f"{value:,.{min(2, max(0, digits))}f}"
        case int():
            return f"{value:,}"
        case str():
            return value
        case Sequence():
            return ", ".join(map(cell, value)) or "–"
    raise TypeError(type(value).__name__)

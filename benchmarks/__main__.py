"""`python -m benchmarks [PART …]`: measures parts, writes each to `results/<part>.json`, and the page anew.

The parts that are not measured stay on the page as they were.
"""

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import (
    cold,
    faults,
    growth,
    guessing,
    hashes,
    hostile,
    oracle,
    page,
    prices,
    sizes,
    soak,
    stream,
    subjects,
    warm,
)

TITLES = {
    "cold": ("Cold start", cold.TEXT),
    "tls": ("TLS", cold.TLS_TEXT),
    "warm": ("Warm", warm.TEXT),
    "growth": ("Growth", growth.TEXT),
    "size": ("Size", sizes.TEXT),
    "price": ("Price", prices.TEXT),
    "oracle": ("No oracle", oracle.TEXT),
    "hostile": ("Dear refusals", hostile.TEXT),
    "guessing": ("Guessing", guessing.TEXT),
    "hashes": ("What a password's hash costs", hashes.TEXT),
    "faults": ("Faults of AWS", faults.TEXT),
    "stream": ("From a write to the bus", stream.TEXT),
    "soak": ("Soak", soak.TEXT),
}
PREPARED = ("cold", "tls", "warm")
LONG = ("faults", "guessing", "soak")
"""Those that are measured only where they are named."""


def main(arguments: list[str]) -> int:
    """Return the exit status: 1 where something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(page.PARTS)}; all but the last two if none"
    )
    parser.add_argument("--runs", type=int, default=7, help="cold starts of each function (7)")
    parser.add_argument("--seconds", type=float, default=1, help="of warm calls, for each client (1)")
    parser.add_argument("--calls", type=int, help="of each kind, for growth, oracle and hostile")
    parser.add_argument(
        "--users", type=int, default=20_000, help="of the largest application, for growth (20000)"
    )
    parser.add_argument("--minutes", type=float, default=10, help="of the soak (10)")
    parser.add_argument("--only", default="", help="only events whose file name contains this")
    parser.add_argument("--output", type=Path, default=page.RESULTS, help="the folder of the results")
    options = parser.parse_args(arguments)
    parts = options.parts or [part for part in page.PARTS if part not in LONG]
    if unknown := set(parts) - set(page.PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="signet-bench-") as folder:
        if own := [part for part in parts if part in PREPARED]:
            with subjects.prepared(Path(folder), options.only) as found:
                for part in own:
                    _measure(part, options, arguments, found)
            faults += found.faults
        for part in parts:
            if part not in PREPARED:
                _measure(part, options, arguments)
    for fault in faults:
        page.say(fault)
    return 1 if faults else 0


def _measure(
    part: str, options: argparse.Namespace, arguments: list[str], found: subjects.Subjects | None = None
) -> None:
    page.say(f"Measuring: {part}")
    started, circumstances = time.monotonic(), page.circumstances()
    title, text = TITLES[part]
    tables = _tables(part, options, found)
    result = {
        "title": title,
        "text": text,
        "date": datetime.now(UTC).date().isoformat(),
        "command": " ".join(["python -m benchmarks", *arguments]),
        **circumstances,
        "minutes": (time.monotonic() - started) / 60,
        "faults": list(found.faults) if found else [],
        "tables": tables,
    }
    page.write(part, result, options.output)


def _tables(part: str, options: argparse.Namespace, found: subjects.Subjects | None) -> dict[str, Any]:
    match part:
        case "cold" if found:
            return cold.measure(found, options.runs)
        case "tls" if found:
            return cold.measure_tls(found, options.runs)
        case "warm" if found:
            return warm.measure(found, options.seconds)
        case "growth":
            return growth.measure(options.calls or 200, options.users)
        case "size":
            return sizes.measure()
        case "price":
            return prices.measure(page.read(options.output))
        case "oracle":
            return oracle.measure(options.calls or 500)
        case "hostile":
            return hostile.measure(options.calls or 7)
        case "guessing":
            return guessing.measure()
        case "faults":
            return faults.measure()
        case "stream":
            return stream.measure()
        case "soak":
            return soak.measure(options.minutes)
        case _:
            return hashes.measure()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m benchmarks.argon2_parameters`: what a password's hash costs, by build and by parameters.

Compares the wheel that the layer has with builds of its own source, which uv fetches. That needs a C
compiler, as nothing else does here. All builds take turns, each in a process of its own, and have to give one
digest.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import pages, prices
from benchmarks.report import as_table

_BINDINGS = "argon2-cffi-bindings"
_MEMORIES = (512, 1024, 1769)
_SALT, _PASSWORD = b"sixteen bytes, 1", b"correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Cost:
    """Parameters of argon2id."""

    name: str
    memory_kib: int
    passes: int
    lanes: int

    @property
    def text(self) -> str:
        """As a PHC string has it."""
        return f"m={self.memory_kib},t={self.passes},p={self.lanes}"


TEMPLATE = Cost("OWASP, the template's", 19_456, 2, 1)
LIBRARY = Cost("argon2-cffi's own, RFC 9106's second choice", 65_536, 3, 4)
COSTS = (
    TEMPLATE,
    Cost("OWASP, more memory", 47_104, 1, 1),
    Cost("OWASP, less memory", 12_288, 3, 1),
    Cost("OWASP, least memory", 7_168, 5, 1),
    LIBRARY,
)


@dataclass(frozen=True, slots=True)
class Build:
    """A build of the bindings.

    Attributes:
        name: For a reader.
        variables: What the build is told; None for the wheel.
    """

    name: str
    variables: Mapping[str, str] | None


BUILDS = (
    Build("the wheel", None),
    Build("its source, default flags", {}),
    Build("-O3, AVX2", {"CFLAGS": "-O3 -mavx2 -mtune=native"}),
    Build("-O3, this processor (-march=native)", {"CFLAGS": "-O3 -march=native"}),
    Build("without vectors, as on arm64 (ref.c)", {"ARGON2_CFFI_USE_SSE2": "0"}),
    Build("the same, -O3 -march=native", {"ARGON2_CFFI_USE_SSE2": "0", "CFLAGS": "-O3 -march=native"}),
)


class BuildError(RuntimeError):
    """A build failed, or hashes differently."""


def main(arguments: list[str]) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.argon2_parameters", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=5, help="in which all builds take turns (5)")
    parser.add_argument("--hashes", type=int, default=10, help="of each kind in a round (10)")
    parser.add_argument("--uv", default=shutil.which("uv") or "uv", help="the program uv")
    parser.add_argument("--output", type=Path, default=pages.RESULTS, help="the folder of the results")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.inside:
        print(json.dumps(_hash(json.loads(options.inside), options.hashes)))  # noqa: T201 - for the process above
        return 0
    results = pages.measured("make bench-argon2", lambda: measure(options))
    pages.write("argon2", results, render(results), options.output)
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """CPU and wall time of a hash, by build and by parameters, in milliseconds.

    Raises:
        BuildError: A build failed, or hashes differently.
    """
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    digests: dict[str, set[str]] = {}
    left_out: list[str] = []
    with tempfile.TemporaryDirectory(prefix="signet-argon2-") as folder:
        paths: dict[str, str] = {}
        for number, build in enumerate(BUILDS):
            if build.variables is None:
                paths[build.name] = ""
            elif shutil.which("cc") is None:
                left_out.append(build.name)
            else:
                pages.say(f"Building: {build.name}")
                target = Path(folder) / str(number)
                _build(options.uv, build.variables, target)
                paths[build.name] = str(target)
        for turn in range(options.rounds):
            pages.say(f"Hashing: round {turn + 1} of {options.rounds}")
            for name, path in paths.items():
                costs = COSTS if not path else (TEMPLATE, LIBRARY)
                for cost, row in zip(costs, _run(path, costs, options.hashes), strict=True):
                    found.setdefault((name, cost.name), []).extend(row["times"])
                    digests.setdefault(cost.name, set()).add(row["digest"])
    if different := [name for name, ones in digests.items() if len(ones) > 1]:
        raise BuildError(f"The builds differ in their digests: {', '.join(different)}")
    return {
        "bindings": version(_BINDINGS),
        "left_out": left_out,
        "costs": {cost.name: {**asdict(cost), "text": cost.text} for cost in COSTS},
        "rows": [
            {
                "build": build,
                "cost": cost,
                "hashes": len(times),
                "cpu_ms": statistics.median(cpu for cpu, _ in times),
                "wall_ms": statistics.median(wall for _, wall in times),
            }
            for (build, cost), times in found.items()
        ],
    }


def _build(uv: str, variables: Mapping[str, str], target: Path) -> None:
    command = [
        *(uv, "pip", "install", "--quiet", "--no-config", "--no-deps", "--no-cache"),
        *("--no-binary", _BINDINGS, "--python", sys.executable, "--target", str(target)),
        f"{_BINDINGS}=={version(_BINDINGS)}",
    ]
    result = subprocess.run(  # noqa: S603 - our own program, no shell
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise BuildError(result.stderr[-3000:])


def _run(path: str, costs: Sequence[Cost], hashes: int) -> list[dict[str, Any]]:
    """Hash in a process of its own, which finds the build first."""
    command = [sys.executable, "-m", "benchmarks.argon2_parameters", "--hashes", str(hashes)]
    result = subprocess.run(  # noqa: S603 - our own program, no shell
        [*command, "--inside", json.dumps([asdict(cost) for cost in costs])],
        env={**os.environ, **({"PYTHONPATH": path} if path else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise BuildError(result.stderr[-3000:])
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def _hash(costs: Sequence[Mapping[str, Any]], hashes: int) -> list[dict[str, Any]]:
    from argon2.low_level import Type, hash_secret_raw

    rows = []
    for cost in costs:
        times, digest = [], b""
        for run in range(hashes + 1):
            cpu, wall = time.process_time_ns(), time.perf_counter_ns()
            digest = hash_secret_raw(
                _PASSWORD, _SALT, cost["passes"], cost["memory_kib"], cost["lanes"], 32, Type.ID
            )
            if run:
                times.append(((time.process_time_ns() - cpu) / 1e6, (time.perf_counter_ns() - wall) / 1e6))
        rows.append({"times": times, "digest": digest.hex()})
    return rows


def on_lambda_ms(cpu_ms: float, memory: float) -> float:
    """How long a hash takes on Lambda: with up to one processor, lanes share it as one thread would."""
    return cpu_ms / prices.share_of_vcpu(memory)


def render(results: Mapping[str, Any]) -> str:
    """The page."""
    rows = {(row["build"], row["cost"]): row for row in results["rows"]}
    wheel = BUILDS[0].name
    builds = as_table(
        ["build", *(f"{c.name} ({c.text}): CPU, ms" for c in (TEMPLATE, LIBRARY)), "against the wheel"],
        [
            [
                build.name,
                *(f"{rows[build.name, cost.name]['cpu_ms']:.1f}" for cost in (TEMPLATE, LIBRARY)),
                f"{rows[build.name, TEMPLATE.name]['cpu_ms'] / rows[wheel, TEMPLATE.name]['cpu_ms']:.2f}",
            ]
            for build in BUILDS
            if (build.name, TEMPLATE.name) in rows
        ],
    )
    parameters = as_table(
        ["parameters", "", "CPU, ms", "wall here, ms", *(f"{memory} MB, ms" for memory in _MEMORIES)],
        [
            [
                cost.name,
                f"`{cost.text}`",
                f"{row['cpu_ms']:.1f}",
                f"{row['wall_ms']:.1f}",
                *(f"{on_lambda_ms(row['cpu_ms'], memory):.0f}" for memory in _MEMORIES),
            ]
            for cost in COSTS
            if (row := rows.get((wheel, cost.name)))
        ],
    )
    machine = results["machine"]
    left_out = f" Left out, for want of a C compiler: {', '.join(results['left_out'])}."
    return (
        "# What a password's hash costs\n\n"
        f"Made by `{results['command']}` on {results['date']}; what was decided: "
        "[docs/performance.md](../../docs/performance.md#password-hashing-parameters). Do not edit: the next "
        "run writes it anew.\n\n"
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}; load before "
        f"{machine['load']}. {_BINDINGS} {results['bindings']}. Commit: {results['commit']}. Medians; all "
        f"builds gave the same digests.{left_out if results['left_out'] else ''}\n\n"
        f"## Builds\n\n{builds}\n\n## Parameters\n\nThe wheel. What Lambda takes is arithmetic: the CPU "
        f"time here, divided by the part of a processor that the memory brings "
        f"({prices.FULL_VCPU_MB} MB are one).\n\n"
        f"{parameters}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

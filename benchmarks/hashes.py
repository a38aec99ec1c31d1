"""What a password's hash costs, by build and by parameters, as argon2-cffi's own command measures it.

Compares the wheel that the layer has with builds of its own source, which uv fetches: that needs a C
compiler.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks import prices
from benchmarks.page import Row, say
from tools import built

_BINDINGS = "argon2-cffi-bindings"
_HASHES = 20
PARAMETERS = {
    "OWASP, the template's": (19_456, 2, 1),
    "OWASP, more memory": (47_104, 1, 1),
    "OWASP, less memory": (12_288, 3, 1),
    "OWASP, least memory": (7_168, 5, 1),
    "argon2-cffi's own": (65_536, 3, 4),
}
BUILDS: dict[str, dict[str, str] | None] = {
    "the wheel": None,
    "its source, -O3 -march=native": {"CFLAGS": "-O3 -march=native"},
    "without vectors, as on arm64": {"ARGON2_CFFI_USE_SSE2": "0"},
    "the same, -O3 -march=native": {"ARGON2_CFFI_USE_SSE2": "0", "CFLAGS": "-O3 -march=native"},
}
TEXT = (
    f"CPU in ms, of {_HASHES} hashes; what Lambda takes is that divided by the part of a processor that the "
    f"memory brings ({prices.FULL_VCPU_MB} MB are one)."
)


def measure() -> dict[str, list[Row]]:
    """Two tables: by parameters, and by build."""
    parameters: list[Row] = []
    for name, (memory, passes, lanes) in PARAMETERS.items():
        cpu = cpu_of(memory, passes, lanes)
        row: Row = {"parameters": name, "PHC": f"m={memory},t={passes},p={lanes}", "CPU": cpu}
        parameters.append(
            row | {f"{size} MB": cpu / prices.share_of_vcpu(size) for size in (512, 1024, 1769)}
        )
    builds: list[Row] = []
    for name, variables in BUILDS.items() if shutil.which("cc") else ():
        say(f"Hashes: {name}")
        with tempfile.TemporaryDirectory(prefix="signet-argon2-") as folder:
            if variables is not None:
                _build(variables, Path(folder))
            cpu = cpu_of(*PARAMETERS["OWASP, the template's"], path=folder)
        builds.append({"build": name, "CPU": cpu, "× the wheel": cpu / builds[0]["CPU"] if builds else 1.0})
    return {"Parameters": parameters, "Builds": builds}


def cpu_of(memory: int, passes: int, lanes: int, path: str = "") -> float:
    """Milliseconds of CPU for a hash, what the process takes besides left out."""
    spent = []
    for count in (1, 1 + _HASHES):
        options = ["-n", str(count), "-m", str(memory), "-t", str(passes), "-p", str(lanes)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", "argon2", *options],
            env={**os.environ, "PYTHONPATH": path},
            check=True,
            capture_output=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return (spent[1] - spent[0]) / _HASHES * 1000


def _build(variables: dict[str, str], target: Path) -> None:
    find = [str(built.ROOT / "tools" / "environment"), "uv"]
    uv = subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
    own = ["--no-binary", _BINDINGS, "--python", sys.executable, "--target", str(target)]
    command = [uv, "pip", "install", "--quiet", "--no-config", "--no-deps", "--no-cache", *own]
    subprocess.run(  # noqa: S603 - our own program, no shell
        [*command, f"{_BINDINGS}=={version(_BINDINGS)}"], env={**os.environ, **variables}, check=True
    )

"""What a password's hash costs by its parameters, as argon2-cffi's own command measures it."""

import resource
import subprocess
import sys

from benchmarks import prices
from benchmarks.page import Row

_HASHES = 20
PARAMETERS = {
    "OWASP, the template's": (19_456, 2, 1),
    "OWASP, more memory": (47_104, 1, 1),
    "OWASP, less memory": (12_288, 3, 1),
    "OWASP, least memory": (7_168, 5, 1),
    "argon2-cffi's own": (65_536, 3, 4),
}
TEXT = (
    f"CPU in ms, of {_HASHES} hashes; what Lambda takes is that divided by the part of a processor that the "
    f"memory brings ({prices.FULL_VCPU_MB} MB are one)."
)


def measure() -> dict[str, list[Row]]:
    """A row for each choice of parameters."""
    parameters: list[Row] = []
    for name, (memory, passes, lanes) in PARAMETERS.items():
        cpu = cpu_of(memory, passes, lanes)
        row: Row = {"parameters": name, "PHC": f"m={memory},t={passes},p={lanes}", "CPU": cpu}
        parameters.append(
            row | {f"{size} MB": cpu / prices.share_of_vcpu(size) for size in (512, 1024, 1769)}
        )
    return {"": parameters}


def cpu_of(memory: int, passes: int, lanes: int) -> float:
    """Milliseconds of CPU for a hash, what the process takes besides left out."""
    spent = []
    for count in (1, 1 + _HASHES):
        options = ["-n", str(count), "-m", str(memory), "-t", str(passes), "-p", str(lanes)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", "argon2", *options],
            check=True,
            capture_output=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return (spent[1] - spent[0]) / _HASHES * 1000

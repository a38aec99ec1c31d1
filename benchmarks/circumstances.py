"""Where and of what something was measured."""

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from tools import built


def machine() -> dict[str, Any]:
    """The machine, and how busy it was before."""
    cpu = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpu.read_text()) if cpu.exists() else None
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def commit() -> str:
    """The commit that is checked out; `-dirty` behind it where something differs."""
    command = ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=12"]
    result = subprocess.run(command, cwd=built.ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return result.stdout.strip() or "unknown"

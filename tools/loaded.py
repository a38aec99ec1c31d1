"""Run by `tools.imports`, in a process of its own: what a function loads, and when.

Standard input says where its handler stands, which events it gets (those that somebody waits for come first)
and how many are waited for, and which packages Lambda does not have. Standard output says which packages of
others are loaded, and which modules not before somebody waits.
"""

import contextlib
import importlib
import json
import sys
import sysconfig
import time
import uuid
from collections.abc import Collection
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class Absence(MetaPathFinder):
    """Says of some packages that they are not there."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse those, and leave the others to the next finder."""
        if name in self._names:
            raise ModuleNotFoundError(name=name)


def main() -> None:
    """Import the handler, and have it answer its events."""
    task: dict[str, Any] = json.load(sys.stdin)
    before = set(sys.modules)
    sys.meta_path.insert(0, Absence(task["absent"]))
    sys.path.insert(0, task["folder"])
    deadline = time.monotonic() + 30
    context = SimpleNamespace(
        aws_request_id=str(uuid.uuid4()),
        function_name=Path(task["folder"]).name,  # by which `make run` knows the function
        get_remaining_time_in_millis=lambda: int((deadline - time.monotonic()) * 1000),
    )
    with contextlib.redirect_stdout(sys.stderr):
        handler = importlib.import_module("handler").lambda_handler
        ready = set(sys.modules)
        answers = [handler(event, context) for event in task["events"][: task["awaited"]]]
        late = sorted(sys.modules.keys() - ready)
        answers += [handler(event, context) for event in task["events"][task["awaited"] :]]
    names = {name.partition(".")[0] for name in sys.modules.keys() - before}
    packages = sorted(name for name in names if _is_installed(name))
    json.dump({"packages": packages, "late": late, "answers": answers}, sys.stdout)


def _is_installed(name: str) -> bool:
    module = sys.modules.get(name)
    origin = getattr(getattr(module, "__spec__", None), "origin", None) or ""
    return origin.startswith((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))


if __name__ == "__main__":
    main()

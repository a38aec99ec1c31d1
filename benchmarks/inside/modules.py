"""Says which modules a function imports, and when: run under `-X importtime`, whose lines the marks divide.

base        what Lambda's runtime client has imported before the handler
ready       the function is ready for its first event
answered    it has answered it

A last line, `files: […]`, names the file of each module.
"""

import importlib
import json
import os
import sys

from benchmarks.inside.context import Context


def _mark(name: str) -> None:
    sys.stderr.write(f"mark: {name} {len(sys.modules)}\n")
    sys.stderr.flush()


def main() -> None:
    """Import the handler, and call it once."""
    event = json.load(sys.stdin)
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    importlib.import_module("awslambdaric.bootstrap")
    _mark("base")
    handler = getattr(importlib.import_module(module), name)
    _mark("ready")
    handler(event, Context())
    _mark("answered")
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    sys.stderr.write(f"files: {json.dumps(sorted(filter(None, files)))}\n")


if __name__ == "__main__":
    main()

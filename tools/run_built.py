"""`make test-built`: imports and runs every built function from the built artefacts alone.

First of all, the layer that was built for AWS must be for AWS's processors: sam has built for its own before.

Each is imported in a fresh process with an empty environment: importing a handler needs nothing. Then it gets
every event that `events/` has for it, under AWS's own runtime client, in the environment that `sam local`
would give it, against a demo of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools import built, events, sam_env
from tools.runtime_api import Answer, FunctionExitError, import_path, running_function

_STARTUP_SECONDS = 30
# e_machine of an ELF header, at offset 18.
_AARCH64 = (183).to_bytes(2, "little")


def main() -> int:
    """Return the exit status: 0 when every function could be imported and every event got a good answer."""
    faults = _check_processor()
    operations = built.read_operations()
    faults += [fault for operation in operations if (fault := _import(operation))]
    answered = 0
    with running_demo() as demo:
        environments = sam_env.in_containers(
            sam_env.environments(demo, "Linux"), built.BUILD / "template.yaml"
        )
        for operation in operations:
            paths = events_of(operation.name)
            if not paths:
                faults.append(f"{operation.name}: events/ has nothing for it")
            for path in paths:
                own = events.demo_for(operation.name, demo)
                if fault := _run(operation, path, own, environments[operation.function.name]):
                    faults.append(f"{path.name}: {fault}")
                else:
                    answered += 1
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(operations)} built functions imported, {answered} events answered, {len(faults)} faults")
    return 1 if faults else 0


def _check_processor() -> list[str]:
    libraries = list((built.ROOT / ".aws-sam" / "build").rglob("*.so"))
    if not libraries:
        return ["the build for AWS has no compiled library: run `make build`"]
    return [f"{path} is not for arm64" for path in libraries if path.read_bytes()[18:20] != _AARCH64]


def _import(operation: built.Operation) -> str | None:
    function = operation.function
    module, _, name = function.handler.rpartition(".")
    result = subprocess.run(  # noqa: S603 - our own program, no shell
        [str(built.RUNTIME_PYTHON), "-c", f"import {module}; assert callable({module}.{name})"],
        cwd=function.code,
        env={"PYTHONPATH": import_path(function)},
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{operation.name} cannot be imported:\n{result.stderr}" if result.returncode else None


def events_of(operation: str) -> list[Path]:
    """The files of `events/` that can be tried against a demo, for an operation."""
    # Others, such as a custom resource's, are answered to an address on the internet.
    names = (
        f"{operation}.{kind}*.json"
        for kind in ("http", "direct", "node", "authorizer", "eventbridge", "sqs", "stream")
    )
    return sorted(path for name in names for path in (built.ROOT / "events").glob(name))


def _run(
    operation: built.Operation, path: Path, demo: dict[str, str], variables: dict[str, str]
) -> str | None:
    event = events.load_event(path, demo)
    with (
        tempfile.TemporaryFile() as log,
        running_function(built.RUNTIME_PYTHON, operation.function, variables, log) as function,
    ):
        try:
            fault = fault_of(function.invoke(event))
        except FunctionExitError as error:
            fault = str(error)
        if fault is None:
            return None
        log.seek(0)
        return f"{fault}\n{log.read().decode(errors='replace')}"


def fault_of(answer: Answer) -> str | None:
    """What is wrong with an answer, or None where it is good."""
    status: Any = answer.payload.get("statusCode", 200) if isinstance(answer.payload, dict) else 200
    denied = isinstance(answer.payload, dict) and answer.payload.get("isAuthorized") is False
    failures = answer.payload.get("batchItemFailures") if isinstance(answer.payload, dict) else None
    if answer.is_error or status >= 400 or denied or failures:
        return json.dumps(answer.payload)
    return None


@contextmanager
def running_demo() -> Iterator[dict[str, str]]:
    """Run `python -m local` on a free port, beside another one that may be up."""
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as state:
        process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=built.ROOT,
            env={**os.environ, "PORT": "0", "SIGNET_STATE": state},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + _STARTUP_SECONDS
            while not (demo := _find_demo(Path(state) / "demo.json")):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    printed = log.read().decode(errors="replace")
                    raise SystemExit(f"`python -m local` did not start:\n{printed}")
                time.sleep(0.05)
            yield demo
        finally:
            process.terminate()
            process.wait()


def _find_demo(path: Path) -> dict[str, str] | None:
    try:
        return events.read_demo(path)
    except (events.NoDemoError, json.JSONDecodeError):
        return None


if __name__ == "__main__":
    sys.exit(main())

"""`make imports`: writes which third-party packages each function loads into `allowed_imports.txt` beside it.

That is what importing the handler and answering its events (`events/`; the direct ones only where there are
no others) loads, each in a fresh process against a demo, with only the packages of the layer and of Lambda's
runtime. Each costs every cold start, so a test fails when they change: look why, and run this if it is right.
"""

import functools
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import packages_distributions

from local import template
from tools import built, events
from tools.run_built import events_of, fault_of, running_demo
from tools.runtime_api import Answer, BuiltFunction

FILE = "allowed_imports.txt"
_DEPLOYED = ("layers/signet/requirements.txt", "tools/requirements-runtime.txt")


class ImportsError(RuntimeError):
    """A function could not be imported, or did not answer an event well."""


def read_operations() -> list[built.Operation]:
    """All functions of the template, not as built but where they stand."""
    return [
        built.Operation(folder.name, BuiltFunction(name, folder))
        for name, resource in template.load(built.ROOT / "template.yaml")["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
        for folder in [built.ROOT / resource["Properties"]["CodeUri"]]
    ]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a function loads.

    Attributes:
        packages: Of third parties, by the names that are imported.
        late: The modules that it loads while somebody waits, over HTTP or behind an authorizer.
    """

    packages: list[str]
    late: list[str]


def measure(operation: built.Operation, demo: Mapping[str, str]) -> Loaded:
    """Have a function answer its events.

    Raises:
        ImportsError: It could not be found out.
    """
    own = events.demo_for(operation.name, demo)
    paths = events_of(operation.name)
    usual = [path for path in paths if ".direct." not in path.name] or paths
    awaited = [path for path in usual if re.search(r"\.(http|authorizer)\w*\.", path.name)]
    usual = [*awaited, *(path for path in usual if path not in awaited)]
    task = {
        "folder": str(operation.function.code),
        "absent": read_absent(),
        "awaited": len(awaited),
        "events": [events.load_event(path, own) for path in usual],
    }
    result = subprocess.run(
        [sys.executable, "-m", "tools.loaded"],
        cwd=built.ROOT,
        env=built.environment(operation, dict(own)) | {"AWS_LAMBDA_FUNCTION_NAME": operation.function.name},
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise ImportsError(f"{operation.name}:\n{result.stderr}")
    loaded = json.loads(result.stdout)
    for answer in loaded["answers"]:
        if fault := fault_of(Answer(answer, is_error=False, elapsed_ms=0)):
            raise ImportsError(f"{operation.name}: {fault}")
    return Loaded(loaded["packages"], loaded["late"])


@functools.cache
def read_absent() -> list[str]:
    """The packages that are installed here, and are not there on Lambda."""
    lists = [(built.ROOT / path).read_text() for path in _DEPLOYED]
    deployed = {"signet", *(name for text in lists for name in re.findall(r"(?m)^([\w.-]+)==", text))}
    return [
        package
        for package, distributions in packages_distributions().items()
        if not deployed & {re.sub(r"[-_.]+", "-", name).lower() for name in distributions}
    ]


def measure_all() -> dict[str, Loaded]:
    """What every function loads, by the operation's name."""
    operations = read_operations()
    with running_demo() as demo, ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda operation: measure(operation, demo), operations)
        return dict(zip([operation.name for operation in operations], found, strict=True))


def read_allowed(operation: built.Operation) -> list[str]:
    """The packages that a function may load."""
    return (operation.function.code / FILE).read_text().split()


def main() -> int:
    """Write the lists."""
    measured = measure_all()
    for operation in read_operations():
        text = "".join(f"{package}\n" for package in measured[operation.name].packages)
        (operation.function.code / FILE).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

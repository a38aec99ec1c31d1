"""`make sam-env`: writes what `sam local` needs to speak to `make run` (docs/local.md), into `.signet`.

`env.json` is the environment of each function, for `--env-vars`. `events/` has the project's events with the
demo's ids and credentials in them.
"""

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from local import private_file, sam
from tools import built, events

ROOT = Path(__file__).parents[1]
HOST = {"Linux": "127.0.0.1"}
"""This machine's loopback, as a container knows it: on Linux by `--docker-network host`."""

_SAM = ROOT / ".tools" / "sam" / "bin" / "python"
_ASK = """
import json, sys
from unittest import mock
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

stacks, _ = SamLocalStackProvider.get_stacks(sys.argv[1])
provider = SamFunctionProvider(stacks, ignore_code_extraction_warnings=True)
runner = LocalLambdaRunner(mock.Mock(), provider, ".", ".", env_vars_values=json.load(open(sys.argv[2])))
print(json.dumps({f.name: runner._make_env_vars(f).resolve() for f in provider.get_all()}))
"""


def environments(demo: Mapping[str, str], system: str) -> dict[str, dict[str, str]]:
    """The variables of each function, by its logical id."""
    host = HOST.get(system, "host.docker.internal")
    return {
        function: {
            **variables,
            "AWS_ENDPOINT_URL": demo["lambdaEndpointUrl"].replace("127.0.0.1", host),
            # Said too where it is the same, since `sam local` would set the variable to nothing.
            "AWS_ENDPOINT_URL_DYNAMODB": demo["awsEndpointUrl"].replace("127.0.0.1", host),
        }
        for function, variables in built.environments(demo).items()
    }


def in_containers(given: Mapping[str, Mapping[str, str]], template: Path) -> dict[str, dict[str, str]]:
    """What `sam local` makes of these environments in its containers, by SAM's own resolver.

    Args:
        given: The variables of each function, as `--env-vars` has them.
        template: The one that `--template-file` names.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "env.json"
        path.write_text(json.dumps(given))
        done = subprocess.run(  # noqa: S603 - our own sam
            [_SAM, "-c", _ASK, template, path],
            env={"AWS_DEFAULT_REGION": sam.REGION, "HOME": folder, "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


def main() -> int:
    """Return the exit status."""
    try:
        demo = events.read_demo()
    except events.NoDemoError as error:
        print(error, file=sys.stderr)
        return 2
    folder = events.DEMO_FILE.parent
    private_file.write_json(folder / "env.json", environments(demo, platform.system()))
    for path in sorted((ROOT / "events").glob("*.json")):
        private_file.write_json(folder / "events" / path.name, events.load_event(path, demo))
    print("Written: .signet/env.json and .signet/events", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`make sam-env`: writes what `sam local` needs to speak to `make run` (docs/local.md), into `.signet`.

`env.json` is the environment of each function, for `--env-vars`. `events/` has the project's events with the
demo's ids and credentials in them.
"""

import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from local import private_file
from tools import built, events

ROOT = Path(__file__).parents[1]
HOST = {"Linux": "127.0.0.1"}
"""This machine's loopback, as a container knows it: on Linux by `--docker-network host`."""


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

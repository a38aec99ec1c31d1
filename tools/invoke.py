"""`make invoke`: runs one built function on one event and prints its answer.

The function runs under AWS's own runtime client, from the built artefacts alone, against the embedded AWS of
`make run`. Its log goes to standard error.
"""

import json
import sys
import urllib.error

from tools import built, events
from tools.runtime_api import FunctionExitError, running_function

_USAGE = "usage: make invoke FUNCTION=IssueIdentityTokenFunction EVENT=events/issue_identity_token.http.json"
_STDERR = 2


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 for an answer, 1 for an error, 2 where there was nothing to run."""
    if len(arguments) != 2 or not all(arguments):
        return _complain(_USAGE)
    name, path = arguments
    operations = built.read_operations()
    operation = built.find_operation(operations, name)
    if operation is None:
        known = "\n  ".join(f"{o.function.name} ({o.name})" for o in operations)
        return _complain(f"template.yaml has no function {name}. It has:\n  {known}")
    try:
        demo = events.read_demo()
        event = events.load_event(path, demo)
    except events.NoDemoError as error:
        return _complain(str(error))
    except urllib.error.HTTPError as error:
        why = "its API token was reset, perhaps" if error.code == 401 else f"it answered {error.code}"
        return _complain(f"The demo of `make run` cannot be asked: {why}. Start it again.")
    except OSError as error:
        return _complain(f"{path} cannot be read: {error.strerror}")
    except json.JSONDecodeError as error:
        return _complain(f"{path} is not JSON: {error}")
    variables = built.environment(operation, demo)
    with running_function(built.RUNTIME_PYTHON, operation.function, variables, log=_STDERR) as function:
        try:
            answer = function.invoke(event)
        except FunctionExitError as error:
            print(error, file=sys.stderr)
            return 1
    print(json.dumps(answer.payload, indent=2, ensure_ascii=False))
    return 1 if answer.is_error else 0


def _complain(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

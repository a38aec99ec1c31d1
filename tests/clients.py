"""The products' own clients as their registries have them, unchanged but for the base URL.

velt-py and losant-rest come from PyPI with what the tests need; losant-rest and openid-client of npm by
`make verifiers`.
"""

import json
import re
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import losant_rest
import velt_py
from velt_py.services.api.base_api_service import BaseApiService
from velt_py.services.api.token_service import TokenService

from tests.deployment import load_template
from tests.verifiers import PACKAGES, MissingVerifiersError, find_node

Operations = Mapping[str, str]
"""A route by the name that its client gives it."""

_LOSANT_FOR_PYTHON = (
    r'def (\w+)\(self, \*\*kwargs\):(?:(?!\n    def ).)*?path = "([^"]+)".*?\.request\("(\w+)"'
)
_LOSANT_FOR_NODE = r"internals\.(\w+) = function(?:(?!internals\.).)*?parse\('([^']+)'\).*?method: '(\w+)'"
_VELT = r'def (\w+)\(self, request: (?:(?!\n    def ).)*?\{self\.VELT_API_VERSION\}(/[^"]+)"'
_PROGRAM = Path(__file__).with_suffix(".mjs")


class ClientRefusedError(Exception):
    """A client raised what it makes of a refusal."""

    def __init__(self, status: int | None, kind: str | None, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class Client(Protocol):
    """A client, and which of its operations were called."""

    called: set[str]
    both_have: Operations
    """Those that Signet has too."""
    has_queries: bool
    """Whether its lists take a `query`."""

    def call(self, operation: str, /, **given: Any) -> Any:
        """Call an operation, named as npm's losant-rest does: `experienceUsers.post`.

        Raises:
            ClientRefusedError: it was refused.
        """


def _routes() -> set[str]:
    events = [
        event["Properties"]
        for resource in load_template()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    return {f"{event['Method'].upper()} {event['Path']}" for event in events}


def _shared(operations: Operations) -> Operations:
    routes = _routes()
    return {name: route for name, route in operations.items() if route in routes}


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def _losant_operations(folder: Path, pattern: str) -> Operations:
    return {
        f"{_camel(source.stem)}.{_camel(name)}": f"{method} {path}"
        for source in folder.iterdir()
        if source.suffix in {".py", ".js"}
        for name, path, method in re.findall(pattern, source.read_text(), re.DOTALL)
    }


class LosantForPython:
    """losant-rest of PyPI."""

    has_queries = True

    def __init__(self, demo: Mapping[str, str]) -> None:
        self._application_id = demo["applicationId"]
        self._client = losant_rest.Client(auth_token=demo["apiToken"], url=demo["url"])
        self.called: set[str] = set()
        self.both_have = _shared(_losant_operations(Path(losant_rest.__file__).parent, _LOSANT_FOR_PYTHON))

    def call(self, operation: str, /, **given: Any) -> Any:
        """Call an operation."""
        self.called.add(operation)
        resource, method = (
            re.sub("[A-Z]", lambda it: f"_{it[0].lower()}", part) for part in operation.split(".")
        )
        try:
            return getattr(getattr(self._client, resource), method)(
                **{"applicationId": self._application_id} | given
            )
        except losant_rest.LosantError as error:
            raise ClientRefusedError(error.status, error.data["type"], error.data["message"]) from error


class Node:
    """losant-rest and openid-client of npm, in one process."""

    has_queries = False  # npm's losant-rest is from before them

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.called: set[str] = set()
        self.both_have = _shared(
            _losant_operations(PACKAGES / "node_modules/losant-rest/lib/api", _LOSANT_FOR_NODE)
        )

    def call(self, operation: str, /, **given: Any) -> Any:
        """Call an operation."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.called.add(operation)
        self._process.stdin.write(json.dumps({"call": operation, "arguments": given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"node ended with status {self._process.wait()}"
        told = json.loads(line)
        if "error" in told:
            error = told["error"]
            raise ClientRefusedError(error.get("status"), error.get("type"), error["message"])
        return told["result"]


@contextmanager
def running_node(demo: Mapping[str, str]) -> Iterator[Node]:
    """Run the clients of Node.

    Raises:
        MissingVerifiersError: They are not installed.
    """
    program = find_node()
    if program is None:
        raise MissingVerifiersError("the clients of Node are not installed: run `make verifiers`")
    arguments = [demo["url"], demo["applicationId"], demo["apiToken"]]
    with subprocess.Popen(  # noqa: S603 - our own program, no shell
        [program, str(_PROGRAM), str(PACKAGES / "node_modules"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Node(process)
        finally:
            process.kill()


class Velt:
    """velt-py, whose operations are named as its SDK does: `accessControl.generateToken`."""

    has_queries = False

    def __init__(self, demo: Mapping[str, str]) -> None:
        settings = {
            "apiKey": demo["applicationId"],
            "authToken": demo["apiToken"],
            "workspaceId": "any",
            "workspaceAuthToken": demo["apiToken"],
        }
        self._url = demo["url"]
        self._api = velt_py.VeltSDK.initialize(settings).api
        self.called: set[str] = set()
        services = Path(velt_py.__file__).parent / "services" / "api"
        named = {
            f"{service}.{name}": f"POST /v2{path}"
            for service, file in {"accessControl": "access_control", "workspace": "workspace"}.items()
            for name, path in re.findall(_VELT, (services / f"{file}_service.py").read_text(), re.DOTALL)
        }
        everything = "".join(source.read_text() for source in services.glob("*.py"))
        paths = {
            f"POST /v2{path}" for path in re.findall(r"\{self\.VELT_API_VERSION\}(/[^\"]+)\"", everything)
        }
        assert paths & _routes() <= set(named.values()), "another service of velt-py has routes of Signet's"
        self.both_have = _shared({"token.getToken": "POST /v2/auth/token/get", **named})

    def call(self, operation: str, /, **given: Any) -> Any:
        """Call an operation; where the client takes a model of the request, it is made of the arguments."""
        self.called.add(operation)
        service, method = operation.split(".")
        function = getattr(getattr(self._api, service), method)
        with (
            mock.patch.object(BaseApiService, "VELT_API_BASE_URL", self._url),
            mock.patch.object(TokenService, "VELT_API_URL", f"{self._url}/v2/auth/token/get"),
            warnings.catch_warnings(action="ignore", category=DeprecationWarning),
        ):
            if "request" in function.__annotations__:
                return function(function.__annotations__["request"](**given))
            return function(**given)

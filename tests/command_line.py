"""The command line's way to the deployment of a test: a target whose functions run in this process."""

import io
import json
import os
from contextlib import redirect_stdout, suppress
from typing import Any, TextIO

import boto3

from signet.cli.target import Resources, Target
from tests.deployment import URL, Deployment


class _Lambda:
    """Lambda's Invoke API, as far as boto3's client is used."""

    def __init__(self, deployment: Deployment, log: TextIO, *, is_eager: bool) -> None:
        self._deployment = deployment
        self._log = log
        self._is_eager = is_eager
        self._operations = {
            name: function.module.split(".")[-2]
            for function in deployment.functions.values()
            for name in (function.physical_name, function.module.split(".")[-2])
        }

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        operation = self._operations[FunctionName]
        context, event = self._deployment.context(operation), json.loads(Payload)
        answer: dict[str, Any] = {"ResponseMetadata": {"RequestId": context.aws_request_id}}
        if InvocationType == "Event":
            if self._is_eager:
                with suppress(Exception):  # Nobody hears of it.
                    self._run(operation, event, context)
            else:
                self._deployment.waiting.append((FunctionName, event))
            return answer
        try:
            result = self._run(operation, event, context)
        except Exception as error:
            answer["FunctionError"] = "Unhandled"
            result = {"errorType": type(error).__name__, "errorMessage": str(error)}
        return answer | {"Payload": io.BytesIO(json.dumps(result).encode())}

    def _run(self, operation: str, event: Any, context: Any) -> Any:
        # What a function logs is not what the command line prints.
        with redirect_stdout(self._log):
            return self._deployment.handler(operation)(event, context)


def target_of(
    deployment: Deployment,
    clients: dict[str, Any] | None = None,
    *,
    is_eager: bool = False,
    log: TextIO | None = None,
) -> Target:
    """The deployment of a test, as a stack would be found.

    Args:
        deployment: The deployment.
        clients: Clients of AWS to take in place of boto3's, by service.
        is_eager: Whether what nobody waits for is run at once, and not left for `go_on`.
        log: Where functions log; not given, nowhere.
    """
    resources = Resources(
        functions={
            function.module.split(".")[-2]: function.physical_name
            for function in deployment.functions.values()
        },
        table=deployment.table_name,
        bucket=os.environ["TRANSFER_BUCKET"],
        key="key",
    )
    found = {"lambda": _Lambda(deployment, log or io.StringIO(), is_eager=is_eager), **(clients or {})}
    return Target("test", URL, lambda: resources, lambda name: found.get(name) or boto3.client(name))

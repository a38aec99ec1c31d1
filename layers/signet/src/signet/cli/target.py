"""The Signet that an operator works with: what `make run` serves, or a stack in AWS.

Everything goes through Lambda's Invoke API, by the caller's own AWS credentials: what they may do, IAM says.
"""

import functools
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOCAL_CREDENTIALS = {
    # AWS's documented example, which every engine behind `make run` takes.
    "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "region_name": "us-east-1",
}

LONGEST_INVOCATION = 900
"""In seconds: what Lambda gives a function at most."""

UNREACHABLE = "Unreachable"
NO_ACCESS = "NoAccess"
NOT_DEPLOYED = "NotDeployed"
"""Codes of this module, beside those of `signet.errors`: nothing answers there; AWS refuses these
credentials; the stack, or a function of it, is not there."""

NO_REGION = "NoRegion"
"""The environment says no Region, and no profile does."""

NOT_RUNNING = "`make run` is not up: start it in another terminal, or name a deployed stack with --stack."
NO_STATE = (
    "There is no .signet, which `make run` leaves, in this folder or one above: go to Signet's folder, set"
    " SIGNET_STATE to its .signet, or name a deployed stack with --stack."
)


class TargetError(Exception):
    """What was asked for was refused, or nobody could be asked.

    Attributes:
        code: One of docs/api.md's, such as `UserNotFound`, or one of those above; anything else is a bug in
            the function.
        message: What was wrong and what would be right, in a sentence or two.
        request_id: What names the call in the log, where a function was reached.
    """

    def __init__(self, code: str, message: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class Resources:
    """The names by which AWS knows a deployment's parts.

    Attributes:
        functions: The function's name, by operation, such as `create_user`.
        log_groups: The log groups of the functions.
        table: The DynamoDB table.
        bucket: The bucket of imports and exports.
        key: The KMS key that encrypts the signing keys.
        alarms: The alarms' names.
    """

    functions: Mapping[str, str]
    table: str
    bucket: str
    key: str
    log_groups: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()


_MAKING = threading.Lock()


@dataclass
class Target:
    """One deployment, and the way to it.

    Attributes:
        name: For people: `make run`, or the stack's name.
        url: The API's base URL.
        state: The folder in which `make run` keeps its files; None for a stack.
        demo: What `make run` says of its demo (`applicationId`, `apiToken`, …); empty for a stack.
        last_request_id: What names the last invocation in the log.
        find_resources: Looks up the names of its parts; asked once (`resources`).
        make_client: Makes a boto3 client of a service of AWS's; asked once for each (`client`).
    """

    name: str
    url: str
    find_resources: Callable[[], Resources] = field(repr=False)
    make_client: Callable[[str], Any] = field(repr=False)
    state: Path | None = None
    demo: Mapping[str, str] = field(default_factory=dict, repr=False)
    last_request_id: str = field(default="", init=False, repr=False)

    @classmethod
    def local(cls, state: Path | None = None) -> "Target":
        """What `make run` serves, by the file that it leaves.

        Args:
            state: Its folder; not given, `SIGNET_STATE`, or `.signet` here or in a folder above.

        Raises:
            TargetError: It is not up.
        """
        folder = state or find_state()
        try:
            demo = json.loads((folder / "demo.json").read_text())
        except (OSError, ValueError):
            raise TargetError(UNREACHABLE, _why_not_there(folder)) from None

        def make_client(service: str) -> Any:
            endpoint = demo["awsEndpointUrl" if service == "dynamodb" else "lambdaEndpointUrl"]
            return _client(_local_session(), service, endpoint_url=endpoint)

        resources = Resources({}, demo["tableName"], demo["transferBucket"], demo["kmsKeyId"])
        return cls("make run", demo["url"], lambda: resources, make_client, folder, demo)

    @classmethod
    def stack(cls, name: str) -> "Target":
        """A stack in AWS, with the credentials and the Region that the AWS CLI would take.

        Raises:
            TargetError: There is no such stack in this account and Region, or one may not look.
        """
        session = _session()

        def make_client(service: str) -> Any:
            return _client(session, service)

        with named_errors():
            cloudformation = _client(session, "cloudformation")
            (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
        if "RotateKeysFunctionName" not in outputs:
            raise TargetError(NOT_DEPLOYED, f"The stack {name} is no Signet, or was never deployed whole.")
        # Where users find it: what stands in front, if anything does, which alone may ask at ApiUrl.
        url = outputs["JwksUrl"].removesuffix("/.well-known/jwks.json")
        return cls(name, url, lambda: _read_stack(cloudformation, name), make_client)

    @functools.cached_property
    def resources(self) -> Resources:
        """The names of its parts.

        Raises:
            TargetError: One may not look.
        """
        with named_errors():
            return self.find_resources()

    @property
    def is_local(self) -> bool:
        """Whether it is what `make run` serves."""
        return self.state is not None

    def client(self, service: str) -> Any:
        """A boto3 client of one of AWS's services, such as `s3`; made once."""
        clients = self.__dict__.setdefault("_clients", {})
        if service not in clients:
            # A client may be used by several threads, as the console's are; a session that makes one may not.
            with _MAKING, named_errors():
                if service not in clients:
                    clients[service] = self.make_client(service)
        return clients[service]

    def invoke(self, operation: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke an operation's function directly, and wait for what it gives.

        Args:
            operation: Its name: its folder's in `functions/`, such as `create_user`.
            payload: The request's fields, with `applicationId` where it acts in an application.

        Raises:
            TargetError: It was refused, or failed, or could not be reached.
        """
        answer, request_id = self._invoke(operation, payload, "RequestResponse")
        result = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            code = str(result.get("errorType", "Fault"))
            message = str(result.get("errorMessage") or code)
            raise TargetError(code, message, request_id)
        found: dict[str, Any] = result
        return found

    def begin(self, operation: str, payload: Mapping[str, Any]) -> str:
        """Have an operation run by itself, and return the id that its log lines have.

        Raises:
            TargetError: It could not be reached.
        """
        return self._invoke(operation, payload, "Event")[1]

    def _invoke(self, operation: str, payload: Mapping[str, Any], kind: str) -> tuple[dict[str, Any], str]:
        function = operation
        if not self.is_local:
            function = self.resources.functions.get(operation, "")
            if not function:
                message = f"{self.name} has no function {operation}: it was deployed before there was one."
                raise TargetError(NOT_DEPLOYED, message)
        with named_errors(NOT_RUNNING if self.is_local else ""):
            answer = self.client("lambda").invoke(
                FunctionName=function, InvocationType=kind, Payload=json.dumps(payload).encode()
            )
        self.last_request_id = answer["ResponseMetadata"]["RequestId"]
        return answer, self.last_request_id


def find_state() -> Path:
    """The folder of `make run`: `SIGNET_STATE`, or `.signet` here or in the nearest folder above."""
    if named := os.environ.get("SIGNET_STATE"):
        return Path(named)
    here = Path.cwd()
    folders = [folder / ".signet" for folder in (here, *here.parents)]
    running = (folder for folder in folders if (folder / "demo.json").is_file())
    return next(running, next((folder for folder in folders if folder.is_dir()), folders[0]))


def _why_not_there(state: Path) -> str:
    if state.is_dir():
        return NOT_RUNNING
    if os.environ.get("SIGNET_STATE"):
        return (
            f"SIGNET_STATE is {state}, where there is no folder: it names the .signet that `make run` leaves."
        )
    return NO_STATE


def _session() -> Any:
    import boto3  # a tenth of a second that `--help` need not take

    with named_errors():
        # Of the two variables the AWS CLI takes this one first; botocore knows the other one alone.
        return boto3.session.Session(region_name=os.environ.get("AWS_REGION") or None)


def _local_session() -> Any:
    """A session that knows no profile, be one set that there is not."""
    import boto3
    from botocore.session import Session

    without_profile = Session(session_vars={"profile": (None, None, None, None)})
    return boto3.session.Session(botocore_session=without_profile, **LOCAL_CREDENTIALS)


def _client(session: Any, service: str, **given: str) -> Any:
    from botocore.config import Config

    # An invocation is not repeated: it may have done its work, though its answer was lost.
    attempts = {"total_max_attempts": 1} if service == "lambda" else {"mode": "standard"}
    # A proxy could not reach this machine's loopback.
    proxies: dict[str, str] | None = {} if "endpoint_url" in given else None
    seconds = LONGEST_INVOCATION + 10
    config = Config(connect_timeout=5, read_timeout=seconds, retries=attempts, proxies=proxies)
    return session.client(service, config=config, **given)


def _read_stack(cloudformation: Any, name: str) -> Resources:
    resources = [
        resource
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        for resource in page["StackResourceSummaries"]
    ]
    by_id = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    kinds = {resource["LogicalResourceId"]: resource["ResourceType"] for resource in resources}
    alarms = [by_id[logical] for logical, kind in kinds.items() if kind == "AWS::CloudWatch::Alarm"]
    if "Monitoring" in by_id:
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=by_id["Monitoring"])
        alarms += [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
        ]
    return Resources(
        functions={
            _operation(logical): by_id[logical]
            for logical, kind in kinds.items()
            if kind == "AWS::Lambda::Function"
        },
        table=by_id["Table"],
        bucket=by_id["TransferBucket"],
        key=by_id["SigningKey"],
        log_groups=tuple(by_id[logical] for logical, kind in kinds.items() if kind == "AWS::Logs::LogGroup"),
        alarms=tuple(alarms),
    )


def _operation(logical_id: str) -> str:
    """`CreateUserFunction` → `create_user`."""
    name = logical_id.removesuffix("Function")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


@contextmanager
def named_errors(nothing_there: str = "") -> Iterator[None]:
    """Turn what botocore raises into a sentence."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoRegionError
    from botocore.exceptions import ConnectionError as NotConnectedError

    try:
        yield
    except ClientError as error:
        code, said = error.response["Error"]["Code"], error.response["Error"]["Message"]
        kind = NOT_DEPLOYED if code in ("ResourceNotFoundException", "ValidationError") else NO_ACCESS
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or "Throttl" in code:
            kind = UNREACHABLE
        raise TargetError(kind, f"AWS refused {error.operation_name}: {said} ({code})") from error
    except (NotConnectedError, HTTPClientError) as error:
        raise TargetError(UNREACHABLE, nothing_there or f"{error}") from error
    except NoRegionError as error:
        message = "Say in which Region the stack is: AWS_REGION, or `region` in the AWS profile."
        raise TargetError(NO_REGION, message) from error
    except BotoCoreError as error:
        raise TargetError(NO_ACCESS, f"{error}") from error

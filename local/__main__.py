"""`python -m local`: the embedded AWS, the table, a key ring, a demo application, and the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import uvicorn

from local import aws, cors, demo, sam, stream, template
from local.bus import EventBus
from local.console import Console
from local.data import KMS, MAILS, Data, hold
from local.docs import Docs
from local.errors import StartError
from local.gateway import Gateway
from local.invoke import Invoker
from local.lambda_api import LambdaApi
from local.log import Log
from local.mails import FUNCTION, Mails
from local.write_through import WriteThrough

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType
    from typing import TextIO

ROOT: Final = Path(__file__).resolve().parent.parent
# Another folder for another gateway, so that two leave each other's credentials alone.
STATE: Final = Path(os.environ.get("SIGNET_STATE") or ROOT / ".signet")
_DEFAULT_PORT: Final = "3000"
# Set to 1, the table has a stream, and what happens is printed and kept (docs/events-out.md).
EVENTS: Final = "EVENTS"
# Set to 1, what was kept in STATE goes.
FRESH: Final = "FRESH"
# Set to json, the terminal gets the log as the functions write it (docs/logs.md).
LOG: Final = "LOG"
# Seconds that requests get to finish in when the gateway is stopped.
_GRACE: Final = 3


class Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port, then say so."""
        await super().startup(sockets=sockets)
        self._on_ready()


def main() -> int:
    """Run until Ctrl-C or SIGTERM, and return the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    stdout = sys.stdout
    try:
        log = Log(STATE, raw=is_chosen(os.environ, LOG, "json"))
        # Functions log to stdout.
        with contextlib.redirect_stdout(log):
            _run(stdout, log)
    except (StartError, template.TemplateError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def is_chosen(environ: Mapping[str, str], name: str, value: str) -> bool:
    """Whether a variable has the one value that it takes, beside none and 0.

    Raises:
        StartError: it has another one, by which somebody meant something.
    """
    given = environ.get(name, "")
    if given not in ("", "0", value):
        raise StartError(f"{name}={given} is not taken: give {name}={value}, or leave it out.")
    return given == value


def read_parameters(loaded: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters.

    Raises:
        StartError: the origins that are given are none.
    """
    # Whoever runs it wants to see why something was refused.
    parameters = {**sam.PARAMETERS, "LogLevel": "DEBUG"}
    if origins := environ.get(cors.ORIGINS):
        if not re.fullmatch(loaded["Parameters"]["AllowedOrigins"]["AllowedPattern"], origins):
            raise StartError(
                f"{cors.ORIGINS}={origins} are no origins: give them as http://localhost:5173, "
                "several with commas between, without a slash at the end, and never *."
            )
        parameters["AllowedOrigins"] = origins
    return parameters


def open_data(environ: Mapping[str, str], folder: Path) -> Data:
    """The data of the last time, or new ones.

    Raises:
        StartError: the folder is in use, what is there cannot be read, or FRESH is neither 1 nor 0.
    """
    is_fresh = is_chosen(environ, FRESH, "1")
    if is_fresh and environ.get(aws.DYNAMODB):
        raise StartError(
            f"{FRESH}=1 begins the embedded DynamoDB anew, and {aws.DYNAMODB} names another one:"
            " its private keys could not be decrypted any more. Empty that one, or unset the variable."
        )
    return Data(folder, fresh=is_fresh)


def find_key(data: Data, region: str, *, is_embedded: bool) -> str:
    """The id of the KMS key.

    Raises:
        StartError: it is not the one by which the private keys in the embedded table are encrypted.
    """
    key_id = aws.create_key(region, data.folder / KMS)
    if is_embedded:
        kept = data.find("kms_key") or key_id
        if kept != key_id:
            raise data.damaged(f"the KMS key is {kept}, and {KMS} has {key_id}")
        data.note("kms_key", key_id)
    return key_id


def _run(stdout: TextIO, log: Log) -> None:
    # What is refused forgets nothing: all this is before the data.
    loaded = template.load(ROOT / "template.yaml")
    parameters = read_parameters(loaded, os.environ)
    sends_events, port = is_chosen(os.environ, EVENTS, "1"), read_port(os.environ)
    try:
        listener = listen(port)
    except StartError:
        # Whoever forgot that it runs already should hear that.
        with contextlib.suppress(OSError):
            hold(STATE).close()
        raise
    data = open_data(os.environ, STATE)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    data.say_where(url)
    shown = STATE / "demo.json"
    # The last run's address and credentials would be wrong for whoever waits for this file.
    shown.unlink(missing_ok=True)

    lambda_api, keep = LambdaApi(), WriteThrough(data)
    mails = Mails(STATE / MAILS)
    aws_url = aws.start(lambda_api, EventBus(STATE / "events.jsonl"), mails, keep=keep)
    dynamodb = aws.prepare_environment(aws_url, os.environ)
    is_embedded = dynamodb == aws_url
    if is_embedded:
        aws.be_patient()
    key_id = find_key(data, os.environ["AWS_REGION"], is_embedded=is_embedded)
    named = template.Resolver(loaded, sam.physical_values(loaded, url, "", key_id), parameters)
    table_name = sam.read_table_name(loaded, named)
    resolver = template.Resolver(loaded, sam.physical_values(loaded, url, table_name, key_id), parameters)
    functions = sam.read_functions(resolver)
    api = sam.read_api(resolver, functions)
    table = sam.read_table(resolver, table_name, has_stream=sends_events)
    stream_arn = aws.ensure_table(table, dynamodb)
    if is_embedded:
        keep.load_items(table_name, table.key_names)
    buckets = [sam.bucket_name(name) for name in resolver.resources("AWS::S3::Bucket")]
    for bucket in buckets:
        aws.create_bucket(aws_url, bucket)
    keep.load_files(buckets)
    os.environ.update(sam.shared_environment(functions))

    demo.make_key_ring(functions, url)
    application_id, api_token = demo.make_application(os.environ.get(demo.API_TOKEN), data.find("api_token"))
    data.note("api_token", api_token)
    demo.make_import(application_id)
    transfer = os.environ["TRANSFER_BUCKET"]
    example = demo.Demo(url, application_id, api_token, dynamodb, table_name, key_id, aws_url, transfer)

    def told(function: sam.Function, answer: object) -> None:
        if token := demo.find_new_token(function, answer, application_id):
            data.note("api_token", token)
            demo.write(replace(example, api_token=token), shown)

    invoker = Invoker(told=told)
    lambda_api.serve(functions.values(), invoker)
    mails.serve(functions[FUNCTION], invoker)
    if sends_events and stream_arn is not None:
        reader = stream.Reader(stream.make_client(dynamodb), stream_arn)
        stream.follow(reader, functions[stream.FUNCTION], invoker)

    def announce(link: str) -> None:
        print(f"Console: {link} (lets one browser in, once)", file=stdout, flush=True)

    console = Console(listener.getsockname()[1], STATE, announce)

    def ready() -> None:
        demo.write(example, shown)
        text = demo.banner(example, api.routes, console.link(), _say_data(data, url))
        print(text, file=stdout, flush=True)
        _say_what_differs(api)
        invoker.warm(functions.values())

    _serve(Gateway(api, invoker, log, Docs(application_id), console), listener, ready, invoker)


def read_port(environ: Mapping[str, str]) -> int:
    """The port that is asked for.

    Raises:
        StartError: it is no port.
    """
    port = environ.get("PORT") or _DEFAULT_PORT
    if not (port.isascii() and port.isdigit() and int(port) <= 0xFFFF):
        raise StartError(f"PORT={port} is not a port: give a number up to 65535, or 0 for any free one.")
    return int(port)


def listen(port: int) -> socket.socket:
    """A listening socket on loopback.

    Raises:
        StartError: the port is in use, or not ours to open.
    """
    # By its protocol asyncio knows that an answer shall not wait for an acknowledgement: 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
        raise StartError(
            f"Port {port} {why}; choose another one with PORT=..., 0 for any free one."
        ) from error
    return listener


def _serve(app: Gateway, listener: socket.socket, on_ready: Callable[[], None], invoker: Invoker) -> None:
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
    )
    with contextlib.suppress(SystemExit):  # how `_stop` ends the server
        asyncio.run(Server(config, on_ready).serve(sockets=[listener]))
    if invoker.close():
        # A handler that hangs would keep the process; nothing here has to be saved.
        sys.stderr.flush()
        os._exit(0)


def _say_data(data: Data, url: str) -> str:
    """Where the data are, and what became of the last time's."""
    before = data.find("url")
    data.note("url", url)
    if before is None:
        return f"{data.folder}, new; they stay until make run FRESH=1"
    if before == url:
        return f"{data.folder}, as they were"
    return (
        f"{data.folder}, as they were; but tokens from {before} are refused here, since they name that"
        " address as their issuer"
    )


def _say_what_differs(api: sam.Api) -> None:
    authorizers: Mapping[str, sam.Authorizer] = {
        route.authorizer.name: route.authorizer for route in api.routes if route.authorizer is not None
    }
    for authorizer in authorizers.values():
        if authorizer.ttl:
            print(
                f"{authorizer.name}: AWS keeps a decision for {authorizer.ttl} s; "
                "here every request is decided anew.",
                file=sys.stderr,
            )


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave quietly. While the server runs, uvicorn takes the signal, and repeats it when it is done."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())

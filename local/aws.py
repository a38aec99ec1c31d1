"""The embedded AWS: moto's server in this process, on a loopback port of its own.

DynamoDB may be another engine (`AWS_ENDPOINT_URL_DYNAMODB`); KMS is always moto's. Everything that an AWS SDK
in this process could call is pointed here, so that nothing reaches a real account by mistake.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import threading
from typing import TYPE_CHECKING, Any, Final, Literal

from local import private_file
from local.data import ANEW
from local.errors import StartError
from local.sam import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from local.bus import EventBus
    from local.lambda_api import LambdaApi
    from local.mails import Mails
    from local.sam import Table
    from local.write_through import WriteThrough

    type Service = EventBus | LambdaApi | Mails
    """What answers in moto's place."""

DYNAMODB: Final = "AWS_ENDPOINT_URL_DYNAMODB"
# A container reaches its host's loopback under the third name (`sam local invoke`).
_HOST: Final = re.compile(r"(127\.0\.0\.1|localhost|host\.docker\.internal)(:\d{1,5})?", re.IGNORECASE)
_SERVICES: Final[Mapping[str, Literal["dynamodb", "dynamodbstreams", "events", "kms"]]] = {
    "AWSEvents": "events",
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "TrentService": "kms",
}
_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


class OneAtATime:
    """Hands requests to moto one by one, others to what stands in front of it; none that a web page sent.

    moto checks a condition and writes in two steps, so two writes at once could both pass their checks. A
    browser always says where a request comes from; an AWS SDK never does.

    Args:
        application: moto's.
        in_front: what answers before it.
        keep: keeps what a request to moto has written, before it is answered.
    """

    def __init__(
        self, application: WSGIApplication, *in_front: Service, keep: WriteThrough | None = None
    ) -> None:
        self._application = application
        self._in_front = in_front
        self._keep = keep
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        from_browser = "HTTP_ORIGIN" in environ or "HTTP_SEC_FETCH_SITE" in environ
        if from_browser or not _HOST.fullmatch(environ.get("HTTP_HOST", "")):
            start_response("403 Forbidden", [("content-length", "0")])
            return [b""]
        body = b""
        if environ.get("CONTENT_LENGTH"):
            # Read before the lock is taken, so that a slow sender holds up nobody.
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
        for service in self._in_front:
            if service.answers(environ):
                # Not one at a time: a function that runs has requests of its own.
                return service(environ, start_response)
        if environ["REQUEST_METHOD"] == "PUT":
            # What curl puts by --data-binary says to be a form, and moto would look for no object in one.
            environ["CONTENT_TYPE"] = environ.get("CONTENT_TYPE", "").replace(
                "application/x-www-form-urlencoded", "application/octet-stream"
            )
        from moto.core.model_instances import reset_model_data

        with self._lock:
            answer = [b"".join(self._application(environ, start_response))]
            if self._keep is not None:
                self._keep.after(environ, body)
            # For its dashboard moto remembers every object that it ever made, copies of whole tables too.
            reset_model_data()
            return answer


def start(*in_front: Service, keep: WriteThrough | None = None) -> str:
    """Start moto's server in a thread, with these in front of it, and return its URL."""
    # moto would let every web page in, and reads this when it is imported.
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    from local import moto_patches

    moto_patches.apply()

    class Dispatcher(DomainDispatcherApplication):
        """Sees in the header what moto finds out by trying service after service."""

        def get_application(self, environ: WSGIEnvironment) -> Any:
            """The application of the service that is asked."""
            service = _SERVICES.get(environ.get("HTTP_X_AMZ_TARGET", "").partition(".")[0])
            if service is None:
                return super().get_application(environ)
            with self.lock:
                if service not in self.app_instances:
                    self.app_instances[service] = self.create_app(service)
                return self.app_instances[service]

    class Handler(MotoRequestHandler):
        """Keeps connections open, as AWS does, and logs errors only."""

        protocol_version = "HTTP/1.1"
        # Head and body are written apart; the body would wait for the head's acknowledgement.
        disable_nagle_algorithm = True

        def run_wsgi(self) -> None:
            """Answer one request; werkzeug would close the connection."""
            environ, answer = self.make_environ(), list[Any]()
            body = environ["wsgi.input"]

            def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Any:
                answer[:] = status, headers

            content = b"".join(self.server.app(environ, start_response))
            status, headers = answer
            code, _, reason = status.partition(" ")
            self.send_response(int(code), reason)
            for name, value in headers:
                self.send_header(name, value)
            if code != "204" and "content-length" not in {name.lower() for name, _ in headers}:
                self.send_header("Content-Length", str(len(content)))
            if environ["wsgi.input"] is body and environ["REQUEST_METHOD"] in ("POST", "PUT"):
                # Nobody has read it, and it would be taken for the next request.
                self.send_header("Connection", "close")
            self.end_headers()
            if environ["REQUEST_METHOD"] != "HEAD":
                self.wfile.write(content)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Log nothing of what went well."""

    application = OneAtATime(Dispatcher(create_backend_app), *in_front, keep=keep)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, name="aws", daemon=True).start()
    return f"http://127.0.0.1:{server.port}"


def prepare_environment(url: str, environ: MutableMapping[str, str]) -> str:
    """Point AWS SDKs at the embedded AWS, and return DynamoDB's URL.

    With another engine the caller's own credentials and region stay, since that engine may check them.
    """
    dynamodb = environ.get(DYNAMODB) or url
    if dynamodb == url:
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
            environ.pop(name, None)
        environ.update(_CREDENTIALS)
        region = REGION
    else:
        if "AWS_PROFILE" not in environ:
            for name, value in _CREDENTIALS.items():
                environ.setdefault(name, value)
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or REGION
    environ.pop("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", None)
    environ.update(
        {
            "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": url,
            "AWS_ENDPOINT_URL_KMS": url,
            "AWS_ENDPOINT_URL_LAMBDA": url,
            "AWS_ENDPOINT_URL_S3": url,
            "AWS_REGION": region,
            DYNAMODB: dynamodb,
        }
    )
    for name in ("NO_PROXY", "no_proxy"):
        # A proxy could not reach this machine's loopback.
        environ[name] = ",".join(filter(None, (environ.get(name), "127.0.0.1", "localhost")))
    return dynamodb


def be_patient() -> None:
    """Have functions wait longer for the embedded DynamoDB than for AWS's, which would be out of order then.

    It answers one request at a time, and needs seconds for a list of thousands where the machine is busy.
    To ask again makes it later still.
    """
    from signet.aws import boto

    # In seconds; an invocation's end is sooner.
    boto.READ_TIMEOUTS["dynamodb"] = 60.0


def create_key(region: str, kept: Path | None = None) -> str:
    """Create the KMS key, and return its id.

    Args:
        region: where functions look for it.
        kept: a file that holds the key from one start to the next, for a table that outlives this process:
            the private keys in it would be lost with the KMS key that encrypts them.

    Raises:
        StartError: the file holds no key.
    """
    from moto.kms.models import kms_backends

    backend = kms_backends[ACCOUNT][region]
    key: Any = backend.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "Signet, local", None)
    if kept is None:
        return str(key.id)
    if kept.exists():
        try:
            saved = json.loads(kept.read_text(encoding="utf-8"))
            key_id, material = str(saved["id"]), base64.b64decode(saved["material"], validate=True)
        except (ValueError, KeyError, TypeError) as error:
            raise StartError(
                f"{kept} is damaged: it has no key of KMS. Put a copy in its place, or {ANEW}."
            ) from error
        del backend.keys[key.id]
        key.arn = key.arn.replace(key.id, key_id)
        key.id, key.key_material = key_id, material
        backend.keys[key.id] = key
    else:
        private_file.write_json(kept, {"id": key.id, "material": base64.b64encode(key.key_material).decode()})
    return str(key.id)


def create_bucket(url: str, name: str) -> None:
    """Create a bucket. Where functions look for it, a bucket's region makes no difference."""
    import botocore.session

    client = botocore.session.get_session().create_client("s3", region_name=REGION, endpoint_url=url)
    client.create_bucket(Bucket=name)


def ensure_table(table: Table, endpoint: str) -> str | None:
    """Create the table where it is absent, and return the ARN of its stream, if it has one.

    Raises:
        StartError: no engine answers, or it has a table of this name with other keys, or without a stream.
    """
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(
        connect_timeout=2,
        read_timeout=10,
        retries={"total_max_attempts": 1},
        account_id_endpoint_mode="disabled",
    )
    session = botocore.session.get_session()
    name = table.create["TableName"]
    try:
        client = session.create_client("dynamodb", endpoint_url=endpoint, config=config)
        existing = _describe(client, name)
        if existing is None:
            client.create_table(**table.create)
            client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
            if table.ttl_attribute:
                ttl = {"AttributeName": table.ttl_attribute, "Enabled": True}
                client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
        elif _shape(existing) != _shape(table.create):
            raise StartError(
                f"The table {name} at {endpoint} has other keys or indexes than template.yaml's."
            )
        stream_arn: str | None = (_describe(client, name) or {}).get("LatestStreamArn")
        if "StreamSpecification" in table.create and stream_arn is None:
            raise StartError(
                f"The table {name} at {endpoint} has no stream; begin with EVENTS=1 from the first."
            )
    # ValueError is what no URL raises.
    except (BotoCoreError, ClientError, ValueError) as error:
        raise StartError(f"DynamoDB at {endpoint} cannot be used: {error}") from error
    return stream_arn


def _describe(client: Any, name: str) -> dict[str, Any] | None:
    try:
        table: dict[str, Any] = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException:
        return None
    return table


def _shape(table: dict[str, Any]) -> dict[str, Any]:
    """The keys of a table and of its indexes, comparable."""
    indexes = table.get("GlobalSecondaryIndexes", []) + table.get("LocalSecondaryIndexes", [])
    keyed = {"": table["KeySchema"]} | {index["IndexName"]: index["KeySchema"] for index in indexes}
    return {name: {part["AttributeName"]: part["KeyType"] for part in keys} for name, keys in keyed.items()}

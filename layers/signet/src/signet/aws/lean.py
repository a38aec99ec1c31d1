"""The transport of `AwsClient: lean`: DynamoDB and KMS by their JSON protocol, over a socket.

botocore does this and far more, but takes more CPU to import than the rest of a cold start, and thrice as
much a call. Kept of it: how the environment names credentials, region and endpoints, and its chain of
credentials, imported where the environment holds none. What is left out is refused by name (`UNSUPPORTED`).

Sources: "Create a signed AWS API request" (IAM guide), "AWS JSON 1.0 protocol" (smithy.io).
"""

import functools
import hashlib
import hmac
import io
import json
import os
import select
import socket
import ssl
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from signet import deadline
from signet.aws import client
from signet.aws.client import Clock, NoAnswer, NoCredentials, Refused

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.credentials import Credentials as ChainedCredentials

SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}
"""The partitions' DNS suffixes, by what their regions begin with; everywhere else it is amazonaws.com."""

UNSUPPORTED = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "HTTPS_PROXY")
"""What the environment may ask for that the default client does."""


class Service(NamedTuple):
    """What differs between services.

    Attributes:
        target: What precedes the operation in `x-amz-target`.
        content_type: Of the request.
        blobs: The answers' members that are bytes, attributes aside.
    """

    target: str
    content_type: str
    blobs: frozenset[str] = frozenset()


SERVICES = {
    "dynamodb": Service("DynamoDB_20120810", "application/x-amz-json-1.0"),
    "kms": Service("TrentService", "application/x-amz-json-1.1", frozenset({"CiphertextBlob", "Plaintext"})),
}


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """Who signs."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


class LeanTransport:
    """One service in one region. Threads may share it; each request has a connection of its own meanwhile."""

    least = 0.0

    def __init__(self, name: str, environment: Mapping[str, str] = os.environ) -> None:
        self.name = name
        self._service = SERVICES[name]
        self._environment = environment
        self._region = find_region(environment)
        endpoint = urlsplit(find_endpoint(name, self._region, environment))
        if endpoint.scheme not in ("http", "https") or not endpoint.hostname or endpoint.path.strip("/"):
            message = f"The endpoint of {name} is no http or https URL of a host alone."
            raise RuntimeError(message)
        for asked in find_unsupported(endpoint, environment):
            message = f"AwsClient: lean cannot do what {asked} asks for; deploy with AwsClient: boto3."
            raise RuntimeError(message)
        self._is_tls, self._host = endpoint.scheme == "https", endpoint.netloc
        self._address = endpoint.hostname, endpoint.port or (443 if self._is_tls else 80)
        self._bundle: str | None = environment.get("AWS_CA_BUNDLE") or client.AMAZON_ROOTS
        self._idle: list[socket.socket] = []
        self._clock = Clock()
        self._chain: ChainedCredentials | None = None

    def send(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        """Have an operation done (`Transport.send`)."""
        what = f"{self.name} {operation}"
        offset = self._clock.offset
        body = json.dumps(request, default=_to_blob).encode()
        message = self._head(operation, body) + body
        try:
            response, content = self._exchange(message)
        except OSError as error:
            raise NoAnswer(f"{what}: {type(error).__name__}") from error
        except HTTPException as error:
            # Its text may be the answer's.
            raise NoAnswer(f"{what}: {type(error).__name__}") from None
        checksum = response.getheader("x-amz-crc32")
        if checksum is not None and checksum != str(zlib.crc32(content)):
            raise NoAnswer(f"{what}: the answer's checksum is wrong")
        answer = self._read(content)
        if response.status == 200:
            if answer is None:
                raise NoAnswer(f"{what}: the answer is no JSON object")
            return answer
        details = answer or {}
        text = str(details.pop("message", None) or details.pop("Message", None) or "")
        # `com.amazonaws.dynamodb.v20120810#ThrottlingException`, or the name alone.
        code = str(details.pop("__type", response.status)).partition(":")[0].rpartition("#")[2]
        refused = Refused(response.status, code, text, details, response.getheader("x-amzn-requestid"))
        refused.is_transient |= self._clock.is_set_right(refused, response.getheader("date"), offset)
        raise refused

    def prepare(self) -> None:
        """Make what TLS needs (`Transport.prepare`)."""
        if self._environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
            # A restored function has its credentials from botocore's chain. TLS stays out of snapshots.
            import botocore.session  # noqa: F401
        elif self._is_tls:
            _tls(self._bundle)

    def _read(self, content: bytes) -> dict[str, Any] | None:
        """The members of an answer; None where it is no JSON object."""
        try:
            answer = json.loads(content, object_hook=_from_binary if b'"B' in content else None)
        except ValueError:
            return None
        if not isinstance(answer, dict):
            return None
        for name in self._service.blobs & answer.keys():
            answer[name] = b64decode(answer[name])
        return answer

    def close(self) -> None:
        """Close what is kept open (`Transport.close`)."""
        while self._idle:
            self._idle.pop().close()

    def _head(self, operation: str, body: bytes) -> bytes:
        credentials = self._credentials()
        headers = {
            "content-type": self._service.content_type,
            "host": self._host,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock.now())),
            "x-amz-target": f"{self._service.target}.{operation}",
        }
        if credentials.session_token is not None:
            headers["x-amz-security-token"] = credentials.session_token
        headers["authorization"] = authorization(headers, body, self._region, self.name, credentials)
        headers |= {"content-length": str(len(body)), "accept-encoding": "identity", "user-agent": "signet"}
        lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def _credentials(self) -> Credentials:
        """As they are now: whoever refreshes them does it in time, where he is asked each time."""
        key_id = self._environment.get("AWS_ACCESS_KEY_ID")
        secret = self._environment.get("AWS_SECRET_ACCESS_KEY")
        if key_id and secret:
            return Credentials(key_id, secret, self._environment.get("AWS_SESSION_TOKEN") or None)
        import botocore.session
        from botocore.exceptions import BotoCoreError

        try:
            self._chain = self._chain or botocore.session.get_session().get_credentials()
            if self._chain is None:
                raise NoCredentials("There are no AWS credentials.")
            frozen = self._chain.get_frozen_credentials()
        except BotoCoreError as error:
            raise NoCredentials("The AWS credentials could not be fetched.") from error
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None)

    def _exchange(self, message: bytes) -> tuple[HTTPResponse, bytes]:
        """Send a request, and return its answer and the answer's body."""
        connection = self._open_again() or self._open(_Timer(client.CONNECT_TIMEOUT))
        timer = _Timer(client.READ_TIMEOUT)
        try:
            unsent = memoryview(message)
            while unsent:
                timer.set(connection)
                unsent = unsent[connection.send(unsent) :]
            with HTTPResponse(_Incoming(connection, timer), method="POST") as response:  # type: ignore[arg-type]
                response.begin()
                content = response.read()
        except BaseException:
            # What is still to come would be taken for the answer to another request.
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response, content

    def _open_again(self) -> socket.socket | None:
        """The connection that was used last and is still good."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not _has_ended(connection):
                return connection
            connection.close()

    def _open(self, timer: "_Timer") -> socket.socket:
        """A new connection: to the first of the endpoint's addresses that takes one."""
        failure: OSError = TimeoutError()
        for family, kind, protocol, _, address in socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM):
            connection = socket.socket(family, kind, protocol)
            try:
                timer.set(connection)
                connection.connect(address)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # noqa: FBT003
                if not self._is_tls:
                    return connection
                timer.set(connection)
                return _tls(self._bundle).wrap_socket(connection, server_hostname=self._address[0])
            except OSError as error:
                connection.close()
                failure = error
                if isinstance(error, ssl.SSLError) and self._bundle == client.AMAZON_ROOTS:
                    self._bundle = None
        raise failure


class _Timer:
    """Bounds a stretch of an attempt, however many pieces it comes in: a socket times each of them alone."""

    def __init__(self, seconds: float) -> None:
        self._end = deadline.now() + min(seconds, deadline.left())

    def set(self, connection: socket.socket) -> None:
        """Let the socket's next step take no longer than is left.

        Raises:
            TimeoutError: Nothing is.
        """
        left = self._end - deadline.now()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)


class _Incoming(io.RawIOBase):
    """What comes from a connection until the time is over, as `HTTPResponse` wants it."""

    def __init__(self, connection: socket.socket, timer: _Timer) -> None:
        self._connection = connection
        self._timer = timer

    def makefile(self, _mode: str) -> io.BufferedReader:
        """A socket's method."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._timer.set(self._connection)
        return self._connection.recv_into(buffer)


def find_unsupported(endpoint: SplitResult, environment: Mapping[str, str]) -> list[str]:
    """The variables that ask for what is not done here; `NO_PROXY` may take the host out."""
    asked = [name for name in UNSUPPORTED[:2] if environment.get(name, "").lower() == "true"]
    has_proxy = environment.get("HTTPS_PROXY") or environment.get("https_proxy")
    if has_proxy and endpoint.scheme == "https":
        from urllib.request import proxy_bypass

        if not proxy_bypass(endpoint.hostname or ""):
            asked.append(UNSUPPORTED[2])
    return asked


def _to_blob(value: object) -> str:
    """Bytes as JSON has them."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    message = f"A request has no {type(value).__name__}."
    raise TypeError(message)


def _from_binary(members: dict[str, Any]) -> dict[str, Any]:
    """An attribute of bytes: nothing else that DynamoDB gives has a text `B` for its one member."""
    match members:
        case {"B": str(text), **others} if not others:
            return {"B": b64decode(text)}
        case {"BS": list(texts), **others} if not others:
            return {"BS": [b64decode(text) if isinstance(text, str) else text for text in texts]}
        case _:
            return members


def find_region(environment: Mapping[str, str]) -> str:
    """The region that the environment names.

    Raises:
        RuntimeError: It names none; Lambda always does.
    """
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        message = "The environment variable AWS_REGION is not set; Lambda sets it."
        raise RuntimeError(message)
    return region


def find_endpoint(name: str, region: str, environment: Mapping[str, str]) -> str:
    """The URL of a service's endpoint, without a path: the one that the environment names, or AWS's own."""
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        for variable in (f"AWS_ENDPOINT_URL_{name.upper()}", "AWS_ENDPOINT_URL"):
            if url := environment.get(variable):
                return url
    suffix = next((SUFFIXES[start] for start in SUFFIXES if region.startswith(start)), "amazonaws.com")
    return f"https://{name}.{region}.{suffix}"


def authorization(
    headers: Mapping[str, str], body: bytes, region: str, service: str, credentials: Credentials
) -> str:
    """The header `authorization` of a POST to `/`, by Signature Version 4.

    Args:
        headers: All that are signed, by their names in lower case; `x-amz-date` gives the time.
        body: What is sent.
        region: Of the endpoint.
        service: Its name in the signature's scope.
        credentials: Who signs.
    """
    names = sorted(headers)
    signed = ";".join(names)
    canonical = [f"{name}:{headers[name]}" for name in names]
    request = "\n".join(["POST", "/", "", *canonical, "", signed, hashlib.sha256(body).hexdigest()])
    date = headers["x-amz-date"]
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = _signing_key(credentials.secret_access_key, date[:8], region, service)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={signed}, Signature={signature}"
    )


@functools.lru_cache(maxsize=len(SERVICES))
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@functools.cache
def _tls(bundle: str | None) -> ssl.SSLContext:
    """One for all clients, by the file with its authorities; without one, this machine's."""
    return ssl.create_default_context(cafile=bundle)


def _has_ended(connection: socket.socket) -> bool:
    """Whether the server has closed an idle connection: nothing else can come while nothing is asked."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))

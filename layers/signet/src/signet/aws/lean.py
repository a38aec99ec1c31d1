"""DynamoDB and KMS by their JSON protocol: a signed request, its answer, and further attempts.

botocore does this and far more, but importing it and making a client took more CPU than all the rest of a
cold start, and each call took thrice what it takes here. Kept of it: how the environment names credentials,
region and endpoints; which failures are tried again, how often, and when no more (its "standard" mode); and
its chain of credentials, imported where the environment holds none. Left out: proxies, FIPS and dual-stack
endpoints.

Sources: "Create a signed AWS API request" (IAM guide), "AWS JSON 1.0 protocol" (smithy.io), "Retry behavior"
(AWS SDKs and Tools Reference Guide).
"""

import functools
import hashlib
import hmac
import io
import itertools
import json
import os
import random
import select
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from signet import deadline

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.credentials import Credentials as ChainedCredentials

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 2.0
"""Seconds, for the handshakes together and for the whole exchange then: API Gateway waits for nobody."""

WRITES = frozenset({"DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"})
WRITE_SECONDS = 2.0
"""A write begins only where this much of the invocation is left: who asked shall hear what came of it."""

ATTEMPTS = 3
THROTTLED_PAUSE = 1.0
"""Seconds, doubled at each attempt, within which a throttled request is sent again, at random: 3 at most."""

RETRY_COST = 14
THROTTLED_COST = 5
QUOTA = 500
"""What further attempts take from a client's quota. A success gives the last one's cost back, or 1."""

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
TRANSIENT = frozenset(
    {
        "ReplicatedWriteConflictException",
        "RequestTimeout",
        "RequestTimeoutException",
        # Not botocore's, which leaves it to the caller: a single write has met a transaction.
        "TransactionConflictException",
    }
)
"""Codes that are tried again whatever the status; all of 5xx are, and 429 counts as throttled."""

SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}
"""The partitions' DNS suffixes, by what their regions begin with; everywhere else it is amazonaws.com."""


class Service(NamedTuple):
    """What differs between services.

    Attributes:
        target: What precedes the operation in `x-amz-target`.
        content_type: Of the request.
        pause: Seconds, doubled at each attempt, within which a failed request is sent again, at random.
    """

    target: str
    content_type: str
    pause: float


SERVICES = {
    "dynamodb": Service("DynamoDB_20120810", "application/x-amz-json-1.0", 0.025),
    "kms": Service("TrentService", "application/x-amz-json-1.1", 0.05),
}


class AwsError(Exception):
    """A call that failed. Its text holds nothing of the request, and of the answer the message at most."""

    is_transient = True
    is_throttled = False


class OutOfTime(AwsError):
    """Too little is left of the invocation, so nothing was sent."""


class NoAnswer(AwsError):
    """There is no connection, no answer in time, or a damaged one; what was asked may have happened."""


class NoCredentials(NoAnswer):
    """There is nobody to sign as, or whoever knows did not say."""

    is_transient = False


class Refused(AwsError):
    """The service answered that it did not do what was asked.

    Attributes:
        status: The HTTP status.
        code: The service's word for it, as `ThrottlingException`; the status where it gave none.
        details: The answer's members, as `CancellationReasons`.
        is_transient: Whether another time may be better.
        is_throttled: Whether there was too much to do.
    """

    def __init__(self, status: int, code: str, message: str = "", details: Mapping[str, Any] = {}) -> None:
        # A message may be followed by what the service has signed itself: the session's token too.
        super().__init__(f"{code}: {message.partition('\n')[0]}")
        self.status = status
        self.code = code
        self.details = details
        self.is_throttled = code in THROTTLED or status == 429
        self.is_transient = self.is_throttled or code in TRANSIENT or status >= 500


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """Who signs."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


def prepare(environment: Mapping[str, str] = os.environ) -> None:
    """On Lambda, read the authorities that TLS trusts: 25 ms of a whole processor, as the init phase has.

    In the first call, at a function's own share of a processor, it would take three times that.
    """
    if environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # A restored function has its credentials from botocore's chain. No TLS: it stays out of snapshots.
        import botocore.session  # noqa: F401
    elif "AWS_LAMBDA_FUNCTION_NAME" in environment:
        endpoint = find_endpoint("dynamodb", find_region(environment), environment)
        if endpoint.startswith("https:"):
            _tls(environment.get("AWS_CA_BUNDLE") or None)


class Client:
    """One service in one region. Threads may share it; each call has a connection of its own meanwhile."""

    def __init__(self, name: str, environment: Mapping[str, str] = os.environ) -> None:
        self.name = name
        self._service = SERVICES[name]
        self._environment = environment
        self._region = find_region(environment)
        endpoint = urlsplit(find_endpoint(name, self._region, environment))
        if endpoint.scheme not in ("http", "https") or not endpoint.hostname or endpoint.path.strip("/"):
            message = f"The endpoint of {name} is no http or https URL of a host alone."
            raise RuntimeError(message)
        self._is_tls, self._host = endpoint.scheme == "https", endpoint.netloc
        self._address = endpoint.hostname, endpoint.port or (443 if self._is_tls else 80)
        self._idle: list[socket.socket] = []
        self._quota = _Quota()
        self._chain: ChainedCredentials | None = None

    def call(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        """Have an operation done, in what is left of the invocation.

        Args:
            operation: Its name, as `GetItem`.
            request: Its members as the wire has them: bytes are base64.

        Returns:
            The answer's members, likewise.

        Raises:
            Refused: The service did not do it.
            NoAnswer: Nobody knows whether it did.
            OutOfTime: There is no time for it; nothing was sent.
        """
        needed = WRITE_SECONDS if operation in WRITES else 0.0
        if deadline.left() <= needed:
            raise OutOfTime(f"{self.name} {operation}: too little time is left")
        body = json.dumps(request).encode()
        earned = 1
        for attempt in itertools.count():
            try:
                answer = self._attempt(operation, body)
            except AwsError as error:
                if not error.is_transient or attempt + 1 == ATTEMPTS:
                    raise
                longest = THROTTLED_PAUSE if error.is_throttled else self._service.pause
                pause = random.uniform(0, longest * 2**attempt)  # noqa: S311 - no secret
                earned = THROTTLED_COST if error.is_throttled else RETRY_COST
                if deadline.left() <= pause + needed or not self._quota.take(earned):
                    raise
                time.sleep(pause)
            else:
                self._quota.give(earned)
                return answer
        raise AssertionError  # The count has no end.

    def _attempt(self, operation: str, body: bytes) -> dict[str, Any]:
        what = f"{self.name} {operation}"
        message = self._head(operation, body) + body
        try:
            status, checksum, content = self._exchange(message)
        except OSError as error:
            raise NoAnswer(f"{what}: {type(error).__name__}") from error
        except HTTPException as error:
            # Its text may be the answer's.
            raise NoAnswer(f"{what}: {type(error).__name__}") from None
        if checksum is not None and checksum != str(zlib.crc32(content)):
            raise NoAnswer(f"{what}: the answer's checksum is wrong")
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if status == 200:
            if not isinstance(answer, dict):
                raise NoAnswer(f"{what}: the answer is no JSON object")
            return answer
        details: dict[str, Any] = answer if isinstance(answer, dict) else {}
        # `com.amazonaws.dynamodb.v20120810#ThrottlingException`, or the name alone.
        code = str(details.get("__type", status)).partition(":")[0].rpartition("#")[2]
        raise Refused(status, code, str(details.get("message") or details.get("Message") or ""), details)

    def _head(self, operation: str, body: bytes) -> bytes:
        credentials = self._credentials()
        headers = {
            "content-type": self._service.content_type,
            "host": self._host,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
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

    def _exchange(self, message: bytes) -> tuple[int, str | None, bytes]:
        """Send a request, and return the status, `x-amz-crc32` and the body of its answer."""
        connection = self._open_again() or self._open(_Timer(CONNECT_TIMEOUT))
        timer = _Timer(READ_TIMEOUT)
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
        return response.status, response.getheader("x-amz-crc32"), content

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
                context = _tls(self._environment.get("AWS_CA_BUNDLE") or None)
                return context.wrap_socket(connection, server_hostname=self._address[0])
            except OSError as error:
                connection.close()
                failure = error
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
    """One for all clients: reading the authorities takes longer than a call."""
    return ssl.create_default_context(cafile=bundle)


def _has_ended(connection: socket.socket) -> bool:
    """Whether the server has closed an idle connection: nothing else can come while nothing is asked."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


class _Quota:
    """How much may still be tried again: where most fail, more attempts make it worse for everybody."""

    def __init__(self) -> None:
        self._left = QUOTA
        self._lock = threading.Lock()

    def take(self, cost: int) -> bool:
        with self._lock:
            if cost > self._left:
                return False
            self._left -= cost
            return True

    def give(self, earned: int) -> None:
        if self._left < QUOTA:
            with self._lock:
                self._left = min(QUOTA, self._left + earned)

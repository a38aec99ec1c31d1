"""The transport of `AwsClient: boto3`, the default: botocore, which boto3 is made of.

Every service that Signet asks is one of its clients, set up to send a request once: what is tried again, and
until when, `signet.aws.client` decides.
"""

import functools
import os
import time
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import botocore.auth
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from signet import deadline
from signet.aws import client
from signet.aws.client import Clock, NoAnswer, NoCredentials, Refused

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session

JSON_SERVICES = frozenset({"dynamodb", "events", "kms"})
"""Their answers are JSON objects; they need none of botocore's 200 built-in handlers."""

READ_TIMEOUTS = {"s3": 20.0}
"""For what S3 is asked for, megabytes, by functions that nobody waits for."""

SHORTEST_READ = 0.25
"""Seconds: with less for an answer, a request of one of these is not worth sending."""

NO_ANSWER = (
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseParserError,
    UnicodeDecodeError,
)
NOBODY = (CredentialRetrievalError, MetadataRetrievalError, NoCredentialsError, PartialCredentialsError)

_clock = Clock()


class BotoTransport:
    """One service in one region. Threads may share it."""

    def __init__(self, name: str, session: "Session") -> None:
        self.name = name
        self._is_json = name in JSON_SERVICES
        self._session = session
        self._read_timeout = READ_TIMEOUTS.get(name, client.READ_TIMEOUT)
        # The time-out of others is for each piece of an answer.
        self.least = client.CONNECT_TIMEOUT + (SHORTEST_READ if self._is_json else self._read_timeout)
        # Unless the environment names a bundle of its own.
        self._has_few_roots = not (
            session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
        )
        self._set_up()

    def _set_up(self) -> None:
        config = Config(
            connect_timeout=client.CONNECT_TIMEOUT,
            read_timeout=self._read_timeout,
            retries={"mode": "standard", "total_max_attempts": 1},
            # It costs time in every call and guards against nothing here: the requests are our own.
            parameter_validation=False,
            # Else it is put together anew for each request.
            user_agent="signet",
        )
        # Lambda's name for it; botocore itself looks for AWS_DEFAULT_REGION and in files.
        region = os.environ.get("AWS_REGION") or None
        roots = client.AMAZON_ROOTS if self._has_few_roots else None
        self._client = self._session.create_client(self.name, region, config=config, verify=roots)
        events = self._client.meta.events
        events.register("before-send", self._limit)
        events.register_first("choose-signer", _choose_signer)
        if self._is_json:
            events.register("before-parse", _check)
        self._methods = {
            operation: getattr(self._client, method)
            for method, operation in self._client.meta.method_to_api_mapping.items()
        }

    def send(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        """Have an operation done (`Transport.send`)."""
        what = f"{self.name} {operation}"
        offset = _clock.offset
        try:
            answer: dict[str, Any] = self._methods[operation](**request)
            # Of S3 and Lambda.
            for member in answer.keys() & {"Body", "Payload"}:
                answer[member] = answer[member].read()
        except ClientError as error:
            raise self._refused(error, offset) from None
        except NOBODY as error:
            raise NoCredentials(f"{what}: {type(error).__name__}") from None
        except NO_ANSWER as error:
            if isinstance(error, SSLError) and self._has_few_roots:
                self._has_few_roots = False
                self._set_up()
            # Its text may be the answer's.
            raise NoAnswer(f"{what}: {type(error).__name__}") from None
        del answer["ResponseMetadata"]
        return answer

    def prepare(self) -> None:
        """Nothing is left to do (`Transport.prepare`)."""

    def close(self) -> None:
        """Close the connections (`Transport.close`)."""
        self._client.close()

    def _limit(self, request: Any, **_: object) -> None:
        """Have an attempt end with the invocation."""
        left = deadline.left() - client.CONNECT_TIMEOUT
        if left < self._read_timeout:
            request.context["read_timeout"] = max(left, SHORTEST_READ)

    def _refused(self, error: ClientError, offset: float) -> Refused:
        details = dict(error.response)
        metadata, said = details.pop("ResponseMetadata"), details.pop("Error")
        for name in ("message", "Message"):
            details.pop(name, None)
        status: int = metadata["HTTPStatusCode"]
        code, message = str(said.get("Code") or status), str(said.get("Message") or "")
        refused = Refused(status, code, message, details, metadata.get("RequestId"))
        if _clock.is_set_right(refused, metadata.get("HTTPHeaders", {}).get("date"), offset):
            refused.is_transient = True
        return refused


def make_session(*, is_bare: bool) -> "Session":
    """What clients share: credentials, data, and botocore's built-in handlers unless it `is_bare`."""
    session = botocore.session.Session(include_builtin_handlers=not is_bare)
    provider = session.get_component("credential_provider")
    session.register_component("credential_provider", _Late(provider))
    return session


class _Late:
    """Credentials that are looked up when a first request is signed: a snapshot of a function holds none."""

    method = "late"

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._credentials: Credentials | None = None

    def load_credentials(self) -> "_Late":
        """What a session asks of a provider."""
        return self

    def get_deferred_property(self, name: str) -> Callable[[], Any]:
        """What a client asks for as it is made."""
        return functools.partial(getattr, self, name, None)

    def __getattr__(self, name: str) -> Any:
        if self._credentials is None:
            self._credentials = self._provider.load_credentials()
        if self._credentials is None:
            raise NoCredentialsError
        return getattr(self._credentials, name)


def _check(response_dict: dict[str, Any], **_: object) -> None:
    """Let nothing pass for an answer that is damaged: botocore would read what it can.

    Raises:
        NoAnswer: It is.
    """
    headers, body = response_dict["headers"], response_dict["body"].strip()
    what = response_dict["context"]["operation_name"]
    checksum = headers.get("x-amz-crc32")
    if checksum is not None and checksum != str(zlib.crc32(response_dict["body"])):
        raise NoAnswer(f"{what}: the answer's checksum is wrong")
    length = headers.get("content-length")
    if length is not None and length != str(len(response_dict["body"])):
        raise NoAnswer(f"{what}: the answer is not whole")
    if not (body.startswith(b"{") and body.endswith(b"}")):
        if response_dict["status_code"] == 200:
            raise NoAnswer(f"{what}: the answer is no JSON object")
        # It would stand in the refusal's message, or be taken for members.
        response_dict["body"] = b"{}"


class _ByTheServicesClock:
    """A signature with the time that is set right."""

    def _modify_request_before_signing(self, request: Any) -> None:
        request.context["timestamp"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(_clock.now()))
        super()._modify_request_before_signing(request)  # type: ignore[misc]


class _V4(_ByTheServicesClock, botocore.auth.SigV4Auth):  # type: ignore[misc]
    pass


class _S3V4(_ByTheServicesClock, botocore.auth.S3SigV4Auth):  # type: ignore[misc]
    pass


CORRECTED = {"v4": "v4-by-the-service's-clock", "s3v4": "s3v4-by-the-service's-clock"}
botocore.auth.AUTH_TYPE_MAPS |= {CORRECTED["v4"]: _V4, CORRECTED["s3v4"]: _S3V4}


def _choose_signer(signature_version: str, **_: object) -> str | None:
    """Botocore's own, until a service calls this machine's clock wrong; then all clients hear of it."""
    return CORRECTED.get(signature_version) if _clock.offset else None

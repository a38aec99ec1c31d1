"""Builds the objects that handlers use, at the first use of each, and keeps them for the container."""

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from signet.errors import Unavailable
from signet.settings import Settings, aws_client, missing

if TYPE_CHECKING:
    from botocore.session import Session

    from signet.aws.bucket import Bucket
    from signet.aws.bus import EventBus
    from signet.aws.client import Client
    from signet.aws.mailer import Mailer
    from signet.aws.queue import Queue
    from signet.aws.vault import Vault
    from signet.domain.applications import Application
    from signet.domain.passwords.hasher import PasswordHasher
    from signet.store.cache import ApplicationCache, ElapsedTime, KeyRingCache
    from signet.store.lineages import LineageCache
    from signet.store.table import Table
    from signet.store.tenant import Tenant
    from signet.usecases.keys import KeyKeeper
    from signet.usecases.mail_files import MailFiles
    from signet.usecases.signer import Signer
    from signet.usecases.verifier import Verifier

function_name: ContextVar[str] = ContextVar("function_name")
"""The name of the function that runs, which `signet.edge.operation` takes from each invocation's context: the
local gateway runs all functions in one process, so its environment cannot tell."""


_forget: list[Callable[[], None]] = []


def _kept[Built](build: Callable[[], Built]) -> Callable[[], Built]:
    """Build at the first call, and give the same to every later one, until `reset`."""
    kept = functools.cache(build)
    _forget.append(kept.cache_clear)
    return kept


def now_ms() -> int:
    """The time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


@_kept
def elapsed_time() -> "ElapsedTime":
    """What caches count in."""
    from signet.store.cache import ElapsedTime

    return ElapsedTime(time.monotonic, time.time)


def monotonic() -> float:
    """Seconds that only ever grow."""
    return elapsed_time()()


def prepare(needs: Iterable[Callable[[], object]] = ()) -> None:
    """On Lambda, do in the init phase what the first call would have to: it has a whole processor there.

    A handler has imported its use cases by then, so what is loaded says what it will ask for. Nothing is
    secret, and nothing is connected: all of it may be in a snapshot.

    Args:
        needs: What else its first call would build or import.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return
    import encodings.idna  # noqa: F401 - a first connection would, to look up a name

    for need in needs:
        need()
    if "signet.store.table" in sys.modules:
        table().client.transport.prepare()
    if "signet.aws.vault" in sys.modules:
        vault()
    if "signet.aws.bus" in sys.modules:
        event_bus()


@_kept
def settings() -> Settings:
    """The environment's settings."""
    return Settings.from_environment()


@_kept
def session() -> "Session":
    """What botocore's clients of S3 and Lambda share."""
    from signet.aws.boto import make_session

    return make_session(is_bare=False)


@_kept
def bare_session() -> "Session":
    """What those of DynamoDB, KMS and EventBridge share, which need no built-in handlers."""
    from signet.aws.boto import make_session

    return make_session(is_bare=True)


@_kept
def table() -> "Table":
    """The DynamoDB table."""
    from signet.store.table import Table

    return Table(make_client("dynamodb"), settings().table_name)


@_kept
def vault() -> "Vault":
    """The KMS key for private keys."""
    from signet.aws.vault import Vault

    return Vault(make_client("kms"), settings().kms_key_id)


@_kept
def applications() -> "ApplicationCache":
    """The applications that this container knows."""
    from signet.store.cache import ApplicationCache

    return ApplicationCache(table(), settings().application_cache_seconds, monotonic)


@_kept
def admitted_groups() -> "LineageCache | None":
    """The groups whose members an authorizer lets in; None where it lets in every user."""
    from signet.store.lineages import LineageCache

    chosen = settings()
    if chosen.authorizer_group_ids is None:
        return None
    return LineageCache(chosen.authorizer_group_ids, chosen.application_cache_seconds, monotonic)


@_kept
def key_ring() -> "KeyRingCache":
    """The key ring as this container knows it."""
    from signet.store.cache import KeyRingCache

    return KeyRingCache(table(), settings().key_ring_seconds, monotonic)


@_kept
def password_hasher() -> "PasswordHasher":
    """What hashes and verifies passwords."""
    from signet.domain.passwords.hasher import Parameters, PasswordHasher

    chosen = settings()
    return PasswordHasher(Parameters(chosen.argon2_memory_kib, chosen.argon2_passes, chosen.argon2_lanes))


@_kept
def verifier() -> "Verifier":
    """What verifies tokens."""
    from signet.usecases.verifier import Verifier

    return Verifier(applications(), key_ring())


def tenant(application: "Application", now_ms: int) -> "Tenant":
    """In whose name a call acts, at its one time in Unix milliseconds."""
    from signet.store.tenant import Tenant

    return Tenant(table(), application, now_ms)


@_kept
def signer() -> "Signer":
    """What signs tokens."""
    from signet.usecases.signer import Signer

    return Signer(table(), key_ring(), vault())


def key_keeper(now: int) -> "KeyKeeper":
    """What moves the signing keys on, at a time in Unix seconds."""
    from signet.domain.keys import DAY, Algorithm, RotationPolicy
    from signet.usecases.keys import KeyKeeper

    chosen = settings()
    policy = RotationPolicy(
        algorithm=Algorithm(chosen.signing_algorithm),
        period=chosen.key_rotation_days * DAY,
        key_ring_seconds=chosen.key_ring_seconds,
        verifier_cache=chosen.verifier_cache_seconds,
    )
    return KeyKeeper(table(), vault(), policy, now)


@_kept
def transfer_bucket() -> "Bucket":
    """The bucket of imports, exports and their reports."""
    from signet.aws.bucket import Bucket

    return Bucket(make_client("s3"), settings().transfer_bucket)


@_kept
def event_bus() -> "EventBus":
    """The EventBridge bus that hears what happens.

    Raises:
        RuntimeError: This function has none.
    """
    from signet.aws.bus import EventBus

    name = settings().event_bus_name
    if name is None:
        raise missing("EVENT_BUS_NAME")
    return EventBus(make_client("events"), name)


@_kept
def unsent_events() -> "Queue":
    """The SQS queue of what the bus cannot be told of.

    Raises:
        RuntimeError: This function has none.
    """
    from signet.aws.queue import Queue

    url = settings().unsent_queue_url
    if url is None:
        raise missing("UNSENT_QUEUE_URL")
    return Queue(make_client("sqs"), url)


@_kept
def mail_queue() -> "Queue | None":
    """The SQS queue of mails to be sent; None where this stack sends none."""
    from signet.aws.queue import Queue

    url = settings().mail_queue_url
    return None if url is None else Queue(make_client("sqs"), url)


@_kept
def mailer() -> "Mailer":
    """What sends mails.

    Raises:
        RuntimeError: This function sends none.
    """
    from signet.aws.mailer import Mailer

    chosen = settings()
    if chosen.mail_from is None:
        raise missing("MAIL_FROM")
    if chosen.mail_configuration_set is None:
        raise missing("MAIL_CONFIGURATION_SET")
    return Mailer(make_client("sesv2"), chosen.mail_from, chosen.mail_configuration_set)


@_kept
def mail_files() -> "MailFiles":
    """The owners' own templates of mails.

    Raises:
        RuntimeError: This function has none.
    """
    from signet.aws.bucket import Bucket
    from signet.usecases.mail_files import MailFiles

    name = settings().mail_bucket
    if name is None:
        raise missing("MAIL_BUCKET")
    return MailFiles(Bucket(make_client("s3"), name), monotonic)


def continue_later(payload: dict[str, Any]) -> None:
    """Have the function that runs go on in an invocation of its own.

    Lambda stops a chain of 16 such invocations unless the function has `RecursiveLoop: Allow`. It may run
    one twice, and runs it again, twice at most, where it fails.

    Args:
        payload: The event, as for a direct invocation.

    Raises:
        Unavailable: Lambda did not take it.
    """
    from signet.aws.client import AwsError

    client = make_client("lambda")
    request = {
        "FunctionName": function_name.get(),
        "InvocationType": "Event",
        "Payload": json.dumps(payload).encode(),
    }
    try:
        client.call("Invoke", request)
    except AwsError as error:
        message = "Lambda did not take the invocation that goes on from here; invoke the function again."
        raise Unavailable(message) from error


def reset() -> None:
    """Forget everything, as a new container would."""
    for forget in _forget:
        forget()


def make_client(service: str) -> "Client":
    """A client of an AWS service, as the setting `AWS_CLIENT` has it; `lean` knows DynamoDB and KMS alone."""
    from signet.aws.client import Client, Transport

    transport: Transport
    if aws_client() == "lean" and service in ("dynamodb", "kms"):
        from signet.aws.lean import LeanTransport

        transport = LeanTransport(service)
    else:
        from signet.aws.boto import JSON_SERVICES, BotoTransport

        transport = BotoTransport(service, (bare_session if service in JSON_SERVICES else session)())
    return Client(transport)

"""Builds the objects that handlers use, at the first use of each, and keeps them for the container."""

import time
from functools import cache
from typing import TYPE_CHECKING

from signet.settings import Settings

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.session import Session

    from signet.accounts.signer import Signer
    from signet.cache import ApplicationCache, KeyRingCache
    from signet.store.table import Table
    from signet.vault import Vault

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 2.0
ATTEMPTS = 3


def now_ms() -> int:
    """The time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Seconds that only ever grow: what caches count in."""
    return time.monotonic()


@cache
def settings() -> Settings:
    """The environment's settings."""
    return Settings.from_environment()


@cache
def session() -> "Session":
    """The botocore session: its credentials, retries and time-outs, without boto3's layer above."""
    import botocore.session

    return botocore.session.get_session()


@cache
def table() -> "Table":
    """The DynamoDB table."""
    from signet.store.table import Table

    return Table(make_client("dynamodb"), settings().table_name)


@cache
def vault() -> "Vault":
    """The KMS key for private keys."""
    from signet.vault import Vault

    return Vault(make_client("kms"), settings().kms_key_id)


@cache
def applications() -> "ApplicationCache":
    """The applications that this container knows."""
    from signet.cache import ApplicationCache

    return ApplicationCache(table(), settings().application_cache_seconds, monotonic)


@cache
def key_ring() -> "KeyRingCache":
    """The key ring as this container knows it."""
    from signet.cache import KeyRingCache

    return KeyRingCache(table(), settings().key_ring_seconds, monotonic)


@cache
def signer() -> "Signer":
    """What signs tokens."""
    from signet.accounts.signer import Signer

    return Signer(table(), key_ring(), vault())


def reset() -> None:
    """Forget everything, as a new container would."""
    for build in (settings, session, table, vault, applications, key_ring, signer):
        build.cache_clear()


def make_client(service: str) -> "BaseClient":
    """A botocore client of an AWS service, with short time-outs: API Gateway waits for nobody."""
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # Both cost time in every call and guard against nothing here: the requests are our own,
        # and the account's own endpoint saves nothing at one table.
        parameter_validation=False,
        account_id_endpoint_mode="disabled",
    )
    return session().create_client(service, config=config)

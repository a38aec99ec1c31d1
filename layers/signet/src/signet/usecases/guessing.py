"""A guess at what only an account's owner knows, and how often one may be made (docs/guessing.md)."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from signet import deadline
from signet.domain.guessing import Limit, account_digest, known_digest, source_digest
from signet.domain.users import NO_PASSWORD, User
from signet.errors import TooManyAttempts
from signet.store.attributes import Item
from signet.store.guessing import (
    EVERYBODY,
    WITH_TOKEN,
    attempts_key,
    bucket_of,
    full_at_ms,
    known_sources,
    note_source,
    take,
)
from signet.store.table import Check, Delete, Key
from signet.store.tenant import Tenant
from signet.store.users import user_key

if TYPE_CHECKING:
    # It loads argon2 and bcrypt.
    from signet.domain.passwords.hasher import PasswordHasher


def is_password(hasher: "PasswordHasher", password_hash: str | None, password: str) -> bool:
    """Whether it is the password; where there is none to compare with, that takes as long as a wrong one.

    Args:
        hasher: Verifies it.
        password_hash: The credential's, which may be `NO_PASSWORD`; None where there is no credential.
        password: What is tried.
    """
    if password_hash is None or password_hash == NO_PASSWORD:
        hasher.verify_decoy(password)
        return False
    return hasher.verify(password_hash, password)


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A bucket as it was read, and what takes from it."""

    wait_ms: int
    take: Callable[[], int]


class Guess:
    """One guess: a password, or whatever else is tried once.

    It counts once, also where what it is held against has changed meanwhile and it is looked at again.
    """

    def __init__(self, tenant: Tenant, account: str, source: str | None) -> None:
        """Take what is tried and from where.

        Args:
            tenant: Whose account.
            account: The normal form of its address, or what was given in its place: whether anybody has it
                makes no difference.
            source: The caller's (`signet.domain.guessing.find_source`); None where nobody knows it.
        """
        key = tenant.application.digest_key
        self._tenant = tenant
        self._source = source
        self._account_key = attempts_key(tenant, account_digest(key, account))
        self._source_key = None if source is None else attempts_key(tenant, source_digest(key, source))
        self._items: Mapping[Key, Item] | None = None

    @property
    def keys(self) -> tuple[Key, ...]:
        """The items by which it is judged, to be read with whatever else decides."""
        return (self._account_key,) if self._source_key is None else (self._account_key, self._source_key)

    def check(
        self,
        items: Mapping[Key, Item],
        is_right: Callable[[], bool],
        *,
        owner: str | None = None,
        has_token: bool = False,
    ) -> bool:
        """Find out whether it is right, if there is a guess left.

        The account's bucket is taken from while `is_right` is at work, and whatever that finds counts only
        where something was in it: of any number at once no more get an answer than it holds. A bucket that
        was read as empty costs neither the work nor a write.

        Args:
            items: What there is under `keys`.
            is_right: Finds it out, which may take long.
            owner: The id of the user who has the account, and knows sources; None where nobody does.
            has_token: Whether the caller brings a good token of the account's owner.

        Raises:
            TooManyAttempts: There is none left, of the account or of the source.
            Unavailable: The store did not answer; nobody hears whether it was right.
        """
        if self._items is not None:
            return is_right()
        self._items = items
        limits, known = self._tenant.application.guessing, self._find_own_bucket(items, owner)
        name, limit = EVERYBODY, limits.account
        if is_owner := known is not None or has_token:
            name, limit = known or WITH_TOKEN, limits.known_source
        of_account = self._bucket(items, self._account_key, name, limit)
        of_source = self._bucket(items, self._source_key, EVERYBODY, limits.source)
        _refuse(of_account.wait_ms if is_owner else max(of_account.wait_ms, of_source.wait_ms))
        with ThreadPoolExecutor(1) as beside:
            taking = beside.submit(deadline.carried(of_account.take))
            found = is_right()
        _refuse(taking.result())
        if not found:
            # The owner's own failures count too, by the same write, and never refuse the owner.
            wait_ms = of_source.take()
            _refuse(0 if is_owner else wait_ms)
        return found

    def succeeded(self, user: User) -> None:
        """Remember the source, from which the owner has logged in now; a write only where it is new.

        Args:
            user: The owner as the log-in was written.
        """
        if self._source is None or self._items is None:
            return
        key = user_key(self._tenant.application_id, user.id)
        is_owner = Check(key, "password_version = :version", {":version": user.password_version})
        known, item = self._known_as(user.id, self._source), self._items.get(self._account_key)
        note_source(self._tenant, self._account_key, known, item, is_owner)

    def _find_own_bucket(self, items: Mapping[Key, Item], owner: str | None) -> str | None:
        """The bucket that the account has for the source, where it is known to its owner."""
        if self._source is None or owner is None:
            return None
        known = self._known_as(owner, self._source)
        sources = known_sources(items.get(self._account_key), self._tenant.now)
        return bucket_of(known) if known in sources else None

    def _known_as(self, user_id: str, source: str) -> str:
        return known_digest(self._tenant.application.digest_key, user_id, source)

    def _bucket(self, items: Mapping[Key, Item], key: Key | None, name: str, limit: Limit) -> _Bucket:
        if key is None or not limit.at_once:
            return _NONE
        item = items.get(key)
        wait = limit.wait_ms(full_at_ms(item, name), self._tenant.now_ms)
        return _Bucket(wait, partial(take, self._tenant, key, name, limit, item))


def forgotten(tenant: Tenant, account: str) -> Delete:
    """The part of a transaction that makes a stranger of whoever has logged in to an account before.

    With the sources that it knows its buckets go too, which are full then.
    """
    return Delete(attempts_key(tenant, account_digest(tenant.application.digest_key, account)))


_NONE = _Bucket(0, lambda: 0)
"""Never empty."""


def _refuse(wait_ms: int) -> None:
    if wait_ms:
        seconds = -(-wait_ms // 1000)
        message = f"Too many attempts at this account, or from this address. Try again in {seconds} s."
        raise TooManyAttempts(message, retry_after=seconds)

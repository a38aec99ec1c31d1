"""Attempts: `APP#<app>#ATTEMPT#<digest of an account or a source>` / `ATTEMPT`.

An item has the buckets from which guesses are taken: when each is full again, in Unix milliseconds. A source
has one, `full_at`. An account has one for everybody (`full_at`), one for who has a token of its owner
(`full_at_token`), and one for each source from which its owner has logged in (`full_at_<digest>`). Those
sources are in `known`: until when each counts, in Unix seconds.

`expires_at` lies behind all of these and never goes back, so that DynamoDB removes nothing that still counts.
What is past does not count whether it was removed or not: a bucket is full then, and a source unknown.
"""

import re
from collections.abc import Mapping

from signet import deadline
from signet.domain.guessing import FULL, KNOWN_SECONDS, MAX_KNOWN, NOTED_SECONDS, Limit
from signet.errors import Unavailable
from signet.store.attributes import Item
from signet.store.table import Check, ConditionFailed, Key, PartsRefused, Update
from signet.store.tenant import Tenant

EVERYBODY = "full_at"
WITH_TOKEN = "full_at_token"  # noqa: S105 - an attribute's name

_OF_SOURCE = re.compile(r"full_at_[0-9a-f]{24}")
_NOT_BACK = "(attribute_not_exists(expires_at) OR expires_at <= :expires)"


def attempts_key(tenant: Tenant, digest: str) -> Key:
    """Where the attempts at an account, or from a source, stand."""
    return Key(f"APP#{tenant.application_id}#ATTEMPT#{digest}", "ATTEMPT")


def bucket_of(source: str) -> str:
    """The attribute of a known source's own bucket; the source as its digest."""
    return f"full_at_{source}"


def full_at_ms(item: Item | None, bucket: str) -> int:
    """When a bucket is full again."""
    full_at: int = (item or {}).get(bucket, FULL)
    return full_at


def known_sources(item: Item | None, now: int) -> Mapping[str, int]:
    """The digests of the sources that an account's owner has logged in from, and until when each counts."""
    known: Mapping[str, int] = (item or {}).get("known", {})
    return {source: until for source, until in known.items() if until > now}


def take(tenant: Tenant, key: Key, bucket: str, limit: Limit, item: Item | None) -> int:
    """Take a guess from a bucket, if there is one. One round trip, and another where somebody was faster.

    A bucket that is full begins anew, and from any other one guess more is counted, whatever has been taken
    meanwhile: so of a thousand takers none undoes or hinders another.

    Args:
        tenant: Whose item.
        key: The item's.
        bucket: Its attribute.
        limit: The bucket's.
        item: As it was read; None where there was none.

    Returns:
        How many milliseconds it takes until there is one; 0 where it was taken.

    Raises:
        Unavailable: The store did not answer. A guess may have been taken.
    """
    now_ms = tenant.now_ms
    for _ in deadline.attempts():
        full_at = full_at_ms(item, bucket)
        if wait := limit.wait_ms(full_at, now_ms):
            return wait
        values: dict[str, object]
        if full_at <= now_ms:
            expression = "SET #bucket = :full, expires_at = :expires"
            condition = f"(attribute_not_exists(#bucket) OR #bucket <= :now) AND {_NOT_BACK}"
            full = limit.taken_ms(full_at, now_ms)
            expires = max((item or {}).get("expires_at", 0), _seconds(full))
            values = {":full": full, ":now": now_ms, ":expires": expires}
        else:
            expression = "SET #bucket = #bucket + :interval, expires_at = expires_at + :seconds"
            condition = "#bucket BETWEEN :first AND :latest"
            interval = limit.interval_ms
            values = {":interval": interval, ":seconds": _seconds(interval)}
            values |= {":first": now_ms + 1, ":latest": limit.latest_ms(now_ms)}
        try:
            tenant.table.update(key, expression, values, condition=condition, names={"#bucket": bucket})
        except ConditionFailed as failed:
            item = failed.item
        else:
            return 0
    message = "Too much is being tried at once. Try again."
    raise Unavailable(message)


def note_source(tenant: Tenant, key: Key, source: str, item: Item | None, is_owner: Check) -> None:
    """Note that an account's owner has logged in from a source, unless that was noted less than a day ago.

        log in: written                           note the source: refused
                          take the account, or delete it: its sources go

    Args:
        tenant: Whose account.
        key: The account's item's.
        source: The source's digest.
        item: As it was read; None where there was none.
        is_owner: That whoever has logged in is the owner still; where not, nothing is noted.
    """
    until = tenant.now + KNOWN_SECONDS
    for _ in deadline.attempts():
        known = dict(known_sources(item, tenant.now))
        if known.pop(source, 0) > until - NOTED_SECONDS:
            return
        newest = sorted(known.items(), key=lambda entry: entry[1])[1 - MAX_KNOWN :]
        values: dict[str, object] = {":known": {**dict(newest), source: until}}
        values[":expires"] = max((item or {}).get("expires_at", 0), until)
        unchanged = "attribute_not_exists(known)"
        if item is not None and "known" in item:
            unchanged, values[":seen"] = "known = :seen", item["known"]
        kept = {bucket_of(digest) for digest in (*dict(newest), source)}
        gone = [name for name in item or {} if _OF_SOURCE.fullmatch(name) and name not in kept]
        expression = "SET known = :known, expires_at = :expires"
        if gone:
            expression += f" REMOVE {', '.join(gone)}"
        try:
            tenant.table.write(is_owner, Update(key, expression, values, f"{unchanged} AND {_NOT_BACK}"))
        except PartsRefused as refused:
            if 0 in refused.places:
                return
            item = tenant.table.find_all([key]).get(key)
        else:
            return


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)

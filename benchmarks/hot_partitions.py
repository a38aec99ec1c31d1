"""Which partition keys a flood of requests to one application meets, and at which rate the first is too hot.

Pure arithmetic: on the units that `benchmarks.units` counted for each call, and on the times of
`benchmarks.warm`. What it assumes stands here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import prices

RATE = 10_000.0
"""Logins per second, all of one application."""

PARTITION_LIMITS = {"read": 3000.0, "write": 1000.0}
"""Units a second of one partition, and so of one partition key (DynamoDB's documentation, best practices for
partition keys; an item with much traffic may get a partition of its own, which has these limits too)."""

NEW_TABLE = {"read": 12_000.0, "write": 4_000.0}
"""Units a second that a new table on demand takes at once; it grows with traffic, or is warmed up before."""

CACHED = {"APP#<app>": "APPLICATION_CACHE_SECONDS", "KEYS": "KEY_RING_SECONDS"}
"""Partition keys that a container reads again only after so many seconds: the template's variables."""

OWN = "<own>"
"""In a partition key: it is one user's, and a user logs in once a second at most."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load on one partition key.

    Attributes:
        partition: The key.
        kind: `read` or `write`.
        units: What one request, or one container's reading again, consumes.
        a_second: Units a second.
        limit: The partition's limit.
        limit_rate: Requests a second at which it is reached.
        why: How `a_second` comes about.
    """

    partition: str
    kind: str
    units: float
    a_second: float
    limit: float
    limit_rate: float
    why: str


@dataclass(frozen=True, slots=True)
class Flood:
    """A flood of one operation.

    Attributes:
        rate: Requests a second.
        duration_ms: Of one of them.
        containers: Busy at a time: rate times duration.
        read: Units a second of the whole table.
        write: Likewise.
        loads: By partition key, the one with the least headroom first.
    """

    rate: float
    duration_ms: float
    containers: float
    read: float
    write: float
    loads: tuple[Load, ...]

    @property
    def first_limit(self) -> Load:
        """The partition key that is too hot first."""
        return self.loads[0]


def flood(
    warm: Mapping[str, Any], runtime_cpu_ms: float, seconds: Mapping[str, float], rate: float = RATE
) -> Flood:
    """What a flood of an operation asks of the table.

    Args:
        warm: The row of the warm measurement: `units` and `cold_units` with their calls, `memory`.
        runtime_cpu_ms: CPU of the runtime client for one call.
        seconds: How long a container keeps what stands under a partition key of `CACHED`.
        rate: Requests a second.
    """
    duration = prices.duration_ms(warm, runtime_cpu_ms)
    containers = rate * duration / 1000
    loads = [_own(partition, kind, units, rate) for (partition, kind), units in _by_key(warm["units"])]
    for (partition, kind), units in _by_key(warm["cold_units"]):
        if partition in seconds:
            each = seconds[partition]
            # A container reads at most once in `each` seconds, and at most once a request.
            a_second = units * min(containers / each, rate)
            limit = PARTITION_LIMITS[kind]
            why = f"{containers:,.0f} containers, each every {each:g} s"
            at = limit / units * each / (duration / 1000)
            loads.append(Load(partition, kind, units, a_second, limit, at, why))
    return Flood(
        rate=rate,
        duration_ms=duration,
        containers=containers,
        read=rate * warm["units"]["read"] + sum(one.a_second for one in loads if one.partition in seconds),
        write=rate * warm["units"]["write"],
        loads=tuple(sorted(loads, key=lambda one: one.limit_rate)),
    )


def of_index(units: Mapping[str, Any]) -> tuple[float, float]:
    """What an operation writes to the index: units of one call, and calls a second that it can take.

    All of an application's entries have one partition key in the index.
    """
    each = sum(call["index"] for call in units["calls"] if call["kind"] == "write")
    return each, PARTITION_LIMITS["write"] / each if each else float("inf")


def _own(partition: str, kind: str, units: float, rate: float) -> Load:
    limit = PARTITION_LIMITS[kind]
    if OWN in partition:
        return Load(partition, kind, units, units, limit, float("inf"), "one user's alone, once a second")
    return Load(partition, kind, units, units * rate, limit, limit / units, "every request")


def _by_key(units: Mapping[str, Any]) -> Iterable[tuple[tuple[str, str], float]]:
    """The table's units by partition key and kind; a call to several keys is shared out evenly."""
    found: dict[tuple[str, str], float] = {}
    for call in units["calls"]:
        for partition in call["partitions"]:
            key = partition, call["kind"]
            found[key] = found.get(key, 0.0) + call["table"] / len(call["partitions"])
    return found.items()

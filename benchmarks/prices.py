"""Price: arithmetic on the published list prices of `prices.toml`, in US dollars."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.page import Row


@dataclass(frozen=True, slots=True)
class Price:
    """A list price.

    Attributes:
        dollars: For one `unit`.
        unit: What is counted, with the number that the publisher names.
        page: Where it is published.
        checked: Where it was read.
        each: How many of what the arithmetic counts there are in a `unit`.
    """

    dollars: float
    unit: str
    page: str
    checked: str
    each: float = 1

    @property
    def one(self) -> float:
        """Dollars for one."""
        return self.dollars / self.each


LIST = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
PRICES = {name: Price(**price) for name, price in LIST["prices"].items()}

LAMBDA_REQUEST = PRICES["Lambda, request"].one
LAMBDA_GB_SECOND = PRICES["Lambda, duration on arm64, first tier"].one
SNAP_START_CACHE = PRICES["Lambda SnapStart, cache"].one
SNAP_START_RESTORE = PRICES["Lambda SnapStart, restore"].one
HTTP_API_REQUEST = PRICES["API Gateway, HTTP API, first 300 million"].one
READ_UNIT = PRICES["DynamoDB on demand, read unit"].one
WRITE_UNIT = PRICES["DynamoDB on demand, write unit"].one
KMS_REQUEST = PRICES["KMS, request"].one
LOG_BYTE = PRICES["CloudWatch Logs, ingestion"].one

# What the arithmetic assumes, besides prices.
FULL_VCPU_MB = 1769  # Memory at which a function has one whole vCPU (Lambda's documentation).
TRIP_MS = 4.0  # One round trip to DynamoDB or KMS in the region.
HALF_A_BILLED_MS = 0.5  # Duration is rounded up to a millisecond.
LOG_LINE_BYTES = 26  # CloudWatch's own overhead for each log event.
PLATFORM_LOG_BYTES = 330 + 3 * LOG_LINE_BYTES  # Lambda's START, END and REPORT lines.
ACCESS_LOG_BYTES = 350 + LOG_LINE_BYTES  # The line of the template's access log.
MONTH_SECONDS = 30 * 86_400

LOGINS_A_MONTH = 20
CHECKS_A_MONTH = 200


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call costs, by service, in dollars."""

    requests: float
    duration: float
    gateway: float
    table: float
    keys: float
    logs: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.requests + self.duration + self.gateway + self.table + self.keys + self.logs


def share_of_vcpu(memory: float) -> float:
    """How much of one processor a function of so many MB has, for what runs in one thread."""
    return min(1.0, memory / FULL_VCPU_MB)


def duration_ms(warm: Mapping[str, Any], runtime_cpu_ms: float) -> float:
    """How long one warm call takes on Lambda, by the assumptions above.

    Args:
        warm: The row of the warm measurement, with its `memory`.
        runtime_cpu_ms: CPU of the runtime client for one call.
    """
    cpu_ms = warm["CPU"] / 1000 + runtime_cpu_ms
    return float(cpu_ms / share_of_vcpu(warm["memory"]) + TRIP_MS * len(warm["trips"]))


def of_call(warm: Mapping[str, Any], runtime_cpu_ms: float) -> Cost:
    """What one warm call costs.

    Args:
        warm: The row of the warm measurement, with `units`, `memory` and `is_http`.
        runtime_cpu_ms: CPU of the runtime client for one call, which is billed too.
    """
    billed_ms = duration_ms(warm, runtime_cpu_ms) + HALF_A_BILLED_MS
    log_bytes = warm["log, bytes"] + LOG_LINE_BYTES + PLATFORM_LOG_BYTES
    return Cost(
        requests=LAMBDA_REQUEST,
        duration=billed_ms / 1000 * warm["memory"] / 1024 * LAMBDA_GB_SECOND,
        gateway=HTTP_API_REQUEST if warm["HTTP"] == "yes" else 0.0,
        table=warm["read units"] * READ_UNIT + warm["write units"] * WRITE_UNIT,
        keys=sum(trip.startswith("kms:") for trip in warm["trips"]) * KMS_REQUEST,
        logs=(log_bytes + (ACCESS_LOG_BYTES if warm["HTTP"] == "yes" else 0)) * LOG_BYTE,
    )


def snap_start(memory: float, ready_ms: float) -> dict[str, float]:
    """What SnapStart costs for a function, and what the initializations cost that it saves, in dollars.

    Args:
        memory: In MB; what is charged is the function's memory, not what it uses.
        ready_ms: How long its initialization takes.
    """
    gigabytes = memory / 1024
    return {
        "a month": gigabytes * MONTH_SECONDS * SNAP_START_CACHE,
        "a million restores": 1e6 * gigabytes * SNAP_START_RESTORE,
        "a million initializations": 1e6 * ready_ms / 1000 * gigabytes * LAMBDA_GB_SECOND,
    }


@dataclass(frozen=True, slots=True)
class Plan:
    """A managed alternative's list price for monthly users.

    Attributes:
        tiers: (users up to this many, dollars for each beyond the tier before), in order.
        base: Dollars a month before any user.
        block: Users are charged in blocks of so many.
        note: What else there is to know.
        checked: Where it was read.
    """

    name: str
    page: str
    tiers: Sequence[tuple[float, float]]
    base: float = 0.0
    block: int = 1
    note: str = ""
    checked: str = ""

    def monthly(self, users: float) -> float:
        """Dollars a month."""
        charged = math.ceil(users / self.block) * self.block if self.block > 1 else users
        total, below = self.base, 0.0
        for up_to, each in self.tiers:
            total += max(0.0, min(charged, up_to) - below) * each
            below = up_to
        return total


PLANS = tuple(Plan(**plan) for plan in LIST["plans"])


def of_user(login: Cost, check: Cost) -> float:
    """Dollars a month for one user, without the fixed costs."""
    return LOGINS_A_MONTH * login.total + CHECKS_A_MONTH * check.total


FIXED_A_MONTH = {"KMS key, its first two rotations included": 3 * PRICES["KMS, key"].dollars}

LOGIN, CHECK = "log_in.http", "authorize_request.authorizer"
_USERS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_SNAP_START = (
    *("authenticate", "log_in", "authorize_request", "introspect_token", "identify"),
    *("issue_identity_token", "issue_session_token", "issue_user_token"),
)
"""The hot path: the functions that the template's parameter `SnapStart` is for."""

TEXT = (
    f"List prices of {LIST['region']} as of {LIST['as_of']}, in dollars; Lambda on arm64 with the template's "
    f"memory, {TRIP_MS:g} ms for a round trip, the default client, on what was measured last under *Warm* "
    f"and *Cold start*. {LIST['without_a_rate']}"
)


def measure(results: Mapping[str, Any]) -> dict[str, list[Row]]:
    """The arithmetic on what other parts have measured; nothing where they have not."""
    if not {"warm", "cold"} <= results.keys():
        return {}
    runtime_ms = results["warm"]["tables"]["Runtime client"][0]["CPU, ms"]
    # The first client of each event is the default one.
    rows = {row["event"]: row for row in reversed(results["warm"]["tables"][""])}.values()
    costs = {row["event"]: of_call(row, runtime_ms) for row in rows}
    calls = [
        {"a million of": name, "all": cost.total * 1e6, **{k: v * 1e6 for k, v in asdict(cost).items()}}
        for name, cost in costs.items()
    ]
    each, fixed = of_user(costs[LOGIN], costs[CHECK]), sum(FIXED_A_MONTH.values())
    lines = {"**Signet**": [fixed + each * users for users in _USERS]}
    lines |= {plan.name: [plan.monthly(users) for users in _USERS] for plan in PLANS}
    months = [
        {
            "a month": name,
            **{f"{users:,} users": f"{v:,.0f}" for users, v in zip(_USERS, values, strict=True)},
        }
        for name, values in lines.items()
    ]
    starts = [
        {"function": row["operation"], **snap_start(row["memory"], row["ready, wall"])}
        for row in {row["event"]: row for row in reversed(results["cold"]["tables"][""])}.values()
        if row["operation"] in _SNAP_START
    ]
    sources = [
        {"what": n, "dollars": f"{p.dollars:.10g} for a {p.unit}", "published": p.page, "checked": p.checked}
        for n, p in PRICES.items()
    ]
    sources += [{"what": p.name, "dollars": p.note, "published": p.page, "checked": p.checked} for p in PLANS]
    title = f"Users, with {LOGINS_A_MONTH} log-ins and {CHECKS_A_MONTH} checks each"
    return {"Calls": calls, title: months, "SnapStart": starts, "Sources": sources}

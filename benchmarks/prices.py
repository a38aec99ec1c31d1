"""Price: arithmetic on the published list prices of `prices.toml`, in US dollars."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


LIST = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
PRICES = {name: Price(**price) for name, price in LIST["prices"].items()}

# What the arithmetic assumes, besides prices.
FULL_VCPU_MB = 1769  # Memory at which a function has one whole vCPU (Lambda's documentation).
TRIP_MS = 4.0  # One round trip to DynamoDB or KMS in the region.
HALF_A_BILLED_MS = 0.5  # Duration is rounded up to a millisecond.
LOG_LINE_BYTES = 26  # CloudWatch's own overhead for each log event.
PLATFORM_LOG_BYTES = 330 + 3 * LOG_LINE_BYTES  # Lambda's START, END and REPORT lines.
ACCESS_LOG_BYTES = 350 + LOG_LINE_BYTES  # The line of the template's access log.

LOGINS_A_MONTH = 20
CHECKS_A_MONTH = 200


def _one(name: str) -> float:
    """Dollars for one."""
    return PRICES[name].dollars / PRICES[name].each


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


def of_call(warm: Mapping[str, Any], runtime_cpu_ms: float) -> dict[str, float]:
    """What one warm call costs, `all` of it and by service, in dollars.

    Args:
        warm: The row of the warm measurement, with `units`, `memory` and `is_http`.
        runtime_cpu_ms: CPU of the runtime client for one call, which is billed too.
    """
    billed_ms = duration_ms(warm, runtime_cpu_ms) + HALF_A_BILLED_MS
    log_bytes = warm["log, bytes"] + LOG_LINE_BYTES + PLATFORM_LOG_BYTES
    access_log = ACCESS_LOG_BYTES if warm["HTTP"] == "yes" else 0
    cost = {
        "requests": _one("Lambda, request"),
        "duration": billed_ms / 1000 * warm["memory"] / 1024 * _one("Lambda, duration on arm64, first tier"),
        "gateway": _one("API Gateway, HTTP API, first 300 million") if warm["HTTP"] == "yes" else 0.0,
        "table": warm["read units"] * _one("DynamoDB on demand, read unit")
        + warm["write units"] * _one("DynamoDB on demand, write unit"),
        "keys": sum(trip.startswith("kms:") for trip in warm["trips"]) * _one("KMS, request"),
        "logs": (log_bytes + access_log) * _one("CloudWatch Logs, ingestion"),
    }
    return {"all": sum(cost.values()), **cost}


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


def of_user(login: Mapping[str, float], check: Mapping[str, float]) -> float:
    """Dollars a month for one user, without the fixed costs."""
    return LOGINS_A_MONTH * login["all"] + CHECKS_A_MONTH * check["all"]


FIXED_A_MONTH = {"KMS key, its first two rotations included": 3 * PRICES["KMS, key"].dollars}

LOGIN, CHECK = "log_in.http", "authorize_request.authorizer"
_USERS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
TEXT = (
    f"List prices of {LIST['region']} as of {LIST['as_of']}, in dollars; Lambda on arm64 with the template's "
    f"memory, {TRIP_MS:g} ms for a round trip, the default client, on what *Warm* measured last. "
    f"{LIST['without_a_rate']}"
)


def measure(results: Mapping[str, Any]) -> dict[str, list[Row]]:
    """The arithmetic on what *Warm* has measured; nothing where it has not."""
    measured = {row["event"] for row in results["warm"]["tables"][""]} if "warm" in results else set()
    if not {LOGIN, CHECK} <= measured:
        return {}
    runtime_ms = results["warm"]["tables"]["Runtime client"][0]["CPU, ms"]
    # The first client of each event is the default one.
    rows = {row["event"]: row for row in reversed(results["warm"]["tables"][""])}.values()
    costs = {row["event"]: of_call(row, runtime_ms) for row in rows}
    calls = [
        {"a million of": name, **{service: dollars * 1e6 for service, dollars in cost.items()}}
        for name, cost in costs.items()
    ]
    each, fixed = of_user(costs[LOGIN], costs[CHECK]), sum(FIXED_A_MONTH.values())
    lines = {"**Signet**": [fixed + each * users for users in _USERS]}
    lines |= {plan.name: [plan.monthly(users) for users in _USERS] for plan in PLANS}
    titles = [f"{users:,} users" for users in _USERS]
    months = [
        {"a month": name, **dict(zip(titles, (f"{v:,.0f}" for v in values), strict=True))}
        for name, values in lines.items()
    ]
    sources = [
        {"what": n, "dollars": f"{p.dollars:.10g} for a {p.unit}", "published": p.page, "checked": p.checked}
        for n, p in PRICES.items()
    ]
    sources += [{"what": p.name, "dollars": p.note, "published": p.page, "checked": p.checked} for p in PLANS]
    title = f"Users, with {LOGINS_A_MONTH} log-ins and {CHECKS_A_MONTH} checks each"
    return {"Calls": calls, title: months, "Sources": sources}

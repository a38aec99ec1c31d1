"""Price: published list prices and the arithmetic on them, in US dollars.

These are list prices as their publishers had them in the middle of 2025, for us-east-1, written down and not
fetched: look at the page that stands beside each before you rely on one. Free tiers of AWS, reserved capacity
and negotiated prices are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AS_OF = "mid-2025"
REGION = "us-east-1"

# https://aws.amazon.com/lambda/pricing/ (arm64, first tier)
LAMBDA_REQUEST = 0.20 / 1e6
LAMBDA_GB_SECOND = 0.000_013_333_4
# https://aws.amazon.com/api-gateway/pricing/ (HTTP API, first 300 million a month, up to 512 KB)
HTTP_API_REQUEST = 1.00 / 1e6
# https://aws.amazon.com/dynamodb/pricing/on-demand/ (standard class)
READ_UNIT = 0.125 / 1e6
WRITE_UNIT = 0.625 / 1e6
# https://aws.amazon.com/kms/pricing/
KMS_REQUEST = 0.03 / 10_000
# https://aws.amazon.com/cloudwatch/pricing/ (ingestion of custom and of Lambda's logs, first tier)
LOG_BYTE = 0.50 / 1e9

# What the arithmetic assumes, besides prices.
FULL_VCPU_MB = 1769  # Memory at which a function has one whole vCPU (Lambda's documentation).
TRIP_MS = 4.0  # One round trip to DynamoDB or KMS in the region.
HALF_A_BILLED_MS = 0.5  # Duration is rounded up to a millisecond.
LOG_LINE_BYTES = 26  # CloudWatch's own overhead for each log event.
PLATFORM_LOG_BYTES = 330 + 3 * LOG_LINE_BYTES  # Lambda's START, END and REPORT lines.
ACCESS_LOG_BYTES = 350 + LOG_LINE_BYTES  # The line of the template's access log.

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


def of_call(warm: Mapping[str, Any], runtime_cpu_ms: float) -> Cost:
    """What one warm call costs.

    Args:
        warm: The row of the warm measurement, with `units`, `memory` and `is_http`.
        runtime_cpu_ms: CPU of the runtime client for one call, which is billed too.
    """
    share = min(1.0, warm["memory"] / FULL_VCPU_MB)
    cpu_ms = warm["cpu_us"] / 1000 + runtime_cpu_ms
    duration_ms = cpu_ms / share + TRIP_MS * len(warm["trips"]) + HALF_A_BILLED_MS
    log_bytes = warm["log_bytes"] + LOG_LINE_BYTES + PLATFORM_LOG_BYTES
    return Cost(
        requests=LAMBDA_REQUEST,
        duration=duration_ms / 1000 * warm["memory"] / 1024 * LAMBDA_GB_SECOND,
        gateway=HTTP_API_REQUEST if warm["is_http"] else 0.0,
        table=warm["units"]["read"] * READ_UNIT + warm["units"]["write"] * WRITE_UNIT,
        keys=sum(trip.startswith("kms:") for trip in warm["trips"]) * KMS_REQUEST,
        logs=(log_bytes + (ACCESS_LOG_BYTES if warm["is_http"] else 0)) * LOG_BYTE,
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """A managed alternative's list price for monthly users.

    Attributes:
        tiers: (users up to this many, dollars for each beyond the tier before), in order.
        base: Dollars a month before any user.
    """

    name: str
    page: str
    tiers: tuple[tuple[float, float], ...]
    base: float = 0.0
    note: str = ""

    def monthly(self, users: float) -> float:
        """Dollars a month."""
        total, below = self.base, 0.0
        for up_to, each in self.tiers:
            total += max(0.0, min(users, up_to) - below) * each
            below = up_to
        return total


_ALL = float("inf")
PLANS = (
    Plan(
        "Amazon Cognito, Lite",
        "https://aws.amazon.com/cognito/pricing/",
        ((10_000, 0), (100_000, 0.0055), (1_000_000, 0.0046), (10_000_000, 0.00325), (_ALL, 0.0025)),
    ),
    Plan(
        "Amazon Cognito, Essentials",
        "https://aws.amazon.com/cognito/pricing/",
        ((10_000, 0), (_ALL, 0.015)),
    ),
    Plan(
        "Google Identity Platform (Firebase)",
        "https://cloud.google.com/identity-platform/pricing",
        ((50_000, 0), (100_000, 0.0055), (1_000_000, 0.0046), (10_000_000, 0.0032), (_ALL, 0.0025)),
    ),
    Plan(
        "Supabase Auth, Pro",
        "https://supabase.com/pricing",
        ((100_000, 0), (_ALL, 0.00325)),
        base=25,
        note="with a project of its database platform",
    ),
    Plan("Clerk, Pro", "https://clerk.com/pricing", ((10_000, 0), (_ALL, 0.02)), base=25),
    Plan(
        "Auth0, B2C Essentials",
        "https://auth0.com/pricing",
        ((500, 0), (_ALL, 0.07)),
        base=35,
        note="beyond some 20,000 users the price is negotiated, and this line is too high",
    ),
)


def of_user(login: Cost, check: Cost) -> float:
    """Dollars a month for one user, without the fixed costs."""
    return LOGINS_A_MONTH * login.total + CHECKS_A_MONTH * check.total


FIXED_A_MONTH = {
    # https://aws.amazon.com/kms/pricing/ (one key, its older versions after two rotations included)
    "KMS key": 3.00,
}

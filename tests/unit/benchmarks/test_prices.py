"""The arithmetic of prices, and what stands for the same request."""

import json

import pytest

from benchmarks.cassette import Request
from benchmarks.prices import PLANS, PRICES, Plan, of_call


def test_a_plan_charges_each_tier_for_its_own_users() -> None:
    """A user costs what the tier says into which he falls, and the ones below keep their price."""
    plan = Plan("Some", "https://example.com", ((10, 0), (100, 0.5), (float("inf"), 0.25)), base=25)
    assert [plan.monthly(users) for users in (10, 100, 110)] == [25, 70, 72.5]


def test_a_plan_may_sell_users_in_blocks() -> None:
    """One user beyond a million pays for the second million."""
    plan = Plan("Some", "https://example.com", ((10, 0), (float("inf"), 0.5)), block=10)
    assert [plan.monthly(users) for users in (1, 10, 11, 20, 21)] == [0, 0, 5, 5, 10]


def test_every_price_says_where_it_stands_and_how_it_was_checked() -> None:
    """None is believed without."""
    sources = [(price.page, price.checked) for price in PRICES.values()]
    sources += [(plan.page, plan.checked) for plan in PLANS]
    assert all(page.startswith("https://") and checked for page, checked in sources)


def test_a_call_costs_the_sum_of_its_parts() -> None:
    """A call over HTTP with one read: request, gateway, unit, time and log."""
    warm = {
        "memory": 1769,
        "CPU": 1000,
        "trips": ["dynamodb:GetItem"],
        "read units": 1,
        "write units": 0,
        "log, bytes": 0,
        "HTTP": "yes",
    }
    cost = of_call(warm, runtime_cpu_ms=0)
    assert cost["table"] == pytest.approx(0.125e-6)
    assert cost["duration"] == pytest.approx(0.0055 * 1769 / 1024 * 0.000_013_333_4)
    assert cost["keys"] == 0
    assert cost["all"] > cost["table"] + cost["duration"] + 1.2e-6


def test_requests_of_one_shape_differ_in_values_alone() -> None:
    """Fresh ids and times do not matter; another kind of item does."""

    def request(sk: str, value: str) -> Request:
        body = {"Item": {"sk": {"S": sk}, "a": {"S": value}}, "ClientRequestToken": value}
        return Request("POST /", "DynamoDB_20120810.PutItem", json.dumps(body).encode())

    assert request("KEY#1", "x").shape == request("KEY#2", "y").shape
    assert request("KEY#1", "x").shape != request("USER", "x").shape


def test_objects_of_one_shape_differ_in_an_id_or_a_time_alone() -> None:
    """An export's key has the time in it, its report's the invocation's id; another file is another shape."""

    def request(key: str) -> Request:
        return Request(f"PUT /bucket/{key}", "", b"")

    report = "reports/{}/report.json"
    ids = "7415e424-c701-4e0c-89d8-85464fd6fe4a", "b859ea23-15a2-4c1e-a418-455b893eab40"
    first, second = (request(report.format(own)) for own in ids)
    assert first.shape == second.shape
    first, second = (
        request(f"export/{time}.jsonl") for time in ("20261121T025003.138Z", "20270101T000000.000Z")
    )
    assert first.shape == second.shape
    assert first.shape != request("export/users.jsonl").shape

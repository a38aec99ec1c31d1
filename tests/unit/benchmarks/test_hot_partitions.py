"""Which partition key a flood meets, and at which rate it is too hot."""

from typing import Any

import pytest

from benchmarks.hot_partitions import flood, of_index
from benchmarks.units import partition_keys, partition_of

SECONDS = {"APP#<app>": 5.0, "KEYS": 60.0}


def _call(kind: str, *partitions: str, table: float = 1.0, index: float = 0.0) -> dict[str, Any]:
    return {"kind": kind, "partitions": list(partitions), "table": table, "index": index}


def _units(*calls: dict[str, Any]) -> dict[str, Any]:
    totals = {
        kind: sum(call["table"] + call["index"] for call in calls if call["kind"] == kind)
        for kind in ("read", "write")
    }
    return {**totals, "calls": list(calls)}


def _warm(warm: dict[str, Any], cold: dict[str, Any]) -> dict[str, Any]:
    """A call of 2 ms of CPU on a whole processor, with two round trips of 4 ms: 10 ms."""
    return {
        "memory": 1769,
        "cpu_us": 2000.0,
        "trips": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        "units": warm,
        "cold_units": cold,
    }


def test_what_containers_keep_is_read_by_each_of_them_once_in_a_while() -> None:
    """10,000 logins of 10 ms keep 100 containers busy, which read the application 20 times a second."""
    own = _units(_call("read", "APP#<app>#EMAIL#<own>"), _call("write", "APP#<app>#USER#<own>"))
    found = flood(_warm(own, _units(_call("read", "APP#<app>"), *own["calls"])), 0.0, SECONDS, rate=10_000)
    assert found.containers == pytest.approx(100)
    assert found.first_limit.partition == "APP#<app>"
    assert found.first_limit.a_second == pytest.approx(20)
    # 3,000 reads a second are 15,000 containers, which answer 1,500,000 times.
    assert found.first_limit.limit_rate == pytest.approx(1_500_000)
    assert [found.read, found.write] == pytest.approx([10_020, 10_000])


def test_a_users_own_key_is_never_too_hot() -> None:
    """It is one of as many as there are users."""
    found = flood(_warm(_units(_call("read", "APP#<app>#USER#<own>")), _units()), 0.0, SECONDS)
    assert [load.limit_rate for load in found.loads] == [float("inf")]


def test_a_key_that_every_request_writes_is_the_limit() -> None:
    """Were a login to count on the application's item, a thousand a second would be all."""
    found = flood(_warm(_units(_call("write", "APP#<app>", table=2.0)), _units()), 0.0, SECONDS)
    assert found.first_limit.limit_rate == 500
    assert found.first_limit.a_second == 20_000


def test_the_index_has_one_partition_key_for_all_users_of_an_application() -> None:
    """What writes two entries can be done 500 times a second, what writes none as often as one likes."""
    assert of_index(_units(_call("write", "a", index=2.0))) == (2.0, 500.0)
    assert of_index(_units(_call("write", "a"))) == (0.0, float("inf"))


def test_the_partition_keys_of_a_call_are_found_wherever_they_stand() -> None:
    """In a key, in an item, in a batch, in a transaction, in a query's values."""
    key = {"pk": {"S": "APP#a1#USER#u1"}, "sk": {"S": "USER"}}
    transaction = {"TransactItems": [{"Put": {"Item": key | {"list_pk": {"S": "L"}}}}]}
    batch = {"RequestItems": {"signet": {"Keys": [key]}}}
    query = {"ExpressionAttributeValues": {":pk": {"S": "KEYS"}}}
    assert partition_keys({"Key": key}) == {"APP#a1#USER#u1"}
    assert partition_keys(transaction) == partition_keys(batch) == {"APP#a1#USER#u1"}
    assert partition_keys(query) == {"KEYS"}


@pytest.mark.parametrize(
    ("key", "partition"),
    [
        ("APP#5f0c", "APP#<app>"),
        ("APP#5f0c#USER#x:a#b", "APP#<app>#USER#<own>"),
        ("APP#5f0c#EMAIL#ann#1@example.com", "APP#<app>#EMAIL#<own>"),
        ("APP#5f0c#USERS", "APP#<app>#USERS"),
        ("KEYS", "KEYS"),
    ],
)
def test_a_partition_key_is_told_by_its_kind(key: str, partition: str) -> None:
    """Whose it is does not matter; that it is somebody's own does."""
    assert partition_of(key) == partition

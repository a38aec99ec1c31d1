"""The tests' short way to moto's DynamoDB, held against the way over the wire."""

import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from signet import wiring
from signet.aws import client as aws
from tests.deployment import Deployment
from tests.moto_aws import OF_ITEMS, is_here, make_client

TABLE = "short-way"
KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
ABSENT = {"pk": {"S": "a"}, "sk": {"S": "none"}}
ITEM = KEY | {
    "b": {"B": b"\x00\xff"},
    "bs": {"BS": [b"\x01"]},
    "l": {"L": [{"M": {"n": {"N": "1.5"}}}, {"BOOL": True}]},
    "none": {"NULL": True},
    "ss": {"SS": ["x"]},
}
IN_TABLE = {"TableName": TABLE}
ADDED = {
    "UpdateExpression": "SET n = :n",
    "ExpressionAttributeValues": {":n": {"N": "1"}},
}
TAKEN = {
    "ConditionExpression": "attribute_not_exists(pk)",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}
SAID = {"ExpressionAttributeValues": {":a": {"S": "a"}}}

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "an item": ("GetItem", {"Key": KEY}),
    "an attribute of it": ("GetItem", {"Key": KEY, "ProjectionExpression": "b"}),
    "no item": ("GetItem", {"Key": ABSENT}),
    "a list": ("Query", {"KeyConditionExpression": "pk = :a", **SAID}),
    "a count": ("Query", {"KeyConditionExpression": "pk = :a", "Select": "COUNT", **SAID}),
    "all": ("Scan", {"Limit": 1}),
    "a write": ("PutItem", {"Item": ITEM}),
    "a write that was one": ("PutItem", {"Item": ITEM, "ReturnValues": "ALL_OLD"}),
    "a change": ("UpdateItem", {"Key": KEY, **ADDED, "ReturnValues": "ALL_NEW"}),
    "a condition": ("PutItem", {"Item": ITEM, **TAKEN}),
    "a deletion": ("DeleteItem", {"Key": ABSENT}),
    "what is no expression": ("UpdateItem", {"Key": KEY, "UpdateExpression": "PUT n"}),
    "no table": ("GetItem", {"TableName": "none", "Key": KEY}),
    "a batch": ("BatchGetItem", {"TableName": None, "RequestItems": {TABLE: {"Keys": [KEY]}}}),
    "a batch of writes": (
        "BatchWriteItem",
        {"TableName": None, "RequestItems": {TABLE: [{"PutRequest": {"Item": ITEM}}]}},
    ),
    "a transaction": (
        "TransactWriteItems",
        {"TableName": None, "TransactItems": [{"Put": {**IN_TABLE, "Item": ITEM}}]},
    ),
    "a transaction with a condition": (
        "TransactWriteItems",
        {"TableName": None, "TransactItems": [{"Put": {**IN_TABLE, "Item": ITEM, **TAKEN}}]},
    ),
    "the table": ("DescribeTable", {}),
}
"""An operation with its parameters, by what it is about: each may be done twice."""


@pytest.fixture
def clients(aws: dict[str, str]) -> Iterator[tuple[aws.Client, aws.Client]]:
    """The short way and the long one, to a table that has one item."""
    with mock.patch.dict(os.environ, aws | {"AWS_CLIENT": "boto3"}):
        wiring.reset()
        short, wire = make_client("dynamodb"), wiring.make_client("dynamodb")
        short.call(
            "CreateTable",
            IN_TABLE
            | {
                "AttributeDefinitions": [
                    {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
                ],
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )
        short.call("PutItem", IN_TABLE | {"Item": ITEM})
        yield short, wire
        short.call("DeleteTable", IN_TABLE)
        wire.transport.close()
        wiring.reset()


def ask(client: aws.Client, operation: str, request: dict[str, Any]) -> Any:
    """The answer, or what a refusal says."""
    try:
        return client.call(operation, request)
    except aws.Refused as refused:
        return refused.status, str(refused), refused.details


@pytest.mark.parametrize("about", CALLS)
def test_the_short_way_says_what_the_wire_says(clients: tuple[aws.Client, aws.Client], about: str) -> None:
    """An answer, or a refusal with its details, is the same with HTTP and without it."""
    operation, given = CALLS[about]
    request = {name: value for name, value in (IN_TABLE | given).items() if value is not None}
    short, wire = clients
    answer = ask(short, operation, request)
    assert ask(wire, operation, request) == answer


def test_every_operation_that_goes_the_short_way_is_in_the_table() -> None:
    """None of them is without a row above."""
    assert set(OF_ITEMS) <= {operation for operation, _ in CALLS.values()}


def test_the_items_are_those_that_a_scan_gives(moto_signet: Deployment) -> None:
    """What is read from moto itself is what DynamoDB would say, in the keys' order."""
    assert is_here("dynamodb")
    moto_signet.demo()
    read = moto_signet.items()
    with mock.patch("tests.moto_aws.find_table", return_value=None):
        assert moto_signet.items() == read
    assert len(read) > 5

"""The tests' own reading of IAM: what it allows, what it denies, and what it does not take for a policy."""

from typing import Any

import pytest

from tests import iam
from tests.iam import Grant, Request, Statement

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/signet"
FILES = "arn:aws:s3:::files"
NAMED = {"TableName": "signet"}


def allow(*actions: str, on: str = TABLE, **condition: list[str]) -> dict[str, Any]:
    """A statement; `like` and `equals` are the leading keys that its condition takes."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": [*actions], "Resource": on}
    for name, keys in condition.items():
        operator = {"like": "ForAllValues:StringLike", "equals": "ForAllValues:StringEquals"}[name]
        statement["Condition"] = {operator: {"dynamodb:LeadingKeys": keys}}
    return statement


POLICY = [
    Statement.of(one)
    for one in (
        allow("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", like=["APP#*", "O?E"]),
        allow("dynamodb:Query", equals=["KEYS", "KEYLIFE"]),
        allow("dynamodb:UpdateItem", equals=["KEYLIFE"]),
        allow("dynamodb:Query", on=f"{TABLE}/index/*", like=["APP#*"]),
        allow("s3:GetObject", on=f"{FILES}/import/*"),
    )
]


def key(partition: str) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": "any"}}


def query(partition: str, **more: str) -> dict[str, Any]:
    values = {":pk": {"S": partition}, ":more": {"S": "KEYS"}}
    return (
        NAMED
        | {"KeyConditionExpression": "list_pk = :pk AND sk < :more", "ExpressionAttributeValues": values}
        | more
    )


def batch(*partitions: str) -> dict[str, Any]:
    return {"RequestItems": {"signet": {"Keys": [key(partition) for partition in partitions]}}}


def transaction(*parts: tuple[str, str]) -> dict[str, Any]:
    place = {"Put": "Item"}
    return {"TransactItems": [{kind: NAMED | {place.get(kind, "Key"): key(pk)}} for kind, pk in parts]}


ALLOWED: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "GetItem", NAMED | {"Key": key("APP#1#USER#2")}),
    ("dynamodb", "GetItem", NAMED | {"Key": key("APP#1\n")}),
    ("dynamodb", "GetItem", NAMED | {"Key": key("ONE")}),
    ("dynamodb", "BatchGetItem", batch("APP#1", "APP#2", "ONE")),
    ("dynamodb", "Query", query("KEYS")),
    ("dynamodb", "Query", query("APP#1#USERS", IndexName="by_application")),
    ("dynamodb", "TransactWriteItems", transaction(("Update", "APP#1"), ("Update", "APP#2"))),
    ("dynamodb", "TransactWriteItems", transaction(("Update", "KEYLIFE"))),
    ("s3", "GetObject", {"Bucket": "files", "Key": "import/a/b"}),
    ("s3", "HeadObject", {"Bucket": "files", "Key": "import/a"}),
]

DENIED: list[tuple[str, str, dict[str, Any]]] = [
    # Another key, or one that only looks like it.
    ("dynamodb", "GetItem", NAMED | {"Key": key("KEYS")}),
    ("dynamodb", "GetItem", NAMED | {"Key": key("app#1")}),
    ("dynamodb", "GetItem", NAMED | {"Key": key("OE")}),
    ("dynamodb", "GetItem", NAMED | {"Key": key(" APP#1")}),
    ("dynamodb", "UpdateItem", NAMED | {"Key": key("KEYLIFE#")}),
    ("dynamodb", "Query", query("APP#1")),
    ("dynamodb", "Query", query("KEYS", IndexName="by_application")),
    # Another action, table, index, file.
    ("dynamodb", "PutItem", NAMED | {"Item": key("APP#1")}),
    ("dynamodb", "DeleteItem", NAMED | {"Key": key("APP#1")}),
    ("dynamodb", "Scan", NAMED),
    ("dynamodb", "BatchWriteItem", {"RequestItems": {"signet": [{"PutRequest": {"Item": key("APP#1")}}]}}),
    ("dynamodb", "GetItem", {"TableName": "signet2", "Key": key("APP#1")}),
    ("s3", "GetObject", {"Bucket": "files", "Key": "export/import/"}),
    ("s3", "GetObject", {"Bucket": "other", "Key": "import/a"}),
    ("s3", "PutObject", {"Bucket": "files", "Key": "import/a"}),
    ("s3", "ListObjectsV2", {"Bucket": "files"}),
    ("kms", "Decrypt", {"KeyId": "arn:aws:kms:us-east-1:123456789012:key/1"}),
    ("lambda", "Invoke", {"FunctionName": "f"}),
    # One of several things that it does.
    ("dynamodb", "BatchGetItem", batch("APP#1", "KEYS")),
    ("dynamodb", "TransactWriteItems", transaction(("Update", "APP#1"), ("Put", "APP#1"))),
    ("dynamodb", "TransactWriteItems", transaction(("Update", "APP#1"), ("ConditionCheck", "APP#1"))),
    ("dynamodb", "TransactWriteItems", transaction(("Update", "APP#1"), ("Delete", "APP#2"))),
    # Each key has a statement, and no statement has both.
    ("dynamodb", "TransactWriteItems", transaction(("Update", "APP#1"), ("Update", "KEYLIFE"))),
]


def is_allowed(service: str, operation: str, parameters: dict[str, Any]) -> bool:
    requests = iam.requests(service, operation, parameters)
    assert requests
    return all(iam.used(POLICY, request) for request in requests)


@pytest.mark.parametrize("call", ALLOWED, ids=str)
def test_what_a_statement_covers_is_allowed(call: tuple[str, str, dict[str, Any]]) -> None:
    """An action, a resource and all leading keys by one statement."""
    assert is_allowed(*call)


@pytest.mark.parametrize("call", DENIED, ids=str)
def test_everything_else_is_denied(call: tuple[str, str, dict[str, Any]]) -> None:
    """Whatever is missing, also for one of the things that a call does."""
    assert not is_allowed(*call)


def test_what_was_used_is_told_from_what_was_not() -> None:
    """Of a statement, the action, the resource and the patterns that the request matched."""
    request = Request("dynamodb:BatchGetItem", TABLE, frozenset(["APP#1", "APP#2"]))
    assert iam.used(POLICY, request) == {Grant("dynamodb:BatchGetItem", TABLE, "APP#*")}
    assert len(iam.granted(POLICY)) == 6 + 2 + 1 + 1 + 1


GOOD = allow("dynamodb:GetItem", like=["APP#*"])


@pytest.mark.parametrize(
    "statement",
    [
        GOOD | {"Effect": "Deny"},
        GOOD | {"NotResource": TABLE},
        GOOD | {"Action": "dynamodb:*"},
        GOOD | {"Action": "*"},
        GOOD | {"Resource": "*"},
        GOOD | {"Condition": {"StringLike": {"dynamodb:LeadingKeys": ["APP#*"]}}},
        GOOD | {"Condition": {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["APP#*"]}}},
        GOOD | {"Condition": {"ForAllValues:StringLike": {"dynamodb:Attributes": ["pk"]}}},
        GOOD | {"Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["APP#*"]}}},
        GOOD | {"Condition": {**GOOD["Condition"], "Null": {"dynamodb:LeadingKeys": "false"}}},
        # It has no leading keys, and so `ForAllValues` would be true.
        GOOD | {"Action": "dynamodb:Scan"},
        GOOD | {"Action": ["dynamodb:GetItem", "dynamodb:PartiQLSelect"]},
        GOOD | {"Action": "kms:Decrypt"},
    ],
    ids=str,
)
def test_what_is_not_understood_is_no_statement(statement: dict[str, Any]) -> None:
    """A policy that would mean something else on AWS is refused, and not guessed at."""
    with pytest.raises(ValueError, match="like no other"):
        Statement.of(statement)

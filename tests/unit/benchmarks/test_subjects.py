"""What passes for an answer that is worth measuring."""

import json
from typing import Any

import pytest

from benchmarks.subjects import is_refusal


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": 403, "body": "{}"},
        {"isAuthorized": False},
        {"statusCode": 200, "body": json.dumps({"active": False})},
        {"statusCode": 200, "body": json.dumps({"authenticated": False})},
    ],
)
def test_a_refusal_is_none(answer: dict[str, Any]) -> None:
    """With a status or without: a token that has ended costs less than one that is good."""
    assert is_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        {"isAuthorized": True, "context": {}},
        {"statusCode": 200, "body": json.dumps({"active": True})},
        {"statusCode": 204},
        {"statusCode": 200, "body": "no JSON"},
        {"statusCode": 200, "body": "[]"},
        [],
        None,
    ],
)
def test_anything_else_is_one(answer: object) -> None:
    """Whatever its form."""
    assert not is_refusal(answer)

"""The simulation of guessing: that it decides as the product does, and who gets in."""

import random
from typing import Any

import pytest

from benchmarks import guessing
from signet.aws.client import Refused
from signet.errors import TooManyAttempts
from tests.deployment import PASSWORD, Deployment


def test_it_decides_as_the_functions_do(moto_signet: Deployment) -> None:
    """The same tries at the same times have the same answers, by the store in memory and by moto."""
    signet, world, chance = moto_signet, guessing.World(), random.Random(7)  # noqa: S311 - no secret
    here = {"applicationId": signet.application_id}
    emails = [f"user{number}@example.com" for number in range(3)]
    for email in emails[:2]:
        world.add(email)
        signet.invoke("create_user", here | {"email": email, "password": PASSWORD})
    seen = set()
    for _ in range(120):
        seconds = chance.choice([0, 0, 0, 1, 7, 30, 90])
        signet.clock.advance(seconds)
        world.now_ms += seconds * 1000
        email, source = chance.choice(emails), chance.choice([None, "203.0.113.1", "2001:db8::1", "::1"])
        is_right = chance.random() < 0.2
        fields: dict[str, Any] = {"authMode": "emailPassword", "email": email}
        fields |= {} if source is None else {"sourceIp": source}
        answer: bool | int
        try:
            password = PASSWORD if is_right else "wrong"
            answer = signet.invoke("authenticate", here | fields | {"password": password})["authenticated"]
        except TooManyAttempts as refused:
            answer = refused.retry_after
        assert world.log_in(email, guessing.PASSWORD if is_right else "wrong", source) == answer
        seen.add("waits" if not isinstance(answer, bool) else str(answer))
    assert seen == {"waits", "True", "False"}


@pytest.mark.parametrize(
    ("scene", "most"),
    [
        (guessing.one_attacker, 10 + 30),
        (guessing.stuffing, 50 + 300 + 10),  # The right ones take nothing.
    ],
)
def test_half_an_hour_of_an_attack(scene: Any, most: int) -> None:
    """What gets through is what a bucket holds and what comes back; the owner's home is not shut out."""
    row = guessing.play(scene, guessing.HOUR // 2)
    assert row["got through"] <= most < row["guesses tried"]
    assert (row["known sources: got in"], row["longest wait, s"]) == ("1 of 1", 0)


def test_who_mistypes_waits_for_less_than_a_minute() -> None:
    """Where the source is known; on something new a minute for each mistake too many."""
    row = guessing.play(guessing.mistyping, guessing.DAY)
    assert row["known sources: got in"] == "2 of 2"
    assert 0 < row["longest wait, s"] <= 10
    assert row["longest wait there, s"] <= 60
    assert row["new sources: got in"] == "1 of 1"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("attribute_exists(a)", True),
        ("attribute_not_exists(a)", False),
        ("a = :one AND NOT contains(s, :x)", False),
        ("#name <= :one", True),
        ("a > :one", False),
        ("a < :two", True),
        ("b > :one", False),
        ("b <= :one", False),
        ("(attribute_not_exists(b) OR b <= :one) AND a BETWEEN :one AND :two", True),
        ("a BETWEEN :two AND :two", False),
    ],
)
def test_a_condition_means_what_it_means_to_dynamodb(condition: str, expected: bool) -> None:
    """What is not there is neither less nor greater than anything."""
    store = guessing.SimulatedDynamoDB()
    store.items["p", "s"] = {"pk": "p", "sk": "s", "a": 1, "s": frozenset({"x"})}
    request = {
        "Key": {"pk": {"S": "p"}, "sk": {"S": "s"}},
        "UpdateExpression": "SET a = a + :one REMOVE s",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#name": "a"},
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":two": {"N": "2"}, ":x": {"S": "x"}},
    }
    if expected:
        assert store.send("UpdateItem", request)["Attributes"]["a"] == {"N": "2"}
    else:
        with pytest.raises(Refused, match="ConditionalCheckFailed"):
            store.send("UpdateItem", request)

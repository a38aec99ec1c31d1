"""Makes the same calls with both clients of AWS and reports what differs: `make compare-clients`.

What an owner runs before `AwsClient: lean`. It asks the table and the key of `make run`, or the table that
TABLE_NAME names, and the key that KMS_KEY_ID names if it does, with the credentials of the environment. It
writes items of its own alone, under a partition key that nothing else has, and removes them.
"""

import os
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from signet.aws.client import AwsError, Client, Refused
from signet.wiring import make_client
from tools.built import CREDENTIALS
from tools.events import NoDemoError, read_demo

CLIENTS = ("boto3", "lean")

type Make = Callable[[str, str], Client]
"""Of a client's name and a service's."""

ITEM: dict[str, Any] = {
    "text": {"S": 'é "\\\u2028 \U0001f511'},
    "empty": {"S": ""},
    "large": {"N": "-1234567890123456789012345678901234567.8"},
    "small": {"N": "1E-30"},
    "bytes": {"B": bytes(range(256))},
    "no bytes": {"B": b""},
    "yes": {"BOOL": True},
    "none": {"NULL": True},
    "texts": {"SS": ["a", "é"]},
    "numbers": {"NS": ["1", "2.5"]},
    "blobs": {"BS": [b"\x00", b"\xff"]},
    "deep": {
        "M": {"B": {"S": "AQI="}, "L": {"L": [{"M": {"B": {"B": b"\x01"}}}, {"L": []}]}, "M": {"M": {}}}
    },
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and how it goes on from what was answered before.

    Attributes:
        name: What it tries.
        service: As `dynamodb`.
        operation: As `GetItem`.
        request: Its members, or what makes them of the answers before, by the calls' names.
        is_refused: Whether the service has to refuse it.
    """

    name: str
    service: str
    operation: str
    request: Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]
    is_refused: bool = False


def list_calls(table_name: str, pk: str, token: str, key_id: str | None) -> Iterator[Call]:
    """What both clients are to do, in this order.

    Args:
        table_name: A table of Signet's.
        pk: Where there are no items yet.
        token: A UUID that no transaction has had.
        key_id: A KMS key, if there is one to ask.
    """

    def key(sk: str) -> dict[str, Any]:
        return {"pk": {"S": pk}, "sk": {"S": sk}}

    def call(name: str, operation: str, *, is_refused: bool = False, **members: Any) -> Call:
        return Call(name, "dynamodb", operation, {"TableName": table_name, **members}, is_refused)

    absent = {
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    yield call("every type is written", "PutItem", Item=key("a") | ITEM)
    yield call("… and read", "GetItem", Key=key("a"), ConsistentRead=True)
    yield call("what is not there", "GetItem", Key=key("z"))
    yield call("a condition fails, and says on what", "PutItem", Item=key("a"), **absent, is_refused=True)
    yield call("an update gives what it made", "UpdateItem", Key=key("b"), **ADD, ReturnValues="ALL_NEW")
    yield call("… and again", "UpdateItem", Key=key("b"), **ADD, ReturnValues="UPDATED_OLD")
    yield call("300 KB are written", "PutItem", Item=key("c") | {"long": {"S": "é" * 150_000}})
    yield call("… and read", "GetItem", Key=key("c"), ConsistentRead=True)
    too_large = key("d") | {"long": {"S": "x" * 410_000}}
    yield call("more than an item can hold", "PutItem", Item=too_large, is_refused=True)
    asked: dict[str, Any] = {
        "ConsistentRead": True,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
        "Limit": 2,
    }
    yield call("a query's first page", "Query", **asked)
    yield Call(
        "… and its second",
        "dynamodb",
        "Query",
        lambda before: {
            "TableName": table_name,
            **asked,
            "ExclusiveStartKey": before["a query's first page"]["LastEvaluatedKey"],
        },
    )
    keys = {"Keys": [key("a"), key("b"), key("z")], "ConsistentRead": True}
    yield Call("a batch is read", "dynamodb", "BatchGetItem", {"RequestItems": {table_name: keys}})
    puts = [{"PutRequest": {"Item": key(sk)}} for sk in "ef"]
    yield Call("a batch is written", "dynamodb", "BatchWriteItem", {"RequestItems": {table_name: puts}})
    parts = [
        {"Put": {"TableName": table_name, "Item": key("g") | ITEM, **absent}},
        {"Update": {"TableName": table_name, "Key": key("b"), **ADD}},
        {"ConditionCheck": {"TableName": table_name, "Key": key("z"), **absent}},
        {"Delete": {"TableName": table_name, "Key": key("e")}},
    ]
    transaction = {"TransactItems": parts, "ClientRequestToken": token}
    yield Call("a transaction", "dynamodb", "TransactWriteItems", transaction)
    again = {"TransactItems": parts}
    yield Call("one that is cancelled, and why", "dynamodb", "TransactWriteItems", again, is_refused=True)
    yield call("a deletion gives what was there", "DeleteItem", Key=key("a"), ReturnValues="ALL_OLD")
    yield call("a key that is none", "GetItem", Key={"pk": {"S": ""}, "sk": {"S": "a"}}, is_refused=True)
    yield call(
        "an expression that is none", "UpdateItem", Key=key("b"), UpdateExpression="SET", is_refused=True
    )
    other = {"TableName": f"{table_name}-none", "Key": key("a")}
    yield Call("a table that is none", "dynamodb", "GetItem", other, is_refused=True)
    if key_id is not None:
        yield from _list_calls_of_kms(key_id)


def _list_calls_of_kms(key_id: str) -> Iterator[Call]:
    context = {"KeyId": key_id, "EncryptionContext": {"kid": "compare-clients"}}

    def decrypt(before: Mapping[str, Any]) -> dict[str, Any]:
        return {**context, "CiphertextBlob": before["a secret is encrypted"]["CiphertextBlob"]}

    yield Call("a secret is encrypted", "kms", "Encrypt", {**context, "Plaintext": bytes(range(256))})
    yield Call("… and decrypted", "kms", "Decrypt", decrypt)
    other = {"EncryptionContext": {"kid": "another one"}}
    yield Call(
        "… in another's name", "kms", "Decrypt", lambda before: decrypt(before) | other, is_refused=True
    )
    yield Call(
        "what is no secret", "kms", "Decrypt", {**context, "CiphertextBlob": b"no secret"}, is_refused=True
    )


ADD: dict[str, Any] = {
    "UpdateExpression": "ADD #n :one SET #t = :t",
    "ExpressionAttributeNames": {"#n": "n", "#t": "t"},
    "ExpressionAttributeValues": {":one": {"N": "1"}, ":t": {"B": b"\x00"}},
}


def compare(make: Make, table_name: str, key_id: str | None) -> tuple[int, list[str]]:
    """Make all calls with each client, one client after the other.

    Args:
        make: Makes a client.
        table_name: The table, in which nothing is left behind.
        key_id: A KMS key, if there is one to ask.

    Returns:
        How many calls there are, and a text for each that ends otherwise with one of them, or than it should.
    """
    pk = f"COMPARE-CLIENTS#{uuid.uuid4()}"
    services = ("dynamodb", "kms") if key_id else ("dynamodb",)
    # Both first: a client may refuse to be made.
    clients = [{service: make(name, service) for service in services} for name in CLIENTS]
    ends = []
    for own in clients:
        # DynamoDB would take a transaction with the same token for the same one.
        calls = list(list_calls(table_name, pk, str(uuid.uuid4()), key_id))
        try:
            ends.append(list(_run(own, calls)))
        finally:
            _clear(own["dynamodb"], table_name, pk)
            for client in own.values():
                client.transport.close()
    differences = [
        "\n    ".join((f"{number}. {call.name} ({call.operation}):", *_where_they_part(*map(str, both))))
        for number, (call, *both) in enumerate(zip(calls, *ends, strict=True), 1)
        if both[0] != both[1] or isinstance(both[0], dict) is call.is_refused
    ]
    return len(calls), differences


def _clear(client: Client, table_name: str, pk: str) -> None:
    for sk in "abcdefg":
        with suppress(AwsError):
            key = {"pk": {"S": pk}, "sk": {"S": sk}}
            client.call("DeleteItem", {"TableName": table_name, "Key": key})


def _where_they_part(*texts: str) -> Iterator[str]:
    """What each client says, from where they differ: an answer may be long."""
    same = next((at for at, both in enumerate(zip(*texts, strict=False)) if len(set(both)) > 1), 0)
    start = max(same - 60, 0)
    for name, text in zip(CLIENTS, texts, strict=True):
        yield f"{name}: {'…' if start else ''}{text[start : start + 200]}"


def _run(clients: Mapping[str, Client], calls: Iterable[Call]) -> Iterator[object]:
    """How each call ends."""
    answers: dict[str, Any] = {}
    for call in calls:
        try:
            request = call.request if isinstance(call.request, Mapping) else call.request(answers)
            answers[call.name] = clients[call.service].call(call.operation, request)
            yield _in_order(answers[call.name])
        except Refused as refused:
            has_id = refused.request_id is not None
            yield str(refused), refused.status, _in_order(dict(refused.details)), has_id
        except (AwsError, KeyError) as error:
            yield type(error).__name__, str(error)


def _in_order(part: Any) -> Any:
    """An answer without what differs from call to call: the order of sets and of batches, a ciphertext."""
    match part:
        case {"SS": list(values)} | {"NS": list(values)} | {"BS": list(values)}:
            return {name: sorted(values) for name in part}
        case {"Responses": dict(tables), **others}:
            found = {
                name: _in_order(sorted(items, key=lambda item: str(item["sk"])))
                for name, items in tables.items()
            }
            return {"Responses": found, **others}
        case {"CiphertextBlob": bytes(), **others}:
            return {"CiphertextBlob": "bytes", **others}
        case dict():
            return {name: _in_order(value) for name, value in part.items()}
        case list():
            return [_in_order(value) for value in part]
        case _:
            return part


def make(name: str, service: str) -> Client:
    """A client, as a function would have it with this parameter."""
    os.environ["AWS_CLIENT"] = name
    return make_client(service)


def main() -> int:
    """Compare both clients, and return the exit status: 0 where they do the same."""
    table_name, key_id = os.environ.get("TABLE_NAME"), os.environ.get("KMS_KEY_ID")
    if table_name is None:
        try:
            demo = read_demo()
        except NoDemoError as error:
            print(
                f"{error}, or name a table with TABLE_NAME=… (and a key with KMS_KEY_ID=…)", file=sys.stderr
            )
            return 2
        table_name, key_id = demo["tableName"], demo["kmsKeyId"]
        os.environ |= {
            "AWS_ENDPOINT_URL": demo["lambdaEndpointUrl"],
            "AWS_ENDPOINT_URL_DYNAMODB": demo["awsEndpointUrl"],
            "AWS_REGION": "us-east-1",
            **CREDENTIALS,
        }
    try:
        calls, differences = compare(make, table_name, key_id)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    for difference in differences:
        print(difference)
    print(f"{table_name}: {calls} calls with each of {' and '.join(CLIENTS)}, {len(differences)} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

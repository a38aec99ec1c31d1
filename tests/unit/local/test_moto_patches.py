"""The embedded AWS spends what a request needs, and a transaction is still one."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from moto.dynamodb.models.dynamo_type import Item

from signet import wiring
from signet.aws.client import Client, Refused
from signet.aws.lean import LeanTransport

if TYPE_CHECKING:
    from tests.deployment import Deployment

SIZE = 40


@pytest.fixture
def signet(moto_signet: Deployment) -> Deployment:
    """A deployment with items of one partition, and one of another."""
    for number in range(SIZE):
        moto_signet.put_item(item("many", number))
    moto_signet.put_item(item("other", 0))
    return moto_signet


def item(partition: str, number: int, **attributes: Any) -> dict[str, Any]:
    index = {"list_pk": {"S": "list"}, "list_sk": {"S": f"{SIZE - number:02}"}}
    return (
        key(partition, number) | index | {"count": {"N": "1"}, "map": {"M": {"a": {"S": "b"}}}} | attributes
    )


def key(partition: str, number: int) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": f"{number:02}"}}


def write(signet: Deployment, *writes: dict[str, Any]) -> None:
    items = [
        {kind: one | {"TableName": signet.table_name} for kind, one in write.items()} for write in writes
    ]
    wiring.table().client.call("TransactWriteItems", {"TransactItems": items})


def change(number: int, expression: str = "SET #m.a = :new ADD #c :one") -> dict[str, Any]:
    names, values = {"#m": "map", "#c": "count"}, {":new": {"S": "c"}, ":one": {"N": "1"}}
    return {
        "Update": {
            "Key": key("many", number),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
    }


def test_a_transaction_that_fails_changes_nothing(signet: Deployment) -> None:
    """Whatever was changed, within an item too, made or taken away before the write that fails is undone."""
    before = signet.items()
    absent = {"Key": key("absent", 0), "ConditionExpression": "attribute_exists(pk)"}
    with pytest.raises(Refused, match="ConditionalCheckFailed"):
        write(
            signet,
            change(0),
            {"Put": {"Item": item("many", 1, count={"N": "7"})}},
            {"Put": {"Item": item("new", 0)}},
            {"Delete": {"Key": key("many", 2)}},
            {"ConditionCheck": absent},
        )
    assert signet.items() == before
    write(signet, change(0), {"Delete": {"Key": key("many", 2)}})
    changed = item("many", 0, count={"N": "2"}, map={"M": {"a": {"S": "c"}}})
    assert signet.items() == [
        changed if one == item("many", 0) else one for one in before if one != item("many", 2)
    ]


def test_a_write_copies_no_other_item(signet: Deployment) -> None:
    """However many there are: moto copies the whole table for each write of a transaction."""
    real = Item.__deepcopy__
    with mock.patch.object(Item, "__deepcopy__", autospec=True, side_effect=real) as copied:
        write(signet, *map(change, range(10)))
    assert copied.call_count <= 3 * 10


def test_an_expression_means_the_same_when_it_is_asked_again(signet: Deployment) -> None:
    """Whatever it did before, to the same item and with other values."""
    signet.put_item(item("many", 0, letters={"L": [{"S": letter} for letter in "abcdef"]}))
    for added, word, left, sum_of_all in ((1, "x", "bdef", 2), (2, "y", "df", 4)):
        request = {
            "TableName": signet.table_name,
            "Key": key("many", 0),
            "UpdateExpression": "REMOVE letters[0], letters[2] SET #m.a = :word ADD #c :added",
            "ExpressionAttributeNames": {"#m": "map", "#c": "count"},
            "ExpressionAttributeValues": {":word": {"S": word}, ":added": {"N": str(added)}},
            "ReturnValues": "ALL_NEW",
        }
        new = wiring.table().client.call("UpdateItem", request)["Attributes"]
        assert "".join(one["S"] for one in new["letters"]["L"]) == left
        assert (new["map"]["M"]["a"], new["count"]) == ({"S": word}, {"N": str(sum_of_all)})


def test_a_query_finds_its_partition_in_order(signet: Deployment) -> None:
    """Of the table and of an index, forwards and backwards, from any place on."""
    query = {"TableName": signet.table_name, "ExpressionAttributeValues": {":p": {"S": "many"}}}
    whole = query | {"KeyConditionExpression": "pk = :p", "ConsistentRead": True}
    found = numbers(whole)
    assert found == list(range(SIZE))
    assert numbers(whole | {"ScanIndexForward": False}) == found[::-1]
    assert numbers(whole | {"ExclusiveStartKey": key("many", 30), "Limit": 5}) == found[31:36]
    values = {":p": {"S": "list"}, ":from": {"S": "03"}}
    listed = {"IndexName": "by_application", "KeyConditionExpression": "list_pk = :p AND list_sk <= :from"}
    assert numbers(query | listed | {"ExpressionAttributeValues": values}) == [SIZE - 1, SIZE - 2, SIZE - 3]


@pytest.mark.parametrize(
    "expression", ["pk", "pk, #count, absent", "#map, list_sk", "sk, #map.a", "#map.absent"]
)
def test_an_item_has_what_is_asked_of_it(signet: Deployment, expression: str) -> None:
    """And is not converted for it, but where a path leads into an attribute: moto does so for each name."""
    names = {f"#{name}": name for name in ("count", "map") if f"#{name}" in expression}
    query = {
        "TableName": signet.table_name,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "many"}},
        "ProjectionExpression": expression,
        **({"ExpressionAttributeNames": names} if names else {}),
    }
    real = Item.to_regular_json
    with mock.patch.object(Item, "to_regular_json", autospec=True, side_effect=real) as converted:
        found = wiring.table().client.call("Query", query)["Items"]
    paths = [path.replace("#", "").split(".") for path in expression.split(", ")]
    whole = [item("many", number) for number in range(SIZE)]
    assert found == [dict(filter(None, (part(one, *path) for path in paths))) for one in whole]
    assert bool(converted.call_count) == ("." in expression)


def part(whole: dict[str, Any], name: str, *inner: str) -> tuple[str, Any] | None:
    """An attribute as an item has it, or the part of it that is asked for."""
    if name not in whole or (inner and inner[0] not in whole[name]["M"]):
        return None
    return name, {"M": {inner[0]: whole[name]["M"][inner[0]]}} if inner else whole[name]


def test_an_index_gives_its_keys(signet: Deployment) -> None:
    """Those of the table too, and nothing else."""
    query = {
        "TableName": signet.table_name,
        "IndexName": "by_application",
        "KeyConditionExpression": "list_pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "list"}},
        "Limit": 1,
    }
    (found,) = wiring.table().client.call("Query", query)["Items"]
    assert found.keys() == {"pk", "sk", "list_pk", "list_sk"}


def numbers(request: dict[str, Any]) -> list[int]:
    return [int(one["sk"]["S"]) for one in wiring.table().client.call("Query", request)["Items"]]


@pytest.mark.usefixtures("signet")
def test_a_connection_stays_open() -> None:
    """As AWS lets it, so that a request costs no connection and no thread."""
    transport = LeanTransport("dynamodb")
    client = Client(transport)
    client.call("ListTables", {})
    connections = list(transport._idle)
    assert connections
    client.call("ListTables", {})
    assert transport._idle == connections
    transport.close()


def test_but_not_behind_a_body_that_nobody_read(aws: dict[str, str]) -> None:
    """What a refused caller sent is never taken for another request."""
    url = urlsplit(aws["AWS_ENDPOINT_URL_DYNAMODB"])
    connection = http.client.HTTPConnection(url.netloc)
    connection.request("POST", "/", b"GET / HTTP/1.1\r\n\r\n", {"origin": "https://evil.example"})
    answer = connection.getresponse()
    assert (answer.status, answer.read(), answer.will_close) == (403, b"", True)
    connection.close()


def test_every_type_comes_back_as_it_went_in(moto_signet: Deployment) -> None:
    """At the top of an item, in a map and in a list."""
    plain: dict[str, Any] = {
        "s": {"S": "a"},
        "empty": {"S": ""},
        "n": {"N": "1.5"},
        "b": {"B": b"\x00\x01\x02"},
        "bool": {"BOOL": False},
        "null": {"NULL": True},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2"]},
        "bs": {"BS": [b"\x00\x01\x02", b"\x03"]},
        "l": {"L": []},
        "m": {"M": {}},
    }
    nested = plain | {"map": {"M": plain | {"list": {"L": [*plain.values(), {"M": plain}]}}}}
    moto_signet.put_item(key("types", 0) | nested)
    request = {"TableName": moto_signet.table_name, "Key": key("types", 0)}
    transport = LeanTransport("dynamodb")  # By way of JSON.
    assert Client(transport).call("GetItem", request)["Item"] == key("types", 0) | nested
    transport.close()

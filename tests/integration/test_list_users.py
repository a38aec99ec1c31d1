"""GET /applications/{applicationId}/experience/users."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from signet import wiring
from signet.domain import listing
from signet.domain.base64url import encode
from signet.domain.users import User
from signet.edge.fields import lists
from signet.store.groups import group_key
from signet.store.table import Table
from signet.store.users import find_fields, insert_user
from signet.usecases import listing as use_case
from tests.deployment import Deployment

DATES = ("created_at_ms", "updated_at_ms", "last_login_ms", "password_updated_at_ms")
NAMES = ["ann", "bob", "cat", "dan", "eve", "fay", "gus"]


def path(signet: Deployment) -> str:
    return f"/applications/{signet.application_id}/experience/users"


def get(signet: Deployment, **parameters: Any) -> Any:
    answer = signet.http("GET", f"{path(signet)}?{urlencode(parameters)}", headers=signet.bearer())
    assert answer.status == 200, answer.body
    return answer.json


def emails(listed: Any) -> list[str]:
    return [user["email"].partition("@")[0] for user in listed["items"]]


def insert(signet: Deployment, name: str, **more: Any) -> User:
    """Write a user without the cost of hashing a password."""
    now = signet.clock.milliseconds
    email = f"{name}@example.com"
    fields: dict[str, Any] = {
        "id": name.encode().hex().rjust(24, "0"),
        "email": email,
        "normal_email": email,
        "created_at_ms": now,
        "updated_at_ms": now,
    }
    user = User(**fields | more)
    insert_user(signet.tenant, user, "$argon2id$")
    return user


@pytest.fixture
def seven(signet: Deployment) -> Deployment:
    """A deployment with seven users."""
    for number, name in enumerate(NAMES):
        insert(
            signet,
            name,
            first_name=None if name == "cat" else name.capitalize(),
            last_name="Lee" if number % 2 else "Ray",
            tags={"plan": "free" if number < 4 else "paid"},
            created_at_ms=signet.clock.milliseconds + 1000 * (number % 3),
        )
    return signet


def test_a_list_follows_each_write(signet: Deployment) -> None:
    """A deployment on an engine waits for the index, so that no test meets one that lags."""
    for number, name in enumerate(NAMES, start=1):
        insert(signet, name)
        assert get(signet)["totalCount"] == number


def test_an_empty_list(signet: Deployment) -> None:
    """The envelope is Losant's, with its defaults."""
    assert get(signet) == {
        "items": [],
        "count": 0,
        "totalCount": 0,
        "perPage": 100,
        "page": 0,
        "filterField": None,
        "filter": None,
        "sortField": "email",
        "sortDirection": "asc",
        "applicationId": signet.application_id,
    }


def test_users_come_by_email_address(seven: Deployment) -> None:
    """Pages by offset, in both directions, with the count of all."""
    listed = get(seven)
    assert emails(listed) == NAMES
    assert (listed["count"], listed["totalCount"]) == (7, 7)
    assert "nextToken" not in listed
    assert "totalCountIsLowerBound" not in listed
    shown = seven.http("GET", f"{path(seven)}/{listed['items'][0]['id']}", headers=seven.bearer()).json
    assert listed["items"][0] == shown
    assert emails(get(seven, perPage=3)) == ["ann", "bob", "cat"]
    assert emails(get(seven, perPage=3, page=2)) == ["gus"]
    assert emails(get(seven, perPage=3, page=3)) == []
    assert emails(get(seven, perPage=3, sortDirection="desc")) == ["gus", "fay", "eve"]
    assert emails(get(seven, sortField="email", filterField="", filter="", _actions="false")) == NAMES


def test_a_walk_by_cursor_gives_each_user_once(seven: Deployment) -> None:
    """An empty token begins a walk; each page hands on the next token, and the last has none."""
    for direction, expected in (("asc", NAMES), ("desc", NAMES[::-1])):
        token, seen, totals = "", [], []
        while True:
            listed = get(seven, perPage=3, nextToken=token, sortDirection=direction)
            seen += emails(listed)
            totals.append((listed["totalCount"], listed.get("totalCountIsLowerBound", False)))
            if "nextToken" not in listed:
                break
            token = listed["nextToken"]
        assert seen == expected
        assert totals == [(3, True), (6, True), (7, False)]


def test_a_page_by_offset_hands_on_to_a_walk(seven: Deployment) -> None:
    """The nextToken of a page by offset goes on where the page ends."""
    first = get(seven, perPage=3)
    assert emails(get(seven, perPage=3, nextToken=first["nextToken"])) == ["dan", "eve", "fay"]
    selected = get(seven, perPage=3, nextToken=first["nextToken"], filterField="email", filter="*a*y*")
    assert emails(selected) == ["fay"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"sortField": "email", "sortDirection": "desc"}, NAMES[::-1]),
        ({"sortField": "firstName"}, ["ann", "bob", "dan", "eve", "fay", "gus", "cat"]),
        (
            {"sortField": "firstName", "sortDirection": "desc"},
            ["gus", "fay", "eve", "dan", "bob", "ann", "cat"],
        ),
        ({"sortField": "lastName"}, ["bob", "dan", "fay", "ann", "cat", "eve", "gus"]),
        ({"sortField": "creationDate"}, ["ann", "dan", "gus", "bob", "eve", "cat", "fay"]),
        ({"filterField": "email", "filter": "*A*@EXAMPLE.com"}, ["ann", "cat", "dan", "fay"]),
        ({"filterField": "firstName", "filter": "*"}, NAMES),
        ({"filterField": "firstName", "filter": "ANN"}, ["ann"]),
        ({"filterField": "lastName", "filter": "lee", "perPage": 2, "page": 1}, ["fay"]),
        ({"query": '{"userTags": {"plan": "paid"}}'}, ["eve", "fay", "gus"]),
        (
            {"query": '{"$or": [{"email": "ANN@example.com"}, {"firstName": {"$in": ["Gus"]}}]}'},
            ["ann", "gus"],
        ),
        ({"query": '{"firstName": null}'}, ["cat"]),
        ({"query": '{"lastName": "Lee"}', "filterField": "email", "filter": "b*"}, ["bob", "dan", "fay"]),
        ({"query": '{"lastName": "Lee"}', "filter": "b*"}, ["bob", "dan", "fay"]),
        ({"query": '{"lastName": "Lee"}', "experienceGroupId": "any"}, ["bob", "dan", "fay"]),
        ({"query": "", "filterField": "email", "filter": "b*"}, ["bob"]),
        ({"sortField": "email", "sortDirection": "DESC"}, NAMES[::-1]),
        ({"experienceGroupId": "none"}, NAMES),
        ({"experienceGroupId": "any"}, []),
        ({"experienceGroupId": "f" * 24}, []),
        ({"experienceGroupId": ""}, NAMES),
    ],
    ids=str,
)
def test_sorts_filters_and_queries(
    seven: Deployment, parameters: dict[str, Any], expected: list[str]
) -> None:
    """Every order and selection of the contract; who has no value comes last."""
    listed = get(seven, **parameters)
    assert emails(listed) == expected
    if "perPage" not in parameters:
        assert listed["totalCount"] == len(expected)
    shown: dict[str, Any] = {
        "sortField": "email",
        "sortDirection": "asc",
        "filterField": None,
        "filter": None,
    }
    shown |= {name: value or None for name, value in parameters.items() if name in shown}
    assert {name: listed[name] for name in shown} == shown | {"sortDirection": shown["sortDirection"].lower()}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"page": -1}, "page: must be"),
        ({"page": "x"}, "page: must be a whole number from 0"),
        ({"page": ""}, "page: must be a whole number from 0"),
        ({"perPage": 0}, "perPage: must be"),
        ({"perPage": 1001}, "perPage: must be a whole number from 1 to 1000"),
        ({"sortField": "password"}, "sortField: must be"),
        ({"sortDirection": "up"}, "sortDirection: must be 'asc' or 'desc'"),
        ({"filterField": "password", "filter": "*"}, "filterField: must be"),
        ({"filter": "a*"}, "filter: needs a filterField"),
        (
            {"experienceGroupId": "nonsense"},
            "experienceGroupId: must be a group's id of 24 hex digits, any or none",
        ),
        ({"query": '{"age": 5}'}, "query: does not support the field 'age'"),
        ({"query": '{"email": {"$regex": "a"}}'}, "query: does not support the operator '$regex'"),
        ({"query": json.dumps({"$or": [{"email": "a"}] * 33})}, "query: has more than 32 terms"),
        ({"query": '{"email": "\\ud800"}'}, "query: holds half of a surrogate pair"),
        ({"filterField": "email", "filter": "a*" * 33}, "filter: has 33 stars"),
        ({"nextToken": "nonsense"}, "nextToken: is no token of a list"),
        ({"nextToken": encode(b'["\\ud800", "ffffffffffffffffffffffff", 0]')}, "nextToken: is no token"),
        ({"nextToken": encode(b'["E#a", "\\udfff", 0]')}, "nextToken: is no token of a list"),
        ({"nextToken": encode(json.dumps(["E#a", "x" * 2000, 0]).encode())}, "nextToken: is no token"),
        ({"nextToken": encode(json.dumps(["x" * 1025, "f" * 24, 0]).encode())}, "nextToken: is no token"),
        ({"nextToken": "", "sortField": "firstName"}, "sortField: must be email where nextToken is given"),
    ],
    ids=str,
)
def test_what_a_list_cannot_do_is_a_400(signet: Deployment, parameters: dict[str, Any], words: str) -> None:
    """A parameter that is wrong or not supported is named, never left out of account."""
    answer = signet.http("GET", f"{path(signet)}?{urlencode(parameters)}", headers=signet.bearer())
    assert (answer.status, answer.json["type"]) == (400, "Validation")
    assert words in answer.json["message"]


def test_beyond_the_bound_only_a_walk_goes_on(seven: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more users than are looked at, the count is a lower bound and says so; the rest is for a walk."""
    monkeypatch.setattr(use_case, "MAX_EXAMINED", 6)
    listed = get(seven, perPage=3)
    assert emails(listed) == ["ann", "bob", "cat"]
    assert (listed["totalCount"], listed["totalCountIsLowerBound"]) == (6, True)
    last = get(seven, perPage=3, page=1)
    assert emails(get(seven, perPage=3, nextToken=last["nextToken"])) == ["gus"]
    for parameters in (
        {"perPage": 3, "page": 2},
        {"sortField": "firstName"},
        {"filterField": "email", "filter": "a*"},
        {"query": "{}"},
        {"experienceGroupId": "none"},
    ):
        answer = seven.http("GET", f"{path(seven)}?{urlencode(parameters)}", headers=seven.bearer())
        assert answer.status == 400, parameters
        assert "use nextToken or the export" in answer.json["message"]
        assert str(listing.MAX_EXAMINED) in answer.json["message"]
    assert emails(get(seven, nextToken="", filterField="email", filter="g*")) == ["gus"]


def test_a_cursor_of_another_application_shows_nothing_of_it(seven: Deployment) -> None:
    """A cursor holds a place, not a right: it is used within the application of the request alone."""
    token = get(seven, perPage=3)["nextToken"]
    seven.application_id, seven.api_token = seven.new_application()
    assert get(seven, nextToken=token)["items"] == []


def test_who_was_deleted_or_moved_is_listed_as_he_is_now(seven: Deployment) -> None:
    """The index gives places alone: what is shown is read from the users themselves."""
    users = {user["email"]: user["id"] for user in get(seven)["items"]}
    here = {"applicationId": seven.application_id}
    seven.invoke("delete_user", here | {"experienceUserId": users["ann@example.com"]})
    listed = get(seven)
    assert "ann" not in emails(listed)
    assert json.dumps(get(seven)).count("deleted") == 0


def test_a_walk_costs_the_same_at_every_page(seven: Deployment) -> None:
    """In a warm container, each page of a walk is one query and one batch."""
    get(seven)
    token = ""
    for _ in range(3):
        with seven.counted() as trips:
            listed = get(seven, perPage=3, nextToken=token)
        token = listed.get("nextToken", "")
        assert trips == ["dynamodb:Query", "dynamodb:BatchGetItem"]


def test_a_group_that_is_being_deleted_selects_nobody(signet: Deployment) -> None:
    """While its members are still being swept, a group is gone for lists as for everything else."""
    here = {"applicationId": signet.application_id}
    staff, guests = (signet.invoke("create_group", here | {"name": n})["id"] for n in ("Staff", "Guests"))
    for name, groups in (("ann", [staff]), ("bob", [staff, guests]), ("cat", [])):
        insert(signet, name, group_ids=tuple(sorted(groups)))
    assert emails(get(signet, experienceGroupId=staff)) == ["ann", "bob"]
    wiring.table().update(group_key(signet.application_id, staff), "SET deleting = :yes", {":yes": True})
    for parameters in ({}, {"nextToken": ""}):
        assert emails(get(signet, experienceGroupId=staff, **parameters)) == []
        assert emails(get(signet, experienceGroupId="any", **parameters)) == ["bob"]
        assert emails(get(signet, experienceGroupId="none", **parameters)) == ["ann", "cat"]
        assert [len(user["experienceGroups"]) for user in get(signet, **parameters)["items"]] == [0, 1, 0]


def test_ancestors_members_are_listed_with_a_groups_own(signet: Deployment) -> None:
    """`includeAncestorGroups` adds who belongs to the groups above, however it is written."""
    here = {"applicationId": signet.application_id}
    top = signet.invoke("create_group", here | {"name": "top"})["id"]
    middle = signet.invoke("create_group", here | {"name": "middle", "parentId": top})["id"]
    bottom = signet.invoke("create_group", here | {"name": "bottom", "parentId": middle})["id"]
    for name, groups in (("ann", [top]), ("bob", [middle]), ("cat", [bottom, top]), ("dan", [])):
        insert(signet, name, group_ids=tuple(sorted(groups)))
    for more in ({}, {"nextToken": ""}, {"sortField": "creationDate"}):
        assert emails(get(signet, experienceGroupId=bottom, **more)) == ["cat"]
        for unset in ("false", "False", "0", ""):
            listed = get(signet, experienceGroupId=bottom, includeAncestorGroups=unset, **more)
            assert emails(listed) == ["cat"], unset
        for given in ("true", "True", "1"):
            inherited = {"includeAncestorGroups": given, **more}
            assert emails(get(signet, experienceGroupId=bottom, **inherited)) == ["ann", "bob", "cat"]
            assert emails(get(signet, experienceGroupId=middle, **inherited)) == ["ann", "bob", "cat"]
            assert emails(get(signet, experienceGroupId=top, **inherited)) == ["ann", "cat"]
            assert emails(get(signet, experienceGroupId="none", **inherited)) == ["dan"]
            assert emails(get(signet, experienceGroupId="f" * 24, **inherited)) == []
    asked = {"experienceGroupId": bottom, "includeAncestorGroups": True}
    assert emails(signet.invoke("list_users", here | asked)) == ["ann", "bob", "cat"]
    with signet.counted() as trips:
        get(signet, nextToken="", **asked)
    assert trips == ["dynamodb:Query", *["dynamodb:BatchGetItem"] * 6]


def test_the_products_own_queries(seven: Deployment) -> None:
    """Documents as Losant's guide, schemas and Simple Mode write them, over the users' own fields."""
    here = {"applicationId": seven.application_id}
    everybody = get(seven)["items"]
    ann, bob = everybody[0], everybody[1]
    group = seven.invoke("create_group", here | {"name": "Staff", "experienceUserIds": [bob["id"]]})["id"]
    created = seven.clock.milliseconds
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"id": ann["id"].upper()}, ["ann"]),
        ({"firstName": {"$startsWith": "a", "$ci": True}}, ["ann"]),
        ({"$and": [{"lastName": "Lee"}, {"userTags": {"plan": "free"}}]}, ["bob", "dan"]),
        ({"$nor": [{"lastName": "Lee"}, {"firstName": None}]}, ["ann", "eve", "gus"]),
        ({"email": {"$in": ["ANN@example.com", "bob@EXAMPLE.com"]}}, ["ann", "bob"]),
        ({"userTags": {"$tagKey": "plan", "$tagValue": {"$in": ["paid", "trial"]}}}, ["eve", "fay", "gus"]),
        ({"userTags": {"$ne": {"plan": "free"}}}, ["eve", "fay", "gus"]),
        (
            {"$and": [{"creationDate": {"$gte": created + 1}}, {"creationDate": {"$lte": created + 1000}}]},
            ["bob", "eve"],
        ),
        ({"creationDate": ann["creationDate"]}, ["ann", "dan", "gus"]),
        ({"lastUpdated": {"$lt": "2000-01-01"}}, []),
        ({"lastLogin": None, "passwordLastUpdated": {"$eq": None}}, NAMES),
        ({"experienceGroupId": group}, ["bob"]),
        ({"experienceGroupId": {"$nin": [group, "f" * 24]}}, [name for name in NAMES if name != "bob"]),
        ({"experienceGroupId": {"$ne": None}}, ["bob"]),
    ]
    for query, expected in cases:
        text = json.dumps(query)
        assert emails(get(seven, query=text)) == expected, query
        assert emails(get(seven, query=text, nextToken="")) == expected, query
        assert emails(get(seven, query=text, experienceGroupId="any", filter="x")) == expected, query


def test_a_query_sees_no_group_that_is_being_deleted(signet: Deployment) -> None:
    """Under every operator, whoever belongs to nothing else belongs to none."""
    here = {"applicationId": signet.application_id}
    staff, guests = (signet.invoke("create_group", here | {"name": n})["id"] for n in ("Staff", "Guests"))
    for name, groups in (("ann", [staff]), ("bob", [staff, guests]), ("cat", [])):
        insert(signet, name, group_ids=tuple(sorted(groups)))
    wiring.table().update(group_key(signet.application_id, staff), "SET deleting = :yes", {":yes": True})
    for condition, expected in (
        (staff, []),
        ({"$ne": staff}, ["ann", "bob", "cat"]),
        ({"$in": [staff, guests]}, ["bob"]),
        (None, ["ann", "cat"]),
        ({"$gte": "0" * 24}, ["bob"]),
    ):
        query = json.dumps({"experienceGroupId": condition})
        assert emails(get(signet, query=query)) == expected
        assert emails(get(signet, query=query, nextToken="")) == expected


def test_an_answer_that_is_too_large_for_lambda_is_a_400(
    seven: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of more than Lambda can hand over says so, instead of failing."""
    monkeypatch.setattr(lists, "MAX_ANSWER_BYTES", 1000)
    answer = seven.http("GET", path(seven), headers=seven.bearer())
    assert (answer.status, answer.json["type"]) == (400, "Validation")
    assert "perPage: gives an answer of" in answer.json["message"]
    assert emails(get(seven, perPage=1)) == ["ann"]


def test_each_field_can_be_asked_for_and_sorted_by(signet: Deployment) -> None:
    """Each is read where it decides: what a user is shown with selects it, and who has none comes last."""
    group = signet.invoke("create_group", {"applicationId": signet.application_id, "name": "Staff"})["id"]
    insert(signet, "bob")
    later = dict.fromkeys(DATES, signet.clock.milliseconds + 1000)
    given = {"first_name": "Zoe", "last_name": "Lee", "tags": {"plan": "free"}, "group_ids": (group,)}
    insert(signet, "zoe", **given, **later)
    bob, zoe = get(signet)["items"]
    asked = zoe | {"experienceGroupId": group}
    for name in use_case.FIELDS:
        assert (name, get(signet, query=json.dumps({name: asked[name]}))["items"]) == (name, [zoe])
    for name in ("email", "id", "creationDate", "lastUpdated"):
        assert (name, get(signet, sortField=name)["items"]) == (name, [bob, zoe])
        assert (name, get(signet, sortField=name, sortDirection="desc")["items"]) == (name, [zoe, bob])
    for name in ("firstName", "lastName", "lastLogin"):
        assert (name, get(signet, sortField=name)["items"]) == (name, [zoe, bob])


def test_what_does_not_decide_is_not_read(signet: Deployment) -> None:
    """Of twenty thousand users, most of the time goes into attributes."""
    now = signet.clock.milliseconds
    user = insert(signet, "ann", first_name="Ann", last_name="Lee", tags={"plan": "free"})
    read = find_fields(signet.tenant, [user.id, "f" * 24], ["id", "first_name"])
    assert read == {user.id: User(id=user.id, first_name="Ann", created_at_ms=now, updated_at_ms=0)}


def test_who_has_no_value_stands_in_the_order_of_addresses(
    seven: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever order DynamoDB answers a batch in, so that pages neither repeat nor omit anybody."""
    find_all = Table.find_all
    monkeypatch.setattr(Table, "find_all", lambda *given: dict([*find_all(*given).items()][::-1]))
    assert emails(get(seven, sortField="lastLogin")) == NAMES

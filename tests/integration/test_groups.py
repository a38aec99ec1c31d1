"""POST, GET, PATCH and DELETE /applications/{applicationId}/experience/groups."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest

from signet import wiring
from signet.aws.client import NoAnswer
from signet.domain.users import User
from signet.edge.fields.groups import CreateGroup
from signet.errors import GroupNotFound, InvalidRequest, Unavailable
from signet.store import groups as store
from signet.store import listing
from signet.store.attributes import Item, from_attributes
from signet.store.groups import find_family, find_group
from signet.store.listing import find_with_members, member_ids
from signet.store.table import Table
from signet.store.users import StaleError, find_users, insert_user
from signet.usecases import group_listing
from signet.usecases import groups as use_cases
from tests.deployment import Cloud, Deployment, Response
from tools.audit_table import audit

CREATED = "2027-01-15T08:00:00.123Z"
LATER = "2027-01-15T08:00:01.123Z"
UNKNOWN = "f" * 24


def path(signet: Deployment, group_id: str = "") -> str:
    return f"/applications/{signet.application_id}/experience/groups" + (f"/{group_id}" if group_id else "")


def send(signet: Deployment, method: str, group_id: str = "", body: object = None) -> Response:
    return signet.http(method, path(signet, group_id), body, headers=signet.bearer())


def create(signet: Deployment, name: str = "Editors", **more: Any) -> Any:
    answer = send(signet, "POST", body={"name": name, **more})
    assert answer.status == 201, answer.body
    return answer.json


def group_id(signet: Deployment, name: str = "Editors", **more: Any) -> str:
    identifier: str = create(signet, name, **more)["id"]
    return identifier


def get(signet: Deployment, identifier: str) -> Any:
    answer = send(signet, "GET", identifier)
    assert answer.status == 200, answer.body
    return answer.json


def patch(signet: Deployment, identifier: str, **body: Any) -> Any:
    answer = send(signet, "PATCH", identifier, body)
    assert answer.status == 200, answer.body
    return answer.json


def delete(signet: Deployment, identifier: str) -> None:
    answer = send(signet, "DELETE", identifier, {})
    assert (answer.status, answer.json) == (200, {"success": True})


def refused(answer: Response, *words: str) -> None:
    assert (answer.status, answer.json["type"]) == (400, "Validation"), answer.body
    assert all(word in answer.json["message"] for word in words), answer.json["message"]


def make_users(signet: Deployment, count: int, **more: Any) -> list[str]:
    """Users without the time that hashing their passwords would take."""
    users = [
        User(
            id=f"{number:024x}",
            email=f"{number}@example.com",
            normal_email=f"{number}@example.com",
            created_at_ms=signet.clock.milliseconds,
            updated_at_ms=signet.clock.milliseconds,
            **more,
        )
        for number in range(count)
    ]
    for user in users:
        insert_user(signet.tenant, user, "no hash")
    return [user.id for user in users]


def user_path(signet: Deployment, user_id: str) -> str:
    return f"/applications/{signet.application_id}/experience/users/{user_id}"


def get_user(signet: Deployment, user_id: str) -> Any:
    return signet.http("GET", user_path(signet, user_id), headers=signet.bearer()).json


def patch_user(signet: Deployment, user_id: str, **body: Any) -> Response:
    return signet.http("PATCH", user_path(signet, user_id), body, headers=signet.bearer())


def groups_of(signet: Deployment, user_id: str) -> list[Any]:
    groups: list[Any] = get_user(signet, user_id)["experienceGroups"]
    return groups


def items(signet: Deployment) -> list[Item]:
    return [from_attributes(item) for item in signet.items()]


def faults(signet: Deployment) -> list[str]:
    """What does not fit together, children included."""
    held = items(signet)
    groups = {item["pk"]: item for item in held if item["sk"] == "GROUP"}
    expected = {
        (pk.rpartition("#")[0] + "#" + group["parent_id"], "CHILD#" + group["group_id"])
        for pk, group in groups.items()
        if "parent_id" in group
    }
    found = {(item["pk"], item["sk"]) for item in held if item["sk"].startswith("CHILD#")}
    strays = [f"{pk} has {sk}" for pk, sk in sorted(expected ^ found)]
    unlisted = [pk for pk, group in groups.items() if ("list_pk" in group) == ("deleting" in group)]
    return audit(held) + strays + unlisted


def leftovers(signet: Deployment, identifier: str) -> list[Item]:
    return [item for item in items(signet) if identifier in repr(item)]


@pytest.fixture
def signet(signet: Deployment) -> Iterator[Deployment]:
    """After every test the table holds no orphan."""
    yield signet
    assert faults(signet) == []


@pytest.fixture
def moto_signet(moto_signet: Deployment) -> Iterator[Deployment]:
    """The same on moto alone."""
    yield moto_signet
    assert faults(moto_signet) == []


def test_a_new_group(signet: Deployment) -> None:
    """Creating answers 201 with the group as Losant's clients read it, and looking at it gives the same."""
    (user_id,) = make_users(signet, 1)
    parent = group_id(signet, "Staff")
    group = create(
        signet,
        description="Who may edit",
        parentId=parent,
        groupTags={"plan": "free"},
        experienceUserIds=[user_id],
    )
    identifier = group["id"]
    assert re.fullmatch(r"[0-9a-f]{24}", identifier)
    assert group == {
        "id": identifier,
        "experienceGroupId": identifier,
        "applicationId": signet.application_id,
        "creationDate": CREATED,
        "lastUpdated": CREATED,
        "name": "Editors",
        "description": "Who may edit",
        "parentId": parent,
        "ancestorIds": [parent],
        "groupTags": {"plan": "free"},
        "experienceUserIds": [user_id],
    }
    assert get(signet, identifier) == group
    assert groups_of(signet, user_id) == [{"id": identifier, "name": "Editors", "parentId": parent}]


def test_the_usual_extra_parameters_and_headers_of_clients_do_no_harm(signet: Deployment) -> None:
    """Losant's clients send query parameters and headers of their own; they change nothing."""
    extra = "?_actions=false&_links=true&_embedded=true"
    headers = {**signet.bearer(), "accept-version": "^1.20.0", "accept": "application/json"}
    made = signet.http("POST", path(signet) + extra, {"name": "Editors"}, headers=headers)
    assert made.status == 201
    own = path(signet, made.json["id"]) + extra
    assert signet.http("GET", own, headers=headers).json == made.json
    assert signet.http("PATCH", own, {}, headers=headers).json == made.json
    assert signet.http("GET", path(signet) + extra, headers=headers).json["count"] == 1
    deleted = signet.http("DELETE", own, {}, headers=headers)
    assert (deleted.status, deleted.json) == (200, {"success": True})


def test_an_update_changes_what_is_given_and_nothing_else(signet: Deployment) -> None:
    """Each field can be changed by itself; tags are replaced, null takes away what may be absent."""
    parent = group_id(signet, "Staff")
    before = create(signet, description="d", parentId=parent, groupTags={"a": "1"})
    identifier = before["id"]
    signet.clock.advance(1)
    renamed = patch(signet, identifier, name="Authors")
    assert renamed == before | {"name": "Authors", "lastUpdated": LATER}
    changed = patch(signet, identifier, description=None, parentId=None, groupTags={"b": "2"})
    alone: dict[str, Any] = {"parentId": None, "ancestorIds": []}
    assert changed == renamed | alone | {"description": None, "groupTags": {"b": "2"}}
    back = patch(signet, identifier, parentId=parent)
    assert back == changed | {"parentId": parent, "ancestorIds": [parent]}
    assert get(signet, identifier) == back


def test_giving_back_what_was_read_changes_nothing(signet: Deployment) -> None:
    """A GET's answer may be sent as a PATCH: what cannot be changed is ignored, and nothing is written."""
    user_ids = make_users(signet, 2)
    parent = group_id(signet, "Staff")
    group = create(signet, description="d", parentId=parent, experienceUserIds=user_ids)
    before = signet.items()
    signet.clock.advance(1)
    assert patch(signet, group["id"], **group) == group
    assert patch(signet, group["id"]) == group
    assert signet.items() == before
    other = group_id(signet, "Other")
    refused(send(signet, "PATCH", other, group), "experienceGroupId: is not what the path says")
    refused(send(signet, "PATCH", other, {"id": group["id"]}), "id: is another group's")
    assert patch(signet, group["id"].upper(), **group) == group
    direct = {"applicationId": signet.application_id, "experienceGroupId": other, "id": group["id"]}
    with pytest.raises(InvalidRequest, match="id: is another group's"):
        signet.invoke("update_group", direct)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": ""}, ["name: must"]),
        ({"name": None}, ["name: must not be null"]),
        ({"name": "x" * 256}, ["name: must", "255"]),
        ({"description": 5}, ["description: must be a string"]),
        ({"parentId": "nonsense"}, ["parentId: is 'nonsense'", "24"]),
        ({"parentId": UNKNOWN}, [f"parentId: there is no group {UNKNOWN}"]),
        ({"groupTags": None}, ["groupTags: must not be null"]),
        ({"groupTags": {"a b": "1"}}, ["groupTags"]),
        ({"groupTags": {"a": ""}}, ["groupTags.a"]),
        ({"groupTags": {"a": "x" * 256}}, ["groupTags.a", "255"]),
        ({"groupTags": {f"t{number}": "1" for number in range(65)}}, ["groupTags", "64"]),
        ({"experienceUserIds": None}, ["experienceUserIds: must not be null"]),
        ({"experienceUserIds": ["nonsense"]}, ["experienceUserIds: holds 'nonsense'", "ext:"]),
        ({"experienceUserIds": [UNKNOWN, "ext:9"]}, [f"there is no user ext:9, {UNKNOWN}"]),
        ({"experienceUserIds": [f"{n:024x}" for n in range(1001)]}, ["experienceUserIds", "1000"]),
        ({"experienceUserIds": [f"{n:024x}" for n in range(12)]}, ["and 2 more"]),
        ({"nam": "Editors"}, ["nam: is unknown"]),
        ({"deviceIds": ["f" * 24]}, ["deviceIds: is not supported"]),
        ({"deviceIds": False}, ["deviceIds: is not supported"]),
        ({"deviceTags": [{"key": "k"}]}, ["deviceTags: is not supported"]),
    ],
)
def test_a_wrong_field_is_named_and_changes_nothing(
    moto_signet: Deployment, body: dict[str, Any], words: list[str]
) -> None:
    """A refusal names the field and says what would be right, for a new group and for a change alike."""
    signet = moto_signet
    identifier = group_id(signet)
    before = signet.items()
    refused(send(signet, "PATCH", identifier, body), *words)
    refused(send(signet, "POST", body={"name": "Authors", **body}), *words)
    refused(send(signet, "POST", body={}), "name: is required")
    assert signet.items() == before


def test_the_largest_fields_are_taken(moto_signet: Deployment) -> None:
    """Every limit holds to its last character, in four bytes of UTF-8 each too."""
    signet = moto_signet
    name = "🦄" * 255
    tags = {("k" * 250 + f"{number}")[:255]: "v" * 100 for number in range(64)}
    assert create(signet, name, groupTags=tags)["groupTags"] == tags
    assert create(signet, "x", description="d" * 32_000)["description"] == "d" * 32_000
    CreateGroup.parse({"name": "x", "description": "d" * 32_767})
    user_ids = [f"{number:024x}" for number in range(1000)]
    refused(send(signet, "POST", body={"name": "x", "experienceUserIds": user_ids}), "there is no user")
    with pytest.raises(InvalidRequest, match="description"):
        CreateGroup.parse({"name": "x", "description": "d" * 32_768})
    assert names(list_groups(signet)) == ["x", name]


def test_description_and_tags_cost_nothing_where_they_are_not_shown(moto_signet: Deployment) -> None:
    """What a check and a user's answer read of a group stays within a read unit, and goes with the group."""
    signet = moto_signet
    (user_id,) = make_users(signet, 1)
    tags = {f"{number}".ljust(255, "k"): "v" * 255 for number in range(50)}
    parent = group_id(signet, "parent")
    group = create(signet, "🦄" * 255, description="d", parentId=parent, groupTags=tags)
    patch_user(signet, user_id, experienceGroupIds=[group["id"]])
    read: list[Item] = []
    real = wiring.table().client.call

    def call(operation: str, request: Any) -> Any:
        answer = real(operation, request)
        read.extend(item for found in answer.get("Responses", {}).values() for item in found)
        return answer

    with mock.patch.object(wiring.table().client, "call", call):
        assert groups_of(signet, user_id) == [{"id": group["id"], "name": "🦄" * 255, "parentId": parent}]
    assert [item["sk"] for item in read] == [{"S": "GROUP"}]
    assert len(json.dumps(read, ensure_ascii=False).encode()) < 4096
    assert patch(signet, group["id"], groupTags={}, description=None)["groupTags"] == {}
    assert get(signet, group["id"]) == patch(signet, group["id"])
    assert not [item for item in items(signet) if item["sk"] == "DETAILS"]
    patch(signet, group["id"], description="again")
    delete(signet, group["id"])
    assert leftovers(signet, group["id"]) == []


def test_a_group_is_shown_as_it_was_at_one_moment(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that met a change, and has half of each, is no answer: DynamoDB reads item by item."""
    signet = moto_signet
    kept = create(signet, "old", description="old", groupTags={"is": "old"})
    identifier = kept["id"]
    real = wiring.table().client.call

    def torn(operation: str, request: Any) -> Any:
        before = real(operation, request)
        if operation != "Query":
            return before
        monkeypatch.undo()
        patch(signet, identifier, name="new", description="new", groupTags={})
        after = real(operation, request)
        return after | {"Items": [*after["Items"][:1], *before["Items"][1:]]}

    monkeypatch.setattr(wiring.table().client, "call", torn)
    shown = get(signet, identifier)
    assert (shown["name"], shown["description"], shown["groupTags"]) == ("new", "new", {})
    monkeypatch.setattr(wiring.table().client, "call", torn)
    patch(signet, identifier, name="old", description="old", groupTags={"is": "old"})
    assert patch(signet, identifier) == kept


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_group_is_not_found(moto_signet: Deployment, method: str) -> None:
    """An id that does not exist is a 404, one of another application's group too, and nothing comes of it."""
    signet = moto_signet
    own_id, own_token = signet.application_id, signet.api_token
    signet.application_id, signet.api_token = signet.new_application()
    foreign = group_id(signet)
    signet.application_id, signet.api_token = own_id, own_token
    before = signet.items()
    for identifier in (UNKNOWN, foreign, "nonsense", "%2F", "x" * 3000):
        answer = send(signet, method, identifier, {"name": "Ghost"} if method == "PATCH" else None)
        assert (answer.status, answer.json["type"]) == (404, "NotFound")
    assert signet.items() == before


def test_a_cycle_of_parents_is_refused(signet: Deployment) -> None:
    """Neither itself nor any group below can be a group's parent, and the refusal names the circle."""
    top = group_id(signet, "top")
    middle = group_id(signet, "middle", parentId=top)
    bottom = group_id(signet, "bottom", parentId=middle)
    before = signet.items()
    refused(send(signet, "PATCH", top, {"parentId": top}), "parentId: would make a cycle", f"{top} → {top}")
    refused(send(signet, "PATCH", top, {"parentId": bottom}), f"{top} → {bottom} → {middle} → {top}")
    refused(send(signet, "PATCH", middle, {"parentId": bottom}), f"{middle} → {bottom} → {middle}")
    assert signet.items() == before
    # Moving within the tree and out of it is fine.
    assert patch(signet, bottom, parentId=top)["parentId"] == top
    assert patch(signet, middle, parentId=bottom)["parentId"] == bottom
    assert patch(signet, top)["parentId"] is None


def test_levels_are_bounded(moto_signet: Deployment) -> None:
    """A group is put on level 32 at most, be it new or moved."""
    signet = moto_signet
    chain = [group_id(signet, "1")]
    for level in range(2, 33):
        chain.append(group_id(signet, str(level), parentId=chain[-1]))
    before = signet.items()
    refused(send(signet, "POST", body={"name": "33", "parentId": chain[-1]}), "parentId: would put", "32")
    assert signet.items() == before
    loose = group_id(signet, "loose")
    refused(send(signet, "PATCH", loose, {"parentId": chain[-1]}), "parentId: would put", "32")
    assert patch(signet, loose, parentId=chain[-2])["parentId"] == chain[-2]


def test_members_are_set_from_either_side(signet: Deployment) -> None:
    """A group's members and a user's groups are one thing, right at once after any change."""
    ann, ben, cat = make_users(signet, 3)
    editors = group_id(signet, experienceUserIds=[ben, ann, ben])
    assert get(signet, editors)["experienceUserIds"] == [ann, ben]
    reference = [{"id": editors, "name": "Editors", "parentId": None}]
    assert groups_of(signet, ann) == groups_of(signet, ben) == reference
    assert patch(signet, editors, experienceUserIds=[ann, cat])["experienceUserIds"] == [ann, cat]
    assert groups_of(signet, ben) == []
    assert groups_of(signet, cat) == reference
    assert patch_user(signet, ann, experienceGroupIds=[]).status == 200
    assert patch_user(signet, ben, experienceGroupIds=[editors]).status == 200
    assert get(signet, editors)["experienceUserIds"] == [ben, cat]
    patch(signet, editors, name="Authors")
    assert groups_of(signet, ben) == [{"id": editors, "name": "Authors", "parentId": None}]
    assert patch(signet, editors, experienceUserIds=[])["experienceUserIds"] == []
    assert groups_of(signet, ben) == groups_of(signet, cat) == []
    patch(signet, editors, experienceUserIds=[cat])
    assert signet.http("DELETE", user_path(signet, cat), headers=signet.bearer()).status == 200
    assert get(signet, editors)["experienceUserIds"] == []


def test_joining_a_group_ends_no_token_and_dates_nobody_anew(signet: Deployment) -> None:
    """A user whom a group takes in or leaves out keeps its generation and its lastUpdated."""
    (user_id,) = make_users(signet, 1)
    before = get_user(signet, user_id)

    def generation() -> object:
        return next(item["generation"] for item in items(signet) if item["sk"] == "USER")

    was = generation()
    signet.clock.advance(1)
    editors = group_id(signet, experienceUserIds=[user_id])
    assert get_user(signet, user_id) | {"experienceGroups": []} == before
    delete(signet, editors)
    assert get_user(signet, user_id) == before
    assert generation() == was


def test_external_users_are_members_under_their_own_ids(moto_signet: Deployment) -> None:
    """A user with an id of the application's own stands as `ext:<id>` in what comes and what goes."""
    signet = moto_signet
    user = User(id="x:häß 1", created_at_ms=1, updated_at_ms=1, normal_email="x@example.com")
    insert_user(signet.tenant, user, "no hash")
    editors = create(signet, experienceUserIds=["ext:häß 1"])
    assert editors["experienceUserIds"] == ["ext:häß 1"]
    before = signet.items()
    assert patch(signet, editors["id"], **editors) == editors
    assert signet.items() == before
    delete(signet, editors["id"])


def test_a_user_with_a_hundred_groups_cannot_join_another(moto_signet: Deployment) -> None:
    """The refusal names the user, and nothing is written: not for the others either."""
    signet = moto_signet
    ann, ben = make_users(signet, 2)
    groups = [group_id(signet, str(number)) for number in range(100)]
    assert patch_user(signet, ben, experienceGroupIds=groups).status == 200
    before = signet.items()
    refused(
        send(signet, "POST", body={"name": "Editors", "experienceUserIds": [ann, ben]}),
        "experienceUserIds: at most 100 groups a user",
        ben,
    )
    assert signet.items() == before
    # Who belongs to it already is in the way of nothing.
    assert patch(signet, groups[0], experienceUserIds=[ann, ben])["experienceUserIds"] == [ann, ben]


def test_the_members_of_a_large_group_cannot_be_cut_off_by_mistake(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more members than an answer lists, a list that is sent back changes nothing or is refused."""
    signet = moto_signet
    for module in (use_cases, listing):
        monkeypatch.setattr(module, "MAX_MEMBERS_SHOWN", 2)
    ann, ben, cat, dan = make_users(signet, 4)
    editors = group_id(signet, experienceUserIds=[ann, ben])
    assert "experienceUserIdsTruncated" not in get(signet, editors)
    patch_user(signet, cat, experienceGroupIds=[editors])
    shown = get(signet, editors)
    assert (shown["experienceUserIds"], shown["experienceUserIdsTruncated"]) == ([ann, ben], True)
    before = signet.items()
    assert patch(signet, editors, **shown) == shown
    for user_ids in ([ann], [], [ann, ben, dan]):
        refused(
            send(signet, "PATCH", editors, {"name": "x", "experienceUserIds": user_ids}),
            "experienceUserIds: cannot be set where a group has more than 2 members",
            "experienceGroupIds",
        )
    assert signet.items() == before
    # Others left meanwhile: what was read is still not all that there was.
    patch_user(signet, ben, experienceGroupIds=[])
    refused(send(signet, "PATCH", editors, shown), "truncated")
    assert get(signet, editors)["experienceUserIds"] == [ann, cat]


@pytest.mark.engine_only("moto takes a minute over as many members")
def test_many_members_at_once(engine_cloud: Cloud) -> None:
    """More users than one read takes can be set, looked at and swept."""
    with engine_cloud.deploy() as signet:
        user_ids = make_users(signet, 201)
        with signet.counted() as trips:
            group = create(signet, experienceUserIds=user_ids)
        # The group, and thirty users each.
        assert trips.count("dynamodb:TransactWriteItems") == 1 + 7
        assert group["experienceUserIds"] == user_ids
        assert get(signet, group["id"]) == group
        delete(signet, group["id"])
        assert leftovers(signet, group["id"]) == []
        assert faults(signet) == []


def test_what_stopped_half_way_is_finished_by_the_same_request(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where setting members stops between two writes, each user is whole, and a repetition ends it."""
    signet = moto_signet
    monkeypatch.setattr(use_cases, "MOVED_AT_ONCE", 1)
    user_ids = make_users(signet, 4)
    editors = group_id(signet, experienceUserIds=user_ids[:2])
    write, left = Table.write, 2

    def crash(self: Table, *parts: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Unavailable("crash")
        write(self, *parts)

    with monkeypatch.context() as patching:
        patching.setattr(Table, "write", crash)
        body = {"experienceUserIds": user_ids[2:]}
        answer = send(signet, "PATCH", editors, body)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert (
        "2 of the 4 users who join or leave have done so. The same request goes on" in answer.json["message"]
    )
    assert faults(signet) == []
    assert get(signet, editors)["experienceUserIds"] == []
    assert patch(signet, editors, **body)["experienceUserIds"] == user_ids[2:]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_members_for_whom_the_time_does_not_reach(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """The 503 comes before the function is stopped, says how far it came and how to go on; so it does."""
    signet = moto_signet
    monkeypatch.setattr(use_cases, "MOVED_AT_ONCE", 1)
    user_ids = make_users(signet, 7)
    editors = "" if method == "POST" else group_id(signet)
    write = Table.write

    def slow(self: Table, *parts: Any) -> None:
        signet.clock.advance(6)
        write(self, *parts)

    body = {"name": "Editors", "experienceUserIds": user_ids}
    with monkeypatch.context() as patching:
        patching.setattr(Table, "write", slow)
        answer = send(signet, method, editors, body)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        done = 3 if method == "POST" else 4
        assert f"{done} of the 7 users who join or leave have done so." in answer.json["message"]
        if method == "POST":
            (editors,) = (group["id"] for group in list_groups(signet).json["items"])
            assert f"The group {editors} was made; a PATCH of it" in answer.json["message"]
        assert get(signet, editors)["experienceUserIds"] == user_ids[:done]
        assert patch(signet, editors, **body)["experienceUserIds"] == user_ids


def hit(
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    *,
    arrives: bool,
    request: Callable[[], Response],
) -> tuple[Response, bool]:
    """The answer to a request of which one call to DynamoDB fails, and whether it made so many calls."""
    client, number = wiring.table().client, -1
    real = client.call

    def call(operation: str, parameters: Any) -> Any:
        nonlocal number
        number += 1
        if number == at and not arrives:
            raise NoAnswer("lost on its way")
        answer = real(operation, parameters)
        if number == at:
            raise NoAnswer("its answer was lost")
        return answer

    with monkeypatch.context() as patching:
        patching.setattr(client, "call", call)
        answer = request()
    return answer, number >= at


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_whatever_call_fails_what_was_done_is_answered_or_can_be_finished(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, method: str, arrives: bool
) -> None:
    """The same request ends what stopped half-way; a new group that a 503 names is ended by a PATCH of it."""
    signet = moto_signet
    monkeypatch.setattr(use_cases, "MOVED_AT_ONCE", 2)
    user_ids = make_users(signet, 5)
    parent = group_id(signet, "parent")
    body = {"name": "new", "description": "d", "parentId": parent, "experienceUserIds": user_ids[1:]}
    statuses, at, was_reached = [], 0, True
    while was_reached:
        made = "" if method == "POST" else group_id(signet, "old", experienceUserIds=user_ids[:2])
        known = {group["id"] for group in list_groups(signet).json["items"]}

        def request() -> Response:
            return send(signet, method, made, {} if method == "DELETE" else body)  # noqa: B023

        answer, was_reached = hit(monkeypatch, at, arrives=arrives, request=request)
        statuses.append(answer.status)
        assert faults(signet) == []
        new = [group["id"] for group in list_groups(signet).json["items"] if group["id"] not in known]
        if method == "POST" and (new or answer.status == 201):
            # There is exactly one, and the client hears of it.
            (made,) = new
            assert made in answer.body.decode()
        if answer.status == 503:
            again = send(signet, "PATCH" if new else method, made, {} if method == "DELETE" else body)
            expected = {201} if method == "POST" and not new else {200, 404} if method == "DELETE" else {200}
            assert again.status in expected
            made = again.json["id"] if method == "POST" else made
        made = made or answer.json["id"]
        signet.waiting.clear()
        if method != "DELETE":
            assert get(signet, made)["experienceUserIds"] == user_ids[1:]
            assert get(signet, made)["description"] == "d"
        if send(signet, "DELETE", made, {}).status != 404:
            signet.waiting.clear()
        assert leftovers(signet, made) == []
        at += 1
    assert at > 4
    assert set(statuses) == {503, {"POST": 201}.get(method, 200)}


def test_a_further_invocation_that_cannot_go_on_fails_so_that_lambda_tries_it_again(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not begin one after the other while DynamoDB takes no writes."""
    signet = moto_signet
    editors = group_id(signet, experienceUserIds=make_users(signet, 2))
    use_cases.begin_removal(signet.tenant, editors)
    named = {"applicationId": signet.application_id, "experienceGroupId": editors}
    with monkeypatch.context() as patching:

        def refuse(*_: Any) -> None:
            raise Unavailable("busy")

        patching.setattr(Table, "write", refuse)
        with pytest.raises(Unavailable):
            signet.invoke("delete_group", named)
        assert signet.waiting == []
        delete(signet, editors)
    assert len(signet.waiting) == 1
    signet.go_on()
    assert leftovers(signet, editors) == []


def test_a_deleted_group_is_gone_everywhere(signet: Deployment) -> None:
    """Nothing of it is left: no member knows it, its children have no parent, its parent no child."""
    user_ids = make_users(signet, 3)
    top = group_id(signet, "top", experienceUserIds=user_ids[:1])
    middle = group_id(signet, "middle", parentId=top, experienceUserIds=user_ids)
    bottom = group_id(signet, "bottom", parentId=middle, experienceUserIds=user_ids[2:])
    signet.clock.advance(1)
    delete(signet, middle)
    assert leftovers(signet, middle) == []
    for method in ("GET", "PATCH", "DELETE"):
        assert send(signet, method, middle, {}).status == 404
    child = get(signet, bottom)
    assert (child["parentId"], child["lastUpdated"]) == (None, LATER)
    assert get(signet, top)["lastUpdated"] == CREATED
    assert [[group["name"] for group in groups_of(signet, user_id)] for user_id in user_ids] == [
        ["top"],
        [],
        ["bottom"],
    ]
    delete(signet, top)
    delete(signet, bottom)
    assert not [item for item in items(signet) if "#GROUP#" in item["pk"]]


def test_a_group_with_many_children_can_be_deleted(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More children than fit into a transaction lose their parent too."""
    signet = moto_signet
    parent = group_id(signet, "parent", parentId=group_id(signet, "top"))
    children = [group_id(signet, str(number), parentId=parent) for number in range(50)]
    with signet.counted() as trips:
        delete(signet, parent)
    assert trips.count("dynamodb:TransactWriteItems") == 3
    assert [get(signet, child)["parentId"] for child in children] == [None] * 50
    assert leftovers(signet, parent) == []
    # At the bound itself everything goes in the one write that ends the group.
    monkeypatch.undo()
    parent = group_id(signet, "parent", parentId=group_id(signet, "top"))
    for child in children[:49]:
        patch(signet, child, parentId=parent)
    with signet.counted() as trips:
        delete(signet, parent)
    assert trips.count("dynamodb:TransactWriteItems") == 2


def test_no_answer_shows_a_deletion_that_stopped_anywhere(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash between any two writes everybody sees the group or nobody, and a repetition ends it."""
    user_ids = make_users(signet, 3)
    keeper = group_id(signet, "keeper", experienceUserIds=user_ids)
    monkeypatch.setattr(use_cases, "SWEPT_AT_ONCE", 2)
    monkeypatch.setattr(store, "CHILDREN_AT_ONCE", 1)
    write = Table.write
    for survived in range(20):
        parent = group_id(signet, "parent", parentId=keeper)
        doomed = group_id(signet, "doomed", parentId=parent, experienceUserIds=user_ids)
        children = [group_id(signet, name, parentId=doomed, experienceUserIds=user_ids) for name in "ab"]
        left = survived

        def crash(self: Table, *parts: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Unavailable("crash")
            write(self, *parts)

        with monkeypatch.context() as patching:
            patching.setattr(Table, "write", crash)
            status = send(signet, "DELETE", doomed).status
        is_there = send(signet, "GET", doomed).status == 200
        listed = [group["id"] for group in list_groups(signet).json["items"]]
        assert (doomed in listed) == is_there
        for user_id in user_ids:
            groups = groups_of(signet, user_id)
            assert (doomed in [group["id"] for group in groups]) == is_there
            if not is_there:
                assert doomed not in [group["parentId"] for group in groups]
        if not is_there:
            assert [get(signet, child)["parentId"] for child in children] == [None, None]
            assert patch_user(signet, user_ids[0], experienceGroupIds=[keeper, doomed]).status in (200, 400)
            refused(send(signet, "POST", body={"name": "late", "parentId": doomed}), "there is no group")
        assert faults(signet) == []
        if is_there:
            assert (status, signet.waiting) == (503, [])
        elif not signet.waiting:
            break
        else:
            # What is left of it nobody sees, so the client need not hear of it.
            assert (status, len(signet.waiting)) == (200, 1)
        if survived % 2 and signet.waiting:
            signet.go_on()
        else:
            signet.waiting.clear()
            delete(signet, doomed)
        assert leftovers(signet, doomed) == []
        for group in (parent, *children):
            delete(signet, group)
    # Two children one by one, the end of the group, three members by two reads, the item.
    assert survived == 5
    assert status == 200


def test_a_deletion_that_runs_out_of_time_goes_on_by_itself(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes in time and is true, and further invocations remove what nobody sees any more."""
    signet = moto_signet
    *user_ids, outsider = make_users(signet, 6)
    editors = group_id(signet, experienceUserIds=user_ids)
    payloads: list[dict[str, Any]] = []
    monkeypatch.setattr(wiring, "continue_later", payloads.append)

    def slow(*arguments: Any) -> Any:
        signet.clock.advance(20)
        return member_ids(*arguments)

    monkeypatch.setattr(use_cases, "member_ids", slow)
    delete(signet, editors)
    rest = {"applicationId": signet.application_id, "experienceGroupId": editors, "goesOn": True}
    assert payloads == [rest]
    assert send(signet, "GET", editors).status == send(signet, "PATCH", editors, {}).status == 404
    assert [groups_of(signet, user_id) for user_id in user_ids] == [[]] * 5
    refused(patch_user(signet, outsider, experienceGroupIds=[editors]), f"there is no group {editors}")
    # Asked for again before it is through, the answer is the same.
    delete(signet, editors)
    assert len(payloads) == 2
    monkeypatch.setattr(use_cases, "member_ids", member_ids)
    assert signet.invoke("delete_group", payloads[0]) == {"success": True}
    assert leftovers(signet, editors) == []
    # Lambda may run one twice, and neither has failed: it would be among the dead letters.
    assert signet.invoke("delete_group", payloads[1]) == {"success": True}
    del rest["goesOn"]
    with pytest.raises(GroupNotFound):
        signet.invoke("delete_group", rest)
    assert len(payloads) == 2


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], action: Callable[[], object]
) -> None:
    """Do something right after the use case has read by `function` for the first time."""
    name = f"signet.usecases.groups.{function.__name__}"

    def read(*arguments: Any, **more: Any) -> Any:
        result = function(*arguments, **more)
        monkeypatch.setattr(name, function)
        action()
        return result

    monkeypatch.setattr(name, read)


def test_a_group_that_is_being_deleted_takes_nobody_in(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a user's change nor the group's own, under way when the deletion began, adds a member."""
    signet = moto_signet
    ann, ben, cat = make_users(signet, 3)
    editors = group_id(signet, experienceUserIds=[ann])
    tenant = signet.tenant
    meanwhile(monkeypatch, find_users, lambda: use_cases.begin_removal(tenant, editors))
    answer = send(signet, "PATCH", editors, {"experienceUserIds": [ann, ben]})
    assert (answer.status, answer.json["type"]) == (404, "NotFound")
    refused(patch_user(signet, cat, experienceGroupIds=[editors]), f"there is no group {editors}")
    other = group_id(signet, "Other")
    refused(send(signet, "PATCH", other, {"parentId": editors}), f"there is no group {editors}")
    assert faults(signet) == []
    delete(signet, editors)
    assert leftovers(signet, editors) == []


@pytest.mark.parametrize("kind", ["new", "moved", "moves on", "deleted", "renamed", "deleted itself"])
def test_a_deletion_overlooks_nothing_that_happens_meanwhile(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """What comes between the deletion's look at the group and its write makes it look again."""
    signet = moto_signet
    top = group_id(signet, "top")
    doomed = group_id(signet, "doomed", parentId=top, experienceUserIds=make_users(signet, 1))
    child, other = group_id(signet, "child", parentId=doomed), group_id(signet, "other")
    actions: dict[str, Callable[[], object]] = {
        "new": lambda: create(signet, "new", parentId=doomed),
        "moved": lambda: patch(signet, other, parentId=doomed),
        "moves on": lambda: patch(signet, child, parentId=other),
        "deleted": lambda: delete(signet, child),
        "renamed": lambda: patch(signet, doomed, name="renamed"),
        "deleted itself": lambda: use_cases.begin_removal(signet.tenant, doomed),
    }
    meanwhile(monkeypatch, find_family, actions[kind])
    delete(signet, doomed)
    assert leftovers(signet, doomed) == []
    if kind == "moves on":
        assert get(signet, child)["parentId"] == other


@pytest.mark.parametrize(
    "kind", ["parent", "grandparent", "parent below", "grandparent below", "gone", "top gone", "new"]
)
def test_a_group_is_put_under_nothing_that_has_changed_meanwhile(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whatever changes in the line above a group between the look at it and the write is seen."""
    signet = moto_signet
    top = group_id(signet, "top")
    parent = group_id(signet, "parent", parentId=top)
    group = group_id(signet, "group")
    below = group_id(signet, "below", parentId=group)
    wanted = top if kind == "top gone" else parent
    actions: dict[str, Callable[[], object]] = {
        "parent": lambda: patch(signet, parent, parentId=group),
        "grandparent": lambda: patch(signet, top, parentId=group),
        "parent below": lambda: patch(signet, parent, parentId=below),
        "grandparent below": lambda: patch(signet, top, parentId=below),
        "gone": lambda: delete(signet, parent),
        "top gone": lambda: delete(signet, top),
        "new": lambda: delete(signet, parent),
    }

    def act_after_the_last(*arguments: Any) -> Any:
        found = find_group(*arguments)
        if found is not None and found.id == top:
            monkeypatch.setattr(use_cases, "find_group", find_group)
            actions[kind]()
        return found

    monkeypatch.setattr(use_cases, "find_group", act_after_the_last)
    if kind == "new":
        answer = send(signet, "POST", body={"name": "new", "parentId": wanted})
    else:
        answer = send(signet, "PATCH", group, {"parentId": wanted})
    refused(answer, "would make a cycle" if "parent" in kind else f"there is no group {wanted}")


def test_a_line_that_is_cut_above_meanwhile_is_no_obstacle(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a group further up is deleted while the line is read, it is read again."""
    signet = moto_signet
    top = group_id(signet, "top")
    parent = group_id(signet, "parent", parentId=top)
    group = group_id(signet, "group")
    meanwhile(monkeypatch, find_group, lambda: delete(signet, top))
    assert patch(signet, group, parentId=parent)["parentId"] == parent


def test_two_changes_of_a_group_are_both_kept(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that another one overtakes is made anew upon it."""
    signet = moto_signet
    editors = group_id(signet)
    meanwhile(monkeypatch, find_with_members, lambda: patch(signet, editors, description="d"))
    changed = patch(signet, editors, name="Authors")
    assert (changed["name"], changed["description"]) == ("Authors", "d")
    assert get(signet, editors) == changed


def test_who_keeps_getting_in_the_way_is_told_to_try_again(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that others overtake again and again is a 503 with a hint to retry, and writes nothing."""
    signet = moto_signet
    (ann,) = make_users(signet, 1)
    editors = group_id(signet)

    def always(*_: Any) -> None:
        raise store.StaleGroupError

    def always_the_user(*_: Any) -> None:
        raise StaleError

    before = signet.items()
    with monkeypatch.context() as patching:
        patching.setattr("random.uniform", lambda *_: 0.0)
        for name in ("insert_group", "change_group", "begin_deletion"):
            patching.setattr(use_cases, name, always)
        patching.setattr(use_cases, "change_users", always_the_user)
        for answer in (
            send(signet, "POST", body={"name": "x"}),
            send(signet, "PATCH", editors, {"name": "x"}),
            send(signet, "PATCH", editors, {"experienceUserIds": [ann]}),
            send(signet, "DELETE", editors),
        ):
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert signet.items() == before


@pytest.mark.parametrize("kind", ["changed", "joined", "deleted", "full"])
def test_a_user_who_changes_meanwhile_is_read_again(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A member that changes while it joins loses nothing; one that is deleted meanwhile is no member."""
    signet = moto_signet
    ann, ben = make_users(signet, 2)
    editors = group_id(signet)
    others = [group_id(signet, str(number)) for number in range(100 if kind == "full" else 1)]
    actions: dict[str, Callable[[], object]] = {
        "changed": lambda: patch_user(signet, ann, firstName="Ann", experienceGroupIds=others),
        "joined": lambda: patch_user(signet, ann, experienceGroupIds=[editors]),
        "deleted": lambda: signet.http("DELETE", user_path(signet, ann), headers=signet.bearer()),
        "full": lambda: patch_user(signet, ann, experienceGroupIds=others),
    }
    meanwhile(monkeypatch, find_users, actions[kind])
    answer = send(signet, "PATCH", editors, {"experienceUserIds": [ann, ben]})
    if kind == "full":
        # A refusal would say that nothing was written.
        assert answer.status == 503
        before = signet.items()
        again = send(signet, "PATCH", editors, {"experienceUserIds": [ann, ben]})
        refused(again, "at most 100 groups a user", ann)
        assert signet.items() == before
        return
    assert answer.json["experienceUserIds"] == ([ben] if kind == "deleted" else [ann, ben])
    assert get(signet, editors) == answer.json
    if kind == "changed":
        assert get_user(signet, ann)["firstName"] == "Ann"
        assert len(groups_of(signet, ann)) == 2


def names(answer: Response) -> list[str]:
    assert answer.status == 200, answer.body
    return [group["name"] for group in answer.json["items"]]


def list_groups(signet: Deployment, query: str = "") -> Response:
    return signet.http("GET", path(signet) + query, headers=signet.bearer())


def test_a_list_has_losants_shape(signet: Deployment) -> None:
    """A list holds the groups without their members, and says what it was asked for."""
    group = create(signet, description="d", groupTags={"a": "1"})
    del group["experienceUserIds"]
    assert list_groups(signet).json == {
        "items": [group],
        "count": 1,
        "totalCount": 1,
        "perPage": 100,
        "page": 0,
        "filterField": "name",
        "filter": None,
        "sortField": "name",
        "sortDirection": "asc",
        "applicationId": signet.application_id,
    }
    other_id, other_token = signet.new_application()
    other = signet.http(
        "GET", f"/applications/{other_id}/experience/groups", headers=signet.bearer(other_token)
    )
    assert (other.json["items"], other.json["totalCount"]) == ([], 0)


def test_lists_are_sorted_filtered_and_paged(signet: Deployment) -> None:
    """By name whatever its case, by id and by both dates, up and down; a filter's `*` stands for any text."""
    made = {}
    for name in ("ab c", "Zebra", "ab", "Äpfel", "abc", "zoo"):
        made[name] = group_id(signet, name)
        signet.clock.advance(1)
    patch(signet, made["ab"], description="newest")
    by_name = ["ab", "ab c", "abc", "Zebra", "zoo", "Äpfel"]
    assert names(list_groups(signet)) == by_name
    assert names(list_groups(signet, "?sortDirection=desc")) == by_name[::-1]
    assert names(list_groups(signet, "?sortField=id")) == sorted(made, key=made.__getitem__)
    assert names(list_groups(signet, "?sortField=creationDate")) == list(made)
    updated = ["ab c", "Zebra", "Äpfel", "abc", "zoo", "ab"]
    assert names(list_groups(signet, "?sortField=lastUpdated&sortDirection=desc")) == updated[::-1]
    for pattern, expected in {
        "AB*": ["ab", "ab c", "abc"],
        "*O*": ["zoo"],
        "a*c": ["ab c", "abc"],
        "ab": ["ab"],
        "%C3%A4*": ["Äpfel"],
        "*": by_name,
        "": by_name,
        "x*": [],
        "aba*b": [],
    }.items():
        for parameters in (f"?filter={pattern}", f"?filterField=name&filter={pattern}"):
            answer = list_groups(signet, parameters)
            assert names(answer) == expected, pattern
            assert answer.json["totalCount"] == len(expected)
    page = list_groups(signet, "?page=1&perPage=2")
    assert names(page) == ["abc", "Zebra"]
    assert (page.json["count"], page.json["totalCount"], page.json["page"]) == (2, 6, 1)
    assert names(list_groups(signet, "?page=1&perPage=1&filter=ab*&sortField=creationDate")) == ["ab"]
    assert names(list_groups(signet, "?page=9")) == []
    # A name that changes moves the group.
    patch(signet, made["ab"], name="zz")
    assert names(list_groups(signet)) == ["ab c", "abc", "Zebra", "zoo", "zz", "Äpfel"]


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_a_cursor_walks_all_groups_at_a_constant_cost(signet: Deployment, direction: str) -> None:
    """Each page costs one query and one read; a walk begins with an empty token or with any page."""
    expected = sorted(f"g{number:02}" for number in range(7))
    for name in expected:
        create(signet, name)
    expected = expected if direction == "asc" else expected[::-1]
    query = f"?perPage=3&sortDirection={direction}"
    for begin in (f"{query}&nextToken=", query):
        walked, target, pages = [], begin, 0
        while True:
            with signet.counted() as trips:
                answer = signet.http("GET", path(signet) + target, headers=signet.bearer())
            assert trips == ["dynamodb:Query", "dynamodb:BatchGetItem"]
            walked += names(answer)
            pages += 1
            if "nextToken" not in answer.json:
                break
            target = f"{query}&nextToken={answer.json['nextToken']}"
        assert (walked, pages) == (expected, 3)
        assert answer.json["totalCount"] == 7
    filtered = list_groups(signet, f"{query}&nextToken=&filter=*5")
    assert names(filtered) == (["g05"] if direction == "desc" else [])


def test_what_the_products_clients_send_without_meaning_is_taken(signet: Deployment) -> None:
    """Devices and endpoints are none here: empty lists say nothing, for a new group and for a change."""
    empty: dict[str, Any] = {
        "deviceIds": [],
        "deviceTags": [],
        "deviceQueryJson": None,
        "experienceEndpointIds": [],
    }
    group = create(signet, **empty)
    assert patch(signet, group["id"], **empty) == group == get(signet, group["id"])
    assert not empty.keys() & group.keys()


def test_a_group_tells_what_is_above_it(signet: Deployment) -> None:
    """Nearest first, in every answer, with one read more for each level; what has moved counts at once."""
    chain = [group_id(signet, "top")]
    for name in ("upper", "lower", "bottom"):
        chain.append(group_id(signet, name, parentId=chain[-1]))
    above = {group: chain[:place][::-1] for place, group in enumerate(chain)}
    assert {group: get(signet, group)["ancestorIds"] for group in chain} == above
    listed = list_groups(signet).json["items"]
    assert {group["id"]: group["ancestorIds"] for group in listed} == above
    assert patch(signet, chain[3], name="renamed")["ancestorIds"] == above[chain[3]]
    with signet.counted() as trips:
        get(signet, chain[3])
    assert trips == ["dynamodb:Query", *["dynamodb:BatchGetItem"] * 3]
    with signet.counted() as trips:
        assert list_groups(signet, "?perPage=1").json["items"][0]["ancestorIds"] == above[chain[2]]
    assert trips == ["dynamodb:Query", *["dynamodb:BatchGetItem"] * 3]
    assert patch(signet, chain[1], parentId=None)["ancestorIds"] == []
    assert get(signet, chain[3])["ancestorIds"] == [chain[2], chain[1]]
    delete(signet, chain[2])
    assert get(signet, chain[3])["ancestorIds"] == []


def test_groups_are_found_by_a_query(signet: Deployment) -> None:
    """Losant's fields of groups; a query replaces the filter, and goes with every order and with a walk."""
    ann, ben = make_users(signet, 2)
    top = group_id(signet, "Top", groupTags={"kind": "team"}, experienceUserIds=[ann])
    signet.clock.advance(1)
    middle = group_id(signet, "middle", parentId=top, experienceUserIds=[ann, ben])
    group_id(signet, "Bottom", parentId=middle, groupTags={"kind": "role", "old": "yes"})
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["Bottom", "middle", "Top"]),
        ({"id": top.upper()}, ["Top"]),
        ({"name": "middle"}, ["middle"]),
        ({"name": {"$in": ["TOP", "bottom"], "$ci": True}}, ["Bottom", "Top"]),
        ({"name": {"$startsWith": "b", "$ci": True}}, ["Bottom"]),
        ({"creationDate": {"$lt": LATER}}, ["Top"]),
        ({"lastUpdated": {"$gte": LATER}}, ["Bottom", "middle"]),
        ({"parentId": None}, ["Top"]),
        ({"parentId": {"$ne": None}}, ["Bottom", "middle"]),
        ({"ancestorId": top}, ["Bottom", "middle"]),
        ({"ancestorId": {"$nin": [middle]}}, ["middle", "Top"]),
        ({"ancestorId": None}, ["Top"]),
        ({"experienceUserId": ann}, ["middle", "Top"]),
        ({"experienceUserId": {"$ne": ben}}, ["Bottom", "Top"]),
        ({"experienceUserId": {"$in": [ben, "ext:nobody"]}}, ["middle"]),
        ({"groupTags": {"kind": {"$in": ["team", "role"]}}}, ["Bottom", "Top"]),
        ({"groupTags": None}, ["middle"]),
        ({"groupTags": {"$ne": {"$tagValue": "yes"}}}, ["middle", "Top"]),
        ({"$nor": [{"parentId": top}, {"groupTags": {"kind": "team"}}]}, ["Bottom"]),
    ]
    for query, expected in cases:
        parameters = f"?query={quote(json.dumps(query))}"
        assert names(list_groups(signet, parameters)) == expected, query
        assert names(list_groups(signet, parameters + "&filter=x*&nextToken=")) == expected, query
        down = list_groups(signet, parameters + "&sortField=id&sortDirection=DESC").json["items"]
        assert [group["id"] for group in down] == sorted((group["id"] for group in down), reverse=True)
        assert sorted((group["name"] for group in down), key=str.casefold) == expected, query
    assert len(names(list_groups(signet, "?query="))) == 3


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?page=-1", ["page: must"]),
        ("?page=x", ["page: must"]),
        ("?perPage=0", ["perPage: must"]),
        ("?perPage=1001", ["perPage: must", "1000"]),
        ("?sortField=description", ["sortField: must be"]),
        ("?sortDirection=up", ["sortDirection: must be"]),
        ("?filterField=description", ["filterField: must be"]),
        ("?query=%7B", ["query: is not valid JSON"]),
        ("?query=%7B%22email%22%3A%22a%22%7D", ["query: does not support the field 'email'", "groupTags"]),
        ("?query=%7B%22experienceUserId%22%3Anull%7D", ["query: compares experienceUserId with", "user id"]),
        ("?query=%7B%22experienceUserId%22%3A%7B%22%24gt%22%3A%22a%22%7D%7D", ["'$gt' for experienceUserId"]),
        ("?query=%7B%22experienceEndpointId%22%3Anull%7D", ["the field 'experienceEndpointId'"]),
        ("?nextToken=nonsense", ["nextToken: is no token"]),
        ("?nextToken=&sortField=id", ["sortField: must be name"]),
    ],
)
def test_a_wrong_list_parameter_is_named(moto_signet: Deployment, query: str, words: list[str]) -> None:
    """A parameter that is not supported is refused, never ignored."""
    refused(list_groups(moto_signet, query), *words)


def test_a_cursor_of_one_application_shows_nothing_of_it_in_another(moto_signet: Deployment) -> None:
    """A token only says where to go on, never in whose list."""
    signet = moto_signet
    for name in ("a", "b"):
        create(signet, name)
    token = list_groups(signet, "?perPage=1").json["nextToken"]
    other_id, other_token = signet.new_application()
    target = f"/applications/{other_id}/experience/groups?nextToken={token}"
    answer = signet.http("GET", target, headers=signet.bearer(other_token))
    assert answer.json["items"] == []


def test_a_list_by_offset_looks_at_so_many_groups_at_most(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound a filter, another order or a far page is refused, and a total is a lower bound."""
    signet = moto_signet
    for number in range(6):
        create(signet, f"g{number}")
    monkeypatch.setattr(group_listing, "MAX_EXAMINED", 5)
    page = list_groups(signet, "?perPage=2&page=1").json
    assert (page["totalCount"], page["totalCountIsLowerBound"]) == (5, True)
    assert names(list_groups(signet, "?perPage=2&page=2")) == ["g4"]
    for query in ("?page=1&perPage=5", "?filter=g*", "?sortField=creationDate"):
        refused(list_groups(signet, query), "use nextToken or the export")
    monkeypatch.setattr(group_listing, "MAX_EXAMINED", 6)
    exact = list_groups(signet, "?filter=g*").json
    assert exact["totalCount"] == 6
    assert "totalCountIsLowerBound" not in exact


def test_a_filter_sees_the_whole_of_a_long_name(moto_signet: Deployment) -> None:
    """A name that is longer than what the index has room for is filtered by its last character too."""
    signet = moto_signet
    create(signet, "🦄" * 254 + "a")
    create(signet, "🦄" * 254 + "b")
    assert names(list_groups(signet, "?filter=*b")) == ["🦄" * 254 + "b"]
    assert len(names(list_groups(signet, "?nextToken=&filter=*a"))) == 1


def test_the_direct_invocations_do_the_same(moto_signet: Deployment) -> None:
    """Make, look, list, change and delete by direct invocation; a refusal is raised under its code."""
    signet = moto_signet
    here = {"applicationId": signet.application_id}
    group = signet.invoke("create_group", {**here, "name": "Editors"})
    named = {**here, "experienceGroupId": group["id"]}
    assert signet.invoke("get_group", named) == group
    listed = signet.invoke("list_groups", {**here, "perPage": 1, "filter": "ed*"})
    assert listed["count"] == listed["totalCount"] == 1
    assert signet.invoke("update_group", {**named, "name": "Authors"})["name"] == "Authors"
    assert signet.invoke("delete_group", named) == {"success": True}
    with pytest.raises(GroupNotFound):
        signet.invoke("get_group", named)
    with pytest.raises(InvalidRequest, match="name: is required"):
        signet.invoke("create_group", here)

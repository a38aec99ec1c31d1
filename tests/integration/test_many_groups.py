"""More groups than fit into one transaction: whatever happens between two writes, nobody sees a part of it.

The calls to DynamoDB are found by making the request once; then each of them is hit, one after the other.
Most tests make transactions small, so that few groups are many; the last ones have as many as there can be.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import pytest

from signet import wiring
from signet.aws.client import NoAnswer
from signet.domain.groups import DetailedGroup
from signet.errors import Unavailable
from signet.store import memberships, users
from signet.store.attributes import from_attributes
from signet.store.groups import insert_group
from tests.deployment import PASSWORD, Cloud, Deployment, Response
from tests.races import at_once
from tools.audit_table import audit

if TYPE_CHECKING:
    from signet.store.table import Part, Table

EMAIL = "ann@example.com"
NEW_EMAIL = "new@example.com"
NEW_PASSWORD = "other password of hers"
GONE = "e" * 24
"""No group."""


class Killed(BaseException):
    """Lambda has stopped the function: nothing of its code runs any more."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions that have room for one group beside a user who joins, three of one who leaves."""
    for module in (memberships, users):
        monkeypatch.setattr(module, "MAX_PARTS", 5)
    monkeypatch.setattr(memberships, "ROOM", 3)


def make_groups(signet: Deployment, number: int) -> list[str]:
    """Groups without the time that so many transactions would take."""
    ids = [f"{place:024x}" for place in range(number)]
    written: list[Part] = []
    table = cast("Table", SimpleNamespace(write=lambda *parts: written.extend(parts)))
    tenant = replace(signet.tenant, table=table)
    for group_id in ids:
        group = DetailedGroup(id=group_id, name=group_id, created_at_ms=1, updated_at_ms=1)
        insert_group(tenant, group, [])
    for part in written:
        signet.put_item(part.request("")["Put"]["Item"])
    return ids


def path(signet: Deployment, kind: str, identifier: str = "") -> str:
    return f"/applications/{signet.application_id}/experience/{kind}" + (
        f"/{identifier}" if identifier else ""
    )


def send(signet: Deployment, method: str, kind: str, identifier: str = "", body: object = None) -> Response:
    return signet.http(method, path(signet, kind, identifier), body, headers=signet.bearer())


def make_user(signet: Deployment, group_ids: list[str], email: str = EMAIL) -> str:
    body = {"email": email, "password": PASSWORD, "experienceGroupIds": group_ids}
    answer = send(signet, "POST", "users", body=body)
    assert answer.status == 201, answer.body
    user_id: str = answer.json["id"]
    return user_id


def faults(signet: Deployment) -> list[str]:
    return audit(map(from_attributes, signet.items()))


def nothing_is_left_over(signet: Deployment) -> bool:
    table = repr(signet.items())
    return "pending" not in table and "outstanding" not in table


def restore(signet: Deployment, snapshot: list[dict[str, Any]]) -> None:
    """Put the table back as it was."""
    for item in signet.items():
        if item not in snapshot:
            signet.delete_item(item)
    left = signet.items()
    for item in snapshot:
        if item not in left:
            signet.put_item(item)


def seen(signet: Deployment, group_ids: list[str]) -> Any:
    """What readers see: each group's members, by address, and of who can log in the groups and the name."""
    members = {}
    for group_id in group_ids:
        answer = send(signet, "GET", "groups", group_id)
        listed = signet.http(
            "GET", path(signet, "users") + f"?experienceGroupId={group_id}", headers=signet.bearer()
        ).json["items"]
        assert answer.json.get("experienceUserIds", []) == sorted(user["id"] for user in listed)
        members[group_id] = sorted(user["email"] for user in listed)
    people = []
    for address, password in ((EMAIL, PASSWORD), (NEW_EMAIL, NEW_PASSWORD)):
        answer = signet.http("POST", path(signet, "login"), {"email": address, "password": password})
        if answer.status == 200:
            user = answer.json["user"]
            groups = [group["id"] for group in user["experienceGroups"]]
            people.append([address, groups, user["firstName"]])
    return members, people


def kept(signet: Deployment) -> list[Any]:
    """What the table holds of people; where it is sound, the groups' side says the same."""
    assert faults(signet) == []
    items = [from_attributes(item) for item in signet.items() if item["sk"]["S"] == "USER"]
    return [
        (user["normal_email"], user["group_ids"], user.get("first_name"))
        for user in items
        if "created_at" in user
    ]


type Around = Callable[[int, Callable[[], Any]], Any]


@contextmanager
def around_calls(around: Around) -> Iterator[list[str]]:
    """Put something around each call to DynamoDB: it is given its number, from 0, and what makes the call."""
    client = wiring.table().client
    real = client.call
    calls: list[str] = []
    is_inside = False

    def call(operation: str, request: Mapping[str, object]) -> Any:
        nonlocal is_inside
        if is_inside:
            return real(operation, request)
        calls.append(operation)
        is_inside = True
        try:
            return around(len(calls) - 1, lambda: real(operation, request))
        finally:
            is_inside = False

    with mock.patch.object(client, "call", call):
        yield calls


type Hit = Callable[[int, int, Callable[[], Any]], Any]
"""What happens to a call: its number, that of the call to be hit, and what makes it."""


def killed_behind(number: int, at: int, call: Callable[[], Any]) -> Any:
    if number > at:
        raise Killed
    answer = call()
    if number == at:
        raise Killed
    return answer


def lost(number: int, at: int, call: Callable[[], Any]) -> Any:
    if number == at:
        raise NoAnswer("lost on its way")
    return call()


def unanswered(number: int, at: int, call: Callable[[], Any]) -> Any:
    answer = call()
    if number == at:
        raise NoAnswer("its answer was lost")
    return answer


def outage(number: int, at: int, call: Callable[[], Any]) -> Any:
    if number > at:
        raise NoAnswer("nothing is answered")
    answer = call()
    if number == at:
        raise NoAnswer("nothing is answered any more")
    return answer


HITS = [*(pytest.param(hit, marks=pytest.mark.heavy) for hit in (lost, unanswered)), outage]

type Scene = Callable[[Deployment, list[str]], Callable[[], Response]]
"""Makes what has to be there, and gives what sends the request."""


def creation(signet: Deployment, group_ids: list[str]) -> Callable[[], Response]:
    body = {"email": EMAIL, "password": PASSWORD, "experienceGroupIds": group_ids}
    return lambda: send(signet, "POST", "users", body=body)


def patching(signet: Deployment, before: list[str], after: list[str], **more: str) -> Callable[[], Response]:
    user_id = make_user(signet, before)
    body = {"experienceGroupIds": after, "firstName": "Ann", **more}
    return lambda: send(signet, "PATCH", "users", user_id, body)


def joining(signet: Deployment, group_ids: list[str]) -> Callable[[], Response]:
    # With everything else that the same write does.
    return patching(signet, [], group_ids, email=NEW_EMAIL, password=NEW_PASSWORD)


def leaving(signet: Deployment, group_ids: list[str]) -> Callable[[], Response]:
    return patching(signet, group_ids, [])


def moving(signet: Deployment, group_ids: list[str]) -> Callable[[], Response]:
    return patching(signet, group_ids[:2], group_ids[2:])


def deletion(signet: Deployment, group_ids: list[str]) -> Callable[[], Response]:
    user_id = make_user(signet, group_ids)
    return lambda: send(signet, "DELETE", "users", user_id)


def importing(signet: Deployment, group_ids: list[str]) -> Callable[[], Response]:
    line = {"email": EMAIL, "password": PASSWORD, "experienceGroupIds": group_ids}
    key = f"import/{signet.application_id}/users.jsonl"
    signet.put_file(key, json.dumps(line).encode())
    done = 0

    def run() -> Response:
        """Go on with an import that did not end; otherwise begin another one."""
        nonlocal done
        event = {"applicationId": signet.application_id, "key": key, "importId": f"import-{done}"}
        try:
            result = signet.invoke("import_users", event)
        except Unavailable:
            return Response(503, {}, b"")
        assert result["counts"] == {"read": 1, "created": 1, "exists": 0, "refused": 0}, result
        done += 1
        return Response(200, {}, b"")

    return run


SCENES: list[Scene] = [creation, joining, leaving, moving, deletion, importing]
ONCE: list[Scene] = [creation, deletion]
"""What is refused once it is done."""


def attempt(request: Callable[[], Response], at: int, hit: Hit) -> tuple[Response | None, bool]:
    """The answer to the request, None where it was killed; and whether it had a call with this number."""
    with around_calls(lambda number, call: hit(number, at, call)) as calls:
        try:
            answer = request()
        except Killed:
            answer = None
    return answer, len(calls) > at


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("hit", HITS, ids=lambda hit: hit.__name__)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_whatever_happens_at_any_call_everybody_sees_all_or_nothing(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch, scene: Scene, hit: Hit
) -> None:
    """And the same request again does what was not done, and gives what it would have given."""
    signet = moto_signet
    monkeypatch.setattr("signet.usecases.importing.PAUSE", 0.0)
    group_ids = make_groups(signet, 4)
    request = scene(signet, group_ids)
    samples = [group_ids[0], group_ids[-1]]
    snapshot = signet.items()
    before = seen(signet, samples)
    done = request()
    assert done.status in (200, 201)
    after, done_with = seen(signet, samples), kept(signet)
    assert nothing_is_left_over(signet)
    outcomes = set()
    at, was_reached = 0, True
    while was_reached:
        restore(signet, snapshot)
        answer, was_reached = attempt(request, at, hit)
        assert answer is not None
        assert answer.status in (done.status, 503), answer.body
        assert faults(signet) == [], at
        now = seen(signet, samples)
        assert now in (before, after), at
        outcomes.add(now == after)
        if answer.status == done.status:
            assert now == after
        else:
            again = request()
            # What was done by the first, whole, is there for good; everything else is done now.
            assert again.status == done.status or (now == after and scene in ONCE), again.body
            assert kept(signet) == done_with, at
        at += 1
    assert at > 4
    assert outcomes == {True, False}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("scene", [moving, deletion], ids=lambda scene: scene.__name__)
@pytest.mark.parametrize("later", ["the user", "joining", "leaving", "the groups"])
def test_what_was_left_over_is_settled_by_who_comes_next(
    moto_signet: Deployment, scene: Scene, later: str
) -> None:
    """After a death behind any call other requests find their way, and nothing of the first is left."""
    signet = moto_signet
    group_ids = make_groups(signet, 4)
    request = scene(signet, group_ids)
    snapshot = signet.items()
    (user_id,) = [item["user_id"]["S"] for item in snapshot if item["sk"]["S"] == "USER"]
    at, was_reached = 0, True
    while was_reached:
        restore(signet, snapshot)
        _, was_reached = attempt(request, at, killed_behind)
        is_there = send(signet, "GET", "users", user_id).status == 200
        for group_id in group_ids:
            if later == "the groups":
                assert send(signet, "DELETE", "groups", group_id, {}).status == 200
            elif later != "the user" and is_there:
                body = {"experienceUserIds": [user_id] if later == "joining" else []}
                answer = send(signet, "PATCH", "groups", group_id, body)
                assert (answer.status, answer.json["experienceUserIds"]) == (200, body["experienceUserIds"])
        assert faults(signet) == [], at
        if is_there:
            shown = send(signet, "PATCH", "users", user_id, {"lastName": "Lee"}).json
            groups = [group["id"] for group in shown["experienceGroups"]]
            assert later == "the user" or groups == (group_ids if later == "joining" else [])
            assert nothing_is_left_over(signet)
        # A deletion that stopped is finished by being asked for again.
        assert send(signet, "DELETE", "users", user_id).status in (200, 404)
        assert faults(signet) == []
        assert nothing_is_left_over(signet), at
        assert "MEMBER" not in repr(signet.items()), at
        at += 1


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
@pytest.mark.parametrize("place", [0, pytest.param(-1, marks=pytest.mark.heavy)])
def test_a_group_that_is_deleted_at_any_moment(moto_signet: Deployment, scene: Scene, place: int) -> None:
    """The user comes without it, or it is said that there is none and nothing was written; never a 500."""
    signet = moto_signet
    group_ids = make_groups(signet, 4)
    request = scene(signet, group_ids)
    snapshot = signet.items()
    doomed = group_ids[place]
    rest = [group_id for group_id in group_ids if group_id != doomed]

    def delete_the_group(number: int, at: int, call: Callable[[], Any]) -> Any:
        if number == at:
            assert send(signet, "DELETE", "groups", doomed, {}).status == 200
        return call()

    at, was_reached = 0, True
    while was_reached:
        restore(signet, snapshot)
        answer, was_reached = attempt(request, at, delete_the_group)
        assert answer is not None
        assert answer.status in (200, 201, 400), (at, answer.body)
        assert faults(signet) == [], at
        assert not was_reached or doomed not in repr(signet.items()), at
        if answer.status == 400:
            assert f"there is no group {doomed}" in answer.json["message"]
            assert nothing_is_left_over(signet)
            assert scene is not creation or kept(signet) == []
        elif was_reached and scene in (creation, joining, importing):
            _, people = seen(signet, rest)
            assert [groups for _, groups, _ in people] == [rest]
        at += 1


@pytest.mark.usefixtures("small")
def test_groups_that_go_while_a_change_is_settled_refuse_nothing(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed is answered: one group after the other may be deleted behind it."""
    signet = moto_signet
    group_ids = make_groups(signet, 5)
    real, going = users.change_user, group_ids[-2:]

    def change_user(*given: Any, **more: Any) -> None:
        if going:
            gone = going.pop()
            assert send(signet, "DELETE", "groups", gone, {}).status == 200
            raise users.GroupsGoneError([gone])
        real(*given, **more)

    monkeypatch.setattr("signet.store.memberships.change_user", change_user)
    body = {"email": "ann@example.com", "password": PASSWORD, "experienceGroupIds": group_ids}
    answer = signet.http(
        "POST", f"/applications/{signet.application_id}/experience/users", body, headers=signet.bearer()
    )
    assert (answer.status, going) == (201, [])
    assert faults(signet) == []


REFUSALS: dict[str, tuple[dict[str, Any], int]] = {
    "no such group": ({"experienceGroupIds": [GONE]}, 400),
    "taken address": ({"email": "Bob@Example.com"}, 409),
    "cutoff ahead": ({"tokenCutoff": "2099-01-01T00:00:00Z"}, 400),
    "no such group, taken address": ({"experienceGroupIds": [GONE], "email": "bob@example.com"}, 400),
}


@pytest.mark.parametrize("number", [48, 49, 60, 99])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_leaves_the_table_as_it_was(moto_signet: Deployment, number: int, refusal: str) -> None:
    """However many groups were to come, and though nobody else can tell what else the request had in it."""
    signet = moto_signet
    group_ids = make_groups(signet, number)
    make_user(signet, [], "bob@example.com")
    user_id = make_user(signet, [])
    wrong, status = REFUSALS[refusal]
    wrong = wrong | {"experienceGroupIds": [*group_ids, *wrong.get("experienceGroupIds", [])]}
    before = signet.items()
    with signet.counted() as trips:
        new = {"email": NEW_EMAIL, "password": PASSWORD} | wrong
        assert send(signet, "POST", "users", body=new).status == status
        assert send(signet, "PATCH", "users", user_id, wrong | {"password": PASSWORD}).status == status
        assert send(signet, "PATCH", "users", user_id, wrong).status == status
    assert signet.items() == before
    if number > 48 or refusal != "taken address":
        # All checks come before the first write; the one write of few groups is a check of its own.
        assert "dynamodb:TransactWriteItems" not in trips


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("scene", [creation, joining], ids=lambda scene: scene.__name__)
def test_an_address_that_is_taken_at_the_last_moment(moto_signet: Deployment, scene: Scene) -> None:
    """Whoever loses the race for it is told so, and what it had announced is taken back."""
    signet = moto_signet
    group_ids = make_groups(signet, 4)
    request = scene(signet, group_ids)
    snapshot = signet.items()
    address = EMAIL if scene is creation else NEW_EMAIL
    found: list[dict[str, Any]] = []

    def take(number: int, at: int, call: Callable[[], Any]) -> Any:
        if number == at:
            if users.find_password_hash(signet.tenant, address) is None:
                make_user(signet, [], address)
            found[:] = signet.items()
        return call()

    def shown(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Without what was announced; a change that is taken back is one more revision, which nobody sees."""
        unseen = ("revision", "outstanding")
        firm = [item for item in items if not (item["sk"]["S"].startswith("MEMBER") and "pending" in item)]
        return [{name: item[name] for name in item if name not in unseen} for item in firm]

    statuses, at, was_reached = [], 0, True
    while was_reached:
        restore(signet, snapshot)
        answer, was_reached = attempt(request, at, take)
        assert answer is not None
        statuses.append(answer.status)
        assert faults(signet) == []
        if answer.status == 409:
            assert nothing_is_left_over(signet)
            assert shown(signet.items()) == shown(found)
        at += 1
    assert statuses.count(409) > 2
    assert statuses[-1] in (200, 201)


@pytest.mark.engine
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("ends", [False, True])
def test_changes_of_many_groups_at_once(engine_cloud: Cloud, ends: bool) -> None:
    """Whoever wins, both sides agree about each group, and the next change finds nothing left over."""
    with engine_cloud.deploy() as signet:
        wiring.table(), wiring.applications(), wiring.password_hasher()
        outcomes: Counter[int] = Counter()
        for number in range(6):
            group_ids = make_groups(signet, 5)
            address = f"ann{number}@example.com"
            user_id = make_user(signet, group_ids[:3], address)
            other = {"email": address.upper(), "password": PASSWORD, "experienceGroupIds": group_ids}
            requests: list[tuple[Any, ...]] = [
                ("PATCH", "users", user_id, {"experienceGroupIds": group_ids}),
                ("PATCH", "users", user_id, {"experienceGroupIds": [], "firstName": "Ann"}),
                ("PATCH", "groups", group_ids[1], {"experienceUserIds": [user_id]}),
                ("PATCH", "groups", group_ids[3], {"experienceUserIds": []}),
                ("DELETE", "groups", group_ids[number % 5], {}),
                ("DELETE", "users", user_id) if ends else ("POST", "users", "", other),
            ]
            answers = at_once(*(partial(send, signet, *request) for request in requests))
            assert {answer.status for answer in answers} <= {200, 201, 400, 404, 409, 503}, answers
            outcomes.update(answer.status for answer in answers)
            assert faults(signet) == []
            again = send(signet, "PATCH", "users", user_id, {"lastName": "Lee"})
            assert again.status in ((200, 404) if ends else (200,))
            if again.status == 404:
                send(signet, "DELETE", "users", user_id)
            assert faults(signet) == []
            assert nothing_is_left_over(signet)
            while signet.waiting:
                signet.go_on()
            for group_id in group_ids:
                send(signet, "DELETE", "groups", group_id, {})
        assert outcomes.keys() - {200}, "it was no race"


@pytest.mark.engine
@pytest.mark.engine_only("moto copies the whole table for each transaction")
@pytest.mark.parametrize("number", [48, 49, 60, 100])
def test_as_many_groups_as_there_can_be(engine_cloud: Cloud, number: int) -> None:
    """Made, changed, exchanged and deleted, the user has exactly the groups that were asked for."""
    with engine_cloud.deploy() as signet:
        group_ids = make_groups(signet, 2 * number)
        group_ids, others = group_ids[:number], group_ids[number:]
        samples = [group_ids[0], group_ids[-1], others[0], others[-1]]

        def check(wanted: list[str], answer: Response) -> None:
            assert answer.status in (200, 201), answer.body
            assert [group["id"] for group in answer.json["experienceGroups"]] == wanted
            shown = send(signet, "GET", "users", answer.json["id"]).json
            assert shown["experienceGroups"] == answer.json["experienceGroups"]
            for sample in samples:
                members = send(signet, "GET", "groups", sample).json["experienceUserIds"]
                assert members == ([answer.json["id"]] if sample in wanted else [])
            assert faults(signet) == []
            assert nothing_is_left_over(signet)

        body = {"email": EMAIL, "password": PASSWORD, "experienceGroupIds": group_ids}
        made = send(signet, "POST", "users", body=body)
        check(group_ids, made)
        user_id = made.json["id"]
        for wanted in (others, [], group_ids):
            check(wanted, send(signet, "PATCH", "users", user_id, {"experienceGroupIds": wanted}))
        assert send(signet, "DELETE", "users", user_id).status == 200
        assert "MEMBER" not in repr(signet.items())
        assert nothing_is_left_over(signet)


@pytest.mark.engine
@pytest.mark.engine_only("moto copies the whole table for each transaction")
@pytest.mark.parametrize("number", [49, pytest.param(100, marks=pytest.mark.heavy)])
@pytest.mark.parametrize(
    "scene",
    [joining, *(pytest.param(scene, marks=pytest.mark.heavy) for scene in (creation, leaving, deletion))],
    ids=lambda scene: scene.__name__,
)
def test_an_outage_at_any_call_with_as_many_groups(engine_cloud: Cloud, scene: Scene, number: int) -> None:
    """At the real size of a transaction too, everybody sees all or nothing."""
    with engine_cloud.deploy() as signet:
        group_ids = make_groups(signet, number)
        samples = [group_ids[0], group_ids[number // 2], group_ids[-1]]
        request = scene(signet, group_ids)
        snapshot = signet.items()
        before = seen(signet, samples)
        done = request()
        after = seen(signet, samples)
        at, was_reached = 0, True
        while was_reached:
            restore(signet, snapshot)
            answer, was_reached = attempt(request, at, outage)
            assert answer is not None
            assert answer.status in (done.status, 503)
            assert faults(signet) == [], at
            now = seen(signet, samples)
            assert now in (before, after), at
            assert answer.status == 503 or now == after
            at += 1
        assert at > 2


@pytest.mark.engine
@pytest.mark.engine_only("moto copies the whole table for each transaction")
def test_one_transaction_as_long_as_it_fits(engine_cloud: Cloud) -> None:
    """Up to 48 groups nothing is written before the one write, or behind it."""
    with engine_cloud.deploy() as signet:
        group_ids = make_groups(signet, 96)
        make_user(signet, [], "bob@example.com")  # A warm container.
        get, read, write = "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:TransactWriteItems"
        with signet.counted() as trips:
            user_id = make_user(signet, group_ids[:48])
        assert trips == [read, write]
        with signet.counted() as trips:
            assert send(signet, "PATCH", "users", user_id, {"experienceGroupIds": []}).status == 200
        assert trips == [get, write]
        assert send(signet, "PATCH", "users", user_id, {"experienceGroupIds": group_ids}).status == 200
        with signet.counted() as trips:
            assert send(signet, "DELETE", "users", user_id).status == 200
        assert trips == [get, write]

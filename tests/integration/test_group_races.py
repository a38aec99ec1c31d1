"""Groups under races: real threads on a real engine, and afterwards no orphan and no cycle."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from signet import wiring
from tests.deployment import Cloud, Deployment
from tests.integration.test_groups import (
    create,
    faults,
    get,
    group_id,
    items,
    leftovers,
    make_users,
    path,
    user_path,
)

ROUNDS = 8


@pytest.fixture
def signet(engine_cloud: Cloud) -> Iterator[Deployment]:
    """A deployment on the engine; after the test its table holds no orphan."""
    with engine_cloud.deploy() as deployment:
        yield deployment
        assert faults(deployment) == []


def race(signet: Deployment, *requests: tuple[str, str, object]) -> list[int]:
    """Send all requests at once, and give each one's status."""
    wiring.table()  # so that the threads share what a container shares
    barrier = threading.Barrier(len(requests))
    statuses = [0] * len(requests)

    def run(place: int, method: str, target: str, body: object) -> None:
        barrier.wait()
        statuses[place] = signet.http(method, target, body, headers=signet.bearer()).status

    threads = [threading.Thread(target=run, args=(place, *request)) for place, request in enumerate(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_users_join_a_group_that_is_being_deleted(signet: Deployment) -> None:
    """Each either joined in time and was swept, or is told that there is no such group."""
    user_ids = make_users(signet, 6)
    outcomes: Counter[int] = Counter()
    for _ in range(ROUNDS):
        doomed = group_id(signet, experienceUserIds=user_ids[:2])
        keeper = group_id(signet, "keeper", experienceUserIds=user_ids[:1])
        joins = {"experienceGroupIds": [doomed]}
        deleted, *joined = race(
            signet,
            ("DELETE", path(signet, doomed), None),
            *(("PATCH", user_path(signet, user_id), joins) for user_id in user_ids[2:5]),
            ("PATCH", user_path(signet, user_ids[0]), {"experienceGroupIds": [keeper]}),
            ("PATCH", path(signet, doomed), {"experienceUserIds": user_ids[3:]}),
        )
        assert deleted == 200
        assert set(joined) <= {200, 400, 404}
        outcomes.update(joined)
        assert leftovers(signet, doomed) == []
        assert faults(signet) == []
    assert outcomes.keys() > {200}, "it was no race"


def test_a_group_is_deleted_by_several_at_once(signet: Deployment) -> None:
    """All sweep together, nobody fails, and nothing is left."""
    user_ids = make_users(signet, 12)
    for _ in range(ROUNDS):
        parent = group_id(signet, "parent")
        doomed = group_id(signet, parentId=parent, experienceUserIds=user_ids)
        for name in "ab":
            create(signet, name, parentId=doomed)
        statuses = race(signet, *[("DELETE", path(signet, doomed), None)] * 4)
        assert 200 in statuses
        assert set(statuses) <= {200, 404}
        assert leftovers(signet, doomed) == []
        assert faults(signet) == []


def test_the_members_are_set_by_several_at_once(signet: Deployment) -> None:
    """From the group's side and the users', at the same time: both sides still agree about each user."""
    user_ids = make_users(signet, 6)
    first, second = group_id(signet, "first"), group_id(signet, "second")
    for number in range(ROUNDS):
        statuses = race(
            signet,
            ("PATCH", path(signet, first), {"experienceUserIds": user_ids[number % 3 :]}),
            ("PATCH", path(signet, first), {"experienceUserIds": user_ids[:3]}),
            ("PATCH", path(signet, second), {"experienceUserIds": user_ids[::-2]}),
            ("PATCH", user_path(signet, user_ids[4]), {"experienceGroupIds": [second]}),
        )
        assert statuses == [200] * 4
        assert faults(signet) == []


def test_members_are_set_while_users_are_deleted(signet: Deployment) -> None:
    """A deleted user is a member of nothing, whichever came first."""
    user_ids = make_users(signet, ROUNDS + 1)
    keeper = user_ids.pop()
    for user_id in user_ids:
        editors = group_id(signet)
        deleted, changed = race(
            signet,
            ("DELETE", user_path(signet, user_id), None),
            ("PATCH", path(signet, editors), {"experienceUserIds": [user_id, keeper]}),
        )
        assert deleted == 200
        assert changed in (200, 400)
        assert user_id not in get(signet, editors)["experienceUserIds"]
        assert faults(signet) == []


@pytest.mark.parametrize("size", [2, 3, 5])
def test_parents_that_would_close_a_cycle_together(signet: Deployment, size: int) -> None:
    """Of requests that are each fine and together a cycle exactly one is refused: the last."""
    for _ in range(ROUNDS):
        ring = [group_id(signet, str(place)) for place in range(size)]
        statuses = race(
            signet,
            *(
                ("PATCH", path(signet, child), {"parentId": parent})
                for child, parent in zip(ring, ring[1:] + ring[:1], strict=True)
            ),
        )
        assert sorted(statuses) == [200] * (size - 1) + [400]
        assert faults(signet) == []


def test_children_come_to_a_group_that_is_being_deleted(signet: Deployment) -> None:
    """A new child and one that moves either lose their parent again, or are told that there is none."""
    outcomes: Counter[int] = Counter()
    for _ in range(ROUNDS):
        top = group_id(signet, "top")
        doomed = group_id(signet, "doomed", parentId=top)
        mover = group_id(signet, "mover")
        deleted, *others = race(
            signet,
            ("DELETE", path(signet, doomed), None),
            ("POST", path(signet), {"name": "new", "parentId": doomed}),
            ("PATCH", path(signet, mover), {"parentId": doomed}),
            ("PATCH", path(signet, doomed), {"parentId": mover}),
        )
        assert deleted == 200
        assert set(others) <= {200, 201, 400, 404}
        outcomes.update(others)
        assert leftovers(signet, doomed) == []
        assert faults(signet) == []
    assert outcomes.keys() & {400, 404}, "it was no race"


def test_a_parent_and_its_child_are_deleted_at_once(signet: Deployment) -> None:
    """Whole lines of groups go at the same time, each out of its own place."""
    (user_id,) = make_users(signet, 1)
    for _ in range(ROUNDS):
        line = [group_id(signet, "0", experienceUserIds=[user_id])]
        for level in range(1, 4):
            line.append(group_id(signet, str(level), parentId=line[-1], experienceUserIds=[user_id]))
        statuses = race(signet, *(("DELETE", path(signet, group), None) for group in line))
        assert statuses == [200] * 4
        assert not [item for item in items(signet) if "#GROUP#" in item["pk"]]
        assert faults(signet) == []

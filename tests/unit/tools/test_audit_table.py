"""The checker of the table finds what it is there to find."""

from typing import Any

import pytest

from tools.audit_table import audit

APP = "APP#" + "a" * 24


def user(user_id: str, **more: Any) -> dict[str, Any]:
    return {
        "pk": f"{APP}#USER#{user_id}",
        "sk": "USER",
        "user_id": user_id,
        "created_at": 1,
        "group_ids": [],
        "password_version": 1,
        **more,
    }


def credential(address: str, user_id: str, version: int = 1) -> dict[str, Any]:
    pk = f"{APP}#EMAIL#{address}"
    return {"pk": pk, "sk": "CREDENTIAL", "user_id": user_id, "password_version": version}


def group(group_id: str, **more: Any) -> dict[str, Any]:
    return {"pk": f"{APP}#GROUP#{group_id}", "sk": "GROUP", "group_id": group_id, **more}


def details(group_id: str, revision: int) -> dict[str, Any]:
    return {"pk": f"{APP}#GROUP#{group_id}", "sk": "DETAILS", "revision": revision}


def child(group_id: str, child_id: str) -> dict[str, Any]:
    return {"pk": f"{APP}#GROUP#{group_id}", "sk": f"CHILD#{child_id}"}


def member(group_id: str, user_id: str, **more: Any) -> dict[str, Any]:
    return {"pk": f"{APP}#GROUP#{group_id}", "sk": f"MEMBER#{user_id}", "user_id": user_id, **more}


ANN = user("ann", normal_email="ann@example.com", group_ids=["g"])
APPLICATION = {"pk": APP, "sk": "APP"}
GENERATION = {"pk": APP, "sk": "GENERATION", "generation": 0}
WHOLE = [
    ANN,
    credential("ann@example.com", "ann"),
    group("g", parent_id="p"),
    group("p", details_revision=2),
    details("p", 2),
    member("g", "ann"),
    child("p", "g"),
]
TOMBSTONE = {"pk": f"{APP}#USER#bob", "sk": "USER", "generation": 1, "deleted_at": 1}
DELETED = {"pk": APP, "sk": "APP", "deleted_at": 1}
PERMISSIONS = {"pk": f"{APP}#USER#x:1", "sk": "PERMISSIONS", "epoch": 0}


def test_a_table_in_order_has_no_faults() -> None:
    """Users, credentials, members, parents, tombstones and users without a credential are in order."""
    external = user("x:1", group_ids=[], unverified_until=5, expires_at=5)
    more = [external, PERMISSIONS, APPLICATION, GENERATION, {"pk": "KEYS", "sk": "RING"}]
    assert audit([*WHOLE, TOMBSTONE, *more]) == []


def test_what_a_deleted_application_has_left_is_in_order() -> None:
    """Its sweep may be anywhere."""
    assert audit([DELETED, *WHOLE[::2]]) == []
    assert audit([DELETED | {"swept": True}]) == []


def test_what_is_outstanding_is_in_order() -> None:
    """A pending member speaks for nobody: its user does, be it none yet, a tombstone, or on its way."""
    cat = user("cat", group_ids=["g", "gone", "going"], outstanding={"g", "gone", "going", "p"})
    pending = [member("g", "cat", pending=True), member("p", "cat", pending=True)]
    unborn, dead = member("g", "dan", pending=True), member("g", "bob", pending=True)
    tombstone = TOMBSTONE | {"outstanding": {"g"}}
    assert audit([*WHOLE, cat, *pending, group("going", deleting=1), unborn, dead, tombstone]) == []


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([*WHOLE, APPLICATION], "the application has no generation"),
        ([*WHOLE, DELETED | {"swept": True}], "was deleted and swept, and has a MEMBER"),
        ([i for i in WHOLE if i["sk"] != "CREDENTIAL"], "user ann has no credential"),
        ([*WHOLE, credential("eve@example.com", "eve")], "belongs to eve, who is no user"),
        ([*WHOLE, TOMBSTONE, credential("bob@example.com", "bob")], "belongs to bob, who is no user"),
        ([*WHOLE, credential("old@example.com", "ann")], "under another address"),
        ([*WHOLE[:1], credential("ann@example.com", "ann", 2), *WHOLE[2:]], "differ in password_version"),
        ([*WHOLE, member("gone", "ann")], "member of gone, which is no group"),
        ([*WHOLE, member("g", "eve")], "member eve, who is no user"),
        ([*WHOLE, member("p", "ann")], "member ann, who does not know"),
        ([i for i in WHOLE if not i["sk"].startswith("MEMBER")], "no member of its group g"),
        ([*WHOLE, details("gone", 1)], "details of gone, which is no group"),
        ([*WHOLE, details("g", 1)], "g and its details differ"),
        ([i for i in WHOLE if i["sk"] != "DETAILS"], "p and its details differ"),
        ([*WHOLE, member("p", "ann", pending=True)], "pending member ann, who does not know"),
        ([*WHOLE, user("cat", outstanding={"g"}), member("g", "cat")], "member cat, who does not know"),
        ([*WHOLE, user("cat", group_ids=["g"], outstanding={"g"})], "no member of its group g"),
        (WHOLE[:-1], "group g is no child of its parent p"),
        ([*WHOLE, child("p", "x")], "p has the child x, which does not know"),
        ([*WHOLE[:3], *WHOLE[4:]], "group g is under p, which is no group"),
        ([*WHOLE[:3], group("p", parent_id="g"), *WHOLE[4:]], "among its own ancestors"),
        ([user("x:1", expires_at=5, unverified_until=5, generation=1)], "expires, with what has ended"),
        ([user("x:1", expires_at=5, unverified_until=5, ended={"a"})], "expires, with what has ended"),
        ([user("x:1", expires_at=5)], "expires at another time than its end"),
        ([*WHOLE, {**PERMISSIONS, "epoch": 1}], "user x:1 has permissions from before a removal"),
    ],
)
def test_each_kind_of_orphan_is_reported(items: list[dict[str, Any]], words: str) -> None:
    """What hangs on nothing is named."""
    assert any(words in fault for fault in audit(items))

"""Permissions under races: real threads on an engine with real transactions."""

from functools import partial
from typing import Any

import jwt
import pytest

from signet import wiring
from signet.errors import Unavailable
from signet.store.attributes import from_attributes
from tests.deployment import Cloud, Deployment
from tests.races import at_once
from tools.audit_table import audit

ROUNDS = 10
USER = "u1"


@pytest.fixture
def signet(engine_cloud: Cloud) -> Any:
    with engine_cloud.deploy() as deployment:
        wiring.table(), wiring.applications(), wiring.signer().issuer()
        mint(deployment)
        yield deployment


def organization(name: object, **more: str) -> dict[str, str]:
    return {"type": "organization", "id": str(name), **more}


def add(signet: Deployment, name: object, **more: str) -> None:
    fields = {"user": {"userId": USER}, "permissions": {"resources": [organization(name, **more)]}}
    signet.invoke("add_permissions", {"applicationId": signet.application_id, **fields})


def remove(signet: Deployment, name: object) -> None:
    fields = {"userId": USER, "permissions": {"resources": [organization(name)]}}
    signet.invoke("remove_permissions", {"applicationId": signet.application_id, **fields})


def mint(signet: Deployment) -> str:
    fields = {"applicationId": signet.application_id, "userId": USER}
    return str(signet.invoke("issue_user_token", fields)["token"])


def ids(resources: list[dict[str, Any]]) -> set[str]:
    return {resource["id"] for resource in resources}


def stored(signet: Deployment) -> set[str]:
    claims = jwt.decode(mint(signet), options={"verify_signature": False})
    return ids(claims.get("permissions", {}).get("resources", []))


def audited(signet: Deployment) -> None:
    assert audit(map(from_attributes, signet.items())) == []


def test_of_those_who_add_at_once_nobody_is_lost(signet: Deployment) -> None:
    """What was answered with a success is stored, however many add to one user."""
    expected: set[str] = set()
    for number in range(ROUNDS):
        names = [f"{number}-{n}" for n in range(5)]
        results = at_once(*(partial(add, signet, name) for name in names))
        assert all(result is None or isinstance(result, Unavailable) for result in results), results
        added = {name for name, result in zip(names, results, strict=True) if result is None}
        assert added
        expected |= added
        found = stored(signet)
        assert expected <= found
        expected = found
    audited(signet)


def test_adding_and_removing_different_resources_at_once(signet: Deployment) -> None:
    """Each does what it says and nothing else: no addition is undone, nothing removed comes back."""
    for number in range(ROUNDS):
        add(signet, f"old-{number}")
        results = at_once(
            partial(add, signet, f"new-{number}"),
            partial(remove, signet, f"old-{number}"),
            partial(add, signet, f"other-{number}"),
            partial(remove, signet, f"nothing-{number}"),
        )
        assert all(result is None or isinstance(result, Unavailable) for result in results), results
        found = stored(signet)
        for name, result in zip(("new", "old", "other"), results, strict=False):
            assert result is not None or (f"{name}-{number}" in found) == (name != "old")
        audited(signet)


def test_a_token_that_is_issued_during_a_removal_is_dead_or_without_it(signet: Deployment) -> None:
    """No token that is good after a removal holds what was removed."""
    for number in range(ROUNDS):
        add(signet, "kept")
        add(signet, "removed")
        results = at_once(*[partial(mint, signet)] * 4, partial(remove, signet, "removed"))
        assert results[-1] is None
        for token in results[:-1]:
            sent = {"applicationId": signet.application_id, "token": token}
            answer = signet.invoke("introspect_token", sent)
            held = ids(answer["permissions"]["resources"]) if answer["active"] else set()
            assert "removed" not in held, number
        audited(signet)


def test_a_token_that_is_issued_while_a_role_gets_lower_is_dead_or_has_the_lower_one(
    signet: Deployment,
) -> None:
    """No token that is good afterwards holds the higher one."""
    for number in range(ROUNDS):
        add(signet, number)
        results = at_once(*[partial(mint, signet)] * 4, partial(add, signet, number, accessRole="viewer"))
        assert results[-1] is None
        for token in results[:-1]:
            sent = {"applicationId": signet.application_id, "token": token}
            answer = signet.invoke("introspect_token", sent)
            held = answer["permissions"]["resources"] if answer["active"] else []
            assert all(one["accessRole"] == "viewer" for one in held), number
        audited(signet)


def test_permissions_and_the_end_of_the_user(signet: Deployment) -> None:
    """A user that is deleted meanwhile keeps nothing that was stored before, and all writes agree."""
    for number in range(ROUNDS):
        here = {"applicationId": signet.application_id}
        signet.invoke("identify", here | {"authToken": mint(signet), "user": {"userId": USER}})
        add(signet, f"before-{number}")
        results = at_once(
            partial(signet.invoke, "delete_user", here | {"experienceUserId": f"ext:{USER}"}),
            partial(add, signet, f"new-{number}"),
            partial(remove, signet, f"before-{number}"),
        )
        for result in results:
            assert not isinstance(result, Exception) or isinstance(result, Unavailable), results
        if not isinstance(results[0], Exception):
            assert stored(signet) <= {f"new-{number}"}
        audited(signet)

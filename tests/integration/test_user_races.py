"""Users under races: real threads on an engine with real transactions; the table is audited after each."""

from functools import partial
from typing import Any

import pytest

from signet import wiring
from signet.errors import Unavailable, UserExists, UserNotFound
from signet.store.attributes import from_attributes
from tests.deployment import Cloud, Deployment
from tests.races import at_once
from tools.audit_table import audit

PASSWORD = "correct horse battery staple"
ROUNDS = 10


@pytest.fixture
def signet(engine_cloud: Cloud) -> Any:
    with engine_cloud.deploy() as deployment:
        wiring.table(), wiring.applications(), wiring.password_hasher()
        yield deployment


def audited(signet: Deployment) -> None:
    assert audit(map(from_attributes, signet.items())) == []


def here(signet: Deployment, **fields: Any) -> dict[str, Any]:
    return {"applicationId": signet.application_id, **fields}


def test_of_those_who_create_the_same_address_one_wins(signet: Deployment) -> None:
    """However many requests race for an address, in whatever case, exactly one user is made."""
    for number in range(ROUNDS):
        spellings = [f"ann{number}@example.com", f"ANN{number}@example.com", f"Ann{number}@Example.com"] * 2
        results = at_once(
            *(
                partial(signet.invoke, "create_user", here(signet, email=email, password=PASSWORD))
                for email in spellings
            )
        )
        refusals = [result for result in results if isinstance(result, Exception)]
        assert len(refusals) == len(spellings) - 1
        assert all(isinstance(refusal, UserExists) for refusal in refusals), refusals
    audited(signet)


def test_changes_of_one_user_all_come_about(signet: Deployment) -> None:
    """Requests that change different fields of a user at once do not undo one another."""
    user = signet.invoke("create_user", here(signet, email="ann@example.com", password=PASSWORD))
    named = here(signet, experienceUserId=user["id"])
    for number in range(ROUNDS):
        changes = {
            "firstName": f"Ann {number}",
            "lastName": f"Lee {number}",
            "email": f"ann{number}@example.com",
            "password": f"{PASSWORD} {number}",
        }
        results = at_once(
            *(partial(signet.invoke, "update_user", named | {name: changes[name]}) for name in changes)
        )
        done = [name for name, r in zip(changes, results, strict=True) if not isinstance(r, Exception)]
        assert all(isinstance(r, Unavailable) for r in results if isinstance(r, Exception)), results
        now = signet.invoke("get_user", named)
        assert all(now[name] == changes[name] for name in done if name != "password")
        audited(signet)


def test_two_who_want_the_same_new_address(signet: Deployment) -> None:
    """Of two users who change to one address at once, one gets it and the other is told."""
    ids = [
        signet.invoke("create_user", here(signet, email=f"u{n}@example.com", password=PASSWORD))["id"]
        for n in range(2)
    ]
    for number in range(ROUNDS):
        results = at_once(
            *(
                partial(
                    signet.invoke,
                    "update_user",
                    here(signet, experienceUserId=user_id, email=f"new{number}@example.com"),
                )
                for user_id in ids
            )
        )
        assert sum(isinstance(result, UserExists) for result in results) == 1, results
        audited(signet)


def test_deleting_races_with_everything_else(signet: Deployment) -> None:
    """A user that is changed, deleted and made anew at once is there whole, or not at all."""
    for number in range(ROUNDS):
        email = f"ann{number}@example.com"
        user = signet.invoke("create_user", here(signet, email=email, password=PASSWORD))
        named = here(signet, experienceUserId=user["id"])
        results = at_once(
            partial(signet.invoke, "delete_user", named),
            partial(signet.invoke, "update_user", named | {"password": f"{PASSWORD} 2"}),
            partial(signet.invoke, "update_user", named | {"email": f"new-{email}"}),
            partial(signet.invoke, "create_user", here(signet, email=email, password=PASSWORD)),
        )
        assert all(isinstance(r, dict | UserNotFound | UserExists | Unavailable) for r in results), results
        audited(signet)
        if isinstance(results[0], dict):
            with pytest.raises(UserNotFound):
                signet.invoke("get_user", named)

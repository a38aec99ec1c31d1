"""Stored permissions and the tokens that hold them: what is taken away is in no token that lives."""

import math
from collections.abc import Mapping
from typing import Any

import jwt
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.deployment import START_MS, Cloud
from tests.effort import examples

RESOURCES: tuple[dict[str, Any], ...] = (
    {"type": "organization", "id": "1"},
    {"type": "document", "id": "1", "organizationId": "1"},
    {"type": "document", "id": "1", "organizationId": "2"},
)
named = st.sampled_from(RESOURCES)
ends = st.integers(0, 12).map(lambda seconds: START_MS // 1000 + seconds)
permitted = st.builds(
    lambda resource, role, end: {**resource, **role, **end},
    named,
    st.sampled_from([{}, {"accessRole": "viewer"}, {"accessRole": "editor"}]),
    st.just({}) | st.fixed_dictionaries({"expiresAt": ends}),
)
steps = st.lists(
    st.tuples(st.just("add"), st.lists(permitted, min_size=1, max_size=3))
    | st.tuples(st.just("remove"), st.lists(named, max_size=2))
    | st.tuples(st.just("wait"), st.integers(1, 4)),
    min_size=1,
    max_size=8,
)


def allows(wider: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether a stored resource covers a right in kind, role and time."""
    return (
        all(wider.get(name) == right.get(name) for name in ("type", "id", "organizationId"))
        and (wider["accessRole"] == "editor" or right["accessRole"] == "viewer")
        and wider.get("expiresAt", math.inf) >= right.get("expiresAt", math.inf)
    )


@settings(max_examples=examples(250))
@given(steps=steps)
def test_no_living_token_holds_what_is_not_stored_any_more(
    moto_cloud: Cloud, steps: list[tuple[str, Any]]
) -> None:
    """Whatever is added, removed and waited for: a token that is good has only rights that are still stored.

    And nothing is ended in vain: a token ends by a removal, or by an addition that takes from what it found.
    """
    with moto_cloud.deploy() as signet:
        here = {"applicationId": signet.application_id, "userId": "u"}
        living: list[str] = [signet.invoke("issue_user_token", here)["token"]]
        for step, argument in steps:
            stored = _permissions(living[-1], signet.clock.now)
            if step == "wait":
                signet.clock.advance(argument)
            else:
                user = {"userId": "u"} if step == "remove" else {"user": {"userId": "u"}}
                wanted = {**user, "permissions": {"resources": argument}}
                signet.invoke(f"{step}_permissions", {"applicationId": signet.application_id, **wanted})
            now = signet.clock.now
            fresh = signet.invoke("issue_user_token", here)["token"]
            after = _permissions(fresh, now)
            takes_away = not all(any(allows(one, right) for one in after) for right in stored)
            ends = step == "remove" or (step == "add" and takes_away)
            for token in living:
                sent = {"applicationId": signet.application_id, "token": token}
                assert signet.invoke("introspect_token", sent)["active"] is not ends, (step, argument)
            living = [*([] if ends else living), fresh]
            for token in living:
                held = _permissions(token, now)
                assert all(any(allows(one, right) for one in after) for right in held), (step, argument)


def _permissions(token: str, now: int) -> list[dict[str, Any]]:
    """What a token allows at a time."""
    claims = jwt.decode(token, options={"verify_signature": False})
    resources = claims.get("permissions", {}).get("resources", [])
    return [one for one in resources if now < one.get("expiresAt", math.inf)]

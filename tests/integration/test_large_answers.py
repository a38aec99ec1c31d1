"""What a GET gave, a PATCH takes: the largest users and groups that there can be."""

import json
from typing import Any

import pytest

from signet.edge.operation import LARGE_BODY_BYTES
from signet.errors import RequestTooLarge
from tests.deployment import PASSWORD, Deployment, put_back

WIDE = "\U0001f600"
"""Four bytes in UTF-8, twelve as ASCII escapes."""

TAGS = {f"{n:0255d}": WIDE * 255 for n in range(64)}
DESCRIPTION = WIDE * 32_767
MEMBERS = 1000


def escaped(value: object) -> bytes:
    return json.dumps(value).encode()


def as_utf8(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def path(signet: Deployment, kind: str, identifier: str) -> str:
    return f"/applications/{signet.application_id}/experience/{kind}/{identifier}"


def give_back(signet: Deployment, kind: str, shown: Any, raw: bytes) -> None:
    """Send back what was shown, and see that nothing changes by it."""
    before = signet.items()
    signet.clock.advance(10)
    answer = signet.http("PATCH", path(signet, kind, shown["id"]), raw=raw, headers=signet.bearer())
    assert answer.status == 200, answer.body[:300]
    assert answer.json == shown
    assert signet.items() == before


def test_the_largest_user(signet: Deployment) -> None:
    """A hundred groups with the longest names, the largest tags: over HTTP, escaped or not, and directly."""
    here = {"applicationId": signet.application_id}
    first = signet.invoke("create_group", here | {"name": WIDE * 255})["id"]
    (group,) = [item for item in signet.items() if item["sk"]["S"] == "GROUP"]
    ids = [first, *(f"{n:024x}" for n in range(99))]
    groups = [json.loads(json.dumps(group).replace(first, one)) for one in ids]
    put_back(signet, [item for item in signet.items() if item != group] + groups)
    fields = {"email": "ann@example.com", "password": PASSWORD, "experienceGroupIds": ids, "userTags": TAGS}
    fields |= {"firstName": WIDE * 1024, "lastName": WIDE * 1024}
    answer = signet.http(
        "POST", f"/applications/{signet.application_id}/experience/users", fields, headers=signet.bearer()
    )
    assert answer.status == 201
    shown = signet.http("GET", path(signet, "users", answer.json["id"]), headers=signet.bearer()).json
    assert shown == answer.json
    assert len(shown["experienceGroups"]) == 100
    assert 32 * 1024 < len(as_utf8(shown)) < len(escaped(shown)) <= LARGE_BODY_BYTES
    give_back(signet, "users", shown, as_utf8(shown))
    give_back(signet, "users", shown, escaped(shown))
    assert signet.invoke("update_user", shown) == shown


def large_group(signet: Deployment, letter: str) -> Any:
    """The largest group, with as many members as an answer lists; their ids are of this letter."""
    here = {"applicationId": signet.application_id}
    made = signet.invoke("issue_user_token", here | {"userId": "first"})["token"]
    signet.invoke("identify", here | {"authToken": made, "user": {"userId": "first"}})
    fields = {"name": WIDE * 255, "description": DESCRIPTION, "groupTags": TAGS}
    group = signet.invoke("create_group", here | fields | {"experienceUserIds": ["ext:first"]})["id"]
    theirs = [item for item in signet.items() if "first" in item["pk"]["S"] + item["sk"]["S"]]
    rest = [item for item in signet.items() if item not in theirs]
    names = [f"{n:04}" + letter * 124 for n in range(MEMBERS)]
    clones = [json.loads(json.dumps(item).replace("first", name)) for name in names for item in theirs]
    put_back(signet, rest + clones)
    shown = signet.http("GET", path(signet, "groups", group), headers=signet.bearer()).json
    assert len(shown["experienceUserIds"]) == MEMBERS
    return shown


@pytest.mark.heavy
@pytest.mark.parametrize("letter", ["x", WIDE])
def test_the_largest_group(signet: Deployment, letter: str) -> None:
    """A thousand members with the longest ids, description and tags: over HTTP, and directly."""
    shown = large_group(signet, letter)
    assert len(as_utf8(shown)) <= LARGE_BODY_BYTES
    give_back(signet, "groups", shown, as_utf8(shown))
    assert signet.invoke("update_group", shown) == shown
    without = {name: value for name, value in shown.items() if name != "experienceUserIds"}
    if letter == "x":
        give_back(signet, "groups", shown, escaped(shown))
    else:
        # As the documentation says: whoever escapes twelve bytes a character leaves the members out.
        assert len(escaped(shown)) > LARGE_BODY_BYTES
        give_back(signet, "groups", shown, escaped(without))


@pytest.mark.parametrize("operation", ["create_user", "update_user", "create_group", "update_group"])
def test_beyond_a_mebibyte_nothing_is_taken(moto_signet: Deployment, operation: str) -> None:
    """Over HTTP, in base64, and directly; a byte less is only judged by its fields."""
    signet = moto_signet
    kind = operation.rpartition("_")[2] + "s"
    url = f"/applications/{signet.application_id}/experience/{kind}"
    method = "POST" if "create" in operation else "PATCH"
    url += "" if method == "POST" else "/" + "f" * 24
    for size, statuses in ((LARGE_BODY_BYTES, {201, 400, 404}), (LARGE_BODY_BYTES + 1, {413})):
        for content_type in ("application/json", "application/octet-stream"):
            headers = {**signet.bearer(), "content-type": content_type}
            raw = b'{"name": "x"}'.ljust(size)
            assert signet.http(method, url, raw=raw, headers=headers).status in statuses, size
    with pytest.raises(RequestTooLarge):
        signet.invoke(operation, {"applicationId": signet.application_id, "name": "x" * LARGE_BODY_BYTES})

"""Permissions that are stored: added, shown, removed, and what tokens make of them."""

from collections.abc import Iterable, Mapping
from typing import Any

import jwt
import pytest

from signet.domain.permissions import MAX_RESOURCES
from signet.errors import InvalidRequest, Unavailable
from signet.store import permissions as store
from signet.store.attributes import from_attributes
from signet.store.permissions import find_permitted_subject
from signet.store.table import Key, Table
from signet.store.users import StaleError, permissions_key
from tests.deployment import START_MS, Deployment, Response
from tools.audit_table import audit

ORG: dict[str, Any] = {"type": "organization", "id": "org1", "accessRole": "editor"}
DENIED = {
    kind: {
        "error": f"User does not have access to {kind}",
        "errorCode": "permission_denied",
        "accessType": "restricted",
    }
    for kind in ("organization", "folder", "document")
}
"""As an example of Velt's reference has it, with the `accessType` that such entries have had since."""
DOC: dict[str, Any] = {"type": "document", "id": "d1", "organizationId": "org1", "accessRole": "viewer"}
FOLDER: dict[str, Any] = {"type": "folder", "id": "f1", "organizationId": "org1", "accessRole": "editor"}


def here(signet: Deployment, **fields: Any) -> dict[str, Any]:
    return {"applicationId": signet.application_id, **fields}


def send(signet: Deployment, verb: str, **data: Any) -> Response:
    headers = {"x-velt-api-key": signet.application_id, "x-velt-auth-token": signet.api_token}
    return signet.http("POST", f"/v2/auth/permissions/{verb}", {"data": data}, headers=headers)


def add(signet: Deployment, *resources: Mapping[str, Any], user_id: str = "u1") -> list[dict[str, Any]]:
    fields = here(signet, user={"userId": user_id}, permissions={"resources": resources})
    stored: list[dict[str, Any]] = signet.invoke("add_permissions", fields)["permissions"]["resources"]
    return stored


def named(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {name: resource[name] for name in ("type", "id", "organizationId") if name in resource}


def remove(signet: Deployment, *resources: Mapping[str, Any], user_id: str = "u1") -> list[dict[str, Any]]:
    fields = here(signet, userId=user_id, permissions={"resources": [named(r) for r in resources]})
    left: list[dict[str, Any]] = signet.invoke("remove_permissions", fields)["permissions"]["resources"]
    return left


def mint(signet: Deployment, user_id: str = "u1", **more: Any) -> str:
    return str(signet.invoke("issue_user_token", here(signet, userId=user_id, **more))["token"])


def permitted(token: str) -> list[dict[str, Any]] | None:
    claims = jwt.decode(token, options={"verify_signature": False})
    resources: list[dict[str, Any]] | None = claims.get("permissions", {}).get("resources")
    return resources


def is_good(signet: Deployment, token: str) -> bool:
    active: bool = signet.invoke("introspect_token", here(signet, token=token))["active"]
    return active


def item(signet: Deployment, kind: str, user_id: str = "u1") -> dict[str, Any] | None:
    found = [from_attributes(one) for one in signet.items()]
    own = [one for one in found if one["pk"].endswith(f"#USER#x:{user_id}") and one["sk"] == kind]
    return own[0] if own else None


def test_the_three_routes_speak_velt_s_words(signet: Deployment) -> None:
    """Requests and answers have the documented shapes."""
    answer = send(signet, "add", user={"userId": "u1"}, permissions={"resources": [ORG, DOC]})
    stored = {"permissions": {"resources": [ORG, DOC]}}
    message = "Permissions added successfully."
    assert answer.json == {"result": {"status": "success", "message": message, "data": stored}}
    answer = send(signet, "get", organizationId="org1", userIds=["u1", "u2"])
    shown = {
        "u1": {
            "organization": {"org1": {"accessRole": "editor"}},
            "documents": {"d1": {"accessRole": "viewer"}},
        },
        "u2": {"organization": {"org1": DENIED["organization"]}},
    }
    message = "User permissions retrieved successfully."
    assert answer.json == {"result": {"status": "success", "message": message, "data": shown}}
    answer = send(signet, "remove", userId="u1", permissions={"resources": [named(ORG)]})
    left = {"permissions": {"resources": [DOC]}}
    message = "Permissions removed successfully."
    assert answer.json == {"result": {"status": "success", "message": message, "data": left}}


def test_a_token_without_permissions_of_its_own_gets_those_that_are_stored(signet: Deployment) -> None:
    """A request's own replace them, an empty list too; who has none has no such claim."""
    assert permitted(mint(signet)) is None
    add(signet, ORG, DOC)
    assert permitted(mint(signet)) == [ORG, DOC]
    assert permitted(mint(signet, "u2")) is None
    assert permitted(mint(signet, permissions={"resources": [FOLDER]})) == [FOLDER]
    assert permitted(mint(signet, permissions={"resources": []})) == []
    credentials = {"apiKey": signet.application_id, "authToken": signet.api_token}
    answer = signet.http("POST", "/v1/auth/token/get", {"data": {**credentials, "userId": "u1"}})
    assert permitted(answer.json["result"]["data"]["token"]) == [ORG, DOC]


def test_adding_again_replaces_the_same_resource_alone(signet: Deployment) -> None:
    """Same type, id and organization: the new one counts; another organization's document is another."""
    add(signet, ORG, DOC)
    other = {**DOC, "organizationId": "org2"}
    assert add(signet, {**DOC, "accessRole": "editor"}, other) == [
        ORG,
        {**DOC, "accessRole": "editor"},
        other,
    ]
    assert add(signet, named(ORG), user_id="u2") == [ORG]


def test_what_has_expired_is_left_out_and_swept(signet: Deployment) -> None:
    """From the very second on it is in no token and no answer; the next write drops it."""
    ends = {**DOC, "expiresAt": signet.clock.now + 10}
    add(signet, ORG, ends)
    signet.clock.advance(9)
    assert permitted(mint(signet)) == [ORG, ends]
    signet.clock.advance(1)
    assert permitted(mint(signet)) == [ORG]
    asked = here(signet, organizationId="org1", userIds=["u1"])
    assert signet.invoke("get_permissions", asked) == {
        "u1": {"organization": {"org1": {"accessRole": "editor"}}}
    }
    stored = item(signet, "PERMISSIONS")
    assert stored is not None
    assert len(stored["resources"]) == 2
    assert add(signet, FOLDER) == [ORG, FOLDER]
    signet.invoke("remove_permissions", here(signet, userId="u1", permissions={"resources": [named(ORG)]}))
    assert permitted(mint(signet)) == [FOLDER]


def test_only_expired_permissions_are_none(signet: Deployment) -> None:
    """A token then has no permissions, as for a user of whom nothing is stored."""
    add(signet, {**DOC, "expiresAt": signet.clock.now + 1})
    signet.clock.advance(1)
    assert permitted(mint(signet)) is None


def test_removing_ends_the_user_s_tokens_at_once(signet: Deployment) -> None:
    """In the very write: none that was issued before is good, the next has what is left."""
    add(signet, ORG, DOC)
    add(signet, ORG, user_id="u2")
    before, other = mint(signet), mint(signet, "u2")
    add(signet, FOLDER)
    assert is_good(signet, before), "to add takes nothing from anybody"
    with signet.counted() as trips:
        assert remove(signet, DOC) == [ORG, FOLDER]
    assert trips[-1] == "dynamodb:TransactWriteItems"
    assert not is_good(signet, before)
    after = mint(signet)
    assert is_good(signet, after)
    assert permitted(after) == [ORG, FOLDER]
    assert is_good(signet, other)
    assert remove(signet, ORG, FOLDER) == []
    assert item(signet, "PERMISSIONS") is None
    assert not is_good(signet, after)
    assert permitted(mint(signet)) is None
    assert add(signet, DOC) == [DOC]
    assert permitted(mint(signet)) == [DOC]
    assert audit(map(from_attributes, signet.items())) == []


def test_removing_what_is_not_stored_ends_tokens_all_the_same(signet: Deployment) -> None:
    """A token may hold it from its own request; the user need never have been seen, and is none by that."""
    token = mint(signet, permissions={"resources": [DOC]})
    assert remove(signet, DOC) == []
    assert not is_good(signet, token)
    user = item(signet, "USER")
    assert user is not None
    assert (user["generation"], "created_at" in user) == (1, False)
    assert item(signet, "PERMISSIONS") is None
    assert is_good(signet, mint(signet))


def test_removing_keeps_an_unverified_user_s_generation(signet: Deployment) -> None:
    """What nothing vouches for expires, but not a generation that counts."""
    signet.invoke("update_application", here(signet, requireJwtToken=False))
    signet.clock.advance(5)
    signet.invoke("identify", here(signet, user={"userId": "u1"}))
    assert "expires_at" in (item(signet, "USER") or {})
    remove(signet, DOC)
    assert "expires_at" not in (item(signet, "USER") or {})


ENDS: dict[str, Any] = {**DOC, "accessRole": "editor", "expiresAt": START_MS // 1000 + 100}


@pytest.mark.parametrize(
    ("stored", "added", "ends"),
    [
        (ORG, {**ORG, "accessRole": "viewer"}, True),
        (DOC, {**DOC, "expiresAt": 4_000_000_000}, True),
        (ENDS, {**ENDS, "expiresAt": ENDS["expiresAt"] - 1}, True),
        (ENDS, {**ENDS, "accessRole": "viewer", "expiresAt": ENDS["expiresAt"] + 1}, True),
        (ENDS, {**ENDS, "expiresAt": START_MS // 1000}, True),
        (ENDS, {**ENDS, "expiresAt": 0}, True),
        (DOC, {**DOC, "accessRole": "editor"}, False),
        (ENDS, {**ENDS, "expiresAt": ENDS["expiresAt"] + 1}, False),
        (ENDS, {name: ENDS[name] for name in ENDS if name != "expiresAt"}, False),
        (ENDS, ENDS, False),
        (ORG, ORG, False),
        (ORG, DOC, False),
        (DOC, {**DOC, "organizationId": "org2", "accessRole": "viewer"}, False),
        ({**ORG, "id": "d1"}, DOC, False),
    ],
)
def test_adding_ends_the_tokens_where_it_takes_away(
    signet: Deployment, stored: dict[str, Any], added: dict[str, Any], ends: bool
) -> None:
    """A lower role, an earlier end or one that has passed, of the same resource; in the very write."""
    add(signet, FOLDER, stored)
    add(signet, stored, user_id="u2")
    before, other = mint(signet), mint(signet, "u2")
    with signet.counted() as trips:
        now_stored = add(signet, added)
    assert trips == ["dynamodb:BatchGetItem", "dynamodb:TransactWriteItems"]
    assert is_good(signet, before) is not ends
    assert is_good(signet, other)
    assert permitted(mint(signet)) == now_stored
    assert is_good(signet, mint(signet))
    assert audit(map(from_attributes, signet.items())) == []


def test_adding_what_has_passed_of_all_that_is_stored_leaves_nothing(signet: Deployment) -> None:
    """As a removal of it would, and the tokens end."""
    add(signet, DOC)
    before = mint(signet)
    assert add(signet, {**DOC, "expiresAt": signet.clock.now}) == []
    assert not is_good(signet, before)
    assert item(signet, "PERMISSIONS") is None


def test_what_has_expired_takes_nothing_away_when_it_is_dropped(signet: Deployment) -> None:
    """It is in no living token either; so whatever is added of it afterwards is new."""
    add(signet, ORG, ENDS)
    signet.clock.advance(100)
    before = mint(signet)
    add(signet, FOLDER)
    add(signet, {**DOC, "expiresAt": signet.clock.now + 1})
    assert is_good(signet, before)


def test_deleting_the_user_removes_its_permissions(signet: Deployment) -> None:
    """With the user in one write; an id that comes back has none, and may be given new ones."""
    signet.invoke("identify", here(signet, authToken=mint(signet), user={"userId": "u1"}))
    add(signet, ORG)
    token = mint(signet)
    signet.invoke("delete_user", here(signet, experienceUserId="ext:u1"))
    assert item(signet, "PERMISSIONS") is None
    assert not is_good(signet, token)
    assert permitted(mint(signet)) is None
    assert add(signet, DOC) == [DOC]
    assert permitted(mint(signet)) == [DOC]
    assert audit(map(from_attributes, signet.items())) == []


def test_a_mint_that_reads_both_sides_of_a_removal_reads_again(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB reads the items of a batch one by one: old permissions never meet the new generation."""
    for end in ("remove_permissions", "delete_user"):
        signet.invoke("identify", here(signet, authToken=mint(signet), user={"userId": "u1"}))
        add(signet, ORG, DOC)
        stale = item(signet, "PERMISSIONS")
        if end == "remove_permissions":
            remove(signet, DOC)
        else:
            signet.invoke("delete_user", here(signet, experienceUserId="ext:u1"))
        assert stale is not None
        find_all, torn = Table.find_all, [stale]
        key = permissions_key(signet.application_id, "x:u1")

        def read(table: Table, keys: Iterable[Key]) -> Any:
            keys = list(keys)
            found = find_all(table, keys)  # noqa: B023 - called within the round
            return found | {key: torn.pop()} if key in keys and torn else found  # noqa: B023

        with monkeypatch.context() as patch:
            patch.setattr(Table, "find_all", read)
            assert permitted(mint(signet)) == ([ORG] if end == "remove_permissions" else None)
        assert torn == []


def test_a_mint_that_never_reads_one_state_gives_up(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it can be tried again, rather than sign what may not be so."""
    monkeypatch.setattr("time.sleep", signet.clock.advance)
    add(signet, ORG)
    stale = item(signet, "PERMISSIONS")
    remove(signet, ORG)
    find_all, key = Table.find_all, permissions_key(signet.application_id, "x:u1")
    monkeypatch.setattr(Table, "find_all", lambda table, keys: {**find_all(table, keys), key: stale})
    with pytest.raises(Unavailable):
        find_permitted_subject(signet.tenant, "u1")


def test_what_is_shown_is_of_one_organization_and_of_what_is_named(signet: Deployment) -> None:
    """Folders and documents that are named, or all; organizations and users of others are not shown."""
    more = {**DOC, "id": "d2", "expiresAt": signet.clock.now + 60}
    add(signet, ORG, DOC, more, FOLDER, {**DOC, "organizationId": "org2"}, {**ORG, "id": "org2"})

    def get(**fields: Any) -> Any:
        asked = here(signet, organizationId="org1", userIds=["u1"], **fields)
        return signet.invoke("get_permissions", asked)["u1"]

    assert get() == {
        "organization": {"org1": {"accessRole": "editor"}},
        "documents": {
            "d1": {"accessRole": "viewer"},
            "d2": {"accessRole": "viewer", "expiresAt": more["expiresAt"]},
        },
        "folders": {"f1": {"accessRole": "editor"}},
    }
    assert get(documentIds=["d2", "d9"], folderIds=[]).keys() == {"organization", "documents"}
    assert get(documentIds=["d2"])["documents"].keys() == {"d2"}
    assert get(documentIds=["d2", "d9"], folderIds=["f1", "f9"]) == {
        "organization": {"org1": {"accessRole": "editor"}},
        "documents": {"d2": get()["documents"]["d2"], "d9": DENIED["document"]},
        "folders": {"f1": {"accessRole": "editor"}, "f9": DENIED["folder"]},
    }
    signet.clock.advance(60)
    assert get(documentIds=["d2"])["documents"] == {"d2": DENIED["document"]}
    other_id, _ = signet.new_application()
    asked = {"applicationId": other_id, "organizationId": "org1", "userIds": ["u1"]}
    assert signet.invoke("get_permissions", asked) == {
        "u1": {"organization": {"org1": DENIED["organization"]}}
    }
    remove(signet, ORG)
    assert get()["organization"] == {"org1": DENIED["organization"]}


def test_an_answer_about_permissions_has_room_for_so_many(moto_signet: Deployment) -> None:
    """Ten thousand pairs of a user and a resource that is named; more are refused with both numbers."""
    signet = moto_signet
    users, documents = [f"u{n}" for n in range(100)], [f"{n}" for n in range(99)]
    answer = send(signet, "get", organizationId="o", userIds=users, documentIds=documents)
    assert answer.status == 200
    assert len(answer.json["result"]["data"]["u99"]["documents"]) == 99
    answer = send(signet, "get", organizationId="o", userIds=users, documentIds=documents, folderIds=["f"])
    assert answer.status == 400
    assert "are asked about 10100 permissions; at most 10000" in answer.json["error"]["message"]


@pytest.mark.parametrize("value", [True, False, None])
def test_velt_s_member_without_a_meaning_here_changes_nothing(signet: Deployment, value: bool | None) -> None:
    """`skipResourceExistenceValidation`, wherever permissions are asked for or given."""
    skip: dict[str, Any] = {"skipResourceExistenceValidation": value}
    answer = send(signet, "add", user={"userId": "u1"}, permissions={"resources": [ORG], **skip}, **skip)
    assert answer.json["result"]["data"] == {"permissions": {"resources": [ORG]}}
    answer = send(signet, "get", organizationId="org1", userIds=["u1"], **skip)
    assert answer.json["result"]["data"] == {"u1": {"organization": {"org1": {"accessRole": "editor"}}}}
    assert permitted(mint(signet, permissions={"resources": [DOC], **skip})) == [DOC]
    answer = send(signet, "remove", userId="u1", permissions={"resources": [named(ORG)], **skip}, **skip)
    assert answer.json["result"]["data"] == {"permissions": {"resources": []}}
    wrong = send(signet, "get", organizationId="org1", userIds=["u1"], skipResourceExistenceValidation=1)
    assert "data.skipResourceExistenceValidation: " in wrong.json["error"]["message"]


def test_more_than_a_hundred_are_refused_with_both_numbers(moto_signet: Deployment) -> None:
    """A hundred and one at once, or with those that are stored; nothing is written."""
    signet = moto_signet
    # As short as can be, so that the token has room for a hundred.
    many = [{"type": "folder", "id": str(n), "organizationId": "1"} for n in range(60)]
    add(signet, *many)
    before = signet.items()
    more = [{"type": "folder", "id": str(n), "organizationId": "2"} for n in range(50)]
    answer = send(signet, "add", user={"userId": "u1"}, permissions={"resources": more})
    message = "data.permissions.resources: would be 110 with those that are stored; at most 100 are kept."
    assert (answer.status, answer.json["error"]["message"]) == (400, message)
    at_once = [*many, *more[:41]]
    for verb, whose in (("add", {"user": {"userId": "u1"}}), ("remove", {"userId": "u1"})):
        answer = send(signet, verb, **whose, permissions={"resources": at_once})
        message = "data.permissions.resources: are 101; at most 100 are taken."
        assert (answer.status, answer.json["error"]["message"]) == (400, message)
    answer = send(signet, "get", organizationId="o", userIds=[str(n) for n in range(101)])
    assert answer.json["error"]["message"] == "data.userIds: are 101; at most 100 are taken."
    assert signet.items() == before


def test_a_hundred_fit(moto_signet: Deployment) -> None:
    """Short ones do, and a token of all of them is issued."""
    stored = add(moto_signet, *({"type": "organization", "id": str(n)} for n in range(MAX_RESOURCES)))
    assert len(stored) == MAX_RESOURCES
    assert permitted(mint(moto_signet)) == stored


def test_what_would_not_fit_a_token_is_refused_with_both_numbers(moto_signet: Deployment) -> None:
    """What is taken can be issued, to the last resource; nothing is written of what is refused."""
    signet = moto_signet
    for number in range(MAX_RESOURCES):
        before = signet.items()
        try:
            add(signet, {"type": "document", "id": f"d{number}" * 20, "organizationId": "org1"})
        except InvalidRequest as refusal:
            assert refusal.message.startswith("The user token would have 8")  # noqa: PT017 - with its state
            assert refusal.message.endswith("bytes; at most 8192 are issued.")  # noqa: PT017
            break
        assert len(mint(signet)) <= 8192
    assert signet.items() == before
    assert 20 < number < MAX_RESOURCES


@pytest.mark.parametrize(
    ("verb", "data", "message"),
    [
        ("add", {"permissions": {"resources": []}}, "data.user: is required."),
        ("add", {"user": {}, "permissions": {"resources": []}}, "data.user.userId: is required."),
        ("add", {"user": {"userId": "u1"}}, "data.permissions: is required."),
        (
            "add",
            {"user": {"userId": "u1", "name": "A"}, "permissions": {"resources": []}},
            "data.user.name: is unknown",
        ),
        ("remove", {"user": {"userId": "u1"}, "permissions": {"resources": []}}, "data.userId: is required."),
        (
            "remove",
            {"userId": "u1", "permissions": {"resources": [ORG]}},
            "data.permissions.resources[0].accessRole: ",
        ),
        ("get", {"userIds": ["u1"]}, "data.organizationId: is required."),
        ("get", {"organizationId": "o", "userIds": []}, "data.userIds: "),
        ("get", {"organizationId": "o", "userIds": ["u1", 2]}, "data.userIds[1]: must be a string."),
        ("get", {"organizationId": "o", "userIds": "u1"}, "data.userIds: must be a list."),
        (
            "get",
            {"organizationId": "o", "userIds": ["u1"], "groupId": "g"},
            "data.groupId: is unknown; it is org",
        ),
    ],
)
def test_a_faulty_field_is_named(
    moto_signet: Deployment, verb: str, data: dict[str, Any], message: str
) -> None:
    """By its path, with what would be right, and nothing is written."""
    before = moto_signet.items()
    answer = send(moto_signet, verb, **data)
    assert answer.status == 400
    assert message in answer.json["error"]["message"], answer.json
    assert moto_signet.items() == before


def test_an_external_id_is_no_user_of_the_api(signet: Deployment) -> None:
    """Permissions for an id that looks like an API user's do not touch that user."""
    demo = signet.demo()
    remove(signet, DOC, user_id=demo["userId"])
    assert is_good(signet, demo["sessionToken"])
    assert item(signet, "USER", demo["userId"]) is not None


@pytest.mark.parametrize("has_some", [False, True])
@pytest.mark.parametrize("comes_and_goes", [False, True])
@pytest.mark.parametrize("removes", [False, True])
def test_a_write_is_conditioned_on_what_was_read(
    signet: Deployment, has_some: bool, comes_and_goes: bool, removes: bool
) -> None:
    """A write from an older reading is refused, also where what was read has gone and come again."""
    tenant = signet.tenant
    write = store.narrow_permissions if removes else store.widen_permissions
    remove(signet, DOC)  # so that there is an epoch
    if has_some:
        add(signet, ORG)
    before = find_permitted_subject(tenant, "u1")
    add(signet, FOLDER)
    if comes_and_goes:
        for resource in (FOLDER, ORG):
            remove(signet, resource)
        if has_some:
            add(signet, ORG)
    items = signet.items()
    if removes and not has_some:
        # Nothing was there to be taken away: it ends tokens, and leaves what came meanwhile.
        write(tenant, "u1", before, [])
        assert permitted(mint(signet)) == (None if comes_and_goes else [FOLDER])
    else:
        with pytest.raises(StaleError):
            write(tenant, "u1", before, [DOC])
        assert signet.items() == items
    assert audit(map(from_attributes, signet.items())) == []

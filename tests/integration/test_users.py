"""POST, GET, PATCH and DELETE /applications/{applicationId}/experience/users."""

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from signet import wiring
from signet.aws.client import Refused
from signet.errors import InvalidRequest, Unavailable, UserExists, UserNotFound
from signet.store.users import StaleError, change_user
from signet.usecases.users import get_user
from tests.deployment import PASSWORD, Deployment, Response

ANN = {"email": "Ann@Example.com", "password": "correct horse battery staple"}
CREATED = "2027-01-15T08:00:00.123Z"


def users(signet: Deployment, user_id: str = "") -> str:
    return f"/applications/{signet.application_id}/experience/users" + (f"/{user_id}" if user_id else "")


def send(signet: Deployment, method: str, user_id: str = "", body: object = None) -> Response:
    return signet.http(method, users(signet, user_id), body, headers=signet.bearer())


def create(signet: Deployment, **more: Any) -> Any:
    answer = send(signet, "POST", body=ANN | more)
    assert answer.status == 201, answer.body
    return answer.json


def here(signet: Deployment, **fields: Any) -> dict[str, Any]:
    return {"applicationId": signet.application_id, **fields}


def generation(signet: Deployment, user_id: str) -> int:
    (item,) = [
        i for i in signet.items() if i["pk"]["S"].endswith(f"#USER#{user_id}") and i["sk"]["S"] == "USER"
    ]
    return int(item["generation"]["N"])


def identity_generation(signet: Deployment, email: str) -> int:
    items = [item for item in signet.items() if item["pk"]["S"].endswith(f"#IDENTITY#{email}")]
    return int(items[0]["generation"]["N"]) if items else 0


def test_a_new_user(signet: Deployment) -> None:
    """Creating answers 201 with the user as Losant's clients read it, and nothing secret."""
    user = create(signet, firstName="Ann", lastName="Lee", userTags={"plan": "free"})
    user_id = user["id"]
    assert re.fullmatch(r"[0-9a-f]{24}", user_id)
    assert user == {
        "id": user_id,
        "experienceUserId": user_id,
        "applicationId": signet.application_id,
        "creationDate": CREATED,
        "lastUpdated": CREATED,
        "passwordLastUpdated": CREATED,
        "lastLogin": None,
        "email": "Ann@Example.com",
        "emailVerified": True,
        "firstName": "Ann",
        "lastName": "Lee",
        "avatarUrl": None,
        "tokenCutoff": None,
        "userTags": {"plan": "free"},
        "experienceGroups": [],
    }
    shown = send(signet, "GET", user_id)
    assert (shown.status, shown.json) == (200, user)
    assert "$argon2id$" in repr(signet.items())
    assert ANN["password"] not in repr(signet.items())


def test_the_usual_extra_parameters_and_headers_of_clients_do_no_harm(signet: Deployment) -> None:
    """Losant's clients send query parameters and headers of their own; they change nothing."""
    extra = "?_actions=false&_links=true&_embedded=true"
    headers = {**signet.bearer(), "accept-version": "^1.20.0", "accept": "application/json"}
    made = signet.http("POST", users(signet) + extra, ANN, headers=headers)
    assert made.status == 201
    path = users(signet, made.json["id"]) + extra
    assert signet.http("GET", path, headers=headers).json == made.json
    assert signet.http("PATCH", path, {}, headers=headers).json == made.json
    deleted = signet.http("DELETE", path, {}, headers=headers)
    assert (deleted.status, deleted.json) == (200, {"success": True})


@pytest.mark.parametrize("spelling", ["ann@example.com", "ANN@EXAMPLE.COM", "Ann@example.COM"])
def test_an_email_address_belongs_to_one_user_whatever_its_case(signet: Deployment, spelling: str) -> None:
    """A second user with the address is a 409, and nothing is written."""
    create(signet)
    before = signet.items()
    answer = send(signet, "POST", body=ANN | {"email": spelling})
    assert (answer.status, answer.json["type"]) == (409, "AlreadyExists")
    assert signet.items() == before


def test_an_email_address_is_unique_within_an_application_only(signet: Deployment) -> None:
    """Another application may have a user with the same address."""
    create(signet)
    signet.application_id, signet.api_token = signet.new_application()
    create(signet)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"email": "ann"}, "email: is not a valid e-mail address"),
    ({"email": ""}, "email: must not be blank"),
    ({"email": 5}, "email: must be a string"),
    ({"email": "a" * 1020 + "@example.com"}, "email: must have at most 1024"),
    ({"emailVerified": "no"}, "emailVerified: must be true or false"),
    ({"password": "1234567"}, "password:"),
    ({"password": "x" * 2049}, "password:"),
    ({"password": "iloveyou"}, "password: is one of the most common"),
    ({"password": "ILoveYou"}, "password: is one of the most common"),
    ({"password": None}, "password: must not be null"),
    ({"firstName": "x" * 1025}, "firstName: must have at most 1024"),
    ({"lastName": 5}, "lastName: must be a string"),
    ({"tokenCutoff": "yesterday"}, "tokenCutoff: must be a date-time"),
    (
        {"tokenCutoff": "2026-11-20T10:00:00"},
        "tokenCutoff: must be a date-time from 1970 to 9999 with a time zone",
    ),
    ({"tokenCutoff": "0001-01-01T00:00:00+01:00"}, "tokenCutoff: must be a date-time from 1970 to 9999"),
    ({"tokenCutoff": "1970-01-01T00:00:00+01:00"}, "tokenCutoff: must be a date-time from 1970 to 9999"),
    ({"tokenCutoff": 5}, "tokenCutoff: must be a string"),
    ({"tokenCutoff": "2027-01-15T08:01:00.124Z"}, "tokenCutoff: lies more than 60 seconds"),
    ({"userTags": {"a b": "c"}}, "userTags"),
    ({"userTags": {"a": ""}}, "userTags"),
    ({"userTags": {"a": 5}}, "userTags"),
    ({"userTags": {"a": "x" * 256}}, "userTags"),
    ({"userTags": {"x" * 256: "a"}}, "userTags"),
    ({"userTags": {str(n): "x" for n in range(65)}}, "userTags"),
    ({"userTags": None}, "userTags"),
    ({"experienceGroupIds": ["nonsense"]}, "experienceGroupIds: holds 'nonsense'"),
    ({"experienceGroupIds": ["f" * 24]}, f"experienceGroupIds: there is no group {'f' * 24}"),
    (
        {"experienceGroupIds": [f"{n:024x}" for n in range(101)]},
        "experienceGroupIds: has too many elements; at most 100 are taken.",
    ),
    ({"experienceGroupIds": None}, "experienceGroupIds"),
    ({"emial": "x"}, "emial: is unknown"),
    ({"isAdmin": True}, "isAdmin: is unknown"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_field_is_named_and_nothing_is_written(
    signet: Deployment, fields: dict[str, Any], message: str
) -> None:
    """The same fields are refused for a new user and for a change of one, with the field's name."""
    user = create(signet, email="bob@example.com")
    before = signet.items()
    for answer in (send(signet, "POST", body=ANN | fields), send(signet, "PATCH", user["id"], fields)):
        assert answer.status == 400, answer.body
        assert answer.json["type"] == "Validation"
        assert message in answer.json["message"], answer.json["message"]
        assert str(fields.get("password") or "no password") not in answer.json["message"]
    assert signet.items() == before


def test_a_new_user_needs_an_address_and_a_password(signet: Deployment) -> None:
    """Both are named at once."""
    message = send(signet, "POST", body={"firstName": "Ann"}).json["message"]
    assert "email: is required." in message
    assert "password: is required." in message


def test_the_bounds_of_every_field_are_taken(signet: Deployment) -> None:
    """The longest of everything that the contract allows is stored and shown."""
    fields = {
        "password": "ü" * 2048,
        "firstName": "x" * 1024,
        "lastName": "",
        "userTags": {f"{n:0255d}": "x" for n in range(63)} | {"y": "y" * 255},
        "tokenCutoff": "2027-01-15T08:01:00.123Z",
    }
    user = create(signet, **fields)
    for name in ("firstName", "lastName", "userTags", "tokenCutoff"):
        assert user[name] == fields[name]


def test_what_a_client_has_read_it_may_send_back(signet: Deployment) -> None:
    """A PATCH that gives back what a GET gave changes nothing and ends nothing."""
    user = create(signet, firstName="Ann", userTags={"a": "b"}, tokenCutoff="2026-01-01T00:00:00Z")
    before = signet.items()
    signet.clock.advance(100)
    answer = send(signet, "PATCH", user["id"], user)
    assert (answer.status, answer.json) == (200, user)
    assert send(signet, "PATCH", user["id"], {}).json == user
    assert signet.items() == before


def test_what_a_client_has_read_by_an_address_it_may_send_back(signet: Deployment) -> None:
    """A path that names the user by the address takes the body whose ids are that user's, and no other's."""
    user, other = create(signet), create(signet, email="bob@example.com")
    before = signet.items()
    answer = send(signet, "PATCH", "ann@example.com", send(signet, "GET", "ann@example.com").json)
    assert (answer.status, answer.json) == (200, user)
    ids = {name: other[name] for name in ("id", "experienceUserId")}
    for wrong in (ids, {"experienceUserId": other["id"]}, {**user, **ids}, user | {"id": other["id"]}):
        assert send(signet, "PATCH", "ann@example.com", {**wrong, "firstName": "Anna"}).status == 400
    for odd in (None, 5, "", [user["id"]]):
        answer = send(signet, "PATCH", "ann@example.com", {"experienceUserId": odd, "firstName": "Anna"})
        assert answer.status == 400
    assert signet.items() == before


@pytest.mark.parametrize("name", ["id", "experienceUserId", "applicationId"])
def test_a_path_and_a_body_that_disagree_are_refused(signet: Deployment, name: str) -> None:
    """An id in the body that is not the path's is no way to another user, and a sign of a mistake."""
    user = create(signet)
    other = create(signet, email="bob@example.com")
    before = signet.items()
    for wrong in (other[name] if name != "applicationId" else "e" * 24, "ext:u1", "", None, 5, [user[name]]):
        answer = send(signet, "PATCH", user["id"], {"firstName": "Anna", name: wrong})
        assert answer.status == 400, wrong
        assert name in answer.json["message"]
    assert signet.items() == before
    assert send(signet, "PATCH", user["id"].upper(), user).json == user
    assert send(signet, "PATCH", user["id"], {name: user[name].upper()}).json == user
    if name != "applicationId":
        for named in (user["id"], "ann@example.com"):
            with pytest.raises(InvalidRequest, match="id: is another user's"):
                signet.invoke("update_user", here(signet, experienceUserId=named, id=other["id"]))


CHANGES: list[tuple[dict[str, Any], bool, bool]] = [
    # The change; whether it ends the user's tokens; whether it ends the old address's identity tokens.
    ({"firstName": "Anna"}, False, False),
    ({"lastName": None}, False, False),
    ({"emailVerified": False}, False, False),
    ({"userTags": {"x": "y"}}, False, False),
    ({"email": "ANN@example.com"}, False, False),
    ({"email": "anna@example.com"}, True, True),
    ({"password": "another horse battery"}, True, True),
    ({"password": ANN["password"]}, True, True),
    ({"email": "anna@example.com", "password": "another horse battery"}, True, True),
    ({"tokenCutoff": "2027-01-15T08:00:08.000Z"}, False, False),
    ({"tokenCutoff": "2027-01-15T08:00:09.124Z"}, True, False),
    ({"tokenCutoff": "2027-01-15T08:00:10.123Z"}, True, False),
    ({"tokenCutoff": "2027-01-15T08:01:10.123Z"}, True, False),
    ({"tokenCutoff": "2026-12-01T00:00:00Z"}, True, False),  # Earlier than it was.
    ({"tokenCutoff": None}, True, False),
    ({"experienceGroupIds": []}, False, False),
]


@pytest.mark.parametrize(
    ("change", "ends_tokens", "ends_identity"), CHANGES, ids=lambda value: str(value)[:50]
)
def test_a_change_ends_the_tokens_that_it_must(
    signet: Deployment, change: dict[str, Any], ends_tokens: bool, ends_identity: bool
) -> None:
    """The change is stored, and the generations rise in the same write where the contract says so."""
    user = create(signet, lastName="Lee", tokenCutoff="2027-01-01T00:00:00Z")
    signet.clock.advance(10)
    answer = send(signet, "PATCH", user["id"], change)
    assert answer.status == 200, answer.body
    assert send(signet, "GET", user["id"]).json == answer.json
    for name, value in change.items():
        if name in answer.json and name != "tokenCutoff":
            assert answer.json[name] == value
    assert generation(signet, user["id"]) == int(ends_tokens)
    assert identity_generation(signet, "ann@example.com") == int(ends_identity)


def test_a_password_is_hashed_anew_and_its_date_moves(signet: Deployment) -> None:
    """Setting a password writes another hash, and the time of it."""
    user = create(signet)

    def credential() -> Any:
        (item,) = [item for item in signet.items() if item["sk"]["S"] == "CREDENTIAL"]
        return item

    before = credential()
    signet.clock.advance(1)
    changed = send(signet, "PATCH", user["id"], {"password": ANN["password"]}).json
    assert changed["passwordLastUpdated"] == changed["lastUpdated"] == "2027-01-15T08:00:01.123Z"
    assert credential()["password_hash"] != before["password_hash"]
    assert int(credential()["password_version"]["N"]) == 2


def test_another_address_takes_the_credential_along(signet: Deployment) -> None:
    """The credential moves with its hash, the old address is free, and the new one is taken."""
    user = create(signet)
    moved = send(signet, "PATCH", user["id"], {"email": "anna@example.com"})
    assert moved.status == 200
    credentials = {i["pk"]["S"].rpartition("#")[2] for i in signet.items() if i["sk"]["S"] == "CREDENTIAL"}
    assert credentials == {"anna@example.com"}
    assert send(signet, "POST", body=ANN | {"email": "ANNA@example.com"}).status == 409
    other = create(signet)
    taken = send(signet, "PATCH", other["id"], {"email": "anna@example.com", "firstName": "Eve"})
    assert (taken.status, taken.json["type"]) == (409, "AlreadyExists")
    assert send(signet, "GET", other["id"]).json == other


def test_an_address_is_verified_unless_who_gives_it_says_otherwise(signet: Deployment) -> None:
    """So for a new user and for another address; what says nothing of it leaves it as it was."""
    user = create(signet, emailVerified=False)
    assert not user["emailVerified"]
    for change, is_verified in (
        ({"firstName": "Anna"}, False),
        ({"email": "ANN@example.com"}, False),
        ({"email": "anna@example.com"}, True),
        ({"email": "ann@example.com", "emailVerified": False}, False),
        ({"emailVerified": True}, True),
    ):
        assert send(signet, "PATCH", user["id"], change).json["emailVerified"] == is_verified, change
    send(signet, "DELETE", user["id"])
    assert create(signet)["emailVerified"]


def test_who_has_no_address_has_none_to_verify(signet: Deployment) -> None:
    """It is null then, which changes nothing where it is sent back."""
    token = signet.invoke("issue_user_token", here(signet, userId="u1"))["token"]
    signet.invoke("identify", here(signet, authToken=token, user={"userId": "u1"}))
    user = send(signet, "GET", "ext:u1").json
    assert user["emailVerified"] is None
    before = signet.items()
    for fields in (user, {"emailVerified": False}, {"emailVerified": True}):
        assert send(signet, "PATCH", "ext:u1", fields).json == user
    assert signet.items() == before
    assert send(signet, "PATCH", "ext:u1", user | ANN).json["emailVerified"]


def test_a_deleted_user_leaves_a_tombstone(signet: Deployment) -> None:
    """Deleting takes everything of the person away, ends the tokens, and keeps the generation."""
    user = create(signet, firstName="Ann", userTags={"a": "b"})
    signet.clock.advance(1)
    answer = send(signet, "DELETE", user["id"], {})
    assert (answer.status, answer.json) == (200, {"success": True})
    kept = [item for item in signet.items() if item["pk"]["S"].count("#") > 1]
    assert kept == [
        {
            "pk": {"S": f"APP#{signet.application_id}#IDENTITY#ann@example.com"},
            "sk": {"S": "IDENTITY"},
            "ended_because": {"S": "userDeleted"},
            "generation": {"N": "1"},
        },
        {
            "pk": {"S": f"APP#{signet.application_id}#USER#{user['id']}"},
            "sk": {"S": "USER"},
            "ended_because": {"S": "userDeleted"},
            "generation": {"N": "1"},
            "password_version": {"N": "2"},
            "revision": {"N": "1"},
            "deleted_at": {"N": str(signet.clock.milliseconds)},
        },
    ]
    for method, body in (("GET", None), ("PATCH", {"firstName": "A"}), ("DELETE", {})):
        gone = send(signet, method, user["id"], body)
        assert (gone.status, gone.json["type"]) == (404, "NotFound")
    assert create(signet)["id"] != user["id"]


@pytest.mark.parametrize(
    "user_id", ["f" * 24, "nonsense", "ext:nobody", "x:nobody", "ext:", "bob@example.com", "@", "ann@"]
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_user_is_not_found(moto_signet: Deployment, method: str, user_id: str) -> None:
    """What names no user is a 404, and nothing comes of it."""
    create(moto_signet)
    before = moto_signet.items()
    answer = send(moto_signet, method, user_id, {} if method == "PATCH" else None)
    assert (answer.status, answer.json["type"]) == (404, "NotFound")
    assert moto_signet.items() == before


def test_a_path_may_name_a_user_by_its_address(signet: Deployment) -> None:
    """In any case, as long as it is the user's; then it is free for another one."""
    user = create(signet, firstName="Ann")
    assert send(signet, "GET", "ANN@example.com").json == user
    changed = send(signet, "PATCH", "%20ann@example.com", {"id": user["id"], "firstName": "Anna"})
    assert (changed.status, changed.json["firstName"]) == (200, "Anna")
    assert send(signet, "PATCH", "ann@example.com", {"email": "anna@example.com"}).status == 200
    assert send(signet, "GET", "ann@example.com").status == 404
    assert send(signet, "DELETE", "anna@example.com", {}).json == {"success": True}
    assert send(signet, "GET", user["id"]).status == 404


def test_white_space_around_an_address_is_dropped(signet: Deployment) -> None:
    """Phone keyboards put it there: where a user is made, changed and logs in."""
    user = create(signet, email=" ann@example.com\n")
    assert user["email"] == "ann@example.com"
    path = f"/applications/{signet.application_id}/experience/login"
    for email in ("ann@example.com ", "\tANN@example.com", "\u00a0ann@example.com"):
        answer = signet.http("POST", path, {"email": email, "password": ANN["password"]})
        assert answer.status == 200, email
    changed = send(signet, "PATCH", user["id"], {"email": "ann@example.com "})
    assert (changed.json["email"], changed.json["lastUpdated"]) == ("ann@example.com", user["lastUpdated"])


def test_the_direct_invocations_do_the_same(signet: Deployment) -> None:
    """Create, look, change and delete by direct invocation; refusals are raised under their codes."""
    here = {"applicationId": signet.application_id}
    user = signet.invoke("create_user", here | ANN)
    named = here | {"experienceUserId": user["id"]}
    assert signet.invoke("get_user", named) == user
    assert signet.invoke("update_user", named | {"firstName": "Ann"})["firstName"] == "Ann"
    with pytest.raises(UserExists):
        signet.invoke("create_user", here | ANN)
    with pytest.raises(InvalidRequest, match="experienceUserId: is required"):
        signet.invoke("get_user", here)
    assert signet.invoke("delete_user", named) == {"success": True}
    with pytest.raises(UserNotFound):
        signet.invoke("get_user", named)


def test_a_conflict_is_tried_again_and_a_duplicate_is_not(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that met another one is repeated; one whose condition failed is a refusal at once."""
    monkeypatch.setattr("time.sleep", signet.clock.advance)
    client = wiring.table().client
    real = client.call
    reasons = itertools.chain([["None", "TransactionConflict"]] * 3, itertools.repeat(None))
    calls: list[int] = []

    def call(operation: str, request: Any) -> Any:
        if operation == "TransactWriteItems":
            calls.append(1)
            codes = next(reasons)
            if codes is not None:
                raise _cancelled(codes)
        return real(operation, request)

    monkeypatch.setattr(client, "call", call)
    signet.invoke("create_user", here(signet, email="ann@example.com", password=PASSWORD))
    assert len(calls) == 4
    with pytest.raises(UserExists):
        signet.invoke("create_user", here(signet, email="ann@example.com", password=PASSWORD))
    assert len(calls) == 5
    reasons = itertools.repeat(["TransactionConflict", "None"])  # type: ignore[assignment]
    with pytest.raises(Unavailable):
        signet.invoke("create_user", here(signet, email="bob@example.com", password=PASSWORD))


def test_a_conflict_beside_a_refusal_is_a_refusal(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one part met another write and another part's condition failed, the condition decides."""
    client = wiring.table().client
    real = client.call

    def call(operation: str, request: Any) -> Any:
        if operation == "TransactWriteItems":
            raise _cancelled(["TransactionConflict", "ConditionalCheckFailed"])
        return real(operation, request)

    monkeypatch.setattr(client, "call", call)
    with pytest.raises(UserExists):
        signet.invoke("create_user", here(signet, email="bob@example.com", password=PASSWORD))


def _cancelled(codes: list[str]) -> Exception:
    details = {"CancellationReasons": [{"Code": code} for code in codes]}
    return Refused(400, "TransactionCanceledException", "cancelled", details)


def test_a_change_is_conditioned_on_what_was_read(signet: Deployment) -> None:
    """A write that was decided on an outdated user writes nothing."""
    user = signet.invoke("create_user", here(signet, email="ann@example.com", password=PASSWORD))
    before = get_user(signet.tenant, user["id"])
    signet.invoke("update_user", here(signet, experienceUserId=user["id"], firstName="Ann"))
    items = signet.items()
    after = replace(before, last_name="Lee", revision=before.revision + 1)
    with pytest.raises(StaleError):
        change_user(signet.tenant, before, after)
    assert signet.items() == items


def test_a_date_of_no_year_that_is_taken_costs_no_list_and_no_log_in(signet: Deployment) -> None:
    """A cutoff that an earlier version let in does not make everything fail that shows its user."""
    user = create(signet)
    (item,) = [item for item in signet.items() if item["pk"]["S"].endswith(user["id"])]
    signet.put_item(item | {"token_cutoff": {"N": "-62135600400000"}})
    shown = user | {"tokenCutoff": "1970-01-01T00:00:00.000Z"}
    assert send(signet, "GET", user["id"]).json == shown
    assert send(signet, "GET").json["items"] == [shown]
    log_in = signet.http("POST", f"/applications/{signet.application_id}/experience/login", ANN)
    assert (log_in.status, log_in.json["user"]["tokenCutoff"]) == (200, shown["tokenCutoff"])
    assert signet.invoke("export_users", here(signet))["users"] == 1

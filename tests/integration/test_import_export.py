"""import_users and export_users: files of JSON lines in the transfer bucket."""

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import bcrypt
import pytest

from signet import wiring
from signet.domain.passwords.hasher import Argon2Hash
from signet.edge.fields.transfer import write_line
from signet.errors import (
    ApplicationNotFound,
    CredentialsMissing,
    FileNotFound,
    InvalidRequest,
    Unavailable,
    UnsupportedEvent,
    UserExists,
)
from signet.store.attributes import from_attributes
from signet.store.listing import user_entries
from signet.store.memberships import add_user
from signet.store.users import credential_key, find_password_hash, find_user
from signet.usecases import exporting, import_files, importing
from signet.usecases.progress import Progress
from tests.deployment import Deployment
from tools.audit_table import audit

PASSWORD = "correct horse battery staple"
BCRYPT = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
ANN = {"email": "Ann@Example.com", "passwordHash": BCRYPT}
BOB = {"email": "bob@example.com", "passwordHash": BCRYPT}


def lines(*users: Mapping[str, object]) -> bytes:
    return b"".join(json.dumps(user).encode() + b"\n" for user in users)


def put(signet: Deployment, content: bytes, name: str = "users") -> str:
    key = f"import/{signet.application_id}/{name}.jsonl"
    signet.put_file(key, content)
    return key


def start(signet: Deployment, content: bytes, name: str = "users", **more: str) -> Any:
    return signet.invoke(
        "import_users", {"applicationId": signet.application_id, "key": put(signet, content, name), **more}
    )


def counts(read: int, created: int = 0, exists: int = 0, refused: int = 0) -> dict[str, int]:
    return {"read": read, "created": created, "exists": exists, "refused": refused}


def report(signet: Deployment, result: Mapping[str, Any]) -> Any:
    return json.loads(signet.files()[result["report"]])


def problems(signet: Deployment, result: Mapping[str, Any]) -> dict[int, tuple[str, str, str]]:
    """Of each line that the report names: what became of it, the code, and the words."""
    return {
        one["line"]: (one["outcome"], one["code"], one["message"])
        for one in report(signet, result)["problems"]
    }


def user_ids(signet: Deployment) -> list[str]:
    return [item["user_id"]["S"] for item in signet.items() if item["sk"]["S"] == "USER"]


def listed(signet: Deployment, application_id: str, token: str) -> list[dict[str, Any]]:
    path = f"/applications/{application_id}/experience/users"
    items: list[dict[str, Any]] = signet.http("GET", path, headers=signet.bearer(token)).json["items"]
    return items


def can_log_in(signet: Deployment, application_id: str, normal_email: str, password: str = PASSWORD) -> bool:
    password_hash = find_password_hash(signet.tenant_of(application_id), normal_email)
    return password_hash is not None and wiring.password_hasher().verify(password_hash, password)


def sound(signet: Deployment) -> bool:
    return audit(map(from_attributes, signet.items())) == []


def export(signet: Deployment, application_id: str | None = None) -> list[dict[str, Any]]:
    event = {"applicationId": application_id or signet.application_id}
    result = signet.invoke("export_users", event)
    while signet.waiting:
        result = signet.go_on()
    exported = [json.loads(line) for line in signet.files()[result["key"]].splitlines()]
    assert (result["status"], result["users"]) == ("complete", len(exported))
    return exported


def test_users_with_a_password_or_a_hash(signet: Deployment) -> None:
    """Both can log in, and everything that a line says of a user is kept."""
    group = signet.http(
        "POST",
        f"/applications/{signet.application_id}/experience/groups",
        {"name": "Staff"},
        headers=signet.bearer(),
    ).json["id"]
    cara: dict[str, Any] = {
        "email": "Cara@Example.com",
        "password": PASSWORD,
        "firstName": "Cára",
        "lastName": "Lee",
        "emailVerified": False,
        "userTags": {"plan": "free"},
        "experienceGroupIds": [group],
        "tokenCutoff": "2026-01-01T00:00:00.000Z",
        "creationDate": "2024-02-29T12:00:00.000Z",
        "id": "0123456789abcdef01234567",
    }
    result = start(signet, lines(cara, ANN))
    assert result["status"] == "complete"
    assert result["counts"] == counts(2, created=2)
    assert report(signet, result)["problems"] == []
    ann, found = listed(signet, signet.application_id, signet.api_token)
    assert found.pop("experienceGroups") == [{"id": group, "name": "Staff", "parentId": None}]
    assert found["experienceUserId"] == found["id"]
    kept = {name: value for name, value in cara.items() if name not in ("password", "experienceGroupIds")}
    assert found | kept == found
    assert (ann["email"], ann["creationDate"]) == ("Ann@Example.com", "2027-01-15T08:00:00.123Z")
    assert can_log_in(signet, signet.application_id, "cara@example.com")
    assert can_log_in(signet, signet.application_id, "ann@example.com")
    assert sound(signet)


def test_an_exported_application_lives_on_in_an_empty_one(signet: Deployment) -> None:
    """Export, import elsewhere, export again: the same lines, ids and hashes too, and the users log in."""
    ann = {**ANN, "userTags": {"a": "1"}, "creationDate": "2024-02-29T12:00:00.000Z"}
    start(signet, lines(ann, BOB, {"email": "cara@example.com", "password": PASSWORD}))
    exported = export(signet)
    assert [user["email"] for user in exported] == ["Ann@Example.com", "bob@example.com", "cara@example.com"]
    assert exported[0] | {"passwordHash": BCRYPT, "creationDate": "2024-02-29T12:00:00.000Z"} == exported[0]
    other_id, other_token = signet.new_application()
    key = f"import/{other_id}/users.jsonl"
    signet.put_file(key, lines(*exported))
    result = signet.invoke("import_users", {"applicationId": other_id, "key": key})
    assert result["counts"] == counts(3, created=3)
    assert export(signet, other_id) == exported
    for email in ("ann@example.com", "bob@example.com", "cara@example.com"):
        assert can_log_in(signet, other_id, email)
    assert len(listed(signet, other_id, other_token)) == 3
    assert sound(signet)


def log_in(signet: Deployment, email: str, password: str) -> int:
    path = f"/applications/{signet.application_id}/experience/login"
    return signet.http("POST", path, {"email": email, "password": password}).status


def test_who_logs_in_first_locks_nobody_out_behind_72_bytes(signet: Deployment) -> None:
    """What stands behind them bcrypt never saw, so no new hash is made of what the first log-in has there."""
    long = PASSWORD * 3
    password_hash = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    start(signet, lines({"email": "ann@example.com", "passwordHash": password_hash}, BOB))
    assert log_in(signet, "ann@example.com", long[:72] + "another tail") == 200
    assert log_in(signet, "ann@example.com", long) == 200
    assert find_password_hash(signet.tenant, "ann@example.com") == password_hash
    assert log_in(signet, "bob@example.com", PASSWORD) == 200
    assert "$argon2id$" in str(find_password_hash(signet.tenant, "bob@example.com"))


def test_a_user_without_a_password_gets_in_once_one_is_set(signet: Deployment) -> None:
    """Whoever used a social log-in elsewhere holds the address, and no password is right until then."""
    start(signet, lines({"email": "Ann@example.com", "passwordHash": None, "id": "a" * 24}))
    here = {"applicationId": signet.application_id}
    user = signet.invoke("get_user", {**here, "experienceUserId": "a" * 24})
    assert (user["email"], user["passwordLastUpdated"]) == ("Ann@example.com", None)
    with pytest.raises(UserExists):
        signet.invoke("create_user", {**here, "email": "ann@example.com", "password": PASSWORD})
    token = signet.invoke("issue_session_token", {**here, "experienceUserId": "a" * 24})["token"]
    attempt = {**here, "authMode": "tokenEmail", "token": token, "email": "ann@example.com"}
    assert signet.invoke("authenticate", attempt)["authenticated"]
    attempt |= {"authMode": "tokenEmailPassword"}
    for password in ("", PASSWORD, "None", "null"):
        assert log_in(signet, "ann@example.com", password) == 401
        assert signet.invoke("authenticate", {**attempt, "password": password}) == {"authenticated": False}
    change = {**here, "experienceUserId": "a" * 24, "email": "ann@example.com", "password": PASSWORD}
    assert signet.invoke("update_user", change)["passwordLastUpdated"] is not None
    assert log_in(signet, "ann@example.com", PASSWORD) == 200
    assert not signet.invoke("introspect_token", {**here, "token": token})["active"], "as after any password"
    assert sound(signet)


def test_a_user_without_a_password_may_move_and_go(signet: Deployment) -> None:
    """Another address takes the credential along, still without a password; a deletion frees it."""
    start(signet, lines({"email": "ann@example.com", "passwordHash": None, "id": "a" * 24}))
    here = {"applicationId": signet.application_id, "experienceUserId": "a" * 24}
    assert signet.invoke("update_user", {**here, "email": "zoe@example.com"})["email"] == "zoe@example.com"
    assert log_in(signet, "zoe@example.com", "") == 401
    assert find_password_hash(signet.tenant, "ann@example.com") is None
    signet.invoke("update_user", {**here, "firstName": "Zoe"})
    assert export(signet)[0] | {"passwordHash": None, "email": "zoe@example.com"} == export(signet)[0]
    signet.invoke("delete_user", here)
    assert sound(signet)
    assert start(signet, lines({**ANN, "email": "zoe@example.com"}), "again")["counts"] == counts(
        1, created=1
    )


def test_who_has_no_password_costs_what_a_wrong_password_costs(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody learns from outside who has none: the same trips, the same hash, the same answer."""
    made = wiring.password_hasher().hash(PASSWORD)
    start(
        signet,
        lines({**ANN, "passwordHash": made}, {**BOB, "passwordHash": None, "id": "b" * 24}),
    )
    log_in(signet, "bob@example.com", "wrong password")  # A warm container.
    computed: list[bytes] = []
    matches = Argon2Hash.matches

    def compute_and_note(stored: Argon2Hash, text: bytes) -> bool:
        computed.append(text)
        return matches(stored, text)

    monkeypatch.setattr(Argon2Hash, "matches", compute_and_note)
    seen = []
    for email in ("ann@example.com", "bob@example.com", "nobody@example.com"):
        computed.clear()
        with signet.counted() as trips:
            assert log_in(signet, email, "wrong pässword") == 401
        seen.append((list(trips), list(computed)))
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0][1]) == 2, "of two spellings"


def test_users_with_ids_of_the_application_s_own_come_along(signet: Deployment) -> None:
    """With and without a password, with what identify brought; unverified users and tombstones do not."""
    here = {"applicationId": signet.application_id}
    signet.invoke("update_application", {**here, "requireJwtToken": False})
    signet.clock.advance(5)
    properties = {"isAdmin": True, "organizationId": "org1", "email": "Ann@example.com", "name": "Ann"}
    for user_id, given in (("u1", properties), ("u2", {}), ("ü 3", {}), ("gone", {})):
        token = signet.invoke("issue_user_token", {**here, "userId": user_id, "userProperties": given})[
            "token"
        ]
        contacts = [{"userId": "u9", "email": "bob@example.com"}]
        user = {
            "userId": user_id,
            "photoUrl": "https://example.com/a.png",
            "plan": "paid",
            "contacts": contacts,
        }
        data = {"apiKey": signet.application_id, "authToken": token, "user": user}
        assert signet.http("POST", "/v1/identify", {"data": data}).status == 200
    data = {"apiKey": signet.application_id, "user": {"userId": "unverified"}}
    assert signet.http("POST", "/v1/identify", {"data": data}).status == 200
    signet.invoke("delete_user", {**here, "experienceUserId": "ext:gone"})
    change = {"experienceUserId": "ext:u2", "email": "u2@example.com", "password": PASSWORD}
    signet.invoke("update_user", {**here, **change})
    exported = export(signet)
    assert [user["id"] for user in exported] == ["ext:u1", "ext:u2", "ext:ü 3"]
    assert exported[0]["isAdmin"] is True
    assert exported[0]["profile"]["organizationId"] == "org1"
    assert "passwordHash" not in exported[0]
    other_id, other_token = signet.new_application()
    key = f"import/{other_id}/users.jsonl"
    signet.put_file(key, lines(*exported))
    event = {"applicationId": other_id, "key": key, "importId": "mine"}
    assert signet.invoke("import_users", event)["counts"] == counts(3, created=3)
    assert export(signet, other_id) == exported
    signet.invoke("update_user", {"applicationId": other_id, "experienceUserId": "ext:u1", "firstName": "A"})
    again = signet.invoke("import_users", {**event, "importId": "again"})
    assert again["counts"] == counts(3, exists=3)
    path = f"/applications/{other_id}/experience/login"
    given = {"email": "u2@example.com", "password": PASSWORD}
    assert signet.http("POST", path, given, headers=signet.bearer(other_token)).status == 200
    signet.invoke("delete_user", {"applicationId": other_id, "experienceUserId": "ext:ü 3"})
    assert not any("mine:3" in repr(item) for item in signet.items()), "a tombstone holds nothing more"
    assert sound(signet)


def test_a_user_who_came_along_is_identified(signet: Deployment) -> None:
    """Nobody has changed the user since the import made it."""
    start(signet, lines({"id": "ext:u1", "profile": {"name": "Ann"}}))
    here = {"applicationId": signet.application_id}
    token = signet.invoke("issue_user_token", here | {"userId": "u1"})["token"]
    for name in ("Anna", "Anne"):
        user = {"userId": "u1", "name": name}
        data = {"apiKey": signet.application_id, "authToken": token, "user": user}
        assert signet.http("POST", "/v1/identify", {"data": data}).status == 200
        shown = signet.invoke("get_user", here | {"experienceUserId": "ext:u1"})
        assert shown["profile"]["name"] == name


def test_what_is_there_stays_as_it_is(signet: Deployment) -> None:
    """Neither an address, an id nor a tombstone is touched: the lines are reported, and cost no other one."""
    start(signet, lines({**ANN, "id": "a" * 24}, {**BOB, "id": "b" * 24}))
    path = f"/applications/{signet.application_id}/experience/users/{'b' * 24}"
    assert signet.http("DELETE", path, headers=signet.bearer()).status == 200
    before = signet.items()
    other = {"passwordHash": BCRYPT, "firstName": "Other"}
    result = start(
        signet,
        lines(
            {**other, "email": "ANN@example.com"},
            {**other, "email": "x@example.com", "id": "a" * 24},
            {**other, "email": "y@example.com", "id": "b" * 24},
            {**other, "email": "ann@example.com", "id": "b" * 24},
        ),
        "again",
    )
    assert result["counts"] == counts(4, exists=4)
    assert {outcome[:2] for outcome in problems(signet, result).values()} == {("exists", "UserExists")}
    assert signet.items() == before
    assert start(signet, lines({**BOB, "id": "c" * 24}), "third")["counts"] == counts(1, created=1)
    assert sound(signet)


def test_of_two_lines_for_one_user_the_first_counts(signet: Deployment) -> None:
    """Lines are imported several at a time, but never out of turn where that shows."""
    many = [{**ANN, "email": f"User{n % 20}@example.com", "firstName": str(n)} for n in range(60)]
    result = start(signet, lines(*many))
    assert result["counts"] == counts(60, created=20, exists=40)
    assert sorted(problems(signet, result)) == list(range(21, 61))
    assert {user["firstName"] for user in export(signet)} == {str(n) for n in range(20)}


REFUSED: list[tuple[bytes, str, str]] = [
    (b"{", "InvalidRequest", "The line is not valid JSON"),
    (b"[]", "InvalidRequest", "The line must be a JSON object"),
    (b'{"email": "\xff"}', "InvalidRequest", "The line is not UTF-8"),
    (b'{"email": "a@example.com", "email": "b@example.com"}', "InvalidRequest", "more than once"),
    (lines({"email": "x@example.com"})[:-1], "InvalidRequest", "password: is required, or else passwordHash"),
    (lines({"id": "ext:u", "passwordHash": BCRYPT})[:-1], "InvalidRequest", "stands without an email"),
    (lines({"id": "ext:u", "password": PASSWORD})[:-1], "InvalidRequest", "stands without an email"),
    (lines({"id": "ext:"})[:-1], "InvalidRequest", "id: is no user id: 24 hex digits, or ext:"),
    (lines({**ANN, "isAdmin": True})[:-1], "InvalidRequest", "isAdmin: is what users have whose id begins"),
    (lines({**ANN, "profile": {}})[:-1], "InvalidRequest", "profile: is what users have whose id begins"),
    (
        lines({"id": "ext:u", "profile": {"photoUrl": "javascript:x"}})[:-1],
        "InvalidRequest",
        "an http or https",
    ),
    (
        lines({"id": "ext:u", "profile": {"plan": "é" * 1024, "type": "é" * 1024}})[:-1],
        "InvalidRequest",
        "bytes of plan, type",
    ),
    (lines({"id": "ext:u", "profile": {"plam": "x"}})[:-1], "InvalidRequest", "profile.plam: is unknown"),
    (
        lines({**ANN, "passwordHash": None, "passwordLastUpdated": "2024-01-01T00:00:00Z"})[:-1],
        "InvalidRequest",
        "stands without a password",
    ),
    (lines({**ANN, "lastLogin": "2030-01-01T00:00:00Z"})[:-1], "InvalidRequest", "lastLogin: must lie in"),
    (lines({**ANN, "password": PASSWORD})[:-1], "InvalidRequest", "give one of the two"),
    (lines({**ANN, "password": None})[:-1], "InvalidRequest", "password: must not be null"),
    (lines({"email": "x@example.com", "password": "short"})[:-1], "InvalidRequest", "is too short"),
    (lines({"email": "x@example.com", "passwordHash": "md5"})[:-1], "InvalidRequest", "no supported form"),
    (lines({"passwordHash": BCRYPT})[:-1], "InvalidRequest", "email: is required"),
    (lines({**ANN, "email": None})[:-1], "InvalidRequest", "email: is required"),
    (lines({**ANN, "email": "nobody"})[:-1], "InvalidRequest", "not a valid e-mail address"),
    (lines({**ANN, "phone": "+14155552671"})[:-1], "InvalidRequest", "phone: is unknown"),
    (lines({**ANN, "id": "G" * 24})[:-1], "InvalidRequest", "id: is no user id"),
    (lines({**ANN, "creationDate": "2030-01-01T00:00:00Z"})[:-1], "InvalidRequest", "lie in the past"),
    (lines({**ANN, "creationDate": "1960-01-01T00:00:00Z"})[:-1], "InvalidRequest", "from 1970 to 9999"),
    (lines({**ANN, "tokenCutoff": "0001-01-01T00:00:00+01:00"})[:-1], "InvalidRequest", "from 1970 to 9999"),
    (lines({**ANN, "creationDate": "yesterday"})[:-1], "InvalidRequest", "creationDate: must be a date-time"),
    (lines({**ANN, "tokenCutoff": "2030-01-01T00:00:00Z"})[:-1], "InvalidRequest", "in the future"),
    (lines({**ANN, "firstName": "x" * 300_000})[:-1], "RequestTooLarge", "more than 262144 bytes"),
]


def test_the_longest_user_comes_back(signet: Deployment) -> None:
    """Whatever a request can make of a user is exported, and imported again."""
    longest = {
        "email": f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.com",
        "password": PASSWORD,
        "firstName": "\x01" * 1024,
        "lastName": "\x01" * 1024,
        "userTags": {f"{n:0255}": "\x01" * 255 for n in range(64)},
    }
    made = signet.invoke("create_user", {"applicationId": signet.application_id, **longest})
    (line,) = export(signet)
    other, _ = signet.new_application()
    key = f"import/{other}/users.jsonl"
    signet.put_file(key, lines(line))
    assert signet.invoke("import_users", {"applicationId": other, "key": key})["counts"] == counts(
        1, created=1
    )
    again = signet.invoke("get_user", {"applicationId": other, "experienceUserId": made["id"]})
    assert again == made | {"applicationId": other}


def test_a_bad_line_is_named_and_costs_no_other(signet: Deployment) -> None:
    """Each refusal says which line and why; the lines between are imported."""
    good = [{**ANN, "email": f"user{n}@example.com"} for n in range(len(REFUSED))]
    content = b"".join(bad + b"\n" + lines(user) for (bad, _, _), user in zip(REFUSED, good, strict=True))
    result = start(signet, content)
    total = len(REFUSED)
    assert result["counts"] == counts(2 * total, created=total, refused=total)
    named = problems(signet, result)
    assert list(named) == list(range(1, 2 * total, 2))
    for (_, code, words), (outcome, named_code, message) in zip(REFUSED, named.values(), strict=True):
        assert (outcome, named_code) == ("refused", code)
        assert words in message
        assert len(message) <= 500
    assert sound(signet)


def test_no_password_and_no_hash_comes_into_report_or_log(
    moto_signet: Deployment, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not even those of lines that are refused."""
    signet = moto_signet
    secrets = [
        "hunter2hunter2",
        "short",
        "$2b$04$damaged",
        "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA",
        BCRYPT,
    ]
    content = lines(
        {"email": "a@example.com", "password": secrets[0]},
        {"email": "b@example.com", "password": secrets[1]},
        {"email": "c@example.com", "passwordHash": secrets[2]},
        {"email": "d@example.com", "passwordHash": secrets[3]},
        {"email": "e@example.com", "passwordHash": BCRYPT, "password": secrets[0]},
        {"email": "f@example.com", "passwordHash": BCRYPT},
        {"email": "f@example.com", "passwordHash": BCRYPT},
        {"email": "g@example.com", "password": {"is": secrets[0]}},
    )
    result = start(signet, content)
    assert result["counts"] == counts(8, created=2, exists=1, refused=5)
    said = json.dumps(result) + signet.files()[result["report"]].decode() + "".join(capfd.readouterr())
    for secret in secrets:
        assert secret not in said.replace("is too short", "")


def test_blank_lines_other_line_ends_and_a_byte_order_mark(signet: Deployment) -> None:
    """They are tolerated; a blank line counts in the numbering and for nothing else."""
    content = b"\xef\xbb\xbf" + lines(ANN).replace(b"\n", b"\r\n") + b"\r\n \n" + lines(BOB)[:-1]
    result = start(signet, content)
    assert result["counts"] == counts(2, created=2)
    assert report(signet, result)["lines"] == 4


@pytest.mark.parametrize("members", [1, 3])
def test_a_file_may_be_compressed(signet: Deployment, members: int) -> None:
    """By gzip, in one member or in several; its name may say so, and need not."""
    people = [{**ANN, "email": f"{number}@example.com"} for number in range(6)]
    size = len(people) // members
    parts = [lines(*people[place : place + size]) for place in range(0, len(people), size)]
    compressed = b"".join(map(gzip.compress, parts))
    result = start(signet, compressed)
    assert result["counts"] == counts(read=6, created=6)
    key = f"import/{signet.application_id}/users.jsonl.gz"
    signet.put_file(key, compressed)
    result = signet.invoke("import_users", {"applicationId": signet.application_id, "key": key})
    assert result["counts"] == counts(read=6, exists=6)
    assert can_log_in(signet, signet.application_id, "5@example.com")


def test_a_compressed_import_goes_on_in_further_invocations(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it stopped: no line is read twice, and none is left out."""
    slow(signet, monkeypatch)
    people = [{**ANN, "email": f"{number}@example.com"} for number in range(7)]
    result = start(signet, gzip.compress(lines(*people)))
    invocations = 1
    while signet.waiting:
        result = signet.go_on()
        invocations += 1
    assert invocations > 2
    assert (result["status"], result["counts"]) == ("complete", counts(read=7, created=7))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" + lines(ANN), "is a JSON array; `jq -c '.[]' users.json`"),
        (b"\xef\xbb\xbf\n [\n" + lines(ANN), "is a JSON array; `jq -c '.[]' users.json`"),
        (json.dumps(ANN, indent=2).encode(), "go over several lines; `jq -c . users.json`"),
        (lines(ANN).decode().encode("utf-16"), "is in UTF-16; `iconv -f UTF-16 -t UTF-8 users.json`"),
        (lines(ANN).decode().encode("utf-16-le"), "is in UTF-16; `iconv -f UTF-16 -t UTF-8 users.json`"),
        (gzip.compress(b"[" + lines(ANN)), "is a JSON array; `jq -c '.[]' users.json`"),
        (gzip.compress(lines(ANN))[:-9], "is damaged: its gzip stops in the middle; upload all of it"),
        (gzip.compress(lines(ANN))[:20] + b"x" * 40, "is damaged: what begins like gzip"),
        (gzip.compress(lines(ANN)) + b"more", "is damaged: what begins like gzip"),
    ],
    ids=[
        "array",
        "array below",
        "pretty",
        "UTF-16",
        "UTF-16 LE",
        "gzip'd array",
        "cut off",
        "damaged",
        "followed",
    ],
)
def test_a_file_of_another_kind_is_refused_as_a_whole(signet: Deployment, content: bytes, words: str) -> None:
    """Once, with the way to a file that is taken, and not line by line; the report says it too."""
    with pytest.raises(InvalidRequest) as refusal:
        start(signet, content, importId="strange")
    assert words in refusal.value.message
    path = f"reports/{signet.application_id}/strange/report.json"
    state = json.loads(signet.files()[path])
    assert (state["status"], state["code"]) == ("refused", "InvalidRequest")
    assert words in state["message"]
    assert state["problems"] == []


def test_a_file_that_grows_without_end_is_given_up(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file cannot keep imports busy for days; no file of users is so regular."""
    signet = moto_signet
    monkeypatch.setattr(import_files, "FREE_BYTES", 1000)
    bomb = gzip.compress(b"\n" * 20_000)
    with pytest.raises(InvalidRequest, match="more than 100 times its size"):
        start(signet, bomb, importId="bomb")
    path = f"reports/{signet.application_id}/bomb/report.json"
    assert json.loads(signet.files()[path])["status"] == "refused"
    people = [{**ANN, "email": f"user{number}@example.com"} for number in range(30)]
    result = start(signet, gzip.compress(lines(*people)), "second")
    assert result["counts"] == counts(read=30, created=30)


def test_what_comes_out_of_gzip_is_never_held_as_a_whole(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kilobyte that becomes a megabyte comes block by block, whatever it holds."""
    monkeypatch.setattr(import_files, "BLOCK_BYTES", 1000)
    content = b" " * 1_000_000 + b"\n" + lines(ANN)
    key = put(signet, gzip.compress(content))
    head = wiring.transfer_bucket().head(key)
    state = {"key": key, "size": head.size, "etag": head.etag, "offset": 0}
    blocks = list(import_files.read_blocks(wiring.transfer_bucket(), state))
    assert max(map(len, blocks)) <= 1000
    assert b"".join(blocks) == content


def test_a_file_of_members_without_end_costs_no_more_than_its_size(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left behind a member, of which there may be one every 20 bytes, is not copied over and over."""
    empty = gzip.compress(b"", mtime=0)
    content = empty * (2**18 // len(empty)) + gzip.compress(lines(ANN))
    key = put(moto_signet, content)
    head = wiring.transfer_bucket().head(key)
    state = {"key": key, "size": head.size, "etag": head.etag, "offset": 0}
    given: list[int] = []
    real = zlib.decompressobj

    class Counted:
        def __init__(self, wbits: int) -> None:
            self._stream = real(wbits)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

        def decompress(self, data: bytes, max_length: int) -> bytes:
            given.append(len(data))
            return self._stream.decompress(data, max_length)

    monkeypatch.setattr(zlib, "decompressobj", Counted)
    assert b"".join(import_files.read_blocks(wiring.transfer_bucket(), state)) == lines(ANN)
    assert sum(given) < 500 * len(content)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\n"])
def test_a_file_without_users(signet: Deployment, content: bytes) -> None:
    """It is complete at once."""
    result = start(signet, content)
    assert (result["status"], result["counts"]) == ("complete", counts(0))


def test_groups_that_do_not_exist_are_left_out_and_said(signet: Deployment) -> None:
    """The user is made, for nobody shall be locked out, and the report says without which groups."""
    group = signet.http(
        "POST",
        f"/applications/{signet.application_id}/experience/groups",
        {"name": "Staff"},
        headers=signet.bearer(),
    ).json["id"]
    result = start(signet, lines({**ANN, "experienceGroupIds": [group, "e" * 24]}, BOB))
    assert result["counts"] == counts(2, created=2)
    outcome, code, message = problems(signet, result)[1]
    assert (outcome, code) == ("created", "GroupNotFound")
    assert "e" * 24 in message
    assert group not in message
    assert export(signet)[0]["experienceGroupIds"] == [group]
    assert sound(signet)


def make_groups(signet: Deployment, number: int) -> list[str]:
    path = f"/applications/{signet.application_id}/experience/groups"
    return sorted(
        signet.http("POST", path, {"name": str(n)}, headers=signet.bearer()).json["id"] for n in range(number)
    )


def test_a_hundred_groups(signet: Deployment) -> None:
    """More than one transaction takes."""
    groups = make_groups(signet, 100)
    assert start(signet, lines({**ANN, "experienceGroupIds": groups}))["counts"] == counts(1, created=1)
    assert export(signet)[0]["experienceGroupIds"] == groups
    assert sound(signet)


def slow(signet: Deployment, monkeypatch: pytest.MonkeyPatch, chunk_lines: int = 2) -> None:
    """Small chunks, of which each takes all the time that an invocation has."""
    monkeypatch.setattr(importing, "CHUNK_LINES", chunk_lines)
    monkeypatch.setattr(import_files, "BLOCK_BYTES", 100)
    make = importing._Chunks.run

    def run(self: Any, chunk: Iterable[importing.Line]) -> Any:
        signet.clock.advance(850)
        return make(self, chunk)

    monkeypatch.setattr(importing._Chunks, "run", run)


def test_a_long_import_goes_on_in_further_invocations(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each begins behind the last byte of the one before; the counts are those of all."""
    slow(signet, monkeypatch)
    people = [{**ANN, "email": f"user{n}@example.com"} for n in range(5)]
    result = start(signet, lines(*people, people[0]), importId="mine")
    assert (result["status"], result["counts"]) == ("running", counts(2, created=2))
    assert signet.waiting[0][1] == {
        "applicationId": signet.application_id,
        "key": f"import/{signet.application_id}/users.jsonl",
        "importId": "mine",
    }
    invocations = 1
    while signet.waiting:
        result = signet.go_on()
        invocations += 1
    assert invocations == 3
    assert (result["status"], result["counts"]) == ("complete", counts(6, created=5, exists=1))
    assert list(problems(signet, result)) == [6]
    assert result["report"] == f"reports/{signet.application_id}/mine/report.json"
    assert sound(signet)


@pytest.mark.parametrize("dies_at", range(1, 5))
def test_an_invocation_that_dies_and_is_tried_again_spoils_nothing(
    signet: Deployment, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """Whichever report it could not save, in the end each line has counted once and as what it was."""
    groups = make_groups(signet, 60)
    monkeypatch.setattr(importing, "CHUNK_LINES", 2)
    people: list[Mapping[str, object]] = [{**ANN, "email": f"user{n}@example.com"} for n in range(4)]
    content = lines(
        *people, people[1], {**ANN, "experienceGroupIds": groups}, {"email": "bad"}, {"id": "ext:u"}
    )
    saves = 0
    save = Progress.save

    def fail_once(self: Any) -> None:
        nonlocal saves
        saves += 1
        if saves == dies_at:
            raise KeyboardInterrupt
        save(self)

    monkeypatch.setattr(Progress, "save", fail_once)
    with pytest.raises(KeyboardInterrupt):
        start(signet, content, importId="mine")
    result = start(signet, content, importId="mine")
    assert (result["status"], result["counts"]) == ("complete", counts(8, created=6, exists=1, refused=1))
    assert list(problems(signet, result)) == [5, 7]
    assert start(signet, content, importId="mine") == result
    assert len(export(signet)) == 6
    assert sound(signet)


def test_of_an_import_that_runs_twice_one_goes_on(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda may deliver an invocation twice; the one that finds the report changed stops."""
    signet = moto_signet
    slow(signet, monkeypatch)
    people = [{**ANN, "email": f"user{n}@example.com"} for n in range(4)]
    content = lines(*people)
    make = importing._Chunks.run
    other: list[Any] = []

    def run(self: Any, chunk: Iterable[importing.Line]) -> Any:
        handled = make(self, chunk)
        if not other:
            other.append(None)
            other[0] = start(signet, content, importId="mine")
            signet.clock.advance(-850)  # They run at the same time.
        return handled

    monkeypatch.setattr(importing._Chunks, "run", run)
    mine = start(signet, content, importId="mine")
    assert other[0]["counts"] == counts(2, created=2)
    assert mine["status"] == "running"
    assert len(signet.waiting) == 1, "only the one that saved the report goes on"
    assert signet.go_on()["counts"] == counts(4, created=4)


def test_a_lost_answer_of_s3_is_no_other_invocation(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's second attempt fails on its own first one, which had come through."""
    signet = moto_signet
    client = wiring.make_client("s3")
    send = client.transport.send

    def twice(operation: str, request: Any) -> Any:
        answer = send(operation, request)
        return send(operation, request) if "IfMatch" in request or "IfNoneMatch" in request else answer

    monkeypatch.setattr(client.transport, "send", twice)
    assert start(signet, lines(ANN))["counts"] == counts(1, created=1)


def test_a_file_that_changes_meanwhile_is_refused(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The offset would lead anywhere in another file; the report says so."""
    signet = moto_signet
    slow(signet, monkeypatch)
    people = [{**ANN, "email": f"user{n}@example.com"} for n in range(4)]
    result = start(signet, lines(*people), importId="mine")
    put(signet, lines(*people, BOB))
    with pytest.raises(InvalidRequest, match="changed"):
        signet.go_on()
    assert report(signet, result)["status"] == "refused"
    assert len(user_ids(signet)) == 2


def test_many_problems_go_into_further_files(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report stays small; each line is named once."""
    signet = moto_signet
    monkeypatch.setattr(importing, "PROBLEMS_SHOWN", 10)
    monkeypatch.setattr(importing, "CHUNK_LINES", 7)
    result = start(signet, b"x\n" * 45)
    assert result["counts"] == counts(45, refused=45)
    shown = report(signet, result)
    assert shown["problemFiles"] == 4
    named = [one["line"] for one in shown["problems"]]
    assert len(named) <= 10
    for number in range(4, 0, -1):
        more = signet.files()[result["report"].replace("report.json", f"problems-{number}.jsonl")]
        named = [json.loads(line)["line"] for line in more.splitlines()] + named
    assert named == list(range(1, 46))


def object_created(key: str, event_id: str = "event-1", **more: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": wiring.transfer_bucket().name}, "object": {"key": key}},
        **more,
    }


def test_a_new_file_is_imported_by_its_event(signet: Deployment) -> None:
    """The application is the one that the key names; an event that comes twice is one import."""
    event = object_created(put(signet, lines(ANN)))
    result = signet.invoke("import_users", event)
    assert result["counts"] == counts(1, created=1)
    assert result["report"] == f"reports/{signet.application_id}/event-1/report.json"
    assert signet.invoke("import_users", event) == result


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (f"import/{'f' * 24}/users.jsonl", "ApplicationNotFound"),
        ("import/users.jsonl", "InvalidRequest"),
        ("import/ABC/users.jsonl", "InvalidRequest"),
        ("import/<applicationId>/gone.jsonl", "FileNotFound"),
    ],
)
def test_an_event_that_is_refused_leaves_a_report(moto_signet: Deployment, key: str, code: str) -> None:
    """Nobody waits for the answer, and Lambda shall not try again what cannot succeed."""
    signet = moto_signet
    key = key.replace("<applicationId>", signet.application_id)
    result = signet.invoke("import_users", object_created(key))
    assert (result["status"], result["code"]) == ("refused", code)
    shown = report(signet, result)
    assert (shown["key"], shown["code"]) == (key, code)
    assert re.fullmatch(r"reports/([0-9a-f]{24}|unknown)/event-1/report\.json", result["report"])
    assert user_ids(signet) == []


@pytest.mark.parametrize(
    "more",
    [
        {"detail-type": "Object Deleted"},
        {"detail": {"bucket": {"name": "another"}, "object": {"key": "import/x/y.jsonl"}}},
    ],
)
def test_other_events_of_s3_are_refused(moto_signet: Deployment, more: dict[str, Any]) -> None:
    """Only a new file in the transfer bucket is an import."""
    event = object_created("import/x/y.jsonl", **more)
    with pytest.raises(UnsupportedEvent):
        moto_signet.invoke("import_users", event)


def test_a_notification_of_s3_itself_is_refused(moto_signet: Deployment) -> None:
    """The bucket speaks through EventBridge; an event of another shape must not count as a direct call."""
    with pytest.raises(UnsupportedEvent):
        moto_signet.invoke("import_users", {"Records": [{"eventSource": "aws:s3"}]})


def test_a_direct_import_that_is_refused(moto_signet: Deployment) -> None:
    """The refusal is raised: a missing file, another application's file, another import's id."""
    signet = moto_signet
    own = {"applicationId": signet.application_id}
    with pytest.raises(FileNotFound):
        signet.invoke("import_users", own | {"key": f"import/{signet.application_id}/gone.jsonl"})
    other_id, _ = signet.new_application()
    signet.put_file(f"import/{other_id}/users.jsonl", lines(ANN))
    for key in (f"import/{other_id}/users.jsonl", "users.jsonl", f"export/{signet.application_id}/x.jsonl"):
        with pytest.raises(InvalidRequest, match="must be of the form import/"):
            signet.invoke("import_users", own | {"key": key})
    with pytest.raises(ApplicationNotFound):
        signet.invoke("import_users", {"applicationId": "f" * 24, "key": f"import/{'f' * 24}/x.jsonl"})
    start(signet, lines(ANN), importId="mine")
    with pytest.raises(InvalidRequest, match="another file"):
        start(signet, lines(ANN), "second", importId="mine")
    with pytest.raises(InvalidRequest, match="importId"):
        start(signet, lines(ANN), importId="../x")


@pytest.mark.parametrize("operation", ["import_users", "export_users"])
def test_neither_is_served_over_http(moto_signet: Deployment, operation: str) -> None:
    """Should a function URL be given to it by mistake, an API token is not enough."""
    signet = moto_signet
    event = signet.event(
        "POST",
        f"/applications/{signet.application_id}/experience/users",
        {},
        headers=signet.bearer(),
        signed=True,
    )
    answer = signet.handler(operation)(event, signet.context(operation))
    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["type"] == "Unauthorized"
    assert CredentialsMissing.code not in answer["body"]


def test_a_busy_store_is_waited_for(moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who could not be written is tried again; if it stays so, the import can be taken up later."""
    signet = moto_signet
    monkeypatch.setattr(importing, "PAUSE", 0.001)
    failures = 3

    def sometimes(*arguments: Any) -> Any:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            message = "Busy."
            raise Unavailable(message)
        return add_user(*arguments)

    monkeypatch.setattr("signet.usecases.importing.add_user", sometimes)
    assert start(signet, lines(ANN))["counts"] == counts(1, created=1)
    failures = 10**6
    with pytest.raises(Unavailable, match="importId mine, the import goes on"):
        start(signet, lines(BOB), "second", importId="mine")
    failures = 0
    assert start(signet, lines(BOB), "second", importId="mine")["counts"] == counts(1, created=1)


def test_an_export_in_parts_and_invocations(signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is cut, every user is in the file once, in the order of the addresses."""
    people = [{**ANN, "email": f"user{n:03}@example.com"} for n in range(80)]
    assert start(signet, lines(*people))["counts"] == counts(80, created=80)
    monkeypatch.setattr(exporting, "PAGE", 10)
    monkeypatch.setattr(exporting, "PART_BYTES", 5 * 2**20)
    handler = import_module("functions.users.export_users.handler")
    # As long as a line may get, and more, so that a few users fill a part.
    monkeypatch.setattr(
        handler, "write_line", lambda *user: write_line(*user).replace(b"\n", b" " * 90_000 + b"\n")
    )
    read = exporting._read

    def slowly(*arguments: Any) -> Any:
        signet.clock.advance(140)
        return read(*arguments)

    monkeypatch.setattr(exporting, "_read", slowly)
    first = signet.invoke("export_users", {"applicationId": signet.application_id, "exportId": "mine"})
    assert first["status"] == "running"
    assert first["key"] not in signet.files(), "an export that is not complete is no file"
    again = signet.waiting[0]
    second = signet.go_on()
    assert (second["status"], second["users"]) == ("complete", 80)
    signet.waiting.append(again)
    assert signet.go_on() == second
    exported = [json.loads(line) for line in signet.files()[second["key"]].splitlines()]
    assert [user["email"] for user in exported] == [user["email"] for user in people]


def test_an_export_holds_no_other_application_s_users(signet: Deployment) -> None:
    """An application without users gives an empty file."""
    start(signet, lines(ANN))
    other_id, _ = signet.new_application()
    assert export(signet, other_id) == []


def test_an_export_takes_what_is_in_the_table(signet: Deployment) -> None:
    """Not what the index says: a deleted user is left out, a changed address is the new one."""
    start(signet, lines(ANN, BOB))
    users = {user["email"]: user["id"] for user in export(signet)}
    entries = user_entries(signet.tenant, 10)[0]
    path = f"/applications/{signet.application_id}/experience/users"
    headers = signet.bearer()
    signet.http("PATCH", f"{path}/{users['Ann@Example.com']}", {"email": "zoe@example.com"}, headers=headers)
    signet.http("DELETE", f"{path}/{users['bob@example.com']}", headers=headers)
    ((user, password_hash),) = exporting._read(signet.tenant, entries)
    assert (user.email, password_hash) == ("zoe@example.com", BCRYPT)


def test_an_export_id_of_an_import_is_refused(moto_signet: Deployment) -> None:
    """The two leave their reports in one place."""
    signet = moto_signet
    start(signet, lines(ANN), importId="mine")
    with pytest.raises(InvalidRequest, match="exportId"):
        signet.invoke("export_users", {"applicationId": signet.application_id, "exportId": "mine"})


def test_who_made_a_user_is_with_the_credential_alone(signet: Deployment) -> None:
    """The mark by which a repeated import knows its own users goes with the credential."""
    start(signet, lines({**ANN, "id": "a" * 24}), importId="mine")
    item = wiring.table().find(credential_key(signet.application_id, "ann@example.com"))
    assert item is not None
    assert item["origin"] == "mine:1"
    assert find_user(signet.tenant, "a" * 24) is not None
    path = f"/applications/{signet.application_id}/experience/users/{'a' * 24}"
    signet.http("DELETE", path, headers=signet.bearer())
    assert "mine:1" not in repr(signet.items())


def test_what_they_cost(signet: Deployment) -> None:
    """A write for each user of an import, a read for each fifty of an export; the rest does not grow."""
    content = lines(*({**ANN, "email": f"user{n}@example.com"} for n in range(60)))
    start(signet, lines(BOB), "first")  # A warm container.
    key = put(signet, content)
    with signet.counted() as trips:
        signet.invoke("import_users", {"applicationId": signet.application_id, "key": key})
    assert Counter(trips) == {
        "dynamodb:GetItem": 1,  # Whether the application is there, of each chunk.
        "dynamodb:TransactWriteItems": 60,
        "s3:GetObject": 2,  # The report, which is not there, and the file.
        "s3:HeadObject": 1,
        "s3:PutObject": 2,  # The report, at the beginning and at the end.
    }
    with signet.counted() as trips:
        signet.invoke("export_users", {"applicationId": signet.application_id})
    assert Counter(trips) == {
        "dynamodb:Query": 1,
        "dynamodb:BatchGetItem": 2,
        "s3:GetObject": 1,
        "s3:PutObject": 4,  # The file, and the report at the beginning and twice at the end.
    }

"""DELETE /applications/{applicationId}: an application ends at once, and is removed afterwards."""

import json
from typing import Any

import pytest

from local import demo
from local.errors import StartError
from signet import wiring
from signet.domain.applications import ApiToken
from signet.errors import ApplicationNotFound, SignetError
from signet.store import applications as store
from signet.store import memberships
from signet.usecases import applications, importing
from tests.deployment import PASSWORD, Deployment
from tests.setups import World

MINT = {"identityType": "EMAIL", "identity": "test@example.com"}


def delete(signet: Deployment) -> None:
    answer = signet.http("DELETE", f"/applications/{signet.application_id}", signed=True)
    assert (answer.status, answer.json) == (200, {"success": True})


def sweep(signet: Deployment) -> None:
    """Let what was begun come to its end."""
    signet.clock.advance(applications.SETTLE_SECONDS)
    while signet.waiting:
        signet.go_on()


def place(signet: Deployment) -> str:
    return f"APP#{signet.application_id}"


def kinds_left(signet: Deployment) -> list[str]:
    return [item["sk"]["S"] for item in signet.items() if item["pk"]["S"].startswith(place(signet))]


def test_nothing_is_left_of_an_application_but_a_tombstone(signet: Deployment) -> None:
    """Users, groups, credentials, identities, permissions, guesses: all goes, and of others nothing."""
    other = signet.new_application()[0]
    World(signet)
    here = {"applicationId": signet.application_id}
    signet.invoke("invalidate_identity_tokens", here | MINT)
    signet.invoke("invalidate_user_tokens", here | {"experienceUserId": "ext:nobody@example.com"})
    for name in ("ann", "nobody"):
        signet.http(
            "POST",
            f"/applications/{signet.application_id}/experience/login",
            {"email": f"{name}@example.com", "password": "wrong"},
        )
    kinds = {item["sk"]["S"].partition("#")[0] for item in signet.items()}
    assert kinds >= {"USER", "CREDENTIAL", "GROUP", "MEMBER", "CHILD", "IDENTITY", "PERMISSIONS", "ATTEMPT"}
    own = place(signet)
    kept = [item for item in signet.items() if not item["pk"]["S"].startswith(own)]
    delete(signet)
    sweep(signet)
    tombstone = {
        "pk": {"S": own},
        "sk": {"S": "APP"},
        "application_id": {"S": signet.application_id},
        "deleted_at": {"N": str(signet.clock.milliseconds - applications.SETTLE_SECONDS * 1000)},
        "swept": {"BOOL": True},
    }
    assert [item for item in signet.items() if item["pk"]["S"].startswith(own)] == [tombstone]
    assert [item for item in signet.items() if not item["pk"]["S"].startswith(own)] == kept
    assert signet.invoke("get_application", {"applicationId": other})["name"] == "Other"


def test_an_application_refuses_from_the_write_on(signet: Deployment) -> None:
    """In a container that has just used it nothing is issued; within the bound nobody takes a token of it."""
    demo = signet.demo()
    here = {"applicationId": signet.application_id}
    token = demo["sessionToken"]
    assert signet.invoke("introspect_token", here | {"token": token})["active"]
    signet.invoke("update_application", here | {"selfService": {"logInLink": True, "profile": True}})
    signet.invoke("update_application", here | {"login": {"sessionLifetime": 86_400_000}})
    wiring.applications().forget(signet.application_id)
    login = {"email": demo["userEmail"], "password": PASSWORD}
    lasting = signet.invoke("log_in", here | login)["token"]
    asked = {"token": token, "returnToken": True, "invalidateExistingTokens": True, **login}
    delete(signet)
    path = f"/applications/{signet.application_id}/experience"
    mints: list[tuple[str, dict[str, Any]]] = [
        ("issue_identity_token", MINT),
        ("issue_session_token", {"experienceUserId": demo["userId"]}),
        ("issue_user_token", {"userId": "u1"}),
        ("log_in", login),
        ("refresh_session", {"token": lasting}),
        ("create_code", {"experienceUserId": demo["userId"], "purpose": "logIn"}),
        ("update_me", {"token": token, "password": PASSWORD, "currentPassword": PASSWORD}),
        *(
            ("authenticate", asked | {"authMode": mode})
            for mode in ("emailPassword", "token", "tokenEmail", "tokenEmailPassword")
        ),
    ]
    for operation, fields in mints:
        with pytest.raises(ApplicationNotFound):
            signet.invoke(operation, here | fields)
    for operation in ("get_application", "update_application", "invalidate_application_tokens"):
        with pytest.raises(ApplicationNotFound):
            signet.invoke(operation, here)
    # Where the application is remembered; the bound is the one of all that ends an application's tokens.
    signet.clock.advance(5)
    for operation, fields in (*mints, ("introspect_token", {"token": token}), ("list_users", {})):
        with pytest.raises(ApplicationNotFound):
            signet.invoke(operation, here | fields)
    assert signet.http("GET", f"{path}/me", headers=signet.bearer(token)).status == 403
    assert signet.http("GET", f"{path}/users", headers=signet.bearer()).status == 401


def test_its_id_is_never_given_again(signet: Deployment) -> None:
    """A token of the first life would be good in the second."""
    token = store.application_key(signet.application_id)
    delete(signet)
    sweep(signet)
    given = ApiToken.find(signet.api_token)
    assert given is not None
    with pytest.raises(Exception, match="parts"):
        applications.register(wiring.table(), "Again", signet.clock.milliseconds, api_token=given)
    assert wiring.table().find(token) is not None


def test_a_demo_that_was_deleted_does_not_come_back(moto_signet: Deployment) -> None:
    """`make run` with its API token says so; with the one that it has kept it makes another one."""
    delete(moto_signet)
    with pytest.raises(StartError, match="was deleted"):
        demo.make_application(moto_signet.api_token)
    assert demo.make_application(None, moto_signet.api_token)[0] != moto_signet.application_id


def test_a_deletion_is_repeated_until_nothing_is_left(signet: Deployment) -> None:
    """Whoever repeats it has what is left swept; from then on there is no such application."""
    here = {"applicationId": signet.application_id}
    delete(signet)
    signet.waiting.clear()
    with signet.counted() as trips:
        delete(signet)
    assert trips == ["dynamodb:GetItem", "lambda:Invoke"]
    sweep(signet)
    for _ in range(2):
        with pytest.raises(ApplicationNotFound):
            signet.invoke("delete_application", here)
    # A sweep that comes late, or twice, finds nothing to do.
    assert signet.invoke("delete_application", here | {"goesOn": True}) == {"success": True}
    assert not signet.waiting


def test_a_deletion_costs_one_write_and_a_sweep_one_walk(signet: Deployment) -> None:
    """The caller waits for three round trips; the walk looks once at each megabyte of the table."""
    signet.invoke("get_application", {"applicationId": signet.application_id})
    with signet.counted() as trips:
        delete(signet)
    assert trips == ["dynamodb:GetItem", "lambda:Invoke", "dynamodb:TransactWriteItems"]
    with signet.counted() as trips:
        sweep(signet)
    assert trips == ["dynamodb:GetItem", "dynamodb:Scan", "dynamodb:UpdateItem"]


def test_a_sweep_waits_for_calls_that_were_under_way(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who was written by a container that still knew the application goes too."""
    signet = moto_signet
    here = {"applicationId": signet.application_id}
    signet.invoke("list_users", here)
    delete(signet)
    late = list[str]()

    def sleep(seconds: float) -> None:
        if not late:
            late.append("late@example.com")
            signet.invoke("create_user", here | {"email": late[0], "password": PASSWORD})
        signet.clock.advance(seconds)

    monkeypatch.setattr("signet.usecases.applications.time.sleep", sleep)
    runs = 0
    while signet.waiting:
        signet.go_on()
        runs += 1
    assert (len(late), runs) == (1, 4)
    assert kinds_left(signet) == ["APP"]


def test_a_sweep_that_runs_out_of_time_goes_on_where_it_was(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an invocation of its own, with the next page of the table, whose key no invocation's event holds."""
    signet = moto_signet
    here = {"applicationId": signet.application_id}
    for number in range(4):
        signet.invoke("create_user", here | {"email": f"{number}@example.com", "password": PASSWORD})
    delete(signet)
    signet.clock.advance(applications.SETTLE_SECONDS)
    call, pages = wiring.table().client.call, list[Any]()

    def small_pages(operation: str, request: Any) -> Any:
        if operation != "Scan":
            return call(operation, request)
        pages.append(request.get("ExclusiveStartKey"))
        signet.clock.advance(20)
        return call(operation, {**request, "Limit": 3})

    monkeypatch.setattr(wiring.table().client, "call", small_pages)
    events = list[Any]()
    while signet.waiting:
        events.append(signet.waiting[0][1])
        signet.go_on()
    assert len(pages) == len(events) > 3
    assert len({str(page) for page in pages}) == len(pages)
    assert {tuple(event) for event in events} == {("applicationId", "goesOn")}
    assert kinds_left(signet) == ["APP"]


def test_a_sweep_that_begins_before_the_deletion_waits_for_it(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for first; of a deletion that failed it leaves everything as it is."""
    signet = moto_signet
    goes_on = {"applicationId": signet.application_id, "goesOn": True}
    before = signet.items()
    monkeypatch.setattr("signet.usecases.applications.time.sleep", signet.clock.advance)
    assert signet.invoke("delete_application", goes_on) == {"success": True}
    assert (signet.items(), signet.waiting) == (before, [])
    end = [lambda: delete(signet), signet.waiting.clear]

    def sleep(seconds: float) -> None:
        while end:
            end.pop(0)()
        signet.clock.advance(seconds)

    monkeypatch.setattr("signet.usecases.applications.time.sleep", sleep)
    signet.invoke("delete_application", goes_on)
    while signet.waiting:
        signet.go_on()
    assert kinds_left(signet) == ["APP"]


def test_an_import_ends_with_its_application(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two chunks it looks whether the application is there: a sweep may be under way."""
    signet = moto_signet
    monkeypatch.setattr(importing, "CHUNK_LINES", 1)
    lines = [json.dumps({"email": f"{number}@example.com", "passwordHash": None}) for number in range(3)]
    key = f"import/{signet.application_id}/users.jsonl"
    signet.put_file(key, "\n".join(lines).encode())
    add, made = memberships.add_user, list[object]()

    def make(*given: Any) -> Any:
        made.append(add(*given))
        delete(signet)
        return made[-1]

    monkeypatch.setattr(importing, "add_user", make)
    with pytest.raises(SignetError):
        signet.invoke("import_users", {"applicationId": signet.application_id, "key": key, "importId": "one"})
    assert len(made) == 1
    report = json.loads(signet.files()[f"reports/{signet.application_id}/one/report.json"])
    assert (report["status"], report["code"]) == ("refused", "ApplicationNotFound")

"""Every permission has a call that needs it, and a call without permission fails the test that made it."""

import itertools
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from local.invoke import LambdaContext
from signet import wiring
from signet.aws.client import NoAnswer
from signet.domain.keys import DAY
from signet.edge import custom_resource
from signet.errors import SignetError, Unavailable, UserExists
from signet.store import memberships
from signet.store.table import Insert, Key
from signet.store.users import StaleError, change_users
from signet.usecases import exporting, importing
from signet.usecases.applications import SETTLE_SECONDS
from tests import iam
from tests.contract.test_events import EVENTS
from tests.deployment import PASSWORD, Cloud, Deployment
from tools.events import load_event


class Walk:
    """Calls in containers that know nothing yet."""

    def __init__(self, signet: Deployment) -> None:
        self.signet = signet
        self.here = {"applicationId": signet.application_id}

    def do(self, operation: str, **fields: object) -> Any:
        """Invoke a function."""
        self.signet.restart()
        return self.signet.invoke(operation, self.here | fields)

    def begin(self, operation: str, seconds: int, **fields: object) -> None:
        """Invoke a function that has so little time that it goes on in an invocation of its own."""
        self.signet.restart()
        hasty = replace(self.signet.function(operation), timeout=seconds)
        self.signet.handler(operation)(self.here | fields, LambdaContext(hasty))
        assert self.signet.waiting, operation
        self.signet.waiting.clear()


def answer_events(walk: Walk) -> None:
    """Every event of `events/`, which are what most permissions are for, in an application that is there."""
    for path in EVENTS:
        operation = path.name.split(".")[0]
        if operation == "delete_application":
            continue
        event = load_event(path, walk.signet.demo())
        walk.signet.restart()
        walk.signet.handler(operation)(event, walk.signet.context(operation))


def look_at_identities(walk: Walk) -> None:
    """A token of an address: what it is worth, and that it does not end alone."""
    person = {"identityType": "EMAIL", "identity": "kim@example.com"}
    token = walk.do("issue_identity_token", **person)["token"]
    assert walk.do("introspect_token", token=token)["active"]
    with suppress(SignetError):
        walk.do("revoke_token", token=token)


def live_in_groups(walk: Walk) -> None:
    """Users in groups, in lists, in files, at the authorizer; groups that move and go."""
    signet = walk.signet
    staff = walk.do("create_group", name="Staff", description="All")["id"]
    group_ids = {"experienceGroupIds": [staff]}
    zoe = walk.do("create_user", email="zoe@example.com", password=PASSWORD, **group_ids)["id"]
    editors = walk.do("create_group", name="Editors", parentId=staff, experienceUserIds=[zoe])["id"]
    walk.do("get_user", experienceUserId=zoe)
    walk.do("list_users", experienceGroupId=staff)
    walk.do("get_group", experienceGroupId=staff)
    log_in = {"email": "zoe@example.com", "password": PASSWORD}
    walk.do("log_in", **log_in)
    walk.do("authenticate", authMode="emailPassword", **log_in)
    token = walk.do("issue_session_token", experienceUserId=zoe)["token"]
    signet.restart()
    signet.http("GET", f"/applications/{signet.application_id}/experience/me", headers=signet.bearer(token))
    walk.do("update_user", experienceUserId=zoe, email="zoe.b@example.com", experienceGroupIds=[])
    walk.do(
        "update_group", experienceGroupId=editors, parentId=None, experienceUserIds=[zoe], description="Some"
    )
    walk.do("update_group", experienceGroupId=editors, parentId=staff, experienceUserIds=[])
    walk.do("update_user", experienceUserId=zoe, **group_ids)
    yan = {"email": "yan@example.com", "password": PASSWORD, "experienceGroupIds": [staff]}
    file = "".join(json.dumps(line) + "\n" for line in (yan, yan))
    key = f"import/{signet.application_id}/users.jsonl"
    signet.put_file(key, file.encode())
    with mock.patch.object(importing, "CHUNK_LINES", 1):
        walk.begin("import_users", 40, key=key)
    with mock.patch.multiple(exporting, PAGE=1, PART_BYTES=1):
        walk.begin("export_users", 40)
    walk.do("invalidate_user_tokens", experienceUserId="zoe.b@example.com")
    walk.begin("delete_group", 8, experienceGroupId=staff)
    once = itertools.chain([StaleError], itertools.repeat(mock.DEFAULT))
    overtaken = mock.Mock(wraps=change_users, side_effect=once)
    with mock.patch("signet.usecases.groups.change_users", overtaken):
        walk.do("delete_group", experienceGroupId=staff)


def have_many_groups(walk: Walk) -> None:
    """Users in more groups than a transaction has room for; one is not made after all."""
    signet = walk.signet
    with mock.patch.multiple(memberships, MAX_PARTS=5, ROOM=3):
        groups = [walk.do("create_group", name=str(number))["id"] for number in range(4)]
        wes = {"email": "wes@example.com", "password": PASSWORD, "experienceGroupIds": groups}
        user = walk.do("create_user", **wes)
        walk.do("update_user", experienceUserId=user["id"], experienceGroupIds=[])
        walk.do("update_user", experienceUserId=user["id"], experienceGroupIds=groups)
        walk.do("delete_user", experienceUserId=user["id"])
        key = f"import/{signet.application_id}/many.jsonl"
        signet.put_file(key, json.dumps(wes | {"email": "van@example.com"}).encode())
        walk.do("import_users", key=key, importId="first")
        signet.put_file(key, json.dumps(wes).encode())
        with mock.patch.object(memberships, "insert_user", side_effect=UserExists):
            with suppress(UserExists):
                walk.do("create_user", **wes)
            walk.do("import_users", key=key, importId="second")


def redeem_codes(walk: Walk) -> None:
    """What codes bring about; of a user of whom a change of many groups was left unfinished."""
    left = mock.patch.object(memberships, "_settle_now", lambda _tenant, user: user)
    named = {"experienceUserId": "uli@example.com"}
    with mock.patch.multiple(memberships, MAX_PARTS=5, ROOM=3):
        groups = [walk.do("create_group", name=str(number))["id"] for number in range(4)]
        walk.do("create_user", email="uli@example.com", password=PASSWORD)

        def leave(group_ids: list[str]) -> None:
            with left:
                walk.do("update_user", **named, experienceGroupIds=group_ids)

        for before, then in ((groups, []), ([], groups)):
            walk.do("update_user", **named, experienceGroupIds=then)
            leave(before)
            code = walk.do("create_code", **named, purpose="logIn")["code"]
            leave(then)
            walk.do("redeem_code", code=code)
        token = walk.do("issue_session_token", **named)["token"]
        walk.do("update_user", **named, experienceGroupIds=groups)
        for group_ids in ([], groups):
            leave(group_ids)
            walk.do("update_me", token=token, firstName=f"Uli {len(group_ids)}")
        token = walk.do("update_me", token=token, password=PASSWORD, currentPassword=PASSWORD)["token"]
        uwe = {"email": "uwe@example.com", "password": PASSWORD, "experienceGroupIds": groups}
        walk.do("create_user", **uwe)
        token = walk.do("issue_session_token", experienceUserId="uwe@example.com")["token"]
        walk.do("delete_me", token=token, currentPassword=PASSWORD)
    code = walk.do("create_code", **named, purpose="changeEmail", email="uli.b@example.com")["code"]
    walk.do("redeem_code", code=code, password=PASSWORD)


def send_mails(walk: Walk) -> None:
    """Of a sign-up; to a user of whom a change of groups was left unfinished; and to whom none were sent."""
    signet, asked = walk.signet, dict[str, object]({"email": "yve@example.com", "password": PASSWORD})
    walk.do("sign_up", **asked)
    signet.send_mails()
    walk.do("send_mail", kind="alreadySignedUp", email=asked["email"])
    with mock.patch.multiple(memberships, MAX_PARTS=5, ROOM=3):
        groups = [walk.do("create_group", name=str(number))["id"] for number in range(4)]
        for group_ids in (groups, []):
            with mock.patch.object(memberships, "_settle_now", lambda _tenant, user: user):
                walk.do("update_user", experienceUserId=asked["email"], experienceGroupIds=group_ids)
            walk.do("send_mail", kind="logIn", email=asked["email"])
    walk.do("stop_mails", email=asked["email"], because=None)
    token = walk.do("issue_session_token", experienceUserId=asked["email"])["token"]
    walk.do("update_me", token=token, email="yve.b@example.com", currentPassword=PASSWORD)
    signet.send_mails()
    real = wiring.make_client("dynamodb").call

    def lose(operation: str, request: Any) -> Any:
        answer = real(operation, request)
        if operation == "TransactWriteItems":
            raise NoAnswer
        return answer

    with (
        mock.patch.object(wiring.make_client("dynamodb"), "call", lose),
        mock.patch.object(wiring.make_client("sqs"), "call", side_effect=NoAnswer),
        suppress(Unavailable),
    ):
        walk.do("sign_up", **asked)


def take_permissions_away(walk: Walk) -> None:
    """What is stored ends by being overwritten, or removed."""
    user: dict[str, object] = {"user": {"userId": "u1"}}
    lasting = {"type": "organization", "id": "org1"}
    over = lasting | {"expiresAt": walk.signet.clock.now - 1}
    for resource in (lasting, over, lasting):
        walk.do("add_permissions", **user, permissions={"resources": [resource]})
    walk.do("remove_permissions", userId="u1", permissions={"resources": [lasting]})


def let_keys_end(walk: Walk) -> None:
    """A key's life is lost; one takes over after the other, and an old one goes."""
    signet = walk.signet
    (life, *_) = [item for item in signet.items() if item["pk"] == {"S": "KEYLIFE"}]
    signet.delete_item(life)
    for days in (0, 91, 91, 40):
        signet.clock.advance(days * DAY)
        signet.invoke("rotate_keys", {})


def lose_answers(walk: Walk) -> None:
    """What was written is read back where nobody knows whether it was."""
    user = walk.do("create_user", email="xav@example.com", password=PASSWORD)
    tokens = [walk.do("issue_session_token", experienceUserId=user["id"])["token"] for _ in range(3)]
    client = wiring.make_client("dynamodb")
    real = client.call

    def call(operation: str, request: Any) -> Any:
        answer = real(operation, request)
        if operation in ("TransactWriteItems", "UpdateItem"):
            raise NoAnswer
        return answer

    with mock.patch.object(client, "call", call):
        walk.signet.invoke("create_application", {"name": "Shop"})
        walk.do("log_out", token=tokens[0])
        walk.do("revoke_token", token=tokens[1])
        walk.do("log_out", token=tokens[2], everywhere=True)
        walk.do("invalidate_identity_tokens", identityType="EMAIL", identity="kim@example.com")


def end_applications(walk: Walk) -> None:
    """One is deleted, and swept."""
    walk.signet.waiting.clear()
    other = walk.signet.new_application()[0]
    walk.signet.invoke(
        "create_user", {"applicationId": other, "email": "uma@example.com", "password": PASSWORD}
    )
    walk.signet.invoke("delete_application", {"applicationId": other})
    walk.signet.clock.advance(SETTLE_SECONDS)
    walk.signet.go_on()


def test_every_permission_is_needed(moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the policies allow, one of these calls needs."""
    signet = moto_signet
    monkeypatch.setattr(custom_resource, "_send", lambda _url, _answer: None)
    walk = Walk(signet)
    for part in (
        answer_events,
        look_at_identities,
        live_in_groups,
        have_many_groups,
        redeem_codes,
        send_mails,
        take_permissions_away,
        let_keys_end,
        lose_answers,
        end_applications,
    ):
        part(walk)
    needless = {
        (function, *grant)
        for function, statements in signet.policies.items()
        for grant in iam.granted(statements) - signet.used[function]
        # Lambda's own calls in the function's name: it reads queues and the stream, and hands on what failed.
        if not grant.action.startswith("sqs:") and "/stream/" not in grant.resource
    }
    assert needless == set()


@pytest.mark.parametrize(
    ("operation", "keys"),
    [
        ("create_user", ["KEYS"]),
        ("update_user", ["KEYLIFE"]),
        ("create_group", ["APP#1", "KEYS"]),
        ("get_group", ["APP#1"]),
    ],
)
def test_a_call_that_is_not_allowed_fails_its_test(
    moto_cloud: Cloud, monkeypatch: pytest.MonkeyPatch, operation: str, keys: list[str]
) -> None:
    """A function that writes a key of its own into the ring is found out, whatever it was tested for."""

    def act() -> None:
        with moto_cloud.deploy() as signet:
            table = wiring.table()
            real = table.client.call

            def call(name: str, request: Any) -> Any:
                monkeypatch.setattr(table.client, "call", real)
                table.write(*(Insert(Key(key, "KEY#mine"), {}) for key in keys))
                return real(name, request)

            monkeypatch.setattr(table.client, "call", call)
            with suppress(SignetError):
                signet.invoke(operation, {"applicationId": signet.application_id})

    with pytest.raises(AssertionError, match=f"may not.*{keys[-1]}"):
        act()

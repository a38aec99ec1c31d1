"""What operations are asked for: every event of `events/`, and the ways in which each operation can go.

Each is asked for in one and the same small world (`World`), whose values fill `<word>` in fields.
"""

import copy
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from moto.s3 import models as s3_models

from local.invoke import LambdaContext
from signet.domain.keys import DAY
from signet.store import memberships
from signet.usecases import applications, exporting, groups, importing
from tests.deployment import PASSWORD, ROOT, Deployment
from tests.sweep import Sweep
from tools.events import load_event

EVENTS = sorted((ROOT / "events").iterdir())
EVENT_NAMES = {path.stem: path for path in EVENTS}
ANN, BOB = "ann@example.com", "bob@example.com"
ORG = {"type": "organization", "id": "org1", "accessRole": "editor"}
STRONGER = {"ARGON2_MEMORY_KIB": "128"}
"""So that a log-in upgrades the hash."""

BOOLEANS = (False, True)


@dataclass(frozen=True)
class Way:
    """One way in which an operation is asked for.

    Attributes:
        operation: Of which function.
        fields: Its fields, for a direct invocation.
        before: What happens first, in the world.
        adds: Whether each repetition adds something.
        resumes: Whether it takes several writes, and a repetition goes on.
        many_groups: Whether users have more groups than a transaction has room for.
        environment: Variables while it is asked for.
    """

    operation: str
    fields: dict[str, Any] = field(default_factory=dict)
    before: Callable[["World"], object] | None = None
    adds: bool = False
    resumes: bool = False
    many_groups: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


class World:
    """An application with users, groups and tokens.

    Ann is in Staff and Crew, which is under Staff; Bob in Staff. `ext:u1` was identified and has permissions.
    """

    def __init__(self, signet: Deployment) -> None:
        self.signet = signet
        self.values: dict[str, Any] = {"email": ANN, "password": PASSWORD}
        staff = self.call("create_group", name="Staff", description="All")["id"]
        crew = self.call("create_group", name="Crew", parentId=staff)["id"]
        ann = self.call("create_user", email=ANN, password=PASSWORD, experienceGroupIds=[staff, crew])["id"]
        bob = self.call("create_user", email=BOB, password=PASSWORD, experienceGroupIds=[staff])["id"]
        self.values |= {"staff": staff, "crew": crew, "ann": ann, "bob": bob}
        self.values |= {
            "free": self.call("create_group", name="Free")["id"],
            "token": self.call("issue_session_token", experienceUserId=ann, ttl=86_400_000)["token"],
            "userToken": self.call("issue_user_token", userId="u1")["token"],
        }
        self.call("identify", authToken=self.values["userToken"], user={"userId": "u1"})
        self.call("add_permissions", user={"userId": "u1"}, permissions={"resources": [ORG]})

    def call(self, operation: str, **fields: Any) -> Any:
        """Invoke a function in the application."""
        fields = self.filled({"applicationId": self.signet.application_id, **fields})
        return self.signet.invoke(operation, fields)

    def filled(self, value: Any) -> Any:
        """The value with the world's own in place of `<word>`."""
        if isinstance(value, dict):
            return {name: self.filled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return list(map(self.filled, value))
        if isinstance(value, str) and value.startswith("<"):
            return self.values[value[1:-1]]
        return value

    def file(self, *lines: Mapping[str, Any]) -> None:
        """Put a file of lines into the bucket, to be imported."""
        self.values["key"] = f"import/{self.signet.application_id}/users.jsonl"
        content = "".join(json.dumps(self.filled(dict(line))) + "\n" for line in lines)
        self.signet.put_file(self.values["key"], content.encode())


def _authenticate(mode: str, **more: Any) -> dict[str, Any]:
    uses = [name for name in ("email", "password", "token") if name in mode.lower()]
    return {"authMode": mode, **{name: f"<{name}>" for name in uses}, **more}


MODES = ("emailPassword", "token", "tokenEmail", "tokenEmailPassword")


def _node(mode: str, invalidates: bool) -> dict[str, Any]:
    node = {
        "authMode": mode,
        "emailTemplate": "{{email}}",
        "passwordTemplate": "{{password}}",
        "tokenTemplate": "{{token}}",
        "invalidateExistingTokens": invalidates,
        "tokenResultPath": "result.token",
        "userResultPath": "result.user",
    }
    return {"node": node, "payload": {name: f"<{name}>" for name in ("email", "password", "token")}}


def _settings(**fields: Any) -> Callable[[World], object]:
    return lambda world: world.call("update_application", **fields)


def _marked(count: int) -> Callable[[World], object]:
    """So many of Ann's tokens have been ended one by one."""

    def do(world: World) -> None:
        for _ in range(count):
            token = world.call("issue_session_token", experienceUserId="<ann>", ttl=86_400_000)["token"]
            world.call("log_out", token=token)

    return do


def _records(world: World) -> None:
    """What the stream tells of: a change, one that is not understood, and another."""
    named = {"applicationId": world.signet.application_id, "userId": world.values["ann"], "userEmail": ANN}
    path = EVENT_NAMES["publish_events.stream"]
    (record,) = load_event(path, named | {"tableName": world.signet.table_name})["Records"]
    strange = record["dynamodb"] | {"SequenceNumber": "112", "Keys": {}}
    other = record["dynamodb"] | {"SequenceNumber": "113"}
    world.values["records"] = [record, record | {"dynamodb": strange}, record | {"dynamodb": other}]


def _past_marks(world: World) -> None:
    _marked(50)(world)
    world.signet.clock.advance(2 * DAY)
    world.values["last"] = world.call("issue_session_token", experienceUserId="<ann>")["token"]


def _deleted(world: World) -> None:
    """The application was deleted long enough ago to be swept."""
    world.call("delete_application")
    world.signet.clock.advance(applications.SETTLE_SECONDS)
    world.signet.waiting.clear()


def _later(days: float, *, then: bool = False) -> Callable[[World], object]:
    def do(world: World) -> None:
        world.signet.clock.advance(days * DAY)
        if then:
            world.signet.invoke("rotate_keys", {})
            world.signet.clock.advance(days * DAY)

    return do


def _rotate(world: World) -> None:
    world.values["kid"] = next(
        key["kid"] for key in world.signet.invoke("rotate_keys", {})["keys"] if key["state"] == "announced"
    )


def _groups(world: World) -> None:
    world.values["groups"] = [world.call("create_group", name=str(number))["id"] for number in range(4)]


def _in_groups(world: World) -> None:
    _groups(world)
    world.values["cyd"] = world.call(
        "create_user", email="cyd@example.com", password=PASSWORD, experienceGroupIds="<groups>"
    )["id"]


def _unverified(world: World) -> None:
    world.call("update_application", requireJwtToken=False)
    world.signet.clock.advance(6)
    world.call("identify", user={"userId": "u2", "name": "Una"})
    world.values["token2"] = world.call("issue_user_token", userId="u2")["token"]


def _after(*steps: Callable[[World], object]) -> Callable[[World], object]:
    def do(world: World) -> None:
        for step in steps:
            step(world)

    return do


def _logged_in(world: World) -> None:
    world.call("update_application", login={"sessionLifetime": 60_000})
    world.signet.clock.advance(6)
    world.values["loggedIn"] = world.call("log_in", email=ANN, password=PASSWORD)["token"]


def _coded(purpose: str, **user: Any) -> Callable[[World], object]:
    """Ann has a code, and is as was said."""

    def do(world: World) -> None:
        if user:
            world.call("update_user", experienceUserId="<ann>", **user)
        to = {"email": "ann.b@example.com"} if purpose == "changeEmail" else {}
        made = world.call("create_code", experienceUserId="<ann>", purpose=purpose, **to)
        world.values["code"] = made["code"]

    return do


def _signed_up(email: str) -> Callable[["World"], object]:
    def do(world: World) -> None:
        world.call("sign_up", email=email, password=PASSWORD, firstName="New")
        (message,) = world.signet.asked
        world.values["signUp"] = json.loads(message)["signUpId"]
        world.signet.asked.clear()

    return do


def _stopped(world: World) -> None:
    world.call("stop_mails", email=ANN, because="bounced")


def _file(world: World) -> None:
    world.file(
        {"email": "dan@example.com", "passwordHash": None, "experienceGroupIds": ["<staff>"]},
        {"email": ANN, "passwordHash": None},
        {"id": "ext:u7", "profile": {"name": "Sue"}},
        {"email": "not an address"},
    )


def _own(operation: str, *fields: dict[str, Any]) -> Iterator[tuple[str, Way]]:
    for one in fields:
        yield f"{operation} {json.dumps(one)}", Way(operation, one)


NEW = {"email": "new@example.com", "password": PASSWORD}
CUTOFF = "2027-01-15T08:00:30Z"
USER_CHANGES: dict[str, dict[str, Any]] = {
    "address": {"email": "ann.b@example.com"},
    "address in another case": {"email": "Ann@example.com"},
    "password": {"password": "another horse battery"},
    "address and password": {"email": "ann.b@example.com", "password": "another horse battery"},
    "cutoff": {"tokenCutoff": CUTOFF},
    "tags": {"userTags": {"plan": "free"}},
    "out of groups": {"experienceGroupIds": []},
    "into a group": {"experienceGroupIds": ["<staff>", "<crew>", "<free>"]},
    "address and groups": {"email": "ann.b@example.com", "experienceGroupIds": ["<free>"]},
    "an address of another": {"email": BOB},
    "nothing": {},
}
GROUP_CHANGES: dict[str, dict[str, Any]] = {
    "name": {"name": "New"},
    "description": {"description": "New"},
    "name and description": {"name": "New", "description": "New"},
    "to the top": {"parentId": None},
    "under another": {"parentId": "<free>"},
    "members": {"experienceUserIds": ["<bob>"]},
    "members and name": {"experienceUserIds": ["<bob>"], "name": "New"},
    "no members": {"experienceUserIds": []},
}
WAYS: dict[str, Way] = {
    **{
        f"authenticate by {mode}, {invalidates=}, {returns=}": Way(
            "authenticate",
            _authenticate(mode, invalidateExistingTokens=invalidates, returnToken=returns),
            environment=STRONGER,
        )
        for mode, invalidates, returns in itertools.product(MODES, BOOLEANS, BOOLEANS)
    },
    **{
        f"the node by {mode}, {invalidates=}": Way("authenticate", _node(mode, invalidates))
        for mode, invalidates in itertools.product(MODES, BOOLEANS)
    },
    "authenticate by a wrong password": Way(
        "authenticate", _authenticate("emailPassword") | {"password": "wrong horse"}
    ),
    "authenticate by an address of nobody": Way(
        "authenticate", _authenticate("emailPassword") | {"email": "nobody@example.com"}
    ),
    "authenticate by a wrong token": Way("authenticate", _authenticate("token") | {"token": "<userToken>"}),
    **{
        f"log in, {invalidates=}": Way(
            "log_in",
            {"email": ANN, "password": PASSWORD},
            _settings(login={"invalidateExistingTokens": invalidates}),
            environment=STRONGER,
        )
        for invalidates in BOOLEANS
    },
    "log in with a wrong password": Way("log_in", {"email": ANN, "password": "wrong horse"}),
    **{
        f"session token, {named}, {invalidates=}, {logs_in=}": Way(
            "issue_session_token",
            {"experienceUserId": named, "invalidateExistingTokens": invalidates, "treatAsLogin": logs_in},
        )
        for named, invalidates, logs_in in itertools.product(("<ann>", ANN, "ext:u1"), BOOLEANS, BOOLEANS)
    },
    "refresh": Way("refresh_session", {"token": "<loggedIn>"}, _logged_in),
    "refresh what cannot be": Way("refresh_session", {"token": "<token>"}, _logged_in),
    "log out of what was refreshed": Way("log_out", {"token": "<loggedIn>"}, _logged_in),
    # Oneself.
    "log out everywhere": Way("log_out", {"token": "<token>", "everywhere": True}),
    **{
        f"change oneself: {what}": Way("update_me", {"token": "<token>", **fields})
        for what, fields in {
            "a name": {"firstName": "Anna"},
            "nothing": {},
            "the password": {"password": "another horse battery", "currentPassword": "<password>"},
            "by a wrong password": {"password": PASSWORD, "currentPassword": "wrong horse"},
        }.items()
    },
    **{
        f"change oneself: an address, {fields}": Way(
            "update_me",
            {"token": "<token>", "email": "ann.b@example.com", "currentPassword": "<password>", **fields},
            adds=True,
        )
        for fields in ({}, {"firstName": "Anna"}, {"password": "another horse battery"})
    },
    "delete oneself": Way("delete_me", {"token": "<token>", "currentPassword": "<password>"}),
    "delete oneself by a wrong password": Way("delete_me", {"token": "<token>", "currentPassword": "no"}),
    # Codes.
    **{
        f"a code: {fields}": Way("create_code", {"experienceUserId": "<ann>", **fields}, adds=True)
        for fields in (
            {"purpose": "verifyEmail"},
            {"purpose": "resetPassword", "ttl": 1000},
            {"purpose": "changeEmail", "email": "ann.b@example.com"},
        )
    },
    "a code in place of another": Way(
        "create_code", {"experienceUserId": ANN, "purpose": "logIn"}, _coded("logIn"), adds=True
    ),
    "a code of nobody": Way("create_code", {"experienceUserId": "0" * 24, "purpose": "logIn"}),
    **{
        f"redeem: {purpose}, {verified=}": Way(
            "redeem_code",
            {"code": "<code>", "password": "<password>"},
            _coded(purpose, emailVerified=verified),
        )
        for purpose, verified in itertools.product(
            ("verifyEmail", "resetPassword", "logIn", "changeEmail"), BOOLEANS
        )
    },
    "redeem: logIn that ends the others": Way(
        "redeem_code",
        {"code": "<code>"},
        _after(_settings(login={"invalidateExistingTokens": True}), _later(0.0001), _coded("logIn")),
    ),
    "redeem: a wrong password": Way(
        "redeem_code",
        {"code": "<code>", "password": "wrong horse"},
        _coded("verifyEmail", emailVerified=False),
    ),
    # Mails.
    **{
        f"a mail: {fields}": Way("send_mail", fields, adds=True, resumes=True)
        for fields in (
            {"kind": "changeEmail", "experienceUserId": "<ann>", "email": "ann.b@example.com"},
            {"kind": "changeEmail", "experienceUserId": "<ann>", "email": BOB, "passwordVersion": 1},
            {"kind": "emailChanges", "experienceUserId": "<ann>"},
            {"kind": "logIn", "email": "nobody@example.com"},
        )
    },
    **{
        f"a sign-up's mail: {email}": Way(
            "send_mail",
            {"kind": "verifyEmail", "signUpId": "<signUp>"},
            _signed_up(email),
            resumes=True,
            adds=True,
        )
        for email in ("new@example.com", ANN)
    },
    "a sign-up's mail: nobody's": Way("send_mail", {"kind": "verifyEmail", "signUpId": "0" * 24}),
    "a sign-up with somebody's address": Way("sign_up", {"email": ANN, "password": PASSWORD}, adds=True),
    "no mails any more": Way("stop_mails", {"email": ANN, "because": "complained"}),
    "mails again": Way("stop_mails", {"email": ANN, "because": None}, _stopped),
    "redeem: nothing": Way("redeem_code", {"code": "x" * 43}),
    "log in before the address is verified": Way(
        "log_in",
        {"email": ANN, "password": PASSWORD},
        _after(
            lambda world: world.call("update_user", experienceUserId="<ann>", emailVerified=False),
            _settings(selfService={"verifyEmail": "required"}),
            _later(0.0001),
        ),
    ),
    "session token of nobody": Way("issue_session_token", {"experienceUserId": "0" * 24}),
    # Ends.
    **dict(
        _own(
            "invalidate_user_tokens",
            {"experienceUserId": "<ann>"},
            {"experienceUserId": ANN},
            {"experienceUserId": "ext:u1"},
            {"experienceUserId": "ext:never"},
        )
    ),
    **dict(
        _own(
            "invalidate_identity_tokens",
            {"identityType": "EMAIL", "identity": ANN},
            {"identityType": "MOBILE_PHONE_NUMBER", "identity": "+14155552671"},
        )
    ),
    "log out": Way("log_out", {"token": "<token>"}),
    "log out where one mark more has room": Way("log_out", {"token": "<token>"}, _marked(49)),
    "log out where no mark has room": Way("log_out", {"token": "<token>"}, _marked(50)),
    "log out where the marks have passed": Way("log_out", {"token": "<last>"}, _past_marks),
    "revoke a session token": Way("revoke_token", {"token": "<token>"}),
    "revoke a user token": Way("revoke_token", {"token": "<userToken>"}),
    "revoke nothing": Way("revoke_token", {"token": "nothing"}),
    "introspect a session token": Way("introspect_token", {"token": "<token>"}),
    "introspect a user token": Way("introspect_token", {"token": "<userToken>"}),
    # Users.
    "create a user": Way("create_user", NEW),
    "create a user in groups": Way("create_user", NEW | {"experienceGroupIds": ["<staff>", "<crew>"]}),
    "create a user in many groups": Way(
        "create_user",
        NEW | {"experienceGroupIds": "<groups>"},
        _groups,
        resumes=True,
        many_groups=True,
    ),
    "create a user who is there": Way("create_user", NEW | {"email": ANN}),
    "create a user in a group that is not": Way("create_user", NEW | {"experienceGroupIds": ["0" * 24]}),
    **{
        f"update a user: {what}": Way("update_user", {"experienceUserId": "<ann>", **fields})
        for what, fields in USER_CHANGES.items()
    },
    "update a user by address": Way("update_user", {"experienceUserId": ANN, "firstName": "Ann"}),
    "update an external user": Way("update_user", {"experienceUserId": "ext:u1", "firstName": "Una"}),
    "give an external user a credential": Way("update_user", {"experienceUserId": "ext:u1", **NEW}),
    "promote a user": Way("update_user", {"experienceUserId": "ext:u2", "firstName": "Una"}, _unverified),
    "update a user into many groups": Way(
        "update_user",
        {"experienceUserId": "<bob>", "experienceGroupIds": "<groups>"},
        _groups,
        resumes=True,
        many_groups=True,
    ),
    "update a user out of many groups": Way(
        "update_user",
        {"experienceUserId": "<cyd>", "experienceGroupIds": []},
        _in_groups,
        resumes=True,
        many_groups=True,
    ),
    "delete a user": Way("delete_user", {"experienceUserId": "<ann>"}),
    "delete a user by address": Way("delete_user", {"experienceUserId": ANN}),
    "delete an external user": Way("delete_user", {"experienceUserId": "ext:u1"}),
    "delete a user of many groups": Way(
        "delete_user", {"experienceUserId": "<cyd>"}, _in_groups, resumes=True, many_groups=True
    ),
    "delete nobody": Way("delete_user", {"experienceUserId": "0" * 24}),
    **dict(
        _own(
            "get_user",
            {"experienceUserId": "<ann>"},
            {"experienceUserId": ANN},
            {"experienceUserId": "ext:u1"},
        )
    ),
    **dict(
        _own(
            "list_users",
            {},
            {"perPage": 1},
            {"perPage": 1, "page": 1},
            {"sortField": "lastName", "sortDirection": "desc"},
            {"filterField": "email", "filter": "a*"},
            {"experienceGroupId": "<crew>"},
            {"experienceGroupId": "<crew>", "includeAncestorGroups": True},
            {"experienceGroupId": "none"},
            {"query": '{"firstName": {"$ne": "x"}}'},
        )
    ),
    # Groups.
    "create a group": Way("create_group", {"name": "More", "groupTags": {"a": "b"}}, adds=True),
    "create a group under another": Way("create_group", {"name": "More", "parentId": "<staff>"}, adds=True),
    "create a group with members": Way(
        "create_group", {"name": "More", "experienceUserIds": ["<ann>", "<bob>"]}, adds=True, resumes=True
    ),
    **{
        f"update a group: {what}": Way(
            "update_group", {"experienceGroupId": "<crew>", **fields}, resumes="experienceUserIds" in fields
        )
        for what, fields in GROUP_CHANGES.items()
    },
    "a group under itself": Way("update_group", {"experienceGroupId": "<staff>", "parentId": "<crew>"}),
    "delete a group": Way("delete_group", {"experienceGroupId": "<crew>"}, resumes=True),
    "delete a group with a child": Way("delete_group", {"experienceGroupId": "<staff>"}, resumes=True),
    "delete a group without members": Way("delete_group", {"experienceGroupId": "<free>"}, resumes=True),
    "delete no group": Way("delete_group", {"experienceGroupId": "0" * 24}),
    **dict(_own("get_group", {"experienceGroupId": "<staff>"}, {"experienceGroupId": "<crew>"})),
    **dict(
        _own(
            "list_groups",
            {},
            {"perPage": 1, "page": 1},
            {"sortField": "creationDate"},
            {"filterField": "name", "filter": "*f*"},
            {"query": '{"parentId": "<none>"}'.replace("<none>", "0" * 24)},
        )
    ),
    # Velt.
    "identify by a token": Way(
        "identify", {"authToken": "<userToken>", "user": {"userId": "u1", "name": "Una"}}
    ),
    "identify without a token": Way("identify", {"user": {"userId": "u1"}}),
    "identify without a token where none is needed": Way("identify", {"user": {"userId": "u9"}}, _unverified),
    "identify again without a token": Way("identify", {"user": {"userId": "u2", "name": "Eva"}}, _unverified),
    "identify by a token who was without": Way(
        "identify", {"authToken": "<token2>", "user": {"userId": "u2", "name": "Una"}}, _unverified
    ),
    "user token of who is known": Way("issue_user_token", {"userId": "u1"}),
    "user token with properties": Way(
        "issue_user_token",
        {
            "userId": "u1",
            "userProperties": {"isAdmin": True, "email": ANN},
            "permissions": {"resources": [ORG]},
        },
    ),
    "user token of who is unverified": Way("issue_user_token", {"userId": "u2"}, _unverified),
    **{
        f"permissions added: {what}": Way(
            "add_permissions", {"user": {"userId": user}, "permissions": {"resources": [resource]}}
        )
        for what, (user, resource) in {
            "the first": ("u3", ORG),
            "one more": ("u1", ORG | {"id": "org2"}),
            "the same": ("u1", ORG),
            "a lower role": ("u1", ORG | {"accessRole": "viewer"}),
            "an end": ("u1", ORG | {"expiresAt": 1_893_456_000}),
        }.items()
    },
    **{
        f"permissions removed: {what}": Way(
            "remove_permissions",
            {"userId": user, "permissions": {"resources": [{"type": "organization", "id": place}]}},
        )
        for what, (user, place) in {
            "one": ("u1", "org1"),
            "none": ("u1", "org9"),
            "of nobody": ("u9", "org1"),
        }.items()
    },
    # Applications.
    "create an application": Way("create_application", {"name": "Shop"}, adds=True),
    "list applications": Way("list_applications", {"perPage": 1}),
    "delete the application": Way("delete_application", resumes=True),
    "sweep a deleted application": Way("delete_application", {"goesOn": True}, _deleted, resumes=True),
    **{
        f"reset the API token, {grace=}": Way(
            "reset_api_token", {} if grace is None else {"gracePeriodSeconds": grace}, adds=True
        )
        for grace in (None, 0)
    },
    "reset the API token a third time": Way(
        "reset_api_token", {}, lambda world: [world.call("reset_api_token") for _ in range(2)], adds=True
    ),
    "update the application": Way("update_application", {"name": "New", "maxTokenLifetime": 3600}),
    "update the settings": Way("update_settings", {"requireJwtToken": False}),
    # Keys.
    "look at the keys": Way("rotate_keys", {"readOnly": True}),
    "rotate where nothing is due": Way("rotate_keys"),
    "rotate where a key is due": Way("rotate_keys", {}, _later(89), resumes=True),
    "rotate where another is to sign": Way("rotate_keys", {}, _later(91), resumes=True),
    "rotate where one is to go": Way("rotate_keys", {}, _later(91, then=True), resumes=True),
    "revoke a key": Way("rotate_keys", {"emergency": True, "kid": "<kid>"}, _rotate, adds=True, resumes=True),
    "what the stream tells of, in part not understood": Way(
        "publish_events", {"Records": "<records>"}, _records
    ),
    # Files.
    "import": Way("import_users", {"key": "<key>", "importId": "one"}, _file, resumes=True),
    "import without an id": Way("import_users", {"key": "<key>"}, _file, resumes=True, adds=True),
    "export": Way("export_users", {"exportId": "one"}, lambda world: world.file(), resumes=True),
    "export without an id": Way("export_users", {}, lambda world: world.file(), resumes=True, adds=True),
}


@contextmanager
def in_small_pieces(way: Way) -> Iterator[None]:
    """Let lists of members, files and transactions be as long as a test's."""
    with ExitStack() as stack:
        for module, values in (
            (groups, {"MOVED_AT_ONCE": 1}),
            (importing, {"CHUNK_LINES": 2}),
            (exporting, {"PAGE": 1, "PART_BYTES": 1}),
            (s3_models, {"S3_UPLOAD_PART_MIN_SIZE": 1}),
            (memberships, {"MAX_PARTS": 5, "ROOM": 3} if way.many_groups else {}),
        ):
            for name, value in values.items():
                stack.enter_context(mock.patch.object(module, name, value))
        stack.enter_context(mock.patch.dict(os.environ, way.environment))
        yield


NAMES = [*EVENT_NAMES, *WAYS]
"""Every set-up."""

ADD = {
    "create_application",
    "create_code",
    "create_group",
    "send_mail",
    "sign_up",
    "export_users",
    "import_users",
    "reset_api_token",
    "rotate_keys",
}
RESUME = {
    "create_group",
    "delete_application",
    "delete_group",
    "export_users",
    "import_users",
    "rotate_keys",
    "send_mail",
    "update_group",
}
"""Of events: each repetition adds something; it takes several writes."""


@dataclass(frozen=True)
class Asked:
    """What a set-up asks for, in a deployment that is ready for it.

    Attributes:
        signet: The deployment.
        name: The set-up's.
        way: In which way.
        event: The function's event.
        path: Of the HTTP request, where it is one.
    """

    signet: Deployment
    name: str
    way: Way
    event: dict[str, Any]
    path: str | None

    def act(self, request_id: str) -> Any:
        """Ask for it, in an invocation of this id, and give the function's answer."""
        context = LambdaContext(self.signet.function(self.way.operation), request_id)
        answer = self.signet.handler(self.way.operation)(copy.deepcopy(self.event), context)
        return json.loads(json.dumps(answer))


@contextmanager
def asked_for(signet: Deployment, name: str) -> Iterator[Asked]:
    """A set-up, with pieces as small as it wants them."""
    if name in EVENT_NAMES:
        operation, kind, _ = EVENT_NAMES[name].name.split(".")
        event = load_event(EVENT_NAMES[name], signet.demo())
        way = Way(operation, adds=operation in ADD, resumes=operation in RESUME)
        path = event["rawPath"] if kind.startswith("http") else None
    else:
        way, path = WAYS[name], None
        world = World(signet)
        if way.before is not None:
            way.before(world)
        event = world.filled({"applicationId": signet.application_id, **way.fields})
        if way.operation in ("create_application", "list_applications", "publish_events", "rotate_keys"):
            del event["applicationId"]
    with in_small_pieces(way):
        yield Asked(signet, name, way, event, path)


@contextmanager
def set_up(signet: Deployment, name: str) -> Iterator[Sweep]:
    """A set-up, ready to be played."""
    with asked_for(signet, name) as asked:
        way = asked.way
        yield Sweep(
            signet, name, way.operation, asked.act, path=asked.path, resumes=way.resumes, adds=way.adds
        )

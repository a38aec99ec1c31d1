"""What each operation consumes of DynamoDB's units: the table of docs/performance.md.

Of small items, and of items with everything as long and as many as the contract allows. Dynoxide counts,
since it counts as DynamoDB documents it: a consistent read a unit for each 4 KB of an item, a write one for
each KB, in a transaction two. The other engine counts no transaction, and moto nothing.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

import pytest

from signet import wiring
from signet.domain.groups import MAX_LEVELS, MAX_MEMBERS_SHOWN, DetailedGroup, Group
from signet.domain.users import MAX_GROUPS, User
from signet.store.groups import insert_group, member_key
from signet.store.memberships import add_user
from signet.store.table import Put
from tests.contract.test_bundle import OPERATIONS
from tests.deployment import PASSWORD, ROOT, Cloud, Deployment
from tests.engine import running_engine
from tests.stream import records
from tools.events import load_event

pytestmark = [pytest.mark.engine, pytest.mark.engine_only("moto counts no units")]

PAGE = ROOT / "docs" / "performance.md"
READS = frozenset({"GetItem", "BatchGetItem", "Query"})
WIDE = "\N{UNICORN FACE}"
"""Four bytes of UTF-8, of a length of 1 to Python and to whoever counts characters."""


@dataclass
class Stage:
    """A deployment with what the operations work on.

    Attributes:
        signet: The deployment.
        is_largest: Whether everything is as large as it may be.
        made: How many users and groups there are.
        group_ids: The groups that a user is in.
    """

    signet: Deployment
    is_largest: bool
    made: int = 0
    group_ids: list[str] = field(default_factory=list)

    @property
    def tags(self) -> dict[str, str]:
        """Of a user or a group."""
        if not self.is_largest:
            return {"plan": "team"}
        return {f"{number}".ljust(255, "k"): WIDE * 255 for number in range(64)}

    @property
    def text(self) -> str:
        """A name of a user."""
        return WIDE * 1024 if self.is_largest else "Ann"

    @property
    def group_fields(self) -> dict[str, Any]:
        """What is said of a group."""
        if not self.is_largest:
            return {"name": "Staff", "description": "Who works here"}
        return {"name": WIDE * 255, "description": WIDE * 32_767, "tags": self.tags}

    def prepare(self) -> None:
        """Make the groups that users are in, and an application as large as it may be."""
        self.group_ids = [self.make_group().id for _ in range(MAX_GROUPS if self.is_largest else 1)]
        if self.is_largest:
            login = {"extraData": {"a": "x" * 4000}, "ttl": 1000}
            self.do("update_application", name=WIDE * 255, login=login)
        # A container that signs notes once in a while how long the key's tokens live.
        self.token(self.make_user())

    def make_group(self, members: int = 0, ancestors: list[Group] | None = None) -> DetailedGroup:
        """A group, with members of which there is nothing else."""
        signet, above = self.signet, ancestors or []
        self.made += 1
        group = DetailedGroup(
            id=f"{self.made:024x}",
            parent_id=above[0].id if above else None,
            created_at_ms=signet.clock.milliseconds,
            updated_at_ms=signet.clock.milliseconds,
            **self.group_fields,
        )
        insert_group(signet.tenant, group, above)
        for number in range(members):
            user_id = f"{number:024x}"
            key = member_key(signet.application_id, group.id, user_id)
            signet.put_item(Put(key, {"user_id": user_id}).request("")["Put"]["Item"])
        return group

    def make_line(self) -> list[Group]:
        """As many groups under each other as there may be above another one, the lowest first."""
        line: list[Group] = []
        for _ in range(MAX_LEVELS - 1 if self.is_largest else 1):
            line.insert(0, self.make_group(ancestors=line))
        return line

    def make_user(self, group_ids: list[str] | None = None) -> User:
        """A user with a password."""
        signet = self.signet
        self.made += 1
        address = f"{self.made}@" + ("x" * 60 + ".") * (3 if self.is_largest else 0) + "example.com"
        user = User(
            id=f"{self.made:024x}",
            email=address,
            normal_email=address,
            first_name=self.text,
            last_name=self.text,
            tags=self.tags,
            group_ids=tuple(self.group_ids if group_ids is None else group_ids),
            password_version=1,
            created_at_ms=signet.clock.milliseconds,
            updated_at_ms=signet.clock.milliseconds,
        )
        password_hash = wiring.password_hasher().hash(PASSWORD)
        return add_user(signet.tenant, user, password_hash)

    def do(self, operation: str, **fields: object) -> Any:
        """Invoke a function in the application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def token(self, user: User) -> str:
        """A session token of the user."""
        token: str = self.do("issue_session_token", experienceUserId=user.id)["token"]
        return token

    def identified(self) -> tuple[str, str]:
        """A user that `identify` brought, with permissions: its id and a user token."""
        self.made += 1
        user_id = f"u{self.made}".ljust(128 if self.is_largest else 1, "u")
        number = 100 if self.is_largest else 1
        resources = [{"type": "organization", "id": f"{n}"} for n in range(number)]
        vouched = {"organizationId": self.text}
        token = self.do("issue_user_token", userId=user_id, userProperties=vouched)["token"]
        photo = "https://example.com/" + "p" * (2000 if self.is_largest else 1)
        user: dict[str, Any] = {"userId": user_id, "email": "u@example.com", "name": self.text, **vouched}
        user["photoUrl"] = photo
        if self.is_largest:
            user["contacts"] = [{"userId": "u2", "name": "c" * 982} for _ in range(4)]
        self.do("identify", authToken=token, user=user)
        self.do("add_permissions", user={"userId": user_id}, permissions={"resources": resources})
        # Adding nothing that takes anything away has ended nothing.
        return user_id, token


type Step = Callable[[Stage], Callable[[], object]]
"""Makes what has to be there, and gives what is measured."""


def on_user(operation: str, **fields: object) -> Step:
    def prepare(stage: Stage) -> Callable[[], object]:
        user = stage.make_user()
        return lambda: stage.do(operation, experienceUserId=user.id, **fields)

    return prepare


def plain(operation: str, **fields: object) -> Step:
    return lambda stage: lambda: stage.do(operation, **fields)


def outside(operation: str, **fields: object) -> Step:
    return lambda stage: lambda: stage.signet.invoke(operation, fields)


def publishing(stage: Stage) -> Callable[[], object]:
    written = records(stage.signet.table_name, [], stage.signet.items(), seconds=0)
    return lambda: stage.signet.invoke("publish_events", {"Records": written})


def create_user(stage: Stage) -> Callable[[], object]:
    fields: dict[str, Any] = {"email": "new@example.com", "password": PASSWORD, "firstName": stage.text}
    fields |= {"lastName": stage.text, "userTags": stage.tags, "experienceGroupIds": stage.group_ids}
    return lambda: stage.do("create_user", **fields)


def move_user(stage: Stage) -> Callable[[], object]:
    user = stage.make_user()
    others = [stage.make_group().id for _ in stage.group_ids]
    return lambda: stage.do("update_user", experienceUserId=user.id, experienceGroupIds=others)


def change_address(stage: Stage) -> Callable[[], object]:
    user = stage.make_user()
    return lambda: stage.do("update_user", experienceUserId=user.id, email=f"new-{user.email}")


def list_one(operation: str) -> Step:
    def prepare(stage: Stage) -> Callable[[], object]:
        stage.make_user()
        return lambda: stage.do(operation, perPage=1, nextToken="")

    return prepare


def create_group(stage: Stage) -> Callable[[], object]:
    fields = {name: value for name, value in stage.group_fields.items() if name != "tags"}
    parent, *_ = stage.make_line()
    return lambda: stage.do("create_group", groupTags=stage.tags, parentId=parent.id, **fields)


def on_group(operation: str, **fields: object) -> Step:
    def prepare(stage: Stage) -> Callable[[], object]:
        group = stage.make_group(MAX_MEMBERS_SHOWN if stage.is_largest else 1)
        return lambda: stage.do(operation, experienceGroupId=group.id, **fields)

    return prepare


def join(stage: Stage) -> Callable[[], object]:
    group, user = stage.make_group(), stage.make_user([*stage.group_ids[1:]])
    return lambda: stage.do("update_group", experienceGroupId=group.id, experienceUserIds=[user.id])


def delete_group(members: int) -> Step:
    def prepare(stage: Stage) -> Callable[[], object]:
        group = stage.make_group()
        for _ in range(members):
            stage.make_user([*stage.group_ids[1:], group.id])
        return lambda: stage.do("delete_group", experienceGroupId=group.id)

    return prepare


def with_password(operation: str, **fields: object) -> Step:
    def prepare(stage: Stage) -> Callable[[], object]:
        user = stage.make_user()
        return lambda: stage.do(operation, email=user.email, password=PASSWORD, **fields)

    return prepare


def with_token(operation: str, **fields: object) -> Step:
    def prepare(stage: Stage) -> Callable[[], object]:
        user = stage.make_user()
        token = stage.token(user)
        return lambda: stage.do(operation, token=token, **fields)

    return prepare


def authorize(stage: Stage) -> Callable[[], object]:
    demo = {"applicationId": stage.signet.application_id, "sessionToken": stage.token(stage.make_user())}
    event = load_event(ROOT / "events" / "authorize_request.authorizer.json", demo)
    handler, context = stage.signet.handler("authorize_request"), stage.signet.context("authorize_request")

    def ask() -> None:
        assert handler(event, context)["isAuthorized"]

    return ask


def refresh(stage: Stage) -> Callable[[], object]:
    stage.do("update_application", login={"sessionLifetime": 60_000})
    stage.signet.restart()
    token = stage.do("log_in", email=stage.make_user().email, password=PASSWORD)["token"]
    return lambda: stage.do("refresh_session", token=token)


def make_code(stage: Stage, user: User, purpose: str) -> str:
    code: str = stage.do("create_code", experienceUserId=user.id, purpose=purpose)["code"]
    return code


def redeem(purpose: str) -> Step:
    def prepare(stage: Stage) -> Callable[[], object]:
        code = make_code(stage, stage.make_user(), purpose)
        return lambda: stage.do("redeem_code", code=code, password=PASSWORD)

    return prepare


def ask_for(operation: str, **fields: Any) -> Step:
    def prepare(stage: Stage) -> Callable[[], object]:
        email = stage.make_user().email
        return lambda: stage.do(operation, email=email, **fields)

    return prepare


def signing_up(stage: Stage) -> Callable[[], object]:
    new = {"email": "signed-up@example.com", "firstName": stage.text, "lastName": stage.text}
    return lambda: stage.do("sign_up", password=PASSWORD, **new)


def show(stage: Stage) -> Callable[[], object]:
    user = {"applicationId": stage.signet.application_id}
    return lambda: stage.do("show_me", experience={"user": user, "authInfo": {}})


def identified(operation: str, fields: Callable[[str, str], dict[str, Any]]) -> Step:
    def prepare(stage: Stage) -> Callable[[], object]:
        user_id, token = stage.identified()
        return lambda: stage.do(operation, **fields(user_id, token))

    return prepare


def importing(stage: Stage) -> Callable[[], object]:
    signet = stage.signet
    line = {"email": "imported@example.com", "password": PASSWORD, "experienceGroupIds": stage.group_ids}
    # A line has 32 KB at most, characters of a byte each.
    tags = {name: value.replace(WIDE, "v") for name, value in list(stage.tags.items())[:50]}
    key = f"import/{signet.application_id}/users.jsonl"
    signet.put_file(key, json.dumps(line | {"userTags": tags}).encode())
    return lambda: stage.do("import_users", key=key)


def exporting(stage: Stage) -> Callable[[], object]:
    other, token = stage.signet.new_application()
    there = replace(stage.signet, application_id=other, api_token=token)
    Stage(there, stage.is_largest, stage.made + 1000).make_user([])
    return lambda: stage.signet.invoke("export_users", {"applicationId": other})


def deleting(stage: Stage) -> Callable[[], object]:
    other, _ = stage.signet.new_application()

    def act() -> None:
        stage.signet.invoke("delete_application", {"applicationId": other})
        stage.signet.waiting.clear()

    return act


ORGANIZATION = {"resources": [{"type": "organization", "id": "1"}]}
EMAIL = {"identityType": "EMAIL", "identity": "test@example.com"}

ROWS: list[tuple[str, str, Step]] = [
    # While there is one alone: which of several is the first one, chance decides.
    ("list_applications", "a page of one", outside("list_applications", perPage=1)),
    ("create_application", "", outside("create_application", name="Shop")),
    ("get_application", "", plain("get_application")),
    ("delete_application", "", deleting),
    ("update_application", "", plain("update_application", requireJwtToken=True)),
    ("get_settings", "", plain("get_settings")),
    ("update_settings", "", plain("update_settings", requireJwtToken=False)),
    ("list_api_tokens", "", plain("list_api_tokens")),
    ("reset_api_token", "", plain("reset_api_token")),
    ("create_user", "", create_user),
    ("get_user", "", on_user("get_user")),
    ("list_users", "a page of one", list_one("list_users")),
    ("update_user", "a name", on_user("update_user", firstName="Bea")),
    ("update_user", "the password", on_user("update_user", password=PASSWORD)),
    ("update_user", "the address", change_address),
    ("update_user", "all groups for others", move_user),
    ("delete_user", "", on_user("delete_user")),
    ("create_group", "on the lowest level", create_group),
    ("get_group", "", on_group("get_group")),
    ("list_groups", "a page of one", list_one("list_groups")),
    ("update_group", "its name", on_group("update_group", name="Crew")),
    ("update_group", "its tags", on_group("update_group", groupTags={"a": "1"})),
    ("update_group", "a user joins", join),
    ("delete_group", "without members", delete_group(0)),
    ("delete_group", "with one member", delete_group(1)),
    ("log_in", "", with_password("log_in")),
    ("authenticate", "`emailPassword`", with_password("authenticate", authMode="emailPassword")),
    ("authenticate", "`token`", with_token("authenticate", authMode="token")),
    (
        "authenticate",
        "`token`, ends the others",
        with_token("authenticate", authMode="token", invalidateExistingTokens=True),
    ),
    ("authorize_request", "", authorize),
    ("show_me", "", show),
    ("introspect_token", "", with_token("introspect_token")),
    ("revoke_token", "", with_token("revoke_token")),
    ("log_out", "", with_token("log_out")),
    ("log_out", "everywhere", with_token("log_out", everywhere=True)),
    ("refresh_session", "", refresh),
    ("update_me", "a name", with_token("update_me", firstName="Anna")),
    ("update_me", "the password", with_token("update_me", password=PASSWORD, currentPassword=PASSWORD)),
    ("delete_me", "", with_token("delete_me", currentPassword=PASSWORD)),
    ("create_code", "", on_user("create_code", purpose="logIn")),
    ("redeem_code", "`logIn`", redeem("logIn")),
    ("redeem_code", "`resetPassword`", redeem("resetPassword")),
    ("request_password_reset", "", ask_for("request_password_reset")),
    ("request_verification", "", ask_for("request_verification")),
    ("request_log_in_link", "", ask_for("request_log_in_link")),
    ("sign_up", "", signing_up),
    ("send_mail", "a code", ask_for("send_mail", kind="logIn")),
    ("stop_mails", "", ask_for("stop_mails", because="bounced")),
    ("issue_session_token", "", on_user("issue_session_token")),
    (
        "issue_session_token",
        "ends the others",
        on_user("issue_session_token", invalidateExistingTokens=True),
    ),
    ("invalidate_user_tokens", "", on_user("invalidate_user_tokens")),
    ("identify", "", identified("identify", lambda u, t: {"authToken": t, "user": {"userId": u}})),
    (
        "identify",
        "another name",
        identified("identify", lambda u, t: {"authToken": t, "user": {"userId": u, "name": "Bea"}}),
    ),
    ("issue_user_token", "", identified("issue_user_token", lambda u, _: {"userId": u})),
    (
        "add_permissions",
        "",
        identified("add_permissions", lambda u, _: {"user": {"userId": u}, "permissions": ORGANIZATION}),
    ),
    (
        "get_permissions",
        "of one user",
        identified("get_permissions", lambda u, _: {"organizationId": "1", "userIds": [u]}),
    ),
    (
        "remove_permissions",
        "",
        identified("remove_permissions", lambda u, _: {"userId": u, "permissions": ORGANIZATION}),
    ),
    ("issue_identity_token", "", plain("issue_identity_token", **EMAIL)),
    ("invalidate_identity_tokens", "", plain("invalidate_identity_tokens", **EMAIL)),
    ("import_users", "one user", importing),
    ("export_users", "one user", exporting),
    ("publish_jwks", "", outside("publish_jwks")),
    ("publish_configuration", "", outside("publish_configuration")),
    ("rotate_keys", "", outside("rotate_keys")),
    ("publish_events", "", publishing),
    ("invalidate_application_tokens", "", plain("invalidate_application_tokens")),
]


@contextmanager
def units_counted() -> Iterator[dict[str, float]]:
    """What is consumed meanwhile, of reads and of writes."""
    client = wiring.table().client
    real = client.call
    consumed = {"read": 0.0, "write": 0.0}

    def call(operation: str, request: Mapping[str, object]) -> Any:
        answer = real(operation, {**request, "ReturnConsumedCapacity": "TOTAL"})
        found = answer["ConsumedCapacity"]
        for part in found if isinstance(found, list) else [found]:
            consumed["read" if operation in READS else "write"] += part["CapacityUnits"]
        return answer

    with mock.patch.object(client, "call", call):
        yield consumed


@pytest.fixture(scope="module")
def counting_cloud(aws: dict[str, str]) -> Iterator[Cloud]:
    with (
        running_engine("dynoxide") as url,
        closing(Cloud("signet-units", {**aws, "AWS_ENDPOINT_URL_DYNAMODB": url})) as cloud,
    ):
        yield cloud


def measure(cloud: Cloud, *, is_largest: bool) -> list[tuple[str, str]]:
    rows = []
    with cloud.deploy() as signet:
        stage = Stage(signet, is_largest)
        stage.prepare()
        for _, _, step in ROWS:
            act = step(stage)
            with units_counted() as consumed:
                act()
            assert not signet.waiting
            rows.append((f"{consumed['read']:g}", f"{consumed['write']:g}"))
    return rows


def test_every_operation_has_a_row() -> None:
    """No operation is without its units."""
    assert {operation for operation, _, _ in ROWS} == set(OPERATIONS)


@pytest.mark.parametrize(
    ("is_largest", "columns"),
    [
        pytest.param(False, slice(2, 4), id="small"),
        pytest.param(True, slice(4, 6), id="largest", marks=pytest.mark.heavy),
    ],
)
def test_the_table_of_units_is_true(counting_cloud: Cloud, *, is_largest: bool, columns: slice) -> None:
    """The page has these rows with these figures; otherwise what it should have is said."""
    measured = [
        (f"`{operation}`{', ' if what else ''}{what}", *units)
        for (operation, what, _), units in zip(
            ROWS, measure(counting_cloud, is_largest=is_largest), strict=True
        )
    ]
    table = PAGE.read_text().partition("| operation | small: read |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()[2:]]
    assert [(row[1], *row[columns]) for row in rows] == measured

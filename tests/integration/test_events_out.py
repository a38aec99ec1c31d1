"""Events out: what each operation's writes tell the bus (docs/events-out.md)."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import jsonschema
import pytest

from signet import wiring
from signet.aws.client import NoAnswer
from signet.domain.events import Kind
from signet.domain.identities import Identity, IdentityType
from signet.domain.keys import DAY
from signet.errors import SignetError, UnsupportedEvent
from signet.store.ended_tokens import MAX_MARKS
from signet.usecases import invalidation
from tests.deployment import PASSWORD, ROOT, Deployment
from tests.stream import record, records
from tools.end_all_tokens import end_all_tokens

SCHEMAS = {kind: json.loads((ROOT / "docs" / "events" / f"{kind}.json").read_text()) for kind in Kind}
RESOURCES = [{"type": "organization", "id": "o1"}, {"type": "organization", "id": "o2"}]
EXTERNAL = {"user": {"userId": "u1"}}
DAYS_30 = 30 * DAY
FACTS = ("Ann", "ann@example.com", "anna@example.com", "Editors", "Shop", "o1", "o2")
"""What users and operators have said of themselves, which no event repeats."""


class Scene:
    """A deployment, and what its writes have told."""

    def __init__(self, signet: Deployment) -> None:
        self.signet = signet
        self.ann = ""
        self._before = signet.items()

    def do(self, operation: str, **fields: Any) -> Any:
        """Invoke an operation in the application."""
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def register(self, **more: Any) -> None:
        """Make the user Ann."""
        fields = {"email": "ann@example.com", "password": PASSWORD, "firstName": "Ann", **more}
        self.ann = self.do("create_user", **fields)["id"]

    def change(self, **fields: Any) -> None:
        """Change Ann."""
        self.do("update_user", experienceUserId=self.ann, **fields)

    def token(self) -> str:
        """A session token of Ann's."""
        return str(self.do("issue_session_token", experienceUserId=self.ann)["token"])

    def identify(self, **said: Any) -> None:
        """Speak of the external user u1 without a token, which the application allows from then on."""
        self.do("update_settings", requireJwtToken=False)
        self.signet.restart()
        self.do("identify", user={"userId": "u1", **said})

    def told(self, *, by_ttl: bool = False) -> list[tuple[str, str, str | None, tuple[str, ...]]]:
        """What has been sent since the last look: kind, whose, why, and the changed fields; in order."""
        after = self.signet.items()
        written = records(
            self.signet.table_name, self._before, after, seconds=self.signet.clock.now, by_ttl=by_ttl
        )
        self._before = after
        if not written:
            return []
        sent = len(self.signet.sent)
        assert self.signet.invoke("publish_events", {"Records": written}) == {"batchItemFailures": []}
        entries = self.signet.sent[sent:]
        for entry in entries:
            self._check(entry)
        details = [(entry["DetailType"], json.loads(entry["Detail"])) for entry in entries]
        return sorted(
            (kind, detail["subject"]["type"], detail["because"], tuple(detail["changed"]))
            for kind, detail in details
        )

    def _check(self, entry: dict[str, Any]) -> None:
        detail = json.loads(entry["Detail"])
        jsonschema.validate(detail, SCHEMAS[Kind(entry["DetailType"])])
        assert entry["Source"] == "signet"
        assert entry["EventBusName"] == "signet-local"
        subject = detail.pop("subject")
        assert detail["applicationId"] in (None, self.signet.application_id)
        # Who it is about, it says; nothing else that anybody has said.
        if subject["type"] == "identity":
            assert subject["id"] in ("ann@example.com", "anna@example.com")
        assert not [fact for fact in FACTS if f'"{fact}' in json.dumps(detail)]


type Told = list[tuple[str, str, str | None, tuple[str, ...]]]


def user(
    kind: str, because: str | None = None, *changed: str
) -> tuple[str, str, str | None, tuple[str, ...]]:
    return kind, "user", because, changed


ENDED_IDENTITY = ("TokensEnded", "identity")


def case(
    name: str, act: Callable[[Scene], object], *told: Any, before: Callable[[Scene], object] | None = None
) -> Any:
    """A write, what it tells, and what has to be there before."""
    return pytest.param(before or Scene.register, act, sorted(told), id=name)


def nothing(_: Scene) -> None:
    pass


def permit(scene: Scene) -> None:
    scene.do("add_permissions", **EXTERNAL, permissions={"resources": RESOURCES})


def make_group(scene: Scene) -> str:
    return str(scene.do("create_group", name="Editors", description="All")["id"])


def register_beside_a_group(scene: Scene) -> None:
    scene.register()
    make_group(scene)


def group_id(scene: Scene) -> str:
    (found,) = [item for item in scene.signet.items() if item["sk"]["S"] == "GROUP"]
    return str(found["group_id"]["S"])


def change_group(scene: Scene, **fields: Any) -> None:
    scene.do("update_group", experienceGroupId=group_id(scene), **fields)


def end_many_tokens(scene: Scene) -> None:
    scene.register()
    for _ in range(MAX_MARKS):
        scene.do("log_out", token=scene.token())


def let_ann_in(scene: Scene, **fields: Any) -> None:
    token = {"token": scene.token()} if fields.get("authMode", "").startswith("token") else {}
    answer = scene.do("authenticate", email="ann@example.com", password=PASSWORD, **token, **fields)
    assert answer["authenticated"]


def end_restored(scene: Scene) -> None:
    assert end_all_tokens(Restored(scene), scene.signet.table_name, scene.signet.clock.milliseconds) == 1


class Restored:
    """botocore's client of DynamoDB, as far as tools.end_all_tokens asks it, on the tests' table."""

    def __init__(self, scene: Scene) -> None:
        self._call = wiring.table().client.call
        self._scene = scene

    def get_paginator(self, _: str) -> "Restored":
        """Of Scan."""
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        """The keys of the generations."""
        items = [item for item in self._scene.signet.items() if item["sk"] == {"S": "GENERATION"}]
        return [{"Items": [{name: item[name] for name in ("pk", "sk")} for item in items]}]

    def update_item(self, **request: Any) -> None:
        """As it is."""
        self._call("UpdateItem", request)


def revoke_next_key(scene: Scene) -> None:
    keys = scene.signet.invoke("rotate_keys", {})["keys"]
    (kid,) = [key["kid"] for key in keys if key["state"] == "announced"]
    scene.signet.invoke("rotate_keys", {"emergency": True, "kid": kid})


CASES = [
    case("register", Scene.register, user("UserCreated"), before=nothing),
    case("change nothing", lambda scene: scene.change(firstName="Ann")),
    case(
        "change a profile",
        lambda scene: scene.change(firstName="Anna", lastName="B", userTags={"a": "b"}),
        user("UserUpdated", None, "firstName", "lastName", "userTags"),
    ),
    case(
        "doubt an address",
        lambda scene: scene.change(emailVerified=False),
        user("UserUpdated", None, "emailVerified"),
    ),
    case(
        "set a password",
        lambda scene: scene.change(password=PASSWORD + "!"),
        user("PasswordChanged"),
        user("TokensEnded", "passwordChanged"),
        (*ENDED_IDENTITY, "passwordChanged", ()),
    ),
    case(
        "move to another address",
        lambda scene: scene.change(email="anna@example.com"),
        user("UserUpdated", None, "email"),
        user("TokensEnded", "emailChanged"),
        (*ENDED_IDENTITY, "emailChanged", ()),
    ),
    case(
        "set a cutoff",
        lambda scene: scene.change(tokenCutoff="2027-01-15T08:00:01.123Z"),
        user("UserUpdated", None, "tokenCutoff"),
        user("TokensEnded", "cutoffMoved"),
    ),
    case(
        "delete",
        lambda scene: scene.do("delete_user", experienceUserId=scene.ann),
        user("UserDeleted", "deleted"),
        user("TokensEnded", "userDeleted"),
        (*ENDED_IDENTITY, "userDeleted", ()),
    ),
    case(
        "log in",
        lambda scene: scene.do("log_in", email="ann@example.com", password=PASSWORD),
        user("UserAuthenticated"),
    ),
    case("log in with a wrong password", lambda scene: try_to(scene, "log_in", password="wrong password")),
    case(
        "authenticate, and end earlier tokens",
        lambda scene: let_ann_in(scene, authMode="emailPassword", invalidateExistingTokens=True),
        user("UserAuthenticated"),
        user("TokensEnded", "signedIn"),
    ),
    case(
        "authenticate by a token, and end it",
        lambda scene: let_ann_in(scene, authMode="token", invalidateExistingTokens=True),
        user("TokensEnded", "signedIn"),
    ),
    case("authenticate by a token", lambda scene: let_ann_in(scene, authMode="token")),
    case(
        "issue a session token as a log-in",
        lambda scene: scene.do("issue_session_token", experienceUserId=scene.ann, treatAsLogin=True),
        user("UserAuthenticated"),
    ),
    case(
        "issue a session token, and end the others",
        lambda scene: scene.do(
            "issue_session_token", experienceUserId=scene.ann, invalidateExistingTokens=True
        ),
        user("TokensEnded", "signedIn"),
    ),
    case("log out", lambda scene: scene.do("log_out", token=scene.token())),
    case(
        "log out of the last token that there is room for",
        lambda scene: scene.do("log_out", token=scene.token()),
        user("TokensEnded", "noRoom"),
        before=end_many_tokens,
    ),
    case(
        "invalidate a user's tokens",
        lambda scene: scene.do("invalidate_user_tokens", experienceUserId=scene.ann),
        user("TokensEnded", "invalidated"),
    ),
    case(
        "invalidate those of a user who was never seen",
        lambda scene: scene.do("invalidate_user_tokens", experienceUserId="ext:u1"),
        user("TokensEnded", "invalidated"),
        before=nothing,
    ),
    case(
        "invalidate an identity's tokens",
        lambda scene: invalidation.invalidate_identity_tokens(
            scene.signet.tenant, Identity(IdentityType.EMAIL, "ann@example.com")
        ),
        (*ENDED_IDENTITY, "invalidated", ()),
        before=nothing,
    ),
    case(
        "invalidate an application's tokens",
        lambda scene: scene.do("invalidate_application_tokens"),
        ("TokensEnded", "application", "invalidated", ()),
        before=nothing,
    ),
    case(
        "end all tokens of a restored table",
        end_restored,
        ("TokensEnded", "application", "tableRestored", ()),
        before=nothing,
    ),
    case("add permissions", permit, user("PermissionsChanged", "widened"), before=nothing),
    case(
        "take a permission away",
        lambda scene: scene.do("remove_permissions", userId="u1", permissions={"resources": RESOURCES[:1]}),
        user("PermissionsChanged", "narrowed"),
        user("TokensEnded", "permissionsRemoved"),
        before=permit,
    ),
    case(
        "take all permissions away",
        lambda scene: scene.do("remove_permissions", userId="u1", permissions={"resources": RESOURCES}),
        user("PermissionsChanged", "narrowed"),
        user("TokensEnded", "permissionsRemoved"),
        before=permit,
    ),
    case(
        "take permissions away that are not stored",
        lambda scene: scene.do("remove_permissions", userId="u1", permissions={"resources": RESOURCES}),
        user("TokensEnded", "permissionsRemoved"),
        before=nothing,
    ),
    case(
        "make a group",
        make_group,
        ("GroupChanged", "group", "created", ()),
        before=nothing,
    ),
    case(
        "rename a group",
        lambda scene: change_group(scene, name="Writers"),
        ("GroupChanged", "group", "updated", ("name",)),
        before=make_group,
    ),
    case(
        "describe a group",
        lambda scene: change_group(scene, description="Some"),
        ("GroupChanged", "group", "updated", ("description", "groupTags")),
        before=make_group,
    ),
    case(
        "put a user into a group",
        lambda scene: change_group(scene, experienceUserIds=[scene.ann]),
        user("UserUpdated", None, "experienceGroupIds"),
        before=register_beside_a_group,
    ),
    case(
        "delete a group",
        lambda scene: scene.do("delete_group", experienceGroupId=group_id(scene)),
        ("GroupChanged", "group", "deleted", ()),
        before=make_group,
    ),
    case(
        "a child comes under a group",
        lambda scene: scene.do("create_group", name="Writers", parentId=group_id(scene)),
        ("GroupChanged", "group", "created", ()),
        before=make_group,
    ),
    case(
        "change settings",
        lambda scene: scene.do("update_application", name="Shop", maxTokenLifetime=60, login={"ttl": 1000}),
        ("SettingsChanged", "application", "updated", ("name", "maxTokenLifetime", "login.ttl")),
        before=nothing,
    ),
    case(
        "turn a limit off",
        lambda scene: scene.do("update_application", guessing={"account": {"atOnce": 0}}),
        ("SettingsChanged", "application", "updated", ("guessing.account.atOnce",)),
        before=nothing,
    ),
    case(
        "change nothing of the settings",
        lambda scene: scene.do("update_settings", requireJwtToken=True),
        before=nothing,
    ),
    case(
        "reset an API token",
        lambda scene: scene.do("reset_api_token"),
        ("ApiTokenReset", "application", None, ()),
        before=nothing,
    ),
    case("do what is due of keys", lambda scene: scene.signet.invoke("rotate_keys", {}), before=nothing),
]


def try_to(scene: Scene, operation: str, **fields: Any) -> None:
    with pytest.raises(SignetError):
        scene.do(operation, email="ann@example.com", **fields)


@pytest.mark.parametrize(("before", "act", "told"), CASES)
def test_what_an_operation_tells(
    signet: Deployment, before: Callable[[Scene], object], act: Callable[[Scene], object], told: Told
) -> None:
    """Each write is told of as what it was to those outside, and by a schema's rules; nothing else is."""
    scene = Scene(signet)
    before(scene)
    signet.clock.advance(1)
    scene.told()
    act(scene)
    assert scene.told() == told


def test_what_an_unverified_user_s_life_tells(signet: Deployment) -> None:
    """Made, spoken of, promoted; of what DynamoDB removes, as of what another user takes the place of."""
    scene = Scene(signet)
    scene.identify(name="Ann")
    assert user("UserCreated") in scene.told()
    signet.clock.advance(1)
    scene.do("identify", user={"userId": "u1", "name": "Anna"})
    assert scene.told() == [user("UserUpdated", None, "profile")]
    signet.clock.advance(DAYS_30)
    signet.let_ttl_strike()
    assert scene.told(by_ttl=True) == [user("UserDeleted", "expired")]
    scene.identify(name="Ann")
    scene.told()
    signet.clock.advance(DAYS_30)
    scene.do("identify", user={"userId": "u1", "name": "Eve"})
    assert scene.told() == [user("UserCreated"), user("UserDeleted", "expired")]
    scene.do("update_user", experienceUserId="ext:u1", firstName="Eve")
    assert scene.told() == [user("UserUpdated", None, "firstName", "profile", "unverified")]
    (item,) = [item for item in signet.items() if item["sk"] == {"S": "USER"}]
    signet.delete_item(item)
    assert scene.told() == [user("UserDeleted", "removed")]


def test_what_a_key_s_life_tells(signet: Deployment) -> None:
    """Announced, activated, retired, removed; revoked in an emergency: each once."""
    scene, seen = Scene(signet), list[tuple[str, str | None]]()

    def look() -> None:
        seen.extend((kind, because) for kind, _, because, _ in scene.told())

    for days in (91, 1, 91, 91, 200):
        signet.clock.advance(days * DAY)
        signet.restart()
        signet.invoke("rotate_keys", {})
        look()
    assert {kind for kind, _ in seen} == {"SigningKeyChanged"}
    reasons = [because for _, because in seen]
    assert set(reasons) == {"announced", "activated", "retired", "removed"}
    assert reasons.count("activated") == reasons.count("retired")
    revoke_next_key(scene)
    look()
    assert [because for _, because in seen[len(reasons) :]] == ["announced", "revoked"]


def written(signet: Deployment, *revisions: int) -> list[dict[str, Any]]:
    """Records of changes of a user's name, one a revision."""
    pk = {"S": f"APP#{signet.application_id}#USER#{'a' * 24}"}
    items = [
        {
            "pk": pk,
            "sk": {"S": "USER"},
            "created_at": {"N": "1"},
            "first_name": {"S": f"Ann {revision}"},
            "revision": {"N": str(revision)},
        }
        for revision in (0, *revisions)
    ]
    changes = itertools.pairwise(items)
    return [record(signet.table_name, old, new, seconds=1) for old, new in changes]


def places(answer: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def numbers(batch: list[dict[str, Any]]) -> list[str]:
    return [one["dynamodb"]["SequenceNumber"] for one in batch]


def sequences(signet: Deployment) -> list[int]:
    return [json.loads(entry["Detail"])["sequence"] for entry in signet.sent]


@pytest.mark.parametrize(("writes", "trips"), [(1, 1), (10, 1), (11, 2), (100, 10)])
def test_ten_events_are_one_round_trip(moto_signet: Deployment, writes: int, trips: int) -> None:
    """Of a stream with a hundred writes a second, sending is a tenth of the second at most."""
    with moto_signet.counted() as made:
        moto_signet.invoke("publish_events", {"Records": written(moto_signet, *range(1, writes + 1))})
    assert made == ["events:PutEvents"] * trips


def test_a_repetition_has_the_same_id_and_later_ones_a_greater_sequence(moto_signet: Deployment) -> None:
    """Receivers leave out what they know, and what is older than what they know."""
    batch = written(moto_signet, 1, 2, 3)
    for _ in range(2):
        moto_signet.invoke("publish_events", {"Records": batch})
    ids = [json.loads(entry["Detail"])["id"] for entry in moto_signet.sent]
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3
    assert sequences(moto_signet) == [1, 2, 3, 1, 2, 3]


def test_permissions_that_come_back_have_a_greater_sequence(signet: Deployment) -> None:
    """Also where all were taken away, and their item with them."""
    scene, seen = Scene(signet), list[int]()
    for operation, resources in (
        ("add", RESOURCES),
        ("remove", RESOURCES[:1]),
        ("add", RESOURCES),
        ("remove", RESOURCES),
        ("add", RESOURCES),
    ):
        named = EXTERNAL if operation == "add" else {"userId": "u1"}
        scene.do(f"{operation}_permissions", **named, permissions={"resources": resources})
        scene.told()
    for entry in signet.sent:
        if entry["DetailType"] == "PermissionsChanged":
            seen.append(json.loads(entry["Detail"])["sequence"])
    assert len(seen) == 5
    assert seen == sorted(set(seen))


def given_up() -> list[dict[str, Any]]:
    """What waits in the queue of what was not sent, and no longer."""
    client, url = wiring.make_client("sqs"), wiring.settings().unsent_queue_url
    messages = client.call("ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10}).get("Messages", [])
    for message in messages:
        client.call("DeleteMessage", {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]})
    return [json.loads(message["Body"]) for message in messages]


def test_a_record_that_is_not_understood_holds_up_no_other(
    moto_signet: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its place goes to the queue, and nothing of what was written, neither there nor into the log."""
    batch = written(moto_signet, 1, 2, 3)
    batch[1]["dynamodb"]["NewImage"]["revision"] = {"S": "no number at all"}
    assert places(moto_signet.invoke("publish_events", {"Records": batch})) == []
    assert sequences(moto_signet) == [1, 3]
    (message,) = given_up()
    assert message["DDBStreamBatchInfo"] == {
        "streamArn": batch[1]["eventSourceARN"],
        "startSequenceNumber": numbers(batch)[1],
        "endSequenceNumber": numbers(batch)[1],
        "batchSize": 1,
    }
    log = capsys.readouterr().out
    assert '"Fault":[1.0]' in log
    assert not [told for told in ("Ann 2", "no number at all") if told in log + json.dumps(message)]


def test_a_record_comes_again_where_not_even_its_place_can_be_kept(moto_signet: Deployment) -> None:
    """An outage of the queue loses nothing either."""
    batch = written(moto_signet, 1, 2, 3)
    batch[1]["dynamodb"]["NewImage"]["revision"] = {"S": "no number at all"}
    with mock.patch.object(wiring.make_client("sqs"), "call", side_effect=NoAnswer):
        answer = moto_signet.invoke("publish_events", {"Records": batch})
    assert places(answer) == numbers(batch)[1:2]
    assert sequences(moto_signet) == [1, 3]


@contextmanager
def refusing(refuses: Callable[[int, int], bool]) -> Iterator[list[int]]:
    """Have the bus not take the entries of a call, by its number and their places; gives the calls' sizes."""
    client = wiring.make_client("events")
    real, sizes = client.call, list[int]()

    def call(operation: str, request: Any) -> Any:
        answer = real(operation, request)
        for place in range(len(answer["Entries"])):
            if refuses(len(sizes), place):
                answer["Entries"][place] = {"ErrorCode": "InternalFailure", "ErrorMessage": "Try again."}
        sizes.append(len(request["Entries"]))
        return answer

    with mock.patch.object(client, "call", call), mock.patch("time.sleep"):
        yield sizes


def test_an_event_that_the_bus_does_not_take_is_sent_again(moto_signet: Deployment) -> None:
    """PutEvents succeeds as a whole, and says of each entry whether it was taken."""
    batch = written(moto_signet, *range(1, 13))
    with refusing(lambda number, place: number == 0 and place % 2 == 0) as sizes:
        answer = moto_signet.invoke("publish_events", {"Records": batch})
    assert places(answer) == []
    assert sizes == [10, 5, 2]
    assert sequences(moto_signet) == [*range(1, 11), 1, 3, 5, 7, 9, 11, 12]


def test_what_the_bus_never_takes_comes_again(moto_signet: Deployment) -> None:
    """In the end Lambda hears of it; the others have been sent."""
    batch = written(moto_signet, 1, 2)
    with refusing(lambda _, place: place == 0) as sizes:
        answer = moto_signet.invoke("publish_events", {"Records": batch})
    assert places(answer) == numbers(batch)[:1]
    assert sizes == [2, *[1] * (len(sizes) - 1)]
    assert len(sizes) > 3


def test_an_outage_sends_back_what_was_not_sent(
    moto_signet: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing more is tried meanwhile, and the alarm hears of an outage, not of a bug."""
    batch = written(moto_signet, *range(1, 31))
    client = wiring.make_client("events")
    real, tries = client.call, list[str]()

    def call(operation: str, request: Any) -> Any:
        tries.append(operation)
        if len(tries) > 1:
            raise NoAnswer
        return real(operation, request)

    with mock.patch.object(client, "call", call):
        answer = moto_signet.invoke("publish_events", {"Records": batch})
    assert places(answer) == numbers(batch)[10:]
    assert len(tries) == 2
    assert '"Outage":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": []},
        {"applicationId": "a" * 24},
        {
            "Records": [
                {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:q", "body": "{}"}
            ]
        },
    ],
)
def test_only_the_table_s_stream_is_taken(moto_signet: Deployment, event: dict[str, Any]) -> None:
    """Whatever else it is invoked with, it refuses, another table's stream too."""
    with pytest.raises(UnsupportedEvent):
        moto_signet.invoke("publish_events", event)
    other = written(moto_signet, 1)
    other[0]["eventSourceARN"] = other[0]["eventSourceARN"].replace("/signet/", "/signet-other/")
    with pytest.raises(UnsupportedEvent):
        moto_signet.invoke("publish_events", {"Records": other})
    assert moto_signet.sent == []

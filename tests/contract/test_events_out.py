"""What an event may say is written down once, and the template sends what it should."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from local import sam
from local.template import Resolver
from signet.aws.bus import MOST
from signet.domain.events import SETTINGS, SHAPES, USER_FIELDS, Event, Kind, Subject, SubjectType
from signet.domain.reasons import Because
from signet.store.changes import READERS, Change, events_in
from signet.store.users import PROFILE
from tests.deployment import URL, Deployment, load_template
from tools import event_schemas

APPLICATION = "a" * 24
KID = "k" * 43


def resolver(**parameters: str) -> Resolver:
    """A resolver of the template with these parameters."""
    template = load_template()
    return Resolver(template, sam.physical_values(template, URL, "table", "key"), parameters)


@pytest.mark.parametrize("kind", Kind)
def test_a_schema_is_made_of_the_definition(kind: Kind) -> None:
    """The file is what `make event-schemas` writes, and a JSON Schema."""
    assert (event_schemas.FOLDER / f"{kind}.json").read_text() == event_schemas.text(kind)
    Draft202012Validator.check_schema(event_schemas.schema(kind))


def test_there_is_no_schema_of_anything_else() -> None:
    """A kind that is gone takes its file along."""
    assert {path.stem for path in event_schemas.FOLDER.iterdir()} == set(Kind)


def test_ten_of_the_largest_events_fit_into_one_request() -> None:
    """PutEvents takes 256 KB; so nobody has to count."""
    address = "a" * 1024
    event = Event(
        kind=Kind.USER_UPDATED,
        application_id=APPLICATION,
        subject=Subject(SubjectType.IDENTITY, address),
        sequence=2**53,
        changed=tuple(name for shape in SHAPES.values() for name in shape.changed),
        because=Because.PERMISSIONS_REMOVED,
    )
    assert MOST * len(json.dumps(event.detail("0" * 32, 0))) < 256 * 1024 / 4


def test_every_setting_and_every_field_of_a_user_has_a_name_to_be_told_by(moto_signet: Deployment) -> None:
    """One that comes to be is told of too, or is named here as nobody's business."""
    often = {key: {"atOnce": 1, "perMinute": 1} for key in ("account", "source", "knownSource")}
    offered: dict[str, Any] = dict.fromkeys(("signUp", "passwordReset", "logInLink", "profile"), True)
    purposes = ("verifyEmail", "resetPassword", "logIn", "changeEmail")
    offered["links"] = dict.fromkeys(purposes, "https://example.com/#{code}")
    offered |= {"verifyEmail": "optional", "language": "de"}
    settings = {"guessing": often, "selfService": offered}
    moto_signet.invoke("update_application", {"applicationId": moto_signet.application_id, **settings})
    (item,) = [item for item in moto_signet.items() if item["sk"] == {"S": "APP"}]
    kept_back = {
        "pk",
        "sk",
        "application_id",
        "api_tokens",
        "api_tokens_revision",
        "created_at",
        "updated_at",
        "digest_key",
        "list_pk",
        "list_sk",
    }
    assert item.keys() - kept_back == SETTINGS.keys()
    kept_back = {
        "normal_email",
        "password_version",
        "created_at",
        "updated_at",
        "password_updated_at",
        "codes",
    }
    assert {*PROFILE.values(), "email_unverified", "is_admin"} - kept_back == USER_FIELDS.keys()


def test_the_stream_hands_over_what_events_come_of_and_nothing_else() -> None:
    """No credential among it: the function never sees a password's hash."""
    (mapping,) = resolver(EventsOut="true").resources("AWS::Lambda::EventSourceMapping").values()
    (one,) = mapping["Properties"]["FilterCriteria"]["Filters"]
    keys = json.loads(one["Pattern"])["dynamodb"]["Keys"]
    assert {name if isinstance(name, str) else name["prefix"] for name in keys["sk"]["S"]} == READERS.keys()
    assert keys["pk"]["S"] == [{"anything-but": ["KEYLIFE"]}]


def test_no_event_is_sent_unless_it_is_asked_for() -> None:
    """No stream, no bus, no function."""
    bare = resolver()
    table = bare.resolve(load_template()["Resources"]["Table"]["Properties"], "Table")
    assert "StreamSpecification" not in table
    for kind in ("EventBus", "Archive", "Rule"):
        assert bare.resources(f"AWS::Events::{kind}") == {}
    assert "PublishEventsFunction" not in sam.read_functions(bare)


def test_what_cannot_be_sent_is_not_lost() -> None:
    """It is tried for an hour, part by part, then its place is kept for longer than the stream keeps it."""
    sends = resolver(EventsOut="true")
    table = sends.resolve(load_template()["Resources"]["Table"]["Properties"], "Table")
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    mapping = sends.resources("AWS::Lambda::EventSourceMapping")["PublishEventsStream"]["Properties"]
    found = sends.resolve(mapping, "mapping")
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["BisectBatchOnFunctionError"] is True
    # By time alone: refusals that come at once would use up any number of attempts within minutes.
    assert (found["MaximumRecordAgeInSeconds"], found["MaximumRetryAttempts"]) == (3600, -1)
    assert found["StartingPosition"] == "TRIM_HORIZON"
    queue = sam.physical_values(load_template(), URL, "table", "key")["UnsentEvents.Arn"]
    assert found["DestinationConfig"] == {"OnFailure": {"Destination": queue}}
    assert sends.resources("AWS::SQS::Queue")["UnsentEvents"]["Properties"]["MessageRetentionPeriod"] > 86_400


def test_an_archive_and_an_example_are_there_by_parameter() -> None:
    """Each only where events are sent."""
    sends = resolver(EventsOut="true", EventArchiveDays="30", DeployEventExamples="true")
    (archive,) = sends.resources("AWS::Events::Archive").values()
    assert int(sends.resolve(archive["Properties"], "archive")["RetentionDays"]) == 30
    rule = sends.resolve(sends.resources("AWS::Events::Rule")["SentEventsRule"]["Properties"], "rule")
    assert rule["EventPattern"] == {"source": ["signet"]}
    (policy,) = sends.resources("AWS::SQS::QueuePolicy").values()
    (statement,) = sends.resolve(policy["Properties"], "policy")["PolicyDocument"]["Statement"]
    assert statement["Resource"] == rule["Targets"][0]["Arn"]
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"].endswith("SentEventsRule")
    off = resolver(EventArchiveDays="30", DeployEventExamples="true")
    for kind in ("Events::Archive", "SQS::QueuePolicy"):
        assert off.resources(f"AWS::{kind}") == {}


SECRET = "SECRET"
PLACES = {
    "USER": f"APP#{APPLICATION}#USER#{'b' * 24}",
    "PERMISSIONS": f"APP#{APPLICATION}#USER#x:u1",
    "IDENTITY": f"APP#{APPLICATION}#IDENTITY#ann@example.com",
    "GENERATION": f"APP#{APPLICATION}",
    "GROUP": f"APP#{APPLICATION}#GROUP#{'c' * 24}",
    "APP": f"APP#{APPLICATION}",
    "RING": "KEYS",
    f"KEY#{KID}": "KEYS",
    "CREDENTIAL": f"APP#{APPLICATION}#EMAIL#ann@example.com",
    "ATTEMPT": f"APP#{APPLICATION}#ATTEMPT#ann@example.com",
    "DETAILS": f"APP#{APPLICATION}#GROUP#{'c' * 24}",
    "MEMBER#x:u1": f"APP#{APPLICATION}#GROUP#{'c' * 24}",
}
NUMBERS = ("generation", "revision", "epoch", "updated_at", "api_tokens_revision", "details_revision")
TEXTS = (
    *USER_FIELDS,
    *SETTINGS,
    "password_hash",
    "encrypted_private_key",
    "invalidated_by",
    "written_by",
    "ended_because",
    "normal_email",
    "api_tokens",
    "ended",
    "resources",
    "retired_at",
    "revoked_at",
    "deleting",
    "deleted_at",
    "created_at",
    "last_login",
    "password_updated_at",
)
secrets = st.text(max_size=3).map(SECRET.__add__)
secret_values = st.recursive(
    secrets | secrets.map(str.encode) | st.sets(secrets, min_size=1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(secrets, inner, max_size=2),
    max_leaves=3,
)
images = st.builds(
    lambda numbers, texts, others: {**others, **texts, **numbers},
    st.fixed_dictionaries({name: st.integers(0, 3) for name in NUMBERS}),
    st.dictionaries(st.sampled_from(TEXTS), secret_values, max_size=6),
    st.dictionaries(secrets, secret_values, max_size=2),
)


@given(
    sk=st.sampled_from(sorted(PLACES)),
    old=st.just({}) | images,
    new=st.just({}) | images,
    by_ttl=st.booleans(),
)
def test_nothing_that_an_item_holds_is_ever_told(
    sk: str, old: dict[str, Any], new: dict[str, Any], by_ttl: bool
) -> None:
    """Names of fields and words for why are ours; values of attributes, known or not, stay behind."""
    for image in (old, new):
        # The one reason that is read has to be a text to be looked up.
        if not isinstance(image.get("ended_because", ""), str):
            del image["ended_because"]
    if not old and not new:
        return
    for event in events_in(Change(PLACES[sk], sk, old, new, by_ttl=by_ttl)):
        detail = event.detail("0" * 32, 0)
        Draft202012Validator(event_schemas.schema(event.kind)).validate(detail)
        assert SECRET not in json.dumps(detail)

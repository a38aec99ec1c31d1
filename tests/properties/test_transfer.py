"""Export and import: in an empty application the directory is what it was."""

import json
from datetime import datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.deployment import PASSWORD, Cloud, Deployment
from tests.effort import examples

DATES = st.datetimes(datetime(1970, 1, 1), datetime(2020, 1, 1)).map(lambda when: f"{when.isoformat()}Z")  # noqa: DTZ001
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
TAGS = st.dictionaries(st.from_regex(r"[0-9a-zA-Z_-]{1,4}", fullmatch=True), TEXTS, max_size=2)
NAMES = st.fixed_dictionaries(
    {}, optional={"firstName": TEXTS, "lastName": TEXTS, "userTags": TAGS, "tokenCutoff": DATES}
)
WHEN = st.fixed_dictionaries({}, optional={"creationDate": DATES, "lastUpdated": DATES, "lastLogin": DATES})
VERIFIED = st.fixed_dictionaries({}, optional={"emailVerified": st.booleans()})
HASHES = st.sampled_from([None, "$2b$04$OPd4625Od7Fq.y0jDs.48uCDJ8l4vliZv/15LfoiVXGKeBd5QglO2"])
EXTERNAL = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=6).filter(
    str.isprintable
)
PROFILES = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS,
        "organizationId": TEXTS,
        "email": st.just("Zoe@Example.com"),
        "photoUrl": st.just("https://example.com/a.png"),
        "plan": TEXTS,
        "isReadOnly": st.booleans(),
        "contacts": st.lists(
            st.fixed_dictionaries({"userId": EXTERNAL}, optional={"name": TEXTS}), max_size=3
        ),
    },
)
PEOPLE = st.lists(
    st.tuples(st.just("line"), NAMES, WHEN, HASHES, st.none() | EXTERNAL, PROFILES, st.booleans())
    | st.tuples(st.just("made"), NAMES, VERIFIED)
    | st.tuples(st.just("identified"), EXTERNAL, PROFILES, st.booleans())
    | st.tuples(st.just("changed"), st.integers(0, 5), NAMES)
    | st.tuples(st.just("deleted"), st.integers(0, 5)),
    max_size=8,
)


@settings(max_examples=examples(200))
@given(people=PEOPLE)
@example(
    people=[
        ("identified", "0", {"email": "Zoe@Example.com"}, True),
        ("identified", "0", {"organizationId": "0"}, True),
    ]
)
def test_an_exported_directory_is_the_same_where_it_is_imported(moto_cloud: Cloud, people: list[Any]) -> None:
    """Whatever made its users, whom nothing vouches for left out; and exported again, the lines are too."""
    with moto_cloud.deploy() as signet:
        _populate(signet, people)
        before = signet.application_id
        exported = _export(signet, before)
        after, _ = signet.new_application()
        key = f"import/{after}/users.jsonl"
        signet.put_file(key, exported)
        imported = signet.invoke("import_users", {"applicationId": after, "key": key})
        number = len(exported.splitlines())
        assert imported["counts"] == {"read": number, "created": number, "exists": 0, "refused": 0}
        assert _directory(signet, after) == _directory(signet, before)
        assert _export(signet, after) == exported


def _populate(signet: Deployment, people: list[Any]) -> None:
    """Make an application of the users that there may be, by all the ways that make one."""
    here = {"applicationId": signet.application_id}
    signet.invoke("update_application", {**here, "requireJwtToken": False})
    signet.clock.advance(5)
    for number, (kind, *said) in enumerate(people):
        email = f"User{number}@Example.com"
        match kind, said:
            case "line", (names, dates, password_hash, None, _, _):
                _import(signet, {"email": email, "passwordHash": password_hash, **names, **dates})
            case "line", (names, dates, password_hash, external, profile, admin):
                with_address = (
                    {} if password_hash is None else {"email": email, "passwordHash": password_hash}
                )
                own = {"id": f"ext:{external}", "profile": profile, "isAdmin": admin}
                _import(signet, {**own, **with_address, **names, **dates})
            case "made", (names, verified):
                new = {"email": email, "password": PASSWORD, **names, **verified}
                signet.invoke("create_user", {**here, **new})
            case "identified", (external, profile, is_verified):
                data = {"apiKey": signet.application_id, "user": {"userId": external, **profile}}
                if is_verified:
                    wanted = {**here, "userId": external, "userProperties": {"isAdmin": True}}
                    data["authToken"] = signet.invoke("issue_user_token", wanted)["token"]
                assert signet.http("POST", "/v1/identify", {"data": data}).status == 200
            case "changed", (place, names) if place < len(there := _directory(signet, here["applicationId"])):
                change = {"email": email, "password": PASSWORD} if number % 2 else {}
                named = {**here, "experienceUserId": there[place]["id"]}
                signet.invoke("update_user", {**named, **names, **change})
            case "deleted", (place,) if place < len(there := _directory(signet, here["applicationId"])):
                signet.invoke("delete_user", {**here, "experienceUserId": there[place]["id"]})


def _import(signet: Deployment, line: dict[str, Any]) -> None:
    key = f"import/{signet.application_id}/one.jsonl"
    signet.put_file(key, json.dumps(line).encode())
    counts = signet.invoke("import_users", {"applicationId": signet.application_id, "key": key})["counts"]
    assert counts["refused"] == 0, line


def _export(signet: Deployment, application_id: str) -> bytes:
    result = signet.invoke("export_users", {"applicationId": application_id})
    return signet.files()[result["key"]]


def _directory(signet: Deployment, application_id: str) -> list[dict[str, Any]]:
    """Everybody whom the list shows and something vouches for."""
    items = signet.invoke("list_users", {"applicationId": application_id, "perPage": 1000})["items"]
    return [
        {name: value for name, value in user.items() if name != "applicationId"}
        for user in items
        if "unverified" not in user
    ]

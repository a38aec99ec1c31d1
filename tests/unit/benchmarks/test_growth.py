"""The items that the growth part writes past the store are those that the store writes."""

import json

from benchmarks import growth
from benchmarks.growth import Application, user_lines, who
from benchmarks.prefilled import line_of
from signet.domain.users import MAX_GROUPS
from signet.store.users import insert_user


def test_a_users_items_are_those_of_the_store() -> None:
    """Everybody's own id, address and number stand in them, and everything else is the same."""
    application = Application("a" * 24, "token", users=3)
    items = [
        json.loads(line)["Item"] for text in user_lines(application, "$hash%") for line in text.splitlines()
    ]
    assert len(items) == 6
    user_id, email = who(2)
    written = growth._Written()
    user = growth._user(user_id, email, tags={"plan": "team", "number": "2"})
    insert_user(written.tenant(application.id), user, "$hash%")
    assert items[4:] == written.items
    assert items[5]["password_hash"] == {"S": "$hash%"}


def test_users_differ_and_come_in_no_order() -> None:
    """Ids have their form, and the addresses' order is not that of the numbers."""
    people = [who(number) for number in range(100)]
    assert len({user_id for user_id, _ in people}) == len({email for _, email in people}) == 100
    assert {len(user_id) for user_id, _ in people} == {24}
    assert sorted(people, key=lambda one: one[1]) != people


def test_a_group_has_its_members_and_one_of_them_all_groups() -> None:
    """Up to the hundred that a user may be in."""
    items = growth._group_items(Application("a" * 24, "token", groups=120), "$hash")
    first = f"{0:024x}"
    members = [item for item in items if item["sk"]["S"].startswith("MEMBER#")]
    assert sum(item["pk"]["S"].endswith(first) for item in members) == 120
    of_the_first = [item for item in members if item["sk"]["S"].endswith(who(0)[0])]
    assert len(of_the_first) == MAX_GROUPS
    assert all(item["user_id"]["S"] in item["sk"]["S"] for item in members)


def test_an_export_has_bytes_in_base64() -> None:
    """As DynamoDB's own has them."""
    assert line_of({"a": {"B": b"\x00"}}) == '{"Item":{"a":{"B":"AA=="}}}\n'

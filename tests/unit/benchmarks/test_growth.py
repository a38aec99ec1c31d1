"""The users that the growth part makes."""

from benchmarks.growth import who


def test_users_differ_and_come_in_no_order() -> None:
    """Ids have their form, and the addresses' order is not that of the numbers."""
    people = [who(number) for number in range(100)]
    assert len({user_id for user_id, _ in people}) == len({email for _, email in people}) == 100
    assert {len(user_id) for user_id, _ in people} == {24}
    assert sorted(people, key=lambda one: one[1]) != people

"""The index that lists an application's users, and the members of a group. Keys only."""

from signet.listing import Entry
from signet.store.groups import group_key
from signet.store.table import Key, Table
from signet.store.users import user_key, users_partition


def user_entries(
    table: Table,
    application_id: str,
    limit: int,
    *,
    after: Entry | None = None,
    descending: bool = False,
) -> tuple[list[Entry], bool]:
    """Users by e-mail address, the application's own ids after those.

    The index is eventually consistent: it may lag a write by moments.

    Args:
        table: The table.
        application_id: Whose users.
        limit: How many at most.
        after: Begin behind this entry.
        descending: Whether the last come first.

    Returns:
        The entries, and whether there are more.
    """
    begin = None if after is None else (user_key(application_id, after.record_id), after.sort_key)
    items, more = table.query_index(
        users_partition(application_id), limit, after=begin, descending=descending
    )
    prefix = user_key(application_id, "").pk
    return [Entry(item["list_sk"], item["pk"].removeprefix(prefix)) for item in items], more


def member_ids(table: Table, application_id: str, group_id: str, limit: int) -> tuple[list[str], bool]:
    """The ids of a group's members, and whether there are more than the limit. Read consistently."""
    key: Key = group_key(application_id, group_id)
    prefix = "MEMBER#"
    items, more = table.query_keys("pk", key.pk, limit=limit, sort_prefix=prefix)
    return [item["sk"].removeprefix(prefix) for item in items], more

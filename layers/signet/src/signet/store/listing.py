"""An application's users, and the members of a group."""

from signet import deadline
from signet.domain.groups import MAX_MEMBERS_SHOWN, DetailedGroup, Members
from signet.domain.listing import Entry
from signet.errors import Unavailable
from signet.store.groups import END, MEMBER, details_key, group_key, to_detailed
from signet.store.tenant import Tenant
from signet.store.users import find_users, user_key, users_partition


def user_entries(
    tenant: Tenant,
    limit: int,
    *,
    after: Entry | None = None,
    descending: bool = False,
) -> tuple[list[Entry], bool]:
    """Users by e-mail address, the application's own ids after those.

    The index is eventually consistent: it may lag a write by moments.

    Args:
        tenant: Whose users.
        limit: How many at most.
        after: Begin behind this entry.
        descending: Whether the last come first.

    Returns:
        The entries, and whether there are more.
    """
    begin = None if after is None else (user_key(tenant.application_id, after.record_id), after.sort_key)
    items, more = tenant.table.query_index(
        users_partition(tenant.application_id), limit, after=begin, descending=descending
    )
    prefix = user_key(tenant.application_id, "").pk
    return [Entry(item["list_sk"], item["pk"].removeprefix(prefix)) for item in items], more


def member_ids(tenant: Tenant, group_id: str, limit: int) -> tuple[list[str], bool]:
    """The ids of a group's members, and whether there are more than the limit. Read consistently.

    Those whose item is pending are among them: the users themselves know whether they belong to it.
    """
    key = group_key(tenant.application_id, group_id)
    items, more = tenant.table.query_keys("pk", key.pk, limit=limit, sort_prefix=MEMBER)
    return [item["sk"].removeprefix(MEMBER) for item in items], more


def find_with_members(tenant: Tenant, group_id: str) -> tuple[DetailedGroup, Members] | None:
    """The group and its first members, or None where there is none or it is being deleted.

    One round trip, and one more where a member's item is pending.

    Raises:
        Unavailable: Others change it all the time.
    """
    key, details_sk = (
        group_key(tenant.application_id, group_id),
        details_key(tenant.application_id, group_id).sk,
    )
    for _ in deadline.attempts():
        items, more = tenant.table.query_range(key.pk, details_sk, MEMBER + END, limit=2 + MAX_MEMBERS_SHOWN)
        details = items.pop(0) if items and items[0]["sk"] == details_sk else {}
        if not items or items[0]["sk"] != key.sk or "deleting" in items[0]:
            return None
        group, *members = items
        if group.get("details_revision") == details.get("revision"):
            break
    else:
        message = "Other requests are changing this group at the moment. Try again."
        raise Unavailable(message)
    user_ids: list[str] = []
    while True:
        pending = [item["user_id"] for item in members if "pending" in item]
        users = find_users(tenant, pending)
        belong = {user_id for user_id, user in users.items() if group_id in user.group_ids}
        user_ids += [
            item["user_id"] for item in members if "pending" not in item or item["user_id"] in belong
        ]
        if not more or len(user_ids) > MAX_MEMBERS_SHOWN:
            is_truncated = more or len(user_ids) > MAX_MEMBERS_SHOWN
            return to_detailed(group, details), Members(tuple(user_ids[:MAX_MEMBERS_SHOWN]), is_truncated)
        behind = members[-1]["sk"] + "\0"
        members, more = tenant.table.query_range(key.pk, behind, MEMBER + END, limit=1 + MAX_MEMBERS_SHOWN)

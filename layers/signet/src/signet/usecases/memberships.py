"""The groups that users belong to, for an answer that shows the users."""

from collections.abc import Callable, Iterable

from signet.domain.groups import Group
from signet.domain.users import User
from signet.errors import Unavailable
from signet.store.groups import find_groups
from signet.store.tenant import Tenant


def groups_of(tenant: Tenant, users: Iterable[User]) -> dict[str, Group]:
    """The groups of these users by id, without those that are being deleted. No trip where none has any."""
    group_ids = {group_id for user in users for group_id in user.group_ids}
    return find_groups(tenant, group_ids) if group_ids else {}


def groups_once_written(
    tenant: Tenant, user: User, warn: Callable[[Unavailable], None]
) -> dict[str, Group] | None:
    """The groups of a user whose write has to be answered: None, and a warning, where nobody could tell."""
    try:
        return groups_of(tenant, [user])
    except Unavailable as error:
        warn(error)
        return None

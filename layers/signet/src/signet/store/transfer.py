"""What import and export ask of the table: who made a user, and users together with their hashes."""

from collections.abc import Mapping

from signet.domain.users import User
from signet.store.tenant import Tenant
from signet.store.users import credential_key, find_in, user_key


def is_made_by(tenant: Tenant, user: User, origin: str) -> bool:
    """Whether who has the user's address, or else its id, was made by this origin. One round trip.

    Args:
        tenant: Whose user.
        user: The user.
        origin: As it was given when the user was inserted.
    """
    if user.normal_email is None:
        item = tenant.table.find(user_key(tenant.application_id, user.id))
    else:
        item = tenant.table.find(credential_key(tenant.application_id, user.normal_email))
    return item is not None and item.get("origin") == origin


def find_with_hashes(
    tenant: Tenant, users: Mapping[str, str | None]
) -> tuple[dict[str, tuple[User, str | None]], dict[str, str | None]]:
    """Users with the hashes of their passwords, as many as can be had at once.

    Args:
        tenant: Whose users.
        users: The normal forms of their addresses, as far as they are known, by user id.

    Returns:
        The users and hashes that belong together, by user id, None for who has no credential; and the
        addresses of those who have others, to be asked for again. A user that is not there, or that nothing
        vouches for, is in neither.
    """
    credentials = {
        user_id: credential_key(tenant.application_id, normal_email)
        for user_id, normal_email in users.items()
        if normal_email is not None
    }
    keys = {user_id: user_key(tenant.application_id, user_id) for user_id in users}
    # A user beside its credential, so that the two are read in one round trip.
    items = tenant.table.find_all(
        key for user_id in users for key in (keys[user_id], credentials.get(user_id)) if key is not None
    )
    settled: dict[str, tuple[User, str | None]] = {}
    changing: dict[str, str | None] = {}
    for user_id, key in keys.items():
        user = find_in(items.get(key), tenant.now_ms)
        if user is None or user.is_unverified:
            continue
        credential = items.get(credentials[user_id]) if user_id in credentials else None
        if user.normal_email is None:
            settled[user_id] = user, None
        elif (
            credential is not None
            and users[user_id] == user.normal_email
            and credential["user_id"] == user_id
            and credential["password_version"] == user.password_version
        ):
            settled[user_id] = user, credential["password_hash"]
        else:
            changing[user_id] = user.normal_email
    return settled, changing

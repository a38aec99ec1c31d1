"""What import and export ask of the table: who made a user, and users together with their hashes."""

from collections.abc import Mapping

from signet.domain.users import User
from signet.store.tenant import Tenant
from signet.store.users import credential_key, find_in, user_key


def is_made_by(tenant: Tenant, normal_email: str, origin: str) -> bool:
    """Whether the user with this address was made by this origin. One round trip.

    Args:
        tenant: Whose users.
        normal_email: The address.
        origin: As it was given when the user was inserted.
    """
    credential = tenant.table.find(credential_key(tenant.application_id, normal_email))
    return credential is not None and credential.get("origin") == origin


def find_with_hashes(
    tenant: Tenant, users: Mapping[str, str]
) -> tuple[dict[str, tuple[User, str]], dict[str, str]]:
    """Users with the hashes of their passwords, as many as can be had at once.

    Args:
        tenant: Whose users.
        users: The normal forms of their addresses, as far as they are known, by user id.

    Returns:
        The users and hashes that belong together, by user id; and the addresses of those that were just
        changing, to be asked for again. A user that is not there, or has no credential, is in neither.
    """
    credentials = {
        user_id: credential_key(tenant.application_id, normal_email)
        for user_id, normal_email in users.items()
    }
    keys = {user_id: user_key(tenant.application_id, user_id) for user_id in users}
    # A user beside its credential, so that the two are read in one round trip.
    items = tenant.table.find_all(key for user_id in users for key in (keys[user_id], credentials[user_id]))
    settled: dict[str, tuple[User, str]] = {}
    changing: dict[str, str] = {}
    for user_id, key in keys.items():
        user, credential = find_in(items.get(key), tenant.now_ms), items.get(credentials[user_id])
        if user is None or user.normal_email is None:
            continue
        if (
            credential is not None
            and users[user_id] == user.normal_email
            and credential["user_id"] == user_id
            and credential["password_version"] == user.password_version
        ):
            settled[user_id] = user, credential["password_hash"]
        else:
            changing[user_id] = user.normal_email
    return settled, changing

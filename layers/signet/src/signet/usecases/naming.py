"""Which user is named by an id, by an external id, or by the e-mail address of a credential."""

from signet.domain.identities import normal_email
from signet.domain.users import find_user_id
from signet.errors import InvalidRequest, UserNotFound
from signet.store.authentication import find_credential
from signet.store.tenant import Tenant


def resolve(tenant: Tenant, named: str) -> tuple[str, str | None]:
    """The id of the user who is named, and the normal form of the address where it is named by one.

    Args:
        tenant: Whose user.
        named: 24 hex digits, `ext:` and an external id, or the e-mail address of a credential.

    Raises:
        UserNotFound: It names nobody. Whether there is a user with the id is not looked up.
    """
    user_id = find_user_id(named)
    if user_id is not None:
        return user_id, None
    if "@" in named:
        try:
            email = normal_email(named)
        except InvalidRequest:
            raise not_found() from None
        credential = find_credential(tenant, email)
        if credential is not None:
            return credential.user_id, email
    raise not_found()


def not_found() -> UserNotFound:
    """The refusal of a user who is not there."""
    return UserNotFound("This application has no such user.")

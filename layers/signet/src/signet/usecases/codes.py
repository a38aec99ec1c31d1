"""Codes, by which somebody shows who reads the mails of an address: made for a user (docs/accounts.md)."""

from dataclasses import replace

from signet import deadline
from signet.domain.codes import Code, Purpose, digest_of, new_code
from signet.errors import FaultKind, InvalidRequest, NotOffered
from signet.store.authentication import find_user_for_issue
from signet.store.codes import made
from signet.store.memberships import alter_user
from signet.store.tenant import Tenant
from signet.store.users import StaleError
from signet.usecases.naming import not_found
from signet.usecases.users import busy, get_user


def create(
    tenant: Tenant,
    named: str,
    purpose: Purpose,
    *,
    life: int | None = None,
    email: str | None = None,
    password_version: int | None = None,
) -> tuple[str, int]:
    """Make a code for a user, in place of the one that there may be for the same purpose.

    Args:
        tenant: Whose user.
        named: As for `get_user`.
        purpose: What it is for.
        life: For how many seconds; None for as long as is usual.
        email: The address that a `changeEmail` leads to; None for every other purpose.
        password_version: The one that the user has to have still; None for any.

    Returns:
        The code, which nobody can see again, and when it becomes too old, in Unix seconds.

    Raises:
        ApplicationChanged: The application's tokens have been ended since it was read.
        NotOffered: The application's settings have no such codes.
        UserNotFound: There is no such user, or none with that version any more.
        InvalidRequest: The user has no address, or there is an address too many or too few.
        Unavailable: Others change the user all the time.
    """
    if not tenant.application.self_service.offers(purpose):
        raise NotOffered.of(purpose)
    if (email is None) == (purpose is Purpose.CHANGE_EMAIL):
        message = "is what the purpose changeEmail needs, and no other: the new address."
        raise InvalidRequest.of("email", message, FaultKind.MISSING if email is None else FaultKind.INVALID)
    for _ in deadline.attempts():
        user = get_user(tenant, named, find_user_for_issue)
        if password_version not in (None, user.password_version):
            raise not_found()
        if user.normal_email is None:
            message = "is a user's without an e-mail address, to whom no code leads."
            raise InvalidRequest.of("experienceUserId", message)
        code = new_code()
        digest = digest_of(code)
        kept = Code(purpose, user.id, user.password_version, tenant.now + (life or purpose.life))
        entry = {"digest": digest} if email is None else {"digest": digest, "email": email}
        after = replace(user, codes={**user.codes, purpose.value: entry})
        try:
            alter_user(tenant, user, after, beside=[made(tenant, digest, kept)])
        except StaleError:
            continue
        return code, kept.expires_at
    raise busy()

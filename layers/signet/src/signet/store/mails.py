"""What mails need to be kept.

    a sign-up that waits        `APP#<app>#SIGNUP#<user id>` / `SIGNUP`    address, hash, names, TTL
    an address without mails    `APP#<app>#MAILSTOP#<digest>` / `MAILSTOP`    why, when, whose

Of an address that has bounced there is a digest under the application's own key, so that the item of an
address that nobody has any more says of nobody that it was here.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from signet.domain.guessing import account_digest
from signet.domain.reasons import Because
from signet.store.table import Delete, Insert, Key, PartsRefused
from signet.store.tenant import Tenant


@dataclass(frozen=True, slots=True)
class SignUp:
    """A sign-up whose user is not made yet.

    Attributes:
        user_id: The user's, once it is.
        email: Its address, as it was given.
        password_hash: Of the password that was chosen.
        first_name: As it was given.
        last_name: Likewise.
    """

    user_id: str
    email: str
    password_hash: str = field(repr=False)
    first_name: str | None = None
    last_name: str | None = None


def sign_up_key(tenant: Tenant, user_id: str) -> Key:
    """Where a sign-up waits."""
    return Key(f"APP#{tenant.application_id}#SIGNUP#{user_id}", "SIGNUP")


def keep_sign_up(tenant: Tenant, sign_up: SignUp, life: int) -> None:
    """Keep a sign-up for so many seconds. One round trip."""
    item: dict[str, object] = {
        "email": sign_up.email,
        "password_hash": sign_up.password_hash,
        "expires_at": tenant.now + life,
    }
    item |= {} if sign_up.first_name is None else {"first_name": sign_up.first_name}
    item |= {} if sign_up.last_name is None else {"last_name": sign_up.last_name}
    tenant.table.write(Insert(sign_up_key(tenant, sign_up.user_id), item))


def find_sign_up(tenant: Tenant, user_id: str) -> SignUp | None:
    """The sign-up, unless it has waited for too long. One round trip."""
    item = tenant.table.find(sign_up_key(tenant, user_id))
    if item is None or item["expires_at"] <= tenant.now:
        return None
    return SignUp(
        user_id, item["email"], item["password_hash"], item.get("first_name"), item.get("last_name")
    )


def forget_sign_up(tenant: Tenant, user_id: str) -> None:
    """Remove it. One round trip."""
    tenant.table.write(Delete(sign_up_key(tenant, user_id)))


def stop_key(tenant: Tenant, email: str) -> Key:
    """Where it says that an address gets no more mails."""
    digest = account_digest(tenant.application.digest_key, f"mail:{email}")
    return Key(f"APP#{tenant.application_id}#MAILSTOP#{digest}", "MAILSTOP")


def is_stopped(tenant: Tenant, email: str) -> bool:
    """Whether an address gets no more mails. One round trip."""
    return tenant.table.find(stop_key(tenant, email)) is not None


def stop(tenant: Tenant, email: str, user_id: str | None, because: Because) -> None:
    """Let an address, perhaps a user's, get no more mails. One round trip; what is so already stays."""
    item: dict[str, object] = {"because": because.value, "stopped_at": tenant.now_ms}
    item |= {} if user_id is None else {"user_id": user_id}
    with suppress(PartsRefused):
        tenant.table.write(Insert(stop_key(tenant, email), item))


def let_go_on(tenant: Tenant, email: str) -> None:
    """Let an address get mails again. One round trip."""
    tenant.table.write(Delete(stop_key(tenant, email)))

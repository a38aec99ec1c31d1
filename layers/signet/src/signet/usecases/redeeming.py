"""What codes bring about, once (docs/accounts.md)."""

import hmac
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from signet import deadline
from signet.domain.codes import CODE, Code, Purpose, digest_of
from signet.domain.identities import normal_email
from signet.domain.passwords.policy import check_policy
from signet.domain.reasons import Because
from signet.domain.tokens import ONCE, Session
from signet.domain.users import NO_PASSWORD, User
from signet.errors import CodeInvalid, FaultKind, InvalidRequest, LoginRefused
from signet.store.applications import find_for_issue
from signet.store.attributes import Item
from signet.store.codes import find_code, used
from signet.store.memberships import alter_user
from signet.store.table import Key
from signet.store.tenant import Tenant
from signet.store.users import StaleError, find_in, find_password_hash, user_key
from signet.usecases.guessing import Guess, forgotten
from signet.usecases.sessions import Issue, prepare
from signet.usecases.signer import Signer
from signet.usecases.users import busy

if TYPE_CHECKING:
    # It loads argon2 and bcrypt.
    from signet.domain.passwords.hasher import PasswordHasher


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a code has brought about.

    Attributes:
        user: The user as it is after it.
        token: A session token, where the code logs in; else None.
    """

    user: User
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Effect:
    """What a code brings about.

    Attributes:
        after: The user as it shall be, still with the code and the version of its password.
        password_hash: The credential's from now on, where it is set or moves.
        replaces: The hash that moves.
        ends_tokens: Why the user's tokens end; None where they do not.
        is_taken: Whether the account may have been somebody else's before.
    """

    after: User
    password_hash: str | None = field(default=None, repr=False)
    replaces: str | None = field(default=None, repr=False)
    ends_tokens: Because | None = None
    is_taken: bool = False


def redeem(
    tenant: Tenant,
    signer: Signer,
    hasher: "PasswordHasher",
    text: str,
    password: str | None,
    source: str | None,
) -> Redeemed:
    """Do what a code is for, once.

    The write is on condition that the user is what was read, which names the code that is alive:

        redeem      read: alive                 write: stale      read: another one, CodeInvalid
        another     use it, replace it, set a password, delete the user

    Args:
        tenant: Whose user.
        signer: Signs the token of one that logs in.
        hasher: Hashes the password, or verifies it.
        text: The code, or anything.
        password: The password that it sets; or the user's, where it verifies or changes the address.
        source: Where whoever shows it is (`signet.domain.guessing.find_source`); None where nobody knows.

    Raises:
        CodeInvalid: It is no code, another's, used, replaced, too old, or worth nothing any more.
        InvalidRequest: The code is good, and the password is missing or must not be set.
        LoginRefused: The code is good, and the password is another than the user has.
        UserExists: The code is good, and its new address has become somebody else's meanwhile.
        TooManyAttempts: Too much has been tried.
        Unavailable: Others change the user all the time, or no key can sign at the moment.
    """
    if not CODE.fullmatch(text):
        raise _invalid()
    digest = digest_of(text)
    code = find_code(tenant, digest)
    guess = Guess(tenant, f"code:{digest}" if code is None else f"user:{code.user_id}", source)
    for _ in deadline.attempts():
        user, items = _read(tenant, code, guess)
        if user is None or code is None or not _is_alive(tenant, user, code, digest):
            guess.check(items, lambda: False)
            raise _invalid()
        # Who has moved away meanwhile has no credential there, and the user is read anew.
        current = find_password_hash(tenant, user.normal_email or "") if _asks(user, code) else None
        if not guess.check(items, partial(_may_redeem, hasher, code, current, password), has_token=True):
            message = "The password is not the one that the account has."
            raise LoginRefused(message)
        try:
            effect = _effect(tenant, hasher, user, code, password, current)
            # Nothing is written before all is at hand.
            issue = _prepare_log_in(tenant, signer, user) if code.purpose is Purpose.LOG_IN else None
            written = _write(tenant, user, code, digest, effect, issues=issue is not None)
        except StaleError:
            continue
        return Redeemed(written, None if issue is None else issue(written))
    raise busy()


def _read(tenant: Tenant, code: Code | None, guess: Guess) -> tuple[User | None, dict[Key, Item]]:
    """The user of a code, for a token of it, and what the guess is judged by. One round trip."""
    if code is None:
        return None, tenant.table.find_all(guess.keys)
    key = user_key(tenant.application_id, code.user_id)
    items = find_for_issue(tenant, [key, *guess.keys])
    return find_in(items.pop(key, None), tenant.now_ms), items


def _is_alive(tenant: Tenant, user: User, code: Code, digest: str) -> bool:
    named = user.codes.get(code.purpose.value, {}).get("digest", "")
    is_named = hmac.compare_digest(named, digest)
    is_current = user.password_version == code.password_version
    return is_named and is_current and tenant.application.self_service.offers(code.purpose)


def _asks(user: User, code: Code) -> bool:
    """Whether the password that the user has, if any, has to come along: a code alone proves the address.

    Whoever has begun an account with somebody else's address, or leads it there, chose its password; whoever
    reads the address's mails must not make that account a proven one by a click. So nothing takes an address
    for proven while a password stays, but for who knows it; who does not has the other codes, which end it.
    """
    match code.purpose:
        case Purpose.VERIFY_EMAIL:
            return not user.email_verified
        case Purpose.CHANGE_EMAIL:
            return True
        case Purpose.RESET_PASSWORD | Purpose.LOG_IN:
            return False


def _may_redeem(hasher: "PasswordHasher", code: Code, current: str | None, password: str | None) -> bool:
    """Whether all is right that has to come with a code that is alive.

    Raises:
        InvalidRequest: A password has to come, or is none to be set.
    """
    must_set = code.purpose is Purpose.RESET_PASSWORD
    if password is None and (must_set or current):
        message = "is required: " + ("the new one." if must_set else "the one that the account has.")
        raise InvalidRequest.of("password", message, FaultKind.MISSING)
    if must_set:
        check_policy(password or "")
    return not current or hasher.verify(current, password or "")


def _effect(
    tenant: Tenant,
    hasher: "PasswordHasher",
    user: User,
    code: Code,
    password: str | None,
    current: str | None,
) -> _Effect:
    """What a code that may be redeemed brings about.

    Raises:
        StaleError: The hash has to move, and was not found with what was read.
    """
    changed = replace(user, updated_at_ms=tenant.now_ms)
    match code.purpose:
        case Purpose.VERIFY_EMAIL:
            return _Effect(replace(changed, email_verified=True))
        case Purpose.RESET_PASSWORD:
            return _Effect(
                replace(_proven(changed), password_updated_at_ms=tenant.now_ms),
                hasher.hash(password or ""),
                ends_tokens=Because.PASSWORD_CHANGED,
                is_taken=not user.email_verified,
            )
        case Purpose.LOG_IN:
            return _logged_in(tenant, user)
        case Purpose.CHANGE_EMAIL:
            return _moved(changed, user.codes[code.purpose.value]["email"], current)


def _logged_in(tenant: Tenant, user: User) -> _Effect:
    """A log-in; by the first one who proves the address, of what somebody else may have begun with it."""
    logged_in = replace(_proven(user), last_login_ms=tenant.now_ms)
    if user.email_verified:
        ends = Because.SIGNED_IN if tenant.application.login.invalidate_existing_tokens else None
        return _Effect(logged_in, ends_tokens=ends)
    nobodys = replace(logged_in, password_updated_at_ms=None, updated_at_ms=tenant.now_ms)
    return _Effect(nobodys, NO_PASSWORD, ends_tokens=Because.PASSWORD_CHANGED, is_taken=True)


def _proven(user: User) -> User:
    """The user with a proven address, and nothing that whoever began the account may have written."""
    if user.email_verified:
        return user
    return replace(user, email_verified=True, first_name=None, last_name=None, profile={})


def _moved(user: User, email: str, password_hash: str | None) -> _Effect:
    """Another address, which takes the credential along."""
    moved = replace(user, email=email, normal_email=normal_email(email), email_verified=True)
    if moved.normal_email == user.normal_email:
        return _Effect(moved)
    if password_hash is None:
        raise StaleError
    return _Effect(moved, password_hash, password_hash, Because.EMAIL_CHANGED)


def _prepare_log_in(tenant: Tenant, signer: Signer, user: User) -> Issue:
    settings = tenant.application.login
    return prepare(
        tenant,
        signer,
        user.id,
        ttl_ms=settings.ttl_ms,
        extra_data=settings.extra_data,
        session=Session.begin(tenant.now_ms, ONCE, lifetime_ms=settings.session_lifetime_ms),
    )


def _write(tenant: Tenant, user: User, code: Code, digest: str, effect: _Effect, *, issues: bool) -> User:
    """Write what a code brings about, and that it is used, at once.

    Raises:
        StaleError: The user is not what was read any more.
    """
    left = {purpose: entry for purpose, entry in user.codes.items() if purpose != code.purpose.value}
    after = replace(effect.after, codes=left)
    if effect.password_hash is not None:
        after = replace(after, password_version=user.password_version + 1)
    beside = [used(tenant, digest)]
    if effect.is_taken:
        beside.append(forgotten(tenant, user.normal_email or ""))
    return alter_user(
        tenant,
        user,
        after,
        password_hash=effect.password_hash,
        replaces=effect.replaces,
        ends_tokens=effect.ends_tokens,
        beside=beside,
        issues=issues,
    )


def _invalid() -> InvalidRequest:
    return CodeInvalid.of("code", "is wrong, has been used or replaced, or is too old; ask for another one.")

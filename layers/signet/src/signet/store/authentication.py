"""The reads and the one write of an authentication."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signet.domain.reasons import Because
from signet.domain.users import User
from signet.errors import EmailNotVerified, Unavailable
from signet.store.applications import find_for_issue
from signet.store.attributes import Item
from signet.store.table import ConditionFailed, Key, is_raised_by
from signet.store.tenant import Tenant
from signet.store.users import IS_THERE, RAISE, Subject, credential_key, find_in, subject_in, user_key

if TYPE_CHECKING:
    # Importing it loads cryptography, which not all that read a credential need.
    from signet.domain.tokens import Token


@dataclass(frozen=True, slots=True)
class Credential:
    """What an e-mail address and a password are checked against.

    Attributes:
        user_id: Whose it is.
        password_hash: A PHC string, a foreign hash that was imported, or `NO_PASSWORD`.
        password_version: Equal to the user's as long as both belong together.
    """

    user_id: str
    password_hash: str
    password_version: int

    def __repr__(self) -> str:
        """Without the hash: what is logged by mistake must not give it away."""
        return f"Credential(user_id={self.user_id!r})"


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to be true of the user when it is written: all that was decided from what was read.

    Attributes:
        user_id: The user, who must exist.
        token: The token's generation must be the user's, the cutoff not behind it, and itself not ended.
        email: Must be the address of the user's credential.
        password_version: Must be the user's: the password is still the one that was verified.
        is_verified: Whether its address must have been.
    """

    user_id: str
    token: "Token | None" = None
    email: str | None = None
    password_version: int | None = None
    is_verified: bool = False


NOT_ENDED = (
    "generation = :generation AND (attribute_not_exists(token_cutoff) OR token_cutoff < :too_late)"
    " AND NOT contains(ended, :mark)"
)
"""The condition, on its user's item, that a token has not ended; as `check_subject` of the verifier."""


def of_token(token: "Token") -> dict[str, object]:
    """The values of `NOT_ENDED`."""
    # As the check of a token does, in whole seconds: `iat` before the cutoff's second is too early.
    too_late = (token.issued_at + 1) * 1000
    return {":generation": token.generation, ":mark": token.mark, ":too_late": too_late}


def find_credential(tenant: Tenant, normal_email: str) -> Credential | None:
    """The credential of an e-mail address, or None. One round trip."""
    return _credential_in(tenant.table.find(credential_key(tenant.application_id, normal_email)))


def find_credential_for_issue(
    tenant: Tenant, normal_email: str, others: Iterable[Key]
) -> tuple[Credential | None, dict[Key, Item]]:
    """The same, for a token of its user (`find_for_issue`), and other items in the same trip."""
    key = credential_key(tenant.application_id, normal_email)
    items = find_for_issue(tenant, [key, *others])
    return _credential_in(items.pop(key, None)), items


def find_subject_for_issue(tenant: Tenant, user_id: str) -> Subject:
    """What there is of a token's subject, for another token of it (`find_for_issue`)."""
    key = user_key(tenant.application_id, user_id)
    return subject_in(find_for_issue(tenant, [key]).get(key), tenant.now_ms)


def find_user_for_issue(tenant: Tenant, user_id: str) -> User | None:
    """The user, for a token or a code of it (`find_for_issue`), or None."""
    return find_subject_for_issue(tenant, user_id).user


def find_user_and_credential(
    tenant: Tenant, user_id: str, normal_email: str, others: Iterable[Key]
) -> tuple[Subject, Credential | None, dict[Key, Item]]:
    """What there is of a token's subject, the credential if there is one, and others, for another token."""
    keys = user_key(tenant.application_id, user_id), credential_key(tenant.application_id, normal_email)
    items = find_for_issue(tenant, [*keys, *others])
    subject = subject_in(items.pop(keys[0], None), tenant.now_ms)
    return subject, _credential_in(items.pop(keys[1], None)), items


def note_login(
    tenant: Tenant,
    condition: Condition,
    *,
    is_login: bool,
    nonce: str | None,
) -> User | None:
    """Write what a successful authentication writes, if it is one still. One round trip.

        verify the password ─────────────────────────────> write: fails, since the version differs
                             change the password, version + 1

    Args:
        tenant: Whose user.
        condition: What has to be true.
        is_login: Whether it becomes the user's `last_login`.
        nonce: Ends the user's earlier tokens, and marks the write as this request's; None ends nothing.

    Returns:
        The user as it is then; None where the condition does not hold, and nothing was written, or not any
        more.

    Raises:
        EmailNotVerified: All but this is true; nothing was written.
        Unavailable: The store did not answer; where tokens were to be ended, it was read back that they were
            not, unless that was not answered either.
    """
    conditions, values = [IS_THERE], dict[str, object]({":seconds": tenant.now})
    if condition.token is not None:
        conditions.append(NOT_ENDED)
        values |= of_token(condition.token)
    if condition.email is not None:
        conditions.append("normal_email = :email")
        values[":email"] = condition.email
    if condition.password_version is not None:
        conditions.append("password_version = :version")
        values[":version"] = condition.password_version
    if condition.is_verified:
        conditions.append("attribute_not_exists(email_unverified)")
    assignments = []
    if is_login:
        assignments.append("last_login = :login")
        values[":login"] = tenant.now_ms
    if nonce is not None:
        assignments += ["invalidated_by = :nonce", "ended_because = :because"]
        values |= {":nonce": nonce, ":because": Because.SIGNED_IN, ":one": 1}
    expression = f"SET {', '.join(assignments)}" + (f" {RAISE}" if nonce is not None else "")
    key = user_key(tenant.application_id, condition.user_id)
    try:
        item = tenant.table.update(key, expression, values, condition=" AND ".join(conditions))
    except ConditionFailed as failed:
        if condition.is_verified and _is_unverified(failed.item, condition, tenant.now_ms):
            raise EmailNotVerified from failed
        # Our own write, which the client repeated because the first answer was lost, is a success. Without a
        # token the repetition counts again, and harms nobody.
        if condition.token is None or nonce is None or not is_raised_by(failed.item, nonce):
            return None
        return _found_written(tenant, failed.item, condition)
    except Unavailable:
        if nonce is None:
            raise
        # All answers may have been lost, and the tokens ended all the same.
        left = tenant.table.find_all([key]).get(key)
        if not is_raised_by(left, nonce):
            raise
        return _found_written(tenant, left, condition)
    return find_in(item, tenant.now_ms)


def _is_unverified(item: Item | None, condition: Condition, now_ms: int) -> bool:
    """Whether it is the address that keeps somebody out whose password is right."""
    user = find_in(item, now_ms)
    is_right = user is not None and user.password_version == condition.password_version
    return user is not None and is_right and not user.email_verified


def _found_written(tenant: Tenant, item: Item | None, condition: Condition) -> User | None:
    """The user that an earlier write of ours has left, unless something has come after it that counts."""
    user = find_in(item, tenant.now_ms)
    if user is None or condition.email not in (None, user.normal_email):
        return None
    if condition.password_version not in (None, user.password_version):
        return None
    if condition.token is not None and user.generation != condition.token.generation + 1:
        return None
    return user


def upgrade_password_hash(
    tenant: Tenant, normal_email: str, credential: Credential, password_hash: str
) -> None:
    """Replace the hash by another of the same password, unless it is not that password any more."""
    try:
        tenant.table.update(
            credential_key(tenant.application_id, normal_email),
            "SET password_hash = :new",
            {":new": password_hash, ":old": credential.password_hash},
            condition="password_hash = :old",
        )
    except ConditionFailed:
        return


def _credential_in(item: Item | None) -> Credential | None:
    if item is None:
        return None
    return Credential(item["user_id"], item["password_hash"], item["password_version"])

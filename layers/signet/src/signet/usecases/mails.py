"""Ask for mails: whoever asks for whom, the same is done and said (docs/mails.md).

Whether anybody has an address is found out where the mail is sent, which nobody waits for
(`signet.usecases.mailing`).
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from signet.domain.codes import Purpose
from signet.domain.guessing import account_digest, source_digest
from signet.domain.identities import normal_email
from signet.domain.mails import PER_ADDRESS, PER_SOURCE, SIGN_UP_SECONDS, WRITTEN_SECONDS, MailKind
from signet.domain.users import User, new_user_id, path_id
from signet.errors import NotOffered, TooManyAttempts, Unavailable
from signet.store.guessing import EVERYBODY, attempts_key, full_at_ms, take
from signet.store.mails import SignUp, find_sign_up, forget_sign_up, keep_sign_up
from signet.store.table import write_surely
from signet.store.tenant import Tenant

if TYPE_CHECKING:
    # It loads argon2 and bcrypt.
    from signet.domain.passwords.hasher import PasswordHasher


class Queue(Protocol):
    """Takes messages (`signet.aws.queue.Queue`)."""

    def send(self, message: Mapping[str, object], delay: int = 0) -> None:
        """Put one into the queue, which nobody gets for so many seconds."""


def ask(tenant: Tenant, queue: Queue | None, purpose: Purpose, email: str, source: str | None) -> None:
    """Ask for a mail with a code, to be sent if somebody has the address.

    Args:
        tenant: Whose user it would be.
        queue: Of what is to be sent; None where this stack sends no mails.
        purpose: What the code is for.
        email: An address.
        source: Where whoever asks is (`signet.domain.guessing.find_source`); None where nobody knows.

    Raises:
        NotOffered: The settings have not turned it on, or have no link for it, or no mails are sent.
        TooManyAttempts: Too much has been asked for.
        Unavailable: The store or the queue did not answer.
    """
    sending = _offered(tenant, queue, purpose)
    address = normal_email(email, "email")
    kind = MailKind(purpose.value)
    _count(tenant, source, (kind, address))
    sending.send({"applicationId": tenant.application_id, "kind": kind.value, "email": address})


def sign_up(
    tenant: Tenant,
    queue: Queue | None,
    hasher: "PasswordHasher",
    email: str,
    password: str,
    names: tuple[str | None, str | None],
    source: str | None,
) -> None:
    """Sign somebody up: the user is made as the mail is sent, unless somebody has the address.

    The password's hash waits in the table: queues keep what passes through them.

    Args:
        tenant: Whose user it becomes.
        queue: As for `ask`; so for the source, and for what is raised.
        hasher: Hashes the password.
        email: An address.
        password: As it was given, checked against the policy.
        names: The first and the last name, where they were given.
        source: Where whoever asks is.
    """
    if not tenant.application.self_service.sign_up:
        raise NotOffered.of("signUp")
    sending = _offered(tenant, queue, Purpose.VERIFY_EMAIL)
    address = normal_email(email, "email")
    _count(tenant, source, ("signUp", address))
    waiting = SignUp(new_user_id(), email, hasher.hash(password), *names)
    message = {"applicationId": tenant.application_id, "kind": MailKind.VERIFY_EMAIL.value}
    try:
        write_surely(
            lambda: keep_sign_up(tenant, waiting, SIGN_UP_SECONDS),
            lambda: find_sign_up(tenant, waiting.user_id) is not None,
        )
        sending.send(message | {"signUpId": waiting.user_id})
    except Unavailable:
        # Nothing has happened, is the answer; a message that was taken all the same finds nothing.
        with suppress(Unavailable):
            forget_sign_up(tenant, waiting.user_id)
        raise


@dataclass(slots=True)
class AddressChange:
    """A user's wish for another address, which comes about once its code is redeemed.

    Whether somebody has that address is found out where the mail is sent, and told to nobody.

    Attributes:
        queue: Of what is to be sent.
        email: The address that the user wants.
        source: As for `ask`.
    """

    queue: Queue
    email: str
    source: str | None
    _asked: int | None = field(default=None, init=False)

    @classmethod
    def begin(cls, tenant: Tenant, queue: Queue | None, email: str, source: str | None) -> Self:
        """Begin one, where that is offered.

        Args:
            tenant: Whose user.
            queue: None where this stack sends no mails.
            email: An address.
            source: Where the user is; None where nobody knows.

        Raises:
            NotOffered: The settings have not turned it on, or have no link for it, or no mails are sent.
            InvalidRequest: It is no address.
        """
        sending = _offered(tenant, queue, Purpose.CHANGE_EMAIL)
        normal_email(email, "email")
        return cls(sending, email, source)

    def ask(self, tenant: Tenant, user: User, *, sets_password: bool) -> None:
        """Have the mails sent, to the new address and to the old one; the first time it counts as asked for.

        The mails are of one password: who sets another one before they are sent ends them. Where the request
        itself sets one they go if that succeeds, which is certain only once the function has ended.

            update_me    asks            writes the password       over, at the latest
            send_mail                                                    is it the password?  code, mails

        Args:
            tenant: Whose user.
            user: The user, who has shown its password.
            sets_password: Whether a password is about to be set.

        Raises:
            TooManyAttempts: Too much has been asked for.
            Unavailable: The store or the queue did not answer.
        """
        version = user.password_version + sets_password
        if self._asked == version:
            return
        if self._asked is None:
            old, new = user.normal_email or "", normal_email(self.email, "email")
            _count(tenant, self.source, (MailKind.EMAIL_CHANGES, old), (MailKind.CHANGE_EMAIL, new))
        message = {"applicationId": tenant.application_id, "kind": MailKind.CHANGE_EMAIL.value}
        message |= {"experienceUserId": path_id(user.id), "email": self.email}
        self.queue.send(message | {"passwordVersion": version}, WRITTEN_SECONDS if sets_password else 0)
        self._asked = version


def _offered(tenant: Tenant, queue: Queue | None, purpose: Purpose) -> Queue:
    settings = tenant.application.self_service
    if not settings.offers(purpose):
        raise NotOffered.of(purpose)
    if queue is None:
        message = "This Signet sends no mails: its parameter MailFrom is empty."
        raise NotOffered(message)
    if purpose not in settings.links:
        message = f"This application has no link for {purpose}: its setting selfService.links has none."
        raise NotOffered(message)
    return queue


def _count(tenant: Tenant, source: str | None, *mails: tuple[str, str]) -> None:
    """Take one from the buckets of the source and of each mail's address, one for each kind of mail.

    For each kind: who asks again and again for what comes to nothing would keep the address's owner from what
    does.
    """
    key = tenant.application.digest_key
    digests = [account_digest(key, f"mail:{what}:{email}") for what, email in mails]
    buckets = [(attempts_key(tenant, digest), PER_ADDRESS) for digest in digests]
    if source is not None:
        buckets.insert(0, (attempts_key(tenant, source_digest(key, f"mail:{source}")), PER_SOURCE))
    items = tenant.table.find_all([place for place, _ in buckets])
    for place, limit in buckets:
        _refuse(limit.wait_ms(full_at_ms(items.get(place), EVERYBODY), tenant.now_ms))
    for place, limit in buckets:
        _refuse(take(tenant, place, EVERYBODY, limit, items.get(place)))


def _refuse(wait_ms: int) -> None:
    if wait_ms:
        seconds = -(-wait_ms // 1000)
        message = f"Too many mails were asked for, to this address or from here. Try again in {seconds} s."
        raise TooManyAttempts(message, retry_after=seconds)

"""Send mails: find out whether there is somebody to send one to, make its code, and hand it to SES.

What is asked for comes from a queue, at least once: of two mails the later one has the code that is good.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from signet.domain.codes import Purpose
from signet.domain.identities import normal_email
from signet.domain.mail_texts import shipped
from signet.domain.mails import BrokenTemplate, Mail, MailKind, MailPart, fill, values
from signet.domain.users import User
from signet.errors import NotOffered, SignetError, UserExists, UserNotFound
from signet.store.authentication import find_credential
from signet.store.mails import SignUp, find_sign_up, forget_sign_up, is_stopped
from signet.store.memberships import add_user
from signet.store.tenant import Tenant
from signet.store.users import StaleError
from signet.usecases import codes
from signet.usecases.mail_files import MailFiles, UnreadableFile, file_key
from signet.usecases.users import get_user


class Mailer(Protocol):
    """Sends mails (`signet.aws.mailer.Mailer`)."""

    def send(self, to: str, subject: str, text: str, page: str, tags: Mapping[str, str]) -> None:
        """Send one."""


class TemplateRefused(SignetError):
    """An owner's template makes no mail; the shipped one is taken in its place."""


@dataclass(frozen=True, slots=True)
class Post:
    """What sends one application's mails.

    Attributes:
        tenant: Whose.
        mailer: Sends them.
        files: The owner's templates.
        warn: Hears of a template that is no good.
    """

    tenant: Tenant
    mailer: Mailer
    files: MailFiles
    warn: Callable[[SignetError], None]

    def send_to_address(self, kind: MailKind, email: str) -> bool:
        """Send a mail to whoever has an address.

        Args:
            kind: Which mail.
            email: The address.

        Returns:
            Whether it was sent: False where nobody has the address or needs the mail, or where it is stopped.

        Raises:
            Unavailable: The store or SES did not answer; so for all here.
        """
        email = normal_email(email, "email")
        try:
            user = get_user(self.tenant, email)
        except UserNotFound:
            return False
        if kind is MailKind.VERIFY_EMAIL and user.email_verified:
            return False
        # By the address, so that there is a code only if it is the user's still.
        return self._send(kind, email, named=email)

    def send_to_user(self, kind: MailKind, user_id: str, new_email: str | None) -> bool:
        """Send a mail to a user, or to the address that it wants."""
        try:
            user = get_user(self.tenant, user_id)
        except UserNotFound:
            return False
        if kind is MailKind.CHANGE_EMAIL and new_email is not None:
            return self._send(kind, normal_email(new_email, "email"), named=user_id, new_email=new_email)
        return user.normal_email is not None and self._send(kind, user.normal_email, named=user.normal_email)

    def sign_up(self, user_id: str) -> bool:
        """Make the user of a sign-up, and send the mail by which its address is verified.

        A sign-up with an address that somebody has is a mail to that person, and nothing else.
        """
        waiting = find_sign_up(self.tenant, user_id)
        if waiting is None:
            return False
        email = normal_email(waiting.email, "email")
        if self._make(waiting, email):
            sent = self.send_to_address(MailKind.VERIFY_EMAIL, email)
        else:
            sent = self._send(MailKind.ALREADY_SIGNED_UP, email, named=email)
        # Not before: where SES fails, all of it is done again.
        forget_sign_up(self.tenant, user_id)
        return sent

    def _make(self, waiting: SignUp, email: str) -> bool:
        """Make the user; False where the address is somebody else's."""
        credential = find_credential(self.tenant, email)
        if credential is not None:
            return credential.user_id == waiting.user_id
        now_ms = self.tenant.now_ms
        user = User(
            id=waiting.user_id,
            email=waiting.email,
            normal_email=email,
            email_verified=False,
            first_name=waiting.first_name,
            last_name=waiting.last_name,
            password_version=1,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            password_updated_at_ms=now_ms,
        )
        try:
            add_user(self.tenant, user, waiting.password_hash)
        except UserExists:
            return False
        except StaleError:
            # Made by an earlier attempt, and it has gone or got another address since.
            return True
        return True

    def _send(self, kind: MailKind, email: str, *, named: str, new_email: str | None = None) -> bool:
        if not email.isascii() or is_stopped(self.tenant, email):
            # SES takes no address with other letters before its @.
            return False
        offered = self.tenant.application.self_service
        code, link = None, None
        if kind.purpose is not None:
            if kind.purpose not in offered.links:
                return False
            try:
                code, _ = codes.create(self.tenant, named, kind.purpose, email=new_email)
            except (UserNotFound, NotOffered):
                return False
            link = offered.links[kind.purpose].replace("{code}", code)
        life = (kind.purpose or Purpose.VERIFY_EMAIL).life
        named_values = values(self.tenant.application.name, email, link, code, life)
        mail = self._make_mail(kind, named_values)
        tags = {"applicationId": self.tenant.application_id, "kind": kind.value}
        self.mailer.send(email, mail.subject, mail.text, mail.page, tags)
        return True

    def _make_mail(self, kind: MailKind, named: Mapping[str, str]) -> Mail:
        language = self.tenant.application.self_service.language
        templates = shipped(kind, language)
        made = dict[MailPart, str]()
        for part, ours in templates.items():
            try:
                own = self.files.find(self.tenant.application_id, kind, language, part)
                made[part] = fill(part, ours if own is None else own, named)
            except (BrokenTemplate, UnreadableFile) as broken:
                name = file_key(self.tenant.application_id, kind, language, part)
                self.warn(TemplateRefused(f"{name} {broken} The shipped one is taken."))
                made[part] = fill(part, ours, named)
        return Mail(made[MailPart.SUBJECT], made[MailPart.TEXT], made[MailPart.PAGE])

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
from signet.domain.users import User, path_id
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
        return self._send(kind, email)

    def change_email(self, user_id: str, new_email: str, password_version: int | None) -> bool:
        """Send a code to the address that a user wants, and word of it to the one that it has.

        Whether somebody else has the address the user does not hear: word goes to the old one all the same,
        and an earlier code ends all the same, but nobody gets the new code.

        Args:
            user_id: The user's id, as a path has it.
            new_email: The address.
            password_version: The user's when it was asked for: not sent once it is another; None for any.

        Returns:
            Whether the code was sent.
        """
        email = normal_email(new_email, "email")
        try:
            user = get_user(self.tenant, user_id)
        except UserNotFound:
            return False
        if password_version not in (None, user.password_version) or user.normal_email is None:
            return False
        purpose, version = Purpose.CHANGE_EMAIL, user.password_version
        code = self._make_code(purpose, path_id(user.id), email=new_email, password_version=version)
        if code is None:
            return False
        if self._reaches(user.normal_email):
            self._hand_over(MailKind.EMAIL_CHANGES, user.normal_email)
        owner = find_credential(self.tenant, email)
        if (owner is not None and owner.user_id != user.id) or not self._reaches(email):
            return False
        self._hand_over(MailKind.CHANGE_EMAIL, email, code)
        return True

    def send_to_user(self, kind: MailKind, user_id: str) -> bool:
        """Send a mail to a user."""
        try:
            user = get_user(self.tenant, user_id)
        except UserNotFound:
            return False
        return user.normal_email is not None and self._send(kind, user.normal_email)

    def sign_up(self, user_id: str) -> bool:
        """Make the user of a sign-up, and send the mail by which its address is verified.

        A sign-up with an address that somebody has is a mail to that person, and nothing else. Nobody is made
        any more once the settings have turned it off, however long it has waited.
        """
        waiting = find_sign_up(self.tenant, user_id)
        if waiting is None:
            return False
        email, settings = normal_email(waiting.email, "email"), self.tenant.application.self_service
        if not (settings.sign_up and settings.offers(Purpose.VERIFY_EMAIL)):
            sent = False
        elif self._make_user(waiting, email):
            sent = self.send_to_address(MailKind.VERIFY_EMAIL, email)
        else:
            sent = self._send(MailKind.ALREADY_SIGNED_UP, email)
        # Not before: where SES fails, all of it is done again.
        forget_sign_up(self.tenant, user_id)
        return sent

    def _make_user(self, waiting: SignUp, email: str) -> bool:
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

    def _send(self, kind: MailKind, email: str) -> bool:
        if not self._reaches(email):
            return False
        code = None
        if kind.purpose is not None:
            # By the address, so that there is a code only if it is the user's still.
            code = self._make_code(kind.purpose, email)
            if code is None:
                return False
        self._hand_over(kind, email, code)
        return True

    def _reaches(self, email: str) -> bool:
        """Whether mails go to an address; SES takes none with other letters than ASCII's before its @."""
        return email.isascii() and not is_stopped(self.tenant, email)

    def _make_code(
        self, purpose: Purpose, named: str, *, email: str | None = None, password_version: int | None = None
    ) -> str | None:
        """The code that a mail needs; None where there is nobody for it, or no link, or it is not offered."""
        if purpose not in self.tenant.application.self_service.links:
            return None
        try:
            code, _ = codes.create(
                self.tenant, named, purpose, email=email, password_version=password_version
            )
        except (UserNotFound, NotOffered):
            return None
        return code

    def _hand_over(self, kind: MailKind, email: str, code: str | None = None) -> None:
        purpose = kind.purpose or Purpose.VERIFY_EMAIL
        link = None
        if code is not None:
            link = self.tenant.application.self_service.links[purpose].replace("{code}", code)
        named_values = values(self.tenant.application.name, email, link, code, purpose.life)
        mail = self._make_mail(kind, named_values)
        tags = {"applicationId": self.tenant.application_id, "kind": kind.value}
        self.mailer.send(email, mail.subject, mail.text, mail.page, tags)

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

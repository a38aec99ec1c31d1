"""What users change of themselves, by a session token and, where it matters, their password once more."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from signet import deadline
from signet.domain.applications import VerifyEmail
from signet.domain.groups import Group
from signet.domain.tokens import PASSWORD, Session, Token
from signet.domain.users import User
from signet.errors import EmailNotVerified, NotOffered, PermissionDenied
from signet.store.authentication import Credential, find_credential_for_issue
from signet.store.memberships import erase_user
from signet.store.tenant import Tenant
from signet.store.users import StaleError
from signet.usecases.guessing import Guess, is_password
from signet.usecases.mails import AddressChange
from signet.usecases.sessions import Issue, prepare
from signet.usecases.signer import Signer
from signet.usecases.users import busy, change_read
from signet.usecases.verifier import Verifier

if TYPE_CHECKING:
    # It loads argon2 and bcrypt.
    from signet.domain.passwords.hasher import PasswordHasher


@dataclass(frozen=True, slots=True)
class Oneself:
    """A user who acts for itself.

    Attributes:
        tenant: Whose user.
        verifier: Verifies the token.
        hasher: Verifies the current password, and hashes a new one.
        token: The session token that came.
        current_password: The password that came beside it; None where none did.
        source: Where the user is (`signet.domain.guessing.find_source`); None where nobody knows.
    """

    tenant: Tenant
    verifier: Verifier
    hasher: "PasswordHasher"
    token: str = field(repr=False)
    current_password: str | None = field(default=None, repr=False)
    source: str | None = None

    def change(
        self,
        signer: Signer,
        fields: dict[str, Any],
        password: str | None,
        address: AddressChange | None = None,
    ) -> tuple[User, dict[str, Group], str | None]:
        """Change what is given; a new password ends all of the user's tokens, the one that came among them.

        Args:
            signer: Signs the token that follows upon a new password.
            fields: Fields of `User` by name.
            password: The new password, checked against the policy; None leaves it.
            address: The new address, which counts only once its code is redeemed; None leaves it.

        Returns:
            The user, its groups by id, and a new token, with the extra data of the one that came and the life
            of a log-in's, but no longer than the session of the one that came, or where it cannot be
            refreshed than itself; None where nothing has ended.

        Raises:
            NotOffered: The application's settings have nothing of this.
            TokenInvalid, TokenExpired, TokenRevoked: The token is not good.
            PermissionDenied: The current password is wrong, or nothing vouches for the user.
            EmailNotVerified: The current password is right, and the address has to be verified first.
            TooManyAttempts: Too many passwords have been tried, or too many mails asked for.
            Unavailable: Others change the user all the time, or no key can sign at the moment.
        """
        guess: Guess | None = None
        password_hash: str | None = None
        for _ in deadline.attempts():
            token, user = self._verified()
            issue = None
            if password is not None or address is not None:
                guess = self._check_password(user, guess)
            if password is not None:
                self._check_verified(user)
                password_hash = password_hash or self.hasher.hash(password)
                issue = self._prepare_another(signer, token, user)
            if address is not None:
                # Before the write, after which nothing may fail: a mail too many changes nothing.
                address.ask(self.tenant, user, sets_password=password is not None)
            try:
                changed, groups = change_read(
                    self.tenant, user, fields, password_hash, issues=issue is not None
                )
            except StaleError:
                continue
            return changed, groups, None if issue is None else issue(changed)
        raise busy()

    def delete(self) -> None:
        """Delete the user: its tokens end, and its address is free again.

        Raises:
            NotOffered, TokenRefused, PermissionDenied, TooManyAttempts, Unavailable: As for `change`.
        """
        guess: Guess | None = None
        for _ in deadline.attempts():
            _, user = self._verified()
            guess = self._check_password(user, guess)
            try:
                erase_user(self.tenant, user)
            except StaleError:
                continue
            return
        raise busy()

    def _verified(self) -> tuple[Token, User]:
        if not self.tenant.application.self_service.profile:
            raise NotOffered.of("profile")
        token = self.verifier.verify_for_issue(self.tenant, self.token)
        user = self.verifier.find_session_user(self.tenant, token)
        if user.is_unverified:
            message = "Nothing vouches for this user yet, whom an unverified call of identify has made."
            raise PermissionDenied(message)
        return token, user

    def _check_password(self, user: User, guess: Guess | None) -> Guess:
        """Check the current password; it counts as one guess, however often the write has to begin again."""
        address = user.normal_email or ""
        guess = guess or Guess(self.tenant, address, self.source)
        credential, items = find_credential_for_issue(self.tenant, address, guess.keys)
        if credential is not None and (
            credential.user_id != user.id or credential.password_version != user.password_version
        ):
            credential = None
        if not guess.check(items, partial(self._is_right, credential), owner=user.id, has_token=True):
            message = (
                "currentPassword is not the user's password. Who has none sets one by a code that resets it."
            )
            raise PermissionDenied(message)
        return guess

    def _check_verified(self, user: User) -> None:
        """Check that a log-in by the password, which the new token stands for, would not be refused."""
        must_be = self.tenant.application.self_service.verify_email is VerifyEmail.REQUIRED
        if must_be and not user.email_verified:
            raise EmailNotVerified

    def _prepare_another(self, signer: Signer, token: Token, user: User) -> Issue:
        """Get ready to issue the token that takes the place of the one that came."""
        ends_at = token.session.ends_at
        return prepare(
            self.tenant,
            signer,
            user.id,
            ttl_ms=self.tenant.application.login.ttl_ms,
            extra_data=token.extra_data,
            session=replace(Session.begin(self.tenant.now_ms, PASSWORD), ends_at=ends_at),
            # What cannot be refreshed nobody makes longer by a password either.
            until=token.expires_at if ends_at is None else None,
        )

    def _is_right(self, credential: Credential | None) -> bool:
        password = self.current_password or ""
        password_hash = None if credential is None else credential.password_hash
        return is_password(self.hasher, password_hash, password)

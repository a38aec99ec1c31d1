"""Authenticate a user by what it knows and has: the four credential rules (docs/api.md, section 5)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from signet.domain.applications import Application, ApplicationChanged
from signet.domain.identities import normal_email
from signet.domain.tokens import Token, TokenKind
from signet.domain.users import User
from signet.errors import InvalidRequest, TokenRefused, Unavailable
from signet.store.authentication import (
    Condition,
    Credential,
    find_credential_for_issue,
    find_user_and_credential,
    note_login,
    upgrade_password_hash,
)
from signet.store.table import Table
from signet.usecases.sessions import SessionIssuer, new_nonce
from signet.usecases.verifier import Verifier, check_subject, user_id_of


class Hasher(Protocol):
    """Verifies passwords (`signet.domain.passwords.hasher`)."""

    def hash(self, password: str) -> str:
        """The PHC string of a password."""

    def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password has this hash."""

    def verify_decoy(self, password: str) -> None:
        """Take as long as a wrong password does."""

    def needs_rehash(self, password_hash: str, password: str | None = None) -> bool:
        """Whether the hash was made otherwise than one would be today."""


class AuthMode(StrEnum):
    """Which credentials have to be right: all of those that the mode names, with no fall-back."""

    EMAIL_PASSWORD = "emailPassword"  # noqa: S105 - the mode's name
    TOKEN = "token"  # noqa: S105
    TOKEN_EMAIL = "tokenEmail"  # noqa: S105
    TOKEN_EMAIL_PASSWORD = "tokenEmailPassword"  # noqa: S105

    @property
    def uses_token(self) -> bool:
        """Whether a token has to be right."""
        return self is not AuthMode.EMAIL_PASSWORD

    @property
    def uses_email(self) -> bool:
        """Whether the e-mail address has to be the user's."""
        return self is not AuthMode.TOKEN

    @property
    def uses_password(self) -> bool:
        """Whether the password has to be right."""
        return self in (AuthMode.EMAIL_PASSWORD, AuthMode.TOKEN_EMAIL_PASSWORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is presented, and what is asked for if it is right.

    Attributes:
        mode: Which credentials count; the others are not looked at.
        email: An e-mail address.
        password: A password.
        token: A session token.
        invalidate_existing_tokens: End all of the user's earlier tokens.
        return_token: Give a token back.
        ttl_ms: The max age of a new token in milliseconds; None for no expiry.
        extra_data: The extra data of a new token; None carries the given token's over.
    """

    mode: AuthMode
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    invalidate_existing_tokens: bool = False
    return_token: bool = False
    ttl_ms: int | None = None
    extra_data: dict[str, Any] | None = None

    @property
    def makes_token(self) -> bool:
        """Whether a new token is made; else the given one is what comes back."""
        return not self.mode.uses_token or self.invalidate_existing_tokens

    @property
    def writes(self) -> bool:
        """Whether a success writes anything to the user."""
        return self.mode.uses_password or self.invalidate_existing_tokens


@dataclass(frozen=True, slots=True, eq=False)
class Authentication:
    """A successful authentication.

    Attributes:
        user: As it is after it.
        token: The token, where one was asked for.
    """

    user: User
    token: str | None = field(default=None, repr=False)


class Refused(Exception):
    """The credentials are not right. Which of them, nobody hears."""


@dataclass(frozen=True, slots=True, eq=False)
class Authenticator:
    """Authenticates users of applications."""

    table: Table
    verifier: Verifier
    sessions: SessionIssuer
    hasher: Hasher

    def authenticate(
        self, application: Application, attempt: Attempt, now_ms: int, warn: Callable[[Unavailable], None]
    ) -> Authentication | None:
        """Check the credentials that the mode names, and do what was asked for if all are right.

        What the answer needs is at hand before anything is written: who hears of a failure has the tokens
        that he had, and can try again.

        Args:
            application: The application.
            attempt: What is presented, and what is asked for.
            now_ms: The time, in Unix milliseconds.
            warn: Hears of what could not be done, and does not keep the answer from coming.

        Returns:
            The user and the token; None where any credential is wrong.

        Raises:
            ApplicationChanged: The application's tokens have been ended since it was read.
            Unavailable: The store did not answer, or no key can sign at the moment. Nothing has ended, unless
                nobody can tell.
        """
        try:
            if attempt.mode.uses_password:
                return self._by_password(application, attempt, now_ms, warn)
            return self._by_token(application, attempt, now_ms)
        except (Refused, TokenRefused):
            return None

    def _by_token(self, application: Application, attempt: Attempt, now_ms: int) -> Authentication:
        token = self._verified_token(application, attempt, now_ms)
        email = _normal(attempt.email) if attempt.mode.uses_email else None
        if attempt.mode.uses_email and email is None:
            raise Refused
        issue = self._prepare(application, attempt, token, user_id_of(token), now_ms)
        if attempt.invalidate_existing_tokens:
            condition = Condition(user_id_of(token), token=token, email=email)
            updated = note_login(
                self.table, application.id, condition, now_ms, is_login=False, nonce=new_nonce()
            )
            if updated is None:
                raise Refused
            return Authentication(updated, issue(updated))
        user = self.verifier.find_session_user(token, application, now_ms // 1000)
        if attempt.mode.uses_email and user.normal_email != email:
            raise Refused
        return Authentication(user, issue(user))

    def _by_password(
        self, application: Application, attempt: Attempt, now_ms: int, warn: Callable[[Unavailable], None]
    ) -> Authentication:
        """Verify the password, then write the login on condition that it is still the password.

        Hashing takes its time. A password that changes meanwhile, or a user that is deleted, makes the
        write fail; then what is there now is read and verified, once.
        """
        token = self._verified_token(application, attempt, now_ms) if attempt.mode.uses_token else None
        email = _normal(attempt.email)
        nonce = new_nonce() if attempt.invalidate_existing_tokens else None
        for _ in range(2):
            credential = self._verified_credential(application, attempt, token, email, now_ms)
            issue = self._prepare(application, attempt, token, credential.user_id, now_ms)
            condition = Condition(
                credential.user_id, token=token, email=email, password_version=credential.password_version
            )
            user = note_login(self.table, application.id, condition, now_ms, is_login=True, nonce=nonce)
            if user is not None:
                done = Authentication(user, issue(user))
                try:
                    self._upgrade(application, email or "", credential, attempt.password or "")
                except Unavailable as error:
                    warn(error)
                return done
        raise Refused

    def _verified_token(self, application: Application, attempt: Attempt, now_ms: int) -> Token:
        """The given token, good as far as can be seen without its user."""
        kinds = (TokenKind.SESSION,)
        token = self.verifier.verify_offline(attempt.token or "", application, kinds, now_ms // 1000)
        if token.application_generation != application.generation:
            # A new token has the application's generation, which must be the given one's.
            raise ApplicationChanged(application.id)
        return token

    def _prepare(
        self,
        application: Application,
        attempt: Attempt,
        token: Token | None,
        user_id: str,
        now_ms: int,
    ) -> Callable[[User], str | None]:
        """What gives the token that is asked for, once the user is known as it is then."""
        if not attempt.return_token:
            return lambda _: None
        if token is not None and not attempt.makes_token:
            return lambda _: token.text
        extra_data = attempt.extra_data
        if extra_data is None and token is not None:
            extra_data = token.extra_data
        return self.sessions.prepare(application, user_id, now_ms, attempt.ttl_ms, extra_data)

    def _verified_credential(
        self,
        application: Application,
        attempt: Attempt,
        token: Token | None,
        email: str | None,
        now_ms: int,
    ) -> Credential:
        """The credential of the address, its password verified; a wrong address takes as long."""
        # An address that is none stands for one that nobody has: the same trip, the same hash.
        address = email or ""
        if token is None:
            credential = find_credential_for_issue(self.table, application, address)
        else:
            user_id = user_id_of(token)
            subject, credential = find_user_and_credential(
                self.table, application.id, user_id, address, now_ms
            )
            check_subject(token, subject)
            if subject.user is None:
                raise Refused
            if credential is not None and credential.user_id != user_id:
                credential = None
        password = attempt.password or ""
        if credential is None:
            self.hasher.verify_decoy(password)
            raise Refused
        if not self.hasher.verify(credential.password_hash, password):
            raise Refused
        return credential

    def _upgrade(self, application: Application, email: str, credential: Credential, password: str) -> None:
        """Hash the password as it would be hashed today, where that differs: one trip, at one login."""
        if self.hasher.needs_rehash(credential.password_hash, password):
            upgraded = self.hasher.hash(password)
            upgrade_password_hash(self.table, application.id, email, credential, upgraded)


def _normal(email: str | None) -> str | None:
    try:
        return normal_email(email or "")
    except InvalidRequest:
        return None

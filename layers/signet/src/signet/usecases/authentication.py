"""Authenticate a user by what it knows and has: the four credential rules (docs/api.md, section 5)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from signet.domain.identities import normal_email
from signet.domain.tokens import PASSWORD, Session, Token
from signet.domain.users import NO_PASSWORD, User
from signet.errors import InvalidRequest, Reason, TokenRefused, Unavailable, note
from signet.store.authentication import (
    Condition,
    Credential,
    find_credential_for_issue,
    find_user_and_credential,
    note_login,
    upgrade_password_hash,
)
from signet.store.tenant import Tenant
from signet.usecases.guessing import Guess, is_password
from signet.usecases.sessions import new_nonce, prepare
from signet.usecases.signer import Signer
from signet.usecases.verifier import GONE, Verifier, check_subject, user_id_of

if TYPE_CHECKING:
    # It loads argon2 and bcrypt.
    from signet.domain.passwords.hasher import PasswordHasher

NO_ADDRESS = "no e-mail address"
CHANGED = "the token, the user or its password had ended or changed when it was to be written"


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
        session_lifetime_ms: For how many milliseconds the session of a new token can be refreshed; None where
            it cannot.
        is_verified: Whether the address must have been verified.
        source: Where whoever presents it is (`signet.domain.guessing.find_source`); None where nobody knows.
    """

    mode: AuthMode
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    invalidate_existing_tokens: bool = False
    return_token: bool = False
    ttl_ms: int | None = None
    extra_data: dict[str, Any] | None = None
    session_lifetime_ms: int | None = None
    is_verified: bool = False
    source: str | None = None

    @property
    def makes_token(self) -> bool:
        """Whether a new token is made; else the given one is what comes back."""
        return not self.mode.uses_token or self.invalidate_existing_tokens

    @property
    def writes(self) -> bool:
        """Whether a success writes anything to the user."""
        return self.mode.uses_password or self.invalidate_existing_tokens


@dataclass(frozen=True, slots=True)
class Authentication:
    """A successful authentication.

    Attributes:
        user: As it is after it.
        token: The token, where one was asked for.
    """

    user: User
    token: str | None = field(default=None, repr=False)


class Refused(Exception):
    """The credentials are not right. Which of them, nobody hears, but for the log.

    Attributes:
        reason: Which.
    """

    def __init__(self, check: str, found: str) -> None:
        super().__init__(check)
        self.reason = Reason(check, found=found)


def authenticate(
    tenant: Tenant,
    verifier: Verifier,
    signer: Signer,
    hasher: "PasswordHasher",
    attempt: Attempt,
    warn: Callable[[Unavailable], None],
) -> Authentication | None:
    """Check the credentials that the mode names, and do what was asked for if all are right.

    What the answer needs is at hand before anything is written: who hears of a failure has the tokens
    that he had, and can try again.

    Args:
        tenant: Whose user.
        verifier: Verifies the token.
        signer: Signs a new one.
        hasher: Verifies the password.
        attempt: What is presented, and what is asked for.
        warn: Hears of what could not be done, and does not keep the answer from coming.

    Returns:
        The user and the token; None where any credential is wrong.

    Raises:
        ApplicationChanged: The application's tokens have been ended since it was read.
        EmailNotVerified: All is right, and the address has to be verified first.
        TooManyAttempts: Too many passwords have been tried.
        Unavailable: The store did not answer, or no key can sign at the moment. Nothing has ended, unless
            nobody can tell.
    """
    check = _Check(tenant, verifier, signer, hasher, attempt)
    try:
        return check.by_password(warn) if attempt.mode.uses_password else check.by_token()
    except (Refused, TokenRefused) as refusal:
        note(refusal.reason)
        return None


def _without_scheme(text: str) -> str:
    """The token alone: workflows feed the whole `Authorization` header."""
    scheme, _, token = text.partition(" ")
    return token if scheme.lower() == "bearer" else text


@dataclass(frozen=True, slots=True)
class _Check:
    """The check of one attempt."""

    tenant: Tenant
    verifier: Verifier
    signer: Signer
    hasher: "PasswordHasher"
    attempt: Attempt

    def by_token(self) -> Authentication:
        attempt, token = self.attempt, self._verified_token()
        email = _normal(attempt.email) if attempt.mode.uses_email else None
        if attempt.mode.uses_email and email is None:
            raise Refused("email", NO_ADDRESS)

        issues = attempt.return_token and attempt.makes_token
        user: User | None = None
        if issues or not attempt.invalidate_existing_tokens:
            # Else the write below is the check.
            user = self.verifier.find_session_user(self.tenant, token, issues=issues)
            if attempt.mode.uses_email and user.normal_email != email:
                raise Refused("email", "another than the token's user has")
        issue = self._prepare(token, user_id_of(token))
        if user is None or attempt.invalidate_existing_tokens:
            condition = Condition(user_id_of(token), token=token, email=email)
            user = note_login(self.tenant, condition, is_login=False, nonce=new_nonce())
            if user is None:
                raise Refused("token", CHANGED)
        return Authentication(user, issue(user))

    def by_password(self, warn: Callable[[Unavailable], None]) -> Authentication:
        """Verify the password, then write the login on condition that it is still the password.

        Hashing takes its time. A password that changes meanwhile, or a user that is deleted, makes the
        write fail; then what is there now is read and verified, once.
        """
        attempt = self.attempt
        token = self._verified_token() if attempt.mode.uses_token else None
        email = _normal(attempt.email)
        nonce = new_nonce() if attempt.invalidate_existing_tokens else None
        guess = Guess(self.tenant, attempt.email or "" if email is None else email, attempt.source)
        for _ in range(2):
            credential = self._verified_credential(token, email, guess)
            issue = self._prepare(token, credential.user_id)
            condition = Condition(
                credential.user_id,
                token=token,
                email=email,
                password_version=credential.password_version,
                is_verified=attempt.is_verified,
            )
            user = note_login(self.tenant, condition, is_login=True, nonce=nonce)
            if user is not None:
                done = Authentication(user, issue(user))
                upgrade = partial(self._upgrade, email or "", credential)
                for afterwards in (upgrade, partial(guess.succeeded, user)):
                    try:
                        afterwards()
                    except Unavailable as error:
                        warn(error)
                return done
        raise Refused("password", CHANGED)

    def _verified_token(self) -> Token:
        """The given token, good as far as can be seen without its user."""
        text = _without_scheme(self.attempt.token or "")
        return self.verifier.verify_for_issue(self.tenant, text)

    def _prepare(self, token: Token | None, user_id: str) -> Callable[[User], str | None]:
        """What gives the token that is asked for, once the user is known as it is then."""
        attempt = self.attempt
        if not attempt.return_token:
            return lambda _: None
        if token is not None and not attempt.makes_token:
            return lambda _: token.text
        extra_data = attempt.extra_data
        if extra_data is None and token is not None:
            extra_data = token.extra_data
        if token is not None and not attempt.mode.uses_password:
            # The same log-in, for which the caller says anew how long a token of it lives.
            session = replace(token.session, ends_at=None)
        else:
            session = Session.begin(self.tenant.now_ms, PASSWORD, lifetime_ms=attempt.session_lifetime_ms)
        return prepare(
            self.tenant,
            self.signer,
            user_id,
            ttl_ms=attempt.ttl_ms,
            extra_data=extra_data,
            session=session,
        )

    def _verified_credential(self, token: Token | None, email: str | None, guess: Guess) -> Credential:
        """The credential of the address, its password verified; a wrong address takes as long."""
        # An address that is none stands for one that nobody has: the same trip, the same hash.
        address = email or ""
        if token is None:
            credential, attempts = find_credential_for_issue(self.tenant, address, guess.keys)
        else:
            user_id = user_id_of(token)
            subject, credential, attempts = find_user_and_credential(
                self.tenant, user_id, address, guess.keys
            )
            check_subject(token, subject)
            if subject.user is None:
                raise Refused("user", GONE)
            if credential is not None and credential.user_id != user_id:
                credential = None
        is_right = guess.check(
            attempts,
            partial(self._is_right, credential),
            owner=None if credential is None else credential.user_id,
            has_token=token is not None and credential is not None,
        )
        if credential is None:
            raise Refused(
                "email", NO_ADDRESS if not email else "nobody's, or another than the token's user has"
            )
        if not is_right:
            has_none = credential.password_hash == NO_PASSWORD
            raise Refused("password", "the user has none" if has_none else "another one")
        return credential

    def _is_right(self, credential: Credential | None) -> bool:
        """Whether the password is the credential's."""
        password = self.attempt.password or ""
        password_hash = None if credential is None else credential.password_hash
        return is_password(self.hasher, password_hash, password)

    def _upgrade(self, email: str, credential: Credential) -> None:
        """Hash the password as it would be hashed today, where that differs: one trip, at one login."""
        password = self.attempt.password or ""
        if self.hasher.needs_rehash(credential.password_hash, password):
            upgrade_password_hash(self.tenant, email, credential, self.hasher.hash(password))


def _normal(email: str | None) -> str | None:
    try:
        return normal_email(email or "")
    except InvalidRequest:
        return None

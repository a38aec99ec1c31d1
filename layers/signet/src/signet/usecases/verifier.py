"""Verifies tokens: signature and claims against the key ring, generations against the table."""

import re
from collections.abc import Collection

from signet.domain.applications import ApplicationChanged
from signet.domain.identities import Identity, IdentityType
from signet.domain.keys import KID_LENGTH
from signet.domain.signing import Key, load_public
from signet.domain.tokens import Token, TokenKind, parse_unverified, verify
from signet.domain.users import User, find_user_id, of_external
from signet.errors import TokenInvalid, TokenRevoked
from signet.store.authentication import find_subject_for_issue
from signet.store.cache import ApplicationCache, KeyRingCache
from signet.store.identities import identity_generation
from signet.store.tenant import Tenant
from signet.store.users import Subject, find_subject

GONE = "deleted, or past its end"
KID = re.compile(rf"[A-Za-z0-9_-]{{{KID_LENGTH}}}")


class Verifier:
    """Verifies tokens, and keeps the public keys that it has loaded."""

    def __init__(self, applications: ApplicationCache, key_ring: KeyRingCache) -> None:
        self._applications = applications
        self._key_ring = key_ring
        self._keys: dict[str, Key] = {}

    def verify_offline(self, tenant: Tenant, text: str, kinds: Collection[TokenKind]) -> Token:
        """Verify all that needs no look at the subject: signature, claims, the application's generation.

        Args:
            tenant: Whose token it has to be.
            text: The token.
            kinds: The kinds that are taken.

        Raises:
            TokenInvalid: Anything about it is wrong.
            TokenExpired: Its life is over.
            TokenRevoked: All of the application's tokens have been ended since.
        """
        unverified = parse_unverified(text)
        key_ring = self._key_ring.get()
        key = key_ring.find(unverified.kid)
        if key is None:
            # Signed with a key that is newer than what this container has read, or with none of ours.
            key_ring = self._key_ring.reload()
            key = key_ring.find(unverified.kid)
        if key is None:
            message = "The token is signed with a key that is not, or not any more, one of Signet's."
            kid = unverified.kid if KID.fullmatch(unverified.kid) else "no kid of Signet's form"
            expected = [one.kid for one in key_ring.keys if key_ring.find(one.kid) is not None]
            raise TokenInvalid(message).because("kid", expected=expected, found=kid)
        if key.kid not in self._keys:
            self._keys[key.kid] = load_public(key.public_jwk, key.algorithm)
        application = tenant.application
        token = verify(
            unverified, self._keys[key.kid], kinds, application, issuer=key_ring.issuer, now=tenant.now
        )
        if token.application_generation > application.generation:
            # Issued after an invalidation that this container has not read yet.
            generation = token.application_generation
            application = self._applications.find_of_generation(application.id, generation) or application
        if token.application_generation != application.generation:
            raise revoked().because(
                "agen", expected=application.generation, found=token.application_generation
            )
        return token

    def verify_for_issue(self, tenant: Tenant, text: str) -> Token:
        """Verify a session token, for which another one may be issued, without a look at its user.

        Raises:
            ApplicationChanged: It is of a later generation than the tenant's, which a new one would have.
            TokenInvalid, TokenExpired, TokenRevoked: As for `verify_offline`.
        """
        token = self.verify_offline(tenant, text, (TokenKind.SESSION,))
        if token.application_generation != tenant.application.generation:
            raise ApplicationChanged(tenant.application_id)
        return token

    def verify_session(self, tenant: Tenant, text: str) -> tuple[Token, User]:
        """Verify a session token, and find its user. One round trip.

        Raises:
            TokenInvalid, TokenExpired, TokenRevoked: As for `verify_offline`; also where the user is
                gone, or its tokens have been ended since.
        """
        token = self.verify_offline(tenant, text, (TokenKind.SESSION,))
        return token, self.find_session_user(tenant, token)

    def find_session_user(self, tenant: Tenant, token: Token, *, issues: bool = False) -> User:
        """The user of a session token that is good so far. One round trip.

        Args:
            tenant: Whose token it is.
            token: The token.
            issues: Whether another one is issued for it (`find_for_issue`).

        Raises:
            ApplicationChanged: Where one is issued: the application's tokens have been ended meanwhile.
            ApplicationNotFound: Where one is issued: it is gone.
            TokenInvalid: Its `sub` is no user id.
            TokenRevoked: The user is gone, or its tokens have been ended since.
        """
        find = find_subject_for_issue if issues else find_subject
        subject = find(tenant, user_id_of(token))
        check_subject(token, subject)
        if subject.user is None:
            raise revoked().because("user", found=GONE)
        return subject.user

    def verify_any(self, tenant: Tenant, text: str) -> Token:
        """Verify a token of any kind. One round trip.

        Raises:
            TokenInvalid, TokenExpired, TokenRevoked: As for `verify_session`.
        """
        token = self.verify_offline(tenant, text, TokenKind)
        match token.kind:
            case TokenKind.SESSION:
                self.find_session_user(tenant, token)
            case TokenKind.USER:
                check_subject(token, find_subject(tenant, user_id_of(token)))
            case TokenKind.IDENTITY:
                identity = Identity(IdentityType(token.claims["identity_type"]), token.subject)
                generation = identity_generation(tenant, identity)
                if token.generation != generation:
                    raise revoked().because("gen", expected=generation, found=token.generation)
        return token


def user_id_of(token: Token) -> str:
    """The id of the user of a session or user token, whether or not there is such a user.

    Raises:
        TokenInvalid: The `sub` of a session token is no user id.
    """
    if token.kind is TokenKind.USER:
        return of_external(token.subject)
    user_id = find_user_id(token.subject)
    if user_id is None:
        message = "The token's sub is no user id."
        raise TokenInvalid(message).because("sub", found="no user id")
    return user_id


def check_subject(token: Token, subject: Subject) -> None:
    """Check a session or user token against what the table has of its subject.

    Raises:
        TokenRevoked: The token, or all of the subject's, have been ended since it was issued.
    """
    cutoff_ms = subject.token_cutoff_ms
    if token.generation != subject.generation:
        if token.kind is TokenKind.SESSION and subject.user is None:
            raise revoked().because("user", found=GONE)
        raise revoked().because("gen", expected=subject.generation, found=token.generation)
    if token.mark in subject.ended:
        raise revoked().because("jti", expected="a token that lives", found="one that was ended alone")
    if cutoff_ms is not None and token.issued_at < cutoff_ms // 1000:
        raise revoked().because(
            "tokenCutoff", expected=f"iat {cutoff_ms // 1000} at least", found=token.issued_at
        )


def revoked() -> TokenRevoked:
    """The refusal of a token that was good once."""
    return TokenRevoked(
        "The token is no longer valid: it, or all of its user's or application's, have been ended."
    )

"""The three kinds of token: their claims, how they are issued and how they are verified.

No clock, no network, no table: the time, the key ring and the generations are handed in.
"""

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from signet.domain import jws
from signet.domain.applications import Application
from signet.domain.identities import Identity, IdentityType
from signet.domain.jws import UnverifiedJws, invalid
from signet.domain.keys import Algorithm
from signet.domain.signing import Key
from signet.domain.strict_json import parse_object, write_object
from signet.errors import FaultKind, InvalidRequest, TokenExpired, TokenInvalid

MANY = 10**9
"""A generation that nobody reaches: what is prepared or measured with it fits when counters have grown."""

TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{22}")
"""A `jti`: 128 random bits."""

MAX_GENERATION = 2**53 - 1
"""What a counter never reaches, and every reader of JSON can still tell apart."""

PASSWORD, ONCE = "pwd", "otp"
"""What a session's `amr` may have (RFC 8176): a password, or a code that works once."""

CLOCK_SKEW = 120
"""Seconds by which an `iat` may lie in the future: a cutoff may lie 60 ahead, and clocks differ."""


class TokenKind(Enum):
    """What a token is for; no kind is accepted in another's place (RFC 8725 section 3.11).

    The value is the last part of its audience and the first of its `typ`.
    """

    IDENTITY = "identity"
    USER = "user"
    SESSION = "session"

    @property
    def typ(self) -> str:
        """The header's `typ`, checked by us; most libraries check only the audience."""
        return f"{self.value}+jwt"

    def audience(self, application_id: str) -> str:
        """The `aud` of this kind in an application."""
        return f"{application_id}/{self.value}"


TYPES = [kind.typ for kind in TokenKind]
AUDIENCE = re.compile(rf"[0-9a-f]{{24}}/({'|'.join(kind.value for kind in TokenKind)})")


@dataclass(frozen=True, slots=True)
class Session:
    """What the tokens of one log-in have in common.

    Attributes:
        id: The `sid`: 128 random bits. Whoever logs out ends all tokens that have it.
        authenticated_at: The `auth_time`: when the user last showed who it is, in Unix seconds.
        methods: The `amr` (RFC 8176): how; empty where the application itself vouched for it.
        ends_at: The `session_exp`, in Unix seconds, of one that can be refreshed until then; else None.
    """

    id: str
    authenticated_at: int
    methods: tuple[str, ...] = ()
    ends_at: int | None = None

    @classmethod
    def begin(cls, now_ms: int, *methods: str, lifetime_ms: int | None = None) -> "Session":
        """A new one, at a time in Unix milliseconds."""
        session = cls(_random_id(), now_ms // 1000, methods)
        return session if lifetime_ms is None else replace(session, ends_at=session.end(lifetime_ms))

    def end(self, lifetime_ms: int) -> int:
        """When it ends by a lifetime in milliseconds, rounded up to a whole second, in Unix seconds."""
        return self.authenticated_at - (-lifetime_ms // 1000)


def identity_claims(
    application: Application, identity: Identity, *, issuer: str, generation: int, now: int
) -> dict[str, Any]:
    """The claims of an identity token (api.md 1). Times are in Unix seconds.

    Args:
        application: Whose token it is.
        identity: The subject.
        issuer: The `iss`.
        generation: The identity's generation, `gen`.
        now: The `iat`.
    """
    name = "email" if identity.type is IdentityType.EMAIL else "phone_number"
    claims = _claims(TokenKind.IDENTITY, application, identity.value, issuer, generation, now)
    claims["exp"] = now + _capped(application.identity_token_lifetime, application)
    return {**claims, "identity_type": identity.type.value, name: identity.value}


def session_claims(
    application: Application,
    subject: str,
    *,
    issuer: str,
    generation: int,
    now_ms: int,
    session: Session,
    not_before_ms: int | None = None,
    ttl_ms: int | None = None,
    until: int | None = None,
    extra_data: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The claims of a session token (api.md 1).

    Args:
        application: Whose token it is.
        subject: The user's id.
        issuer: The `iss`.
        generation: The user's generation, `gen`.
        now_ms: The time, in Unix milliseconds.
        session: What it is a token of; it lives no longer.
        not_before_ms: The user's cutoff: a token that is made while it still lies ahead, since clocks
            differ, has the cutoff's `iat`, or it would be dead on arrival.
        ttl_ms: The max age in milliseconds; None for a token that does not expire.
        until: When the token ends at the latest, in Unix seconds, since no token of an unverified user may
            outlive it, or a session has become shorter; None where nothing says so.
        extra_data: What becomes `ext`; None for nothing.
    """
    now = _issued_at(now_ms, not_before_ms)
    claims = _claims(TokenKind.SESSION, application, subject, issuer, generation, now)
    cap = application.max_token_lifetime
    # Rounded up to a whole second: a token never lives shorter than was asked for.
    ends = [] if ttl_ms is None else [-(-(now_ms + ttl_ms) // 1000)]
    ends += [] if cap is None else [now + cap]
    ends += [] if until is None else [until]
    ends += [] if session.ends_at is None else [session.ends_at]
    claims |= {"sid": session.id, "auth_time": session.authenticated_at}
    if session.methods:
        claims["amr"] = list(session.methods)
    if session.ends_at is not None:
        claims["session_exp"] = session.ends_at
    if ends:
        claims["exp"] = min(ends)
    if extra_data is not None:
        claims["ext"] = dict(extra_data)
    return claims


def user_claims(
    application: Application,
    subject: str,
    *,
    issuer: str,
    generation: int,
    now_ms: int,
    not_before_ms: int | None = None,
    asked_for: Mapping[str, Any],
) -> dict[str, Any]:
    """The claims of a user token (api.md 1).

    Args:
        application: Whose token it is.
        subject: The application's own id of the user.
        issuer: The `iss`.
        generation: The user's generation, `gen`.
        now_ms: The time, in Unix milliseconds.
        not_before_ms: The user's cutoff, as for a session token.
        asked_for: Of `email`, `name`, `picture`, `is_admin`, `organization_id` and `permissions` what there
            shall be.
    """
    now = _issued_at(now_ms, not_before_ms)
    claims = _claims(TokenKind.USER, application, subject, issuer, generation, now)
    claims["exp"] = now + _capped(application.user_token_lifetime, application)
    return {**claims, **asked_for}


def latest_issue_ms(now_ms: int) -> int:
    """The latest cutoff, in Unix milliseconds, that a token which is made now can have as its `iat`."""
    return now_ms + CLOCK_SKEW * 1000


def token_length(kind: TokenKind, claims: Mapping[str, Any], algorithm: Algorithm) -> int:
    """How many characters a token of these claims has, without making it."""
    return jws.length(kind.typ, claims, algorithm)


def check_claims(kind: TokenKind, claims: Mapping[str, Any], algorithm: Algorithm) -> None:
    """Check, before anything is written for it, that a token of these claims will be taken.

    By what takes it: the length that `jws.parse` allows, and the parser of `verify`.

    Raises:
        InvalidRequest: It would be too long, or its payload would not be parsed.
    """
    length = token_length(kind, claims, algorithm)
    if length > jws.MAX_LENGTH:
        message = f"The {kind.value} token would have {length} bytes; at most {jws.MAX_LENGTH} are issued."
        raise InvalidRequest.of("", message, FaultKind.TOO_LONG)
    try:
        parse_object(write_object(claims))
    except InvalidRequest as error:
        why = error.message.removeprefix("The body ")
        message = f"The {kind.value} token's payload {why}"
        raise InvalidRequest.of("", message) from None


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token of which nothing is known yet but what it says of itself.

    Attributes:
        jws: The token.
        kid: The key that it says it was signed with.
        kind: The kind that it says it is.
    """

    jws: UnverifiedJws
    kid: str
    kind: TokenKind


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature and claims are good. Whether its generation still counts, the table knows.

    Attributes:
        kind: What it is for.
        text: The token itself.
        claims: All of its claims.
    """

    kind: TokenKind
    text: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def subject(self) -> str:
        """The `sub`."""
        subject: str = self.claims["sub"]
        return subject

    @property
    def issued_at(self) -> int:
        """The `iat`, in Unix seconds."""
        issued_at: int = self.claims["iat"]
        return issued_at

    @property
    def expires_at(self) -> int | None:
        """The `exp`, in Unix seconds; None where it does not expire."""
        return self.claims.get("exp")

    @property
    def mark(self) -> str:
        """What stands for this token among those of its user that have ended, each until its own end.

        The text would not do: of one token there are several, equally good ones. All tokens of a session that
        can be refreshed have one and the same; of any other one lives at a time, and its mark is what
        releases look for that know no sessions.
        """
        if "session_exp" in self.claims:
            return f"{self.claims['sid']} {self.claims['session_exp']}"
        return f"{self.claims['jti']} {'-' if self.expires_at is None else self.expires_at}"

    @property
    def session(self) -> Session:
        """The session of a session token; of one from before there were any, what is known of it."""
        claims = self.claims
        return Session(
            claims.get("sid") or _random_id(),
            claims.get("auth_time", self.issued_at),
            tuple(claims.get("amr", ())),
            claims.get("session_exp"),
        )

    @property
    def generation(self) -> int:
        """The subject's generation at issue."""
        generation: int = self.claims["gen"]
        return generation

    @property
    def application_generation(self) -> int:
        """The application's generation at issue."""
        generation: int = self.claims["agen"]
        return generation

    @property
    def extra_data(self) -> dict[str, Any] | None:
        """The extra data of a session token."""
        return self.claims.get("ext")


def is_past(mark: str, now: int) -> bool:
    """Whether the token that a mark stands for has expired anyway, at a time in Unix seconds."""
    _, _, end = mark.partition(" ")
    return end != "-" and now >= int(end)


def parse_unverified(text: str) -> Unverified:
    """Read which key and kind a token claims, trusting neither.

    Raises:
        TokenInvalid: It is no compact JWS of ours, or says no key or none of the kinds.
    """
    if text.startswith("sgt_"):
        # Whoever sends it has it where users are: in a browser, most likely.
        raise invalid(
            "is an API token, the server's secret: reset it, and send a token that was issued with it"
        ).because("form", expected="a token", found="an API token")
    parsed = jws.parse(text)
    typ, kid = parsed.header.get("typ"), parsed.header.get("kid")
    for kind in TokenKind:
        if kind.typ == typ and isinstance(kid, str):
            return Unverified(parsed, kid, kind)
    refusal = invalid("has no kid, or a typ that is none of Signet's")
    if typ in TYPES:
        raise refusal.because("kid", found="none")
    raise refusal.because("typ", expected=TYPES, found="none" if typ is None else "another one")


def verify(
    unverified: Unverified,
    key: Key,
    kinds: Collection[TokenKind],
    application: Application,
    *,
    issuer: str,
    now: int,
) -> Token:
    """Verify signature, kind, audience, issuer and times. The algorithm is the key's, never the token's.

    Args:
        unverified: The token.
        key: The key of its `kid`.
        kinds: The kinds that are taken.
        application: Whose token it has to be.
        issuer: The `iss` that it must have.
        now: The time, in Unix seconds.

    Raises:
        TokenInvalid: Anything about it is wrong.
        TokenExpired: It was good, and its life or the application's cap on it is over.
    """
    kind = unverified.kind
    if kind not in kinds:
        expected = [accepted.typ for accepted in TokenKind if accepted in kinds]
        raise invalid("is of another kind").because("typ", expected=expected, found=kind.typ)
    payload = jws.verify(unverified.jws, key)
    try:
        claims = parse_object(payload)
    except InvalidRequest as error:
        raise invalid("has no JSON object as its payload").because("payload") from error
    if claims.get("iss") != issuer:
        raise _elsewhere().because("iss", expected=issuer, found=_is("iss", claims))
    if claims.get("aud") != kind.audience(application.id):
        found = claims.get("aud")
        shown = found if isinstance(found, str) and AUDIENCE.fullmatch(found) else _is("aud", claims)
        raise _elsewhere().because("aud", expected=kind.audience(application.id), found=shown)
    if not isinstance(claims.get("sub"), str):
        raise invalid("has no sub").because("sub", found=_is("sub", claims))
    if not isinstance(claims.get("jti"), str) or not TOKEN_ID.fullmatch(claims["jti"]):
        raise invalid("has no jti of Signet's").because("jti", found=_is("jti", claims))
    if type(claims.get("iat")) is not int:
        raise invalid("has no iat that is a whole number").because("iat", found=_is("iat", claims))
    for name in ("gen", "agen"):
        if type(claims.get(name)) is not int or not 0 <= claims[name] <= MAX_GENERATION:
            raise invalid(f"has no {name} that is a generation").because(name, found=_is(name, claims))
    exp = claims.get("exp")
    if type(exp) is not int and (exp is not None or kind is not TokenKind.SESSION):
        raise invalid("has no exp that is a whole number").because("exp", found=_is("exp", claims))
    if kind is TokenKind.SESSION:
        _check_session(claims)
    if claims["iat"] > now + CLOCK_SKEW:
        refusal = invalid("was issued in the future")
        raise refusal.because("iat", expected=f"{now + CLOCK_SKEW} at most", found=claims["iat"])
    cap = application.max_token_lifetime
    ends = {"exp": exp, "maxTokenLifetime": None if cap is None else claims["iat"] + cap}
    for name, end in ends.items():
        if end is not None and now >= end:
            message = "The token has expired."
            raise TokenExpired(message).because(name, expected=f"later than {now}", found=end)
    return Token(kind, unverified.jws.text, claims)


def _elsewhere() -> TokenInvalid:
    return invalid("is of another issuer or application")


def _is(name: str, claims: Mapping[str, Any]) -> str:
    """What a claim is that is wrong, without saying it: anybody may have written it."""
    return "another one" if name in claims else "none"


def _check_session(claims: Mapping[str, Any]) -> None:
    """Check the claims of a session, which tokens from before there were any do not have.

    Raises:
        TokenInvalid: One of them has not its form: it would reach a write's condition.
    """
    sid, methods = claims.get("sid"), claims.get("amr", [])
    if sid is not None and not (isinstance(sid, str) and TOKEN_ID.fullmatch(sid)):
        raise invalid("has a sid that is none of Signet's").because("sid", found=_is("sid", claims))
    for name in ("auth_time", "session_exp"):
        if name in claims and type(claims[name]) is not int:
            raise invalid(f"has no {name} that is a whole number").because(name, found=_is(name, claims))
    if not isinstance(methods, list) or not all(isinstance(method, str) for method in methods):
        raise invalid("has no amr that is a list of texts").because("amr", found=_is("amr", claims))
    if "session_exp" in claims and not {"sid", "auth_time", "exp"} <= claims.keys():
        refusal = invalid("has a session_exp and not what belongs to it")
        raise refusal.because("session_exp", found=_is("session_exp", claims))


def issue(kind: TokenKind, claims: Mapping[str, Any], key: Key) -> str:
    """Sign the claims: a compact JWS with the header `alg`, `kid`, `typ`."""
    return jws.sign(kind.typ, claims, key)


def _claims(
    kind: TokenKind, application: Application, subject: str, issuer: str, generation: int, now: int
) -> dict[str, Any]:
    return {
        "iss": issuer,
        "aud": kind.audience(application.id),
        "sub": subject,
        "iat": now,
        "jti": _random_id(),
        "gen": generation,
        "agen": application.generation,
    }


def _random_id() -> str:
    return secrets.token_urlsafe(16)


def _issued_at(now_ms: int, not_before_ms: int | None) -> int:
    """The `iat`: never before the cutoff, and never so far ahead that no verifier would take it."""
    return min(max(now_ms, not_before_ms or 0), latest_issue_ms(now_ms)) // 1000


def _capped(lifetime: int, application: Application) -> int:
    cap = application.max_token_lifetime
    return lifetime if cap is None else min(lifetime, cap)

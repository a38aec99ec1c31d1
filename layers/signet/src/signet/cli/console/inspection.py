"""What a token says, whether it is good now, and if not, why.

Introspection alone says whether a token is good. Why it is not, nobody hears there; here each check is made
again, with the public keys and the settings, so that a person sees which one fails.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from signet.cli.target import Target, TargetError
from signet.domain import base64url, jws
from signet.domain.ids import find_id
from signet.domain.keys import Algorithm
from signet.domain.signing import load_public
from signet.domain.times import LATEST, iso_8601
from signet.domain.tokens import CLOCK_SKEW, TokenKind, Unverified, parse_unverified
from signet.errors import TokenInvalid

API_TOKEN_PREFIX = "sgt_"  # noqa: S105 - no secret
TIMES = {"iat": "issued", "exp": "expires", "auth_time": "logged in"}
"""Claims that are times, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Check:
    """One of the things that make a token good.

    Attributes:
        what: What was looked at.
        passed: Whether it is as it should be.
        found: What there was, and what should have been there.
    """

    what: str
    passed: bool
    found: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is to be said of a text that was pasted.

    Attributes:
        is_good: Whether every check of Signet's takes it now.
        verdict: The same in a sentence, with the reason.
        checks: What was looked at, up to the first that failed.
        header: The token's header; empty where it cannot be read.
        claims: Its claims, for which nothing vouches unless the signature is good.
        kind: Which of the three kinds it says it is.
        application_id: Whose token it says it is; None where it says nothing of the kind.
    """

    is_good: bool
    verdict: str
    checks: tuple[Check, ...] = ()
    header: Mapping[str, Any] = field(default_factory=dict, repr=False)
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    kind: TokenKind | None = None
    application_id: str | None = None


def inspect(target: Target, text: str, now: int) -> Inspection:
    """Look at a token.

    Args:
        target: The deployment.
        text: The token.
        now: The time, in Unix seconds.

    Raises:
        TargetError: The deployment could not be asked.
    """
    if not text:
        return Inspection(is_good=False, verdict="Nothing was pasted.")
    if text.startswith(API_TOKEN_PREFIX):
        verdict = (
            "This is an API token, a server's secret, and no token of a user. If it was anywhere but on that"
            " server, reset it on the page of its application."
        )
        return Inspection(is_good=False, verdict=verdict)
    header, claims = _decoded(text, 0), _decoded(text, 1)
    application_id = find_id(str(claims.get("aud", "")).partition("/")[0])
    checks: list[Check] = []
    for check in _checks(target, text, claims, application_id, now):
        checks.append(check)
        if not check.passed:
            break
    last = checks[-1]
    kind = next((kind for kind in TokenKind if kind.typ == header.get("typ")), None)
    verdict = _life(claims) if last.passed else f"{last.what}: {last.found.rstrip('.')}."
    return Inspection(last.passed, verdict, tuple(checks), header, claims, kind, application_id)


def _checks(
    target: Target, text: str, claims: Mapping[str, Any], application_id: str | None, now: int
) -> Iterator[Check]:
    """The checks one by one; whoever asks stops at the first that fails."""
    try:
        unverified = parse_unverified(text)
    except TokenInvalid as error:
        yield Check("Form", passed=False, found=error.message)
        return
    yield Check("Form", passed=True, found=f"a signed JWT whose typ is {unverified.kind.typ}")
    yield from _signed(target, unverified)
    issuer = target.invoke("publish_configuration", {})["issuer"]
    yield _compared("Issuer", "iss", claims, issuer)
    settings = _find_application(target, application_id)
    if settings is None:
        found = f"aud is {_shown(claims.get('aud'))}, which names no application of this deployment"
        yield Check("Application", passed=False, found=found)
        return
    yield Check("Application", passed=True, found=settings["name"])
    yield _compared("Audience", "aud", claims, unverified.kind.audience(settings["applicationId"]))
    yield from _in_time(claims, settings["maxTokenLifetime"], now)
    answer = target.invoke("introspect_token", {"applicationId": settings["applicationId"], "token": text})
    if answer["active"]:
        yield Check("Not ended", passed=True, found="introspection says that it is active")
    else:
        yield Check("Not ended", passed=False, found=_end(target, unverified.kind, claims, settings))


def _signed(target: Target, unverified: Unverified) -> Iterator[Check]:
    keys = {key["kid"]: key for key in target.invoke("publish_jwks", {})["keys"]}
    key = keys.get(unverified.kid)
    if key is None:
        found = (
            f"{unverified.kid} is none of the {len(keys)} published keys: revoked, gone, or never one of them"
        )
        yield Check("Signing key", passed=False, found=found)
        return
    yield Check("Signing key", passed=True, found=f"{unverified.kid} is published")
    try:
        algorithm = Algorithm(key["alg"])
        public = {name: value for name, value in key.items() if name not in ("kid", "alg", "use")}
        jws.verify(unverified.jws, load_public(public, algorithm))
    except TokenInvalid:
        yield Check("Signature", passed=False, found="it is not that key's: the token was changed or forged")
        return
    yield Check("Signature", passed=True, found=f"made with that key, by {algorithm.value}")


def _in_time(claims: Mapping[str, Any], cap: int | None, now: int) -> Iterator[Check]:
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or issued > now + CLOCK_SKEW:
        yield Check("Issued", passed=False, found=f"iat is {_moment(issued)}, which lies ahead")
        return
    yield Check("Issued", passed=True, found=_moment(issued))
    if type(expires) is int:
        found = f"exp is {_moment(expires)}"
        yield Check(
            "Expiry", passed=now < expires, found=found if now < expires else f"{found}, which is over"
        )
    else:
        yield Check("Expiry", passed=True, found="none: it is good until it is ended")
    if cap is not None:
        end = issued + cap
        found = f"the application's maxTokenLifetime of {cap} seconds lets it live until {_moment(end)}"
        yield Check("Longest life", passed=now < end, found=found)


def _end(target: Target, kind: TokenKind, claims: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What ended a token that was good once, as far as that can be seen."""
    if kind is TokenKind.SESSION:
        named = {"applicationId": settings["applicationId"], "experienceUserId": claims["sub"]}
        try:
            user = target.invoke("get_user", named)
        except TargetError as error:
            if error.code != "UserNotFound":
                raise
            return "its user was deleted"
        if cutoff := user["tokenCutoff"]:
            return f"the user's tokens ended, or this one alone; their cutoff is {cutoff}"
    return "it was ended alone, or with all of its subject's or of its application's tokens"


def _find_application(target: Target, application_id: str | None) -> dict[str, Any] | None:
    if application_id is None:
        return None
    try:
        return target.invoke("get_application", {"applicationId": application_id})
    except TargetError as error:
        if error.code != "ApplicationNotFound":
            raise
        return None


def _compared(what: str, name: str, claims: Mapping[str, Any], expected: str) -> Check:
    found = claims.get(name)
    if found == expected:
        return Check(what, passed=True, found=expected)
    return Check(what, passed=False, found=f"{name} is {_shown(found)}, and should be {expected}")


def _life(claims: Mapping[str, Any]) -> str:
    expires = claims.get("exp")
    if type(expires) is int:
        return f"It expires at {_moment(expires)}, unless it is ended before."
    return "It does not expire: it is good until it is ended."


def _moment(seconds: object) -> str:
    if type(seconds) is not int or not 0 <= seconds <= LATEST:
        return _shown(seconds)
    return iso_8601(seconds * 1000).replace(".000Z", "Z")


def _shown(value: object) -> str:
    return "missing" if value is None else json.dumps(value, ensure_ascii=False)


def _decoded(text: str, part: int) -> dict[str, Any]:
    """A part of a compact JWS as it may be: nothing vouches for it."""
    try:
        found = json.loads(base64url.decode(text.split(".")[part]))
    except (ValueError, IndexError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

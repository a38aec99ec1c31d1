"""Bugs that are planted to see that the state machine of sessions would find them.

Each test replaces one small function by a wrong one, and the machine has to fail, for the right reason,
within a limited number of examples, which are the same ones each time.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from jwt import PyJWK

from signet.domain import tokens
from signet.domain.applications import Application
from signet.domain.codes import Code, Purpose
from signet.domain.reasons import Because
from signet.domain.tokens import Token, Unverified
from signet.domain.users import User
from signet.errors import TokenExpired, UserExists
from signet.store import authentication, memberships, users
from signet.store import codes as stored_codes
from signet.store.attributes import Item
from signet.store.tenant import Tenant
from signet.usecases import authentication as authenticating
from signet.usecases import codes, redeeming, sessions, verifier
from signet.usecases import users as register
from signet.usecases.authentication import Attempt, Authentication
from signet.usecases.signer import Signer
from signet.usecases.verifier import Verifier
from tests.deployment import Cloud
from tests.properties.test_sessions_machine import (
    OF_ACCOUNTS,
    OF_USERS,
    SessionsMachine,
    machine_without,
    run_machine,
)

pytestmark = pytest.mark.heavy

SEED = 4
"""One with which nearly all are found within seconds; with others it takes up to some forty examples."""
QUICK = settings(
    max_examples=200,
    stateful_step_count=50,
    database=None,
    phases=[Phase.generate],  # To find it is enough; how short it can be made does not matter here.
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)

WITHOUT_ACCOUNTS = machine_without(OF_ACCOUNTS)
GUESTS = machine_without([*OF_ACCOUNTS, *OF_USERS])

LET_IN = "^authenticated, though nobody should be|True, but the model says False"
"""Whichever comes first: an authentication with what is dead, or the look at all tokens after a step."""


@pytest.fixture
def find(moto_cloud: Cloud) -> Callable[..., None]:
    """Lets the machine run until it fails, as the pattern says."""

    def run(reason: str, seeded: int = SEED, machine: type[SessionsMachine] = WITHOUT_ACCOUNTS) -> None:
        with pytest.raises((AssertionError, UserExists), match=reason):
            run_machine(moto_cloud, QUICK, seeded=seeded, machine=machine)

    return run


@pytest.fixture
def find_in_accounts(find: Callable[..., None]) -> Callable[[str], None]:
    """The same with what users do alone."""
    return partial(find, machine=SessionsMachine)


def test_generation_not_raised_on_password_change(
    monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]
) -> None:
    """Planted: a change of the password ends no tokens. It shows in a token that is valid still."""
    real = users.change_user

    def change_user(*given: Any, password_hash: str | None = None, **more: Any) -> None:
        is_new = password_hash is not None and more.get("replaces") is None
        real(*given, password_hash=password_hash, **more | ({"ends_tokens": False} if is_new else {}))

    monkeypatch.setattr("signet.store.memberships.change_user", change_user)
    # Or in one that a log-in link gave, with the generation that it should have.
    find(f"{LET_IN}|False, but the model says True")


def test_login_not_conditioned_on_password_version(
    monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]
) -> None:
    """Planted: the login's write goes ahead though the password changed while it was being verified.

    It shows where a rule `authenticate_…_meanwhile` changes it: somebody with the old one is let in.
    """
    real = authentication.note_login

    def note_login(tenant: Tenant, condition: Any, **more: Any) -> User | None:
        return real(tenant, replace(condition, password_version=None), **more)

    monkeypatch.setattr("signet.usecases.authentication.note_login", note_login)
    find(LET_IN)


def test_greater_than_instead_of_at_least_at_expiry(
    monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]
) -> None:
    """Planted: `now > exp` for `now >= exp`: in the second of its expiry a token is valid still.

    It shows where `let_time_pass_until_an_end` stops in that very second.
    """
    real = tokens.verify

    def verify(
        unverified: Unverified, key: PyJWK, kinds: Any, application: Application, **given: Any
    ) -> Token:
        try:
            return real(unverified, key, kinds, application, **given)
        except TokenExpired:
            return real(unverified, key, kinds, application, **given | {"now": given["now"] - 1})

    monkeypatch.setattr("signet.usecases.verifier.verify", verify)
    find(LET_IN)


def test_extra_data_not_carried_over(monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]) -> None:
    """Planted: the new token of a token's mode forgets the given one's extra data. It shows in its `ext`."""
    real = authenticating._Check._prepare

    def prepare(
        itself: authenticating._Check, token: Token | None, *given: Any, **named: Any
    ) -> Callable[[User], str | None]:
        if token is not None:
            token = replace(token, claims={n: v for n, v in token.claims.items() if n != "ext"})
        return real(itself, token, *given, **named)

    monkeypatch.setattr(authenticating._Check, "_prepare", prepare)
    find("not carried over")


def test_same_token_returned_after_invalidation(
    monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]
) -> None:
    """Planted: with `invalidateExistingTokens` the given token comes back, which that has just ended.

    It shows at once, since the machine wants a token that it has not seen before.
    """
    real = authenticating.authenticate

    def authenticate(
        tenant: Tenant, verifier: Verifier, signer: Signer, hasher: Any, attempt: Attempt, warn: Any
    ) -> Authentication | None:
        done = real(tenant, verifier, signer, hasher, attempt, warn)
        if done is None or done.token is None or not attempt.mode.uses_token:
            return done
        return replace(done, token=attempt.token)

    monkeypatch.setattr(authenticating, "authenticate", authenticate)
    find("a token was given out twice")


def test_raised_generation_that_expires(monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]) -> None:
    """Planted: ending an unverified user's tokens leaves the item to DynamoDB, which removes it in time."""
    for module in ("authentication", "users"):
        monkeypatch.setattr(f"signet.store.{module}.RAISE", "ADD generation :one")
    find(f"{LET_IN}|expires, with what has ended its tokens|raises a generation, and removes")


def test_expired_and_still_there(monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]) -> None:
    """Planted: a reader takes an unverified user whose end has come, as long as its item is there."""

    def find_in(item: Item | None, now_ms: int) -> User | None:
        del now_ms
        return None if item is None or "created_at" not in item else users.to_user(item)

    monkeypatch.setattr(users, "find_in", find_in)
    find("was not refused")


def test_narrowed_and_not_ended(monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]) -> None:
    """Planted: permissions/add with a lower role leaves the token its old one."""
    monkeypatch.setattr("signet.usecases.permissions.takes_away", lambda *_: False)
    # Or in who is there: an unverified call writes nothing where tokens were ended of nobody.
    find(f"{LET_IN}|a good token holds what was taken away|was not refused")


def test_profile_kept_by_a_promotion(monkeypatch: pytest.MonkeyPatch, find: Callable[..., None]) -> None:
    """Planted: a PATCH makes what unverified calls said of somebody a real user's."""
    monkeypatch.setattr(User, "vouched_for", lambda user: replace(user, unverified_until=None))
    find("the profile is not what was said by whom counts", machine=GUESTS)


def test_profile_address_made_a_credential(
    monkeypatch: pytest.MonkeyPatch, find: Callable[..., None]
) -> None:
    """Planted: a password alone makes the address that identify brought one to log in with."""
    real = register._with_credential

    def with_credential(user: User, *, sets_password: bool) -> User:
        if sets_password and user.email is None:
            user = replace(user, email=user.profile.get("email"))
        return real(user, sets_password=sets_password)

    monkeypatch.setattr(register, "_with_credential", with_credential)
    # Or the address is somebody's who logs in with it.
    find("update_user was not refused|Another user of this application", machine=GUESTS)


def test_mark_that_is_not_looked_at(monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]) -> None:
    """Planted: a token that was ended alone is good for whoever only reads."""
    real = verifier.check_subject

    def check_subject(token: Token, subject: users.Subject) -> None:
        real(token, replace(subject, ended=frozenset()))

    monkeypatch.setattr(verifier, "check_subject", check_subject)
    find(LET_IN)


def test_tokens_ended_and_then_no_key(monkeypatch: pytest.MonkeyPatch, find: Callable[[str], None]) -> None:
    """Planted: what signs is looked for after the write; where that fails, all has ended for nothing."""
    real = sessions.prepare

    def prepare(*given: Any, **more: Any) -> Callable[[User], str]:
        return lambda user: real(*given, **more)(user)

    for module in (sessions, authenticating):
        monkeypatch.setattr(module, "prepare", prepare)
    # Or the first that shows of a write behind a refusal is the time of the log-in.
    find("False, but the model says True|^not authenticated, though|lastLogin moved, or did not")


def test_code_that_works_twice(
    monkeypatch: pytest.MonkeyPatch, find_in_accounts: Callable[[str], None]
) -> None:
    """Planted: a code stays on its user's item once it was redeemed. It shows where one is tried again."""
    real = memberships.alter_user

    def alter_user(tenant: Tenant, before: User, after: User, **more: Any) -> User:
        return real(tenant, before, replace(after, codes=before.codes), **more | {"beside": ()})

    monkeypatch.setattr(redeeming, "alter_user", alter_user)
    find_in_accounts("redeem_code was not refused")


def test_code_that_outlives_a_password(
    monkeypatch: pytest.MonkeyPatch, find_in_accounts: Callable[[str], None]
) -> None:
    """Planted: a code is good whatever password there was when it was made."""
    real = stored_codes.find_code

    def find_code(tenant: Tenant, digest: str) -> Code | None:
        code = real(tenant, digest)
        user = None if code is None else users.find_user(tenant, code.user_id)
        return code if code is None or user is None else replace(code, password_version=user.password_version)

    monkeypatch.setattr(redeeming, "find_code", find_code)
    find_in_accounts("redeem_code was not refused")


def test_reset_that_keeps_tokens(
    monkeypatch: pytest.MonkeyPatch, find_in_accounts: Callable[[str], None]
) -> None:
    """Planted: a password that is set by a code ends no tokens."""
    real = memberships.alter_user

    def alter_user(*given: Any, ends_tokens: Any = None, **more: Any) -> User:
        ends = None if ends_tokens is Because.PASSWORD_CHANGED else ends_tokens
        return real(*given, ends_tokens=ends, **more)

    monkeypatch.setattr(redeeming, "alter_user", alter_user)
    find_in_accounts(LET_IN)


def test_address_that_changes_before_its_code_is_redeemed(
    monkeypatch: pytest.MonkeyPatch, find_in_accounts: Callable[[str], None]
) -> None:
    """Planted: whoever asks for another address has it, though nobody has shown that it is theirs."""
    real = codes.create

    def create(tenant: Tenant, named: str, purpose: Purpose, **more: Any) -> tuple[str, int]:
        if purpose is Purpose.CHANGE_EMAIL:
            with suppress(UserExists):
                user = register.get_user(tenant, named)
                register.change_read(tenant, user, {"email": more["email"]}, None)
        return real(tenant, named, purpose, **more)

    monkeypatch.setattr(codes, "create", create)
    # Its tokens have ended, or it is shown with the address.
    find_in_accounts("model says True|@example.com")


def test_account_kept_by_whoever_began_it(
    monkeypatch: pytest.MonkeyPatch, find_in_accounts: Callable[[str], None]
) -> None:
    """Planted: a log-in link to an address that nobody had verified leaves the password in place."""

    def logged_in(tenant: Tenant, user: User) -> Any:
        return redeeming._Effect(replace(user, email_verified=True, last_login_ms=tenant.now_ms))

    monkeypatch.setattr(redeeming, "_logged_in", logged_in)
    find_in_accounts(f"{LET_IN}|log_in was not refused")


def test_refreshed_after_a_log_out(
    monkeypatch: pytest.MonkeyPatch, find_in_accounts: Callable[[str], None]
) -> None:
    """Planted: a log-out ends the token that it is by alone; what was refreshed of the log-in lives on."""

    def mark(token: Token) -> str:
        return f"{token.claims['jti']} {'-' if token.expires_at is None else token.expires_at}"

    monkeypatch.setattr(Token, "mark", property(mark))
    find_in_accounts(f"{LET_IN}|refresh_session was not refused")


def test_session_without_an_end(
    monkeypatch: pytest.MonkeyPatch, find_in_accounts: Callable[[str], None]
) -> None:
    """Planted: a session is refreshed for ever, since its end moves on with each of its tokens."""
    monkeypatch.setattr(
        tokens.Session, "end", lambda session, lifetime_ms: 2**40 + lifetime_ms + session.authenticated_at
    )
    find_in_accounts("exp is not as asked for|session_exp is another one")

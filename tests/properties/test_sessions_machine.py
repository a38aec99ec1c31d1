"""Users, logins, invalidations, identify, permissions and clock steps, in any order, against a small model.

The model knows neither generations nor conditions nor caches. It says what docs/api.md says: which tokens
are valid, what is in them, and when a user last logged in. After every step the real handlers are asked.
"""
# ruff: noqa: D102 - what a rule does its name says

import itertools
import math
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from unittest import mock

import jwt
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from signet.domain.codes import LIVES, Purpose
from signet.domain.passwords.hasher import PasswordHasher
from signet.domain.times import iso_8601
from signet.errors import (
    CodeInvalid,
    InvalidRequest,
    LoginRefused,
    NotOffered,
    PermissionDenied,
    SignetError,
    TokenRefused,
    Unavailable,
    UserExists,
    UserNotFound,
)
from signet.store.attributes import from_attributes
from tests.deployment import PASSWORD, URL, Cloud
from tests.effort import examples
from tests.faults import failing_at
from tools.audit_table import audit

ADDRESSES = ("ann@example.com", "bob@example.com", "cyd@example.com")
PASSWORDS = (PASSWORD, "another horse battery staple", "third horse battery staple")
BOUND_SECONDS = 5
"""APPLICATION_CACHE_SECONDS: after this the end of all tokens, and a new cap, are seen everywhere."""

GUESTS = ("g1", "g2")
"""External ids: of users whom identify brings, and of user tokens."""

SECONDS_48_H = 48 * 3600
DAYS_30_MS = 30 * 86_400_000
ROLES = ("viewer", "editor")
WRONG_PROFILE = "the profile is not what was said by whom counts"

usually = st.sampled_from([True] * 5 + [False])
spelt: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "title": str.title}
ttls = (
    st.sampled_from([1, 877, 878, 1000, 60_000, 86_400_000])
    | st.integers(1, 10**8)
    | st.floats(0.01, 5000, allow_nan=False)
)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
extra_data = st.dictionaries(
    st.text(max_size=3),
    st.text(max_size=5) | values.filter(lambda v: v not in (math.inf, -math.inf)),
    max_size=2,
)
attempts = st.fixed_dictionaries(
    {"returnToken": usually},
    optional={"invalidateExistingTokens": st.booleans(), "returnUser": st.booleans()},
)
maybe: dict[str, st.SearchStrategy[Any]] = {"ttl": ttls, "extraData": extra_data}
said = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from(["Ann", "Eve"]), "email": st.sampled_from(ADDRESSES)}
)


@dataclass(eq=False)
class Person:
    """A user as the model has it; `exists` is False once it was deleted."""

    id: str
    email: str
    password: str = field(repr=False)
    cutoff_ms: int | None
    last_login_ms: int | None = None
    exists: bool = True
    verified: bool = True
    has_password: bool = True

    def is_there(self, now_ms: int) -> bool:
        """Whether the user counts; of those who were made through the API until they are deleted."""
        del now_ms
        return self.exists

    def ends(self) -> list[int]:
        """When the user ends by itself, in Unix milliseconds."""
        return []

    @property
    def named(self) -> str:
        """As a path names it."""
        return self.id


class State(Enum):
    """What there is under an external id."""

    NOTHING = auto()
    TRACE = auto()  # Tokens were ended, of nobody; or a user was deleted.
    UNVERIFIED = auto()  # Or was: whether that is over, `until` says.
    VOUCHED = auto()


@dataclass(eq=False)
class Guest(Person):
    """Whom the application itself names, under an external id, as the model has it.

    Attributes:
        until: When an unverified user ends, in Unix milliseconds.
        is_raised: Whether any token was ended while the item was what it is.
        rights: The stored role by organization.
    """

    state: State = State.NOTHING
    until: int = 0
    is_raised: bool = False
    profile: dict[str, str] = field(default_factory=dict)
    rights: dict[str, str] = field(default_factory=dict)

    def is_there(self, now_ms: int) -> bool:
        return self.state is State.VOUCHED or bool(self.ends() and now_ms < self.until)

    def ends(self) -> list[int]:
        return [self.until] if self.state is State.UNVERIFIED else []

    @property
    def named(self) -> str:
        return f"ext:{self.id}"


@dataclass(eq=False)
class Issued:
    """A session token, or a user token, as the model has it.

    Attributes:
        rights: What a user token may do; None for a session token.
        sid: Of a session token, which log-in it is of.
        began: When the user showed who it is.
        session_end: Until when it can be refreshed; None where it cannot.
        ended: Whether anything has ended it for good. That its time is over, or came, is worked out anew.
        last_seen: What the handlers last said of it.
    """

    text: str = field(repr=False)
    person: Person
    iat: int
    exp: int | None
    extra_data: dict[str, Any] | None
    rights: dict[str, str] | None = None
    sid: str | None = None
    began: int = 0
    session_end: int | None = None
    ended: bool = False
    last_seen: bool | None = None


@dataclass(eq=False)
class Code:
    """A code as the model has it; `alive` until it is used, replaced, or worth nothing any more."""

    text: str = field(repr=False)
    person: Person
    purpose: str
    email: str | None
    until: int
    alive: bool = True


@dataclass
class Model:
    """What should be true."""

    people: list[Person] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=lambda: [Guest(name, "", "", None) for name in GUESTS])
    tokens: list[Issued] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)
    cap: int | None = None
    login: dict[str, Any] = field(default_factory=dict)

    def is_valid(self, token: Issued, now: int) -> bool:
        """Whether the token should be good now; a user token needs no user."""
        person = token.person
        return (
            (person.is_there(now * 1000) or token.rights is not None)
            and not token.ended
            and (token.exp is None or now < token.exp)
            and (self.cap is None or now < token.iat + self.cap)
            and (person.cutoff_ms is None or token.iat >= person.cutoff_ms // 1000)
        )

    def end_tokens(self, person: Person | None = None) -> None:
        """End all tokens of a person, or everybody's."""
        for token in self.tokens:
            token.ended = token.ended or person in (None, token.person)
        self.keep(person)

    def keep(self, person: Person | None) -> None:
        """Something has ended, so the item stays, though there be no user."""
        if isinstance(person, Guest):
            person.is_raised = True
            if person.state is State.NOTHING:
                person.state = State.TRACE

    def end_codes(self, person: Person, purpose: str | None = None) -> None:
        """End a person's codes, or that for one purpose."""
        for code in self.codes:
            is_meant = code.person is person and purpose in (None, code.purpose)
            code.alive = code.alive and not is_meant

    def find(self, email: str) -> Person | None:
        """Who has the address, whatever its case."""
        return next((p for p in self.people if p.exists and p.email.lower() == email.lower()), None)

    def authenticate(self, attempt: dict[str, Any], token: Issued | None, now: int) -> Person | None:
        """Who it is whose credentials these are: all of those that the mode names."""
        mode = attempt["authMode"]
        person = self.find(attempt["email"]) if token is None else token.person
        is_right = (
            person is not None
            and (token is None or self.is_valid(token, now))
            and (mode == "token" or person is self.find(attempt["email"]))
            and (
                mode in ("token", "tokenEmail")
                or (person.has_password and person.password == attempt["password"])
            )
        )
        return person if is_right else None

    def lifetime(self, person: Person, now_ms: int, ttl: float | None) -> tuple[int, int | None]:
        """The `iat` and the `exp` of a token that is made now."""
        iat = max(now_ms, person.cutoff_ms or 0) // 1000
        ends = [] if ttl is None else [math.ceil((now_ms + math.ceil(ttl)) / 1000)]
        ends += [] if self.cap is None else [iat + self.cap]
        ends += [end // 1000 for end in person.ends()]
        return iat, min(ends, default=None)


class SessionsMachine(RuleBasedStateMachine):
    """Drives a deployment and the model."""

    def __init__(self, cloud: Cloud, steps: list[int] | None = None) -> None:
        super().__init__()
        self._steps = [] if steps is None else steps
        self._resources = ExitStack()
        self.signet = self._resources.enter_context(cloud.deploy())
        self.signet.let_guess()  # The model knows who is right, and not how often one may ask.
        self._resources.enter_context(mock.patch.dict(os.environ, {"ARGON2_MEMORY_KIB": "8"}))
        self.model = Model()
        self.call("update_application", requireJwtToken=False)
        self._token_turns, self._person_turns, self._ways = (itertools.count() for _ in range(3))

    def teardown(self) -> None:
        """Nothing that is written together may have come apart."""
        self._steps.append(next(self._person_turns))
        try:
            assert audit(map(from_attributes, self.signet.items())) == []
        finally:
            self._resources.close()

    # What is done, with the model told of it.

    @property
    def now_ms(self) -> int:
        return self.signet.clock.milliseconds

    @property
    def now(self) -> int:
        return self.signet.clock.now

    def call(self, operation: str, **fields: Any) -> Any:
        return self.signet.invoke(operation, {"applicationId": self.signet.application_id, **fields})

    def refuse(
        self,
        refusal: type[SignetError] | tuple[type[SignetError], ...],
        operation: str,
        **fields: Any,
    ) -> None:
        try:
            self.call(operation, **fields)
        except refusal:
            return
        raise AssertionError(f"{operation} was not refused")

    def create(
        self, email: str, password: str, cutoff_ms: int | None = None, *, verified: bool = True
    ) -> None:
        fields: dict[str, Any] = {"email": email, "password": password}
        if not verified:
            fields["emailVerified"] = False
        if cutoff_ms is not None:
            fields["tokenCutoff"] = iso_8601(cutoff_ms)
        if self.model.find(email):
            self.refuse(UserExists, "create_user", **fields)
        else:
            user = self.call("create_user", **fields)
            self.model.people.append(Person(user["id"], email, password, cutoff_ms, verified=verified))

    def delete(self, person: Person) -> None:
        if not person.exists:
            self.refuse(UserNotFound, "delete_user", experienceUserId=person.id)
            return
        self.call("delete_user", experienceUserId=person.id)
        person.exists = False
        self.model.end_codes(person)

    def change(self, person: Person, fields: dict[str, Any]) -> None:
        """Change any of `email`, `password`, `firstName` and `cutoff_ms`."""
        fields = dict(fields)
        sent = {"experienceUserId": person.id, **fields}
        was, cutoff = person.cutoff_ms, fields.pop("cutoff_ms", person.cutoff_ms)
        if "cutoff_ms" in sent:
            del sent["cutoff_ms"]
            sent["tokenCutoff"] = None if cutoff is None else iso_8601(cutoff)
        email = fields.get("email", person.email)
        if not person.exists:
            self.refuse(UserNotFound, "update_user", **sent)
        elif cutoff is not None and cutoff > self.now_ms + 60_000:
            self.refuse(InvalidRequest, "update_user", **sent)
        elif self.model.find(email) not in (None, person):
            self.refuse(UserExists, "update_user", **sent)
        else:
            self.call("update_user", **sent)
            # A cutoff that is as good as now, or that would give ended tokens back, ends them all.
            is_now = cutoff is not None and cutoff > self.now_ms - 1000
            goes_back = was is not None and (cutoff or 0) < was
            moves = email.lower() != person.email.lower()
            if "password" in fields or moves or (cutoff != was and (is_now or goes_back)):
                self.model.end_tokens(person)
            if "password" in fields or moves:
                self.model.end_codes(person)
            person.email, person.cutoff_ms = email, cutoff
            person.verified = person.verified or moves
            person.has_password = person.has_password or "password" in fields
            person.password = fields.get("password", person.password)

    def issue(self, person: Person, fields: dict[str, Any], *, by_email: bool = False) -> None:
        if not person.is_there(self.now_ms):
            self.refuse(UserNotFound, "issue_session_token", experienceUserId=person.named, **fields)
            return
        named = person.email.upper() if by_email and person.email else person.named
        text = self.call("issue_session_token", experienceUserId=named, **fields)["token"]
        if fields.get("treatAsLogin"):
            person.last_login_ms = self.now_ms
        if fields.get("invalidateExistingTokens"):
            self.model.end_tokens(person)
        self.issued(text, person, fields.get("ttl"), fields.get("extraData"))

    def invalidate(self, person: Person, named: str) -> None:
        if not person.exists:
            self.refuse(UserNotFound, "invalidate_user_tokens", experienceUserId=named)
            return
        # An external id need never have been seen.
        self.call("invalidate_user_tokens", experienceUserId=named)
        self.model.end_tokens(person)

    def issued(
        self,
        text: str,
        person: Person,
        ttl: float | None,
        extra: dict[str, Any] | None,
        *,
        of: Issued | None = None,
        session_end: int | None = None,
        until: int | None = None,
    ) -> None:
        """Note a new token, whose every claim is known beforehand.

        Args:
            text: The token.
            person: Whose it is.
            ttl: The max age that was asked for.
            extra: The extra data that it has.
            of: A token of the same log-in; None for a new one.
            session_end: Until when it can be refreshed.
            until: When it ends at the latest.
        """
        assert all(text != token.text for token in self.model.tokens), "a token was given out twice"
        iat, exp = self.model.lifetime(person, self.now_ms, ttl)
        exp = min((end for end in (exp, session_end, until) if end is not None), default=None)
        claims = jwt.decode(text, options={"verify_signature": False})
        began = self.now if of is None else of.began
        told = claims["auth_time"], claims.get("session_exp")
        assert told == (began, session_end), "auth_time or session_exp is another one"
        is_known = claims["sid"] in {token.sid for token in self.model.tokens}
        assert claims["sid"] == of.sid if of is not None else not is_known, "the session is another one"
        assert (claims["sub"], claims["iat"]) == (person.named, iat)
        assert claims.get("exp") == exp, "exp is not as asked for"
        assert claims.get("ext") == extra, "the extra data is not as asked for, or not carried over"
        self.model.tokens.append(
            Issued(text, person, iat, exp, extra, sid=claims["sid"], began=began, session_end=session_end)
        )

    def authenticate(
        self, fields: dict[str, Any], token: Issued | None, meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Authenticate, and compare everything that comes of it with the model."""
        makes_token = token is None or fields.get("invalidateExistingTokens", False)
        if not makes_token and fields.keys() & maybe.keys():
            self.refuse(InvalidRequest, "authenticate", **fields)
            return
        person = self.model.authenticate(fields, token, self.now)
        with self.during_verification(meanwhile or (lambda: None)):
            answer = self.call("authenticate", **fields)
        if person is not None:
            # What was right when it came has to be right still when it is written.
            person = self.model.authenticate(fields, token, self.now)
        if person is None:
            assert answer == {"authenticated": False}, "authenticated, though nobody should be"
            return
        assert answer["authenticated"], "not authenticated, though everything is right"
        if fields["authMode"] in ("emailPassword", "tokenEmailPassword"):
            person.last_login_ms = self.now_ms
        assert ("user" in answer) == fields.get("returnUser", True)
        if "user" in answer:
            self.compare(person, answer["user"])
        if fields.get("invalidateExistingTokens"):
            self.model.end_tokens(person)
        assert ("token" in answer) == fields.get("returnToken", False)
        if "token" not in answer:
            return
        if token is not None and not makes_token:
            assert answer["token"] == token.text, "not the token that was given"
            return
        carried = None if token is None else token.extra_data
        is_same = None if "assword" in fields["authMode"] else token
        self.issued(answer["token"], person, fields.get("ttl"), fields.get("extraData", carried), of=is_same)

    @contextmanager
    def during_verification(self, event: Callable[[], None]) -> Iterator[None]:
        """Let something happen after the hash was read and before the login is written."""
        real, events = PasswordHasher.verify, [event]

        def verify(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
            is_right = real(hasher, password_hash, password)
            while events:
                events.pop()()
            return is_right

        with mock.patch.object(PasswordHasher, "verify", verify):
            yield

    def beyond_the_bound(self, by_restart: bool) -> None:
        if by_restart:
            self.signet.restart()
        else:
            self.signet.clock.advance(BOUND_SECONDS)

    def delete_guest(self, guest: Guest) -> None:
        if not guest.is_there(self.now_ms):
            self.refuse(UserNotFound, "delete_user", experienceUserId=guest.named)
            return
        self.call("delete_user", experienceUserId=guest.named)
        self.model.end_tokens(guest)
        guest.state, guest.profile, guest.rights, guest.last_login_ms = State.TRACE, {}, {}, None
        guest.cutoff_ms = None

    def identify(self, guest: Guest, user: dict[str, str], token: Issued | None) -> None:
        """Identify somebody, by a user token or by nothing."""
        fields: dict[str, Any] = {"user": {"userId": guest.id, **user}}
        if token is None:
            answer = self.call("identify", **fields)
            assert answer["user"] == {"userId": guest.id, **user, "isAdmin": False}
            assert not answer["verified"]
            if guest.state in (State.NOTHING, State.UNVERIFIED):
                begins = not guest.is_there(self.now_ms)
                guest.profile = ({} if begins else guest.profile) | user
                guest.last_login_ms = None if begins else guest.last_login_ms
                guest.state, guest.until = State.UNVERIFIED, (self.now + 30 * 86_400) * 1000
            return
        fields["authToken"] = token.text
        if not self.model.is_valid(token, self.now):
            self.refuse(TokenRefused, "identify", **fields)
            return
        answer = self.call("identify", **fields)
        was_there = guest.is_there(self.now_ms)
        guest.profile = (guest.profile if guest.state is State.VOUCHED else {}) | user
        guest.last_login_ms = guest.last_login_ms if was_there else None
        guest.state = State.VOUCHED
        assert answer["verified"]
        expected = {"userId": guest.id, **guest.profile, "isAdmin": False}
        assert answer["user"] == expected, WRONG_PROFILE

    # What Hypothesis chooses.

    def pick_guest(self, data: st.DataObject) -> Guest:
        return data.draw(st.sampled_from(self.model.guests))

    def pick_user_token(self, data: st.DataObject, guest: Guest) -> Issued:
        """One of the guest's, a valid one as a rule, which is issued first if there is none."""
        own = [t for t in self.model.tokens if t.person is guest and t.rights is not None]
        valid = [token for token in own if self.model.is_valid(token, self.now)]
        if not own or (not valid and data.draw(usually)):
            return self.issue_user_token(guest)
        of_the_valid = data.draw(usually) and valid
        return data.draw(st.sampled_from(valid if of_the_valid else own))

    def issue_user_token(self, guest: Guest) -> Issued:
        text = self.call("issue_user_token", userId=guest.id)["token"]
        iat = max(self.now_ms, guest.cutoff_ms or 0) // 1000
        exp = iat + min(SECONDS_48_H, self.model.cap or SECONDS_48_H)
        self.model.tokens.append(Issued(text, guest, iat, exp, None, dict(guest.rights)))
        return self.model.tokens[-1]

    def pick_person(self, data: st.DataObject) -> Person:
        living = [person for person in self.model.people if person.exists]
        of_the_living = data.draw(usually) and living
        return data.draw(st.sampled_from(living if of_the_living else self.model.people))

    def pick_token(self, data: st.DataObject, *, of_a_password: bool = False) -> Issued:
        """A session token, valid as a rule, which is issued first if there is none.

        Args:
            data: What chooses.
            of_a_password: Whether it has to be of somebody who has one.
        """

        def fits(token: Issued) -> bool:
            return token.rights is None and not (of_a_password and isinstance(token.person, Guest))

        valid = [token for token in self.valid_tokens() if fits(token)]
        if not valid and data.draw(usually):
            self.issue(self.pick_person(data), {"extraData": data.draw(extra_data)})
            valid = [token for token in self.valid_tokens() if fits(token)]
        of_the_valid = data.draw(usually) and valid
        sessions = [token for token in self.model.tokens if fits(token)]
        return data.draw(st.sampled_from(valid if of_the_valid else sessions))

    def valid_tokens(self) -> list[Issued]:
        return [token for token in self.model.tokens if self.model.is_valid(token, self.now)]

    def pick_email(self, data: st.DataObject, person: Person) -> str:
        email = person.email if data.draw(usually) else data.draw(st.sampled_from(ADDRESSES))
        return spelt[data.draw(st.sampled_from(list(spelt)))](email)

    def pick_cutoff(self, data: st.DataObject) -> int | None:
        offsets = [0, -999, -1000, -1001, -5000, -3_600_000, 1, 1500, 60_000, 60_001]
        cutoffs: list[int | None] = [None, *(self.now_ms + offset for offset in offsets)]
        # Around the whole second in which a token was issued.
        cutoffs += [t.iat * 1000 + more for t in self.model.tokens[-3:] for more in (-1, 0, 999, 1000)]
        return data.draw(st.sampled_from(cutoffs))

    def pick_fields(self, data: st.DataObject, person: Person) -> dict[str, Any]:
        changes: dict[str, Callable[[], object]] = {
            "password": lambda: data.draw(st.sampled_from(PASSWORDS)),
            "email": lambda: self.pick_email(data, person),
            "cutoff_ms": lambda: self.pick_cutoff(data),
            "firstName": lambda: data.draw(st.sampled_from(["Ann", "Bob", None])),
        }
        chosen = data.draw(st.lists(st.sampled_from(list(changes)), min_size=1, max_size=2, unique=True))
        return {name: changes[name]() for name in chosen}

    def pick_event(self, data: st.DataObject, person: Person) -> Callable[[], None]:
        """Something that happens to the person while its password is being hashed."""
        other = data.draw(st.sampled_from(PASSWORDS))

        def recreate() -> None:
            self.delete(person)
            self.create(person.email, other)

        events: dict[str, Callable[[], None]] = {
            "password": lambda: self.change(person, {"password": other}),
            "delete": lambda: self.delete(person),
            "recreate": recreate,
            "invalidate": lambda: self.invalidate(person, person.id),
            "change": lambda: self.change(person, self.pick_fields(data, person)),
        }
        # The first is what the condition of the login's write is there for.
        return events["password" if data.draw(st.booleans()) else data.draw(st.sampled_from(list(events)))]

    def pick_attempt(
        self, data: st.DataObject, mode: str, *, is_right: bool = False
    ) -> tuple[dict[str, Any], Issued | None, Person]:
        """The fields, the token among them, and whose credentials they are, if they are right."""
        token = None if mode == "emailPassword" else self.pick_token(data, of_a_password=is_right)
        person = self.pick_person(data) if token is None else token.person
        fields: dict[str, Any] = {"authMode": mode}
        if token is not None:
            fields["token"] = token.text
        if mode != "token":
            fields["email"] = person.email if is_right else self.pick_email(data, person)
        if mode in ("emailPassword", "tokenEmailPassword"):
            knows = is_right or data.draw(usually)
            fields["password"] = person.password if knows else data.draw(st.sampled_from(PASSWORDS))
        fields |= data.draw(attempts)
        if token is not None:
            fields["invalidateExistingTokens"] = data.draw(usually)
        if token is None or data.draw(st.booleans()):
            fields |= data.draw(st.fixed_dictionaries({}, optional=maybe))
        return fields, token, person

    @initialize()
    def sign_up(self) -> None:
        self.create(ADDRESSES[0], PASSWORDS[0])
        right = {"authMode": "emailPassword", "email": ADDRESSES[0], "password": PASSWORDS[0]}
        self.authenticate(right | {"returnToken": True, "extraData": {"a": 1}}, None)

    @rule(email=st.sampled_from(ADDRESSES), password=st.sampled_from(PASSWORDS), back=st.booleans())
    def create_user(self, email: str, password: str, back: bool) -> None:
        self.create(email, password, self.now_ms - 1000 if back else None)

    @rule(data=st.data())
    def delete_user(self, data: st.DataObject) -> None:
        self.delete(self.pick_person(data))

    @rule(data=st.data())
    def change_user(self, data: st.DataObject) -> None:
        person = self.pick_person(data)
        self.change(person, self.pick_fields(data, person))

    @rule(data=st.data())
    def change_password(self, data: st.DataObject) -> None:
        self.change(self.pick_person(data), {"password": data.draw(st.sampled_from(PASSWORDS))})

    @rule(data=st.data())
    def give_back_what_was_read(self, data: st.DataObject) -> None:
        person = self.pick_person(data)
        if person.exists:
            self.call("update_user", **self.call("get_user", experienceUserId=person.id))

    @rule(data=st.data())
    def authenticate_by_password(self, data: st.DataObject) -> None:
        fields, token, _ = self.pick_attempt(data, "emailPassword")
        self.authenticate(fields, token)

    @precondition(lambda self: any(token.rights is None for token in self.model.tokens))
    @rule(data=st.data())
    def authenticate_by_token(self, data: st.DataObject) -> None:
        fields, token, _ = self.pick_attempt(data, "token")
        self.authenticate(fields, token)

    @precondition(lambda self: any(token.rights is None for token in self.model.tokens))
    @rule(data=st.data())
    def authenticate_by_token_and_email(self, data: st.DataObject) -> None:
        fields, token, _ = self.pick_attempt(data, "tokenEmail")
        self.authenticate(fields, token)

    @precondition(lambda self: any(token.rights is None for token in self.model.tokens))
    @rule(data=st.data())
    def authenticate_by_token_email_and_password(self, data: st.DataObject) -> None:
        fields, token, _ = self.pick_attempt(data, "tokenEmailPassword")
        self.authenticate(fields, token)

    @rule(data=st.data())
    def authenticate_by_password_meanwhile(self, data: st.DataObject) -> None:
        fields, token, person = self.pick_attempt(data, "emailPassword", is_right=True)
        self.authenticate(fields, token, self.pick_event(data, person))

    @precondition(lambda self: any(not isinstance(token.person, Guest) for token in self.model.tokens))
    @rule(data=st.data())
    def authenticate_by_token_email_and_password_meanwhile(self, data: st.DataObject) -> None:
        fields, token, person = self.pick_attempt(data, "tokenEmailPassword", is_right=True)
        self.authenticate(fields, token, self.pick_event(data, person))

    @rule(
        data=st.data(),
        mode=st.sampled_from(["emailPassword", "token", "tokenEmailPassword"]),
        place=st.integers(0, 6),
        how=st.sampled_from(["throttled", "request lost", "answer lost"]),
    )
    def authenticate_while_a_call_fails(self, data: st.DataObject, mode: str, place: int, how: str) -> None:
        """Whoever hears of the failure has the tokens that he had; what is answered is so."""
        if mode != "emailPassword" and not any(t.person in self.model.people for t in self.model.tokens):
            return
        fields, token, _ = self.pick_attempt(data, mode, is_right=True)
        # All that a new container asks for can fail: the application, the key ring, the key, its life.
        self.signet.restart()
        with suppress(Unavailable), failing_at(place, how):
            self.authenticate(fields | {"invalidateExistingTokens": True, "returnToken": True}, token)

    @rule(data=st.data())
    def log_in(self, data: st.DataObject) -> None:
        person = self.pick_person(data)
        password = person.password if data.draw(usually) else data.draw(st.sampled_from(PASSWORDS))
        fields = {"email": self.pick_email(data, person), "password": password}
        found = self.model.authenticate({"authMode": "emailPassword", **fields}, None, self.now)
        if found is None:
            self.refuse(LoginRefused, "log_in", **fields)
            return
        answer = self.call("log_in", **fields)
        found.last_login_ms = self.now_ms
        if self.model.login.get("invalidateExistingTokens"):
            self.model.end_tokens(found)
        self.logged_in(found, answer)

    def logged_in(self, person: Person, answer: dict[str, Any]) -> None:
        """Note what a front end's log-in was given."""
        login, life = self.model.login, self.model.login.get("sessionLifetime")
        end = None if life is None else self.now + math.ceil(math.ceil(life) / 1000)
        self.issued(answer["token"], person, login.get("ttl"), login.get("extraData"), session_end=end)
        self.compare(person, answer["user"])

    @precondition(lambda self: any(token.rights is None for token in self.model.tokens))
    @rule(data=st.data())
    def refresh(self, data: st.DataObject) -> None:
        """A token of a log-in is good for another one until the session is over; no other token is."""
        lasting = [token for token in self.valid_tokens() if token.session_end is not None]
        self.refresh_by(data.draw(st.sampled_from(lasting)) if lasting else self.pick_token(data))

    def refresh_by(self, token: Issued) -> None:
        life = self.model.login.get("sessionLifetime")
        end = 0
        if life is not None and token.session_end is not None:
            end = min(token.session_end, token.began + math.ceil(math.ceil(life) / 1000))
        if life is None:
            self.refuse(NotOffered, "refresh_session", token=token.text)
        elif self.now >= end or not self.model.is_valid(token, self.now):
            self.refuse((TokenRefused, PermissionDenied), "refresh_session", token=token.text)
        else:
            text = self.call("refresh_session", token=token.text)["token"]
            self.issued(
                text,
                token.person,
                self.model.login.get("ttl"),
                token.extra_data,
                of=token,
                session_end=token.session_end,
                until=end,
            )

    @rule(data=st.data(), first=st.booleans())
    def log_in_refresh_and_log_out(self, data: st.DataObject, first: bool) -> None:
        """Whichever of a log-in's tokens it is by, a log-out ends all of them."""
        self.call("update_application", login={"sessionLifetime": 86_400_000})
        self.model.login["sessionLifetime"] = 86_400_000
        self.beyond_the_bound(data.draw(st.booleans()))
        person = self.pick_person(data)
        if not (person.exists and person.has_password):
            return
        answer = self.call("log_in", email=person.email, password=person.password)
        person.last_login_ms = self.now_ms
        if self.model.login.get("invalidateExistingTokens"):
            self.model.end_tokens(person)
        self.logged_in(person, answer)
        self.refresh_by(self.model.tokens[-1])
        self.end_by(self.model.tokens[-2 if first else -1], True)

    # Codes.

    @rule(
        data=st.data(),
        purpose=st.sampled_from(["verifyEmail", "resetPassword", "logIn", "changeEmail"]),
        ttl=st.sampled_from([None, 1000, 86_400_000]),
    )
    def make_a_code(self, data: st.DataObject, purpose: str, ttl: int | None) -> None:
        """It takes the place of the one that there is for the same purpose."""
        person = self.pick_person(data)
        fields: dict[str, Any] = {"experienceUserId": person.id, "purpose": purpose}
        email = None
        if purpose == "changeEmail":
            email = fields["email"] = data.draw(st.sampled_from(ADDRESSES))
        if ttl is not None:
            fields["ttl"] = ttl
        if not person.exists:
            self.refuse(UserNotFound, "create_code", **fields)
            return
        text = self.call("create_code", **fields)["code"]
        self.model.end_codes(person, purpose)
        life = LIVES[Purpose(purpose)] if ttl is None else ttl // 1000
        self.model.codes.append(Code(text, person, purpose, email, self.now + life))

    @rule(data=st.data(), password=st.sampled_from(PASSWORDS))
    def sign_up_and_prove_it(self, data: st.DataObject, password: str) -> None:
        """Somebody signs up with an address that nobody has, and a code is made for it."""
        email = data.draw(st.sampled_from(ADDRESSES))
        self.create(email, password, verified=False)
        person = self.model.find(email)
        if person is not None:
            text = self.call("create_code", experienceUserId=person.id, purpose="logIn")["code"]
            self.model.end_codes(person, "logIn")
            self.model.codes.append(Code(text, person, "logIn", None, self.now + LIVES[Purpose.LOG_IN]))

    @precondition(lambda self: self.model.codes)
    @rule(data=st.data(), password=st.sampled_from(PASSWORDS))
    def redeem_a_code(self, data: st.DataObject, password: str) -> None:
        """One that is alive does what it is for, and no other one anything."""
        alive = [code for code in self.model.codes if code.alive and self.now < code.until]
        of_the_alive = bool(alive) and data.draw(usually)
        self.redeem(data.draw(st.sampled_from(alive if of_the_alive else self.model.codes)), password)

    @rule(
        data=st.data(),
        purpose=st.sampled_from(["verifyEmail", "resetPassword", "logIn", "changeEmail"]),
        password=st.sampled_from(PASSWORDS),
        changes=st.booleans(),
    )
    def make_a_code_and_redeem_it(
        self, data: st.DataObject, purpose: str, password: str, changes: bool
    ) -> None:
        """Perhaps only after the password has become another, and then once more."""
        count = len(self.model.codes)
        self.make_a_code(data, purpose, None)
        if len(self.model.codes) == count:
            return
        code = self.model.codes[-1]
        if changes:
            self.change(code.person, {"password": password})
        self.redeem(code, password)
        if not code.alive:
            self.redeem(code, password)

    def redeem(self, code: Code, password: str) -> None:
        person = code.person
        if not (code.alive and self.now < code.until):
            self.refuse(CodeInvalid, "redeem_code", code=code.text, password=password)
            return
        match code.purpose:
            case "verifyEmail":
                self.verify(person, code, password)
            case "resetPassword":
                code.alive = False
                self.call("redeem_code", code=code.text, password=password)
                self.model.end_tokens(person)
                self.model.end_codes(person)
                person.password, person.has_password, person.verified = password, True, True
            case "logIn":
                code.alive = False
                answer = self.call("redeem_code", code=code.text)
                if not person.verified or self.model.login.get("invalidateExistingTokens"):
                    self.model.end_tokens(person)
                if not person.verified:
                    self.model.end_codes(person)
                    person.has_password, person.verified = False, True
                    self.refuse(LoginRefused, "log_in", email=person.email, password=person.password)
                person.last_login_ms = self.now_ms
                self.logged_in(person, answer)
            case _:
                self.move(person, code, password)

    def is_taken(self, code: Code) -> bool:
        return code.email is not None and self.model.find(code.email) not in (None, code.person)

    def verify(self, person: Person, code: Code, password: str) -> None:
        """Who signed up with the address is asked for the password that was chosen there."""
        if not person.verified and person.has_password and password != person.password:
            self.refuse(LoginRefused, "redeem_code", code=code.text, password=password)
            return
        self.call("redeem_code", code=code.text, password=password)
        person.verified, code.alive = True, False

    def move(self, person: Person, code: Code, password: str) -> None:
        """Who has a password is asked for it."""
        email = code.email or ""
        if person.has_password and password != person.password:
            self.refuse(LoginRefused, "redeem_code", code=code.text, password=password)
            return
        if self.is_taken(code):
            self.refuse(UserExists, "redeem_code", code=code.text, password=password)
            return
        self.call("redeem_code", code=code.text, password=password)
        code.alive = False
        if email.lower() != person.email.lower():
            self.model.end_tokens(person)
            self.model.end_codes(person)
        person.email, person.verified = email, True

    @rule(
        data=st.data(),
        fields=st.fixed_dictionaries(
            {}, optional=maybe | {"invalidateExistingTokens": st.booleans(), "treatAsLogin": st.booleans()}
        ),
    )
    def issue_session_token(self, data: st.DataObject, fields: dict[str, Any]) -> None:
        self.issue(self.pick_person(data), fields, by_email=data.draw(st.booleans()))

    @rule(data=st.data(), by_email=st.booleans())
    def invalidate_user_tokens(self, data: st.DataObject, by_email: bool) -> None:
        person = self.pick_person(data)
        self.invalidate(person, person.email.upper() if person.exists and by_email else person.id)

    @precondition(lambda self: self.model.tokens)
    @rule(data=st.data(), by_user=st.booleans())
    def end_one_token(self, data: st.DataObject, by_user: bool) -> None:
        """All others of its user stay good; one that has ended ends again, whatever it is."""
        tokens = self.valid_tokens() if data.draw(usually) else []
        self.end_by(data.draw(st.sampled_from(tokens or self.model.tokens)), by_user)

    def end_by(self, token: Issued, by_user: bool) -> None:
        is_over = token.exp is not None and self.now >= token.exp
        if not by_user or token.rights is not None:
            self.call("revoke_token", token=token.text)
        elif is_over:
            self.refuse(TokenRefused, "log_out", token=token.text)
        else:
            with suppress(TokenRefused):
                self.call("log_out", token=token.text)
        if not token.ended and not is_over:
            for each in self.model.tokens:
                each.ended = each.ended or each is token or (token.sid is not None and each.sid == token.sid)
            self.model.keep(token.person)

    @rule(data=st.data(), user=said, verified=st.booleans())
    def identify_a_guest(self, data: st.DataObject, user: dict[str, str], verified: bool) -> None:
        guest = self.pick_guest(data)
        self.identify(guest, user, self.pick_user_token(data, guest) if verified else None)

    @rule(data=st.data())
    def mint_a_user_token(self, data: st.DataObject) -> None:
        self.issue_user_token(self.pick_guest(data))

    @rule(
        data=st.data(),
        fields=st.fixed_dictionaries(
            {}, optional=maybe | {"invalidateExistingTokens": st.booleans(), "treatAsLogin": st.booleans()}
        ),
    )
    def issue_a_guests_session_token(self, data: st.DataObject, fields: dict[str, Any]) -> None:
        self.issue(self.pick_guest(data), fields)

    @rule(data=st.data())
    def invalidate_a_guests_tokens(self, data: st.DataObject) -> None:
        guest = self.pick_guest(data)
        self.invalidate(guest, guest.named)

    @rule(data=st.data())
    def delete_a_guest(self, data: st.DataObject) -> None:
        self.delete_guest(self.pick_guest(data))

    @rule(data=st.data(), cutoff=st.booleans())
    def change_a_guest(self, data: st.DataObject, cutoff: bool) -> None:
        """What the API says of a user makes it one, who begins from nothing."""
        guest = self.pick_guest(data)
        sent = {"experienceUserId": guest.named, "userTags": {"n": str(next(self._ways))}}
        if cutoff:
            sent["tokenCutoff"] = iso_8601(self.now_ms)
        if not guest.is_there(self.now_ms):
            self.refuse(UserNotFound, "update_user", **sent)
            return
        self.call("update_user", **sent)
        if guest.state is State.UNVERIFIED:
            guest.state, guest.profile = State.VOUCHED, {}
        if cutoff and guest.cutoff_ms != self.now_ms:
            self.model.end_tokens(guest)
            guest.cutoff_ms = self.now_ms

    @rule(data=st.data(), email=st.none() | st.sampled_from(ADDRESSES))
    def give_a_guest_half_a_credential(self, data: st.DataObject, email: str | None) -> None:
        """An address that identify brought is none to log in with; neither is one without a password."""
        guest = self.pick_guest(data)
        if data.draw(st.booleans()):
            self.identify(guest, {"email": ADDRESSES[-1]}, self.pick_user_token(data, guest))
        half = {"password": PASSWORDS[0]} if email is None else {"email": email}
        refusal = InvalidRequest if guest.is_there(self.now_ms) else UserNotFound
        self.refuse(refusal, "update_user", experienceUserId=guest.named, **half)

    @rule(data=st.data(), organization=st.sampled_from(["o1", "o2"]), role=st.sampled_from([None, *ROLES]))
    def change_permissions(self, data: st.DataObject, organization: str, role: str | None) -> None:
        self.permit(self.pick_guest(data), organization, role)

    @rule(data=st.data(), organization=st.sampled_from(["o1", "o2"]), roles=st.permutations(ROLES))
    def change_a_role(self, data: st.DataObject, organization: str, roles: list[str]) -> None:
        """With a token of each."""
        guest = self.pick_guest(data)
        for role in roles:
            self.permit(guest, organization, role)
            self.issue_user_token(guest)

    def permit(self, guest: Guest, organization: str, role: str | None) -> None:
        """Add a permission or, without a role, remove it; what takes something away ends the tokens."""
        resource = {"type": "organization", "id": organization}
        if role is None:
            self.call("remove_permissions", userId=guest.id, permissions={"resources": [resource]})
            guest.rights.pop(organization, None)
            self.model.end_tokens(guest)
            return
        permissions = {"resources": [resource | {"accessRole": role}]}
        self.call("add_permissions", user={"userId": guest.id}, permissions=permissions)
        if ROLES.index(role) < ROLES.index(guest.rights.get(organization, ROLES[0])):
            self.model.end_tokens(guest)
        guest.rights[organization] = role

    @rule(data=st.data(), days=st.sampled_from([0, 29, 30, 31]), again=st.booleans())
    def let_a_guest_come_and_go(self, data: st.DataObject, days: int, again: bool) -> None:
        """Nobody vouches for it; it has tokens, the last of which may end the others, until the item goes."""
        guest = self.pick_guest(data)
        self.identify(guest, data.draw(said), None)
        for ends_all in (False, data.draw(st.booleans())):
            self.issue(guest, {"invalidateExistingTokens": ends_all})
        self.remove_what_has_expired(days)
        if again:
            self.identify(guest, data.draw(said), None)

    @rule(days=st.sampled_from([0, 0, 1, 29, 30, 31]))
    def let_what_has_expired_be_removed(self, days: int) -> None:
        self.remove_what_has_expired(days)

    def remove_what_has_expired(self, days: int) -> None:
        """As DynamoDB does it, at any time after the time."""
        self.signet.clock.milliseconds += days * 86_400_000
        self.signet.let_ttl_strike()
        for guest in self.model.guests:
            if guest.state is State.UNVERIFIED and guest.until <= self.now_ms and not guest.is_raised:
                guest.state = State.NOTHING

    @rule(by_restart=st.booleans())
    def invalidate_application_tokens(self, by_restart: bool) -> None:
        self.call("invalidate_application_tokens")
        self.model.end_tokens()
        self.beyond_the_bound(by_restart)

    @rule(cap=st.sampled_from([None, None, 86_400, 3600, 60, 2]), by_restart=st.booleans())
    def cap_lifetimes(self, cap: int | None, by_restart: bool) -> None:
        self.call("update_application", maxTokenLifetime=cap)
        self.model.cap = cap
        self.beyond_the_bound(by_restart)

    @rule(
        login=st.fixed_dictionaries(
            {"ttl": st.none() | ttls, "extraData": st.none() | extra_data},
            optional={
                "invalidateExistingTokens": st.booleans(),
                "sessionLifetime": st.sampled_from([None, 1, 1000, 60_000, 86_400_000]),
            },
        ),
        by_restart=st.booleans(),
    )
    def set_up_log_in(self, login: dict[str, Any], by_restart: bool) -> None:
        self.call("update_application", login=login)
        self.model.login |= login
        self.beyond_the_bound(by_restart)

    @rule(milliseconds=st.sampled_from([1, 876, 877, 1000, 60_000]) | st.integers(1, 10**7))
    def let_time_pass(self, milliseconds: int) -> None:
        self.signet.clock.milliseconds += milliseconds

    @rule(data=st.data(), offset=st.sampled_from([0, 0, -1, -1000, 1]))
    def let_time_pass_until_an_end(self, data: st.DataObject, offset: int) -> None:
        """To the millisecond in which a token expires or the cap ends it, or one beside it."""
        if not self.ends():
            self.issue(self.pick_person(data), {"ttl": data.draw(ttls)})
        if self.ends():
            end = data.draw(st.sampled_from(self.ends()))
            self.signet.clock.milliseconds = max(self.now_ms, end * 1000 + offset)

    def ends(self) -> list[int]:
        """The seconds in which the life of a token that is valid now will be over."""
        cap = self.model.cap
        exps = {token.exp for token in self.valid_tokens() if token.exp is not None}
        caps = set() if cap is None else {token.iat + cap for token in self.valid_tokens()}
        guests = {end // 1000 for guest in self.model.guests for end in guest.ends()}
        return sorted(exps | caps | {end for end in guests if end > self.now})

    @rule(memory_kib=st.sampled_from(["8", "16"]))
    def start_a_new_container(self, memory_kib: str) -> None:
        """Perhaps with another cost of hashing, so that the next login hashes anew."""
        os.environ["ARGON2_MEMORY_KIB"] = memory_kib
        self.signet.restart()

    # What has to hold after each step.

    @invariant()
    def exactly_the_right_tokens_are_valid(self) -> None:
        """Those whose validity should just have changed, or else after every other step one in turn."""
        tokens = self.model.tokens
        changed = [token for token in tokens if token.last_seen is not self.model.is_valid(token, self.now)]
        turn, rest = divmod(next(self._token_turns), 2)
        others = tokens[turn % len(tokens) :][:1] if tokens and not rest else []
        for token in changed[-3:] or others:
            expected = self.model.is_valid(token, self.now)
            ways = [self.introspects, self.authenticates, self.is_let_in][: 3 if token.rights is None else 1]
            # A new token is introspected in any case: its claims tell most.
            way = ways[0 if token.last_seen is None else next(self._ways) % len(ways)]
            verdict = way(token)
            assert verdict == expected, f"{way.__name__}: {verdict}, but the model says {expected}"
            token.last_seen = expected

    def introspects(self, token: Issued) -> bool:
        answer = self.call("introspect_token", token=token.text)
        if not answer["active"]:
            assert answer == {"active": False}
            return False
        known: dict[str, Any] = {
            "active": True,
            "iss": URL,
            "aud": f"{self.signet.application_id}/{'session' if token.rights is None else 'user'}",
            "sub": token.person.named if token.rights is None else token.person.id,
            "iat": token.iat,
        }
        known |= {} if token.exp is None else {"exp": token.exp}
        known |= {} if token.extra_data is None else {"ext": token.extra_data}
        known |= {} if token.sid is None else {"sid": token.sid, "auth_time": token.began}
        known |= {} if token.session_end is None else {"session_exp": token.session_end}
        rights = answer.pop("permissions", {"resources": []})["resources"]
        assert {right["id"]: right["accessRole"] for right in rights} == (token.rights or {})
        for organization, role in (token.rights or {}).items():
            # Nobody holds more than what is stored: what takes something away ends the tokens.
            stored = token.person.rights.get(organization)  # type: ignore[attr-defined]
            assert stored in ROLES[ROLES.index(role) :], "a good token holds what was taken away"
        assert {name: answer[name] for name in answer if name not in ("jti", "gen", "agen", "amr")} == known
        return True

    def authenticates(self, token: Issued) -> bool:
        answer = self.call("authenticate", authMode="token", token=token.text, returnToken=True)
        if not answer["authenticated"]:
            assert answer == {"authenticated": False}
            return False
        self.compare(token.person, answer["user"])
        assert answer["token"] == token.text
        return True

    def is_let_in(self, token: Issued) -> bool:
        path = f"/applications/{self.signet.application_id}/experience/me"
        answer = self.signet.http("GET", path, headers=self.signet.bearer(token.text))
        assert answer.status in (200, 403)
        if answer.status == 403:
            return False
        assert answer.json["authInfo"] == {
            "issuedAt": iso_8601(token.iat * 1000),
            "expiresAt": None if token.exp is None else iso_8601(token.exp * 1000),
            "extraData": token.extra_data,
        }
        return True

    @invariant()
    def people_are_as_the_model_has_them(self) -> None:
        (turn, rest), people = divmod(next(self._person_turns), 4), self.model.people
        # Most answers show the user anyway.
        guest = self.model.guests[turn % len(GUESTS)]
        for person in [people[turn % len(people)], guest] if not rest else []:
            if person.is_there(self.now_ms):
                self.compare(person, self.call("get_user", experienceUserId=person.named))
            else:
                self.refuse(UserNotFound, "get_user", experienceUserId=person.named)

    def compare(self, person: Person, user: dict[str, Any]) -> None:
        def text(milliseconds: int | None) -> str | None:
            return None if milliseconds is None else iso_8601(milliseconds)

        assert (user["id"], user["email"]) == (person.named, person.email or None)
        assert user["lastLogin"] == text(person.last_login_ms), "lastLogin moved, or did not"
        assert user["tokenCutoff"] == text(person.cutoff_ms)
        if not isinstance(person, Guest):
            assert user["emailVerified"] == person.verified, "verified, or not, though nobody has shown it"
        else:
            assert user.get("profile", {}) == person.profile, WRONG_PROFILE
            assert ("unverified" in user) == (person.state is State.UNVERIFIED)


THOROUGH = settings(
    max_examples=examples(200),
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


OF_ACCOUNTS = [
    "refresh",
    "log_in_refresh_and_log_out",
    "make_a_code",
    "redeem_a_code",
    "make_a_code_and_redeem_it",
    "sign_up_and_prove_it",
]
"""The steps that users do alone."""

OF_USERS = [
    *("delete_user", "change_user", "change_password", "give_back_what_was_read", "log_in"),
    *("authenticate_by_password", "authenticate_by_token", "authenticate_by_token_and_email"),
    *("authenticate_by_token_email_and_password", "authenticate_by_password_meanwhile"),
    *("authenticate_by_token_email_and_password_meanwhile", "authenticate_while_a_call_fails"),
    *("issue_session_token", "invalidate_user_tokens", "end_one_token"),
    *("invalidate_application_tokens", "change_a_role", "cap_lifetimes"),
]
"""Of those with a password, and what concerns everybody."""


def machine_without(steps: Collection[str]) -> type[SessionsMachine]:
    """The machine without some steps: what shows in others is found within fewer."""
    assert all(hasattr(SessionsMachine, step) for step in steps)
    return type("LesserMachine", (SessionsMachine,), dict.fromkeys(steps))


def run_machine(
    cloud: Cloud,
    chosen: settings,
    *,
    steps: list[int] | None = None,
    seeded: int | None = None,
    machine: type[SessionsMachine] = SessionsMachine,
) -> None:
    """Run the state machine.

    Args:
        cloud: Where to deploy.
        chosen: How long.
        steps: Gets the number of steps of each example.
        seeded: What the examples come from, if they shall be the same each time.
        machine: Which steps there are.
    """
    make: Any = lambda: machine(cloud, steps)  # noqa: E731 - the type asks for a class
    if seeded is not None:
        make = seed(seeded)(make)
    # Or Hypothesis would end some examples early; it has no public name for this.
    run_state_machine_as_test(make, settings=chosen, _min_steps=chosen.stateful_step_count)


@pytest.mark.hypothesis
def test_exactly_the_right_tokens_are_valid(moto_cloud: Cloud) -> None:
    """Whatever is done in whatever order, the handlers and the model agree on every token and user."""
    steps: list[int] = []
    run_machine(moto_cloud, THOROUGH, steps=steps)
    assert steps.count(50) >= THOROUGH.max_examples

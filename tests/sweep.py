"""The fault sweep: every call to AWS that an operation makes, failing in every way that a client can show.

A set-up's first run finds the calls. Then each call is played with each fault, from the same table and in a
container that knows nothing: chance, the clock and the keys are the same each time, so that whatever is right
is equal to what the first run gave.
"""

import base64
import contextlib
import copy
import functools
import hashlib
import json
import math
import random
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest import mock

import argon2

from signet import deadline, wiring
from signet.aws import client
from signet.domain import signing
from signet.edge import custom_resource
from signet.errors import SignetError, Unavailable
from signet.store.attributes import from_attributes
from signet.usecases import importing
from signet.usecases import keys as key_use_cases
from tests.deployment import Deployment
from tests.faults import ATTEMPT_SECONDS, SERVICES, TIMEOUTS, Answer, around_attempts
from tools.audit_table import audit

type Item = dict[str, Any]
type Items = dict[tuple[str, str], Item]


@dataclass(frozen=True)
class Place:
    """A call that a run makes: the operation of a service, and how many of it came before."""

    service: str
    operation: str
    turn: int

    def __str__(self) -> str:
        return f"{self.operation} {self.turn + 1}"


# --- Faults ---

CODES = {
    "dynamodb": ("ThrottlingException", 400, "InternalServerError"),
    "kms": ("ThrottlingException", 400, "KMSInternalException"),
    "s3": ("SlowDown", 503, "InternalError"),
    "lambda": ("TooManyRequestsException", 429, "ServiceException"),
    "events": ("ThrottlingException", 400, "InternalException"),
    "sqs": ("RequestThrottled", 403, "InternalError"),
    "sesv2": ("TooManyRequestsException", 429, "InternalServiceErrorException"),
}
"""What each service calls it where there is too much to do, its status, and a fault of its own."""

WRITES = client.WRITES | {
    "CompleteMultipartUpload",
    "CreateMultipartUpload",
    "Invoke",
    "PutEvents",
    "PutObject",
    "SendEmail",
    "SendMessage",
    "UploadPart",
}


def _throttled(place: Place, _: Any) -> client.AwsError:
    code, status, _fault = CODES[place.service]
    return client.Refused(status, code)


def _broken(place: Place, _: Any) -> client.AwsError:
    return client.Refused(500, CODES[place.service][2])


def _lost(_place: Place, _: Any) -> client.AwsError:
    return client.NoAnswer("nobody answers")


def _nobody(_place: Place, _: Any) -> client.AwsError:
    return client.NoCredentials("there is nobody to sign as")


def _conflict(place: Place, request: Any) -> client.AwsError:
    match place.operation:
        case "TransactWriteItems":
            reasons = [{"Code": "None"} for _ in request["TransactItems"]]
            reasons[-1] = {"Code": "TransactionConflict"}
            return client.Refused(
                400, "TransactionCanceledException", details={"CancellationReasons": reasons}
            )
        case "PutObject":
            return client.Refused(409, "ConditionalRequestConflict")
    return client.Refused(400, "TransactionConflictException")


def _in_progress(_place: Place, _: Any) -> client.AwsError:
    return client.Refused(400, "TransactionInProgressException")


def _everywhere(_operation: str) -> bool:
    return True


def _at_writes(operation: str) -> bool:
    return operation in WRITES


def _at_conflicts(operation: str) -> bool:
    return operation in client.WRITES | {"PutObject"}


@dataclass(frozen=True)
class Fault:
    """What happens to a call.

    Attributes:
        error: What an attempt meets; None where it is answered after all.
        attempts: How many attempts of the call, from the first one on.
        arrives: Whether what was asked for is done all the same.
        seconds: How long an attempt takes.
        lasts: What fails likewise from then on, never arriving: nothing, the same operation, or the service.
        at: Which operations it may happen to.
    """

    error: Callable[[Place, Any], client.AwsError] | None
    attempts: float = math.inf
    arrives: bool = False
    seconds: float = 0.0
    lasts: str = "nothing"
    at: Callable[[str], bool] = _everywhere


FAULTS = {
    "throttled once": Fault(_throttled, 1),
    "throttled": Fault(_throttled),
    "throttled from then on": Fault(_throttled, lasts="service"),
    "5xx once": Fault(_broken, 1),
    "5xx": Fault(_broken),
    "5xx, and done": Fault(_broken, arrives=True, at=_at_writes),
    "time-out once": Fault(_lost, 1, seconds=60.0),
    "time-out": Fault(_lost, seconds=60.0),
    "time-out, and done": Fault(_lost, arrives=True, seconds=60.0, at=_at_writes),
    "time-outs from then on": Fault(_lost, seconds=60.0, lasts="service"),
    "no connection": Fault(_lost),
    "no connection from then on": Fault(_lost, lasts="service"),
    "dropped amid the answer once": Fault(_lost, 1, arrives=True, at=_at_writes),
    "dropped amid the answer": Fault(_lost, arrives=True, at=_at_writes),
    "dropped amid the answer, then no connection": Fault(_lost, arrives=True, lasts="service", at=_at_writes),
    "conflict once": Fault(_conflict, 1, at=_at_conflicts),
    "conflict from then on": Fault(_conflict, lasts="operation", at=_at_conflicts),
    "in progress": Fault(_in_progress, 1, arrives=True, at=lambda name: name == "TransactWriteItems"),
    "slow from then on": Fault(None, seconds=1.9, lasts="service"),
    "keys unread once": Fault(None, 1, at=lambda name: name == "BatchGetItem"),
    "keys unread from then on": Fault(None, lasts="operation", at=lambda name: name == "BatchGetItem"),
    "events refused once": Fault(None, 1, at=lambda name: name == "PutEvents"),
    "events refused from then on": Fault(None, lasts="operation", at=lambda name: name == "PutEvents"),
    "no credentials": Fault(_nobody),
}
"""A dropped connection is for a client what a lost answer is: the write may have been done."""


@dataclass
class _Call:
    place: Place
    request: Any
    attempts: int = 0


_current: ContextVar[_Call] = ContextVar("call")


@contextmanager
def watched(places: list[Place]) -> Iterator[None]:
    """Number the calls that are made meanwhile, of every client, and note them."""

    def call(service: str, real: Callable[..., Answer], operation: str, request: Any) -> Answer:
        turn = sum(place.service == service and place.operation == operation for place in places)
        places.append(Place(service, operation, turn))
        token = _current.set(_Call(places[-1], request))
        try:
            return real(operation, request)
        finally:
            _current.reset(token)

    with ExitStack() as stack:
        for name in SERVICES:
            asked = wiring.make_client(name)
            stack.enter_context(mock.patch.object(asked, "_quota", client._Quota()))
            stack.enter_context(mock.patch.object(asked, "call", partial(call, name, asked.call)))
        yield


@contextmanager
def faulty(signet: Deployment, place: Place, fault: Fault) -> Iterator[None]:
    """Let a call meet a fault; its attempts take their time by the deployment's clock.

    Raises:
        AssertionError: The call was not made.
    """
    reached = False

    def around(operation: str, exchange: Callable[[], Answer]) -> Answer:
        nonlocal reached
        call = _current.get()
        call.attempts += 1
        is_it = call.place == place
        strikes = is_it and call.attempts <= fault.attempts
        if reached and not is_it and call.place.service == place.service:
            strikes = fault.lasts == "service" or (
                fault.lasts == "operation" and operation == place.operation
            )
        if not strikes:
            return exchange()
        reached = True
        return _meet(signet, call, fault, exchange, arrives=fault.arrives and is_it)

    with watched([]), around_attempts(around):
        yield
    assert reached, f"{place} was not made: the run is another one"


def _meet(
    signet: Deployment, call: _Call, fault: Fault, exchange: Callable[[], Answer], *, arrives: bool
) -> Answer:
    answer: Answer = {}
    if fault.error is None:
        answer = exchange()
    elif arrives:
        with suppress(client.Refused):  # Nobody hears of that either.
            exchange()
    has = min(TIMEOUTS.get(call.place.operation, ATTEMPT_SECONDS), deadline.left())
    signet.clock.advance(min(fault.seconds, has))
    if fault.error is not None:
        raise fault.error(call.place, call.request)
    if fault.seconds > has:
        raise client.NoAnswer
    if call.place.operation == "PutEvents" and not fault.seconds:
        # The first is not taken; the others are.
        first, *others = answer["Entries"]
        answer = {"FailedEntryCount": 1, "Entries": [{**first, "ErrorCode": "InternalFailure"}, *others]}
    elif not fault.seconds:
        answer = {**answer, "Responses": {}, "UnprocessedKeys": call.request["RequestItems"]}
    return answer


# --- Chance, which is the same each time ---


class _Chance:
    """Random bytes that are the same in every run: for each use and length a row of its own."""

    def __init__(self) -> None:
        self.run = ""
        self._drawn: dict[object, int] = {}

    def begin(self, run: str) -> None:
        """Begin a run: those of one name are alike."""
        self.run, self._drawn = run, {}

    def number(self, what: object) -> int:
        """How many of these were drawn before."""
        self._drawn[what] = self._drawn.get(what, -1) + 1
        return self._drawn[what]

    def draw(self, what: str, size: int) -> bytes:
        """So many bytes."""
        row = f"{what} {size}"
        return hashlib.shake_256(f"{self.run}/{row}/{self.number(row)}".encode()).digest(size)


@functools.cache
def _key(algorithm: Any, number: str) -> signing.NewKey:  # noqa: ARG001 - for each another one
    return signing.generate(algorithm)


@contextmanager
def _repeatable(signet: Deployment, chance: _Chance, *, own_keys: bool) -> Iterator[None]:
    """Make everything the same in every run, and let whoever sleeps move the clock.

    Args:
        signet: Where.
        chance: What is drawn instead.
        own_keys: Whether a repetition makes other signing keys than the first run.
    """

    def key(algorithm: Any) -> signing.NewKey:
        return _key(algorithm, f"{chance.run if own_keys else ''}{chance.number(algorithm)}")

    def urlsafe(size: int) -> str:
        return base64.urlsafe_b64encode(chance.draw("urlsafe", size)).rstrip(b"=").decode()

    with ExitStack() as stack:
        for target, name, value in (
            (secrets, "token_bytes", partial(chance.draw, "bytes")),
            (secrets, "token_hex", lambda size: chance.draw("hex", size).hex()),
            (secrets, "token_urlsafe", urlsafe),
            (argon2._password_hasher, "os", SimpleNamespace(urandom=partial(chance.draw, "salt"))),
            (random, "uniform", lambda _least, most: most),
            (time, "sleep", signet.clock.advance),
            (importing, "THREADS", 1),
            (custom_resource, "_send", lambda _url, _answer: None),
            (key_use_cases, "generate", key),
        ):
            stack.enter_context(mock.patch.object(target, name, value))
        yield


# --- What came of it ---


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        kind: `answered`, `refused`, `unavailable`, or `bug`.
        said: The answer, without what is chance; or what was refused, and how.
    """

    kind: str
    said: Any = None


type Act = Callable[[str], Any]
"""Asks for it once, in an invocation of this id, and gives the function's answer."""

_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_DIALECTS: dict[str, Callable[[Any], bool]] = {
    "/api/": lambda body: body["errors"][0]["attr"] == "base",
    "/v1/": lambda body: body["error"]["status"] == "UNAVAILABLE",
    "/v2/": lambda body: body["error"]["status"] == "UNAVAILABLE",
    "/applications": lambda body: body["type"] == "ServiceUnavailable",
    "/oauth2/": lambda body: body["error"] == "temporarily_unavailable",
    "/.well-known/": lambda body: body["error"] == "temporarily_unavailable",
}


def is_unavailable(path: str, answer: Mapping[str, Any]) -> bool:
    """Whether an HTTP answer says in its dialect that the same request may succeed shortly.

    Raises:
        AssertionError: Its status is that, and the rest is not.
    """
    if answer["statusCode"] not in (429, 503):
        return False
    assert int(answer["headers"]["retry-after"]) >= 1, answer
    (says,) = [says for start, says in _DIALECTS.items() if path.startswith(start)]
    assert answer["statusCode"] == 429 or says(json.loads(answer["body"])), answer
    return True


def _stripped(value: Any) -> Any:
    """A value of an answer without what differs from call to call: signatures, and a token's generations."""
    if isinstance(value, dict):
        return {name: _stripped(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_stripped(inner) for inner in value]
    if isinstance(value, str) and _JWT.fullmatch(value):
        with suppress(ValueError):
            claims = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in value.split(".")[:2]]
            return [claims[0], {name: claim for name, claim in claims[1].items() if name != "gen"}]
    return value


@dataclass
class _Run:
    outcome: Outcome
    items: Items
    files: set[str]
    tokens: list[str]
    faults: list[str]


def _tokens(value: Any) -> list[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    found = [value] if isinstance(value, str) and value.startswith("ey") and _JWT.fullmatch(value) else []
    return found + [token for one in inner for token in _tokens(one)]


# --- Comparing tables ---

COUNTERS = frozenset({"epoch", "generation", "password_version", "permissions_epoch", "revision"})
"""A write that the client repeats may count twice: what has ended has, and nothing more."""

UNSTABLE = frozenset({"invalidated_by", "written_by", "encrypted_private_key"})
"""Nonces of one request; what KMS encrypted."""


OUTSTANDING = frozenset({"outstanding", "pending"})


def _is_own(key: tuple[str, str]) -> bool:
    """Whether an item is written apart from what an operation does: bounds of keys, tries of passwords."""
    return key[0] == "KEYLIFE" or key[1] == "ATTEMPT"


def _indexed(items: list[Item]) -> Items:
    found = {(item["pk"]["S"], item["sk"]["S"]): item for item in items}
    return {
        key: {name: value for name, value in item.items() if name not in UNSTABLE}
        for key, item in found.items()
        if not _is_own(key)
    }


def differences(now: Items, wanted: Items, before: Items) -> list[str]:
    """Where a table is not as it should be; what may be as it was before is no difference.

    What is outstanding of a user with many groups is none either: the user's next write settles it, and
    the audit says whether it fits together.

    Args:
        now: The table.
        wanted: As it should be.
        before: As it was: a password's hash need not have been upgraded.
    """
    found = []
    for key in sorted(now.keys() | wanted.keys()):
        ours, theirs = (
            {name: value for name, value in items.get(key, {}).items() if name not in OUTSTANDING}
            for items in (now, wanted)
        )
        if "pending" in now.get(key, {}) and key not in wanted:
            continue
        for name in sorted(ours.keys() | theirs.keys()):
            value, right = ours.get(name), theirs.get(name)
            if value == right:
                continue
            if name in COUNTERS and value and right and int(value["N"]) >= int(right["N"]):
                continue
            if name == "password_hash" and (
                value == before.get(key, {}).get(name) or _is_made_alike(value, right)
            ):
                continue
            found.append(f"{'/'.join(key)} {name}: {value} for {right}")
    return found


def _is_made_alike(one: Any, other: Any) -> bool:
    """Whether two hashes differ in their salts alone, as far as one can see."""
    return bool(one and other) and one["S"].rsplit("$", 2)[0] == other["S"].rsplit("$", 2)[0]


# --- Playing ---


@dataclass(frozen=True)
class Play:
    """One call of a set-up with one fault.

    Attributes:
        setup: The set-up's name.
        operation: Of which function.
        place: Which call.
        fault: Which fault.
        came: `answered`, `told 503, nothing written`, `told 503, written` or `told 503, begun`.
        wrong: What is wrong; empty where it is right.
    """

    setup: str
    operation: str
    place: Place
    fault: str
    came: str
    wrong: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.setup}: {self.place}, {self.fault}: {self.came}; {'; '.join(self.wrong)}"


CAME = ("answered", "told 503, nothing written", "told 503, written", "told 503, begun")


class Sweep:
    """A set-up, and its plays.

    Args:
        signet: Where.
        name: The set-up's.
        operation: Of which function.
        act: Asks for it.
        path: Of the HTTP request, where it is one.
        resumes: Whether it takes several writes, between which it may stop; a repetition goes on.
        adds: Whether a repetition adds something, as another group.
    """

    def __init__(
        self,
        signet: Deployment,
        name: str,
        operation: str,
        act: Act,
        *,
        path: str | None = None,
        resumes: bool = False,
        adds: bool = False,
    ) -> None:
        self.signet, self.name, self.operation = signet, name, operation
        self._act, self._path, self._resumes, self._adds = act, path, resumes, adds
        self._chance = _Chance()
        self._began = signet.clock.milliseconds
        self._start, self._start_files = signet.items(), signet.files()
        self.before = _indexed(self._start)
        with self._alike():
            self.places = list[Place]()
            self._begin(self._start)
            self.first = self._run("first", lambda: watched(self.places))
            self._end = self.signet.items()
            self._end_files = self.signet.files()
            self._good = list(map(self._is_good, self.first.tokens))
            self._begin(self._end, self._end_files)
            self.second = self._run("second")

    def _alike(self) -> Any:
        return _repeatable(self.signet, self._chance, own_keys=self._adds)

    def check_the_runs_themselves(self) -> list[str]:
        """What is wrong where nothing fails: it is not answered, or a repetition is not safe."""
        wrong = []
        if self.first.outcome.kind not in ("answered", "refused"):
            wrong.append(f"{self.name}: {self.first.outcome}")
        # A message of what was done already goes back, and into the queue of dead letters.
        if self.second.outcome.kind == "bug":
            wrong.append(f"{self.name}, again: {self.second.outcome}")
        if not self._adds:
            wrong += [f"{self.name}, again: {one}" for one in self._added(self.second)]
        return wrong

    def faults(self) -> list[tuple[Place, str]]:
        """Every call with every fault that may happen to it."""
        return [
            (place, name)
            for place in self.places
            for name, fault in FAULTS.items()
            if fault.at(place.operation)
        ]

    def play(self, place: Place, name: str) -> Play:
        """Play one."""
        with self._alike():
            self._begin(self._start)
            wrong: list[str] = []
            try:
                run = self._run("first", lambda: faulty(self.signet, place, FAULTS[name]))
            except AssertionError as error:
                return Play(self.name, self.operation, place, name, "answered", (str(error),))
            wrong += [*self._late(), *run.faults]
            came = self._judge(run, FAULTS[name], wrong)
            if came != "answered":
                # Where the table is as before, the same users and groups are made, of the same chance.
                is_as_before = not self._differences(run.items, self.before, self.before)
                self._repeat(came, "first" if is_as_before else "second", wrong)
            return Play(self.name, self.operation, place, name, came, tuple(wrong))

    def _judge(self, run: _Run, fault: Fault, wrong: list[str]) -> str:
        first = self.first
        not_before = self._differences(run.items, self.before, self.before)
        not_after = self._differences(run.items, first.items, self.before)
        match run.outcome.kind:
            case "unavailable":
                if not not_before and run.files == self._start_files.keys():
                    return CAME[1]
                if not not_after and run.files == first.files:
                    if fault.lasts == "nothing" and not fault.seconds and self._has_ended(run):
                        wrong.append("what was asked for has ended tokens, and the caller hears 503")
                    return CAME[2]
                if not self._resumes:
                    wrong += ["neither as before nor as after", *not_after]
                return CAME[3]
            case kind if kind == first.outcome.kind:
                wrong += _apart(run.outcome.said, first.outcome.said)
                wrong += not_after
                if (
                    len(run.tokens) == len(first.tokens)
                    and list(map(self._is_good, run.tokens)) != self._good
                ):
                    wrong.append("a token of the answer is not good")
            case _:
                wrong.append(f"{run.outcome} for {first.outcome}")
        return CAME[0]

    def _repeat(self, came: str, chance: str, wrong: list[str]) -> None:
        """Ask for the same again, in the same container, with nothing that fails."""
        run = self._run(chance if came == CAME[3] else "first" if came == CAME[1] else "second")
        right = self.first
        if came != CAME[1]:
            right = self.second
            if run.outcome == self.first.outcome:
                right = self.first
        if came == CAME[3]:
            for _ in range(3):
                if run.outcome.kind == "answered":
                    break
                run = self._run(chance)
            wrong += [f"again: {fault}" for fault in run.faults]
            if run.outcome.kind not in (self.first.outcome.kind, self.second.outcome.kind):
                wrong.append(f"again: {run.outcome}")
            if not self._adds:
                wrong += [f"again: {one}" for one in self._added(run)]
            return
        if run.outcome.kind != right.outcome.kind:
            wrong.append(f"again: {run.outcome} for {right.outcome}")
        wrong += [f"again: {one}" for one in _apart(run.outcome.said, right.outcome.said)]
        kept = self._without_identities(run)
        ways = [self._differences(kept, one.items, self.before) for one in (right, self.second)]
        wrong += [f"again: {one}" for one in min(ways if came != CAME[1] else ways[:1], key=len)]

    def _differences(self, now: Items, wanted: Items, before: Items) -> list[str]:
        found = differences(now, wanted, before)
        # Where a user's groups are settled later, its last revision comes later too.
        return [one for one in found if not (self._resumes and "/USER revision:" in one)]

    def _added(self, run: _Run) -> list[str]:
        """What a repetition has added to what was asked for."""
        return self._differences(self._without_identities(run), self.first.items, self.first.items)

    def _without_identities(self, run: _Run) -> Items:
        """The table without what a repetition may add: a password that is given ends tokens again."""
        return {
            key: item for key, item in run.items.items() if key[1] != "IDENTITY" or key in self.first.items
        }

    def _has_ended(self, run: _Run) -> bool:
        for key, item in run.items.items():
            before = self.before.get(key, {})
            names = ("generation", "ended", "deleted_at")
            if any(item.get(name, {"N": "0"}) != before.get(name, {"N": "0"}) for name in names):
                return True
        return False

    def _late(self) -> list[str]:
        took = self._ended - self._from
        reserve = deadline.RESERVE_SECONDS
        has = self.signet.function(self.operation).timeout - reserve + 0.01
        return [f"took {took} s of {has}"] if took > has else []

    def _is_good(self, token: str) -> bool:
        event = {"applicationId": self.signet.application_id, "token": token}
        return bool(self.signet.invoke("introspect_token", event)["active"])

    def _begin(self, items: list[Item], files: Mapping[str, bytes] | None = None) -> None:
        files = self._start_files if files is None else files
        signet = self.signet
        signet.clock.milliseconds = self._began
        signet.restore(items)
        if any(trip.startswith("s3:") for trip in signet.round_trips[-100:]):
            now = signet.files()
            for key in now.keys() - files.keys():
                bucket = wiring.transfer_bucket().name
                wiring.make_client("s3").call("DeleteObject", {"Bucket": bucket, "Key": key})
            for key, content in files.items():
                if now.get(key) != content:
                    signet.put_file(key, content)

    def _run(
        self, chance: str, around: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    ) -> _Run:
        self._chance.begin(chance)
        self.signet.clock.milliseconds = self._began
        self._from = self.signet.clock.monotonic()
        tokens: list[str] = []
        with around():
            outcome = self._outcome(tokens)
            self._ended = self.signet.clock.monotonic()
            if self.signet.waiting:
                name, event = self.signet.waiting[0]
                with suppress(SignetError):
                    self.signet.go_on()
                    event = None
                if event is not None:
                    self.signet.waiting.insert(0, (name, event))
        self._go_on()
        files = set(self.signet.files()) if self._start_files else set[str]()
        items = self.signet.items()
        return _Run(outcome, _indexed(items), files, tokens, audit(map(from_attributes, items)))

    def _go_on(self) -> None:
        """Run what waits, as Lambda does, which tries again later what has failed."""
        for _ in range(50):
            if not self.signet.waiting:
                return
            self.signet.go_on()
        raise AssertionError(self.signet.waiting)

    def _outcome(self, tokens: list[str]) -> Outcome:
        try:
            answer = copy.deepcopy(self._act(self._chance.draw("request", 16).hex()))
        except Unavailable:
            return Outcome("unavailable")
        except SignetError as error:
            return Outcome("refused", [error.code, error.message])
        except Exception as error:
            return Outcome("bug", repr(error))
        if self._path is not None:
            if is_unavailable(self._path, answer):
                return Outcome("unavailable")
            answer["headers"].pop("x-request-id")
            answer["body"] = json.loads(answer["body"])
            tokens += _tokens(answer["body"])
            kind = "answered" if answer["statusCode"] < 300 else "refused"
            kind = "bug" if answer["statusCode"] >= 500 else kind
            return Outcome(kind, _stripped(answer))
        if isinstance(answer, dict):
            if answer.get("batchItemFailures"):
                return Outcome("unavailable")
            if answer.get("Status") == "FAILED" and "Unavailable" in answer["Reason"]:
                return Outcome("unavailable")
            tokens += _tokens(answer)
        return Outcome("answered", _stripped(answer))


def _apart(said: Any, right: Any, where: str = "answer") -> Iterator[str]:
    """Where an answer is not the right one; a user's groups may be left out, if the answer says so."""
    if isinstance(said, dict) and isinstance(right, dict):
        if "partial" in said and "partial" not in right:
            said = {name: value for name, value in said.items() if name != "partial"}
            right = {name: value for name, value in right.items() if name != "experienceGroups"}
        for name in sorted(said.keys() | right.keys()):
            yield from _apart(said.get(name), right.get(name), f"{where}.{name}")
    elif isinstance(said, list) and isinstance(right, list) and len(said) == len(right):
        for number, (ours, theirs) in enumerate(zip(said, right, strict=True)):
            yield from _apart(ours, theirs, f"{where}[{number}]")
    elif said != right:
        yield f"{where}: {said} for {right}"


def is_sampled(setup: str, place: Place, fault: str, one_in: int) -> bool:
    """Whether a play is of the sample: the same ones each time."""
    name = f"{setup}, {place}, {fault}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:4]) % one_in == 0

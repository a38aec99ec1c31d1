"""How much guessing gets through in a day, and what it costs: attackers, and the right users beside them.

The clock is virtual. What decides is the product's own: the use case of `log_in` with its buckets, its
conditions and its items, asked as a handler asks it. Simulated are DynamoDB, by a store in memory that
evaluates the expressions that come (`SimulatedDynamoDB`), and the hash, by a comparison.
"""

import heapq
import itertools
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from benchmarks.page import Row, say
from signet.aws.client import Client, Refused
from signet.domain.applications import Application
from signet.domain.guessing import find_source
from signet.errors import TooManyAttempts
from signet.store.applications import generation_key
from signet.store.attributes import Item, from_attributes, to_attributes
from signet.store.table import Key, Table
from signet.store.tenant import Tenant
from signet.store.users import credential_key, user_key
from signet.usecases.authentication import Attempt, AuthMode, authenticate

START_MS = 1_800_000_000_000
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
DAY = 24 * HOUR
TYPING = 2 * SECOND
LONGEST_WAIT = 60
"""Seconds that nobody may wait who comes from a known source."""

OWNER_SOURCE, NEW_SOURCE, OFFICE, ATTACKER = "203.0.113.1", "203.0.113.2", "203.0.113.3", "198.51.100.1"
PASSWORD, LEAKED = "the right one", 97
"""One in so many accounts has the password that a list of leaked ones says; a prime."""

TEXT = (
    "A day of a virtual clock, with the limits that an application has by default. DynamoDB is a store in "
    "memory and the hash a comparison; what decides is the product's own use case. A guess got through that "
    "was answered, right or wrong. Who knows the password and hears 429 waits as long as it says and tries "
    "again, and has not got in who still waits at the end. Reads and writes are DynamoDB's request units, of "
    "everybody, and so are hashes. Without limits each try is a guess and a hash."
)

type Actor = Iterator[int]
"""Acts, and gives how many milliseconds it waits before it acts again."""


class SimulatedDynamoDB:
    """Enough of DynamoDB for a log-in: items by key, and the expressions of conditional updates.

    Attributes:
        items: In Python's own types.
        reads: Units that were read, one for each item, there or not.
        writes: Units that were written, one for each update, also where its condition failed; two for each
            part of a transaction.
    """

    name = "dynamodb"
    least = 0.0

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.reads = self.writes = 0

    def send(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        """Do what was asked for.

        Raises:
            Refused: The condition does not hold.
        """
        asked = cast("dict[str, Any]", request)
        if operation == "BatchGetItem":
            ((name, wanted),) = asked["RequestItems"].items()
            keys = [(key["pk"]["S"], key["sk"]["S"]) for key in wanted["Keys"]]
            self.reads += len(keys)
            found = [self.items[key] for key in keys if key in self.items]
            return {"Responses": {name: [to_attributes(item) for item in found]}}
        if operation == "TransactWriteItems":
            parts = [part for item in asked["TransactItems"] for part in item.values()]
            self.writes += 2 * len(parts)
            if not all(map(self._holds, parts)):
                reasons = [{"Code": "None" if self._holds(p) else "ConditionalCheckFailed"} for p in parts]
                why = {"CancellationReasons": reasons}
                raise Refused(400, "TransactionCanceledException", "", why)
            for part in parts:
                if "UpdateExpression" in part:
                    self._update(part)
            return {}
        if operation != "UpdateItem":
            raise NotImplementedError(operation)
        self.writes += 1
        if not self._holds(asked):
            before = self.items.get(_key(asked))
            item = {} if before is None else {"Item": to_attributes(before)}
            raise Refused(400, "ConditionalCheckFailedException", "", item)
        return {"Attributes": to_attributes(self._update(asked))}

    def _holds(self, asked: Mapping[str, Any]) -> bool:
        item = self.items.get(_key(asked), {})
        names = asked.get("ExpressionAttributeNames", {})
        values = from_attributes(asked["ExpressionAttributeValues"])
        holds = compiled(asked["ConditionExpression"])
        return holds(lambda name: values.get(name, item.get(names.get(name, name))))

    def _update(self, asked: Mapping[str, Any]) -> Item:
        pk, sk = _key(asked)
        before = self.items.get((pk, sk), {"pk": pk, "sk": sk})
        names = asked.get("ExpressionAttributeNames", {})
        values = from_attributes(asked["ExpressionAttributeValues"])
        self.items[pk, sk] = after = _updated(before, asked["UpdateExpression"], names, values)
        return after

    def prepare(self) -> None:
        """There is nothing to prepare."""

    def close(self) -> None:
        """There is nothing to close."""


_OPERAND = r"([#:]?\w+)"
_FORMS = (
    (re.compile(rf"attribute_exists\({_OPERAND}\)"), r"(get('\1') is not None)"),
    (re.compile(rf"attribute_not_exists\({_OPERAND}\)"), r"(get('\1') is None)"),
    (re.compile(rf"\bcontains\({_OPERAND}, {_OPERAND}\)"), r"(get('\2') in (get('\1') or ()))"),
    (
        re.compile(rf"(?<![\w'#:]){_OPERAND} BETWEEN {_OPERAND} AND {_OPERAND}"),
        r"is_in_order(get('\2'), get('\1'), get('\3'))",
    ),
    (re.compile(rf"(?<![\w'#:]){_OPERAND} = {_OPERAND}"), r"(get('\1') == get('\2'))"),
    (re.compile(rf"(?<![\w'#:]){_OPERAND} <= {_OPERAND}"), r"is_in_order(get('\1'), get('\2'))"),
    (re.compile(rf"(?<![\w'#:]){_OPERAND} > {_OPERAND}"), r"is_before(get('\2'), get('\1'))"),
    (re.compile(rf"(?<![\w'#:]){_OPERAND} < {_OPERAND}"), r"is_before(get('\1'), get('\2'))"),
    (re.compile(r"\b(AND|OR|NOT)\b"), lambda found: found[1].lower()),
)
_CLAUSE = re.compile(r"\b(SET|ADD|REMOVE)\s+(.*?)(?=\s+(?:SET|ADD|REMOVE)\s|$)")
"""Of those update and condition expressions that a log-in sends; others fail loudly."""


@cache
def compiled(condition: str) -> Callable[[Callable[[str], Any]], bool]:
    """A condition expression as a function of what gives the value of a name."""
    text = condition
    for form, python in _FORMS:
        text = form.sub(cast("str", python), text)
    holds: Callable[[Callable[[str], Any]], bool] = eval(  # noqa: S307 - our own text
        f"lambda get: {text}", {"is_in_order": _is_in_order, "is_before": _is_before}
    )
    return holds


def _is_in_order(*values: int | None) -> bool:
    """Whether all are there and none is less than the one before; what is not there is like nothing."""
    there = [value for value in values if value is not None]
    return len(there) == len(values) and sorted(there) == there


def _is_before(first: int | None, second: int | None) -> bool:
    """Whether both are there and the first is less."""
    return first is not None and second is not None and first < second


def _key(asked: Mapping[str, Any]) -> tuple[str, str]:
    return asked["Key"]["pk"]["S"], asked["Key"]["sk"]["S"]


def _updated(item: Item, expression: str, names: Mapping[str, str], values: Mapping[str, Any]) -> Item:
    after = dict(item)
    for clause, text in _CLAUSE.findall(expression):
        for part in text.split(", "):
            target, *rest = part.split()
            name = names.get(target, target)
            match clause, rest:
                case "SET", ["=", value]:
                    after[name] = values[value]
                case "SET", ["=", other, "+", value] if other == target:
                    after[name] = item[name] + values[value]
                case "ADD", [value]:
                    after[name] = item.get(name, 0) + values[value]
                case "REMOVE", []:
                    after.pop(name, None)
                case _:
                    raise NotImplementedError(part)
    return after


@dataclass
class Users:
    """What the right users have met.

    Attributes:
        begun: How often one wanted to log in.
        entered: How often one did.
        longest_wait: The longest that one waited until a try was answered, or still waits, in seconds.
    """

    begun: int = 0
    entered: int = 0
    longest_wait: int = 0


@dataclass
class World:
    """An application with accounts, and a clock.

    Attributes:
        now_ms: Unix milliseconds.
        hashes: How many there were.
        tries: How many the attackers made.
        through: How many of them were answered.
        entered: How many of them were right.
        known: The right users who come from a known source.
        new: Those who do not.
    """

    now_ms: int = START_MS
    hashes: int = 0
    tries: int = 0
    through: int = 0
    entered: int = 0
    known: "Users" = field(default_factory=lambda: Users())
    new: "Users" = field(default_factory=lambda: Users())
    dynamodb: SimulatedDynamoDB = field(default_factory=SimulatedDynamoDB)
    application: Application = field(
        default_factory=lambda: Application(
            id="a" * 24, name="Simulated", created_at_ms=0, updated_at_ms=0, generation=0
        )
    )

    def __post_init__(self) -> None:
        self._table = Table(Client(self.dynamodb), "simulated")
        self._put(generation_key(self.application.id), {"generation": 0})

    def _put(self, key: Key, item: Item) -> None:
        self.dynamodb.items[key] = {"pk": key.pk, "sk": key.sk, **item}

    def add(self, email: str, password: str = PASSWORD) -> str:
        """Make an account; gives its address."""
        user_id = f"{len(self.dynamodb.items):024x}"
        both = {"user_id": user_id, "password_version": 1}
        self._put(credential_key(self.application.id, email), both | {"password_hash": password})
        user = {"email": email, "normal_email": email, "created_at": 0, "updated_at": 0, "revision": 0}
        user |= {"tags": {}, "group_ids": [], "generation": 0}
        self._put(user_key(self.application.id, user_id), both | user)
        return email

    def log_in(self, email: str, password: str, source: str | None) -> bool | int:
        """Try a password: whether it was right, or how many seconds to wait."""
        attempt = Attempt(
            mode=AuthMode.EMAIL_PASSWORD,
            email=email,
            password=password,
            source=None if source is None else find_source(source),
        )
        tenant = Tenant(self._table, self.application, self.now_ms)
        # No token is asked for, so nothing is verified or signed.
        nobody, hasher = cast("Any", None), cast("Any", self)
        try:
            return authenticate(tenant, nobody, nobody, hasher, attempt, _fail) is not None
        except TooManyAttempts as refused:
            return refused.retry_after

    # What stands for the hasher.

    def verify(self, password_hash: str, password: str) -> bool:
        """Whether they are equal."""
        self.hashes += 1
        return password_hash == password

    def verify_decoy(self, password: str) -> None:  # noqa: ARG002
        """Count it."""
        self.hashes += 1

    def needs_rehash(self, password_hash: str, password: str) -> bool:  # noqa: ARG002
        """No hash is a weak one."""
        return False

    # Who acts.

    def attack(self, tries: Iterator[tuple[str, str, str]], every_ms: int) -> Actor:
        """Try one after the other, whatever the answers: address, password, source."""
        for email, password, source in tries:
            self.tries += 1
            answer = self.log_in(email, password, source)
            self.through += isinstance(answer, bool)
            self.entered += answer is True
            yield every_ms

    def enter(self, email: str, source: str, mistakes: int = 0, *, is_known: bool) -> Actor:
        """Log in, after some mistakes, waiting for each try as long as is asked for."""
        users, waited = self.known if is_known else self.new, 0
        users.begun += 1
        while True:
            answer = self.log_in(email, PASSWORD if mistakes == 0 else "mistyped", source)
            if answer is True:
                break
            if answer is False:
                mistakes, waited = mistakes - 1, 0
                yield TYPING
            else:
                waited += answer
                users.longest_wait = max(users.longest_wait, waited)
                yield answer * SECOND
        users.entered += 1

    def later(self, delay_ms: int, actor: Actor) -> Actor:
        """Begin after a while."""
        yield delay_ms
        yield from actor

    def run(self, *actors: Actor, duration_ms: int) -> None:
        """Let everybody act until the time is over; who waits then has waited in vain."""
        order = itertools.count()
        end = self.now_ms + duration_ms
        waiting = [(self.now_ms, next(order), actor) for actor in actors]
        heapq.heapify(waiting)
        while waiting:
            at_ms, _, actor = heapq.heappop(waiting)
            if at_ms >= end:
                break
            self.now_ms = at_ms
            if (pause := next(actor, None)) is not None:
                heapq.heappush(waiting, (at_ms + pause, next(order), actor))
        self.now_ms = end


def _fail(error: Exception) -> None:
    raise error


def _wrong(email: Callable[[int], str], source: Callable[[int], str]) -> Iterator[tuple[str, str, str]]:
    return ((email(n), f"guess {n}", source(n)) for n in itertools.count())


def _address(number: int) -> str:
    return f"user{number}@example.com"


def _stuffing(accounts: int, source: Callable[[int], str]) -> Iterator[tuple[str, str, str]]:
    """Leaked pairs of address and password, each tried once, and from the first again."""
    return ((_address(n % accounts), "leaked", source(n)) for n in itertools.count())


def _with_owner(world: World) -> tuple[str, list[Actor]]:
    """An account whose owner logs in each hour, from where it is known, and from somewhere new."""
    ann = world.add("ann@example.com")
    world.log_in(ann, PASSWORD, OWNER_SOURCE)
    return ann, [
        world.later(hour * HOUR + 1_234_567, world.enter(ann, source, is_known=source == OWNER_SOURCE))
        for hour in range(24)
        for source in (OWNER_SOURCE, f"192.0.2.{hour}")
    ]


def one_attacker(world: World) -> list[Actor]:
    """One address tries one account, once a second."""
    ann, owner = _with_owner(world)
    return [world.attack(_wrong(lambda _: ann, lambda _: ATTACKER), SECOND), *owner]


def botnet(world: World) -> list[Actor]:
    """10,000 addresses try one account, each all half an hour."""
    ann, owner = _with_owner(world)
    sources = [f"198.{18 + n // 65_536}.{n // 256 % 256}.{n % 256}" for n in range(10_000)]
    return [world.attack(_wrong(lambda _: ann, lambda n: sources[n % 10_000]), 180), *owner]


def stuffing(world: World, source: Callable[[int], str] = lambda _: ATTACKER) -> list[Actor]:
    """Leaked passwords from one address over 100,000 accounts, two a second; one in 97 is right."""
    accounts = 100_000
    for number in range(accounts):
        world.add(_address(number), "leaked" if number % LEAKED == 0 else PASSWORD)
    _, owner = _with_owner(world)
    return [world.attack(_stuffing(accounts, source), SECOND // 2), *owner]


def changing_ipv6(world: World) -> list[Actor]:
    """The same from an IPv6 address that is another one of its /64 at each try."""
    return stuffing(world, lambda n: f"2001:db8:0:1::{n // 65_536:x}:{n % 65_536:x}")


def mistyping(world: World) -> list[Actor]:
    """A user mistypes: 20 times at home, 90 times there at noon, and 15 times on a new telephone."""
    ann = world.add("ann@example.com")
    world.log_in(ann, PASSWORD, OWNER_SOURCE)
    return [
        world.later(8 * HOUR, world.enter(ann, OWNER_SOURCE, 20, is_known=True)),
        world.later(12 * HOUR, world.enter(ann, OWNER_SOURCE, 90, is_known=True)),
        world.later(20 * HOUR, world.enter(ann, NEW_SOURCE, 15, is_known=False)),
    ]


def office(world: World) -> list[Actor]:
    """500 people behind one address, 50 of them new there, within an hour; one in five mistypes."""
    chance = random.Random(1)  # noqa: S311 - no secret
    actors: list[Actor] = []
    for number in range(500):
        email = world.add(f"person{number}@example.com")
        is_known = number >= 50
        if is_known:
            world.log_in(email, PASSWORD, OFFICE)
        mistakes = chance.randint(1, 3) if chance.random() < 0.2 else 0
        at_ms = 9 * HOUR + chance.randrange(HOUR)
        actors.append(world.later(at_ms, world.enter(email, OFFICE, mistakes, is_known=is_known)))
    return actors


def attacked_office(world: World) -> list[Actor]:
    """The same, and a machine there tries leaked passwords all day, one a second."""
    return [world.attack(_stuffing(100_000, lambda _: OFFICE), SECOND), *office(world)]


SCENES: dict[str, Callable[[World], list[Actor]]] = {
    "one attacker, one account": one_attacker,
    "a botnet of 10,000 addresses, one account": botnet,
    "credential stuffing from one address, 100,000 accounts": stuffing,
    "a user who mistypes": mistyping,
    "an office behind one address": office,
    "the same with an attacker in it": attacked_office,
    "credential stuffing from an IPv6 /64, 100,000 accounts": changing_ipv6,
}


def measure(duration_ms: int = DAY) -> dict[str, list[Row]]:
    """A row for each scene.

    Raises:
        AssertionError: Somebody from a known source waited for longer than a minute.
    """
    rows = []
    for name, scene in SCENES.items():
        say(f"Guessing: {name}")
        rows.append({"": name, **play(scene, duration_ms)})
    return {"": rows}


def play(scene: Callable[[World], list[Actor]], duration_ms: int) -> Row:
    """What came of a scene.

    Raises:
        AssertionError: As `measure`.
    """
    world = World()
    actors = scene(world)
    world.hashes = world.dynamodb.reads = world.dynamodb.writes = 0
    world.run(*actors, duration_ms=duration_ms)
    if world.known.longest_wait > LONGEST_WAIT:
        raise AssertionError(world.known)
    return {
        "guesses tried": world.tries,
        "got through": world.through,
        "of them right": world.entered,
        "known sources: got in": f"{world.known.entered} of {world.known.begun}",
        "longest wait, s": world.known.longest_wait,
        "new sources: got in": f"{world.new.entered} of {world.new.begun}",
        "longest wait there, s": world.new.longest_wait,
        "reads": world.dynamodb.reads,
        "writes": world.dynamodb.writes,
        "hashes": world.hashes,
    }

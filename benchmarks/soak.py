"""The soak: `make run` on a real engine under mixed load, with an AWS that fails now and then.

Between the gateway and the engine stands a proxy that loses requests and answers, refuses and delays, at
random. Each worker has an application of its own and a model of it: whom it has made, which tokens are
good, which have ended. A request that is told 503 is sent again until it is answered, as a client would; so
the model knows how it stands, and every answer is held against it.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote, urlsplit

import botocore.session

from benchmarks.page import Row, say
from signet.aws.boto import BotoTransport, make_session
from signet.aws.client import Client
from tests import engine
from tests.deployment import PASSWORD, ROOT
from tests.http_server import SILENCE, Reply, Request, Server, refusal
from tools.audit_table import audit, scan

TEXT = (
    "`make soak`: workers of one process against `make run` on the engine ExtendDB, one application each,"
    " through a proxy that lets one request to DynamoDB in fifty fail, and during two seconds of every "
    "thirty two in three. Milliseconds of an answer, as clients see them, on a machine that the engine, "
    "the gateway and the workers share; what is told 503 is sent again. Memory is the gateway's resident "
    "set, the least within 30 s, when no hash is being made."
)

WORKERS = 4
PAUSE = 0.02
"""Seconds between a worker's requests."""

FAULTS_PER_REQUEST = 0.02
OUTAGE_EVERY, OUTAGE_SECONDS, FAULTS_PER_REQUEST_THEN = 30.0, 2.0, 0.7
"""Three attempts are enough for single faults; in an outage they are not, and callers are told 503."""

KINDS = ("throttled", "5xx", "5xx, and done", "conflict", "lost", "answer lost", "slow")
MOST_PEOPLE = 25
MOST_TOKENS = 12
REPETITIONS = 20
"""How often a worker sends again what is told 503, before it calls that a fault."""

IDLE_SECONDS = 3.0
"""After which the gateway may have closed a connection, or is about to."""

SETTLED_SECONDS = 7.0
"""After an application's tokens were ended: by then all containers know it (APPLICATION_CACHE_SECONDS)."""

WARM_UP_SECONDS = 120.0
WINDOW_SECONDS = 30.0
GROWTH = 0.05
START_SECONDS = 90.0


# --- An AWS that fails ---


class Proxy(Server):
    """Stands before the engine; what it is asked for may be lost, refused or late."""

    def __init__(self, upstream: str, chance: random.Random) -> None:
        super().__init__()
        self._host = urlsplit(upstream).netloc
        self._chance = chance
        self._mine = threading.local()
        self._all: list[http.client.HTTPConnection] = []
        self.is_faulty = True
        self.met: Counter[str] = Counter()

    def take(self, request: Request) -> Reply:
        """Hand a request on, or let it meet a fault."""
        kind = ""
        with self.lock:
            is_outage = time.monotonic() % OUTAGE_EVERY < OUTAGE_SECONDS
            often = FAULTS_PER_REQUEST_THEN if is_outage else FAULTS_PER_REQUEST
            if self.is_faulty and self._chance.random() < often:
                kind = self._chance.choice(KINDS)
            self.met[kind or "none"] += 1
            delay = self._chance.uniform(0.2, 2.5) if kind == "slow" else 0.0
        is_transaction = "TransactWriteItems" in request.headers.get("x-amz-target", "")
        is_write = is_transaction or "UpdateItem" in request.headers.get("x-amz-target", "")
        match kind:
            case "throttled":
                return refusal("ProvisionedThroughputExceededException")
            case "5xx":
                return refusal("InternalServerError", 500)
            case "conflict" if is_write and not is_transaction:
                return refusal("TransactionConflictException")
            case "lost":
                return SILENCE
            case "answer lost":
                self._hand_on(request)
                return SILENCE
            case "5xx, and done" if is_write:
                self._hand_on(request)
                return refusal("InternalServerError", 500)
        answer = self._hand_on(request)
        return Reply(answer, after=delay)

    def close_connections(self) -> None:
        """Close those to the engine."""
        for connection in self._all:
            connection.close()

    def _hand_on(self, request: Request) -> bytes:
        method, target, _ = request.line.split(" ", 2)
        for is_last in (False, True):
            connection = getattr(self._mine, "connection", None)
            if connection is None:
                connection = self._mine.connection = http.client.HTTPConnection(self._host, timeout=60)
                self._all.append(connection)
            try:
                # With the host that was signed.
                connection.request(method, target, request.body, request.headers)
                answer = connection.getresponse()
                body = answer.read()
                break
            except (OSError, http.client.HTTPException):
                connection.close()
                self._mine.connection = None
                if is_last:
                    raise
        kept = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in ("transfer-encoding", "connection", "content-length")
        ]
        lines = "".join(f"{name}: {value}\r\n" for name, value in [*kept, ("Content-Length", str(len(body)))])
        return f"HTTP/1.1 {answer.status} X\r\n{lines}\r\n".encode() + body


@contextlib.contextmanager
def _proxied(upstream: str, chance: random.Random) -> Iterator[Proxy]:
    with Proxy(upstream, chance) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            proxy.close_connections()


# --- The gateway ---


@contextlib.contextmanager
def _gateway(dynamodb: str) -> Iterator[tuple[int, dict[str, str]]]:
    """`make run` on a DynamoDB; gives its process id and what it wrote about its demo."""
    with tempfile.TemporaryDirectory(prefix="signet-soak-") as folder:
        variables = {
            **os.environ,
            "PORT": "0",
            "SIGNET_STATE": folder,
            # A hash's 19 MiB go back at once; else glibc keeps some for each thread that ever made one.
            "MALLOC_MMAP_THRESHOLD_": "1048576",
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
            "AWS_ACCESS_KEY_ID": engine.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": engine.SECRET_ACCESS_KEY,
            "AWS_REGION": engine.REGION,
            "AWS_DEFAULT_REGION": engine.REGION,
        }
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "local"],
                cwd=ROOT,
                env=variables,
                stdout=output,
                stderr=subprocess.DEVNULL,
            )
        shown, end = Path(folder) / "demo.json", time.monotonic() + START_SECONDS
        try:
            while not shown.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"make run did not come up: {log.read_text()}")
                time.sleep(0.1)
            time.sleep(0.5)
            yield process.pid, json.loads(shown.read_text())
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


# --- The model ---


@dataclass
class Token:
    """A session token: whether it is `good`, has `ended`, or nobody knows until all containers have heard."""

    text: str
    state: str = "good"
    since: float = 0.0


@dataclass
class Person:
    """A user, as the model has it."""

    id: str
    email: str | None
    password: str
    tokens: list[Token] = field(default_factory=list)

    def end_all(self) -> None:
        """No token of the person is good any more."""
        for token in self.tokens:
            token.state = "ended"


class Wrong(Exception):
    """An answer that is not what the model says."""


@dataclass
class Seen:
    """What all workers saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: list[str] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)


class Worker:
    """One application, its model, and requests at random."""

    def __init__(self, number: int, demo: Mapping[str, str], seen: Seen, store: Client) -> None:
        self._chance = random.Random(number)  # noqa: S311 - no secret
        self._demo, self._seen, self._store = demo, seen, store
        self._connection = http.client.HTTPConnection(urlsplit(demo["url"]).netloc, timeout=60)
        self._s3 = botocore.session.get_session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=demo["lambdaEndpointUrl"],
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - moto takes any
        )
        self._count, self._sent = 0, 0.0
        self._number = number
        self.people: list[Person] = []
        self._gone: list[Person] = []
        self._groups: dict[str, set[str]] = {}
        made = self._ask(
            "create an application", "POST", "/applications", {"name": f"Soak {number}"}, bearer=None
        )
        self._id, self._api_token = made["applicationId"], made["apiToken"]
        self._experience = f"/applications/{self._id}/experience"
        path = f"/applications/{self._id}"
        self._ask("settings", "PATCH", path, {**UNLIMITED, "requireJwtToken": False}, bearer=None)
        self._ended_at = 0.0

    # Requests.

    def _send(self, what: str, method: str, path: str, body: Any, bearer: str | None) -> tuple[int, Any]:
        headers = {"content-type": "application/json"}
        if bearer is not None:
            headers["authorization"] = f"Bearer {bearer}"
        content = None if body is None else json.dumps(body).encode()
        if isinstance(body, str):
            content, headers["content-type"] = body.encode(), "application/x-www-form-urlencoded"
        begun = time.perf_counter()
        if begun > self._sent + IDLE_SECONDS:
            self._connection.close()
        try:
            self._connection.request(method, path, content, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Wrong(f"{what}: no answer: {error!r}") from error
        self._sent = time.perf_counter()
        self._seen.seconds[what].append(self._sent - begun)
        self._seen.statuses[what][answer.status] += 1
        return answer.status, json.loads(text) if text else None

    def _try(
        self,
        what: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        bearer: str | None = "",
        good: tuple[int, ...],
    ) -> tuple[int, Any, bool]:
        """Send until it is answered: the status, the answer, and whether a 503 came before."""
        bearer = self._api_token if bearer == "" else bearer
        for repetition in range(REPETITIONS):
            status, answer = self._send(what, method, path, body, bearer)
            if status in (429, 503):
                time.sleep(self._chance.uniform(0.05, 0.3))
                continue
            if status not in good:
                raise Wrong(f"{what}: {status} {answer}")
            return status, answer, repetition > 0
        raise Wrong(f"{what}: 503 {REPETITIONS} times")

    def _ask(self, what: str, method: str, path: str, body: Any = None, *, bearer: str | None = "") -> Any:
        return self._try(what, method, path, body, bearer=bearer, good=(200, 201))[1]

    # What a worker does.

    def step(self) -> None:
        """Do one thing, chosen at random."""
        names = [name for name, weight in ACTIONS.items() for _ in range(weight)]
        action: Callable[[], None] = getattr(self, self._chance.choice(names))
        action()

    def create(self) -> None:
        """Make a user."""
        if len(self.people) >= MOST_PEOPLE:
            self.delete()
        self._count += 1
        email = f"p{self._count}.{self._number}@example.com"
        fields: dict[str, Any] = {"email": email, "password": PASSWORD}
        chosen = self._chance.sample(sorted(self._groups), min(len(self._groups), self._chance.randrange(3)))
        fields |= {"experienceGroupIds": chosen} if chosen else {}
        status, answer, again = self._try(
            "create a user", "POST", f"{self._experience}/users", fields, good=(201, 409)
        )
        if status == 409:
            if not again:
                raise Wrong(f"create a user: {answer}")
            answer = self._ask("get a user", "GET", f"{self._experience}/users/{quote(email)}")
        self.people.append(Person(answer["id"], email, PASSWORD))
        for group in chosen:
            self._groups[group].add(answer["id"])

    def delete(self) -> None:
        """Delete one."""
        if (person := self._any()) is None:
            return
        path = f"{self._experience}/users/{person.id}"
        status, answer, again = self._try("delete a user", "DELETE", path, good=(200, 404))
        if status == 404 and not again:
            raise Wrong(f"delete a user: {answer}")
        person.end_all()
        self.people.remove(person)
        self._gone = [*self._gone[-20:], person]
        for members in self._groups.values():
            members.discard(person.id)

    def log_in(self) -> None:
        """Log in, with the right password or a wrong one."""
        if (person := self._any(with_email=True)) is None:
            return
        is_right = self._chance.random() < 0.8
        body = {"email": person.email, "password": person.password if is_right else "incorrect horse"}
        _, answer, _ = self._try(
            "log in", "POST", f"{self._experience}/login", body, bearer=None, good=(200 if is_right else 401,)
        )
        if is_right:
            self._keep(person, answer["token"])

    def issue(self) -> None:
        """Issue a token without a password; sometimes it shall be the only one."""
        if (person := self._any()) is None:
            return
        alone = self._chance.random() < 0.2
        path = f"{self._experience}/users/{quote(person.id)}/token"
        answer = self._ask(
            "issue a token", "POST", path, {"ttl": 3_600_000, "invalidateExistingTokens": alone}
        )
        if alone:
            person.end_all()
        self._keep(person, answer["token"])

    def check(self) -> None:
        """Hold one token against the model."""
        person, token = self._good()
        if person is None or token is None or self._chance.random() < 0.5:
            person = self._any(also_gone=True)
            if person is None or not person.tokens:
                return
            token = self._chance.choice(person.tokens)
        self.check_token(person, token)

    def check_token(self, person: Person, token: Token) -> None:
        """By introspection, the authorizer or authentication."""
        way = self._chance.choice(["introspect", "authorizer", "authenticate"])
        if way == "introspect":
            form = f"token={token.text}&client_id={self._id}&client_secret={self._api_token}"
            is_good = self._ask("introspect", "POST", "/oauth2/introspect", form, bearer=None)["active"]
        elif way == "authorizer":
            # API Gateway's own 500 where the authorizer was told 503.
            for _ in range(REPETITIONS):
                status, _ = self._send("authorizer", "GET", f"{self._experience}/me", None, token.text)
                if status not in (500, 503):
                    break
                time.sleep(0.1)
            if status not in (200, 401, 403):
                raise Wrong(f"authorizer: {status}")
            is_good = status == 200
        else:
            body = {"authMode": "token", "token": token.text, "returnUser": False}
            path = f"{self._experience}/authenticate"
            is_good = self._ask("authenticate by token", "POST", path, body)["authenticated"]
        self._seen.checks[token.state] += 1
        if token.state == "ending" and time.monotonic() > token.since + SETTLED_SECONDS:
            token.state = "ended"
        if token.state != "ending" and is_good is not (token.state == "good"):
            raise Wrong(f"{way}: a token of {person.id} is {token.state} by the model, and is_good={is_good}")

    def end_one(self) -> None:
        """End one token, by its bearer or by the application."""
        _, token = self._good()
        if token is None:
            return
        if self._chance.random() < 0.5:
            path = f"{self._experience}/logout"
            self._try("log out", "POST", path, {}, bearer=token.text, good=(200,))
        else:
            form = f"token={token.text}&client_id={self._id}&client_secret={self._api_token}"
            self._ask("revoke", "POST", "/oauth2/revoke", form, bearer=None)
        token.state = "ended"

    def end_all(self) -> None:
        """End all tokens of a user."""
        if (person := self._any()) is None:
            return
        path = f"{self._experience}/users/{quote(person.id)}/invalidate-tokens"
        self._ask("invalidate a user's", "POST", path, {})
        person.end_all()

    def exchange(self) -> None:
        """Give a token for a new one, which ends all others."""
        person, token = self._good()
        if person is None or token is None:
            return
        body = {
            "authMode": "token",
            "token": token.text,
            "invalidateExistingTokens": True,
            "returnToken": True,
        }
        path = f"{self._experience}/authenticate"
        _, answer, again = self._try("exchange a token", "POST", path, body, good=(200,))
        if not answer["authenticated"] and not again:
            raise Wrong("exchange a token: it is good by the model, and was refused")
        # Refused only behind a 503: that one's write took effect, and nobody could look.
        person.end_all()
        if answer["authenticated"]:
            self._keep(person, answer["token"])

    def change_password(self) -> None:
        """Set another password."""
        if (person := self._any(with_email=True)) is None:
            return
        password = f"{PASSWORD} {self._chance.randrange(10**6)}"
        self._ask(
            "change a password", "PATCH", f"{self._experience}/users/{person.id}", {"password": password}
        )
        person.password = password
        person.end_all()

    def change_groups(self) -> None:
        """Make a group, fill it anew, or delete one."""
        path, choice = f"{self._experience}/groups", self._chance.random()
        ids = [person.id for person in self.people if person.email]
        if choice < 0.3 or not self._groups:
            if len(self._groups) < 5:
                self._count += 1
                made = self._ask("create a group", "POST", path, {"name": f"Group {self._count}"})
                self._groups[made["id"]] = set()
            return
        group = self._chance.choice(sorted(self._groups))
        if choice < 0.9:
            members = self._chance.sample(ids, min(len(ids), self._chance.randrange(6)))
            self._ask("members of a group", "PATCH", f"{path}/{group}", {"experienceUserIds": members})
            self._groups[group] = set(members)
            return
        status, answer, again = self._try("delete a group", "DELETE", f"{path}/{group}", good=(200, 404))
        if status == 404 and not again:
            raise Wrong(f"delete a group: {answer}")
        del self._groups[group]

    def look(self) -> None:
        """Read a user and its groups, or the list."""
        if (person := self._any()) is None:
            return
        if self._chance.random() < 0.3:
            self._ask("list users", "GET", f"{self._experience}/users?perPage=20")
            return
        user = self._ask("get a user", "GET", f"{self._experience}/users/{quote(person.id)}")
        groups = {group["id"] for group in user.get("experienceGroups", [])}
        mine = {group for group, members in self._groups.items() if person.id in members}
        if "partial" not in user and groups != mine:
            raise Wrong(f"get a user: {person.id} is in {groups}, and by the model in {mine}")

    def velt(self) -> None:
        """Mint a user token, and identify by it."""
        user_id = f"v{self._chance.randrange(20)}"
        headers = {"apiKey": self._id, "authToken": self._api_token, "userId": user_id}
        made = self._ask("mint a user token", "POST", "/v1/auth/token/get", {"data": headers}, bearer=None)
        token = made["result"]["data"]["token"]
        data = {"apiKey": self._id, "authToken": token, "user": {"userId": user_id, "name": "Soak"}}
        self._ask("identify", "POST", "/v1/identify", {"data": data}, bearer=None)

    def unverified(self) -> None:
        """Somebody unverified comes, gets a token, reaches the end of its time, and may be removed by TTL."""
        self._count += 1
        user_id = f"w{self._count}"
        data = {"apiKey": self._id, "user": {"userId": user_id, "name": "Guest"}}
        self._ask("identify without a token", "POST", "/v1/identify", {"data": data}, bearer=None)
        person = Person(f"ext:{user_id}", None, "")
        path = f"{self._experience}/users/{quote(person.id)}/token"
        self._keep(person, self._ask("issue a token", "POST", path, {"ttl": 3_600_000})["token"])
        if self._chance.random() < 0.3:
            # An end of its own means that the item has no TTL any more.
            token = person.tokens[0]
            self._try("log out", "POST", f"{self._experience}/logout", {}, bearer=token.text, good=(200,))
            token.state = "ended"
            self._keep(person, self._ask("issue a token", "POST", path, {"ttl": 3_600_000})["token"])
        self.check_token(person, person.tokens[-1])
        self._let_time_pass(user_id)
        person.end_all()
        for token in person.tokens:
            self.check_token(person, token)
        self._try("get who is over", "GET", f"{self._experience}/users/{quote(person.id)}", good=(404,))
        self._gone = [*self._gone[-20:], person]

    def _let_time_pass(self, user_id: str) -> None:
        key = {"pk": {"S": f"APP#{self._id}#USER#x:{user_id}"}, "sk": {"S": "USER"}}
        table, over = self._demo["tableName"], {"N": str(int(time.time()) - 1)}
        found = self._store.call("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})["Item"]
        ends = [name for name in ("unverified_until", "expires_at") if name in found]
        self._store.call(
            "UpdateItem",
            {
                "TableName": table,
                "Key": key,
                "UpdateExpression": "SET " + ", ".join(f"{name} = :over" for name in ends),
                "ExpressionAttributeValues": {":over": over},
            },
        )
        if "expires_at" in ends and self._chance.random() < 0.5:
            self._store.call("DeleteItem", {"TableName": table, "Key": key})

    def end_application(self) -> None:
        """End all tokens of the application; seen everywhere some seconds later."""
        if time.monotonic() < self._ended_at + 30:
            return
        self._ask("invalidate all", "POST", f"{self._experience}/invalidate-tokens", {})
        self._ended_at = time.monotonic()
        for person in [*self.people, *self._gone]:
            for token in person.tokens:
                if token.state == "good":
                    token.state, token.since = "ending", self._ended_at

    def bring(self) -> None:
        """Import some users."""
        self._count += 1
        addresses = [f"i{self._count}.{number}.{self._number}@example.com" for number in range(5)]
        key = f"import/{self._id}/soak{self._count}.jsonl"
        lines = "".join(json.dumps({"email": one, "passwordHash": None}) + "\n" for one in addresses)
        self._s3.put_object(Bucket=self._demo["transferBucket"], Key=key, Body=lines.encode())
        event = {"applicationId": self._id, "key": key, "importId": f"soak{self._count}"}
        for _ in range(REPETITIONS):
            answer = invoke(self._demo, "ImportUsersFunction", event)
            if "errorType" not in answer:
                break
            if answer["errorType"] != "Unavailable":
                raise Wrong(f"import: {answer}")
        if answer.get("counts", {}).get("refused") or answer.get("status") != "complete":
            raise Wrong(f"import: {answer}")
        for one in addresses:
            self._ask("get a user", "GET", f"{self._experience}/users/{quote(one)}")
        self._seen.statuses["import"][200] += 1

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()
        self._s3.close()

    # The model.

    def _any(self, *, with_email: bool = False, also_gone: bool = False) -> Person | None:
        people = self.people + (self._gone if also_gone else [])
        found = [person for person in people if person.email or not with_email]
        return self._chance.choice(found) if found else None

    def _good(self) -> tuple[Person | None, Token | None]:
        good = [(person, token) for person in self.people for token in person.tokens if token.state == "good"]
        return self._chance.choice(good) if good else (None, None)

    def _keep(self, person: Person, text: str) -> None:
        person.tokens = [*person.tokens[-MOST_TOKENS + 1 :], Token(text)]

    def check_all(self) -> None:
        """Hold every token against the model."""
        for person in [*self.people, *self._gone]:
            for token in person.tokens:
                self.check_token(person, token)


ACTIONS = {
    "create": 3,
    "delete": 1,
    "log_in": 8,
    "issue": 8,
    "check": 25,
    "end_one": 6,
    "end_all": 2,
    "exchange": 5,
    "change_password": 1,
    "change_groups": 4,
    "look": 6,
    "velt": 3,
    "unverified": 2,
    "end_application": 1,
    "bring": 1,
}
"""What a worker does, and how often."""

UNLIMITED: dict[str, Any] = {
    "guessing": {name: {"atOnce": 0, "perMinute": 1} for name in ("account", "source", "knownSource")}
}
"""The settings that let one worker try as often as it likes."""


def invoke(demo: Mapping[str, str], function: str, event: Any) -> Any:
    """Invoke a function of the gateway; gives its answer, or Lambda's error."""
    address = urlsplit(demo["lambdaEndpointUrl"])
    connection = http.client.HTTPConnection(address.netloc, timeout=120)
    connection.request("POST", f"/2015-03-31/functions/{function}/invocations", json.dumps(event))
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


# --- Running it ---


@dataclass
class Memory:
    """The gateway's resident set: the time of each sample, and MiB."""

    samples: list[tuple[float, float]] = field(default_factory=list)

    def watch(self, pid: int, began: float, until: threading.Event) -> None:
        """Take samples, each second."""
        while not until.wait(1.0):
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                kib = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
                self.samples.append((time.monotonic() - began, kib / 1024))

    def around(self, start: float, end: float) -> float | None:
        """The least between two times: what is kept when no hash is being made."""
        return min((mib for at, mib in self.samples if start <= at <= end), default=None)


def measure(minutes: float) -> dict[str, list[Row]]:
    """Run it, and give tables of what was seen.

    Raises:
        AssertionError: Something was not as it should be.
    """
    seen, memory, stop = Seen(), Memory(), threading.Event()
    chance = random.Random(0)  # noqa: S311 - no secret
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ))
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        upstream = stack.enter_context(engine.running_engine())
        proxy = stack.enter_context(_proxied(upstream, chance))
        proxy.is_faulty = False
        pid, demo = stack.enter_context(_gateway(proxy.url))
        os.environ |= {
            "AWS_ENDPOINT_URL_DYNAMODB": upstream,
            "AWS_ACCESS_KEY_ID": engine.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": engine.SECRET_ACCESS_KEY,
            "AWS_REGION": engine.REGION,
        }
        store = Client(BotoTransport("dynamodb", make_session(is_bare=True)))
        stack.callback(store.transport.close)
        workers = [Worker(number, demo, seen, store) for number in range(WORKERS)]
        for worker in workers:
            stack.callback(worker.close)
        proxy.is_faulty = True
        began = time.monotonic()
        threads = [threading.Thread(target=memory.watch, args=(pid, began, stop), daemon=True)]
        threads += [
            threading.Thread(target=_work, args=(worker, seen, stop), daemon=True) for worker in workers
        ]
        threads += [threading.Thread(target=_rotate, args=(demo, seen, stop), daemon=True)]
        for thread in threads:
            thread.start()
        end = began + minutes * 60
        while time.monotonic() < end and not (stop.is_set() or len(seen.wrong) > 20):
            time.sleep(min(10.0, max(0.1, end - time.monotonic())))
            say(
                f"Soak: {time.monotonic() - began:.0f} s, {sum(map(len, seen.seconds.values()))} requests, "
                f"{len(seen.wrong)} wrong, {memory.samples[-1][1] if memory.samples else 0:.0f} MiB"
            )
        took = time.monotonic() - began
        stop.set()
        for thread in threads:
            thread.join(60)
        proxy.is_faulty = False
        time.sleep(SETTLED_SECONDS)
        for worker in workers:
            with _noting(seen):
                worker.check_all()
        items = list(scan(store, demo["tableName"]))
        seen.wrong += [f"the table: {fault}" for fault in audit(items)]
    before = memory.around(WARM_UP_SECONDS, WARM_UP_SECONDS + WINDOW_SECONDS)
    after = memory.around(took - WINDOW_SECONDS, took)
    growth = after / before - 1 if before and after and took > WARM_UP_SECONDS + 2 * WINDOW_SECONDS else None
    if growth is not None and growth >= GROWTH:
        seen.wrong.append(f"the gateway's memory grew by {growth:.1%}, from {before:.0f} to {after:.0f} MiB")
    for fault in seen.wrong:
        say(fault)
    if seen.wrong:
        raise AssertionError(f"{len(seen.wrong)} faults, the first: {seen.wrong[0]}")
    total: Row = {
        "": "all",
        "minutes": took / 60,
        "requests": sum(map(len, seen.seconds.values())),
        "told 503": sum(statuses[503] for statuses in seen.statuses.values()),
        "faults of DynamoDB": sum(count for kind, count in proxy.met.items() if kind != "none"),
        "of requests to it": sum(proxy.met.values()),
        **{f"tokens checked, {state}": count for state, count in sorted(seen.checks.items())},
        "items": len(items),
        "wrong": 0,
        "MiB after 2 minutes": before,
        "at the end": after,
        "growth, %": None if growth is None else growth * 100,
    }
    return {
        "": [{"": name, "value": value} for name, value in list(total.items())[1:]],
        "By what was asked": [_row(what, seen) for what in sorted(seen.seconds)],
        "Faults": [{"": kind, "met": count} for kind, count in sorted(proxy.met.items())],
    }


def _row(what: str, seen: Seen) -> Row:
    times = sorted(seen.seconds[what])
    statuses = seen.statuses[what]
    at = {share: times[min(len(times) - 1, int(len(times) * share))] * 1000 for share in (0.5, 0.95, 0.99)}
    return {
        "": what,
        "requests": len(times),
        "p50": at[0.5],
        "p95": at[0.95],
        "p99": at[0.99],
        "most": times[-1] * 1000,
        "statuses": ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())),
    }


@contextlib.contextmanager
def _noting(seen: Seen) -> Iterator[None]:
    try:
        yield
    except Wrong as error:
        seen.wrong.append(str(error))
    except Exception as error:
        seen.wrong.append(f"the soak itself: {error!r}")


def _work(worker: Worker, seen: Seen, stop: threading.Event) -> None:
    while not stop.wait(PAUSE):
        with _noting(seen):
            worker.step()


def _rotate(demo: Mapping[str, str], seen: Seen, stop: threading.Event) -> None:
    """Rotate, and now and then revoke the key that was to sign next."""
    while not stop.wait(15.0):
        with _noting(seen):
            answer = invoke(demo, "RotateKeysFunction", {})
            if "keys" not in answer:
                if answer.get("errorType") not in ("Unavailable", "SigningUnavailable"):
                    raise Wrong(f"rotate: {answer}")
                continue
            if [key["state"] for key in answer["keys"]].count("active") != 1:
                raise Wrong(f"rotate: {answer}")
            seen.statuses["rotate"][200] += 1
            announced = [key["kid"] for key in answer["keys"] if key["state"] == "announced"]
            if announced and random.random() < 0.3:  # noqa: S311 - no secret
                invoke(demo, "RotateKeysFunction", {"emergency": True, "kid": announced[0]})

"""What grows: log-in, check, list, import and export with the users and the groups, on a real engine.

Applications of all sizes stand in one table and take turns. Their items are those that the store writes;
they come into the engine from a file (`benchmarks.prefilled`). Everything is measured through the handlers,
in this process, as `benchmarks.directory` does; hashes cost next to nothing here, since argon2 depends on
none of these.
"""

import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from benchmarks import page
from benchmarks.deployed import deployed_on, peak_mb, timed
from benchmarks.prefilled import Engine, line_of
from signet import wiring
from signet.domain.applications import Application as SignetApplication
from signet.domain.groups import DetailedGroup
from signet.domain.listing import Cursor, Entry
from signet.domain.passwords.hasher import Parameters, PasswordHasher
from signet.domain.users import MAX_GROUPS, User
from signet.store.groups import insert_group
from signet.store.table import Part, Table
from signet.store.tenant import Tenant
from signet.store.users import insert_user
from tests.deployment import CHEAP_HASHES, PASSWORD, START_MS, Deployment

TEXT = (
    "Medians of calls, the sizes in turns, on the engine Dynoxide in memory; hashes are made with next to no "
    "cost, since what argon2id takes does not grow."
)
USERS = (100, 10_000, 1_000_000)
GROUPS = (1, 10, 100, 1_000)
PER_PAGE = 40
DIFFERENT_USERS = 50
"""So many users of an application take turns."""

BULK = (1_000, 20_000)
"""Of an import and an export; the smaller first, since a peak of memory never sinks."""

_CHEAP = Parameters(int(CHEAP_HASHES["ARGON2_MEMORY_KIB"]), int(CHEAP_HASHES["ARGON2_PASSES"]), 1)
_BYTES_A_USER = 4_000
"""Of memory that must be free: the engine takes 2.5 GB for a million users."""

_MARKS = ("5ee7e55ee7e55ee7e55ee7e5", "somebody@example.com", "31415926535")


class WrongAnswerError(RuntimeError):
    """What was measured did not do what it is for."""


@dataclass(slots=True)
class Application:
    """An application that is measured."""

    id: str
    token: str
    users: int = 0
    groups: int = 0
    people: list[tuple[str, str]] = field(default_factory=list)
    """Of some users the id and the address."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something to call.

    Attributes:
        what: For a reader.
        by: What it may grow with: `users` or `groups`.
        size: How many of them there are.
        operation: Which function.
        events: Which take turns.
    """

    what: str
    by: str
    size: int
    operation: str
    events: Sequence[dict[str, Any]]


def measure(runs: int, largest: int = USERS[-1]) -> dict[str, list[page.Row]]:
    """All rows.

    Args:
        runs: How often each call is made.
        largest: No more users than these.

    Raises:
        MissingEngineError: The engine is not installed.
        WrongAnswerError: A handler did not do what it is for.
    """
    sizes, left_out = _sizes(largest)
    with (
        tempfile.TemporaryDirectory(prefix="signet-growth-") as folder,
        Engine(Path(folder)) as dynamodb,
        deployed_on(dynamodb.url, CHEAP_HASHES) as deployment,
    ):
        bulk = [row for size in BULK if size <= largest for row in _bulk(deployment, size)]
        by_users = [Application(*deployment.new_application(f"{size} users"), users=size) for size in sizes]
        by_groups = [
            Application(*deployment.new_application(f"{size} groups"), groups=size) for size in GROUPS
        ]
        page.say(f"Growth: {sum(sizes):,} users into the engine")
        schema = wiring.make_client("dynamodb").call("DescribeTable", {"TableName": deployment.table_name})
        dynamodb.load(schema, _lines(deployment, by_users, by_groups))
        deployment.restart()
        cases = [case for one in by_users for case in _user_cases(deployment, one)]
        cases += [case for one in by_groups for case in _group_cases(deployment, one)]
        rows = _in_turns(deployment, cases, runs)
    kinds = {by: [row for row in rows if row["by"] == by] for by in ("users", "groups")}
    return {"Import and export": bulk, **{f"By {by}. {left_out}".strip(): own for by, own in kinds.items()}}


def _bulk(deployment: Deployment, users: int) -> list[page.Row]:
    """Import and export so many users with hashes that cost nothing, in as many invocations as it takes."""
    page.say(f"Growth: import and export of {users:,} users")
    application_id, _ = deployment.new_application(f"Import of {users}")
    key = f"import/{application_id}/users.jsonl"
    hashed = PasswordHasher(_CHEAP).hash(PASSWORD)
    lines = (json.dumps({"email": who(number)[1], "passwordHash": hashed}) for number in range(users))
    deployment.put_file(key, "\n".join(lines).encode())
    rows: list[page.Row] = []
    for operation, event in (("import_users", {"key": key}), ("export_users", {})):
        done = [timed(deployment, operation, {"applicationId": application_id, **event})]
        while deployment.waiting:
            done.append(timed(deployment, operation, deployment.waiting.pop(0)[1]))
        _expect(operation, done[-1].answer["status"], "complete")
        row: page.Row = {"what": operation, "users": users, "invocations": len(done)}
        row["CPU, ms a user"] = sum(one.cpu_ms for one in done) / users
        row["trips a user"] = sum(len(one.trips) for one in done) / users
        rows.append(row | {"wall, s": sum(one.wall_ms for one in done) / 1000, "peak so far, MiB": peak_mb()})
    return rows


def _sizes(largest: int) -> tuple[list[int], str]:
    """The numbers of users that there is memory for, and what has to be said of the others."""
    meminfo = Path("/proc/meminfo").read_text()
    free = next(int(line.split()[1]) * 1024 for line in meminfo.splitlines() if line.startswith("MemAvail"))
    fitting = [size for size in USERS if size <= largest and size * _BYTES_A_USER <= free]
    lacking = [f"{size:,}" for size in USERS if size not in fitting]
    if not lacking:
        return fitting, ""
    why = "was asked for" if largest < USERS[-1] else f"fits into {free / 1e9:.1f} GB of free memory"
    return fitting, f"Left out: {', '.join(lacking)} users, since no more {why}."


class _Written:
    """Stands for the table where the store writes, and keeps the items that it would have written."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def tenant(self, application_id: str) -> Tenant:
        """As what the store knows an application whose items it shall write here."""
        known = SignetApplication(id=application_id, name="", created_at_ms=0, updated_at_ms=0, generation=0)
        return Tenant(cast("Table", self), known, START_MS)

    def write(self, *parts: Part) -> None:
        """Keep what the parts write; that something is there already is taken for granted."""
        for part in parts:
            request = part.request("")
            if "Put" in request:
                self.items.append(request["Put"]["Item"])


def _lines(
    deployment: Deployment, by_users: Sequence[Application], by_groups: Sequence[Application]
) -> Iterator[str]:
    """Everything that the table is to hold, as lines of an export."""
    password_hash = PasswordHasher(_CHEAP).hash(PASSWORD)
    yield from map(line_of, deployment.items())
    for application in by_groups:
        yield from map(line_of, _group_items(application, password_hash))
    for application in by_users:
        yield from user_lines(application, password_hash)


def user_lines(application: Application, password_hash: str) -> Iterator[str]:
    """The users' items: what the store writes for one, with everybody's own id, address and number in it."""
    mark_id, mark_email, mark_number = _MARKS
    written = _Written()
    user = _user(mark_id, mark_email, tags={"plan": "team", "number": mark_number})
    insert_user(written.tenant(application.id), user, password_hash)
    form = "".join(map(line_of, written.items)).replace("%", "%%")
    for mark, name in zip(_MARKS, ("id", "email", "number"), strict=True):
        form = form.replace(mark, f"%({name})s")
    step = max(1, application.users // DIFFERENT_USERS)
    for number in range(application.users):
        user_id, email = who(number)
        if number % step == 0 and len(application.people) < DIFFERENT_USERS:
            application.people.append((user_id, email))
        yield form % {"id": user_id, "email": email, "number": number}


def who(number: int) -> tuple[str, str]:
    """The id and the address of a user; neither comes in the order of the numbers."""
    mixed = number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    return f"{mixed:016x}{number:08x}", f"{mixed >> 32:08x}.{number}@example.com"


def _user(user_id: str, email: str, **fields: Any) -> User:
    return User(
        id=user_id,
        email=email,
        normal_email=email,
        first_name="Ada",
        last_name="Benson",
        password_version=1,
        created_at_ms=START_MS,
        updated_at_ms=START_MS,
        password_updated_at_ms=START_MS,
        **fields,
    )


def _group_items(application: Application, password_hash: str) -> list[dict[str, Any]]:
    """As many groups as wanted, a user in up to `MAX_GROUPS` of them, as many members in the first."""
    written = _Written()
    tenant = written.tenant(application.id)
    ids = [f"{number:024x}" for number in range(application.groups)]
    for number, group_id in enumerate(ids):
        group = DetailedGroup(
            id=group_id,
            name=f"Group {number}",
            tags={"number": str(number)},
            created_at_ms=START_MS,
            updated_at_ms=START_MS,
        )
        insert_group(tenant, group, [])
    for number in range(application.groups):
        user_id, email = who(number)
        # The first is in many groups, the others are members of the first group alone.
        own = tuple(ids[:MAX_GROUPS]) if number == 0 else (ids[0],)
        insert_user(tenant, _user(user_id, email, group_ids=own), password_hash)
    application.people.append(who(0))
    return written.items


def _user_cases(deployment: Deployment, application: Application) -> Iterator[Case]:
    size, path = application.users, f"/applications/{application.id}/experience"
    yield Case("log in, emailPassword", "users", size, "log_in", _log_ins(deployment, application))
    yield Case("check a token", "users", size, "authorize_request", _checks(deployment, application))
    by_address = sorted((who(number)[1], who(number)[0]) for number in range(size))
    address, user_id = by_address[size // 2]
    places = {"first": "", "middle": Cursor(Entry(f"E#{address}", user_id), size // 2).encode()}
    headers = deployment.bearer(application.token)
    for place, token in places.items():
        event = deployment.event("GET", f"{path}/users?perPage={PER_PAGE}&nextToken={token}", headers=headers)
        page = timed(deployment, "list_users", event).body
        _expect(f"{place} page", len(page["items"]), min(PER_PAGE, size - (size // 2 + 1 if token else 0)))
        yield Case(f"{place} page of the list", "users", size, "list_users", [event])


def _group_cases(deployment: Deployment, application: Application) -> Iterator[Case]:
    size, path = application.groups, f"/applications/{application.id}/experience"
    headers = deployment.bearer(application.token)
    log_ins, checks = _log_ins(deployment, application), _checks(deployment, application)
    here = f"of a user in all groups, {MAX_GROUPS} at most"
    yield Case(f"log in {here}", "groups", size, "log_in", log_ins)
    yield Case(f"check {here}", "groups", size, "authorize_request", checks)
    event = deployment.event("GET", f"{path}/groups?perPage={PER_PAGE}&nextToken=", headers=headers)
    _expect("groups", len(timed(deployment, "list_groups", event).body["items"]), min(PER_PAGE, size))
    yield Case("first page of the groups", "groups", size, "list_groups", [event])
    event = deployment.event("GET", f"{path}/groups/{0:024x}", headers=headers)
    _expect("group", timed(deployment, "get_group", event).status, 200)
    yield Case("a group with as many members", "groups", size, "get_group", [event])


def _log_ins(deployment: Deployment, application: Application) -> list[dict[str, Any]]:
    path = f"/applications/{application.id}/experience/login"
    events = [
        deployment.event("POST", path, {"email": email, "password": PASSWORD})
        for _, email in application.people
    ]
    # The first one may raise the key's max_exp; a hash with other parameters would be replaced at each.
    answer = [timed(deployment, "log_in", event) for event in (*events[:2], events[0])][-1]
    _expect("log in", answer.status, 200)
    _expect("round trips of a log in", answer.trips.count("dynamodb:UpdateItem"), 1)
    return events


def _checks(deployment: Deployment, application: Application) -> list[dict[str, Any]]:
    events = []
    for user_id, _ in application.people:
        here = {"applicationId": application.id, "experienceUserId": user_id}
        token = deployment.invoke("issue_session_token", here)["token"]
        events.append(authorizer_event(deployment, application.id, token))
    _expect("check", timed(deployment, "authorize_request", events[0]).answer["isAuthorized"], wanted=True)
    return events


def authorizer_event(deployment: Deployment, application_id: str, token: str) -> dict[str, Any]:
    """What API Gateway asks the authorizer about a request with this token."""
    path = f"/applications/{application_id}/experience/me"
    return deployment.authorizer_event("GET", path, headers=deployment.bearer(token))


def _in_turns(deployment: Deployment, cases: Sequence[Case], runs: int) -> list[dict[str, Any]]:
    """Call all cases in turns, so that a noisy moment strikes all sizes alike."""
    found: dict[int, list[Any]] = {place: [] for place in range(len(cases))}
    for run in range(runs + 1):
        for place, case in enumerate(cases):
            one = timed(deployment, case.operation, case.events[run % len(case.events)])
            if run:
                found[place].append(one)
    return [_row(case.what, case.by, case.size, found[place]) for place, case in enumerate(cases)]


def _row(what: str, by: str, size: int, found: Sequence[Any]) -> page.Row:
    return {
        "what": what,
        "by": by,
        "size": size,
        "CPU, ms": statistics.median(one.cpu_ms for one in found),
        "wall, ms": statistics.median(one.wall_ms for one in found),
        "trips": [trip.partition(":")[2] for trip in found[-1].trips],
    }


def _expect(what: str, value: object, wanted: object) -> None:
    if value != wanted:
        raise WrongAnswerError(f"{what}: {json.dumps(value)} instead of {json.dumps(wanted)}")

"""What grows: log-in, check, list, import and export with the users and the groups, on a real engine.

Applications of all sizes stand in one table and take turns; their users come by imports. Everything goes
through the handlers, in this process; hashes cost next to nothing, since argon2 depends on none of these.
"""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import page
from benchmarks.deployed import deployed, peak_mb, timed
from signet.domain.listing import Cursor, Entry
from signet.domain.passwords.hasher import Parameters, PasswordHasher
from signet.domain.users import MAX_GROUPS
from tests.deployment import CHEAP_HASHES, PASSWORD, Deployment

TEXT = (
    "Medians of calls, the sizes in turns, on the engine Dynoxide in memory; hashes are made with next to no "
    "cost, since what argon2id takes does not grow. Memory's peak is of the rows above it too."
)
USERS = (100, 1_000)
"""Of the smaller applications, the smallest first, since a peak of memory never sinks."""

GROUPS = (1, 10, 100, 1_000)
PER_PAGE = 40
DIFFERENT_USERS = 50
"""So many users of an application take turns."""


class WrongAnswerError(RuntimeError):
    """What was measured did not do what it is for."""


@dataclass(slots=True)
class Application:
    """An application that is measured: how large it is, and of some of its users the id and the address."""

    id: str
    token: str
    size: int
    people: list[tuple[str, str]]


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


def measure(runs: int, largest: int) -> dict[str, list[page.Row]]:
    """All rows.

    Args:
        runs: How often each call is made.
        largest: How many users the largest application has.

    Raises:
        MissingEngineError: The engine is not installed.
        WrongAnswerError: A handler did not do what it is for.
    """
    bulk: list[page.Row] = []
    with deployed("dynoxide", CHEAP_HASHES) as deployment:
        cases: list[Case] = []
        for size in (*USERS, largest):
            page.say(f"Growth: {size:,} users")
            application = Application(*deployment.new_application(f"{size} users"), size, [])
            bulk.append(_import(deployment, application))
            bulk.append(_in_bulk(deployment, application, "export_users", {}))
            cases += _user_cases(deployment, application)
        for size in GROUPS:
            page.say(f"Growth: {size:,} groups")
            application = Application(*deployment.new_application(f"{size} groups"), size, [])
            groups = [_new_group(deployment, application) for _ in range(size)]
            _import(deployment, application, groups)
            cases += _group_cases(deployment, application, groups[0])
        rows = _in_turns(deployment, cases, runs)
    kinds = {by: [row for row in rows if row["by"] == by] for by in ("users", "groups")}
    return {"Import and export": bulk, **{f"By {by}": own for by, own in kinds.items()}}


def _new_group(deployment: Deployment, application: Application) -> str:
    group = deployment.invoke("create_group", {"applicationId": application.id, "name": "Readers"})
    return str(group["experienceGroupId"])


def _import(deployment: Deployment, application: Application, groups: Sequence[str] = ()) -> page.Row:
    """As many users as its size: the first in up to `MAX_GROUPS` groups, the others in the first of them."""
    cheap = Parameters(int(CHEAP_HASHES["ARGON2_MEMORY_KIB"]), int(CHEAP_HASHES["ARGON2_PASSES"]), 1)
    same = {"passwordHash": PasswordHasher(cheap).hash(PASSWORD), "userTags": {"plan": "team"}}
    lines = []
    for number in range(application.size):
        user_id, email = who(number)
        own = list(groups[: 1 if number else MAX_GROUPS])
        lines.append(json.dumps({"id": user_id, "email": email, "experienceGroupIds": own, **same}))
    # With groups, the one user who is in many of them.
    step = application.size if groups else max(1, application.size // DIFFERENT_USERS)
    application.people = [who(number) for number in range(0, application.size, step)][:DIFFERENT_USERS]
    key = f"import/{application.id}/users.jsonl"
    deployment.put_file(key, "\n".join(lines).encode())
    return _in_bulk(deployment, application, "import_users", {"key": key})


def _in_bulk(
    deployment: Deployment, application: Application, operation: str, event: dict[str, Any]
) -> page.Row:
    """Import or export all users, in as many invocations as it takes."""
    users, done = application.size, [timed(deployment, operation, {"applicationId": application.id, **event})]
    while deployment.waiting:
        done.append(timed(deployment, operation, deployment.waiting.pop(0)[1]))
    _expect(operation, done[-1].answer["status"], "complete")
    row: page.Row = {"what": operation, "users": users, "invocations": len(done)}
    row["CPU, ms a user"] = sum(one.cpu_ms for one in done) / users
    row["trips a user"] = sum(len(one.trips) for one in done) / users
    return row | {"wall, s": sum(one.wall_ms for one in done) / 1000, "peak so far, MiB": peak_mb()}


def who(number: int) -> tuple[str, str]:
    """The id and the address of a user; neither comes in the order of the numbers."""
    mixed = number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    return f"{mixed:016x}{number:08x}", f"{mixed >> 32:08x}.{number}@example.com"


def _user_cases(deployment: Deployment, application: Application) -> Iterator[Case]:
    size, path = application.size, f"/applications/{application.id}/experience"
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


def _group_cases(deployment: Deployment, application: Application, group_id: str) -> Iterator[Case]:
    size, path = application.size, f"/applications/{application.id}/experience"
    headers = deployment.bearer(application.token)
    log_ins, checks = _log_ins(deployment, application), _checks(deployment, application)
    here = f"of a user in all groups, {MAX_GROUPS} at most"
    yield Case(f"log in {here}", "groups", size, "log_in", log_ins)
    yield Case(f"check {here}", "groups", size, "authorize_request", checks)
    event = deployment.event("GET", f"{path}/groups?perPage={PER_PAGE}&nextToken=", headers=headers)
    _expect("groups", len(timed(deployment, "list_groups", event).body["items"]), min(PER_PAGE, size))
    yield Case("first page of the groups", "groups", size, "list_groups", [event])
    event = deployment.event("GET", f"{path}/groups/{group_id}", headers=headers)
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
    # One counts the guess, one notes the log-in.
    _expect("writes of a log in", answer.trips.count("dynamodb:UpdateItem"), 2)
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

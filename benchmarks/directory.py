# ruff: noqa: RUF001 - the signs of a table are meant as they are
"""`python -m benchmarks.directory`: what a directory costs as it grows, on a real engine.

Three applications, of a hundredth, a fifth and all of the users, are imported one after the other, the
smallest first: the peak of a process's memory never sinks, so it shows what more users cost beyond fewer.
"""

import argparse
import hashlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks import pages, samples
from benchmarks.deployed import DEFAULT_ENGINE, Timed, deployed, peak_mb, timed
from benchmarks.report import as_table
from signet import wiring
from signet.domain.listing import MAX_EXAMINED
from signet.domain.passwords.hasher import Parameters, PasswordHasher
from tests.deployment import PASSWORD, Deployment

PAGE_SIZES = (100, 1000)
_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ida", "Jon")
_PLANS = ("free", "team", "enterprise")
_SECONDS_A_CALL = 6.0
"""A call that is slow is repeated for this long, five times at least."""


@dataclass(slots=True)
class Application:
    """An application and its users.

    Attributes:
        id: Its id.
        token: Its API token.
        users: How many users were imported.
        cursors: Of each page size, the cursor of the first, a middle and the last page, by these names.
        somebody: One of the users, as the list shows it.
    """

    id: str
    token: str
    users: int
    cursors: dict[int, dict[str, str]] = field(default_factory=dict)
    somebody: dict[str, Any] = field(default_factory=dict)


class WrongAnswerError(RuntimeError):
    """What was measured did not do what it is for."""


def main(arguments: list[str]) -> int:
    """Return the exit status."""
    options = _parse(arguments)
    command = " ".join(["python -m benchmarks.directory", *arguments])
    results = pages.measured(command, lambda: measure(options))
    pages.write("directory", results, render(results), options.output)
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures, as the JSON holds them.

    Raises:
        WrongAnswerError: Not everybody was imported, exported or listed.
    """
    results: dict[str, Any] = {"engine": options.engine, "users": options.users, "runs": options.runs}
    with (
        tempfile.TemporaryDirectory(prefix="signet-bench-") as folder,
        deployed(options.engine) as deployment,
    ):
        work = Path(folder)
        hashes = {"passwordHash": PasswordHasher(Parameters(64, 1, 1)).hash(PASSWORD)}
        _warm_up(deployment, work, hashes)
        results["peak_mb_before"] = peak_mb()
        applications, results["imports"] = [], []
        for users in _sizes(options.users):
            application = Application(*deployment.new_application(f"With {users}"), users)
            applications.append(application)
            results["imports"].append(_import(deployment, application, work, hashes))
        results["exports"] = [_export(deployment, application) for application in applications]
        results["walks"] = [
            _walk(deployment, application, per_page)
            for application in applications
            for per_page in PAGE_SIZES
        ]
        results["peak_mb_walks"] = peak_mb()
        pages.say("Calls")
        results["calls"] = [
            _repeat(deployment, application, what, operation, event, options.runs)
            for application in applications
            for what, operation, event in _calls(deployment, application)
        ]
        # Last, since eight hashes at a time take more memory than everything before.
        few = Application(*deployment.new_application("With passwords"), options.passwords)
        results["passwords"] = _import(deployment, few, work, {"password": PASSWORD})
    return results


def lines(count: int, secret: Mapping[str, str]) -> Iterator[bytes]:
    """The users of an import; their addresses come in no order, as they would.

    Args:
        count: How many.
        secret: `password` or `passwordHash`.
    """
    for number in range(count):
        mixed = hashlib.sha256(str(number).encode()).hexdigest()
        first, last = _NAMES[int(mixed[0], 16) % 10], _NAMES[int(mixed[1], 16) % 10]
        user = {
            "email": f"{first.lower()}.{mixed[:8]}.{number}@example.com",
            "firstName": first,
            "lastName": f"{last}son",
            "userTags": {"plan": _PLANS[number % 3], "number": str(number)},
            "creationDate": f"2025-{1 + number % 12:02}-{1 + number % 28:02}T12:00:00Z",
            **secret,
        }
        yield json.dumps(user).encode() + b"\n"


def render(results: Mapping[str, Any]) -> str:
    """The page."""
    sections = [
        pages.head(results, f"A directory of {results['users']:,} users", "bench-directory"),
        _moved(results),
        _walked(results),
        _called(results),
    ]
    return "\n\n".join(sections) + "\n"


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.directory", description="Measure a directory as it grows."
    )
    parser.add_argument(
        "--users", type=int, default=100_000, help="users of the largest application (100000)"
    )
    parser.add_argument("--passwords", type=int, default=1000, help="users imported with passwords (1000)")
    parser.add_argument("--runs", type=int, default=30, help="of each call (30)")
    engine = os.environ.get("SIGNET_ENGINE") or DEFAULT_ENGINE
    parser.add_argument("--engine", default=engine, help=f"extenddb or dynoxide ({engine})")
    parser.add_argument("--output", type=Path, default=pages.RESULTS, help="the folder of the results")
    options = parser.parse_args(arguments)
    if options.users < 1000:
        parser.error("--users: 1000 at least")
    return options


def _sizes(users: int) -> tuple[int, int, int]:
    """With 100,000 users, the second has as many as a list by offset looks at."""
    return users // 100, users // 5, users


def _warm_up(deployment: Deployment, work: Path, secret: Mapping[str, str]) -> None:
    """What the first of all calls costs, imports and connections, is no matter of the users' number."""
    application = Application(*deployment.new_application("Warm up"), 100)
    _import(deployment, application, work, secret)
    _export(deployment, application)


def _import(
    deployment: Deployment, application: Application, work: Path, secret: Mapping[str, str]
) -> dict[str, Any]:
    path, key = work / "users.jsonl", f"import/{application.id}/users.jsonl"
    with path.open("wb") as file:
        file.writelines(lines(application.users, secret))
    with path.open("rb") as file:
        # Not `put_file`, which takes the whole file at once: this process's memory is measured.
        bucket = wiring.transfer_bucket().name
        wiring.make_client("s3").call("PutObject", {"Bucket": bucket, "Key": key, "Body": file})
    event = {"applicationId": application.id, "key": key}
    pages.say(f"Import: {application.users:,} users with a {next(iter(secret))}")
    answer, row = _bulk(deployment, "import_users", event)
    nobody_lost = {"read": application.users, "created": application.users, "exists": 0, "refused": 0}
    _expect("import", answer["counts"], nobody_lost)
    return {"users": application.users, "file_mb": path.stat().st_size / 1e6, **row}


def _export(deployment: Deployment, application: Application) -> dict[str, Any]:
    pages.say(f"Export: {application.users:,} users")
    answer, row = _bulk(deployment, "export_users", {"applicationId": application.id})
    _expect("export", answer["users"], application.users)
    head = wiring.transfer_bucket().head(answer["key"])
    return {"users": application.users, "file_mb": head.size / 1e6, **row}


def _bulk(deployment: Deployment, operation: str, event: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Run an import or an export to its end, in as many invocations as it takes."""
    done = [timed(deployment, operation, event)]
    while deployment.waiting:
        _, event = deployment.waiting.pop(0)
        done.append(timed(deployment, operation, event))
    answer = done[-1].answer
    _expect(operation, answer["status"], "complete")
    row = {
        "wall_s": sum(one.wall_ms for one in done) / 1000,
        "cpu_s": sum(one.cpu_ms for one in done) / 1000,
        "invocations": len(done),
        "trips": dict(sum((Counter(one.trips) for one in done), Counter())),
        "peak_mb": peak_mb(),
    }
    return answer, row


def _walk(deployment: Deployment, application: Application, per_page: int) -> dict[str, Any]:
    """Walk all users by cursor; remember where the first, a middle and the last page begin."""
    pages.say(f"Walk: {application.users:,} users, {per_page} a page")
    tokens, walls, cpus, ids = [""], [], [], set[str]()
    users: list[Any] = []
    while True:
        one = timed(deployment, "list_users", _list(deployment, application, per_page, nextToken=tokens[-1]))
        _expect(f"page {len(tokens)}", (one.status, one.body.get("message")), (200, None))
        users = one.body["items"]
        ids |= {user["id"] for user in users}
        walls.append(one.wall_ms)
        cpus.append(one.cpu_ms)
        if "nextToken" not in one.body:
            break
        application.somebody = application.somebody or users[-1]
        tokens.append(one.body["nextToken"])
    application.somebody = application.somebody or users[0]
    _expect("walk", len(ids), application.users)
    middle = tokens[len(tokens) // 2]
    application.cursors[per_page] = {"first": tokens[0], "middle": middle, "last": tokens[-1]}
    tenth = max(1, len(walls) // 10)
    return {
        "users": application.users,
        "per_page": per_page,
        "pages": len(walls),
        "wall_s": sum(walls) / 1000,
        "cpu_s": sum(cpus) / 1000,
        "first_tenth": {
            "wall_ms": statistics.median(walls[:tenth]),
            "cpu_ms": statistics.median(cpus[:tenth]),
        },
        "last_tenth": {
            "wall_ms": statistics.median(walls[-tenth:]),
            "cpu_ms": statistics.median(cpus[-tenth:]),
        },
    }


def _calls(
    deployment: Deployment, application: Application
) -> Iterator[tuple[str, str, Callable[[], dict[str, Any]]]]:
    """What is called again and again: its name, its operation, and what makes its event."""

    def listing(per_page: int, **parameters: object) -> Callable[[], dict[str, Any]]:
        return lambda: _list(deployment, application, per_page, **parameters)

    for per_page in PAGE_SIZES:
        for place, token in application.cursors[per_page].items():
            yield f"{place} page by cursor, {per_page}", "list_users", listing(per_page, nextToken=token)
        within = min(application.users, MAX_EXAMINED)
        last = max(0, within // per_page - 1)
        yield f"first page by offset, {per_page}", "list_users", listing(per_page)
        if last:
            yield f"page {last} by offset, {per_page}", "list_users", listing(per_page, page=last)
        if application.users > MAX_EXAMINED:
            yield f"page {last + 1} by offset, {per_page}", "list_users", listing(per_page, page=last + 1)
    by_name = {"filterField": "lastName", "filter": "ad*"}
    yield "filter, by offset, 100", "list_users", listing(100, **by_name)
    yield "another order, by offset, 100", "list_users", listing(100, sortField="creationDate")
    path, headers = f"/applications/{application.id}/experience", deployment.bearer(application.token)
    user = application.somebody
    one = deployment.event("GET", f"{path}/users/{user['id']}", headers=headers)
    yield "get one user", "get_user", lambda: one
    login = deployment.event("POST", f"{path}/login", {"email": user["email"], "password": PASSWORD})
    yield "log in", "log_in", lambda: login


def _list(
    deployment: Deployment, application: Application, per_page: int, **parameters: object
) -> dict[str, Any]:
    query = urlencode({"perPage": per_page, **parameters})
    path = f"/applications/{application.id}/experience/users?{query}"
    return deployment.event("GET", path, headers=deployment.bearer(application.token))


def _repeat(
    deployment: Deployment,
    application: Application,
    what: str,
    operation: str,
    event: Callable[[], dict[str, Any]],
    runs: int,
) -> dict[str, Any]:
    # Twice beforehand: the first login of a user who was imported replaces the hash.
    for _ in range(2):
        timed(deployment, operation, event())
    found: list[Timed] = []
    started = time.monotonic()
    for run in itertools.count(1):
        found.append(timed(deployment, operation, event()))
        if run >= runs or (run >= 5 and time.monotonic() - started > _SECONDS_A_CALL):
            break
    last = found[-1]
    answer = {key: value for key, value in last.body.items() if key in ("message", "totalCount", "count")}
    answer |= {"isLowerBound": True} if last.body.get("totalCountIsLowerBound") else {}
    return {
        "users": application.users,
        "what": what,
        "runs": len(found),
        "status": last.status,
        "answer": answer,
        "wall_ms": samples.quartiles([one.wall_ms for one in found]),
        "cpu_ms": samples.quartiles([one.cpu_ms for one in found]),
        "trips": last.counted,
        "peak_mb": peak_mb(),
    }


def _expect(what: str, value: object, wanted: object) -> None:
    if value != wanted:
        raise WrongAnswerError(f"{what}: {value!r} instead of {wanted!r}")


def _moved(results: Mapping[str, Any]) -> str:
    rows = [("import, hashes", row) for row in results["imports"]]
    rows += [("export", row) for row in results["exports"]]
    rows += [("import, passwords", results["passwords"])]
    table = as_table(
        [
            "",
            "users",
            "file, MB",
            "wall, s",
            "CPU, s",
            "users/s",
            "CPU, ms a user",
            "invocations",
            "round trips a user",
            "peak memory so far, MiB",
        ],
        [
            [
                name,
                f"{row['users']:,}",
                f"{row['file_mb']:.2f}",
                f"{row['wall_s']:.1f}",
                f"{row['cpu_s']:.1f}",
                f"**{row['users'] / row['wall_s']:,.0f}**",
                f"{row['cpu_s'] / row['users'] * 1000:.2f}",
                str(row["invocations"]),
                f"{sum(row['trips'].values()) / row['users']:.3f}",
                f"**{row['peak_mb']:.1f}**",
            ]
            for name, row in rows
        ],
    )
    trips = "\n".join(
        f"- {name}, {row['users']:,}: "
        + ", ".join(f"{trip} {count:,}" for trip, count in sorted(row["trips"].items()))
        for name, row in rows
    )
    return (
        "## Import and export\n\nThe lines have an argon2id hash that costs nothing, or a password, which is "
        "hashed with the template's parameters. In the order in which it was done, the passwords after "
        "everything else here. Before it, when a hundred users had been imported and exported, the process "
        f"had {results['peak_mb_before']:.1f} MiB at its peak.\n\n"
        f"{table}\n\n<details><summary>Round trips</summary>\n\n{trips}\n\n</details>"
    )


def _walked(results: Mapping[str, Any]) -> str:
    table = as_table(
        [
            "users",
            "a page",
            "pages",
            "wall, s",
            "CPU, s",
            "a page of the first tenth: wall, CPU, ms",
            "of the last tenth",
            "CPU ×",
        ],
        [
            [
                f"{row['users']:,}",
                str(row["per_page"]),
                f"{row['pages']:,}",
                f"{row['wall_s']:.2f}",
                f"{row['cpu_s']:.2f}",
                *(
                    f"{row[tenth]['wall_ms']:.1f}, {row[tenth]['cpu_ms']:.1f}"
                    for tenth in ("first_tenth", "last_tenth")
                ),
                f"**{row['last_tenth']['cpu_ms'] / row['first_tenth']['cpu_ms']:.2f}**",
            ]
            for row in results["walks"]
        ],
    )
    return (
        "## Walks by cursor\n\nFrom the first page to the last; every user came, and once. Peak memory of "
        f"the process after them: {results['peak_mb_walks']:.1f} MiB.\n\n{table}"
    )


def _called(results: Mapping[str, Any]) -> str:
    table = as_table(
        [
            "",
            "users",
            "status",
            "wall, ms",
            "quartiles",
            "CPU, ms",
            "round trips",
            "users in the answer",
            "totalCount",
            "peak so far, MiB",
        ],
        [
            [
                row["what"],
                f"{row['users']:,}",
                str(row["status"]),
                f"**{row['wall_ms'][1]:.1f}**",
                f"{row['wall_ms'][0]:.1f} – {row['wall_ms'][2]:.1f}",
                f"{row['cpu_ms'][1]:.1f}",
                ", ".join(f"{count} {trip.partition(':')[2]}" for trip, count in row["trips"].items()),
                str(row["answer"].get("count", "–")),
                _total(row["answer"]),
                f"{row['peak_mb']:.0f}",
            ]
            for row in sorted(
                results["calls"], key=lambda row: (_place(results, row), row["what"], row["users"])
            )
        ],
    )
    refusals = {row["answer"]["message"]: None for row in results["calls"] if row["status"] >= 400}
    said = "".join(f"\n\nThe 400 says: {message}" for message in refusals)
    return (
        f"## Calls\n\nMedians of {results['runs']} calls, of fewer where one takes long; the number behind a "
        f"page is how many users it may hold.\n\n{table}{said}"
    )


def _total(answer: Mapping[str, Any]) -> str:
    if "totalCount" not in answer:
        return "–"
    return f"{'≥ ' if answer.get('isLowerBound') else ''}{answer['totalCount']:,}"


def _place(results: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    """Rows of one kind stand together, in the order of the largest application that has such a row."""
    last = next(one for one in reversed(results["calls"]) if one["what"] == row["what"])
    same = [one["what"] for one in results["calls"] if one["users"] == last["users"]]
    return same.index(row["what"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# ruff: noqa: RUF001 - the signs of a table are meant as they are
"""The page that shows the results: Markdown, made of the JSON and of nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks import cold, goals, hot_partitions, prices

COUNTERPARTS = {
    "issue_identity_token": "tutorial.mint",
    "issue_session_token": "tutorial.mint",
    "issue_user_token": "tutorial.mint",
    "log_in": "tutorial.sign_in",
    "authenticate": "tutorial.verify",
    "authorize_request": "tutorial.verify",
    "introspect_token": "tutorial.verify",
}
"""Which of the tutorial's routes does what an operation does."""

LOGIN = ("log_in", "authenticate")
CHECK = ("authorize_request", "introspect_token", "authenticate")
"""What a user does 20 and 200 times a month: the first of each that is there."""


def render(results: Mapping[str, Any]) -> str:
    """The whole page."""
    sections = [_head(results), _reach(results)]
    for name, render_part in _PARTS.items():
        if name in results["parts"]:
            sections.append(render_part(results["parts"][name]))
    if results["faults"]:
        sections.append("## Not measured\n\n" + "\n".join(f"- {fault}" for fault in results["faults"]))
    return "\n\n".join(filter(None, sections)) + "\n"


def login_and_check(rows: Mapping[str, Mapping[str, Any]]) -> tuple[str, str] | None:
    """The rows that stand for a login and for a check, where the build has such operations."""
    found = [
        next((name for wanted in names for name, row in rows.items() if row["operation"] == wanted), None)
        for names in (LOGIN, CHECK)
    ]
    return (found[0], found[1]) if found[0] and found[1] else None


def _head(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    spent = ", ".join(
        f"{part} {seconds / 60:.1f}" for part, seconds in results["seconds"].items() if seconds > 1
    )
    return (
        f"# Results of {results['date']}\n\n"
        "Made by `make bench`; how to read them, and what is simulated: "
        "[docs/performance.md](../../docs/performance.md). Do not edit: the next run writes it anew.\n\n"
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}; Python "
        f"{machine['python']}; load before {machine['load']}. Command: `{results['command']}`, which took "
        f"{results['minutes']:.0f} minutes ({spent}). Commit: {results['commit']}."
    )


def _reach(results: Mapping[str, Any]) -> str:
    rows = goals.goals(results["parts"])
    if not rows:
        return ""
    table = as_table(
        ["figure", "at most", "measured", "reached?"],
        [
            [goal.figure, f"{goal.at_most:g}{goal.unit}", goal.said, "yes" if goal.is_reached else "**no**"]
            for goal in rows
        ],
    )
    return (
        "## Figures to reach\n\nWhere a figure has several parts, the worst decides; it stands in bold.\n\n"
        f"{table}"
    )


def _cold(part: Mapping[str, Any]) -> str:
    rows = part["subjects"]
    base = rows[cold.BASELINE]
    table = as_table(
        [
            "function",
            "ready, wall",
            "ready, CPU",
            "×",
            "answer, wall",
            "answer, CPU",
            "×",
            "±",
            "peak",
            "modules",
        ],
        [
            [
                f"`{name}`",
                f"{row['ready_wall']:.0f}",
                f"{row['ready_cpu']:.0f}",
                f"{row['ready_cpu'] / base['ready_cpu']:.2f}",
                f"{row['answer_wall']:.0f}",
                f"{row['answer_cpu']:.0f}",
                f"**{row['answer_cpu'] / base['answer_cpu']:.2f}**",
                f"{row['answer_cpu_spread'] * 100:.0f} %",
                f"{row['peak_mb']:.0f}",
                f"{row['modules']['ready']} + {row['modules']['answered'] - row['modules']['ready']}",
            ]
            for name, row in rows.items()
        ],
    )
    imports = as_table(
        ["function", "where its imports' time goes, until the first answer (ms)"],
        [
            [
                f"`{name}`",
                ", ".join(f"{p} {ms:.0f}" for p, ms in row["modules"]["packages_ms"].items() if ms >= 1),
            ]
            for name, row in rows.items()
        ],
    )
    return (
        "## Cold start\n\n"
        f"Medians of {part['runs']} fresh processes each, taken in turns; milliseconds, MB; × is CPU against "
        f"`{cold.BASELINE}` in the same run; ± is half the distance between the quartiles of the first "
        "answer's CPU. Modules: imported until it is ready + until the first answer, beyond those of the "
        f"runtime client.\n\n{table}\n\n<details><summary>Imports</summary>\n\nBy `-X importtime`, which "
        f"makes them slower, in a run of its own.\n\n{imports}\n\n</details>"
    )


def _warm(part: Mapping[str, Any]) -> str:
    rows = part["subjects"]
    lines = []
    for name, row in rows.items():
        against = rows.get(COUNTERPARTS.get(row["operation"], ""))
        floor = row["floor_cpu_us"]
        lines.append(
            [
                f"`{name}`",
                f"{row['cpu_us']:.0f}",
                f"{row['cpu_spread'] * 100:.0f} %",
                f"{floor:.0f}" if floor else "–",
                f"**{row['cpu_us'] / floor:.2f}**" if floor else "–",
                f"{row['argon2_us']:.0f}" if row["argon2_us"] else "–",
                f"**{goals.beyond_argon2(row):.2f}**" if floor and row["argon2_us"] else "–",
                f"{row['beyond_us'] - row['floor_beyond_us']:.0f}" if floor else "–",
                f"{row['cpu_us'] / against['cpu_us']:.2f}" if against else "–",
                f"{row['wall_us']:.0f}",
                ", ".join(row["floor"]) or "–",
            ]
        )
    head = [
        "operation",
        "CPU, µs",
        "±",
        "floor, µs",
        "×",
        "argon2id, µs",
        "× beyond it",
        "above, µs",
        "× tutorial",
        "wall, µs",
        "what the floor does",
    ]
    return (
        "## Warm\n\n"
        f"CPU of the handler's process for one call; medians of calls taken in turns with the floor for "
        f"{part['seconds']:g} s each; ± is half the distance between the quartiles. What argon2id takes is "
        "measured inside each call, and left out of *beyond it* and *above* on both sides. AWS's runtime "
        f"client adds {part['runtime_cpu_ms'] * 1000:.0f} µs to every call of any "
        f"function.\n\n{as_table(head, lines)}"
    )


def _trips(part: Mapping[str, Any]) -> str:
    table = as_table(
        ["operation", "round trips", "calls", "read units", "write units", "cold: round trips"],
        [
            [
                f"`{name}`",
                str(len(row["trips"])),
                ", ".join(row["trips"]) or "–",
                f"{row['units']['read']:g}" if row["units"] else "?",
                f"{row['units']['write']:g}" if row["units"] else "?",
                str(len(row["cold_trips"])),
            ]
            for name, row in part["subjects"].items()
        ],
    )
    return f"## Round trips and consumed units\n\nOf a warm call.\n\n{table}"


def _growth(part: Mapping[str, Any]) -> str:
    sections = [
        f"## Growth\n\nMedian CPU of the handler's process for one call, in milliseconds, wall time in "
        f"brackets; {part['runs']} calls each, the sizes in turns. Engine: {part['engine']}, in memory, in a "
        f"process of its own, with {sum(part['users']):,} users in one table, which it read in "
        f"{part['load_s']:.0f} s. Hashes are made with next to no cost (64 KiB, one pass): what argon2id "
        "takes does not grow, and stands under *Warm*. "
        f"× is the CPU of the largest against the smallest. {part['left_out']}".rstrip()
    ]
    for by, title in (
        ("users", "users in the application"),
        ("groups", "groups"),
        ("keys", "keys in the ring"),
    ):
        rows = [row for row in part["rows"] if row["by"] == by]
        names = list(dict.fromkeys(row["what"] for row in rows))
        sizes = sorted({row["size"] for row in rows})
        lines = []
        for name in names:
            found = {row["size"]: row for row in rows if row["what"] == name}
            first, last = found[min(found)], found[max(found)]
            ratio = last["cpu_ms"][1] / first["cpu_ms"][1]
            trips = ", ".join(f"{count} {trip.partition(':')[2]}" for trip, count in last["trips"].items())
            cells = [
                f"{row['cpu_ms'][1]:.2f} ({row['wall_ms'][1]:.2f})" if (row := found.get(size)) else ""
                for size in sizes
            ]
            lines.append([name, *cells, f"**{ratio:.2f}**" if len(found) > 1 else "–", trips or "–"])
        table = as_table([title, *(f"{size:,}" for size in sizes), "×", "round trips"], lines)
        sections.append(f"### With the {title}\n\n{table}")
    return "\n\n".join(sections)


def _partitions(part: Mapping[str, Any]) -> str:
    rows = []
    for name, one in part["floods"].items():
        for load in one["loads"]:
            at = load["limit_rate"]
            rows.append(
                [
                    f"`{name}`",
                    f"`{load['partition']}`",
                    f"{load['units']:g} {load['kind']}",
                    load["why"],
                    f"{load['a_second']:,.0f} of {load['limit']:,.0f}",
                    f"**{at:,.0f}**" if at is not None else "never",
                ]
            )
    table = as_table(
        [
            "operation",
            "partition key",
            "units",
            "read or written by",
            "units a second",
            "too hot at, a second",
        ],
        rows,
    )
    whole = as_table(
        ["operation", "takes, ms", "containers", "read units a second", "write units a second"],
        [
            [
                f"`{name}`",
                f"{one['duration_ms']:.0f}",
                f"{one['containers']:,.0f}",
                f"{one['read']:,.0f}",
                f"{one['write']:,.0f}",
            ]
            for name, one in part["floods"].items()
        ],
    )
    new = hot_partitions.NEW_TABLE
    index = "; ".join(
        f"`{name}` writes {each:g} there, and so {limit:,.0f} a second at most"
        if limit is not None
        else f"`{name}` writes nothing there"
        for name, (each, limit) in part["index"].items()
    )
    return (
        f"## Hot partitions\n\n{part['rate']:,.0f} requests a second, all to one application: arithmetic on "
        f"the units above and the warm CPU, with {prices.TRIP_MS:g} ms for a round trip and the template's "
        "memory. One "
        f"partition gives {hot_partitions.PARTITION_LIMITS['read']:,.0f} read and "
        f"{hot_partitions.PARTITION_LIMITS['write']:,.0f} write units a second; `{hot_partitions.OWN}` is "
        "one user's key, one of as many as there are users. Containers: those that are busy at a "
        "time, rate × duration; "
        "Lambda's default limit for an account is 1,000.\n\n"
        f"{table}\n\n{whole}\n\nA new table on demand takes {new['read']:,.0f} read and {new['write']:,.0f} "
        "write units a second at once, and grows from there: warm it up before such a rush. Should all "
        "containers start within one second, each reads the two keys that they share once in it. In the "
        "index, all of an "
        f"application's users have one partition key: {index}."
    )


def _size(part: Mapping[str, Any]) -> str:
    def rows(layer: Mapping[str, Any]) -> list[list[str]]:
        return [
            [
                name,
                _mb(row["unzipped"]),
                _mb(row["pyc"]),
                _mb(row["zipped"]),
                "yes" if row["provided"] else "",
                _mb(sum(row["unused"].values())) if row["unused"] else "",
                ", ".join(
                    f"`{module}` {_mb(size)}"
                    for module, size in sorted(row["unused"].items(), key=lambda item: -item[1])[:4]
                    if size >= 50_000
                ),
            ]
            for name, row in layer["packages"].items()
        ] + [
            ["**all**", _mb(layer["unzipped"]), _mb(layer["pyc"]), _mb(layer["zipped"]), "", "", ""],
            [
                *("**without what Lambda has**", _mb(layer["own_unzipped"]), "", _mb(layer["own_zipped"])),
                *("", "", ""),
            ],
        ]

    head = ["package", "unzipped, MB", "of it .pyc", "zipped, MB", "in Lambda's runtime"]
    unused = ["modules that no function imports, MB", "the largest of them"]
    tutorial = as_table(head, [row[: len(head)] for row in rows(part["tutorial"])])
    functions = ", ".join(f"`{name}` {size:,}" for name, size in part["functions"].items())
    return (
        "## Size\n\nThe layer for arm64. What no function imports with any event of `events/` shows where to "
        "look for what could go; [docs/performance.md](../../docs/performance.md#size) says what has to "
        "stay.\n\n"
        f"{as_table([*head, *unused], rows(part['layer']))}\n\nThe functions' own code, in bytes: "
        f"{functions}.\n\n"
        f"<details><summary>The tutorial function's packages</summary>\n\n{tutorial}\n\n</details>"
    )


def _price(part: Mapping[str, Any]) -> str:
    table = as_table(
        ["a million of", "total", "requests", "duration", "HTTP API", "DynamoDB", "KMS", "logs"],
        [
            [f"`{name}`", f"**${cost['total']:.2f}**", *(f"{cost[key]:.2f}" for key in _COSTS)]
            for name, cost in part["operations"].items()
        ],
    )
    listed = as_table(
        ["price", "dollars", "for a", "published at", "checked"],
        [
            [name, f"{row['dollars']:.10g}" if row["dollars"] >= 0.001 else f"{row['dollars']:.10f}", *rest]
            for name, row in part["prices"].items()
            for rest in [[row["unit"], row["page"], row["checked"]]]
        ],
    )
    text = (
        f"## Price\n\nList prices of {part['region']} as of {part['as_of']}; Lambda on arm64 with the "
        f"template's memory, {prices.TRIP_MS:g} ms for a round trip.\n\n{table}\n\n<details><summary>The "
        f"prices, and how each was checked</summary>\n\n{listed}\n\n</details>"
    )
    if part["snap_start"]:
        text += f"\n\n{_snap_start(part['snap_start'])}"
    users = part.get("users")
    if users is None:
        return (
            f"{text}\n\nThe price of a million users needs an operation that logs in ({', '.join(LOGIN)}) "
            f"and one that checks ({', '.join(CHECK)}); this build lacks one."
        )
    counts = users["counts"]
    plans = as_table(
        ["dollars a month", *(f"{count:,} users" for count in counts)],
        [
            [f"**{n}**" if n == "Signet" else n, *(f"{v:,.0f}" for v in row)]
            for n, row in users["monthly"].items()
        ],
    )
    sources = as_table(
        ["plan", "published at", "checked", ""],
        [[plan.name, plan.page, plan.checked, plan.note] for plan in prices.PLANS],
    )
    million = users["million"]
    share = as_table(
        ["dollars for a million users a month", *million],
        [["", *(f"{dollars:,.0f}" for dollars in million.values())]],
    )
    return (
        f"{text}\n\n### A month of users\n\n{prices.LOGINS_A_MONTH} logins (`{users['login']}`) and "
        f"{prices.CHECKS_A_MONTH} checks (`{users['check']}`) for each user.\n\n{share}\n\n{plans}\n\n"
        f"![price](price.svg)\n\n{sources}\n\n{prices.WITHOUT_A_RATE}"
    )


def _snap_start(rows: Mapping[str, Mapping[str, float]]) -> str:
    table = as_table(
        [
            "function",
            "memory, MB",
            "a month, dollars",
            "a million restores",
            "a million initializations instead",
        ],
        [
            [
                f"`{name}`",
                f"{row['memory']:.0f}",
                f"{row['month']:.2f}",
                f"{row['restores']:.2f}",
                f"{row['initializations']:.2f}",
            ]
            for name, row in rows.items()
        ]
        + [["**all**", "", f"**{sum(row['month'] for row in rows.values()):.2f}**", "", ""]],
    )
    return (
        "### SnapStart\n\nFor one published version of each function of the hot path, and what its "
        "initializations would cost without: as long as *ready* took here, billed as duration. "
        f"[docs/performance.md](../../docs/performance.md#snapstart) says when it is worth that.\n\n{table}"
    )


_COSTS = ("requests", "duration", "gateway", "table", "keys", "logs")
_PARTS = {
    "cold": _cold,
    "warm": _warm,
    "trips": _trips,
    "growth": _growth,
    "partitions": _partitions,
    "size": _size,
    "price": _price,
}


def _mb(size: float) -> str:
    return f"{size / 1e6:.2f}"


def as_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

# ruff: noqa: RUF001 - the signs of a table are meant as they are
"""The page that shows the results: Markdown, made of the JSON and of nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks import cold, prices

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
    return (
        f"# Results of {results['date']}\n\n"
        "Made by `make bench`; how to read them, and what is simulated: "
        "[docs/performance.md](../../docs/performance.md). Do not edit: the next run writes it anew.\n\n"
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}; Python "
        f"{machine['python']}; load before {machine['load']}. Command: `{results['command']}`, which took "
        f"{results['minutes']:.0f} minutes. Commit: {results['commit']}."
    )


def _reach(results: Mapping[str, Any]) -> str:
    rows = list(_reached(results["parts"]))
    if not rows:
        return ""
    table = as_table(
        ["figure", "at most", "measured", ""],
        [[what, limit, value, "reached" if good else "**not reached**"] for what, limit, value, good in rows],
    )
    return f"## Against the goals\n\n{table}"


def _reached(parts: Mapping[str, Any]) -> Iterable[tuple[str, str, str, bool]]:
    if "cold" in parts:
        rows = parts["cold"]["subjects"]
        base = rows[cold.BASELINE]
        for stage in ("ready", "answer"):
            ratios = {
                name: row[f"{stage}_cpu"] / base[f"{stage}_cpu"]
                for name, row in rows.items()
                if row["kind"] == "signet"
            }
            strict = {
                n: r
                for n, r in ratios.items()
                if rows[n]["operation"] in ("publish_jwks", "authorize_request")
            }
            for limit, group in ((0.5, ratios), (0.4, strict)):
                if group:
                    worst = max(group, key=lambda name: group[name])
                    text = f"cold start, CPU, {'ready' if stage == 'ready' else 'first answer'}"
                    yield f"{text}: `{worst}`", f"{limit} ×", f"{group[worst]:.2f} ×", group[worst] <= limit
    if "warm" in parts:
        goals = ("authorize_request", "authenticate", "log_in", "issue_identity_token", "issue_user_token")
        for name, row in parts["warm"]["subjects"].items():
            if row["operation"] in goals and row["floor_cpu_us"]:
                ratio = row["cpu_us"] / row["floor_cpu_us"]
                yield f"warm CPU against its floor: `{name}`", "1.25 ×", f"{ratio:.2f} ×", ratio <= 1.25
    if "size" in parts:
        for what, limit in (("unzipped", 45), ("zipped", 15)):
            value = parts["size"]["layer"][f"own_{what}"] / 1e6
            yield f"layer without what Lambda has, {what}", f"{limit} MB", f"{value:.1f} MB", value <= limit


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
                f"{floor:.0f}" if floor else "–",
                f"**{row['cpu_us'] / floor:.2f}**" if floor else "–",
                f"{row['cpu_us'] - floor:.0f}" if floor else "–",
                f"{row['cpu_us'] / against['cpu_us']:.2f}" if against else "–",
                f"{row['wall_us']:.0f}",
                ", ".join(row["floor"]) or "–",
            ]
        )
    head = [
        "operation",
        "CPU, µs",
        "floor, µs",
        "×",
        "above, µs",
        "× tutorial",
        "wall, µs",
        "what the floor does",
    ]
    return (
        "## Warm\n\n"
        f"CPU of the handler's process for one call; medians of calls taken in turns with the floor for "
        f"{part['seconds']:.0f} s each. AWS's runtime client adds {part['runtime_cpu_ms'] * 1000:.0f} µs to "
        f"every call of any function.\n\n{as_table(head, lines)}"
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


def _size(part: Mapping[str, Any]) -> str:
    def rows(layer: Mapping[str, Any]) -> list[list[str]]:
        return [
            [
                name,
                _mb(row["unzipped"]),
                _mb(row["pyc"]),
                _mb(row["zipped"]),
                "yes" if row["provided"] else "",
            ]
            for name, row in layer["packages"].items()
        ] + [
            ["**all**", _mb(layer["unzipped"]), _mb(layer["pyc"]), _mb(layer["zipped"]), ""],
            ["**without what Lambda has**", _mb(layer["own_unzipped"]), "", _mb(layer["own_zipped"]), ""],
        ]

    head = ["package", "unzipped, MB", "of it .pyc", "zipped, MB", "in Lambda's runtime"]
    functions = ", ".join(f"`{name}` {size:,}" for name, size in part["functions"].items())
    return (
        f"## Size\n\nThe layer for arm64.\n\n{as_table(head, rows(part['layer']))}\n\nThe functions' own "
        f"code, in bytes: {functions}.\n\n<details><summary>The tutorial function's packages</summary>\n\n"
        f"{as_table(head, rows(part['tutorial']))}\n\n</details>"
    )


def _price(part: Mapping[str, Any]) -> str:
    table = as_table(
        ["a million of", "total", "requests", "duration", "HTTP API", "DynamoDB", "KMS", "logs"],
        [
            [f"`{name}`", f"**${cost['total']:.2f}**", *(f"{cost[key]:.2f}" for key in _COSTS)]
            for name, cost in part["operations"].items()
        ],
    )
    text = (
        f"## Price\n\nList prices of {part['region']} as of {part['as_of']}; Lambda on arm64 with the "
        f"template's memory, {prices.TRIP_MS:g} ms for a round trip.\n\n{table}"
    )
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
    notes = "\n".join(
        f"- {plan.name}: {plan.page}{'; ' + plan.note if plan.note else ''}" for plan in prices.PLANS
    )
    return (
        f"{text}\n\n### A month of users\n\n{prices.LOGINS_A_MONTH} logins (`{users['login']}`) and "
        f"{prices.CHECKS_A_MONTH} checks (`{users['check']}`) for each user.\n\n{plans}\n\n"
        f"![price](price.svg)\n\n{notes}"
    )


_COSTS = ("requests", "duration", "gateway", "table", "keys", "logs")
_PARTS = {"cold": _cold, "warm": _warm, "trips": _trips, "size": _size, "price": _price}


def _mb(size: float) -> str:
    return f"{size / 1e6:.2f}"


def as_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

"""What a refusal costs that somebody gets who has shown no credential.

The dearest bodies that are known (`tests/hostile.py`) go to every route that takes one, with wrong
credentials. A password's hash, which has limits of its own, costs next to nothing here.
"""

import statistics
from typing import Any

from benchmarks.deployed import ENGINE, deployed, timed
from benchmarks.page import Row, say
from local import answers
from tests import hostile
from tests.deployment import CHEAP_HASHES, Deployment

MAX_CPU_MS, MAX_ANSWER_BYTES, _SHOWN = 10, 4096, 12
TEXT = (
    "The dearest bodies that are known, to every route, from somebody who has shown no credential; medians, "
    f"a password's hash left out. The goal is {MAX_CPU_MS} ms of CPU and {MAX_ANSWER_BYTES} bytes."
)


def measure(runs: int) -> dict[str, list[Row]]:
    """The dearest of all rows, and the dearest of each route and of each body."""
    rows: list[Row] = []
    with deployed(ENGINE, CHEAP_HASHES) as deployment:
        # Who may be identified without a token is the dearest kind of stranger.
        here = {"applicationId": deployment.application_id}
        deployment.invoke("update_application", here | {"requireJwtToken": False})
        deployment.restart()
        for route in sorted(hostile.ROUTES):
            if route.startswith(("POST", "PATCH")):
                say(route)
                rows += [_row(deployment, route, name, runs) for name in hostile.BODIES]
    rows.sort(key=lambda row: -row["CPU, ms"])
    dear = sum(row["CPU, ms"] > MAX_CPU_MS or row["bytes"] > MAX_ANSWER_BYTES for row in rows)
    return {
        f"{dear} of {len(rows)} beyond the goal; the dearest": rows[:_SHOWN],
        "By route": list({row["route"]: row for row in reversed(rows)}.values())[::-1],
        "By body": list({row["body"]: row for row in reversed(rows)}.values())[::-1],
    }


def _row(deployment: Deployment, route: str, name: str, runs: int) -> dict[str, Any]:
    method, _, path = route.partition(" ")
    path = path.replace("{applicationId}", deployment.application_id)
    path = path.replace("{experienceUserId}", "f" * 24).replace("{experienceGroupId}", "f" * 24)
    body = hostile.BODIES[name].replace(b"$key", deployment.application_id.encode())
    event = deployment.event(method, path, raw=body, headers={"authorization": "Bearer x"})
    operation = hostile.ROUTES[route].rstrip("/").rpartition("/")[2]
    calls = [timed(deployment, operation, event) for _ in range(runs + 1)][1:]
    answer = answers.interpret(calls[-1].answer)
    return {
        "route": f"`{route}`",
        "body": name,
        "status": answer.status,
        "bytes": len(answer.body),
        "CPU, ms": round(statistics.median(call.cpu_ms for call in calls), 3),
    }

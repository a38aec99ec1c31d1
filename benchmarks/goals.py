# ruff: noqa: RUF001, RUF002 - the signs of a table are meant as they are
"""The figures that Signet is to reach, and whether these results do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import cold

COLD, COLD_HOT_PATH, WARM, LAYER_MB, LAYER_ZIPPED_MB = 0.5, 0.4, 1.25, 45.0, 15.0
HOT_PATH = ("publish_jwks", "authorize_request")
MINTS = ("issue_identity_token", "issue_session_token", "issue_user_token")
TOKEN_MODE = {
    "authorize_request.authorizer": "authorize_request",
    "authenticate.http_token": "authenticate, token",
}
PASSWORD = "authenticate.http"  # noqa: S105 - an event, whose authMode is emailPassword

TRIPS = {
    "issue_identity_token.http": 1,
    "issue_user_token.http": 1,
    "issue_session_token.http": 1,
    "authorize_request.authorizer": 1,
    "introspect_token.http": 1,
    "authenticate.http_token": 1,
    "authenticate.node_token": 1,
    "authenticate.http": 2,
    "authenticate.node": 2,
    "log_in.http": 2,
    "create_user.http": 1,
    "update_user.http": 2,
    "delete_user.http": 2,
    "invalidate_user_tokens.http": 1,
    "invalidate_identity_tokens.http": 1,
    "invalidate_application_tokens.http": 1,
    "publish_jwks.http": 0,
}
"""Round trips to AWS that an event may cost in a warm container, by docs/data-model.md."""

GROUPS = "dynamodb:BatchGetItem"
"""One more, where the answer contains a user who has groups."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to reach.

    Attributes:
        figure: What is measured.
        at_most: The goal.
        measured: The figure that decides: the worst where there are several.
        unit: ×, MB or nothing.
        said: The figure in words, with what it was measured on.
    """

    figure: str
    at_most: float
    measured: float
    unit: str
    said: str

    @property
    def is_reached(self) -> bool:
        """Whether it is, to the two digits that are shown."""
        return round(self.measured, 2) <= self.at_most


def goals(parts: Mapping[str, Any]) -> list[Goal]:
    """The goals that these parts say something of."""
    found: list[Goal] = []
    if "cold" in parts:
        found += _cold(parts["cold"]["subjects"])
    if "warm" in parts:
        found += _warm(parts["warm"]["subjects"])
    if "trips" in parts:
        found += _trips(parts["trips"]["subjects"])
    if "size" in parts:
        layer = parts["size"]["layer"]
        for what, limit in (("unzipped", LAYER_MB), ("zipped", LAYER_ZIPPED_MB)):
            value = layer[f"own_{what}"] / 1e6
            figure = f"layer with compiled code, without what Lambda provides, {what}"
            found.append(Goal(figure, limit, value, " MB", f"{value:.1f} MB"))
    return found


def _cold(rows: Mapping[str, Mapping[str, Any]]) -> Iterable[Goal]:
    base = rows.get(cold.BASELINE)
    own = {name: row for name, row in rows.items() if row["kind"] == "signet"}
    if base is None or not own:
        return
    yield _coldest("cold start, CPU against the tutorial's, any function", COLD, own, base)
    for operation in HOT_PATH:
        hot = {name: row for name, row in own.items() if row["operation"] == operation}
        if hot:
            yield _coldest(f"the same, {operation}", COLD_HOT_PATH, hot, base)


def _coldest(
    figure: str, limit: float, rows: Mapping[str, Mapping[str, Any]], base: Mapping[str, Any]
) -> Goal:
    worst: dict[str, tuple[float, str]] = {}
    for stage, column in (("ready", "ready_cpu"), ("first answer", "answer_cpu")):
        worst[stage] = max((row[column] / base[column], name) for name, row in rows.items())
    decides = max(worst, key=lambda stage: worst[stage])
    bold = {True: "**", False: ""}
    said = ", ".join(
        f"{bold[stage == decides]}{stage} {ratio:.2f} ×{bold[stage == decides]} (`{name}`)"
        for stage, (ratio, name) in worst.items()
    )
    return Goal(figure, limit, worst[decides][0], " ×", said)


def _warm(rows: Mapping[str, Mapping[str, Any]]) -> Iterable[Goal]:
    for event, what in TOKEN_MODE.items():
        if event in rows:
            yield _against_floor(f"warm CPU against the floor, {what}", {event: rows[event]})
    mints = {name: row for name, row in rows.items() if row["operation"] in MINTS}
    if mints:
        yield _against_floor("warm CPU against the floor, a mint", mints)
    if PASSWORD in rows and rows[PASSWORD]["argon2_us"]:
        row = rows[PASSWORD]
        ratio = beyond_argon2(row)
        said = f"**{ratio:.2f} ×** (`{PASSWORD}`, {row['beyond_us']:.0f} of {row['floor_beyond_us']:.0f} µs)"
        yield Goal("warm CPU beyond argon2id against the floor, emailPassword", WARM, ratio, " ×", said)


def _against_floor(figure: str, rows: Mapping[str, Mapping[str, Any]]) -> Goal:
    ratio, name = max((row["cpu_us"] / row["floor_cpu_us"], name) for name, row in rows.items())
    return Goal(figure, WARM, ratio, " ×", f"**{ratio:.2f} ×** (`{name}`)")


def beyond_argon2(row: Mapping[str, Any]) -> float:
    """A warm call's CPU against its floor's, the password's hash left out of both."""
    return float(row["beyond_us"] / row["floor_beyond_us"])


def _trips(rows: Mapping[str, Mapping[str, Any]]) -> Iterable[Goal]:
    counted = {name: row["trips"] for name, row in rows.items() if name in TRIPS}
    if not counted:
        return
    too_many = {
        name: f"`{name}` {len(trips)} instead of {TRIPS[name]}"
        for name, trips in counted.items()
        if len(trips) - (GROUPS in trips[1:]) > TRIPS[name]
    }
    figure = "operations with more round trips than docs/data-model.md allows"
    said = f"**{len(too_many)}** of {len(counted)} that it names"
    if too_many:
        said += f": {', '.join(too_many.values())}"
    yield Goal(figure, 0, len(too_many), "", said)

"""The figures that Signet is to reach, and whether the results do."""

from collections.abc import Iterator, Mapping
from typing import Any

MINTS = ("issue_identity_token", "issue_session_token", "issue_user_token")
LOG_INS = ("log_in", "authenticate")
HASHING = (*LOG_INS, "create_user", "redeem_code", "sign_up", "update_me", "update_user")
NOBODY_WAITS = ("delete_application", "export_users", "import_users", "send_mail", "stop_mails")
"""Of these but for an operator. Nor has a warm call of them a fixed work."""

COLD = {
    "publish_jwks": (0.45, 0.25),
    "authorize_request": (0.52, 0.33),
    "the mints": (0.68, 0.48),
    "log_in, authenticate, with the hash": (0.75, 0.55),
    "any other that a user waits for": (0.65, 0.45),
}
FIRST_CALL = (0.10, 0.08)
WARM = (1.2, 0.55)
WARM_AGAINST_TUTORIAL = (0.75, 0.35)
LAYER_MB = {"unzipped, MB": 50.0, "zipped, MB": 17.0}
TO_THE_BUS_MS = 2000.0
"""Of the event that comes latest at a hundred writes a second."""
CLIENTS = ("boto3", "lean")
"""The clients that each pair of figures is for."""

type Rows = list[dict[str, Any]]


def rows(results: Mapping[str, Any]) -> Rows:
    """A row for each figure that something is known of."""
    found: Rows = []
    for place, client in enumerate(CLIENTS):
        if "cold" in results:
            own = [row for row in results["cold"]["tables"][""] if row["client"] == client]
            for group, limits in COLD.items():
                those = [row for row in own if _group(row["operation"]) == group]
                found += _worst(
                    f"cold start, CPU × tutorial: {group}", client, limits[place], those, "worse ×"
                )
            waited = [row for row in own if row["operation"] not in NOBODY_WAITS]
            figure = "first call alone, × the tutorial's cold start"
            for hashes in (False, True):
                those = [row for row in waited if _hashes(row) is hashes]
                name = f"{figure}, with a hash" if hashes else figure
                found += _worst(name, client, FIRST_CALL[place], those, "first call ×")
        if "warm" in results:
            own = [row for row in results["warm"]["tables"][""] if row["client"] == client]
            # A log-in is judged by what it does beyond argon2id, which is twenty times everything else.
            judged = [{**row, "×": row.get("× beyond", row.get("×"))} for row in own if "×" in row]
            found += _worst("warm CPU, × bare botocore and cryptography", client, WARM[place], judged, "×")
            those = [row for row in own if row["operation"] in (*MINTS, "authorize_request")]
            figure = "warm CPU of authorize_request and the mints, × the tutorial's verify and mint"
            found += _worst(figure, client, WARM_AGAINST_TUTORIAL[place], those, "× tutorial")
    if "size" in results:
        (whole,) = (row for row in results["size"]["tables"]["The layer"] if row["package"] == "all")
        for column, limit in LAYER_MB.items():
            found.append(_row(f"layer, {column}", "both", limit, whole[column], ""))
    if "stream" in results:
        (row,) = results["stream"]["tables"][""]
        figure = "from a write to the bus, the latest of 2,000 events, ms"
        found.append(_row(figure, "boto3", TO_THE_BUS_MS, row["the latest"], ""))
    return found


def _worst(figure: str, client: str, limit: float, those: Rows, column: str) -> Iterator[dict[str, Any]]:
    those = [row for row in those if row.get(column) is not None]
    if those:
        worst = max(those, key=lambda row: row[column])
        yield _row(figure, client, limit, worst[column], worst["event"])


def _row(figure: str, client: str, limit: float, measured: float, worst: str) -> dict[str, Any]:
    # A figure is judged as it is shown.
    reached = "yes" if round(measured, 2) <= limit else "**no**"
    row = {"figure": figure, "client": client, "at most": limit, "measured": measured}
    return row | {"reached?": reached, "the worst": worst}


def _group(operation: str) -> str:
    if operation in COLD:
        return operation
    if operation in MINTS:
        return "the mints"
    if operation in LOG_INS:
        return "log_in, authenticate, with the hash"
    is_waited_for = operation not in NOBODY_WAITS and not operation.startswith(("tutorial.", "reference."))
    return "any other that a user waits for" if is_waited_for else ""


def _hashes(row: Mapping[str, Any]) -> bool:
    return row["operation"] in HASHING

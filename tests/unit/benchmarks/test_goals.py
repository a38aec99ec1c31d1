"""Whether a figure is reached, and which row decides."""

from typing import Any

from benchmarks.goals import rows


def _part(*found: dict[str, Any]) -> dict[str, Any]:
    return {"tables": {"": [{"client": "boto3", "event": row["operation"], **row} for row in found]}}


def _cold(operation: str, worse: float, client: str = "boto3") -> dict[str, Any]:
    return {"operation": operation, "worse ×": worse, "first call ×": 0.01, "client": client}


def _judged(results: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(row["client"], row["reached?"], row["the worst"]) for row in rows(results)]


def test_the_worst_of_a_group_decides_for_each_client() -> None:
    """A mint is judged with the mints, by the limit of its client."""
    found = _part(
        _cold("issue_user_token", 0.60),
        _cold("issue_identity_token", 0.70),
        _cold("issue_user_token", 0.40, "lean"),
        _cold("import_users", 9.0),
    )
    cold = [one for one in _judged({"cold": found}) if one[2] != "" and one[1] == "**no**"]
    assert cold == [("boto3", "**no**", "issue_identity_token")]


def test_a_figure_is_judged_as_it_is_shown() -> None:
    """1.204 is shown as 1.20, and so it is reached; 1.206 is not."""
    for ratio, reached in ((1.204, "yes"), (1.206, "**no**")):
        results = {"warm": _part({"operation": "get_user", "×": ratio})}
        assert _judged(results) == [("boto3", reached, "get_user")]


def test_a_login_is_judged_by_what_it_does_beyond_argon2() -> None:
    """A hash is twenty times everything else, and would hide any of it."""
    results = {"warm": _part({"operation": "log_in", "×": 1.0, "× beyond": 1.5})}
    assert _judged(results) == [("boto3", "**no**", "log_in")]


def test_only_what_was_measured_is_judged() -> None:
    """A part that was never run is no figure."""
    assert rows({}) == []
    whole = {"package": "all", "unzipped, MB": 50.0, "zipped, MB": 17.1}
    size = {"tables": {"The layer": [whole]}}
    assert [row["reached?"] for row in rows({"size": size})] == ["yes", "**no**"]


def test_the_latest_event_is_judged_by_two_seconds() -> None:
    """Not the median: whoever waits for an event waits for that one."""
    for latest, reached in ((1999.0, "yes"), (2001.0, "**no**")):
        found = {"tables": {"": [{"median": 10.0, "the latest": latest}]}}
        assert _judged({"stream": found}) == [("boto3", reached, "")]

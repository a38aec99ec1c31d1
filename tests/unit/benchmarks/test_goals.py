"""Whether a figure is reached, and which part of it decides."""

from typing import Any

from benchmarks.goals import goals


def _cold(operation: str, ready: float, answer: float, kind: str = "signet") -> dict[str, Any]:
    return {"operation": operation, "kind": kind, "ready_cpu": ready, "answer_cpu": answer}


def _warm(operation: str, cpu: float, floor: float, **more: Any) -> dict[str, Any]:
    return {"operation": operation, "cpu_us": cpu, "floor_cpu_us": floor, "argon2_us": 0.0, **more}


def test_of_a_cold_start_the_worse_stage_of_the_worst_function_decides() -> None:
    """Ready may be reached everywhere: a first answer that is not is enough, and the page names both."""
    rows = {
        "tutorial.verify": _cold("tutorial.verify", 100, 200, "tutorial"),
        "get_user.http": _cold("get_user", 49, 80),
        "log_in.http": _cold("log_in", 30, 104),
    }
    (any_function,) = goals({"cold": {"subjects": rows}})
    assert (any_function.at_most, any_function.measured, any_function.is_reached) == (0.5, 0.52, False)
    assert any_function.said == "ready 0.49 × (`get_user.http`), **first answer 0.52 ×** (`log_in.http`)"


def test_the_hot_path_has_a_goal_of_its_own() -> None:
    """A function that may cost less is judged by that, besides by what all are judged by."""
    rows = {
        "tutorial.verify": _cold("tutorial.verify", 100, 100, "tutorial"),
        "publish_jwks.http": _cold("publish_jwks", 40, 45),
    }
    assert [goal.is_reached for goal in goals({"cold": {"subjects": rows}})] == [True, False]


def test_a_figure_is_judged_as_it_is_shown() -> None:
    """1.254 is shown as 1.25, and so it is reached; 1.256 is not."""
    for cpu, reached in ((1254.0, True), (1256.0, False)):
        rows = {"authorize_request.authorizer": _warm("authorize_request", cpu, 1000.0)}
        (goal,) = goals({"warm": {"subjects": rows}})
        assert goal.is_reached is reached


def test_a_login_is_judged_by_what_it_does_beyond_argon2() -> None:
    """A hash is twenty times everything else, and would hide any of it."""
    row = _warm("authenticate", 21_500.0, 21_000.0, beyond_us=1500.0, floor_beyond_us=1000.0)
    (goal,) = goals({"warm": {"subjects": {"authenticate.http": row | {"argon2_us": 20_000.0}}}})
    assert (goal.measured, goal.is_reached) == (1.5, False)


def test_the_groups_of_a_user_may_cost_a_round_trip_more() -> None:
    """One, and only behind another one; any other round trip is one too many."""
    get, batch = "dynamodb:GetItem", "dynamodb:BatchGetItem"
    for trips, reached in (([get, batch], True), ([get, get], False), ([batch, get], False)):
        (goal,) = goals({"trips": {"subjects": {"authorize_request.authorizer": {"trips": trips}}}})
        assert goal.is_reached is reached


def test_only_what_was_measured_is_judged() -> None:
    """A run of one part says nothing of the others."""
    layer = {"own_unzipped": 45_000_000, "own_zipped": 15_100_000}
    assert [goal.is_reached for goal in goals({"size": {"layer": layer}})] == [True, False]
    assert goals({}) == []

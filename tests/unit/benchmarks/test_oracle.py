"""What `python -m benchmarks oracle` asks."""

from typing import Any

from benchmarks.oracle import QUESTIONS
from local import template
from tools import openapi

ASKS_OF_NOBODY = {
    "issue_user_token",  # for an API token, in the body
    "publish_jwks",
    "publish_configuration",
    "show_me",  # behind the authorizer, which is asked
}


def test_every_route_that_a_stranger_may_call_is_asked_for_somebody_and_for_nobody() -> None:
    """Those without credentials, and those by a session token, which may be forged."""
    document: dict[str, Any] = template.parse(openapi.FILE.read_text())
    ways = {
        route["operationId"]: route["security"]
        for methods in document["paths"].values()
        for route in methods.values()
        if "operationId" in route
    }
    by_strangers = {
        name for name, each in ways.items() if not each or {} in each or {"sessionToken": []} in each
    }
    assert by_strangers - {question.operation for question in QUESTIONS} == ASKS_OF_NOBODY

"""Whatever anybody sends, to any route and to any function, is answered or refused: it never is a fault."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signet.aws import client
from signet.edge import custom_resource
from signet.errors import SignetError
from tests import engine, hostile
from tests.contract.test_bundle import OPERATIONS
from tests.deployment import ROOT, Cloud, Deployment
from tests.effort import examples, is_heavy
from tools.events import load_event

pytestmark = pytest.mark.hypothesis

NO_KEYS = ["x" * 3000, "\x00", "http://["]
"""In the light profile each route gets one of them."""

EVENTS = sorted((ROOT / "events").glob("*.json"))

WRITES = {f"dynamodb:{name}" for name in client.WRITES}

ONE_DEPLOYMENT = settings(
    max_examples=examples(250),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""All examples of a test go to one deployment, which each one leaves as it was."""


@pytest.fixture
def engine_signet(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A deployment on the real engine, which knows what a key may be; on moto where there is none."""
    cloud: Cloud = request.getfixturevalue("engine_cloud" if engine.find_engine() else "moto_cloud")
    with cloud.deploy() as deployment:
        yield deployment


def test_every_route_has_an_event_to_begin_with() -> None:
    """Without one nothing would be known of what its requests are like."""
    assert [route for route in hostile.ROUTES if not hostile.EVENTS[route]] == []
    assert len(hostile.ROUTES) >= 34


@pytest.mark.parametrize("route", sorted(hostile.ROUTES))
def test_no_request_is_a_fault(engine_signet: Deployment, route: str) -> None:
    """Every route refuses what it cannot take, with a status of the client's."""
    signet = engine_signet
    demo, before = signet.demo(), signet.items()

    @ONE_DEPLOYMENT
    @given(hostile.requests(route, demo))
    def send(asked: hostile.Asked) -> None:
        answer = asked.send(signet)
        if answer.status < 300 and not route.startswith("GET"):
            signet.restore(before)
        assert answer.status < 500, (answer.status, answer.body)
        if answer.status >= 400:
            assert len(answer.body) <= 4096

    send()


@pytest.mark.parametrize("route", sorted(hostile.ROUTES))
def test_what_is_no_key_is_no_fault_in_any_place(engine_signet: Deployment, route: str) -> None:
    """Longer than a key may be, a NUL, and what no parser of addresses takes, everywhere."""
    signet = engine_signet
    demo, before = signet.demo(), signet.items()
    place = sorted(hostile.ROUTES).index(route) % len(NO_KEYS)
    for asked in hostile.places(route, demo, NO_KEYS if is_heavy() else NO_KEYS[place:][:1]):
        answer = asked.send(signet)
        assert answer.status < 500, (asked, answer.body)
        if answer.status < 300 and (route.startswith("DELETE") or route.endswith("/reset")):
            signet.restore(before)


def invoke(
    signet: Deployment, operation: str, event: object, before: list[dict[str, Any]] | None = None
) -> None:
    """Invoke the function: it may refuse, but not fail. What it has written is taken back."""
    before = signet.items() if before is None else before
    with signet.counted() as trips, suppress(SignetError):
        answer = signet.handler(operation)(event, signet.context(operation))
        json.dumps(answer)
        assert not isinstance(answer, dict) or answer.get("statusCode", 200) < 500, answer
    if WRITES.intersection(trips):
        signet.restore(before)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_no_event_is_a_fault(engine_signet: Deployment, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every function refuses an event that it cannot take, of API Gateway or a direct invocation."""
    monkeypatch.setattr(custom_resource, "_send", lambda _url, _answer: None)
    operation = path.name.partition(".")[0]
    event = load_event(path, engine_signet.demo())
    before = engine_signet.items()

    @ONE_DEPLOYMENT
    @given(hostile.events(event))
    def send(changed: object) -> None:
        invoke(engine_signet, operation, changed, before)

    send()


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@pytest.mark.parametrize(
    "event",
    [None, [], "text", 5, {}, {"version": "2.0"}, {"version": "2.0", "requestContext": {"http": {}}}],
    ids=str,
)
def test_what_is_no_event_at_all_is_no_fault(moto_signet: Deployment, operation: str, event: object) -> None:
    """Not even of the kind of value that an event is."""
    invoke(moto_signet, operation, event)


JSON = st.recursive(hostile.values, lambda inner: st.lists(inner, max_size=3), max_leaves=6)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_no_direct_invocation_is_a_fault(moto_signet: Deployment, operation: str) -> None:
    """Members of any name, the operation's own among them, with anything in them."""
    names = st.sampled_from(["applicationId", "node", "payload", "experience", "source", "detail", "id"])
    members = st.dictionaries(names | st.text(max_size=8), JSON, max_size=6)
    demo, before = moto_signet.demo(), moto_signet.items()

    @ONE_DEPLOYMENT
    @given(members, st.booleans())
    def send(event: dict[str, object], is_here: bool) -> None:
        here = {"applicationId": demo["applicationId"]} if is_here else {}
        invoke(moto_signet, operation, event | here, before)

    send()

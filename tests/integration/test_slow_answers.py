"""AWS answers slowly, or not at all: no invocation outlives its function's time-out."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signet import deadline, wiring
from signet.aws import client
from signet.edge import custom_resource
from signet.errors import Unavailable
from signet.usecases import groups
from tests.deployment import PASSWORD, ROOT, Deployment
from tests.faults import slow
from tests.sweep import is_unavailable
from tools.events import load_event

EVENTS = sorted((ROOT / "events").iterdir())
SPEEDS: dict[str, Callable[[random.Random], float]] = {
    "nothing is answered": lambda _: 60.0,
    "all just in time": lambda _: 1.9,
    "as it comes": lambda chance: chance.choice([0.0, 0.3, 1.0, 1.9, 2.9, 60.0]),
}


def test_nothing_begins_that_might_not_end(moto_signet: Deployment) -> None:
    """S3's time-out and Lambda's do not shrink with what is left, so they are not asked at all then."""
    signet = moto_signet
    bucket = wiring.transfer_bucket()
    bucket.write("import/here", b"x")
    wiring.function_name.set("f")
    with deadline.within(20_900, reserve=0):
        with pytest.raises(Unavailable):
            bucket.head("import/here")
        with pytest.raises(Unavailable):
            bucket.write("import/there", b"x")
        wiring.continue_later({})
    with deadline.within(2_900, reserve=0), pytest.raises(Unavailable):
        wiring.continue_later({})
    with deadline.within(21_100, reserve=0):
        assert bucket.head("import/here").size == 1
    assert list(signet.files()) == ["import/here"]


def test_a_sweep_leaves_the_time_to_have_another_invocation_go_on(
    moto_signet: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slowly its last write comes; the group is gone, and that is the answer."""
    signet = moto_signet
    monkeypatch.setattr(groups, "MOVED_AT_ONCE", 1)
    here = {"applicationId": signet.application_id}
    fields = [{"email": f"user{number}@example.com", "password": PASSWORD} for number in range(8)]
    user_ids = [signet.invoke("create_user", here | one)["id"] for one in fields]
    group = signet.invoke("create_group", here | {"name": "Crowd", "experienceUserIds": user_ids})
    path = f"/applications/{signet.application_id}/experience/groups/{group['id']}"
    began = signet.clock.monotonic()
    with slow(signet.clock, lambda: 2.4):
        answer = signet.http("DELETE", path, headers=signet.bearer())
    assert answer.status == 200, answer.body
    assert signet.clock.monotonic() - began <= signet.function("delete_group").timeout
    assert signet.http("GET", path, headers=signet.bearer()).status == 404
    assert len(signet.waiting) == 1
    signet.go_on()
    assert signet.waiting == []
    assert [item for item in signet.items() if group["id"] in item["pk"]["S"]] == []


@pytest.mark.parametrize(
    ("path", "speed"),
    [
        pytest.param(path, speed, id=f"{path.stem}, {speed}")
        for path in EVENTS
        # What came directly goes the same way behind the adapter.
        for speed in (SPEEDS if ".direct" not in path.name else ["as it comes"])
    ],
)
def test_an_invocation_ends_in_time_with_an_answer(
    moto_signet: Deployment, path: Path, speed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a new container, with each call slow: success or 503, and no write without the time to answer."""
    signet = moto_signet
    monkeypatch.setattr(custom_resource, "_send", lambda _url, _answer: None)
    operation, way, _ = path.name.split(".")
    event = load_event(path, signet.demo())
    signet.restart()
    began, chance = signet.clock.monotonic(), random.Random(path.name)  # noqa: S311
    answer: dict[str, Any] | None = None
    with slow(signet.clock, lambda: SPEEDS[speed](chance)) as seen:
        try:
            answer = signet.handler(operation)(event, signet.context(operation))
        except Unavailable:
            assert not way.startswith("http")
    took, has = signet.clock.monotonic() - began, signet.function(operation).timeout
    reserve = 2 * custom_resource.ANSWER_SECONDS if way == "custom_resource" else deadline.RESERVE_SECONDS
    assert took <= has - reserve + 0.01, seen.attempts
    assert all(left >= client.WRITE_SECONDS for left in seen.writes)
    if answer is None:
        return
    if way.startswith("http"):
        assert answer["statusCode"] in (200, 201, 202, 503)
        assert answer["headers"]["x-request-id"] == event["requestContext"]["requestId"]
        assert is_unavailable(event["rawPath"], answer) is (answer["statusCode"] == 503)
    if way == "custom_resource" and answer["Status"] == "FAILED":
        assert "Unavailable: " in answer["Reason"]
    if speed == "nothing is answered" and seen.attempts:
        said = [
            answer.get("statusCode") == 503,
            answer.get("Status") == "FAILED",
            answer.get("batchItemFailures"),
        ]
        assert any(said), answer

"""A server on loopback that does whatever a service or a network may do, and clients that ask it."""

import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from botocore import session

from signet import wiring
from signet.aws import client as aws
from tests.http_server import Server, running_server
from tests.unit.aws.support import CREDENTIALS


@pytest.fixture(scope="session", autouse=True)
def models_read_once() -> Iterator[None]:
    """A client's service is described in a file that takes longer to read than most tests take."""
    with mock.patch.object(session, "create_loader", functools.cache(session.create_loader)):
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables that lead to the server."""
    variables = {**CREDENTIALS, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": server.url}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):  # This machine may have its own.
        monkeypatch.delenv(name, raising=False)
    return variables


@pytest.fixture(params=["boto3", "lean"])
def chosen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test that uses it runs with both clients."""
    name: str = request.param
    monkeypatch.setenv("AWS_CLIENT", name)
    return name


@pytest.fixture
def make_client(chosen: str) -> Iterator[Callable[[str], aws.Client]]:
    """Makes the client that is chosen, for a service, as the environment has it by then."""
    assert chosen
    made: list[aws.Client] = []

    def make(service: str = "dynamodb") -> aws.Client:
        wiring.reset()
        made.append(wiring.make_client(service))
        return made[-1]

    yield make
    for client in made:
        client.transport.close()
    wiring.reset()


@pytest.fixture
def client(make_client: Callable[[str], aws.Client], environment: dict[str, str]) -> aws.Client:
    """DynamoDB's."""
    assert environment
    return make_client("dynamodb")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The bounds within which each pause was chosen; there is none."""
    pauses: list[Any] = []

    class Pause(float):
        bounds: tuple[float, float]

    def choose(low: float, high: float) -> float:
        pause = Pause()
        pause.bounds = low, high
        return pause

    monkeypatch.setattr("random.uniform", choose)
    monkeypatch.setattr("time.sleep", lambda pause: pauses.append(pause.bounds))
    return pauses


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs that a test can wait for."""
    monkeypatch.setattr(aws, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(aws, "READ_TIMEOUT", 0.3)

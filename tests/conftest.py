"""The fixtures of all tests: a deployment on moto, and the same on a real DynamoDB engine."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

from tests import browser, engine, verifiers
from tests.deployment import ROOT, Cloud, Deployment
from tests.effort import HEAVY_EXAMPLES, LIGHT_EXAMPLES, is_heavy
from tests.moto_aws import running_moto

VECTORS = ROOT.parent / "shared" / "vectors"
"""Test vectors of others, kept beside the project and not in it."""


# What depends on how busy the machine is would fail at random. The rest is Hypothesis' own: other examples
# each time on a developer's machine, and the same ones each time in CI.
UNTIMED: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("heavy", **UNTIMED, max_examples=HEAVY_EXAMPLES)
settings.register_profile("light", **UNTIMED, max_examples=LIGHT_EXAMPLES)
settings.load_profile("light")

MAX_WORKERS = 8
"""Each has an AWS of its own, whose start more of them would not repay."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Several workers for everything; none for files that are named, where their start would take longer."""
    if config.args_source == pytest.Config.ArgsSource.ARGS:
        return 0
    return min(os.process_cpu_count() or 1, MAX_WORKERS)


def pytest_configure(config: pytest.Config) -> None:
    try:
        engine.find_engine()
        browser.find_browser()
        verifiers.find_node()
    except (engine.MissingEngineError, browser.MissingBrowserError, verifiers.MissingVerifiersError) as error:
        raise pytest.UsageError(str(error)) from error
    config.addinivalue_line("markers", "engine: runs on a real DynamoDB engine, and needs one")
    config.addinivalue_line("markers", "engine_only(why): why a test without threads is not run on moto")
    config.addinivalue_line("markers", "browser: drives a headless Chromium, and needs one; heavy")
    config.addinivalue_line("markers", "heavy: takes too long for every run; `make check-all` runs it")
    config.addinivalue_line("markers", "node: uses the verifiers and clients of Node, and needs them")
    config.addinivalue_line("markers", "openapi: uses Schemathesis or a generator of clients, and needs them")
    config.addinivalue_line("markers", "vectors: reads vectors of others from beside the project")


def pytest_report_header() -> list[str]:
    program = engine.find_engine()
    return [
        f"DynamoDB engine: {program.name if program else 'none, so the engine tests are left out'}",
        f"Chromium: {'there' if browser.find_browser() else 'none, so the browser tests are left out'}",
        f"Node verifiers: {'there' if verifiers.find_node() else 'none, so the node tests are left out'}",
        f"heavy tests: {'run' if is_heavy() else 'left out, for `make check-all`'}",
        f"vectors: {'there' if VECTORS.is_dir() else 'not there, so their tests are left out'}",
    ]


NEEDS = {"engine_cloud": "engine", "chromium": "browser"}
"""The marks of tests that use a fixture, by its name."""


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    for fixture, mark in NEEDS.items():
        if fixture in getattr(item, "fixturenames", ()):
            item.add_marker(mark)
    if item.get_closest_marker("browser"):
        # Chromium takes both cores, and seconds to start: every run is to take as long with it as without.
        item.add_marker("heavy")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that no machine without an engine runs, though it proves as much on moto."""
    started, start = list[threading.Thread](), threading.Thread.start

    def counted(thread: threading.Thread) -> None:
        if threading.current_thread() is threading.main_thread():
            started.append(thread)
        start(thread)

    with mock.patch.object(threading.Thread, "start", counted):
        yield
    runs_on_moto_too = not item.get_closest_marker("engine") or "cloud" in getattr(item, "fixturenames", ())
    if not (runs_on_moto_too or started or item.get_closest_marker("engine_only")):
        pytest.fail("It starts no thread: let it run on moto too (`signet`), or say why not (`engine_only`)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = [] if engine.find_engine() else ["engine"]
    missing += [] if browser.find_browser() else ["browser"]
    missing += [] if verifiers.find_node() else ["node"]
    missing += [] if (ROOT / ".tools" / "openapi" / "ready").exists() else ["openapi"]
    missing += [] if VECTORS.is_dir() else ["vectors"]
    missing += [] if is_heavy() else ["heavy"]
    left_out = {item: None for item in items if any(map(item.get_closest_marker, missing))}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


@pytest.fixture(scope="session")
def aws() -> Iterator[dict[str, str]]:
    """Moto in place of AWS, and the variables that lead to it."""
    with running_moto() as variables:
        yield variables


@pytest.fixture(scope="session")
def moto_cloud(aws: dict[str, str]) -> Iterator[Cloud]:
    """A cloud that is all moto's: for behaviour, not for races."""
    with closing(Cloud("signet", aws)) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def engine_cloud(aws: dict[str, str]) -> Iterator[Cloud]:
    """A cloud with a real DynamoDB engine; only its KMS is moto's."""
    with engine.running_engine() as url:
        credentials = {
            "AWS_ACCESS_KEY_ID": engine.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": engine.SECRET_ACCESS_KEY,
        }
        variables = {**aws, **credentials, "AWS_ENDPOINT_URL_DYNAMODB": url}
        with closing(Cloud("signet-engine", variables, index_lags=True)) as cloud:
            yield cloud


CLOUDS = ["moto", pytest.param("engine", marks=pytest.mark.engine)]


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Each test that uses it runs on moto, and again on a real engine."""
    cloud: Cloud = request.getfixturevalue(f"{request.param}_cloud")
    return cloud


@pytest.fixture
def signet(cloud: Cloud) -> Iterator[Deployment]:
    """A deployment with a demo application."""
    with cloud.deploy() as deployment:
        yield deployment


@pytest.fixture
def moto_signet(moto_cloud: Cloud) -> Iterator[Deployment]:
    """The same on moto alone, for tests whose outcome does not depend on the engine."""
    with moto_cloud.deploy() as deployment:
        yield deployment

"""What a function may load of other people's packages stands beside its handler, each package by name."""

import pytest

from tools import imports

pytestmark = pytest.mark.heavy

OPERATIONS = {operation.name: operation for operation in imports.read_operations()}


@pytest.fixture(scope="module")
def found() -> dict[str, imports.Loaded]:
    """What importing each handler and answering its events loads: a process each, and a demo for all."""
    return imports.measure_all()


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_function_loads_what_its_list_names(operation: str, found: dict[str, imports.Loaded]) -> None:
    """No more, since each costs every cold start; no less, so that the list stays true (`make imports`)."""
    assert found[operation].packages == imports.read_allowed(OPERATIONS[operation])


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_nothing_is_loaded_while_somebody_waits(operation: str, found: dict[str, imports.Loaded]) -> None:
    """Lambda gives the init phase a whole processor, a call the function's share (an operation's `needs`)."""
    assert found[operation].late == []

"""What `make adopt` takes into a stack."""

import copy

import pytest

from tests.deployment import load_template
from tools.adopt import IDENTIFIERS, to_import


@pytest.mark.parametrize("has_stream", [False, True])
def test_a_table_is_imported_as_it_is(*, has_stream: bool) -> None:
    """With its stream where it has one; else the next deployment turns it on. Nothing is ever deleted."""
    resources = load_template()["Resources"]
    before = copy.deepcopy(resources)
    found = to_import(resources, has_stream=has_stream)
    assert found.keys() == IDENTIFIERS.keys()
    assert {resource["DeletionPolicy"] for resource in found.values()} == {"Retain"}
    left_out = resources["Table"]["Properties"].keys() - found["Table"]["Properties"].keys()
    assert left_out == (set() if has_stream else {"StreamSpecification"})
    assert resources == before

"""Every call of every operation, failing in every way: the right answer, or a 503 that has done no harm."""

import pytest

from tests.contract.test_bundle import OPERATIONS
from tests.deployment import Deployment
from tests.effort import is_heavy
from tests.setups import EVENT_NAMES, NAMES, WAYS, set_up
from tests.sweep import is_sampled

PLAYED = NAMES if is_heavy() else NAMES[::12]
ONE_IN = 4 if is_heavy() else 25
"""Of how many plays one is played here; `make bench PARTS=faults` plays all."""


@pytest.mark.hypothesis  # Not so, but `make check-all` plays more of them here.
@pytest.mark.parametrize("name", PLAYED)
def test_a_fault_of_aws_does_no_harm(moto_signet: Deployment, name: str) -> None:
    """Whatever fails at whichever call: the right answer, or 503 and a table that a repetition sets right."""
    with set_up(moto_signet, name) as sweep:
        wrong = sweep.check_the_runs_themselves()
        plays = [
            sweep.play(place, fault)
            for place, fault in sweep.faults()
            if is_sampled(name, place, fault, ONE_IN)
        ]
    wrong += [str(play) for play in plays if play.wrong]
    assert not wrong, "\n".join(wrong)


def test_every_operation_is_among_the_set_ups() -> None:
    """A new one needs an event or a way of its own; so many set-ups there are at least."""
    asked = {name.partition(".")[0] for name in EVENT_NAMES} | {way.operation for way in WAYS.values()}
    assert asked >= set(OPERATIONS)
    assert len(NAMES) >= 61

"""How much the tests try: little each time, much in `make check-all` (the profiles of Hypothesis)."""

from typing import Final

from hypothesis import settings

HEAVY_EXAMPLES: Final = 500
LIGHT_EXAMPLES: Final = 25
FEWEST_EXAMPLES: Final = 5


def is_heavy() -> bool:
    """Whether this run has the time to try much."""
    return settings.default is not None and settings.default.max_examples >= HEAVY_EXAMPLES


def examples(heavy: int) -> int:
    """How many examples a test tries whose examples cost more, or find less, than others.

    Args:
        heavy: How many in `make check-all`; in other runs a fortieth, and five at least.
    """
    light = max(FEWEST_EXAMPLES, heavy // 40)
    return heavy if is_heavy() else min(heavy, light)

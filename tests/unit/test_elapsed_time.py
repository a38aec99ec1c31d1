"""The time that caches count in."""

from signet.store.cache import ElapsedTime


def test_it_goes_by_the_clock_that_went_further() -> None:
    """A container that was frozen knows that time has passed, and a clock set back takes none away."""
    monotonic, wall = 100.0, 1_800_000_000.0
    elapsed = ElapsedTime(lambda: monotonic, lambda: wall)
    assert elapsed() == 0
    monotonic, wall = monotonic + 5, wall + 5
    assert elapsed() == 5
    wall += 3600  # Frozen: only the wall clock has gone on.
    assert elapsed() == 3605
    monotonic, wall = monotonic + 2, wall - 7200  # Set back.
    assert elapsed() == 3607
    wall -= 10
    assert elapsed() == 3607

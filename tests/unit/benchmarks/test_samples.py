"""What is said of samples."""

import itertools

import pytest

from benchmarks.samples import bars, compare, quartiles


def test_quartiles_are_those_of_the_values_themselves() -> None:
    """The least and the greatest value belong to what is divided."""
    assert quartiles([5, 1, 3, 2, 4]) == (2, 3, 4)


def test_a_sample_against_itself_is_a_guess() -> None:
    """No difference, an interval around zero, and nothing that tells the two apart."""
    values = [float(value) for value in range(50)]
    found = compare(values, values)
    assert found.difference == 0
    assert found.low < 0 < found.high
    assert found.superiority == 0.5
    assert found.p == pytest.approx(1)


def test_samples_that_do_not_overlap_are_told_apart() -> None:
    """Whatever pair is taken, the greater value is the first sample's; the other way round it never is."""
    less, more = [float(value) for value in range(20)], [float(value) for value in range(100, 120)]
    found = compare(more, less)
    assert (found.difference, found.superiority) == (100, 1)
    assert found.low > 80
    assert found.p < 1e-6
    assert compare(less, more).superiority == 0


def test_superiority_counts_pairs_and_half_of_the_ties() -> None:
    """It is what comparing every pair gives."""
    values, others = [1.0, 2, 2, 5, 7], [2.0, 2, 3, 6]
    pairs = [(v > o) + (v == o) / 2 for v, o in itertools.product(values, others)]
    assert compare(values, others).superiority == pytest.approx(sum(pairs) / len(pairs))


def test_the_probability_is_the_normal_approximation() -> None:
    """The example of SciPy's documentation, where U is 17 of 20 pairs: z = (17 - 10) / √(20 · 10 / 12)."""
    found = compare([19.0, 22, 16, 29, 24], [20.0, 11, 17, 12])
    assert found.superiority == 17 / 20
    assert found.p == pytest.approx(0.0864, abs=0.0001)


def test_values_that_are_all_equal_cannot_be_told_apart() -> None:
    """And do not divide by zero."""
    found = compare([1.0, 1, 1], [1.0, 1])
    assert (found.superiority, found.p) == (0.5, 1)


def test_bars_are_as_high_as_their_counts() -> None:
    """The highest is full, an empty one is a space, one of many is still seen; outliers are left out."""
    assert bars([0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 9], 0, 4, 4) == "█▁ ▁"

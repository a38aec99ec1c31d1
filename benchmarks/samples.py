"""What can be said of samples: quartiles, a picture, and whether two of them differ."""

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_BARS = " ▁▂▃▄▅▆▇█"
_RESAMPLES = 2000
_SEED = 20_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one sample differs from another.

    Attributes:
        difference: Of the medians, the other's subtracted.
        low: The lower end of the difference's 95 % interval, by the bootstrap.
        high: Its upper end.
        superiority: The part of all pairs in which this one's value is the greater; ties count half. It is
            how often somebody is right who sees one of each and calls the slower one this: 0.5 is a guess.
        p: How probable a superiority this far from 0.5 is where there is no difference (Mann-Whitney,
            two-sided, by the normal approximation, corrected for ties).
    """

    difference: float
    low: float
    high: float
    superiority: float
    p: float


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def compare(values: Sequence[float], others: Sequence[float]) -> Comparison:
    """Compare two samples, of two values each at least. The same samples give the same answer."""
    generator = random.Random(_SEED)  # noqa: S311 - no secret
    differences = sorted(
        statistics.median(generator.choices(values, k=len(values)))
        - statistics.median(generator.choices(others, k=len(others)))
        for _ in range(_RESAMPLES)
    )
    edge = _RESAMPLES // 40
    superiority, p = _mann_whitney(values, others)
    return Comparison(
        difference=statistics.median(values) - statistics.median(others),
        low=differences[edge],
        high=differences[-1 - edge],
        superiority=superiority,
        p=p,
    )


def bars(values: Sequence[float], start: float, end: float, width: int) -> str:
    """A histogram as one line, the highest bar being full; what lies outside is left out."""
    counts = [0] * width
    for value in values:
        if start <= value < end:
            counts[min(width - 1, int((value - start) / (end - start) * width))] += 1
    top = max(counts) or 1
    return "".join(_BARS[math.ceil(count / top * (len(_BARS) - 1))] for count in counts)


def _mann_whitney(values: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    first, second = len(values), len(others)
    ordered = sorted([(value, True) for value in values] + [(value, False) for value in others])
    rank_sum, tied, begin = 0.0, 0, 0
    while begin < len(ordered):
        end = begin
        while end < len(ordered) and ordered[end][0] == ordered[begin][0]:
            end += 1
        # Ranks count from 1; equal values share the mean of theirs.
        rank_sum += (begin + end + 1) / 2 * sum(is_first for _, is_first in ordered[begin:end])
        tied += (end - begin) ** 3 - (end - begin)
        begin = end
    pairs, both = first * second, first + second
    greater = rank_sum - first * (first + 1) / 2
    variance = pairs / 12 * (both + 1 - tied / (both * (both - 1)))
    if variance <= 0:
        return 0.5, 1.0
    deviation = abs(greater - pairs / 2) / math.sqrt(variance)
    return greater / pairs, math.erfc(deviation / math.sqrt(2))

"""The few statistics that go into tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of repeated rounds, the least and the most of them."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of ``values``, one a round; there must be one at least."""
    return Spread(median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of ``values`` lie; NaN for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How much the second of a pair grows by each one of the first (least squares); NaN for one pair."""
    if len({x for x, _ in points}) < 2:
        return float("nan")
    return linear_regression([x for x, _ in points], [y for _, y in points]).slope

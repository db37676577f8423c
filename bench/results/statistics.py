"""The statistics of the tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, the minimum and the maximum of repeated rounds."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of ``values``, one per round; there must be at least one."""
    return Spread(median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` (0 to 1) of ``values`` lie; NaN for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the points by least squares; NaN for one point."""
    if len({x for x, _ in points}) < 2:
        return float("nan")
    return linear_regression([x for x, _ in points], [y for _, y in points]).slope

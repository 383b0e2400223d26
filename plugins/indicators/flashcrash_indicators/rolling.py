"""Rings, populations and sums that the eight step functions share.

Everything here is written in the subset that numba's nopython mode compiles, and takes a list of floats or a numpy array alike:
no list method but ``sort`` (arrays have it too), no slice that changes a length. A window sum is always recomputed from its
ring in time order, never kept as a running float: a running sum drifts, and would make a reading depend on when the run began.
NaN stands for a missing sample; in a sorted population it is stored as +inf, so that it sorts behind every real one.
"""

from math import inf, nan
from typing import Final

from flashcrash_core.api import GRID_US

__all__ = [
    "ROWS_PER_SECOND",
    "SECOND_US",
    "count_and_deviations",
    "count_and_sum",
    "delay",
    "first_not_below",
    "median",
    "median_deviation",
    "population_push",
    "replace_sorted",
    "window_sum",
]

SECOND_US: Final = 1_000_000
ROWS_PER_SECOND: Final = SECOND_US // GRID_US


def window_sum(ring: list[float], start: int, length: int) -> float:
    """Sum of ``length`` samples from slot ``start``, wrapping once, in time order. The ring holds no NaN."""
    total = 0.0
    for x in ring[start : start + length]:
        total += x
    rest = start + length - len(ring)
    if rest > 0:
        for x in ring[:rest]:
            total += x
    return total


def count_and_sum(ring: list[float], start: int, length: int) -> tuple[int, float]:
    """Number and sum of the samples that are not NaN, in time order."""
    count = 0
    total = 0.0
    for x in ring[start : start + length]:
        if x == x:
            count += 1
            total += x
    rest = start + length - len(ring)
    if rest > 0:
        for x in ring[:rest]:
            if x == x:
                count += 1
                total += x
    return count, total


def count_and_deviations(ring: list[float], start: int, length: int, center: float) -> tuple[int, float]:
    """Number of the samples that are not NaN and the sum of their squared distances from ``center``, in time order."""
    total = 0.0
    if center == 0.0:  # the common case, without a test per sample: a NaN anywhere shows in the total
        for x in ring[start : start + length]:
            total += x * x
        if start + length > len(ring):
            for x in ring[: start + length - len(ring)]:
                total += x * x
        if total == total:
            return length, total
        total = 0.0
    count = 0
    for x in ring[start : start + length]:
        if x == x:
            count += 1
            total += (x - center) * (x - center)
    rest = start + length - len(ring)
    if rest > 0:
        for x in ring[:rest]:
            if x == x:
                count += 1
                total += (x - center) * (x - center)
    return count, total


def delay(line: list[float], at: list[int], cursor: int, value: float) -> float:
    """Put ``value`` into a delay line of ``len(line) - 1`` steps and return what comes out; ``at[cursor]`` is its slot."""
    slot = at[cursor]
    line[slot] = value
    slot += 1
    if slot == len(line):
        slot = 0
    at[cursor] = slot
    return line[slot]


def first_not_below(ordered: list[float], count: int, value: float) -> int:
    """Index of the first of ``count`` ascending samples that is not below ``value``."""
    low = 0
    high = count
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


def replace_sorted(ordered: list[float], old: float, new: float) -> None:
    """Replace one ``old`` by ``new`` in an ascending list, NaN standing as +inf."""
    if old != old:
        old = inf
    if new != new:
        new = inf
    if old == new:
        return
    ordered[first_not_below(ordered, len(ordered), old)] = new
    ordered.sort()  # one sample out of place: about one pass for Python's sort


def population_push(ring: list[float], ordered: list[float], at: list[int], guard: int, value: float) -> None:
    """Append a sample; the population is the samples of age ``guard`` and more that the ring still holds.

    ``ring`` is ``guard`` slots longer than the population, ``ordered`` is the population sorted, ``at`` its slot and its number of
    samples that are not missing.
    """
    slot = at[0]
    leaving = ring[slot]
    ring[slot] = value
    entering = ring[slot - guard]  # a negative index wraps, as it should
    slot += 1
    at[0] = 0 if slot == len(ring) else slot
    if leaving == leaving:
        at[1] -= 1
    if entering == entering:
        at[1] += 1
    replace_sorted(ordered, leaving, entering)


def median(ordered: list[float], count: int) -> float:
    """Median of the first ``count`` of an ascending list; NaN when there are none."""
    if count == 0:
        return nan
    half = count // 2
    if count % 2 == 1:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) * 0.5


def median_deviation(ordered: list[float], count: int, center: float) -> float:
    """Median distance from ``center`` of the first ``count`` of an ascending list (MAD); NaN when there are none."""
    if count == 0:
        return nan
    high = first_not_below(ordered, count, center)
    low = high - 1
    previous = 0.0
    current = 0.0
    # Distances grow outwards on both sides, so walking out from the center meets them in order: no second sort.
    for _ in range(count // 2 + 1):
        previous = current
        if low < 0 or (high < count and ordered[high] - center <= center - ordered[low]):
            current = ordered[high] - center
            high += 1
        else:
            current = center - ordered[low]
            low -= 1
    return current if count % 2 == 1 else (previous + current) * 0.5

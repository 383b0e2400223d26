"""Rings, populations and sums that the eight step functions share.

Interpreted they take lists, compiled arrays. What numba would not compile, or compile badly, has a second writing in
:mod:`flashcrash_indicators.rolling_loops`, which stands for it in compiled code; the rest is written once. A window sum is always
recomputed from its ring in time order, never kept as a running float: a running sum drifts, and would make a reading depend on
when the run began. NaN stands for a missing sample; in a sorted population it is stored as +inf, so that it sorts behind every
real one.
"""

from bisect import bisect_left, bisect_right
from math import inf, nan
from typing import Final

from flashcrash_core.api import GRID_US, compiled_as
from flashcrash_indicators import rolling_loops

__all__ = [
    "ROWS_PER_SECOND",
    "SECOND_US",
    "count_and_deviations",
    "count_and_sum",
    "delay",
    "first_not_below",
    "median",
    "median_deviation",
    "median_of_present",
    "population_push",
    "replace_sorted",
    "window_sum",
]

SECOND_US: Final = 1_000_000
ROWS_PER_SECOND: Final = SECOND_US // GRID_US


@compiled_as(rolling_loops.window_sum)
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


@compiled_as(rolling_loops.count_and_sum)
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


@compiled_as(rolling_loops.count_and_deviations)
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


@compiled_as(rolling_loops.first_not_below)
def first_not_below(ordered: list[float], count: int, value: float) -> int:
    """Index of the first of ``count`` ascending samples that is not below ``value``."""
    return bisect_left(ordered, value, 0, count)


@compiled_as(rolling_loops.replace_sorted)
def replace_sorted(ordered: list[float], old: float, new: float) -> None:
    """Replace one ``old`` by ``new`` in an ascending list, NaN standing as +inf."""
    if old != old:
        old = inf
    if new != new:
        new = inf
    if old == new:
        return
    del ordered[bisect_left(ordered, old)]
    # Among equals the newcomer takes the end that it comes from, as if the list had been sorted with it in the old one's place.
    ordered.insert(bisect_left(ordered, new) if new > old else bisect_right(ordered, new), new)


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


@compiled_as(rolling_loops.median_of_present)
def median_of_present(ring: list[float]) -> float:
    """Median of the samples that are not NaN, in any order; NaN when there are none."""
    present = [x for x in ring if x == x]
    present.sort()
    count = len(present)
    return present[count // 2] if count % 2 == 1 else median(present, count)


def median_deviation(ordered: list[float], count: int, center: float) -> float:
    """Median distance from ``center`` of the first ``count`` of an ascending list (MAD); NaN when there are none.

    Distances grow outwards on both sides of the center. So the nearest ``count // 2 + 1`` samples are some to the right and the
    rest to the left; how many to the right is found by halving, without a second sort.
    """
    if count == 0:
        return nan
    first = first_not_below(ordered, count, center)  # the first on the right; the last on the left stands before it
    nearest = count // 2 + 1
    right = max(0, nearest - first)
    most = min(count - first, nearest)
    while right < most:
        middle = (right + most) // 2
        if ordered[first + middle] - center <= center - ordered[first - nearest + middle]:
            right = middle + 1
        else:
            most = middle
    left = nearest - right
    farthest_right = ordered[first + right - 1] - center if right > 0 else -1.0
    farthest_left = center - ordered[first - left] if left > 0 else -1.0
    if farthest_left >= farthest_right:
        farthest = farthest_left
        left -= 1
        farthest_left = center - ordered[first - left] if left > 0 else -1.0
    else:
        farthest = farthest_right
        right -= 1
        farthest_right = ordered[first + right - 1] - center if right > 0 else -1.0
    if count % 2 == 1:
        return farthest
    return (max(farthest_left, farthest_right) + farthest) * 0.5

"""How compiled code does what :mod:`flashcrash_indicators.rolling` does: loops over indices and shifts in place.

A slice is quick for the interpreter and makes a compiler count references; a general sort of a list with one sample out of place is
one pass for Python and a whole quicksort for numba. Each function here stands for the one of the same name there
(``compiled_as``): the same additions in the same order, the same answer to the bit, held by tests. Nothing else calls them.
"""

from math import inf, nan

__all__ = ["count_and_deviations", "count_and_sum", "first_not_below", "median_of_present", "replace_sorted", "window_sum"]


def window_sum(ring: list[float], start: int, length: int) -> float:
    """Sum of ``length`` samples from slot ``start``, wrapping once, in time order."""
    total = 0.0
    rest = start + length - len(ring)
    for i in range(start, start + length - max(rest, 0)):
        total += ring[i]
    for i in range(rest):
        total += ring[i]
    return total


def count_and_sum(ring: list[float], start: int, length: int) -> tuple[int, float]:
    """Number and sum of the samples that are not NaN, in time order."""
    count = 0
    total = 0.0
    rest = start + length - len(ring)
    for i in range(start, start + length - max(rest, 0)):
        x = ring[i]
        if x == x:
            count += 1
            total += x
    for i in range(rest):
        x = ring[i]
        if x == x:
            count += 1
            total += x
    return count, total


def count_and_deviations(ring: list[float], start: int, length: int, center: float) -> tuple[int, float]:
    """Number of the samples that are not NaN and the sum of their squared distances from ``center``, in time order."""
    rest = start + length - len(ring)
    end = start + length - max(rest, 0)
    total = 0.0
    if center == 0.0:
        for i in range(start, end):
            total += ring[i] * ring[i]
        for i in range(rest):
            total += ring[i] * ring[i]
        if total == total:
            return length, total
        total = 0.0
    count = 0
    for i in range(start, end):
        x = ring[i]
        if x == x:
            count += 1
            total += (x - center) * (x - center)
    for i in range(rest):
        x = ring[i]
        if x == x:
            count += 1
            total += (x - center) * (x - center)
    return count, total


def first_not_below(ordered: list[float], count: int, value: float) -> int:
    """Index of the first of ``count`` ascending samples that is not below ``value``."""
    low = 0
    while count > 0:
        half = count >> 1
        if ordered[low + half] < value:
            low += half + 1
            count -= half + 1
        else:
            count = half
    return low


def replace_sorted(ordered: list[float], old: float, new: float) -> None:
    """Replace one ``old`` by ``new`` in an ascending list, NaN standing as +inf: shift what lies between their places."""
    if old != old:
        old = inf
    if new != new:
        new = inf
    if old == new:
        return
    slot = first_not_below(ordered, len(ordered), old)
    if old < new:
        last = len(ordered) - 1
        while slot < last:
            neighbour = ordered[slot + 1]
            if not neighbour < new:
                break
            ordered[slot] = neighbour
            slot += 1
    else:
        while slot > 0:
            neighbour = ordered[slot - 1]
            if not neighbour > new:
                break
            ordered[slot] = neighbour
            slot -= 1
    ordered[slot] = new


def median_of_present(ring: list[float]) -> float:
    """Median of the samples that are not NaN, in any order; NaN when there are none. For short rings: it ranks each by all."""
    count = 0
    for x in ring:
        if x == x:
            count += 1
    half = count // 2
    below = nan
    middle = nan
    for i in range(len(ring)):
        x = ring[i]
        if x == x:
            rank = 0
            for j in range(i):
                rank += ring[j] <= x
            for j in range(i + 1, len(ring)):
                rank += ring[j] < x
            if rank == half:
                middle = x
            elif rank == half - 1:
                below = x
    return middle if count % 2 == 1 else (below + middle) * 0.5

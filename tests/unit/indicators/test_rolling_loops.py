"""Helpers that are written twice give the same bits both ways: on lists in the interpreter, on arrays in compiled code."""

import random
import struct
from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest

from flashcrash_core.batch.compiling import compiled
from flashcrash_core.detection.compiled_as import compiled_form
from flashcrash_indicators import rolling, rolling_loops

numba = pytest.importorskip("numba", reason="numba is not installed; the helpers run interpreted")
np = pytest.importorskip("numpy")

SEEDS = range(1000)
SPECIAL = (0.0, -0.0, 1.0, -1.0, 1e-300, 1e300)


def bits(value: float) -> bytes:
    """A float to the bit; every NaN is one."""
    return struct.pack("d", nan if value != value else value)


def all_bits(values: Any) -> list[bytes]:
    """Floats to the bit."""
    return [bits(float(value)) for value in values]


def samples(rng: random.Random, length: int, missing: float) -> list[float]:
    """Samples of mixed size with duplicates, a share of them ``missing``."""
    kind = rng.randrange(3)
    values = []
    for _ in range(length):
        if rng.random() < missing:
            values.append(nan)
        elif kind == 0:
            values.append(rng.choice(SPECIAL))
        elif kind == 1:
            values.append(float(rng.randrange(-5, 6)))
        else:
            values.append(rng.gauss(0.0, 1.0) * 10.0 ** rng.randrange(-8, 9))
    return values


def stretch(rng: random.Random) -> tuple[int, int, int]:
    """Size of a ring, and a start and length of a stretch of it, wrapping or not."""
    size = rng.choice((1, 2, 10, rng.randrange(3, 60)))
    return size, rng.randrange(size), rng.randrange(size + 1)


def written_twice(name: str) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """The interpreter's writing, the loops interpreted, and the loops compiled."""
    plain = getattr(rolling, name)
    return plain, getattr(rolling_loops, name), compiled(plain)


def test_window_sum_adds_in_one_order() -> None:
    """A window sum is the same to the bit, wrapping or not, also in the last place of mixed sizes."""
    plain, loops, fast = written_twice("window_sum")
    for seed in SEEDS:
        rng = random.Random(seed)
        size, start, length = stretch(rng)
        ring = samples(rng, size, 0.0)
        expected = bits(plain(ring, start, length))
        assert bits(loops(ring, start, length)) == expected, f"seed {seed}"
        assert bits(fast(np.array(ring), start, length)) == expected, f"seed {seed}"


def test_count_and_sum_skips_missing_samples() -> None:
    """Count and sum of what is not NaN are the same to the bit, from no missing sample to nothing else."""
    plain, loops, fast = written_twice("count_and_sum")
    for seed in SEEDS:
        rng = random.Random(seed)
        size, start, length = stretch(rng)
        ring = samples(rng, size, rng.choice((0.0, 0.3, 1.0)))
        count, total = plain(ring, start, length)
        for seen in (loops(ring, start, length), fast(np.array(ring), start, length)):
            assert (seen[0], bits(seen[1])) == (count, bits(total)), f"seed {seed}"


def test_count_and_deviations_agree_around_any_center() -> None:
    """Squared distances are the same to the bit around 0 (the short cut), -0, another center and a missing one."""
    plain, loops, fast = written_twice("count_and_deviations")
    for seed in SEEDS:
        rng = random.Random(seed)
        size, start, length = stretch(rng)
        ring = samples(rng, size, rng.choice((0.0, 0.3, 1.0)))
        center = rng.choice((0.0, -0.0, rng.gauss(0.0, 1.0), nan))
        count, total = plain(ring, start, length, center)
        for seen in (loops(ring, start, length, center), fast(np.array(ring), start, length, center)):
            assert (seen[0], bits(seen[1])) == (count, bits(total)), f"seed {seed}"


def test_replace_sorted_equals_sorting() -> None:
    """Shifting and moving leave what sorting leaves, with duplicates, both zeros and +inf for what is missing."""
    plain, loops, fast = written_twice("replace_sorted")
    for seed in SEEDS:
        rng = random.Random(seed)
        values = [inf if x != x else x for x in samples(rng, rng.choice((1, 2, rng.randrange(3, 40))), rng.choice((0.0, 0.4)))]
        by_sorting, moved, shifted, on_arrays = sorted(values), sorted(values), sorted(values), np.array(sorted(values))
        for _ in range(20):
            old = rng.choice(by_sorting)
            new = rng.choice((*samples(rng, 3, 0.3), rng.choice(by_sorting)))
            if old == inf and rng.random() < 0.5:
                old = nan
            target = inf if new != new else new
            if (inf if old != old else old) != target:
                by_sorting[next(i for i, x in enumerate(by_sorting) if x == (inf if old != old else old))] = target
                by_sorting.sort()
            plain(moved, old, new)
            loops(shifted, old, new)
            fast(on_arrays, old, new)
            expected = all_bits(by_sorting)
            assert all_bits(moved) == expected, f"seed {seed}"
            assert all_bits(shifted) == expected, f"seed {seed}"
            assert all_bits(on_arrays) == expected, f"seed {seed}"


def test_first_not_below_finds_the_same_place() -> None:
    """Both searches give the same index, for values among, between, before and behind the samples and for a missing one."""
    plain, loops, fast = written_twice("first_not_below")
    for seed in SEEDS:
        rng = random.Random(seed)
        ordered = sorted(samples(rng, rng.randrange(1, 40), 0.0)) + [inf] * rng.randrange(3)
        count = rng.randrange(len(ordered) + 1)
        for value in (*rng.sample(ordered, 1), *samples(rng, 3, 0.3), inf, -inf):
            expected = plain(ordered, count, value)
            assert loops(ordered, count, value) == expected, f"seed {seed}"
            assert fast(np.array(ordered), count, value) == expected, f"seed {seed}"


def test_median_of_present_equals_sorting() -> None:
    """Ranking gives the median that sorting gives, whatever the order, the duplicates and the zeros' signs."""
    plain, loops, fast = written_twice("median_of_present")
    for seed in SEEDS:
        rng = random.Random(seed)
        ring = samples(rng, rng.choice((1, 2, 5, rng.randrange(3, 40))), rng.choice((0.0, 0.3, 1.0)))
        expected = bits(plain(ring))
        assert bits(loops(ring)) == expected, f"seed {seed}"
        assert bits(fast(np.array(ring))) == expected, f"seed {seed}"


def walked_deviation(ordered: list[float], count: int, center: float) -> float:
    """The median distance by walking outwards from the center, one sample after the other."""
    distances: list[float] = []
    high = sum(1 for x in ordered[:count] if x < center)
    low = high - 1
    while len(distances) < count:
        if low < 0 or (high < count and ordered[high] - center <= center - ordered[low]):
            distances.append(ordered[high] - center)
            high += 1
        else:
            distances.append(center - ordered[low])
            low -= 1
    half = count // 2
    return distances[half] if count % 2 == 1 else (distances[half - 1] + distances[half]) * 0.5


def test_median_deviation_equals_walking_outwards() -> None:
    """The median distance found by halving is the one met by walking, around the median and around any other center."""
    fast = compiled(rolling.median_deviation)
    for seed in SEEDS:
        rng = random.Random(seed)
        ordered = sorted(samples(rng, rng.choice((1, 2, 3, rng.randrange(4, 60))), 0.0))
        count = len(ordered)
        ordered += [inf] * rng.randrange(4)
        for center in (rolling.median(ordered, count), rng.gauss(0.0, 1.0), ordered[0], ordered[count - 1], -1e9, 1e9):
            expected = bits(walked_deviation(ordered, count, center))
            assert bits(rolling.median_deviation(ordered, count, center)) == expected, f"seed {seed}, center {center}"
            assert bits(fast(np.array(ordered), count, center)) == expected, f"seed {seed}, center {center}"
    assert bits(rolling.median_deviation([inf], 0, 0.0)) == bits(nan)


def test_every_loop_stands_for_the_function_of_its_name() -> None:
    """No loop without its interpreter's twin, and each twin leads the compiler to its loop."""
    for name in rolling_loops.__all__:
        assert compiled_form(getattr(rolling, name)) is getattr(rolling_loops, name), name

"""The one check over all answers of a row agrees with looking at each float by itself."""

import random
import struct
from math import inf, isinf, nan
from typing import Any

import numpy as np
import pytest

from flashcrash_core.detection.pair_check import PairCheck

SHAPES = [(1, 1), (2, 0), (0, 0), (3, 2)]


class Subclass(float):
    pass


def answer(rng: random.Random, floats: list[float]) -> list[Any]:
    return [
        (tuple(rng.choice(floats) for _ in range(statistics)), tuple(rng.choice(floats) for _ in range(baselines)))
        for statistics, baselines in SHAPES
    ]


def finite(pairs: list[Any]) -> bool:
    return not any(isinf(x) for pair in pairs for part in pair for x in part)


@pytest.mark.parametrize("seed", range(20))
def test_infinities_are_seen_among_anything(seed: int) -> None:
    """Over random rows of ordinary, extreme, missing and infinite values: sound exactly when nothing is infinite."""
    rng = random.Random(seed)
    check = PairCheck(SHAPES)
    signalling = struct.unpack("<d", struct.pack("<Q", 0x7FF0_0000_0000_0001))[0]
    floats = [0.0, -0.0, 1.0, -1.5, 0.1, 5e-324, 1.7976931348623157e308, -1e300, nan, -nan, signalling]
    for row in range(2_000):
        pairs = answer(rng, floats if rng.random() < 0.5 else [*floats, inf, -inf] if rng.random() < 0.5 else floats[:8])
        assert check.sound(pairs) is finite(pairs), f"seed {seed} row {row}: {pairs}"


def test_an_infinity_in_the_place_of_a_missing_value_is_seen() -> None:
    """The quick way remembers which values are missing; an infinity there is no missing value."""
    check = PairCheck([(1, 1)])
    for value in (nan, inf, nan, -inf, 1.0, inf, nan):
        assert check.sound([((value,), (1.0,))]) is not isinf(value)


@pytest.mark.parametrize(
    "bad",
    [1, True, None, "1.23", b"abcd", Subclass(1.0), np.float64(1.0), 1j, [1.0], object(), (1.0,)],
    ids=lambda x: type(x).__name__,
)
def test_nothing_but_plain_floats_is_sound(bad: Any) -> None:
    """Any other type in any place is found, also one that takes as many bytes as a float."""
    check = PairCheck(SHAPES)
    good = [((1.0,), (1.0,)), ((1.0, 2.0), ()), ((), ()), ((1.0, 2.0, 3.0), (1.0, 2.0))]
    assert check.sound(good)
    for place in (0, 1, 3):
        pairs = list(good)
        pairs[place] = ((bad, *good[place][0][1:]), good[place][1])
        assert not check.sound(pairs)


@pytest.mark.parametrize(
    "bad", [None, (), ((1.0,),), [(1.0,), (1.0,)], ((1.0,), [1.0]), ((1.0, 1.0), ()), ((1.0,), (1.0,), (1.0,)), 7]
)
def test_nothing_but_the_declared_shape_is_sound(bad: Any) -> None:
    """Lists, other lengths and the same number of floats in another arrangement are found."""
    assert not PairCheck([(1, 1)]).sound([bad])
    assert not PairCheck([(1, 1), (1, 1)]).sound([((1.0,), (1.0,)), bad])

"""Shares with their interval, and where numbers lie: the vectors of reference section 9.1, and what is said of nothing."""

import itertools
import random
from decimal import Decimal

import pytest

from flashcrash_core.runtime.event_statistics import share, spread, wilson


@pytest.mark.parametrize(("successes", "n", "low", "high"), [(9, 10, 0.60, 0.98), (90, 100, 0.83, 0.94), (180, 200, 0.85, 0.93)])
def test_wilson_gives_the_vectors_of_the_reference(successes: int, n: int, low: float, high: float) -> None:
    """9 of 10 means 0.60 to 0.98, 90 of 100 means 0.83 to 0.94, 180 of 200 means 0.85 to 0.93."""
    found = wilson(successes, n)
    assert found is not None
    assert (round(found[0], 2), round(found[1], 2)) == (low, high)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 100, 1000])
def test_wilson_holds_the_share_and_is_symmetric(n: int) -> None:
    """The interval lies in 0 to 1, holds the share, mirrors that of the failures, and reaches 0 and 1 exactly at the ends."""
    for successes in range(n + 1):
        found, mirrored = wilson(successes, n), wilson(n - successes, n)
        assert found is not None
        assert mirrored is not None
        assert 0.0 <= found[0] <= successes / n <= found[1] <= 1.0
        assert found[0] == pytest.approx(1 - mirrored[1], abs=1e-12)
    assert wilson(0, n)[0] == 0.0  # type: ignore[index]
    assert wilson(n, n)[1] == 1.0  # type: ignore[index]


def test_nothing_has_no_share() -> None:
    """Of no observations there is neither a share nor an interval; more successes than observations are a mistake."""
    assert wilson(0, 0) is None
    assert share(0, 0) == {"of": 0, "n": 0, "share": None, "wilson_95": None}
    assert share(9, 10) == {"of": 9, "n": 10, "share": 0.9, "wilson_95": [0.5958, 0.9821]}
    for successes, n in [(2, 1), (-1, 3)]:
        with pytest.raises(ValueError, match="observations"):
            wilson(successes, n)


def test_spread_is_exact_in_any_order() -> None:
    """Mean, median and both ends do not depend on the order; an even number has its median between two; nothing has none."""
    values = [Decimal("0.1"), Decimal("-7.3"), Decimal(200), Decimal("0.2")]
    expected = {"n": 4, "mean": Decimal("48.25"), "median": Decimal("0.15"), "least": Decimal("-7.3"), "most": Decimal(200)}
    assert all(spread(order) == expected for order in itertools.permutations(values))
    assert spread([Decimal(3), Decimal(1), Decimal(2)])["median"] == 2
    assert spread([]) == {"n": 0, "mean": None, "median": None, "least": None, "most": None}


def test_spread_is_plain_to_read() -> None:
    """Numbers have at most eight digits, no trailing zeros and no exponent: they are printed as JSON numbers."""
    seed = random.Random(4)
    for _ in range(200):
        found = spread(Decimal(seed.randint(-(10**12), 10**12)) / 7 for _ in range(seed.randint(1, 9)))
        for key in ("mean", "median", "least", "most"):
            text = str(found[key])
            assert "E" not in text, text
            assert len(text.partition(".")[2]) <= 8, text
    assert str(spread([Decimal(1000)])["mean"]) == "1000"

"""Peak-hold of reference/microstructure.md section 4, revision r2."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashcrash_core.api import JudgedRow
from flashcrash_scoring.peak_hold import hold_weight, peak_hold

NOW = 100_000_000


def identity(x: float) -> float:
    """Strength of a reading that is a strength already."""
    return x


def rows(*pairs: tuple[float, float]) -> list[JudgedRow]:
    """Rows of one column from (age in seconds, value), oldest first."""
    return [JudgedRow(NOW - round(age * 1e6), (value,)) for age, value in sorted(pairs, reverse=True)]


@pytest.mark.parametrize(
    ("age", "weight"), [(0.0, 1.0), (2.0, 1.0), (2.1, 0.9875), (4.0, 0.75), (6.0, 0.5), (9.9, 0.0125), (10.0, 0.0), (11.0, 0.0)]
)
def test_hold_weight(age: float, weight: float) -> None:
    """1 up to 2 s, then (10 - age) / 8, 0 from 10 s."""
    assert hold_weight(age) == pytest.approx(weight, abs=1e-12)


def test_strongest_reading_of_the_last_two_seconds_counts_in_full() -> None:
    """A peak 2 s ago outweighs a weak reading now."""
    assert peak_hold(rows((0, 0.1), (2.0, 0.9), (3.0, 0.2)), 0, NOW, identity) == 0.9


def test_older_peak_is_discounted() -> None:
    """Exactly max of component times weight: 1.0 at 6 s counts 0.5, less than 0.6 now and more than 0.4."""
    assert peak_hold(rows((0, 0.6), (6.0, 1.0)), 0, NOW, identity) == 0.6
    assert peak_hold(rows((0, 0.4), (6.0, 1.0)), 0, NOW, identity) == 0.5


def test_nothing_older_than_ten_seconds_counts() -> None:
    """At 10 s a reading weighs nothing; beyond it does not even count as data."""
    assert peak_hold(rows((10.0, 1.0)), 0, NOW, identity) == 0.0
    assert peak_hold(rows((10.1, 1.0)), 0, NOW, identity) is None


def test_missing_readings_are_skipped_and_all_missing_is_none() -> None:
    """NaN is no reading: an older one is used, and without any the component is missing, not zero."""
    assert peak_hold(rows((0, nan), (1.0, 0.3)), 0, NOW, identity) == 0.3
    assert peak_hold(rows((0, nan), (1.0, nan)), 0, NOW, identity) is None
    assert peak_hold([], 0, NOW, identity) is None


@given(st.lists(st.tuples(st.integers(0, 120), st.floats(0, 1) | st.just(nan)), max_size=101, unique_by=lambda p: p[0]))
def test_early_exit_changes_nothing(pairs: list[tuple[int, float]]) -> None:
    """The pruned search gives what the plain maximum over all ages gives."""
    history = rows(*[(tenths / 10, value) for tenths, value in pairs])
    plain = [v * hold_weight((NOW - t) / 1e6) for t, (v,) in history if v == v and NOW - t <= 10_000_000]
    assert peak_hold(history, 0, NOW, identity) == max(plain, default=None)

"""I7: selling exhaustion and buying climax on hand-made candles."""

from collections.abc import Callable
from math import isnan
from typing import Any

import pytest

from flashcrash_core.testing import EPOCH_US, RowBar, drive, make_rows

Build = Callable[..., Any]

# Falling bars of 0.01 ticks around 100: bodies 40, 30, 20, 15, 10; lower wicks 20, 22, 25, 28, 31.
FALLING: list[RowBar] = [
    (100.00, 100.00, 99.40, 99.60, 1e4),
    (99.60, 99.60, 99.08, 99.30, 1e4),
    (99.30, 99.30, 98.85, 99.10, 1e4),
    (99.10, 99.10, 98.67, 98.95, 1e4),
    (98.95, 98.95, 98.54, 98.85, 1e4),
]
NEUTRAL: RowBar = (100.0, 100.2, 99.8, 100.0, 1e4)


def readings(build: Build, bars: list[RowBar], **settings: Any) -> list[tuple[float, float]]:
    """(exhaustion, climax) at the rows that first show each bar."""
    rows = make_rows([bar[3] for bar in bars], bars=bars)
    pairs = drive(build("candle_patterns", **settings), rows)
    return [statistic for row, (statistic, _) in zip(rows, pairs, strict=True) if row.bar_new]


def test_exhaustion_counts_the_longest_run(build: Build) -> None:
    """Three, four and five qualifying bars read 3, 4 and 5; a sixth still reads 5."""
    sixth = (98.85, 98.85, 98.42, 98.80, 1e4)
    got = [n for n, _ in readings(build, [NEUTRAL, NEUTRAL, *FALLING, sixth])]
    assert got[2:] == [0.0, 0.0, 3.0, 4.0, 5.0, 5.0]


def test_exactly_ten_percent_more_wick_counts(build: Build) -> None:
    """Wicks of 20 and 22 ticks grow by exactly 1.10, whatever the floats say; 21 ticks do not."""
    assert readings(build, FALLING[:3])[-1][0] == 3.0
    short = (99.60, 99.60, 99.09, 99.30, 1e4)
    assert readings(build, [FALLING[0], short, FALLING[2]])[-1][0] == 0.0


@pytest.mark.parametrize(
    "broken",
    [
        (99.60, 99.60, 99.08, 99.30, 0.0),  # empty
        (99.30, 99.60, 99.08, 99.60, 1e4),  # rising
        (99.60, 99.60, 99.08, 99.19, 1e4),  # body not smaller
        (99.60, 101.00, 99.08, 99.30, 1e4),  # wick only 11 % of the range
    ],
)
def test_one_bad_bar_breaks_the_run(build: Build, broken: RowBar) -> None:
    """An empty, rising, bigger or wickless bar in the middle leaves no pattern."""
    assert readings(build, [NEUTRAL, FALLING[0], broken, FALLING[2]])[-1][0] == 0.0


def test_gap_breaks_the_run(build: Build) -> None:
    """A bar with a feed gap is no part of a pattern."""
    rows = make_rows([bar[3] for bar in FALLING[:3]], bars=FALLING[:3], gaps=[1])
    assert drive(build("candle_patterns"), rows)[-1][0][0] == 0.0


def test_range_must_reach_five_ticks_and_two_basis_points(build: Build) -> None:
    """A 4-tick range never counts, 5 ticks do when they are 2 bp as well."""
    bars: list[RowBar] = [
        (1.0010, 1.0010, 1.0004, 1.0006, 1.0),
        (1.0006, 1.0006, 1.0000, 1.00029, 1.0),
        (1.00029, 1.00029, 0.9997, 1.0001, 1.0),
    ]
    assert readings(build, bars, min_range_ticks=5.0)[-1][0] == 0.0  # with the tick of 0.01 this is no range at all
    small = build("candle_patterns", tick="0.00001")
    assert drive(small, make_rows([b[3] for b in bars], bars=bars))[-1][0][0] == 3.0
    strict = build("candle_patterns", tick="0.00001", min_range_bp=6.5)
    assert drive(strict, make_rows([b[3] for b in bars], bars=bars))[-1][0][0] == 0.0


def test_pattern_is_valid_three_seconds(build: Build) -> None:
    """It reads from the row that shows its last bar (k + 1.3 s) and for 3 s."""
    bars = [NEUTRAL, *FALLING[:3], *[NEUTRAL] * 6]
    rows = make_rows([bar[3] for bar in bars], bars=bars)
    shown = [row.t_us - EPOCH_US for row, (s, _) in zip(rows, drive(build("candle_patterns"), rows), strict=True) if s[0] == 3.0]
    assert shown == list(range(4_300_000, 7_300_000, 100_000))


def test_missing_until_three_bars_have_closed(build: Build) -> None:
    """Two bars cannot say that there is no pattern."""
    assert [isnan(n) for n, _ in readings(build, [NEUTRAL] * 4)] == [True, True, False, False]


def test_climax_needs_wick_and_volume(build: Build) -> None:
    """Three rising bars, the last with an upper wick above 30 % and more than 1.5 times the others' volume."""
    rising: list[RowBar] = [(100.0, 100.2, 100.0, 100.2, 100.0), (100.2, 100.4, 100.2, 100.4, 100.0)]
    last: RowBar = (100.4, 100.8, 100.4, 100.6, 151.0)
    assert readings(build, [*rising, last])[-1] == (0.0, 1.0)
    assert readings(build, [*rising, (*last[:4], 150.0)])[-1] == (0.0, 0.0)
    assert readings(build, [*rising, (100.4, 100.7, 100.4, 100.61, 151.0)])[-1] == (0.0, 0.0)
    # Four bars do it although the last three do not: a quiet first bar lowers the mean of the others.
    quiet: RowBar = (99.8, 100.0, 99.8, 100.0, 40.0)
    assert readings(build, [quiet, *rising, (*last[:4], 130.0)])[-1] == (0.0, 1.0)


def test_longer_candles_are_put_together_on_utc_boundaries(build: Build) -> None:
    """With ``period_s = 2`` six seconds make three candles, and a candle whose beginning was missed never counts."""
    bars: list[RowBar] = []
    for o, h, low, c, v in FALLING[:3]:
        bars += [(o, h, c, c, v), (c, c, low, c, v)]
    indicator = build("candle_patterns", period_s=2)
    assert drive(indicator, make_rows([b[3] for b in bars], bars=bars))[-1][0][0] == 3.0
    late = build("candle_patterns", period_s=2)
    assert isnan(drive(late, make_rows([b[3] for b in bars], bars=bars, start_us=EPOCH_US + 1_000_000))[-1][0][0])

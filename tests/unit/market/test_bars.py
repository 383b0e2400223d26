"""One-second bars: when they close, what they hold, and what a silent second is."""

from math import isnan

import pytest

from flashcrash_core.market.bars import Bar, BarBuilder

S = 1_000_000
STEP = 100_000


def close_until(builder: BarBuilder, start_us: int, end_us: int, *, mid: bool = False) -> list[tuple[int, Bar]]:
    """Close every row of the grid; the bars with the row that saw each first."""
    rows = range(start_us, end_us + 1, STEP)
    return [(row, bar) for row in rows if (bar := builder.close(row, mid, 0.5)) is not None]


def test_bar_is_first_seen_300_ms_after_its_end() -> None:
    """Bar k covers [k, k+1) s by the trades' own times and is first seen by row k+1.3."""
    builder = BarBuilder()
    for own_us, ticks, lots in ((10 * S, 100, 2), (10 * S + 500, 104, 1), (11 * S - 1, 99, 3), (11 * S, 500, 1)):
        builder.on_trade(own_us, ticks, lots)
    ((row, bar),) = close_until(builder, 10 * S + STEP, 11 * S + 3 * STEP)
    assert row == 11 * S + 300_000
    assert (bar.start_us, bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks) == (10 * S, 100, 104, 99, 99)
    assert (bar.notional_units, bar.trades, bar.empty, bar.gap, bar.price) == (200 + 104 + 297, 3, False, False, 49.5)


def test_late_trade_enters_its_own_bar() -> None:
    """A trade that arrives after its second ended still counts into that second."""
    builder = BarBuilder()
    builder.on_trade(10 * S, 100, 1)
    assert close_until(builder, 10 * S + STEP, 11 * S + 2 * STEP) == []
    builder.on_trade(11 * S - 5, 90, 1)
    ((_, bar),) = close_until(builder, 11 * S + 3 * STEP, 11 * S + 3 * STEP)
    assert (bar.low_ticks, bar.close_ticks, bar.trades) == (90, 90, 2)


def test_silent_second_repeats_the_close() -> None:
    """A second without a trade has O = H = L = C = previous close, no volume, and is marked empty."""
    builder = BarBuilder()
    builder.on_trade(10 * S, 100, 1)
    bars = [bar for _, bar in close_until(builder, 10 * S + STEP, 13 * S + 3 * STEP)]
    assert [bar.start_us // S for bar in bars] == [10, 11, 12]
    assert [bar.empty for bar in bars] == [False, True, True]
    silent = bars[1]
    assert {silent.open_ticks, silent.high_ticks, silent.low_ticks, silent.close_ticks} == {100}
    assert (silent.notional_units, silent.trades, silent.price) == (0, 0, 50.0)


def test_no_bar_before_the_first_trade() -> None:
    """Without any trade there is no close to repeat."""
    assert close_until(BarBuilder(), 10 * S, 20 * S) == []


@pytest.mark.parametrize(("gap_at", "unavailable_from"), [(None, None), (11 * S + 5, 5)])
def test_five_empty_seconds_with_a_gap_make_the_price_unavailable(gap_at: int | None, unavailable_from: int | None) -> None:
    """Silence alone keeps the price; silence with a feed gap loses it with the fifth empty second, until trades return."""
    builder = BarBuilder()
    builder.on_trade(10 * S, 100, 1)
    if gap_at is not None:
        builder.on_gap(gap_at)
    bars = [bar for _, bar in close_until(builder, 10 * S + STEP, 18 * S + 3 * STEP)]
    missing = [at for at, bar in enumerate(bars) if isnan(bar.price)]
    assert missing == ([] if unavailable_from is None else list(range(unavailable_from, 8)))
    assert [bar.gap for bar in bars].count(True) == (0 if gap_at is None else 1)
    builder.on_trade(18 * S + 400_000, 90, 1)
    ((_, bar),) = close_until(builder, 18 * S + 4 * STEP, 19 * S + 3 * STEP)
    assert bar.price == 45.0


def test_mid_source_takes_the_mid_at_the_seconds_end() -> None:
    """With price source mid a bar's price is the mid of row k+1, and unavailable when that row had none."""
    builder = BarBuilder()
    builder.on_trade(10 * S, 100, 1)
    builder.mark(11 * S, 123.25)
    bars = [bar for _, bar in close_until(builder, 11 * S, 12 * S + 3 * STEP, mid=True)]
    assert bars[0].price == 123.25
    assert isnan(bars[1].price)


def test_memory_is_bounded_and_restorable() -> None:
    """Closed seconds leave nothing behind; a restored builder closes the same bars."""
    builder = BarBuilder()
    for k in range(10, 200):
        builder.on_trade(k * S, k, 1)
        builder.mark((k + 1) * S, float(k))
        builder.on_gap(k * S)
        close_until(builder, k * S + STEP, (k + 1) * S)
    state = builder.snapshot()
    assert len(state["open"]) <= 3
    assert len(state["marks"]) <= 3
    assert len(state["gaps"]) <= 3
    twin = BarBuilder()
    twin.restore(state)
    assert close_until(twin, 200 * S + STEP, 205 * S) == close_until(builder, 200 * S + STEP, 205 * S)

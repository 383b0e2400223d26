"""Mark-outs: prices 0.1, 1 and 5 s after a fill, positive when good for us (reference/microstructure.md section 6)."""

from math import log, nan

import pytest

from flashcrash_core.market.events import Side
from flashcrash_core.runtime.markouts import Markouts


def test_each_offset_reads_the_first_row_at_or_after_it():
    """Not a row earlier than 0.1, 1 and 5 s after the fill."""
    marks = Markouts()
    marks.on_fill(Side.BUY, 100.0, 50_000)
    for t_us, price in (
        (100_000, 1.0),
        (200_000, 101.0),
        (1_000_000, 1.0),
        (1_100_000, 102.0),
        (5_000_000, 1.0),
        (5_050_000, 99.0),
    ):
        marks.on_row(t_us, price)
    expected = [1e4 * log(p / 100.0) for p in (101.0, 102.0, 99.0)]
    assert [part["mean_bps"] for part in marks.result().values()] == pytest.approx(expected, abs=1e-3)
    assert not marks.waiting


def test_sales_count_the_other_way():
    """A price that fell after our sale is good for us."""
    marks = Markouts()
    marks.on_fill(Side.SELL, 100.0, 0)
    marks.on_row(5_000_000, 99.0)
    assert all(part["mean_bps"] > 0 for part in marks.result().values())


def test_a_row_without_a_price_waits_for_the_next():
    """Missing prices resolve nothing."""
    marks = Markouts()
    marks.on_fill(Side.BUY, 100.0, 0)
    marks.on_row(5_000_000, nan)
    assert marks.waiting
    marks.on_row(5_100_000, 101.0)
    assert not marks.waiting


def test_result_is_count_and_mean():
    """Per offset, with None where nothing was seen."""
    marks = Markouts()
    assert marks.result()["0.1s"] == {"fills": 0, "mean_bps": None}
    for price in (100.0, 101.0):
        marks.on_fill(Side.BUY, price, 0)
    marks.on_row(1_000_000, 101.0)
    assert marks.result()["1s"] == {"fills": 2, "mean_bps": round(1e4 * log(1.01) / 2, 3)}
    assert marks.result()["5s"]["fills"] == 0


def test_a_snapshot_is_a_copy_that_goes_on():
    """Later fills and rows do not change it."""
    marks, other = Markouts(), Markouts()
    marks.on_fill(Side.BUY, 100.0, 0)
    marks.on_row(100_000, 101.0)
    state = marks.snapshot()
    other.restore(state)
    marks.on_row(5_000_000, 101.0)
    assert other.waiting
    other.on_row(5_000_000, 101.0)
    assert other.result() == marks.result()
    assert state[1][1] == [0, 0.0]

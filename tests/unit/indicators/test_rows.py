"""The row factory that plugin authors use: no holes, bars when the feature builder would show them."""

import pytest

from flashcrash_core.testing import EPOCH_US, make_rows, row, rows_of


def test_rows_have_no_holes_and_bars_appear_on_time() -> None:
    """One row per 100 ms; bar k is new in the row at k + 1.3 s and only there."""
    closes = [100.0, 101.0, 102.0]
    rows = make_rows(closes)
    assert [r.t_us - EPOCH_US for r in rows] == [100_000 * (i + 1) for i in range(rows_of(3))]
    shown = {r.t_us - EPOCH_US: (r.bar_start_us - EPOCH_US, r.bar_price) for r in rows if r.bar_new}
    assert shown == {1_300_000: (0, 100.0), 2_300_000: (1_000_000, 101.0), 3_300_000: (2_000_000, 102.0)}
    assert [rows[i].price for i in (0, 9, 10, 32)] == [100.0, 100.0, 101.0, 102.0]


def test_gaps_empty_bars_and_columns_are_carried() -> None:
    """A gap second is flagged in its bar, a bar without notional is empty, and columns set fields row by row."""
    bars = [(1.0, 1.0, 1.0, 1.0, 5.0), (1.0, 1.0, 1.0, 1.0, 0.0)]
    rows = make_rows([1.0, 1.0], bars=bars, gaps=[1], columns={"trades": list(range(rows_of(2)))}, quotes=7)
    assert (rows[12].bar_empty, rows[12].bar_gap, rows[22].bar_empty, rows[22].bar_gap) == (0, 0, 1, 1)
    assert [r.trades for r in rows] == list(range(23))
    assert {r.quotes for r in rows} == {7}


def test_a_row_without_a_book_is_unusable() -> None:
    """``has_book=False`` leaves price and trades and takes the book away."""
    bare = row(has_book=False)
    assert (bare.book_usable, bare.covered_us, bare.price) == (0, 0, 100.0)
    assert bare.bid != bare.bid


def test_unknown_fields_are_refused() -> None:
    """A misspelt field is an error, not a silently ignored setting."""
    with pytest.raises(TypeError, match="spred_end"):
        row(spred_end=1.0)

"""The column window: the same columns as made anew from the last rows, at every row."""

import random

import numpy as np
import pytest

from flashcrash_core.detection.column_window import ColumnWindow
from flashcrash_core.testing import make_rows, row

COLUMNS = ("price", "book_usable", "trades")


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_columns_are_those_of_the_last_rows(rows: int) -> None:
    """At every row, also after the arrays were full, the views equal columns made anew, types included."""
    rng = random.Random(5)
    window = ColumnWindow(COLUMNS, rows)
    taken = []
    for made in make_rows([100.0 + rng.random() for _ in range(30)]):
        taken.append(made._replace(trades=rng.randrange(9)))
        assert window.append(taken[-1]) == min(len(taken), rows)
        for name, view in window.columns().items():
            anew = np.array([getattr(one, name) for one in taken[-rows:]])
            assert view.dtype == anew.dtype
            assert view.tolist() == anew.tolist()


def test_views_cannot_be_written() -> None:
    """A plugin that writes into its columns gets an error, and the next row finds them as they were."""
    window = ColumnWindow(COLUMNS, 3)
    window.append(row(price=5.0))
    with pytest.raises(ValueError, match="read-only"):
        window.columns()["price"][0] = 1.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        window.columns()["price"].setflags(write=True)
    assert window.columns()["price"].tolist() == [5.0]


@pytest.mark.parametrize("taken", [0, 2, 40])
def test_restored_window_goes_on_alike(taken: int) -> None:
    """Restored from its snapshot, it shows what the original shows, now and after further rows."""
    rows = make_rows([100.0 + k for k in range(10)])
    one, other = ColumnWindow(COLUMNS, 5), ColumnWindow(COLUMNS, 5)
    for made in rows[:taken]:
        one.append(made)
    other.restore(one.snapshot())
    for made in rows[taken : taken + 50]:
        one.append(made)
        other.append(made)
        assert one.snapshot() == other.snapshot()

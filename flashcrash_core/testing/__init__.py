"""Public test support for plugin authors."""

from flashcrash_core.testing.rows import EPOCH_US, ROWS_PER_SECOND, RowBar, drive, make_rows, row, rows_of

__all__ = ["EPOCH_US", "ROWS_PER_SECOND", "RowBar", "drive", "make_rows", "row", "rows_of"]

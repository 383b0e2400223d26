"""The last rows of some columns as contiguous numpy arrays, kept up to date at a constant cost per row.

A window indicator is called on every row. Making its columns anew from up to 600 rows would cost more than its formula; here
a row is written behind the last one, and only when the arrays are full the window moves back to their start.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from flashcrash_core.market.features import FeatureRow

__all__ = ["ColumnWindow"]

_ROOM: Final = 8
"""Arrays are this many windows long: one row in that many windows pays for the move."""


class ColumnWindow:
    """The newest ``rows`` rows of ``columns``; integers stay integers."""

    def __init__(self, columns: Sequence[str], rows: int) -> None:
        self._rows = rows
        self._end = 0
        self._places = [FeatureRow._fields.index(name) for name in columns]
        self._arrays = {
            name: np.empty(rows * _ROOM, dtype=np.int64 if FeatureRow.__annotations__[name] is int else np.float64)
            for name in columns
        }
        # Over read-only memory, not only flagged so: a plugin could take such a flag back.
        self._shown = {name: np.frombuffer(array.data.toreadonly(), dtype=array.dtype) for name, array in self._arrays.items()}

    def append(self, row: FeatureRow) -> int:
        """Take a row; returns how many rows there are now, at most the window's."""
        end = self._end
        if end == self._rows * _ROOM:
            kept = self._rows - 1
            for array in self._arrays.values():
                array[:kept] = array[end - kept : end]
            end = kept
        for array, place in zip(self._arrays.values(), self._places, strict=True):
            array[end] = row[place]
        self._end = end + 1
        return min(self._end, self._rows)

    def columns(self) -> dict[str, Any]:
        """Read-only views, oldest row first. They hold until the next row is taken."""
        start, end = max(0, self._end - self._rows), self._end
        return {name: array[start:end] for name, array in self._shown.items()}

    def snapshot(self) -> list[list[Any]]:
        """The columns as lists of plain numbers."""
        return [view.tolist() for view in self.columns().values()]

    def restore(self, data: list[list[Any]]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self._end = len(data[0]) if data else 0
        for array, values in zip(self._arrays.values(), data, strict=True):
            array[: self._end] = values

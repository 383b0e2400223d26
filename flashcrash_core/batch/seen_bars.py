"""The bars that a lane was shown, by the row in which each was new."""

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flashcrash_core.batch.row_chunk import BarColumns, bar_at
from flashcrash_core.market.bars import Bar

__all__ = ["SeenBars"]


@define(eq=False)
class SeenBars:
    """Tables of bars, oldest first. A bar of a silence has the number of the first row after it, with its own row's time."""

    tables: list[tuple[BarColumns, NDArray[np.int64], NDArray[np.int64]]] = field(factory=list)
    """Bars, the row of each, and that row's time."""
    _first: list[int] = field(factory=list)

    def add(self, bars: BarColumns, row: NDArray[np.int64], t_us: NDArray[np.int64]) -> None:
        """Bars that are newer than all others; at least one."""
        self.tables.append((bars, row, t_us))
        self._first.append(int(row[0]))

    def between(self, first: int, last: int, newest: int | None = None) -> Iterator[tuple[Bar, int]]:
        """Bars first seen in rows ``first`` to ``last`` (exclusive), and in silences before them, with the row's time.

        With ``newest`` only so many bars with trades at the end, and the empty ones between them.
        """
        spans: list[tuple[int, int, int]] = []
        wanted = newest
        for place in range(bisect_left(self._first, last) - 1, -1, -1):
            bars, row, _ = self.tables[place]
            if wanted == 0 or row[-1] < first:
                break
            start, stop = (int(end) for end in np.searchsorted(row, (first, last)))
            if wanted is not None:
                traded = np.flatnonzero(bars.empty[start:stop] == 0)
                if len(traded) >= wanted:
                    start += int(traded[len(traded) - wanted])
                wanted = max(wanted - len(traded), 0)
            spans.append((place, start, stop))
        for place, start, stop in reversed(spans):
            bars, _, t_us = self.tables[place]
            for index in range(start, stop):
                yield bar_at(bars, index), int(t_us[index])

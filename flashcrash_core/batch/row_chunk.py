"""What a pass over events gives: rows, the events that closed them, and the bars that they are the first to see."""

from typing import NamedTuple

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flashcrash_core.batch.rows import RowColumns
from flashcrash_core.market.bars import Bar

__all__ = ["BarColumns", "RowChunk", "bar_at"]


class BarColumns(NamedTuple):
    """Bars of trades in ticks and lots, one array per field of :class:`~flashcrash_core.market.bars.Bar`."""

    row: NDArray[np.int64]
    """Index of the row that is the first to see it."""
    start_us: NDArray[np.int64]
    open_ticks: NDArray[np.int64]
    high_ticks: NDArray[np.int64]
    low_ticks: NDArray[np.int64]
    close_ticks: NDArray[np.int64]
    notional_units: NDArray[np.int64]
    trades: NDArray[np.int64]
    empty: NDArray[np.uint8]
    gap: NDArray[np.uint8]
    price: NDArray[np.float64]


@frozen(eq=False)
class RowChunk:
    """Rows in the order in which they closed. Views of reused memory: copy what is to be kept beyond the next chunk."""

    rows: RowColumns
    event: NDArray[np.int64]
    """Index within the tape, from 0, of the event whose arrival closed the row."""
    settle: NDArray[np.uint8]
    """1 for a row of a long silence: for bars and mark-outs only."""
    restarts: tuple[int, ...]
    """Indices of rows before which the lane started over, its settling rows included."""
    bars: BarColumns

    def __len__(self) -> int:
        return len(self.event)


def bar_at(bars: BarColumns, index: int) -> Bar:
    """One bar as the streaming engine makes it."""
    return Bar(
        start_us=int(bars.start_us[index]),
        open_ticks=int(bars.open_ticks[index]),
        high_ticks=int(bars.high_ticks[index]),
        low_ticks=int(bars.low_ticks[index]),
        close_ticks=int(bars.close_ticks[index]),
        notional_units=int(bars.notional_units[index]),
        trades=int(bars.trades[index]),
        empty=bool(bars.empty[index]),
        gap=bool(bars.gap[index]),
        price=float(bars.price[index]),
    )

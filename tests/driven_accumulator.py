"""What the compiled pass is held against: a FeatureAccumulator driven as a lane drives it, and comparison to the bit."""

import struct
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from attrs import define, field

from flashcrash_core.batch.rows import INTEGERS, RowColumns
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.bars import Bar
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.runtime.lane import _SETTLE_US

__all__ = ["DrivenAccumulator", "difference", "row_difference"]


@define
class DrivenAccumulator:
    """``Lane.on_market`` (runtime/lane.py) with everything left out that is not market data."""

    instrument: Instrument
    has_book: bool
    source_is_mid: bool
    max_silence_us: int
    market: FeatureAccumulator = field(init=False)
    rows: list[FeatureRow] = field(init=False, factory=list)
    event: list[int] = field(init=False, factory=list)
    settle: list[int] = field(init=False, factory=list)
    restart: list[int] = field(init=False, factory=list)
    bars: list[tuple[int, Bar]] = field(init=False, factory=list)
    taken: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.market = FeatureAccumulator(self.instrument, has_book=self.has_book, source_is_mid=self.source_is_mid)

    def take(self, event: MarketEvent) -> None:
        """As the lane takes an event."""
        market = self.market
        act_us = market.admit(event)
        if act_us < 0:
            market.apply_late(event)
        else:
            if 0 < market.next_row_us <= act_us:
                if act_us - market.next_row_us > self.max_silence_us:
                    self.restart.append(len(self.rows))
                    until_us = min(act_us, market.next_row_us + _SETTLE_US)
                    while market.next_row_us <= until_us:
                        self._close(1)
                    market.start_grid(act_us)
                while market.next_row_us <= act_us:
                    self._close(0)
            market.apply(event, act_us)
        self.taken += 1

    def take_all(self, events: Iterable[MarketEvent]) -> None:
        """All of them."""
        for event in events:
            self.take(event)

    def _close(self, settle: int) -> None:
        row = self.market.close_row()
        if row.bar_new:
            assert self.market.bar is not None
            self.bars.append((len(self.rows), self.market.bar))
        self.rows.append(row)
        self.event.append(self.taken)
        self.settle.append(settle)


def difference(left: Any, right: Any, where: str = "") -> str:
    """Where two states of plain data differ, "" if nowhere. Floats are compared by their bits: NaN equals NaN, -0.0 not 0.0."""
    found = ""
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            found = f"{where}: keys {sorted(map(str, left.keys() ^ right.keys()))} on one side only"
        pairs: Iterator[tuple[str, Any, Any]] = ((f"{where}.{key}", left[key], right.get(key)) for key in left)
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        if len(left) != len(right):
            found = f"{where}: {len(left)} and {len(right)} items"
        pairs = ((f"{where}[{i}]", a, b) for i, (a, b) in enumerate(zip(left, right, strict=False)))
    else:
        bits = [struct.pack("<d", x) if type(x) is float else x for x in (left, right)]
        return "" if type(left) is type(right) and bits[0] == bits[1] else f"{where}: {left!r} and {right!r}"
    return next((text for name, a, b in pairs if (text := difference(a, b, name))), found)


def row_difference(columns: RowColumns, rows: list[FeatureRow]) -> str:
    """The first field in which rows as columns differ from rows as objects by a bit, "" if none."""
    if len(columns.t_us) != len(rows):
        return f"{len(columns.t_us)} and {len(rows)} rows"
    for name, column in zip(FeatureRow._fields, columns, strict=True):
        dtype = np.int64 if name in INTEGERS else np.float64
        if column.dtype != dtype:
            return f"{name} is {column.dtype}"
        wanted = np.array([getattr(row, name) for row in rows], dtype)
        unequal = np.flatnonzero(np.ascontiguousarray(column).view(np.int64) != wanted.view(np.int64))
        if len(unequal):
            first = unequal[0]
            return (
                f"row {first} (t_us {rows[first].t_us}) {name}: {column[first]!r} instead of {wanted[first]!r}, {len(unequal)} rows"
            )
    return ""

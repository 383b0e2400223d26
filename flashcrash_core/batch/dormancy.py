"""Where a sleeping detector would wake: a scan over columns that finds every row in which it could, and a few where it does not.

The scan decides nothing. It names rows that the real detector must be shown, and before them a row up to which nothing was going
on, so that the detector may nap until there. Rows are of one stretch in which the lane did not start over.
"""

from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flashcrash_core.batch.compiling import compiled
from flashcrash_core.batch.flags import FIRED, READY
from flashcrash_core.detection.detector import Detector
from flashcrash_core.detection.indicator import Role
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.market.features import GRID_US

__all__ = ["Tally", "find_waking"]

_GRID = GRID_US


def fall_over(price: Any, first: int, index: int, rows: int) -> float:
    """Log fall of the row-end price from its peak over the last ``rows`` rows, none before ``first``; 0 without a price."""
    now = price[index]
    if now != now:
        return 0.0
    peak = now
    for place in range(max(first, index - rows + 1), index):
        if price[place] > peak:
            peak = price[place]
    return log(now / peak) if peak > now else 0.0


def first_waking(
    tally: Any,
    price: Any,
    unhealthy: Any,
    first: int,
    start: int,
    stop: int,
    warm_from: int,
    several: int,
    least: int,
    minimum_available: int,
    fall: float,
    fall_rows: int,
    hold_us: int,
    quiet_rows: int,
    found: Any,
) -> None:
    """The first row from ``start`` on that could end the sleep of an idle detector, into ``found[0]``; ``stop`` if none could.

    ``found[1]`` is the last row before it up to which a nap may go: no agreement then, nor in the rows that a dip may last.
    """
    clock = 0
    since = -1
    began = start
    for index in range(start, stop):
        if unhealthy[index] != 0:
            continue
        clock += _GRID
        count = tally[0, index]
        agrees = count >= several
        if not agrees and count >= 1 and tally[2, index] != 0:
            agrees = fall_over(price, first, index, fall_rows) <= -fall
        if not agrees:
            since = -1
            continue
        if since < 0:
            since = clock
            began = index
        if clock - since >= hold_us and index >= warm_from and tally[1, index] >= minimum_available:
            found[0] = index
            quiet = 0
            place = began - 1
            end = began - 1
            while place >= start and quiet < quiet_rows:
                if unhealthy[place] == 0:
                    if tally[0, place] >= least:
                        quiet = 0
                        end = place - 1
                    else:
                        quiet += 1
                place -= 1
            found[1] = end if quiet >= quiet_rows else start - 1
            return
    found[0] = stop
    found[1] = stop - 1


@frozen(eq=False)
class Tally:
    """``counts[0]`` fired and ``counts[1]`` available core indicators, ``counts[2]`` whether a confirming one is fired, per row."""

    counts: NDArray[np.uint8]
    core: tuple[int, ...]
    confirming: tuple[int, ...]

    @classmethod
    def of(cls, entries: tuple[PanelEntry, ...], rows: int) -> "Tally":
        """Counts to be filled."""
        core, confirming = (tuple(i for i, e in enumerate(entries) if e.role is role) for role in (Role.CORE, Role.CONFIRMATION))
        return cls(np.zeros((3, rows), np.uint8), core, confirming)

    def count(self, bits: Sequence[NDArray[np.uint8]], start: int, stop: int) -> None:
        """Count the rows ``start`` to ``stop``."""
        span = slice(start, stop)
        fired, available, spiking = self.counts[:, span]
        fired[:] = available[:] = spiking[:] = 0
        for place in self.core:
            one = bits[place][span]
            fired += one & np.uint8(FIRED)
            available += (one & np.uint8(READY)) >> np.uint8(2)
        for place in self.confirming:
            spiking |= bits[place][span] & np.uint8(FIRED)


def find_waking(
    detector: Detector,
    tally: Tally,
    price: NDArray[np.float64],
    unhealthy: NDArray[np.int64],
    t_us: NDArray[np.int64],
    first: int,
    start: int,
    stop: int,
) -> tuple[int, int]:
    """The first row from ``start`` that could end the sleep of an idle detector (``stop`` if none), and until where it may nap.

    ``first`` is the first row that the detector has seen. The second row may lie before ``start``: then there is no nap.
    """
    config = detector.config
    warm_from = first + int(np.searchsorted(t_us[first:stop], detector.warm_from_us))
    found = np.empty(2, np.int64)
    compiled(first_waking)(
        tally.counts, price, unhealthy, first, start, stop, warm_from, config.alert_count, detector.least_agreement,
        config.minimum_available, config.alert_drawdown_bp * 1e-4, rows_of(config.drawdown_window_s),
        round(config.alert_hold_s * 1e6), rows_of(config.dip_tolerance_s) + 2, found,
    )  # fmt: skip
    return int(found[0]), int(found[1])


def rows_of(seconds: float) -> int:
    """Rows in so many seconds, rounded up."""
    return -(-round(seconds * 1e6) // GRID_US)

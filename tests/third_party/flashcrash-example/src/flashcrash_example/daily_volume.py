"""How much was traded in the last 24 hours, from the past alone.

The sum of the last 1440 whole minutes; of as many as there were before a day has passed. Rows are counted, not the clock, so that it
does not matter when a run starts.
"""

from typing import Final, NamedTuple

from flashcrash_core.api import GRID_US

__all__ = ["BLOCKS_PER_DAY", "BLOCK_ROWS", "DayVolume", "day_volume", "new_day_volume", "rows_seen"]

BLOCK_ROWS: Final = 60 * 1_000_000 // GRID_US
BLOCKS_PER_DAY: Final = 1440


class DayVolume(NamedTuple):
    """The minutes and the one that is being filled."""

    blocks: list[float]
    """Notional of the last whole minutes; a ring."""
    at: list[int]
    """Slot of the next minute, minutes in the ring, rows in the open minute."""
    open: list[float]
    """Notional in the open minute; sum of the ring."""


def new_day_volume() -> DayVolume:
    """Nothing seen yet."""
    return DayVolume(blocks=[0.0] * BLOCKS_PER_DAY, at=[0, 0, 0], open=[0.0, 0.0])


def day_volume(state: DayVolume, notional: float) -> float:
    """Take one row's traded notional (quote currency) and return that of the last day; 0 before the first whole minute."""
    at, filling = state.at, state.open
    filling[0] += notional
    at[2] += 1
    if at[2] == BLOCK_ROWS:
        state.blocks[at[0]] = filling[0]
        at[0] = (at[0] + 1) % BLOCKS_PER_DAY
        at[1] = min(at[1] + 1, BLOCKS_PER_DAY)
        at[2] = 0
        filling[0] = 0.0
        # Once a minute, over all of them: a running sum would drift in its last bits.
        filling[1] = sum(state.blocks)
    return filling[1]


def rows_seen(state: DayVolume) -> int:
    """How many rows there were, a day's at most (and the open minute's)."""
    return state.at[1] * BLOCK_ROWS + state.at[2]

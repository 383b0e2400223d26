"""How much is traded in a day, estimated from the past alone.

Whole blocks of five minutes, counted in rows from the first one on, of the last 24 hours. Before a day has passed the mean of the
blocks so far stands for the rest of it. Rows are counted, not the clock, so that it does not matter where in the day a run starts.
"""

from typing import Final, NamedTuple

from flashcrash_core.api import GRID_US

__all__ = ["BLOCKS_PER_DAY", "BLOCK_ROWS", "BLOCK_S", "DayVolume", "day_volume", "new_day_volume"]

BLOCK_S: Final = 300
BLOCK_ROWS: Final = BLOCK_S * 1_000_000 // GRID_US
BLOCKS_PER_DAY: Final = 86_400 // BLOCK_S


class DayVolume(NamedTuple):
    """The blocks and the one that is being filled."""

    blocks: list[float]
    """Notional of the last whole blocks; a ring."""
    at: list[int]
    """Slot of the next block, whole blocks in the ring, rows in the open block."""
    open: list[float]
    """Notional in the open block; the estimate, 0 before there is one."""


def new_day_volume() -> DayVolume:
    """Nothing seen yet."""
    return DayVolume(blocks=[0.0] * BLOCKS_PER_DAY, at=[0, 0, 0], open=[0.0, 0.0])


def day_volume(state: DayVolume, notional: float, min_blocks: int) -> float:
    """Take one row's traded notional (quote currency) and return the notional of a day; 0 before ``min_blocks`` whole blocks."""
    at, filling = state.at, state.open
    filling[0] += notional
    at[2] += 1
    if at[2] == BLOCK_ROWS:
        state.blocks[at[0]] = filling[0]
        at[0] = (at[0] + 1) % BLOCKS_PER_DAY
        at[1] = min(at[1] + 1, BLOCKS_PER_DAY)
        at[2] = 0
        filling[0] = 0.0
        if at[1] >= min_blocks:
            # Once per block, over all of them: a running sum would drift in its last bits.
            filling[1] = sum(state.blocks) / at[1] * BLOCKS_PER_DAY
    return filling[1]

"""What the columns of a lane are made of: the pass that gives rows, chunks that can be made again, and where a lane starts over."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flashcrash_core.batch.programs import Columns, ProgramsCheckpoint
from flashcrash_core.batch.row_chunk import RowChunk
from flashcrash_core.batch.rows import RowColumns
from flashcrash_core.detection.panel import PanelEntry

__all__ = ["Block", "EventPass", "JudgedCache", "Part", "Restart", "Window", "some_rows", "stretches_of"]


class EventPass(Protocol):
    """A pass over the events of a tape."""

    @property
    def position(self) -> int:
        """Events consumed."""
        ...

    def advance(self, until_event: int | None = None, max_rows: int | None = None) -> RowChunk:
        """Consume events, and give the rows that they closed."""
        ...

    def checkpoint(self) -> Any:
        """A copy of the whole state."""
        ...

    def resume(self, checkpoint: Any) -> None:
        """Go on from there."""
        ...

    def accumulator_state(self) -> dict[str, Any]:
        """What ``FeatureAccumulator.snapshot()`` would give after the consumed events."""
        ...


class JudgedCache(Protocol):
    """Keeps what was judged of an indicator's rows."""

    def judged(self, entry: PanelEntry, source: PanelEntry) -> tuple[NDArray[np.float64], NDArray[np.uint8]] | None:
        """Values and bits that may be written over, if they are known. ``source`` has the baseline that it is judged against."""
        ...

    def keep(self, entry: PanelEntry, source: PanelEntry, values: NDArray[np.float64], bits: NDArray[np.uint8]) -> None:
        """Keep a copy of them."""
        ...


@frozen
class Restart:
    """After a silence beyond any baseline the lane started over."""

    row: int
    """The first row of the new stretch; the number of rows if there is none."""
    event: int
    """Index of the event that ended the silence."""
    settle_rows: int
    last_us: int
    """Time of the last settling row."""


@define
class Part:
    """What one chunk covers."""

    first_row: int
    first_event: int
    checkpoint: Any
    programs: ProgramsCheckpoint | None = None
    """Without it the readings are mapped as a whole."""
    known: dict[int, Columns] = field(factory=dict)
    """Readings of interpreted programs."""
    judged: list[tuple[int, int, NDArray[np.int64]]] = field(factory=list)
    """Rows from which an indicator was judged again, and its flag before them, in the order in which that happened."""


@define
class Window:
    """Rows of a part that stand in the pass's memory; ``keep`` has the places of the ordinary ones."""

    first_row: int
    rows: RowColumns
    keep: NDArray[np.int64]


@define
class Block:
    """Some rows in a row as objects: converted together they cost a tenth."""

    first: int
    items: list[Any]

    def holds(self, number: int) -> bool:
        """Whether that row is among them."""
        return self.first <= number < self.first + len(self.items)


def stretches_of(chunk: RowChunk) -> Iterator[tuple[int, int, int]]:
    """Where the lane started over (-1: it goes on), the first ordinary row from there, and one past the last."""
    for place, (first, last) in enumerate(pairwise([0, *chunk.restarts, len(chunk)])):
        settled = first
        while place and settled < last and chunk.settle[settled]:
            settled += 1
        yield (first if place else -1), settled, last


def some_rows(chunk: RowChunk, first: int, last: int) -> RowColumns:
    """These rows of the chunk, without copying."""
    return RowColumns(*(column[first:last] for column in chunk.rows))

"""The seam for feeds: what a feed is asked for and what it hands out.

A feed opens one *source* (a file, the simulated market, later a socket) and yields events in arrival order. It converts decimal
strings to ticks and lots itself (it alone sees the text) and yields a :class:`~flashcrash_core.market.events.Rejected` for every
message that it cannot use. Several sources are chained or merged by the kernel.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from attrs import frozen

from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.instruments import Instrument, MarketKind
from flashcrash_core.market.tape.columns import TapeColumns

__all__ = [
    "ColumnSource",
    "DataTier",
    "Feed",
    "FeedRequest",
    "FeedSource",
    "InstrumentResolver",
    "LineSource",
    "SourceInfo",
    "WatchedSource",
]


class DataTier(StrEnum):
    """What a result stands on (docs/architecture.md)."""

    L2 = "L2"
    TRADES = "trades"
    SYNTHETIC = "synthetic"


class InstrumentResolver(Protocol):
    """Finds the instrument of a symbol: shipped, configured, or inferred with a warning."""

    def __call__(
        self,
        symbol: str,
        *,
        kind: MarketKind = MarketKind.SPOT,
        sample: tuple[str, str] | None = None,
        venue: Instrument | None = None,
    ) -> Instrument:
        """``sample`` is a ``(price, quantity)`` pair of decimal strings from the data, to infer a grid from if nothing is known.

        ``venue`` is the grid as the venue itself tells it today: only what the user configured goes before it.
        """
        ...


@frozen
class FeedRequest:
    """What the kernel asks of a feed. ``path`` is None for feeds that read no file; ``symbols`` empty means all that it has."""

    instruments: InstrumentResolver
    next_seq: Callable[[], int]
    path: Path | None = None
    symbols: tuple[str, ...] = ()
    seed: int = 1


@frozen
class SourceInfo:
    """What an opened source knows before its first event."""

    symbols: tuple[str, ...]
    has_book: bool
    data_tier: DataTier
    instruments: tuple[Instrument, ...]
    description: str
    synthetic_book: bool = False
    warnings: tuple[str, ...] = ()


class FeedSource(Protocol):
    """An opened source."""

    @property
    def info(self) -> SourceInfo:
        """Known before the first event."""
        ...

    def events(self) -> Iterator[MarketEvent]:
        """All events in arrival order. Raises :class:`~flashcrash_core.errors.DataError` naming file and line."""
        ...

    def progress(self) -> float | None:
        """Fraction read, 0 to 1, or None when unknowable."""
        ...

    def close(self) -> None:
        """Release files and sockets; idempotent."""
        ...


@runtime_checkable
class ColumnSource(FeedSource, Protocol):
    """A source that holds its events as columns too, for the batch engine: the same events as :meth:`FeedSource.events` gives."""

    @property
    def columns(self) -> TapeColumns:
        """Columns of the source's only symbol."""
        ...


@runtime_checkable
class LineSource(FeedSource, Protocol):
    """A source of a file with lines, which can say which one it read last: that of the event it yielded last."""

    @property
    def line(self) -> int:
        """Number of the line, 0 before the first."""
        ...


@runtime_checkable
class WatchedSource(FeedSource, Protocol):
    """A source of a running market, which knows how well it hears, and wants to know what hangs on it."""

    position_open: bool
    """Set by the runner: a position or an order is open, so that hearing again is worth any effort."""

    def health(self) -> dict[str, Any]:
        """How the feed is doing, as plain data for the report (``feed_health``); also right before :meth:`close`."""
        ...


class Feed(Protocol):
    """A built feed plugin."""

    def open(self, request: FeedRequest) -> FeedSource:
        """Open one source. Raises DataError when the file is not what this feed reads."""
        ...

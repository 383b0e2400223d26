"""What the feed core is told to do, for all symbols and for each."""

from typing import Final

from attrs import frozen

__all__ = ["FeedSettings", "SymbolSettings"]

_S: Final = 1_000_000


@frozen(kw_only=True)
class SymbolSettings:
    """One symbol. ``aggregates`` hears ``aggTrade`` instead of ``trade``; ``snapshot_limit`` is levels per side."""

    aggregates: bool = False
    snapshot_limit: int = 1000


@frozen(kw_only=True)
class FeedSettings:
    """All symbols. Times are microseconds; the defaults of the timing rules are argued where they are used."""

    connections: int = 2
    """Connections that carry the same streams."""
    verify_us: int = 10 * _S
    """Between two comparisons of a book with a REST snapshot; 0: never."""
    rollover_us: int = 85_800 * _S
    """Age at which a connection is replaced; the venue ends it at 24 h (reference/binance.md section 2)."""
    streams_per_connection: int = 200
    """The venue allows 1,024; a URL of 200 names stays below 8 KiB."""
    heal_us: int = 150_000
    """How long the other connection may take to bring a missing diff before a snapshot is asked for."""
    timer_us: int = 100_000
    """A symbol without events for this long gets a Timer: the grid of decisions goes on (reference/microstructure.md section 1)."""
    answer_us: int = 5 * _S
    """After this an answer is asked for anew. The late one is still used if it comes first."""
    max_events: int = 50_000
    """Events that may wait for the user; more are given up, and every book is told anew."""

"""All that the core keeps of one symbol: merging, the book, and its requests for snapshots and comparisons."""

from random import Random
from typing import Final

from attrs import define, field

from flashcrash_binance.codec import MarketCodec
from flashcrash_binance.market_feed.backoff import Backoff
from flashcrash_binance.market_feed.book_keeper import BookKeeper
from flashcrash_binance.market_feed.latency import Latency
from flashcrash_binance.market_feed.merging import QuoteMerge, TradeMerge
from flashcrash_binance.market_feed.settings import SymbolSettings
from flashcrash_core.api import BookSnapshot, Instrument

__all__ = ["VERIFY_LEVELS", "Request", "SymbolFeed"]

VERIFY_LEVELS: Final = 100


@define(eq=False)
class Request:
    """A request that waits for its answer."""

    number: int
    purpose: str
    """``resync``, ``verify``, ``deepen`` or ``time``."""
    symbol: str
    limit: int
    asked_us: int
    """When it was sent."""


@define(eq=False)
class SymbolFeed:
    """One symbol."""

    instrument: Instrument
    settings: SymbolSettings
    codec: MarketCodec
    """Reads this symbol's snapshots, which name none."""
    keeper: BookKeeper
    rng: Random
    bundle: int
    """The connections that carry its depth."""
    stream_start: bytes
    """How the names of its streams begin."""
    trades: TradeMerge = field(factory=TradeMerge)
    quotes: QuoteMerge = field(factory=QuoteMerge)
    latency: Latency = field(factory=Latency)
    messages: int = 0
    told_us: int = 0
    """When the last event of this symbol was told."""
    blind_since_us: int = 0
    """Since when the book cannot be used, 0 while it can."""
    blind_us: int = 0
    resync: Request | None = None
    resync_at_us: int = 0
    """A snapshot is due then; 0: none is."""
    verify_at_us: int = 0
    verified_us: int = 0
    """When a comparison was asked for last."""
    verifying: Request | None = None
    compared_with: BookSnapshot | None = None
    """A snapshot to compare with as soon as the book has come to its moment."""
    verified: int = 0
    differences: int = 0
    ticker_differences: int = 0
    last_difference: str = ""
    backoff: Backoff = field(init=False)
    _refused_at_id: int = 0
    _refused_on: set[int] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.backoff = Backoff(self.rng, first_us=200_000)

    @property
    def symbol(self) -> str:
        """Upper case."""
        return self.instrument.symbol

    def refused_on(self, connection: int) -> set[int]:
        """A diff was refused there: the connections that refused one since the book last advanced."""
        if self._refused_at_id != self.keeper.update_id:
            self._refused_at_id = self.keeper.update_id
            self._refused_on.clear()
        self._refused_on.add(connection)
        return self._refused_on

    def blind_s(self, now_us: int) -> float:
        """Seconds without a usable book so far."""
        running = now_us - self.blind_since_us if self.blind_since_us else 0
        return round((self.blind_us + running) / 1e6, 3)

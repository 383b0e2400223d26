"""The feed core of a configuration: what ``[feeds.binance]`` says, in the core's own terms."""

from collections.abc import Callable, Mapping

from flashcrash_binance.feed_config import BinanceConfig
from flashcrash_binance.market_feed.core import FeedCore
from flashcrash_binance.market_feed.settings import FeedSettings, SymbolSettings
from flashcrash_core.api import Instrument

__all__ = ["feed_core"]


def feed_core(config: BinanceConfig, instruments: Mapping[str, Instrument], next_seq: Callable[[], int], seed: int) -> FeedCore:
    """A core for these instruments, not started yet. ``seed`` draws the jitter of its waits."""
    symbols = {
        symbol: SymbolSettings(
            aggregates=config.trades_of(symbol) == "agg",
            snapshot_limit=config.snapshot_limit_of(symbol),
        )
        for symbol in instruments
    }
    settings = FeedSettings(
        connections=config.connections,
        verify_us=round(config.verify_s * 1e6),
        rollover_us=round(config.rollover_s * 1e6),
    )
    return FeedCore(symbols, instruments, settings, next_seq, kind=config.market, seed=seed)

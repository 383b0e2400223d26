"""Feed ``binance``: Binance's live market data, spot or USD-M futures. Needs no key.

What it does stands in :mod:`flashcrash_binance`: the feed core decides, the transport has the sockets. Loaded quickly: the network
libraries are imported when a source is opened.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flashcrash_binance.feed_config import BinanceConfig
from flashcrash_core.api import FeedRequest, FeedSpec, Finding, PluginInfo, UsageError, hookimpl

if TYPE_CHECKING:
    from flashcrash_binance.live_market import BinanceSource

__all__ = ["BinanceFeed", "flashcrash_doctor", "flashcrash_feeds", "flashcrash_plugin"]

flashcrash_plugin = PluginInfo(api=1, summary="Feed: Binance's live market data, spot and USD-M futures")


class BinanceFeed:
    """Opens live markets; the ``path`` of the request is not used."""

    def __init__(self, config: BinanceConfig) -> None:
        self._config = config

    def open(self, request: FeedRequest) -> "BinanceSource":
        """Ask for the symbols' filters and make ready to connect. Raises UsageError, VenueError."""
        symbols = tuple(symbol.upper() for symbol in request.symbols) or tuple(self._config.symbols)
        if not symbols:
            raise UsageError("feed binance: which symbols? Name them, as in --symbols BTCUSDT,ETHUSDT")
        if len(set(symbols)) < len(symbols):
            raise UsageError(f"--symbols {','.join(symbols)}: names one symbol twice")
        from flashcrash_binance.live_market import BinanceSource

        return BinanceSource(self._config, request, symbols)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The feed ``binance``."""
    return [
        FeedSpec(
            name="binance",
            summary="Binance's live market data, spot or USD-M: depth, trades and best quotes over two connections",
            config=BinanceConfig,
            build=BinanceFeed,
            live=True,
        )
    ]


@hookimpl
def flashcrash_doctor(configs: dict[str, Any], symbols: tuple[str, ...]) -> Iterable[Finding]:
    """The way to Binance, step by step."""
    config = configs.get("feeds.binance")
    if not isinstance(config, BinanceConfig):
        return []
    from flashcrash_binance.diagnosis import diagnose

    return diagnose(config, symbols)

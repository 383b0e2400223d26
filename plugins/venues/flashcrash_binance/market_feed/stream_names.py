"""Names of the streams of a symbol, and which of them travel on one connection.

Spot carries all kinds on one path. USD-M splits them: depth, best quotes and raw trades on ``public``, aggregates on ``market``; on
the wrong path a subscription is accepted and silent (reference/binance.md section 14).
"""

from collections.abc import Mapping

from flashcrash_binance.market_feed.settings import SymbolSettings
from flashcrash_core.api import MarketKind

__all__ = ["bundles_of", "streams_of"]


def streams_of(symbol: str, settings: SymbolSettings) -> tuple[str, str, str]:
    """Depth, best quotes and trades."""
    name = symbol.lower()
    return f"{name}@depth@100ms", f"{name}@bookTicker", f"{name}@{'aggTrade' if settings.aggregates else 'trade'}"


def bundles_of(symbols: Mapping[str, SymbolSettings], kind: MarketKind, at_most: int) -> list[tuple[str, tuple[str, ...]]]:
    """``(group, streams)`` of each connection; a symbol's streams of one group stay together."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for symbol, settings in symbols.items():
        depth, quotes, trades = streams_of(symbol, settings)
        if kind is MarketKind.SPOT:
            groups.setdefault("", []).append((depth, quotes, trades))
        elif settings.aggregates:
            groups.setdefault("public", []).append((depth, quotes))
            groups.setdefault("market", []).append((trades,))
        else:
            groups.setdefault("public", []).append((depth, quotes, trades))
    bundles: list[tuple[str, tuple[str, ...]]] = []
    for group, together in groups.items():
        held: list[str] = []
        for streams in together:
            if held and len(held) + len(streams) > at_most:
                bundles.append((group, tuple(held)))
                held = []
            held.extend(streams)
        bundles.append((group, tuple(held)))
    return bundles

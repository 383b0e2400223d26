"""``[feeds.binance]``: the settings of the live feed. ``flashcrash tape record`` reads the same table."""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen, validators

from flashcrash_binance.endpoints import Endpoints, Environment, endpoints
from flashcrash_core.api import MarketKind

__all__ = ["BinanceConfig", "BinanceSymbol"]

_LEVELS = (100, 500, 1000, 5000)
"""Depths of a snapshot at the steps of its weight: 5, 25, 50 and 250 on spot (reference/binance.md section 10)."""
_DAY_S = 86_400.0


def _upper(value: Mapping[str, Any]) -> dict[str, Any]:
    return {symbol.upper(): table for symbol, table in value.items()}


@frozen(kw_only=True)
class BinanceSymbol:
    """``[feeds.binance.symbols.BTCUSDT]``: what is different for one symbol; what is left out is as for all."""

    trades: Literal["trade", "agg"] | None = None
    """Which stream of trades: every print, or fills of one order at one price together."""
    snapshot_limit: int | None = field(default=None, validator=validators.optional(validators.in_(_LEVELS)))
    """Levels per side of a snapshot."""


@frozen(kw_only=True)
class BinanceConfig:
    """``[feeds.binance]``: Binance's live market data, spot or USD-M futures."""

    environment: Environment = Environment.LIVE
    """Which Binance: the real market, the testnet, or demo mode."""
    market: MarketKind = MarketKind.SPOT
    """``spot`` or ``usdm``."""
    rest: str = ""
    """Base address of REST in place of the environment's, as ``flashcrash exchange`` prints it."""
    ws: str = ""
    """Base address of the streams in place of the environment's."""
    trades: Literal["trade", "agg"] = "trade"
    """``trade``: every print. ``agg``: fills of one taker order at one price together, with less traffic."""
    connections: int = field(default=2, validator=[validators.ge(1), validators.le(4)])
    """Connections that carry the same streams; the first to deliver a message wins. With one, a drop is a gap."""
    snapshot_limit: int = field(default=1000, validator=validators.in_(_LEVELS))
    """Levels per side of a snapshot of the book: 100, 500, 1000 or 5000. USD-M has 1000 at most."""
    verify_s: float = field(default=10.0, validator=[validators.ge(1.0), validators.le(3600.0)])
    """Seconds between comparisons of the book with a fresh REST snapshot, per symbol."""
    rollover_s: float = field(default=85_800.0, validator=[validators.gt(0.0), validators.lt(_DAY_S)])
    """Age in seconds at which a connection is replaced by a new one; Binance drops it at 24 h."""
    transport: Literal["auto", "websockets", "picows"] = "auto"
    """Library of the WebSockets; ``auto`` takes picows where it is installed."""
    first_event_s: float = field(default=20.0, validator=[validators.ge(1.0), validators.le(600.0)])
    """Seconds that the market may take to say its first word before a run is given up."""
    symbols: Mapping[str, BinanceSymbol] = field(factory=dict, converter=_upper)
    """What is different for single symbols. They are also what is heard when ``--symbols`` names none."""

    def endpoints(self) -> Endpoints:
        """Where it connects to. Raises ConfigError for a ``rest`` or ``ws`` that is no base address."""
        return endpoints(self.market, self.environment, self.rest, self.ws)

    def trades_of(self, symbol: str) -> Literal["trade", "agg"]:
        """The stream of trades of one symbol."""
        own = self.symbols.get(symbol)
        return self.trades if own is None or own.trades is None else own.trades

    def snapshot_limit_of(self, symbol: str) -> int:
        """Levels per side of one symbol's snapshots, within what its market serves."""
        own = self.symbols.get(symbol)
        limit = self.snapshot_limit if own is None or own.snapshot_limit is None else own.snapshot_limit
        return min(limit, 1000) if self.market is MarketKind.USDM else limit

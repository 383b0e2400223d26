"""Which grid a symbol has: configured, shipped, or inferred from the data with a warning.

The shipped grids are Binance's own filters (``PRICE_FILTER.tickSize``, ``LOT_SIZE.stepSize``, minimum notional) as they stood when
the recorded data were made. A configured instrument may set any part of one and takes the rest from what is shipped.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from attrs import evolve

from flashcrash_core.errors import ConfigError, DataError
from flashcrash_core.market.instruments import Instrument, MarketKind

__all__ = ["QUOTE_ASSETS", "SHIPPED_INSTRUMENTS", "InstrumentBook"]

QUOTE_ASSETS: Final = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR", "TRY")
"""Quote assets that a symbol's name may end in."""

SHIPPED_INSTRUMENTS: Final = (
    Instrument("BTCUSDT", tick_size="0.01", lot_size="0.00001", min_notional="5"),
    Instrument("BTCUSDT", tick_size="0.10", lot_size="0.001", min_notional="100", kind=MarketKind.USDM),
    Instrument("POLUSDT", tick_size="0.0001", lot_size="0.1", min_notional="5"),
    Instrument("ATOMUSDT", tick_size="0.001", lot_size="0.01", min_notional="5"),
    Instrument("SIMUSDT", tick_size="0.01", lot_size="0.0001", min_notional="5"),
)

_SETTABLE: Final = ("tick_size", "lot_size", "min_notional", "quote_asset", "kind")
_FINEST_PLACES: Final = 10


class InstrumentBook:
    """The run's instruments; implements :class:`~flashcrash_core.market.feed.InstrumentResolver`.

    ``overrides`` maps a symbol to fields of :class:`Instrument` (the ``[instruments.SYMBOL]`` tables). An override with a ``kind``
    is for that market only. Each inferred grid adds one line to :attr:`warnings`. The same symbol always gives the same object.
    """

    def __init__(self, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.warnings: list[str] = []
        self._overrides = {symbol.upper(): dict(fields) for symbol, fields in (overrides or {}).items()}
        self._known: dict[tuple[str, MarketKind], Instrument] = {}
        problems = [
            f"instruments.{symbol}.{key}: unknown key; valid keys are {', '.join(_SETTABLE)}"
            for symbol, fields in self._overrides.items()
            for key in fields
            if key not in _SETTABLE
        ]
        if problems:
            raise ConfigError(problems)

    def __call__(
        self,
        symbol: str,
        *,
        kind: MarketKind = MarketKind.SPOT,
        sample: tuple[str, str] | None = None,
        venue: Instrument | None = None,
    ) -> Instrument:
        """The instrument of ``symbol`` in the market ``kind``.

        ``sample`` is a ``(price, quantity)`` pair of decimal strings to infer from when nothing is known; the grid is then that of
        their decimal places. ``venue`` is what the venue tells, and goes before what is shipped. Raises DataError for an unknown
        symbol without a sample, ConfigError for a bad override.
        """
        symbol = symbol.upper()
        found = self._known.get((symbol, kind))
        if found is None:
            given = venue or _shipped(symbol, kind)
            found = self._configured(symbol, kind, sample, given) or given or self._inferred(symbol, kind, sample)
            self._known[symbol, kind] = found
        return found

    def _configured(
        self, symbol: str, kind: MarketKind, sample: tuple[str, str] | None, given: Instrument | None
    ) -> Instrument | None:
        fields = dict(self._overrides.get(symbol, {}))
        if not fields or MarketKind(fields.pop("kind", kind)) is not kind:
            return None
        try:
            if given is None and {"tick_size", "lot_size"} <= fields.keys():
                return Instrument(symbol, kind=kind, **({"quote_asset": _quote_asset(symbol)} | fields))
            return evolve(given or self._inferred(symbol, kind, sample), **fields)
        except (InvalidOperation, ValueError, TypeError) as error:
            raise ConfigError(f'instruments.{symbol}: cannot be used ({error!r}); give sizes as decimals such as "0.01"') from None

    def _inferred(self, symbol: str, kind: MarketKind, sample: tuple[str, str] | None) -> Instrument:
        if sample is None:
            raise DataError(
                f"unknown symbol {symbol} ({kind}): its price and quantity grid is not known. Set tick_size and lot_size in "
                f"[instruments.{symbol}], or use one of {', '.join(sorted({one.symbol for one in SHIPPED_INSTRUMENTS}))}"
            )
        tick_size, lot_size = (_step_of(text, symbol) for text in sample)
        self.warnings.append(
            f"{symbol} ({kind}): tick {tick_size} and lot {lot_size} are inferred from the data; set them in [instruments.{symbol}]"
        )
        return Instrument(symbol, tick_size, lot_size, quote_asset=_quote_asset(symbol), kind=kind, inferred=True)


def _shipped(symbol: str, kind: MarketKind) -> Instrument | None:
    for instrument in SHIPPED_INSTRUMENTS:
        if instrument.symbol == symbol and instrument.kind is kind:
            return evolve(instrument)  # a copy of its own: its caches belong to one run
    return None


def _step_of(text: str, symbol: str) -> Decimal:
    """The step that a decimal string shows: 0.2361 gives 0.0001, and so does 0.23610000 (Binance pads with zeros)."""
    try:
        exponent = Decimal(text).normalize().as_tuple().exponent
    except InvalidOperation:
        exponent = None
    if not isinstance(exponent, int) or -exponent > _FINEST_PLACES:
        raise DataError(f"{symbol}: cannot infer a grid from {text!r}; set tick_size and lot_size in [instruments.{symbol}]")
    return Decimal(1).scaleb(min(exponent, 0))


def _quote_asset(symbol: str) -> str:
    for asset in QUOTE_ASSETS:
        if symbol.endswith(asset) and len(symbol) > len(asset):
            return asset
    return "USDT"

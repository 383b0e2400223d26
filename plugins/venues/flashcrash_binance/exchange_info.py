"""``exchangeInfo``: the price and quantity grids of symbols, as the venue has them today.

``PRICE_FILTER.tickSize``, ``LOT_SIZE.stepSize`` and the minimum notional (``NOTIONAL.minNotional`` on spot,
``MIN_NOTIONAL.notional`` on USD-M). Source: reference/binance.md sections 7, 10 and 14.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from attrs import frozen

from flashcrash_core.api import DataError, Instrument, MarketKind, UsageError, VenueError

__all__ = ["ListedSymbol", "changes", "exchange_info_query", "listed_symbols", "require_trading"]

_TRADING: Final = "TRADING"
_SHOWN: Final = 8


@frozen
class ListedSymbol:
    """One symbol of the venue's list. ``status`` is ``TRADING`` while orders match."""

    instrument: Instrument
    status: str
    base_asset: str = ""
    """What is bought; "" where the answer does not say."""


def exchange_info_query(symbols: Iterable[str], kind: MarketKind) -> dict[str, str]:
    """Query of the request. Spot takes a list of symbols; USD-M always answers with all."""
    if kind is MarketKind.USDM:
        return {}
    return {"symbols": json.dumps(list(symbols), separators=(",", ":"), ensure_ascii=False)}


def listed_symbols(body: bytes, kind: MarketKind, wanted: Iterable[str]) -> dict[str, ListedSymbol]:
    """The wanted symbols that the venue lists. Raises VenueError for an answer that is no exchangeInfo."""
    try:
        listed = json.loads(body)["symbols"]
        by_name = {entry["symbol"]: entry for entry in listed}
    except (ValueError, KeyError, TypeError):
        start = body[:60].decode("utf-8", "replace")
        raise VenueError(
            f"exchangeInfo: not an answer of Binance (it starts with {start!r}); rest in [feeds.binance] must be a base address of "
            "Binance or of `flashcrash exchange`"
        ) from None
    return {symbol: _listed(by_name[symbol], kind) for symbol in wanted if symbol in by_name}


def require_trading(listed: Mapping[str, ListedSymbol], wanted: Iterable[str], where: str) -> None:
    """Raise UsageError unless every wanted symbol is listed and traded."""
    wanted = list(wanted)
    missing = [symbol for symbol in wanted if symbol not in listed]
    if missing:
        raise UsageError(f"--symbols {','.join(missing[:_SHOWN])}: {where} has no such symbol; check the spelling and market")
    halted = [f"{symbol} is {listed[symbol].status}" for symbol in wanted if listed[symbol].status != _TRADING]
    if halted:
        raise UsageError(
            f"--symbols: {', '.join(halted[:_SHOWN])} on {where}, not {_TRADING}; leave it out, or wait until it trades"
        )


def changes(before: Instrument, now: ListedSymbol | None) -> list[str]:
    """What the venue changed since ``before`` was loaded, in words; empty if nothing. None: it is no longer listed."""
    if now is None:
        return [f"{before.symbol} is no longer listed"]
    told = [] if now.status == _TRADING else [f"{before.symbol} is {now.status}, not {_TRADING}"]
    for field, name in (("tick_size", "tick size"), ("lot_size", "lot size"), ("min_notional", "minimum notional")):
        old, new = getattr(before, field), getattr(now.instrument, field)
        if old != new:
            told.append(f"{before.symbol}: {name} is now {new}, this run keeps {old}; start it again to use the new one")
    return told


def _listed(entry: Mapping[str, Any], kind: MarketKind) -> ListedSymbol:
    symbol = str(entry.get("symbol"))
    try:
        filters = {one["filterType"]: one for one in entry["filters"]}
        notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
        least = notional.get("minNotional") or notional.get("notional") or "0"
        instrument = Instrument(
            symbol,
            tick_size=_step(filters["PRICE_FILTER"]["tickSize"]),
            lot_size=_step(filters["LOT_SIZE"]["stepSize"]),
            min_notional=_step(least),
            quote_asset=str(entry.get("quoteAsset") or "USDT"),
            kind=kind,
        )
        return ListedSymbol(instrument, str(entry["status"]), str(entry.get("baseAsset") or ""))
    except (KeyError, TypeError, ValueError, InvalidOperation, DataError) as error:
        raise VenueError(
            f"exchangeInfo: the entry of {symbol} cannot be used ({type(error).__name__}: {error}); leave it out, and report it"
        ) from error


def _step(text: str) -> Decimal:
    """A step without the zeros that pad it: 0.01000000 is 0.01."""
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is not a decimal string")
    value = Decimal(text)
    if not value.is_finite() or value < 0:
        raise ValueError(f"{text!r} is no step")
    plain = value.normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain

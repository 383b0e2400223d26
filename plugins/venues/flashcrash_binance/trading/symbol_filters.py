"""The filters of one symbol in ticks, lots and minor units: exchangeInfo and executionRules (reference/binance.md section 7)."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from attrs import evolve, frozen

from flashcrash_core.api import Instrument, VenueError, to_money

__all__ = ["LotRule", "PriceBand", "SymbolFilters", "symbol_filters", "with_price_range"]

_Entry = Mapping[str, Any]


@frozen
class PriceBand:
    """Multiples of a reference price between which prices must lie, by side; None where that bound is not set."""

    bid_up: Decimal | None
    bid_down: Decimal | None
    ask_up: Decimal | None
    ask_down: Decimal | None


@frozen
class LotRule:
    """Bounds of a quantity in lots; ``most`` 0 for none. ``step`` is the venue's step in lots of the run."""

    least: int = 1
    most: int = 0
    step: int = 1


@frozen(kw_only=True)
class SymbolFilters:
    """What the venue demands of orders in one symbol. A bound of 0 is none."""

    instrument: Instrument
    """Grid of the run."""
    status: str
    base_asset: str
    quote_asset: str
    order_types: frozenset[str]
    oco_allowed: bool
    tick_step: int
    """The venue's tick in ticks of the run: 1 unless it was made coarser."""
    min_price_ticks: int
    max_price_ticks: int
    lots: LotRule
    market_lots: LotRule
    """For orders that trade at any price; in addition to :attr:`lots`."""
    min_notional_minor: int
    min_notional_for_market: bool
    max_notional_minor: int
    max_notional_for_market: bool
    max_orders: int
    max_algo_orders: int
    """Open stops and take-profits."""
    max_position_lots: int
    percent_price: PriceBand | None
    """Compared with the average price, for every order with a price."""
    price_range: PriceBand | None = None
    """Compared with the reference price, for what takes: executionRules, see :func:`with_price_range`."""


def symbol_filters(entry: _Entry, instrument: Instrument) -> SymbolFilters:
    """Filters of a symbol's entry in exchangeInfo. Raises VenueError, which names what cannot be used."""
    if entry.get("symbol") != instrument.symbol:
        raise VenueError(f"exchangeInfo: the entry is of {entry.get('symbol')!r}, not of {instrument.symbol}; ask for that symbol")
    try:
        filters: dict[str, _Entry] = {str(one["filterType"]): one for one in entry["filters"]}
        price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
        notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
        return SymbolFilters(
            instrument=instrument,
            status=str(entry["status"]),
            base_asset=str(entry["baseAsset"]),
            quote_asset=str(entry["quoteAsset"]),
            order_types=frozenset(str(kind) for kind in entry.get("orderTypes", ())),
            oco_allowed=entry.get("ocoAllowed") is True,
            tick_step=_multiple(price, "tickSize", instrument.tick_size),
            min_price_ticks=_steps(price, "minPrice", instrument.tick_size, ROUND_CEILING),
            max_price_ticks=_steps(price, "maxPrice", instrument.tick_size, ROUND_FLOOR),
            lots=_lot_rule(lot, instrument),
            market_lots=_lot_rule(filters["MARKET_LOT_SIZE"], instrument) if "MARKET_LOT_SIZE" in filters else LotRule(),
            min_notional_minor=_money(notional, "minNotional"),
            min_notional_for_market=_flag(notional, "applyMinToMarket", "applyToMarket"),
            max_notional_minor=_money(notional, "maxNotional"),
            max_notional_for_market=_flag(notional, "applyMaxToMarket"),
            max_orders=_count(filters, "MAX_NUM_ORDERS", "maxNumOrders"),
            max_algo_orders=_count(filters, "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
            max_position_lots=_steps(filters.get("MAX_POSITION", {}), "maxPosition", instrument.lot_size, ROUND_FLOOR),
            percent_price=_percent(filters),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise VenueError(
            f"exchangeInfo: the filters of {instrument.symbol} cannot be used ({type(error).__name__}: {error}); do not trade it, "
            "and report it"
        ) from error


def with_price_range(filters: SymbolFilters, answer: _Entry) -> SymbolFilters:
    """The same with the price range rule of an answer of ``executionRules``, or without it. Raises VenueError."""
    symbol = filters.instrument.symbol
    try:
        rules = [
            rule
            for one in answer["symbolRules"]
            if one["symbol"] == symbol
            for rule in one["rules"]
            if rule["ruleType"] == "PRICE_RANGE"
        ]
        names = ("bidLimitMultUp", "bidLimitMultDown", "askLimitMultUp", "askLimitMultDown")
        band = PriceBand(*(_number(rules[0], name) for name in names)) if rules else None
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise VenueError(
            f"executionRules: the rules of {symbol} cannot be used ({type(error).__name__}: {error}); do not trade it, report it"
        ) from error
    return evolve(filters, price_range=band)


def _percent(filters: Mapping[str, _Entry]) -> PriceBand | None:
    if by_side := filters.get("PERCENT_PRICE_BY_SIDE"):
        names = ("bidMultiplierUp", "bidMultiplierDown", "askMultiplierUp", "askMultiplierDown")
        return PriceBand(*(_number(by_side, name) for name in names))
    if both := filters.get("PERCENT_PRICE"):
        up, down = _number(both, "multiplierUp"), _number(both, "multiplierDown")
        return PriceBand(up, down, up, down)
    return None


def _lot_rule(one: _Entry, instrument: Instrument) -> LotRule:
    least = _steps(one, "minQty", instrument.lot_size, ROUND_CEILING)
    most = _steps(one, "maxQty", instrument.lot_size, ROUND_FLOOR)
    return LotRule(max(least, 1), most, _multiple(one, "stepSize", instrument.lot_size))


def _number(one: _Entry, name: str) -> Decimal | None:
    """A positive decimal; None where it is missing or zero, which switches it off."""
    text = one.get(name)
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise TypeError(f"{name} is {text!r}, not a decimal string")
    value = Decimal(text)
    if not value.is_finite() or value < 0:
        raise ValueError(f"{name} is {text!r}")
    return value or None


def _steps(one: _Entry, name: str, step: Decimal, rounding: str) -> int:
    value = _number(one, name)
    return 0 if value is None else int((value / step).to_integral_value(rounding))


def _multiple(one: _Entry, name: str, own: Decimal) -> int:
    """Which of our steps stand on the venue's grid: every n-th. 1 where the venue's is as fine as ours, or finer."""
    value = _number(one, name)
    return 1 if value is None else (Fraction(value) / Fraction(own)).numerator


def _money(one: _Entry, name: str) -> int:
    value = _number(one, name)
    return 0 if value is None else to_money(value)


def _flag(one: _Entry, *names: str) -> bool:
    return any(one.get(name) is True for name in names)


def _count(filters: Mapping[str, _Entry], kind: str, name: str) -> int:
    if kind not in filters:
        return 0
    value = filters[kind][name]
    if type(value) is not int or value < 0:
        raise TypeError(f"{kind}.{name} is {value!r}")
    return value

"""Whether an order passes the venue's filters, made fit in the safe direction where it does not (reference/binance.md 6 and 7).

Safe means: a buy never pays more than was decided, a sell never takes less, and no more is traded. Prices of buys are rounded
down, of sells up, quantities down; what would need the other direction is refused before it is sent. What is not known (an average
price, say) is left to the venue: it refuses without an effect.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import lcm
from typing import Final

import msgspec
from attrs import frozen

from flashcrash_binance.trading.order_requests import venue_type
from flashcrash_binance.trading.symbol_filters import LotRule, PriceBand, SymbolFilters
from flashcrash_core.api import STOP_TYPES, UNPRICED_TYPES, Instrument, OrderType, Side, SubmitOrder, money_to_decimal

__all__ = ["FilterReferences", "checked", "dust", "sellable_lots"]

_TRADING: Final = "TRADING"


@frozen(kw_only=True)
class FilterReferences:
    """What filters compare an order with. Leave out what is not known, or too old to be relied on."""

    average: Decimal | None = None
    """The symbol's reference price if it has one, else its average price: for PERCENT_PRICE_BY_SIDE and market orders' NOTIONAL."""
    reference: Decimal | None = None
    """Reference price, for the price range rule; None where the symbol has none."""
    bid_ticks: int = 0
    ask_ticks: int = 0
    open_orders: int = 0
    open_algo_orders: int = 0
    """Those of them that are stops or take-profits."""
    position_lots: int = 0
    """Free and locked base asset, and the quantity of open buys."""


def checked(order: SubmitOrder, filters: SymbolFilters, references: FilterReferences) -> SubmitOrder | str:
    """The order as it may be sent, rounded in the safe direction, or why it may not: the filter, what is wrong, what to do."""
    rules = _Rules(filters, references)
    each = (rules.status, rules.counts, rules.position, rules.quantity, rules.price, rules.stop, rules.price_range, rules.notional)
    fitted = order
    for rule in each:
        found = rule(fitted)
        if isinstance(found, str):
            return f"{order.symbol} {order.client_id}: {found}"
        fitted = found
    return fitted


def sellable_lots(qty_lots: int, filters: SymbolFilters) -> int:
    """The part of a quantity that stands on the venue's steps."""
    return qty_lots - qty_lots % filters.lots.step


def dust(qty_lots: int, price_ticks: int, filters: SymbolFilters) -> str:
    """Why a remainder cannot be sold at that price, "" if it can.

    What cannot be sold by any order is dust: it stays in the account, is worth less than the least order, and must not keep a
    position alive. It is counted with the holdings, and sold with a later position in the symbol when together they suffice.
    """
    lots = sellable_lots(qty_lots, filters)
    if lots < filters.lots.least:
        least = filters.instrument.quantity(max(filters.lots.least, filters.lots.step))
        return f"{filters.instrument.quantity(qty_lots):f} is below the least quantity of {least:f} (LOT_SIZE)"
    if filters.instrument.notional(price_ticks, lots) < filters.min_notional_minor:
        value = money_to_decimal(filters.instrument.notional(price_ticks, lots))
        return f"{filters.instrument.quantity(lots):f} is worth {value:f}, below the least value of an order (NOTIONAL)"
    return ""


@frozen
class _Bounds:
    """Least and largest price in ticks, both of them allowed; ``high`` 0 is none."""

    name: str
    low: int
    high: int


@frozen
class _Rules:
    """The filters one by one, each gives the order as it fits, or why it does not."""

    filters: SymbolFilters
    references: FilterReferences

    def status(self, order: SubmitOrder) -> SubmitOrder | str:
        filters = self.filters
        if filters.status != _TRADING:
            return f"the symbol is {filters.status}, not {_TRADING}; wait until it trades"
        kind = venue_type(order.type)
        if filters.order_types and kind not in filters.order_types:
            return f"the symbol takes no {kind} orders; use one of {', '.join(sorted(filters.order_types))}"
        return order

    def counts(self, order: SubmitOrder) -> SubmitOrder | str:
        filters, references = self.filters, self.references
        if filters.max_orders and references.open_orders >= filters.max_orders:
            return f"MAX_NUM_ORDERS: {references.open_orders} orders are open, and {filters.max_orders} may be; cancel one first"
        algo = order.type in STOP_TYPES
        if algo and filters.max_algo_orders and references.open_algo_orders >= filters.max_algo_orders:
            return (
                f"MAX_NUM_ALGO_ORDERS: {references.open_algo_orders} stops are open, {filters.max_algo_orders} may be; cancel one"
            )
        return order

    def position(self, order: SubmitOrder) -> SubmitOrder | str:
        filters, references = self.filters, self.references
        room = filters.max_position_lots - references.position_lots
        if order.side is Side.BUY and filters.max_position_lots and order.qty_lots > room:
            return f"MAX_POSITION: it would hold more than {filters.instrument.quantity(filters.max_position_lots):f}; buy less"
        return order

    def quantity(self, order: SubmitOrder) -> SubmitOrder | str:
        filters = self.filters
        rules = self._lot_rules(order)
        most = min([rule.most for rule in rules if rule.most] or [order.qty_lots])
        step = lcm(*(rule.step for rule in rules))
        lots = min(order.qty_lots, most)
        lots -= lots % step
        least = max(rule.least for rule in rules)
        if lots < least:
            shown = filters.instrument.quantity
            return f"LOT_SIZE: {shown(order.qty_lots):f} is below the least of {shown(max(least, step)):f}; it is dust, or buy more"
        return _with(order, qty_lots=lots)

    def price(self, order: SubmitOrder) -> SubmitOrder | str:
        """PRICE_FILTER and PERCENT_PRICE together: what one of them moves must still fit the other."""
        filters = self.filters
        if order.type in UNPRICED_TYPES:
            return order
        bounds = [_Bounds("PRICE_FILTER", filters.min_price_ticks, filters.max_price_ticks)]
        if filters.percent_price is not None and self.references.average is not None:
            low, high = _band(filters.percent_price, self.references.average, order.side, filters.instrument)
            bounds.append(_Bounds("PERCENT_PRICE_BY_SIDE", low, high))
        step, side = filters.tick_step, order.side
        price = _aligned(order.price_ticks, step, side)
        for one in bounds:
            if side is Side.SELL:
                price = max(price, _aligned(one.low, step, side))
            elif one.high:
                price = min(price, _aligned(one.high, step, side))
        for one in bounds:
            if price < max(one.low, 1) or (one.high and price > one.high):
                shown = filters.instrument.price
                most = f"{shown(one.high):f}" if one.high else "any"
                return (
                    f"{one.name}: the price of {shown(price):f} is outside what is taken now ({shown(one.low):f} to {most}); "
                    "choose another or wait"
                )
        return _with(order, price_ticks=price)

    def stop(self, order: SubmitOrder) -> SubmitOrder | str:
        filters = self.filters
        if order.type not in STOP_TYPES:
            return order
        stop = _aligned(order.stop_ticks, filters.tick_step, order.side)
        if stop < max(filters.min_price_ticks, 1) or (filters.max_price_ticks and stop > filters.max_price_ticks):
            return f"PRICE_FILTER: the stop of {filters.instrument.price(stop):f} is outside the symbol's prices; choose another"
        return _with(order, stop_ticks=stop)

    def price_range(self, order: SubmitOrder) -> SubmitOrder | str:
        """What takes outside the price range expires. An exit is tried all the same: the range moves, nothing is lost by it."""
        filters, references = self.filters, self.references
        if filters.price_range is None or references.reference is None or order.reduce_only or order.type in STOP_TYPES:
            return order
        buys = order.side is Side.BUY
        best = references.ask_ticks if buys else references.bid_ticks
        takes = order.type is not OrderType.LIMIT_MAKER and best > 0
        if takes and order.type is not OrderType.MARKET:
            takes = order.price_ticks >= best if buys else order.price_ticks <= best
        if not takes:
            return order
        low, high = _band(filters.price_range, references.reference, order.side, filters.instrument)
        if not low <= best <= (high or best):
            return (
                f"price range: the best price of {filters.instrument.price(best):f} is outside what may be traded now, so that the "
                "order would expire; wait, or let it rest"
            )
        return order

    def notional(self, order: SubmitOrder) -> SubmitOrder | str:
        filters, references = self.filters, self.references
        instrument = filters.instrument
        market = order.type in UNPRICED_TYPES
        if market:
            if references.average is None:
                return order
            price = max(_ticks(references.average, instrument, ROUND_FLOOR), 1)
        else:
            price = order.price_ticks
        most = filters.max_notional_minor if not market or filters.max_notional_for_market else 0
        lots = order.qty_lots
        if most and instrument.notional(price, lots) > most:
            # Less than was decided is safe, and a rest can follow.
            lots = most // instrument.notional(price, 1)
            lots -= lots % lcm(*(rule.step for rule in self._lot_rules(order)))
        least = filters.min_notional_minor if not market or filters.min_notional_for_market else 0
        if instrument.notional(price, lots) < least or lots < max(rule.least for rule in self._lot_rules(order)):
            return (
                f"NOTIONAL: {instrument.quantity(lots):f} at {instrument.price(price):f} is below the least value; it is "
                "dust, or buy more"
            )
        return _with(order, qty_lots=lots)

    def _lot_rules(self, order: SubmitOrder) -> list[LotRule]:
        filters = self.filters
        return [filters.lots, filters.market_lots] if order.type in UNPRICED_TYPES else [filters.lots]


def _aligned(ticks: int, step: int, side: Side) -> int:
    """On the venue's grid: down for a buy, up for a sell."""
    return ticks - ticks % step if side is Side.BUY else ticks + -ticks % step


def _band(band: PriceBand, middle: Decimal, side: Side, instrument: Instrument) -> tuple[int, int]:
    """Lowest and highest price of a side in ticks, 0 for a bound that is not set."""
    up, down = (band.bid_up, band.bid_down) if side is Side.BUY else (band.ask_up, band.ask_down)
    low = _ticks(middle * down, instrument, ROUND_CEILING) if down is not None else 0
    return low, _ticks(middle * up, instrument, ROUND_FLOOR) if up is not None else 0


def _ticks(price: Decimal, instrument: Instrument, rounding: str) -> int:
    return int((price / instrument.tick_size).to_integral_value(rounding))


def _with(order: SubmitOrder, **change: int) -> SubmitOrder:
    if all(getattr(order, name) == value for name, value in change.items()):
        return order
    return msgspec.structs.replace(order, **change)

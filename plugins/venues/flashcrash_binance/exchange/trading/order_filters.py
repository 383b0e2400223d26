"""The filters that exchangeInfo lists, held against an order (reference/binance.md section 7)."""

from collections.abc import Iterable
from typing import Any, Final, NoReturn

from attrs import frozen

from flashcrash_binance.exchange.klines import merged
from flashcrash_binance.exchange.market import SymbolMarket
from flashcrash_binance.exchange.rest import ApiError
from flashcrash_binance.exchange.trading.amounts import CENT, Grid, atoms
from flashcrash_binance.exchange.trading.order_parameters import NewOrder
from flashcrash_binance.exchange.trading.orders import ALGO_TYPES, LIMIT_TYPES, Order
from flashcrash_core.api import Side

__all__ = ["OrderFilters", "Sized", "average_price"]

_AVERAGE_US: Final = 5 * 60_000_000
_PART: Final = 10**8


@frozen
class Sized:
    """An order on the grid: ticks and lots; ``qty_lots`` 0 for one by quote quantity."""

    price_ticks: int
    stop_ticks: int
    qty_lots: int


class OrderFilters:
    """The filters of one symbol, from the very document that clients are shown."""

    def __init__(self, listed: dict[str, Any], grid: Grid) -> None:
        self._grid = grid
        self._by = {one["filterType"]: one for one in listed["filters"]}

    def check(self, new: NewOrder, average_ticks: tuple[int, int], open_orders: Iterable[Order]) -> Sized:
        """The order in ticks and lots. ``average_ticks`` is a price as a fraction, (0, 1) for none. Raises ApiError -1013."""
        price = self._ticks(new.price_e8, needed=new.type in LIMIT_TYPES)
        stop = self._ticks(new.stop_e8, needed=new.type in ALGO_TYPES)
        lots = self._lots("LOT_SIZE", new.qty_e8) if not new.quote_e8 else 0
        if new.type == "MARKET" and not new.quote_e8:
            self._lots("MARKET_LOT_SIZE", new.qty_e8)
        if new.iceberg_e8:
            self._lots("LOT_SIZE", new.iceberg_e8)
            if -(-new.qty_e8 // new.iceberg_e8) > int(self._by["ICEBERG_PARTS"]["limit"]):
                _fail("ICEBERG_PARTS")
        if average_ticks[0] and price:
            self._percent_price(new.side, price, average_ticks)
        self._notional(new, price, lots, average_ticks)
        self._counts(new, open_orders)
        return Sized(price, stop, lots)

    def _ticks(self, value_e8: int, *, needed: bool) -> int:
        if not value_e8 and not needed:
            return 0
        one = self._by["PRICE_FILTER"]
        least, most = _e8(one["minPrice"]), _e8(one["maxPrice"])
        if value_e8 < least or value_e8 > most or value_e8 % self._grid.tick_e8:
            _fail("PRICE_FILTER")
        return value_e8 // self._grid.tick_e8

    def _lots(self, name: str, value_e8: int) -> int:
        one = self._by[name]
        if value_e8 < _e8(one["minQty"]) or value_e8 > _e8(one["maxQty"]) or value_e8 % self._grid.lot_e8:
            _fail(name)
        return value_e8 // self._grid.lot_e8

    def _percent_price(self, side: Side, price: int, average: tuple[int, int]) -> None:
        one = self._by["PERCENT_PRICE_BY_SIDE"]
        which = "bid" if side is Side.BUY else "ask"
        up, down = _e8(one[f"{which}MultiplierUp"]), _e8(one[f"{which}MultiplierDown"])
        scaled = price * average[1] * _PART
        if not average[0] * down <= scaled <= average[0] * up:
            _fail("PERCENT_PRICE_BY_SIDE")

    def _notional(self, new: NewOrder, price: int, lots: int, average: tuple[int, int]) -> None:
        one = self._by["NOTIONAL"]
        by_market = price == 0
        if by_market and not new.quote_e8 and not average[0]:
            return
        if new.quote_e8:
            value = new.quote_e8 * CENT
        elif by_market:
            value = self._grid.quote_atoms(average[0], lots) // average[1]
        else:
            value = self._grid.quote_atoms(price, lots)
        if (one["applyMinToMarket"] or not by_market) and value < (atoms(one["minNotional"]) or 0):
            _fail("NOTIONAL")
        if (one["applyMaxToMarket"] or not by_market) and value > (atoms(one["maxNotional"]) or 0):
            _fail("NOTIONAL")

    def _counts(self, new: NewOrder, open_orders: Iterable[Order]) -> None:
        resting = list(open_orders)
        if len(resting) >= self._by["MAX_NUM_ORDERS"]["maxNumOrders"]:
            _fail("MAX_NUM_ORDERS")
        algo = sum(one.type in ALGO_TYPES for one in resting)
        if new.type in ALGO_TYPES and algo >= self._by["MAX_NUM_ALGO_ORDERS"]["maxNumAlgoOrders"]:
            _fail("MAX_NUM_ALGO_ORDERS")


def average_price(market: SymbolMarket, stamp_us: int) -> tuple[int, int]:
    """The average price of five minutes as a fraction of ticks, the last price if nothing traded, (0, 1) if nothing ever did."""
    whole = merged(market.klines["1s"].between(stamp_us - _AVERAGE_US, None, 300))
    if whole is not None and whole.lots:
        return whole.units, whole.lots
    return (market.trades[-1].price_ticks, 1) if market.trades else (0, 1)


def _e8(text: str) -> int:
    return (atoms(text) or 0) // CENT


def _fail(name: str) -> NoReturn:
    raise ApiError(-1013, f"Filter failure: {name}")

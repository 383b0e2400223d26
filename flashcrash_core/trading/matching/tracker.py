"""One symbol as the simulated venue sees it while it has live orders there."""

from typing import Any

from attrs import define, field

from flashcrash_core.market.events import MarketEvent, Side, Trade
from flashcrash_core.trading.execution import MarketView
from flashcrash_core.trading.matching.fill_models import PPM
from flashcrash_core.trading.matching.live_order import LiveOrder, Phase
from flashcrash_core.trading.matching.settings import FillModel

__all__ = ["SymbolTracker"]


@define
class SymbolTracker:
    """The market as of the previous event, the volume of the running second, and the live orders in the order they were sent.

    The engine applies an event before the venue sees it, but an order that arrived in between met the market from before the event:
    hence the remembered quote. ``second_lots`` counts trades since the tracker began (the first live order), which can
    only make the own-impact cap tighter than the true second's volume.
    """

    view: MarketView
    model: FillModel
    orders: dict[str, LiveOrder] = field(factory=dict)
    usable: bool = False
    bid_ticks: int = 0
    ask_ticks: int = 0
    last_ticks: int = 0
    second: int = 0
    second_lots: int = 0
    next_us: int = 0
    """Earliest arrival, window end or cancel: before it only trades and the book matter."""
    moving: bool = False
    """Some order is not resting, so that the market before its arrival must be remembered."""

    def plan(self) -> None:
        """Work out :attr:`next_us` and :attr:`moving` after anything but a fill has changed."""
        self.next_us = min((order.next_us for order in self.orders.values()), default=0)
        self.moving = any(order.phase is not Phase.RESTING for order in self.orders.values())

    @property
    def book_usable(self) -> bool:
        """The book can be quoted on and walked now."""
        view = self.view
        return view.has_book and view.book_synced and not view.book.crossed()

    def remember(self) -> None:
        """Note the market for orders that arrive (or come out of a window) before the next event."""
        view = self.view
        self.usable = self.book_usable
        self.bid_ticks, self.ask_ticks, self.last_ticks = view.bid_ticks, view.ask_ticks, view.last_ticks
        for order in self.orders.values():
            if order.phase is not Phase.RESTING:
                order.shown_lots = self.displayed(order) if self.usable else None

    def displayed(self, order: LiveOrder) -> int:
        """Quantity of others at the order's price."""
        book = self.view.book
        return (book.bids if order.submit.side is Side.BUY else book.asks).lots_at(order.submit.price_ticks)

    def crosses(self, side: Side, price_ticks: int) -> bool:
        """Whether a limit at ``price_ticks`` would have taken before this event. Without a book the last trade stands for both
        quotes, and touching it counts."""
        if self.usable:
            quote = self.ask_ticks if side is Side.BUY else self.bid_ticks
        else:
            quote = self.last_ticks
        return bool(quote) and (price_ticks - quote) * side >= 0

    def count(self, trade: Trade, now_us: int) -> None:
        """Add a trade to the running second of acting time."""
        second = now_us // 1_000_000
        if second != self.second:
            self.second, self.second_lots = second, 0
        self.second_lots += trade.qty_lots

    def allowance(self, order: LiveOrder, share_ppm: int) -> int:
        """Lots the own-impact cap still grants a resting order in this second."""
        spent = order.second_lots if order.second == self.second else 0
        return self.second_lots * share_ppm // PPM - spent

    def entry_allowance(self, now_us: int, share_ppm: int) -> int:
        """Lots the own-impact cap grants a taker entry: the share of the last closed bar's volume, or of this second's if larger.

        A taker meets the book at one instant, when the running second may be empty; the last full second is the newest whole one.
        """
        bar = self.view.bar
        lots = bar.notional_units // bar.close_ticks if bar is not None and not bar.empty and bar.close_ticks else 0
        if now_us // 1_000_000 == self.second:
            lots = max(lots, self.second_lots)
        return lots * share_ppm // PPM

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        market = [self.usable, self.bid_ticks, self.ask_ticks, self.last_ticks, self.second, self.second_lots]
        return {"market": market, "orders": [order.snapshot() for order in self.orders.values()]}

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.usable, self.bid_ticks, self.ask_ticks, self.last_ticks, self.second, self.second_lots = data["market"]
        orders = [LiveOrder.restored(item) for item in data["orders"]]
        self.orders = {order.submit.client_id: order for order in orders}
        self.plan()


def trade_time_us(event: MarketEvent, now_us: int) -> int:
    """When a trade was made: the exchange's time, else when it acts."""
    return now_us if event.exchange_us is None else event.exchange_us

"""A scripted market and a desk: one symbol, a venue on it, and the session's view of the orders sent."""

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from attrs import define, field

from flashcrash_core.api import (
    Bar,
    BookDelta,
    CancelOrder,
    ExecutorContext,
    FeedGap,
    Fees,
    Instrument,
    MarketEvent,
    NoticeKind,
    Order,
    OrderBook,
    OrderType,
    Side,
    SimulatedVenue,
    SubmitOrder,
    Timer,
    Trade,
    VenueConfig,
    VenueNotice,
)

SYMBOL = "TESTUSDT"
QUICK = {
    "calm_p50_ms": 1.0, "calm_p99_ms": 1.0, "crash_p50_ms": 1.0, "crash_p99_ms": 1.0,
    "stress_failure": 0.0, "impact_share": 1.0,
}  # fmt: skip
"""One millisecond for every message, no stress, no impact cap: what remains is the fill model."""


@define
class Market:
    """MarketView whose state the test sets."""

    has_book: bool
    instrument: Instrument = field(factory=lambda: Instrument(SYMBOL, Decimal("0.01"), Decimal("0.001")))
    book: OrderBook = field(factory=OrderBook)
    book_synced: bool = True
    last_ticks: int = 0
    now_us: int = 0
    bar: Bar | None = None

    @property
    def bid_ticks(self) -> int:
        return self.book.bids.best()

    @property
    def ask_ticks(self) -> int:
        return self.book.asks.best()


@define
class Desk:
    """Sends commands, plays events and applies every notice to real Order objects, so that an illegal notice fails any test."""

    market: Market
    venue: SimulatedVenue
    orders: dict[str, Order] = field(factory=dict)
    notices: list[VenueNotice] = field(factory=list)
    names: Any = field(factory=lambda: count(1))
    seq: Any = field(factory=lambda: count(1))

    def send(self, side: Side, type: OrderType, price: int, lots: int, **extra: Any) -> Order:
        name = extra.pop("client_id", None) or f"o{next(self.names)}"
        values = {"reduce_only": side is Side.SELL, "stressed": False, "decided_us": self.market.now_us} | extra
        submit = SubmitOrder(
            client_id=name, symbol=SYMBOL, side=side, type=type, price_ticks=price, qty_lots=lots,
            position_id=1, reason="test", **values,
        )  # fmt: skip
        order = Order(submit)
        order.sent()
        self.orders[name] = order
        self.venue.submit(submit)
        return order

    def cancel(self, order: Order, stressed: bool = False) -> None:
        if order.open:
            order.cancelling()
        self.venue.cancel(CancelOrder(order.submit.client_id, SYMBOL, "test", self.market.now_us, stressed))

    def trade(self, ms: float, price: int, lots: int, aggressor: Side, own_ms: float | None = None) -> None:
        self.market.last_ticks = price
        own_us = round((ms if own_ms is None else own_ms) * 1000)
        self._play(Trade(SYMBOL, 0, own_us, own_us, 0, price, lots, aggressor), ms)

    def delta(self, ms: float, bids: list[tuple[int, int]] = [], asks: list[tuple[int, int]] = []) -> None:  # noqa: B006
        self.market.book.apply(bids, asks)
        self._play(BookDelta(SYMBOL, 0, round(ms * 1000), round(ms * 1000), 0, 0, bids, asks), ms)

    def gap(self, ms: float) -> None:
        self.market.book_synced = False
        self._play(FeedGap(SYMBOL, 0, round(ms * 1000), round(ms * 1000), "test"), ms)

    def timer(self, ms: float) -> None:
        self._play(Timer(SYMBOL, 0, round(ms * 1000), round(ms * 1000)), ms)

    def _play(self, event: MarketEvent, ms: float) -> None:
        self.market.now_us = max(self.market.now_us, round(ms * 1000))
        self.venue.on_market(event, self.market.now_us)
        self.deliver()

    def deliver(self) -> None:
        for notice in self.venue.due(self.market.now_us):
            self.notices.append(notice)
            assert notice.receive_us <= self.market.now_us
            self.orders[notice.client_id].apply(notice, self.market.now_us)

    def settle(self) -> None:
        """Let an hour pass, so that everything on its way arrives."""
        self.timer(self.market.now_us / 1000 + 3_600_000)

    def kinds(self, order: Order) -> list[str]:
        return [str(n.kind) for n in self.notices if n.client_id == order.submit.client_id]

    def fills(self, order: Order) -> list[tuple[int, int]]:
        return [(n.price_ticks, n.qty_lots) for n in self.of(order, NoticeKind.FILL)]

    def of(self, order: Order, kind: NoticeKind) -> list[VenueNotice]:
        return [n for n in self.notices if n.client_id == order.submit.client_id and n.kind is kind]


@pytest.fixture
def make_desk() -> Callable[..., Desk]:
    """Build a desk: ``make_desk("M2", has_book=True, impact_share=0.05, ...)``; settings default to QUICK."""

    def make(
        model: str = "auto",
        *,
        has_book: bool = False,
        seed: int = 1,
        fees: tuple[str, str] = ("10", "10"),
        sigma: float = float("nan"),
        defaults: bool = False,
        **settings: Any,
    ) -> Desk:
        market = Market(has_book)
        market.now_us, market.last_ticks = 1_000_000, 1000
        if has_book:
            market.book.replace([(999, 50), (998, 70), (995, 100)], [(1001, 40), (1002, 60), (1010, 500)])
        numbers = count(1)
        context = ExecutorContext(
            markets={SYMBOL: market},
            fees=Fees(Decimal(fees[0]), Decimal(fees[1])),
            seed=seed,
            next_seq=lambda: next(numbers),
            fill_model=model,
            volatility=lambda _symbol: sigma,
        )
        config = VenueConfig(**(settings if defaults else QUICK | settings))
        return Desk(market, SimulatedVenue(config, context))

    return make

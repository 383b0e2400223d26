"""A small executor without a fault: one delay for everything, fills at the touch. The planted faults change one thing of it each.

It shares no code with the simulated venue, so that the battery is not a mirror of it. Without a book the last trade is the quote.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any, ClassVar

import msgspec
from attrs import define, frozen

from flashcrash_core.api import (
    CancelOrder,
    ExecutorContext,
    ExecutorSpec,
    InvariantError,
    MarketEvent,
    MarketView,
    NoticeKind,
    OrderType,
    PluginInfo,
    Side,
    SubmitOrder,
    Trade,
    VenueNotice,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="Fills at the touch after one delay")


@frozen
class Config:
    """Settings of the small executor."""

    delay_us: int = 20_000
    """From decision to venue, and from venue to session."""


@define
class Live:
    """An order at the venue."""

    submit: SubmitOrder
    arrival_us: int
    arrived: bool = False
    filled: int = 0
    cancel_us: int = 0

    @property
    def left(self) -> int:
        """Lots still to fill."""
        return self.submit.qty_lots - self.filled


class SmallExecutor:
    """Takes at the quote of the moment of arrival, rests, fills what is traded through; every answer takes ``delay_us``."""

    IMMEDIATE: ClassVar = (OrderType.LIMIT_IOC, OrderType.MARKET)

    def __init__(self, config: Config, context: ExecutorContext) -> None:
        self.config = config
        self.context = context
        self.live: dict[str, Live] = {}
        self.waiting: list[tuple[Any, ...]] = []
        self.trade_id = 0

    # -- commands

    def submit(self, order: SubmitOrder) -> None:
        """Send an order off."""
        if order.symbol not in self.context.markets:
            raise InvariantError(f"small executor: no market for {order.symbol}")
        self.live[order.client_id] = Live(order, order.decided_us + self.config.delay_us)

    def cancel(self, cancel: CancelOrder) -> None:
        """Send a cancel off; the first counts."""
        at_us = cancel.decided_us + self.config.delay_us
        live = self.live.get(cancel.client_id)
        if live is None:
            self.notify(cancel.symbol, cancel.client_id, NoticeKind.CANCEL_REJECT, at_us, reason="unknown_order")
        elif not live.cancel_us:
            live.cancel_us = max(at_us, live.arrival_us)

    # -- the market

    def on_market(self, event: MarketEvent, now_us: int) -> None:
        """Arrivals, then trades through resting orders, then cancels."""
        if event.symbol not in self.context.markets:
            return
        market = self.context.markets[event.symbol]
        for live in list(self.live.values()):
            if not live.arrived and live.arrival_us <= now_us:
                self.arrive(live, market, now_us)
            elif live.arrived and isinstance(event, Trade) and self.through(live, event):
                self.fill(live, live.submit.price_ticks, min(live.left, max(1, event.qty_lots // 4)), now_us, maker=True)
            if live.cancel_us and live.cancel_us <= now_us and live.submit.client_id in self.live:
                self.end(live, NoticeKind.CANCELLED, now_us, "cancelled")

    def arrive(self, live: Live, market: MarketView, now_us: int) -> None:
        """An order reaches the venue."""
        order = live.submit
        live.arrived = True
        quote = self.quote(order.side, market)
        crosses = bool(quote) and (not order.price_ticks or (order.price_ticks - quote) * order.side >= 0)
        if order.type is OrderType.LIMIT_MAKER and crosses:
            self.end(live, NoticeKind.REJECT, now_us, "would_take")
            return
        self.notify(order.symbol, order.client_id, NoticeKind.ACK, now_us)
        if crosses:
            self.fill(live, quote, self.takeable(live), now_us, maker=False)
        if order.type in self.IMMEDIATE and live.left:
            self.end(live, NoticeKind.EXPIRED, now_us, "nothing_to_take")

    def quote(self, side: Side, market: MarketView) -> int:
        """What an order of that side would take, 0 without one."""
        if not market.has_book:
            return market.last_ticks
        return market.ask_ticks if side is Side.BUY else market.bid_ticks

    def takeable(self, live: Live) -> int:
        """Three quarters at once, so that there are partial fills."""
        return max(1, live.left * 3 // 4)

    def through(self, live: Live, trade: Trade) -> bool:
        """A trade beyond the price of a resting order."""
        return trade.qty_lots > 0 and trade.price_ticks > 0 and (trade.price_ticks - live.submit.price_ticks) * live.submit.side < 0

    # -- what becomes of an order

    def fill(self, live: Live, price_ticks: int, lots: int, at_us: int, *, maker: bool) -> None:
        """Trade ``lots``; the last ones end the order."""
        self.trade_id += 1
        live.filled += lots
        fee = self.fee(live, price_ticks, lots, maker=maker)
        order = live.submit
        self.notify(order.symbol, order.client_id, NoticeKind.FILL, at_us, price_ticks, lots, fee, maker, self.trade_id)
        if not live.left:
            self.forget(live)

    def fee(self, live: Live, price_ticks: int, lots: int, *, maker: bool) -> int:
        """Of notional, rounded up."""
        notional = self.context.markets[live.submit.symbol].instrument.notional(price_ticks, lots)
        rate = self.context.fees.maker_bps if maker else self.context.fees.taker_bps
        return int((notional * rate / Decimal(10_000)).to_integral_value(ROUND_CEILING))

    def end(self, live: Live, kind: NoticeKind, at_us: int, reason: str) -> None:
        """End an order other than by filling it."""
        self.notify(live.submit.symbol, live.submit.client_id, kind, at_us, reason=reason)
        self.forget(live)

    def forget(self, live: Live) -> None:
        """The order has ended."""
        del self.live[live.submit.client_id]

    # -- notices

    def notify(
        self, symbol: str, client_id: str, kind: NoticeKind, at_us: int, price: int = 0, lots: int = 0, fee: int = 0,
        maker: bool = False, trade_id: int = 0, reason: str = "",
    ) -> None:  # fmt: skip
        """Send a notice off; it arrives ``delay_us`` later."""
        self.waiting.append(
            (at_us + self.config.delay_us, symbol, at_us, kind.value, client_id, price, lots, fee, maker, trade_id, reason)
        )

    def due(self, now_us: int) -> Sequence[VenueNotice]:
        """What has arrived."""
        ready = sorted((item for item in self.waiting if item[0] <= now_us), key=lambda item: item[0])
        self.waiting = [item for item in self.waiting if item[0] > now_us]
        return [self.delivered(item) for item in ready]

    def delivered(self, item: tuple[Any, ...]) -> VenueNotice:
        """The notice of a waiting item, numbered now."""
        receive_us, symbol, at_us, kind, *rest = item
        return VenueNotice(symbol, self.context.next_seq(), at_us, receive_us, NoticeKind(kind), *rest)

    def pending(self) -> bool:
        """Whether anything is owed."""
        return bool(self.live or self.waiting)

    # -- state

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        orders = [
            [msgspec.to_builtins(live.submit), live.arrival_us, live.arrived, live.filled, live.cancel_us]
            for live in self.live.values()
        ]
        return {"orders": orders, "waiting": [list(item) for item in self.waiting], "trade_id": self.trade_id}

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what snapshot gave."""
        orders = [Live(msgspec.convert(submit, SubmitOrder), *rest) for submit, *rest in data["orders"]]
        self.live = {live.submit.client_id: live for live in orders}
        self.waiting = [tuple(item) for item in data["waiting"]]
        self.trade_id = data["trade_id"]


def offer(
    build: Any, *, config: type[Any] = Config, modes: frozenset[str] = frozenset({"paper", "backtest"})
) -> list[ExecutorSpec]:
    """The one executor of a file."""
    return [ExecutorSpec(name="planted", summary="planted", config=config, build=build, modes=modes, idle_blind=True)]


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The sound one."""
    return offer(SmallExecutor)

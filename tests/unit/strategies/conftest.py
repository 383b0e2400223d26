"""A desk for strategy tests: real blotter, ledger and positions, and a moment that the test sets by hand.

``Desk.step`` shows the strategy one moment and turns its intents into orders as the session does; ``Desk.notice`` is the venue.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from attrs import define, field

from flashcrash_core.api import (
    Bar,
    Cancel,
    Enter,
    Exit,
    Fees,
    Instrument,
    Intent,
    Moment,
    NoticeKind,
    Order,
    OrderType,
    Position,
    Refuse,
    Score,
    Side,
    State,
    SubmitOrder,
    VenueNotice,
    to_money,
)
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.ledger import Ledger, fee_minor
from flashcrash_strategies.config import PercentileConfig
from flashcrash_strategies.percentile import PercentileStrategy

SYMBOL = "TESTUSDT"
START_US = 1_700_000_000_000_000
INSTRUMENT = Instrument(SYMBOL, Decimal("0.1"), Decimal("0.01"))
QUICK: dict[str, Any] = {"volume_bars": 2, "min_volume_quote": 0.0, "range_samples": 5, "range_min_samples": 3}
"""Short memories, so that few bars warm the gates; everything else as shipped."""


def make_bar(
    second: int, low: int = 990, high: int = 1010, *, open: int = 991, close: int = 1009, lots: int = 300, empty: bool = False
) -> Bar:
    """The bar of that second after START; volume given in lots at the low price."""
    return Bar(
        start_us=START_US + second * 1_000_000,
        open_ticks=open,
        high_ticks=high,
        low_ticks=low,
        close_ticks=close,
        notional_units=0 if empty else lots * low,
        trades=0 if empty else 5,
        empty=empty,
        gap=False,
        price=close * 0.1,
    )


@define
class Desk:
    """One symbol, one strategy, one account of 10,000."""

    config: PercentileConfig = field(factory=lambda: PercentileConfig(**QUICK))
    fees: Fees = field(factory=Fees)
    has_book: bool = True
    score: Score = field(factory=lambda: Score(100.0, {}))
    strategy: PercentileStrategy = field(init=False)
    blotter: Blotter = field(init=False)
    moment: Moment = field(init=False)
    asked: list[tuple[float, float, float]] = field(factory=list)
    refused: list[Refuse] = field(factory=list)
    sent: list[Order] = field(factory=list)
    next_trade: int = 0
    next_position: int = 1

    def __attrs_post_init__(self) -> None:
        self.strategy = PercentileStrategy(self.config)
        self.blotter = Blotter(Ledger(to_money(10_000), self.fees), {SYMBOL: INSTRUMENT})
        self.moment = Moment(SYMBOL, INSTRUMENT, self.fees, self._score, self.has_book)
        m = self.moment
        m.now_us, m.state, m.bid_ticks, m.ask_ticks, m.last_ticks = START_US + 4_300_000, State.ACTIVE, 1008, 1010, 1009

    def _score(self, entry: float, target: float, notional: float) -> Score:
        self.asked.append((entry, target, notional))
        return self.score

    @property
    def now_us(self) -> int:
        """Event time."""
        return self.moment.now_us

    def warm(self, bars: int = 3) -> "Desk":
        """Show calm bars with a range of 20 ticks and a volume of 100 lots."""
        for k in range(bars):
            self.strategy.on_bar(make_bar(k, lots=100))
        return self

    def look(self, **changes: Any) -> Sequence[Intent]:
        """The strategy's intents for the moment with these changes; they are not carried out."""
        m = self.moment
        m.bar_is_new, m.trade = False, None
        for name, value in changes.items():
            setattr(m, name, value)
        if "bar" in changes:
            m.bar_is_new = True
            self.strategy.on_bar(m.bar)
        m.positions = list(self.blotter.positions.values())
        m.orders = list(self.blotter.orders.values())
        m.open_positions = max(changes.get("open_positions", 0), len(m.positions))
        m.equity_minor = changes.get("equity_minor", to_money(10_000))
        m.cash_minor = changes.get("cash_minor", self.blotter.ledger.cash_minor - self.blotter.committed_minor())
        return self.strategy.decide(m)

    def step(self, after_us: int = 0, **changes: Any) -> Sequence[Intent]:
        """Let time pass, look, and carry the intents out."""
        intents = self.look(now_us=self.now_us + after_us, **changes)
        for intent in intents:
            match intent:
                case Enter():
                    self._submit(Side.BUY, intent.type, intent.price_ticks, intent.qty_lots, self.next_position, intent.reason)
                    self.strategy.on_entered(self.blotter.positions[self.next_position], intent)
                    self.next_position += 1
                case Exit():
                    assert intent.qty_lots <= self.blotter.sellable_lots(intent.position_id), f"sells more than held: {intent}"
                    self._submit(Side.SELL, intent.type, intent.price_ticks, intent.qty_lots, intent.position_id, intent.reason)
                case Cancel():
                    self.blotter.cancelling(intent.client_id)
                case Refuse():
                    self.refused.append(intent)
        self.blotter._check()
        return intents

    def _submit(self, side: Side, kind: OrderType, price: int, lots: int, position_id: int, reason: str) -> None:
        client_id = f"t{len(self.sent):04d}"
        order = SubmitOrder(client_id, SYMBOL, side, kind, price, lots, side is Side.SELL, position_id, reason, self.now_us, True)
        self.sent.append(self.blotter.submit(order))

    def notice(self, order: Order, kind: NoticeKind, lots: int = 0, price: int = 0, maker: bool = True) -> None:
        """The venue speaks about an order. A fill is at the order's price unless told otherwise."""
        price = price or order.submit.price_ticks
        fee = 0
        if kind is NoticeKind.FILL:
            self.next_trade += 1
            rate = self.fees.maker_bps if maker else self.fees.taker_bps
            fee = fee_minor(INSTRUMENT.notional(price, lots), rate)
        notice = VenueNotice(
            symbol=SYMBOL,
            seq=0,
            exchange_us=self.now_us,
            receive_us=self.now_us,
            kind=kind,
            client_id=order.submit.client_id,
            price_ticks=price,
            qty_lots=lots,
            fee_minor=fee,
            maker=maker,
            trade_id=self.next_trade,
        )
        applied = self.blotter.apply(notice, self.now_us)
        if (trip := applied.closed) is not None:
            self.strategy.on_closed(applied.position, trip.gross_units * INSTRUMENT.notional_unit - trip.fee_minor)

    @property
    def last(self) -> Order:
        """The newest order."""
        return self.sent[-1]

    @property
    def position(self) -> Position:
        """The only position."""
        (position,) = self.blotter.positions.values()
        return position

    def enter(self, lots: int = 0) -> Order:
        """Warm up, enter at 994 with target 1006, and fill (all, or so many lots); the entry order."""
        self.warm().step(bar=make_bar(3))
        entry = self.last
        self.notice(entry, NoticeKind.ACK)
        self.moment.now_us += 100_000
        self.moment.bid_ticks, self.moment.ask_ticks, self.moment.last_ticks = 993, 995, 994
        self.notice(entry, NoticeKind.FILL, lots or entry.submit.qty_lots)
        return entry


@pytest.fixture
def desk() -> Callable[..., Desk]:
    """``desk(**settings)``: a desk whose config has these settings over the quick ones; ``fees``, ``has_book``, ``score`` too."""

    def make(**settings: Any) -> Desk:
        parts = {name: settings.pop(name) for name in ("fees", "has_book", "score") if name in settings}
        base: dict[str, Any] = dict(QUICK)
        return Desk(PercentileConfig(**(base | settings)), **parts)

    return make


@pytest.fixture
def bar() -> Callable[..., Bar]:
    """``bar(second, low, high, open=, close=, lots=, empty=)``: a bullish bar of 99.0 to 101.0 unless told otherwise."""
    return make_bar

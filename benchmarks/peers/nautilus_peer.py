"""NautilusTrader over the synthetic day: a strategy with order book deltas, trades, a 100 ms timer, indicators and the simple rule.

    python nautilus_peer.py DAY.npz --share 0.05

Runs in NautilusTrader's own environment. Its objects are built in memory first, and told apart as load time: a whole day of deltas
takes several GB, so a share of the events is the default. The indicators are running sums in Python over what the rows show, fewer
and cheaper than flashcrash's (no medians but of five imbalances, no candle patterns): this side does less work. It sends no orders.
"""

# mypy: ignore-errors

import argparse
from collections import deque
from decimal import Decimal
from math import log

import numpy as np
from measuring import Stopwatch, hand_in
from nautilus_trader import __version__
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.core.rust.model import AggressorSide, OrderSide
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AccountType, BookAction, BookType, OmsType, RecordFlag
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy
from simple_rule import CHANGES, DIGEST, GRID_US, ROWS, STATE_SIZE, WINDOW_ROWS, rule_step

ID = InstrumentId.from_str("SYNUSDT.SIM")
TICK = 0.01
TICK_RAW, LOT_RAW = Price.from_str("0.01").raw, Quantity.from_str("0.001").raw
BUY = AggressorSide.BUYER


class Detector(Strategy):
    """Rows by a timer one nanosecond before each boundary, so that a row holds [t - 100 ms, t)."""

    def __init__(self, first_us):
        super().__init__()
        self.boundary_ns = (first_us - first_us % GRID_US + GRID_US) * 1000
        self.mids, self.numbers, self.at = [0] * WINDOW_ROWS, [0] * WINDOW_ROWS, [0] * STATE_SIZE
        self.messages = self.trades = self.alarms = self.held = 0
        self.delta = self.gross = 0.0
        self.high = self.low = self.close = 0.0
        self.imbalances, self.second, self.minutes = deque(maxlen=5), deque(maxlen=10), deque(maxlen=3000)
        self.spread_sum = self.depth_sum = 0.0
        self.returns, self.square_sum = deque(maxlen=300), 0.0
        self.last_mid = self.last_return = 0.0
        self.check = 0.0

    def on_start(self):
        """Subscribe, and start the grid."""
        self.subscribe_order_book_deltas(ID, book_type=BookType.L2_MBP)
        self.subscribe_trade_ticks(ID)
        self.schedule()

    def schedule(self):
        """One alert a row: an interval timer would drift from the boundary by its own start."""
        self.clock.set_time_alert_ns("row", self.boundary_ns - 1, self.on_row)

    def on_order_book_deltas(self, _deltas):
        """The engine keeps the book; a message only counts."""
        self.messages += 1

    def on_trade_tick(self, trade):
        """Flows and the bar."""
        price = trade.price.as_double()
        notional = price * trade.size.as_double()
        self.gross += notional
        self.delta += notional if trade.aggressor_side == BUY else -notional
        self.trades += 1
        self.close = price
        if price > self.high:
            self.high = price
        if price < self.low or not self.low:
            self.low = price

    def on_row(self, _event):
        """The row's book, its indicators, the detector and the simple rule."""
        self.boundary_ns += GRID_US * 1000
        self.schedule()
        book = self.cache.order_book(ID)
        bids, asks = book.bids(), book.asks()
        bid_tick, ask_tick = round(bids[0].price.as_double() / TICK), round(asks[0].price.as_double() / TICK)
        mid = (bid_tick + ask_tick) * 0.5 * TICK
        rule_step(self.mids, self.numbers, self.at, bid_tick + ask_tick)

        low, high = mid * 0.999, mid * 1.001
        bid_qty = ask_qty = depth = 0.0
        for level in bids[:20]:
            price, size = level.price.as_double(), level.size()
            depth += price * size
            if price >= low:
                bid_qty += size
        for level in asks[:20]:
            price, size = level.price.as_double(), level.size()
            depth += price * size
            if price <= high:
                ask_qty += size
        self.imbalances.append((bid_qty - ask_qty) / (bid_qty + ask_qty))
        imbalance = sorted(self.imbalances)[len(self.imbalances) // 2]
        spread = (ask_tick - bid_tick) * TICK / mid
        minutes, second = self.minutes, self.second
        if len(minutes) == 3000:
            self.spread_sum -= minutes[0][0]
            self.depth_sum -= minutes[0][1]
        minutes.append((spread, depth))
        self.spread_sum += spread
        self.depth_sum += depth
        spread_ratio, depth_ratio = spread * len(minutes) / self.spread_sum, depth * len(minutes) / self.depth_sum
        second.append((self.delta, self.gross, self.messages + self.trades))
        flow, gross, count = (sum(column) for column in zip(*second, strict=True))
        self.delta = self.gross = 0.0
        self.messages = self.trades = 0

        acceleration = volatility = 0.0
        if self.at[ROWS] % 10 == 0:
            change = log(mid / self.last_mid) if self.last_mid else 0.0
            if len(self.returns) == 300:
                self.square_sum -= self.returns[0]
            self.returns.append(change * change)
            self.square_sum += change * change
            acceleration, self.last_return, self.last_mid = change - self.last_return, change, mid
            volatility = change * change * len(self.returns) / max(self.square_sum, 1e-12)
            self.high = self.low = 0.0
        fired = (acceleration <= -0.0015) + (volatility > 25) + (imbalance <= -0.8) + (spread_ratio > 4 and spread >= 2e-4)
        fired += gross > 0 and flow / gross <= -0.5
        self.held = self.held + 1 if fired >= 3 and depth_ratio > 0 and count else 0
        self.alarms += self.held == 20


def built(arrays, events):
    """The first ``events`` events as NautilusTrader's objects: the snapshot and messages, the trades, and the number of levels."""
    raw = OrderBookDelta.from_raw
    start_ns = int(arrays["start_us"]) * 1000
    opening = arrays["snapshot_levels"].tolist()
    first = [OrderBookDelta.clear(ID, 0, start_ns, start_ns)]
    for i, (ticks, lots) in enumerate(opening):
        side = OrderSide.BUY if i < len(opening) - 20 else OrderSide.SELL
        flags = RecordFlag.F_LAST if i == len(opening) - 1 else 0
        first.append(raw(ID, BookAction.ADD, side, ticks * TICK_RAW, 2, lots * LOT_RAW, 3, 0, flags, 0, start_ns, start_ns))
    messages = [OrderBookDeltas(ID, first)]
    order = arrays["order"][:events]
    count = int((order < len(arrays["book_us"])).sum())
    bids, asks, book_us = (arrays[name][:count].tolist() for name in ("bids", "asks", "book_us"))
    used = sum(bids) + sum(asks)
    ticks, lots = arrays["level_ticks"][:used].tolist(), arrays["level_lots"][:used].tolist()
    at = 0
    for number, us in enumerate(book_us):
        ns, split, last = us * 1000, at + bids[number], at + bids[number] + asks[number]
        message = []
        for i in range(at, last):
            side = OrderSide.BUY if i < split else OrderSide.SELL
            flags = RecordFlag.F_LAST if i == last - 1 else 0
            action = BookAction.UPDATE if lots[i] else BookAction.DELETE
            message.append(raw(ID, action, side, ticks[i] * TICK_RAW, 2, lots[i] * LOT_RAW, 3, 0, flags, number, ns, ns))
        at = last
        messages.append(OrderBookDeltas(ID, message))
    prints = (arrays[f"trade_{name}"][: events - count].tolist() for name in ("us", "ticks", "lots", "side", "id"))
    trades = []
    for us, price, size, taker, trade_id in zip(*prints, strict=True):
        aggressor = AggressorSide.BUYER if taker > 0 else AggressorSide.SELLER
        ns, identity = us * 1000, TradeId(str(trade_id))
        trades.append(TradeTick.from_raw(ID, price * TICK_RAW, 2, size * LOT_RAW, 3, aggressor, identity, ns, ns))
    return messages, trades, used


def main():
    """Build, then run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("day")
    parser.add_argument("--share", type=float, default=0.05, help="share of the day's events, from its start")
    options = parser.parse_args()
    watch = Stopwatch()
    with np.load(options.day) as file:
        arrays = {name: file[name] for name in file.files}
    events = round(len(arrays["order"]) * options.share)
    messages, trades, levels = built(arrays, events)
    first_us = int(arrays["start_us"])
    del arrays
    load_s = watch.lap()
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    engine.add_venue(
        venue=Venue("SIM"), oms_type=OmsType.NETTING, account_type=AccountType.CASH, book_type=BookType.L2_MBP,
        starting_balances=[Money(1_000_000, USDT)],
    )  # fmt: skip
    engine.add_instrument(
        CurrencyPair(
            instrument_id=ID, raw_symbol=Symbol("SYNUSDT"), base_currency=BTC, quote_currency=USDT, price_precision=2,
            size_precision=3, price_increment=Price.from_str("0.01"), size_increment=Quantity.from_str("0.001"),
            maker_fee=Decimal(0), taker_fee=Decimal(0), ts_event=0, ts_init=0,
        )
    )  # fmt: skip
    engine.add_data(messages, sort=False)
    engine.add_data(trades)  # sorts all by time
    strategy = Detector(first_us)
    engine.add_strategy(strategy)
    load_s += watch.lap()
    engine.run()
    seconds = watch.lap()
    hand_in(
        version=__version__,
        share=options.share,
        events=events,
        level_rows=levels,
        seconds=seconds,
        load_s=load_s,
        rows=strategy.at[ROWS],
        state_changes=strategy.at[CHANGES],
        digest=strategy.at[DIGEST],
        alarms=strategy.alarms,
    )


if __name__ == "__main__":
    main()

"""The simulated venue behind the ``backtest`` and ``paper`` executors: commands in, notices out, all in event time.

What it models is reference/microstructure.md section 6; the choices that the reference leaves open:

* An order arrives with the first event at or after its arrival time. Post-only checks and the queue use the market from before that
  event; takers walk the book as it stands after it.
* A trade meets a resting order when its own exchange time is at or after the arrival (ties count) and before an effective cancel.
  A command never overtakes an earlier one for the same order, and one order's notices never overtake each other.
* Own impact: a resting order fills at most ``impact_share`` of the running second's volume within that second; a taker entry
  at most that share of the last full second (or the running one, if larger), the rest expires or rests. Reduce-only takers are
  limited by the book that they walk and by nothing else: an exit is never blocked. Without a book they fill whole, at the
  worst print.
* Stress: a failed submission is rejected (``venue_stress``) or unanswered. An unanswered one is UNKNOWN ``unknown_after_ms``
  after its decision, was executed all the same, and its first proof arrives after that, 13 s after the decision at the latest.
  Cancels do not fail.
* Stops, take-profits and fill-or-kill orders are not simulated: they are rejected on arrival (``order_type_not_supported``).
* Fees are on notional, in minor units, rounded up.
* The depth that our own takers took is not removed from the recorded book: a second taker at the same instant meets it again.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Any, Final

from flashcrash_core.errors import ConfigError, InvariantError
from flashcrash_core.market.events import BookDelta, BookSnapshot, FeedGap, MarketEvent, Trade
from flashcrash_core.trading.execution import ExecutorContext
from flashcrash_core.trading.matching.fill_models import FILL_MODELS, PPM, book_changed
from flashcrash_core.trading.matching.latency import LatencyModel, Outcome
from flashcrash_core.trading.matching.live_order import LiveOrder, Phase
from flashcrash_core.trading.matching.notices import NoticeQueue
from flashcrash_core.trading.matching.settings import VenueConfig, fill_model_for, known_fill_model
from flashcrash_core.trading.matching.taker import (
    fallback_ticks,
    note_print,
    reachable,
    slipped,
    walk,
    window_price,
)
from flashcrash_core.trading.matching.tracker import SymbolTracker, trade_time_us
from flashcrash_core.trading.orders import CancelOrder, NoticeKind, OrderType, SubmitOrder, VenueNotice

__all__ = ["SETTLED_BY_US", "SimulatedVenue"]

_SIMULATED: Final = frozenset({OrderType.LIMIT_MAKER, OrderType.LIMIT, OrderType.LIMIT_IOC, OrderType.MARKET})
SETTLED_BY_US: Final = 13_000_000
"""A query settles an unanswered order at the latest this long after its decision."""


class SimulatedVenue:
    """An executor that plays the venue. Deterministic: every draw is a hash of seed, client id and purpose."""

    def __init__(self, config: VenueConfig, context: ExecutorContext) -> None:
        self._config = config
        self._context = context
        self._latency = LatencyModel(config, context.seed)
        self._unknown_after_us = round(config.unknown_after_ms * 1000)
        self._share_ppm = round(config.impact_share * PPM)
        self._slippage = Fraction(str(config.slippage_bps)) / 10_000
        self._maker_rate = Fraction(context.fees.maker_bps) / 10_000
        self._taker_rate = Fraction(context.fees.taker_bps) / 10_000
        self._trackers: dict[str, SymbolTracker] = {}
        self._notices = NoticeQueue()
        self._ended: dict[str, int] = {}
        """Orders whose last notice is still on its way, with its delivery time: a cancel's answer must come after it."""
        self._trade_id = 0
        known_fill_model(context.fill_model)
        for symbol, view in context.markets.items():
            fill_model_for(context.fill_model, symbol, view.has_book)

    # -- commands ----------------------------------------------------------------------------------------------------

    def submit(self, order: SubmitOrder) -> None:
        """Send an order off. Raises InvariantError for a client id that is still live or a symbol without a market."""
        tracker = self._tracker(order.symbol)
        if order.client_id in tracker.orders:
            raise InvariantError(f"order {order.client_id} ({order.symbol}) was submitted twice; client ids are never reused")
        delay_us = self._latency.delay_us(order.client_id, "submit", order.stressed)
        live = LiveOrder(order, order.decided_us + delay_us)
        if order.type not in _SIMULATED:
            self._refuse(live, reason="order_type_not_supported")
            return
        outcome = self._latency.outcome(order)
        if outcome is Outcome.REJECTED:
            self._refuse(live, reason="venue_stress")
            return
        if outcome is Outcome.UNANSWERED:
            unknown_us = order.decided_us + self._unknown_after_us
            self._notices.push(unknown_us, order.symbol, unknown_us, NoticeKind.UNKNOWN, order.client_id, reason="no_reply")
            live.notice_us = unknown_us
            evidence_us = unknown_us + self._latency.delay_us(order.client_id, "evidence", order.stressed)
            live.evidence_us = min(evidence_us, max(order.decided_us + SETTLED_BY_US, unknown_us))
        self._trackers[order.symbol] = tracker
        tracker.orders[order.client_id] = live
        tracker.plan()
        tracker.remember()

    def cancel(self, cancel: CancelOrder) -> None:
        """Send a cancel off; a repeated one changes nothing while the first is on its way."""
        effective_us = cancel.decided_us + self._latency.delay_us(cancel.client_id, "cancel", cancel.stressed)
        tracker = self._trackers.get(cancel.symbol)
        live = None if tracker is None else tracker.orders.get(cancel.client_id)
        if tracker is None or live is None:
            reply_us = effective_us + self._latency.delay_us(cancel.client_id, "cancel_reply", cancel.stressed)
            deliver_us = max(reply_us, self._ended.get(cancel.client_id, 0))
            self._notices.push(
                deliver_us, cancel.symbol, effective_us, NoticeKind.CANCEL_REJECT, cancel.client_id, reason="unknown_order"
            )
        elif live.cancel_us is None:
            live.cancel_us = max(effective_us, live.arrival_us)
            live.cancel_stressed = cancel.stressed
            tracker.plan()

    # -- the market --------------------------------------------------------------------------------------------------

    def on_market(self, event: MarketEvent, now_us: int) -> None:
        """Let an applied event meet this symbol's orders: arrivals, then its trade or book, then closing windows and cancels."""
        tracker = self._trackers.get(event.symbol)
        if tracker is None:
            return
        time_acts = now_us >= tracker.next_us
        if time_acts:
            for live in list(tracker.orders.values()):
                if live.phase is Phase.FLIGHT and live.arrival_us <= now_us:
                    self._arrive(tracker, live, now_us)
        if isinstance(event, Trade):
            if event.price_ticks > 0 and event.qty_lots > 0:
                self._trade(tracker, event, now_us)
        elif isinstance(event, BookDelta | BookSnapshot | FeedGap):
            self._book(tracker)
        if time_acts:
            self._let_time_act(tracker, now_us)
        if not tracker.orders:
            del self._trackers[event.symbol]
        elif tracker.moving:
            tracker.remember()

    def due(self, now_us: int) -> Sequence[VenueNotice]:
        """Notices whose delivery time has come, numbered as they are delivered."""
        notices = self._notices.due(now_us, self._context.next_seq)
        if notices and self._ended:
            self._ended = {client_id: last_us for client_id, last_us in self._ended.items() if last_us > now_us}
        return notices

    def pending(self) -> bool:
        """Whether an order lives or a notice travels."""
        return bool(self._trackers) or len(self._notices) > 0

    def _let_time_act(self, tracker: SymbolTracker, now_us: int) -> None:
        """Close the windows and carry out the cancels whose time has come."""
        for live in list(tracker.orders.values()):
            if live.phase is Phase.WINDOW and live.next_us <= now_us:
                self._close_window(tracker, live, now_us)
            if live.phase is Phase.RESTING and live.remaining_lots and live.cancel_us is not None and live.cancel_us <= now_us:
                self._end(tracker, live, NoticeKind.CANCELLED, live.cancel_us, "cancelled")
        tracker.plan()

    def _arrive(self, tracker: SymbolTracker, live: LiveOrder, now_us: int) -> None:
        order = live.submit
        crosses = tracker.crosses(order.side, order.price_ticks)
        if order.type is OrderType.LIMIT_MAKER:
            if crosses:
                self._end(tracker, live, NoticeKind.REJECT, live.arrival_us, "post_only_would_take")
            else:
                self._notify(live, NoticeKind.ACK, live.arrival_us)
                self._rest(tracker, live)
            return
        self._notify(live, NoticeKind.ACK, live.arrival_us)
        if tracker.book_usable:
            self._walk(tracker, live, now_us)
        elif order.type is OrderType.LIMIT and not crosses:
            self._rest(tracker, live)
        else:
            latency_us = live.arrival_us - order.decided_us
            sigma = self._context.volatility(order.symbol)
            live.fallback_ticks = fallback_ticks(tracker.last_ticks, order.side, sigma, latency_us)
            live.phase = Phase.WINDOW

    def _rest(self, tracker: SymbolTracker, live: LiveOrder) -> None:
        live.phase = Phase.RESTING
        live.front_lots = live.shown_lots if tracker.view.has_book else 0

    def _trade(self, tracker: SymbolTracker, trade: Trade, now_us: int) -> None:
        own_us = trade_time_us(trade, now_us)
        if own_us > now_us:
            return  # The clock refused its stamp: not even the watermark followed it.
        tracker.count(trade, now_us)
        maker_lots = FILL_MODELS[tracker.model]
        for live in list(tracker.orders.values()):
            if live.phase is Phase.WINDOW:
                note_print(live, trade, own_us)
            elif live.phase is Phase.RESTING and live.counts(own_us):
                wanted = min(maker_lots(live, trade, self._share_ppm), live.remaining_lots)
                lots = min(wanted, tracker.allowance(live, self._share_ppm))
                if lots > 0:
                    self._fill(tracker, live, live.submit.price_ticks, lots, now_us, maker=True)

    def _book(self, tracker: SymbolTracker) -> None:
        usable = tracker.book_usable
        for live in tracker.orders.values():
            if live.phase is not Phase.RESTING:
                continue
            if usable:
                book_changed(live, tracker.displayed(live), tracker.model, self._config.m3_power)
            else:
                live.shown_lots, live.traded_lots = None, 0

    # -- takers ------------------------------------------------------------------------------------------------------

    def _walk(self, tracker: SymbolTracker, live: LiveOrder, now_us: int) -> None:
        order = live.submit
        levels = reachable(tracker.view.book, order.side, order.price_ticks)
        for price, lots in walk(levels, self._taker_lots(tracker, live, now_us)):
            self._take(tracker, live, price, lots, now_us)
        self._after_taking(tracker, live, now_us)

    def _close_window(self, tracker: SymbolTracker, live: LiveOrder, now_us: int) -> None:
        price = window_price(live)
        lots = self._taker_lots(tracker, live, now_us)
        if price is not None and lots > 0:
            self._take(tracker, live, price, lots, now_us)
        self._after_taking(tracker, live, now_us)

    def _taker_lots(self, tracker: SymbolTracker, live: LiveOrder, now_us: int) -> int:
        if live.submit.reduce_only:
            return live.remaining_lots
        return min(live.remaining_lots, tracker.entry_allowance(now_us, self._share_ppm))

    def _take(self, tracker: SymbolTracker, live: LiveOrder, price_ticks: int, lots: int, now_us: int) -> None:
        price_ticks = slipped(price_ticks, live.submit.side, self._slippage, live.submit.price_ticks)
        self._fill(tracker, live, price_ticks, lots, now_us, maker=False)

    def _after_taking(self, tracker: SymbolTracker, live: LiveOrder, now_us: int) -> None:
        if not live.remaining_lots:
            return
        if live.submit.type is OrderType.LIMIT:
            self._rest(tracker, live)
        else:
            self._end(tracker, live, NoticeKind.EXPIRED, now_us, "nothing_left_to_take")

    # -- what becomes of an order ------------------------------------------------------------------------------------

    def _fill(self, tracker: SymbolTracker, live: LiveOrder, price_ticks: int, lots: int, at_us: int, *, maker: bool) -> None:
        self._trade_id += 1
        notional_minor = tracker.view.instrument.notional(price_ticks, lots)
        fee_minor = ceil(notional_minor * (self._maker_rate if maker else self._taker_rate))
        live.filled_lots += lots
        if maker:
            live.maker_lots += lots
        second = at_us // 1_000_000
        live.second_lots = live.second_lots + lots if live.second == second else lots
        live.second = second
        self._notify(
            live, NoticeKind.FILL, at_us,
            price_ticks=price_ticks, qty_lots=lots, fee_minor=fee_minor, maker=maker, trade_id=self._trade_id,
        )  # fmt: skip
        if not live.remaining_lots:
            self._close(tracker, live)

    def _end(self, tracker: SymbolTracker, live: LiveOrder, kind: NoticeKind, at_us: int, reason: str) -> None:
        """End an order other than by filling it."""
        self._notify(live, kind, at_us, reason=reason)
        if kind is NoticeKind.CANCELLED:
            live.cancel_us = None
        self._close(tracker, live)

    def _refuse(self, live: LiveOrder, *, reason: str) -> None:
        """Reject an order that never met the market."""
        self._notify(live, NoticeKind.REJECT, live.arrival_us, reason=reason)
        self._ended[live.submit.client_id] = live.notice_us

    def _close(self, tracker: SymbolTracker, live: LiveOrder) -> None:
        """Forget an ended order; a cancel that is still on its way will find nothing."""
        if live.cancel_us is not None:
            self._notify(live, NoticeKind.CANCEL_REJECT, live.cancel_us, reason="unknown_order")
        del tracker.orders[live.submit.client_id]
        self._ended[live.submit.client_id] = live.notice_us

    def _notify(self, live: LiveOrder, kind: NoticeKind, at_us: int, **payload: Any) -> None:
        order = live.submit
        answers_cancel = kind is NoticeKind.CANCELLED or kind is NoticeKind.CANCEL_REJECT
        stressed = live.cancel_stressed if answers_cancel else order.stressed
        live.notices += 1
        deliver_us = at_us + self._latency.delay_us(order.client_id, f"notice{live.notices}", stressed)
        live.notice_us = max(deliver_us, live.notice_us, live.evidence_us)
        self._notices.push(live.notice_us, order.symbol, at_us, kind, order.client_id, **payload)

    # -- state -------------------------------------------------------------------------------------------------------

    def _tracker(self, symbol: str) -> SymbolTracker:
        tracker = self._trackers.get(symbol)
        if tracker is None:
            view = self._context.markets.get(symbol)
            if view is None:
                raise InvariantError(f"simulated venue: no market for {symbol}; orders may only name symbols of the run")
            tracker = SymbolTracker(view, fill_model_for(self._context.fill_model, symbol, view.has_book))
        return tracker

    def snapshot(self) -> dict[str, Any]:
        """State as plain, msgpack-able data."""
        return {
            "trackers": {symbol: tracker.snapshot() for symbol, tracker in self._trackers.items()},
            "notices": self._notices.snapshot(),
            "ended": dict(self._ended),
            "trade_id": self._trade_id,
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave. Raises ConfigError when a symbol of the snapshot has no market in this run."""
        self._trackers = {}
        for symbol, state in data["trackers"].items():
            if symbol not in self._context.markets:
                raise ConfigError(
                    f"the snapshot has orders in {symbol}, which this run does not read; resume with the same symbols"
                )
            tracker = self._tracker(symbol)
            tracker.restore(state)
            self._trackers[symbol] = tracker
        self._notices.restore(data["notices"])
        self._ended = dict(data["ended"])
        self._trade_id = data["trade_id"]

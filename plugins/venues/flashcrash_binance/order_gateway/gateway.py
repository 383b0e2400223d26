"""Orders to the venue over one connection of its WebSocket API, and what became of them. Sans-I/O: no socket, no clock.

Calls come in with the time, in microseconds of the caller's clock; :attr:`OrderGateway.actions` and the notices come out. Never is
an order sent twice: what has no reply is asked for by its client id until the venue shows it, or until it cannot reach the engine
any more (receive window, engine's limit, error of the clock) and the venue does not know it.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from flashcrash_binance.order_gateway.actions import ApiCall, GatewaySettings, Reconnect
from flashcrash_binance.order_gateway.requests_under_way import Pending, RequestsUnderWay
from flashcrash_binance.order_gateway.tracked_order import Tell, TrackedOrder
from flashcrash_binance.trading.order_answers import cancelled_order, open_orders, placed_order, queried_order, trades
from flashcrash_binance.trading.order_requests import cancel_params, order_params, query_params
from flashcrash_binance.trading.user_events import is_user_event, user_event
from flashcrash_binance.trading.venue_records import (
    ExecutionReport,
    MalformedAnswer,
    ServerShutdown,
    StreamEnded,
    VenueOrder,
    VenueStatus,
)
from flashcrash_binance.trading.venue_replies import SocketReply, socket_reply
from flashcrash_binance.trading.venue_verdicts import CallKind, Verdict, VerdictKind, verdict
from flashcrash_core.api import CancelOrder, Instrument, InvariantError, Order, OrderState, SubmitOrder, VenueError

__all__ = ["OrderGateway"]

_NEVER_US: Final = 2**62
_KEPT_ENDED: Final = 1_000


class OrderGateway:
    """All orders of a run. ``bases`` names the base asset of each symbol. ``tell`` takes what the kernel is to be told."""

    def __init__(
        self, instruments: Mapping[str, Instrument], bases: Mapping[str, str], settings: GatewaySettings, tell: Tell
    ) -> None:
        self.instruments = dict(instruments)
        self.settings = settings
        self.actions: deque[ApiCall | Reconnect] = deque()
        self.orders: dict[str, TrackedOrder] = {}
        """Orders whose end was not told yet."""
        self.connected = False
        self.listening = False
        """The user data stream is subscribed."""
        self.counts: Counter[str] = Counter()
        """``sent``, ``unknown``, ``resolved``, ``never_arrived``, ``reconciled``, ``external``, ``malformed`` ..."""
        self.halt = ""
        """Why no more can be known or sent, "" while all is well."""
        self.resolution_us: list[int] = []
        """How long orders were of unknown fate."""
        self.dust: dict[str, Decimal] = {}
        """By base asset: what the account has beyond whole lots."""
        self.external: dict[str, str] = {}
        """Open orders at the venue that are not ours, by client id: symbol."""
        self._bases = dict(bases)
        self._tell = tell
        self._ended: dict[str, TrackedOrder] = {}
        self._requests = RequestsUnderWay(settings, self.actions)
        self._alive_due_us = _NEVER_US
        self._reconcile_due_us = _NEVER_US
        self._reachable_since_us: int | None = None
        self._answers: dict[str, Callable[[Pending, SocketReply, int], None]] = {
            "place": self._on_placed,
            "cancel": self._on_cancelled,
            "query": self._on_queried,
            "trades": self._on_trades,
            "open": self._on_open_orders,
            "time": self._on_time_told,
            "subscribe": self._on_subscribed,
        }

    @property
    def clock_offset_us(self) -> int:
        """Venue's clock less ours."""
        return self._requests.clock_offset_us

    @clock_offset_us.setter
    def clock_offset_us(self, offset_us: int) -> None:
        self._requests.clock_offset_us = offset_us

    # -- commands ----------------------------------------------------------------------------------------------------

    def submit(self, order: SubmitOrder, now_us: int) -> None:
        """Send an order, or tell at once that it was not sent."""
        if order.client_id in self.orders or order.client_id in self._ended:
            raise InvariantError(f"order id {order.client_id} was sent before; ids are never reused")
        instrument = self.instruments[order.symbol]
        one = TrackedOrder(order, instrument, self._bases.get(order.symbol, ""), now_us, self._tell, self.dust)
        refusal = self._cannot_send(now_us, closing=order.reduce_only)
        if refusal:
            self.counts[refusal] += 1
            one.reject(refusal, now_us)
            self._remember(one)
            return
        params = order_params(order, instrument)
        self.orders[order.client_id] = one
        self.counts["sent"] += 1
        self._requests.call("place", "order.place", params, now_us, client_id=order.client_id, within_us=self.settings.reply_us)

    def take_up(self, order: Order, now_us: int) -> None:
        """Go on with an order of an earlier process. What became of it is asked for as soon as there is a connection."""
        submit, state = order.submit, order.state
        one = TrackedOrder(
            submit,
            self.instruments[submit.symbol],
            self._bases.get(submit.symbol, ""),
            now_us,  # it left earlier: to be too patient with it is safe
            self._tell,
            self.dust,
            known_trades=frozenset(order.trade_ids),
            known_lots=order.filled_lots,
            acknowledged=bool(order.filled_lots) or state in (OrderState.ACKED, OrderState.PARTIAL),
        )
        self.orders[submit.client_id] = one
        self.counts["taken_up"] += 1
        if state is OrderState.CANCELLING:
            one.cancel_wanted = True
        if state is OrderState.SENT:
            self._lose(one, "taken_up", now_us)
        else:
            one.ask_us = now_us
            one.unknown_since_us = None if one.acknowledged else now_us

    def cancel(self, cancel: CancelOrder, now_us: int) -> None:
        """Ask the venue to cancel; repeated until it is known how the order ended, or that it goes on."""
        one = self.orders.get(cancel.client_id)
        if one is None:
            return  # it has ended, and that was told
        one.cancel_wanted = True
        self._send_cancel(one, now_us)

    # -- the connection ----------------------------------------------------------------------------------------------

    def on_open(self, now_us: int) -> None:
        """Connected: listen to the account's events, and ask for everything that may have happened meanwhile."""
        self.connected = True
        self._reachable_since_us = now_us
        self.counts["connections"] += 1
        self._requests.call("time", "time", {}, now_us, signed=False)
        self._requests.call("subscribe", "userDataStream.subscribe.signature", {}, now_us)
        self._alive_due_us = now_us + self.settings.alive_us
        self._reconcile_due_us = now_us
        for one in self.orders.values():
            one.ask_us = now_us

    def on_close(self, now_us: int, reason: str) -> None:
        """The connection is gone, and with it the replies under way."""
        self.connected = self.listening = False
        self._reachable_since_us = None
        self._alive_due_us = self._reconcile_due_us = _NEVER_US
        for one in self._requests.drop(now_us):
            if one.what == "place" and (order := self.orders.get(one.client_id)) is not None:
                self._lose(order, "connection_lost", now_us)
        self.counts["disconnections"] += 1
        self.counts[f"closed {reason}"] += 1

    def on_message(self, frame: bytes, now_us: int) -> None:
        """A reply or an event. What is neither is counted and the connection given up: it cannot be followed any more."""
        try:
            if is_user_event(frame):
                self._on_event(frame, now_us)
                return
            reply = socket_reply(frame)
        except MalformedAnswer as error:
            self._malformed(error)
            return
        pending = self._requests.take(reply, now_us)
        if pending is None:
            self.counts["replies_nobody_waits_for"] += 1
            return
        try:
            self._answers[pending.what](pending, reply, now_us)
        except MalformedAnswer as error:
            self._malformed(error)
            order = self.orders.get(pending.client_id)
            if order is not None:
                self._lose(order, "malformed_answer", now_us)

    @property
    def next_time_us(self) -> int:
        """When :meth:`on_time` wants to be called."""
        moments = [self._alive_due_us, self._reconcile_due_us, self._requests.next_time_us]
        for one in self.orders.values():
            moments += [at for at in (one.ask_us, one.trades_us) if at is not None]
        return min(moments)

    def on_time(self, now_us: int) -> None:
        """Do what is due."""
        for late in self._requests.late(now_us):
            self._on_no_reply(late, now_us)
        if not self.connected:
            for one in self.orders.values():
                if one.ask_us is not None:
                    one.ask_us = max(one.ask_us, now_us + self.settings.query_us)
                if one.trades_us is not None:
                    one.trades_us = max(one.trades_us, now_us + self.settings.query_us)
            return
        for one in list(self.orders.values()):
            if one.ask_us is not None and one.ask_us <= now_us:
                self._query(one, now_us)
            if one.trades_us is not None and one.trades_us <= now_us:
                self._ask_trades(one, now_us)
            self._require_resolved(one, now_us)
        if self._alive_due_us <= now_us:
            self._alive_due_us = now_us + self.settings.alive_us
            self._requests.call("time", "time", {}, now_us, signed=False, within_us=self.settings.alive_us)
        if self._reconcile_due_us <= now_us:
            self._reconcile_due_us = now_us + self.settings.reconcile_us
            self._requests.call("open", "openOrders.status", {}, now_us)

    # -- requests ----------------------------------------------------------------------------------------------------

    def _cannot_send(self, now_us: int, *, closing: bool) -> str:
        if self.halt:
            return "trading_halted"
        if not (self.connected and self.listening):
            return "venue_unreachable"
        if self._requests.wait_us("place", now_us, closing=closing):
            return "rate_limited"
        return ""

    def _send_cancel(self, one: TrackedOrder, now_us: int) -> None:
        """Ask for a cancel, also of an order of unknown fate: it does no harm. What cannot be asked now is asked later."""
        wait_us = self._requests.wait_us("cancel", now_us)
        if not self.connected or wait_us:
            one.ask_us = now_us + max(wait_us, self.settings.query_us)  # the answer to that question cancels
            return
        params = cancel_params(one.submit.symbol, one.client_id)
        self._requests.call("cancel", "order.cancel", params, now_us, client_id=one.client_id, within_us=self.settings.reply_us)

    def _query(self, one: TrackedOrder, now_us: int) -> None:
        one.ask_us = now_us + self.settings.query_us
        if wait_us := self._requests.wait_us("query", now_us):
            one.ask_us = now_us + wait_us
            return
        params = query_params(one.submit.symbol, one.client_id)
        self._requests.call("query", "order.status", params, now_us, client_id=one.client_id)

    def _ask_trades(self, one: TrackedOrder, now_us: int) -> None:
        one.trades_us = now_us + self.settings.query_us
        if one.venue is not None and one.missing_trades:
            params: dict[str, str | int] = {"symbol": one.submit.symbol, "orderId": one.venue.order_id}
            self._requests.call("trades", "myTrades", params, now_us, client_id=one.client_id)
        else:
            one.trades_us = None

    # -- replies -----------------------------------------------------------------------------------------------------

    def _on_placed(self, pending: Pending, reply: SocketReply, now_us: int) -> None:
        one = self.orders.get(pending.client_id)
        if one is None:
            return
        if _is_success(reply):
            placed = placed_order(reply.result, one.instrument)
            self._resolved(one, now_us)
            for fill in placed.fills:
                one.on_fill(fill)
            if placed.order is not None:
                self._picture(one, placed.order, now_us)
            else:
                one.acknowledge(placed.transact_us)
            self._after(one, now_us)
            return
        found = self._verdict(reply, "place", now_us)
        if found.kind in (VerdictKind.UNKNOWN, VerdictKind.ACCEPTED):
            self._lose(one, found.reason or "unknown_status", now_us)
        elif found.kind is VerdictKind.DUPLICATE_OPEN:
            self._resolved(one, now_us)
            one.acknowledge(now_us)
            one.ask_us = now_us
        else:
            self._resolved(one, now_us)
            one.reject(found.reason, now_us)
            self._remember(one)

    def _on_cancelled(self, pending: Pending, reply: SocketReply, now_us: int) -> None:
        one = self.orders.get(pending.client_id)
        if one is None:
            return
        if _is_success(reply):
            self._picture(one, cancelled_order(reply.result, one.instrument), now_us)
            return
        self._verdict(reply, "cancel", now_us)
        one.ask_us = now_us + self.settings.query_us  # whatever it says: the order itself tells how it stands

    def _on_queried(self, pending: Pending, reply: SocketReply, now_us: int) -> None:
        one = self.orders.get(pending.client_id)
        if one is None:
            return
        if _is_success(reply):
            order = queried_order(reply.result, one.instrument)
            one.ask_us = None
            self._picture(one, order, now_us)
            if not one.ended and not order.status.final and one.cancel_wanted:
                self._send_cancel(one, now_us)
            return
        found = self._verdict(reply, "query", now_us)
        if found.kind is not VerdictKind.NOT_FOUND:
            return  # asked again when its time comes
        if one.acknowledged:
            self.counts["not_found_though_known"] += 1  # a replica that lags
        elif pending.sent_us > one.sent_us + self._cannot_arrive_after_us() and self.listening:
            self.counts["never_arrived"] += 1
            self._resolved(one, now_us)
            one.reject("never_arrived", now_us)
            self._remember(one)

    def _on_trades(self, pending: Pending, reply: SocketReply, now_us: int) -> None:
        one = self.orders.get(pending.client_id)
        if one is None or one.venue is None:
            return
        if not _is_success(reply):
            self._verdict(reply, "query", now_us)
            return
        for fill in trades(reply.result, one.instrument, {one.venue.order_id: one.client_id}):
            if fill.order_id == one.venue.order_id:
                one.on_fill(fill)
        self._after(one, now_us)

    def _on_open_orders(self, _pending: Pending, reply: SocketReply, now_us: int) -> None:
        """The venue's list: what it has and we do not is somebody else's; what we have and it does not is asked for."""
        if not _is_success(reply):
            self._verdict(reply, "query", now_us)
            return
        ours, foreign = open_orders(reply.result, self.instruments)
        self.counts["reconciled"] += 1
        listed = {order.client_id: order for order in ours}
        self.external = {
            **{order.client_id: order.symbol for order in foreign},
            **{name: order.symbol for name, order in listed.items() if name not in self.orders and name not in self._ended},
        }
        for name, one in list(self.orders.items()):
            order = listed.get(name)
            if order is not None:
                self._picture(one, order, now_us)
            elif one.acknowledged and one.ask_us is None and now_us - one.sent_us > self.settings.reply_us:
                one.ask_us = now_us

    def _on_time_told(self, pending: Pending, reply: SocketReply, now_us: int) -> None:
        if not _is_success(reply):
            self._verdict(reply, "query", now_us)
            return
        try:
            told = msgspec.json.decode(reply.result or b"", type=dict[str, int])["serverTime"]
        except (msgspec.MsgspecError, KeyError) as error:
            raise MalformedAnswer(f"the venue's time: {error}") from None
        stamp_us = told if told > 10**14 else told * 1_000
        self.clock_offset_us = stamp_us - (pending.sent_us + now_us) // 2
        self.counts["clock_told"] += 1

    def _on_subscribed(self, _pending: Pending, reply: SocketReply, now_us: int) -> None:
        if _is_success(reply):
            self.listening = True
            for one in self.orders.values():
                one.ask_us = now_us  # between the old stream and this one anything may have happened
            return
        found = self._verdict(reply, "read", now_us)
        if found.kind is VerdictKind.CREDENTIALS:
            self.halt = found.reason
        else:
            self.actions.append(Reconnect(reason="the user data stream could not be subscribed"))

    def _on_no_reply(self, pending: Pending, now_us: int) -> None:
        self.counts[f"no_reply_{pending.what}"] += 1
        one = self.orders.get(pending.client_id)
        if pending.what == "place" and one is not None:
            self._lose(one, "no_reply", now_us)
        elif pending.what == "cancel" and one is not None:
            one.ask_us = now_us
        elif pending.what in ("time", "subscribe"):
            self.actions.append(Reconnect(reason=f"no answer to {pending.what}"))

    # -- events ------------------------------------------------------------------------------------------------------

    def _on_event(self, frame: bytes, now_us: int) -> None:
        fact = user_event(frame, self.instruments).fact
        if isinstance(fact, StreamEnded | ServerShutdown):
            self.listening = False
            self.actions.append(Reconnect(reason="the venue ends the stream"))
        if not isinstance(fact, ExecutionReport):
            return
        self.counts["reports"] += 1
        one = self.orders.get(fact.client_id) or self._ended.get(fact.client_id)
        if one is None:
            self.counts["external_reports"] += 1
            return
        self._resolved(one, now_us)
        if fact.fill is not None:
            one.on_fill(fact.fill)
        self._picture(one, fact.order, now_us)

    # -- what is known -----------------------------------------------------------------------------------------------

    def _picture(self, one: TrackedOrder, order: VenueOrder, now_us: int) -> None:
        """The venue's picture of an order; rejected ones never were."""
        self._resolved(one, now_us)
        if order.status is VenueStatus.REJECTED and not one.acknowledged:
            one.reject(order.expiry_reason.lower() or "rejected", order.update_us)
        else:
            one.on_order(order)
        self._after(one, now_us)

    def _after(self, one: TrackedOrder, now_us: int) -> None:
        if one.ended:
            self._remember(one)
        elif one.missing_trades and one.trades_us is None:
            one.trades_us = now_us + self.settings.trades_us

    def _lose(self, one: TrackedOrder, reason: str, now_us: int) -> None:
        if not one.acknowledged and one.unknown_since_us is None:
            self.counts["unknown"] += 1
        one.lose(reason, now_us)

    def _resolved(self, one: TrackedOrder, now_us: int) -> None:
        if one.unknown_since_us is not None:
            self.counts["resolved"] += 1
            self.resolution_us.append(now_us - one.unknown_since_us)
            one.unknown_since_us = None

    def _require_resolved(self, one: TrackedOrder, now_us: int) -> None:
        since_us, reachable_us = one.unknown_since_us, self._reachable_since_us
        if since_us is None or reachable_us is None or self.halt:
            return
        if now_us - max(since_us, reachable_us) > self.settings.resolve_us:
            self.halt = f"order {one.client_id} is of unknown fate for {(now_us - since_us) / 1e6:.0f} s"

    def _cannot_arrive_after_us(self) -> int:
        settings = self.settings
        return settings.recv_window_ms * 1_000 + settings.engine_us + settings.clock_error_us

    def _verdict(self, reply: SocketReply, call: CallKind, now_us: int) -> Verdict:
        found = verdict(reply.status, reply.code, reply.message, call)
        self.counts[f"refused_{found.kind.value.lower()}"] += 1
        if found.kind in (VerdictKind.RATE_LIMITED, VerdictKind.BANNED):
            self.counts["silences"] += 1
        elif found.kind is VerdictKind.CLOCK:
            self._requests.call("time", "time", {}, now_us, signed=False)
        elif found.kind is VerdictKind.CREDENTIALS:
            self.halt = self.halt or found.reason
        return found

    def _malformed(self, error: Exception) -> None:
        self.counts["malformed"] += 1
        self.actions.append(Reconnect(reason=f"an answer that cannot be read: {error}"))

    def _remember(self, one: TrackedOrder) -> None:
        self.orders.pop(one.client_id, None)
        self._ended[one.client_id] = one
        if len(self._ended) > _KEPT_ENDED:
            del self._ended[next(iter(self._ended))]

    def raise_if_halted(self) -> None:
        """Raise VenueError with the reason why nothing more can be known or sent."""
        if self.halt:
            raise VenueError(f"trading halts: {self.halt}; check the venue, and start a new session")


def _is_success(reply: SocketReply) -> bool:
    return 200 <= reply.status < 300 and reply.code is None

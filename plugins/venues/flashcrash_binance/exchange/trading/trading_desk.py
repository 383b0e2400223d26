"""The trading side's counter: REST requests and requests of the WebSocket API come in, answers and user data events go out.

What a request is allowed, costs and answers is the same for both; they differ in what is signed and how an answer is written.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
from attrs import frozen

from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.connection_desk import ConnectionDesk
from flashcrash_binance.exchange.frames import Answer, Cut
from flashcrash_binance.exchange.injection import FaultInjector
from flashcrash_binance.exchange.limits import WeightLimiter, refusal_of_weight
from flashcrash_binance.exchange.market import SymbolMarket
from flashcrash_binance.exchange.messages import TradePrint
from flashcrash_binance.exchange.rest import ApiError, error_body
from flashcrash_binance.exchange.trading.accounts import Account
from flashcrash_binance.exchange.trading.amounts import amount_text
from flashcrash_binance.exchange.trading.api_keys import ApiKey, check_format, generated_keys, rest_payload, socket_payload
from flashcrash_binance.exchange.trading.call_context import CallContext
from flashcrash_binance.exchange.trading.call_faults import CallFaults, Fate
from flashcrash_binance.exchange.trading.matching import MatchingEngine
from flashcrash_binance.exchange.trading.order_calls import CALLS, METHODS, TradingCall
from flashcrash_binance.exchange.trading.order_entry import OrderEntry
from flashcrash_binance.exchange.trading.order_reports import position_event
from flashcrash_binance.exchange.trading.request_window import check_window
from flashcrash_binance.exchange.trading.sessions import Sessions
from flashcrash_binance.exchange.trading.socket_requests import SocketRequest, read_request
from flashcrash_binance.exchange.trading.trading_settings import TradingSettings
from flashcrash_binance.exchange.trading.unfilled_orders import UnfilledOrders
from flashcrash_binance.exchange.trading.user_data import LateFrames, UserStreams

__all__ = ["TradingDesk"]

_PREFIX: Final = "/api/v3/"
_KEPT: Final = Fate()
_encode: Final = msgspec.json.Encoder().encode


@frozen
class _Reply:
    """An answer on its way. ``placed``: an order call that succeeded."""

    status: int
    body: bytes
    fate: Fate = _KEPT
    placed: bool = False
    wait_s: int = 0


class TradingDesk:
    """One account of the exchange and all that reaches it. ``now_us`` is the caller's clock throughout."""

    def __init__(
        self,
        markets: Mapping[str, SymbolMarket],
        settings: TradingSettings,
        seed: int,
        weight: WeightLimiter,
        desk: ConnectionDesk,
        clock: ExchangeClock,
        counts: Counter[str],
        injector: FaultInjector,
    ) -> None:
        self.keys = generated_keys(seed)
        self.unfilled = UnfilledOrders()
        self._events: list[dict[str, Any]] = []
        self._settings = settings
        self._weight = weight
        self._desk = desk
        self._clock = clock
        self._counts = counts
        self._injector = injector
        self._faults = CallFaults(injector)
        self.late = LateFrames(desk)
        self.users = UserStreams(desk, self.late, injector, counts)
        self.sessions = Sessions(self.users)
        account = Account({}, settings.rates, settings.burn_bnb, settings.bnb_price)
        self.engine = MatchingEngine(markets, account, self._events.append, self.unfilled.first_fill)
        grids = self.engine.grids.values()
        account.start = settings.start({one.quote for one in grids}, {one.base for one in grids})
        account.free.update(account.start)
        self.entry = OrderEntry(markets, self.engine)
        self.entry.replica_lag_us = settings.replica_lag_us

    def status(self) -> dict[str, Any]:
        """How the account stands. Raises InvariantError if money was made or lost otherwise than by trades."""
        self.engine.check()
        return {
            "orders": len(self.engine.orders),
            "open_orders": sum(map(len, self.engine.open.values())),
            "trades": len(self.engine.trades),
            "listeners": self.users.listeners,
        }

    # -- the market --------------------------------------------------------------------------------------------------

    def on_trade(self, symbol: str, one: TradePrint, now_us: int) -> None:
        """A trade of others."""
        if self.engine.open[symbol]:
            self.engine.on_trade(symbol, one, self._clock.stamp(now_us))
            self._publish(now_us)

    def on_book(self, symbol: str, now_us: int) -> None:
        """The book changed."""
        if self.engine.open[symbol]:
            self.engine.on_book(symbol, self._clock.stamp(now_us))
            self._publish(now_us)

    def disconnect(self, connection: int, now_us: int) -> None:
        """A connection is gone, its session and subscription with it."""
        self.sessions.drop(connection)
        if not self.users.drop(connection) or not any(self.engine.open.values()):
            return
        if self._faults.fills_while_away(connection, now_us):
            stamp_us = self._clock.stamp(now_us)
            for orders in self.engine.open.values():
                for order in list(orders):
                    if order.open and order.live is not None:
                        self.engine.fill(order, order.price_ticks, order.remaining_lots, stamp_us, maker=True)
            self._publish(now_us)

    def transfer(self, asset: str, delta: int, now_us: int) -> None:
        """A deposit (negative: a withdrawal) of atoms, told as balanceUpdate."""
        stamp_us = self._clock.stamp(now_us)
        self.engine.account.transfer(asset, delta)
        told = {"e": "balanceUpdate", "E": stamp_us // 1000, "a": asset, "d": amount_text(delta), "T": stamp_us // 1000}
        self._events.append(told)
        self._publish(now_us)

    def _publish(self, now_us: int) -> None:
        events, self._events[:] = list(self._events), []
        if self.engine.account.touched:
            events.append(position_event(self.engine.account, self._clock.stamp(now_us)))
        for event in events:
            self.users.publish(event, now_us)

    # -- REST --------------------------------------------------------------------------------------------------------

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes, now_us: int) -> Answer | None:
        """A REST request; None if it is not one of the trading side."""
        parts = urlsplit(target)
        name = parts.path.removeprefix(_PREFIX)
        if name == "userDataStream":
            return Answer(410, self._headers(), error_body(-1000, "The listenKey endpoints were removed; use the WebSocket API."))
        call = CALLS.get((method, name))
        if call is None:
            return None
        self._counts["requests"] += 1
        query = parts.query
        params = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        params |= dict(parse_qsl(query, keep_blank_values=True))
        key = next((value for one, value in headers.items() if one.lower() == "x-mbx-apikey"), "")

        def signer() -> ApiKey:
            payload, signature = rest_payload(query.encode("utf-8", "surrogateescape"), body)
            return self._signed(key, payload, signature)

        reply = self._answer(call, params, signer, now_us)
        self._publish(now_us)
        if reply.fate.lost:
            return Answer(0, {}, b"")
        told = self._headers()
        if reply.placed:
            told |= self.unfilled.headers()
        if reply.wait_s:
            told["Retry-After"] = str(reply.wait_s)
        return Answer(reply.status, told, reply.body, reply.fate.delay_us)

    def _headers(self) -> dict[str, str]:
        used = str(self._weight.used)
        return {"Content-Type": "application/json;charset=UTF-8", "X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}

    # -- the WebSocket API -------------------------------------------------------------------------------------------

    def receive(self, connection: int, text: bytes, now_us: int) -> bool:
        """A request of the WebSocket API; False if it is not one of the trading side."""
        asked = read_request(text)
        if asked is None:
            return False
        call = METHODS.get(asked.method) or self.sessions.call(asked.method, connection, self._clock, now_us)
        if call is None:
            return False
        self._counts["requests"] += 1
        params = asked.params

        def signer() -> ApiKey:
            session = self.sessions.key_of(connection)
            if "apiKey" not in params and "signature" not in params and session is not None and call.by_session:
                return session
            key = self._signed(params.get("apiKey", ""), socket_payload(params), params.get("signature", ""))
            self.sessions.asking = key
            return key

        reply = self._answer(call, params, signer, now_us)
        one = self._desk.open.get(connection)
        if reply.fate.lost and one is not None:
            self._desk.end(one, Cut(), now_us)
        else:
            self.late.send(connection, self._written(asked, call, reply, now_us), now_us, reply.fate.delay_us)
        self._publish(now_us)
        return True

    def _written(self, asked: SocketRequest, call: TradingCall, reply: _Reply, now_us: int) -> bytes:
        stamp_us = self._clock.stamp(now_us)
        told: dict[str, Any] = {"id": asked.id, "status": reply.status}
        if reply.status == 200:
            told["result"] = msgspec.Raw(reply.body)
        else:
            error = msgspec.json.decode(reply.body)
            if reply.wait_s:
                error["data"] = {"serverTime": stamp_us // 1000, "retryAfter": stamp_us // 1000 + reply.wait_s * 1000}
            told["error"] = error
        if asked.params.get("returnRateLimits") != "false":
            limits = self.unfilled.rate_limits(stamp_us) if call.orders else []
            told["rateLimits"] = [*limits, self._weight.rate_limit()]
        return _encode(told)

    # -- both --------------------------------------------------------------------------------------------------------

    def _signed(self, key: str, payload: bytes, signature: str) -> ApiKey:
        check_format(key)
        known = next((one for one in self.keys if one.key == key), None)
        if known is None:
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        if not signature:
            raise ApiError(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
        if not known.signed(payload, signature):
            raise ApiError(-1022, "Signature for this request is not valid.")
        return known

    def _answer(self, call: TradingCall, params: Mapping[str, str], signer: Callable[[], ApiKey], now_us: int) -> _Reply:
        stamp_us = self._clock.stamp(now_us)
        instead = self._injector.on_request(call.subject, self._weight, now_us, stamp_us)
        if instead is not None:
            self._counts[f"answered_{instead.status}"] += 1
            return _Reply(instead.status, instead.body, Fate(lost=instead.status == 0))
        weight = call.weight_of(params)
        refused = self._weight.take(weight, stamp_us)
        if refused is not None:
            self._counts[f"answered_{refused[0]}"] += 1
            return _Reply(refused[0], refusal_of_weight(*refused, self._weight.limits, stamp_us), wait_s=refused[1])
        try:
            rights = self._settings.rights
            if call.signed:
                signer()
                check_window(params, stamp_us)
            if not (rights.trading if call.trades else rights.reading):
                raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
            before = self._faults.before(call.subject, now_us)
            if before is not None:
                return _Reply(before.status, before.body, before)
            ask = CallContext(
                params=params, stamp_us=stamp_us, entry=self.entry, unfilled=self.unfilled, rights=rights,
                created_ms=1_700_000_000_000, races=lambda: self._faults.races(now_us),
            )  # fmt: skip
            outcome = call.answer(ask)
        except ApiError as error:
            wait_s = self.unfilled.retry_after_s(stamp_us) if error.code == -1015 else 0
            return _Reply(error.status, error_body(error.code, str(error)), wait_s=wait_s)
        succeeded = outcome.refusal is None
        if call.orders:
            self.unfilled.add(call.orders, stamp_us)
        if call.free and succeeded:
            self._weight.used -= weight
        self._counts["order_calls"] += call.trades
        filled = outcome.order is not None and outcome.order.filled_lots > 0
        fate = self._faults.after(call.subject, now_us, filled=filled)
        if fate.status:
            return _Reply(fate.status, fate.body, fate)
        body = outcome.body
        if outcome.refusal is not None:
            body = {"code": outcome.refusal[0], "msg": outcome.refusal[1], "data": outcome.body}
        return _Reply(outcome.status, _encode(body), fate, placed=succeeded and bool(call.orders))

"""The client side against the local exchange, which shares no code with it: signed, sent, answered, decoded, accounted for."""

import random
from collections import Counter
from decimal import Decimal
from itertools import count
from typing import Any, Final

import msgspec
import pytest
from attrs import define, field
from exchange_bench import SYMBOL, Bench, Client, ScriptedSource, snapshot, trade

from flashcrash_binance.exchange.trading.trading_settings import TradingSettings, parse_balances
from flashcrash_binance.trading.commissions import charged
from flashcrash_binance.trading.key_rights import advice, refused_rights
from flashcrash_binance.trading.order_answers import (
    account,
    cancelled_order,
    open_orders,
    order_list,
    placed_order,
    queried_order,
    trades,
)
from flashcrash_binance.trading.order_filters import FilterReferences, checked
from flashcrash_binance.trading.order_limits import OrderLimits
from flashcrash_binance.trading.order_requests import cancel_params, oco_params, order_params, query_params
from flashcrash_binance.trading.signing import Signer, ed25519_signer, hmac_signer, signed_params, signed_query
from flashcrash_binance.trading.symbol_filters import symbol_filters
from flashcrash_binance.trading.user_events import is_user_event, user_event
from flashcrash_binance.trading.venue_records import Balances, ExecutionReport, PlacedOrder, VenueFill, VenueStatus
from flashcrash_binance.trading.venue_replies import SocketReply, rest_error, socket_reply
from flashcrash_binance.trading.venue_verdicts import VerdictKind, verdict
from flashcrash_core.api import STOP_TYPES, UNPRICED_TYPES, Instrument, OrderType, Side, SubmitOrder

BUY, SELL, T = Side.BUY, Side.SELL, OrderType
BIDS: Final = [(10_000 - step, 4_000) for step in range(40)]
ASKS: Final = [(10_001 + step, 4_000) for step in range(40)]
SECOND_US: Final = 1_000_000


@define(eq=False)
class Desk:
    """A client of a standing market: bids from 10,000 ticks down and asks from 10,001 up, 4,000 lots each."""

    bench: Bench
    signer: Signer
    instrument: Instrument
    names: Any = field(factory=lambda: count(1))
    user: Client | None = None

    @classmethod
    def open(cls, *events: Any, balances: str = "USDT=10000,SIM=50") -> "Desk":
        source = ScriptedSource([snapshot(0, 1, BIDS, ASKS), trade(0.001, 1, 10_000, 1), *events])
        bench = Bench(sources={SYMBOL: source}, trading=TradingSettings(balances=parse_balances(balances)))
        bench.play(1)
        assert bench.core.trading is not None
        key = bench.core.trading.keys[0]
        return cls(bench, hmac_signer(key.key, key.secret), source.instrument)

    @property
    def stamp_ms(self) -> int:
        return self.bench.core.stamp_us(self.bench.now_us) // 1000

    def order(self, kind: OrderType, side: Side, price: int = 0, lots: int = 1_000, stop: int = 0) -> SubmitOrder:
        name = f"fc-{next(self.names):06d}"
        return SubmitOrder(name, SYMBOL, side, kind, price, lots, side is SELL, 1, "test", self.bench.now_us, False, stop)

    def rest(self, method: str, path: str, params: dict[str, str], *, prefix: str = "/api/v3/") -> Any:
        query = signed_query(self.signer, {**params, "recvWindow": 1000, "timestamp": self.stamp_ms})
        headers = {"X-MBX-APIKEY": self.signer.key}
        self.bench.core.advance(self.bench.now_us)
        return self.bench.core.request(method, f"{prefix}{path}?{query}", headers, b"", self.bench.now_us)

    def done(self, method: str, path: str, params: dict[str, str]) -> bytes:
        answer = self.rest(method, path, params)
        assert answer.status == 200, answer.body
        body: bytes = answer.body
        return body

    def place(self, order: SubmitOrder) -> PlacedOrder:
        return placed_order(self.done("POST", "order", order_params(order, self.instrument)), self.instrument)

    def listen(self) -> Client:
        self.user = self.bench.connect(target="/ws-api/v3")
        params = signed_params(self.signer, {"timestamp": self.stamp_ms})
        self.ask("userDataStream.subscribe.signature", params)
        return self.user

    def ask(self, method: str, params: dict[str, str | int]) -> SocketReply:
        assert self.user is not None
        self.bench.say(self.user, {"id": f"q{next(self.names)}", "method": method, "params": params})
        return next(socket_reply(text) for text in reversed(self.user.texts) if not is_user_event(text))

    def facts(self) -> list[Any]:
        assert self.user is not None
        self.bench.play(0)
        return [user_event(text, {SYMBOL: self.instrument}).fact for text in self.user.texts if is_user_event(text)]


def test_every_type_of_order_is_placed_queried_and_cancelled() -> None:
    """What each type asks for is understood; its answers by REST name the same order under our client id."""
    desk = Desk.open()
    expected = {
        T.LIMIT_MAKER: VenueStatus.NEW, T.LIMIT: VenueStatus.NEW, T.LIMIT_IOC: VenueStatus.FILLED, T.LIMIT_FOK: VenueStatus.FILLED,
        T.MARKET: VenueStatus.FILLED, T.STOP_LOSS: VenueStatus.NEW, T.STOP_LOSS_LIMIT: VenueStatus.NEW,
        T.TAKE_PROFIT: VenueStatus.NEW, T.TAKE_PROFIT_LIMIT: VenueStatus.NEW,
    }  # fmt: skip
    assert set(expected) == set(OrderType)
    for kind, status in expected.items():
        takes = kind in (T.LIMIT_IOC, T.LIMIT_FOK)
        price = 0 if kind in UNPRICED_TYPES else 10_005 if takes else 9_500
        stop = 0 if kind not in STOP_TYPES else 10_500 if kind in (T.STOP_LOSS, T.STOP_LOSS_LIMIT) else 9_600
        order = desk.order(kind, BUY, price, stop=stop)
        desk.place(order)
        found = queried_order(desk.done("GET", "order", query_params(SYMBOL, order.client_id)), desk.instrument)
        assert (found.client_id, found.status, found.qty_lots, found.side) == (order.client_id, status, 1_000, BUY), kind
        assert (found.price_ticks, found.stop_ticks) == (order.price_ticks, order.stop_ticks), kind
        if not status.final:
            ours, foreign = open_orders(desk.done("GET", "openOrders", {"symbol": SYMBOL}), {SYMBOL: desk.instrument})
            assert ([one.client_id for one in ours], foreign) == ([order.client_id], [])
            params = cancel_params(SYMBOL, order.client_id, cancel_id=f"{order.client_id}-c")
            gone = cancelled_order(desk.done("DELETE", "order", params), desk.instrument)
            assert (gone.client_id, gone.status, gone.filled_lots) == (order.client_id, VenueStatus.CANCELED, 0)


def test_replies_trades_and_events_tell_the_same_fills() -> None:
    """The fills of an order are the same by its reply, by myTrades and by the user data stream; the sums are the order's."""
    desk = Desk.open()
    desk.listen()
    order = desk.order(T.LIMIT_IOC, BUY, 10_003, 15_000)
    placed = desk.place(order)
    assert placed.order is not None
    assert (placed.order.status, placed.order.filled_lots) == (VenueStatus.EXPIRED, 12_000)
    body = desk.done("GET", "myTrades", {"symbol": SYMBOL, "orderId": str(placed.order_id)})
    by_query = trades(body, desk.instrument, {placed.order_id: order.client_id})
    reports = [fact for fact in desk.facts() if isinstance(fact, ExecutionReport)]
    by_event = [report.fill for report in reports if report.fill is not None]

    def plain(fills: Any) -> list[tuple[Any, ...]]:
        return sorted(
            (one.trade_id, one.client_id, one.price_ticks, one.qty_lots, one.commission, one.commission_asset, one.maker, one.side)
            for one in fills
        )

    assert len(placed.fills) == 3
    assert plain(placed.fills) == plain(by_query) == plain(by_event)
    assert sum(desk.instrument.notional(one.price_ticks, one.qty_lots) for one in by_event) == placed.order.quote_minor
    assert reports[-1].order.status is VenueStatus.EXPIRED
    assert [report.client_id for report in reports] == [order.client_id] * len(reports)


def test_a_cancel_by_the_socket_is_told_under_the_orders_own_id() -> None:
    """Reply and event of a cancel name the order; the balances that were locked come back."""
    desk = Desk.open()
    desk.listen()
    order = desk.order(T.LIMIT_MAKER, BUY, 9_000, 5_000)
    params: dict[str, str | int] = {**order_params(order, desk.instrument), "timestamp": desk.stamp_ms}
    reply = desk.ask("order.place", signed_params(desk.signer, params))
    assert (reply.status, reply.code) == (200, None)
    assert placed_order(reply.result, desk.instrument).client_id == order.client_id
    assert {limit.kind for limit in reply.limits} == {"REQUEST_WEIGHT", "ORDERS"}
    cancel: dict[str, str | int] = {**cancel_params(SYMBOL, order.client_id, cancel_id="fc-c-1"), "timestamp": desk.stamp_ms}
    gone = cancelled_order(desk.ask("order.cancel", signed_params(desk.signer, cancel)).result, desk.instrument)
    assert (gone.client_id, gone.status) == (order.client_id, VenueStatus.CANCELED)
    reports = [fact for fact in desk.facts() if isinstance(fact, ExecutionReport)]
    assert [(one.client_id, one.cancel_id, one.execution) for one in reports] == [
        (order.client_id, "", "NEW"),
        (order.client_id, "fc-c-1", "CANCELED"),
    ]
    positions = [fact for fact in desk.facts() if isinstance(fact, Balances)]
    assert positions[0].by_asset["USDT"].locked > 0
    assert positions[-1].by_asset["USDT"].locked == 0


def test_an_oco_is_placed_as_asked() -> None:
    """Both legs are open under their own client ids with their own stops."""
    desk = Desk.open()
    profit, stop = desk.order(T.LIMIT_MAKER, SELL, 11_000), desk.order(T.STOP_LOSS_LIMIT, SELL, 8_900, stop=9_000)
    placed = order_list(desk.done("POST", "orderList/oco", oco_params(profit, stop, desk.instrument, "fc-l-1")), desk.instrument)
    assert (placed.list_client_id, set(placed.legs)) == ("fc-l-1", {profit.client_id, stop.client_id})
    assert {one.client_id: (one.price_ticks, one.stop_ticks) for one in placed.orders} == {
        profit.client_id: (11_000, 0),
        stop.client_id: (8_900, 9_000),
    }


@pytest.mark.parametrize("seed", range(5))
def test_what_was_charged_is_what_the_account_lacks(seed: int) -> None:
    """After random buys and sells the account has, to the last digit, what the fills and their charges say."""
    draw = random.Random(seed)
    desk = Desk.open(balances="USDT=10000,SIM=0")
    held, dust, quote_minor = 0, Decimal(0), 0
    fills: list[VenueFill] = []
    for _ in range(12):
        side = SELL if held >= 1_000 and draw.random() < 0.5 else BUY
        lots = draw.randrange(600, 9_000) if side is BUY else draw.randrange(600, held + 1)
        order = desk.order(T.LIMIT_IOC, side, 10_040 if side is BUY else 9_960, lots)
        for fill in desk.place(order).fills:
            fills.append(fill)
            charge = charged(fill, desk.instrument, "SIM", dust=dust)
            dust = charge.dust
            held += fill.side * fill.qty_lots - charge.fee_lots
            quote_minor -= fill.side * desk.instrument.notional(fill.price_ticks, fill.qty_lots) + charge.fee_minor
    told = account(desk.done("GET", "account", {"omitZeroBalances": "false"}))
    assert len({fill.side for fill in fills}) == 2, f"seed {seed}"
    assert told.balances.by_asset["SIM"].total == desk.instrument.quantity(held) + dust, f"seed {seed}"
    assert told.balances.by_asset["USDT"].total == Decimal(10_000) + Decimal(quote_minor) / 10**10, f"seed {seed}"
    assert 0 <= dust < desk.instrument.lot_size, f"seed {seed}"


@pytest.mark.parametrize("seed", range(5))
def test_what_the_filters_let_through_the_exchange_takes(seed: int) -> None:
    """Random orders, sound and unsound: none that was fitted fails a filter there, and most that were refused would have."""
    draw = random.Random(seed)
    desk = Desk.open(balances="USDT=100000000,SIM=100000000")
    filters = symbol_filters(desk.bench.get("exchangeInfo")["symbols"][0], desk.instrument)
    average = Decimal(desk.bench.get(f"avgPrice?symbol={SYMBOL}")["price"])
    seen: Counter[str] = Counter()
    for _ in range(150):
        kind, side = draw.choice(list(OrderType)), draw.choice([BUY, SELL])
        price = draw.choice([10_000, 9_000, 60_000, 49_999, 1_500, 2_000, draw.randrange(1, 80_000)])
        order = desk.order(
            kind, side, 0 if kind in UNPRICED_TYPES else price, draw.choice([1, 30, 500, 2_000, 10**9]),
            draw.randrange(1, 30_000) if kind in STOP_TYPES else 0,
        )  # fmt: skip
        ours, _ = open_orders(desk.done("GET", "openOrders", {"symbol": SYMBOL}), {SYMBOL: desk.instrument})
        algos = sum(one.stop_ticks > 0 for one in ours)
        references = FilterReferences(average=average, open_orders=len(ours), open_algo_orders=algos)
        fitted = checked(order, filters, references)
        sent = order if isinstance(fitted, str) else fitted
        answer = desk.rest("POST", "order/test", order_params(sent, desk.instrument))
        code, text, _ = rest_error(answer.body) if answer.status != 200 else (None, "", None)
        found = verdict(answer.status, code, text, "place")
        if isinstance(fitted, str):
            seen["refused, and so it would have been" if found.reason == "filter_failure" else "refused by us only"] += 1
        else:
            assert found.reason not in ("filter_failure", "bad_request"), f"seed {seed}: {sent} failed: {text}"
            seen["fits"] += 1
        desk.bench.play(0.2)
    assert seen["fits"] > 20, f"seed {seed}: {seen}"
    assert seen["refused, and so it would have been"] > 10, f"seed {seed}: {seen}"
    assert not seen["refused by us only"], f"seed {seed}: {seen}"


def refused(desk: Desk, order: SubmitOrder) -> VerdictKind:
    answer = desk.rest("POST", "order", order_params(order, desk.instrument))
    code, text, _ = rest_error(answer.body)
    return verdict(answer.status, code, text, "place").kind


def test_refusals_are_understood() -> None:
    """The venue's texts for a duplicate, a taker, an empty purse, an unknown order, a wrong clock and a wrong secret."""
    desk = Desk.open()
    resting = desk.order(T.LIMIT_MAKER, BUY, 9_500)
    desk.place(resting)
    assert refused(desk, resting) is VerdictKind.DUPLICATE_OPEN
    assert refused(desk, desk.order(T.LIMIT_MAKER, BUY, 10_010)) is VerdictKind.REJECTED
    assert refused(desk, desk.order(T.LIMIT_MAKER, BUY, 9_999, 10**7)) is VerdictKind.REJECTED
    for method, call, kind in (("DELETE", "cancel", VerdictKind.UNKNOWN_ORDER), ("GET", "query", VerdictKind.NOT_FOUND)):
        answer = desk.rest(method, "order", cancel_params(SYMBOL, "fc-nobody"))
        code, text, _ = rest_error(answer.body)
        assert verdict(answer.status, code, text, call).kind is kind  # type: ignore[arg-type]
    late = signed_query(desk.signer, {**query_params(SYMBOL, "fc-1"), "timestamp": desk.stamp_ms - 60_000})
    answer = desk.bench.core.request("GET", f"/api/v3/order?{late}", {"X-MBX-APIKEY": desk.signer.key}, b"", desk.bench.now_us)
    code, text, _ = rest_error(answer.body)
    assert verdict(answer.status, code, text, "query").kind is VerdictKind.CLOCK
    desk.signer = hmac_signer(desk.signer.key, "wrong" * 10)
    assert refused(desk, desk.order(T.MARKET, BUY)) is VerdictKind.CREDENTIALS


def test_limits_follow_the_exchanges_own_count() -> None:
    """After any mix of calls our count of orders and weight is the one of its headers."""
    desk = Desk.open()
    limits = OrderLimits()
    for number in range(20):
        order = desk.order(T.LIMIT_MAKER, BUY, 9_000 - number)
        assert limits.may_send("place", desk.bench.now_us) == 0
        limits.sent("place")
        answer = desk.rest("POST", "order", order_params(order, desk.instrument))
        limits.answered("place", desk.bench.now_us, answer.status, headers=answer.headers)
    ten_seconds = next(one for one in limits.usage(desk.bench.now_us) if one.interval_us == 10 * SECOND_US)
    assert ten_seconds.used == int(answer.headers["X-MBX-ORDER-COUNT-10S"]) == 20


def test_the_keys_rights_are_told() -> None:
    """The exchange's good key is taken, and its address is restricted."""
    desk = Desk.open()
    answer = desk.rest("GET", "account/apiRestrictions", {}, prefix="/sapi/v1/")
    told = msgspec.json.decode(answer.body)
    assert (refused_rights(told), advice(told)) == ([], [])


def test_an_ed25519_key_is_understood() -> None:
    """The other kind of signature is taken by REST and by the socket's logon."""
    pytest.importorskip("cryptography")
    desk = Desk.open()
    assert desk.bench.core.trading is not None
    key = desk.bench.core.trading.keys[1]
    desk.signer = ed25519_signer(key.key, key.secret)
    assert desk.place(desk.order(T.MARKET, BUY)).order is not None
    desk.user = desk.bench.connect(target="/ws-api/v3")
    reply = desk.ask("session.logon", signed_params(desk.signer, {"timestamp": desk.stamp_ms}))
    assert (reply.status, reply.code) == (200, None)

"""Latency, cancels, stress and state of the simulated venue."""

import json
import random
from collections import Counter
from decimal import Decimal
from math import exp
from statistics import median, quantiles
from typing import Any

import msgspec
import pytest
from attrs import evolve

from flashcrash_core.api import (
    CancelOrder,
    ConfigError,
    InvariantError,
    NoticeKind,
    OrderState,
    OrderType,
    Side,
    SubmitOrder,
    VenueConfig,
    VenueNotice,
)
from flashcrash_core.trading.matching.latency import LatencyModel, Outcome, uniform
from flashcrash_core.trading.matching.settings import fill_model_for
from flashcrash_core.trading.matching.venue import SETTLED_BY_US

BUY, SELL = Side.BUY, Side.SELL
IOC, MARKET, LIMIT, MAKER = OrderType.LIMIT_IOC, OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT_MAKER


def submission(name: str, stressed: bool = True) -> SubmitOrder:
    return SubmitOrder(name, "TESTUSDT", BUY, MAKER, 990, 5, False, 1, "test", 0, stressed)


# -- draws -----------------------------------------------------------------------------------------------------------


def test_draws_are_known_numbers() -> None:
    """A draw depends on its arguments alone: this value holds on every machine, and another purpose draws another."""
    assert uniform(1, "a", "submit") == uniform(1, "a", "submit")
    assert len({uniform(s, c, p) for s in (1, 2) for c in ("a", "b") for p in ("x", "y")}) == 8
    assert uniform(1, "a", "submit") == pytest.approx(0.2311324545, abs=1e-10)


@pytest.mark.parametrize(("stressed", "factor", "p50", "p99"), [(False, 1, 20, 200), (True, 1, 150, 2000), (False, 2, 40, 400)])
def test_latency_percentiles(stressed: bool, factor: float, p50: float, p99: float) -> None:
    """Delays have the configured median and 99th percentile, calm and in a crash, scaled by the factor."""
    model = LatencyModel(VenueConfig(latency_factor=factor), 1)
    delays = [model.delay_us(f"id{i}", "submit", stressed) / 1000 for i in range(4000)]
    assert median(delays) == pytest.approx(p50, rel=0.06)
    assert quantiles(delays, n=100)[98] == pytest.approx(p99, rel=0.2)


def test_stress_frequencies() -> None:
    """Of 20,000 orders decided under stress 10 % fail, a quarter of those unanswered; calm orders never fail."""
    model = LatencyModel(VenueConfig(stress_failure=0.1), 7)
    seen = Counter(model.outcome(submission(f"id{i}")) for i in range(20_000))
    assert seen[Outcome.REJECTED] == pytest.approx(1500, rel=0.1)
    assert seen[Outcome.UNANSWERED] == pytest.approx(500, rel=0.15)
    assert {model.outcome(submission(f"id{i}", stressed=False)) for i in range(500)} == {Outcome.ANSWERED}


def test_crash_latency_is_asked_for_by_the_order(make_desk: Any) -> None:
    """Only an order decided under stress travels at crash speed."""
    settings = {"crash_p50_ms": 500.0, "crash_p99_ms": 500.0}
    desk = make_desk("M0", **settings)
    calm, stressed = desk.send(BUY, MAKER, 990, 5), desk.send(BUY, MAKER, 990, 5, stressed=True)
    desk.trade(1100, 980, 10, SELL)
    desk.settle()
    assert desk.fills(calm)
    assert not desk.fills(stressed)


# -- stress ----------------------------------------------------------------------------------------------------------


def named(outcome: Outcome, failure: float) -> str:
    """A client id with this fate under seed 1."""
    model = LatencyModel(VenueConfig(stress_failure=failure), 1)
    return next(f"s{i}" for i in range(1000) if model.outcome(submission(f"s{i}")) is outcome)


def test_stress_rejects(make_desk: Any) -> None:
    """A failed submission is rejected with its reason and leaves nothing behind."""
    desk = make_desk(stress_failure=0.5)
    order = desk.send(BUY, MAKER, 990, 5, stressed=True, client_id=named(Outcome.REJECTED, 0.5))
    desk.cancel(order)
    desk.settle()
    assert desk.kinds(order) == ["REJECT", "CANCEL_REJECT"]
    assert desk.of(order, NoticeKind.REJECT)[0].reason == "venue_stress"
    assert not desk.venue.pending()


@pytest.mark.parametrize(
    "kind",
    [OrderType.LIMIT_FOK, OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT],
)
def test_a_type_that_is_not_simulated_is_rejected(make_desk: Any, kind: OrderType) -> None:
    """Fill-or-kill orders, stops and take-profits are rejected on arrival with a reason; nothing trades, nothing stays."""
    desk = make_desk("M0")
    order = desk.send(BUY, kind, 990, 5)
    desk.trade(1100, 980, 10, SELL)
    desk.settle()
    assert desk.kinds(order) == ["REJECT"]
    assert desk.of(order, NoticeKind.REJECT)[0].reason == "order_type_not_supported"
    assert order.state is OrderState.REJECTED
    assert not desk.venue.pending()


def test_stored_orders_of_before_stops_stay_valid() -> None:
    """An order without a stop is stored as before there were stops, and what was stored then is read back."""
    order = submission("a")
    stored = msgspec.to_builtins(order)
    assert "stop_ticks" not in stored
    assert msgspec.convert(stored, SubmitOrder) == order
    stop = msgspec.structs.replace(order, type=OrderType.STOP_LOSS, stop_ticks=900)
    assert msgspec.convert(msgspec.to_builtins(stop), SubmitOrder) == stop


def test_unanswered_order_was_executed(make_desk: Any) -> None:
    """An unanswered order is UNKNOWN after a second, fills meanwhile, and its proof comes after that, within 13 s."""
    desk = make_desk("M0", stress_failure=0.5)
    order = desk.send(BUY, MAKER, 990, 5, stressed=True, client_id=named(Outcome.UNANSWERED, 0.5))
    desk.trade(1500, 985, 100, SELL)
    assert desk.kinds(order) == []
    desk.timer(2000)
    assert order.state is OrderState.UNKNOWN
    desk.timer(1000 + SETTLED_BY_US / 1000)
    assert desk.kinds(order) == ["UNKNOWN", "ACK", "FILL"]
    assert order.state is OrderState.FILLED


def test_unanswered_order_that_cannot_be_proved_in_time_is_settled_by_query(make_desk: Any) -> None:
    """However slow the stream, the first proof arrives 13 s after the decision at the latest."""
    slow = {"stress_failure": 0.5, "crash_p50_ms": 2000.0, "crash_p99_ms": 60_000.0}
    desk = make_desk("M0", **slow)
    model = LatencyModel(VenueConfig(**slow), 1)
    names = [f"s{i}" for i in range(400) if model.outcome(submission(f"s{i}")) is Outcome.UNANSWERED]
    reply_us = {name: sum(model.delay_us(name, purpose, True) for purpose in ("submit", "notice1")) for name in names}
    # Orders that the venue took in time, while the stream would have proved them too late.
    names = [n for n in names if reply_us[n] < SETTLED_BY_US - 1_000_000 < model.delay_us(n, "evidence", True)]
    assert names
    orders = [desk.send(BUY, MAKER, 990, 5, stressed=True, client_id=name) for name in names]
    for ms in range(1000, 20_000, 500):
        desk.timer(ms)
    for order in orders:
        assert desk.kinds(order) == ["UNKNOWN", "ACK"]
        assert desk.of(order, NoticeKind.ACK)[0].receive_us == 1_000_000 + SETTLED_BY_US


# -- cancels ---------------------------------------------------------------------------------------------------------


def test_cancel_ends_a_resting_order(make_desk: Any) -> None:
    """A cancel takes effect after its latency; trades made later do not fill."""
    desk = make_desk("M0")
    order = desk.send(BUY, MAKER, 990, 5)
    desk.timer(1010)
    desk.cancel(order)  # effective at 1011
    desk.timer(1010.5)
    desk.cancel(order)
    desk.trade(1011, 985, 100, SELL)
    desk.settle()
    assert desk.kinds(order) == ["ACK", "CANCELLED"]
    assert order.state is OrderState.CANCELLED


def test_cancel_loses_to_a_fill(make_desk: Any) -> None:
    """A trade made before the cancel takes effect fills the order, even if its message acts later; the cancel finds nothing."""
    desk = make_desk("M0")
    order = desk.send(BUY, MAKER, 990, 5)
    desk.timer(1010)
    desk.cancel(order)
    desk.trade(1012, 985, 100, SELL, own_ms=1010.9)
    desk.settle()
    assert desk.kinds(order) == ["ACK", "FILL", "CANCEL_REJECT"]
    assert desk.of(order, NoticeKind.CANCEL_REJECT)[0].reason == "unknown_order"
    assert order.state is OrderState.FILLED


def test_cancel_of_a_partly_filled_order_keeps_what_filled(make_desk: Any) -> None:
    """Cancelling keeps the fills and ends the rest."""
    desk = make_desk("M0", impact_share=0.05)
    order = desk.send(BUY, MAKER, 990, 50)
    desk.trade(1005, 985, 100, SELL)
    desk.cancel(order)
    desk.settle()
    assert desk.fills(order) == [(990, 5)]
    assert order.state is OrderState.CANCELLED


def test_cancel_never_overtakes_its_order(make_desk: Any) -> None:
    """A cancel that would arrive before its order takes effect right after the order's arrival."""
    desk = make_desk("M0", crash_p50_ms=500.0, crash_p99_ms=500.0)
    order = desk.send(BUY, MAKER, 990, 5, stressed=True)
    desk.cancel(order)
    desk.trade(1600, 985, 100, SELL)
    desk.settle()
    assert desk.kinds(order) == ["ACK", "CANCELLED"]
    assert [n.exchange_us for n in desk.notices] == [1_500_000, 1_500_000]


def test_a_stressed_cancel_travels_at_crash_speed_both_ways(make_desk: Any) -> None:
    """A cancel decided under stress arrives and is answered with crash latency, whatever its order was sent with."""
    desk = make_desk("M0", crash_p50_ms=500.0, crash_p99_ms=500.0)
    order = desk.send(BUY, MAKER, 990, 5)
    desk.timer(1100)
    desk.cancel(order, stressed=True)
    desk.settle()
    (cancelled,) = desk.of(order, NoticeKind.CANCELLED)
    assert (cancelled.exchange_us, cancelled.receive_us) == (1_600_000, 2_100_000)


def test_cancel_of_the_unknown_is_rejected(make_desk: Any) -> None:
    """A cancel of an order that the venue does not know is answered, not ignored."""
    desk = make_desk()
    desk.venue.cancel(CancelOrder("ghost", "TESTUSDT", "test", 1_000_000, False))
    (notice,) = desk.venue.due(2_000_000)
    assert (notice.kind, notice.reason) == (NoticeKind.CANCEL_REJECT, "unknown_order")


# -- the port --------------------------------------------------------------------------------------------------------


def test_pending_only_while_something_is_on_its_way(make_desk: Any) -> None:
    """The venue is pending from the first command until the last notice is delivered, and keeps nothing afterwards."""
    desk = make_desk(has_book=True)
    assert not desk.venue.pending()
    desk.send(SELL, IOC, 999, 5)
    assert desk.venue.pending()
    desk.timer(1001)
    assert desk.venue.pending()
    desk.settle()
    assert not desk.venue.pending()
    state = desk.venue.snapshot()
    assert (state["trackers"], state["notices"]["waiting"], state["ended"]) == ({}, [], {})


def test_notices_are_numbered_on_delivery_and_wait_for_their_time(make_desk: Any) -> None:
    """A notice is delivered once, when its time has come, with the next sequence number of the run."""
    desk = make_desk("M0")
    desk.send(BUY, MAKER, 990, 5)
    desk.trade(1010, 985, 100, SELL)  # fills at 1010, known at 1011
    assert [(n.seq, n.kind) for n in desk.notices] == [(1, NoticeKind.ACK)]
    desk.timer(1010.9)
    assert len(desk.notices) == 1
    desk.timer(1011)
    assert [(n.seq, n.kind) for n in desk.notices] == [(1, NoticeKind.ACK), (2, NoticeKind.FILL)]
    assert (desk.notices[1].exchange_us, desk.notices[1].receive_us) == (1_010_000, 1_011_000)


def test_fees_are_rounded_against_us(make_desk: Any) -> None:
    """A fee of a fraction of a minor unit costs the whole unit; zero stays zero."""
    desk = make_desk(has_book=True, fees=("0", "0.000033"))
    order = desk.send(SELL, IOC, 999, 1)
    desk.timer(1002)
    desk.settle()
    notional = 999 * desk.market.instrument.notional_unit
    assert notional * Decimal("0.000033") / 10_000 == Decimal("0.329670")
    assert order.fee_minor == 1


def test_submitting_an_id_twice_is_a_defect(make_desk: Any) -> None:
    """Client ids are never reused: a second submission of a live one raises."""
    desk = make_desk()
    order = desk.send(BUY, MAKER, 990, 5)
    with pytest.raises(InvariantError, match="submitted twice"):
        desk.venue.submit(order.submit)


@pytest.mark.parametrize(
    ("name", "has_book", "model"), [("auto", True, "M2"), ("auto", False, "M1"), ("M3", True, "M3"), ("M0", False, "M0")]
)
def test_fill_model_choice(name: str, has_book: bool, model: str) -> None:
    """``auto`` is M2 with a book and M1 without."""
    assert fill_model_for(name, "X", has_book) == model


@pytest.mark.parametrize(("name", "has_book", "says"), [("M9", True, "auto, M0"), ("M2", False, "needs an order book")])
def test_fill_model_refused(make_desk: Any, name: str, has_book: bool, says: str) -> None:
    """An unknown model, or a queue model without a book, is refused when the venue is built, with the way out."""
    with pytest.raises(ConfigError, match=says):
        make_desk(name, has_book=has_book)


@pytest.mark.parametrize("bad", [{"stress_failure": 1.5}, {"calm_p99_ms": 1.0}, {"latency_factor": 0}, {"slippage_bps": -1.0}])
def test_settings_out_of_range(bad: dict[str, float]) -> None:
    """Settings that make no sense are refused by their validators."""
    with pytest.raises(ValueError, match=next(iter(bad))):
        VenueConfig(**bad)


# -- properties over random markets ------------------------------------------------------------------------------------


def step(desk: Any, rng: random.Random, ms: float) -> None:
    """One random event, and now and then a random command."""
    market = desk.market
    anchor = 1000 + round(12 * (exp(-(((ms - 3000) / 900) ** 2)) - 1) * -1)
    draw = rng.random()
    if draw < 0.5:
        desk.trade(
            ms, anchor + rng.randint(-6, 6), rng.randint(1, 200), rng.choice((BUY, SELL)), own_ms=ms - rng.choice((0, 0, 40))
        )
    elif draw < 0.8:
        low = anchor - rng.randint(1, 4)
        bids = [(low - i, rng.randint(0, 90)) for i in range(4)]
        asks = [(low + 2 + i, rng.randint(0, 90)) for i in range(4)]
        if market.has_book:
            desk.delta(ms, bids, asks)
        else:
            desk.timer(ms)
    elif draw < 0.82 and market.has_book:
        desk.gap(ms)
    else:
        market.book_synced = True
        desk.timer(ms)
    if rng.random() < 0.15:
        type = rng.choice((MAKER, MAKER, LIMIT, IOC, MARKET))
        price = 0 if type is MARKET else anchor + rng.randint(-8, 8)
        desk.send(rng.choice((BUY, SELL)), type, price, rng.randint(1, 120), stressed=rng.random() < 0.6)
    if rng.random() < 0.12 and desk.orders:
        desk.cancel(rng.choice(list(desk.orders.values())), stressed=rng.random() < 0.5)


STRESSED = {
    "defaults": True, "stress_failure": 0.3, "calm_p50_ms": 15.0, "calm_p99_ms": 150.0, "crash_p50_ms": 80.0, "crash_p99_ms": 900.0,
    "impact_share": 0.4, "slippage_bps": 3.0, "fees": ("7.5", "10.1"), "sigma": 0.002,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(300))
def test_random_sessions_keep_every_identity(make_desk: Any, seed: int) -> None:
    """Any market, any commands: all notices are legal, no order fills above its quantity or beyond its limit, fees are exact."""
    rng = random.Random(seed)
    has_book = seed % 2 == 0
    model = rng.choice(("M0", "M1", "M2", "M3")) if has_book else rng.choice(("M0", "M1"))
    desk = make_desk(model, has_book=has_book, seed=seed, **STRESSED)
    ms = 1000.0
    for _ in range(90):
        ms += rng.choice((0.2, 8, 60, 200))
        step(desk, rng, ms)
    desk.settle()
    desk.settle()
    assert not desk.venue.pending() or any(o.open for o in desk.orders.values()), f"seed {seed}"
    fills = [n for n in desk.notices if n.kind is NoticeKind.FILL]
    assert len({n.trade_id for n in fills}) == len(fills), f"seed {seed}"
    for name, order in desk.orders.items():
        mine = [n for n in fills if n.client_id == name]
        assert sum(n.qty_lots for n in mine) == order.filled_lots <= order.submit.qty_lots, f"seed {seed} {name}"
        assert not order.late_fill, f"seed {seed} {name}"
        assert order.state not in (OrderState.SENT, OrderState.UNKNOWN, OrderState.CANCELLING), f"seed {seed} {name} {order.state}"
        for n in mine:
            limit = order.submit.price_ticks
            assert not limit or (n.price_ticks - limit) * order.submit.side <= 0, f"seed {seed} {name}"
            rate = Decimal("7.5") if n.maker else Decimal("10.1")
            exact = desk.market.instrument.notional(n.price_ticks, n.qty_lots) * rate / 10_000
            assert 0 <= n.fee_minor - exact < 1, f"seed {seed} {name}"
    assert sum(n.fee_minor for n in fills) == sum(o.fee_minor for o in desk.orders.values())
    signed = sum(n.qty_lots * desk.orders[n.client_id].submit.side for n in fills)
    assert signed == sum(o.filled_lots * o.submit.side for o in desk.orders.values())
    # With no order left alive the venue keeps nothing: memory does not grow with the session.
    for order in list(desk.orders.values()):
        if order.open:
            desk.cancel(order)
    desk.settle()
    desk.settle()
    assert not desk.venue.pending(), f"seed {seed}"
    assert not desk.venue.snapshot()["ended"]


@pytest.mark.parametrize("seed", range(40))
def test_restored_venue_has_the_same_future(make_desk: Any, seed: int) -> None:
    """A venue restored from msgpack at a random event gives the same notices as the one that went on."""
    model = ("M0", "M1", "M2", "M3")[seed % 4]
    first, second = (make_desk(model, has_book=True, seed=seed, **STRESSED) for _ in range(2))
    rng, twin = random.Random(seed), random.Random(seed)
    cut = random.Random(-seed).randint(5, 80)
    clock: list[float] = [1000.0]
    for index in range(100):
        if index == cut:
            state = first.venue.snapshot()
            spare = make_desk(model, has_book=True, seed=seed, **STRESSED)
            packed = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
            assert packed == json.loads(json.dumps(state)), f"seed {seed}"
            second.venue = spare.venue
            second.venue._context = _on(spare.venue._context, second)
            second.venue.restore(packed)
            assert second.venue.snapshot() == state, f"seed {seed}"
        clock.append(clock[-1] + rng.choice((0.2, 8, 60, 200)))
        twin.choice((0.2, 8, 60, 200))
        step(first, rng, clock[-1])
        step(second, twin, clock[-1])
    first.settle()
    second.settle()
    assert [_content(n) for n in first.notices] == [_content(n) for n in second.notices], f"seed {seed}"
    assert [o.snapshot() for o in first.orders.values()] == [o.snapshot() for o in second.orders.values()]


def _on(context: Any, desk: Any) -> Any:
    """The spare venue's context, looking at the desk's market."""
    return evolve(context, markets={"TESTUSDT": desk.market})


def _content(notice: VenueNotice) -> tuple[Any, ...]:
    return tuple(getattr(notice, name) for name in notice.__struct_fields__ if name != "seq")


def test_restore_names_a_missing_symbol(make_desk: Any) -> None:
    """A snapshot with orders in a symbol that the run does not have is refused, naming it."""
    desk = make_desk()
    desk.send(BUY, MAKER, 990, 5)
    state = desk.venue.snapshot()
    state["trackers"]["OTHERUSDT"] = state["trackers"].pop("TESTUSDT")
    with pytest.raises(ConfigError, match="OTHERUSDT"):
        make_desk().venue.restore(state)

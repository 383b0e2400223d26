"""Resting orders against hand-worked sequences; at 1000 ms the book is bids 999x50 998x70, asks 1001x40 1002x60."""

import random
from typing import Any

import pytest

from flashcrash_core.api import NoticeKind, OrderState, OrderType, Side

BUY, SELL = Side.BUY, Side.SELL
MAKER = OrderType.LIMIT_MAKER


def test_m0_fills_on_a_touch(make_desk: Any) -> None:
    """M0 fills a buy when a trade prints at its price, and not when it prints above."""
    desk = make_desk("M0")
    order = desk.send(BUY, MAKER, 990, 10)
    desk.trade(1010, 991, 100, SELL)
    assert order.state is OrderState.ACKED
    desk.trade(1020, 990, 100, SELL)
    desk.settle()
    assert desk.fills(order) == [(990, 10)]
    assert order.state is OrderState.FILLED


def test_m1_needs_a_trade_through_and_takes_five_percent_of_it(make_desk: Any) -> None:
    """M1 ignores trades at the price and accumulates 5 % of the volume printed through it over several trades."""
    desk = make_desk("M1", impact_share=0.05)
    order = desk.send(BUY, MAKER, 990, 6)
    desk.trade(1010, 990, 10_000, SELL)
    assert not order.filled_lots
    desk.trade(1020, 989, 50, SELL)  # 5 % of 50 is 2.5
    desk.trade(1030, 980, 10, BUY)  # 5 % of 60 is 3
    desk.trade(1040, 989, 10, SELL)  # 5 % of 70 is 3.5
    desk.trade(1050, 989, 500, SELL)  # the remaining 3
    desk.settle()
    assert desk.fills(order) == [(990, 2), (990, 1), (990, 3)]
    assert order.state is OrderState.FILLED


def test_m1_mirrors_for_sells(make_desk: Any) -> None:
    """A resting sell fills under M1 when a trade prints strictly above its price."""
    desk = make_desk("M1")
    order = desk.send(SELL, MAKER, 1010, 5)
    desk.trade(1010, 1010, 100, BUY)
    assert not order.filled_lots
    desk.trade(1020, 1011, 100, BUY)
    desk.settle()
    assert desk.fills(order) == [(1010, 5)]
    assert desk.of(order, NoticeKind.FILL)[0].maker


def test_m2_waits_for_the_queue(make_desk: Any) -> None:
    """M2 starts behind the displayed 50 lots, is moved only by sells at its price, and gets what they leave, in parts."""
    desk = make_desk("M2", has_book=True)
    order = desk.send(BUY, MAKER, 999, 20)
    desk.trade(1010, 999, 30, SELL)  # 20 ahead
    desk.trade(1011, 999, 500, BUY)  # not a seller
    desk.trade(1012, 1000, 500, SELL)  # not our price
    desk.delta(1013, [(999, 1)])  # cancels are behind us
    desk.trade(1014, 999, 20, SELL)  # 0 ahead, nothing left over
    assert not desk.fills(order)
    desk.trade(1015, 999, 8, SELL)
    desk.trade(1016, 999, 100, SELL)
    desk.settle()
    assert desk.fills(order) == [(999, 8), (999, 12)]


def test_m2_queue_is_empty_inside_the_spread(make_desk: Any) -> None:
    """A bid inside the spread has nobody ahead: the first sell at its price fills it."""
    desk = make_desk("M2", has_book=True)
    order = desk.send(BUY, MAKER, 1000, 5)
    desk.trade(1010, 1000, 3, SELL)
    desk.trade(1011, 1000, 3, SELL)
    desk.settle()
    assert desk.fills(order) == [(1000, 3), (1000, 2)]


def test_m2_trade_through_fills_all(make_desk: Any) -> None:
    """A trade through the price fills a queued order whole."""
    desk = make_desk("M2", has_book=True)
    order = desk.send(BUY, MAKER, 999, 20)
    desk.trade(1010, 998, 25, SELL)
    desk.settle()
    assert desk.fills(order) == [(999, 20)]


def test_m2_queue_is_read_before_the_event_that_brings_the_arrival(make_desk: Any) -> None:
    """The queue is what stood there on arrival, not what the next book event shows."""
    desk = make_desk("M2", has_book=True)
    order = desk.send(BUY, MAKER, 999, 5)
    desk.delta(1010, [(999, 1)])
    desk.trade(1011, 999, 50, SELL)
    assert not desk.fills(order)
    desk.trade(1012, 999, 5, SELL)
    desk.settle()
    assert desk.fills(order) == [(999, 5)]


def test_m2_unreadable_queue_fills_only_on_a_trade_through(make_desk: Any) -> None:
    """An order that arrives while the book is unsynced has an unknown queue, taken from the first usable book."""
    desk = make_desk("M2", has_book=True)
    desk.gap(1001)
    order = desk.send(BUY, MAKER, 990, 5)
    desk.trade(1010, 990, 1_000, SELL)
    assert not desk.fills(order)
    desk.market.book_synced = True
    desk.delta(1020, [(990, 30)])
    desk.trade(1030, 990, 32, SELL)
    desk.settle()
    assert desk.fills(order) == [(990, 2)]


def test_m3_takes_part_of_the_cancels_ahead(make_desk: Any) -> None:
    """M3 with power 1: 60 more queue behind our 50, then 44 cancels: 20 are ahead (50/110), so 30 lots must still trade."""
    desk = make_desk("M3", has_book=True, m3_power=1.0)
    order = desk.send(BUY, MAKER, 999, 5)
    desk.timer(1002)
    desk.delta(1010, [(999, 110)])
    desk.delta(1020, [(999, 66)])
    desk.trade(1030, 999, 30, SELL)
    assert not desk.fills(order)
    desk.trade(1031, 999, 4, SELL)
    desk.settle()
    assert desk.fills(order) == [(999, 4)]


def test_m3_decrease_explained_by_trades_is_no_cancel(make_desk: Any) -> None:
    """A level that shrinks by what traded there has lost no order ahead of us."""
    desk = make_desk("M3", has_book=True)
    order = desk.send(BUY, MAKER, 999, 5)
    desk.trade(1010, 999, 10, SELL)  # 40 ahead
    desk.delta(1020, [(999, 40)])
    desk.trade(1030, 999, 40, SELL)
    assert not desk.fills(order)
    desk.trade(1031, 999, 1, SELL)
    desk.settle()
    assert desk.fills(order) == [(999, 1)]


def test_m3_queue_is_never_longer_than_the_level(make_desk: Any) -> None:
    """When all but 3 lots of the level are cancelled at most 3 are ahead of us."""
    desk = make_desk("M3", has_book=True)
    order = desk.send(BUY, MAKER, 999, 5)
    desk.timer(1002)
    desk.delta(1010, [(999, 3)])
    desk.trade(1020, 999, 4, SELL)
    desk.settle()
    assert desk.fills(order) == [(999, 1)]


def test_m3_power_moves_cancels_to_the_longer_part(make_desk: Any) -> None:
    """The default power 3: with 50 ahead and 100 behind, 90 cancels take 10 (1/9) ahead; power 1 would take 30."""
    desk = make_desk("M3", has_book=True)
    order = desk.send(BUY, MAKER, 999, 5)
    desk.timer(1002)
    desk.delta(1010, [(999, 150)])
    desk.delta(1020, [(999, 60)])
    desk.trade(1030, 999, 42, SELL)
    desk.settle()
    assert desk.fills(order) == [(999, 2)]


def test_m3_cancels_after_explained_trades(make_desk: Any) -> None:
    """Trades explain a decrease once: 40 of 100 are ahead after 10 traded, so of 50 cancels 20 are ahead, and 20 remain."""
    desk = make_desk("M3", has_book=True, m3_power=1.0)
    order = desk.send(BUY, MAKER, 999, 5)
    desk.timer(1002)
    desk.delta(1010, [(999, 110)])
    desk.trade(1011, 999, 10, SELL)
    desk.delta(1020, [(999, 100)])
    desk.delta(1030, [(999, 50)])
    desk.trade(1040, 999, 22, SELL)
    desk.settle()
    assert desk.fills(order) == [(999, 2)]


@pytest.mark.parametrize(("resynced_lots", "sold", "filled"), [(66, 52, 2), (3, 5, 2)])
def test_m3_does_not_read_cancels_out_of_a_gap(make_desk: Any, resynced_lots: int, sold: int, filled: int) -> None:
    """After a gap nothing is known of cancels: the queue ahead stays 50, unless the level is now shorter than that."""
    desk = make_desk("M3", has_book=True, m3_power=1.0)
    order = desk.send(BUY, MAKER, 999, 5)
    desk.timer(1002)
    desk.delta(1010, [(999, 110)])
    desk.gap(1020)
    desk.market.book_synced = True
    desk.delta(1030, [(999, resynced_lots)])
    desk.trade(1040, 999, sold, SELL)
    desk.settle()
    assert desk.fills(order) == [(999, filled)]


def test_own_impact_limits_a_second(make_desk: Any) -> None:
    """A resting order fills at most 5 % of the volume of each second; the rest waits for the next one."""
    desk = make_desk("M2", has_book=True, impact_share=0.05)
    order = desk.send(BUY, MAKER, 1000, 15)
    desk.trade(1010, 999, 60, SELL)  # 3
    desk.trade(1020, 999, 39, SELL)  # 4.95: 1 more
    desk.trade(1030, 999, 100, SELL)  # 9.95: 5 more
    desk.trade(2001, 1000, 100, SELL)  # a new second: 5
    desk.trade(2002, 1000, 100, SELL)  # 10 in this second, 1 missing
    desk.settle()
    assert desk.fills(order) == [(1000, 3), (1000, 1), (1000, 5), (1000, 5), (1000, 1)]


def test_trades_before_the_arrival_do_not_count(make_desk: Any) -> None:
    """A trade made before the order arrived does not fill it, even if its message acts later; one at the same instant does."""
    desk = make_desk("M0")
    order = desk.send(BUY, MAKER, 990, 5)  # arrives at 1001 ms
    desk.trade(1005, 985, 100, SELL, own_ms=1000.9)
    desk.timer(1005.99)
    assert desk.kinds(order) == ["ACK"]
    desk.timer(1006)
    assert desk.kinds(order) == ["ACK"]
    desk.trade(1006, 985, 100, SELL, own_ms=1001)
    desk.settle()
    assert desk.fills(order) == [(990, 5)]


def test_a_trade_with_a_corrupt_stamp_fills_nothing(make_desk: Any) -> None:
    """A trade stamped beyond the watermark was refused by the clock, so it is no evidence of anything."""
    desk = make_desk("M0")
    order = desk.send(BUY, MAKER, 990, 5)
    desk.trade(1010, 985, 100, SELL, own_ms=10_000_000)
    desk.settle()
    assert desk.kinds(order) == ["ACK"]


@pytest.mark.parametrize("seed", range(40))
def test_models_are_ordered(make_desk: Any, seed: int) -> None:
    """On the same market M1 <= M2 <= M3 <= M0 in filled quantity after every event, for resting orders with and without cancels."""
    desks = [make_desk(model, has_book=True, impact_share=0.3) for model in ("M1", "M2", "M3", "M0")]
    rng = random.Random(seed)
    orders = [[desk.send(BUY, MAKER, price, 30, client_id=f"p{price}") for price in (995, 998, 999, 1000)] for desk in desks]
    ms = 1000.0
    for step in range(120):
        ms += rng.choice((0.5, 5, 120))
        draw, price, lots = rng.random(), rng.randint(993, 1000), rng.randint(1, 60)
        aggressor = rng.choice((BUY, SELL, SELL))
        for desk, sent in zip(desks, orders, strict=True):
            if draw < 0.6:
                desk.trade(ms, price, lots, aggressor)
            else:
                desk.delta(ms, [(price, lots if draw < 0.9 else 0)])
            if step == 90:
                desk.cancel(sent[1])
        for column in zip(*orders, strict=True):
            filled = [order.filled_lots for order in column]
            assert filled == sorted(filled), f"seed {seed} step {step}: {filled}"
    for desk in desks:
        desk.settle()
    for column in zip(*orders, strict=True):
        final = [order.filled_lots for order in column]
        assert final == sorted(final), f"seed {seed}: {final}"

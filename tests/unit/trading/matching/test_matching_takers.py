"""Takers: with a book they walk it, without one they get the worst print of the 250 ms after their arrival (1001 ms here)."""

from typing import Any

import pytest

from flashcrash_core.api import Bar, NoticeKind, OrderState, OrderType, Side

BUY, SELL = Side.BUY, Side.SELL
IOC, MARKET, LIMIT, MAKER = OrderType.LIMIT_IOC, OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT_MAKER


def bar(lots: int, price: int = 1000) -> Bar:
    return Bar(0, price, price, price, price, lots * price, 1, False, False, float(price))


def test_ioc_walks_the_book_to_its_limit(make_desk: Any) -> None:
    """An IOC sell takes each bid at its own price down to its limit; the remainder expires, and every fill pays as taker."""
    desk = make_desk(has_book=True, fees=("0", "10"))
    order = desk.send(SELL, IOC, 998, 200)
    desk.timer(1002)
    desk.settle()
    assert desk.fills(order) == [(999, 50), (998, 70)]
    assert desk.kinds(order) == ["ACK", "FILL", "FILL", "EXPIRED"]
    fills = desk.of(order, NoticeKind.FILL)
    assert not any(n.maker for n in fills)
    # 999 ticks x 50 lots x 0.00001 = 0.4995 quote units, 10 bp of it, in 1e-10.
    assert [n.fee_minor for n in fills] == [4_995_000, 6_986_000]


def test_market_takes_the_whole_side(make_desk: Any) -> None:
    """A market sell walks every bid there is; what the book cannot give expires."""
    desk = make_desk(has_book=True)
    order = desk.send(SELL, MARKET, 0, 300)
    desk.timer(1002)
    desk.settle()
    assert desk.fills(order) == [(999, 50), (998, 70), (995, 100)]
    assert order.state is OrderState.EXPIRED


def test_taker_meets_the_book_after_its_latency(make_desk: Any) -> None:
    """A bid that is gone when the order arrives cannot be hit."""
    desk = make_desk(has_book=True)
    order = desk.send(SELL, IOC, 998, 60)
    desk.delta(1000.5, [(999, 0)])
    desk.timer(1002)
    desk.settle()
    assert desk.fills(order) == [(998, 60)]


def test_limit_takes_and_rests_the_remainder(make_desk: Any) -> None:
    """A crossing limit buy takes the asks up to its price and then rests there as a maker."""
    desk = make_desk("M2", has_book=True)
    desk.market.bar = bar(100_000)
    order = desk.send(BUY, LIMIT, 1001, 60)
    desk.timer(1002)
    desk.trade(1010, 1000, 100, SELL)
    desk.settle()
    assert desk.fills(order) == [(1001, 40), (1001, 20)]
    assert [n.maker for n in desk.of(order, NoticeKind.FILL)] == [False, True]


def test_entry_is_capped_by_the_last_second_and_exit_is_not(make_desk: Any) -> None:
    """A taker entry fills 5 % of the last closed bar's volume; a reduce-only taker takes what the book holds."""
    desk = make_desk(has_book=True, impact_share=0.05)
    desk.market.bar = bar(200)
    entry = desk.send(BUY, IOC, 1002, 40)
    leave = desk.send(SELL, IOC, 999, 40)
    desk.timer(1002)
    desk.settle()
    assert desk.fills(entry) == [(1001, 10)]
    assert entry.state is OrderState.EXPIRED
    assert desk.fills(leave) == [(999, 40)]


@pytest.mark.parametrize(
    ("side", "limit", "expected"),
    [(SELL, 990, [(997, 50), (996, 70), (993, 100)]), (SELL, 998, [(998, 120)]), (SELL, 0, [(997, 50), (996, 70), (993, 100)])],
)
def test_slippage_worsens_takers_up_to_their_limit(make_desk: Any, side: Side, limit: int, expected: list[tuple[int, int]]) -> None:
    """20 bp of slippage is rounded against us, and an order's limit is never passed."""
    desk = make_desk(has_book=True, slippage_bps=20.0)
    order = desk.send(side, IOC if limit else MARKET, limit, 220)
    desk.timer(1002)
    desk.settle()
    merged: dict[int, int] = {}
    for price, lots in desk.fills(order):
        merged[price] = merged.get(price, 0) + lots
    assert list(merged.items()) == expected


def test_without_a_book_the_worst_sell_print_is_paid(make_desk: Any) -> None:
    """A sell without a book gets the lowest seller's print from arrival to 250 ms later, both ends included, and only then."""
    desk = make_desk()
    order = desk.send(SELL, MARKET, 0, 500)
    desk.trade(1000.9, 900, 1, SELL)  # before the arrival
    desk.trade(1001, 995, 1, SELL)
    desk.trade(1100, 980, 1, BUY)  # not a seller
    desk.trade(1250, 990, 1, SELL)
    assert desk.kinds(order) == ["ACK"]
    desk.trade(1251, 985, 1, SELL)  # the last instant of the window
    desk.trade(1252, 900, 1, SELL)
    desk.settle()
    assert desk.fills(order) == [(985, 500)]


def test_the_print_that_closes_the_window_is_not_in_it(make_desk: Any) -> None:
    """The first trade after the window ends it without counting."""
    desk = make_desk()
    order = desk.send(SELL, MARKET, 0, 5)
    desk.trade(1100, 995, 1, SELL)
    desk.trade(1251.001, 900, 1, SELL)
    desk.settle()
    assert desk.fills(order) == [(995, 5)]


@pytest.mark.parametrize(
    ("sigma", "side", "price"),
    [(float("nan"), SELL, 99950), (0.001, SELL, 99950), (0.1, SELL, 99683), (0.1, BUY, 100317)],
)
def test_without_a_print_the_last_price_is_discounted(make_desk: Any, sigma: float, side: Side, price: int) -> None:
    """No print in the window: last less the larger of 5 bp and sigma times the root of the latency (1 ms: 0.0316), against us."""
    desk = make_desk(sigma=sigma)
    desk.market.last_ticks = 100_000
    order = desk.send(side, MARKET, 0, 5, reduce_only=True)
    desk.timer(1251)
    desk.settle()
    assert desk.fills(order) == [(price, 5)]


def test_without_a_book_an_ioc_never_fills_below_its_limit(make_desk: Any) -> None:
    """The worst print below the limit pays the limit; a first print below it means the limit was never reachable."""
    desk = make_desk()
    order = desk.send(SELL, IOC, 990, 5)
    desk.trade(1002, 995, 1, SELL)
    desk.trade(1003, 970, 1, SELL)
    desk.timer(1251)
    assert desk.market.last_ticks == 970
    missed = desk.send(SELL, IOC, 975, 5)
    desk.trade(1253, 960, 1, SELL)
    desk.timer(2000)
    desk.settle()
    assert desk.fills(order) == [(990, 5)]
    assert desk.kinds(missed) == ["ACK", "EXPIRED"]


def test_an_unusable_book_means_the_prints_decide(make_desk: Any) -> None:
    """A taker that meets an unsynced book is priced by the window instead, so that an exit is never blocked."""
    desk = make_desk(has_book=True)
    desk.gap(1000.5)
    order = desk.send(SELL, IOC, 900, 5)
    desk.trade(1010, 960, 1, SELL)
    desk.timer(1300)
    desk.settle()
    assert desk.fills(order) == [(960, 5)]


def test_limit_without_a_book_rests_unless_the_last_trade_crosses(make_desk: Any) -> None:
    """Without a book a limit buy at or above the last trade takes after the window, one below it rests at once."""
    desk = make_desk("M1", impact_share=1.0)
    taker = desk.send(BUY, LIMIT, 1000, 5)
    maker = desk.send(BUY, LIMIT, 999, 5)
    desk.trade(1010, 1000, 10, BUY)
    desk.trade(1020, 998, 10, SELL)
    desk.timer(1300)
    desk.settle()
    assert [n.maker for n in desk.of(taker, NoticeKind.FILL)] == [False]
    assert [n.maker for n in desk.of(maker, NoticeKind.FILL)] == [True]


@pytest.mark.parametrize(
    ("has_book", "side", "price", "rejected"),
    [
        (True, BUY, 1001, True), (True, BUY, 1000, False), (True, SELL, 999, True), (True, SELL, 1000, False),
        (False, BUY, 1000, True), (False, BUY, 999, False), (False, SELL, 1000, True), (False, SELL, 1001, False),
    ],
)  # fmt: skip
def test_post_only_never_takes(make_desk: Any, has_book: bool, side: Side, price: int, rejected: bool) -> None:
    """A post-only order that would take on arrival is rejected: against the quotes, or without a book against the last trade."""
    desk = make_desk(has_book=has_book)
    order = desk.send(side, MAKER, price, 5)
    desk.timer(1002)
    desk.timer(1010)
    assert desk.kinds(order) == (["REJECT"] if rejected else ["ACK"])
    if rejected:
        assert desk.of(order, NoticeKind.REJECT)[0].reason == "post_only_would_take"


def test_post_only_meets_the_market_of_its_arrival(make_desk: Any) -> None:
    """Quotes that move while the order travels decide, not those it was decided on."""
    desk = make_desk(has_book=True)
    order = desk.send(BUY, MAKER, 1000, 5)
    desk.delta(1000.5, asks=[(1000, 5)])
    desk.timer(1002)
    desk.settle()
    assert desk.kinds(order) == ["REJECT"]


def test_post_only_looks_at_the_market_before_the_event(make_desk: Any) -> None:
    """The trade that arrives together with the order meets it resting instead of making it cross."""
    desk = make_desk("M1")
    order = desk.send(BUY, MAKER, 990, 5)
    desk.trade(1001, 980, 100, SELL)
    desk.settle()
    assert desk.fills(order) == [(990, 5)]

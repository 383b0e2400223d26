"""The budget of requests and orders: fixed windows, a part kept back, the venue's own count, and silence when it is told."""

import random
from typing import get_args

import pytest

from flashcrash_binance.trading.order_limits import DEFAULT_LIMITS, OrderCall, OrderLimits
from flashcrash_binance.trading.venue_replies import RateLimit

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 86_400 * SECOND_US
NOON_US = 20_000 * DAY_US + DAY_US // 2
CALLS: tuple[OrderCall, ...] = get_args(OrderCall)


def small(weight: int = 100, orders: int = 10, daily: int = 1_000) -> OrderLimits:
    return OrderLimits(
        [
            RateLimit("REQUEST_WEIGHT", MINUTE_US, weight),
            RateLimit("ORDERS", 10 * SECOND_US, orders),
            RateLimit("ORDERS", DAY_US, daily),
        ]
    )


def send(limits: OrderLimits, call: OrderCall, now_us: int, *, status: int = 200, closing: bool = False) -> bool:
    """Send if it may go, and take the answer at once."""
    if limits.may_send(call, now_us, closing):
        return False
    limits.sent(call)
    limits.answered(call, now_us, status)
    return True


def count(limits: OrderLimits, call: OrderCall, now_us: int, **how: bool) -> int:
    """How many go until one is refused."""
    sent = 0
    while send(limits, call, now_us, **how):
        sent += 1
        assert sent < 100_000
    return sent


def test_a_fifth_is_kept_back_for_what_must_pass() -> None:
    """New orders get four fifths of a window; closing orders get the rest, and cancels are not stopped by orders at all."""
    limits = small(orders=10)
    assert count(limits, "place", NOON_US) == 8
    assert limits.may_send("place", NOON_US) == NOON_US + 10 * SECOND_US
    assert count(limits, "place", NOON_US, closing=True) == 2
    assert limits.may_send("place", NOON_US, closing=True) == NOON_US + 10 * SECOND_US
    assert limits.may_send("cancel", NOON_US) == 0


def test_weight_is_kept_back_for_reconciliation() -> None:
    """Refused orders use weight up to four fifths; queries may use the rest."""
    limits = small(weight=100, orders=10_000, daily=100_000)
    while send(limits, "place", NOON_US, status=400):
        pass
    used = limits.usage(NOON_US)[0].used
    assert used == 80
    assert count(limits, "query", NOON_US) == 5
    assert limits.may_send("query", NOON_US) == NOON_US + MINUTE_US


def test_what_succeeds_costs_no_weight() -> None:
    """Placed orders and cancels are free of weight; a refused one costs what is listed; a question always costs."""
    limits = small()
    steps: list[tuple[OrderCall, int]] = [("place", 200), ("cancel", 200), ("oco", 200), ("cancel", 400), ("query", 200)]
    for call, status in steps:
        assert send(limits, call, NOON_US, status=status)
    assert [limit.used for limit in limits.usage(NOON_US)] == [1 + 4, 3, 3]


@pytest.mark.parametrize(("offset_us", "may"), [(0, False), (9_999_999, False), (10_000_000, True)])
def test_windows_are_fixed_to_the_wall_clock(offset_us: int, may: bool) -> None:
    """What was used in the last microsecond of a window is forgotten at the first of the next."""
    limits = small()
    count(limits, "place", NOON_US)
    assert (limits.may_send("place", NOON_US + offset_us) == 0) is may


def test_requests_under_way_are_counted() -> None:
    """Until its answer a request counts in full, also over the end of the window; an answer that never came too."""
    limits = small(orders=10)
    for _ in range(8):
        limits.sent("place")
    assert limits.may_send("place", NOON_US) == NOON_US + 10 * SECOND_US
    assert limits.may_send("place", NOON_US + 10 * SECOND_US) == NOON_US + 20 * SECOND_US
    for _ in range(8):
        limits.answered("place", NOON_US + 11 * SECOND_US, 0)
    assert limits.may_send("place", NOON_US + 11 * SECOND_US) == NOON_US + 20 * SECOND_US
    assert limits.may_send("place", NOON_US + 20 * SECOND_US) == 0


def test_the_venues_count_corrects_ours_by_headers() -> None:
    """Others on the address use weight; fills give orders back. Names of headers in any case, nonsense ignored."""
    limits = small(weight=6_000, orders=50, daily=160_000)
    limits.sent("place")
    limits.answered(
        "place", NOON_US, 200, headers={"X-MBX-USED-WEIGHT-1M": "4000", "x-mbx-order-count-10s": "12", "X-Mbx-Order-Count-1d": "77"}
    )
    assert [limit.used for limit in limits.usage(NOON_US)] == [4_000, 12, 77]
    limits.sent("place")
    limits.answered(
        "place", NOON_US, 200, headers={"X-MBX-USED-WEIGHT-1M": "x", "X-MBX-ORDER-COUNT-10S": "8", "X-MBX-ORDER-COUNT-1D": "-1"}
    )
    assert [limit.used for limit in limits.usage(NOON_US)] == [4_000, 8, 78]


def test_the_venues_count_corrects_ours_by_replies() -> None:
    """A WebSocket reply tells limits and counts; a changed limit is taken."""
    limits = small()
    limits.sent("query")
    limits.answered(
        "query", NOON_US, 200, limits=[RateLimit("REQUEST_WEIGHT", MINUTE_US, 1_200, 70), RateLimit("ORDERS", DAY_US, 500, 3)]
    )
    assert limits.usage(NOON_US) == [
        RateLimit("REQUEST_WEIGHT", MINUTE_US, 1_200, 70),
        RateLimit("ORDERS", 10 * SECOND_US, 10, 0),
        RateLimit("ORDERS", DAY_US, 500, 3),
    ]


def test_an_answer_that_was_overtaken_does_not_lower_the_weight() -> None:
    """Weight only grows within a window."""
    limits = small(weight=6_000)
    for told in ("50", "46"):
        limits.sent("query")
        limits.answered("query", NOON_US, 200, headers={"X-MBX-USED-WEIGHT-1M": told})
    assert limits.usage(NOON_US)[0].used == 50


@pytest.mark.parametrize("status", [418, 429])
def test_silence_until_the_time_that_was_told(status: int) -> None:
    """After 429 or 418 nothing goes, whatever it is, until Retry-After has passed."""
    limits = OrderLimits()
    limits.sent("query")
    limits.answered("query", NOON_US, status, code=-1003, headers={"Retry-After": "120"})
    until = NOON_US + 120 * SECOND_US
    for call in CALLS:
        assert limits.may_send(call, NOON_US, True) == until
        assert limits.may_send(call, until - 1, True) == until
        assert limits.may_send(call, until) == 0
    assert limits.refusals == 1


def test_a_reply_tells_the_moment_itself() -> None:
    """The WebSocket API names the time; a shorter silence does not end a longer one; none told is some seconds."""
    limits = OrderLimits()
    limits.answered("query", NOON_US, 418, code=-1003, retry_at_us=NOON_US + 3_600 * SECOND_US)
    limits.answered("query", NOON_US, 429, code=-1003, retry_at_us=NOON_US + SECOND_US)
    assert limits.may_send("cancel", NOON_US) == NOON_US + 3_600 * SECOND_US
    fresh = OrderLimits()
    fresh.answered("query", NOON_US, 429)
    assert NOON_US + SECOND_US <= fresh.may_send("cancel", NOON_US) <= NOON_US + MINUTE_US


def test_too_many_orders_silence_orders_only() -> None:
    """-1015 is the account's order limit: cancels and questions go on."""
    limits = OrderLimits()
    limits.answered("place", NOON_US, 429, code=-1015, headers={"Retry-After": "7"})
    assert limits.may_send("place", NOON_US, True) == NOON_US + 7 * SECOND_US
    assert limits.may_send("oco", NOON_US) == NOON_US + 7 * SECOND_US
    assert limits.may_send("cancel", NOON_US) == 0
    assert limits.may_send("query", NOON_US) == 0


def test_limits_of_exchange_info_are_taken_over() -> None:
    """New limits keep what was used; none told changes nothing."""
    limits = small(orders=10)
    assert count(limits, "place", NOON_US) == 8
    limits.use([RateLimit("ORDERS", 10 * SECOND_US, 100), RateLimit("RAW_REQUESTS", 5 * MINUTE_US, 1_000)])
    assert limits.usage(NOON_US)[0] == RateLimit("ORDERS", 10 * SECOND_US, 100, 8)
    assert count(limits, "place", NOON_US) == 72
    limits.use([])
    assert limits.may_send("place", NOON_US) == NOON_US + 10 * SECOND_US


def test_what_is_larger_than_its_share_goes_alone() -> None:
    """A request that does not fit into the share goes in an empty window instead of never."""
    limits = small(weight=10, orders=1)
    assert send(limits, "place", NOON_US)
    assert limits.may_send("place", NOON_US) > NOON_US
    assert send(limits, "all_open_orders", NOON_US + MINUTE_US)
    assert limits.may_send("query", NOON_US + MINUTE_US) == NOON_US + 2 * MINUTE_US


@pytest.mark.parametrize("seed", range(10))
def test_no_window_is_ever_overrun(seed: int) -> None:
    """In random traffic of ours alone, no window gets more than its limit, and opening orders never more than their share."""
    draw = random.Random(seed)
    limits = small(weight=60, orders=10, daily=10**6)
    now, opened, orders, weight = NOON_US, 0, 0, 0
    ten = minute = -1
    usual: list[OrderCall] = ["place", "place", "place", "cancel", "query"]
    for _ in range(3_000):
        now += draw.randrange(0, 600_000)
        if now // (10 * SECOND_US) != ten:
            ten, opened, orders = now // (10 * SECOND_US), 0, 0
        if now // MINUTE_US != minute:
            minute, weight = now // MINUTE_US, 0
        call = draw.choice(usual)
        closing, status = draw.random() < 0.3, draw.choice((200, 200, 400))
        if send(limits, call, now, status=status, closing=closing):
            orders += call == "place"
            opened += call == "place" and not closing
            weight += {"place": status != 200, "cancel": status != 200, "query": 4}[call]
        assert orders <= 10, f"seed {seed}"
        assert opened <= 8, f"seed {seed}"
        assert weight <= 60, f"seed {seed}"


@pytest.mark.parametrize(
    ("call", "status", "weight", "orders"),
    [
        ("place", 200, 0, 1), ("place", 400, 1, 1), ("replace", 200, 0, 1), ("replace", 400, 1, 1), ("oco", 200, 0, 2),
        ("oco", 400, 1, 2), ("cancel", 200, 0, 0), ("cancel", 400, 1, 0), ("query", 200, 4, 0), ("open_orders", 200, 6, 0),
        ("all_open_orders", 200, 80, 0), ("account", 200, 20, 0), ("trades", 200, 20, 0), ("order_trades", 200, 5, 0),
        ("order_count", 200, 40, 0), ("average_price", 200, 2, 0), ("exchange_info", 200, 20, 0), ("time", 200, 1, 0),
        ("subscribe", 200, 2, 0), ("logon", 200, 2, 0), ("connect", 200, 2, 0),
    ],
)  # fmt: skip
def test_what_each_call_costs(call: OrderCall, status: int, weight: int, orders: int) -> None:
    """The weights and orders of the protocol sheet (sections 6, 8, 10 and 11)."""
    limits = OrderLimits()
    limits.sent(call)
    limits.answered(call, NOON_US, status)
    assert [limit.used for limit in limits.usage(NOON_US)] == [weight, orders, orders]


def test_an_answer_that_nobody_waits_for_is_counted() -> None:
    """A second answer, or one from before a restart, counts; it does not make room."""
    limits = OrderLimits()
    limits.answered("query", NOON_US, 200)
    assert limits.usage(NOON_US)[0].used == 4
    limits.sent("query")
    assert limits.usage(NOON_US)[0].used == 8


def test_every_call_has_a_cost() -> None:
    """Each call of the protocol may go on a fresh account, with the limits of the protocol sheet."""
    assert [limit.limit for limit in DEFAULT_LIMITS] == [6_000, 50, 160_000]
    for call in CALLS:
        assert OrderLimits().may_send(call, NOON_US) == 0

"""Properties over random markets and venues: never oversell, decide by state and moment alone, resume exactly."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flashcrash_core.api import BuildContext, NoticeKind, Order, OrderState
from flashcrash_strategies import percentile
from flashcrash_strategies.percentile import PercentileStrategy

Make = Callable[..., Any]

K = NoticeKind
_POSSIBLE = {
    OrderState.SENT: (K.ACK, K.REJECT, K.FILL, K.UNKNOWN, K.EXPIRED),
    OrderState.ACKED: (K.FILL, K.EXPIRED, K.UNKNOWN),
    OrderState.PARTIAL: (K.FILL, K.EXPIRED, K.UNKNOWN),
    OrderState.CANCELLING: (K.FILL, K.CANCELLED, K.CANCEL_REJECT, K.UNKNOWN),
    OrderState.UNKNOWN: (K.FILL, K.CANCELLED, K.EXPIRED),
}
"""What the venue may say next; a rejection only of an order without fills."""

Step = tuple[int, int, int, int, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1_000, 100_000, 500_000, 1_000_000, 3_000_000]),  # time that passes
        st.integers(-12, 12),  # move of the bid
        st.integers(0, 3),  # kind of bar: 0 and 1 none, 2 bullish, 3 bearish
        st.integers(0, 5),  # which order the venue speaks about
        st.integers(0, 4),  # what it says
        st.integers(1, 4),  # quarters of the remaining lots in a fill
    ),
    min_size=5,
    max_size=60,
)


def speak(desk: Any, order: Order, choice: int, quarters: int) -> None:
    """One legal notice about an order."""
    kinds = [k for k in _POSSIBLE[order.state] if not (k is K.REJECT and order.filled_lots)]
    kind = kinds[choice % len(kinds)]
    lots = max(1, order.remaining_lots * quarters // 4) if kind is K.FILL else 0
    desk.notice(order, kind, lots, maker=kind is not K.FILL or order.submit.type.value == "LIMIT_MAKER")


def play(desk: Any, bar: Make, script: list[Step], on_step: Callable[[Any], None] = lambda _: None) -> list[Any]:
    """Run a script; returns all intents. The desk itself asserts that no exit exceeds what is held and not being sold."""
    desk.warm()
    intents: list[Any] = []
    price = 1000
    for index, (after_us, move, kind, which, says, quarters) in enumerate(script):
        price = max(500, price + move)
        changes: dict[str, Any] = {"bid_ticks": price, "ask_ticks": price + 2, "last_ticks": price + 1}
        if kind >= 2:
            low, high = price - 16, price + 4
            ends = (low + 1, high - 1) if kind == 2 else (high - 1, low + 1)
            changes["bar"] = bar(3 + index, low, high, open=ends[0], close=ends[1], lots=900 * (1 + index))
        on_step(desk)
        intents += desk.step(after_us, **changes)
        orders = list(desk.blotter.orders.values())
        if orders:
            speak(desk, orders[which % len(orders)], says, quarters)
        desk.blotter._check()
    return intents


SLACK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


BUSY = {"cooldown_fill_s": 0, "cooldown_loss_s": 0, "volume_ratio": 0}
"""Few gates, so that positions are common; rule 3 is drawn, because it alone would end most of them."""


@SLACK
@given(script=steps, gap_rule=st.booleans())
def test_open_sells_never_exceed_what_is_held(desk: Make, bar: Make, script: list[Step], gap_rule: bool) -> None:
    """Whatever the venue says and in whatever order, the lots on offer never exceed the lots held."""
    d = desk(**BUSY, negative_gap=gap_rule)
    play(d, bar, script)
    for position in d.blotter.positions.values():
        assert 0 <= d.blotter.sellable_lots(position.id) <= position.held_lots


@SLACK
@given(script=steps, gap_rule=st.booleans())
def test_decisions_follow_from_state_and_moment(desk: Make, bar: Make, script: list[Step], gap_rule: bool) -> None:
    """Asked twice in the same state about the same moment, the strategy answers the same, to the last field."""

    def ask_twice(d: Any) -> None:
        state = d.strategy.snapshot()
        answers = []
        for _ in range(2):
            fresh = PercentileStrategy(d.config)
            fresh.restore(deepcopy(state))
            answers.append(list(fresh.decide(d.moment)))
        assert answers[0] == answers[1]

    play(desk(**BUSY, negative_gap=gap_rule), bar, script, ask_twice)


@SLACK
@given(script=steps, cut=st.integers(0, 59), gap_rule=st.booleans())
def test_a_restored_strategy_has_the_same_future(desk: Make, bar: Make, script: list[Step], cut: int, gap_rule: bool) -> None:
    """A snapshot taken anywhere, sent through msgpack and restored into a fresh strategy, changes no later intent."""
    seen = 0

    def swap(d: Any) -> None:
        nonlocal seen
        if seen == cut:
            data = msgspec.msgpack.decode(msgspec.msgpack.encode(d.strategy.snapshot()))
            fresh = PercentileStrategy(d.config)
            fresh.restore(data)
            assert fresh.snapshot() == d.strategy.snapshot()
            d.strategy = fresh
        seen += 1

    whole = play(desk(**BUSY, negative_gap=gap_rule), bar, script)
    assert play(desk(**BUSY, negative_gap=gap_rule), bar, script, swap) == whole


@SLACK
@given(script=steps, gap_rule=st.booleans())
def test_every_position_is_left_in_the_end(desk: Make, bar: Make, script: list[Step], gap_rule: bool) -> None:
    """Once the venue answers again and fills what takes, everything held is sold within the longest hold."""
    d = desk(**BUSY, negative_gap=gap_rule)
    play(d, bar, script)
    for _ in range(40):
        d.step(1_000_000, blocked="data_gap")
        for order in list(d.blotter.orders.values()):
            if order.state in (OrderState.CANCELLING, OrderState.UNKNOWN):
                d.notice(order, K.CANCELLED)
            elif order.submit.type.value == "LIMIT_IOC":
                d.notice(order, K.FILL, order.remaining_lots, maker=False)
    assert not d.blotter.positions


def test_the_moment_is_not_kept(desk: Make, bar: Make) -> None:
    """The kernel reuses the moment: a strategy's state does not change when the moment does."""
    d = desk()
    d.enter()
    d.step(1)
    before = deepcopy(d.strategy.snapshot())
    d.moment.bid_ticks, d.moment.now_us, d.moment.positions = 1, 1, []
    assert d.strategy.snapshot() == before


def test_the_plugin_offers_one_strategy(desk: Make) -> None:
    """The hook returns a spec that builds from its own defaults."""
    (spec,) = percentile.flashcrash_strategies()
    instrument = desk().moment.instrument
    assert spec.name == "percentile"
    assert isinstance(spec.build(spec.config(), BuildContext("TESTUSDT", instrument, True, True)), PercentileStrategy)

"""The lane: silence, the rows in between, time that never goes back, and faults of indicators."""

import attrs
import pytest

from flashcrash_core.market.events import Side, Timer, Trade
from flashcrash_core.market.features import GRID_US
from flashcrash_core.runtime.records import FaultRecord
from flashcrash_core.trading.orders import OrderType
from flashcrash_core.trading.strategy import Enter

SECOND = 1_000_000


def rows_of(b):
    """Times of the rows that the detector sees from now on."""
    seen = []
    inner = b.lane.on_row

    def on_row(row):
        seen.append(row)
        inner(row)

    b.lane.on_row = on_row
    return seen


def test_a_short_silence_is_made_up_row_by_row(bench):
    """Rows of a silence come with the next event, each with its own time, and hold nothing that happened later."""
    b = bench(max_silence_s=10)
    b.trade(100.0, 5)
    last = b.lane.row.t_us
    seen = rows_of(b)
    b.trade(90.0, 1, step_us=10 * SECOND)
    assert [row.t_us for row in seen] == list(range(last + GRID_US, b.t_us + 1, GRID_US))
    assert {row.price for row in seen} == {100.0}
    assert [row.trades for row in seen] == [1] + [0] * (len(seen) - 1)
    assert b.lane.restarts == 0


def test_a_timer_ends_a_silence_as_well(bench):
    """Time alone closes rows."""
    b = bench()
    b.trade(100.0, 5)
    seen = rows_of(b)
    b.event(Timer("TESTUSDT", 0, b.t_us + SECOND, b.t_us + SECOND))
    assert len(seen) == 10


@pytest.mark.parametrize(("silence_us", "restarts"), [(10 * SECOND + GRID_US, 0), (10 * SECOND + GRID_US + 1, 1)])
def test_the_limit_of_silence(bench, silence_us, restarts):
    """At max_silence after the next row the rows are made up, a microsecond later the lane starts over."""
    b = bench(max_silence_s=10)
    b.trade(100.0, 5)
    b.trade(100.0, 1, step_us=silence_us)
    assert b.lane.restarts == restarts


def test_a_long_silence_warms_up_again(bench):
    """After it baselines are forgotten and nothing wakes before another warm-up; the episode ended for the silence."""
    b = bench(detector={"warmup_s": 2.0}, max_silence_s=10).wake()
    before = b.lane.detector
    b.trade(98.0, 1, step_us=100 * SECOND)
    assert b.lane.detector is not before
    assert (b.state, b.lane.detector.warm, b.lane.restarts) == ("SLEEP", False, 1)
    episode = b.lane.episodes.episodes[-1]
    assert (episode.reason, episode.sleep_us is not None) == ("silence", True)
    b.trade(98.0, 20)
    assert b.state == "SLEEP"
    b.trade(98.0, 1)
    assert b.state == "ALERT"


def test_the_first_row_after_a_silence_holds_only_itself(bench):
    """Flows and quotes of before do not leak into it, and the bar that was open is shown to the strategy."""
    b = bench(max_silence_s=10)
    b.trade(100.0, 13)
    bars = len(b.script.bars)
    seen = rows_of(b)
    b.trade(98.0, 1, step_us=100 * SECOND)
    b.trade(98.0, 1)
    (row,) = seen
    assert row.t_us == b.t_us
    assert (row.trades, row.sell_notional, row.low, row.high) == (1, 98.0, 98.0, 98.0)
    assert row.covered_us <= GRID_US
    assert [bar.trades for bar in b.script.bars[bars:]][:1] == [4]
    b.trade(98.0, 30)
    assert b.script.bars[-1].close_ticks == 9_800


def test_shutdown_outlives_a_silence(bench):
    """SHUTDOWN is absorbing: starting over does not leave it."""
    b = bench(max_silence_s=10).wake()
    b.session.halt("operator")
    b.trade(98.0, 1, step_us=100 * SECOND)
    assert (b.state, b.lane.restarts) == ("SHUTDOWN", 1)


def test_a_position_outlives_a_silence(bench):
    """The strategy keeps being asked, so that it can sell."""
    b = bench(max_silence_s=10).wake()
    b.once(Enter(9_900, 10, OrderType.LIMIT_MAKER, "dip"))
    (order,) = b.trade(98.9)
    b.say(order.client_id, "FILL", 10)
    b.trade(98.0, 1, step_us=100 * SECOND)
    assert b.script.moments[-1][1:] == ("SLEEP", "state")
    assert b.lane.awake


def test_late_events_are_not_decided_on(bench):
    """An event older than the watermark by more than 250 ms shows no moment and moves nothing."""
    b = bench().wake()
    seen, now = len(b.script.moments), b.lane.now_us
    b.event(Trade("TESTUSDT", 0, b.t_us - 250_001, b.t_us, 0, 9_000, 1, Side.SELL))
    assert (len(b.script.moments), b.lane.now_us, b.lane.market.counts["late"]) == (seen, now, 1)
    b.event(Trade("TESTUSDT", 0, b.t_us - 250_000, b.t_us, 0, 9_890, 1, Side.SELL))
    assert len(b.script.moments) == seen + 1


def test_time_never_goes_back(bench):
    """A notice that came at a later time than the symbol's events holds the time where it is."""
    b = bench().wake()
    b.once(Enter(9_900, 10, OrderType.LIMIT_MAKER, "dip"))
    (order,) = b.trade(98.9)
    later = b.t_us + 5 * GRID_US
    b.t_us, event_us = later, b.t_us
    b.say(order.client_id, "ACK")
    b.t_us = event_us
    b.trade(98.9)
    assert b.script.moments[-1][0] == later


def test_state_time_is_counted_by_rows(bench):
    """Every row counts in the state it was lived in; blocked time outside SLEEP by its reason."""
    b = bench().wake()
    assert sum(b.lane.state_us.values()) % GRID_US == 0
    assert b.lane.state_us["SLEEP"] > 0
    b.gap()
    b.trade(98.9, 2)
    assert b.lane.blocked_us["data_gap"] == GRID_US


def test_a_failing_judgement_is_told_and_quarantined(bench):
    """A judgement that raises costs its indicator, not the session: three faults on record, then silence."""
    b = bench()

    def judge(statistic, baseline, levels, was_fired):
        raise ZeroDivisionError("oops")

    setup = b.lane.setup
    first, *rest = setup.entries()
    bad = attrs.evolve(first, indicator=attrs.evolve(first.indicator, judge=judge))
    b.lane.setup = attrs.evolve(setup, entries=lambda: (bad, *rest))
    b.lane._build_detection()
    for i in range(20):
        b.trade(100.0 + 0.01 * i)
    faults = b.of(FaultRecord)
    assert len(faults) == 3
    assert {(f.stage, f.call, f.name, f.kind) for f in faults} == {("judge", "judge", "volatility", "raised")}
    place = f"test_lane.py:{judge.__code__.co_firstlineno + 1}"
    assert {f.message for f in faults} == {f"ZeroDivisionError: oops ({place})"}
    assert [f.quarantined for f in faults] == [False, False, True]
    reading = next(r for r in b.lane.readings() if r.name == "volatility")
    assert (reading.value, reading.ready, reading.reason) == (None, False, "quarantined")
    assert b.lane.detector.available == 4

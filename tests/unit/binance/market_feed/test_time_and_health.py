"""Time that passes without messages, the order of receive times, and the numbers for the user."""

import pytest
from feed_bench import SECOND_US, START_US, FeedBench, diff, print_, quote, snapshot

from flashcrash_core.api import BookDelta, BookSnapshot, FeedGap, Timer, Trade


def test_timers_come_when_nothing_else_does() -> None:
    """A symbol without events gets a timer within 150 ms, timed at receive time less the smallest latency."""
    bench = FeedBench(symbols=("AUSDT", "BUSDT")).begin(100)
    bench.say(1, print_(1, at_us=bench.now_us - 30_000), print_(2, at_us=bench.now_us - 50_000))
    bench.say(1, print_(1, at_us=bench.now_us - 10_000, symbol="BUSDT"))
    bench.sleep(SECOND_US)
    for symbol, least_us in (("AUSDT", 30_000), ("BUSDT", 10_000)):
        timers = bench.of(Timer, symbol)
        assert 6 <= len(timers) <= 10
        assert all(timer.receive_us - timer.exchange_us == least_us for timer in timers)


def test_no_timers_while_events_come() -> None:
    """A busy symbol needs none; the quiet one beside it does."""
    bench = FeedBench(symbols=("AUSDT", "BUSDT")).begin(100)
    bench.say(1, print_(1), print_(1, symbol="BUSDT"))
    for number in range(2, 60):
        bench.sleep(40_000)
        bench.say(1, print_(number, at_us=bench.now_us))
    assert not bench.of(Timer, "AUSDT")
    assert bench.of(Timer, "BUSDT")


def test_no_timer_before_the_venues_time_is_known() -> None:
    """Without any stamp there is no event time to give."""
    bench = FeedBench()
    bench.open(1)
    bench.sleep(SECOND_US)
    assert not bench.told


def test_timers_follow_a_clock_that_drifts() -> None:
    """The smallest latency is of the last minutes: an old one does not time the timers for ever."""
    bench = FeedBench().begin(100)
    bench.say(1, print_(1, at_us=bench.now_us - 1_000))
    number = 1
    for _ in range(90):
        bench.sleep(20 * SECOND_US)
        number += 1
        bench.say(1, print_(number, at_us=bench.now_us - 60_000))
    bench.sleep(SECOND_US)
    timer = bench.of(Timer)[-1]
    assert timer.receive_us - timer.exchange_us == 60_000


def test_receive_times_rise_over_all_symbols() -> None:
    """Messages of the same microsecond, and a clock that steps back: each event is after the one before it."""
    bench = FeedBench(symbols=("AUSDT", "BUSDT")).begin(100)
    bench.say(1, *(print_(number, symbol=symbol) for number in range(1, 40) for symbol in ("AUSDT", "BUSDT")))
    bench.now_us -= 5_000
    bench.say(1, print_(40), diff(101, 102), diff(110, 111))
    stamps = [event.receive_us for event in bench.told]
    assert stamps == sorted(set(stamps))
    assert [event.seq for event in bench.told] == sorted({event.seq for event in bench.told})


def test_latency_is_measured_on_the_venues_clock() -> None:
    """The venue's clock is 700 ms ahead: p50 and p99 say what the messages took, not what the clocks differ by."""
    bench = FeedBench()
    bench.open(1, 2)
    ahead_us = 700_000
    (fetch,) = bench.waiting("time")
    server_ms = (bench.now_us - 1_000 + ahead_us) // 1000
    bench.answer(fetch, b'{"serverTime":%d}' % server_ms)
    for number in range(1, 201):
        late_us = 200_000 if number % 20 == 0 else 30_000
        bench.now_us += 10_000
        bench.say(1, print_(number, at_us=bench.now_us + ahead_us - late_us))
    health = bench.core.health(bench.now_us)
    assert health.clock_offset_ms == pytest.approx(700, abs=1)
    assert health.latency_p50_ms == pytest.approx(30, abs=2)
    assert health.latency_p99_ms == pytest.approx(200, abs=2)


def test_the_quickest_answer_tells_the_offset() -> None:
    """A slow answer says little about when the server looked at its clock."""
    bench = FeedBench()
    core = bench.core
    (fetch,) = bench.waiting("time")
    core.on_answer(fetch.request, 200, {}, b'{"serverTime":%d}' % (START_US // 1000), START_US - 1_000, START_US + 1_000)
    bench.sleep(61 * SECOND_US)
    fetch = bench.waiting("time")[-1]
    now_us = bench.now_us
    core.on_answer(fetch.request, 200, {}, b'{"serverTime":%d}' % (now_us // 1000), now_us - 3 * SECOND_US, now_us)
    assert abs(core.health(now_us).clock_offset_ms) < 2


def test_the_time_is_asked_for_again() -> None:
    """About once a minute, and soon after a failure."""
    bench = FeedBench()
    bench.fail(bench.waiting("time")[0])
    bench.sleep(6 * SECOND_US)
    (fetch,) = bench.waiting("time")
    bench.answer(fetch, b'{"serverTime":%d}' % (bench.now_us // 1000))
    bench.sleep(61 * SECOND_US)
    assert len(bench.waiting("time")) == 1


def test_health_counts_what_happened() -> None:
    """Messages, rates, gaps, resyncs, reconnections, depth, age of the snapshot and blind time, by symbol and connection."""
    bench = FeedBench(symbols=("AUSDT", "BUSDT")).begin(100, bids=[(99, 1), (98, 1)])
    bench.sleep(SECOND_US)
    bench.say(1, diff(101, 102), print_(1), b"nonsense")
    bench.say(2, diff(101, 102), diff(105, 106, symbol="BUSDT"))
    bench.close(1)
    bench.sleep(2 * SECOND_US)
    health = bench.core.health(bench.now_us)
    mine, other = health.symbols["AUSDT"], health.symbols["BUSDT"]
    assert (health.messages, health.duplicates, health.reconnections, health.rejected) == (5, 1, 1, {"not_json": 1})
    assert (mine.usable, mine.holes, mine.bid_levels, mine.ask_levels, mine.blind_s) == (True, 0, 2, 1, 0)
    assert mine.snapshot_age_s == pytest.approx(3, abs=0.1)
    assert (other.usable, other.holes, other.resyncs) == (False, 1, 1)
    assert other.blind_s == pytest.approx(2, abs=0.1)
    assert health.blind_s == other.blind_s
    assert {link.number: link.messages for link in health.connections} == {2: 2, 3: 0}


def test_the_rate_is_of_the_last_seconds() -> None:
    """A burst shows, and is forgotten when it is over."""
    bench = FeedBench().begin(100)
    bench.sleep(60 * SECOND_US)
    for number in range(1, 2_001):
        bench.say(1, print_(number, at_us=bench.now_us))
        bench.sleep(5_000)
    assert bench.core.health(bench.now_us).messages_per_s == pytest.approx(200, rel=0.15)
    bench.sleep(60 * SECOND_US)
    assert bench.core.health(bench.now_us).messages_per_s < 2


def test_events_that_nobody_takes_are_bounded() -> None:
    """Too many: those that wait are given up, a gap and the whole book follow, in order of their receive times, and diffs go on."""
    bench = FeedBench(max_events=100).begin(100)
    core = bench.core
    for number in range(101, 1_001):
        core.on_message(1, print_(number), bench.now_us)
        core.on_message(1, diff(number, number, [(90 + number % 9, number)]), bench.now_us)
        assert len(core.events) <= 110
    bench.settle()
    assert core.health(bench.now_us).overflows > 5
    held = BookSnapshotFollower()
    for event in bench.told:
        held.take(event)
    assert held.levels == dict(core.book("AUSDT").book.bids)
    trades = len(bench.of(Trade))
    assert trades + core.health(bench.now_us).symbols["AUSDT"].trades_lost == 900


class BookSnapshotFollower:
    """A reader that believes what it is told: diffs must continue what it has."""

    def __init__(self) -> None:
        self.levels: dict[int, int] = {}
        self.update_id = -1

    def take(self, event: object) -> None:
        """One event."""
        if isinstance(event, FeedGap):
            self.update_id = -1
        elif isinstance(event, BookSnapshot):
            self.levels, self.update_id = dict(event.bids), event.update_id
        elif isinstance(event, BookDelta) and self.update_id >= 0 and event.last_id > self.update_id:
            assert event.first_id <= self.update_id + 1
            self.levels |= dict(event.bids)
            self.levels = {price: lots for price, lots in self.levels.items() if lots}
            self.update_id = event.last_id


def test_lines_for_the_recorder_replay_to_the_same_events() -> None:
    """Each event has one line; a codec makes the same events of them, with the same times."""
    from itertools import count

    from flashcrash_binance.codec import MarketCodec

    bench = FeedBench(connections=1).begin(100)
    bench.say(1, print_(1), quote(101), diff(101, 102, [(98, 4)]), b"nonsense", diff(105, 106))
    bench.sleep(SECOND_US)
    bench.answer(bench.waiting()[0], snapshot(107))
    bench.say(1, diff(108, 109))
    bench.close(1)
    codec = MarketCodec(bench.instruments, count(1).__next__, snapshot_symbol="AUSDT", recorded=True)
    again = [codec.decode(line, receive_us) for _, receive_us, line in bench.lines]
    assert {type(event).__name__ for event in bench.told} == {
        "Trade", "BestQuote", "BookDelta", "BookSnapshot", "FeedGap", "Timer", "Rejected",
    }  # fmt: skip
    assert [plain(event) for event in again] == [plain(event) for event in bench.told]


def plain(event: object) -> dict[str, object]:
    """An event without its arrival number; levels as lists."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__ if name != "seq"}
    return {name: list(value) if isinstance(value, tuple | list) else value for name, value in fields.items()} | {
        "kind": type(event)
    }

"""Feature rows: what each column says of the events before the row's end, faults included."""

import random
from math import isnan

import msgspec
import pytest

from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    FeedGap,
    Level,
    MarketEvent,
    Rejected,
    Side,
    Timer,
    Trade,
)
from flashcrash_core.market.features import (
    UNHEALTHY_BOOK_CROSSED,
    UNHEALTHY_BOOK_STALE,
    UNHEALTHY_BOOK_UNSYNCED,
    UNHEALTHY_GAP,
    UNHEALTHY_LATENCY,
    FeatureRow,
)

S = 1_000_000
T0 = 1_700_000_000 * S
X = "SIMUSDT"  # tick 0.01, lot 0.0001


class Market:
    """Feeds one accumulator as the kernel does and keeps its rows by their end, in ms after ``T0``."""

    def __init__(self, *, has_book: bool = True, mid: bool = True) -> None:
        self.features = FeatureAccumulator(InstrumentBook()(X), has_book=has_book, source_is_mid=mid)
        self.rows: dict[int, FeatureRow] = {}

    def send(self, event: MarketEvent) -> None:
        """One event, rows before it first."""
        features = self.features
        act_us = features.admit(event)
        if act_us < 0:
            features.apply_late(event)
            return
        while features.next_row_us and act_us >= features.next_row_us:
            row = features.close_row()
            self.rows[(row.t_us - T0) // 1000] = row
        features.apply(event, act_us)

    def until(self, ms: int) -> FeatureRow:
        """Close the rows up to ``ms`` with a timer; the row that ends there."""
        at_us = T0 + ms * 1000
        self.send(Timer(X, 0, at_us, at_us))
        return self.rows[ms]


def us(ms: float) -> int:
    """Milliseconds after ``T0`` in microseconds."""
    return T0 + round(ms * 1000)


def snap(update_id: int = 10, bids: list[Level] | None = None, asks: list[Level] | None = None) -> BookSnapshot:
    """A snapshot; 100.00 / 100.10 unless said otherwise."""
    bids = [(10_000, 10_000)] if bids is None else bids
    return BookSnapshot(X, 0, None, 0, update_id, bids, [(10_010, 20_000)] if asks is None else asks)


def diff(ms: float, number: int, bids: list[Level] | None = None, asks: list[Level] | None = None) -> BookDelta:
    """A diff of one update id."""
    return BookDelta(X, 0, us(ms), us(ms), number, number, bids or [], asks or [])


def quote(update_id: int, bid: int, ask: int, ms: float | None = None) -> BestQuote:
    """A ticker."""
    return BestQuote(X, 0, None if ms is None else us(ms), us(ms or 0), update_id, bid, 1, ask, 1)


def trade(ms: float, ticks: int, lots: int = 10_000, side: Side = Side.BUY, receive_ms: float | None = None) -> Trade:
    """A trade; 10,000 lots are one coin."""
    return Trade(X, 0, us(ms), us(ms if receive_ms is None else receive_ms), 0, ticks, lots, side)


def synced(ms: float = 10) -> Market:
    """A market whose book is synced at ``ms``."""
    market = Market()
    market.send(diff(ms, 10))
    market.send(snap())
    return market


def test_row_covers_the_time_before_its_end() -> None:
    """An event at exactly the row's end belongs to the next row."""
    market = Market(has_book=False, mid=False)
    for ms, ticks in ((20, 100), (99.999, 101), (100, 102)):
        market.send(trade(ms, ticks))
    row = market.until(200)
    assert (market.rows[100].trades, market.rows[100].price, row.trades, row.price) == (2, 1.01, 1, 1.02)


def test_book_row() -> None:
    """Prices, sums and depth of a synced book, in quote currency and base."""
    row = synced().until(100)
    assert (row.bid, row.ask, row.price, row.book_usable, row.unhealthy) == (100.0, 100.10000000000001, 100.05, 1, 0)
    assert (row.band_bid_qty, row.band_ask_qty) == (1.0, 2.0)
    assert row.top_bid_notional == pytest.approx(100.0)
    assert row.top_ask_notional == pytest.approx(200.2)
    assert row.exit_notional == pytest.approx(100.0)


def test_spread_is_weighted_by_the_time_it_stood() -> None:
    """A spread counts as long as it stood, from the moment it was set; the covered time says how much of the row is known."""
    market = synced(20)
    market.send(diff(60, 11, asks=[(10_010, 0), (10_030, 20_000)]))
    row = market.until(100)
    narrow, wide = 20 / 20_010, 60 / 20_030
    assert row.covered_us == 80_000
    assert row.spread_tw == pytest.approx((narrow * 40 + wide * 40) / 80, rel=1e-12)
    assert row.spread_end == pytest.approx(wide, rel=1e-12)
    assert market.until(200).spread_tw == pytest.approx(wide, rel=1e-12)


def test_best_quote_is_that_of_the_larger_update_id() -> None:
    """A ticker newer than the book wins; one older than the book does not turn it back."""
    market = synced()
    market.send(quote(12, 10_001, 10_009))
    assert market.until(100).bid == 100.01
    market.send(diff(110, 11))
    assert market.until(200).bid == 100.01
    market.send(diff(210, 12))
    market.send(diff(220, 13))
    market.send(quote(12, 9_000, 9_100))
    assert market.until(300).bid == 100.0


def test_silence_makes_rows_with_their_own_times() -> None:
    """Rows of a silent stretch are closed by the next event, each with its own time; the book goes stale after 1 s."""
    market = synced()
    market.send(trade(30, 10_005))
    market.send(trade(2_530, 10_006))
    assert list(market.rows) == list(range(100, 2_600, 100))
    assert [row.trades for row in market.rows.values()] == [1] + [0] * 24
    assert all(row.unhealthy == 0 for ms, row in market.rows.items() if ms <= 1_000)
    assert all(row.unhealthy == UNHEALTHY_BOOK_STALE and isnan(row.price) for ms, row in market.rows.items() if ms > 1_100)
    assert [ms for ms, row in market.rows.items() if row.bar_new] == [1_300, 2_300]
    assert market.rows[2_300].bar_empty == 1


def test_late_trade_is_counted_and_left_out() -> None:
    """A trade more than 250 ms behind the watermark moves no price and no sum."""
    market = Market(has_book=False, mid=False)
    market.send(trade(1_000, 100))
    market.send(trade(700, 50))
    market.send(trade(760, 90))
    row = market.until(1_100)
    assert (row.trades, row.low, row.price, market.features.counts["late"]) == (2, 0.9, 0.9, 1)


def test_late_diff_still_belongs_in_the_book() -> None:
    """A late diff is applied, or the chain would break; a late hole loses the book."""
    market = synced()
    market.send(trade(1_000, 10_005))
    market.send(diff(500, 11, bids=[(10_002, 5)]))
    assert market.features.bid_ticks == 10_002
    market.send(diff(510, 13))
    assert (market.features.book_synced, market.features.bid_ticks) == (False, 0)
    assert market.until(1_100).unhealthy & UNHEALTHY_GAP


def test_gap_takes_the_book_away_until_a_snapshot() -> None:
    """After a hole rows are unhealthy, without price and depth; the next snapshot mends them."""
    market = synced()
    market.send(diff(110, 12))
    row = market.until(200)
    assert row.unhealthy == UNHEALTHY_GAP | UNHEALTHY_BOOK_UNSYNCED
    assert isnan(row.price)
    assert (row.book_usable, row.top_bid_qty, row.exit_notional) == (0, 0.0, 0.0)
    market.send(snap(12))
    row = market.until(300)
    assert (row.unhealthy, row.book_usable, row.price) == (0, 1, 100.05)


def test_feed_gap_shows_in_the_row_at_once() -> None:
    """A gap that the feed tells of makes depth and price unavailable in the very row."""
    market = synced()
    market.until(100)
    market.send(FeedGap(X, 0, None, 0, "socket"))
    row = market.until(200)
    assert row.unhealthy == UNHEALTHY_GAP | UNHEALTHY_BOOK_UNSYNCED
    assert row.top_bid_qty == 0.0
    assert market.features.counts["feed_gap.socket"] == 1


def test_ticker_alone_gives_no_price_of_the_mid() -> None:
    """With price source mid an unsynced book has no price, and no low that an event could be measured by."""
    market = Market()
    market.send(quote(5, 10_000, 10_010, ms=10))
    market.send(quote(6, 9_000, 9_010, ms=20))
    row = market.until(100)
    assert isnan(row.price)
    assert isnan(row.low)


def test_side_that_ran_empty_leaves_no_quote() -> None:
    """When the bids vanish the old bid is not carried on: no mid, no bid, but the asks' depth stands."""
    market = synced()
    market.send(diff(110, 11, bids=[(10_000, 0)]))
    row = market.until(200)
    assert isnan(row.bid)
    assert isnan(row.price)
    assert (row.ask, row.band_bid_qty, row.book_usable) == (100.10000000000001, 0.0, 1)
    assert row.top_ask_qty == 2.0


def test_crossed_book_is_unusable() -> None:
    """A locked or crossed book is unhealthy and gives no price."""
    market = synced()
    market.send(diff(110, 11, bids=[(10_010, 5)]))
    row = market.until(200)
    assert row.unhealthy == UNHEALTHY_BOOK_CROSSED
    assert isnan(row.price)
    assert market.features.counts["book_crossed"] == 1


def test_flows_by_aggressor() -> None:
    """Traded notional is split by the taker's side, exactly."""
    market = Market(has_book=False, mid=False)
    market.send(trade(10, 10_000, 20_000))
    market.send(trade(20, 9_000, 10_000, Side.SELL))
    row = market.until(100)
    assert (row.buy_notional, row.sell_notional, row.low, row.high) == (200.0, 90.0, 90.0, 100.0)


def test_latency_is_the_median_of_a_second() -> None:
    """More than half of the last second's messages over 500 ms behind is unhealthy; timers are no messages."""
    market = Market(has_book=False, mid=False)
    market.send(trade(0, 100))
    for ms in range(110, 190, 10):
        market.send(trade(ms, 100, receive_ms=ms + 600))
        market.send(Timer(X, 0, us(ms), us(ms)))
    assert market.until(200).unhealthy == UNHEALTHY_LATENCY
    for ms in range(210, 300, 10):
        market.send(trade(ms, 100))
    assert market.until(300).unhealthy == 0


def test_book_is_checked_against_the_newest_ticker() -> None:
    """After each applied diff the book's best prices are compared with the last ticker."""
    market = synced()
    market.send(diff(20, 11))
    market.send(quote(11, 10_000, 10_010))
    market.send(diff(30, 12))
    market.send(diff(40, 13, bids=[(10_001, 5)]))
    market.send(diff(50, 13))
    counts = market.features.counts
    assert (counts["quote_checks"], counts["quote_mismatches"]) == (2, 1)


def test_wall_counts_once_it_has_stood() -> None:
    """A wall appears in the rows when it has been there for 500 ms, and goes at once with its level."""
    market = synced()
    market.send(diff(20, 11, bids=[(9_990, 10_000), (9_980, 10_000), (9_970, 90_000)]))
    market.until(600)
    assert (market.rows[100].bid_wall, market.rows[500].bid_wall, market.rows[600].bid_wall) == (0.0, 0.0, 99.7)
    market.send(diff(620, 12, bids=[(9_970, 0)]))
    assert market.until(700).bid_wall == 0.0


def test_rejected_messages_are_counted_and_change_nothing() -> None:
    """A refused message is counted by its reason and touches no row."""
    market = synced()
    market.send(Rejected(X, 0, None, 0, "nan", "file:1"))
    market.send(trade(20, 0))
    row = market.until(100)
    assert (market.features.counts["rejected.nan"], market.features.counts["rejected.not_positive"], row.trades) == (1, 1, 0)


def random_events(rng: random.Random, count: int) -> list[MarketEvent]:
    """A lively market: trades, tickers, diffs, holes, late events, snapshots and silences."""
    events: list[MarketEvent] = []
    now, update_id, middle = 0.0, 100, 10_000
    for _ in range(count):
        now += rng.choice([0, 1, 7, 40, 90, rng.choice([5, 5, 5, 1_500])])
        middle += rng.randrange(-3, 4)
        own = now - rng.choice([0, 0, 0, 30, 240, 400])
        kind = rng.random()
        if kind < 0.3:
            events.append(trade(own, middle, rng.randrange(1, 9_999), rng.choice(list(Side)), now + rng.randrange(900)))
        elif kind < 0.6:
            events.append(quote(update_id + rng.randrange(3), middle - rng.randrange(1, 5), middle + rng.randrange(1, 5)))
        elif kind < 0.95:
            update_id += 1
            bids = [(middle - rng.randrange(1, 60), rng.choice([0, 3, 90_000])) for _ in range(4)]
            asks = [(middle + rng.randrange(1, 60), rng.choice([0, 3, 90_000])) for _ in range(4)]
            if rng.random() > 0.02:
                events.append(diff(own, update_id, bids, asks))
        elif kind < 0.99:
            sides = [(middle - at, 500) for at in range(1, 40)], [(middle + at, 500) for at in range(1, 40)]
            events.append(snap(update_id, *sides))
        else:
            events.append(FeedGap(X, 0, None, 0, "test"))
    return events


def same(left: dict[int, FeatureRow], right: dict[int, FeatureRow]) -> bool:
    """Equal rows, NaN equal to NaN."""
    return repr(left) == repr(right)


@pytest.mark.parametrize("mid", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_restored_accumulator_has_the_same_future(seed: int, mid: bool) -> None:
    """Snapshot, through msgpack, and restore at any moment change no bit of any later row."""
    rng = random.Random(seed)
    events = random_events(rng, 1_500)
    whole, parts = Market(mid=mid), Market(mid=mid)
    for at, event in enumerate(events):
        whole.send(event)
        parts.send(event)
        if at % 97 == 0:
            stored = msgspec.msgpack.decode(msgspec.msgpack.encode(parts.features.snapshot()), strict=False)
            parts.features = FeatureAccumulator(InstrumentBook()(X), has_book=True, source_is_mid=mid)
            parts.features.restore(stored)
    assert len(whole.rows) > 100, f"seed {seed}"
    assert same(whole.rows, parts.rows), f"seed {seed}"
    assert whole.features.counts == parts.features.counts, f"seed {seed}"


@pytest.mark.parametrize("seed", range(6))
def test_rows_do_not_know_the_future(seed: int) -> None:
    """Cutting the input after any event leaves the rows closed before it as they were, bit by bit."""
    events = random_events(random.Random(seed), 800)
    whole = Market()
    for event in events:
        whole.send(event)
    cut = random.Random(seed).randrange(100, 700)
    part = Market()
    for event in events[:cut]:
        part.send(event)
    assert same({ms: whole.rows[ms] for ms in part.rows}, part.rows), f"seed {seed} cut {cut}"


@pytest.mark.parametrize("seed", range(6))
def test_row_ranges_hold(seed: int) -> None:
    """Whatever comes in: rows follow each other by 100 ms, low <= high, spread > 0, covered time within the row, no infinity."""
    market = Market()
    for event in random_events(random.Random(seed), 800):
        market.send(event)
    ends = list(market.rows)
    assert ends == list(range(ends[0], ends[-1] + 100, 100)), f"seed {seed}"
    for row in market.rows.values():
        where = f"seed {seed} row {row.t_us}"
        assert not row.low > row.high, where
        assert 0 <= row.covered_us <= 100_000, where
        assert isnan(row.spread_tw) == (row.covered_us == 0), where
        assert not row.spread_tw <= 0, where
        assert row.book_usable == 0 or row.unhealthy & ~(UNHEALTHY_GAP | UNHEALTHY_LATENCY) == 0, where
        assert all(abs(value) < 1e300 or value != value for value in row), where
        assert row.buy_notional >= 0, where
        assert row.sell_notional >= 0, where

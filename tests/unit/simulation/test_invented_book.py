"""A book invented from trades."""

import itertools
import random
from collections.abc import Iterator

import pytest

from flashcrash_core.errors import DataError
from flashcrash_core.market.book_sync import BookSync, SyncState
from flashcrash_core.market.events import BestQuote, BookDelta, BookSnapshot, FeedGap, MarketEvent, Rejected, Side, Trade
from flashcrash_core.market.feed import DataTier, SourceInfo
from flashcrash_core.simulation.invented_book import BookInventor, InventedLadder, invented_info, with_invented_book

SEEDS = (1, 2, 3)


def trades(seed: int, number: int = 400, price: int = 20_000, symbol: str = "SYNUSDT") -> list[tuple[str, int, int, Side]]:
    """A random walk of prices with jumps, down to the smallest price there is."""
    draw = random.Random(seed)
    out = []
    for _ in range(number):
        price = max(1, price + draw.choice((-900, -40, -3, -1, 0, 0, 1, 3, 40, 400)))
        out.append((symbol, price, draw.randrange(1, 5000), draw.choice((Side.BUY, Side.SELL))))
    return out


def invent(rows: list[tuple[str, int, int, Side]], gaps: frozenset[int] = frozenset()) -> list[MarketEvent]:
    """The rows as events with a book, numbered from one counter as a run does it."""
    seq = itertools.count(1).__next__

    def source() -> Iterator[MarketEvent]:
        for number, (symbol, price, lots, side) in enumerate(rows):
            if number in gaps:
                yield FeedGap(symbol, seq(), number, number, "trade_id_gap")
            yield Trade(symbol, seq(), 1_000 + number, 2_000 + number, number, price, lots, side)

    return list(with_invented_book(source(), seq))


@pytest.mark.parametrize("seed", SEEDS)
def test_book_chains_and_is_never_crossed(seed: int) -> None:
    """The kernel's own book takes every update, is synced from the first trade on, and is never crossed or empty; with gaps too."""
    sync = BookSync()
    last_seq = 0
    for event in invent(trades(seed), gaps=frozenset({50, 51, 300})):
        assert event.seq == last_seq + 1
        last_seq = event.seq
        if isinstance(event, FeedGap):
            sync.lose("feed_gap")
        elif isinstance(event, BookSnapshot):
            assert sync.on_snapshot(event)
        elif isinstance(event, BookDelta):
            assert sync.on_delta(event)
            assert sync.update_id == event.last_id
        elif isinstance(event, BestQuote):
            book = sync.book
            best = (*book.bids.top(1)[0], *book.asks.top(1)[0])
            assert (event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots) == best
        if sync.state is SyncState.SYNCED:
            assert not sync.book.crossed(), f"seed {seed}, event {event}"
            assert len(sync.book.bids) >= 1
            assert len(sync.book.asks) == InventedLadder().levels
            assert min(price for price, _ in sync.book.bids) >= 1
    assert sync.state is SyncState.SYNCED
    assert sync.counts["gaps"] == 3


@pytest.mark.parametrize("seed", SEEDS)
def test_a_trade_is_followed_by_a_book_around_it(seed: int) -> None:
    """A buyer's price is the best ask afterwards, a seller's the best bid, and the spread is at most what the shape allows."""
    sync = BookSync()
    pending: Trade | None = None

    def hold(trade: Trade | None) -> None:
        if trade is None:
            return
        bid, ask = sync.book.bids.best(), sync.book.asks.best()
        if trade.aggressor is Side.BUY:
            assert ask == max(trade.price_ticks, 2)
        else:
            assert bid == trade.price_ticks
        assert 1 <= ask - bid <= max(1, trade.price_ticks * InventedLadder().max_spread_bps // 10_000)

    for event in invent(trades(seed)):
        if isinstance(event, Trade):
            hold(pending)
            pending = event
        elif isinstance(event, BookSnapshot):
            sync.on_snapshot(event)
        elif isinstance(event, BookDelta):
            sync.on_delta(event)
    hold(pending)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_of_the_future_is_in_it(seed: int) -> None:
    """A prefix of the trades gives the same prefix of events, and the same trades give the same events."""
    rows = trades(seed)
    whole = invent(rows)
    assert whole == invent(rows)
    for cut in (1, 7, 100, 399):
        part = invent(rows[:cut])
        assert part == whole[: len(part)], f"seed {seed}, cut {cut}"


def test_symbols_do_not_mix() -> None:
    """Two symbols give each the book that it gets alone."""
    one, two = trades(1), trades(2, price=90, symbol="LOWUSDT")
    mixed = invent([row for pair in zip(one, two, strict=True) for row in pair])
    for rows in (one, two):
        alone = [(type(e), e.bids, e.asks) for e in invent(rows) if isinstance(e, BookSnapshot | BookDelta)]
        of_it = [e for e in mixed if e.symbol == rows[0][0] and isinstance(e, BookSnapshot | BookDelta)]
        assert [(type(e), e.bids, e.asks) for e in of_it] == alone


def test_files_that_follow_one_another_and_days() -> None:
    """A second file takes the book of the first one, and a new UTC day begins with a snapshot; the kernel's book takes it all."""
    inventor, sync, seq = BookInventor(), BookSync(), itertools.count(1).__next__
    day_us = 86_400_000_000
    snapshots = []
    for start_us in (day_us, day_us + 1_000_000, 2 * day_us):
        rows = enumerate(trades(1, 50))
        source = (Trade(s, seq(), start_us + n, start_us + n, n, price, lots, side) for n, (s, price, lots, side) in rows)
        for event in inventor.around(source, seq):
            if isinstance(event, BookSnapshot):
                snapshots.append(event.exchange_us)
                assert sync.on_snapshot(event)
            elif isinstance(event, BookDelta):
                assert sync.on_delta(event)
    assert snapshots == [day_us, 2 * day_us]
    assert set(sync.counts) == {"resyncs"}


def test_quiet_trades_do_not_touch_the_book() -> None:
    """Trades of one size at the two best prices change nothing after the first of each side."""
    rows = [("SYNUSDT", 20_001 if number % 2 else 20_000, 8, Side.BUY if number % 2 else Side.SELL) for number in range(100)]
    assert sum(isinstance(event, BookDelta) for event in invent(rows)) <= 2


def test_other_events_pass_and_a_real_book_is_refused() -> None:
    """Refused messages are passed on; data that has a book gets no second one."""
    seq = itertools.count(1).__next__
    refused = Rejected("SYNUSDT", seq(), None, 0, "nan", "x:1")
    assert list(with_invented_book([refused], seq)) == [refused]
    with pytest.raises(DataError, match="Leave out --book synthetic"):
        list(with_invented_book([BestQuote("SYNUSDT", 1, 1, 1, 1, 5, 1, 6, 1)], seq))


def test_source_is_marked() -> None:
    """What is known of the source says that its book is invented and the grade synthetic."""
    info = SourceInfo(("SYNUSDT",), False, DataTier.TRADES, (), "trades t.csv")
    marked = invented_info(info)
    assert (marked.has_book, marked.synthetic_book, marked.data_tier) == (True, True, DataTier.SYNTHETIC)
    assert "invented" in marked.description
    assert "SYNTHETIC BOOK - not evidence of detection or profit" in marked.warnings[-1]
    with pytest.raises(DataError, match="book of its own"):
        invented_info(marked)

"""The order book and its synchronisation, against a naive dict book under seeded random diffs, holes and snapshots."""

import random
from collections.abc import Iterator

import pytest

from flashcrash_core.market.book import MAX_LEVELS, BookSide, OrderBook
from flashcrash_core.market.book_sync import MAX_BUFFERED, BookSync, SyncState
from flashcrash_core.market.events import BookDelta, BookSnapshot, Continuity, Level

SEEDS = range(25)


def delta(
    first: int,
    last: int,
    bids: list[Level] | None = None,
    asks: list[Level] | None = None,
    prev: int | None = None,
) -> BookDelta:
    """A diff; with ``prev`` it is a futures one."""
    continuity = Continuity.SPOT if prev is None else Continuity.FUTURES
    return BookDelta("X", 1, 1, 1, first, last, bids or [], asks or [], prev, continuity)


def snapshot(update_id: int, bids: list[Level] | None = None, asks: list[Level] | None = None) -> BookSnapshot:
    """A snapshot."""
    return BookSnapshot("X", 1, None, 1, update_id, bids or [(100, 1)], asks or [(101, 1)])


def contents(book: OrderBook) -> tuple[dict[int, int], dict[int, int]]:
    """Both sides as dicts."""
    return dict(book.bids), dict(book.asks)


class Exchange:
    """The true book as plain dicts, and the diffs and snapshots that it publishes."""

    def __init__(self, rng: random.Random, *, futures: bool) -> None:
        self.rng = rng
        self.futures = futures
        self.bids: dict[int, int] = {100: 5}
        self.asks: dict[int, int] = {101: 5}
        self.last_id = 1000

    def step(self) -> BookDelta:
        """Change some levels and publish the diff."""
        previous = self.last_id
        first = previous + (self.rng.randrange(1, 50) if self.futures else 1)
        self.last_id = first + self.rng.randrange(4)
        changed: tuple[list[Level], list[Level]] = ([], [])
        for side, levels, low in ((self.bids, changed[0], 60), (self.asks, changed[1], 101)):
            for price in self.rng.sample(range(low, low + 40), self.rng.randrange(4)):
                lots = self.rng.choice([0, 0, self.rng.randrange(1, 9)])
                levels.append((price, lots))
                side[price] = lots
                if not lots:
                    del side[price]
        return delta(first, self.last_id, *changed, prev=previous if self.futures else None)

    def picture(self) -> BookSnapshot:
        """A snapshot of now."""
        bids = sorted(self.bids.items(), reverse=True)
        return BookSnapshot("X", 1, None, 1, self.last_id, bids, sorted(self.asks.items()))


@pytest.mark.parametrize("futures", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_synced_book_is_the_true_book(seed: int, futures: bool) -> None:
    """Whatever is lost, delayed or repeated: while the book says that it is synced it equals the exchange's book, level by level.

    A hole is noticed with the first diff after it, and the next snapshot mends the book. Snapshots arrive up to three diffs late.
    """
    rng = random.Random(seed)
    market, sync = Exchange(rng, futures=futures), BookSync()
    pending: list[tuple[int, BookSnapshot]] = []
    lost = synced = 0
    for step in range(400):
        if sync.state is not SyncState.SYNCED and not pending:
            pending.append((step + rng.randrange(4), market.picture()))
        behind = sync.state is SyncState.SYNCED and sync.update_id < market.last_id
        change = market.step()
        if rng.random() < 0.03:
            lost += 1
        else:
            unbroken = sync.on_delta(change)
            assert unbroken is not behind, f"seed {seed} step {step}: a hole is noticed at once, and nothing else is one"
            if rng.random() < 0.05 and sync.state is SyncState.SYNCED:
                assert sync.on_delta(change), f"seed {seed} step {step}: a repeated diff is no gap"
        while pending and pending[0][0] <= step:
            sync.on_snapshot(pending.pop(0)[1])
        if sync.state is SyncState.SYNCED and sync.update_id == market.last_id:
            synced += 1
            assert contents(sync.book) == (market.bids, market.asks), f"seed {seed} step {step}"
        sync.book.bids._check()
        sync.book.asks._check()
    assert lost > 0, f"seed {seed}"
    assert synced > 100, f"seed {seed}"


@pytest.mark.parametrize("seed", range(5))
def test_snapshot_and_restore_have_the_same_future(seed: int) -> None:
    """A restored synchronisation treats every later message as the original does."""
    rng = random.Random(seed)
    market, sync = Exchange(rng, futures=bool(seed % 2)), BookSync()
    for step in range(60):
        if step == 7:
            sync.on_snapshot(market.picture())
        change = market.step()
        if step not in (25, 40):
            sync.on_delta(change)
        twin = BookSync()
        twin.restore(sync.snapshot())
        assert twin.snapshot() == sync.snapshot(), f"seed {seed} step {step}"
        sync = twin
    assert sync.state is SyncState.BUFFERING


def test_buffered_diffs_follow_the_snapshot() -> None:
    """Diffs held before the snapshot are dropped if it contains them and applied if not; the first may straddle it."""
    sync = BookSync()
    for one in (delta(8, 9, [(99, 9)]), delta(10, 12, [(98, 3)]), delta(13, 13, [(97, 2)])):
        assert sync.on_delta(one)
    assert sync.state is SyncState.BUFFERING
    assert sync.on_snapshot(snapshot(11))
    assert (sync.update_id, contents(sync.book)[0]) == (13, {100: 1, 98: 3, 97: 2})


def test_snapshot_older_than_the_buffer_is_not_enough() -> None:
    """A snapshot from before the first held diff leaves a hole: the book waits for a newer one, and keeps the diffs."""
    sync = BookSync()
    sync.on_delta(delta(20, 21))
    assert not sync.on_snapshot(snapshot(15))
    assert sync.state is SyncState.BUFFERING
    assert sync.on_snapshot(snapshot(20))
    assert sync.update_id == 21


def test_spot_gap_needs_a_new_snapshot() -> None:
    """After a jump of U nothing but a snapshot makes the book usable again."""
    sync = BookSync()
    sync.on_snapshot(snapshot(10))
    assert sync.on_delta(delta(11, 11))
    assert not sync.on_delta(delta(13, 13))
    assert sync.state is SyncState.BUFFERING
    assert sync.on_delta(delta(14, 14))
    assert sync.state is SyncState.BUFFERING
    assert sync.on_snapshot(snapshot(13))
    assert (sync.update_id, sync.state, sync.counts["gaps"]) == (14, SyncState.SYNCED, 1)


def test_futures_chain_by_the_previous_id() -> None:
    """Futures ids jump between messages; only pu tells a hole, and a message told twice is none."""
    sync = BookSync()
    sync.on_snapshot(snapshot(100))
    assert sync.on_delta(delta(90, 120, prev=80))
    assert sync.on_delta(delta(500, 520, prev=120))
    assert sync.on_delta(delta(500, 520, prev=120))
    assert not sync.on_delta(delta(521, 530, prev=519))


def test_stale_snapshot_does_not_turn_the_book_back() -> None:
    """A synced book ignores a snapshot older than itself."""
    sync = BookSync()
    sync.on_snapshot(snapshot(10))
    sync.on_delta(delta(11, 11, [(99, 4)]))
    assert sync.on_snapshot(snapshot(10))
    assert dict(sync.book.bids)[99] == 4


def test_held_diffs_are_bounded() -> None:
    """Without a snapshot memory stays bounded: the oldest diffs are dropped and counted."""
    sync = BookSync()
    for number in range(MAX_BUFFERED + 5):
        sync.on_delta(delta(number, number))
    assert sync.counts["dropped_buffer"] == 5
    assert not sync.on_snapshot(snapshot(2))


def levels(rng: random.Random, count: int) -> Iterator[Level]:
    """Random changes within 60 prices, a third of them removals."""
    for _ in range(count):
        yield rng.randrange(1, 60), rng.choice([0, rng.randrange(1, 50), rng.randrange(1, 50)])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("seed", range(5))
def test_book_side_against_a_dict(seed: int, sign: int) -> None:
    """Every question to a side has the answer that a plain dict gives."""
    rng = random.Random(seed)
    side, naive = BookSide(sign), dict[int, int]()
    for price, lots in levels(rng, 500):
        side.set_level(price, lots)
        naive[price] = lots
        naive = {at: held for at, held in naive.items() if held}
        ranked = sorted(naive.items(), reverse=sign > 0)
        limit, count = rng.randrange(1, 60), rng.randrange(0, 25)
        within = [level for level in ranked if level[0] * sign >= limit * sign]
        top = ranked[:count]
        where = f"seed {seed}"
        assert list(side) == ranked, where
        assert side.best() == (ranked[0][0] if ranked else 0), where
        assert side.top(count) == top, where
        assert side.until(limit) == within, where
        assert side.top_sums(count) == (sum(q for _, q in top), sum(p * q for p, q in top)), where
        assert side.sums_until(limit) == (sum(q for _, q in within), sum(p * q for p, q in within)), where
        assert side.lots_until(limit) == sum(q for _, q in within), where
        assert side.top_units(count) == [p * q for p, q in top], where
        assert side.lots_at(limit) == naive.get(limit, 0), where
    side._check()


def test_book_side_is_bounded() -> None:
    """Beyond 20,000 levels the worst ones go, by diff and by snapshot."""
    many = [(price, 1) for price in range(1, MAX_LEVELS + 11)]
    bids, asks = BookSide(1), BookSide(-1)
    bids.apply(many)
    asks.replace(many)
    assert (len(bids), bids.lots_at(10), bids.best()) == (MAX_LEVELS, 0, MAX_LEVELS + 10)
    assert (len(asks), asks.lots_at(MAX_LEVELS + 1), asks.best()) == (MAX_LEVELS, 0, 1)

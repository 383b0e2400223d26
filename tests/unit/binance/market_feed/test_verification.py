"""The book is compared with the venue's own, now and then."""

import pytest
from feed_bench import SECOND_US, FeedBench, diff, snapshot

from flashcrash_core.api import BookSnapshot, MarketKind

VERIFY_US = 10 * SECOND_US


def bench_with_book(**options: object) -> FeedBench:
    """Three bids and three asks at id 100."""
    return FeedBench(verify_us=VERIFY_US, **options).begin(
        100, bids=[(99, 5), (98, 5), (97, 5)], asks=[(101, 5), (102, 5), (103, 5)]
    )


def verified(bench: FeedBench) -> tuple[int, int]:
    """Comparisons that agreed, and that did not."""
    one = bench.core.health(bench.now_us).symbols["AUSDT"]
    return one.verified, one.differences


def test_every_symbol_is_compared_within_each_period() -> None:
    """A snapshot of 100 levels for each, not all at the same moment."""
    symbols = tuple(f"S{number}USDT" for number in range(6))
    bench = FeedBench(symbols=symbols, verify_us=VERIFY_US).begin(100)
    asked: dict[str, list[int]] = {symbol: [] for symbol in symbols}
    for _ in range(1_000):
        bench.sleep(50_000)
        for fetch in bench.waiting():
            assert fetch.limit == 100
            asked[fetch.symbol].append(bench.now_us)
            bench.answer(fetch, snapshot(100))
    assert all(len(moments) in (4, 5, 6) for moments in asked.values())
    assert len({moments[0] for moments in asked.values()}) > 1
    assert not bench.gaps()


def test_an_equal_book_is_counted_and_nothing_told() -> None:
    """No event, one more comparison."""
    bench = bench_with_book()
    bench.sleep(VERIFY_US)
    told = len(bench.told)
    bench.answer(bench.waiting()[0], snapshot(100, [(99, 5), (98, 5), (97, 5)], [(101, 5), (102, 5), (103, 5)]))
    assert (verified(bench), len(bench.told)) == ((1, 0), told)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([(99, 6), (98, 5), (97, 5)], [(101, 5), (102, 5), (103, 5)]),
        ([(99, 5), (97, 5)], [(101, 5), (102, 5), (103, 5)]),
        ([(99, 5), (98, 5), (97, 5)], [(100, 1), (101, 5), (102, 5), (103, 5)]),
    ],
    ids=["another quantity", "a level too many", "a level missing"],
)
def test_a_difference_is_told_and_mended(bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
    """Gap at once, then a full snapshot, and the book is right again."""
    bench = bench_with_book()
    bench.sleep(VERIFY_US)
    bench.answer(bench.waiting()[0], snapshot(100, bids, asks))
    assert (bench.gaps(), verified(bench)) == (["differs_from_venue"], (0, 1))
    assert "ticks" in bench.core.health(bench.now_us).symbols["AUSDT"].last_difference
    bench.sleep(SECOND_US)
    (fetch,) = bench.waiting()
    assert fetch.limit == 1000
    bench.answer(fetch, snapshot(100, bids, asks))
    assert list(bench.core.book("AUSDT").book.bids) == bids
    assert isinstance(bench.told[-1], BookSnapshot)


def test_levels_touched_after_the_snapshot_are_left_out() -> None:
    """The book went on while the answer was under way: what changed since says nothing."""
    bench = bench_with_book()
    bench.sleep(VERIFY_US)
    bench.say(1, diff(101, 102, [(98, 9)]), diff(103, 103, [], [(101, 0)]))
    bench.answer(bench.waiting()[0], snapshot(102, [(99, 5), (98, 9), (97, 5)], [(101, 5), (102, 5), (103, 5)]))
    assert verified(bench) == (1, 0)


def test_levels_of_the_diff_that_straddles_the_snapshot_are_left_out() -> None:
    """Which part of that diff the snapshot holds cannot be known."""
    bench = bench_with_book()
    bench.sleep(VERIFY_US)
    bench.say(1, diff(101, 110, [(98, 9), (96, 1)]))
    bench.answer(bench.waiting()[0], snapshot(105, [(99, 5), (98, 7), (97, 5), (96, 2)], [(101, 5), (102, 5), (103, 5)]))
    assert verified(bench) == (1, 0)


def test_a_snapshot_ahead_of_the_book_waits_for_it() -> None:
    """Compared when the diffs have come to its moment, and not before."""
    bench = bench_with_book()
    bench.sleep(VERIFY_US)
    bench.answer(bench.waiting()[0], snapshot(104, [(99, 8), (98, 5), (97, 5)], [(101, 5), (102, 5), (103, 5)]))
    assert verified(bench) == (0, 0)
    bench.say(1, diff(101, 103, [(99, 7)]))
    assert verified(bench) == (0, 0)
    bench.say(1, diff(104, 104, [(99, 8)]))
    assert verified(bench) == (1, 0)


def test_a_snapshot_too_old_to_be_placed_proves_nothing() -> None:
    """Older than the diffs that are remembered."""
    bench = bench_with_book()
    bench.sleep(VERIFY_US)
    bench.say(1, *(diff(number, number, [(99, number)]) for number in range(101, 801)))
    bench.answer(bench.waiting()[0], snapshot(150, [(99, 1)], [(101, 5)]))
    assert verified(bench) == (0, 0)
    assert not bench.gaps()


def test_the_next_comparison_comes_whatever_became_of_the_last() -> None:
    """Failed, refused, unreadable, never answered: it is asked again at its time."""
    bench = bench_with_book()
    asked = 0
    for turn in range(4):
        bench.sleep(int(VERIFY_US * 1.2))
        fetches = bench.waiting()
        assert fetches, f"turn {turn}"
        asked += len(fetches)
        if turn == 0:
            bench.fail(fetches[-1])
        elif turn == 1:
            bench.answer(fetches[-1], b"", 500)
        elif turn == 2:
            bench.answer(fetches[-1], b"{}")
    assert asked >= 4
    assert not bench.gaps()


def test_usdm_books_are_compared_the_same_way() -> None:
    """Chained by pu, with ids that jump."""
    bench = bench_with_book(kind=MarketKind.USDM)
    bench.say(1, diff(90, 140, [(99, 6)], pu=80))
    bench.sleep(VERIFY_US)
    bench.say(1, diff(170, 190, [(98, 9)], pu=140))
    bench.answer(bench.waiting()[0], snapshot(150, [(99, 6), (98, 5), (97, 5)], [(101, 5), (102, 5), (103, 5)]))
    assert verified(bench) == (1, 0)

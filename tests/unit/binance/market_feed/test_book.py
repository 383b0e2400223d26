"""The book: snapshot and diffs, holes told at once, mended by the other connection or by a fresh snapshot."""

from itertools import pairwise

from feed_bench import SECOND_US, FeedBench, diff, quote, snapshot

from flashcrash_core.api import BookDelta, BookSnapshot, FeedGap, MarketKind, SyncState


def levels(bench: FeedBench, symbol: str = "AUSDT") -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The feed's own book."""
    book = bench.core.book(symbol).book
    return list(book.bids), list(book.asks)


def test_a_snapshot_is_asked_for_when_a_connection_is_open() -> None:
    """Not before: a snapshot taken earlier might not reach the first diff."""
    bench = FeedBench()
    assert not bench.waiting()
    bench.open(1)
    assert [(fetch.symbol, fetch.limit) for fetch in bench.waiting()] == [("AUSDT", 1000)]


def test_diffs_before_the_snapshot_are_in_the_first_book() -> None:
    """The first picture holds the diffs that came while the snapshot was under way, and leaves out those that it contains."""
    bench = FeedBench()
    bench.open(1)
    bench.say(1, diff(95, 99, [(98, 7)]), diff(100, 104, [(99, 5)]), diff(105, 110, [], [(102, 9)]))
    assert not bench.told
    (fetch,) = bench.waiting()
    bench.answer(fetch, snapshot(102, [(99, 1000)], [(101, 1000)]))
    (first,) = bench.told
    assert (type(first), first.update_id, first.bids, first.asks) == (BookSnapshot, 110, [(99, 5)], [(101, 1000), (102, 9)])


def test_a_snapshot_older_than_the_first_diff_is_fetched_again() -> None:
    """L < U0: the first snapshot is not used, the next one is."""
    bench = FeedBench()
    bench.open(1)
    bench.say(1, diff(200, 204))
    bench.answer(bench.waiting()[0], snapshot(150))
    assert not bench.told
    bench.sleep(SECOND_US)
    bench.answer(bench.waiting()[0], snapshot(202))
    assert [event.update_id for event in bench.of(BookSnapshot)] == [204]


def test_a_stale_snapshot_without_a_diff_to_hold_it_against() -> None:
    """After all connections were lost, a snapshot from before the loss is known to be old by the ids that were seen."""
    bench = FeedBench(connections=1).begin(100)
    bench.say(1, diff(101, 120))
    bench.close(1)
    bench.sleep(SECOND_US)
    bench.open(2)
    bench.answer(bench.waiting()[0], snapshot(110))
    assert bench.core.book("AUSDT").state is not SyncState.SYNCED
    bench.sleep(SECOND_US)
    bench.answer(bench.waiting()[0], snapshot(130))
    assert [event.update_id for event in bench.of(BookSnapshot)] == [100, 130]


def test_ids_that_began_anew_are_believed_in_the_end() -> None:
    """A venue that was reset counts from the beginning: its snapshots are taken after a minute, as sooner they may be stale."""
    bench = FeedBench(connections=1).begin(1_000_000)
    bench.close(1)
    bench.sleep(SECOND_US)
    bench.open(2)
    taken_us = 0
    began_us = bench.now_us
    while not taken_us and bench.now_us < began_us + 120 * SECOND_US:
        bench.sleep(SECOND_US // 2)
        for fetch in bench.waiting():
            bench.answer(fetch, snapshot(50))
        taken_us = bench.now_us if bench.of(BookSnapshot)[-1].update_id == 50 else 0
    assert 60 * SECOND_US <= taken_us - began_us < 70 * SECOND_US


def test_stale_snapshots_do_not_put_off_the_sound_one() -> None:
    """However many were stale, the next request is sent within about a second."""
    bench = FeedBench(connections=1).begin(100)
    bench.close(1)
    bench.sleep(SECOND_US)
    bench.open(2)
    for _ in range(40):
        bench.sleep(SECOND_US // 4)
        for fetch in bench.waiting():
            bench.answer(fetch, snapshot(50))
    bench.sleep(int(1.1 * SECOND_US))
    assert len(bench.waiting()) == 1


def test_diffs_that_continue_the_book_are_told_as_they_come() -> None:
    """Each diff becomes one event, and the feed's own book holds it."""
    bench = FeedBench().begin(100)
    assert [type(event) for event in bench.say(1, diff(101, 103, [(99, 0), (98, 4)]), diff(104, 104, [], [(101, 2)]))] == [
        BookDelta
    ] * 2
    assert levels(bench) == ([(98, 4)], [(101, 2)])


def test_futures_chain_by_the_previous_id() -> None:
    """The first diff straddles the snapshot, the next has pu == u, and ids in between say nothing."""
    bench = FeedBench(kind=MarketKind.USDM).begin(100)
    bench.say(1, diff(90, 140, [(98, 3)], pu=80), diff(170, 190, [(97, 3)], pu=140))
    assert [event.last_id for event in bench.of(BookDelta)] == [140, 190]
    bench.say(1, diff(191, 195, pu=190 - 1))
    assert bench.gaps() == ["hole"]


def test_a_hole_is_told_with_the_message_that_shows_it() -> None:
    """The message after a lost diff becomes a gap, at once, and nothing of the book follows until it is whole."""
    bench = FeedBench().begin(100)
    (told,) = bench.say(1, diff(105, 106))
    assert type(told) is FeedGap
    assert not bench.say(1, diff(107, 108), diff(109, 110))


def test_other_symbols_go_on() -> None:
    """A hole in one symbol's book leaves the other's as it is."""
    bench = FeedBench(symbols=("AUSDT", "BUSDT")).begin(100)
    bench.say(1, diff(105, 106), diff(101, 102, [(98, 4)], symbol="BUSDT"))
    assert (bench.gaps("AUSDT"), bench.gaps("BUSDT")) == (["hole"], [])
    assert [event.last_id for event in bench.of(BookDelta, "BUSDT")] == [102]


def test_the_other_connection_fills_a_hole_without_rest() -> None:
    """The missing diff makes the book whole: it is told as a whole, and no snapshot was asked for."""
    bench = FeedBench().begin(100)
    bench.say(1, diff(103, 104, [(98, 4)]))
    (whole,) = bench.say(2, diff(101, 102, [(97, 3)]))
    assert (type(whole), whole.update_id, whole.bids) == (BookSnapshot, 104, [(99, 1000), (98, 4), (97, 3)])
    bench.sleep(2 * SECOND_US)
    assert not bench.waiting()
    assert bench.core.health(bench.now_us).symbols["AUSDT"].healed == 1


def test_two_holes_are_filled_in_any_order() -> None:
    """The book is whole only when the last hole is filled."""
    bench = FeedBench().begin(100)
    bench.say(1, diff(102, 102), diff(104, 104), diff(105, 105))
    assert not bench.say(2, diff(103, 103))
    (whole,) = bench.say(2, diff(101, 101))
    assert whole.update_id == 105


def test_a_hole_that_nobody_fills_is_mended_by_a_snapshot() -> None:
    """With a second connection it may have a moment first; then REST is asked, and the diffs since are in the new book."""
    bench = FeedBench().begin(100)
    bench.say(1, diff(105, 106, [(98, 4)]))
    assert not bench.waiting()
    bench.sleep(SECOND_US // 2)
    (fetch,) = bench.waiting()
    bench.say(1, diff(107, 108, [(97, 4)]))
    bench.answer(fetch, snapshot(105, [(99, 1000)], [(101, 1000)]))
    assert (bench.told[-1].update_id, levels(bench)[0]) == (108, [(99, 1000), (98, 4), (97, 4)])


def test_with_one_connection_a_snapshot_is_asked_for_at_once() -> None:
    """Nobody else could fill the hole."""
    bench = FeedBench(connections=1).begin(100)
    bench.say(1, diff(105, 106))
    bench.sleep(60_000)
    assert len(bench.waiting()) == 1


def test_failed_snapshots_are_asked_for_again_after_growing_waits() -> None:
    """Errors and refusals: each wait is longer on average, and there is always one request at most."""
    bench = FeedBench(connections=1).begin(100)
    bench.say(1, diff(105, 106))
    failed_us = []
    while len(failed_us) < 8:
        bench.sleep(50_000)
        for fetch in bench.waiting():
            assert len(bench.waiting()) == 1
            failed_us.append(bench.now_us)
            bench.answer(fetch, b"oops", 503) if len(failed_us) % 2 else bench.fail(fetch)
    waits = [after - before for before, after in pairwise(failed_us)]
    assert waits[0] < SECOND_US < waits[-1]
    assert sum(waits[4:]) > 4 * sum(waits[:3])


def test_an_answer_that_took_long_is_still_used() -> None:
    """A venue that needs longer than is waited for would otherwise never give a book."""
    bench = FeedBench()
    bench.open(1)
    (fetch,) = bench.waiting()
    bench.sleep(8 * SECOND_US)
    bench.answer(fetch, snapshot(100))
    assert [event.update_id for event in bench.of(BookSnapshot)] == [100]


def test_a_book_that_nobody_hears_is_given_up() -> None:
    """All connections are lost: a gap, and after the next opens a snapshot, even if ids happened to match."""
    bench = FeedBench().begin(100)
    bench.close(1)
    assert not bench.gaps()
    bench.close(2)
    assert bench.gaps() == ["disconnected"]
    bench.sleep(SECOND_US)
    bench.open(bench.connects()[-1].connection)
    assert not [event for event in bench.say(bench.connects()[-1].connection, diff(101, 102)) if type(event) is BookDelta]
    bench.answer(bench.waiting()[0], snapshot(101))
    assert bench.told[-1].update_id == 102


def test_one_connection_is_enough() -> None:
    """The other breaks: no gap, no request, diffs go on."""
    bench = FeedBench().begin(100)
    bench.close(2)
    bench.say(1, diff(101, 102))
    assert not bench.gaps()
    assert not bench.waiting()


def test_prices_near_the_last_level_of_the_snapshot_ask_for_a_deeper_look() -> None:
    """What lies beyond is unknown: a full snapshot is fetched before the price gets there, without a gap."""
    ladder = {"bids": [(1000 - step, 10) for step in range(100)], "asks": [(1001 + step, 10) for step in range(100)]}
    bench = FeedBench(limit=100).begin(100, **ladder)
    bench.say(1, diff(101, 101, [(1000 - step, 0) for step in range(50)]))
    bench.sleep(SECOND_US)
    assert not bench.waiting()
    bench.say(1, diff(102, 102, [(1000 - step, 0) for step in range(50, 80)]))
    bench.sleep(SECOND_US)
    (fetch,) = bench.waiting()
    deeper = {"bids": [(920 - step, 10) for step in range(100)], "asks": ladder["asks"]}
    bench.answer(fetch, snapshot(102, **deeper))
    assert levels(bench)[0][-1] == (821, 10)
    assert not bench.gaps()
    bench.sleep(20 * SECOND_US)
    assert not bench.waiting()


def test_a_whole_small_book_has_no_edge() -> None:
    """A snapshot with fewer levels than asked for is the whole book: nothing lies beyond it."""
    bench = FeedBench().begin(100, bids=[(99, 1), (98, 1)])
    bench.say(1, diff(101, 101, [(99, 0)]))
    bench.sleep(10 * SECOND_US)
    assert not bench.waiting()


def test_a_crossed_snapshot_is_refused() -> None:
    """Bid above ask: no book to trade on; counted, and asked for again."""
    bench = FeedBench()
    bench.open(1)
    bench.answer(bench.waiting()[0], snapshot(100, [(102, 5)], [(101, 5)]))
    assert not bench.of(BookSnapshot)
    assert bench.core.health(bench.now_us).rejected["snapshot_crossed"] == 1
    bench.sleep(SECOND_US)
    bench.answer(bench.waiting()[0], snapshot(100))
    assert bench.of(BookSnapshot)


def test_a_book_that_crosses_is_compared_at_once() -> None:
    """A diff after which the best bid is above the best ask: the venue is asked within a quarter of a second."""
    bench = FeedBench(verify_us=60 * SECOND_US).begin(100)
    bench.say(1, diff(101, 101, [(105, 7)]))
    bench.sleep(SECOND_US // 4)
    (fetch,) = bench.waiting()
    assert fetch.limit == 100
    bench.answer(fetch, snapshot(101, [(99, 1000)], [(101, 1000)]))
    assert bench.gaps() == ["differs_from_venue"]


def test_ids_far_beyond_any_market_do_not_hold_up_the_book() -> None:
    """A diff with a damaged id is refused; what follows it still finds its book."""
    bench = FeedBench().begin(100)
    bench.say(1, diff(9 * 10**17, 9 * 10**17 + 1))
    assert bench.core.health(bench.now_us).rejected["bad_ids"] == 1
    bench.say(1, diff(101, 102))
    assert [event.last_id for event in bench.of(BookDelta)] == [102]


def test_damaged_ids_before_the_first_book() -> None:
    """A diff of which no snapshot can ever be new enough is let go with the first snapshot."""
    bench = FeedBench()
    bench.open(1)
    bench.say(1, diff(101, 102), diff(9 * 10**17, 9 * 10**17 + 1))
    bench.answer(bench.waiting()[0], snapshot(101))
    assert [event.update_id for event in bench.of(BookSnapshot)] == [102]


def test_a_quote_and_the_book_at_the_same_id_that_disagree() -> None:
    """Best levels must be equal at equal ids: the venue is asked within about a second."""
    bench = FeedBench(verify_us=60 * SECOND_US).begin(100)
    bench.say(1, quote(100, (98, 5), (101, 5)))
    assert bench.core.health(bench.now_us).symbols["AUSDT"].ticker_differences == 1
    bench.sleep(int(1.2 * SECOND_US))
    assert len(bench.waiting()) == 1

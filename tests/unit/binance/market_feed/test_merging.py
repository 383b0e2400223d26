"""Two connections tell the same: what comes first wins, nothing is told twice, each fills the other's holes."""

import pytest
from feed_bench import SECOND_US, START_US, FeedBench, diff, print_, quote

from flashcrash_core.api import BestQuote, BookDelta, MarketKind, Rejected, Trade


def told_trades(bench: FeedBench) -> list[int]:
    """Ids in the order in which they were told."""
    return [event.trade_id for event in bench.of(Trade)]


@pytest.mark.parametrize("first", [1, 2])
def test_the_first_copy_wins(first: int) -> None:
    """Whichever connection is quicker: one event for each message, the copy says nothing and is counted."""
    bench = FeedBench().begin(100)
    messages = [print_(1), quote(101), diff(101, 102), print_(2)]
    assert [type(event) for event in bench.say(first, *messages)] == [Trade, BestQuote, BookDelta, Trade]
    assert not bench.say(3 - first, *messages)
    assert bench.core.health(bench.now_us).duplicates == 4


def test_copies_that_are_written_differently_are_told_apart_by_their_ids() -> None:
    """The same trade and diff in other bytes are not told again."""
    bench = FeedBench().begin(100)
    bench.say(1, print_(1), diff(101, 102), quote(102))
    assert not bench.say(
        2, print_(1, x=1), diff(101, 102).replace(b'","data', b'" ,"data'), quote(102).replace(b'","data', b'" ,"data')
    )


def test_a_missing_trade_is_told_late_when_the_other_brings_it() -> None:
    """A hole in the ids is filled by the other connection, out of order, once."""
    bench = FeedBench().begin()
    bench.say(1, print_(10), print_(13))
    bench.say(2, print_(10), print_(11), print_(12), print_(13))
    assert told_trades(bench) == [10, 13, 11, 12]
    assert bench.core.health(bench.now_us).symbols["AUSDT"].trades_late == 2
    assert bench.core.health(bench.now_us).symbols["AUSDT"].trades_lost == 0


def test_trades_that_nobody_brings_are_counted() -> None:
    """A hole that stays is in the numbers."""
    bench = FeedBench().begin()
    bench.say(1, print_(10), print_(15))
    assert bench.core.health(bench.now_us).symbols["AUSDT"].trades_lost == 4


def test_missing_ids_are_bounded() -> None:
    """Many holes: the oldest are given up, and nothing is told twice."""
    bench = FeedBench().begin()
    bench.say(1, *(print_(number) for number in range(1, 9_001, 3)))
    merge = bench.core.symbols["AUSDT"].trades
    assert len(merge.missing) <= 1_000
    bench.say(2, *(print_(number) for number in range(1, 9_001)))
    assert len(set(told_trades(bench))) == len(told_trades(bench))
    assert merge.lost + len(told_trades(bench)) == 9_000


def test_aggregates_go_by_their_own_id() -> None:
    """aggTrade has its id in ``a``."""
    bench = FeedBench(aggregates=True).begin()
    message = print_(1).replace(b'"e":"trade"', b'"e":"aggTrade"').replace(b'"t":1', b'"a":77').replace(b"@trade", b"@aggTrade")
    bench.say(1, message)
    assert told_trades(bench) == [77]


def test_only_newer_quotes_are_told() -> None:
    """An older u says nothing new, also from the connection that told the newer one."""
    bench = FeedBench().begin()
    bench.say(1, quote(105), quote(104), quote(106))
    bench.say(2, quote(103), quote(105), quote(106), quote(107))
    assert [event.update_id for event in bench.of(BestQuote)] == [105, 106, 107]


def test_a_quote_far_beyond_the_book_is_refused() -> None:
    """One damaged u would silence all quotes after it."""
    bench = FeedBench().begin(100)
    bench.say(1, quote(9 * 10**17), quote(101))
    assert [event.update_id for event in bench.of(BestQuote)] == [101]
    assert [event.reason for event in bench.of(Rejected)] == ["bad_ids"]


def test_a_trade_id_far_beyond_the_others_is_refused() -> None:
    """It would make all that follow look old."""
    bench = FeedBench().begin()
    bench.say(1, print_(10), print_(9 * 10**17), print_(11))
    assert told_trades(bench) == [10, 11]
    assert [event.reason for event in bench.of(Rejected)] == ["bad_ids"]


def test_a_damaged_trade_id_does_not_silence_the_others() -> None:
    """A wrong id that could be true is told as it came; the trades after it are soon believed again, each once."""
    bench = FeedBench().begin()
    bench.say(1, print_(10, at_us=START_US), print_(50_010, at_us=START_US + 1_000))
    for number in range(11, 31):
        for connection in (1, 2):
            bench.say(connection, print_(number, at_us=START_US + number * 1_000))
    assert told_trades(bench) == [10, 50_010, *range(13, 31)]


def test_a_damaged_quote_id_does_not_silence_the_others() -> None:
    """When the book went past without a newer quote for long, the last one was wrong: a gap, the book, and quotes go on."""
    bench = FeedBench().begin(100)
    bench.say(1, quote(101), quote(1_000_000))
    for number in range(101, 221):
        bench.sleep(100_000)
        bench.say(1, diff(number, number, at_us=bench.now_us), quote(number, (99, number)))
    assert bench.gaps() == ["quotes_stuck"]
    assert [event.update_id for event in bench.of(BestQuote)][-15:] == list(range(206, 221))


def test_a_slow_connection_never_looks_like_new_ids() -> None:
    """Thousands of old trades on the connection that lags are copies, however late."""
    bench = FeedBench().begin()
    trades = [print_(number, at_us=START_US + number * 10_000) for number in range(1, 6_001)]
    for trade in trades:
        bench.now_us += 10_000
        bench.say(1, trade)
    bench.close(1)
    bench.now_us += 40 * SECOND_US
    bench.say(2, *trades)
    assert told_trades(bench) == list(range(1, 6_001))


def test_usdm_needs_two_paths() -> None:
    """Aggregates travel on ``market``, the rest on ``public``: each with as many connections."""
    bench = FeedBench(kind=MarketKind.USDM, aggregates=True, symbols=("AUSDT", "BUSDT"))
    assert [(one.group, one.streams) for one in bench.connects()] == [
        ("public", ("ausdt@depth@100ms", "ausdt@bookTicker", "busdt@depth@100ms", "busdt@bookTicker")),
        ("public", ("ausdt@depth@100ms", "ausdt@bookTicker", "busdt@depth@100ms", "busdt@bookTicker")),
        ("market", ("ausdt@aggTrade", "busdt@aggTrade")),
        ("market", ("ausdt@aggTrade", "busdt@aggTrade")),
    ]


def test_many_symbols_share_connections_within_the_limit() -> None:
    """A connection carries so many streams at most, and a symbol's stay together."""
    symbols = tuple(f"S{number}USDT" for number in range(10))
    bench = FeedBench(symbols=symbols, streams_per_connection=9, connections=1)
    carried = [one.streams for one in bench.connects()]
    assert [len(streams) for streams in carried] == [9, 9, 9, 3]
    assert {name.split("@")[0].upper() for name in carried[0]} == set(symbols[:3])

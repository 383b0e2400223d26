"""Control lines: what a replay makes of them, and that a socket cannot send them."""

from collections.abc import Callable
from decimal import Decimal
from itertools import count

import msgspec
import pytest

from flashcrash_binance.codec import BadMessage, MarketCodec
from flashcrash_binance.recording.control_lines import (
    BOOK_START,
    BookPicture,
    Heading,
    book_line,
    gap_line,
    heading_line,
    read_heading,
    rejected_line,
    snapshot_line,
    timer_line,
)
from flashcrash_core.api import BookSnapshot, BookSync, FeedGap, Instrument, MarketEvent, MarketKind, Rejected, Timer

COIN = Instrument("COINUSDT", "0.05", "0.001", "10", "USDT", MarketKind.USDM)
PICTURE = BookPicture(77, [(2000, 5), (1999, 1_000_000)], [(2001, 1)])


def codec(**settings: bool) -> MarketCodec:
    return MarketCodec({"COINUSDT": COIN}, count(1).__next__, kind=MarketKind.USDM, snapshot_symbol="COINUSDT", **settings)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (timer_line("COINUSDT", 5), Timer("COINUSDT", 1, 5, 9)),
        (timer_line("COINUSDT", None), Timer("COINUSDT", 1, None, 9)),
        (gap_line("COINUSDT", "gap"), FeedGap("COINUSDT", 1, None, 9, "gap")),
        (rejected_line("COINUSDT", "nan", 'a "quoted"\nword'), Rejected("COINUSDT", 1, None, 9, "nan", 'a "quoted"\nword')),
        (book_line(PICTURE, COIN), BookSnapshot("COINUSDT", 1, None, 9, 77, PICTURE.bids, PICTURE.asks)),
        (snapshot_line(PICTURE, COIN), BookSnapshot("COINUSDT", 1, None, 9, 77, PICTURE.bids, PICTURE.asks)),
        (heading_line(Heading.of(COIN, "a", 1)), None),
    ],
)
def test_a_control_line_becomes_the_event_it_tells_of(line: bytes, expected: MarketEvent | None) -> None:
    """Timers, gaps, refusals and books come back as they were, to the tick and lot; none holds a line break."""
    assert b"\n" not in line
    assert codec(recorded=True).decode(line, 9) == expected


def test_a_socket_cannot_send_control_lines() -> None:
    """A live codec refuses them: only a recorder may say that time passed or that a book is right."""
    for line in (timer_line("COINUSDT", 5), gap_line("COINUSDT", "x"), rejected_line("COINUSDT", "x", "y")):
        with pytest.raises(BadMessage) as refused:
            codec().decode(line, 9)
        assert refused.value.reason == "unknown_event"
    # a book line holds what a snapshot holds, so it is read as one or refused, but never taken for the recorder's word
    live = codec()
    live.use_books = False
    assert isinstance(live.decode(book_line(PICTURE, COIN), 9), BookSnapshot)


@pytest.mark.parametrize(
    "line",
    [
        b'{"flashcrash":"news","s":"COINUSDT"}',
        b'{"flashcrash":"gap","s":"COINUSDT"}',
        b'{"flashcrash":"rejected","s":"COINUSDT"}',
    ],
)
def test_an_unknown_control_line_breaks_the_book(line: bytes) -> None:
    """A line of a later version is refused by name; what it told may have been a hole, so the book is lost with it."""
    with pytest.raises(BadMessage) as refused:
        codec(recorded=True).decode(line, 9)
    assert (refused.value.reason, refused.value.breaks_book, refused.value.symbol) == ("bad_control_line", True, "COINUSDT")


def test_a_carried_book_is_left_out_for_who_has_it() -> None:
    """With use_books off a book line gives nothing; a bare snapshot still does."""
    reader = codec(recorded=True)
    reader.use_books = False
    assert reader.decode(book_line(PICTURE, COIN), 9) is None
    assert isinstance(reader.decode(snapshot_line(PICTURE, COIN), 9), BookSnapshot)
    assert book_line(PICTURE, COIN).startswith(BOOK_START)


def test_a_heading_gives_its_instrument_back() -> None:
    """The grid of a recording is the one that the feed had, whatever the data would suggest."""
    heading = read_heading(heading_line(Heading.of(COIN, "a", 3)))
    assert heading is not None
    assert heading.instrument() == COIN
    assert (heading.recording, heading.part) == ("a", 3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:-1],
        lambda line: line.replace(b'"0.05"', b'"0"'),
        lambda line: line.replace(b'"0.05"', b'"NaN"'),
        lambda line: line.replace(b'"usdm"', b'"swap"'),
        lambda line: line.replace(b'"v":1', b'"v":2'),
        lambda line: line.replace(b'"part":1', b'"part":"1"'),
        lambda line: gap_line("COINUSDT", "recording"),
    ],
)
def test_a_damaged_heading_is_none(damage: Callable[[bytes], bytes]) -> None:
    """What is no heading of this version is not read as one, and raises nothing."""
    line = heading_line(Heading.of(COIN, "a", 1))
    assert damage(line) != line
    assert read_heading(damage(line)) is None


def test_only_the_next_part_of_the_same_recording_continues() -> None:
    """Another recording, another symbol, a part left out, or the same one again do not."""
    first = Heading.of(COIN, "a", 1)
    other = Instrument("OTHER", "0.05", "0.001")
    assert Heading.of(COIN, "a", 2).continues(first)
    assert not Heading.of(COIN, "a", 3).continues(first)
    assert not Heading.of(COIN, "b", 2).continues(first)
    assert not Heading.of(other, "a", 2).continues(first)
    assert not first.continues(first)
    assert not first.continues(None)


def test_a_picture_is_a_copy() -> None:
    """What happens to the book after the picture was taken does not change it."""
    sync = BookSync()
    sync.on_snapshot(BookSnapshot("COINUSDT", 1, None, 9, 5, [(10, 1)], [(11, 1)]))
    picture = BookPicture.of(sync)
    sync.book.bids.set_level(10, 99)
    assert picture == BookPicture(5, [(10, 1)], [(11, 1)])


@pytest.mark.parametrize(
    ("tick", "lot"), [("0.01", "0.00001"), ("0.05", "1"), ("10", "100"), ("0.00000001", "0.1"), ("2.5", "0.5")]
)
def test_levels_are_written_exactly(tick: str, lot: str) -> None:
    """Whatever the grid: the text of a level is the exact decimal of its ticks and lots."""
    one = Instrument("COINUSDT", tick, lot)
    levels = [(1, 1), (9, 10), (123_456_789, 987_654_321), (10**11, 1)]
    text = msgspec.json.decode(snapshot_line(BookPicture(7, levels, []), one))
    assert [(Decimal(price), Decimal(qty)) for price, qty in text["bids"]] == [(one.price(t), one.quantity(q)) for t, q in levels]
    assert text["asks"] == []

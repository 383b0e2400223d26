"""Writing tapes and reading them back: the same events, days apart, marks for what is wrong, and a hash of the content alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from flashcrash_core.api import (
    BookDelta,
    BookSnapshot,
    BookSync,
    Continuity,
    DataError,
    DataTier,
    FeedGap,
    Instrument,
    MarketEvent,
    Rejected,
    Side,
    Tape,
    TapeMarket,
    Timer,
    Trade,
    UsageError,
    columns_from,
    open_tape,
    tape_events,
    write_tape,
)
from flashcrash_core.market.tape.columns import TABLES
from flashcrash_core.market.tape.manifest import TapeSourceFile
from flashcrash_core.market.tape.rows import MAX_TEXTS

SYMBOL = "SIMUSDT"
T0 = 1_893_456_000_000_000
Plain = Callable[[Any], list[Any]]
Write = Callable[..., Tape]


def trade(number: int, at_us: int, received_us: int | None = None) -> Trade:
    """A trade at ``T0 + at_us``."""
    return Trade(SYMBOL, number, T0 + at_us, T0 + (at_us if received_us is None else received_us), number, 5_000_000, 10, Side.BUY)


def test_same_events(write: Write, calm: list[MarketEvent], plain: Plain) -> None:
    """A tape gives back every event of the market with every field."""
    tape = write(calm)
    assert plain(tape_events(tape.columns)) == plain(calm)
    assert [event.seq for event in tape_events(tape.columns, 7)] == list(range(7, 7 + len(calm)))


def test_every_kind_of_event(write: Write, plain: Plain) -> None:
    """Gaps, refused messages, timers, futures diffs and events without an exchange time survive as they were."""
    events: list[MarketEvent] = [
        Rejected(SYMBOL, 1, None, 0, "not_json", "x.gz:1 bad"),
        BookSnapshot(SYMBOL, 2, None, T0, 100, [(5_000_000, 3)], [(5_000_100, 4)]),
        trade(1, 1_000),
        FeedGap(SYMBOL, 4, None, T0 + 2_000, "trade_id_gap"),
        Rejected(SYMBOL, 5, None, T0 + 2_000, "not_json", "x.gz:9 bad"),
        Timer(SYMBOL, 6, T0 + 3_000, T0 + 3_500),
        BookDelta(SYMBOL, 7, T0 + 4_000, T0 + 4_000, 101, 102, [(5_000_000, 0)], []),
    ]
    tape = write(events)
    assert plain(tape_events(tape.columns)) == plain(events)
    assert plain(tape_events(columns_from(events, SYMBOL))) == plain(events)
    futures = BookDelta(SYMBOL, 1, T0, T0, 5, 9, [(1, 1)], [(2, 1)], prev_id=4, continuity=Continuity.FUTURES)
    assert plain(tape_events(columns_from([futures], SYMBOL))) == plain([futures])


def test_columns_in_memory_are_those_of_the_tape(write: Write, calm: list[MarketEvent]) -> None:
    """``columns_from`` gives what a tape of the same events holds, whatever other symbols stand between."""
    other = msgspec.structs.replace(calm[5], symbol="OTHER")
    tape, columns = write(calm).columns, columns_from([*calm[:10], other, *calm[10:]], SYMBOL)
    for table, names in TABLES.items():
        for name, dtype in names.items():
            assert np.array_equal(tape.tables[table][name], columns.tables[table][name]), (table, name)
            assert columns.tables[table][name].dtype == dtype


def test_hash_is_of_the_content(write: Write, calm: list[MarketEvent], tmp_path: Path) -> None:
    """Place, source files and texts of refused messages do not change the hash; one quantity does."""
    first = write(calm, "a").manifest
    source = TapeSourceFile("other.gz", 5, "0" * 64)
    assert write(calm, "b", sources=[source]).manifest.hash == first.hash
    refused = [Rejected(SYMBOL, 0, None, calm[-1].receive_us, "zero", f"{name}:1 price") for name in ("x.gz", "y.gz")]
    hashes = {write([*calm, one], f"r{number}").manifest.hash for number, one in enumerate(refused)}
    assert len(hashes) == 1
    assert first.hash not in hashes
    at = next(number for number, event in enumerate(calm) if isinstance(event, Trade))
    changed = [*calm[:at], msgspec.structs.replace(calm[at], qty_lots=calm[at].qty_lots + 1), *calm[at + 1 :]]
    assert write(changed, "c").manifest.hash != first.hash


def test_a_day_begins_with_the_book(tmp_path: Path, over_midnight: list[MarketEvent], market: TapeMarket, plain: Plain) -> None:
    """At midnight another tape begins: it starts with a snapshot of the book, so it gives the same book when read alone."""
    published = write_tape(tmp_path, over_midnight, {SYMBOL: market})
    assert [one.path.name for one in published] == ["2030-01-01", "2030-01-02"]
    first, second = (open_tape(one.path) for one in published)
    assert first.manifest.mark("carried_snapshot") is None
    assert second.manifest.mark("carried_snapshot") is not None
    events = [*tape_events(first.columns), *tape_events(second.columns)]
    carried = events.pop(len(first.columns))
    assert isinstance(carried, BookSnapshot)
    assert plain(events) == plain(over_midnight)
    whole, alone = BookSync(), BookSync()
    for event in over_midnight:
        feed(whole, event)
    for event in tape_events(second.columns):
        feed(alone, event)
    assert alone.update_id == whole.update_id
    assert alone.counts == {}
    assert (list(alone.book.bids), list(alone.book.asks)) == (list(whole.book.bids), list(whole.book.asks))


def test_rows_of_marks_count_the_carried_snapshot(tmp_path: Path, over_midnight: list[MarketEvent], market: TapeMarket) -> None:
    """The row that a mark names is that of the tape, the snapshot at its start included."""
    refused = Rejected(SYMBOL, 0, None, over_midnight[-1].receive_us, "zero", "f.gz:3 price")
    tape = open_tape(write_tape(tmp_path, [*over_midnight, refused], {SYMBOL: market})[1].path)
    mark = tape.manifest.mark("rejected.zero")
    assert mark is not None
    assert mark.row == len(tape.columns) - 1


def feed(sync: BookSync, event: MarketEvent) -> None:
    """Let a book see what is of it."""
    if isinstance(event, BookSnapshot):
        sync.on_snapshot(event)
    elif isinstance(event, BookDelta):
        sync.on_delta(event)


def test_an_event_never_opens_an_earlier_day(tmp_path: Path, market: TapeMarket) -> None:
    """A late trade of the day before, and one with a corrupt stamp, stay in the day of the event clock."""
    day_us = 86_400_000_000
    corrupt = trade(4, 5 * day_us, day_us + 3_000_000)
    events = [trade(1, day_us - 1), trade(2, day_us + 1), trade(3, day_us - 2, day_us + 2), corrupt, trade(5, day_us + 9)]
    published = write_tape(tmp_path, events, {SYMBOL: market})
    tapes = [open_tape(one.path) for one in published]
    assert [tape.manifest.day for tape in tapes] == ["2030-01-01", "2030-01-02"]
    assert [tape.manifest.rows["trades"] for tape in tapes] == [1, 4]
    assert {mark.what for mark in tapes[1].manifest.marks} == {"out_of_order", "time_leap"}


def test_a_missing_day_is_marked(tmp_path: Path, market: TapeMarket) -> None:
    """The tape after the hole says which days are missing, and that trade ids jump."""
    day_us = 86_400_000_000
    published = write_tape(tmp_path, [trade(1, 5), trade(9, 3 * day_us)], {SYMBOL: market})
    after = open_tape(published[1].path).manifest
    missing, jump = after.mark("missing_days"), after.mark("trade_id_gap")
    assert missing is not None
    assert (missing.count, missing.detail) == (2, "nothing from 2030-01-02, 2030-01-03")
    assert jump is not None


def test_marks_tell_what_was_found_and_where(write: Write, calm: list[MarketEvent]) -> None:
    """A lost update, a refused message, a late event and an id told twice are counted, with the row of the first."""
    updates = [number for number, event in enumerate(calm) if isinstance(event, BookDelta)]
    events = [event for number, event in enumerate(calm) if number != updates[10]]
    last = events[-1]
    late = msgspec.structs.replace(next(e for e in events if isinstance(e, Trade)), receive_us=last.receive_us)
    refused = Rejected(SYMBOL, 0, None, last.receive_us, "zero", "f.gz:3 price")
    marks = {mark.what: mark for mark in write([*events, refused, late]).manifest.marks}
    assert set(marks) == {"book_gap", "book_unsynced", "rejected.zero", "late", "trade_id_back"}
    assert (marks["book_gap"].row, marks["book_gap"].count) == (updates[11] - 1, 1)
    assert marks["rejected.zero"].row == len(events)
    assert "f.gz:3 price" in marks["rejected.zero"].detail
    assert marks["late"].row == marks["trade_id_back"].row == len(events) + 1


def test_a_book_without_its_snapshot_is_marked(write: Write, calm: list[MarketEvent]) -> None:
    """A tape whose book is never usable says so."""
    tape = write([event for event in calm if not isinstance(event, BookSnapshot)])
    mark = tape.manifest.mark("no_snapshot")
    assert mark is not None
    assert mark.count == tape.manifest.rows["books"]


def test_events_far_out_of_order_are_refused(tmp_path: Path, market: TapeMarket) -> None:
    """A minute back in receive time is no jitter: refused with the place, and nothing is left behind."""
    with pytest.raises(DataError, match=r"event 1 of SIMUSDT was received 70\.0 s before one ahead of it"):
        write_tape(tmp_path / "out", [trade(1, 80_000_000), trade(2, 10_000_000)], {SYMBOL: market})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("unit", [1_000, 1_000_000], ids=["milliseconds", "seconds"])
def test_a_time_in_another_unit_is_refused(unit: int, tmp_path: Path, market: TapeMarket) -> None:
    """Milliseconds or seconds taken for microseconds lie in January 1970: refused, not imported as that day."""
    wrong = msgspec.structs.replace(trade(1, 0), exchange_us=T0 // unit, receive_us=T0 // unit)
    with pytest.raises(DataError, match=r"is 1970-01-.*unit of time is not what its format says"):
        write_tape(tmp_path / "out", [wrong], {SYMBOL: market})
    assert not (tmp_path / "out").exists()


def test_numbers_beyond_64_bits_are_refused(tmp_path: Path, market: TapeMarket) -> None:
    """An id that no column can hold is named."""
    with pytest.raises(DataError, match="a number beyond 64 bits in Trade"):
        write_tape(tmp_path / "out", [msgspec.structs.replace(trade(1, 0), trade_id=2**63)], {SYMBOL: market})


def test_too_many_different_refusals_are_an_error(tmp_path: Path, market: TapeMarket) -> None:
    """What cannot be used is kept as text; a hundred thousand such texts are a wrong file, and must not fill the memory."""
    refused = (Rejected(SYMBOL, 0, None, T0, "off_tick", f"x.csv:{number} price") for number in range(MAX_TEXTS + 1))
    with pytest.raises(DataError, match=r"more than 100,000 messages of one day cannot be used, the first: off_tick: x\.csv:0"):
        write_tape(tmp_path / "out", [trade(1, 0), *refused], {SYMBOL: market})


def test_one_market_by_itself(tmp_path: Path, instrument: Instrument, market: TapeMarket) -> None:
    """Diffs that chain by the other market's rule, unknown symbols and symbols that name no folder are refused."""
    futures = BookDelta(SYMBOL, 1, T0, T0, 5, 9, [], [], prev_id=4, continuity=Continuity.FUTURES)
    with pytest.raises(DataError, match="chains by the futures rule, the tape by the spot rule"):
        write_tape(tmp_path / "out", [futures], {SYMBOL: market})
    with pytest.raises(DataError, match="an event of SIMUSDT, which its feed did not announce"):
        write_tape(tmp_path / "out", [trade(1, 0)], {})
    evil = Instrument("../X", "0.01", "0.01")
    with pytest.raises(DataError, match="cannot name a folder"):
        write_tape(
            tmp_path / "out",
            [msgspec.structs.replace(trade(1, 0), symbol="../X")],
            {"../X": TapeMarket(evil, has_book=False, data_tier=DataTier.TRADES)},
        )
    assert not (tmp_path / "out").exists()


def test_a_place_that_is_taken(tmp_path: Path, calm: list[MarketEvent], market: TapeMarket) -> None:
    """The same content is left alone, another is refused unless forced, and what is no tape is never touched."""
    markets = {SYMBOL: market}
    assert [one.outcome for one in write_tape(tmp_path, calm, markets)] == ["written"]
    manifest = tmp_path / SYMBOL / "2030-01-01" / "tape.json"
    before = manifest.stat()
    assert [one.outcome for one in write_tape(tmp_path, calm, markets)] == ["unchanged"]
    assert (manifest.stat().st_ino, manifest.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    with pytest.raises(UsageError, match="holds a tape with other content; --force replaces it"):
        write_tape(tmp_path, calm[:100], markets)
    assert [one.outcome for one in write_tape(tmp_path, calm[:100], markets, force=True)] == ["replaced"]
    assert len(open_tape(tmp_path / SYMBOL / "2030-01-01").columns) == 100
    (tmp_path / "b" / SYMBOL / "2030-01-01").mkdir(parents=True)
    (tmp_path / "b" / SYMBOL / "2030-01-01" / "mine.txt").write_text("of value")
    for force in (False, True):
        with pytest.raises(UsageError, match="is there already and is no tape"):
            write_tape(tmp_path / "b", calm, markets, force=force)
    assert sorted(path.name for path in tmp_path.iterdir()) == [SYMBOL, "b"], "no hidden folder is left"

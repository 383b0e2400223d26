"""Feed replay: captures written by the tests, whole, broken, mixed and cut."""

import gzip
import itertools
import json
import zipfile
from pathlib import Path

import pytest

from flashcrash_core.api import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    DataError,
    DataTier,
    FeedGap,
    FeedRequest,
    MarketEvent,
    MarketKind,
    Rejected,
    Trade,
    UsageError,
)
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_feeds.replay import ReplayFeed, ReplaySource, opens

NS = 1_700_000_000_000_000_000
MS = 1_700_000_000_000


def depth(first: int, last: int, symbol: str = "BTCUSDT", price: str = "100.00", **more: object) -> dict[str, object]:
    """A spot diff of one bid level."""
    return {"e": "depthUpdate", "E": MS + last, "s": symbol, "U": first, "u": last, "b": [[price, "1"]], "a": [], **more}


def quote(symbol: str = "BTCUSDT") -> dict[str, object]:
    """A spot bookTicker."""
    return {"u": 1, "s": symbol, "b": "100.00", "B": "1", "a": "100.01", "A": "1"}


def trade(number: int = 1, symbol: str = "BTCUSDT") -> dict[str, object]:
    """A spot trade."""
    return {"e": "trade", "E": MS, "s": symbol, "t": number, "p": "100.00", "q": "1", "T": MS, "m": False, "M": True}


SNAPSHOT = {"lastUpdateId": 10, "bids": [["100.00", "1"]], "asks": [["100.01", "1"]]}


def line(message: object, stamp: int = NS) -> bytes:
    """One line of a capture."""
    return f"{stamp} {json.dumps(message)}\n".encode()


def write(tmp_path: Path, *lines: bytes, name: str = "capture.txt") -> Path:
    """A capture file."""
    path = tmp_path / name
    path.write_bytes(b"".join(lines))
    return path


def source(path: Path, *symbols: str) -> ReplaySource:
    """Open a capture."""
    return ReplayFeed().open(FeedRequest(InstrumentBook(), itertools.count(1).__next__, path, symbols))


def events(path: Path, *symbols: str) -> list[MarketEvent]:
    """All events of a capture."""
    opened = source(path, *symbols)
    try:
        return list(opened.events())
    finally:
        opened.close()


def test_whole_capture_in_order(tmp_path: Path) -> None:
    """Every message becomes its event, in the file's order, with rising sequence and receive time in microseconds."""
    path = write(tmp_path, line(depth(8, 9)), line(SNAPSHOT), line(quote()), line(trade()))
    got = events(path)
    assert [type(one) for one in got] == [BookDelta, BookSnapshot, BestQuote, Trade]
    assert [one.seq for one in got] == [1, 2, 3, 4]
    assert {one.receive_us for one in got} == {NS // 1000}
    info = source(path).info
    assert (info.symbols, info.has_book, info.data_tier, info.instruments[0].kind) == (
        ("BTCUSDT",),
        True,
        DataTier.L2,
        MarketKind.SPOT,
    )


@pytest.mark.parametrize("stamp", [NS, NS // 1000, NS // 1_000_000])
def test_receive_time_by_magnitude(tmp_path: Path, stamp: int) -> None:
    """Nanoseconds, microseconds and milliseconds are told apart by their size."""
    assert events(write(tmp_path, line(trade(), stamp)))[0].receive_us == NS // 1000


def test_gzip_and_zip_read_alike(tmp_path: Path) -> None:
    """A compressed capture gives the same events as a plain one."""
    plain = write(tmp_path, line(trade(1)), line(trade(2)))
    packed = tmp_path / "capture.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    zipped = tmp_path / "capture.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(plain, "capture.txt")
    assert events(plain) == events(packed) == events(zipped)


def test_futures_are_recognised_and_use_their_own_grid(tmp_path: Path) -> None:
    """A capture whose diffs carry pu is USD-M, with the futures tick."""
    info = source(write(tmp_path, line(depth(8, 9, price="100.0", pu=7)))).info
    assert (info.instruments[0].kind, str(info.instruments[0].tick_size)) == (MarketKind.USDM, "0.10")


def test_capture_without_a_book_is_of_tier_trades(tmp_path: Path) -> None:
    """Trades alone make a capture of tier trades, without a book."""
    info = source(write(tmp_path, line(trade()))).info
    assert (info.has_book, info.data_tier) == (False, DataTier.TRADES)


def test_broken_line_is_counted_and_not_fatal(tmp_path: Path) -> None:
    """A broken line becomes a Rejected that names file and line; what follows is read."""
    path = write(tmp_path, line(trade(1)), b"rubbish\n", b"\n", f'{NS} {{"e":\n'.encode(), line(trade(2)))
    got = events(path)
    assert [type(one) for one in got] == [Trade, Rejected, Rejected, Trade]
    faults = [one for one in got if isinstance(one, Rejected)]
    assert [fault.reason for fault in faults] == ["bad_receive_time", "not_json"]
    assert [fault.detail.startswith(f"{path}:{number} ") for fault, number in zip(faults, (2, 4), strict=True)] == [True, True]


def test_lost_book_update_is_a_gap_at_once(tmp_path: Path) -> None:
    """A depth message with one bad level yields the refusal and a gap: the book would be wrong."""
    got = events(write(tmp_path, line(SNAPSHOT), line(depth(11, 11)), line(depth(12, 12, price="NaN")), line(trade())))
    assert [type(one) for one in got] == [BookSnapshot, BookDelta, Rejected, FeedGap, Trade]
    gap = got[3]
    assert isinstance(gap, FeedGap)
    assert (gap.symbol, gap.reason) == ("BTCUSDT", "broken_book_message")


def test_snapshot_among_several_symbols_is_refused(tmp_path: Path) -> None:
    """With two symbols a bare snapshot cannot be attributed, even when only one of them was asked for."""
    path = write(tmp_path, line(quote()), line(quote("POLUSDT") | {"b": "0.2", "a": "0.3"}), line(SNAPSHOT))
    for symbols in ((), ("BTCUSDT",)):
        refused = [one for one in events(path, *symbols) if isinstance(one, Rejected)]
        assert [one.reason for one in refused] == ["snapshot_without_symbol"]


def test_symbols_filter(tmp_path: Path) -> None:
    """Only the requested symbols are delivered; a symbol that the file does not hold is an error naming what it holds."""
    path = write(tmp_path, line(trade(1)), line(trade(2, "POLUSDT") | {"p": "0.2"}))
    assert [one.symbol for one in events(path)] == ["BTCUSDT", "POLUSDT"]
    assert [one.symbol for one in events(path, "polusdt")] == ["POLUSDT"]
    with pytest.raises(UsageError, match=r"--symbols ATOMUSDT: not in .*, which holds BTCUSDT, POLUSDT"):
        source(path, "ATOMUSDT")


def test_trades_recorded_twice_count_once(tmp_path: Path) -> None:
    """A capture with trade and aggTrade of the same trades delivers the trades only, and says so."""
    aggregate = trade() | {"e": "aggTrade", "a": 5, "f": 1, "l": 1}
    path = write(tmp_path, line(trade()), line(aggregate))
    assert len(events(path)) == 1
    assert "aggTrade is left out" in source(path).info.warnings[0]


def test_unknown_symbol_is_inferred_from_the_finest_decimals(tmp_path: Path) -> None:
    """An unknown symbol gets the finest grid seen, not that of the first round price, and is marked as inferred."""
    one, two = trade(1, "NEWUSDT"), trade(2, "NEWUSDT")
    path = write(tmp_path, line(one | {"p": "1.50000000", "q": "2.00000000"}), line(two | {"p": "1.51230000", "q": "0.50000000"}))
    (instrument,) = source(path).info.instruments
    assert (str(instrument.tick_size), str(instrument.lot_size), instrument.inferred) == ("0.0001", "0.1", True)


def test_truncated_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    """A cut gzip delivers its whole lines and then says that it breaks off."""
    body = gzip.compress(b"".join(line(trade(number) | {"q": f"0.{number:05d}"}) for number in range(1, 4000)))
    path = tmp_path / "cut.gz"
    path.write_bytes(body[: len(body) // 2])
    opened = source(path)
    got: list[MarketEvent] = []
    with pytest.raises(DataError, match=r"cut\.gz: the compressed file breaks off after line \d+"):
        got.extend(opened.events())
    assert got
    assert all(isinstance(one, Trade) for one in got)
    opened.close()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no events"),
        (b"\n\n", "no events"),
        (b"id,price,qty\n1,2,3\n", "not a raw capture.*--feed"),
        (b'1700000000000000000 {"hello":1}\n', "no events"),
        (b"\x00\x01\x02\xff", "not a raw capture"),
    ],
)
def test_wrong_files_are_refused_with_their_name(tmp_path: Path, content: bytes, message: str) -> None:
    """An empty file and one of another format are refused, naming the file and what to do."""
    path = write(tmp_path, content)
    with pytest.raises(DataError, match=message) as caught:
        source(path)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(DataError, match=r"absent\.gz: no such file"):
        source(tmp_path / "absent.gz")


def test_capture_without_a_usable_line_says_so_at_the_end(tmp_path: Path) -> None:
    """When every message was refused the run ends with an error and the first reason."""
    path = write(tmp_path, *[line(trade(number) | {"p": "NaN"}) for number in range(3)])
    with pytest.raises(DataError, match=r"no usable rows: all 3 were refused.*line 1: nan"):
        events(path)


def test_progress_ends_at_one(tmp_path: Path) -> None:
    """Progress is a fraction that ends at 1, also after close."""
    opened = source(write(tmp_path, line(trade())))
    assert 0.0 <= (opened.progress() or 0.0) <= 1.0
    list(opened.events())
    assert opened.progress() == 1.0
    opened.close()
    opened.close()
    assert opened.progress() == 1.0


def test_opens_by_content_only() -> None:
    """The format is recognised by its first line, whatever the file is called."""
    assert opens(Path("x.csv"), line(trade()))
    assert not opens(Path("x.gz"), b"exchange,symbol,timestamp\n")

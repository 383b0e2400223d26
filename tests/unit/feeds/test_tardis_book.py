"""Feed tardis_book: messages, snapshots, what breaks a book, wrong files."""

import gzip
import itertools
from pathlib import Path

import pytest

from flashcrash_core.api import (
    BookDelta,
    BookSnapshot,
    BookSync,
    DataError,
    DataTier,
    FeedGap,
    FeedRequest,
    MarketEvent,
    MarketKind,
    Rejected,
    SyncState,
    UsageError,
)
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_feeds import bulk, tardis, tardis_book
from flashcrash_feeds.tardis_book import TARDIS_BOOK, TardisBookSource

HEADER = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
US = 1_760_000_000_000_000


def rows(
    number: int, *levels: tuple[str, str, str], snapshot: bool = False, symbol: str = "POLUSDT", exchange: str = "binance"
) -> list[str]:
    """The rows of one message."""
    start = f"{exchange},{symbol},{US + number * 1000},{US + number * 1000 + 7},{str(snapshot).lower()}"
    return [f"{start},{side},{price},{amount}" for side, price, amount in levels]


SNAPSHOT = (("bid", "0.2359", "10.0"), ("bid", "0.2360", "20"), ("ask", "0.2363", "5"), ("ask", "0.2361", "7.5"))


def write(tmp_path: Path, *messages: list[str], header: str = HEADER) -> Path:
    """A file of these messages."""
    path = tmp_path / "book.csv"
    path.write_text("".join(f"{line}\n" for line in [header, *itertools.chain(*messages)]))
    return path


def opened(path: Path, *symbols: str) -> TardisBookSource:
    """The source of a file."""
    return TARDIS_BOOK.open(FeedRequest(InstrumentBook(), itertools.count(1).__next__, path, symbols))


def read(path: Path, *symbols: str) -> list[MarketEvent]:
    """All events of a file."""
    source = opened(path, *symbols)
    try:
        return list(source.events())
    finally:
        source.close()


def kinds(events: list[MarketEvent]) -> list[str]:
    """What came, refusals and gaps by reason."""
    return [one.reason if isinstance(one, Rejected | FeedGap) else type(one).__name__ for one in events]


def replayed(events: list[MarketEvent]) -> BookSync:
    """The kernel's book after the events."""
    sync = BookSync()
    for event in events:
        if isinstance(event, BookSnapshot):
            sync.on_snapshot(event)
        elif isinstance(event, BookDelta):
            sync.on_delta(event)
        elif isinstance(event, FeedGap):
            sync.lose("feed_gap")
    return sync


def test_messages_and_book(tmp_path: Path) -> None:
    """Rows of equal times are one event; a snapshot is one too, best levels first; an amount of 0 removes."""
    path = write(
        tmp_path,
        rows(0, *SNAPSHOT, snapshot=True),
        rows(1, ("bid", "0.2360", "0"), ("ask", "0.2362", "3")),
        rows(2, ("bid", "0.2358", "1")),
    )
    got = read(path)
    assert got == [
        BookSnapshot("POLUSDT", 1, US, US + 7, 1, [(2360, 200), (2359, 100)], [(2361, 75), (2363, 50)]),
        BookDelta("POLUSDT", 2, US + 1000, US + 1007, 2, 2, [(2360, 0)], [(2362, 30)]),
        BookDelta("POLUSDT", 3, US + 2000, US + 2007, 3, 3, [(2358, 10)], []),
    ]
    sync = replayed(got)
    assert sync.state is SyncState.SYNCED
    assert sync.book.bids.top(5) == [(2359, 100), (2358, 10)]
    info = opened(path).info
    assert (info.has_book, info.data_tier, info.symbols, info.warnings) == (True, DataTier.L2, ("POLUSDT",), ())


def test_it_is_recognised_by_its_columns_alone(tmp_path: Path) -> None:
    """In any order, and no other feed claims it."""
    path = write(
        tmp_path, [f"0.2360,bid,true,{US},{US},POLUSDT,binance,20"],
        header="price,side,is_snapshot,local_timestamp,timestamp,symbol,exchange,amount",
    )  # fmt: skip
    assert kinds(read(path)) == ["BookSnapshot"]
    head = path.read_bytes()
    assert tardis_book.opens(path, head)
    assert not bulk.opens(path, head)
    assert not tardis.opens(path, head)


def test_a_later_snapshot_forgets_the_book(tmp_path: Path) -> None:
    """After a reconnect the run of snapshot rows replaces everything, also when it is spread over several times."""
    fresh = [*rows(5, ("bid", "0.2300", "1"), snapshot=True), *rows(6, ("ask", "0.2310", "2"), snapshot=True)]
    got = read(write(tmp_path, rows(0, *SNAPSHOT, snapshot=True), rows(1, ("bid", "0.2358", "1")), fresh))
    assert kinds(got) == ["BookSnapshot", "BookDelta", "BookSnapshot"]
    assert got[-1].receive_us == US + 6007
    book = replayed(got).book
    assert (book.bids.top(9), book.asks.top(9)) == ([(2300, 10)], [(2310, 20)])


def test_file_without_its_snapshot(tmp_path: Path) -> None:
    """Events are given, the book stays unsynced, and the source says so with file and row."""
    path = write(tmp_path, rows(0, ("bid", "0.2360", "1")), rows(1, ("bid", "0.2361", "1")))
    got = read(path)
    assert kinds(got) == ["BookDelta", "BookDelta"]
    assert replayed(got).state is SyncState.BUFFERING
    (warning,) = opened(path).info.warnings
    assert warning.startswith(f"{path}:2: POLUSDT begins without its snapshot")
    assert "none in the first 3 rows" in warning


def test_updates_before_the_first_snapshot(tmp_path: Path) -> None:
    """What was buffered before the snapshot does not touch the book; the row of the snapshot is named."""
    path = write(tmp_path, rows(0, ("bid", "0.2365", "1")), rows(1, *SNAPSHOT, snapshot=True), rows(2, ("bid", "0.2358", "1")))
    sync = replayed(read(path))
    assert sync.state is SyncState.SYNCED
    assert sync.book.bids.best() == 2360
    assert "not usable until row 3" in opened(path).info.warnings[0]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (",0.2358,", ",0.23585,", "off_tick"),
        (",0.2358,", ",NaN,", "nan"),
        (",0.2358,", ",0,", "zero"),
        (",1.0", ",-1", "negative"),
        ("bid", "buy", "bad_value"),
        ("false", "no", "bad_value"),
        (",1.0", "", "missing_field"),
        (str(US + 1000), "soon", "not_a_number"),
        (str(US + 1007), str(US - 10**6), "out_of_order"),
    ],
)
def test_a_row_that_cannot_be_used_costs_the_book(tmp_path: Path, old: str, new: str, reason: str) -> None:
    """It is refused with file and row, its message is not applied, and the book is unusable until the next snapshot."""
    bad = [line.replace(old, new) for line in rows(1, ("bid", "0.2358", "1.0"))]
    after = [rows(2, ("bid", "0.2357", "1")), rows(3, *SNAPSHOT, snapshot=True), rows(4, ("bid", "0.2357", "1"))]
    path = write(tmp_path, rows(0, *SNAPSHOT, snapshot=True), bad, *after)
    got = read(path)
    assert [name for name in kinds(got) if name not in ("BookSnapshot", "BookDelta")] == [reason, "broken_book_message"]
    refused = next(one for one in got if isinstance(one, Rejected))
    assert refused.detail.startswith(f"{path}:6 ")
    assert replayed(got[:-2]).state is SyncState.BUFFERING
    assert replayed(got).state is SyncState.SYNCED


def test_a_broken_snapshot_is_not_taken(tmp_path: Path) -> None:
    """A snapshot with one bad row is refused as a whole: a book with a hole would look sound."""
    bad = [line.replace("0.2363", "x") for line in rows(0, *SNAPSHOT, snapshot=True)]
    got = read(write(tmp_path, bad, rows(1, ("bid", "0.2358", "1"))))
    assert kinds(got) == ["not_a_number", "broken_book_message", "BookDelta"]
    assert replayed(got).state is SyncState.BUFFERING


def test_two_symbols(tmp_path: Path) -> None:
    """Each has its own chain; a snapshot cut in two by the other symbol's message is put together; the filter keeps one."""
    path = write(
        tmp_path,
        rows(0, *SNAPSHOT[:2], snapshot=True),
        rows(0, ("bid", "1.500", "3"), ("ask", "1.501", "3"), snapshot=True, symbol="ATOMUSDT"),
        rows(0, *SNAPSHOT[2:], snapshot=True),
        rows(1, ("bid", "1.499", "3"), symbol="ATOMUSDT"),
        rows(2, ("bid", "0.2358", "1")),
    )
    got = read(path)
    assert kinds(got) == ["BookSnapshot", "BookSnapshot", "BookDelta", "BookDelta", "BookDelta"]
    sync = replayed([one for one in got if one.symbol == "POLUSDT"])
    assert (sync.book.bids.best(), sync.book.asks.best(), len(sync.book.bids)) == (2360, 2361, 3)
    assert kinds(read(path, "ATOMUSDT")) == ["BookSnapshot", "BookDelta"]
    with pytest.raises(UsageError, match="not in"):
        opened(path, "ETHUSDT")


def test_futures_take_the_futures_grid(tmp_path: Path) -> None:
    """binance-futures is USD-M."""
    path = write(tmp_path, rows(0, ("bid", "100.1", "3"), snapshot=True, symbol="BTCUSDT", exchange="binance-futures"))
    assert opened(path).info.instruments[0].kind is MarketKind.USDM


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no events"),
        ([HEADER], "it has a header but no rows"),
        ([HEADER, "binance,POLUSDT"], "no usable rows"),
        (["a,b,c", "1,2,3"], "not a Tardis book file"),
        ([HEADER, *[line.replace(str(US), str(US // 1000)) for line in rows(0, *SNAPSHOT)]], r"csv:2: time .* is in milliseconds"),
        (
            [HEADER, *rows(0, *SNAPSHOT, snapshot=True), f"binance,POLUSDT,{US},{US // 1000},false,bid,0.2360,1"],
            r"csv:6: time .* is in milliseconds, but its times are in microseconds \(row 2\)",
        ),
    ],
)
def test_wrong_files(tmp_path: Path, lines: list[str], message: str) -> None:
    """Empty, foreign, in another unit or in two: one message with file and, where there is one, row."""
    path = tmp_path / "book.csv"
    path.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_message_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose rows all bear one time is not gathered into memory."""
    monkeypatch.setattr(tardis_book, "_LONGEST_MESSAGE", 50)
    path = write(tmp_path, [f"binance,POLUSDT,{US},{US},false,bid,0.{2000 + n},1" for n in range(100)])
    with pytest.raises(DataError, match=r"csv:53: the message from row 2 on has more than 50 rows"):
        read(path)


def test_truncated_gzip(tmp_path: Path) -> None:
    """A cut gzip gives its whole messages, then says after which row it breaks off."""
    text = "\n".join([HEADER, *itertools.chain(*(rows(n, ("bid", "0.2360", f"{n * 7919 % 10007}.1")) for n in range(9000)))])
    body = gzip.compress(text.encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(body[: len(body) // 2])
    source, got = opened(path), []
    with pytest.raises(DataError, match="breaks off after line"):
        got.extend(source.events())
    source.close()
    assert got

"""Feeds tardis and bulk: layouts, ids, broken rows and wrong files."""

import gzip
import itertools
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from flashcrash_core.api import (
    DataError,
    DataTier,
    FeedGap,
    FeedRequest,
    FeedSource,
    MarketEvent,
    MarketKind,
    Rejected,
    Side,
    Trade,
    UsageError,
)
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_feeds.bulk import BULK
from flashcrash_feeds.bulk import opens as bulk_opens
from flashcrash_feeds.bulk_layout import symbol_of_file
from flashcrash_feeds.file_source import FileFeed
from flashcrash_feeds.klines import KLINES
from flashcrash_feeds.tardis import TARDIS
from flashcrash_feeds.tardis import opens as tardis_opens
from flashcrash_feeds.tardis_book import TARDIS_BOOK
from flashcrash_feeds.trade_ids import Link, TradeIds

HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
US = 1_760_000_000_000_000


def open_with(feed: FileFeed[Any], path: Path, *symbols: str) -> FeedSource:
    """Open a file."""
    return feed.open(FeedRequest(InstrumentBook(), itertools.count(1).__next__, path, symbols))


def write(tmp_path: Path, name: str, *rows: str) -> Path:
    """A text file of these rows."""
    path = tmp_path / name
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def tardis_row(number: int, side: str = "buy", price: str = "0.2361", amount: str = "47.8", symbol: str = "POLUSDT") -> str:
    """One Tardis row."""
    return f"binance,{symbol},{US + number},{US + number + 9},{number},{side},{price},{amount}"


def read(feed: FileFeed[Any], path: Path, *symbols: str) -> list[MarketEvent]:
    """All events of a file."""
    opened = open_with(feed, path, *symbols)
    try:
        return list(opened.events())
    finally:
        opened.close()


def kinds(events: list[MarketEvent]) -> list[str]:
    """What came, by type, refusals by reason."""
    return [one.reason if isinstance(one, Rejected | FeedGap) else type(one).__name__ for one in events]


# -- tardis --------------------------------------------------------------------------------------------------------------


def test_tardis_row(tmp_path: Path) -> None:
    """A row becomes a trade with the exchange's and the local time; side is the taker's."""
    path = write(tmp_path, "t.csv", HEADER, tardis_row(5), tardis_row(6, "sell"))
    first, second = read(TARDIS, path)
    assert first == Trade("POLUSDT", 1, US + 5, US + 14, 5, 2361, 478, Side.BUY)
    assert isinstance(second, Trade)
    assert second.aggressor is Side.SELL
    info = open_with(TARDIS, path).info
    assert (info.has_book, info.data_tier, info.symbols) == (False, DataTier.TRADES, ("POLUSDT",))


def test_tardis_columns_in_any_order(tmp_path: Path) -> None:
    """Columns are found by name."""
    path = write(tmp_path, "t.csv", "price,id,side,amount,symbol,timestamp,exchange", f"0.2361,5,buy,47.8,POLUSDT,{US},binance")
    assert read(TARDIS, path) == [Trade("POLUSDT", 1, US, US, 5, 2361, 478, Side.BUY)]


def test_tardis_id_gap_comes_before_the_trade(tmp_path: Path) -> None:
    """A jump in the ids is a gap before the trade; a repeat is refused; a late one from the hole is passed on, once."""
    rows = [tardis_row(number) for number in (5, 6, 9, 9, 7, 7, 10)]
    got = kinds(read(TARDIS, write(tmp_path, "t.csv", HEADER, *rows)))
    assert got == ["Trade", "Trade", "trade_id_gap", "Trade", "duplicate", "Trade", "duplicate", "Trade"]


def test_ids_of_other_exchanges_are_not_chained(tmp_path: Path) -> None:
    """Only Binance is known to count its trades by one."""
    rows = [tardis_row(number).replace("binance", "okex") for number in (5, 50)]
    assert kinds(read(TARDIS, write(tmp_path, "t.csv", HEADER, *rows))) == ["Trade", "Trade"]


def test_tardis_broken_rows_are_counted(tmp_path: Path) -> None:
    """Each broken row is refused by reason with file and line, and the rest is read."""
    rows = [
        tardis_row(1),
        "binance,POLUSDT,1",
        tardis_row(2, side="unknown"),
        tardis_row(2, price="NaN"),
        tardis_row(2, amount="0"),
    ]
    path = write(
        tmp_path, "t.csv", HEADER, *rows, tardis_row(2, price="0.23615"), tardis_row(2).replace(",2,", ",x,"), tardis_row(2)
    )
    got = read(TARDIS, path)
    assert kinds(got) == ["Trade", "missing_field", "bad_side", "nan", "zero", "off_tick", "not_a_number", "Trade"]
    refused = [one for one in got if isinstance(one, Rejected)]
    assert refused[0].detail.startswith(f"{path}:3 ")


def test_times_going_backwards_are_passed_on(tmp_path: Path) -> None:
    """The feed keeps the file's order; lateness is the kernel's to judge."""
    rows = [tardis_row(5), tardis_row(6).replace(str(US + 6), str(US - 9_000_000))]
    assert [one.exchange_us for one in read(TARDIS, write(tmp_path, "t.csv", HEADER, *rows))] == [US + 5, US - 9_000_000]


def test_rows_that_arrived_earlier_are_refused(tmp_path: Path) -> None:
    """Arrival is the order of the file: a row with an older local time is refused by file and row, a unit other than us ends it."""
    path = write(tmp_path, "t.csv", HEADER, tardis_row(5), tardis_row(6).replace(str(US + 15), str(US - 9_000_000)), tardis_row(7))
    got = read(TARDIS, path)
    assert kinds(got) == ["Trade", "out_of_order", "trade_id_gap", "Trade"]
    assert isinstance(got[1], Rejected)
    assert got[1].detail.startswith(f"{path}:3 ")
    mixed = write(tmp_path, "m.csv", HEADER, tardis_row(5), tardis_row(6).replace(str(US + 6), str(US // 1000)))
    with pytest.raises(DataError, match=r"m\.csv:3: time .* is in milliseconds"):
        read(TARDIS, mixed)


def test_several_symbols_and_a_filter(tmp_path: Path) -> None:
    """Each symbol has its own chain of ids; the filter keeps what was asked for."""
    rows = [
        tardis_row(5),
        tardis_row(900, price="1.5", symbol="ATOMUSDT"),
        tardis_row(6),
        tardis_row(901, price="1.5", symbol="ATOMUSDT"),
    ]
    path = write(tmp_path, "t.csv", HEADER, *rows)
    assert kinds(read(TARDIS, path)) == ["Trade"] * 4
    assert {one.symbol for one in read(TARDIS, path, "ATOMUSDT")} == {"ATOMUSDT"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no events"),
        ([HEADER], "no events; it has a header but no rows"),
        (["a,b,c", "1,2,3"], "not a Tardis trade file"),
    ],
)
def test_wrong_tardis_files(tmp_path: Path, rows: list[str], message: str) -> None:
    """Empty, headed only, or another format: one clear message with the file's name."""
    path = write(tmp_path, "t.csv", *rows)
    with pytest.raises(DataError, match=message) as caught:
        open_with(TARDIS, path)
    assert str(path) in str(caught.value)


def test_tardis_file_of_broken_rows_only(tmp_path: Path) -> None:
    """A file without one usable row says so at its end."""
    path = write(tmp_path, "t.csv", HEADER, *[tardis_row(number, price="-1") for number in range(3)])
    with pytest.raises(DataError, match=r"no usable rows: all 3 were refused.*negative"):
        read(TARDIS, path)


def test_truncated_tardis_gzip(tmp_path: Path) -> None:
    """A cut gzip delivers its whole rows, then says where it breaks off."""
    text = "\n".join([HEADER, *[tardis_row(number, amount=f"{number * 7919 % 10007}.1") for number in range(1, 6000)]])
    body = gzip.compress(text.encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(body[: len(body) // 2])
    got: list[MarketEvent] = []
    opened = open_with(TARDIS, path)
    with pytest.raises(DataError, match="breaks off after line"):
        got.extend(opened.events())
    opened.close()
    assert got


# -- bulk ----------------------------------------------------------------------------------------------------------------

SPOT_AGG = f"100,0.2361,47.8,5,6,{US},True,True"
SPOT_TRADE = f"5,0.2361,47.8,11.28,{US},False,True"
ATOM_HEADER = "aggregate_trade_id,price,quantity_atom,first_trade_id,last_trade_id,time_utc,buyer_is_maker"


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("POLUSDT-aggTrades-2025-10-10.csv", [SPOT_AGG], Trade("POLUSDT", 1, US, US, 100, 2361, 478, Side.SELL)),
        ("POLUSDT-trades-2025-10-10.csv", [SPOT_TRADE], Trade("POLUSDT", 1, US, US, 5, 2361, 478, Side.BUY)),
        (
            "POLUSDT-aggTrades-2024-10-10.csv",
            [SPOT_AGG.replace(str(US), str(US // 1000))],
            Trade("POLUSDT", 1, US, US, 100, 2361, 478, Side.SELL),
        ),
        (
            "BTCUSDT-aggTrades-2025-10-10.csv",
            [
                "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
                f"1,100.1,0.5,1,2,{US // 1000},true",
            ],
            Trade("BTCUSDT", 1, US, US, 1, 1001, 500, Side.SELL),
        ),
        (
            "BTCUSDT-trades-2025-10-10.csv",
            ["id,price,qty,quote_qty,time,is_buyer_maker", f"1,100.1,0.5,50.05,{US // 1000},false"],
            Trade("BTCUSDT", 1, US, US, 1, 1001, 500, Side.BUY),
        ),
        (
            "atomusdt_sweep.csv",
            [ATOM_HEADER, "7,1.688,78.85,1,1,2025-10-10T21:20:37.689043Z,True"],
            Trade("ATOMUSDT", 1, 1760131237689043, 1760131237689043, 7, 1688, 7885, Side.SELL),
        ),
    ],
)
def test_bulk_layouts(tmp_path: Path, name: str, rows: list[str], expected: Trade) -> None:
    """Spot and futures, trades and aggregates, ms, us and ISO times, with and without header: all give the same kind of trade."""
    path = write(tmp_path, name, *rows)
    assert read(BULK, path) == [expected]
    assert bulk_opens(path, path.read_bytes())
    assert not tardis_opens(path, path.read_bytes())


def test_futures_file_is_known_by_its_columns(tmp_path: Path) -> None:
    """Futures files lack bestMatch; the futures grid is taken."""
    info = open_with(BULK, write(tmp_path, "BTCUSDT-aggTrades-2025-10-10.csv", f"1,100.1,0.5,1,2,{US // 1000},true")).info
    assert info.instruments[0].kind is MarketKind.USDM


def test_bulk_zip(tmp_path: Path) -> None:
    """The zip as Binance serves it is read without unpacking."""
    path = tmp_path / "POLUSDT-aggTrades-2025-10-10.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("POLUSDT-aggTrades-2025-10-10.csv", SPOT_AGG + "\n")
    assert kinds(read(BULK, path)) == ["Trade"]


def test_aggregates_chain_by_first_and_last_id(tmp_path: Path) -> None:
    """The next aggregate's first id continues the last one's; a jump is a gap, a repeat refused."""
    rows = [f"{agg},0.2361,47.8,{first},{last},{US},True,True" for agg, first, last in ((1, 5, 6), (2, 7, 7), (3, 9, 9), (3, 9, 9))]
    got = kinds(read(BULK, write(tmp_path, "POLUSDT-aggTrades-2025-10-10.csv", *rows)))
    assert got == ["Trade", "Trade", "trade_id_gap", "Trade", "duplicate"]


def test_futures_aggregates_chain_by_their_own_id(tmp_path: Path) -> None:
    """In futures the trade ids skip prints that are not of the market; only the aggregate's own id counts up by one."""
    rows = [f"{agg},100.1,0.5,{first},{first},{US // 1000},true" for agg, first in ((1, 5), (2, 9), (4, 12))]
    got = kinds(read(BULK, write(tmp_path, "BTCUSDT-aggTrades-2025-10-10.csv", *rows)))
    assert got == ["Trade", "Trade", "trade_id_gap", "Trade"]


def test_bulk_broken_rows(tmp_path: Path) -> None:
    """A broken row is refused with its line; a file of nothing else says so at the end."""
    path = write(
        tmp_path,
        "POLUSDT-aggTrades-2025-10-10.csv",
        SPOT_AGG,
        "101,abc,1,7,7,1,True,True",
        "101,0.1",
        SPOT_AGG.replace("True", "maybe"),
    )
    got = read(BULK, path)
    assert kinds(got) == ["Trade", "not_a_number", "missing_field", "bad_side"]
    only_bad = write(tmp_path, "POLUSDT-aggTrades-2025-10-11.csv", SPOT_AGG.replace("0.2361", "0"))
    with pytest.raises(DataError, match="no usable rows"):
        read(BULK, only_bad)


@pytest.mark.parametrize("content", ["", "hello world\n", ATOM_HEADER + "\n"])
def test_wrong_bulk_files(tmp_path: Path, content: str) -> None:
    """Empty, foreign or headed-only files are refused by name."""
    path = tmp_path / "POLUSDT-aggTrades-2025-10-10.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=r"no events|not a Binance bulk file"):
        open_with(BULK, path)


@pytest.mark.parametrize(
    ("name", "requested", "expected"),
    [
        ("BTCUSDT-aggTrades-2025-10-10.zip", (), "BTCUSDT"),
        ("1000PEPEUSDT-trades-2025-10.csv", (), "1000PEPEUSDT"),
        ("atomusdt_sweep_2025-10-10.csv", (), "ATOMUSDT"),
        ("sweep.csv", ("ATOMUSDT",), "ATOMUSDT"),
        ("atomusdt_sweep.csv", ("BTCUSDT", "ATOMUSDT"), "ATOMUSDT"),
    ],
)
def test_symbol_of_a_file(name: str, requested: tuple[str, ...], expected: str) -> None:
    """The symbol comes from the file's name or from the one requested symbol."""
    assert symbol_of_file(Path(name), requested) == expected


@pytest.mark.parametrize(
    ("name", "requested", "message"),
    [
        ("sweep.csv", (), "pass --symbols"),
        ("sweep.csv", ("AUSDT", "BUSDT"), "pass --symbols"),
        ("BTCUSD_PERP-trades-2025-10-10.csv", (), "coin-margined"),
    ],
)
def test_file_without_a_symbol(name: str, requested: tuple[str, ...], message: str) -> None:
    """A file whose symbol is not settled is refused with the option that settles it."""
    with pytest.raises(DataError, match=message):
        symbol_of_file(Path(name), requested)


def test_file_of_another_symbol() -> None:
    """Asking a file for a symbol that its name denies is a fault of the command line."""
    with pytest.raises(UsageError, match=r"--symbols ETHUSDT: not in BTCUSDT-trades-2025-10-10.csv, which holds BTCUSDT"):
        symbol_of_file(Path("BTCUSDT-trades-2025-10-10.csv"), ("ETHUSDT",))


def test_trade_ids_remember_a_bounded_number_of_holes() -> None:
    """Many gaps cost bounded memory, and a trade from a forgotten hole counts as repeated."""
    ids = TradeIds()
    for number in range(0, 2000, 2):
        ids.link(number, number)
    assert ids.link(1997, 1997) is Link.LATE
    assert ids.link(1, 1) is Link.DUPLICATE


@pytest.mark.parametrize("feed", [TARDIS, TARDIS_BOOK, BULK, KLINES], ids=lambda feed: feed.name)
def test_a_file_feed_without_a_file_says_what_to_name(feed: FileFeed[Any]) -> None:
    """The feed, and what it reads; the plugin offers it under that name."""
    with pytest.raises(DataError, match=rf"^feed {feed.name}: no file given; name {feed.wanted} with --tape PATH$"):
        feed.open(FeedRequest(InstrumentBook(), itertools.count(1).__next__))
    (spec,) = import_module(f"flashcrash_feeds.{feed.name}").flashcrash_feeds()
    assert spec.name == feed.name
    assert spec.build(None) is feed

"""Feed klines: layouts, what is refused, and that its trades are called invented."""

import itertools
import zipfile
from pathlib import Path

import pytest

from flashcrash_core.api import DataError, DataTier, FeedGap, FeedRequest, MarketEvent, Rejected, Side, Trade
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_feeds import bulk, klines, tardis
from flashcrash_feeds.klines import KLINES, KlineSource

NAME = "POLUSDT-1s-2025-10-10"
US = 1_760_000_000_000_000
HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"


def row(second: int, unit: int = 1, volume: str = "100.0", close: str = "0.2362", buys: str = "40.0") -> str:
    """One second; ``unit`` 1000 writes milliseconds."""
    open_at, close_at = (US + second * 10**6) // unit, (US + second * 10**6 + 999_999) // unit
    return f"{open_at},0.2361,0.2365,0.2359,{close},{volume},{close_at},23.61,7,{buys},9.45,0"


def write(tmp_path: Path, *rows: str, name: str = f"{NAME}.csv") -> Path:
    """A plain kline file."""
    path = tmp_path / name
    path.write_text("".join(f"{one}\n" for one in rows))
    return path


def opened(path: Path) -> KlineSource:
    """The source of a file."""
    return KLINES.open(FeedRequest(InstrumentBook(), itertools.count(1).__next__, path))


def read(path: Path) -> list[MarketEvent]:
    """All events of a file."""
    source = opened(path)
    try:
        return list(source.events())
    finally:
        source.close()


def kinds(events: list[MarketEvent]) -> list[str]:
    """What came, runs of trades as one."""
    named = [one.reason if isinstance(one, Rejected | FeedGap) else type(one).__name__ for one in events]
    return [name for name, _ in itertools.groupby(named)]


@pytest.mark.parametrize("rows", [[row(0)], [row(0, 1000)], [HEADER, row(0)], [HEADER, row(0, 1000)]])
def test_layouts(tmp_path: Path, rows: list[str]) -> None:
    """Microseconds and milliseconds, with and without header: the same trades, all within their second."""
    path = write(tmp_path, *rows)
    got = read(path)
    assert all(isinstance(one, Trade) and one.receive_us == one.exchange_us for one in got)
    trades = [one for one in got if isinstance(one, Trade)]
    assert (trades[0].price_ticks, trades[-1].price_ticks) == (2361, 2362)
    assert sum(one.qty_lots for one in trades) == 1000
    assert sum(one.qty_lots for one in trades if one.aggressor is Side.BUY) == 400
    assert [US <= (one.exchange_us or 0) < US + 10**6 for one in trades] == [True] * len(trades)
    assert klines.opens(path, path.read_bytes())
    assert not bulk.opens(path, path.read_bytes())
    assert not tardis.opens(path, path.read_bytes())


def test_it_is_called_invented(tmp_path: Path) -> None:
    """The grade is synthetic and a warning says what was made up."""
    path = write(tmp_path, row(0))
    info = opened(path).info
    assert (info.data_tier, info.has_book, info.symbols) == (DataTier.SYNTHETIC, False, ("POLUSDT",))
    assert len(info.warnings) == 1
    assert str(path) in info.warnings[0]
    assert "invented from 1s klines" in info.warnings[0]


def test_trade_ids(tmp_path: Path) -> None:
    """Ids count up by one where no second is missing, and those of a later day are above those of an earlier one."""
    first = [one.trade_id for one in read(write(tmp_path, *[row(second) for second in range(100)])) if isinstance(one, Trade)]
    assert first == list(range(first[0], first[0] + len(first)))
    later = [one for one in read(write(tmp_path, row(100))) if isinstance(one, Trade)]
    assert later[0].trade_id > first[-1]


def test_zip(tmp_path: Path) -> None:
    """The archive as served is read without unpacking."""
    path = tmp_path / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{NAME}.csv", row(0) + "\n")
    assert kinds(read(path)) == ["Trade"]


def test_what_is_refused(tmp_path: Path) -> None:
    """Broken, contradicting, repeated and old rows are refused with file and row; a missing second is a gap."""
    path = write(
        tmp_path,
        row(0),
        row(1, volume="0.0", buys="0.0"),
        row(2).rpartition(",")[0],
        row(2, volume="1e"),
        row(2, buys="100.1"),
        row(2, close="0.2366"),
        row(2),
        row(2),
        row(4),
        row(1),
        row(5, volume="-1"),
    )
    got = read(path)
    assert kinds(got) == [
        "Trade", "inconsistent", "missing_field", "not_a_number", "inconsistent", "kline_gap", "Trade", "duplicate", "kline_gap",
        "Trade", "out_of_order", "negative",
    ]  # fmt: skip
    refused = [one for one in got if isinstance(one, Rejected)]
    assert refused[0].detail == f"{path}:2 the price moved without volume"
    assert refused[-1].detail.startswith(f"{path}:11 ")


def test_a_quiet_second_is_no_gap(tmp_path: Path) -> None:
    """A second without trades has a row, and gives nothing."""
    quiet = f"{US + 10**6},0.2362,0.2362,0.2362,0.2362,0.0,{US + 1_999_999},0.0,0,0.0,0.0,0"
    assert kinds(read(write(tmp_path, row(0), quiet, row(2)))) == ["Trade"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no events"),
        ([HEADER], "has a header but no rows"),
        (["1,2,3"], "not a Binance kline file"),
        ([row(0).replace(str(US + 999_999), str(US + 59_999_999))], r"csv:1: the candle is 60 s long; only 1s klines"),
        ([row(0).replace(str(US), str(US // 10**6), 1).replace(str(US + 999_999), str(US // 10**6))], "is in seconds"),
        ([row(0), row(1, 1000)], r"csv:2: time .* is in milliseconds, but its times are in microseconds \(row 1\)"),
        ([row(0, buys="200.0")], "no usable rows: all 1 were refused"),
    ],
)
def test_wrong_files(tmp_path: Path, rows: list[str], message: str) -> None:
    """Empty, foreign, of another interval, unit or mixed units: one message with file and, where there is one, row."""
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, *rows))


def test_file_without_its_symbol(tmp_path: Path) -> None:
    """A file does not tell its symbol inside; a name that does not tell it either needs --symbols."""
    with pytest.raises(DataError, match="pass --symbols"):
        opened(write(tmp_path, row(0), name="seconds.csv"))

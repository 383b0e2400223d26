"""Binance bulk files that are not what they should be: units, order, cut archives."""

import itertools
import zipfile
from pathlib import Path

import pytest

from flashcrash_core.api import DataError, FeedRequest, MarketEvent, Rejected, Trade
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_feeds.bulk import BULK, BulkSource

US = 1_760_000_000_000_000
NAME = "POLUSDT-trades-2025-10-10"


def row(number: int, us: int | None = None) -> str:
    """One spot trade; every row another quantity, so that it does not compress to nothing."""
    return f"{number},0.2361,{number * 7919 % 9973}.1,1.0,{US + number if us is None else us},False,True"


def csv(tmp_path: Path, *rows: str) -> Path:
    """A plain bulk file."""
    path = tmp_path / f"{NAME}.csv"
    path.write_text("".join(f"{one}\n" for one in rows))
    return path


def archive(tmp_path: Path, rows: int = 5000) -> Path:
    """A bulk file as it is served."""
    path = tmp_path / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(f"{NAME}.csv", "".join(f"{row(number)}\n" for number in range(1, rows + 1)))
    return path


def opened(path: Path) -> BulkSource:
    """The source of a file."""
    return BULK.open(FeedRequest(InstrumentBook(), itertools.count(1).__next__, path))


def read(path: Path) -> list[MarketEvent]:
    """All events of a file."""
    source = opened(path)
    try:
        return list(source.events())
    finally:
        source.close()


def test_mixed_units_end_the_file_with_its_row(tmp_path: Path) -> None:
    """Rows before the change are given; the first of another unit is named."""
    path = csv(tmp_path, row(1), row(2), row(3, US // 1000))
    source = opened(path)
    got = []
    with pytest.raises(DataError, match=r"csv:3: time '1760000000000' is in milliseconds, but .* microseconds \(row 1\)"):
        got.extend(source.events())
    source.close()
    assert [type(one) for one in got] == [Trade, Trade]


def test_wrong_unit_from_the_first_row(tmp_path: Path) -> None:
    """Seconds are no unit of these files."""
    with pytest.raises(DataError, match=r"csv:1: time '1760000000' is in seconds"):
        read(csv(tmp_path, row(1, US // 10**6)))


def test_rows_out_of_order_are_refused_and_named(tmp_path: Path) -> None:
    """A row from the past is a refused one with file and row; its trade is then told as missing."""
    path = csv(tmp_path, row(1), row(2, US - 10**7), row(3))
    got = read(path)
    assert [one.reason if not isinstance(one, Trade) else one.trade_id for one in got] == [1, "out_of_order", "trade_id_gap", 3]
    refused = next(one for one in got if isinstance(one, Rejected))
    assert refused.detail == f"{path}:2 10.000 s before row 1"


def test_file_in_reverse(tmp_path: Path) -> None:
    """A file with the newest row first is not read as one trade and many strays: it is refused."""
    path = csv(tmp_path, *[row(number, US + number * 10**6) for number in range(500, 0, -1)])
    with pytest.raises(DataError, match=r"csv:101: the rows are not in order of time"):
        read(path)


def test_cut_zip(tmp_path: Path) -> None:
    """A zip that lacks its end is refused by name at opening."""
    path = archive(tmp_path)
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(DataError, match="damaged zip") as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_zip_with_a_damaged_middle(tmp_path: Path) -> None:
    """What is whole in a damaged zip is read; the error names file and row where it breaks off."""
    path = archive(tmp_path, 20_000)
    body = bytearray(path.read_bytes())
    middle = len(body) // 2
    body[middle : middle + 64] = bytes(64)
    path.write_bytes(body)
    source = opened(path)
    got = []
    with pytest.raises(DataError, match=r"zip: the compressed file breaks off after line \d+"):
        got.extend(source.events())
    source.close()
    assert any(isinstance(event, Trade) for event in got)

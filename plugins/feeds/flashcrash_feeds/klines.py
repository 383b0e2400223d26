"""Feed ``klines``: Binance's bulk files of 1s klines, plain, gzip or zip; their trades are invented, so the grade is synthetic.

One row a second; a second without trades has a row as well, so a missing one is a gap. How a candle becomes trades:
:mod:`flashcrash_feeds.kline_trades`. Columns, units and headers: reference/binance.md section 13; 1s klines exist for spot only.
"""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Final

from flashcrash_binance.probe import DecimalSample
from flashcrash_core.api import (
    BadNumber,
    DataError,
    DataTier,
    FeedRequest,
    FeedSpec,
    Instrument,
    MarketEvent,
    PluginInfo,
    SourceInfo,
    Trade,
    hookimpl,
)
from flashcrash_feeds.bulk_layout import symbol_of_file
from flashcrash_feeds.file_source import FileFeed, FileSource
from flashcrash_feeds.kline_trades import MOST_TRADES, Candle, InconsistentCandle, trades_of
from flashcrash_feeds.row_times import RowTimes
from flashcrash_feeds.samples import kline_samples
from flashcrash_feeds.tally import Tally, shown_line
from flashcrash_feeds.trade_csv import field_reason, probed_lines, split_header

__all__ = ["KLINES", "KlineSource", "flashcrash_feeds", "flashcrash_plugin", "opens"]

flashcrash_plugin = PluginInfo(api=1, summary="Binance bulk files of 1s klines; trades are invented from the candles.")

_COLUMNS: Final = 12
_PROBED_ROWS: Final = 2000
_HEADER: Final = ["open_time", "open", "high", "low", "close", "volume", "close_time"]
_BAR_US: Final = 1_000_000
_INVENTED: Final = (
    "{path}: trades are invented from 1s klines: number, order and times of the trades within a second are made up; prices, volume "
    "and taker-buy volume of each second are real. Not evidence of detection or profit"
)


def opens(path: Path, head: bytes) -> bool:  # noqa: ARG001 (the hook's signature)
    """Whether the first line is the header of a kline file or a row of one."""
    return _recognise(head.split(b"\n", 1)[0])


def _recognise(line: bytes) -> bool:
    cells = split_header(line)
    if len(cells) != _COLUMNS:
        return False
    if cells[: len(_HEADER)] == _HEADER:
        return True
    whole = (cells[0], cells[6], cells[8])
    return all(cell.isdigit() for cell in whole) and all(_is_decimal(cell) for cell in (*cells[1:6], cells[7], *cells[9:11]))


def _is_decimal(cell: str) -> bool:
    return cell.replace(".", "", 1).isdigit()


class KlineSource(FileSource):
    """One opened file."""

    def __init__(self, path: Path, request: FeedRequest) -> None:
        sample = DecimalSample()
        first_row: list[str] = []
        with closing(probed_lines(path, _PROBED_ROWS)) as lines:
            first_line = next(lines)
            if not _recognise(first_line):
                raise DataError(
                    f"{path}: not a Binance kline file: expected rows of {_COLUMNS} columns, open time to taker-buy volumes, found "
                    f"{shown_line(first_line)}; for trades and aggTrades use --feed bulk"
                )
            self._has_header = not first_line[:1].isdigit()
            rows = lines if self._has_header else chain((first_line,), lines)
            for raw in rows:
                cells = raw.decode("ascii", "replace").split(",")
                first_row = first_row or cells
                if len(cells) == _COLUMNS:
                    for price in cells[1:5]:
                        sample.add(price, cells[5])
                    sample.add(cells[1], cells[9])
        if not first_row:
            raise DataError(f"{path}: no events; it has a header but no rows, check that it was downloaded completely")
        symbol = symbol_of_file(path, request.symbols)
        self._instrument = request.instruments(symbol, sample=sample.pair)
        self._next_seq = request.next_seq
        self._require_seconds(path, first_row)
        info = SourceInfo(
            symbols=(symbol,),
            has_book=False,
            data_tier=DataTier.SYNTHETIC,
            instruments=(self._instrument,),
            description=f"trades invented from 1s klines {path.name} (spot: {symbol})",
            warnings=(_INVENTED.format(path=path),),
        )
        super().__init__(path, info, Tally(path, request.next_seq, symbol))

    def _require_seconds(self, path: Path, cells: list[str]) -> None:
        """Candles of another length cannot be taken apart into trades with any honesty."""
        line = 1 + int(self._has_header)
        times = RowTimes(path)
        try:
            length_us = times.us(cells[6], line) - times.us(cells[0], line)
        except (ValueError, IndexError):
            return  # a broken row is refused as one
        if length_us // _BAR_US:
            raise DataError(
                f"{path}:{line}: the candle is {round(length_us / _BAR_US)} s long; only 1s klines are read, "
                f"as longer ones hide what happened inside. Fetch 1s klines, or better aggTrades"
            )

    def events(self) -> Iterator[MarketEvent]:
        """The invented trades of all seconds in the order of the file."""
        reader = self._open_reader()
        if reader is None:
            return
        tally, next_seq, symbol = self._tally, self._next_seq, self._instrument.symbol
        times = RowTimes(self._path)
        usable = next_us = close_ticks = trade_id = 0
        rows = iter(reader)
        if self._has_header:
            next(rows, None)
        for raw in rows:
            try:
                cells = raw.decode("ascii").split(",")
                if len(cells) != _COLUMNS:
                    raise IndexError
                open_us = times.us(cells[0], reader.line)
                if times.us(cells[6], reader.line) // _BAR_US != open_us // _BAR_US or open_us % _BAR_US:
                    raise InconsistentCandle("open and close time are not of one whole second")
                candle = _candle(self._instrument, cells)
                trades = trades_of(candle, close_ticks)
            except InconsistentCandle as error:
                yield tally.reject(reader.line, "inconsistent", str(error))
                continue
            except (ValueError, IndexError) as error:
                if raw.strip():
                    yield tally.reject(reader.line, *_reason(error))
                continue
            if late := times.too_old(open_us, reader.line):
                yield tally.reject(reader.line, "out_of_order", late, open_us)
                continue
            if open_us < next_us:
                yield tally.reject(reader.line, "duplicate", f"the second of {cells[0]} again", open_us)
                continue
            if open_us != next_us:
                # Ids count up by one, from a number that follows from the time: those of two days never meet.
                trade_id = open_us // _BAR_US * MOST_TRADES
                if next_us:
                    yield tally.gap("kline_gap", open_us, exchange_us=open_us)
            next_us, close_ticks = open_us + _BAR_US, candle.close_ticks
            usable += 1
            for number, (price, lots, side) in enumerate(trades):
                at_us = open_us + number * _BAR_US // len(trades)
                if self._closed:
                    return
                yield Trade(symbol, next_seq(), at_us, at_us, trade_id, price, lots, side)
                trade_id += 1
        self._finish(usable)


def _reason(error: ValueError | IndexError) -> tuple[str, str]:
    if isinstance(error, IndexError):
        return "missing_field", f"a kline has {_COLUMNS} columns"
    return field_reason(error)


def _candle(instrument: Instrument, cells: list[str]) -> Candle:
    ticks = instrument.price_ticks
    unit = instrument.tick_size * instrument.lot_size
    return Candle(
        ticks(cells[1]), ticks(cells[2]), ticks(cells[3]), ticks(cells[4]),
        _lots(instrument, cells[5]), _lots(instrument, cells[9]), _units(cells[7], unit), _units(cells[10], unit),
    )  # fmt: skip


def _lots(instrument: Instrument, text: str) -> int:
    """Whole lots; old orders leave parts of a lot in the sums (Instrument.level_lots), which are dropped."""
    try:
        return instrument.qty_lots(text)
    except BadNumber as error:
        if error.reason != "off_lot":
            raise
        return int(Decimal(text) / instrument.lot_size)


def _units(text: str, unit: Decimal) -> int:
    if not _is_decimal(text):
        raise ValueError(f"quote volume {text!r}")
    return int(Decimal(text) / unit)


KLINES: Final = FileFeed("klines", "a CSV or zip of 1s klines", KlineSource)
"""Opens kline files."""


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The feed ``klines``."""
    return [
        FeedSpec(
            name="klines",
            summary="Binance bulk files of 1s klines (CSV or zip); trades invented from the candles, graded synthetic",
            build=lambda _config: KLINES,
            opens=opens,
            samples=kline_samples(),
        )
    ]

"""Feed ``bulk``: Binance's bulk files of aggTrades and trades, and aggregate-trade CSVs like them, plain, gzip or zip.

The file tells neither its symbol nor, in spot, its columns; :mod:`flashcrash_feeds.bulk_layout` finds both. Missing trades show in
the ids: spot aggregates by first and last trade id, futures ones by their own id (their trade ids skip the prints that are not of
the market), single trades by theirs. Source: reference/binance.md section 13.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flashcrash_binance.probe import DecimalSample
from flashcrash_core.api import (
    DataError,
    DataTier,
    FeedRequest,
    FeedSpec,
    MarketEvent,
    MarketKind,
    PluginInfo,
    SourceInfo,
    Trade,
    hookimpl,
)
from flashcrash_feeds.bulk_layout import MAKER_FLAGS, Layout, recognise, symbol_of_file
from flashcrash_feeds.file_source import FileFeed, FileSource
from flashcrash_feeds.row_times import RowTimes
from flashcrash_feeds.samples import bulk_samples
from flashcrash_feeds.tally import Tally, shown_line
from flashcrash_feeds.trade_csv import field_reason, first_lines
from flashcrash_feeds.trade_ids import Link, TradeIds

__all__ = ["BULK", "BulkSource", "flashcrash_feeds", "flashcrash_plugin", "opens"]

flashcrash_plugin = PluginInfo(api=1, summary="Binance bulk files of trades and aggTrades, and aggregate-trade CSVs like them.")


def opens(path: Path, head: bytes) -> bool:  # noqa: ARG001 (the hook's signature)
    """Whether the first line is a known header or a row of a bulk file without one."""
    return recognise(head.split(b"\n", 1)[0]) is not None


class BulkSource(FileSource):
    """One opened file."""

    def __init__(self, path: Path, request: FeedRequest) -> None:
        lines = first_lines(path)
        layout = recognise(lines[0])
        if layout is None:
            raise DataError(
                f"{path}: not a Binance bulk file: expected rows of aggTrades or trades, or a header naming id, price, quantity, "
                f"time and buyer_is_maker; found {shown_line(lines[0])}. For Tardis files use --feed tardis, for raw captures "
                f"--feed replay"
            )
        self._layout: Layout = layout
        sample = DecimalSample()
        rows = lines[1:] if layout.has_header else lines
        for raw in rows:
            cells = raw.decode("ascii", "replace").split(",")
            if len(cells) > max(layout.price, layout.qty):
                sample.add(cells[layout.price], cells[layout.qty])
        if not any(raw.strip() for raw in rows):
            raise DataError(f"{path}: no events; it has a header but no rows, check that it was downloaded completely")
        symbol = symbol_of_file(path, request.symbols)
        self._instrument = request.instruments(symbol, kind=layout.kind, sample=sample.pair)
        self._next_seq = request.next_seq
        info = SourceInfo(
            symbols=(symbol,),
            has_book=False,
            data_tier=DataTier.TRADES,
            instruments=(self._instrument,),
            description=f"{'aggregate trades' if layout.aggregated else 'trades'} {path.name} ({layout.kind}: {symbol})",
        )
        super().__init__(path, info, Tally(path, request.next_seq, symbol))

    def events(self) -> Iterator[MarketEvent]:
        """All trades in the order of the file."""
        reader = self._open_reader()
        if reader is None:
            return
        tally, next_seq, layout = self._tally, self._next_seq, self._layout
        instrument = self._instrument
        symbol, price_ticks, trade_lots = instrument.symbol, instrument.price_ticks, instrument.trade_lots
        by_trade_ids = layout.aggregated and layout.kind is MarketKind.SPOT
        first_at, last_at = (layout.first, layout.last) if by_trade_ids else (layout.ident, layout.ident)
        ident_at, price_at, qty_at, time_at, maker_at = layout.ident, layout.price, layout.qty, layout.time, layout.maker
        chain = TradeIds()
        times = RowTimes(self._path)
        time_us, too_old = times.us, times.too_old
        usable = 0
        rows = iter(reader)
        if layout.has_header:
            next(rows, None)
        for raw in rows:
            try:
                cells = raw.decode("ascii").split(",")
                exchange_us = time_us(cells[time_at], reader.line)
                trade_id = int(cells[ident_at])
                ticks, lots = price_ticks(cells[price_at]), trade_lots(cells[qty_at])
                aggressor = MAKER_FLAGS[cells[maker_at].strip()]
                first, last = int(cells[first_at]), int(cells[last_at])
                if last < first:
                    raise ValueError(f"last trade id {last} is below the first, {first}")
            except (ValueError, IndexError, KeyError) as error:
                if raw.strip():
                    reason, detail = field_reason(error)
                    yield tally.reject(reader.line, reason, detail)
                continue
            if late := too_old(exchange_us, reader.line):
                yield tally.reject(reader.line, "out_of_order", late, exchange_us)
                continue
            if first == chain.next_id:
                chain.next_id = last + 1
            else:
                link = chain.link(first, last)
                if link is Link.DUPLICATE:
                    yield tally.reject(reader.line, "duplicate", f"trade ids {first} to {last} again", exchange_us)
                    continue
                if link is Link.GAP:
                    yield tally.gap("trade_id_gap", exchange_us, exchange_us=exchange_us)
            usable += 1
            # The file has no receive time: the exchange's stands for it.
            yield Trade(symbol, next_seq(), exchange_us, exchange_us, trade_id, ticks, lots, aggressor)
        self._finish(usable)


BULK: Final = FileFeed("bulk", "a CSV or zip", BulkSource)
"""Opens bulk files."""


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The feed ``bulk``."""
    return [
        FeedSpec(
            name="bulk",
            summary="Binance bulk files (aggTrades, trades; CSV or zip) and aggregate-trade CSVs like them",
            build=lambda _config: BULK,
            opens=opens,
            samples=bulk_samples(),
        )
    ]

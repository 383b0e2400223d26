"""Feed ``tardis``: trade CSVs in the layout of Tardis, one row a trade, plain, gzip or zip.

Header ``exchange,symbol,timestamp,local_timestamp,id,side,price,amount`` in any order; times in microseconds, ``side`` the taker's.
On Binance trade ids count up by one, so a jump is told as a FeedGap and a repeat as a Rejected.
"""

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Final

from flashcrash_binance.probe import DecimalSample
from flashcrash_core.api import (
    DataError,
    DataTier,
    FeedRequest,
    FeedSpec,
    Instrument,
    MarketEvent,
    MarketKind,
    PluginInfo,
    Side,
    SourceInfo,
    Trade,
    hookimpl,
)
from flashcrash_feeds.file_source import FileFeed, FileSource
from flashcrash_feeds.row_times import RowTimes
from flashcrash_feeds.samples import tardis_samples
from flashcrash_feeds.tally import Tally, require_requested, shown_line
from flashcrash_feeds.trade_csv import field_reason, first_lines, split_header
from flashcrash_feeds.trade_ids import Link, TradeIds

__all__ = ["TARDIS", "TardisSource", "flashcrash_feeds", "flashcrash_plugin", "opens"]

flashcrash_plugin = PluginInfo(api=1, summary="Trade CSV files in the layout of Tardis.")

_COLUMNS: Final = ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount")
_NEEDED: Final = frozenset(_COLUMNS) - {"local_timestamp"}
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}


def opens(path: Path, head: bytes) -> bool:  # noqa: ARG001 (the hook's signature)
    """Whether the first line is a header with Tardis's trade columns."""
    return _NEEDED.issubset(split_header(head.split(b"\n", 1)[0]))


class TardisSource(FileSource):
    """One opened file."""

    def __init__(self, path: Path, request: FeedRequest) -> None:
        lines = first_lines(path)
        header = split_header(lines[0])
        if not _NEEDED.issubset(header):
            raise DataError(
                f"{path}: not a Tardis trade file: expected a header with {','.join(_COLUMNS)}, found {shown_line(lines[0])}; "
                f"for Binance's own CSV files use --feed bulk, for raw captures --feed replay"
            )
        # A file without local_timestamp takes the exchange's time for it.
        places = {name: header.index(name) for name in _NEEDED}
        places["local_timestamp"] = header.index("local_timestamp") if "local_timestamp" in header else places["timestamp"]
        self._pick = itemgetter(*(places[name] for name in _COLUMNS))
        samples: dict[str, DecimalSample] = {}
        exchanges: set[str] = set()
        for raw in lines[1:]:
            try:
                exchange, symbol, _, _, _, _, price, amount = self._pick(raw.decode("ascii").split(","))
            except (IndexError, UnicodeDecodeError):
                continue
            exchanges.add(exchange.lower())
            samples.setdefault(symbol.upper(), DecimalSample()).add(price, amount)
        if not samples:
            fault = "has a header but no rows" if len(lines) == 1 else "no usable rows: none has all columns of the header"
            raise DataError(f"{path}: no events; it {fault}, check that it was downloaded completely")
        symbols = require_requested(path, list(samples), request.symbols)
        kind = MarketKind.USDM if exchanges == {"binance-futures"} else MarketKind.SPOT
        self._instruments = {one: request.instruments(one, kind=kind, sample=samples[one].pair) for one in symbols}
        self._others = frozenset(samples).difference(symbols)
        self._all_requested = bool(request.symbols)
        self._next_seq = request.next_seq
        # Only where ids are known to count up by one does a jump mean a loss.
        self._chained = all(exchange.startswith("binance") for exchange in exchanges)
        info = SourceInfo(
            symbols=symbols,
            has_book=False,
            data_tier=DataTier.TRADES,
            instruments=tuple(self._instruments.values()),
            description=f"Tardis trades {path.name} ({', '.join(sorted(exchanges))}: {', '.join(symbols)})",
        )
        super().__init__(path, info, Tally(path, request.next_seq, symbols[0]))

    def events(self) -> Iterator[MarketEvent]:
        """All trades in the order of the file."""
        reader = self._open_reader()
        if reader is None:
            return
        tally, pick, next_seq, chained = self._tally, self._pick, self._next_seq, self._chained
        chains = {symbol: TradeIds() for symbol in self._instruments}
        current = ""
        instrument: Instrument | None = None
        chain = TradeIds()
        arrivals, own_times = RowTimes(self._path, ("microseconds",)), RowTimes(self._path, ("microseconds",))
        local_us, own_us, too_old = arrivals.us, own_times.us, arrivals.too_old
        usable = 0
        rows = iter(reader)
        next(rows, None)  # the header
        for raw in rows:
            receive_us = 0
            try:
                _, symbol, timestamp, local, ident, side, price, amount = pick(raw.decode("ascii").split(","))
                if symbol != current:
                    current = symbol
                    instrument = self._instruments.get(symbol.upper())
                    chain = chains.get(symbol.upper(), chain)
                if instrument is None:
                    if symbol.upper() not in self._others and not self._all_requested:
                        yield tally.reject(reader.line, "wrong_symbol", f"{symbol!r} was not among the first rows")
                    continue
                receive_us = local_us(local, reader.line)
                trade_id = int(ident) if chained or ident.isdigit() else reader.line
                price_ticks = instrument.price_ticks(price)
                qty_lots = instrument.trade_lots(amount)
                aggressor = _SIDES[side]
                exchange_us = own_us(timestamp, reader.line)
            except (ValueError, IndexError, KeyError) as error:
                if raw.strip():
                    reason, detail = field_reason(error)
                    yield tally.reject(reader.line, reason, detail, receive_us, instrument.symbol if instrument else None)
                continue
            if late := too_old(receive_us, reader.line):
                yield tally.reject(reader.line, "out_of_order", late, receive_us, instrument.symbol)
                continue
            if chained:
                if trade_id == chain.next_id:
                    chain.next_id = trade_id + 1
                else:
                    link = chain.link(trade_id, trade_id)
                    if link is Link.DUPLICATE:
                        yield tally.reject(reader.line, "duplicate", f"trade id {trade_id} again", receive_us, instrument.symbol)
                        continue
                    if link is Link.GAP:
                        yield tally.gap("trade_id_gap", receive_us, instrument.symbol, exchange_us)
            usable += 1
            yield Trade(instrument.symbol, next_seq(), exchange_us, receive_us, trade_id, price_ticks, qty_lots, aggressor)
        self._finish(usable)


TARDIS: Final = FileFeed("tardis", "a trade CSV", TardisSource)
"""Opens Tardis trade files."""


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The feed ``tardis``."""
    return [
        FeedSpec(
            name="tardis",
            summary="trade CSV files in the layout of Tardis (exchange,symbol,timestamp,...), plain, gzip or zip",
            build=lambda _config: TARDIS,
            opens=opens,
            samples=tardis_samples(),
        )
    ]

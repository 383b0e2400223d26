"""Files for spreadsheets and scripts: ``trades.csv``, ``states.csv`` and ``summary.json`` in a directory.

Each file is written beside its place and then renamed into it, so that a reader never sees half of one; the summary comes last.
Prices, quantities and money are exact decimals. A text that a spreadsheet would take for a formula is prefixed with a quote.
"""

import csv
import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from flashcrash_core.errors import StorageError
from flashcrash_core.market.instruments import Instrument, money_to_decimal
from flashcrash_core.runtime.records import SessionRecord, TradeRecord, TransitionRecord
from flashcrash_core.runtime.session_account import average_price, instruments_of, short
from flashcrash_core.runtime.session_stats import stored_stats
from flashcrash_core.runtime.storage import Store

__all__ = [
    "STATE_COLUMNS",
    "TRADE_COLUMNS",
    "export_run",
    "json_document",
    "session_trades",
    "state_rows",
    "summary_document",
    "trade_objects",
    "write_export",
]

TRADE_COLUMNS: Final = (
    "symbol",
    "entry_us",
    "exit_us",
    "entry_price",
    "exit_price",
    "quantity",
    "fees",
    "pnl_net",
    "exit_reason",
    "score",
    "hold_s",
)
"""Keys of a trade in every report (docs/architecture.md)."""
STATE_COLUMNS: Final = ("symbol", "t_us", "seq", "source", "target", "reason", "evidence")

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_MICRO: Final = Decimal(10) ** -6
_PLACES: Final = ("session_db", "exported")
_json: Final = msgspec.json.Encoder(decimal_format="number")


def json_document(document: object) -> bytes:
    """One JSON document, indented; decimals as JSON numbers with all their digits, NaN as null."""
    return msgspec.json.format(_json.encode(document), indent=2) + b"\n"


def trade_objects(trades: Iterable[TradeRecord], instruments: Mapping[str, Instrument]) -> list[dict[str, Any]]:
    """Closed trades as objects under :data:`TRADE_COLUMNS`. Raises StorageError for a symbol without an instrument."""
    return [_trade(trade, _grid(trade.symbol, instruments)) for trade in trades]


def _grid(symbol: str, instruments: Mapping[str, Instrument]) -> Instrument:
    if symbol not in instruments:
        raise StorageError(
            f"cannot give prices of {symbol}: the session holds neither a report nor the symbol's tick and lot size; "
            f"resume the session to its end, or set [instruments.{symbol}] before the run"
        )
    return instruments[symbol]


def _trade(trade: TradeRecord, instrument: Instrument) -> dict[str, Any]:
    values = (
        trade.symbol,
        trade.entry_us,
        trade.exit_us,
        average_price(trade.entry_ticks, instrument),
        average_price(trade.exit_ticks, instrument),
        short(instrument.quantity(trade.qty_lots)),
        short(money_to_decimal(trade.fee_minor)),
        short(money_to_decimal(trade.pnl_minor)),
        trade.exit_reason,
        None if trade.score != trade.score else round(trade.score, 2),
        short(Decimal(trade.exit_us - trade.entry_us) * _MICRO),
    )
    return dict(zip(TRADE_COLUMNS, values, strict=True))


def state_rows(transitions: Iterable[TransitionRecord]) -> list[tuple[Any, ...]]:
    """Changes of state as rows under :data:`STATE_COLUMNS`; the evidence is JSON text."""
    return [(t.symbol, t.t_us, t.seq, t.source, t.target, t.reason, _json.encode(t.evidence).decode()) for t in transitions]


def session_trades(store: Store, session: SessionRecord, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Closed trades as objects: those of a finished run's ``report``, else made from the rows. Raises StorageError."""
    if "trades" in report:
        return [dict(trade) for trade in report["trades"]]
    return trade_objects(store.read(session.id, TradeRecord), instruments_of(session))


def summary_document(store: Store, session: SessionRecord, report: Mapping[str, Any]) -> dict[str, Any]:
    """What summary.json holds of a session with a report: the report with the session's statistics under ``stats``.

    The same right after the run and later from the database; where the database lies is no part of it.
    """
    return {key: value for key, value in report.items() if key not in _PLACES} | {"stats": stored_stats(store, session).as_dict()}


def export_run(store: Store, session_id: str, report: Mapping[str, Any], out: Path) -> list[Path]:
    """Write the files of a session that has just run and whose report is ``report``. Raises StorageError."""
    session = store.session(session_id)
    trades = session_trades(store, session, report)
    summary = summary_document(store, session, report)
    return write_export(out, trades=trades, transitions=store.read(session.id, TransitionRecord), summary=summary)


def write_export(
    directory: Path,
    *,
    trades: Sequence[Mapping[str, Any]],
    transitions: Sequence[TransitionRecord],
    summary: Mapping[str, Any],
) -> list[Path]:
    """Write the three files into ``directory``, which is created; returns their paths. Raises StorageError."""
    contents = {
        "trades.csv": _csv(TRADE_COLUMNS, [[trade.get(name) for name in TRADE_COLUMNS] for trade in trades]),
        "states.csv": _csv(STATE_COLUMNS, state_rows(transitions)),
        "summary.json": json_document(summary),
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _replace(directory / name, content)
    except OSError as error:
        raise StorageError(
            f"cannot write {error.filename or directory}: {error.strerror}; "
            "name a directory with --out that you may write and that has free space"
        ) from error
    return [directory / name for name in contents]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, Decimal):
        return format(value, "f")  # never 1E-8, which spreadsheets of some countries take for text
    if isinstance(value, float) and math.isfinite(value):
        return format(Decimal(repr(value)), "f")  # a stored report holds money as floats
    return "" if value is None else value


def _replace(path: Path, content: bytes) -> None:
    # Not tempfile: its files are 0600, and these are made to be passed on, so the umask decides.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

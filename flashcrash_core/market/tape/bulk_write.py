"""Writing whole columns as one tape: for programs that make their data as columns. Importers take events (:mod:`.writer`)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from flashcrash_core._version import __version__
from flashcrash_core.errors import DataError
from flashcrash_core.market.tape.column_files import ColumnFiles
from flashcrash_core.market.tape.columns import NONE, TABLES, Kind, TapeColumns
from flashcrash_core.market.tape.days import DAY_US, day_name, day_of, require_plausible
from flashcrash_core.market.tape.manifest import SCHEMA, TapeInstrument, TapeManifest, content_hash, write_manifest
from flashcrash_core.market.tape.staging import Published, Staging
from flashcrash_core.market.tape.writer import TapeMarket, market_folder

__all__ = ["write_columns"]

_PIECE: Final = 1 << 20


def write_columns(
    out: Path, columns: TapeColumns, market: TapeMarket, *, warnings: Sequence[str] = (), force: bool = False
) -> Published:
    """Write the columns of one UTC day below ``out``. Raises DataError for columns that are no tape, UsageError for a taken place.

    StorageError for a full disk. The events are not looked at one by one, so the tape carries no marks of gaps or late events;
    ``flashcrash tape verify`` does.
    """
    instrument = market.instrument
    if columns.symbol != instrument.symbol:
        raise DataError(f"columns are of {columns.symbol}, the instrument is {instrument.symbol}; give both for one symbol")
    _require_counts(columns)
    events = columns.tables["events"]
    exchange_us, receive_us = events["exchange_us"], events["receive_us"]
    known = exchange_us[exchange_us != NONE]
    if not len(known):
        raise DataError(f"columns of {columns.symbol}: no event has an exchange time, so there is no day to put them into")
    first_us, last_us = int(known.min()), int(known.max())
    require_plausible(first_us, f"columns of {columns.symbol}")
    day = day_of(first_us)
    if last_us >= (day + 1) * DAY_US:
        raise DataError(
            f"columns of {columns.symbol}: reach from {day_name(day)} into {day_name(day_of(last_us))}; split them by day"
        )
    with Staging(out, force) as staging:
        relative = Path(market_folder(instrument)) / day_name(day)
        with staging.writing():
            files = ColumnFiles(staging.place(relative))
            for piece in _pieces(columns):
                files.append([piece])
            hashes = files.finish()
        draft = TapeManifest(
            schema=SCHEMA,
            symbol=columns.symbol,
            day=day_name(day),
            hash="",
            instrument=TapeInstrument.of(instrument),
            continuity=columns.continuity,
            data_tier=market.data_tier,
            has_book=market.has_book,
            synthetic_book=market.synthetic_book,
            time_unit="us" if (known % 1000).any() else "ms",
            rounded_quantities=0,
            columns=hashes,
            rows=dict(files.rows),
            first_exchange_us=int(known[0]),
            last_exchange_us=last_us,
            first_receive_us=int(receive_us[0]),
            last_receive_us=int(receive_us[-1]),
            sources=[],
            warnings=list(warnings),
            marks=[],
            version=__version__,
            texts=list(columns.texts),
        )
        manifest = msgspec.structs.replace(draft, hash=content_hash(draft))
        with staging.writing():
            write_manifest(files.folder, manifest)
        (published,) = staging.publish({relative: manifest.hash})
        return published


def _pieces(columns: TapeColumns) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """A column at a time, in pieces that bound the memory of the copy."""
    for table, names in TABLES.items():
        for name in names:
            column = columns.tables[table][name]
            for start in range(0, len(column), _PIECE):
                yield table, name, column[start : start + _PIECE]


def _require_counts(columns: TapeColumns) -> None:
    tables = columns.tables
    for table, names in TABLES.items():
        lengths = {len(tables[table][name]) for name in names}
        if len(lengths) != 1:
            raise DataError(f"columns of {columns.symbol}: those of table {table} are of different lengths")
    kinds = np.bincount(tables["events"]["kind"], minlength=len(Kind))
    expected = {
        "trades": kinds[Kind.TRADE],
        "quotes": kinds[Kind.QUOTE],
        "books": kinds[Kind.DELTA] + kinds[Kind.SNAPSHOT],
        "notes": kinds[Kind.GAP] + kinds[Kind.REJECTED],
        "levels": int(tables["books"]["bids"].sum() + tables["books"]["asks"].sum()),
    }
    for table, rows in expected.items():
        held = len(next(iter(tables[table].values())))
        if held != rows:
            raise DataError(f"columns of {columns.symbol}: table {table} has {held} rows, the events ask for {rows}")

"""``tape.json``: what a tape holds, where it came from, what was found on the way, and the hashes that prove it unchanged.

The content hash covers the columns, the instrument and what a run makes of them (day, tier, book, reasons of refused messages). It
does not cover names and places of the source files, the time of the import or the version: the same data give the same hash.
"""

import hashlib
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from flashcrash_core.errors import DataError
from flashcrash_core.market.events import Continuity
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.files import MANIFEST_NAME
from flashcrash_core.market.instruments import Instrument, MarketKind
from flashcrash_core.market.tape.columns import TABLES

__all__ = [
    "MANIFEST_NAME",
    "SCHEMA",
    "Mark",
    "TapeInstrument",
    "TapeManifest",
    "TapeSourceFile",
    "content_hash",
    "read_manifest",
    "write_manifest",
]

SCHEMA: Final = "flashcrash.tape/1"
COLUMNS: Final = tuple(f"{table}.{column}" for table, columns in TABLES.items() for column in columns)
"""Names of all columns, which are also the stems of their files."""


class TapeInstrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The grid that prices and quantities are counted on; sizes as decimal text."""

    symbol: str
    tick_size: str
    lot_size: str
    min_notional: str
    quote_asset: str
    kind: MarketKind
    inferred: bool

    @classmethod
    def of(cls, instrument: Instrument) -> "TapeInstrument":
        """The stored form of an instrument."""
        return cls(
            symbol=instrument.symbol,
            tick_size=f"{instrument.tick_size:f}",
            lot_size=f"{instrument.lot_size:f}",
            min_notional=f"{instrument.min_notional:f}",
            quote_asset=instrument.quote_asset,
            kind=instrument.kind,
            inferred=instrument.inferred,
        )

    def instrument(self) -> Instrument:
        """The instrument itself. Raises DataError for sizes that are none."""
        return Instrument(
            self.symbol, self.tick_size, self.lot_size, self.min_notional, self.quote_asset, self.kind, inferred=self.inferred
        )


class TapeSourceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that the tape was made from. ``checksum`` says whether a published checksum lay beside it and was verified."""

    name: str
    bytes: int
    sha256: str
    checksum: Literal["verified", "none"] = "none"
    feed: str = ""


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that was found in the data and kept as it is. Names: docs/glossary.md, "Marks of a tape"."""

    what: str
    count: int
    row: int | None = None
    """Row of the table ``events`` where it was first found."""
    first_us: int | None = None
    """Event time (us) there."""
    detail: str = ""


class TapeManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tape: one symbol, one UTC day of event time. Times in microseconds UTC."""

    schema: str
    symbol: str
    day: str
    hash: str
    instrument: TapeInstrument
    continuity: Continuity
    data_tier: DataTier
    has_book: bool
    synthetic_book: bool
    time_unit: Literal["us", "ms"]
    """The finest unit that exchange times show."""
    rounded_quantities: int
    rows: dict[str, int]
    first_exchange_us: int | None
    last_exchange_us: int | None
    first_receive_us: int | None
    last_receive_us: int | None
    columns: dict[str, str]
    """sha256 of the data of each column (``table.column``), without the header of its file."""
    sources: list[TapeSourceFile]
    warnings: list[str]
    """What the feeds said of the sources."""
    marks: list[Mark]
    version: str
    """Version of flashcrash that wrote it."""
    texts: list[tuple[str, str]]
    """``(reason, detail)`` that the table ``notes`` counts."""

    def mark(self, what: str) -> Mark | None:
        """The mark of that name, if there is one."""
        return next((mark for mark in self.marks if mark.what == what), None)


def content_hash(manifest: TapeManifest) -> str:
    """sha256 over everything that a run makes something of. Details of refused messages name files and are left out."""
    content: dict[str, Any] = {
        "schema": manifest.schema,
        "day": manifest.day,
        "instrument": msgspec.to_builtins(manifest.instrument),
        "continuity": int(manifest.continuity),
        "data_tier": str(manifest.data_tier),
        "has_book": manifest.has_book,
        "synthetic_book": manifest.synthetic_book,
        "columns": {name: manifest.columns[name] for name in COLUMNS},
        "reasons": [reason for reason, _ in manifest.texts],
    }
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def write_manifest(folder: Path, manifest: TapeManifest) -> None:
    """Write ``tape.json``. The schema stands first, so that a file's first bytes tell what it is."""
    (folder / MANIFEST_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def read_manifest(folder: Path) -> TapeManifest:
    """Read ``folder/tape.json`` strictly. Raises DataError naming the file and what to do."""
    path = folder / MANIFEST_NAME
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(
            f"{folder}: is no tape: there is no {MANIFEST_NAME} in it; name a folder that `flashcrash tape import` wrote"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        head: Any = msgspec.json.decode(raw)
        schema = head.get("schema") if isinstance(head, dict) else None
        if schema != SCHEMA:
            raise DataError(
                f"{path}: is of schema {schema!r}, this version reads {SCHEMA!r}; import the source files again with this version"
            )
        manifest = msgspec.json.decode(raw, type=TapeManifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is damaged ({error}); import the source files again") from None
    if problem := _problem(manifest):
        raise DataError(f"{path}: is damaged ({problem}); import the source files again")
    return manifest


def _problem(manifest: TapeManifest) -> str:
    if missing := sorted(set(COLUMNS).symmetric_difference(manifest.columns)):
        return f"columns {', '.join(missing)} are missing or unknown"
    if missing := sorted(set(TABLES).symmetric_difference(manifest.rows)):
        return f"tables {', '.join(missing)} are missing or unknown"
    if manifest.symbol != manifest.instrument.symbol:
        return f"symbol {manifest.symbol} and instrument {manifest.instrument.symbol} differ"
    return ""

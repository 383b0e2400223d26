"""Records to rows and back.

A record's fields are columns of the same name; the types of the record decide the coding: a bool is 0 or 1, a dict is JSON text,
and a NaN is NULL, because SQLite has no NaN. Inside JSON text a NaN is ``null`` too and comes back as None.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final, get_type_hints

import msgspec
from attrs import frozen

from flashcrash_core.api import (
    AuditRecord,
    FaultRecord,
    FillRecord,
    IntentRecord,
    NoticeRecord,
    Record,
    ScoreRecord,
    SessionRecord,
    StorageError,
    TradeRecord,
    TransitionRecord,
)

__all__ = ["TABLES", "Table", "decode_session", "encode_session", "json_text"]

_TABLE_OF: Final[Mapping[type[Record], str]] = {
    IntentRecord: "intents",
    NoticeRecord: "notices",
    FillRecord: "fills",
    TradeRecord: "trades",
    TransitionRecord: "transitions",
    ScoreRecord: "scores",
    AuditRecord: "audit",
    FaultRecord: "faults",
}


def _foreign(value: object) -> Any:
    """What msgspec cannot encode: paths, and number types that subclass or mimic the plain ones (numpy's)."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, float):
        return float(value)
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    raise TypeError(f"a {type(value).__name__} cannot be stored as JSON")


_encoder: Final = msgspec.json.Encoder(enc_hook=_foreign)


def json_text(value: object, what: str) -> str:
    """``value`` as JSON text. Raises StorageError naming ``what`` when it is not plain data."""
    try:
        return _encoder.encode(value).decode()
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise StorageError(f"{what} cannot be stored: {error}; hand over plain data (numbers, text, lists, dicts)") from error


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _real(value: float | None) -> float:
    return math.nan if value is None else value


_Coding = tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]


def _coding(name: str, annotation: Any) -> _Coding:
    """Encoder and decoder of a field, None where the value goes as it is."""
    if annotation is float:
        return _number, _real
    if annotation is bool:
        return int, bool
    if annotation is int:
        return int, None  # int(): a side is an IntEnum in memory and a plain number in the table
    if annotation is str:
        return str, None  # likewise for text enumerations
    return (lambda value: json_text(value, name)), msgspec.json.decode


@frozen
class Table:
    """How one record class is stored."""

    name: str
    record: type[Record]
    columns: tuple[str, ...]
    codings: tuple[_Coding, ...]
    insert: str
    select: str

    def encode(self, session_id: str, record: Record) -> tuple[Any, ...]:
        """The row of a record."""
        row: list[Any] = [session_id]
        for column, (encode, _) in zip(self.columns, self.codings, strict=True):
            value = getattr(record, column)
            try:
                row.append(value if encode is None else encode(value))
            except (TypeError, ValueError) as error:
                raise StorageError(
                    f"{type(record).__name__} of seq {record.seq}: {column} = {value!r} cannot be stored: {error}; "
                    "this is a defect of the component that wrote the record"
                ) from error
        return tuple(row)

    def decode(self, row: tuple[Any, ...]) -> Record:
        """The record of a row of :attr:`select`."""
        pairs = zip(self.columns, self.codings, row, strict=True)
        return self.record(**{column: value if decode is None else decode(value) for column, (_, decode), value in pairs})


def _table(record: type[Record], name: str) -> Table:
    hints = get_type_hints(record)
    columns = tuple(field.name for field in msgspec.structs.fields(record))
    names = ", ".join(columns)
    return Table(
        name=name,
        record=record,
        columns=columns,
        codings=tuple(_coding(column, hints[column]) for column in columns),
        insert=f"INSERT INTO {name} (session, {names}) VALUES ({', '.join('?' * (len(columns) + 1))})",
        select=f"SELECT {names} FROM {name} WHERE session = ? ORDER BY seq, id",
    )


TABLES: Final[Mapping[type[Record], Table]] = MappingProxyType({record: _table(record, name) for record, name in _TABLE_OF.items()})
"""Storage of every append-only record class."""

_JSON_FIELDS: Final = frozenset({"symbols", "plugins", "config", "inputs", "summary"})


def encode_session(session: SessionRecord) -> dict[str, Any]:
    """Column name to value of a session row."""
    row = {field.name: getattr(session, field.name) for field in msgspec.structs.fields(SessionRecord)}
    for name in _JSON_FIELDS:
        row[name] = json_text(row[name], f"session {session.id}: {name}")
    return row


def decode_session(row: Mapping[str, Any]) -> SessionRecord:
    """The session of a row; columns that are not fields of the record are left out."""
    fields = (field.name for field in msgspec.structs.fields(SessionRecord))
    values = {name: msgspec.json.decode(row[name]) if name in _JSON_FIELDS else row[name] for name in fields}
    values["symbols"] = tuple(values["symbols"])
    return SessionRecord(**values)

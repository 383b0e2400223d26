"""Columns of several tapes of one symbol, one after the other."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from flashcrash_core.market.tape.columns import TABLES, Column, TapeColumns
from flashcrash_core.market.tape.reader import forget_column

__all__ = ["first_receive_us", "joined", "overlap"]


def first_receive_us(columns: TapeColumns) -> int:
    """When its first event was received; tapes are read in this order."""
    return int(columns.tables["events"]["receive_us"][0]) if len(columns) else 0


def overlap(parts: Sequence[TapeColumns], tolerance_us: int) -> bool:
    """Whether one begins more than ``tolerance_us`` before the one before it ends: its events would count twice."""
    stamps = [part.tables["events"]["receive_us"] for part in parts if len(part)]
    return any(int(after[0]) < int(before[-1]) - tolerance_us for before, after in pairwise(stamps))


def joined(parts: Sequence[TapeColumns]) -> TapeColumns:
    """One after the other in memory; a single one as it is. What was read of each is given back, so that it is there once."""
    first = parts[0]
    if len(parts) == 1:
        return first
    tables = {
        table: {column: _one_after_the_other([part.tables[table][column] for part in parts]) for column in columns}
        for table, columns in TABLES.items()
    }
    texts: list[tuple[str, str]] = []
    notes = []
    for part in parts:
        notes.append(part.tables["notes"]["text"] + np.int32(len(texts)))
        texts += part.texts
    tables["notes"] = {"text": np.concatenate(notes)}
    identity = "+".join(part.identity for part in parts) if all(part.identity for part in parts) else ""
    return TapeColumns(first.symbol, tables, tuple(texts), first.continuity, identity)


def _one_after_the_other(columns: Sequence[Column]) -> Column:
    whole = np.concatenate(columns)
    for column in columns:
        forget_column(column)
    return whole

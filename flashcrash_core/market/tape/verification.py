"""Proving a tape: that it is byte for byte what was written, that its tables fit, and that its marks tell all that is wrong in it.

What is wrong with the *data* (a true tape of a broken recording) is no fault of the tape as long as its marks say so. A problem is
a difference: a hash that does not match, tables that do not fit one another, or more faults in the data than are marked.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from attrs import frozen

from flashcrash_core.market.tape.book_walk import walk_books
from flashcrash_core.market.tape.column_files import HASH_CHUNK_BYTES, column_path
from flashcrash_core.market.tape.columns import Kind
from flashcrash_core.market.tape.days import DAY_US, day_name
from flashcrash_core.market.tape.event_times import CHUNK, admissions
from flashcrash_core.market.tape.manifest import MANIFEST_NAME, content_hash
from flashcrash_core.market.tape.reader import Tape

__all__ = ["Finding", "Problem", "verify_tape"]

_HOLDERS: Final = {
    "trades": (Kind.TRADE,),
    "quotes": (Kind.QUOTE,),
    "books": (Kind.DELTA, Kind.SNAPSHOT),
    "notes": (Kind.GAP, Kind.REJECTED),
}
_POSITIVE: Final = (("trades", "price_ticks"), ("trades", "qty_lots"), ("levels", "price_ticks"))
_NOT_NEGATIVE: Final = (("levels", "qty_lots"), ("books", "bids"), ("books", "asks"), ("notes", "text"))

Progress = Callable[[float, str], None]


@frozen
class Problem:
    """Something that does not match. ``row`` is that of the file's table, where one row is at fault."""

    file: str
    row: int | None
    message: str


@frozen
class Finding:
    """Something counted in the data, beside what the manifest says of it."""

    what: str
    found: int
    marked: int
    file: str
    row: int | None

    @property
    def told(self) -> bool:
        """Whether the manifest tells of all of them."""
        return self.found <= self.marked


def verify_tape(tape: Tape, on_progress: Progress | None = None) -> tuple[list[Problem], list[Finding]]:
    """Read all of a tape. What is damaged is not looked at any further: its rows prove nothing."""
    tell = on_progress or (lambda _fraction, _what: None)
    problems = list(_hashes(tape, tell))
    if problems:
        return problems, []
    problems = list(_tables(tape))
    if problems:
        return problems, []
    findings = [*_order(tape), *_ids(tape), *_clock(tape), *_book(tape, tell)]
    for finding in findings:
        if not finding.told:
            told = f"{finding.marked} of them" if finding.marked else "none"
            path = tape.path / finding.file
            place = "" if finding.row is None else f", row {finding.row}"
            problems.append(
                Problem(
                    str(path),
                    finding.row,
                    f"{path}{place}: {finding.what}, {finding.found} in all; the manifest tells of {told}. "
                    "Import the source files again",
                )
            )
    return problems, findings


def _hashes(tape: Tape, tell: Progress) -> Iterator[Problem]:
    manifest = tape.manifest
    done, total = 0, sum(len(column) * column.itemsize for columns in tape.columns.tables.values() for column in columns.values())
    for table, columns in tape.columns.tables.items():
        for name, column in columns.items():
            digest = hashlib.sha256()
            rows = HASH_CHUNK_BYTES // column.itemsize
            for start in range(0, len(column), rows):
                piece = np.ascontiguousarray(column[start : start + rows])
                digest.update(piece.data)
                done += piece.nbytes
                tell(0.3 * done / max(total, 1), "hashes")
            if digest.hexdigest() != manifest.columns[f"{table}.{name}"]:
                path = column_path(tape.path, table, name)
                yield Problem(
                    str(path), None, f"{path}: its data have another hash than the manifest says; import the source files again"
                )
    if content_hash(manifest) != manifest.hash:
        path = tape.path / MANIFEST_NAME
        yield Problem(
            str(path), None, f"{path}: was changed: its content hash is {manifest.hash[:16]}..., what it says gives "
            f"{content_hash(manifest)[:16]}...; import the source files again"
        )  # fmt: skip


def _tables(tape: Tape) -> Iterator[Problem]:
    """Whether the tables fit one another, and hold what they may."""
    tables, rows = tape.columns.tables, tape.manifest.rows
    kinds = tables["events"]["kind"]
    counts = np.bincount(np.clip(kinds, 0, len(Kind)), minlength=len(Kind) + 1)
    where = column_path(tape.path, "events", "kind")
    if counts[len(Kind)] or (len(kinds) and int(kinds.min()) < 0):
        row = int(np.argmax((kinds < 0) | (kinds >= len(Kind))))
        yield Problem(str(where), row, f"{where}, row {row}: kind {int(kinds[row])} is none")
    for table, holders in _HOLDERS.items():
        expected = int(sum(counts[kind] for kind in holders))
        if rows[table] != expected:
            yield Problem(str(where), None, f"{where}: has {expected} events for the {rows[table]} rows of {table}")
    levels = int(tables["books"]["bids"].sum() + tables["books"]["asks"].sum()) if rows["books"] else 0
    if levels != rows["levels"]:
        path = column_path(tape.path, "books", "bids")
        yield Problem(str(path), None, f"{path}: books hold {levels} levels, the table levels {rows['levels']}")
    for least, columns in ((1, _POSITIVE), (0, _NOT_NEGATIVE)):
        for table, name in columns:
            column = tables[table][name]
            if len(column) and int(column.min()) < least:
                row = int(np.argmax(column < least))
                path = column_path(tape.path, table, name)
                yield Problem(str(path), row, f"{path}, row {row}: {int(column[row])} is below {least}")
    if rows["notes"] and int(tables["notes"]["text"].max()) >= len(tape.manifest.texts):
        path = column_path(tape.path, "notes", "text")
        row = int(np.argmax(tables["notes"]["text"] >= len(tape.manifest.texts)))
        yield Problem(str(path), row, f"{path}, row {row}: a text that the manifest has not")
    sides = tables["trades"]["side"]
    if len(sides) and bool((np.abs(sides) != 1).any()):
        row = int(np.argmax(np.abs(sides) != 1))
        path = column_path(tape.path, "trades", "side")
        yield Problem(str(path), row, f"{path}, row {row}: side {int(sides[row])} is neither 1 nor -1")


def _finding(tape: Tape, mark: str, what: str, found: int, table: str, column: str, row: int | None) -> Finding:
    marked = tape.manifest.mark(mark)
    return Finding(what, found, marked.count if marked is not None else 0, column_path(tape.path, table, column).name, row)


def _order(tape: Tape) -> Iterator[Finding]:
    """Receive times that fall; a refused message without one is exempt."""
    events = tape.columns.tables["events"]
    newest = back = 0
    first: int | None = None
    for start in range(0, len(tape.columns), CHUNK):
        received, kinds = np.asarray(events["receive_us"][start : start + CHUNK]), events["kind"][start : start + CHUNK]
        ahead = np.maximum.accumulate(np.concatenate(([newest], received)))
        fallen = (received < ahead[:-1]) & ((received != 0) | (kinds != Kind.REJECTED))
        if fallen.any():
            back += int(np.count_nonzero(fallen))
            first = start + int(np.argmax(fallen)) if first is None else first
        newest = int(ahead[-1])
    yield _finding(tape, "out_of_order", "received before the event ahead of it", back, "events", "receive_us", first)


def _ids(tape: Tape) -> Iterator[Finding]:
    ids = tape.columns.tables["trades"]["trade_id"]
    newest = np.maximum.accumulate(ids) if len(ids) else np.asarray(ids)
    back = ids[1:] <= newest[:-1]
    yield _finding(
        tape, "trade_id_back", "a trade id that does not rise", int(np.count_nonzero(back)), "trades", "trade_id",
        1 + int(np.argmax(back)) if back.any() else None,
    )  # fmt: skip
    if tape.manifest.instrument.kind == "spot":
        ahead = ids[1:] > newest[:-1] + 1
        yield _finding(
            tape, "trade_id_gap", "a trade id that skips some", int(np.count_nonzero(ahead)), "trades", "trade_id",
            1 + int(np.argmax(ahead)) if ahead.any() else None,
        )  # fmt: skip


def _clock(tape: Tape) -> Iterator[Finding]:
    day_us = int(np.datetime64(tape.manifest.day, "us").astype(np.int64))
    seen = admissions(tape.columns, day_us, day_us + DAY_US)
    yield _finding(tape, "late", "late by more than 250 ms of event time", seen.late, "events", "exchange_us", None)
    yield _finding(tape, "time_leap", "an exchange time that leaps ahead", seen.leaps, "events", "exchange_us", None)
    what = f"an event time outside of {day_name(day_us // DAY_US)}"
    yield _finding(tape, "", what, seen.strays, "events", "exchange_us", seen.first_stray_row)


def _book(tape: Tape, tell: Progress) -> Iterator[Finding]:
    if not tape.manifest.has_book:
        return
    total, leaps = max(len(tape.columns), 1), tape.manifest.mark("time_leap") is not None
    book = walk_books(tape.columns, levels=True, leaps=leaps, on_progress=lambda row: tell(0.4 + 0.6 * row / total, "book"))
    yield _finding(
        tape, "book_gap", "an update that does not continue the book", book.gaps, "books", "first_id", book.first_gap_row
    )
    yield _finding(tape, "book_crossed", "a crossed book", book.crossed, "books", "last_id", book.first_crossed_row)

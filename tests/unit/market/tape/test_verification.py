"""``verify_tape``: sound tapes pass, and every change of a byte, a row or the manifest is found and named."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from flashcrash_core.api import BookDelta, MarketEvent, Tape, TapeMarket, Trade, open_tape, write_tape
from flashcrash_core.market.tape.manifest import content_hash, read_manifest, write_manifest
from flashcrash_core.market.tape.verification import verify_tape

SYMBOL = "SIMUSDT"
Write = Callable[..., Tape]


def reseal(folder: Path, **changes: Any) -> Tape:
    """Give the manifest the hashes of what the columns hold now, as somebody who tampers would."""
    manifest = read_manifest(folder)
    columns = {name: hashlib.sha256(np.load(folder / f"{name}.npy").tobytes()).hexdigest() for name in manifest.columns}
    manifest = msgspec.structs.replace(manifest, columns=columns, **changes)
    write_manifest(folder, msgspec.structs.replace(manifest, hash=content_hash(manifest)))
    return open_tape(folder)


def edit(folder: Path, column: str, row: int, value: int) -> None:
    """Change one number of a column in its file."""
    held = np.load(folder / f"{column}.npy", mmap_mode="r+")
    held[row] = value
    held.flush()


def test_a_sound_tape(write: Write, calm: list[MarketEvent]) -> None:
    """Nothing to tell, and progress that rises to the end."""
    told: list[float] = []
    assert [finding for finding in verify_tape(write(calm), lambda part, _: told.append(part))[1] if finding.found] == []
    assert verify_tape(write(calm, "b"))[0] == []
    assert told == sorted(told)
    assert 0 < told[-1] <= 1


def test_both_sides_of_midnight(tmp_path: Path, over_midnight: list[MarketEvent], market: TapeMarket) -> None:
    """Each of two days proves itself, the carried book included."""
    for one in write_tape(tmp_path, over_midnight, {SYMBOL: market}):
        assert verify_tape(open_tape(one.path))[0] == []


@pytest.mark.parametrize("column", ["events.kind", "trades.price_ticks", "levels.qty_lots", "books.asks", "quotes.update_id"])
def test_a_changed_number(column: str, write: Write, calm: list[MarketEvent]) -> None:
    """One changed number in any column is found by the column's hash."""
    tape = write(calm)
    edit(tape.path, column, 3, 2)
    (problem,) = verify_tape(open_tape(tape.path))[0]
    assert problem.file.endswith(f"{column}.npy")
    assert "has another hash" in problem.message.replace("have another hash", "has another hash")


def test_a_changed_manifest(write: Write, calm: list[MarketEvent]) -> None:
    """A grid that was changed by hand does not fit the content hash."""
    tape = write(calm)
    path = tape.path / "tape.json"
    document = json.loads(path.read_text())
    document["instrument"]["tick_size"] = "0.1"
    path.write_text(json.dumps(document))
    (problem,) = verify_tape(open_tape(tape.path))[0]
    assert "tape.json: was changed: its content hash is" in problem.message


@pytest.mark.parametrize(
    ("column", "row", "value", "words"),
    [
        ("events.kind", 4, 9, "events.kind.npy, row 4: kind 9 is none"),
        ("events.kind", 4, 6, "events for the"),
        ("books.bids", 0, 4, "levels, the table levels"),
        ("trades.side", 2, 0, "trades.side.npy, row 2: side 0 is neither 1 nor -1"),
        ("trades.price_ticks", 2, 0, "trades.price_ticks.npy, row 2: 0 is below 1"),
        ("levels.qty_lots", 5, -1, "levels.qty_lots.npy, row 5: -1 is below 0"),
        ("events.receive_us", 7, 5, "events.receive_us.npy, row 7: received before the event ahead of it"),
        ("trades.trade_id", 3, 1, "trades.trade_id.npy, row 3: a trade id that does not rise"),
        ("trades.trade_id", 3, 10**9, "trades.trade_id.npy, row 3: a trade id that skips some"),
        ("books.first_id", 5, 10**9, "books.first_id.npy, row 5: an update that does not continue the book"),
        ("quotes.bid_lots", 0, 1, ""),
    ],
)
def test_faults_behind_fitting_hashes(column: str, row: int, value: int, words: str, write: Write, calm: list[MarketEvent]) -> None:
    """With the hashes made anew, what does not fit in the rows themselves is still named by file and row."""
    tape = write(calm)
    edit(tape.path, column, row, value)
    messages = "\n".join(problem.message for problem in verify_tape(reseal(tape.path))[0])
    assert (words in messages) if words else messages == ""


def test_a_crossed_book(write: Write, calm: list[MarketEvent]) -> None:
    """A book that stands crossed is marked when the tape is made; without the mark it is a fault, with its first row."""
    at = [number for number, event in enumerate(calm) if isinstance(event, BookDelta)][20]
    update = calm[at]
    assert isinstance(update, BookDelta)
    crossing = msgspec.structs.replace(update, bids=[(9_000_000, 5)])
    tape = write([*calm[:at], crossing, *calm[at + 1 :]])
    problems, findings = verify_tape(tape)
    assert problems == []
    (crossed,) = [finding for finding in findings if finding.found]
    assert (crossed.what, crossed.row) == ("a crossed book", 21)
    assert crossed.found == crossed.marked
    (problem,) = verify_tape(reseal(tape.path, marks=[]))[0]
    assert "books.last_id.npy, row 21: a crossed book" in problem.message
    assert "the manifest tells of none" in problem.message


def test_another_day(write: Write, calm: list[MarketEvent]) -> None:
    """Events of another day than the manifest's are found."""
    tape = write(calm)
    messages = [problem.message for problem in verify_tape(reseal(tape.path, day="2030-01-02"))[0]]
    assert any("an event time outside of 2030-01-02" in message for message in messages)


def test_marked_faults_are_no_problem(write: Write, calm: list[MarketEvent]) -> None:
    """A true tape of broken data proves itself: what is wrong is told, and it is what the marks say."""
    trades = [number for number, event in enumerate(calm) if isinstance(event, Trade)]
    lost = {trades[5], trades[6]}
    problems, findings = verify_tape(write([event for number, event in enumerate(calm) if number not in lost]))
    assert problems == []
    assert [(finding.what, finding.found, finding.row) for finding in findings if finding.found] == [
        ("a trade id that skips some", 1, 5)
    ]

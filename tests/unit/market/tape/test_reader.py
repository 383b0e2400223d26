"""Opening a tape: what is missing or damaged is named at once, with the file and what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flashcrash_core.api import DataError, MarketEvent, Tape, open_tape
from flashcrash_core.market.tape.reader import is_tape

Write = Callable[..., Tape]


@pytest.fixture
def folder(write: Write, calm: list[MarketEvent]) -> Path:
    """The folder of a sound tape."""
    return write(calm).path


def edit(folder: Path, **changes: Any) -> None:
    """Change keys of the manifest."""
    path = folder / "tape.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_columns_are_files_that_numpy_reads(folder: Path) -> None:
    """Each column is an .npy file of its own; a tape is named by its folder or its manifest."""
    tape = open_tape(folder)
    assert np.array_equal(np.load(folder / "trades.price_ticks.npy"), tape.columns.tables["trades"]["price_ticks"])
    assert len(np.load(folder / "notes.text.npy")) == 0
    assert len(open_tape(folder / "tape.json").columns) == len(tape.columns)
    assert is_tape(folder)
    assert not is_tape(folder.parent)


def test_what_is_no_tape(tmp_path: Path, folder: Path) -> None:
    """A missing path, a folder without a manifest and a file are told apart."""
    with pytest.raises(DataError, match="absent: no such tape; check the path"):
        open_tape(tmp_path / "absent")
    with pytest.raises(DataError, match=r"is no tape: there is no tape\.json in it"):
        open_tape(folder.parent)
    with pytest.raises(DataError, match="is no tape"):
        open_tape(folder / "trades.side.npy")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": "flashcrash.tape/9"}, "is of schema 'flashcrash.tape/9', this version reads 'flashcrash.tape/1'"),
        ({"surprise": 1}, "is damaged .*unknown field `surprise`"),
        ({"rows": {"events": 1}}, "tables books, levels, notes, quotes, trades are missing or unknown"),
        ({"columns": {}}, "columns books.asks.* are missing or unknown"),
        ({"symbol": "BTCUSDT"}, "symbol BTCUSDT and instrument SIMUSDT differ"),
        ({"data_tier": "L3"}, "is damaged .*L3"),
    ],
)
def test_a_manifest_is_read_strictly(changes: dict[str, Any], words: str, folder: Path) -> None:
    """Another schema, unknown or missing keys and values of the wrong kind are refused by name."""
    edit(folder, **changes)
    with pytest.raises(DataError, match=f"tape.json: .*{words}"):
        open_tape(folder)


def test_a_manifest_that_is_no_json(folder: Path) -> None:
    """Half a manifest is damaged, not a crash."""
    path = folder / "tape.json"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"tape\.json: is damaged"):
        open_tape(folder)


def test_columns_that_are_missing_short_or_of_another_kind(folder: Path) -> None:
    """Each is named, with what to do."""
    path = folder / "trades.price_ticks.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(DataError, match=r"trades\.price_ticks\.npy: has \d+ bytes, \d+ rows need \d+; the tape is damaged"):
        open_tape(folder)
    path.write_bytes(b"short")
    with pytest.raises(DataError, match=r"trades\.price_ticks\.npy: .*the tape is damaged or incomplete"):
        open_tape(folder)
    np.save(path, np.zeros(3, np.int64))
    with pytest.raises(DataError, match=r"trades\.price_ticks\.npy: holds 3 rows, the manifest says"):
        open_tape(folder)
    np.save(path, np.zeros(3, np.float64))
    with pytest.raises(DataError, match=r"trades\.price_ticks\.npy: holds float64"):
        open_tape(folder)
    path.unlink()
    with pytest.raises(DataError, match=r"trades\.price_ticks\.npy: is missing from the tape; import the source files again"):
        open_tape(folder)

"""The hidden folder of an import: gone when it ends, removed by the next one when it was killed, kept while it lives."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flashcrash_core.errors import StorageError, UsageError
from flashcrash_core.market.events import Side, Trade
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.tape.staging import STAGING_PREFIX, Staging
from flashcrash_core.market.tape.writer import TapeMarket, write_tape
from flashcrash_core.simulation.generator import simulated_instrument

IMPORT = """
import sys
from pathlib import Path
from flashcrash_core.market.tape.staging import Staging
with Staging(Path(sys.argv[1])) as staging:
    (staging.place(Path("X/2030-01-01")) / "part.npy").write_bytes(b"half")
    print(staging.folder, flush=True)
    sys.stdin.read()
"""


def hidden(out: Path) -> list[Path]:
    """The hidden folders of imports."""
    return list(out.glob(f"{STAGING_PREFIX}*"))


def written(out: Path) -> Path:
    """A tape of one trade."""
    trade = Trade("X", 1, 1_760_054_400_000_000, 1_760_054_400_000_000, 1, 100, 1, Side.BUY)
    (published,) = write_tape(out, [trade], {"X": TapeMarket(simulated_instrument("X"), False, DataTier.TRADES)})
    return published.path


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    """An exception removes the hidden folder, and the output folder when it was made for nothing."""

    def fail() -> None:
        with Staging(tmp_path / "a" / "b") as staging:
            staging.place(Path("X/2030-01-01"))
            assert hidden(tmp_path / "a" / "b") == [staging.folder]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_import_go_and_a_living_one_stays(tmp_path: Path) -> None:
    """Two imports into one folder do not disturb each other; what a killed one left is removed by the next."""
    processes = [
        subprocess.Popen([sys.executable, "-c", IMPORT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        folders = []
        for process in processes:
            assert process.stdout is not None
            folders.append(Path(process.stdout.readline().strip()))
        assert sorted(hidden(tmp_path)) == sorted(folders)
        processes[0].send_signal(signal.SIGKILL)
        processes[0].wait()
        assert folders[0].exists()
        with Staging(tmp_path) as staging:
            assert staging.leftovers == 1
            assert sorted(hidden(tmp_path)) == sorted([folders[1], staging.folder])
        assert hidden(tmp_path) == [folders[1]]
        processes[1].communicate("")
        assert processes[1].returncode == 0
        assert list(tmp_path.iterdir()) == []
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_a_tape_is_on_the_disk_before_it_is_at_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files and their folder are synced before the move, every folder with a new name in it after."""
    synced: list[int] = []
    before_move: list[set[int]] = []
    fsync, rename = os.fsync, Path.rename

    def noting(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    def moving(source: Path, target: Path) -> Path:
        before_move.append({source.stat().st_ino, *(file.stat().st_ino for file in source.iterdir())} - set(synced))
        synced.clear()
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr(Path, "rename", moving)
    place = tmp_path / "new" / "tapes"
    tape = written(place)
    assert before_move == [set()], "some file was not on the disk when it was moved"
    above = (tape.parent, place, place.parent, tmp_path)
    assert {folder.stat().st_ino for folder in above} <= set(synced)


@pytest.mark.parametrize("room_bytes", [0, 200, 1_000])
def test_a_full_disk_leaves_no_tape(tmp_path: Path, room_bytes: int) -> None:
    """Headers, columns or the manifest do not fit: that is told, with the folder, and nothing is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, hard))
    try:
        with pytest.raises(StorageError, match=r"tapes: the tapes cannot be written: File too large; make room"):
            written(tmp_path / "tapes")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_at_the_end_leaves_no_tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be seen to the disk is not put at its place, and that is told."""

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match=r"tapes: the tapes cannot be written: No space left on device; make room"):
        written(tmp_path / "tapes")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A place below a file, or without permission, is named before anything is read."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="tapes cannot be written there"), Staging(tmp_path / "file" / "x"):
        pass
    if os.geteuid():
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(UsageError, match="tapes cannot be written there"), Staging(tmp_path / "locked"):
            pass

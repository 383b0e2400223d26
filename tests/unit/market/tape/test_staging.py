"""The hidden folder of an import: gone when it ends, removed by the next one when it was killed, kept while it lives."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flashcrash_core.errors import UsageError
from flashcrash_core.market.tape.staging import STAGING_PREFIX, Staging

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


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A place below a file, or without permission, is named before anything is read."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="tapes cannot be written there"), Staging(tmp_path / "file" / "x"):
        pass
    if os.geteuid():
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(UsageError, match="tapes cannot be written there"), Staging(tmp_path / "locked"):
            pass

"""The line that says that compiling begins: once, on standard error, only when machine code is really made."""

import sys
import threading
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from flashcrash_core.batch import compiling, compiling_notice
from flashcrash_core.batch.compiling_notice import compiling_began, telling
from flashcrash_core.cli.progress import with_progress
from flashcrash_core.runtime import many_workers
from flashcrash_core.runtime.request import RunRequest

pytest.importorskip("numba", reason="numba is not installed; nothing is compiled")

LINE = "compiling the indicators for this machine"


def one_more(x: float) -> float:
    """Something small to compile."""
    return x + 1.0


def one_less(x: float) -> float:
    """Something else."""
    return x - 1.0


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing was compiled in this place, nor in this process."""
    monkeypatch.setenv("FLASHCRASH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiling, "_done", {})
    return tmp_path / "cache"


def work(_progress: Any) -> dict[str, Any]:
    """Compiles two functions."""
    return {"sum": compiling.compiled(one_more)(1.0) + compiling.compiled(one_less)(1.0)}


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("watched", [False, True])
def test_a_cold_start_is_told_once_and_a_warm_one_is_not(
    cold: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, json: bool, watched: bool
) -> None:
    """Whether a person watches or not; standard output stays that of the document."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: watched, raising=False)
    assert with_progress("replaying", work, json) == {"sum": 2.0}
    told = capsys.readouterr()
    assert told.err.count(LINE) == 1
    assert f"it is kept in {cold} for the next time" in told.err
    assert told.out == ""
    monkeypatch.setattr(compiling, "_done", {})  # as a new process: only the disk knows
    assert with_progress("replaying", work, json) == {"sum": 2.0}
    assert LINE not in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Then every run compiles, and the line says what to do."""
    monkeypatch.setattr("os.access", lambda *_: False)
    with_progress("replaying", work, json=True)
    assert "it cannot be kept in" in capsys.readouterr().err


def test_nothing_is_said_where_nothing_is_compiled(capsys: pytest.CaptureFixture[str]) -> None:
    """Other work is as quiet as ever, and who waited in vain is forgotten."""
    assert with_progress("verifying", lambda _progress: {}, json=False) == {}
    assert capsys.readouterr().err == ""
    assert compiling_notice._waiting == []


def test_workers_tell_their_parent_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker compiles is told by the process that the user sees, and its report comes as ever."""

    def run(_work: Any, _end: Any) -> tuple[bytes, str, None]:
        compiling_began()
        compiling_began()
        return b'{"a": 1}', "", None

    monkeypatch.setattr(many_workers, "_end_with_parent", lambda: None)
    monkeypatch.setattr(many_workers, "_run", run)
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # a worker changes it for good
    ours, theirs = Pipe()
    serving = threading.Thread(target=many_workers._serve, args=(theirs,))
    serving.start()
    work = many_workers.Work(7, RunRequest(), False, {}, None)
    worker = many_workers._Worker(None, ours)  # type: ignore[arg-type]
    ended: list[many_workers.Ended] = []
    heard: list[str] = []
    with telling(lambda: heard.append("compiling")):
        for _ in range(2):
            many_workers._give(worker, work)
            while many_workers._heard(worker, ended.append, lambda *_: None):
                pass
    assert heard == ["compiling"]
    assert [(one.number, one.report) for one in ended] == [(7, {"a": 1})] * 2
    ours.close()
    serving.join()

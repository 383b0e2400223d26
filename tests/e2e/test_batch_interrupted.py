"""Runs of the batch engine that are killed or interrupted, asleep and awake: resumed, they end as if nothing had happened."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

pytest.importorskip("numba", reason="numba is not installed; there is no batch engine")

WAITING = '''
"""The shipped strategy, which at one bar or call waits until a pipe is opened and closed, if there is one."""

import os
from pathlib import Path

from attrs import evolve

from flashcrash_core.api import PluginInfo, hookimpl
from flashcrash_strategies import percentile

flashcrash_plugin = PluginInfo(api=1, summary="Waits to be killed")


class Waiting:
    def __init__(self, inner):
        self.inner, self.bars, self.calls = inner, 0, 0

    def on_bar(self, bar):
        self.bars += 1
        wait(f"bar {self.bars}")
        self.inner.on_bar(bar)

    def decide(self, moment):
        self.calls += any(position.held_lots for position in moment.positions)
        wait(f"call {self.calls}")
        return self.inner.decide(moment)

    def __getattr__(self, name):
        return getattr(self.inner, name)


def wait(where):
    if os.environ.get("WAITS_AT") == where:
        Path(os.environ["WAITS_FOR"]).read_bytes()


@hookimpl
def flashcrash_strategies():
    (shipped,) = percentile.flashcrash_strategies()
    build = lambda config, context: Waiting(shipped.build(config, context))
    return [evolve(shipped, name="waiting", build=build, bar_memory=None)]
'''
ASLEEP, HOLDING = "bar 200", "call 3"
Contents = Callable[[Path], dict[str, list[str]]]


@frozen
class Stage:
    """A folder with a tape and the plugin, and the run that nothing interrupted."""

    folder: Path
    arguments: tuple[object, ...]
    report: dict[str, Any]
    rows: dict[str, list[str]]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, cli_in: Any, small_capture: Path, contents: Contents) -> Stage:
    """The small market as a tape; the uninterrupted run is the streaming engine's."""
    folder = tmp_path_factory.mktemp("batch")
    cli = cli_in(folder)
    (tape,) = cli.ok("tape", "import", small_capture, "--out", "tapes", "--json").report["tapes"]
    (folder / "waiting.py").write_text(WAITING)
    plugin = folder / "waiting.py"
    arguments = ("backtest", folder / tape["path"], "--plugins", f"+{plugin}", "--set", 'strategy.use="waiting"', "--json")
    whole = cli.ok(*arguments, "--engine", "stream", "--db", "whole.db").report
    assert whole["trades"]
    return Stage(folder, arguments, whole, contents(folder / "whole.db"))


@contextmanager
def standing(stage: Stage, cli: Any, database: Path, where: str) -> Iterator["subprocess.Popen[str]"]:
    """A run that stands still at ``where`` as long as the block lasts."""
    pipe = database.with_suffix(".pipe")
    os.mkfifo(pipe)
    arguments = (*stage.arguments, "--engine", "batch", "--db", database)
    process: subprocess.Popen[str] = cli.start(*arguments, env={"WAITS_AT": where, "WAITS_FOR": str(pipe)})
    try:
        end = opened(pipe, process)
        try:
            yield process
        finally:
            os.close(end)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()


def opened(pipe: Path, process: "subprocess.Popen[str]") -> int:
    """The writing end, as soon as the run has opened the reading one."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            assert process.poll() is None, f"the run ended before it stood still\n{process.communicate()[1]}"
            assert time.monotonic() < deadline, "the run never stood still"
            time.sleep(0.002)  # between two looks


@pytest.mark.parametrize(
    ("where", "number", "status"),
    [(ASLEEP, signal.SIGKILL, "crashed"), (HOLDING, signal.SIGKILL, "crashed"), (HOLDING, signal.SIGINT, "interrupted")],
    ids=["killed asleep", "killed holding", "Ctrl-C holding"],
)
def test_interrupted_and_resumed(
    where: str, number: int, status: str, stage: Stage, cli: Any, tmp_path: Path, comparable: Any, contents: Contents
) -> None:
    """The session is kept as crashed or interrupted; resumed it ends with the rows, report and hash of an uninterrupted run."""
    database = tmp_path / "x.db"
    with standing(stage, cli, database, where) as process:
        process.send_signal(number)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    (session,) = cli.ok("sessions", "list", "--db", database, "--json").report["sessions"]
    assert session["status"] == status
    before = contents(database)
    assert bool(before["intents"]) == (where == HOLDING)
    assert all(set(rows) <= set(stage.rows[table]) for table, rows in before.items() if table != "orders")
    resumed = cli.ok("run", "--resume", "last", "--db", database, "--json").report
    own = {"engine", "stepped_events"}
    assert {k: v for k, v in comparable(resumed).items() if k not in own} == {
        k: v for k, v in comparable(stage.report).items() if k not in own
    }
    assert contents(database) == stage.rows

"""What a run that ends before its end leaves for the user: where its session is, and the command that goes on with it."""

import gzip
import os
import shlex
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flashcrash_core.runtime.launch import RunRequest, execute

Start = Callable[..., "subprocess.Popen[str]"]
IDS = "SELECT id, status FROM sessions"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_names_the_command_that_goes_on(
    number: int, code: int, cli: Any, tmp_path: Path, started: Start, probe: Any, small: list[str], whole: Any, comparable: Any
) -> None:
    """Ctrl-C and SIGTERM (systemd, docker stop) keep the session as interrupted; the printed command ends it as if unstopped."""
    database = tmp_path / "with space.db"
    process = started("run", "--db", database, "--json", "--speed", "200", "--set", "run.snapshot_s=2", *small)
    probe(database).wait(process, "SELECT 1 FROM snapshots")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert f'"interrupted_by":"{signal.Signals(number).name}"' in out
    ((session, status),) = probe(database).rows(IDS)
    assert status == "interrupted"
    assert err == f"interrupted; go on with: flashcrash run --resume {session} --db {shlex.quote(str(database))}\n"
    command = shlex.split(err.partition("flashcrash ")[2])
    resumed = cli.ok(*command, "--speed", "max", "--json").report
    assert comparable(resumed) == comparable(whole.report)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_still_names_the_session(
    number: int, tmp_path: Path, probe: Any, small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two signals at once end the run on the spot; the session and the way on are in the notes, the handlers are put back."""
    monkeypatch.chdir(tmp_path)

    def twice(_fraction: float | None, _events: int) -> None:
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)

    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt) as caught:
        execute(RunRequest(db="x.db", overrides=tuple(small[1::2])), twice)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    ((session, status),) = probe(tmp_path / "x.db").rows(IDS)
    assert (status, caught.value.args) == ("interrupted", (number,))
    assert caught.value.__notes__ == [
        f"session {session} kept in x.db as interrupted; go on with: flashcrash run --resume {session} --db x.db"
    ]


def test_a_broken_file_leaves_a_failed_session(cli: Any, tmp_path: Path, probe: Any, calm_lines: list[bytes]) -> None:
    """A compressed file that breaks off ends with code 1 and the place of what was kept; a resume that must fail is not offered."""
    whole = gzip.compress(b"".join(calm_lines), compresslevel=1)
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    message = cli.refused(1, "run", "--tape", "cut.gz", "--db", "x.db")
    ((session, status),) = probe(tmp_path / "x.db").rows(IDS)
    assert status == "failed"
    *_, last = message.splitlines()
    assert last == f"session {session} kept in x.db as failed; flashcrash sessions show {session} --db x.db"
    assert "resume" not in message
    assert cli.ok("sessions", "show", session, "--db", "x.db", "--json").report["status"] == "failed"


def test_a_resumed_backtest_says_what_it_leaves_out(cli: Any, tmp_path: Path) -> None:
    """A resume does not compute the research variant of data without a book; one line on standard error says so."""
    tape = tmp_path / "x.csv"
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    row = "binance,POLUSDT,{0},{0},{1},buy,0.2,10\n"
    start_us = 1_760_000_000_000_000
    tape.write_text(head + "".join(row.format(start_us + n * 100_000, n) for n in range(1, 400)))
    cli.ok("run", "--mode", "backtest", "--tape", tape, "--db", "x.db")
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("UPDATE sessions SET status = 'crashed'")
        connection.commit()
    resumed = cli.ok("run", "--resume", "last", "--db", "x.db", "--json")
    assert resumed.err.startswith("note: --resume does not compute the research variant;")
    assert "research" not in resumed.report

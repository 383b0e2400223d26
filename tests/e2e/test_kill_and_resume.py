"""Runs that are killed, interrupted or tampered with, through the real command line and real signals."""

import gzip
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

START_US = 1_893_456_000_000_000
FAST = ("--speed", "200")
NEAR_THE_CRASH = f"SELECT 1 FROM snapshots WHERE t_us >= {START_US + 318_000_000}"
BUY_OPEN = "SELECT 1 FROM orders WHERE side = 'BUY' AND state IN ('ACKED', 'PARTIAL')"
HOLDING = "SELECT 1 FROM fills GROUP BY session HAVING sum(qty_lots * side) > 0"
RECOVERING = "SELECT 1 FROM (SELECT target FROM transitions ORDER BY id DESC LIMIT 1) WHERE target = 'RECOVERY'"
Start = Callable[..., "subprocess.Popen[str]"]


def change(database: Path, sql: str) -> None:
    """Edit a database behind the program's back."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute(sql).rowcount == 1
        connection.commit()


def copy(source: Path, target: Path) -> None:
    """Copy a database with its log."""
    for suffix in ("", "-wal", "-shm"):
        if (part := source.with_name(source.name + suffix)).exists():
            shutil.copy(part, target.with_name(target.name + suffix))


@pytest.fixture(scope="module")
def asleep(tmp_path_factory: pytest.TempPathFactory, small: list[str], cli_in: Any, probe: Any) -> Path:
    """A database whose one run was killed while the detector slept, shortly before the crash."""
    folder = tmp_path_factory.mktemp("asleep")
    database = folder / "x.db"
    look = probe(database)
    look.kill_when(cli_in(folder).start("run", "--db", database, *FAST, "--set", "run.snapshot_s=2", *small), NEAR_THE_CRASH)
    assert not look.rows("SELECT 1 FROM transitions"), "the kill came too late to catch the run asleep"
    return database


@pytest.fixture
def crashed(asleep: Path, tmp_path: Path) -> Path:
    """A copy of that database for one test."""
    copy(asleep, tmp_path / "x.db")
    return tmp_path / "x.db"


@pytest.fixture(scope="module")
def whole_rows(tmp_path_factory: pytest.TempPathFactory, small: list[str], cli_in: Any, contents: Any) -> dict[str, list[str]]:
    """The rows of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("rows")
    cli_in(folder).ok("run", "--db", "x.db", "--json", *small)
    return contents(folder / "x.db")


def test_killed_asleep(
    cli: Any, crashed: Path, whole: Any, comparable: Any, whole_rows: Any, contents: Any, small: list[str]
) -> None:
    """A killed run is listed as crashed, is not adopted by a new run, and once resumed ends as if nothing had happened."""
    listed = cli.ok("sessions", "list", "--db", crashed, "--json").report["sessions"]
    assert [session["status"] for session in listed] == ["crashed"]
    cli.ok("run", "--db", crashed, "--duration", 5, *small)
    listed = cli.ok("sessions", "list", "--db", crashed, "--json").report["sessions"]
    assert [session["status"] for session in listed] == ["done", "crashed"]
    first = listed[1]["id"]
    resumed = cli.ok("run", "--resume", first, "--db", crashed, "--speed", "max", "--json").report
    assert resumed["session"] == first
    assert comparable(resumed) == comparable(whole.report)
    assert contents(crashed) == whole_rows
    shown = cli.ok("sessions", "show", first, "--db", crashed, "--json").report
    assert (shown["status"], shown["decision_hash"]) == ("done", whole.report["decision_hash"])
    assert shown["stats"]["pnl_net"] == whole.report["pnl_net"]
    message = cli.refused(2, "run", "--resume", first, "--db", crashed)
    assert f"session {first} is done; only one that is crashed, interrupted or failed can be resumed" in message


@pytest.mark.parametrize("moment", [BUY_OPEN, HOLDING, RECOVERING], ids=["order open", "position open", "in RECOVERY"])
def test_killed_awake(
    moment: str,
    cli: Any,
    asleep: Path,
    tmp_path: Path,
    started: Start,
    probe: Any,
    whole: Any,
    comparable: Any,
    whole_rows: Any,
    contents: Any,
) -> None:
    """Killed again with an order open, a position open or in RECOVERY: resumed, it ends with the same rows, report and hash."""
    slow = "40" if moment is RECOVERING else "8"
    for attempt in range(3):
        database = tmp_path / f"{attempt}.db"
        copy(asleep, database)
        look = probe(database)
        look.kill_when(started("run", "--resume", "last", "--db", database, "--speed", slow), moment)
        if look.rows(moment):
            break
    else:
        pytest.fail("the run never stood where it was to be killed")
    resumed = cli.ok("run", "--resume", "last", "--db", database, "--speed", "max", "--json").report
    assert comparable(resumed) == comparable(whole.report)
    assert contents(database) == whole_rows
    assert look.rows("SELECT kind, count(*) FROM audit GROUP BY kind ORDER BY kind") == [("crashed", 2), ("resumed", 2)]


def test_ctrl_c(cli: Any, tmp_path: Path, started: Start, probe: Any, small: list[str], whole: Any, comparable: Any) -> None:
    """SIGINT ends a run between two events with code 130, one JSON document and an interrupted session, which can be resumed."""
    database = tmp_path / "x.db"
    process = started("run", "--db", database, "--json", *FAST, "--set", "run.snapshot_s=2", *small)
    probe(database).wait(process, "SELECT 1 FROM snapshots")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert '"status":"interrupted"' in out
    assert probe(database).rows("SELECT status FROM sessions") == [("interrupted",)]
    resumed = cli.ok("run", "--resume", "last", "--db", database, "--speed", "max", "--json").report
    assert comparable(resumed) == comparable(whole.report)


def test_ctrl_c_in_a_quiet_market(tmp_path: Path, started: Start, probe: Any) -> None:
    """SIGINT is answered at once although the next event is minutes away."""
    tape = tmp_path / "x.csv"
    row = "binance,POLUSDT,{0},{0},{1},buy,0.2,10\n"
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    start_us = 1_760_000_000_000_000
    tape.write_text(head + "".join(row.format(start_us + us, n) for n, us in enumerate((0, 1000, 2_000_000, 600_000_000), 1)))
    database = tmp_path / "x.db"
    process = started("run", "--db", database, "--tape", tape, "--speed", "1", "--set", "run.snapshot_s=1", "--json")
    probe(database).wait(process, "SELECT 1 FROM snapshots")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


@pytest.mark.parametrize("at_the_end", [False, True], ids=["mid-way", "after the last event"])
def test_duration_counts_from_the_first_start(
    at_the_end: bool, cli: Any, tmp_path: Path, comparable: Any, small: list[str]
) -> None:
    """A resumed run stops where the uninterrupted one stopped, not that long after its resume."""
    database = tmp_path / "x.db"
    whole = cli.ok("run", "--db", database, "--duration", 20, "--set", "run.snapshot_s=6", "--json", *small).report
    # As if the kill had come before or after the snapshot at the end.
    change(database, "UPDATE sessions SET status = 'crashed'")
    if not at_the_end:
        change(database, "DELETE FROM snapshots WHERE id = (SELECT max(id) FROM snapshots)")
    resumed = cli.ok("run", "--resume", "last", "--db", database, "--json").report
    assert comparable(resumed) == comparable(whole)


def test_resume_takes_no_other_settings(cli: Any, crashed: Path) -> None:
    """What would change the decisions is refused instead of ignored."""
    message = cli.refused(2, "run", "--resume", "last", "--db", crashed, "--profile", "seed", "--set", "risk.max_positions=1")
    assert "drop --profile, --set" in message


def test_changed_input(cli: Any, tmp_path: Path, small_capture: Path, started: Start, probe: Any) -> None:
    """A tape that is gone or not the one that the session read is named; with it restored the session is resumed."""
    tape, database = tmp_path / "tape.gz", tmp_path / "x.db"
    shutil.copy(small_capture, tape)
    process = started("run", "--db", database, "--tape", tape, *FAST, "--set", "run.snapshot_s=2")
    probe(database).kill_when(process, "SELECT 1 FROM snapshots")
    with tape.open("ab") as file:
        file.write(gzip.compress(b"1893456000000000000 {}\n"))
    message = cli.refused(1, "run", "--resume", "last", "--db", database)
    assert f"{tape}: is missing or not the file" in message
    tape.unlink()
    assert f"{tape}: is missing or not the file" in cli.refused(1, "run", "--resume", "last", "--db", database)
    shutil.copy(small_capture, tape)
    assert cli.ok("run", "--resume", "last", "--db", database, "--speed", "max", "--json").report["trades"]


@pytest.fixture(scope="module")
def recovering(tmp_path_factory: pytest.TempPathFactory, asleep: Path, cli_in: Any, probe: Any) -> Path:
    """A database whose run was killed in RECOVERY after trades; snapshots lie before and rows after them."""
    folder = tmp_path_factory.mktemp("recovering")
    copy(asleep, folder / "x.db")
    process = cli_in(folder).start("run", "--resume", "last", "--db", "x.db", "--speed", "60")
    probe(folder / "x.db").kill_when(process, RECOVERING)
    return folder / "x.db"


TAMPERED = {
    "fill before the snapshot": "UPDATE fills SET price_ticks = price_ticks + 100 WHERE id = (SELECT min(id) FROM fills)",
    "trade before the snapshot": "UPDATE trades SET pnl_minor = pnl_minor + 1 WHERE id = (SELECT min(id) FROM trades)",
    "transition after the snapshot": "UPDATE transitions SET reason = 'x' WHERE id = (SELECT max(id) FROM transitions)",
}


@pytest.mark.parametrize("sql", TAMPERED.values(), ids=TAMPERED.keys())
def test_tampered_rows(sql: str, cli: Any, recovering: Path, tmp_path: Path, contents: Any) -> None:
    """A row that was edited since stops the resume with code 4, before anything new is written."""
    database = tmp_path / "x.db"
    copy(recovering, database)
    change(database, sql)
    before = contents(database)
    message = cli.refused(4, "run", "--resume", "last", "--db", database, "--speed", "max")
    assert message.startswith("error: resume: ")
    assert "the database" in message
    assert contents(database) == before


def test_damaged_snapshot(cli: Any, crashed: Path) -> None:
    """A snapshot that cannot be read is told apart from a defect of the program."""
    change(crashed, "UPDATE snapshots SET payload = x'c1' WHERE id = (SELECT max(id) FROM snapshots)")
    assert "does not fit" in cli.refused(4, "run", "--resume", "last", "--db", crashed)

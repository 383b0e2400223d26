"""``flashcrash backtest FOLDER`` through the real command line: any number of workers, real kills, broken tapes."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flashcrash_core.api import DataTier, MarketEvent, SimulatedMarket, TapeMarket, scenario_preset, write_tape

Start = Callable[..., "subprocess.Popen[str]"]
DAY_US = 86_400_000_000
CRASH: dict[str, Any] = {"calm_s": 330, "quotes_per_s": 3, "trades_per_s": 3, "aftermath_s": 30}
TAPES = [
    ("AAAUSDT", 0, "crash_and_bounce", CRASH),
    ("AAAUSDT", 1, "calm", {"calm_s": 30}),
    ("AAAUSDT", 2, "crash_without_bounce", CRASH),
    ("BBBUSDT", 0, "crash_and_bounce", CRASH),
    ("BBBUSDT", 1, "calm", {"calm_s": 20}),
    ("BBBUSDT", 2, "calm", {"calm_s": 25}),
]
STREAM = ("--engine", "stream")
"""Without the batch engine's compiling, which takes longer than all of these tapes."""


def on_day(events: Iterable[MarketEvent], day: int) -> Iterable[MarketEvent]:
    """The simulated market, which begins on 2030-01-01, so many days later."""
    for event in events:
        own_us = None if event.exchange_us is None else event.exchange_us + day * DAY_US
        yield msgspec.structs.replace(event, exchange_us=own_us, receive_us=event.receive_us + day * DAY_US)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small tapes of two symbols and three days, and a file that is none."""
    out = tmp_path_factory.mktemp("many") / "tapes"
    for seed, (symbol, day, preset, changes) in enumerate(TAPES):
        market = SimulatedMarket(scenario_preset(preset, symbol=symbol, **changes), seed)
        of = TapeMarket(market.instrument, has_book=True, data_tier=DataTier.SYNTHETIC, synthetic_book=True)
        write_tape(out, on_day(market.events(), day), {symbol: of})
    (out / "README.txt").write_text("made for a test")
    return out


@pytest.fixture(scope="session")
def alone(folder: Path, cli_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run that one worker made without disturbance: what every other way must come to."""
    place: Path = tmp_path_factory.mktemp("alone")
    cli_in(place).ok("backtest", folder, "--workers", "1", "--out", place / "out", "--json", *STREAM)
    return place / "out"


def without_run(text: str) -> str:
    """The document as it was printed, without the part that says how it was made."""
    return re.sub(r',"run":\{[^}]*\}', "", text)


def reports(out: Path) -> dict[str, dict[str, Any]]:
    """The reports in a directory, without wall times."""
    found = {str(path.relative_to(out)): json.loads(path.read_text()) for path in out.glob("*/*.json")}
    return {name: {key: value for key, value in report.items() if key != "wall_s"} for name, report in found.items()}


def workers_of(process: "subprocess.Popen[str]") -> list[int]:
    """Process ids of its workers."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def wait_until(what: Callable[[], bool], process: "subprocess.Popen[str] | None" = None) -> None:
    """Until it is so; fails when the process ends before, or after a minute."""
    deadline = time.monotonic() + 60
    while not what():
        assert process is None or process.poll() is None, f"ended before: {process.communicate() if process else ''}"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)  # between two looks; what is seen decides, not the clock


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked after yet is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("workers", [2, 3])
def test_the_number_of_workers_changes_nothing(workers: int, cli: Any, folder: Path, alone: Path, tmp_path: Path) -> None:
    """One, two and three workers print the same summary byte for byte and write the same reports, but for wall times."""
    done = cli.ok("backtest", folder, "--workers", workers, "--out", "out", "--json", *STREAM)
    assert without_run(done.out) == (alone / "summary.json").read_text()
    assert (tmp_path / "out" / "summary.json").read_bytes() == (alone / "summary.json").read_bytes()
    assert reports(tmp_path / "out") == reports(alone)
    assert done.report["run"] | {"wall_s": 0} == {"workers": workers, "taken": 0, "wall_s": 0, "out": "out"}


def test_the_summary_says_what_single_runs_say(cli: Any, folder: Path, alone: Path) -> None:
    """A row is what a backtest of its tape alone reports; totals are the sums; events are fewer than trades."""
    summary = json.loads((alone / "summary.json").read_text(), parse_float=Decimal)
    assert [(row["symbol"], row["day"]) for row in summary["tapes"]] == [(s, f"2030-01-0{day + 1}") for s, day, *_ in TAPES]
    row = summary["tapes"][0]
    single = cli.ok("backtest", folder / "AAAUSDT" / "2030-01-01", "--json", *STREAM).report
    for key in ("decision_hash", "pnl_net", "fees", "events", "state_seconds"):
        assert row[key] == single[key], key
    assert (row["trades"], row["episodes"]) == (len(single["trades"]), len(single["episodes"]))
    totals, events = summary["totals"], summary["episodes"]
    assert totals["pnl_net"] == sum(Decimal(one["pnl_net"]) for one in summary["tapes"])
    assert totals["trades"] > events["with_trades"] > 0
    assert (totals["days"], totals["symbols"], summary["data_tier"]) == (3, ["AAAUSDT", "BBBUSDT"], "synthetic")
    assert (events["reached_active"], summary["event_days"]["with_active"]) == (3, 2)


def test_the_view(cli: Any, folder: Path, alone: Path) -> None:
    """A person sees at once that it is synthetic, what the events brought with their number, and every tape; nothing runs again."""
    before = {path: path.stat().st_mtime_ns for path in alone.glob("*/*.json")}
    done = cli.ok("backtest", folder, "--out", alone, *STREAM)
    assert {path: path.stat().st_mtime_ns for path in alone.glob("*/*.json")} == before
    for line in ("SYNTHETIC", "6 done (6 taken from", "3 episodes reached ACTIVE on 2 UTC days", "events with trades", "Net P&L"):
        assert line in done.out, line
    assert done.out.count("2030-01-0") >= 6
    assert done.err == ""


def test_kill_of_the_parent(cli: Any, folder: Path, alone: Path, tmp_path: Path, started: Start) -> None:
    """Killed with SIGKILL after a tape: its workers end too, the report is kept, the next call runs the rest and is the same."""
    process = started("backtest", folder, "--workers", "1", "--out", "out", "--json", *STREAM)
    wait_until(lambda: any((tmp_path / "out").glob("*/*.json")), process)
    workers = workers_of(process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(workers) == 1
    wait_until(lambda: all(gone(pid) for pid in workers))
    assert not (tmp_path / "out" / "summary.json").exists()
    kept = len(reports(tmp_path / "out"))
    assert 1 <= kept < 6
    again = cli.ok("backtest", folder, "--workers", "1", "--out", "out", "--json", *STREAM)
    assert again.report["run"]["taken"] == kept
    assert without_run(again.out) == (alone / "summary.json").read_text()
    assert reports(tmp_path / "out") == reports(alone)


def test_kill_of_a_worker(cli: Any, folder: Path, alone: Path, tmp_path: Path, started: Start) -> None:
    """A worker killed with SIGKILL: its tape is named, the others are complete, exit code 1; the next call runs that one alone."""
    process = started("backtest", folder, "--workers", "2", "--out", "out", "--json", *STREAM)
    wait_until(lambda: any((tmp_path / "out").glob("*/*.json")), process)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    summary = json.loads(out)
    (failed,) = [row for row in summary["tapes"] if row["status"] != "done"]
    assert (failed["status"], summary["status"], summary["totals"]["done"]) == ("failed", "failed", 5)
    assert "its process was ended by SIGKILL" in failed["error"]
    assert f"error: {failed['tape']}: its process was ended by SIGKILL" in err
    assert "1 of 6 tapes failed, the others are complete; only it is run again by: flashcrash backtest" in err
    again = cli.ok("backtest", folder, "--out", "out", "--json", *STREAM)
    assert again.report["run"]["taken"] == 5
    assert without_run(again.out) == (alone / "summary.json").read_text()


def test_ctrl_c(cli: Any, folder: Path, tmp_path: Path, started: Start) -> None:
    """SIGINT to the whole group, as a terminal sends it: code 130, one document, what is finished is kept, and how to go on."""
    process = started("backtest", folder, "--workers", "2", "--out", "out", "--json", *STREAM, start_new_session=True)
    wait_until(lambda: any((tmp_path / "out").glob("*/*.json")), process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    summary = json.loads(out)
    assert (summary["status"], summary["interrupted_by"]) == ("interrupted", "SIGINT")
    assert summary["totals"]["failed"] == 0
    assert summary["totals"]["pending"] + summary["totals"]["done"] == 6
    assert f"{summary['totals']['done']} of 6 tapes are finished and kept in out; go on with: flashcrash backtest" in err
    assert "Traceback" not in err
    # A worker may have kept its report in the moment between.
    assert len(reports(tmp_path / "out")) >= summary["totals"]["done"] >= 1


def test_broken_tapes(cli: Any, folder: Path, alone: Path, tmp_path: Path) -> None:
    """A missing column and an edited manifest: each is named with what to do, the other tapes are what they always are."""
    mine = tmp_path / "tapes"
    shutil.copytree(folder, mine)
    (mine / "AAAUSDT" / "2030-01-01" / "events.kind.npy").unlink()
    manifest = mine / "BBBUSDT" / "2030-01-01" / "tape.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"has_book": False}))
    done = cli("backtest", mine, "--workers", "1", "--json", *STREAM)
    assert done.code == 1
    rows = done.report["tapes"]
    told = {row["tape"]: row["error"] for row in rows if row["status"] == "failed"}
    assert sorted(told) == [str(mine / symbol / "2030-01-01") for symbol in ("AAAUSDT", "BBBUSDT")]
    assert "events.kind.npy: is missing from the tape; import the source files again" in told[str(mine / "AAAUSDT" / "2030-01-01")]
    assert "its hash is not that of what it says" in told[str(mine / "BBBUSDT" / "2030-01-01")]
    expected = {row["hash"]: row["decision_hash"] for row in json.loads((alone / "summary.json").read_text())["tapes"]}
    good = [row for row in rows if row["status"] == "done"]
    assert [expected[row["hash"]] for row in good] == [row["decision_hash"] for row in good]
    assert len(good) == 4
    assert "error: 2 of 6 tapes failed, the others are complete" in done.err


def test_other_settings_run_again(cli: Any, folder: Path, alone: Path, tmp_path: Path) -> None:
    """Reports of other settings are not taken but made again; those of the same settings are taken."""
    shutil.copytree(alone, tmp_path / "out")
    options = ("--symbols", "BBBUSDT", "--workers", "1", "--out", "out", "--json", *STREAM)
    other = cli.ok("backtest", folder, *options, "--set", "strategy.score_threshold=100").report
    assert (other["run"]["taken"], other["totals"]["done"], other["totals"]["trades"]) == (0, 3, 0)
    again = cli.ok("backtest", folder, *options, "--set", "strategy.score_threshold=100").report
    assert again["run"]["taken"] == 3
    assert {name for name, report in reports(tmp_path / "out").items() if report == reports(alone)[name]} == {
        f"AAAUSDT/2030-01-0{day}.json" for day in (1, 2, 3)
    }
    assert "3 tapes of other symbols were left out" in again["warnings"][0]


def test_detect(cli: Any, folder: Path) -> None:
    """``detect FOLDER`` lists the same episodes and says nothing of money."""
    summary = cli.ok("detect", folder, "--symbols", "BBBUSDT", "--workers", "1", "--json", *STREAM).report
    assert (summary["mode"], summary["episodes"]["reached_active"], summary["totals"]["done"]) == ("detect", 1, 3)
    assert "pnl_net" not in summary["totals"]


def test_wrong_use(cli: Any, folder: Path, tmp_path: Path) -> None:
    """Asked for what cannot be: one message, before any tape is run."""
    tape = folder / "BBBUSDT" / "2030-01-02"
    assert "--workers goes with a folder of tapes" in cli.refused(2, "backtest", tape, "--workers", "2")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.csv").write_text("1")
    assert "there is no tape in this folder, only a.csv; make tapes first" in cli.refused(1, "backtest", tmp_path / "raw")

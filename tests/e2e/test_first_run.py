"""What a new user does first: ``flashcrash run`` in an empty directory, and the contract of its JSON document."""

import csv
import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

KEYS = {
    "schema", "symbols", "mode", "engine", "data_tier", "fill_model", "events", "wall_s", "decision_hash", "state_seconds",
    "episodes", "trades", "entries_rejected", "fees", "pnl_net", "equity_start", "equity_end", "warnings",
}  # fmt: skip
EPISODE_KEYS = {"symbol", "alert_us", "active_us", "active_spans", "recovery_us", "sleep_us", "reason"}
TRADE_KEYS = {"symbol", "entry_us", "exit_us", "entry_price", "exit_price", "quantity", "fees", "pnl_net", "exit_reason"}
STATES = {"SLEEP", "ALERT", "ACTIVE", "RECOVERY", "SHUTDOWN"}


def test_first_run(cli: Any, tmp_path: Path) -> None:
    """Without arguments: a readable report that says SYNTHETIC, and a session that the other commands read back."""
    done = cli.ok("run")
    assert "SYNTHETIC" in done.out
    assert done.err == ""
    listed = cli.ok("sessions", "list", "--json").report
    assert listed["total"] == 1
    (session,) = listed["sessions"]
    assert (session["status"], session["data_tier"], session["symbols"]) == ("done", "synthetic", ["SIMUSDT"])
    shown = cli.ok("sessions", "show", "last", "--json").report
    stats, report = shown["stats"], shown["report"]
    assert session["trades"] == stats["trades"] == len(report["trades"]) >= 1
    assert session["pnl_net"] == stats["pnl_net"] == report["pnl_net"]
    assert session["fees"] == stats["fees"] == report["fees"]
    assert f"{stats['equity_end']:,.2f}" in done.out
    assert report["decision_hash"] in done.out
    assert report["session"] in done.out
    assert "SYNTHETIC" in cli.ok("sessions", "show", "last").out
    database = tmp_path / "var" / "flashcrash.db"
    assert database.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["var"]


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory, cli_in: Any) -> tuple[Any, Path]:
    """The default run as JSON with an export."""
    folder = tmp_path_factory.mktemp("default")
    return cli_in(folder).ok("run", "--json", "--out", "export/here"), folder / "export" / "here"


def test_json_contract(default: tuple[Any, Path]) -> None:
    """One JSON document with all keys of the contract; states, episodes and trades have the agreed shape."""
    done, _ = default
    assert len(done.out.splitlines()) == 1
    assert done.err == ""
    report = done.report
    assert report.keys() >= KEYS
    assert report["state_seconds"].keys() == STATES
    assert (report["mode"], report["data_tier"], report["symbols"]) == ("paper", "synthetic", ["SIMUSDT"])
    assert report["episodes"]
    for episode in report["episodes"]:
        assert episode.keys() >= EPISODE_KEYS
        times = [episode["alert_us"], episode["active_us"], episode["recovery_us"], episode["sleep_us"]]
        assert times == sorted(times)
        assert all(start < end for start, end in episode["active_spans"])
    assert report["trades"]
    for trade in report["trades"]:
        assert trade.keys() >= TRADE_KEYS
        assert trade["entry_us"] < trade["exit_us"]
    active_s = sum(end - start for episode in report["episodes"] for start, end in episode["active_spans"]) / 1e6
    assert active_s == pytest.approx(float(report["state_seconds"]["ACTIVE"]), abs=0.1 * sum(map(len, report["episodes"])))
    assert any("SYNTHETIC" in warning for warning in report["warnings"])


def test_numbers_are_exact(default: tuple[Any, Path]) -> None:
    """Money adds up to the last digit: equity, profit and fees are decimals, not floats."""
    report = default[0].report
    assert report["open_positions"] == 0
    exact = {name: Decimal(report[name]) for name in ("equity_start", "equity_end", "pnl_net", "fees")}
    assert exact["equity_end"] == exact["equity_start"] + exact["pnl_net"]
    assert sum(Decimal(trade["pnl_net"]) for trade in report["trades"]) == exact["pnl_net"]
    assert sum(Decimal(trade["fees"]) for trade in report["trades"]) == exact["fees"]
    for trade in report["trades"]:
        assert Decimal(trade["quantity"]) % Decimal("0.0001") == 0


def test_export(default: tuple[Any, Path]) -> None:
    """--out writes the trades, the changes of state and the report as files."""
    report, folder = default[0].report, default[1]
    assert sorted(path.name for path in folder.iterdir()) == ["states.csv", "summary.json", "trades.csv"]
    with (folder / "trades.csv").open(newline="") as file:
        trades = list(csv.DictReader(file))
    assert [Decimal(trade["pnl_net"]) for trade in trades] == [trade["pnl_net"] for trade in report["trades"]]
    with (folder / "states.csv").open(newline="") as file:
        states = list(csv.DictReader(file))
    assert states[0]["source"] == "SLEEP"
    assert int(states[0]["t_us"]) == report["episodes"][0]["alert_us"]
    assert all(one["target"] == next_["source"] for one, next_ in pairwise(states))
    summary = json.loads((folder / "summary.json").read_text(), parse_float=Decimal)
    assert summary["decision_hash"] == report["decision_hash"]
    assert summary["trades"] == report["trades"]

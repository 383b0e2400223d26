"""Same input, settings and plugins: the same decisions, however and how fast they are come by."""

from pathlib import Path
from typing import Any

import pytest

WAYS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "a second run": ((), {"PYTHONHASHSEED": "1"}),
    "another hash seed": ((), {"PYTHONHASHSEED": "2"}),
    "a numeric speed": (("--speed", "2000"), {}),
    "a database in memory": (("--db", ":memory:"), {}),
    "snapshots at every moment": (("--set", "run.snapshot_s=1", "--set", "run.snapshot_awake_s=0.1"), {}),
}


@pytest.mark.parametrize(("options", "env"), WAYS.values(), ids=WAYS.keys())
def test_same_report(
    options: tuple[str, ...], env: dict[str, str], cli: Any, small: list[str], whole: Any, comparable: Any
) -> None:
    """The whole report is the same, hash and trades included."""
    report = cli.ok("run", "--json", *small, *options, env=env).report
    assert report["trades"]
    assert comparable(report) == comparable(whole.report)


def test_paper_is_backtest(cli: Any, small: list[str], whole: Any, comparable: Any) -> None:
    """Paper and backtest mode are one code on one venue: with equal settings they differ in the word alone."""
    report = cli.ok("run", "--mode", "backtest", "--json", *small).report
    assert comparable(report) == comparable(whole.report) | {"mode": "backtest"}


def test_another_seed_is_another_market(cli: Any, small: list[str], whole: Any) -> None:
    """The hash tells different decisions apart."""
    report = cli.ok("run", "--json", "--set", "run.seed=2", *small).report
    assert report["decision_hash"] != whole.report["decision_hash"]


def test_capture_replays_to_the_same_decisions(cli: Any, small_capture: Path, whole: Any) -> None:
    """The simulated market written as a raw Binance capture and read back: the same events, decisions and trades."""
    report = cli.ok("run", "--tape", small_capture, "--json").report
    assert report["data_tier"] == "L2"
    for key in ("events", "decision_hash", "trades", "episodes", "state_seconds", "entries_rejected", "equity_end"):
        assert report[key] == whole.report[key], key
    assert report["data"]["SIMUSDT"] | {"tier": "synthetic"} == whole.report["data"]["SIMUSDT"]


def test_detect_sees_what_a_run_sees(cli: Any, small_capture: Path, whole: Any) -> None:
    """Detection alone gives the states of a run whose positions did not keep it awake, and keeps no session."""
    report = cli.ok("detect", small_capture, "--json").report
    assert [episode["alert_us"] for episode in report["episodes"]] == [one["alert_us"] for one in whole.report["episodes"]]
    assert report["episodes"][0]["active_spans"] == whole.report["episodes"][0]["active_spans"]
    assert "trades" not in report
    assert not (cli.cwd / "var").exists()

"""A run that ends with an open position, and what the sessions commands say of it: the same as the run."""

from pathlib import Path
from typing import Any

import pytest

START_US = 1_893_456_000_000_000
"""The simulated market begins with the year 2030."""


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory, cli_in: Any, whole: Any, small: list[str]) -> tuple[Any, Any, Path]:
    """A run of the small market that stops in the middle of its first trade, with an export."""
    first = whole.report["trades"][0]
    seconds = ((first["entry_us"] + first["exit_us"]) / 2 - START_US) / 1e6
    folder = tmp_path_factory.mktemp("half")
    cli = cli_in(folder)
    return cli, cli.ok("run", "--db", "half.db", "--duration", seconds, "--json", "--out", "run", *small), folder


def test_an_open_position_counts(half: tuple[Any, Any, Path]) -> None:
    """Net profit and equity are those of the run's report, split into realised and unrealised, with the position at its mark."""
    cli, run, _ = half
    report = run.report
    shown = cli.ok("sessions", "show", "last", "--db", "half.db", "--json").report
    stats = shown["stats"]
    [held] = stats["open_positions"]
    assert (stats["trades"], stats["pnl_realised"]) == (0, 0)
    assert stats["pnl_net"] == stats["pnl_unrealised"] == report["pnl_net"] != 0
    assert stats["equity_end"] == report["equity_end"]
    assert held["worth"] == held["mark_price"] * held["quantity"]
    assert held["worth"] - held["cost"] + held["part_sales"] - held["fees"] == report["pnl_net"]
    [listed] = cli.ok("sessions", "list", "--db", "half.db", "--json").report["sessions"]
    assert (listed["pnl_net"], listed["open_positions"]) == (report["pnl_net"], 1)
    text = cli.ok("sessions", "show", "last", "--db", "half.db").out
    for words in (
        f"{report['pnl_net']:+,.2f}",
        f"{report['equity_end']:,.2f}",
        "Open positions: 1",
        "unrealised",
        "not evidence of anything",
    ):
        assert words in text, words
    assert f"{report['pnl_net']:+,.2f}" in cli.ok("sessions", "list", "--db", "half.db").out


def test_the_period_is_that_of_the_market(half: tuple[Any, Any, Path]) -> None:
    """The first event is the market's first, although nothing was recorded before the crash; the last is where the run stopped."""
    shown = half[0].ok("sessions", "show", "last", "--db", "half.db", "--json").report
    period = shown["period"]
    assert period["exact"]
    assert abs(period["first_us"] - START_US) < 1_000_000
    assert 0 <= period["last_us"] - START_US < shown["inputs"]["duration_s"] * 1_000_000 + 2_000_000


def test_run_and_show_write_the_same_files(half: tuple[Any, Any, Path]) -> None:
    """``run --out`` and ``sessions show --out`` leave the same three files."""
    cli, _, folder = half
    told = cli.ok("sessions", "show", "last", "--db", "half.db", "--out", "show").out
    for name in ("trades.csv", "states.csv", "summary.json"):
        assert (folder / "run" / name).read_bytes() == (folder / "show" / name).read_bytes()
        assert f"Wrote show/{name}" in told

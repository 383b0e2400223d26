"""The printed summary of many tapes: what failed, what was not run, long folders, and names that look like markup."""

from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flashcrash_core.cli.many_view import show_summary
from flashcrash_core.market.feed import DataTier
from flashcrash_core.runtime.many_plan import TapeJob
from flashcrash_core.runtime.many_summary import TapeResult, summarised


def job(symbol: str, tier: DataTier = DataTier.L2) -> TapeJob:
    return TapeJob(Path("tapes") / symbol, symbol, symbol, "2025-10-10", "ab" * 32, tier, True, "USDT", 1234)


def done(symbol: str, tier: DataTier = DataTier.L2, **changes: Any) -> TapeResult:
    """A tape on which nothing happened."""
    report = {
        "status": "done",
        "events": 1234,
        "state_seconds": {"SLEEP": Decimal("7200.5"), "ACTIVE": Decimal(0)},
        "episodes": [],
        "trades": [],
        "fees": Decimal(0),
        "pnl_net": Decimal(0),
        "open_positions": 0,
        "decision_hash": "0" * 32,
        "fill_model": "M2",
        "warnings": [],
    }
    return TapeResult(Path("tapes") / symbol, job(symbol, tier), report | changes)


def shown(*results: TapeResult, detect: bool = False) -> str:
    """The summary on 80 columns."""
    summary = summarised(results, detect=detect)
    summary["run"] = {"workers": 2, "taken": 0, "wall_s": 1.5, "out": None}
    output = StringIO()
    show_summary(Console(file=output, width=80), summary)
    return output.getvalue()


def test_failed_and_pending_tapes_are_named() -> None:
    """Each failed tape stands there with its error, one that was not run is named, and the head counts them."""
    failed = TapeResult(Path("tapes/B"), job("BUSDT"), None, "its process was ended by SIGKILL")
    text = shown(done("AUSDT"), failed, TapeResult(Path("tapes/C"), job("CUSDT")))
    assert "1 done, 1 failed, 1 pending" in text
    assert "FAILED tapes/B: its process was ended by SIGKILL" in text
    assert "not run: tapes/C" in text
    assert "No episode: the detector never left SLEEP." in text
    assert "SLEEP 7,200.5 s (2:00:00)" in text


def test_nothing_finished() -> None:
    """Of failures alone there is still a summary, with neither symbols nor days."""
    text = shown(TapeResult(Path("tapes/x"), None, None, "tape.json is damaged"))
    assert "FAILED tapes/x: tape.json is damaged" in text
    assert "symbols  none" in text


@pytest.mark.parametrize("tier", [DataTier.SYNTHETIC, DataTier.TRADES])
def test_the_grade_is_seen_at_once(tier: DataTier) -> None:
    """Synthetic data are called so in the second line; different grades have a column."""
    alone, mixed = shown(done("AUSDT", tier)), shown(done("AUSDT", tier), done("BUSDT"))
    expected = "SYNTHETIC (made by this program" if tier is DataTier.SYNTHETIC else "trades (the worst of all tapes)"
    assert expected in alone.splitlines()[1]
    assert ("grade" in alone, "grade" in mixed) == (False, True)


def test_a_long_folder_is_cut_and_says_so() -> None:
    """Sixty rows at most, none wider than the terminal; the rest is counted."""
    text = shown(*(done(f"S{n:03}USDT") for n in range(75)))
    assert "15 more, with fewer episodes; --json lists all" in text
    assert "and 67 more" in text
    assert max(map(len, text.splitlines())) <= 80


def test_names_are_no_markup() -> None:
    """A warning in brackets is printed as it is; why one was halted is told."""
    text = shown(done("AUSDT", warnings=["[bold]odd[/bold] file"]), done("BUSDT", status="halted", halted="daily loss"))
    assert "! [bold]odd[/bold] file" in text
    assert "tapes/BUSDT: halted by risk: daily loss" in text


def test_detect_has_no_money() -> None:
    """The summary of detect shows episodes and tapes and no word of trades."""
    text = shown(done("AUSDT"), detect=True)
    assert "Net P&L" not in text
    assert "trades" not in text.split("tapes ──")[1]

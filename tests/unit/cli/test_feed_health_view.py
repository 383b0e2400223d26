"""The report of a live run tells how the market was heard, on a terminal too."""

import io

from rich.console import Console

from flashcrash_core.cli.report_view import show_report
from flashcrash_core.runtime.launch import execute
from flashcrash_core.runtime.request import RunRequest


def shown(health: dict[str, object] | None) -> str:
    """The report of a short simulated run as it is printed, with this health in it."""
    report = execute(RunRequest(duration_s=2, keep=False))
    if health is not None:
        report["feed_health"] = health
    console = Console(file=io.StringIO(), width=200)
    show_report(console, report)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_numbers_of_the_feed_and_of_each_symbol_are_printed() -> None:
    """Whatever a plugin tells: names and plain values, zeros too; what is empty, unknown or a table is left out."""
    one = {"usable": True, "holes": 0, "snapshot_age_s": None, "last_difference": ""}
    health = {"messages_per_s": 1234.5, "reconnections": 2, "rejected": {"nan": 1}, "last_close": "", "symbols": {"AUSDT": one}}
    text = shown(health)
    assert "feed: messages per s 1,234.5, reconnections 2\n" in text
    assert "AUSDT: usable yes, holes 0\n" in text


def test_a_run_without_a_live_feed_says_nothing_of_it() -> None:
    """Reports of files and simulations are as they were."""
    assert "feed:" not in shown(None)

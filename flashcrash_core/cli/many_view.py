"""The summary of many tapes as a trader reads it: what it stands on, what each event brought, what is wrong, tape by tape."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

__all__ = ["show_summary"]

_ROWS: Final = 60
"""Longest table on a terminal; ``--json`` and ``--out`` have everything."""
_TEXTS: Final = 8
_HASH: Final = 8
"""Digits of a decision hash: enough to tell two runs apart."""


def show_summary(console: Console, summary: dict[str, Any]) -> None:
    """Print a document of :func:`flashcrash_core.runtime.many_tapes.run_many`."""
    view = _View(console, summary)
    view.headline()
    view.rule("events (an episode is one observation, its trades are not)")
    view.episodes()
    if summary["mode"] == "backtest":
        view.rule("money")
        view.money()
    view.rule("tapes")
    view.tapes()
    view.failures()
    view.footer()


class _View:
    """One summary on one console."""

    def __init__(self, console: Console, summary: dict[str, Any]) -> None:
        self._console = console
        self._summary = summary
        self._trades = summary["mode"] == "backtest"

    def headline(self) -> None:
        summary, totals, run = self._summary, self._summary["totals"], self._summary["run"]
        self.rule(f"flashcrash {summary['mode']} of {_count(totals['tapes'], 'tape')}, each a run of its own")
        if summary["data_tier"] == "synthetic":
            self._say(Text("data     ").append("SYNTHETIC", "bold red").append(" (made by this program: not evidence of anything)"))
        else:
            self._say(f"data     {summary['data_tier'] or 'none'} (the worst of all tapes)")
        symbols = totals["symbols"]
        shown = ", ".join(symbols[:8]) + (f" and {len(symbols) - 8} more" if len(symbols) > 8 else "")
        self._say(f"symbols  {len(symbols)}: {shown}" if symbols else "symbols  none")
        if totals["days"]:
            self._say(f"days     {totals['days']}, from {totals['first_day']} to {totals['last_day']}")
        ends = ", ".join(f"{totals[name]} {name}" for name in ("done", "halted", "failed", "pending") if totals[name])
        taken = f" ({run['taken']} taken from {run['out']})" if run["taken"] else ""
        self._say(f"ended    {ends}{taken}")
        wall = f"{run['wall_s']:.2f} s with {_count(run['workers'], 'worker')}"
        self._say(f"events   {totals['events']:,}; {wall}")
        if self._trades and totals["fill_models"]:
            self._say(f"fills    simulated, model {' and '.join(totals['fill_models'])}")

    def episodes(self) -> None:
        one, days = self._summary["episodes"], self._summary["event_days"]
        if not one["n"]:
            self._say("No episode: the detector never left SLEEP.")
            return
        came = one["n"] - one["reached_active"]
        nothing = f"; {_count(came, 'alert')} came to nothing" if came else ""
        self._say(f"{_count(one['reached_active'], 'episode')} reached ACTIVE on {_count(days['with_active'], 'UTC day')}{nothing}")
        if self._trades:
            self._say(f"  {one['with_trades']} with trades, {one['without_trades']} without")
        if one["open_at_end"]:
            self._say(f"  {one['open_at_end']} not over when the data ended")
        if not one["reached_active"]:
            return
        table = _table("per event", "n", "mean", "median", "least", "most")
        _numbers(table, "from alert to ACTIVE, s", one["alert_to_active_s"], "{:.1f}")
        _numbers(table, "seconds ACTIVE", one["active_s"], "{:.1f}")
        _numbers(table, "fall that remained, % of price", one["remaining_fall"], "{:.2f}", 100)
        _numbers(table, "fall that remained, % of the fall", one["remaining_of_whole_fall"], "{:.0f}", 100)
        if self._trades:
            _numbers(table, "net P&L of events with trades", one["pnl_net"], "{:+,.2f}")
            _numbers(table, "net P&L of days with trades", days["pnl_net"], "{:+,.2f}")
        self._console.print(Padding(table, (0, 0, 0, 2)))
        self._share("ACTIVE only after the low", one["after_the_low"], "events")
        if self._trades:
            self._share("Positive", one["positive"], "events with trades")
            self._share("Positive", days["positive"], "days with trades")

    def _share(self, what: str, one: dict[str, Any], of: str) -> None:
        if not one["n"]:
            return
        low, high = one["wilson_95"]
        self._say(
            f"{what}: {one['of']} of {one['n']} {of}, {100 * one['share']:.0f} % (95 %: {100 * low:.0f} to {100 * high:.0f} %)"
        )

    def money(self) -> None:
        totals = self._summary["totals"]
        if totals["trades"]:
            self._say(f"{_count(totals['trades'], 'closed trade')}, {totals['wins']} won")
        else:
            self._say("Trades: none")
        self._say(Text("Net P&L ").append(f"{totals['pnl_net']:+,.2f}", "bold").append(f" after fees of {totals['fees']:,.2f}"))
        if len([row for row in self._summary["tapes"] if row["trades"]]) > 1:
            self._say("  added over runs that each began with the whole account", "dim")
        if totals["open_positions"]:
            self._say(
                f"  {_count(totals['open_positions'], 'position')} still open at the end of a tape, at its last price", "yellow"
            )
        if outside := self._summary["episodes"]["trades_outside"]:
            self._say(f"  {_count(outside, 'trade')} of episodes that are no longer in the log of their tape", "yellow")

    def tapes(self) -> None:
        rows = [row for row in self._summary["tapes"] if row["status"] in ("done", "halted")]
        names = ["events", "episodes", "ACTIVE"] + (["trades", "net"] if self._trades else [])
        graded = len({row["data_tier"] for row in rows}) > 1
        heads = ["market", "day", "grade"] if graded else ["market", "day"]
        table = _table(*heads, *names, left=len(heads))
        table.add_column("decisions", no_wrap=True, min_width=_HASH)
        order = sorted(rows, key=lambda row: (-row["reached_active"], -row["episodes"])) if len(rows) > _ROWS else rows
        for row in order[:_ROWS]:
            cells = [row["market"], row["day"], row["data_tier"]][: len(heads)]
            cells += [f"{row['events']:,}", str(row["episodes"]), str(row["reached_active"])]
            if self._trades:
                cells += [str(row["trades"]), f"{row['pnl_net']:+.2f}"]
            mark = " halted" if row["status"] == "halted" else ""
            table.add_row(*map(Text, [*cells, _hash(row["decision_hash"]) + mark]))
        if rows:
            self._console.print(Padding(table, (0, 0, 0, 2)))
        if len(rows) > _ROWS:
            self._say(f"  {len(rows) - _ROWS} more, with fewer episodes; --json lists all")
        seconds = self._summary["totals"]["state_seconds"]
        shown = ", ".join(f"{state} {_long(seconds[state])}" for state in seconds if seconds[state])
        self._say(f"Time in state: {shown or 'none'}")

    def failures(self) -> None:
        for row in self._summary["tapes"]:
            if row["status"] == "failed":
                self._say(f"FAILED {row['tape']}: {row['error']}", "red")
            elif row["status"] == "halted":
                self._say(f"{row['tape']}: {row['error']}", "red")
        pending = [row for row in self._summary["tapes"] if row["status"] == "pending"]
        for row in pending[:_TEXTS]:
            self._say(f"not run: {row['tape']}", "yellow")
        if len(pending) > _TEXTS:
            self._say(f"  and {len(pending) - _TEXTS} more", "yellow")

    def footer(self) -> None:
        for warning in self._summary["warnings"]:
            self._say(f"! {warning}", "yellow")
        texts = self._summary["tape_warnings"]
        for one in texts[:_TEXTS]:
            self._say(f"! {one['text']}" + (f" ({one['tapes']} tapes)" if one["tapes"] > 1 else ""), "yellow")
        if len(texts) > _TEXTS:
            self._say(f"! {len(texts) - _TEXTS} more notes of tapes; --json lists all", "yellow")
        if self._summary["run"]["out"]:
            self._say(f"Reports in {self._summary['run']['out']}")

    def rule(self, title: str) -> None:
        self._console.print(Rule(Text(title), align="left"))

    def _say(self, text: str | Text, style: str = "") -> None:
        self._console.print(text if isinstance(text, Text) else Text(text, style=style), highlight=False)


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 0), show_edge=False, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < left else "right", no_wrap=True)
    return table


def _numbers(table: Table, name: str, one: dict[str, Any], form: str, times: int = 1) -> None:
    cells = [form.format(times * one[key]) if one["n"] else "-" for key in ("mean", "median", "least", "most")]
    table.add_row(*map(Text, [name, str(one["n"]), *cells]))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _hash(digest: str) -> str:
    return digest[:_HASH] if digest.strip("0") else "none"


def _long(seconds: Decimal) -> str:
    """Seconds, and beyond an hour also as a person counts them."""
    text = f"{seconds:,.1f} s"
    return text if seconds < 3600 else f"{text} ({timedelta(seconds=round(seconds))})"

"""The report as a trader reads it, in 80 columns: what happened, on what data, with which caveats.

Names of files, symbols and plugins come from outside: text is printed as it is, never parsed for markup.
"""

from datetime import UTC, datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from flashcrash_core.runtime.decision_hash import shown_hash

__all__ = ["show_report"]

_ROWS: Final = 30
"""Longest table on a terminal; ``--json`` and ``--out`` have everything."""

_STATES: Final = ("SLEEP", "ALERT", "ACTIVE", "RECOVERY", "SHUTDOWN")
_DAY_US: Final = 86_400_000_000


def show_report(console: Console, report: dict[str, Any]) -> None:
    """Print a run, backtest or detection report."""
    view = _View(console, report)
    view.headline()
    view.rule("detection")
    view.episodes()
    view.states()
    view.hold_sweep()
    if "trades" in report:
        view.rule("trading")
        view.trades(report)
        view.orders(report)
        view.money()
        if "research" in report:
            view.research()
    view.rule("data")
    view.data()
    view.feed_health()
    view.indicators()
    view.footer()


class _View:
    """One report on one console."""

    def __init__(self, console: Console, report: dict[str, Any]) -> None:
        self._console = console
        self._report = report
        periods = [(d["first_us"], d["last_us"]) for d in report["data"].values() if d["first_us"]]
        self._first_us = min((first for first, _ in periods), default=None)
        self._last_us = max((last for _, last in periods), default=None)
        self._dated = (
            self._first_us is not None and self._last_us is not None and self._first_us // _DAY_US != self._last_us // _DAY_US
        )

    # -- parts -------------------------------------------------------------------------------------------------------

    def headline(self) -> None:
        report = self._report
        self._console.print(Rule(Text(f"flashcrash {report['mode']}", style="bold"), align="left"))
        self._fact("input", report["input"])
        synthetic = report["data_tier"] == "synthetic"
        tier = Text("SYNTHETIC", style="bold red") if synthetic else Text(report["data_tier"], style="bold")
        self._fact("data", tier + (" (made by this program: not evidence of anything)" if synthetic else ""))
        self._fact("symbols", ", ".join(report["symbols"]))
        if self._first_us is not None and self._last_us is not None:
            seconds = (self._last_us - self._first_us) / 1e6
            self._fact("period", f"{_date(self._first_us)} to {_date(self._last_us)} UTC ({seconds:,.0f} s)")
        rate = report["events"] / max(report["wall_s"], 1e-9)
        self._fact("events", f"{report['events']:,} in {report['wall_s']:.2f} s ({rate:,.0f}/s), engine {report['engine']}")
        if "trades" in report:
            self._fact("fills", f"simulated, model {report['fill_model']}")
        if report.get("halted"):
            self._fact("halted", Text(f"by risk: {report['halted']}", style="bold red"))
        elif report["status"] != "done":
            self._fact("status", Text(report["status"], style="bold red"))

    def episodes(self) -> None:
        report = self._report
        episodes = report["episodes"]
        active = [e for e in episodes if e["active_us"] is not None]
        if not episodes:
            self._say("No episode: the detector never left SLEEP.")
        else:
            alerts = len(episodes) - len(active)
            others = f"; {_count(alerts, 'alert')} came to nothing" if alerts else ""
            self._say(f"{_count(len(active), 'episode')} reached ACTIVE{others} (times UTC)")
        shown = 0
        for e in active:
            if shown >= _ROWS:
                hidden = sum(len(x["active_spans"]) for x in active) - shown
                self._say(f"  {hidden} more stays in ACTIVE; --json lists all")
                break
            self._episode(e)
            shown += len(e["spans"])
        for symbol, detection in report["detection"].items():
            for note in detection["notes"]:
                self._say(f"{symbol}: {note}", style="yellow")

    def _episode(self, e: dict[str, Any]) -> None:
        fall = _fall(e["high"], e["low"])
        at = f" from {_price(e['alert_price'])}" if e["alert_price"] is not None else ""
        low = f", low {_price(e['low'])} at {self._clock(e['low_us'])}" if e["low"] is not None else ""
        self._say(f"{e['symbol']} alert {self._clock(e['alert_us'])}{at}{low}{f' ({fall} below the top)' if fall else ''}")
        table = _table("ACTIVE from", "to", "for s", "price", "low", "fell", left=0)
        table.add_column("because", no_wrap=True)
        for span in e["spans"][:_ROWS]:
            seconds = "" if span["end_us"] is None else f"{(span['end_us'] - span['start_us']) / 1e6:.1f}"
            prices = (_price(span["price"]), _price(span["low"]), _fall(span["price"], span["low"]))
            _row(table, self._clock(span["start_us"]), self._clock(span["end_us"]), seconds, *prices, span["reason"])
        self._indent(table)
        if e["sleep_us"] is not None:
            seconds = (e["sleep_us"] - e["alert_us"]) / 1e6
            self._say(f"  back to SLEEP {self._clock(e['sleep_us'])} ({e['reason']}), {seconds:,.1f} s after the alert")
        elif e["shutdown_us"] is not None:
            self._say(f"  SHUTDOWN {self._clock(e['shutdown_us'])} ({e['reason']})")
        else:
            self._say("  not over when the data ended")

    def states(self) -> None:
        report = self._report
        seconds = report["state_seconds"]
        parts = [f"{state} {seconds[state]:,.1f} s" for state in _STATES if seconds.get(state)]
        self._say("Time in state: " + (", ".join(parts) or "none, the data is shorter than one step of the grid"))
        if report["blind_seconds"]:
            self._say(f"  of it warming up, when nothing could fire: {report['blind_seconds']:,.1f} s")
        if report["blocked_seconds"]:
            shown = ", ".join(f"{reason} {s:,.1f} s" for reason, s in report["blocked_seconds"].items())
            self._say(f"Entries blocked while awake: {shown}")

    def hold_sweep(self) -> None:
        for symbol, rows in self._report["hold_sweep"].items():
            if not any(row["episodes"] for row in rows):
                self._say(f"Hold sweep {symbol}: no episode under any confirmation time from 0 to 5 s")
                continue
            self._say(f"Hold sweep {symbol}: the same data under other confirmation times")
            table = _table("hold s", "episodes", "reached ACTIVE", "seconds ACTIVE", "first ACTIVE", left=0)
            for row in rows:
                numbers = (f"{row['hold_s']:g}", str(row["episodes"]), str(row["active_episodes"]), f"{row['active_s']:.1f}")
                _row(table, *numbers, self._clock(row["first_active_us"]))
            self._indent(table)

    def trades(self, report: dict[str, Any]) -> None:
        trades = report["trades"]
        many = len(self._report["symbols"]) > 1
        if not trades:
            self._say("Trades: none")
            return
        names = ["entry", "held", "quantity", "bought", "sold", "fees", "net", "score"]
        table = _table(*(["symbol", *names] if many else names), left=1)
        table.add_column("exit by", no_wrap=True)
        for t in trades[:_ROWS]:
            net = Text(f"{t['pnl_net']:+.2f}", style="green" if t["pnl_net"] > 0 else "red")
            score = "-" if t["score"] is None else f"{t['score']:.1f}"
            cells: list[str | Text] = [self._clock(t["entry_us"]), f"{t['hold_s']:.1f}s", f"{t['quantity']:f}"]
            cells += [_price(t["entry_price"]), _price(t["exit_price"]), f"{t['fees']:.2f}", net, score, t["exit_reason"]]
            _row(table, *([t["symbol"], *cells] if many else cells))
        self._indent(table)
        if len(trades) > _ROWS:
            self._say(f"  {len(trades) - _ROWS} more; --json lists all")

    def orders(self, report: dict[str, Any]) -> None:
        refusals = report["entries_rejected"]
        made = report["entries_made"]
        refused = ", ".join(f"{reason} {n}" for reason, n in refusals.items()) or "none"
        self._say(f"Entries considered {made + sum(refusals.values())}, ordered {made}; refused by: {refused}")
        for side in ("entry", "exit"):
            ends = [
                f"{n} {end.removeprefix(side + '_').replace('_', ' ')}"
                for end, n in report["orders"].items()
                if end.startswith(side)
            ]
            if ends:
                self._say(f"{side.capitalize()} orders: " + ", ".join(ends))
        score = report["score"]
        if score["considered"]:
            self._say(f"Scores asked for {score['considered']}: mean {score['mean']}, median {score['p50']}, p95 {score['p95']}")

    def money(self) -> None:
        report = self._report
        trades = report["trades"]
        wins = sum(1 for t in trades if t["pnl_net"] > 0)
        won = f"; {wins} of {len(trades)} closed trades won" if trades else ""
        net = Text(f"{report['pnl_net']:+,.2f}", style="bold")
        self._console.print(Text("Net P&L ") + net + f" after fees of {report['fees']:,.2f}{won}", highlight=False)
        if report["open_positions"]:
            realised, unrealised = report["pnl_realised"], report["pnl_unrealised"]
            held = _count(report["open_positions"], "open position")
            self._say(f"  of it {realised:+,.2f} in closed trades, {unrealised:+,.2f} in {held}:")
            for p in report["positions"]:
                mark = _price(p["mark"])
                self._say(
                    f"  {p['symbol']} {p['quantity']:f} bought at {_price(p['entry_price'])}, could be sold at {mark}",
                    style="yellow",
                )
        self._say(f"Equity {report['equity_start']:,.2f} -> {report['equity_end']:,.2f}")
        for symbol, marks in report["markouts"].items():
            if any(m["fills"] for m in marks.values()):
                shown = ", ".join(f"{after} {m['mean_bps']:+.1f} bp" for after, m in marks.items() if m["fills"])
                self._say(f"Mean price move after our fills, {symbol} (+ is for us): {shown}")

    def research(self) -> None:
        research = self._report["research"]
        self.rule("research variant, beside it")
        self._say(research["note"], style="yellow")
        if "overrides" in research:
            self._say("  --set " + " --set ".join(research["overrides"]))
        if "error" in research:
            self._say(f"It could not be run: {research['error']}", style="red")
            return
        self.trades(research)
        self.orders(research)
        self._say(f"Net P&L {research['pnl_net']:+,.2f} after fees of {research['fees']:,.2f} (research)")

    def data(self) -> None:
        for symbol, data in self._report["data"].items():
            counts = data["counts"]
            kinds = ", ".join(
                f"{counts[kind]:,} {kind}" for kind in ("trades", "quotes", "deltas", "snapshots") if counts.get(kind)
            )
            self._say(f"{symbol}: {kinds or 'no market events'}; price is the {data['price_source']}")
            if data["has_book"]:
                line = (
                    f"  book: {_count(counts.get('book_gaps', 0), 'sequence gap')}, crossed {counts.get('book_crossed', 0)} times"
                )
                if checks := counts.get("quote_checks", 0):
                    line += f", equal to the ticker in {checks - counts.get('quote_mismatches', 0):,} of {checks:,} checks"
                self._say(line)
            if data["rejected"]:
                self._say("  not used: " + ", ".join(f"{reason} {n:,}" for reason, n in data["rejected"].items()))
        for symbol, detection in self._report["detection"].items():
            extra = [r for r in detection["readings"] if r["role"] == "extra"]
            if extra:
                shown = ", ".join(f"{r['name']} {'missing' if r['value'] is None else format(r['value'], '.4g')}" for r in extra)
                self._say(f"{symbol}: extra indicators at the end: {shown}")

    def feed_health(self) -> None:
        """How a live feed heard its market: what its plugin tells, whatever that is."""
        health = self._report.get("feed_health")
        if health is None:
            return
        self._say(f"feed: {_plain_facts(health)}")
        for name, one in health.get("symbols", {}).items():
            self._say(f"  {name}: {_plain_facts(one)}")

    def indicators(self) -> None:
        """Those that faulted, and those of other distributions: the rest does what the manual says."""
        for name, one in self._report["indicators"].items():
            if not one["faults"] and one["distribution"] in ("", "flashcrash"):
                continue
            origin = f", {one['distribution']}" if one["distribution"] not in ("", "flashcrash") else ""
            end = ", QUARANTINED: missing since then" if one["quarantined"] else ""
            faults = f"; {_count(one['faults'], 'fault')}{end}" if one["faults"] else ""
            ready, fired = 100 * one["ready_share"], one["fired_s"]
            self._say(
                f"Indicator {name} ({one['role']}{origin}): ready {ready:.1f} % of the time, fired {fired:,.1f} s{faults}",
                style="yellow" if one["faults"] else "",
            )

    def footer(self) -> None:
        report = self._report
        for warning in report["warnings"]:
            self._say(f"! {warning}", style="yellow")
        if report.get("session"):
            self._say(f"Session {report['session']} kept in {report['session_db']}")
        self._say(f"Decision hash {shown_hash(report['decision_hash'])}")
        for path in report.get("exported", ()):
            self._say(f"Wrote {path}")

    # -- printing ----------------------------------------------------------------------------------------------------

    def rule(self, title: str) -> None:
        self._console.print(Rule(Text(title), align="left"))

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), highlight=False)

    def _fact(self, name: str, value: str | Text) -> None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=8, style="dim")
        grid.add_column(overflow="fold")
        grid.add_row(name, value if isinstance(value, Text) else Text(value))
        self._console.print(grid)

    def _indent(self, table: Table) -> None:
        self._console.print(Padding(table, (0, 0, 0, 2)))

    def _clock(self, us: int | None) -> str:
        if us is None:
            return "-"
        text = _date(us) + f".{us // 100_000 % 10}"
        return text[5:] if self._dated else text[11:]


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 0), show_edge=False, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < left else "right", no_wrap=True)
    return table


def _row(table: Table, *cells: str | Text) -> None:
    table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))


def _plain_facts(told: dict[str, Any]) -> str:
    """Names and values that are no tables, the empty ones left out; a number that is 0 says something."""
    facts = []
    for key, value in told.items():
        if isinstance(value, dict | list | tuple) or value is None or value == "":
            continue
        shown = ("yes" if value else "no") if isinstance(value, bool) else f"{value:,}" if isinstance(value, int | float) else value
        facts.append(f"{key.replace('_', ' ')} {shown}")
    return ", ".join(facts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _date(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _price(value: Any) -> str:
    """Seven digits are enough to read; averages over several fills have more."""
    if value is None:
        return "-"
    return f"{value:.7g}" if value < 10_000_000 else f"{value:.0f}"


def _fall(top: Any, bottom: Any) -> str:
    if not top or bottom is None:
        return ""
    return f"{100 * (1 - float(bottom) / float(top)):.1f} %"

"""The report as a trader reads it, in 80 columns: what happened, on what data, with which caveats."""

from datetime import UTC, datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table

__all__ = ["show_report"]

_ROWS: Final = 30
"""Longest table on a terminal; ``--json`` and ``--out`` have everything."""

_STATES: Final = ("SLEEP", "ALERT", "ACTIVE", "RECOVERY", "SHUTDOWN")


def show_report(console: Console, report: dict[str, Any]) -> None:
    """Print a run, backtest or detection report."""
    trading = "trades" in report
    _headline(console, report, trading)
    console.print(Rule("detection", align="left"))
    _episodes(console, report)
    _time_in_states(console, report)
    _hold_sweep(console, report)
    if trading:
        console.print(Rule("trading", align="left"))
        _trades(console, report["trades"], many=len(report["symbols"]) > 1)
        _refusals(console, report)
        _money(console, report)
        if "research" in report:
            _research(console, report)
    console.print(Rule("data", align="left"))
    _data(console, report)
    _footer(console, report)


def _headline(console: Console, report: dict[str, Any], trading: bool) -> None:
    console.print(Rule(f"[bold]flashcrash {report['mode']}[/]", align="left"))
    synthetic = report["data_tier"] == "synthetic"
    shown = (
        "[bold red]SYNTHETIC[/] (made by this program: not evidence of anything)"
        if synthetic
        else f"[bold]{report['data_tier']}[/]"
    )
    _line(console, "input", report["input"])
    _line(console, "data", f"{shown}, {', '.join(report['symbols'])}")
    rate = report["events"] / max(report["wall_s"], 1e-9)
    _line(console, "events", f"{report['events']:,} in {report['wall_s']:.2f} s ({rate:,.0f}/s), engine {report['engine']}")
    if trading:
        _line(console, "fills", f"simulated, model {report['fill_model']}")
    if report.get("halted"):
        _line(console, "halted", f"[bold red]by risk: {report['halted']}[/]")
    elif report["status"] != "done":
        _line(console, "status", f"[bold red]{report['status']}[/]")


def _line(console: Console, name: str, text: str) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=8, style="dim")
    grid.add_column()
    grid.add_row(name, text)
    console.print(grid)


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 0), show_edge=False, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < left else "right", no_wrap=True)
    return table


def _indent(console: Console, table: Table) -> None:
    console.print(Padding(table, (0, 0, 0, 2)))


def _episodes(console: Console, report: dict[str, Any]) -> None:
    episodes = report["episodes"]
    active = [e for e in episodes if e["active_us"] is not None]
    if not episodes:
        console.print("No episode: the detector never left SLEEP.")
    else:
        alerts = len(episodes) - len(active)
        plural = "episode" if len(active) == 1 else "episodes"
        console.print(f"[bold]{len(active)}[/] {plural} reached ACTIVE, {alerts} more were alerts only (times UTC)")
    if active:
        table = _table("symbol", "alert", "ACTIVE from", "to", "for s", "returned to SLEEP", left=1)
        rows = 0
        for e in active:
            for index, (start, end) in enumerate(e["active_spans"]):
                first, last = index == 0, index == len(e["active_spans"]) - 1
                over = f"{_clock(e['sleep_us'])} ({e['reason']})" if e["sleep_us"] else f"not yet ({e['reason'] or 'end of data'})"
                seconds = "" if end is None else f"{(end - start) / 1e6:.1f}"
                name, alert = (e["symbol"], _clock(e["alert_us"])) if first else ("", "")
                table.add_row(name, alert, _clock(start), _clock(end), seconds, over if last else "")
                rows += 1
                if rows == _ROWS:
                    break
            if rows == _ROWS:
                break
        _indent(console, table)
        hidden = sum(len(e["active_spans"]) for e in active) - rows
        if hidden:
            console.print(f"  {hidden} more spans of ACTIVE; --json lists all")
    else:
        for symbol, detection in report["detection"].items():
            for note in detection["notes"]:
                console.print(f"  {symbol}: {note}")


def _time_in_states(console: Console, report: dict[str, Any]) -> None:
    seconds = report["state_seconds"]
    parts = [f"{state} {seconds[state]:,.1f} s" for state in _STATES if seconds.get(state)]
    console.print("Time in state: " + (", ".join(parts) or "none, the data closed no row"))
    blocked = report["blocked_seconds"]
    if blocked:
        shown = ", ".join(f"{reason} {s:,.1f} s" for reason, s in blocked.items())
        console.print(f"Entries blocked while awake: {shown}")


def _hold_sweep(console: Console, report: dict[str, Any]) -> None:
    for symbol, rows in report["hold_sweep"].items():
        if not any(row["episodes"] for row in rows):
            console.print(f"Hold sweep {symbol}: no episode under any confirmation time from 0 to 5 s")
            continue
        console.print(f"Hold sweep {symbol}: the same data under other confirmation times")
        table = _table("hold s", "episodes", "reached ACTIVE", "seconds ACTIVE", "first ACTIVE", left=0)
        for row in rows:
            numbers = (f"{row['hold_s']:g}", str(row["episodes"]), str(row["active_episodes"]), f"{row['active_s']:.1f}")
            table.add_row(*numbers, _clock(row["first_active_us"]))
        _indent(console, table)


def _trades(console: Console, trades: list[dict[str, Any]], *, many: bool) -> None:
    if not trades:
        console.print("Trades: none")
        return
    names = ["entry", "held", "quantity", "bought", "sold", "fees", "net", "score"]
    table = _table(*(["symbol", *names] if many else names), left=1)
    table.add_column("exit by", no_wrap=True)
    for t in trades[:_ROWS]:
        colour = "green" if t["pnl_net"] > 0 else "red"
        score = "-" if t["score"] is None else f"{t['score']:.1f}"
        cells = [
            _clock(t["entry_us"]),
            f"{t['hold_s']:.1f}",
            f"{t['quantity']:f}",
            _price(t["entry_price"]),
            _price(t["exit_price"]),
        ]
        cells += [f"{t['fees']:.2f}", f"[{colour}]{t['pnl_net']:+.2f}[/]", score, t["exit_reason"]]
        table.add_row(*([t["symbol"], *cells] if many else cells))
    _indent(console, table)
    if len(trades) > _ROWS:
        console.print(f"  {len(trades) - _ROWS} more; --json lists all")


def _refusals(console: Console, report: dict[str, Any]) -> None:
    refusals = report["entries_rejected"]
    made = report["entries_made"]
    if refusals:
        shown = ", ".join(f"{reason} {n}" for reason, n in refusals.items())
        console.print(f"Entries considered {made + sum(refusals.values())}, ordered {made}, refused by: {shown}")
    else:
        console.print(f"Entries considered {made}, ordered {made}, none refused")


def _money(console: Console, report: dict[str, Any]) -> None:
    trades = report["trades"]
    wins = sum(1 for t in trades if t["pnl_net"] > 0)
    won = f", {wins} of {len(trades)} trades won" if trades else ""
    console.print(f"Net P&L [bold]{report['pnl_net']:+,.2f}[/] after fees of {report['fees']:,.2f}{won}")
    console.print(f"Equity {report['equity_start']:,.2f} -> {report['equity_end']:,.2f}")
    if report["open_positions"]:
        console.print(
            f"[yellow]{report['open_positions']} positions still open at the end, valued at what they could be sold for[/]"
        )
    score = report["score"]
    if score["considered"]:
        console.print(
            f"Scores asked for {score['considered']}: mean {score['mean']}, median {score['p50']}, p95 {score['p95']} (70 enters)"
        )
    for symbol, marks in report["markouts"].items():
        if any(m["fills"] for m in marks.values()):
            shown = ", ".join(f"{after} {m['mean_bps']:+.1f} bp" for after, m in marks.items() if m["fills"])
            console.print(f"Mean price move after our fills, {symbol} (+ is for us): {shown}")


def _research(console: Console, report: dict[str, Any]) -> None:
    research = report["research"]
    console.print(Rule("research variant beside it", align="left"))
    console.print(f"[yellow]{research['note']}[/]")
    console.print("  --set " + " --set ".join(research["overrides"]))
    _trades(console, research["trades"], many=len(report["symbols"]) > 1)
    _refusals(console, research)
    console.print(f"Net P&L {research['pnl_net']:+,.2f} after fees of {research['fees']:,.2f} (research)")


def _data(console: Console, report: dict[str, Any]) -> None:
    for symbol, data in report["data"].items():
        counts = data["counts"]
        kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("trades", "quotes", "deltas", "snapshots") if counts.get(kind))
        console.print(f"{symbol}: {kinds}; price is the {data['price_source']}")
        if data["tier"] == "L2":
            line = f"  book: {counts.get('book_gaps', 0)} sequence gaps, crossed {counts.get('book_crossed', 0)} times"
            if checks := counts.get("quote_checks", 0):
                line += f", equal to the ticker in {checks - counts.get('quote_mismatches', 0):,} of {checks:,} checks"
            console.print(line)
        if data["rejected"]:
            console.print("  rejected: " + ", ".join(f"{reason} {n:,}" for reason, n in data["rejected"].items()))


def _footer(console: Console, report: dict[str, Any]) -> None:
    for warning in report["warnings"]:
        console.print(f"[yellow]! {warning}[/]")
    if report.get("session"):
        console.print(f"Session {report['session']} kept in {report['session_db']}")
    console.print(f"Decision hash {report['decision_hash']}")
    for path in report.get("exported", ()):
        console.print(f"Wrote {path}")


def _price(value: Any) -> str:
    """Seven digits are enough to read; averages over several fills have more."""
    return f"{value:.7g}" if value < 10_000_000 else f"{value:.0f}"


def _clock(us: int | None) -> str:
    if us is None:
        return "-"
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%H:%M:%S.%f")[:-5]

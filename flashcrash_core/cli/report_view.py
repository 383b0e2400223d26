"""The report as a trader reads it: what happened, on what data, with which caveats."""

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

__all__ = ["show_report"]


def show_report(console: Console, report: dict[str, Any]) -> None:
    """Print a run, backtest or detection report."""
    trading = "trades" in report
    _headline(console, report, trading)
    _episodes(console, report)
    _states(console, report)
    if trading:
        _trades(console, report["trades"], "Trades")
        _refusals(console, report["entries_rejected"])
        _money(console, report)
        if "research" in report:
            _research(console, report["research"])
    _sweep(console, report)
    _data(console, report)
    _footer(console, report)


def _headline(console: Console, report: dict[str, Any], trading: bool) -> None:
    tier = report["data_tier"]
    shown = "[bold red]SYNTHETIC[/] (simulated market: not evidence of anything)" if tier == "synthetic" else f"[bold]{tier}[/]"
    lines = [
        f"input   {report['input']}",
        f"data    {shown}   symbols {', '.join(report['symbols'])}   engine {report['engine']}",
        f"events  {report['events']:,} in {report['wall_s']:.2f} s ({report['events'] / max(report['wall_s'], 1e-9):,.0f}/s)",
    ]
    if trading:
        lines.append(f"fills   {report['fill_model']} simulated   fees and latency as configured   status {report['status']}")
    if report.get("halted"):
        lines.append(f"[bold red]HALTED by risk: {report['halted']}[/]")
    console.print(Panel("\n".join(lines), title=f"flashcrash {report['mode']}", title_align="left"))


def _episodes(console: Console, report: dict[str, Any]) -> None:
    episodes = report["episodes"]
    active = [e for e in episodes if e["active_us"] is not None]
    if not episodes:
        console.print("No episode: the detector never left SLEEP.")
        _notes(console, report)
        return
    table = Table(title=f"Episodes: {len(episodes)}, of which {len(active)} reached ACTIVE (times UTC)", title_justify="left")
    for name in ("symbol", "alert", "active", "ACTIVE for", "recovery", "sleep", "ended by"):
        table.add_column(name)
    for e in episodes[:40]:
        seconds = sum(end - start for start, end in e["active_spans"] if end is not None) / 1e6
        spans = len(e["active_spans"])
        held = f"{seconds:.1f} s" + (f" in {spans} spans" if spans > 1 else "") if spans else "-"
        table.add_row(
            e["symbol"],
            _clock(e["alert_us"]),
            _clock(e["active_us"]),
            held,
            _clock(e["recovery_us"]),
            _clock(e["sleep_us"]),
            e["reason"],
        )
    console.print(table)
    if len(episodes) > 40:
        console.print(f"({len(episodes) - 40} more; --json lists all)")
    if not active:
        _notes(console, report)


def _notes(console: Console, report: dict[str, Any]) -> None:
    for symbol, detection in report["detection"].items():
        for note in detection["notes"]:
            console.print(f"  {symbol}: {note}")


def _states(console: Console, report: dict[str, Any]) -> None:
    parts = [f"{state} {seconds:,.1f} s" for state, seconds in report["state_seconds"].items() if seconds]
    console.print("Time in state: " + ", ".join(parts) if parts else "Time in state: none, the data closed no row")
    blocked = report["blocked_seconds"]
    if blocked:
        console.print("Entries blocked outside SLEEP: " + ", ".join(f"{reason} {s:,.1f} s" for reason, s in blocked.items()))


def _trades(console: Console, trades: list[dict[str, Any]], title: str) -> None:
    if not trades:
        console.print(f"{title}: none")
        return
    table = Table(title=f"{title}: {len(trades)}", title_justify="left")
    for name in ("symbol", "entry", "exit", "hold s", "quantity", "bought at", "sold at", "fees", "P&L net", "score", "exit by"):
        table.add_column(name, justify="left" if name in ("symbol", "exit by") else "right")
    for t in trades[:40]:
        colour = "green" if t["pnl_net"] > 0 else "red"
        table.add_row(
            t["symbol"], _clock(t["entry_us"]), _clock(t["exit_us"]), f"{t['hold_s']:.1f}", str(t["quantity"]), f"{t['entry_price']:f}",
            f"{t['exit_price']:f}", f"{t['fees']:.4f}", f"[{colour}]{t['pnl_net']:+.4f}[/]", "-" if t["score"] is None else f"{t['score']:.1f}",
            t["exit_reason"],
        )  # fmt: skip
    console.print(table)
    if len(trades) > 40:
        console.print(f"({len(trades) - 40} more; --json lists all)")


def _refusals(console: Console, refusals: dict[str, int]) -> None:
    if refusals:
        console.print("Entries refused: " + ", ".join(f"{reason} {n}" for reason, n in refusals.items()))
    else:
        console.print("Entries refused: none was considered")


def _money(console: Console, report: dict[str, Any]) -> None:
    trades = report["trades"]
    wins = sum(1 for t in trades if t["pnl_net"] > 0)
    rate = f", {wins} of {len(trades)} won" if trades else ""
    console.print(
        f"Equity {report['equity_start']:,.2f} -> {report['equity_end']:,.2f}, net P&L [bold]{report['pnl_net']:+,.4f}[/] "
        f"after fees of {report['fees']:,.4f}; {report['entries_made']} entry orders, {report['orders_filled']} fills{rate}"
    )
    if report["open_positions"]:
        console.print(
            f"[yellow]{report['open_positions']} positions still open at the end, valued at what they could be sold for[/]"
        )
    score = report["score"]
    if score["considered"]:
        console.print(f"Scores asked for {score['considered']}: mean {score['mean']}, median {score['p50']}, p95 {score['p95']}")
    for symbol, marks in report["markouts"].items():
        if any(m["fills"] for m in marks.values()):
            shown = ", ".join(f"{after} {m['mean_bps']:+.1f} bp ({m['fills']})" for after, m in marks.items() if m["fills"])
            console.print(f"Mark-outs after fills, {symbol}: {shown}")


def _research(console: Console, research: dict[str, Any]) -> None:
    console.print(f"\n[bold]Research variant[/] ({research['note']}): --set {' --set '.join(research['overrides'])}")
    _trades(console, research["trades"], "Trades (research)")
    _refusals(console, research["entries_rejected"])
    console.print(
        f"Net P&L (research) {research['pnl_net']:+,.4f} after fees of {research['fees']:,.4f}; {research['entries_made']} entry orders\n"
    )


def _sweep(console: Console, report: dict[str, Any]) -> None:
    for symbol, rows in report["hold_sweep"].items():
        if not any(row["episodes"] for row in rows):
            console.print(f"Hold sweep {symbol}: no episode under any confirmation time from 0 to 5 s")
            continue
        table = Table(title=f"Hold sweep {symbol}: the same data under other confirmation times", title_justify="left")
        for name in ("hold s", "episodes", "reached ACTIVE", "seconds ACTIVE", "first ACTIVE"):
            table.add_column(name, justify="right")
        for row in rows:
            cells = (
                f"{row['hold_s']:g}",
                str(row["episodes"]),
                str(row["active_episodes"]),
                f"{row['active_s']:.1f}",
                _clock(row["first_active_us"]),
            )
            table.add_row(*cells)
        console.print(table)


def _data(console: Console, report: dict[str, Any]) -> None:
    for symbol, data in report["data"].items():
        counts = data["counts"]
        kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("trades", "quotes", "deltas", "snapshots") if kind in counts)
        line = f"Data {symbol}: {kinds}; price source {data['price_source']}"
        if "quote_checks" in counts:
            line += f"; book agrees with the ticker in {counts['quote_checks'] - counts.get('quote_mismatches', 0):,} of {counts['quote_checks']:,} checks"
        if data["tier"] == "L2":
            line += f"; {counts.get('book_gaps', 0)} sequence gaps; crossed {counts.get('book_crossed', 0)} times"
        console.print(line)
        if data["rejected"]:
            console.print("  rejected: " + ", ".join(f"{reason} {n}" for reason, n in data["rejected"].items()))


def _footer(console: Console, report: dict[str, Any]) -> None:
    for warning in report["warnings"]:
        console.print(f"[yellow]! {warning}[/]")
    if report.get("session"):
        console.print(f"Session {report['session']} in {report['session_db']}; decision hash {report['decision_hash']}")
    for path in report.get("exported", ()):
        console.print(f"Wrote {path}")


def _clock(us: int | None) -> str:
    if us is None:
        return "-"
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%H:%M:%S.%f")[:-5]

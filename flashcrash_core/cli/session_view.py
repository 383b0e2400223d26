"""Sessions as a person reads them: tables of what ``flashcrash sessions`` found."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["session_console", "show_document", "show_list"]

_MOST_TRADES: Final = 40
_FOLDS: Final = ("symbols", "profile", "why", "reason", "what", "")
"""Columns of text that may break over lines on a narrow terminal; a number or an id never does."""
_PIPE_WIDTH: Final = 160


def session_console() -> Console:
    """Standard output; wide enough for every table when it is a file or a pipe instead of a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


def show_list(console: Console, document: Mapping[str, Any]) -> None:
    """Print the list of sessions."""
    sessions = document["sessions"]
    if not sessions:
        console.print("No sessions yet. `flashcrash run` makes the first one.")
        return
    rows = [
        (s["id"], s["status"], s["mode"], ",".join(s["symbols"]), s["profile"], _tier(s), str(s["trades"]), _money(s["pnl_net"]))
        for s in sessions
    ]
    columns = ("session", "status", "mode", "symbols", "profile", "data", "trades", "P&L net")
    console.print(_table("Sessions, newest first", columns, rows, right=2))
    if document["total"] > len(sessions):
        console.print(f"{len(sessions)} of {document['total']}; --limit shows more")


def show_document(console: Console, document: Mapping[str, Any], written: Sequence[Path]) -> None:
    """Print one session."""
    stats = document["stats"]
    head = [
        ("status", document["status"]),
        ("mode, profile", f"{document['mode']}, {document['profile']}"),
        ("symbols", ", ".join(document["symbols"])),
        ("data", _tier(document)),
        ("started", document["wall_started"]),
        ("ended", document["wall_ended"] or "-"),
        ("decision hash", document["decision_hash"] or "-"),
    ]
    console.print(_table(f"Session {document['id']}", ("", ""), head))
    console.print(_table("Results (quote currency, after fees)", ("", ""), _results(stats), right=1))
    named = (("Refused entries", "refusals"), ("Exits", "exits"), ("State changes", "transitions"), ("Audit", "audit"))
    for title, key in named:
        if stats[key]:
            rows = [(name, str(count)) for name, count in stats[key].items()]
            console.print(_table(title, ("reason" if key in ("refusals", "exits") else "what", "count"), rows, right=1))
    if document["trades"]:
        _trades(console, document["trades"])
    for warning in document["warnings"]:
        console.print(Text(f"warning: {warning}"))
    for path in written:
        console.print(Text(f"written: {path}"))


def _results(stats: Mapping[str, Any]) -> list[tuple[str, str]]:
    drop = "" if stats["max_drawdown_fraction"] is None else f" ({stats['max_drawdown_fraction']:.2%})"
    return [
        ("equity", f"{_money(stats['equity_start'])} -> {_money(stats['equity_end'])}"),
        ("P&L net of fees", _money(stats["pnl_net"])),
        ("fees", _money(stats["fees"])),
        ("trades (won, lost)", f"{stats['trades']} ({stats['wins']}, {stats['losses']})"),
        ("win rate", _number(stats["win_rate"], ".1%")),
        ("best, worst trade", f"{_money(stats['pnl_best'])}, {_money(stats['pnl_worst'])}"),
        (
            "holding time mean, median",
            f"{_number(stats['hold_mean_s'], '.1f', ' s')}, {_number(stats['hold_median_s'], '.1f', ' s')}",
        ),
        ("max drawdown of closed trades", f"{_money(stats['max_drawdown'])}{drop}"),
        ("orders, cancels", f"{stats['orders']}, {stats['cancels']}"),
        ("fills (as maker)", f"{stats['fills']} ({stats['maker_fills']})"),
        ("entries considered, made", f"{stats['considered']}, {stats['entered']}"),
        ("scores asked", str(stats["scores"])),
        ("score mean, p50, p95", ", ".join(_number(stats[name], ".1f") for name in ("score_mean", "score_p50", "score_p95"))),
    ]


def _trades(console: Console, trades: Sequence[Mapping[str, Any]]) -> None:
    columns = ("entry (UTC)", "symbol", "held", "quantity", "entry", "exit", "P&L net", "why")
    rows = [
        (
            _clock(t["entry_us"]),
            t["symbol"],
            f"{(t['exit_us'] - t['entry_us']) / 1e6:.1f} s",
            f"{t['quantity']}",
            f"{t['entry_price']}",
            f"{t['exit_price']}",
            _money(t["pnl_net"]),
            t["exit_reason"],
        )
        for t in trades[:_MOST_TRADES]
    ]
    console.print(_table(f"Trades: {len(trades)}", columns, rows))
    if len(trades) > _MOST_TRADES:
        console.print(f"({len(trades) - _MOST_TRADES} more; --json lists all)")


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: int = 0) -> Table:
    """A table whose last ``right`` columns are numbers. Cells are plain text: a reason of a plugin is no markup."""
    table = Table(box=SIMPLE_HEAD, title=Text(title), title_justify="left", show_header=any(columns))
    for index, name in enumerate(columns):
        number = index >= len(columns) - right
        table.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=name not in _FOLDS)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _tier(document: Mapping[str, Any]) -> str:
    """Invented data is never shown without the word."""
    tier = document["data_tier"]
    return "SYNTHETIC" if tier == "synthetic" else str(tier)


def _money(amount: Decimal | float | None) -> str:
    return "-" if amount is None else f"{amount:,.2f}"


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else format(value, form) + unit


def _clock(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")

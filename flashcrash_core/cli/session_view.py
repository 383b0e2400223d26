"""Sessions as a person reads them, in 80 columns. What a plugin or a file said is plain text, never markup."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

__all__ = ["session_console", "show_document", "show_list"]

_WIDTH: Final = 80
_INDENT: Final = 2
_ROWS: Final = 30
"""Longest table on a terminal; ``--json`` and ``--out`` have everything."""
_SYMBOLS: Final = 3
_DIGITS: Final = 7
"""Significant digits of a price that are enough to read; averages over several fills have more."""
_NO_MARK: Final = "the session left no report, so the price of what it holds (the mark) is not known"


def session_console() -> Console:
    """Standard output: as wide as the terminal or COLUMNS says, 80 in a file or a pipe; never less, a table would lose digits."""
    console = Console(markup=False, highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console.width = _WIDTH  # not that of the terminal that standard input happens to be
    console.width = max(console.width, _WIDTH)
    return console


# -- the list --------------------------------------------------------------------------------------------------------


def show_list(console: Console, document: Mapping[str, Any]) -> None:
    """Print the list of sessions."""
    sessions = document["sessions"]
    if not sessions:
        console.print("No sessions yet. `flashcrash run` makes the first one.")
        return
    _rule(console, "sessions, newest first")
    columns = ["session", "status", "mode", "symbols", "profile", "data", "*trades", "*open", "*net P&L"]
    rows = [[s["id"], s["status"], s["mode"], _symbols(s["symbols"]), s["profile"], _tier(s), *_numbers(s)] for s in sessions]
    if _width(columns, rows, indent=0) > console.width:
        # Two lines each: neither a session's id nor money may be broken.
        columns = ["session", "status", "mode\nprofile", "symbols\ndata", "*trades", "*open", "*net P&L"]
        rows = [[r[0], r[1], f"{r[2]}\n{r[4]}", "\n".join([*r[3].split(","), r[5]]), *r[6:]] for r in rows]
    _show(console, columns, rows, indent=0)
    if any(s["pnl_net"] is None for s in sessions):
        console.print(Text(f"+?: {_NO_MARK}; what stands before it is the result of closed trades"))
    if document["total"] > len(sessions):
        console.print(Text(f"{len(sessions)} of {document['total']}; --limit shows more"))


def _symbols(symbols: Sequence[str]) -> str:
    more = len(symbols) - _SYMBOLS
    return ",".join(symbols[:_SYMBOLS]) + (f",+{more} more" if more > 0 else "")


def _numbers(listed: Mapping[str, Any]) -> tuple[str, str, str]:
    net = f"{_signed(listed['pnl_realised'])}+?" if listed["pnl_net"] is None else _signed(listed["pnl_net"])
    return str(listed["trades"]), str(listed["open_positions"]), net


# -- one session -----------------------------------------------------------------------------------------------------


def show_document(console: Console, document: Mapping[str, Any]) -> None:
    """Print one session."""
    stats = document["stats"]
    _rule(console, f"session {document['id']}")
    _context(console, document)
    _rule(console, "result (quote currency)")
    _lines(console, _results(stats))
    _positions(console, stats["open_positions"])
    _orders(console, stats["open_orders"])
    _rule(console, "trades")
    _trades(console, document["trades"], stats["trades"])
    counts = {"entries refused": "refusals", "exits": "exits", "state changes": "transitions", "audit": "audit"}
    _lines(console, [(name, _counted(stats[key])) for name, key in counts.items() if stats[key]], width=15)
    for warning in document["warnings"]:
        console.print(Text(f"! {warning}", style="yellow"))
    for path in document.get("exported", ()):
        console.print(Text(f"Wrote {path}"), soft_wrap=True)


def _context(console: Console, document: Mapping[str, Any]) -> None:
    fees = document["fees_bps"]
    shown_fees = ", ".join(f"{side} {rate} bp" for side, rate in fees.items() if rate is not None) or "fees not recorded"
    lines: list[tuple[str, str | Text]] = [("status", document["status"]), ("input", document["input"])]
    lines += [
        ("file", str(tape["path"])) for tape in document["inputs"].get("tapes", ()) if str(tape["path"]) not in document["input"]
    ]
    lines += [
        ("data", Text.assemble(_data(document), ", ", ", ".join(document["symbols"]))),
        ("period", _period(document["period"])),
        ("run as", f"{document['mode']}, profile {document['profile']}, seed {_or_dash(document['seed'])}"),
        ("version", f"flashcrash {document['version']}"),
        ("fills", f"simulated, model {_or_dash(document['fill_model'])}; fees {shown_fees}"),
        ("started", f"{_wall(document['wall_started'])}, ended {_wall(document['wall_ended'])}"),
        ("hash", _hash(document["decision_hash"])),
    ]
    if document["halted"]:
        lines.append(("halted", Text(f"by risk: {document['halted']}", style="bold red")))
    if document["failure"]:
        lines.append(("failure", Text(document["failure"], style="bold red")))
    _lines(console, lines, width=8)
    if document["resume"]:
        console.print(Text(f"go on    {document['resume']}"), soft_wrap=True)  # in one line, to be copied


def _data(document: Mapping[str, Any]) -> Text:
    """Invented data is never shown without the words."""
    if document["data_tier"] == "synthetic":
        return Text.assemble(("SYNTHETIC", "bold red"), " (made by this program: not evidence of anything)")
    return Text(document["data_tier"], style="bold")


def _hash(decisions: str) -> str:
    if not decisions:
        return "- (the session did not come to its end)"
    return decisions if decisions.strip("0") else "none (no decisions)"


def _period(period: Mapping[str, Any]) -> str:
    if period["first_us"] is None:
        return "not known: nothing was recorded"
    note = "" if period["exact"] else " (first and last fact recorded)"
    return f"{_moment(period['first_us'])} to {_moment(period['last_us'])} UTC{note}"


def _results(stats: Mapping[str, Any]) -> list[tuple[str, str | Text]]:
    drop = "" if stats["max_drawdown_fraction"] is None else f" ({stats['max_drawdown_fraction']:.2%})"
    known = stats["pnl_net"] is not None
    holds = bool(stats["open_positions"])
    lines: list[tuple[str, str | Text]] = [
        ("net P&L", Text(_signed(stats["pnl_net"]), style="bold") if known else f"unknown: {_NO_MARK}"),
        ("  realised", f"{_signed(stats['pnl_realised'])} (closed trades, after their fees)"),
    ]
    if holds and known:
        sales = sum((position["part_sales"] for position in stats["open_positions"]), Decimal(0))
        note = f"; {_signed(sales)} of part sales in it" if sales else ""
        worth = "open positions at what they could be sold for, after the fees paid on them"
        lines.append(("  unrealised", f"{_signed(stats['pnl_unrealised'])} ({worth}{note})"))
    elif holds:
        cost = sum((position["cost"] for position in stats["open_positions"]), Decimal(0))
        lines.append(("  unrealised", f"unknown; {_money(cost)} was paid for what is held, and the mark is unknown"))
    else:
        lines.append(("  unrealised", "0.00 (nothing is held)"))
    won = f"{stats['wins']} won, {stats['losses']} lost, win rate {_number(stats['win_rate'], '.1%')}"
    hold = f"mean {_number(stats['hold_mean_s'], '.1f', ' s')}, median {_number(stats['hold_median_s'], '.1f', ' s')}"
    scores = f"mean {_number(stats['score_mean'], '.1f')}, median {_number(stats['score_p50'], '.1f')}"
    return [
        *lines,
        ("equity", f"{_money(stats['equity_start'])} -> {_money(stats['equity_end']) if known else 'unknown'}"),
        ("fees", f"{_money(stats['fees'])} on {stats['fills']} fills ({stats['maker_fills']} as maker)"),
        ("closed trades", f"{stats['trades']}: {won}" if stats["trades"] else "0"),
        ("best, worst", f"{_signed(stats['pnl_best'])}, {_signed(stats['pnl_worst'])}"),
        ("holding time", hold),
        ("max drawdown", f"{_money(stats['max_drawdown'])}{drop} of closed trades"),
        ("orders", f"{stats['orders']} sent, {stats['cancels']} cancels, {len(stats['open_orders'])} still open"),
        ("entries", f"{stats['considered']} considered, {stats['entered']} ordered"),
        ("scores", f"{stats['scores']} asked for: {scores}, p95 {_number(stats['score_p95'], '.1f')}" if stats["scores"] else "0"),
    ]


def _positions(console: Console, positions: Sequence[Mapping[str, Any]]) -> None:
    if not positions:
        return
    console.print(Text(f"Open positions: {len(positions)} (entry is the average, times UTC)"))
    rows = [
        (
            *(p["symbol"], _clock(p["opened_us"]), _size(p)),
            *map(_price, (p["entry_price"], p["mark_price"])),
            *map(_money, (p["cost"], p["worth"], p["fees"])),
        )
        for p in positions[:_ROWS]
    ]
    _show(console, ["symbol", "opened", "*quantity", "*entry", "*mark", "*cost", "*worth", "*fees"], rows)
    _more(console, len(positions))


def _orders(console: Console, orders: Sequence[Mapping[str, Any]]) -> None:
    if not orders:
        return
    console.print(Text(f"Open orders: {len(orders)} (quantity is what may still fill, times UTC)"))
    rows = [
        (o["symbol"], _clock(o["sent_us"]), o["side"], o["type"], _size(o), _price(o["price"]), o["state"], o["reason"])
        for o in orders[:_ROWS]
    ]
    _show(console, ["symbol", "sent", "side", "type", "*quantity", "*price", "state", "~for"], rows)
    _more(console, len(orders))


def _trades(console: Console, trades: Sequence[Mapping[str, Any]] | None, number: int) -> None:
    """One table for each symbol, with a line wherever a new day begins."""
    if trades is None:
        console.print(Text(f"Trades: {number} closed, not listed: their prices cannot be told"))
        return
    console.print(Text(f"Trades: {len(trades)} closed (entry time UTC)" if trades else "Trades: none closed"))
    shown = sorted(trades[:_ROWS], key=lambda trade: str(trade["symbol"]))
    for symbol, group in groupby(shown, key=lambda trade: str(trade["symbol"])):
        console.print(Text(f"  {symbol}", style="bold"))
        columns = ["time", "*held", "*quantity", "*bought", "*sold", "*fees", "*net", "*score", "~exit"]
        _show(console, columns, list(_trade_rows(group)))
    _more(console, len(trades))


def _trade_rows(trades: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, ...]]:
    day = ""
    for t in trades:
        if (new := _moment(t["entry_us"])[:10]) != day:
            day = new
            yield (day,)
        yield (
            _clock(t["entry_us"]),
            f"{(t['exit_us'] - t['entry_us']) / 1e6:.1f}",
            _plain(t["quantity"]),
            _price(t["entry_price"]),
            _price(t["exit_price"]),
            _money(t["fees"]),
            _signed(t["pnl_net"]),
            "-" if t["score"] is None else f"{t['score']:.1f}",
            t["exit_reason"],
        )


def _more(console: Console, number: int) -> None:
    if number > _ROWS:
        console.print(Text(f"  {number - _ROWS} more; --out DIR writes all to files, --json lists all"))


# -- parts -----------------------------------------------------------------------------------------------------------


def _rule(console: Console, title: str) -> None:
    console.print(Rule(Text(title, style="bold"), align="left"))


def _lines(console: Console, lines: Sequence[tuple[str, str | Text]], *, width: int = 13) -> None:
    """Named values; a long one goes on below itself, and a path without spaces is broken rather than cut."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=width, style="dim")
    grid.add_column(overflow="fold")
    for name, value in lines:
        grid.add_row(Text(name), value if isinstance(value, Text) else Text(value))
    console.print(grid)


def _show(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = _INDENT) -> None:
    """A table. ``*`` marks a column of numbers and ``~`` one of text that may break between words; nothing is ever cropped.

    Where even so it does not fit, the lines get longer than the console is wide: a broken table is better than a wrong number.
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 0), show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(
            Text(name.lstrip("*~")), justify="right" if name[0] == "*" else "left", overflow="fold", no_wrap=name[0] != "~"
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    before, console.width = console.width, max(console.width, _width(columns, rows, indent=indent))
    try:
        console.print(Padding(table, (0, 0, 0, indent)))
    finally:
        console.width = before


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int) -> int:
    """Columns of the screen that the table needs at least."""
    total = indent + len(columns) - 1
    for index, name in enumerate(columns):
        cells = [name.lstrip("*~"), *(row[index] for row in rows if index < len(row))]
        parts = (part for cell in cells for part in (cell.split() if name[0] == "~" else cell.split("\n")))
        total += max(map(cell_len, parts), default=0)
    return total


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())


def _tier(document: Mapping[str, Any]) -> str:
    tier = document["data_tier"]
    return "SYNTHETIC" if tier == "synthetic" else str(tier)


def _size(item: Mapping[str, Any]) -> str:
    return f"{item['lots']} lots" if item["quantity"] is None else _plain(item["quantity"])


def _plain(value: Decimal | float) -> str:
    """All digits and no exponent; a float's shortest text is the number that was meant."""
    return format(Decimal(str(value)), "f")


def _price(value: Decimal | float | None) -> str:
    """Seven significant digits without an exponent, and all digits before the point."""
    if value is None:
        return "-"
    exact = Decimal(str(value))
    places = max(_DIGITS - 1 - exact.adjusted(), 0)
    text = f"{exact:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _money(amount: Decimal | float | None) -> str:
    return "-" if amount is None else f"{amount:,.2f}"


def _signed(amount: Decimal | float | None) -> str:
    return "-" if amount is None else f"{amount:+,.2f}"


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else format(value, form) + unit


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _moment(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _clock(us: int) -> str:
    return f"{_moment(us)[11:]}.{us % 1_000_000 // 100_000}"


def _wall(text: str) -> str:
    """An ISO 8601 time as stored, to the second."""
    return f"{text[:19].replace('T', ' ')} UTC" if text else "-"

"""What ``flashcrash sessions`` prints: in 80 columns with every digit, with the context that the numbers need."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from flashcrash_core.api import AuditRecord
from flashcrash_core.cli.session_view import session_console, show_list
from flashcrash_core.cli.sessions import app
from flashcrash_core.runtime import launch
from flashcrash_storage.sqlite import SqliteConfig, SqliteStore

Make = Callable[..., Any]
_CONFIG: dict[str, Any] = {"run": {"seed": 7}, "fees": {"maker_bps": "7.5", "taker_bps": "10"}, "fills": {"model": "auto"}}
_GRID = {"BTCUSDT": {"tick_size": "0.01", "lot_size": "0.00001"}, "POLUSDT": {"tick_size": "0.0001", "lot_size": "0.1"}}
_DAY = 86_400_000_000


def _audit(kind: str, message: str) -> AuditRecord:
    return AuditRecord(seq=9, t_us=_DAY, symbol="", kind=kind, message=message)


@pytest.fixture
def keep(opened: Callable[..., SqliteStore], session: Make) -> Make:
    """Keep a session with these records, ended with this status and report."""

    def make(name: str, status: str, *records: Any, report: dict[str, Any] | None = None, **fields: Any) -> None:
        store = opened()
        store.begin_session(session(name, **({"config": _CONFIG, "inputs": {"instruments": _GRID}} | fields)))
        store.write(name, list(records))
        store.end_session(name, status=status, wall_ended="", decision_hash="", summary=report or {})

    return make


@pytest.fixture
def text_of(database: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a command prints into a pipe."""
    monkeypatch.setattr(launch, "open_store", lambda location=None, **_: SqliteStore(SqliteConfig(), location or database))
    monkeypatch.delenv("COLUMNS", raising=False)

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception is not None:
            raise result.exception
        return result.stdout

    return invoke


def _narrow(text: str) -> str:
    """The text, whose lines must fit 80 columns."""
    assert [line for line in text.splitlines() if len(line.rstrip()) > 80] == []
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    return text


def _flat(text: str) -> str:
    """The text with its line breaks and columns undone."""
    return " ".join(text.split())


@pytest.mark.parametrize("status", ["crashed", "failed", "interrupted"])
def test_a_session_that_stopped(
    keep: Make, text_of: Callable[..., str], database: str, fill: Make, intent: Make, status: str
) -> None:
    """What it held and ordered is named, the mark is said to be unknown, and so is the way to go on."""
    held = fill(price_ticks=6_000_000, qty_lots=4, notional_minor=6_000_000 * 4 * 1000)
    keep("s1", status, held, intent(client_id="c9", price_ticks=5_900_000, qty_lots=250_000))
    shown = _flat(_narrow(text_of("show", "s1")))
    for words in (
        "net P&L unknown: the session left no report, so the price of what it holds (the mark) is not known",
        "realised +0.00",
        "unrealised unknown; 2.40 was paid for what is held, and the mark is unknown",
        "equity 10,000.00 -> unknown",
        "Open positions: 1",
        "BTCUSDT 00:00:00.0 0.00004 60000 - 2.40 -",
        "Open orders: 1",
        "BTCUSDT 00:00:00.0 buy LIMIT_MAKER 2.5 59000 SENT entry",
        "go on flashcrash run --resume s1",
    ):
        assert words in shown, words
    assert f"flashcrash run --resume s1 --db {database}" in text_of("show", "s1", "--db", database)
    document = json.loads(text_of("show", "s1", "--json"))
    assert document["stats"]["pnl_net"] is None
    assert "unknown" not in _flat(text_of("list"))
    assert "+0.00+?" in _flat(text_of("list"))


def test_why_a_session_ended(keep: Make, text_of: Callable[..., str]) -> None:
    """The stored failure, the reason of a halt and every warning of the report are shown as they are, brackets included."""
    keep("s1", "failed", _audit("failed", "DataError: [red]tape[/] ends at byte 7"))
    assert "failure DataError: [red]tape[/] ends at byte 7" in _flat(text_of("show", "s1"))
    keep(
        "s2", "halted", report={"halted": "drawdown", "warnings": ["[b]1 gap[/]"], "pnl_net": -5, "equity_end": 9995, "trades": []}
    )
    shown = _flat(text_of("show", "s2"))
    assert "halted by risk: drawdown" in shown
    assert "! [b]1 gap[/]" in shown
    assert "--resume" not in shown
    keep("s3", "halted", _audit("halt", "max drawdown"))
    assert "halted by risk: max drawdown" in _flat(text_of("show", "s3"))


def test_the_context_of_the_numbers(keep: Make, text_of: Callable[..., str]) -> None:
    """Input, files, grade of the data, period, profile, seed, fill model and fees stand above the result."""
    report = {"input": "two captures", "fill_model": "M2", "pnl_net": 0, "equity_end": 10_000, "trades": []}
    tapes = {"tapes": [{"path": "/data/one.gz"}, {"path": "/data/two.gz"}]}
    keep("s1", "done", _audit("note", ""), report=report, inputs=tapes, data_tier="L2")
    shown = _flat(text_of("show", "s1"))
    for words in (
        "input two captures file /data/one.gz file /data/two.gz",
        "data L2, BTCUSDT, POLUSDT",
        "period 1970-01-02 00:00:00 to 1970-01-02 00:00:00 UTC (first and last fact recorded)",
        "run as paper, profile robust, seed 7",
        "fills simulated, model M2; fees maker 7.5 bp, taker 10 bp",
    ):
        assert words in shown, words
    assert "SYNTHETIC" not in shown
    keep("s2", "done", report=report)
    assert "SYNTHETIC (made by this program: not evidence of anything)" in _flat(text_of("show", "s2"))
    data = {"BTCUSDT": {"first_us": 1_000_000, "last_us": 2_000_000}, "POLUSDT": {"first_us": None, "last_us": _DAY}}
    keep("s4", "done", report=report | {"data": data})
    assert "period 1970-01-01 00:00:01 to 1970-01-02 00:00:00 UTC run as" in _flat(text_of("show", "s4"))
    keep("s3", "crashed", inputs={"feed": None, "tapes": [{"path": "/data/one.gz"}]})
    assert "input /data/one.gz data" in _flat(text_of("show", "s3"))


def test_trades_keep_their_digits(keep: Make, text_of: Callable[..., str], trade: Make) -> None:
    """Long prices and sums fit 80 columns uncut, a day is written where it begins, and what is left out is counted."""
    long = {"entry_ticks": 11_234_567.0, "exit_ticks": 11_134_501.25, "qty_lots": 12_345_678, "pnl_minor": -12_345_67 * 10**8}
    trades = [
        trade(
            seq=n,
            entry_us=_DAY * (1 + n // 20) + n * 10**6,
            exit_us=_DAY * (1 + n // 20) + (n + 20) * 10**6,
            fee_minor=123_456 * 10**8,
            exit_reason="stop_loss",
            **long,
        )
        for n in range(33)
    ]
    keep("s1", "done", *trades)
    text = _narrow(text_of("show", "s1"))
    for words in (
        "112345.7",
        "111345",
        "123.45678",
        "1,234.56",
        "-12,345.67",
        "stop_loss",
        "1970-01-02",
        "1970-01-03",
        "Trades: 33",
    ):
        assert words in text, words
    assert sum("stop_loss" in line and "112345.7" in line for line in text.splitlines()) == 30
    assert "3 more; --out DIR writes all to files, --json lists all" in text


def test_tables_of_several_symbols(keep: Make, text_of: Callable[..., str], trade: Make) -> None:
    """Each symbol has its own table under its name, with small prices in full."""
    keep("s1", "done", trade(), trade(seq=10, symbol="POLUSDT", entry_ticks=2345.25, exit_ticks=2400.0))
    lines = [line.split() for line in text_of("show", "s1").partition("Trades: 2")[2].splitlines()]
    assert lines.index(["BTCUSDT"]) < lines.index(["POLUSDT"])
    assert any("0.234525" in line and "0.24" in line for line in lines)


def test_the_list_fits(keep: Make, text_of: Callable[..., str], trade: Make, fill: Make) -> None:
    """The longest values of every column fit 80 columns, in two lines where need be; short ones take one line."""
    keep("20261122T163917-da3d", "done", trade(), symbols=("BTCUSDT",))
    text = _narrow(text_of("list"))
    assert "20261122T163917-da3d done paper BTCUSDT robust SYNTHETIC 1 0 +5.00" in _flat(text)
    many = ("BTCUSDT", "1000SATSUSDT", "POLUSDT", "ATOMUSDT", "ETHUSDT")
    keep("20261122T163918-da3e", "interrupted", trade(pnl_minor=-123_456_78 * 10**8), mode="backtest", symbols=many)
    keep("20261122T163919-da3f", "crashed", fill(notional_minor=400), trade(pnl_minor=-123_456_78 * 10**8), mode="backtest")
    text = _narrow(text_of("list"))
    for words in ("20261122T163918-da3e interrupted backtest", "1000SATSUSDT", "+2 more", "SYNTHETIC", "-123,456.78+?"):
        assert words in _flat(text), words


@pytest.mark.parametrize(("columns", "width"), [(None, 80), ("120", 120), ("40", 80), ("wide", 80)])
def test_width_of_a_pipe(monkeypatch: pytest.MonkeyPatch, columns: str | None, width: int) -> None:
    """COLUMNS sets the width of redirected output, 80 is the default and the least."""
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    assert session_console().width == width


def test_what_cannot_fit_gets_longer(tmp_path: Path) -> None:
    """On a console too narrow for an id and a sum the line is longer, not cut."""
    names = {"mode": "paper", "status": "done", "symbols": ["BTCUSDT"], "profile": "p", "data_tier": "L2"}
    row = names | {"id": "2" * 40, "trades": 1, "open_positions": 0, "pnl_net": -1234567.891, "pnl_realised": 0}
    with (tmp_path / "out.txt").open("w+", encoding="utf-8") as file:
        show_list(Console(file=file, width=30), {"sessions": [row], "total": 1})
        file.seek(0)
        text = file.read()
    assert "2" * 40 in text
    assert "-1,234,567.89" in text

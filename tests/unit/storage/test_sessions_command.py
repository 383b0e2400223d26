"""``flashcrash sessions list`` and ``show`` on a real database."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flashcrash_core.api import ScoreRecord, StorageError, TransitionRecord, UsageError
from flashcrash_core.cli.sessions import app
from flashcrash_core.runtime import launch
from flashcrash_storage.sqlite import SqliteConfig, SqliteStore

Make = Callable[..., Any]
_GRID = {"instruments": {"BTCUSDT": {"tick_size": "0.01", "lot_size": "0.00001"}}}
_AT: dict[str, Any] = {"seq": 5, "t_us": 5_000, "symbol": "BTCUSDT"}


@pytest.fixture
def run(
    database: str, monkeypatch: pytest.MonkeyPatch, session: Make, trade: Make, intent: Make, notice: Make, fill: Make
) -> Callable[..., Any]:
    """Run a sessions command against a database with one finished and one running session."""
    store = SqliteStore(SqliteConfig(), database)
    store.begin_session(session("20251010-old", inputs=_GRID))
    records = [
        intent(),
        notice(kind="FILL", state="FILLED", qty_lots=10),
        fill(qty_lots=10),
        fill(side=-1, client_id="c2", qty_lots=10, trade_id=72),
        trade(),
        TransitionRecord(**_AT, source="SLEEP", target="ALERT", reason="[red]3 of 5", evidence={}),
        ScoreRecord(**_AT, total=61.0, refused="[b]score", detail=""),
    ]
    store.write("20251010-old", records)
    store.end_session("20251010-old", status="done", wall_ended="x", decision_hash="abc", summary={})
    store.begin_session(session("20251011-new"))
    store.write("20251011-new", [trade()])
    store.close()

    def open_store(location: str | None = None, **_: object) -> SqliteStore:
        return SqliteStore(SqliteConfig(), location or database)

    monkeypatch.setattr(launch, "open_store", open_store)
    monkeypatch.setenv("COLUMNS", "160")

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception is not None:
            raise result.exception
        return result.stdout

    return invoke


def test_list_as_json(run: Callable[..., str]) -> None:
    """One JSON document, newest first, with exact money as numbers."""
    document = json.loads(run("list", "--json"))
    assert document["schema"] == "flashcrash.sessions/1"
    assert [(s["id"], s["status"], s["trades"], s["pnl_net"]) for s in document["sessions"]] == [
        ("20251011-new", "running", 1, 5),
        ("20251010-old", "done", 1, 5),
    ]


def test_list_for_people(run: Callable[..., str]) -> None:
    """The table names the sessions and marks invented data; --limit says what it left out."""
    text = run("list", "--limit", "1")
    assert "20251011-new" in text
    assert "20251010-old" not in text
    assert "SYNTHETIC" in text
    assert "1 of 2" in text


def test_show_as_json(run: Callable[..., str]) -> None:
    """A prefix finds the session; statistics and trades stand in one document."""
    document = json.loads(run("show", "20251010", "--json"))
    assert document["id"] == "20251010-old"
    assert document["stats"]["win_rate"] == 1.0
    assert document["stats"]["refusals"] == {"[b]score": 1}
    assert document["trades"][0]["exit_price"] == 1.035
    assert document["warnings"] == []


def test_show_for_people(run: Callable[..., str]) -> None:
    """The tables hold the results, and a reason with brackets is text, not markup."""
    text = run("show", "20251010-old")
    for words in (
        "session 20251010-old",
        "win rate",
        "100.0%",
        "max drawdown",
        "[b]score",
        "SLEEP->ALERT",
        "Trades: 1",
        "SYNTHETIC",
    ):
        assert words in text, words


def test_show_writes_files(run: Callable[..., str], tmp_path: Path) -> None:
    """--out writes the three files and names them; without a report the summary is the session's document and says so."""
    text = run("show", "20251010", "--out", str(tmp_path / "out"))
    for name in ("trades.csv", "states.csv", "summary.json"):
        assert f"Wrote {tmp_path / 'out' / name}\n" in text
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert (summary["schema"], summary["stats"]["trades"]) == ("flashcrash.session/1", 1)
    assert json.loads(run("show", "20251010", "--out", str(tmp_path / "out"), "--json"))["exported"][2].endswith("summary.json")
    assert "1.035" in (tmp_path / "out" / "trades.csv").read_text(encoding="utf-8")


def test_show_without_prices(run: Callable[..., str], tmp_path: Path) -> None:
    """A session that holds neither report nor tick size is shown with a warning; its files are refused."""
    document = json.loads(run("show", "last", "--json"))
    assert document["trades"] is None
    assert "cannot give prices of BTCUSDT" in document["warnings"][0]
    with pytest.raises(StorageError, match="cannot give prices"):
        run("show", "last", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_errors_reach_the_command_line(run: Callable[..., str], tmp_path: Path) -> None:
    """An unknown session names the nearest; a mistyped database is refused and not created."""
    with pytest.raises(StorageError, match="nearest: 20251011-new"):
        run("show", "20251011-neu")
    with pytest.raises(UsageError, match="there is no such database"):
        run("list", "--db", str(tmp_path / "typo.db"))
    assert not (tmp_path / "typo.db").exists()


def test_an_empty_database_says_how_to_begin(run: Callable[..., str], tmp_path: Path) -> None:
    """A list of nothing is a sentence, not an empty table."""
    SqliteStore(SqliteConfig(), str(tmp_path / "empty.db")).close()
    assert "No sessions yet" in run("list", "--db", str(tmp_path / "empty.db"))

"""Files of a session: exact numbers, whole files, no formulas."""

import csv
import json
import math
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flashcrash_core.api import Instrument, StorageError, TransitionRecord
from flashcrash_core.runtime.export import export_run, json_document, session_trades, summary_document, trade_objects, write_export
from flashcrash_core.runtime.session_account import instruments_of
from flashcrash_storage.sqlite import SqliteStore

Make = Callable[..., Any]
Open = Callable[..., SqliteStore]
_BTC = Instrument("BTCUSDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _transition(**changes: Any) -> TransitionRecord:
    fields: dict[str, Any] = {"seq": 1, "t_us": 2, "symbol": "BTCUSDT", "source": "SLEEP", "target": "ALERT", "reason": "3 of 5"}
    return TransitionRecord(**(fields | {"evidence": {"C": 3}} | changes))


def test_trades_are_exact_decimals(trade: Make) -> None:
    """Ticks, lots and minor units become prices, quantities and money without a float in between."""
    [row] = trade_objects(
        [trade(entry_ticks=6_000_001.0, exit_ticks=6_000_002.5, qty_lots=3, fee_minor=1, pnl_minor=-5)], {"BTCUSDT": _BTC}
    )
    expected = {
        "entry_price": "60000.01",
        "exit_price": "60000.025",
        "quantity": "0.00003",
        "fees": "0.0000000001",
        "pnl_net": "-0.0000000005",
        "hold_s": "8",
    }
    assert {name: format(row[name], "f") for name in expected} == expected


def test_files(tmp_path: Path, trade: Make) -> None:
    """The three files hold the trades, the changes of state and the summary; a new export replaces the old one."""
    out = tmp_path / "a" / "out"
    trades = trade_objects([trade(pnl_minor=-5, score=math.nan)], {"BTCUSDT": _BTC})
    for summary in ({"old": 1}, {"pnl_net": Decimal("1.10"), "nan": math.nan}):
        paths = write_export(out, trades=trades, transitions=[_transition()], summary=summary)
    assert [path.name for path in paths] == ["trades.csv", "states.csv", "summary.json"]
    assert sorted(os.listdir(out)) == ["states.csv", "summary.json", "trades.csv"]
    assert _rows(out / "trades.csv") == [
        {
            "symbol": "BTCUSDT",
            "entry_us": "1000000",
            "exit_us": "9000000",
            "entry_price": "1",
            "exit_price": "1.035",
            "quantity": "0.0001",
            "fees": "2",
            "pnl_net": "-0.0000000005",
            "exit_reason": "target",
            "score": "",
            "hold_s": "8",
        }
    ]
    [state] = _rows(out / "states.csv")
    assert (state["source"], state["target"], json.loads(state["evidence"])) == ("SLEEP", "ALERT", {"C": 3})
    assert (out / "summary.json").read_text(encoding="utf-8") == '{\n  "pnl_net": 1.10,\n  "nan": null\n}\n'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_text_is_never_a_formula(tmp_path: Path, text: str) -> None:
    """Texts that a spreadsheet would run are prefixed with a quote."""
    write_export(tmp_path, trades=[], transitions=[_transition(reason=text)], summary={})
    assert _rows(tmp_path / "states.csv")[0]["reason"] == "'" + text


def test_a_failed_export_leaves_the_old_files(tmp_path: Path) -> None:
    """What cannot be encoded or written leaves neither a half file nor a temporary one."""
    write_export(tmp_path, trades=[], transitions=[], summary={"n": 1})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TypeError):
        write_export(tmp_path, trades=[], transitions=[_transition()], summary={"n": object()})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "trades.csv").unlink()
    (tmp_path / "trades.csv").mkdir()
    with pytest.raises(StorageError, match=r"cannot write .*--out"):
        write_export(tmp_path, trades=[], transitions=[], summary={})
    assert sorted(os.listdir(tmp_path)) == ["states.csv", "summary.json", "trades.csv"]


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    """--out that names a file is refused with the name."""
    (tmp_path / "f").touch()
    with pytest.raises(StorageError, match=r"cannot write .*/f"):
        write_export(tmp_path / "f", trades=[], transitions=[], summary={})


def test_instruments_come_from_the_session(session: Make) -> None:
    """What the run resolved wins over the configuration; a symbol in neither is left out; floats mean their shortest text."""
    record = session(
        inputs={"instruments": {"BTCUSDT": {"tick_size": "0.10", "lot_size": 0.001, "kind": "usdm"}}},
        config={"instruments": {"BTCUSDT": {"tick_size": "1", "lot_size": "1"}}},
    )
    found = instruments_of(record)
    assert list(found) == ["BTCUSDT"]
    assert (found["BTCUSDT"].tick_size, found["BTCUSDT"].lot_size) == (Decimal("0.10"), Decimal("0.001"))


@pytest.mark.parametrize("entry", [{"tick_size": "x", "lot_size": "1"}, {"tick_size": "-1", "lot_size": "1"}])
def test_a_broken_instrument_is_reported(session: Make, entry: dict[str, Any]) -> None:
    """An instrument in the row that cannot be built names session and symbol."""
    with pytest.raises(StorageError, match=r"session .* instrument BTCUSDT"):
        instruments_of(session(inputs={"instruments": {"BTCUSDT": entry}}))


def test_trades_come_from_the_report_or_the_rows(opened: Open, session: Make, trade: Make) -> None:
    """A finished run's report has the trades; without one the rows and the instrument give them, else it is an error."""
    store = opened()
    grid = {"BTCUSDT": {"tick_size": "0.01", "lot_size": "0.00001"}}
    for name, inputs in (("with", {"instruments": grid}), ("without", {})):
        store.begin_session(session(name, inputs=inputs))
        store.write(name, [trade()])
    assert session_trades(store, store.session("without"), {"trades": [{"symbol": "X"}]}) == [{"symbol": "X"}]
    assert session_trades(store, store.session("with"), {})[0]["exit_price"] == Decimal("1.035")
    with pytest.raises(StorageError, match="cannot give prices of BTCUSDT"):
        session_trades(store, store.session("without"), {})


def test_export_of_a_run(tmp_path: Path, opened: Open, session: Make) -> None:
    """A run's export takes the trades of its report and the changes of state of its rows; report and statistics are the summary."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [_transition()])
    report = {"trades": [{"symbol": "BTCUSDT", "pnl_net": Decimal("-1.5"), "exit_reason": "stop"}], "pnl_net": Decimal("-1.5")}
    export_run(store, "s1", report | {"session_db": "here.db"}, tmp_path / "out")
    assert _rows(tmp_path / "out" / "trades.csv")[0]["pnl_net"] == "-1.5"
    assert len(_rows(tmp_path / "out" / "states.csv")) == 1
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["pnl_net"] == -1.5
    assert summary["stats"]["transitions"] == {"SLEEP->ALERT": 1}
    assert "session_db" not in summary


def test_a_stored_report_gives_the_same_files(tmp_path: Path, opened: Open, session: Make) -> None:
    """Right after the run, with decimals, and later from the database, with floats, the files are the same."""
    store = opened()
    store.begin_session(session("s1"))
    trade = {"symbol": "BTCUSDT", "quantity": Decimal("0.00001"), "pnl_net": Decimal("-0.5"), "score": 71.0, "hold_s": 2.0}
    report = {"trades": [trade], "pnl_net": Decimal("-0.5"), "equity_end": Decimal("9999.5"), "warnings": []}
    store.end_session("s1", status="done", wall_ended="x", decision_hash="", summary=json.loads(json_document(report)))
    export_run(store, "s1", report, tmp_path / "run")
    stored = store.session("s1")
    trades = session_trades(store, stored, stored.summary)
    write_export(tmp_path / "show", trades=trades, transitions=[], summary=summary_document(store, stored, stored.summary))
    assert "0.00001" in (tmp_path / "run" / "trades.csv").read_text(encoding="utf-8")
    assert (tmp_path / "run" / "trades.csv").read_bytes() == (tmp_path / "show" / "trades.csv").read_bytes()
    one, other = (json.loads((tmp_path / name / "summary.json").read_bytes()) for name in ("run", "show"))
    assert one == other
    assert one["stats"]["pnl_net"] == -0.5


def test_json_numbers_are_exact() -> None:
    """Decimals are printed as JSON numbers with all their digits."""
    assert json_document({"a": Decimal("1234567890.1234567890")}) == b'{\n  "a": 1234567890.1234567890\n}\n'

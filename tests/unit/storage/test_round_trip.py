"""What goes into the database comes out of it, readable for people in between."""

import math
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from flashcrash_core.api import (
    AuditRecord,
    FaultRecord,
    FillRecord,
    IntentRecord,
    NoticeRecord,
    OrderState,
    OrderType,
    Record,
    ScoreRecord,
    Side,
    SnapshotRecord,
    StorageError,
    TradeRecord,
    TransitionRecord,
)
from flashcrash_storage.codec import TABLES
from flashcrash_storage.sqlite import SqliteStore

Open = Callable[..., SqliteStore]
Make = Callable[..., Any]
_AT: dict[str, Any] = {"seq": 5, "t_us": 5_000, "symbol": "BTCUSDT"}


def _columns(database: str, table: str) -> set[str]:
    connection = sqlite3.connect(database)
    try:
        return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    finally:
        connection.close()


def test_every_record_kind_comes_back_equal(
    opened: Open, session: Make, intent: Make, notice: Make, fill: Make, trade: Make
) -> None:
    """Each record class is read back as it was written, by another connection, after a commit."""
    records: list[Record] = [
        intent(side=-1, reduce_only=True, reason='it\'s a "stop" \u20ac'),
        notice(kind="FILL", state="PARTIAL", maker=True, fee_minor=-3, trade_id=2**62),
        fill(notional_minor=2**63 - 1),
        trade(pnl_minor=-1),
        TransitionRecord(**_AT, source="SLEEP", target="ALERT", reason="3 of 5", evidence={"fired": ["spread"], "n": 3, "k": None}),
        ScoreRecord(**_AT, total=61.5, refused="score", detail="61.5 < 65"),
        AuditRecord(**_AT, kind="halt", message="equity"),
        FaultRecord(
            **_AT, stage="scorer", name="weighted", call="score 2", kind="raised", message="KeyError: 'x'", quarantined=True
        ),
    ]
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", records)
    store.commit()
    other = opened()
    assert [other.read("s1", type(record)) for record in records] == [[record] for record in records]
    assert {type(record) for record in records} == set(TABLES)


def test_session_comes_back_equal(opened: Open, session: Make) -> None:
    """A session row keeps every field, nested configuration included."""
    wanted = session("s1", config={"a": {"b": [1, 2.5, "x", None, True]}}, equity_start_minor=123)
    opened().begin_session(wanted)
    assert opened().session("s1") == wanted


def test_end_session_fills_the_row(opened: Open, session: Make) -> None:
    """Ending writes status, time, hash and summary and leaves the rest."""
    store = opened()
    store.begin_session(session("s1"))
    store.end_session("s1", status="done", wall_ended="2025-10-10T22:00:00Z", decision_hash="abc", summary={"trades": 2})
    ended = {"status": "done", "wall_ended": "2025-10-10T22:00:00Z", "decision_hash": "abc", "summary": {"trades": 2}}
    assert opened().session("s1") == msgspec.structs.replace(session("s1"), **ended)


def test_nan_survives(opened: Open, session: Make, trade: Make) -> None:
    """A NaN score is NULL in the table and NaN again when read."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [ScoreRecord(**_AT, total=math.nan, refused="volume", detail=""), trade(score=math.nan)])
    assert math.isnan(store.read("s1", ScoreRecord)[0].total)
    assert math.isnan(store.read("s1", TradeRecord)[0].score)


def test_enumerations_become_plain_values(opened: Open, session: Make, intent: Make) -> None:
    """Side and order type enumerations are stored as the number and the text they stand for."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [intent(side=Side.SELL, type=OrderType.LIMIT_IOC)])
    read = store.read("s1", IntentRecord)[0]
    assert (type(read.side), read.side, type(read.type), read.type) == (int, -1, str, "LIMIT_IOC")


def test_plain_data_of_the_run_fits_into_json(opened: Open, session: Make) -> None:
    """Evidence may hold NaN, decimals and tuples: it is stored as JSON text and NaN becomes null."""
    store = opened()
    store.begin_session(session("s1"))
    evidence = {"nan": math.nan, "money": Decimal("1.50"), "pair": (1, 2)}
    store.write("s1", [TransitionRecord(**_AT, source="SLEEP", target="ALERT", reason="", evidence=evidence)])
    assert store.read("s1", TransitionRecord)[0].evidence == {"nan": None, "money": "1.50", "pair": [1, 2]}


@pytest.mark.parametrize("evidence", [{"x": object()}, {"x": "\ud800"}])
def test_what_is_not_plain_data_is_refused_and_undoes_nothing(opened: Open, session: Make, intent: Make, evidence: Any) -> None:
    """A record that cannot be coded is named in the error, and what was written before it can still be committed."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [intent()])
    with pytest.raises(StorageError, match="evidence cannot be stored"):
        store.write("s1", [TransitionRecord(**_AT, source="a", target="b", reason="", evidence=evidence)])
    store.commit()
    assert len(opened().read("s1", IntentRecord)) == 1


def test_read_orders_by_seq_then_by_writing(opened: Open, session: Make, intent: Make) -> None:
    """Records come in order of seq; of one seq in the order they were written."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [intent(seq=4, client_id="b"), intent(seq=4, client_id="a")])
    store.write("s1", [intent(seq=2, client_id="c")])
    assert [record.client_id for record in store.read("s1", IntentRecord)] == ["c", "b", "a"]


def test_sessions_do_not_mix(opened: Open, session: Make, fill: Make) -> None:
    """Two sessions may hold the same client and trade ids; each reads its own."""
    store = opened()
    for name, lots in (("s1", 1), ("s2", 2)):
        store.begin_session(session(name))
        store.write(name, [fill(qty_lots=lots)])
    assert [[record.qty_lots for record in store.read(name, FillRecord)] for name in ("s1", "s2")] == [[1], [2]]


def test_tables_have_a_column_for_each_field(opened: Open, database: str) -> None:
    """Columns are the fields of the record, under the same names, plus id and session."""
    opened()
    for record, table in TABLES.items():
        fields = {field.name for field in msgspec.structs.fields(record)}
        assert _columns(database, table.name) == fields | {"id", "session"}


def test_snapshots_keep_the_newest_few(opened: Open, session: Make) -> None:
    """Beyond keep_snapshots the oldest snapshots of the same session go, and the newest is the one returned."""
    store = opened(keep_snapshots=2)
    for name in ("s1", "s2"):
        store.begin_session(session(name))
        assert store.latest_snapshot(name) is None
        for seq in (10, 20, 30):
            store.save_snapshot(name, SnapshotRecord(seq=seq, t_us=seq * 7, payload=bytes([seq, 0, 255])))
    assert store.latest_snapshot("s1") == SnapshotRecord(seq=30, t_us=210, payload=bytes([30, 0, 255]))
    kept = store._connection.execute("SELECT session, seq FROM snapshots ORDER BY session, seq").fetchall()
    assert kept == [("s1", 20), ("s1", 30), ("s2", 20), ("s2", 30)]


def _order(store: SqliteStore) -> tuple[Any, ...]:
    query = "SELECT side, state, filled_lots, average_ticks, fee_minor, updated_us, last_word FROM orders WHERE client_id = 'c1'"
    row: tuple[Any, ...] = store._connection.execute(query).fetchone()
    return row


def test_orders_show_the_current_state(opened: Open, session: Make, intent: Make, notice: Make) -> None:
    """The orders table follows intents and notices: state, filled lots, average price, fees and the last word."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [intent()])
    assert _order(store) == ("BUY", OrderState.INTENT, 0, None, 0, 1_000, "")
    first = notice(seq=3, t_us=3_000, kind="FILL", state="PARTIAL", price_ticks=100, qty_lots=4, fee_minor=5, trade_id=1)
    store.write("s1", [notice(), first])
    assert _order(store) == ("BUY", "PARTIAL", 4, 100.0, 5, 3_000, "FILL")
    store.write("s1", [intent(seq=4, t_us=4_000, kind="cancel", reason="deadline")])
    assert _order(store) == ("BUY", "CANCELLING", 4, 100.0, 5, 4_000, "cancel deadline")
    rest = notice(seq=6, t_us=6_000, kind="FILL", state="FILLED", price_ticks=110, qty_lots=6, fee_minor=7, trade_id=2)
    store.write("s1", [rest])
    assert _order(store) == ("BUY", "FILLED", 10, 106.0, 12, 6_000, "FILL")


def test_a_repeated_fill_counts_once_in_orders(opened: Open, session: Make, intent: Make, notice: Make) -> None:
    """A venue that sends a fill twice, in one batch or later, does not double the order's filled lots; both notices are kept."""
    store = opened()
    store.begin_session(session("s1"))
    filled = notice(kind="FILL", state="PARTIAL", price_ticks=100, qty_lots=4, fee_minor=5, trade_id=1)
    store.write("s1", [intent(), filled, filled])
    store.write("s1", [filled])
    assert _order(store)[2:5] == (4, 100.0, 5)
    assert len(store.read("s1", NoticeRecord)) == 3


@pytest.mark.parametrize("state", ["UNKNOWN", "FILLED", "REJECTED"])
def test_a_cancel_does_not_reopen_an_order(opened: Open, session: Make, intent: Make, notice: Make, state: str) -> None:
    """A cancel of an order of unknown fate, or of an ended one, leaves its state."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [intent(), notice(state=state), intent(seq=3, kind="cancel")])
    assert _order(store)[1] == state

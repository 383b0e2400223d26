"""When the database cannot take a row: a clear error, the open transaction undone, the committed rows kept."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from flashcrash_core.api import AuditRecord, FillRecord, IntentRecord, Record, SnapshotRecord, StorageError, TradeRecord
from flashcrash_storage.faults import explain
from flashcrash_storage.sqlite import SqliteStore

Open = Callable[..., SqliteStore]
Make = Callable[..., Any]


def _audit(seq: int, message: str) -> AuditRecord:
    return AuditRecord(seq=seq, t_us=seq, symbol="BTCUSDT", kind="note", message=message)


def test_a_full_database_keeps_what_was_committed(opened: Open, session: Make, intent: Make) -> None:
    """When no page is left the error says so, the batch is undone, and smaller writes go on once there is room again."""
    store = opened(max_pages=60)
    store.begin_session(session("s1"))
    store.write("s1", [intent()])
    store.commit()
    with pytest.raises(StorageError, match=r"the disk \(or the page limit\) is full; everything committed before is kept"):
        store.write("s1", [_audit(seq, "x" * 1000) for seq in range(2, 1000)])
    store.end_session("s1", status="failed", wall_ended="", decision_hash="", summary={})
    other = opened()
    assert len(other.read("s1", IntentRecord)) == 1
    assert other.read("s1", AuditRecord) == []
    assert other.session("s1").status == "failed"


def test_a_database_locked_by_another_writer_says_so(opened: Open, session: Make, intent: Make) -> None:
    """A second writer gives up after busy_timeout_ms and names the lock; the first is not disturbed."""
    first, second = opened(), opened(busy_timeout_ms=20)
    first.begin_session(session("s1"))
    first.write("s1", [intent()])
    with pytest.raises(StorageError, match="is locked by another process"):
        second.begin_session(session("s2"))
    first.commit()
    second.begin_session(session("s2"))
    assert [found.id for found in second.sessions()] == ["s2", "s1"]


def test_a_reader_sees_committed_rows_only_and_blocks_nobody(opened: Open, session: Make, intent: Make) -> None:
    """While one writes, another opens and reads the last commit; neither waits for the other."""
    writer = opened(busy_timeout_ms=20)
    writer.begin_session(session("s1"))
    writer.write("s1", [intent()])
    writer.commit()
    writer.write("s1", [intent(seq=2, client_id="c2")])
    reader = opened(busy_timeout_ms=20)
    assert [record.client_id for record in reader.read("s1", IntentRecord)] == ["c1"]
    reader._connection.execute("BEGIN")
    assert len(reader.read("s1", IntentRecord)) == 1
    writer.commit()
    writer.write("s1", [intent(seq=3, client_id="c3")])
    writer.commit()
    assert len(reader.read("s1", IntentRecord)) == 1
    reader._connection.execute("COMMIT")
    assert len(reader.read("s1", IntentRecord)) == 3


def test_a_fill_is_stored_once(opened: Open, session: Make, fill: Make) -> None:
    """The same fill twice in a session is refused, the open transaction is undone, and the store goes on."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [fill()])
    store.commit()
    store.write("s1", [_audit(1, "lost with the batch")])
    with pytest.raises(StorageError, match=r"UNIQUE constraint failed: fills\.session, fills\.client_id, fills\.trade_id"):
        store.write("s1", [fill()])
    store.commit()
    store.write("s1", [fill(trade_id=72)])
    store.commit()
    assert [record.trade_id for record in opened().read("s1", FillRecord)] == [71, 72]
    assert store.read("s1", AuditRecord) == []


def test_a_client_id_is_used_once(opened: Open, session: Make, intent: Make) -> None:
    """A second submit under one client id is a defect and is refused."""
    store = opened()
    store.begin_session(session("s1"))
    with pytest.raises(StorageError, match=r"orders\.client_id"):
        store.write("s1", [intent(), intent(seq=2)])


def test_a_number_that_does_not_fit_is_refused(opened: Open, session: Make, trade: Make) -> None:
    """An integer beyond 64 bits is refused with the store's error."""
    store = opened()
    store.begin_session(session("s1"))
    with pytest.raises(StorageError, match="cannot hold a value"):
        store.write("s1", [trade(pnl_minor=2**63)])
    assert store.read("s1", TradeRecord) == []


def test_a_wrong_type_in_a_record_names_the_field(opened: Open, session: Make, trade: Make) -> None:
    """A record is not checked when it is made; the codec names record, seq and field."""
    store = opened()
    store.begin_session(session("s1"))
    with pytest.raises(StorageError, match="TradeRecord of seq 9: qty_lots = 'many'"):
        store.write("s1", [trade(qty_lots="many")])


def test_a_session_id_is_used_once(opened: Open, session: Make) -> None:
    """A second session of the same id is refused and the first one kept."""
    store = opened()
    store.begin_session(session("s1"))
    with pytest.raises(StorageError, match="session s1 exists already"):
        store.begin_session(session("s1", profile="seed"))
    assert store.session("s1").profile == "robust"


def test_an_unknown_session_takes_nothing(opened: Open, session: Make, intent: Make) -> None:
    """Writing to, ending, reading or snapshotting a session that was never begun is an error that names the nearest one."""
    store = opened()
    store.begin_session(session("s1"))
    with pytest.raises(StorageError, match=r"no session 's2'.*nearest: s1"):
        store.write("s2", [intent()])
    with pytest.raises(StorageError, match="no session 's2'"):
        store.end_session("s2", status="done", wall_ended="", decision_hash="", summary={})
    with pytest.raises(StorageError, match="no session 's2'"):
        store.read("s2", IntentRecord)
    with pytest.raises(StorageError, match="FOREIGN KEY"):
        store.save_snapshot("s2", SnapshotRecord(seq=1, t_us=1, payload=b""))


def test_a_failed_question_does_not_undo_writes(opened: Open, session: Make, intent: Make) -> None:
    """Asking for a session that does not exist leaves the open transaction as it is."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [intent()])
    with pytest.raises(StorageError):
        store.session("nope")
    store.commit()
    assert len(opened().read("s1", IntentRecord)) == 1


def test_a_kind_without_a_table_is_refused(opened: Open, session: Make) -> None:
    """A record class that the store does not know is refused both ways."""

    class Odd(Record, frozen=True, kw_only=True):
        pass

    store = opened()
    store.begin_session(session("s1"))
    with pytest.raises(StorageError, match="no table for Odd"):
        store.write("s1", [Odd(seq=1, t_us=1, symbol="X")])
    with pytest.raises(StorageError, match="no table for Odd"):
        store.read("s1", Odd)


def test_close_commits_and_may_be_repeated(opened: Open, session: Make, intent: Make) -> None:
    """Closing commits what was written; a second close does nothing; a closed store answers with its own error."""
    store = opened()
    store.begin_session(session("s1"))
    store.write("s1", [intent()])
    store.close()
    store.close()
    assert len(opened().read("s1", IntentRecord)) == 1
    with pytest.raises(StorageError, match="closed"):
        store.sessions()


def test_json_edited_by_hand_is_reported(opened: Open, session: Make) -> None:
    """A row whose JSON text was broken by hand is reported as such."""
    store = opened()
    store.begin_session(session("s1"))
    store._connection.execute("UPDATE sessions SET config = '{'")
    with pytest.raises(StorageError, match="cannot be read"):
        store.session("s1")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_IOERR_FSYNC, "I/O error"),
        (sqlite3.SQLITE_FULL, "full"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "read-only"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"),
        (sqlite3.SQLITE_CORRUPT_VTAB, "damaged"),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, "cannot be opened"),
        (sqlite3.SQLITE_MISUSE, "please report"),
    ],
)
def test_every_sqlite_error_has_words(code: int, words: str) -> None:
    """Extended codes map by their primary code; the message holds what was done, where, and the way out."""
    error = sqlite3.OperationalError("boom")
    error.sqlite_errorcode = code
    error.sqlite_errorname = "NAME"
    message = str(explain(error, "/data/x.db", "cannot commit"))
    assert message.startswith("cannot commit: database /data/x.db ")
    assert words in message
    assert message.endswith("(NAME: boom)")
